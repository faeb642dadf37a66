"""From a form to its act: who does it, what is read, and what the page says above its fields."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask_babel import gettext

from cellbank.domain.actor import Actor, OneTime
from cellbank.domain.blind import SAID_WHEN_DONE
from cellbank.domain.entering import whole_number
from cellbank.domain.lifecycle.table import asks_password, is_signed
from cellbank.domain.question import Question
from cellbank.domain.refusals import Code
from cellbank.services.acts import Malformed, Outcome, Problem, RegisteredAct, keep_refusal, run_act
from cellbank.services.signing.to_sign import ToSign
from cellbank.web.forms import OF_THE_SECOND, fields_of, place_problem, shown_paths
from cellbank.web.reading import doubtful_times, read
from cellbank.web.reasons import reason
from cellbank.web.session import asks_both, note_signature, place
from cellbank.web.session_pages import proved, why_not
from cellbank.web.shell import DOOR, client, say, the_actor, the_installation
from cellbank.web.to_sign import content_of, foreseen, unseen_problem
from cellbank.web.told import said_again
from cellbank.web.verdict import About, Verdict, verdict_of

NOT_SIGNED = {Code.SIGNATURE_NEEDED, Code.SIGNATURE_WRONG, Code.PASSWORD_WAITS, Code.ACCOUNT_LOCKED}
SECOND_NAME, SECOND_PASSWORD, SECOND_CODE = OF_THE_SECOND


@dataclass(frozen=True)
class Asked:
    """A question that one click answers, under the sentence that asks it."""

    sentence: str
    question: Question


@dataclass
class Answer:
    """What the page says above its form."""

    outcome: Outcome | None = None
    checked: bool = False
    problems: tuple[tuple[str, str], ...] = ()
    typed: str = ""  # a name that was typed without proof: it was judged as the person who is signed in
    unsigned: bool = False  # all but the signature was right; its key has an answer now
    questions: tuple[Asked, ...] = ()  # what one click answers
    content: ToSign | None = None  # what a signature of whoever does it would cover
    unlooked: str = ""  # what this check has not looked at

    @property
    def verdict(self) -> Verdict:
        """What the page may say. With a problem beside it nothing was judged."""
        about = (About.IN_PART if self.unlooked else About.RECORDABLE) if self.checked else About.DONE
        return verdict_of(about, None if self.problems else self.outcome, what=say(self.unlooked))

    @property
    def status(self) -> int:
        """The status of the page: 422 malformed, 409 refused, as the API's."""
        if self.problems:
            return 422
        return 409 if self.outcome and not self.outcome.accepted else 200


@dataclass(frozen=True)
class Performer:
    """Who does the act: the person who is signed in, or another one with name and password. Or what is wrong."""

    actor: Actor
    credentials: dict[str, str] = field(default_factory=dict)  # of a signature, as its input names them
    problems: tuple[tuple[str, str], ...] = ()
    where: str = ""
    continued: bool = False  # they have signed in this session
    typed: str = ""  # somebody else's name, typed and not proved: nothing bears it
    once: OneTime | None = None  # the one-time code that has just proved them


def key_of(values: dict[str, list[str]]) -> str | None:
    """What makes a second sending of the form the same request."""
    keys = values.get("key")
    return keys[0] if keys else None


def attempt(registered: RegisteredAct, values: dict[str, list[str]], *, dry_run: bool) -> Answer:
    """Read the form and run the act, or only judge it."""
    fields = fields_of(registered.input)
    given = read(fields, values, the_installation().zone)
    who = performer(values, dry_run)
    checked = foreseen(registered.name, given, who.actor)
    content = content_of(registered.name, fields, values, who.actor, checked)
    unseen = [] if dry_run or (checked and not checked.accepted) else unseen_problem(content, values)
    problems = [*who.problems, *unseen, *_unsigned(registered.name, who, dry_run)]
    doubtful = list(doubtful_times(fields, values, the_installation().zone))
    if problems or doubtful:
        return replace(_malformed(fields, values, doubtful, problems), typed=who.typed, content=content)
    if checked and not checked.accepted and not dry_run:  # what it would sign has stood on no page: it is not tried
        key, client = key_of(values), client_of(who)
        kept = keep_refusal(
            the_installation(), registered.name, given, checked, who.actor, door=DOOR, key=key, client=client
        )
        return Answer(kept, typed=who.typed)
    if asks_password(registered.name):
        given.update(who.credentials if is_signed(registered.name) else _without_name(who.credentials))
    try:
        outcome = run_act(
            the_installation(),
            registered.name,
            given,
            who.actor,
            door=DOOR,
            client=client_of(who),
            dry_run=dry_run,
            key=key_of(values),
            continued=who.continued,
            once=who.once,
            place=place(client_of(who)) if asks_password(registered.name) else None,
        )
    except Malformed as malformed:
        return _malformed(fields, values, malformed.problems)
    if outcome.accepted and not dry_run and is_signed(registered.name) and who.actor.id == the_actor().id:
        note_signature()
    if not outcome.accepted and all(refusal.code in NOT_SIGNED for refusal in outcome.refusals):
        # A mistyped password is no refusal of what was to be signed: it stands beside its field, to be typed again.
        return Answer(problems=tuple((who.where, reason(one)["detail"]) for one in outcome.refusals), unsigned=True)
    asked = tuple(Asked("", refusal.asks) for refusal in outcome.refusals if refusal.asks)
    later = SAID_WHEN_DONE.get(registered.name)
    unlooked = later.what if later and dry_run else ""
    return Answer(outcome, checked=dry_run, typed=who.typed, questions=asked, content=content, unlooked=unlooked)


def _malformed(
    fields: tuple[Any, ...], values: dict[str, list[str]], found: list[Problem], others: Sequence[tuple[str, str]] = ()
) -> Answer:
    """What is wrong beside the fields that show it, and what is asked, where it is one click."""
    paths = shown_paths(fields, values)
    asked = tuple(Asked(said_again(item.message), item.asks) for item in found if item.asks and item.asks.choices)
    placed = (_placed(item.field, said_again(item.message), paths) for item in found)
    return Answer(problems=(*others, *placed), questions=asked)


def _unsigned(name: str, who: Performer, dry_run: bool) -> list[tuple[str, str]]:
    """What is missing of a signature."""
    if dry_run or who.problems or not asks_password(name):
        return []
    missing = []
    if is_signed(name) and not who.credentials.get("signer") and not who.continued:
        missing.append(("signer", gettext("This is the first signature of this session: give your sign-in name too.")))
    if not who.credentials.get("password"):
        asks = gettext("This is signed: give the password.") if is_signed(name) else gettext("Give the password.")
        missing.append((who.where, asks))
    return missing


def _without_name(credentials: dict[str, str]) -> dict[str, str]:
    """What proves somebody where nothing is signed."""
    return {name: value for name, value in credentials.items() if name != "signer"}


def _placed(where: str, message: str, paths: list[str]) -> tuple[str, str]:
    """A problem beside the field that shows it. One item of a list of scans is named by its number."""
    path = place_problem(where, paths)
    rest = where[len(path) :].strip(".").split(".")[0]
    if path and rest.startswith("row "):
        return path, _in_the_sheet(where[len(path) :].strip("."), say(message))
    number = whole_number(rest)
    if path and number is not None:
        return path, gettext("No. %(number)s: %(message)s", number=number + 1, message=say(message))
    return (path, say(message)) if path else ("", f"{where}: {say(message)}")


def _in_the_sheet(place: str, message: str) -> str:
    """A problem of a sheet by its row and column: 'row 7.unit'."""
    row, _, column = place.removeprefix("row ").partition(".")
    if column:
        return gettext("Row %(row)s, column %(column)s: %(message)s", row=row, column=column, message=message)
    return gettext("Row %(row)s: %(message)s", row=row, message=message)


def performer(values: dict[str, list[str]], dry_run: bool) -> Performer:
    """Who does it: the person who is signed in, or another one who proves name (or badge) and password for this act.

    A name that was only typed proves nothing: a check is then judged as the person who is signed in, and says so.
    """
    name, password, code = ((values.get(field) or [""])[0] for field in (SECOND_NAME, SECOND_PASSWORD, SECOND_CODE))
    if not name.strip():
        return _own(values)
    if dry_run and not password:
        own = name.strip().lower() == the_actor().name
        return replace(_own(values), typed="" if own else name.strip()[:60])
    proof = proved(name, password, code)
    if proof.standing is None:
        return Performer(the_actor(), problems=((SECOND_PASSWORD, why_not(proof)),))
    if proof.standing.must_change_password:
        first = gettext("This password must be changed: sign in with it and choose your own before you sign anything.")
        return Performer(the_actor(), problems=((SECOND_PASSWORD, first),))
    both = {"password": password, "signer": proof.standing.actor.name, "one_time_code": code}
    credentials = {name: value for name, value in both.items() if value}
    return Performer(proof.standing.actor, credentials, where=SECOND_PASSWORD, once=None if dry_run else proof.once)


def _own(values: dict[str, list[str]]) -> Performer:
    """The person who is signed in, with what they gave for a signature."""
    given = {name: (values.get(name) or [""])[0] for name in ("password", "signer", "one_time_code")}
    credentials = {name: value for name, value in given.items() if value}
    return Performer(the_actor(), credentials, where="password", continued=not asks_both())


def client_of(who: Performer) -> str:
    """The station; and whose screen it was when another person acted there, or whose name was typed without proof."""
    mine = the_actor()
    if who.typed:
        return f"{client()}, name typed without proof: {who.typed}"
    return client() if who.actor.id == mine.id else f"{client()}, on the screen of {mine.name}"

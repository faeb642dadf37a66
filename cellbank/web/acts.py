"""The one page for every act: its form, the check before it, doing it, and what came of it."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Response, abort, make_response, redirect, render_template, request, session, url_for
from flask_babel import gettext
from werkzeug.datastructures import MultiDict

from cellbank.domain.actor import Actor, OneTime
from cellbank.domain.blind import SAID_WHEN_DONE
from cellbank.domain.entering import whole_number
from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.table import asks_password, is_signed, roles_for, rows_for
from cellbank.domain.question import Question
from cellbank.domain.refusals import Code, Refusal
from cellbank.services.acts import REGISTRY, Malformed, Outcome, Problem, RegisteredAct, keep_refusal, run_act
from cellbank.services.clinic.scanned import scanned
from cellbank.services.finding.missing import NotHere, Unreadable
from cellbank.services.lookup.hints import hints_for
from cellbank.services.lookup.scanning import Card, Command, look_up
from cellbank.services.parsing import check_key
from cellbank.services.performing import outcome_of
from cellbank.services.signing.to_sign import FORESEEN, ToSign
from cellbank.services.trail.history import done
from cellbank.web.blueprint import RESUME, blueprint
from cellbank.web.forms import OF_THE_SECOND, Filled, fields_of, place_problem, rows_in, shown_paths
from cellbank.web.impact import preview
from cellbank.web.reading import doubtful_times, read
from cellbank.web.release import releasable
from cellbank.web.session import asks_both, note_signature, place
from cellbank.web.session_pages import proved, why_not
from cellbank.web.shell import DOOR, a_fact, client, say, say_reason, the_actor, the_installation
from cellbank.web.to_sign import content_of, foreseen, in_order, unseen_problem
from cellbank.web.told import said_again
from cellbank.web.uploads import NoText, uploaded
from cellbank.web.verdict import About, Verdict, aloud, kept_verdict, verdict_of

NOT_SIGNED = {Code.SIGNATURE_NEEDED, Code.SIGNATURE_WRONG, Code.PASSWORD_WAITS, Code.ACCOUNT_LOCKED}
IMPROBABLE = "improbable_because"
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


def the_act(name: str) -> RegisteredAct:
    """The act of a page, or 404."""
    registered = REGISTRY.get(name)
    if registered is None or not registered.has_page:
        abort(404)
    return registered


@blueprint.get("/act/<name>")
def act_page(name: str) -> Any:
    """The empty form, with what the address already says (`?vial=CODE`)."""
    registered = the_act(name)
    return show(registered, {key: request.args.getlist(key) for key in request.args}, Answer())


@blueprint.post("/act/<name>")
def post_act(name: str) -> Any:
    """Check, or do."""
    registered = the_act(name)
    values = {key: request.form.getlist(key) for key in request.form}
    try:
        values.update(uploaded(fields_of(registered.input)))
    except NoText as problem:
        return show(registered, values, Answer(problems=((problem.field, str(problem)),)))
    intent = request.form.get("intent", "do")
    if answered := request.form.get("answer"):
        where, _, value = answered.partition("=")
        values[where], intent = [value], "check"  # what comes of it is seen before it is done
    if intent.startswith("add:"):
        return show(registered, add_row(values, intent.removeprefix("add:")), Answer())
    answer = attempt(registered, values, dry_run=intent == "check")
    outcome = answer.outcome
    if outcome and outcome.accepted and not answer.checked:
        return finished(registered, outcome)
    # A refusal is the stored answer of its key: the next try is another request.
    spent = answer.unsigned or (outcome is not None and not answer.checked)
    return show(registered, values, answer, key=None if spent else request.form.get("key"))


def refill(posted: MultiDict[str, str], name: str) -> Any:
    """The form as it was posted, after somebody unlocked the screen."""
    return show(the_act(name), {key: posted.getlist(key) for key in posted}, Answer())


RESUME["web.post_act"] = refill


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


def add_row(values: dict[str, list[str]], path: str) -> dict[str, list[str]]:
    """One more empty row, for browsers without scripts."""
    numbers = rows_in(values, path) or [0]
    return {**values, f"{path}.{max(numbers) + 1}.": [""]}


def finished(registered: RegisteredAct, outcome: Outcome) -> Any:
    """Go to what came of it. A secret that is told once must be shown now, for nobody keeps it."""
    for told_once, page in (("token", "token.html"), ("handed", "handed.html")):
        if told_once in outcome.result:
            verdict = aloud(verdict_of(About.DONE, outcome))
            return render_template(page, act=registered, outcome=outcome, verdict=verdict)
    if "identity" in outcome.result:
        card = card_of(outcome.result["code"])
        return render_template("identity.html", act=registered, outcome=outcome, card=card)
    return redirect(url_for("web.done_page", number=outcome.act), 303)


@blueprint.get("/done/<int:number>")
def done_page(number: int) -> Any:
    """What came of an act: what it made, and what may be done next."""
    event = done(the_installation(), number, the_actor().id)
    if event is None:
        abort(404)
    verdict = aloud(kept_verdict(event.outcome, event.result.get("warnings", ()), say(event.title)))
    code = event.result.get("code") or event.record_code
    card = card_of(code) if code else None
    card = card and releasable(card)
    again = _again(event.name)
    scans = scanned(the_installation(), event.name, event.given)
    reasons = [{**one, "detail": said_again(one["detail"])} for one in event.refusals]
    return render_template(
        "done.html", event=event, verdict=verdict, reasons=reasons, card=card, again=again, scans=scans
    )


@blueprint.get("/outcome/<path:key>")
def outcome_page(key: str) -> Any:
    """What is true of what was sent with this key when the connection was lost: what came of it, or that it is not
    recorded."""
    check_key(key)
    outcome = outcome_of(the_installation(), the_actor(), key)
    if outcome is not None and outcome.act is not None:
        return redirect(url_for("web.done_page", number=outcome.act), 303)
    return render_template("outcome.html"), 404


def _again(name: str) -> bool:
    """Whether the same act may be offered again."""
    return name in REGISTRY and REGISTRY[name].has_page


def card_of(code: str) -> Card | None:
    """The card of a code, if it is one of a record here."""
    try:
        found = look_up(the_installation(), the_actor(), code)
    except (Unreadable, NotHere):
        return None
    return None if isinstance(found, Command) else found


def show(registered: RegisteredAct, values: dict[str, list[str]], answer: Answer, key: str | None = None) -> Response:
    """The page of an act with this in its fields."""
    fields = fields_of(registered.input)
    hints = hints_for(the_installation(), registered.name, values)
    filled = Filled(fields, {**hints.held, **values}, answer.problems)
    if answer.problems or answer.outcome:
        aloud(answer.verdict)
    allowed, card = roles_for(registered.name), _first_card(fields, values)
    what, about_it = in_order(registered.name, fields)
    checked = foreseen(registered.name, read(fields, values, the_installation().zone), the_actor())
    content = answer.content or content_of(registered.name, fields, values, the_actor(), checked)
    page = render_template(
        "act.html",
        act=registered,
        fields=fields,
        what=what,
        about_it=about_it,
        content=content,
        form=filled,
        blank_form=Filled(fields, {}),
        hints=hints,
        answer=answer,
        reasons=[reason(refusal) for refusal in answer.outcome.refusals] if answer.outcome else [],
        late_reason_needed=answer.outcome is not None and lacks_reason(answer.outcome),
        improbable=filled.value(IMPROBABLE) or (answer.outcome is not None and is_doubted(answer.outcome)),
        key=key or secrets.token_urlsafe(16),
        signed=is_signed(registered.name),
        works_it_out=registered.name in FORESEEN,
        proved=asks_password(registered.name) and not is_signed(registered.name),
        asks_both=asks_both(),
        meanings=tuple(dict.fromkeys(row.meaning.value for row in rows_for(registered.name) if row.meaning)),
        roles=sorted(role.value for role in allowed if role is not Role.SYSTEM),
        mine=bool(allowed & the_actor().roles),
        second_open=registered.second_open or not allowed & the_actor().roles or filled.value(SECOND_NAME),
        card=card,
        impact=preview(registered.name, card),
    )
    return make_response(page, answer.status)


def _first_card(fields: tuple[Any, ...], values: dict[str, list[str]]) -> Card | None:
    """The record that the form is about: that of the first scan which stands in it."""
    for item in fields:
        held = values.get(item.name) if item.kind in ("scan", "scans") else None
        first = held[0].strip().splitlines()[0] if held and held[0].strip() else ""
        if first:
            card = card_of(first)
            if card:
                session["last_code"] = card.code
            return card
    return None


def lacks_reason(outcome: Outcome) -> bool:
    """Whether it is told late and does not say why."""
    return any(refusal.code is Code.LATE_REASON_NEEDED for refusal in outcome.refusals)


def is_doubted(outcome: Outcome) -> bool:
    """Whether it can hardly be, so that it is asked why it is right."""
    return any(refusal.code is Code.IMPROBABLE for refusal in outcome.refusals)


def way_out(refusal: Refusal) -> tuple[str, str] | None:
    """The address of the page on which the person themself puts right what is refused, and what to call it."""
    if refusal.code is Code.AGREEMENT_NEEDED:
        return url_for("web.agreement"), gettext("Read and accept it (in a new tab)")
    if refusal.code is Code.SECOND_FACTOR_NEEDED:
        return url_for("web.second_factor"), gettext("Set it up (in a new tab)")
    subject = refusal.facts.get("subject")
    if refusal.code is Code.DECISION_NEEDED and subject and roles_for("continue_treatment") & the_actor().roles:
        page = url_for("web.act_page", name="continue_treatment", subject=subject)
        return page, gettext("Decide (in a new tab)")
    return None


def reason(refusal: Refusal) -> dict[str, Any]:
    """A refusal in the reader's language, with its times on the wall of the site, as the label beside it has them."""
    detail = refusal.at_site(the_installation().zone).worded(say_reason(refusal.sentence), a_fact)
    return {"code": refusal.code.value, "detail": detail, "way": way_out(refusal)}

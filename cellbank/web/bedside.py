"""The bedside: one page that fills the screen. Label, wristband, read-back, then GO or STOP that nobody can misread.

Every verdict is the dry run of the act or the rule of the bedside itself: there is no second copy of any rule. Two
people check on one screen. The first one is judged as the person who is signed in and signs the match; the second one
proves who they are, by badge or name and password, in the same step in which they are judged.
"""

import secrets
from dataclasses import dataclass, field, replace
from typing import Any

from flask import make_response, render_template, request
from flask_babel import gettext
from werkzeug.datastructures import MultiDict

from cellbank.domain.garbled import Garbled
from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import DoseState
from cellbank.domain.refusals import Code, Refusal
from cellbank.domain.scans import read_scan
from cellbank.services.acts import REGISTRY, Outcome, keep_refusal
from cellbank.services.clinic.at_bedside import judge_standing, read_label
from cellbank.services.incidents import beside_an_answer
from cellbank.services.installation import server_time
from cellbank.services.lookup.boards import DoseBoard, dose_board
from cellbank.services.signing.to_sign import ToSign
from cellbank.services.unreadable_scans import keep_unreadable
from cellbank.web.attempting import SECOND_NAME, SECOND_PASSWORD, Answer, attempt, client_of, key_of, performer
from cellbank.web.blueprint import RESUME, blueprint
from cellbank.web.forms import fields_of
from cellbank.web.reasons import reason
from cellbank.web.session import asks_both, now
from cellbank.web.shell import DOOR, say, the_actor, the_installation
from cellbank.web.to_sign import content_of
from cellbank.web.verdict import About, Verdict, aloud, judged, verdict_of

LABEL, WRISTBAND, READ_BACK = SCANS = ("dose_label", "wristband", "read_back")
ACTS = {"check_dose", "start_infusion", "stop_infusion", "record_reaction", "reconcile_infusion"}
CHECKING = (DoseState.PREPARED, DoseState.CHECKED_ONCE)
SIGNING = ("match", "second")  # the steps at which somebody signs a check
STANDING = {
    DoseState.CHECKED: About.GO,
    DoseState.INFUSING: About.RUNNING,
}  # what a yes means of a dose that was checked

NOT_JUDGED = Verdict(About.MATCH)
# What speaks neither against the dose nor against the patient, by the field beside which it stands: what was typed, and
# whoever may not sign. The scans stay, and the right person signs.
BESIDE_THE_DOSE = {
    READ_BACK: {Code.WAIT_A_MOMENT},
    "happened_at": {Code.LATE_REASON_NEEDED, Code.IN_THE_FUTURE},
    SECOND_PASSWORD: {
        Code.ROLE_NOT_ALLOWED,
        Code.KEY_LIMITED,
        Code.SIGNATURE_NEEDED,
        Code.SIGNATURE_WRONG,
        Code.PASSWORD_WAITS,
        Code.AGREEMENT_NEEDED,
        Code.TRAINING_EXPIRED,
        Code.SECOND_FACTOR_NEEDED,
        Code.ACCOUNT_LOCKED,
    },
}

Problems = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Screen:
    """What the page shows: the scans, the dose they name, the verdict, and what else is to be said."""

    values: dict[str, list[str]] = field(default_factory=dict)
    board: DoseBoard | None = None
    verdict: Verdict = NOT_JUDGED
    problems: Problems = ()
    notes: tuple[Refusal, ...] = ()  # of an act of a running infusion that was refused: it is said, and is no STOP
    said: str = ""
    status: int = 200

    def value(self, name: str) -> str:
        """What stands in a field."""
        return (self.values.get(name) or [""])[0]

    @property
    def state(self) -> str:
        """The state of the dose, or nothing."""
        return self.board.row["state"] if self.board else ""

    @property
    def step(self) -> str:
        """What the people at the bed do now. A match stands there only when it was judged and accepted."""
        if self.verdict.is_no:
            return "stop"
        if self.board and self.state not in CHECKING:
            return self.state
        missing = [name for name in SCANS if not self.value(name).strip()]
        if missing and missing[0] != READ_BACK:
            return missing[0]
        if self.state == DoseState.CHECKED_ONCE:
            return "second"
        return "match" if self.verdict.is_yes else READ_BACK

    @property
    def shows_verdict(self) -> bool:
        """Whether the screen answers a question, and does not only ask for the next scan."""
        return self.step in ("stop", "match", *STANDING) or bool(self.problems)


@blueprint.get("/bedside")
def bedside() -> Any:
    """The empty screen, or that of a dose on its way through the infusion."""
    board = _board(request.args.get("dose", ""))
    # While it is being checked the label is scanned at the bed, whatever link led here.
    return _show(_standing(board) if board and board.row["state"] not in CHECKING else Screen())


@blueprint.post("/bedside")
def bedside_post() -> Any:
    """One more scan, a signature, or one of the acts of the infusion."""
    values = {key: request.form.getlist(key) for key in request.form}
    name = request.form.get("act", "")
    if name in ACTS and request.form.get("intent") == "do":
        return _show(_check(values) if name == "check_dose" else _act(name, values))
    return _show(_scanned(values))


def refill(posted: MultiDict[str, str]) -> Any:
    """The screen as it was, after somebody unlocked it: the verdict is asked again."""
    return _show(_scanned({key: posted.getlist(key) for key in posted}))


RESUME["web.bedside_post"] = refill


# --- the scans --------------------------------------------------------------------------------


def _scanned(values: dict[str, list[str]]) -> Screen:
    """The screen after one more scan: stopped by the label, asking for the next one, or judged."""
    screen = Screen(values, _board(_dose_code(values)))
    if stopped := _label(screen):
        return stopped
    if screen.board and screen.state not in CHECKING:
        return replace(_standing(screen.board), values={})
    complete = screen.step == READ_BACK and screen.value(READ_BACK).strip()
    return _first(values, screen.board) if complete else screen


def _label(screen: Screen) -> Screen | None:
    """What the label alone decides: another symbol is named for what it is, and nothing is counted against anybody;
    the label of a dose that is over, or an old one of a dose that was checked, stops. None: go on."""
    raw = screen.value(LABEL)
    if not raw.strip():
        return None
    seen = read_label(the_installation(), raw, server_time())
    if seen.hints:
        if not seen.code:  # on our own dose label the number stands beside the symbol: that is no near miss
            _keep_scan(screen, raw, seen.hints[0], Code.WRONG_KIND)
        return Screen(problems=((LABEL, reason(seen.hints[0])["detail"]),), status=422)
    if not seen.refusals:
        return None
    _keep_scan(screen, raw, seen.refusals[0], seen.refusals[0].code)
    return replace(screen, verdict=judged(About.GO, seen.refusals, at=now()), status=409)


def _keep_scan(screen: Screen, raw: str, why: Refusal, code: Code) -> None:
    """Keep a scan that led nowhere, once for each page from which it was sent."""
    unread = None if isinstance(read_scan(raw), Garbled) else code
    key = screen.value("key") or None
    with beside_an_answer():
        keep_unreadable(the_installation(), the_actor(), raw, why.detail, door=DOOR, code=unread, key=key)


def _first(values: dict[str, list[str]], board: DoseBoard | None, problems: Problems = ()) -> Screen:
    """The first check, judged as the person who is signed in. A STOP is kept in the trail as it was shown, with what
    was scanned, for a near miss is data.

    A name that was only typed is nobody's: a yes is then no match for that person, and says so.
    """
    # With a signature that failed it is judged again for whoever is signed in: the match stays, and so do the scans.
    asked = {name: held for name, held in values.items() if not problems or name in SCANS}
    scans = {name: held for name, held in asked.items() if name in (*SCANS, "key") or name.startswith("second.")}
    answer = _of_the_page(attempt(REGISTRY["check_dose"], scans, dry_run=True))
    verdict = verdict_of(About.MATCH, answer.outcome, what="1", at=now())
    if answer.outcome is not None and verdict.is_no:
        _keep(values, answer.outcome)
    elif verdict.is_yes and answer.typed:
        unproved = gettext(
            "Judged for %(me)s: “%(typed)s” was only typed. Whoever checks proves it with the password.",
            me=the_actor().full_name,
            typed=answer.typed,
        )
        return Screen(values, board, NOT_JUDGED, ((SECOND_NAME, unproved),), status=422)
    found = (*problems, *answer.problems)
    return Screen(values, board, verdict, found, status=422 if found else answer.status)


def _keep(values: dict[str, list[str]], shown: Outcome) -> None:
    """Keep the STOP that stands on the screen."""
    who = performer(values, dry_run=True)
    given = {name: values[name][0] for name in SCANS}
    key, client = key_of(values), client_of(who)
    with beside_an_answer():
        keep_refusal(the_installation(), "check_dose", given, shown, who.actor, door=DOOR, key=key, client=client)


# --- the acts ---------------------------------------------------------------------------------


def _check(values: dict[str, list[str]]) -> Screen:
    """A check that somebody signs: of the first one what was judged is signed, the second one is judged here."""
    screen = Screen(values, _board(_dose_code(values)))
    if stopped := _label(screen):
        return stopped
    is_second = screen.state == DoseState.CHECKED_ONCE
    answer = _of_the_page(attempt(REGISTRY["check_dose"], values, dry_run=False))
    if answer.verdict.is_yes:
        return _checked(_board(_dose_code(values)))
    if answer.verdict.is_no:
        stop = verdict_of(About.MATCH, answer.outcome, at=now())
        return replace(screen, verdict=stop, status=409)
    if screen.board and screen.state not in CHECKING:  # it went on meanwhile: what stands now is judged anew
        return replace(_standing(screen.board), problems=answer.problems, status=422)
    # The signature failed, or something is missing: the scans stay, and a match is judged again before it is shown.
    again = replace(screen, problems=answer.problems, status=422)
    return again if is_second else _first(values, screen.board, answer.problems)


def _checked(board: DoseBoard | None) -> Screen:
    if board and board.row["state"] == DoseState.CHECKED_ONCE:
        said = gettext("First check done. Now the second person scans the label and the wristband again.")
        return Screen(board=board, said=said)  # its clock goes on, and what was judged now is kept by the screen
    return replace(_standing(board), said=gettext("Both checks done. The infusion may be started."))


def _of_the_page(answer: Answer) -> Answer:
    """The answer for the page: where only a typed time, or only whoever signs, was refused, it stands beside its field,
    and is no STOP."""
    refusals = answer.outcome.refusals if answer.outcome else ()
    field_of = {code: name for name, codes in BESIDE_THE_DOSE.items() for code in codes}
    if not refusals or any(one.code not in field_of for one in refusals):
        return answer
    return Answer(problems=tuple((field_of[one.code], reason(one)["detail"]) for one in refusals))


def _act(name: str, values: dict[str, list[str]]) -> Screen:
    """One of the acts of a dose that was checked. What refuses its start is a STOP; of a running infusion a refusal is
    only said, and the dose is judged for itself."""
    answer = _of_the_page(attempt(REGISTRY[name], values, dry_run=False))
    screen = _standing(_board(_dose_code(values)))
    if answer.verdict.is_yes:
        return replace(screen, said=gettext("Done: %(what)s", what=say(REGISTRY[name].title)))
    refusals = answer.outcome.refusals if answer.outcome else ()
    if name == "start_infusion" and refusals:
        return replace(screen, verdict=judged(About.GO, refusals, at=now()), status=409)
    return replace(screen, values=values, problems=answer.problems, notes=refusals, status=answer.status)


# --- the dose ---------------------------------------------------------------------------------


def _standing(board: DoseBoard | None) -> Screen:
    """A dose that was checked is judged again whenever it is shown: time goes on, a hold may have been placed."""
    about = STANDING.get(board.row["state"]) if board else None
    if board is None or about is None:
        return Screen({}, board)
    found = judge_standing(the_installation(), board.row["code"], now())
    verdict = judged(about, found.refusals, at=found.at) if found else Verdict(about)
    return Screen({}, board, verdict)


def _dose_code(values: dict[str, list[str]]) -> str:
    """The dose that the posted form is about: the one under the label that was scanned, whatever page it came from."""
    for name in (LABEL, "dose"):
        scan = read_scan((values.get(name) or [""])[0])
        if not isinstance(scan, Garbled) and scan.kind is Kind.DOSE:
            return scan.code
    return ""


def _board(code: str) -> DoseBoard | None:
    return dose_board(the_installation(), code) if code else None


def _content(screen: Screen) -> ToSign | None:
    """What a check that is signed on this screen covers."""
    fields = fields_of(REGISTRY["check_dose"].input)
    return content_of("check_dose", fields, screen.values, the_actor()) if screen.step in SIGNING else None


def _show(screen: Screen) -> Any:
    verdict = screen.verdict
    if screen.problems and not verdict.is_no:
        aloud(Verdict(verdict.about))
    elif screen.shows_verdict:
        aloud(verdict)
    page = render_template(
        "bedside.html",
        screen=screen,
        board=screen.board,
        verdict=verdict,
        reasons=[reason(refusal) for refusal in verdict.refusals],
        notes=[reason(refusal) for refusal in screen.notes],
        content=_content(screen),
        key=secrets.token_urlsafe(16),
        asks_both=asks_both(),
        now=now(),
    )
    return make_response(page, screen.status)

"""The bedside: one page that fills the screen. Label, wristband, read-back, then GO or STOP that nobody can misread.

The verdict is the dry run of `check_dose`: there is no second copy of any rule. Two people check on one screen, each
with name and password; whoever is signed in stays signed in.
"""

import secrets
from dataclasses import dataclass
from typing import Any

from flask import make_response, render_template, request
from flask_babel import gettext
from werkzeug.datastructures import MultiDict

from cellbank.domain.garbled import Garbled
from cellbank.domain.identifiers import Kind
from cellbank.domain.scans import read_scan
from cellbank.services.acts import REGISTRY, run_act
from cellbank.services.bank import server_time
from cellbank.services.lookup.boards import DoseBoard, dose_board
from cellbank.web.acts import SECOND_NAME, Answer, attempt, performer, reason
from cellbank.web.blueprint import RESUME, blueprint
from cellbank.web.session import asks_both, now
from cellbank.web.shell import DOOR, client, say, sound, the_actor, the_bank

SCANS = ("dose_label", "wristband", "read_back")
ACTS = {"check_dose", "start_infusion", "stop_infusion", "record_reaction", "reconcile_infusion"}
CHECKING = {"PREPARED", "CHECKED_ONCE"}
RUNNING = {"INFUSING", "INFUSED", "RECONCILED"}  # too late for a STOP: what is refused is only said


@dataclass(frozen=True)
class Screen:
    """What the page shows: the scans, the dose they name, and the verdict on them."""

    values: dict[str, list[str]]
    board: DoseBoard | None
    answer: Answer

    def value(self, name: str) -> str:
        """What stands in a field."""
        return (self.values.get(name) or [""])[0]

    @property
    def state(self) -> str:
        """The state of the dose, or nothing."""
        return self.board.row["state"] if self.board else ""

    @property
    def step(self) -> str:
        """What the people at the bed do now."""
        if self.board and self.state not in CHECKING:
            return self.state
        missing = [name for name in SCANS if not self.value(name)]
        return missing[0] if missing else "verdict"


@blueprint.get("/bedside")
def bedside() -> Any:
    """The empty screen, or that of a dose on its way through the infusion."""
    values = {key: request.args.getlist(key) for key in request.args if key in ("dose",)}
    board = _board((values.get("dose") or [""])[0])
    # While it is being checked the label is scanned at the bed, whatever link led here.
    board = board if board and board.row["state"] not in CHECKING else None
    return _show(Screen({}, board, _still_go(board)))


@blueprint.post("/bedside")
def bedside_post() -> Any:
    """One more scan, a signature, or one of the acts of the infusion."""
    values = {key: request.form.getlist(key) for key in request.form}
    name = request.form.get("act", "")
    if name in ACTS and request.form.get("intent") == "do":
        return _do(name, values)
    screen = _screen(values)
    if screen.step == "verdict":
        screen = Screen(values, screen.board, _judged(values))
    return _show(screen)


def _still_go(board: DoseBoard | None) -> Answer:
    """A dose checked by two people is judged again whenever it is shown: time goes on, a hold may have been placed."""
    if board is None or board.row["state"] != "CHECKED":
        return Answer()
    return attempt(REGISTRY["start_infusion"], {"dose": [board.row["code"]]}, dry_run=True)


def _judged(values: dict[str, list[str]]) -> Answer:
    """The verdict on the scans. A STOP is kept in the trail with what was scanned, for a near miss is data."""
    scans = {name: held for name, held in values.items() if name in (*SCANS, SECOND_NAME)}
    answer = attempt(REGISTRY["check_dose"], scans, dry_run=True)
    if answer.outcome is not None and not answer.outcome.accepted:
        given = {name: scans[name][0] for name in SCANS}
        who = performer(scans, dry_run=True).actor
        # Without a password it can only be refused: this writes the row and nothing else.
        run_act(the_bank(), "check_dose", given, who, door=DOOR, client=client(), key=(values.get("key") or [None])[0])
    return answer


def refill(posted: MultiDict) -> Any:
    """The screen as it was, after somebody unlocked it: the verdict is asked again."""
    values = {key: posted.getlist(key) for key in posted}
    return _show(_screen(values))


RESUME["web.bedside_post"] = refill


def _do(name: str, values: dict[str, list[str]]) -> Any:
    answer = attempt(REGISTRY[name], values, dry_run=False)
    done = answer.outcome is not None and answer.outcome.accepted
    if name == "check_dose" and done:
        board = _board(_dose_code(values))
        return _show(Screen({}, board, _still_go(board)), said=_check_said(board))
    kept = {} if done else values
    said = gettext("Done: %(what)s", what=say(REGISTRY[name].title)) if done else ""
    return _show(Screen(kept, _board(_dose_code(values)), answer), said=said)


def _check_said(board: DoseBoard | None) -> str:
    if board and board.row["state"] == "CHECKED_ONCE":
        return gettext("First check done. Now the second person scans the label and the wristband again.")
    return gettext("Both checks done. The infusion may be started.")


def _dose_code(values: dict[str, list[str]]) -> str:
    """The dose that the posted form is about."""
    given = (values.get("dose") or values.get("dose_label") or [""])[0]
    scan = read_scan(given)
    return "" if isinstance(scan, Garbled) or scan.kind is not Kind.DOSE else scan.code


def _board(code: str) -> DoseBoard | None:
    return dose_board(the_bank(), code) if code else None


def _screen(values: dict[str, list[str]]) -> Screen:
    return Screen(values, _board(_dose_code(values)), Answer())


def _verdict(state: str, accepted: bool) -> str:
    """One word: a check that fits is a MATCH, and only a dose that two people have checked is a GO."""
    if accepted:
        return "MATCH" if state in CHECKING else "GO"
    return "NO" if state in RUNNING else "STOP"


def _show(screen: Screen, said: str = "") -> Any:
    outcome = screen.answer.outcome
    verdict = None
    if outcome is not None:
        verdict = _verdict(screen.state, outcome.accepted)
        sound("yes" if outcome.accepted else "no")
    elif screen.answer.problems:
        sound("unknown")
    page = render_template(
        "bedside.html",
        screen=screen,
        board=screen.board,
        verdict=verdict,
        said=said,
        reasons=[reason(refusal) for refusal in outcome.refusals] if outcome else [],
        shown=(outcome.result.get("bedside") if outcome else None),
        key=secrets.token_urlsafe(16),
        # Somebody else who checks on this screen always gives both.
        password_alone=not asks_both() and screen.value(SECOND_NAME).strip().lower() in ("", the_actor().name),
        now=now(),
        server=server_time(),
    )
    return make_response(page, screen.answer.status)

"""What stands on a screen as a yes is asked again while it stands there: GO, Match, a running infusion, a dose on its
way. The script asks every few seconds (`static/watch.js`); nothing is written, and the session is not kept awake by it.

A locked screen goes on asking about an infusion that runs. Whoever passes learns that it is to be stopped, not why.
"""

from typing import Any

from flask import jsonify, request

from cellbank.domain.lifecycle.states import DoseState
from cellbank.services.clinic.at_bedside import Judged, judge_standing
from cellbank.web.blueprint import blueprint
from cellbank.web.reasons import reason
from cellbank.web.session import is_locked, now
from cellbank.web.shell import clock, the_installation
from cellbank.web.verdict import About, Judgement, Verdict, judged

MOST = 40  # doses on one screen
ON_ITS_WAY = (
    DoseState.ORDERED,
    DoseState.PICKED,
    DoseState.THAWING,
    DoseState.COUNTED,
    DoseState.PREPARED,
    DoseState.CHECKED_ONCE,
    DoseState.CHECKED,
    DoseState.INFUSING,
)
MOVED = "moved"  # somebody did the next step elsewhere: the page is old, and nothing is wrong
# An infusion that ended in good order is no STOP for the screen that still shows it running.
ENDED_WELL = {(DoseState.INFUSING, DoseState.INFUSED), (DoseState.INFUSING, DoseState.RECONCILED)}

NOT_TOLD: dict[str, Any] = {"verdict": Judgement.NOT_JUDGED, "state": None, "reasons": []}


@blueprint.get("/watch")
def watch() -> Any:
    """How the doses stand now: `?dose=CODE&state=STATE` for each, with the state that the screen shows."""
    asked = zip(request.args.getlist("dose")[:MOST], request.args.getlist("state"), strict=False)
    locked = is_locked()
    answer = _under_lock if locked else _answer
    return jsonify(at=clock(now()), locked=locked, doses={code: answer(code, state) for code, state in asked})


def _answer(code: str, shown: str) -> dict[str, Any]:
    """The verdict on one dose. What is not known here is not judged."""
    found = judge_standing(the_installation(), code, now())
    if found is None:
        return NOT_TOLD
    reasons = [reason(refusal)["detail"] for refusal in found.refusals]
    return {"verdict": _word(found, shown), "state": found.state, "reasons": reasons}


def _under_lock(code: str, shown: str) -> dict[str, Any]:
    """What a locked screen says of a dose: of one that runs whether it goes on, of every other one nothing."""
    told = _answer(code, shown)
    runs = shown == DoseState.INFUSING and (told["state"] == shown or told["verdict"] == MOVED)
    return {"verdict": told["verdict"], "state": None, "reasons": []} if runs else NOT_TOLD


def _word(found: Judged, shown: str) -> str:
    if (shown, found.state) in ENDED_WELL:
        return MOVED
    if found.refusals:
        return Judgement.REFUSED
    return Judgement.ACCEPTED if found.state == shown else MOVED


def standing_verdict(code: str) -> Verdict:
    """Whether a dose may still be given, for a page that is drawn now."""
    found = judge_standing(the_installation(), code, now())
    return judged(About.STANDING, found.refusals, at=found.at) if found else Verdict(About.STANDING)

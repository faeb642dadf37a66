"""Who a patient is, is not found out by trying: each wrong identity at the bedside is kept, also of a check that was
only looked at, and after so many by one person (setting WRONG_IDENTITIES) each further one waits.

Rule: `domain/pauses.py`. Quality sees it on the home page; another person goes on at once.
"""

import datetime
import logging
import threading
from dataclasses import replace

from sqlalchemy import text

from cellbank.domain.pauses import WINDOW, goes_on_at
from cellbank.domain.refusals import Code, Refusal, Refused, refuse
from cellbank.services.incidents import Unavailable
from cellbank.services.installation import Installation
from cellbank.services.parsing import following_key
from cellbank.services.performing import Call, Outcome, keep_refusal, perform

LOG = logging.getLogger("cellbank.security")
# Of many that one person sends at once each waits for the one before, and is counted: in each process by itself.
_TURNS = tuple(threading.Lock() for _ in range(64))
WRONG = """a.name = 'check_dose' AND a.outcome = 'refused' AND a.refusals @> '[{"code": "WRISTBAND_MISMATCH"}]'"""
_LATELY = text(
    f"SELECT count(*), max(a.at) FROM act a WHERE a.person_id = :person AND a.at > :since AND a.at <= :now AND {WRONG}"
)


def perform_in_turn(installation: Installation, call: Call, *, dry_run: bool) -> Outcome:
    """Do or judge an act that compares who a patient is. What a screen without the server did is only told and never
    refused for a pause: it waits at the screen, which sends it again. Raises Unavailable of that."""
    with _TURNS[call.actor.id % len(_TURNS)]:
        wrong, last_at = _lately(installation, call)
        at = goes_on_at(wrong, last_at, installation.config.wrong_identities)
        if at is not None and call.now < at:
            if call.cut_off_since is not None:
                raise Unavailable("Several identities were wrong: what this screen keeps is sent again in a minute.")
            pause = (_pause(at),)
            return Outcome(False, None, {}, pause) if dry_run else keep_refusal(installation, call, Refused(pause))
        outcome = perform(installation, call, dry_run=dry_run)
        if outcome.accepted or all(refusal.code is not Code.WRISTBAND_MISMATCH for refusal in outcome.refusals):
            return outcome
        if wrong + 1 >= installation.config.wrong_identities:
            LOG.warning("%s gave %s wrong identities at the bedside, %s", call.actor.name, wrong + 1, call.client)
        return _kept(installation, call, outcome) if dry_run else outcome


def _lately(installation: Installation, call: Call) -> tuple[int, datetime.datetime | None]:
    with installation.reads.connect() as connection:
        asked = {"person": call.actor.id, "since": call.now - WINDOW, "now": call.now}
        count, last_at = connection.execute(_LATELY, asked).one()
        return count, last_at


def _kept(installation: Installation, call: Call, outcome: Outcome) -> Outcome:
    """A look that went wrong is kept like an act that did, once for each form or minute and what was given in it."""
    of_form = call.key or f"look.{int(call.now.timestamp()) // 60}"
    once = replace(call, key=following_key(of_form, call.digest[:16]))
    return replace(outcome, act=keep_refusal(installation, once, Refused(outcome.refusals, outcome.about)).act)


def _pause(at: datetime.datetime) -> Refusal:
    sentence = (
        "Several identities were wrong. Look at the patient and the chart, and go on at {at}; or another person signs "
        "in and checks now. The quality officer is told."
    )
    at += datetime.timedelta(seconds=-at.timestamp() % 60)  # times are shown by the minute: at that one it is over
    return refuse(Code.WAIT_A_MOMENT, sentence, at=at)

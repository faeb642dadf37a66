"""What is still open about the records that somebody is about to sign: deviations, holds, results, signatures."""

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from cellbank.domain.eligibility import Eligibility, assess
from cellbank.domain.lifecycle.states import ActionState, ConditionalState
from cellbank.services.clinic.enrolment import stored_answers
from cellbank.services.common import protocol_of
from cellbank.services.signing.donors import in_the_way
from cellbank.services.signing.in_words import as_word, rows_of
from cellbank.services.signing.reading import Reading
from cellbank.services.trail.signatures import signatures_of
from cellbank.services.wording.values import Clock


@dataclass(frozen=True)
class Open:
    """Something that is not settled: a sentence with its facts, and the record at which it is settled."""

    sentence: str
    facts: dict[str, Any] = field(default_factory=dict)
    code: str = ""


DEVIATION = "Deviation {deviation} is not closed: {title} ({classification})."
HOLD = "Hold {hold} is in force: {reason}"
RESULT = "Result {result} of {test} is not reviewed."
SAMPLE = "Sample {sample} for {test} has no result yet."
NOTICE = "Recall notice {notice} has a dose about which nobody has answered."
ACTION = "Action {action} is not done: {what}"
UNVERIFIED = "Action {action} is not verified: {what}"
VOID = "The signature of {person} ({meaning}) is void: the record changed after it."
UNANSWERED = "Open criterion. {reason}"
GOES_ON = "It has not ended yet."
WAITS_FOR = "It waits for the signature of {who}."

# Deviations reach a lot through whatever it came from or stands in; every other record by their links.
_DEVIATIONS = text(
    """SELECT code, title, classification FROM deviation d WHERE state <> 'CLOSED' AND (
         id IN (SELECT lot_deviations(r) FROM unnest(CAST(:ids AS bigint[])) AS r WHERE :kind = 'lot')
         OR EXISTS (SELECT FROM deviation_link k WHERE k.deviation_id = d.id AND k.record_kind = :kind
                       AND k.record_id = ANY(:ids)))
        ORDER BY id"""
)
_HOLDS = text(
    """SELECT code, reason FROM hold h WHERE state = 'PLACED' AND (
         id IN (SELECT lot_holds(r) FROM unnest(CAST(:ids AS bigint[])) AS r WHERE :kind = 'lot')
         OR (:kind = 'donor' AND donor_id = ANY(:ids)) OR (:kind = 'reagent_lot' AND reagent_lot_id = ANY(:ids))
         OR (:kind = 'storage_unit' AND storage_unit_id = ANY(:ids)))
        ORDER BY id"""
)
# Results of a lot are those too of its cultures and of its tissue.
_RESULTS = text(
    """SELECT code, test FROM test_result r WHERE state = 'ENTERED' AND (
         id IN (SELECT lot_results(l) FROM unnest(CAST(:ids AS bigint[])) AS l WHERE :kind = 'lot')
         OR (:kind = 'donor' AND donor_id = ANY(:ids)) OR (:kind = 'donation' AND donation_id = ANY(:ids)))
        ORDER BY id"""
)
_SAMPLES = text(
    """SELECT code, test FROM sample WHERE state = 'TAKEN' AND (
         (:kind = 'lot' AND lot_id = ANY(:ids)) OR (:kind = 'donation' AND donation_id = ANY(:ids))
         OR (:kind = 'donor' AND donor_id = ANY(:ids))) ORDER BY id"""
)
_NOTICES = text(
    """SELECT DISTINCT n.code, n.id FROM recall_notice n JOIN notice_line k ON k.notice_id = n.id
         JOIN dose d ON d.id = k.dose_id WHERE k.answered_at IS NULL AND (
           (:kind = 'lot' AND d.lot_id = ANY(:ids)) OR (:kind = 'dose' AND d.id = ANY(:ids))
           OR (:kind = 'subject' AND d.subject_id = ANY(:ids))) ORDER BY n.id"""
)
_ACTIONS = text(
    """SELECT code, description, state FROM corrective_action
        WHERE deviation_id = ANY(:ids) AND :kind = 'deviation' AND state <> 'VERIFIED' ORDER BY id"""
)


def still_open(reading: Reading, kind: str, ids: tuple[int, ...]) -> tuple[Open, ...]:
    """What is open about these records, the gravest first."""
    if not ids:
        return ()
    asked = {"kind": kind, "ids": list(ids)}
    connection = reading.connection
    found = [
        *(Open(HOLD, {"hold": one.code, "reason": one.reason}, one.code) for one in connection.execute(_HOLDS, asked)),
        *(
            Open(
                DEVIATION,
                {"deviation": one.code, "title": one.title, "classification": one.classification},
                one.code,
            )
            for one in connection.execute(_DEVIATIONS, asked)
        ),
        *(Open(NOTICE, {"notice": one.code}, one.code) for one in connection.execute(_NOTICES, asked)),
        *(
            Open(RESULT, {"result": one.code, "test": as_word(one.test)}, one.code)
            for one in connection.execute(_RESULTS, asked)
        ),
        *(
            Open(SAMPLE, {"sample": one.code, "test": as_word(one.test)}, one.code)
            for one in connection.execute(_SAMPLES, asked)
        ),
        *(
            Open(
                ACTION if one.state == ActionState.PLANNED else UNVERIFIED,
                {"action": one.code, "what": one.description},
                one.code,
            )
            for one in connection.execute(_ACTIONS, asked)
        ),
        *OF_KIND.get(kind, _nothing)(reading, ids),
        *_void(reading, kind, ids),
    ]
    return tuple(found)


def _nothing(reading: Reading, ids: tuple[int, ...]) -> Iterator[Open]:
    return iter(())


def _criteria(reading: Reading, ids: tuple[int, ...]) -> Iterator[Open]:
    """The criteria of a subject about which nothing is known."""
    with Session(reading.connection, autoflush=False) as session:
        for row in rows_of(reading.connection, "subject", ids):
            protocol = protocol_of(session, row["protocol_id"])
            assessment = assess(protocol, stored_answers(protocol, row["answers"]), row["sex"])
            if assessment.outcome is Eligibility.UNDECIDED:
                yield from (Open(UNANSWERED, {"reason": reason}, row["code"]) for reason in assessment.reasons)


def _going_on(reading: Reading, ids: tuple[int, ...]) -> Iterator[Open]:
    rows = rows_of(reading.connection, "excursion", ids)
    return (Open(GOES_ON, {}, row["code"]) for row in rows if row["ended_at"] is None)


def _signatures_to_come(reading: Reading, ids: tuple[int, ...]) -> Iterator[Open]:
    """A use under pending results is signed by three people."""
    for row in rows_of(reading.connection, "conditional_release", ids):
        waiting = {
            ConditionalState.REQUESTED: ("quality", "the sponsor"),
            ConditionalState.APPROVED: ("the sponsor",),
        }.get(row["state"], ())
        yield from (Open(WAITS_FOR, {"who": who}, row["code"]) for who in waiting)
        pending = ", ".join(as_word(str(test)) for test in row["pending"] or ())
        yield Open("Results are pending: {tests}.", {"tests": pending}, row["code"])


def _evidence(reading: Reading, ids: tuple[int, ...]) -> Iterator[Open]:
    """What stands between a donor and her eligibility."""
    if reading.act == "determine_eligibility":
        for one in in_the_way(reading, ids):
            yield Open(one.sentence, {name: _told(fact, reading.time) for name, fact in one.facts.items()})


def _told(fact: Any, time: Clock) -> Any:
    """A fact of a refusal with its instants on the wall of the site."""
    if isinstance(fact, tuple):
        return ", ".join(str(_told(one, time)) for one in fact)
    return time(fact) if isinstance(fact, datetime.datetime) else fact


OF_KIND: dict[str, Callable[[Reading, tuple[int, ...]], Iterator[Open]]] = {
    "donor": _evidence,
    "subject": _criteria,
    "excursion": _going_on,
    "conditional_release": _signatures_to_come,
}


def _void(reading: Reading, kind: str, ids: tuple[int, ...]) -> Iterator[Open]:
    codes = {(kind, row["id"]): row.get("code") or str(row["id"]) for row in rows_of(reading.connection, kind, ids)}
    for one in signatures_of(reading.connection, codes) if codes else ():
        if not one.holds:
            yield Open(VOID, {"person": one.person, "meaning": one.meaning})

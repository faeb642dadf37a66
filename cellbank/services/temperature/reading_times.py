"""What speaks for or against the times of readings: since when there can be any, and how far they lie apart."""

import datetime
from array import array
from itertools import pairwise

from sqlalchemy import text

from cellbank.domain.refusals import Refusal
from cellbank.domain.rules.reading_time import FAR, TimeFacts, improbable_before, reading_time_refusals
from cellbank.records.temperature import Probe
from cellbank.records.work import Work
from cellbank.services.site_time import start_of_day
from cellbank.services.temperature.reading_store import moment, second

# The first acts of a site may be entered late: the earliest time of them counts.
_FIRST_ACT = text(
    """SELECT min(a.at) FROM (SELECT act_id FROM seal WHERE site_id = :site ORDER BY number LIMIT 200) s
         JOIN act a ON a.id = s.act_id"""
)


def time_facts(work: Work, probe: Probe, readings: "array[int]") -> TimeFacts:
    """The facts about readings in the order of time."""
    calibrated = start_of_day(work, probe.calibrated_on)
    first_act = work.session.scalar(_FIRST_ACT, {"site": probe.site_id}) or work.now
    first, last = moment(readings[0] >> 16), moment(readings[-1] >> 16)
    gap = _longest_gap(readings) if last - first > FAR else None
    return TimeFacts(probe.code, first, last, min(calibrated, first_act), probe.last_at, gap)


def _longest_gap(readings: "array[int]") -> tuple[datetime.datetime, datetime.datetime]:
    before, after = max(pairwise(key >> 16 for key in readings), key=lambda pair: pair[1] - pair[0])
    return moment(before), moment(after)


def of_a_probable_time(work: Work, probe: Probe, readings: "array[int]") -> "array[int]":
    """The readings without those that are of an improbable time."""
    start = improbable_before(time_facts(work, probe, readings)) if readings else None
    if start is None:
        return readings
    cut = second(start)
    return array("q", (key for key in readings if key >> 16 >= cut))


def improbable_times(work: Work, probe: Probe, readings: "array[int]") -> tuple[Refusal, ...]:
    """Why readings that no person can be asked about are not taken for what they say."""
    return reading_time_refusals(time_facts(work, probe, readings)) if readings else ()


def asked_times(work: Work, probe: Probe, readings: "array[int]", answer: str | None) -> tuple[Refusal, ...]:
    """Why readings of a file are not taken for what they say until its importer, who is asked, has answered."""
    return reading_time_refusals(time_facts(work, probe, readings), answer, may_answer=True) if readings else ()

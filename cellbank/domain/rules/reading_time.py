"""Whether readings are of a time at which they can have been taken: no clock that was reset, or set to another year,
opens a silence of decades. What is unlikely is asked; what cannot be is refused.

Twin in the database: of_a_clock_that_was_set.
"""

import datetime
from dataclasses import dataclass

from cellbank.domain.question import Choice, Question
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.wall import on_the_wall

EARLIEST = datetime.datetime(2010, 1, 1, tzinfo=datetime.UTC)
"""Loggers that lose their battery begin again in 1970, 1980 or 2000."""
FAR = datetime.timedelta(days=92)
"""Longer without a reading than anybody leaves a logger unread."""
KEEP, LEAVE_OUT = "keep", "leave_out"
FIELD = "improbable_times"


@dataclass(frozen=True)
class TimeFacts:
    """Readings about to be stored. `since`: when the site, or the calibration of the probe, began; `last`: the probe's
    last reading that is stored; `gap`: the two ends of the longest time without one in the file."""

    probe: str
    first: datetime.datetime
    until: datetime.datetime
    since: datetime.datetime
    last: datetime.datetime | None = None
    gap: tuple[datetime.datetime, datetime.datetime] | None = None


def improbable_before(facts: TimeFacts) -> datetime.datetime | None:
    """The time before which readings are improbable, where some are."""
    starts = [start for start in (EARLIEST, facts.since) if facts.first < start]
    if facts.gap is not None and facts.gap[1] - facts.gap[0] > FAR:
        starts.append(facts.gap[1])
    return max(starts, default=None)


def reading_time_refusals(
    facts: TimeFacts, answer: str | None = None, *, may_answer: bool = False
) -> tuple[Refusal, ...]:
    """Why readings are not taken for what they say; `answer`: what a person said of it (keep)."""
    start = improbable_before(facts)
    late = facts.last is not None and facts.first - facts.last > FAR
    if start is None and not (late and may_answer):
        return ()
    cannot_be = facts.first < EARLIEST
    if answer == KEEP and not cannot_be:
        return ()
    if start is None:
        sentence = (
            "The file begins at {first}; the last reading of probe {probe} is of {last}. Does the logger's clock go "
            "right? Then a silence is found between them."
        )
        found = refuse(Code.IMPROBABLE_TIME, sentence, first=facts.first, probe=facts.probe, last=facts.last)
    else:
        sentence = (
            "Readings of probe {probe} begin at {first}; before {start} none can be expected of it. Was the logger's "
            "clock reset, or the year misread? Set its clock; readings before that time can be left out."
        )
        found = refuse(Code.IMPROBABLE_TIME, sentence, probe=facts.probe, first=facts.first, start=start)
    asks = Question(FIELD, _choices(start, cannot_be=cannot_be)) if may_answer else None
    return (Refusal(found.code, found.sentence, found.facts, asks),)


def _choices(start: datetime.datetime | None, *, cannot_be: bool) -> tuple[Choice, ...]:
    leave_out = [Choice(LEAVE_OUT, f"leave out what is before {on_the_wall(start)}")] if start else []
    return (*leave_out, *(() if cannot_be else (Choice(KEEP, "the times are right"),)))

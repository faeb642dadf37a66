"""Whether a run of a controlled-rate freezer kept to the band of its program: the one rule, and what it forbids.

Between two readings the temperature is what the earlier one says, as everywhere (`rules/temperature.py`). Above the
band it is a departure (warm), below it too (cold), and so is time without readings (silent): unknown is outside until
somebody explains it. The warmth that ice sets free is no departure as far as the band allows it. After the last point
of the band nothing is judged: the vials are on their way.

Times are whole seconds since 1970, temperatures whole hundredths of a degree; the edges of the band are rounded
outwards, so that no departure comes from rounding. Sources: domain reference §4.2 (freezing: program and version,
trace, deviation band). Twins in the database: no_release_without_a_freezing_run, a_run_that_is_relied_on_stays.
"""

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

from cellbank.domain.freezing_band import BandPoint, FreezingBand
from cellbank.domain.lifecycle.states import DeviationState, LotState, RunState
from cellbank.domain.question import Question
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.temperature import hundredths

WARM, COLD, SILENT, NUCLEATION = "warm", "cold", "silent", "nucleation"
HOUR, MINUTE = 3600, 60
MOST_HOURS, ABOUT = 14, 10 * MINUTE  # so near to so many full hours, it is the clock or its zone

Readings = Sequence[tuple[int, int]]
"""(second, hundredths of a degree) in the order of time."""


@dataclass(frozen=True)
class Departure:
    """A time outside the band. `worst`: hundredths of a degree from the nearer edge; `area`: these times seconds."""

    kind: str  # warm, cold, silent; nucleation: warm, and allowed
    since: int
    until: int
    worst: int = 0
    area: int = 0

    @property
    def seconds(self) -> int:
        """How long it lasted."""
        return self.until - self.since


@dataclass(frozen=True)
class Comparison:
    """A run beside its band. `began`: minute 0, None when the product never got cold enough for one."""

    began: int | None
    departures: tuple[Departure, ...] = ()
    nucleation: Departure | None = None

    @property
    def is_within(self) -> bool:
        """Whether the run kept to its program."""
        return self.began is not None and not self.departures

    @property
    def seconds(self) -> int:
        """How long it was outside in all."""
        return sum(one.seconds for one in self.departures)

    @property
    def longest(self) -> int:
        """The seconds of the longest departure."""
        return max((one.seconds for one in self.departures), default=0)

    @property
    def worst(self) -> int:
        """How far outside it ever was, in hundredths of a degree."""
        return max((one.worst for one in self.departures), default=0)

    @property
    def area(self) -> int:
        """Hundredths of a degree times seconds outside, added up."""
        return sum(one.area for one in self.departures)


def compare(band: FreezingBand, readings: Readings) -> Comparison:
    """Compare a run with its band; exact, in whole numbers."""
    start = hundredths(band.start_celsius)
    began = next((at for at, value in readings if value <= start), None)
    if began is None:
        return Comparison(None)
    departures = _joined(_pieces(band, began, readings))
    allowed = next((one for one in departures if _is_nucleation(band, began, one)), None)
    outside = tuple(one for one in departures if one is not allowed)
    return Comparison(began, outside, allowed and replace(allowed, kind=NUCLEATION))


def band_at(band: FreezingBand, second: int) -> tuple[int, int]:
    """The band so many seconds after minute 0, in hundredths of a degree; rounded outwards."""
    for before, after in pairwise(band.points):
        if second <= after.minute * MINUTE:
            return _between(before, after, second)
    last = band.points[-1]
    return hundredths(last.low), hundredths(last.high)


def _between(before: BandPoint, after: BandPoint, second: int) -> tuple[int, int]:
    since, until, low, high, next_low, next_high = map(
        Fraction, (before.minute, after.minute, before.low, before.high, after.low, after.high)
    )
    part = (Fraction(second, MINUTE) - since) / (until - since)
    low, high = low + (next_low - low) * part, high + (next_high - high) * part
    return floor(low * 100), ceil(high * 100)


def _pieces(band: FreezingBand, began: int, readings: Readings) -> Iterator[Departure]:
    """What each reading that is outside adds, and each gap, from minute 0 to the last point of the band."""
    end = began + ceil(Fraction(band.points[-1].minute) * MINUTE)
    within = [(at, value) for at, value in readings if began <= at < end]
    after = next((at for at, _ in readings if at >= end), end)
    for (at, value), following in zip(within, [*(at for at, _ in within[1:]), after], strict=True):
        until = min(following, end)
        low, high = band_at(band, at - began)
        outside = max(value - high, low - value)
        if following - at > band.gap_minutes * MINUTE:
            yield Departure(SILENT, at, until)
        elif outside > 0:
            yield Departure(WARM if value > high else COLD, at, until, outside, outside * (until - at))


def _joined(pieces: Iterable[Departure]) -> list[Departure]:
    """Pieces of one kind that follow each other are one departure."""
    joined: list[Departure] = []
    for one in pieces:
        before = joined[-1] if joined else None
        if before is not None and (before.kind, before.until) == (one.kind, one.since):
            worst, area = max(before.worst, one.worst), before.area + one.area
            joined[-1] = replace(before, until=one.until, worst=worst, area=area)
        else:
            joined.append(one)
    return joined


def _is_nucleation(band: FreezingBand, began: int, departure: Departure) -> bool:
    """Whether a departure is the warmth that ice sets free, as the band allows it."""
    allowed = band.nucleation
    return (
        allowed is not None
        and departure.kind == WARM
        and departure.since - began >= allowed.from_minute * MINUTE
        and departure.until - began <= allowed.until_minute * MINUTE
        and departure.worst <= hundredths(allowed.rise_celsius)
        and departure.seconds <= allowed.minutes * MINUTE
    )


def in_words(departures: int, seconds: int, worst: Decimal) -> str:
    """What a comparison found; degrees and seconds outside the band in all."""
    if not departures:
        return "within the band"
    times = "once" if departures == 1 else f"{departures} times"
    return f"{times} outside the band, {seconds / MINUTE:.1f} min in all, up to {worst:.1f} °C"


# --- why not ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class RunFacts:
    """A run that is to be the run of a lot. `frozen_at`: when the freezing began, as it was recorded; `live`: the code
    of the run that the lot has."""

    lot: str
    program: str
    frozen_at: datetime.datetime
    band: FreezingBand | None
    comparison: Comparison | None
    live: str | None = None


def unit_refusal(asks: Question) -> Refusal:
    """Why a run is not compared: nobody knows in which unit it is; `asks` has what each unit would show."""
    sentence = "The file does not say in which unit its temperatures are. Say it once: it is kept for this freezer."
    return Refusal(Code.UNIT_UNKNOWN, sentence, asks=asks)


def run_refusals(facts: RunFacts) -> tuple[Refusal, ...]:
    """Why a file is not the run of this lot: it has one, its program has no band, or the file is of another time."""
    found = []
    if facts.live is not None:
        sentence = "Lot {lot} has its freezing run, {live}. If that is the wrong file, withdraw it with a reason first."
        found.append(refuse(Code.ALREADY_EXISTS, sentence, lot=facts.lot, live=facts.live))
    if facts.band is None or facts.comparison is None:
        sentence = (
            "Freezing program {program} of lot {lot} has no band in the specification: there is nothing to compare a "
            "run with. A new version of the specification can give it one for lots to come."
        )
        found.append(refuse(Code.WRONG_KIND, sentence, program=facts.program, lot=facts.lot))
    elif facts.comparison.began is None:
        sentence = (
            "The product never got to {start} °C: this is no freezing run, or the wrong column. Name the column of the "
            "product's probe."
        )
        found.append(refuse(Code.RUN_MISMATCH, sentence, start=facts.band.start_celsius))
    else:
        found += _another_time(facts, facts.band, facts.comparison.began)
    return tuple(found)


def _another_time(facts: RunFacts, band: FreezingBand, began: int) -> Iterator[Refusal]:
    apart = began - int(facts.frozen_at.timestamp())
    if abs(apart) <= band.start_within_minutes * MINUTE:
        return
    hours = round(apart / HOUR)
    sentence = (
        "The run began at {began}, {minutes} min {side} the freezing of lot {lot} ({frozen}); {allowed} min are "
        "allowed. "
    )
    if 1 <= abs(hours) <= MOST_HOURS and abs(apart - hours * HOUR) <= ABOUT:
        sentence += (
            "That is nearly {hours} h: does the freezer's clock go right? Else give the zone in which it writes."
        )
    else:
        sentence += "It is the run of another lot: choose the right file."
    yield refuse(
        Code.RUN_MISMATCH,
        sentence,
        minutes=round(abs(apart) / MINUTE),
        side="before" if apart < 0 else "after",
        lot=facts.lot,
        allowed=band.start_within_minutes,
        hours=abs(hours),
        frozen=facts.frozen_at,
        began=datetime.datetime.fromtimestamp(began, datetime.UTC),
    )


@dataclass(frozen=True)
class RunOfLot:
    """The run of a lot that counts. `told` says in a few words what the comparison found; `deviation` is the one that
    was opened for a run outside its band, with its state."""

    code: str
    state: str  # WITHIN, OUTSIDE
    told: str
    deviation: str | None = None
    deviation_state: str | None = None

    @property
    def is_settled(self) -> bool:
        """Whether the lot may go on: the run kept to its program, or its deviation is closed."""
        return self.state == RunState.WITHIN or self.deviation_state == DeviationState.CLOSED


def no_run_refusals(lot: str, program: str, run: RunOfLot | None) -> tuple[Refusal, ...]:
    """Why a lot whose program has a band is not released yet: no run, or one outside its band that nobody explained.
    Twin in the database: no_release_without_a_freezing_run."""
    if run is None:
        sentence = "The freezing run of lot {lot} (program {program}) is missing. Import the freezer's file."
        return (refuse(Code.CRITERION_OPEN, sentence, lot=lot, program=program),)
    if run.is_settled:
        return ()
    sentence = "Freezing run {run} of lot {lot} left the band of its program. Have deviation {deviation} closed first."
    return (refuse(Code.DEVIATION_OPEN, sentence, run=run.code, lot=lot, deviation=run.deviation or "–"),)


def withdrawal_refusals(run: str, lot: str, states: tuple[str | None, ...], conditional: str | None) -> list[Refusal]:
    """Why a run stays: the lot is out, or was before its hold, or some subject may have it (`conditional`). Twin in the
    database: a_run_that_is_relied_on_stays."""
    found = []
    if not {LotState.RELEASED, LotState.RECALLED}.isdisjoint(states):
        sentence = "Lot {lot} was released with freezing run {run}: it stays. Open a deviation, and hold the lot."
        found.append(refuse(Code.WRONG_STATE, sentence, lot=lot, run=run))
    if conditional is not None:
        sentence = "Conditional release {code} of lot {lot} rests on freezing run {run}. End it first."
        found.append(refuse(Code.WRONG_STATE, sentence, code=conditional, lot=lot, run=run))
    return found

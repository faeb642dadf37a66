"""What can hardly be, though it is not impossible: a slip of the pen far more often than a fact. It is asked about, and
whoever writes why it is right all the same is believed: a fact may not be refused. The answer stands with the act: in
the history of its record, in the batch record and in the trail.

What cannot be at all is refused, and its twin in the database is the_run_began_after_the_filling.

The bounds are far outside anything that a culture of human cells does (domain reference, §4.2): they find the wrong
day and the lost zero, and never quarrel about biology.
"""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from cellbank.domain.quantities import millions
from cellbank.domain.refusals import Code, Refusal, refuse

WAY_OUT = " Correct it; if it is right, say why."
SHORTEST_PASSAGE = datetime.timedelta(hours=12)  # cells have hardly settled by then
LONGEST_PASSAGE = datetime.timedelta(days=60)
SHORTEST_DOUBLING_H = Decimal(8)  # no human cell divides so fast
MOST_CELLS_PER_CM2 = 2_000_000  # several layers one above the other
FEWEST_CELLS_PER_CM2 = 50  # a cell here and there: the millions were forgotten
MOST_SEEDED_PER_CM2 = 200_000  # more than a full layer has
LONGEST_IN_HAND = datetime.timedelta(hours=24)  # detached cells, before they are seeded or filled
LONGEST_BIRTH = datetime.timedelta(hours=24)  # from the delivery until the tissue is collected
MASS_G = {"placenta": (Decimal(100), Decimal(2000)), "cord": (Decimal(5), Decimal(300))}  # at any week of a pregnancy
LENGTH_CM = (Decimal(5), Decimal(150))  # of a cord
SHORTEST_FILLING = datetime.timedelta(minutes=2)  # cells, cryoprotectant and caps take longer
SHORTEST_FREEZING = datetime.timedelta(minutes=20)  # at -1 °C a minute nothing is frozen by then


def unanswered(improbable: Sequence[Refusal], because: str | None) -> tuple[Refusal, ...]:
    """What still needs its answer: nothing once somebody has said why it is right."""
    return () if because else tuple(improbable)


def as_answered(improbable: Sequence[Refusal]) -> tuple[Refusal, ...]:
    """What was improbable, once it is answered: what could hardly be, with nothing left to do about it."""
    return tuple(replace(one, sentence=one.sentence.removesuffix(WAY_OUT)) for one in improbable)


def _improbable(sentence: str, **facts: object) -> Refusal:
    return refuse(Code.IMPROBABLE, sentence + WAY_OUT, **facts)


def _in_words(span: datetime.timedelta) -> str:
    """A span as it is told: minutes, hours or days."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 72 * 60 else f"{minutes // (24 * 60)} days"


@dataclass(frozen=True)
class GrowthFacts:
    """A harvest beside its seeding; `cells` are all that were counted, of a vessel of `area_cm2`."""

    culture: str
    lasted: datetime.timedelta  # between the two
    doubling_time_h: Decimal | None
    cells: int
    area_cm2: Decimal | None


def improbable_harvest(facts: GrowthFacts) -> tuple[Refusal, ...]:
    """What can hardly be about a harvest: its time, its growth, its count."""
    return tuple(_improbable_harvest(facts))


def _improbable_harvest(facts: GrowthFacts) -> Iterator[Refusal]:
    if not SHORTEST_PASSAGE <= facts.lasted <= LONGEST_PASSAGE:
        sentence = "Culture {culture} would have been harvested {lasted} after it was seeded."
        yield _improbable(sentence, culture=facts.culture, lasted=_in_words(facts.lasted))
    if facts.doubling_time_h is not None and facts.doubling_time_h < SHORTEST_DOUBLING_H:
        sentence = "Culture {culture} would have doubled every {hours} h; no human cell divides so fast."
        yield _improbable(sentence, culture=facts.culture, hours=facts.doubling_time_h)
    if facts.area_cm2 and not _is_between(facts.cells, facts.area_cm2, FEWEST_CELLS_PER_CM2, MOST_CELLS_PER_CM2):
        sentence = "Culture {culture} would have held {cells} cells on {area} cm²."
        yield _improbable(sentence, culture=facts.culture, cells=_exactly(facts.cells), area=f"{facts.area_cm2:f}")


def _is_between(cells: int, area_cm2: Decimal, fewest: int, most: int) -> bool:
    """Whether so many cells stand on an area as cells of one layer or of a few do; without a division, exactly."""
    return area_cm2 * fewest <= cells <= area_cm2 * most


def _exactly(cells: int) -> str:
    """Every digit: a lost zero is what is looked for."""
    return f"{cells:,}".replace(",", " ")


def improbable_seeding(source: str, viable_per_vessel: int, area_cm2: Decimal) -> tuple[Refusal, ...]:
    """Living cells on a vessel, so few that none would meet another, or more than find room on it. `source` names where
    they come from."""
    if _is_between(viable_per_vessel, area_cm2, FEWEST_CELLS_PER_CM2, MOST_SEEDED_PER_CM2):
        return ()
    sentence = "{cells} living cells of {source} would be seeded on {area} cm²."
    return (_improbable(sentence, cells=_exactly(viable_per_vessel), source=source, area=f"{area_cm2:f}"),)


def improbable_wait(
    what: str, culture: str, harvested_at: datetime.datetime | None, at: datetime.datetime
) -> tuple[Refusal, ...]:
    """Cells that were detached so long before they were seeded or filled would hardly live."""
    if harvested_at is None or at - harvested_at <= LONGEST_IN_HAND:
        return ()
    sentence = "{what} would have begun {waited} after culture {culture} was harvested."
    return (_improbable(sentence, what=what, culture=culture, waited=_in_words(at - harvested_at)),)


@dataclass(frozen=True)
class TissueFacts:
    """Tissue as it was weighed and measured; `delivered_at` None: not recorded."""

    tissue: str
    mass_g: Decimal
    length_cm: Decimal | None
    delivered_at: datetime.datetime | None
    collected_at: datetime.datetime


def improbable_arrival(facts: TissueFacts) -> tuple[Refusal, ...]:
    """What can hardly be about a placenta or a cord: its size, and that it was collected long after the birth."""
    return tuple(_improbable_arrival(facts))


def _improbable_arrival(facts: TissueFacts) -> Iterator[Refusal]:
    low, high = MASS_G[facts.tissue]
    if not low <= facts.mass_g <= high:
        yield _improbable("A {tissue} would have a mass of {mass} g.", tissue=facts.tissue, mass=f"{facts.mass_g:f}")
    if facts.length_cm is not None and not LENGTH_CM[0] <= facts.length_cm <= LENGTH_CM[1]:
        sentence = "A {tissue} would be {length} cm long."
        yield _improbable(sentence, tissue=facts.tissue, length=f"{facts.length_cm:f}")
    if facts.delivered_at is not None and facts.collected_at - facts.delivered_at > LONGEST_BIRTH:
        sentence = "The {tissue} would have been collected {waited} after the delivery."
        yield _improbable(sentence, tissue=facts.tissue, waited=_in_words(facts.collected_at - facts.delivered_at))


def improbable_losses(lot: str, taken: int, lost: int) -> tuple[Refusal, ...]:
    """More cells lost at filling than went on: vials that nobody scanned, far more often."""
    if lost * 2 <= taken:
        return ()
    sentence = "Of {taken} cells for lot {lot}, {lost} would be lost: more than half. Is every filled vial scanned?"
    return (_improbable(sentence, lot=lot, taken=millions(taken), lost=millions(lost)),)


def improbable_filling(lot: str, began: datetime.datetime, frozen: datetime.datetime) -> tuple[Refusal, ...]:
    """Vials that went into the freezer as soon as their filling began."""
    if frozen - began >= SHORTEST_FILLING:
        return ()
    sentence = "Freezing of lot {lot} would have begun {waited} after its filling did."
    return (_improbable(sentence, lot=lot, waited=_in_words(frozen - began)),)


def improbable_putting_away(
    lot: str, frozen_at: datetime.datetime, run_ended_at: datetime.datetime | None, at: datetime.datetime
) -> tuple[Refusal, ...]:
    """Vials that stand in the tank while their freezer runs. `run_ended_at` None: its file is not here yet."""
    if run_ended_at is not None and at < run_ended_at:
        sentence = "Vials of lot {lot} would have been put away {waited} before their freezing run ended."
        return (_improbable(sentence, lot=lot, waited=_in_words(run_ended_at - at)),)
    if at - frozen_at < SHORTEST_FREEZING:
        sentence = "Vials of lot {lot} would have been put away {waited} after their freezing began."
        return (_improbable(sentence, lot=lot, waited=_in_words(at - frozen_at)),)
    return ()


@dataclass(frozen=True)
class RunTimes:
    """A freezing run beside its lot: when filling began, and when the first vial was put away (None: none is yet)."""

    lot: str
    began: datetime.datetime
    ended: datetime.datetime
    fill_started_at: datetime.datetime
    put_away_at: datetime.datetime | None


def impossible_run(facts: RunTimes) -> tuple[Refusal, ...]:
    """Nothing of a lot was frozen before it was filled."""
    if facts.began >= facts.fill_started_at:
        return ()
    sentence = (
        "The run began at {began}, before the filling of lot {lot} did ({filled}): it is "
        "the run of another lot. Choose the right file, or correct the time."
    )
    times = {"began": facts.began, "filled": facts.fill_started_at}
    return (refuse(Code.OUT_OF_ORDER, sentence, lot=facts.lot, **times),)


def improbable_run(facts: RunTimes) -> tuple[Refusal, ...]:
    """A run that goes on when its vials stand in the tank already: the freezer ran on empty, or it is another's run."""
    if facts.put_away_at is None or facts.ended <= facts.put_away_at:
        return ()
    sentence = "The run ended at {ended}, after the first vial of lot {lot} was put away ({put_away})."
    times = {"ended": facts.ended, "put_away": facts.put_away_at}
    return (_improbable(sentence, lot=facts.lot, **times),)

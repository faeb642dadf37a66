"""When a harvest may become a lot of vials, and the lot be closed and frozen. Limits come from the specification.

The twins in the database: ck_culture_cells_left_never_negative, ck_lot_cells_per_vial_positive.
"""

import calendar
import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from cellbank.domain.growth import unaccounted_cells
from cellbank.domain.quantities import millions
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.specification import CultureRules, FreezingRules

PURPOSES = {"master_bank": "master bank", "working_bank": "working bank", "product": "product lot"}


def expires_on(filled_on: datetime.date, months: int) -> datetime.date:
    """The last day on which a lot may be used: the same day so many months later, or the last day of a shorter month.

    Filled on 2026-08-31 with 6 months it is 2027-02-28.
    """
    years, month = divmod(filled_on.month - 1 + months, 12)
    year, month = filled_on.year + years, month + 1
    return datetime.date(year, month, min(filled_on.day, calendar.monthrange(year, month)[1]))


def _exact(cells: int) -> str:
    """A count that must agree to the last cell, in groups of three; rounded to millions it would seem to agree."""
    return f"{cells:,}".replace(",", " ")


def shelf_life_months(rules: FreezingRules, purpose: str) -> int | None:
    """Months that a lot for this purpose keeps; None where the specification does not say."""
    return next((shelf.months for shelf in rules.shelf_life if shelf.code == purpose), None)


# --- opening ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """Cells taken from one harvested culture; counts are of all cells, living and dead."""

    culture: str
    donation: str
    cells: int
    cells_left: int
    passage: int
    cumulative_doublings: Decimal


@dataclass(frozen=True)
class OpeningFacts:
    """A lot to be filled: the cells that go in and the vials that are to come of it."""

    sources: tuple[Source, ...]
    purpose: str
    vial_count: int
    cells_per_vial: int
    volume_ml: Decimal
    dmso_percent: Decimal
    freezing: FreezingRules
    culture: CultureRules

    @property
    def cells_taken(self) -> int:
        """All cells that leave the cultures."""
        return sum(source.cells for source in self.sources)

    @property
    def cells_needed(self) -> int:
        """All cells that the planned vials take."""
        return self.vial_count * self.cells_per_vial


def opening_refusals(facts: OpeningFacts) -> tuple[Refusal, ...]:
    """Why this lot cannot be opened."""
    return (
        *_mixed_donations(facts.sources),
        *(refusal for source in facts.sources for refusal in _source_refusals(source, facts.culture)),
        *_too_few_cells(facts),
        *_outside_limits(facts),
    )


def _mixed_donations(sources: tuple[Source, ...]) -> tuple[Refusal, ...]:
    first = sources[0]
    return tuple(
        refuse(
            Code.MIXED_DONORS,
            "Culture {first} comes from donation {donation}, culture {other} from {other_donation}: "
            "a lot never mixes donations. Open one lot for each.",
            first=first.culture,
            donation=first.donation,
            other=source.culture,
            other_donation=source.donation,
        )
        for source in sources[1:]
        if source.donation != first.donation
    )


def _source_refusals(source: Source, limits: CultureRules) -> tuple[Refusal, ...]:
    refusals = []
    if source.cells > source.cells_left:
        refusals.append(
            refuse(
                Code.CELLS_EXCEED_SOURCE,
                "Culture {culture} has {left} cells left and {cells} are to be taken. Take fewer.",
                culture=source.culture,
                left=_exact(source.cells_left),
                cells=_exact(source.cells),
            )
        )
    if source.passage > limits.passage_max and limits.passage_above_max == "refuse":
        refusals.append(
            refuse(
                Code.PASSAGE_LIMIT,
                "Culture {culture} is P{passage} and the limit is P{limit}: it can no longer become a lot. "
                "Use a culture of a lower passage.",
                culture=source.culture,
                passage=source.passage,
                limit=limits.passage_max,
            )
        )
    if source.cumulative_doublings > limits.cpdl_block:
        refusals.append(
            refuse(
                Code.POPULATION_DOUBLING_LIMIT,
                "Culture {culture} has doubled {doublings} times in all and the limit is {limit}: it can no longer "
                "become a lot. Use a younger culture.",
                culture=source.culture,
                doublings=source.cumulative_doublings,
                limit=limits.cpdl_block,
            )
        )
    return tuple(refusals)


def _too_few_cells(facts: OpeningFacts) -> tuple[Refusal, ...]:
    if facts.cells_needed <= facts.cells_taken:
        return ()
    return (
        refuse(
            Code.CELLS_EXCEED_SOURCE,
            "{count} vials of {each} cells need {needed} cells and {taken} are taken: {missing} are missing. "
            "Fill fewer vials, or take more cells.",
            count=facts.vial_count,
            each=_exact(facts.cells_per_vial),
            needed=_exact(facts.cells_needed),
            taken=_exact(facts.cells_taken),
            missing=_exact(facts.cells_needed - facts.cells_taken),
        ),
    )


def _outside_limits(facts: OpeningFacts) -> tuple[Refusal, ...]:
    rules, refusals = facts.freezing, []
    # cells ÷ volume against the limits, without the division: exact, and no volume is zero too few
    low, high = (limit * facts.volume_ml for limit in (rules.cells_per_ml.low, rules.cells_per_ml.high))
    if not low <= facts.cells_per_vial <= high:
        limits = f"{millions(rules.cells_per_ml.low)} to {millions(rules.cells_per_ml.high)} cells per mL"
        given = f"{millions(facts.cells_per_vial)} cells in {facts.volume_ml:f} mL"
        refusals.append(_outside("The filling", given, limits))
    if not rules.vial_volume_ml.holds(facts.volume_ml):
        refusals.append(_outside("The volume of a vial", f"{facts.volume_ml:f} mL", f"{rules.vial_volume_ml} mL"))
    if not rules.dmso_percent.holds(facts.dmso_percent):
        refusals.append(_outside("DMSO", f"{facts.dmso_percent:f} %", f"{rules.dmso_percent} %"))
    if shelf_life_months(rules, facts.purpose) is None:
        known = ", ".join(PURPOSES.get(shelf.code, shelf.code) for shelf in rules.shelf_life)
        refusals.append(_outside("The purpose", PURPOSES[facts.purpose], f"those with a shelf life: {known}"))
    return tuple(refusals)


def _outside(what: str, given: str, limits: str) -> Refusal:
    return refuse(
        Code.OUTSIDE_LIMITS,
        "{what} ({given}) is outside the specification ({limits}). Correct it.",
        what=what,
        given=given,
        limits=limits,
    )


# --- filling ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class FillingFacts:
    """Vials scanned as filled for a lot; `strangers` gives the lot of each vial that belongs to another one."""

    lot: str
    strangers: Mapping[str, str]


def filling_refusals(facts: FillingFacts) -> tuple[Refusal, ...]:
    """Why these vials cannot be filled for this lot."""
    return tuple(
        refuse(
            Code.VIAL_MISMATCH,
            "Vial {vial} belongs to lot {its_lot}, not to lot {lot}. Put it aside, clear the bench, and scan a vial of "
            "lot {lot}.",
            vial=vial,
            its_lot=its_lot,
            lot=facts.lot,
        )
        for vial, its_lot in facts.strangers.items()
    )


@dataclass(frozen=True)
class ClosingFacts:
    """What went into a lot and what came of it. A vial broken after filling counts as filled: its cells were in it."""

    lot: str
    cells_taken: int
    filled_count: int
    cells_per_vial: int
    sample_cells: int
    lost_cells: int


def closing_refusals(facts: ClosingFacts) -> tuple[Refusal, ...]:
    """Why the filling cannot be closed: every cell taken is in a vial, in a sample or lost, to the last one."""
    in_vials = facts.filled_count * facts.cells_per_vial
    difference = unaccounted_cells(
        facts.cells_taken, cells_out=in_vials, samples=facts.sample_cells, losses=facts.lost_cells
    )
    if difference == 0:
        return ()
    return (
        refuse(
            Code.CELL_BALANCE,
            "Lot {lot}: {taken} cells were taken; {count} vials of {each}, samples of {samples} and losses of {losses} "
            "make {out}. {difference} cells {verdict}. Scan every filled vial, then correct samples or losses.",
            lot=facts.lot,
            taken=_exact(facts.cells_taken),
            count=facts.filled_count,
            each=_exact(facts.cells_per_vial),
            samples=_exact(facts.sample_cells),
            losses=_exact(facts.lost_cells),
            out=_exact(facts.cells_taken - difference),
            difference=_exact(abs(difference)),
            verdict="are not accounted for" if difference > 0 else "too many",
        ),
    )


# --- freezing ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class FreezingFacts:
    """A filled lot on its way into the freezer."""

    lot: str
    fill_started_at: datetime.datetime
    frozen_at: datetime.datetime
    program: str
    freezing: FreezingRules


def freezing_refusals(facts: FreezingFacts) -> tuple[Refusal, ...]:
    """Why the lot cannot be frozen so: another program than the specification's, or too long after filling began."""
    refusals = []
    programs = [program.code for program in facts.freezing.programs]
    if facts.program not in programs:
        sentence = "The freezing program {program} is none of the specification: {known}. Correct it."
        known = " or ".join(programs)
        refusals.append(refuse(Code.OUT_OF_SPECIFICATION, sentence, program=facts.program, known=known))
    limit = facts.freezing.fill_to_freeze_max_minutes
    waited = facts.frozen_at - facts.fill_started_at
    if waited > datetime.timedelta(minutes=limit):
        refusals.append(
            refuse(
                Code.TOO_LATE,
                "Freezing of lot {lot} began {minutes} minutes after filling did; {limit} are allowed, for DMSO harms "
                "warm cells. Correct the time, or discard the vials.",
                lot=facts.lot,
                minutes=-(-waited // datetime.timedelta(minutes=1)),
                limit=limit,
            )
        )
    return tuple(refusals)

"""From a body weight to cells, from cells to vials, from a thawed pool to the volume in the syringe.

All arithmetic is exact: int, Decimal and Fraction, never float. With floats a 31.5 kg patient is given three
vials where the exact answer is two, and 64.1 kg × 10^6 is 64099999.99999999. Every step is kept with its
numbers, so that a page can show the calculation and a record can store it.

T total cells per vial at fill, r total-cell recovery, v viability after thaw: a vial is expected to give
E = T·r·v viable cells. r is never a "viable recovery"; that would count viability twice.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import ceil, floor
from typing import Any

from cellbank.domain.protocol import Protocol
from cellbank.domain.protocol_doses import DoseRule, FixedDose, Tolerance
from cellbank.domain.protocol_thaw import Limits, SyringeMark

DMSO_G_PER_ML = Decimal("1.10")
Exact = int | Decimal | Fraction


@dataclass(frozen=True)
class Step:
    """One line of a calculation as a person checks it: what, from which numbers, with which result."""

    label: str
    formula: str
    value: str


@dataclass(frozen=True)
class DoseCalculation:
    """How many vials hold a dose. `spare_vials` on top of `vials`; `expected_percent` of `required_cells`."""

    weight_kg: Decimal | None
    required_cells: int
    is_capped: bool
    total_cells_per_vial: int
    recovery_percent: Decimal
    viability_percent: Decimal
    viable_cells_per_vial: Fraction
    vials: int
    spare_vials: int
    expected_cells: int
    expected_percent: Fraction
    steps: tuple[Step, ...]

    @property
    def vials_to_reserve(self) -> int:
        """Vials for the dose and the spare ones."""
        return self.vials + self.spare_vials

    def as_json(self) -> dict[str, Any]:
        """For a JSON column: cells as int, exact values as text ("19125000", "6885/61"), steps as tables."""
        return _jsonable(self)


def calculate_dose(
    rule: DoseRule,
    weight_kg: Decimal | None,
    total_cells_per_vial: int,
    recovery_percent: Decimal,
    viability_percent: Decimal,
) -> DoseCalculation:
    """Required cells and the smallest number of whole vials expected to hold them.

    `weight_kg` may be None for a fixed dose. Raises ValueError for a weight that is missing, not positive
    or finer than the rule's decimals, for an empty vial, and for percentages outside 0 < p ≤ 100
    (a recovery counted above 100 % has to be entered as 100: thawing makes no cells). Whether the weight
    is plausible and fresh is judged by the dosing rules, not here.
    """
    required, is_capped, required_steps = required_cells(rule, weight_kg)
    per_vial = _viable_per_vial(total_cells_per_vial, recovery_percent, viability_percent)
    vials = ceil(required / per_vial)  # of a Fraction: exact, never down
    expected = vials * per_vial
    percent = expected * 100 / required
    vial_steps = (
        Step(
            "Viable cells per vial",
            f"{_millions(total_cells_per_vial)} × {recovery_percent} % × {viability_percent} %",
            _millions(per_vial),
        ),
        Step(
            "Vials",
            f"{_millions(required)} ÷ {_millions(per_vial)} = {_shown(required / per_vial, 2)}, rounded up",
            str(vials),
        ),
        Step("Expected dose", f"{vials} × {_millions(per_vial)}", f"{_millions(expected)} ({_shown(percent, 1)} %)"),
        Step("Vials to reserve", f"{vials} + {rule.spare_vials} spare", str(vials + rule.spare_vials)),
    )
    return DoseCalculation(
        weight_kg,
        required,
        is_capped,
        total_cells_per_vial,
        recovery_percent,
        viability_percent,
        per_vial,
        vials,
        rule.spare_vials,
        floor(expected),
        percent,
        required_steps + vial_steps,
    )


def required_cells(rule: DoseRule, weight_kg: Decimal | None) -> tuple[int, bool, tuple[Step, ...]]:
    """The cells that a dose is to hold, whether they are capped, and the steps. Raises ValueError as calculate_dose."""
    amount = rule.amount
    if isinstance(amount, FixedDose):
        uncapped = amount.cells
        step = Step("Required cells", "fixed dose", _millions(uncapped))
    else:
        weight = _checked_weight(weight_kg, rule.weight.decimals)
        uncapped = ceil(amount.cells_per_kg * Fraction(weight))
        formula = f"{weight:f} kg × {_millions(amount.cells_per_kg)} per kg"
        step = Step("Required cells", formula, _millions(uncapped))
    if rule.cap_cells is None or uncapped <= rule.cap_cells:
        return uncapped, False, (step,)
    cap = Step("Cap", f"no more than {_millions(rule.cap_cells)}", _millions(rule.cap_cells))
    return rule.cap_cells, True, (step, cap)


def _checked_weight(weight_kg: Decimal | None, decimals: int) -> Decimal:
    if weight_kg is None:
        raise ValueError("The dose is per kg: a body weight is needed.")
    weight = _exact(weight_kg, "The body weight")
    if weight <= 0:
        raise ValueError(f"A body weight of {weight} kg is not possible.")
    if weight != round(weight, decimals):
        raise ValueError(f"A body weight of {weight} kg is finer than the protocol's {decimals} decimals.")
    return weight


def _viable_per_vial(total_cells: int, recovery_percent: Decimal, viability_percent: Decimal) -> Fraction:
    if _exact(total_cells, "The cell count of a vial") <= 0:
        raise ValueError("A vial without cells cannot make a dose.")
    for value, name in ((recovery_percent, "The recovery"), (viability_percent, "The viability")):
        if not 0 < _exact(value, name) <= 100:
            raise ValueError(f"{name} of {value} % is outside 0 to 100 %.")
    return Fraction(total_cells) * Fraction(recovery_percent) * Fraction(viability_percent) / 10_000


@dataclass(frozen=True)
class DrawVolume:
    """What to draw from the thawed pool.

    `exact_ml` (to 0.001 mL) holds the required cells; `drawn_ml` is what the syringe can show and the pool
    can give. `percent` of the required cells is exact: judge by it, never by a rounded one.
    """

    required_cells: int
    viable_cells_per_ml: Fraction
    exact_ml: Decimal
    available_ml: Decimal
    mark_ml: Decimal
    drawn_ml: Decimal
    delivered_cells: int
    percent: Fraction
    is_short: bool
    shortfall_cells: int
    steps: tuple[Step, ...]

    @property
    def percent_shown(self) -> Decimal:
        """Percent of the required dose with one decimal, for reading only."""
        return one_decimal(self.percent)

    def as_json(self) -> dict[str, Any]:
        """As DoseCalculation.as_json."""
        return _jsonable(self)


def volume_to_draw(
    required_cells: int,
    total_cells_per_ml: int,
    viability_percent: Decimal,
    pooled_ml: Decimal,
    dead_volume_ml: Decimal,
    marks: Iterable[SyringeMark],
) -> DrawVolume:
    """The volume of the pool that holds the required viable cells, to the nearest syringe mark (halves up).

    If the pool cannot give the exact volume, all that it can give is drawn (mark rounded down), and the
    dose `is_short` by `shortfall_cells`: thaw one more vial, or a physician documents the under-dose.
    Raises ValueError when there is nothing viable to draw and when no syringe of the protocol is large
    enough.
    """
    viability = _exact(viability_percent, "The viability")
    per_ml = living_per_ml(_exact(total_cells_per_ml, "The count"), viability)
    available = _exact(pooled_ml, "The pooled volume") - _exact(dead_volume_ml, "The dead volume")
    if _exact(required_cells, "The dose") <= 0 or per_ml <= 0 or viability > 100 or available <= 0:
        raise ValueError("There is nothing to draw: cells, viability and volume must all be above 0.")
    exact = required_cells / per_ml
    short = is_short(required_cells, total_cells_per_ml, viability, pooled_ml, dead_volume_ml)
    mark, drawn = _at_a_mark(min(exact, Fraction(available)), available, tuple(marks))
    delivered = floor(per_ml * Fraction(drawn))
    percent = percent_drawn(total_cells_per_ml, viability, drawn, required_cells)
    steps = (
        Step("Viable cells per mL", f"{_millions(total_cells_per_ml)} × {viability_percent} %", _millions(per_ml)),
        Step("Exact volume", f"{_millions(required_cells)} ÷ {_millions(per_ml)} per mL", f"{_shown(exact, 3)} mL"),
        Step("Available", f"{pooled_ml} mL − {dead_volume_ml} mL dead volume", f"{available:f} mL"),
        Step("Draw", f"to the {mark:f} mL mark{', all that is available' if short else ''}", f"{drawn:f} mL"),
        Step(
            "Delivered dose",
            f"{drawn:f} mL × {_millions(per_ml)} per mL",
            f"{_millions(delivered)} ({_shown(percent, 1)} %)",
        ),
    )
    return DrawVolume(
        required_cells,
        per_ml,
        _rounded(exact, 3),
        available,
        mark,
        drawn,
        delivered,
        percent,
        short,
        required_cells - delivered if short else 0,
        steps,
    )


def living_per_ml(total_cells_per_ml: Exact, viability_percent: Decimal) -> Fraction:
    """Living cells in a mL of a pool, by its count; exact."""
    return Fraction(total_cells_per_ml) * Fraction(viability_percent) / 100


def percent_drawn(
    total_cells_per_ml: int, viability_percent: Decimal, drawn_ml: Decimal, required_cells: int
) -> Fraction:
    """What was drawn, in percent of the required cells; exact: judge by it. Stored and shown to 0.1, halves up."""
    return living_per_ml(total_cells_per_ml, viability_percent) * Fraction(drawn_ml) * 100 / required_cells


def is_short(
    required_cells: int,
    total_cells_per_ml: int,
    viability_percent: Decimal,
    pooled_ml: Decimal,
    dead_volume_ml: Decimal,
) -> bool:
    """Whether a pool gives fewer living cells than the dose needs; of any pool, also of one with nothing to draw."""
    return living_per_ml(total_cells_per_ml, viability_percent) * Fraction(pooled_ml - dead_volume_ml) < required_cells


def _at_a_mark(volume: Fraction, available: Decimal, marks: tuple[SyringeMark, ...]) -> tuple[Decimal, Decimal]:
    mark = next((mark.mark_ml for mark in marks if volume <= mark.up_to_ml), None)
    if mark is None:
        raise ValueError(f"{_shown(volume, 1)} mL is more than the largest syringe, {marks[-1].up_to_ml} mL.")
    nearest = floor(volume / Fraction(mark) + Fraction(1, 2))
    possible = floor(Fraction(available) / Fraction(mark))
    return mark, min(nearest, possible) * mark


def given_cells(delivered_cells: int, given_ml: Decimal, prepared_ml: Decimal) -> int:
    """Living cells in the part of a prepared dose that went in: exact, rounded down to the cell."""
    return floor(_share(delivered_cells, given_ml, prepared_ml))


def given_percent(delivered_cells: int, given_ml: Decimal, prepared_ml: Decimal, required_cells: int) -> Fraction:
    """What went in, in percent of the required cells; exact: judge by it. Stored and shown to 0.1, halves up."""
    return _share(delivered_cells, given_ml, prepared_ml) * 100 / required_cells


def _share(delivered_cells: int, given_ml: Decimal, prepared_ml: Decimal) -> Fraction:
    return Fraction(delivered_cells) * Fraction(_exact(given_ml, "The volume given")) / Fraction(prepared_ml)


class Band(StrEnum):
    """What a value means: go on, go on with a reason, stop."""

    OK = "OK"
    WARN = "WARN"
    BLOCK = "BLOCK"


def dose_band(percent: Exact, tolerance: Tolerance) -> Band:
    """The band of a delivered dose in percent of the required one; give the exact percent, not a rounded."""
    if tolerance.ok_percent.holds(percent):
        return Band.OK
    return Band.WARN if tolerance.warn_percent.holds(percent) else Band.BLOCK


def dmso_ml(volume_ml: Decimal, dmso_percent: Decimal) -> Fraction:
    """Pure DMSO in a volume of frozen product (not of the diluted pool)."""
    return Fraction(volume_ml) * Fraction(dmso_percent) / 100


def dmso_g_per_kg(pure_ml: Exact, weight_kg: Decimal) -> Decimal:
    """So much pure DMSO per kg of body weight; rounded up. It is judged for all that a subject is given in a day."""
    return _rounded_up(Fraction(pure_ml) * Fraction(DMSO_G_PER_ML) / Fraction(weight_kg), 6)


def dmso_band(g_per_kg: Decimal, limits: Limits) -> Band:
    """BLOCK at the limit, WARN from the warning share of it."""
    if g_per_kg >= limits.dmso_g_per_kg:
        return Band.BLOCK
    return Band.WARN if g_per_kg * 100 >= limits.dmso_g_per_kg * limits.dmso_warn_percent else Band.OK


def endotoxin_eu_per_kg(eu_per_million: Decimal, delivered_cells: int, weight_kg: Decimal) -> Decimal:
    """Endotoxin that a dose brings, per kg of body weight; rounded up at 10⁻⁴."""
    return _rounded_up(Fraction(eu_per_million) * delivered_cells / 1_000_000 / Fraction(weight_kg), 4)


@dataclass(frozen=True)
class Window:
    """The dates of one infusion: planned, and the first and last on which it may be given."""

    earliest_on: date
    planned_on: date
    latest_on: date

    def holds(self, on: date) -> bool:
        """Whether a date lies in the window, both ends included."""
        return self.earliest_on <= on <= self.latest_on


def study_day(first_infusion_on: date, on: date) -> int:
    """The study day of a date. Day 1 is that of the first infusion, the day before is day -1; no day 0."""
    days = (on - first_infusion_on).days
    return days + 1 if days >= 0 else days


def date_of_day(first_infusion_on: date, day: int) -> date:
    """The date of a study day; the inverse of `study_day`. Raises ValueError for day 0."""
    if day == 0:
        raise ValueError("There is no day 0: the day before day 1 is day -1.")
    return first_infusion_on + timedelta(days=day - 1 if day > 0 else day)


def window(protocol: Protocol, number: int, first_infusion_on: date) -> Window:
    """The dates of an infusion by its number; KeyError for a number that the protocol does not have."""
    infusion = protocol.dosing.infusion(number)
    days = (infusion.window_first_day, infusion.day, infusion.window_last_day)
    return Window(*(date_of_day(first_infusion_on, day) for day in days))


def _exact(value: Exact, name: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ValueError(f"{name} must be an int or a Decimal, never a float: {value!r}.")
    if not Decimal(value).is_finite():
        raise ValueError(f"{name} must be a finite number: {value}.")
    return Decimal(value)


def one_decimal(percent: Fraction) -> Decimal:
    """For the record, the screen and the label, halves up; bands are judged by the exact value."""
    return _rounded(percent, 1)


def _rounded(value: Exact, decimals: int) -> Decimal:
    scaled = floor(Fraction(value) * 10**decimals + Fraction(1, 2))
    return Decimal(scaled).scaleb(-decimals)


def _rounded_up(value: Fraction, decimals: int) -> Decimal:
    return Decimal(ceil(value * 10**decimals)).scaleb(-decimals)


def _shown(value: Exact, decimals: int) -> str:
    return f"{_rounded(value, decimals):f}"


def _millions(cells: Exact) -> str:
    """Cells as ×10⁶ to the single cell (fractions of a cell cut off), so that steps can be recalculated."""
    text = f"{Decimal(floor(cells)).scaleb(-6):f}".rstrip("0")
    return f"{text}0 ×10⁶" if text.endswith(".") else f"{text} ×10⁶"


def _jsonable(calculation: DoseCalculation | DrawVolume) -> dict[str, Any]:
    plain = asdict(calculation)
    exact = (Decimal, Fraction)
    return {name: str(value) if isinstance(value, exact) else value for name, value in plain.items()}

"""From tissue to cells in a flask: what may be isolated, when a harvest must be looked at twice, how far cells may be
expanded (domain reference, §4.1 and §4.2). What has happened is always recorded; only going on is refused."""

import datetime
from dataclasses import dataclass
from decimal import Decimal

from cellbank.domain.growth import GrowthFlag, viable_cells
from cellbank.domain.lifecycle.states import DonationState, DonorState, LotState
from cellbank.domain.quantities import millions
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.donation import hours_between
from cellbank.domain.specification import CultureRules, DonationKind

# --- isolation --------------------------------------------------------------------------------


@dataclass(frozen=True)
class IsolationFacts:
    """Tissue about to be processed. `donation` is the DIN as printed."""

    donation: str
    donation_state: str
    donor: str
    donor_state: str
    collected_at: datetime.datetime
    started_at: datetime.datetime
    limits: DonationKind


def isolation_refusals(facts: IsolationFacts) -> tuple[Refusal, ...]:
    """Why no culture may be started from this tissue. A hold is no reason: it stops the lots, not the laboratory."""
    return (*_donor_refusals(facts), *_donation_refusals(facts), *_start_refusals(facts))


def isolation_warnings(facts: IsolationFacts) -> tuple[Refusal, ...]:
    """What should be known: processing began later than it should."""
    hours = hours_between(facts.collected_at, facts.started_at)
    return _late(facts, facts.limits.hours_soft, "Watch the yield.") if hours <= facts.limits.hours_hard else ()


def _donor_refusals(facts: IsolationFacts) -> tuple[Refusal, ...]:
    if facts.donor_state != DonorState.INELIGIBLE:
        return ()
    return (
        refuse(
            Code.DONOR_NOT_ELIGIBLE,
            "Donor {donor} is determined ineligible: nothing is made from donation {donation}. Put the tissue aside.",
            donor=facts.donor,
            donation=facts.donation,
        ),
    )


def _donation_refusals(facts: IsolationFacts) -> tuple[Refusal, ...]:
    if facts.donation_state == DonationState.ACCEPTED:
        return ()
    sentence = (
        "Donation {donation} was rejected. Put the tissue aside."
        if facts.donation_state == DonationState.REJECTED
        else "Donation {donation} arrived outside the usual limits: a quality officer decides on it first."
    )
    return (refuse(Code.DONATION_NOT_ACCEPTED, sentence, donation=facts.donation),)


def _start_refusals(facts: IsolationFacts) -> tuple[Refusal, ...]:
    return _late(facts, facts.limits.hours_hard, "Nothing is made from it: discard the tissue.")


def _late(facts: IsolationFacts, limit: Decimal, consequence: str) -> tuple[Refusal, ...]:
    hours = hours_between(facts.collected_at, facts.started_at)
    if hours <= limit:
        return ()
    return (
        refuse(
            Code.TOO_LATE,
            "Processing of donation {donation} began {hours} h after collection; the limit is {limit} h. {consequence}",
            donation=facts.donation,
            hours=f"{hours:.1f}",
            limit=f"{limit:f}",
            consequence=consequence,
        ),
    )


# --- harvest ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class HarvestFacts:
    """One harvest as counted. `seeded` and `viable` are living cells; `level` is cumulative, this passage included."""

    culture: str
    seeded: int | None
    viable: int
    viability_percent: Decimal
    confluence_percent: Decimal | None
    flag: GrowthFlag | None
    level: Decimal
    fewer_cells_confirmed: bool
    note: str | None
    limits: CultureRules


def harvest_refusals(facts: HarvestFacts) -> tuple[Refusal, ...]:
    """Fewer living cells than were seeded is more often a slip of the pen than of the cells: it is confirmed."""
    if facts.flag not in (GrowthFlag.FEWER_CELLS, GrowthFlag.NOTHING_HARVESTED):
        return ()
    if facts.fewer_cells_confirmed and facts.note:
        return ()
    return (
        refuse(
            Code.FEWER_CELLS_THAN_SEEDED,
            "Culture {culture} was seeded with {seeded} living cells and only {viable} are harvested. Check the count; "
            "if it is right, confirm it and write a note.",
            culture=facts.culture,
            seeded=_exactly(facts.seeded or 0),
            viable=_exactly(facts.viable),
        ),
    )


def _exactly(cells: int) -> str:
    """Every digit: rounded, one cell too few would look like enough."""
    return f"{cells:,}".replace(",", " ")


def harvest_warnings(facts: HarvestFacts) -> tuple[Refusal, ...]:
    """What the specification would have otherwise; the harvest is recorded all the same."""
    return (*_viability(facts), *_confluence(facts), *_level_reached(facts))


def _viability(facts: HarvestFacts) -> tuple[Refusal, ...]:
    if facts.viability_percent >= facts.limits.viability_minimum_percent:
        return ()
    return (
        refuse(
            Code.VIABILITY_TOO_LOW,
            "Viability of culture {culture} is {viability} %; {limit} % is the least in process.",
            culture=facts.culture,
            viability=f"{facts.viability_percent:f}",
            limit=f"{facts.limits.viability_minimum_percent:f}",
        ),
    )


def _confluence(facts: HarvestFacts) -> tuple[Refusal, ...]:
    usual = facts.limits.harvest_confluence_percent
    if facts.confluence_percent is None or usual.holds(facts.confluence_percent):
        return ()
    return (
        refuse(
            Code.OUTSIDE_LIMITS,
            "Culture {culture} was harvested at {confluence} % confluence; {usual} % is usual.",
            culture=facts.culture,
            confluence=f"{facts.confluence_percent:f}",
            usual=usual,
        ),
    )


def _level_reached(facts: HarvestFacts) -> tuple[Refusal, ...]:
    over = facts.level > facts.limits.cpdl_block
    limit = facts.limits.cpdl_block if over else facts.limits.cpdl_warn
    if facts.level <= limit:
        return ()
    consequence = "It is neither passaged nor frozen any more." if over else "Freeze it soon."
    return (
        refuse(
            Code.POPULATION_DOUBLING_LIMIT,
            "Culture {culture} stands at {level} population doublings in all, above {limit}. {consequence}",
            culture=facts.culture,
            level=facts.level,
            limit=f"{limit:f}",
            consequence=consequence,
        ),
    )


# --- seeding: a passage, or a bank vial -------------------------------------------------------


@dataclass(frozen=True)
class SeedingFacts:
    """Cells about to go into new vessels. `source` names where they come from; `passage` is that of the new cultures,
    `level` the population doublings so far, `viable_per_vessel` living cells."""

    source: str
    passage: int
    level: Decimal
    viable_per_vessel: int
    area_cm2: Decimal
    limits: CultureRules


def seeding_refusals(facts: SeedingFacts) -> tuple[Refusal, ...]:
    """Why these cells may not be expanded further: every doubling is a chance for a changed cell to take over."""
    refusals = []
    if facts.passage > facts.limits.passage_max and facts.limits.passage_above_max == "refuse":
        refusals.append(_passage_limit(facts, "Freeze these cells or discard them."))
    if facts.level > facts.limits.cpdl_block:
        refusals.append(_level_limit(facts, facts.limits.cpdl_block, "They are not expanded further: discard them."))
    return tuple(refusals)


def seeding_warnings(facts: SeedingFacts) -> tuple[Refusal, ...]:
    """What should be known: a limit near or passed that only warns, or an unusual density."""
    warnings = []
    if facts.passage > facts.limits.passage_max and facts.limits.passage_above_max == "warn":
        warnings.append(_passage_limit(facts, "Ask the quality officer whether it is wanted."))
    if facts.limits.cpdl_warn < facts.level <= facts.limits.cpdl_block:
        warnings.append(_level_limit(facts, facts.limits.cpdl_warn, "Freeze them soon."))
    return (*warnings, *_density(facts))


def _passage_limit(facts: SeedingFacts, way_out: str) -> Refusal:
    return refuse(
        Code.PASSAGE_LIMIT,
        "Cells of {source} would be P{passage}; the limit is P{limit}. {way_out}",
        source=facts.source,
        passage=facts.passage,
        limit=facts.limits.passage_max,
        way_out=way_out,
    )


def _level_limit(facts: SeedingFacts, limit: Decimal, way_out: str) -> Refusal:
    return refuse(
        Code.POPULATION_DOUBLING_LIMIT,
        "Cells of {source} have doubled {level} times in all; the limit is {limit}. {way_out}",
        source=facts.source,
        level=facts.level,
        limit=f"{limit:f}",
        way_out=way_out,
    )


def _density(facts: SeedingFacts) -> tuple[Refusal, ...]:
    usual = facts.limits.seeding_per_cm2
    density = int(facts.viable_per_vessel / facts.area_cm2)
    if usual.holds(density):
        return ()
    return (
        refuse(
            Code.OUTSIDE_LIMITS,
            "{density} living cells per cm² are seeded; {usual} are usual.",
            density=density,
            usual=usual,
        ),
    )


@dataclass(frozen=True)
class TakingFacts:
    """Living cells wanted from a harvest; `viability_percent` and `cells_left` (all cells) are None before it."""

    culture: str
    viable_wanted: int
    viability_percent: Decimal | None
    cells_left: int | None


def cells_to_take(viable_wanted: int, viability_percent: Decimal) -> int | None:
    """All cells that hold so many living ones, rounded up, exactly; None when none of them lives."""
    hundredths = int(viability_percent * 100)
    return -(-viable_wanted * 10_000 // hundredths) if hundredths else None


def taking_refusals(facts: TakingFacts) -> tuple[Refusal, ...]:
    """Why so many cells cannot come out of this harvest."""
    if facts.viability_percent is None or facts.cells_left is None:
        return ()  # not harvested yet: the transition table says so
    taken = cells_to_take(facts.viable_wanted, facts.viability_percent)
    if taken is not None and taken <= facts.cells_left:
        return ()
    return (
        refuse(
            Code.CELLS_EXCEED_SOURCE,
            "Culture {culture} has {left} living cells left ({all_left} in all at {viability} % viability); "
            "{wanted} are to be seeded. Seed fewer.",
            culture=facts.culture,
            left=millions(viable_cells(facts.cells_left, facts.viability_percent)),
            all_left=millions(facts.cells_left),
            viability=f"{facts.viability_percent:f}",
            wanted=millions(facts.viable_wanted),
        ),
    )


# --- a bank vial ------------------------------------------------------------------------------


@dataclass(frozen=True)
class BankVialFacts:
    """A vial about to be thawed into culture. `thawed_on` is the day at the site; cells are per vial."""

    vial: str
    lot: str
    lot_state: str
    purpose: str
    expires_on: datetime.date
    thawed_on: datetime.date
    cells_filled: int
    viable_seeded: int


def bank_vial_refusals(facts: BankVialFacts) -> tuple[Refusal, ...]:
    """Why this vial may not start a culture."""
    named = {"vial": facts.vial, "lot": facts.lot}
    refusals = []
    if facts.purpose == "product":
        sentence = "Vial {vial} is of product lot {lot}: it is for patients. Scan a vial of a bank."
        refusals.append(refuse(Code.WRONG_KIND, sentence, **named))
    if facts.lot_state != LotState.RELEASED:
        sentence = "Bank {lot} of vial {vial} is {state}, not released. A quality officer decides on the lot first."
        refusals.append(refuse(Code.LOT_NOT_RELEASED, sentence, state=facts.lot_state, **named))
    if facts.thawed_on > facts.expires_on:
        sentence = "Bank {lot} of vial {vial} expired on {expires_on}. Scan a vial of a younger bank."
        refusals.append(refuse(Code.EXPIRED, sentence, expires_on=facts.expires_on, **named))
    if facts.viable_seeded > facts.cells_filled:
        sentence = "Vial {vial} was filled with {filled} cells and {seeded} living ones are seeded. Count again."
        counts = {"filled": millions(facts.cells_filled), "seeded": millions(facts.viable_seeded)}
        refusals.append(refuse(Code.CELLS_EXCEED_SOURCE, sentence, **counts, **named))
    return tuple(refusals)

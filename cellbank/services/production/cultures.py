"""Cultures: from tissue or a bank vial to P0, from passage to passage, until all cells are used.

The cumulative level counts from the P0 harvest, for nobody knows how often cells divided while they grew out of tissue;
from there it never goes back, neither at a passage nor through a bank vial.
"""

import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from cellbank.domain.growth import Growth
from cellbank.domain.identifiers import Kind, is_usable, printed, record_code
from cellbank.domain.lifecycle.states import CultureState
from cellbank.domain.refusals import Refusal
from cellbank.domain.rules.culture import (
    BankVialFacts,
    HarvestFacts,
    IsolationFacts,
    SeedingFacts,
    TakingFacts,
    bank_vial_refusals,
    cells_to_take,
    harvest_refusals,
    harvest_warnings,
    isolation_refusals,
    isolation_warnings,
    seeding_refusals,
    seeding_warnings,
    taking_refusals,
)
from cellbank.domain.rules.plausible import GrowthFacts, improbable_harvest, improbable_seeding, improbable_wait
from cellbank.domain.specification import Specification
from cellbank.records.production import Culture, Donation, Donor, Lot, ReagentLot, Vial
from cellbank.records.work import Work
from cellbank.services.acts import TellingInput, act
from cellbank.services.common import asked_about, specification_of, time_refusals
from cellbank.services.inputs import (
    AreaCm2,
    Cells,
    CultureCode,
    DonationCode,
    Improbable,
    OneLine,
    Percentage,
    Reason,
    Text,
    VialCode,
)
from cellbank.services.labels.label_printing import print_first
from cellbank.services.production.growing import AN_INSTANT, Harvested, harvested
from cellbank.services.production.reagent_use import (
    ReagentAmounts,
    ScannedReagents,
    amounts_of_the_reagents,
    lock_reagents,
    use_reagents,
)
from cellbank.services.site_time import local_day
from cellbank.services.storage.places import end_placement, last_placed_at

MOST_VESSELS = 100

# Vessels of one act are all alike; other vessels are another act.
VesselKind = Annotated[OneLine, Field(title="Kind of vessel", description="For example T175.")]
VesselCount = Annotated[int, Field(title="Vessels of this kind", ge=1, le=MOST_VESSELS)]
VesselArea = Annotated[AreaCm2, Field(title="Growth area of each")]
ViableCells = Annotated[Cells, Field(title="Living cells seeded into each vessel", gt=0)]
Note = Annotated[Text | None, Field(title="Note")]


class IsolateTissue(TellingInput):
    """Isolate cells from tissue."""

    EARLIER_NAME = "started_at"
    donation: DonationCode = Field(title="Donation")
    method: Literal["explant", "enzymatic"] = Field(title="Method")
    vessel: VesselKind
    vessel_count: VesselCount = 1
    area_cm2: VesselArea
    reagents: ScannedReagents
    reagent_quantities: ReagentAmounts
    note: Note = None

    _amounts = model_validator(mode="after")(amounts_of_the_reagents)


@act(IsolateTissue)
def isolate_tissue(work: Work, given: IsolateTissue) -> Culture:
    """Start P0 in one or several vessels. Refuses tissue that is not accepted or too old, an ineligible donor, and
    reagents that may not be used."""
    donation = work.lock(Donation, given.donation)
    donor = work.share(Donor, donation.donor_id)
    at = work.happened
    facts = IsolationFacts(
        donation=printed(donation.code),
        donation_state=donation.state,
        donor=donor.code,
        donor_state=donor.state,
        collected_at=donation.collected_at,
        started_at=at,
        limits=_specification(work, donation).donation(donation.tissue),
    )
    reagents, unusable = lock_reagents(work, given.reagents, at, given.reagent_quantities)
    late = time_refusals(work, "The isolation", at, donation.received_at)
    work.warn(isolation_warnings(facts))
    work.judge(Culture, refusals=[*isolation_refusals(facts), *unusable, *late], of=[donation])
    first = {"method": given.method, "passage": 0, "cumulative_doublings": Decimal(0), "started_at": at}
    return _start(work, given, reagents, {"donation_id": donation.id, **first})


class RecordHarvest(TellingInput):
    """Harvest and count."""

    EARLIER_NAME = "harvested_at"
    culture: CultureCode = Field(title="Culture")
    total_cells: Cells = Field(title="Total cells counted", description="Living and dead.", gt=0)
    viability_percent: Percentage = Field(title="Viability")
    confluence_percent: Percentage | None = Field(default=None, title="Confluence")
    fewer_cells_confirmed: bool = Field(default=False, title="Fewer living cells than seeded: the count is right")
    improbable_because: Improbable = None
    note: Note = None


@act(RecordHarvest)
def record_harvest(work: Work, given: RecordHarvest) -> Culture:
    """Count the cells and calculate the growth. Refuses a harvest that is not later than the seeding, and fewer living
    cells than seeded unless that is confirmed with a note."""
    culture = work.lock(Culture, given.culture)
    at = work.happened
    found = harvested(
        culture.cumulative_doublings,
        culture.cells_seeded,
        given.total_cells,
        given.viability_percent,
        at - culture.started_at,
    )
    facts = _harvest_facts(work, culture, given, found)
    late = time_refusals(work, "The harvest", at, culture.started_at + AN_INSTANT)
    work.show(growth=_growth_shown(found))
    work.warn(harvest_warnings(facts))
    doubted = asked_about(work, _doubts(culture, given, at, found.grown), given.improbable_because)
    work.judge(culture, refusals=[*harvest_refusals(facts), *late, *doubted])
    culture.harvested_at = at
    culture.cells_harvested = culture.cells_left = given.total_cells
    culture.viability_percent, culture.confluence_percent = given.viability_percent, given.confluence_percent
    for column, value in found.columns().items():
        setattr(culture, column, value)
    culture.harvest_note = given.note
    work.transition(culture)
    return culture


def _doubts(culture: Culture, given: RecordHarvest, at: datetime.datetime, grown: Growth) -> tuple[Refusal, ...]:
    lasted = at - culture.started_at
    growing = GrowthFacts(culture.code, lasted, grown.doubling_time_hours, given.total_cells, culture.area_cm2)
    return improbable_harvest(growing)


def _harvest_facts(work: Work, culture: Culture, given: RecordHarvest, found: Harvested) -> HarvestFacts:
    return HarvestFacts(
        culture=culture.code,
        seeded=culture.cells_seeded,
        viable=found.viable,
        viability_percent=given.viability_percent,
        confluence_percent=given.confluence_percent,
        flag=found.grown.flag,
        level=found.level,
        fewer_cells_confirmed=given.fewer_cells_confirmed,
        note=given.note,
        limits=_specification_of(work, culture).culture,
    )


def _growth_shown(found: Harvested) -> dict[str, Any]:
    return {
        "viable_cells": found.viable,
        "population_doublings": _text(found.grown.doublings),
        "doubling_time_h": _text(found.doubling_time),
        "cumulative_doublings": str(found.level),
        "flag": found.grown.flag,
    }


class PassageCulture(TellingInput):
    """Passage a culture."""

    EARLIER_NAME = "seeded_at"
    culture: CultureCode = Field(title="Culture")
    vessel: VesselKind
    vessel_count: VesselCount = 1
    area_cm2: VesselArea
    viable_cells: ViableCells
    reagents: ScannedReagents
    reagent_quantities: ReagentAmounts
    improbable_because: Improbable = None
    note: Note = None

    _amounts = model_validator(mode="after")(amounts_of_the_reagents)


@act(PassageCulture)
def passage_culture(work: Work, given: PassageCulture) -> Culture:
    """Seed one or several vessels at the next passage; the answer names the new cultures.

    Refuses more cells than are left (all cells, living and dead, that hold the living ones wanted), and expansion
    beyond the limits of passage and population doublings.
    """
    parent = work.lock(Culture, given.culture)
    at = work.happened
    seeding = _seeding(work, parent, given, f"culture {parent.code}", parent.passage + 1, parent.cumulative_doublings)
    wanted = given.viable_cells * given.vessel_count
    taking = TakingFacts(parent.code, wanted, parent.viability_percent, parent.cells_left)
    reagents, unusable = lock_reagents(work, given.reagents, at, given.reagent_quantities)
    late = time_refusals(work, "The passage", at, parent.harvested_at)
    taken = cells_to_take(wanted, parent.viability_percent or Decimal(0))
    work.show(cells_taken=taken)
    work.warn(seeding_warnings(seeding))
    doubts = (
        *improbable_seeding(seeding.source, given.viable_cells, given.area_cm2),
        *improbable_wait("The passage", parent.code, parent.harvested_at, at),
    )
    doubted = asked_about(work, doubts, given.improbable_because)
    refusals = [*seeding_refusals(seeding), *taking_refusals(taking), *unusable, *late, *doubted]
    work.judge(parent, Culture, refusals=refusals)
    assert taken is not None and parent.cells_left is not None  # judged
    parent.cells_left -= taken
    work.transition(parent)
    child = {
        "donation_id": parent.donation_id,
        "parent_id": parent.id,
        "method": "passage",
        "passage": parent.passage + 1,
        "cells_seeded": given.viable_cells,
        "cumulative_doublings": parent.cumulative_doublings,
        "started_at": at,
    }
    _start(work, given, reagents, child)
    return parent


def _seeding(
    work: Work,
    origin: Culture | Vial,
    given: "PassageCulture | ThawBankVial",
    source: str,
    passage: int,
    level: Decimal,
) -> SeedingFacts:
    limits = _specification_of(work, origin).culture
    return SeedingFacts(source, passage, level, given.viable_cells, given.area_cm2, limits)


class ThawBankVial(TellingInput):
    """Thaw a bank vial."""

    EARLIER_NAME = "thawed_at"
    vial: VialCode = Field(title="Vial")
    vessel: VesselKind
    vessel_count: VesselCount = 1
    area_cm2: VesselArea
    viable_cells: ViableCells
    reagents: ScannedReagents
    reagent_quantities: ReagentAmounts
    improbable_because: Improbable = None
    note: Note = None

    _amounts = model_validator(mode="after")(amounts_of_the_reagents)


@act(ThawBankVial)
def thaw_bank_vial(work: Work, given: ThawBankVial) -> Culture:
    """Thaw a vial of a released bank and seed its cells. Seeding them again makes the next passage, as it would have
    without the freezer; the cumulative level goes on. The vial leaves its place for good."""
    vial = work.lock(Vial, given.vial)
    lot = work.share(Lot, vial.lot_id)
    at = work.happened
    facts = BankVialFacts(
        vial=printed(vial.code),
        lot=lot.code,
        lot_state=lot.state,
        purpose=lot.purpose,
        expires_on=lot.expires_on,
        thawed_on=local_day(work, at),
        cells_filled=lot.cells_per_vial,
        viable_seeded=given.viable_cells * given.vessel_count,
    )
    seeding = _seeding(work, vial, given, f"bank {lot.code}", lot.passage + 1, lot.cumulative_doublings)
    reagents, unusable = lock_reagents(work, given.reagents, at, given.reagent_quantities)
    late = time_refusals(work, "The thaw", at, last_placed_at(work.session, [vial]))
    work.warn(seeding_warnings(seeding))
    doubts = improbable_seeding(seeding.source, given.viable_cells, given.area_cm2)
    doubted = asked_about(work, doubts, given.improbable_because)
    refusals = [*bank_vial_refusals(facts), *seeding_refusals(seeding), *unusable, *late, *doubted]
    work.judge(vial, Culture, refusals=refusals)
    vial.thawed_at = at
    work.transition(vial)
    end_placement(work, [vial], at)
    culture = {
        "donation_id": vial.donation_id,
        "source_vial_id": vial.id,
        "method": "bank_vial",
        "passage": lot.passage + 1,
        "cells_seeded": given.viable_cells,
        "cumulative_doublings": lot.cumulative_doublings,
        "started_at": at,
    }
    return _start(work, given, reagents, culture)


class FinishCulture(TellingInput):
    """Finish a harvested culture."""

    culture: CultureCode = Field(title="Culture")
    note: Note = None


@act(FinishCulture, likely="rarely")
def finish_culture(work: Work, given: FinishCulture) -> Culture:
    """Close the culture; cells that are left are recorded as lost, so that the balance of the harvest closes."""
    culture = work.lock(Culture, given.culture)
    work.show(cells_lost=culture.cells_left)
    work.judge(culture)
    culture.cells_lost, culture.cells_left = culture.cells_left, 0
    culture.end_note = given.note
    work.transition(culture)
    return culture


class DiscardCulture(TellingInput):
    """Discard a culture."""

    culture: CultureCode = Field(title="Culture")
    reason: Reason


@act(DiscardCulture, likely="rarely")
def discard_culture(work: Work, given: DiscardCulture) -> Culture:
    """Give a culture up: contaminated, dried out, not needed; or a harvested one, dropped with all cells that are left,
    which are recorded as lost."""
    culture = work.lock(Culture, given.culture)
    work.show(**({"cells_lost": culture.cells_left} if culture.harvested_at else {}))
    work.judge(culture)
    if culture.harvested_at:
        culture.cells_lost, culture.cells_left = culture.cells_left, 0
    culture.end_note = given.reason
    work.transition(culture)
    return culture


# --- what the acts share ----------------------------------------------------------------------


def _start(
    work: Work,
    given: IsolateTissue | PassageCulture | ThawBankVial,
    reagents: list[ReagentLot],
    columns: dict[str, Any],
) -> Culture:
    """Insert one culture for each vessel, with the reagents that went in; returns the first one."""
    codes = _vessel_codes(work, given.vessel_count)
    same = {"site_id": work.actor.site_id, "vessel": given.vessel, "area_cm2": given.area_cm2, "note": given.note}
    ids = work.add_many(Culture, [{**columns, **same, "code": code} for code in codes], to=CultureState.GROWING)
    use_reagents(work, reagents, given.reagent_quantities, used_at=columns["started_at"], culture_ids=ids)
    work.show(cultures=codes)
    print_first(work, Kind.CULTURE, *codes)
    return work.session.get_one(Culture, ids[0])


def _vessel_codes(work: Work, count: int) -> list[str]:
    """So many culture codes, in one or two statements: of many numbers one in nine or so is passed over."""
    codes: list[str] = []
    while len(codes) < count:
        wanted = (count - len(codes)) * 7 // 6
        last = work.number(Kind.CULTURE.value, wanted)
        numbers = range(last - wanted + 1, last + 1)
        codes += [record_code(Kind.CULTURE, number) for number in numbers if is_usable(Kind.CULTURE, number)]
    return codes[:count]


def _specification_of(work: Work, origin: Culture | Vial) -> Specification:
    """The specification under which the donation was received: its limits hold for all that comes of it."""
    return _specification(work, work.session.get_one(Donation, origin.donation_id))


def _specification(work: Work, donation: Donation) -> Specification:
    return specification_of(work.session, donation.specification_id)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)

"""From a harvest to a frozen lot of numbered vials: open, fill, close, freeze."""

import datetime
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator
from sqlalchemy import func, select

from cellbank.domain.identifiers import Kind, division_code, vial_code
from cellbank.domain.lifecycle.states import LotState, VialState
from cellbank.domain.quantities import Quantity, parse_decimal
from cellbank.domain.rules.freezing import (
    ClosingFacts,
    FillingFacts,
    FreezingFacts,
    OpeningFacts,
    Source,
    closing_refusals,
    expires_on,
    filling_refusals,
    freezing_refusals,
    opening_refusals,
    shelf_life_months,
)
from cellbank.domain.rules.plausible import improbable_filling, improbable_losses, improbable_wait
from cellbank.domain.specification import Specification
from cellbank.records.people import Definition, Site
from cellbank.records.production import Culture, Donation, Lot, LotSource, Vial
from cellbank.records.work import Work
from cellbank.services.acts import TellingInput, act
from cellbank.services.common import asked_about, new_code, read_specification, specification_of, time_refusals
from cellbank.services.inputs import (
    MAX_VIALS,
    Cells,
    CultureCode,
    Identifier,
    Improbable,
    LotCode,
    VialCodes,
    VolumeMl,
    each_once,
    quantity,
)
from cellbank.services.labels.label_printing import print_first
from cellbank.services.production.reagent_use import (
    ReagentAmounts,
    ScannedReagents,
    amounts_of_the_reagents,
    lock_reagents,
    use_reagents,
)
from cellbank.services.stopping.holding import held, lock_lot

_DMSO = Quantity("DMSO", "%", "in percent of the volume", low=Decimal(0), high=Decimal(100), decimals=2, shown=1)
DmsoPercent = Annotated[Decimal, *quantity("%", partial(parse_decimal, quantity=_DMSO))]

# Product code of a vial: the site's local code, collection type V (volunteer, allogeneic), and 99: a six-character
# division follows (domain: ISBT 128 structures 003 and 032).
COLLECTION_AND_DIVISION = "V99"


class OpenLot(TellingInput):
    """Open a lot for filling."""

    EARLIER_NAME = "fill_started_at"
    cultures: Annotated[list[CultureCode], AfterValidator(each_once)] = Field(
        title="Cultures", description="Harvested, all of one donation.", min_length=1, max_length=50
    )
    cells: list[Cells] = Field(
        title="Cells from each culture", description="In the order of the cultures.", max_length=50
    )
    purpose: Literal["master_bank", "working_bank", "product"] = Field(title="Purpose")
    vial_count: int = Field(title="Vials", ge=1, le=MAX_VIALS)
    cells_per_vial: Cells = Field(title="Cells in each vial")
    volume_ml: VolumeMl = Field(title="Volume of each vial")
    dmso_percent: DmsoPercent = Field(title="DMSO")
    reagents: ScannedReagents
    reagent_quantities: ReagentAmounts
    improbable_because: Improbable = None

    _amounts = model_validator(mode="after")(amounts_of_the_reagents)

    @model_validator(mode="after")
    def _cells_of_each_culture(self) -> "OpenLot":
        if len(self.cells) != len(self.cultures):
            raise ValueError(f"{len(self.cells)} cell counts for {len(self.cultures)} cultures: give one for each")
        if 0 in (*self.cells, self.cells_per_vial):
            raise ValueError("a cell count of 0: give the cells taken from each culture and those in each vial")
        return self


@act(OpenLot, begun_by={"technician": 4})
def open_lot(work: Work, given: OpenLot) -> Lot:
    """Take cells from cultures and number the vials that they go into. The numbers go on within the donation.

    Refuses cultures of several donations, more cells than there are, and whatever the specification does not allow.
    """
    cultures = work.lock_all(Culture, given.cultures)
    donation, definition, site = _origin(work, cultures[0])
    specification = read_specification(definition.content)
    at = work.happened
    reagents, reagent_reasons = lock_reagents(work, given.reagents, at, given.reagent_quantities)
    facts = _opening_facts(work, given, cultures, donation, specification)
    filled_on = at.astimezone(ZoneInfo(site.timezone)).date()
    expiry = expires_on(filled_on, shelf_life_months(specification.freezing, given.purpose) or 0)
    work.show(cells_taken=facts.cells_taken, cells_needed=facts.cells_needed, expires_on=expiry.isoformat())
    harvested = max((culture.harvested_at for culture in cultures if culture.harvested_at), default=None)
    waited = [one for c in cultures for one in improbable_wait("The filling", c.code, c.harvested_at, at)]
    doubted = asked_about(work, waited, given.improbable_because)
    times = time_refusals(work, "The filling", at, harvested)
    work.judge(Lot, Vial, *cultures, refusals=(*opening_refusals(facts), *reagent_reasons, *times, *doubted))

    for culture, cells in zip(cultures, given.cells, strict=True):
        culture.cells_left = (culture.cells_left or 0) - cells
    work.transition(*cultures)
    lot = work.add(_new_lot(work, given, facts, donation, specification, at, expiry))
    pairs = zip(cultures, given.cells, strict=True)
    work.note_many(LotSource, [{"lot_id": lot.id, "culture_id": c.id, "cells_used": cells} for c, cells in pairs])
    use_reagents(work, reagents, given.reagent_quantities, used_at=at, lot_id=lot.id)
    _number_vials(work, lot, donation, given.vial_count)
    return lot


def _origin(work: Work, culture: Culture) -> tuple[Donation, Definition, Site]:
    """The donation of a culture, kept from changing, with its specification; and the site that fills. One statement,
    for a lot of two hundred vials is opened in few of them."""
    statement = (
        select(Donation, Definition, Site)
        .join(Definition, Definition.id == Donation.specification_id)
        .join(Site, Site.id == work.actor.site_id)
        .where(Donation.id == culture.donation_id)
    )
    kept = statement if work.dry_run else statement.with_for_update(read=True, of=Donation)
    return work.session.execute(kept).one()


def _opening_facts(
    work: Work, given: OpenLot, cultures: list[Culture], donation: Donation, specification: Specification
) -> OpeningFacts:
    dins = {donation.id: donation.code}
    others = {culture.donation_id for culture in cultures} - set(dins)
    if others:
        dins.update(work.session.execute(select(Donation.id, Donation.code).where(Donation.id.in_(others))).all())
    sources = tuple(
        Source(c.code, dins[c.donation_id], cells, c.cells_left or 0, c.passage, c.cumulative_doublings)
        for c, cells in zip(cultures, given.cells, strict=True)
    )
    return OpeningFacts(
        sources,
        given.purpose,
        given.vial_count,
        given.cells_per_vial,
        given.volume_ml,
        given.dmso_percent,
        specification.freezing,
        specification.culture,
    )


def _new_lot(
    work: Work,
    given: OpenLot,
    facts: OpeningFacts,
    donation: Donation,
    specification: Specification,
    at: datetime.datetime,
    expiry: datetime.date,
) -> Lot:
    """The lot: passage and cumulative level are the highest among its sources, so that no limit is passed unseen."""
    return Lot(
        site_id=work.actor.site_id,
        donation_id=donation.id,
        specification_id=donation.specification_id,
        code=new_code(work, Kind.LOT),
        purpose=given.purpose,
        product_code=specification.product_code + COLLECTION_AND_DIVISION,
        passage=max(source.passage for source in facts.sources),
        cumulative_doublings=max(source.cumulative_doublings for source in facts.sources),
        cells_per_vial=given.cells_per_vial,
        volume_ml=given.volume_ml,
        cryoprotectant=specification.freezing.cryoprotectant,
        dmso_percent=given.dmso_percent,
        planned_vial_count=given.vial_count,
        fill_started_at=at,
        expires_on=expiry,
    )


def _number_vials(work: Work, lot: Lot, donation: Donation, count: int) -> None:
    """All vials in one statement. Divisions are counted for the donation: two of its lots never share a number."""
    before = work.number(f"division {donation.code}", count) - count
    codes = [vial_code(donation.code, division_code(before + number)) for number in range(1, count + 1)]
    rows: list[dict[str, Any]] = [
        {"site_id": lot.site_id, "lot_id": lot.id, "donation_id": donation.id, "code": code} for code in codes
    ]
    work.add_many(Vial, rows)
    print_first(work, Kind.LOT, lot.code)
    work.show(vial_count=count, first_vial=codes[0], last_vial=codes[-1])


class RecordFilling(TellingInput):
    """Scan vials as filled."""

    lot: LotCode = Field(title="Lot")
    vials: VialCodes = Field(title="Vials")


@act(RecordFilling)
def record_filling(work: Work, given: RecordFilling) -> Lot:
    """Note which vials hold cells. Refuses a vial of another lot, and one that was scanned before."""
    lot = work.lock(Lot, given.lot)
    vials = work.lock_all(Vial, given.vials)
    strangers = [vial for vial in vials if vial.lot_id != lot.id]
    facts = FillingFacts(lot.code, _lots_of(work, strangers))
    work.judge(lot, *(vial for vial in vials if vial.lot_id == lot.id), refusals=filling_refusals(facts))
    work.transition_many(Vial, vials)
    work.show(filled=len(vials))
    return lot


def _lots_of(work: Work, vials: list[Vial]) -> dict[str, str]:
    """The lot of each of these vials, vial code → lot code; no statement when there are none."""
    if not vials:
        return {}
    statement = select(Vial.code, Lot.code).join(Lot, Lot.id == Vial.lot_id)
    return dict(work.session.execute(statement.where(Vial.id.in_([vial.id for vial in vials]))).all())


class CloseFilling(TellingInput):
    """Close the filling of a lot."""

    lot: LotCode = Field(title="Lot")
    sample_cells: Cells = Field(title="Cells taken as samples")
    lost_cells: Cells = Field(title="Cells lost")
    improbable_because: Improbable = None


@act(CloseFilling)
def close_filling(work: Work, given: CloseFilling) -> Lot:
    """Account for every cell and void the labels that were not used. Refuses a balance that is not zero."""
    lot = work.lock(Lot, given.lot)
    unused = _vials_of(work, lot, VialState.PRINTED)
    of_lot = select(func.count()).where(Vial.lot_id == lot.id, Vial.state.not_in([VialState.PRINTED, VialState.VOIDED]))
    filled = work.session.scalars(of_lot).one()
    taken = work.session.scalar(select(func.sum(LotSource.cells_used)).where(LotSource.lot_id == lot.id)) or 0
    facts = ClosingFacts(lot.code, int(taken), filled, lot.cells_per_vial, given.sample_cells, given.lost_cells)
    work.show(filled=filled, voided=len(unused))
    losses = improbable_losses(lot.code, facts.cells_taken, facts.lost_cells)
    doubted = asked_about(work, losses, given.improbable_because)
    work.judge(lot, *unused, refusals=(*closing_refusals(facts), *doubted))
    lot.sample_cells, lot.lost_cells = given.sample_cells, given.lost_cells
    work.transition(lot)
    work.transition_many(Vial, unused)
    return lot


def _vials_of(work: Work, lot: Lot, state: str) -> list[Vial]:
    """The vials of a lot in a state, locked; the lot itself is locked by the caller."""
    statement = select(Vial).where(Vial.lot_id == lot.id, Vial.state == state).order_by(Vial.id)
    return list(work.session.scalars(statement if work.dry_run else statement.with_for_update(key_share=True)))


class RecordFreezing(TellingInput):
    """Freeze a lot."""

    EARLIER_NAME = "frozen_at"
    lot: LotCode = Field(title="Lot")
    program: Identifier = Field(title="Freezing program", description="As the specification names it.")
    improbable_because: Improbable = None


@act(RecordFreezing)
def record_freezing(work: Work, given: RecordFreezing) -> Lot:
    """Note the start of freezing; the lot goes into quarantine, or on hold where a hold waits for it.

    Refuses a program that the specification does not know, and a start too long after filling began.
    """
    lot = lock_lot(work, given.lot)
    vials = _vials_of(work, lot, VialState.FILLED)
    rules = specification_of(work.session, lot.specification_id).freezing
    at = work.happened
    target = LotState.ON_HOLD if held(work, lot) else LotState.QUARANTINE
    facts = FreezingFacts(lot.code, lot.fill_started_at, at, given.program, rules)
    times = time_refusals(work, "The start of freezing", at, lot.fill_started_at)
    soon = improbable_filling(lot.code, lot.fill_started_at, at)
    doubted = asked_about(work, soon, given.improbable_because)
    work.judge(lot, *vials, refusals=(*freezing_refusals(facts), *times, *doubted), to=target)
    lot.frozen_at, lot.freezing_program = at, given.program
    lot.state_before_hold = LotState.QUARANTINE if target == LotState.ON_HOLD else None
    work.transition(lot, to=target)
    work.transition_many(Vial, vials)
    work.show(frozen=len(vials))
    return lot

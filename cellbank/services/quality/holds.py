"""Holds placed by decision, on a lot or a donor, and any hold lifted again. Stopping is everybody's duty and needs no
password; letting go is signed."""

from typing import Annotated

from pydantic import Field
from sqlalchemy import select, text

from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import LotState, ResultState
from cellbank.domain.refusals import Refusal
from cellbank.domain.rules.hold import HeldDonor, LiftFacts, LotToReturn, lift_refusals
from cellbank.domain.rules.temperature import lift_after_excursion_refusals
from cellbank.records.production import Donor, Lot, ReagentLot
from cellbank.records.quality import Hold, TestResult
from cellbank.records.storage import StorageUnit
from cellbank.records.temperature import Excursion
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, SignedInput, act
from cellbank.services.common import new_code, specification_of
from cellbank.services.inputs import DonorCode, LotCode, Reason, scanned
from cellbank.services.quality.lot_results import lot_results
from cellbank.services.quality.release_board import consent_states, source_lots
from cellbank.services.stopping.holding import Holdable, lock_lot, lots_reached, place_hold

HoldCode = Annotated[str, *scanned(Kind.HOLD)]


class HoldLot(ActInput):
    """Put a lot on hold."""

    lot: LotCode = Field(title="Lot")
    reason: Reason


@act(HoldLot, likely="in sight", begun_by={"quality_officer": 3}, previews="lot")
def hold_lot(work: Work, given: HoldLot) -> Hold:
    """Stop a lot at once, and every lot made from its vials. One that is still being filled is stopped when it is
    frozen."""
    lot = lock_lot(work, given.lot)
    work.judge(lot, Hold)
    return place_hold(work, lot, reason=given.reason)


class HoldDonor(ActInput):
    """Put a donor on hold."""

    donor: DonorCode = Field(title="Donor")
    reason: Reason


@act(HoldDonor, likely="in sight", begun_by={"quality_officer": 4}, previews="donor")
def hold_donor(work: Work, given: HoldDonor) -> Hold:
    """Stop everything that came or will come from a donor: what the ward or a registry reports of her."""
    donor = work.lock(Donor, given.donor)
    work.judge(donor, Hold)
    return place_hold(work, donor, reason=given.reason)


class LiftHold(SignedInput):
    """Lift a hold."""

    hold: HoldCode = Field(title="Hold")
    reason: Reason


@act(LiftHold)
def lift_hold(work: Work, given: LiftHold) -> Hold:
    """Lift a hold; each lot that no other hold reaches goes back to exactly where it was. One of another site stays
    on hold, by a hold of its own that only its site lifts.

    Refuses while the donor of a donor's hold is not fit to give cells, and where a lot would be released again that
    would not be released now. Signed by somebody who performed nothing in these lots.
    """
    reached = _lock_reached(work, given.hold)
    hold = work.lock(Hold, given.hold)
    free = _without_other_hold(work, hold, reached)
    returning = [lot for lot in free if lot.site_id == work.actor.site_id]
    theirs = [lot for lot in free if lot.site_id != work.actor.site_id]
    work.show(lots_returned={lot.code: lot.state_before_hold for lot in returning})
    work.show(**({"lots_of_other_sites": [lot.code for lot in theirs]} if theirs else {}))
    refusals = [*lift_refusals(_lift_facts(work, hold, returning)), *_excursion_refusals(work, hold)]
    work.judge(hold, *returning, refusals=refusals)
    hold.lifted_at, hold.lift_reason = work.now, given.reason
    work.transition(hold)
    for lot in theirs:
        _leave_to_its_site(work, lot, hold)
    work.session.flush()  # the database lets no lot go back to RELEASED while the hold still stands
    for lot in returning:
        target, lot.state_before_hold = lot.state_before_hold, None
        work.transition(lot, to=target)
    return hold


def _leave_to_its_site(work: Work, lot: Lot, hold: Hold) -> None:
    reason = f"{hold.code} was lifted at {work.actor.site_code}: {hold.lift_reason}"
    work.add(Hold(code=new_code(work, Kind.HOLD), lot_id=lot.id, reason=reason, placed_at=work.now))


def _excursion_refusals(work: Work, hold: Hold) -> tuple[Refusal, ...]:
    """Why the hold of an excursion stays: nobody has accepted it."""
    if hold.excursion_id is None:
        return ()
    excursion = work.share(Excursion, hold.excursion_id)
    return lift_after_excursion_refusals(hold.code, excursion.code, excursion.state)


def subject_of(work: Work, hold: Hold) -> Holdable:
    """The record that a hold is on."""
    if hold.donor_id is not None:
        return work.session.get_one(Donor, hold.donor_id)
    if hold.lot_id is not None:
        return work.session.get_one(Lot, hold.lot_id)
    if hold.reagent_lot_id is not None:
        return work.session.get_one(ReagentLot, hold.reagent_lot_id)
    return work.session.get_one(StorageUnit, hold.storage_unit_id)


def _lock_reached(work: Work, code: str) -> list[Lot]:
    """The lots that a hold reaches, locked: of two holds lifted at once, the second sees the first."""
    hold = work.find(Hold, code)
    return lots_reached(work, subject_of(work, hold), hold.placed_at)


_OTHERWISE_HELD = text(
    """SELECT lot.id FROM unnest(CAST(:lots AS bigint[])) AS lot(id)
       WHERE EXISTS (SELECT FROM lot_holds(lot.id) AS other(id) WHERE other.id <> :hold)"""
)


def _without_other_hold(work: Work, hold: Hold, reached: list[Lot]) -> list[Lot]:
    """The lots on hold that only this hold stops."""
    held = [lot for lot in reached if lot.state == LotState.ON_HOLD]
    given = {"lots": [lot.id for lot in held], "hold": hold.id}
    otherwise = set(work.session.scalars(_OTHERWISE_HELD, given))
    return [lot for lot in held if lot.id not in otherwise]


# What a release asks for besides the results, of all lots in one statement.
_STANDING = text(
    """SELECT l.id, o.code AS donor, o.state AS donor_state,
              ARRAY(SELECT c.state FROM consent c WHERE c.donor_id = o.id) AS consents,
              ARRAY(SELECT d.code FROM deviation d WHERE d.classification <> 'minor'
                     AND d.id IN (SELECT lot_deviations(l.id)) ORDER BY d.id) AS deviations,
              EXISTS (SELECT FROM batch_review b WHERE b.lot_id = l.id AND b.digest = batch_digest(l.id)) AS is_reviewed
         FROM lot l JOIN donation n ON n.id = l.donation_id JOIN donor o ON o.id = n.donor_id
        WHERE l.id = ANY(:lots)"""
)


def _lift_facts(work: Work, hold: Hold, returning: list[Lot]) -> LiftFacts:
    ids = [lot.id for lot in returning]
    results = lot_results(work.session, ids)
    standing = {row.id: row for row in work.session.execute(_STANDING, {"lots": ids})}
    lots = tuple(
        LotToReturn(
            lot=lot.code,
            state_before_hold=str(lot.state_before_hold),
            specification=specification_of(work.session, lot.specification_id),
            results=results.get(lot.id, ()),
            donor=standing[lot.id].donor,
            donor_state=standing[lot.id].donor_state,
            consent_states=tuple(standing[lot.id].consents),
            deviations=tuple(standing[lot.id].deviations),
            is_reviewed=standing[lot.id].is_reviewed,
            stopped_sources=tuple(one.code for one in source_lots(work.session, lot.id) if one.is_stopped),
        )
        for lot in returning
    )
    return LiftFacts(hold.code, _held_donor(work, hold), lots)


def _held_donor(work: Work, hold: Hold) -> HeldDonor | None:
    if hold.donor_id is None:
        return None
    donor = work.share(Donor, hold.donor_id)
    reactive = select(TestResult.code).where(
        TestResult.donor_id == donor.id,
        TestResult.verdict == "OUT_OF_SPECIFICATION",
        TestResult.state == ResultState.REVIEWED,
    )
    found = tuple(work.session.scalars(reactive.order_by(TestResult.id)))
    return HeldDonor(donor.code, donor.state, consent_states(work.session, donor.id), found)

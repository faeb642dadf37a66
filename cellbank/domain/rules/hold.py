"""When a hold may be lifted, and a lot recalled. Twins in the database: no_release_under_a_hold,
no_release_without_consent, no_release_against_a_result, released_lots_have_an_eligible_donor,
no_release_with_an_open_deviation, no_release_without_a_batch_review, no_release_from_a_stopped_lot,
no_hold_is_lifted_against_a_result, no_hold_is_lifted_without_consent, no_hold_is_lifted_on_an_ineligible_donor,
a_lot_comes_back_to_where_it_was, a_held_lot_stays_on_hold, only_what_was_released_is_recalled,
a_failed_unit_waits_for_its_hold.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cellbank.domain.lifecycle.states import DonorState, LotState
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.donor import consent_refusals
from cellbank.domain.rules.tested import LotResult, standing_refusals
from cellbank.domain.specification import Specification


@dataclass(frozen=True)
class LotToReturn:
    """A lot that goes back to where it was before the hold, with what a release of it asks for."""

    lot: str
    state_before_hold: str
    specification: Specification
    results: tuple[LotResult, ...]
    donor: str
    donor_state: str
    consent_states: tuple[str, ...]
    deviations: tuple[str, ...]  # major and critical ones that are open
    is_reviewed: bool  # its batch record, as it stands now
    stopped_sources: tuple[str, ...] = ()  # lots that it was made from and that are rejected or recalled


@dataclass(frozen=True)
class HeldDonor:
    """The donor on whom a hold is; `reactive` are her results out of specification that stand."""

    donor: str
    state: str
    consent_states: tuple[str, ...]
    reactive: tuple[str, ...]


@dataclass(frozen=True)
class LiftFacts:
    """A hold to be lifted, the donor if it is on one, and the lots that no other hold reaches."""

    hold: str
    donor: HeldDonor | None
    lots: tuple[LotToReturn, ...]


def lift_refusals(facts: LiftFacts) -> tuple[Refusal, ...]:
    """Why a hold stays: its donor is not fit to give cells, or a lot would be released that now would not be."""
    refusals = list(_donor_refusals(facts.hold, facts.donor)) if facts.donor else []
    for lot in facts.lots:
        if lot.state_before_hold == LotState.RELEASED:
            refusals.extend(_release_refusals(lot))
    return tuple(refusals)


def _donor_refusals(hold: str, donor: HeldDonor) -> Iterator[Refusal]:
    yield from consent_refusals(donor.donor, donor.consent_states)
    if donor.state == DonorState.INELIGIBLE:
        sentence = "Donor {donor} is determined ineligible: hold {hold} stays. Reject or recall her lots."
        yield refuse(Code.DONOR_NOT_ELIGIBLE, sentence, donor=donor.donor, hold=hold)
    if donor.reactive:
        sentence = (
            "Donor {donor} has results out of specification: {results}. Hold {hold} stays, unless an investigation "
            "proves them a laboratory error and they are invalidated. Determine her ineligible."
        )
        yield refuse(
            Code.OUT_OF_SPECIFICATION, sentence, donor=donor.donor, results=", ".join(donor.reactive), hold=hold
        )


def _release_refusals(lot: LotToReturn) -> Iterator[Refusal]:
    """Lifting releases again what had been released, so that what forbids a release forbids it too."""
    yield from consent_refusals(lot.donor, lot.consent_states)
    if lot.donor_state != DonorState.ELIGIBLE:
        sentence = "Donor {donor} is not determined eligible: lot {lot} cannot be released again."
        yield refuse(Code.DONOR_NOT_ELIGIBLE, sentence, donor=lot.donor, lot=lot.lot)
    if lot.deviations:
        sentence = "Lot {lot} is touched by open deviations: {codes}. Have them investigated and closed first."
        yield refuse(Code.DEVIATION_OPEN, sentence, lot=lot.lot, codes=", ".join(lot.deviations))
    if lot.stopped_sources:
        sentence = "Lot {lot} was made from {codes}, which was rejected or recalled. Reject it."
        yield refuse(Code.CRITERION_OPEN, sentence, lot=lot.lot, codes=", ".join(lot.stopped_sources))
    if not lot.is_reviewed:
        sentence = "The batch record of lot {lot}, as it stands now, is not reviewed. Read it and sign the review."
        yield refuse(Code.BATCH_NOT_REVIEWED, sentence, lot=lot.lot)
    yield from standing_refusals(lot.lot, lot.specification, lot.results)


def return_refusals(unit: str, holds: tuple[str, ...]) -> tuple[Refusal, ...]:
    """A unit that failed goes back to service when its failure is assessed, which is when its hold is lifted."""
    if not holds:
        return ()
    sentence = "{unit} has failed, and hold {holds} on what stood in it is in force. It is assessed and lifted first."
    return (refuse(Code.ON_HOLD, sentence, unit=unit, holds=", ".join(holds)),)


@dataclass(frozen=True)
class RecallFacts:
    """A lot to be called back; `state_before_hold` is None when it is under no hold."""

    lot: str
    state_before_hold: str | None


def recall_refusals(facts: RecallFacts) -> tuple[Refusal, ...]:
    """Only what went out can be called back: a lot on hold that was never released is rejected."""
    if facts.state_before_hold in (None, LotState.RELEASED):
        return ()
    sentence = "Lot {lot} was put on hold before it was ever released: there is nothing to recall. Reject it."
    return (refuse(Code.WRONG_STATE, sentence, lot=facts.lot),)

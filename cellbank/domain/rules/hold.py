"""When a hold may be lifted, and a lot recalled. Twins in the database: no_release_under_a_hold,
no_release_without_consent, no_release_against_a_result, released_lots_have_an_eligible_donor.
"""

from dataclasses import dataclass

from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.donor import consent_refusals
from cellbank.domain.rules.tested import LotResult, standing_refusals
from cellbank.domain.specification import Specification


@dataclass(frozen=True)
class LotToReturn:
    """A lot that goes back to where it was before the hold, with all results that it has."""

    lot: str
    state_before_hold: str
    specification: Specification
    results: tuple[LotResult, ...]


@dataclass(frozen=True)
class LiftFacts:
    """A hold to be lifted: on a donor or on one lot of hers; and the lots that no other hold reaches."""

    hold: str
    on_donor: bool
    donor: str
    donor_state: str
    consent_states: tuple[str, ...]
    lots: tuple[LotToReturn, ...]


def lift_refusals(facts: LiftFacts) -> tuple[Refusal, ...]:
    """Why a hold stays: the donor's consent or eligibility is gone, or a lot would be released against a result."""
    refusals = []
    if facts.on_donor:
        refusals.extend(consent_refusals(facts.donor, facts.consent_states))
        if facts.donor_state == "INELIGIBLE":
            sentence = "Donor {donor} is determined ineligible: hold {hold} stays. Reject or recall her lots."
            refusals.append(refuse(Code.DONOR_NOT_ELIGIBLE, sentence, donor=facts.donor, hold=facts.hold))
    for lot in facts.lots:
        if lot.state_before_hold == "RELEASED":
            refusals.extend(standing_refusals(lot.lot, lot.specification, lot.results))
    return tuple(refusals)


@dataclass(frozen=True)
class RecallFacts:
    """A lot to be called back; `state_before_hold` is None when it is under no hold."""

    lot: str
    state_before_hold: str | None


def recall_refusals(facts: RecallFacts) -> tuple[Refusal, ...]:
    """Only what went out can be called back: a lot on hold that was never released is rejected."""
    if facts.state_before_hold in (None, "RELEASED"):
        return ()
    sentence = "Lot {lot} was put on hold before it was ever released: there is nothing to recall. Reject it."
    return (refuse(Code.WRONG_STATE, sentence, lot=facts.lot),)

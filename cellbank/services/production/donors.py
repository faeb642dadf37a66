"""Donors under a pseudonym, their consent, and whether they are eligible."""

import datetime
from typing import Literal

from pydantic import Field
from sqlalchemy import select

from cellbank.domain.folding import skeleton
from cellbank.domain.identifiers import Kind, printed
from cellbank.domain.lifecycle.states import DonationState, DonorState
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.donor import Collection, EvidenceFacts, PanelResult, consent_refusals, evidence_refusals
from cellbank.domain.rules.tested import STANDING
from cellbank.domain.specification import DonorRules
from cellbank.records.production import Consent, Donation, Donor
from cellbank.records.quality import Hold, TestResult
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, SignedInput, act
from cellbank.services.common import effective, new_code, read_specification, time_refusals
from cellbank.services.inputs import ConsentCode, Date, DonorCode, Identifier, Moment, Reason
from cellbank.services.site_time import local_day, start_of_day
from cellbank.services.stopping.holding import holds_on, lots_reached, place_hold


class RegisterDonor(ActInput):
    """Register a donor."""

    pseudonym: Identifier = Field(title="Pseudonym", description="Never a name or a medical record number.")
    birth_year: int = Field(title="Year of birth", ge=1940, le=2100)
    delivered_at: Moment | None = Field(default=None, title="Delivery")
    delivery: Literal["caesarean", "vaginal"] | None = Field(default=None, title="Kind of delivery")
    gestation_weeks: int | None = Field(
        default=None, title="Gestation", ge=20, le=45, json_schema_extra={"unit": "weeks"}
    )


@act(RegisterDonor)
def register_donor(work: Work, given: RegisterDonor) -> Donor:
    """Make the donor known. Refuses a pseudonym that reads like one in use, a delivery in the future or by a child."""
    alike = Donor.pseudonym_key == skeleton(given.pseudonym)
    taken = work.session.execute(select(Donor.pseudonym, Donor.code).where(alike)).one_or_none()
    refusals: list[Refusal] = [_taken(given.pseudonym, *taken)] if taken else []
    if given.delivered_at:
        mother_is_ten = datetime.datetime(given.birth_year + 10, 1, 1, tzinfo=datetime.UTC)
        refusals.extend(time_refusals(work, "The delivery", given.delivered_at, mother_is_ten))
    work.judge(Donor, refusals=refusals)
    return work.add(Donor(site_id=work.actor.site_id, code=new_code(work, Kind.DONOR), **given.model_dump()))


def _taken(given: str, pseudonym: str, code: str) -> Refusal:
    same = "{pseudonym} is donor {code} already. Open that donor, or choose another pseudonym."
    if given == pseudonym:
        return refuse(Code.ALREADY_EXISTS, same, pseudonym=given, code=code)
    alike = "{given} reads like {pseudonym}, which is donor {code}. Open that donor, or choose another pseudonym."
    return refuse(Code.ALREADY_EXISTS, alike, given=given, pseudonym=pseudonym, code=code)


class RecordConsent(ActInput):
    """Record a consent."""

    donor: DonorCode = Field(title="Donor")
    version: Identifier = Field(title="Version of the consent form")
    scope: Literal["clinical_use", "clinical_use_and_research"] = Field(title="Scope")
    given_on: Date = Field(title="Given on")


@act(RecordConsent)
def record_consent(work: Work, given: RecordConsent) -> Consent:
    """Note that the donor has consented. Refuses a date in the future or before she was born."""
    donor = work.lock(Donor, given.donor)
    born = start_of_day(work, datetime.date(donor.birth_year, 1, 1))
    refusals = time_refusals(work, "The consent", start_of_day(work, given.given_on), born)
    work.judge(Consent, refusals=refusals, of=[donor])
    return work.add(
        Consent(
            donor_id=donor.id,
            code=new_code(work, Kind.CONSENT),
            version=given.version,
            scope=given.scope,
            given_on=given.given_on,
        )
    )


class WithdrawConsent(ActInput):
    """Withdraw a consent."""

    consent: ConsentCode = Field(title="Consent")
    withdrawn_on: Date | None = Field(default=None, title="Withdrawn on", description="Today, unless given.")
    reason: Reason


@act(WithdrawConsent, likely="rarely")
def withdraw_consent(work: Work, given: WithdrawConsent) -> Consent:
    """Stop everything that came or will come from the donor: a hold on her, and every frozen lot below ON_HOLD.

    Refuses a date in the future or before the consent.
    """
    consent = work.lock(Consent, given.consent)
    donor = work.lock_id(Donor, consent.donor_id)
    withdrawn_on = given.withdrawn_on or local_day(work, work.now)
    refusals = time_refusals(
        work, "The withdrawal", start_of_day(work, withdrawn_on), start_of_day(work, consent.given_on)
    )
    lots_reached(work, donor)  # locked before the judgement; the hold stops them after it
    work.judge(consent, Hold, refusals=refusals)
    consent.withdrawn_on, consent.withdrawal_reason = withdrawn_on, given.reason
    work.transition(consent)
    place_hold(work, donor, reason=f"Consent {consent.code} withdrawn: {given.reason}")
    return consent


class DetermineEligibility(SignedInput):
    """Determine donor eligibility."""

    donor: DonorCode = Field(title="Donor")
    decision: Literal["eligible", "ineligible"] = Field(title="Determination")
    reason: Reason
    specification: Identifier | None = Field(
        default=None, title="Product specification", description="Only where several are in force."
    )


@act(DetermineEligibility, previews="donor")
def determine_eligibility(work: Work, given: DetermineEligibility) -> Donor:
    """Determine and sign. Eligible needs consent and the whole panel, for every donation; ineligible places a hold."""
    donor = work.lock(Donor, given.donor)
    target = {"eligible": DonorState.ELIGIBLE, "ineligible": DonorState.INELIGIBLE}[given.decision]
    refusals: list[Refusal] = []
    if target == DonorState.ELIGIBLE:
        rules = read_specification(effective(work, "specification", given.specification).content).donor
        refusals += [*consent_refusals(donor.code, consent_states(work, donor)), *donor_evidence(work, donor, rules)]
    else:
        lots_reached(work, donor)  # locked before the judgement; the hold stops them after it
    work.show(holds=[hold.code for hold in holds_on(work, donor)])
    work.judge(donor, *((Hold,) if target == DonorState.INELIGIBLE else ()), refusals=refusals, to=target)
    donor.eligibility_reason = given.reason
    work.transition(donor, to=target)
    if target == DonorState.INELIGIBLE:
        place_hold(work, donor, reason=f"Donor determined ineligible: {given.reason}")
    return donor


def consent_states(work: Work, donor: Donor) -> list[str]:
    """The states of all consents of a donor; empty when she was never asked."""
    return list(work.session.scalars(select(Consent.state).where(Consent.donor_id == donor.id)))


def donor_evidence(work: Work, donor: Donor, rules: DonorRules, only: Collection | None = None) -> tuple[Refusal, ...]:
    """Why the results do not make the donor eligible: for all her donations (or the delivery, before the first one is
    registered), or for one collection only."""
    collections = (only,) if only else _collections(work, donor)
    return evidence_refusals(EvidenceFacts(donor.code, rules, collections, _panel_results(work, donor)))


def donation_collection(code: str | None, collected_at: datetime.datetime) -> Collection:
    """A donation as what specimens must belong to; without a code, the one that is being registered."""
    return Collection(f"donation {printed(code)}" if code else "this donation", collected_at)


def _collections(work: Work, donor: Donor) -> tuple[Collection, ...]:
    statement = select(Donation.code, Donation.collected_at).where(
        Donation.donor_id == donor.id, Donation.state != DonationState.REJECTED
    )
    found = tuple(donation_collection(*row) for row in work.session.execute(statement.order_by(Donation.id)))
    if found or donor.delivered_at is None:
        return found
    return (Collection("the delivery", donor.delivered_at),)


def _panel_results(work: Work, donor: Donor) -> tuple[PanelResult, ...]:
    columns = select(TestResult.code, TestResult.test, TestResult.choice, TestResult.started_at, TestResult.state)
    statement = columns.where(TestResult.donor_id == donor.id, TestResult.state.in_(STANDING)).order_by(TestResult.id)
    found = work.session.execute(statement)
    return tuple(PanelResult(code, test, choice or "", at, state) for code, test, choice, at, state in found)

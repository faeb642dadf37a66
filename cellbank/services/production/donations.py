"""Donations: tissue taken in under its DIN, and a quality officer's decision where the transport was not as usual."""

import datetime
from decimal import Decimal
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from cellbank.domain.identifiers import Kind, din
from cellbank.domain.lifecycle.states import ConsentState, DonationState, DonorState
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.donation import ArrivalFacts, arrival_questions, arrival_refusals
from cellbank.domain.rules.donor import consent_refusals
from cellbank.domain.rules.plausible import TissueFacts, improbable_arrival
from cellbank.domain.specification import DonationKind, Specification
from cellbank.records.production import Donation, Donor
from cellbank.records.work import Work
from cellbank.services.acts import SignedInput, TellingInput, act
from cellbank.services.common import asked_about, effective, read_specification, specification_of, time_refusals
from cellbank.services.inputs import (
    DonationCode,
    DonorCode,
    Identifier,
    Improbable,
    LengthCm,
    MassG,
    Moment,
    Reason,
    TemperatureC,
)
from cellbank.services.labels.label_printing import print_first
from cellbank.services.production.donors import consent_states, donation_collection, donor_evidence
from cellbank.services.site_time import local_day, site_of
from cellbank.services.stopping.holding import holds_on


class ReceiveDonation(TellingInput):
    """Receive a donation."""

    EARLIER_NAME = "received_at"
    donor: DonorCode = Field(title="Donor")
    tissue: Literal["placenta", "cord"] = Field(title="Tissue")
    collected_at: Moment = Field(title="Collected at")
    transport_min_c: TemperatureC = Field(title="Coldest during transport")
    transport_max_c: TemperatureC = Field(title="Warmest during transport")
    mass_g: MassG = Field(title="Mass")
    length_cm: LengthCm | None = Field(default=None, title="Length", description="Of a cord.")
    integrity: Literal["intact", "leaking", "open"] = Field(default="intact", title="Container")
    specification: Identifier | None = Field(
        default=None, title="Product specification", description="Only where several are in force."
    )
    improbable_because: Improbable = None

    @field_validator("transport_max_c")
    @classmethod
    def _warmest_is_not_colder(cls, warmest: Decimal, info: ValidationInfo) -> Decimal:
        coldest = info.data.get("transport_min_c")
        if coldest is not None and warmest < coldest:
            raise ValueError(f"must not be below the coldest, {coldest} °C")
        return warmest


@act(ReceiveDonation, begun_by={"technician": 1})
def receive_donation(work: Work, given: ReceiveDonation) -> Donation:
    """Take tissue in under a new DIN.

    Refuses without any consent, beyond the hard limits of transport, and times that cannot be; between soft and hard
    limits the donation awaits a decision. Tissue of a donor who has withdrawn or is held is registered all the same,
    for it lies on the bench: the hold on the donor covers it, and the answer says so.
    """
    donor = work.lock(Donor, given.donor)
    definition = effective(work, "specification", given.specification)
    specification = read_specification(definition.content)
    received_at = work.happened
    limits, refusals = _limits(specification, given.tissue)
    refusals += _time_refusals(work, donor, given.collected_at, received_at)
    consents = consent_states(work, donor)
    refusals += () if consents else consent_refusals(donor.code, consents)
    questions = _late_evidence(work, donor, specification, given.collected_at)
    if limits is not None:
        facts = _arrival(given, limits, received_at)
        refusals += arrival_refusals(facts)
        questions = (*arrival_questions(facts), *questions)
    measured = TissueFacts(given.tissue, given.mass_g, given.length_cm, donor.delivered_at, given.collected_at)
    refusals += asked_about(work, improbable_arrival(measured), given.improbable_because)
    target = DonationState.AWAITING_DECISION if questions else DonationState.ACCEPTED
    _show(work, donor, consents, questions)
    work.judge(Donation, refusals=refusals, to=target, of=[donor])
    donation = work.add(_donation(work, given, donor, definition.id, received_at, questions), to=target)
    print_first(work, Kind.DONATION, donation.code)
    return donation


def _limits(specification: Specification, tissue: str) -> tuple[DonationKind | None, list[Refusal]]:
    known = {kind.code: kind for kind in specification.donations}
    if tissue in known:
        return known[tissue], []
    sentence = "Product {product} is not made from {tissue}. Choose the specification that names it."
    return None, [refuse(Code.WRONG_KIND, sentence, product=specification.id, tissue=tissue)]


def _time_refusals(
    work: Work, donor: Donor, collected_at: datetime.datetime, received_at: datetime.datetime
) -> list[Refusal]:
    """Tissue is collected after the delivery; where that is not recorded, at least by somebody who can have given
    birth."""
    mother_is_ten = datetime.datetime(donor.birth_year + 10, 1, 1, tzinfo=datetime.UTC)
    return [
        *time_refusals(work, "The collection", collected_at, donor.delivered_at or mother_is_ten),
        *time_refusals(work, "The receipt", received_at, collected_at),
    ]


def _arrival(given: ReceiveDonation, limits: DonationKind, received_at: datetime.datetime) -> ArrivalFacts:
    return ArrivalFacts(
        limits, given.collected_at, received_at, given.transport_min_c, given.transport_max_c, given.integrity
    )


def _late_evidence(
    work: Work, donor: Donor, specification: Specification, collected_at: datetime.datetime
) -> tuple[Refusal, ...]:
    """A donor determined eligible before this donation was known: do the results speak for it too?"""
    if donor.state != DonorState.ELIGIBLE:
        return ()
    return donor_evidence(work, donor, specification.donor, donation_collection(None, collected_at))


def _show(work: Work, donor: Donor, consents: list[str], questions: tuple[Refusal, ...]) -> None:
    work.show(
        donor_state=donor.state,
        consent="in force" if ConsentState.GIVEN in consents else "withdrawn",
        holds=[{"code": hold.code, "reason": hold.reason} for hold in holds_on(work, donor)],
        questions=[question.as_json() for question in questions],
    )


def _donation(
    work: Work,
    given: ReceiveDonation,
    donor: Donor,
    specification_id: int,
    received_at: datetime.datetime,
    questions: tuple[Refusal, ...],
) -> Donation:
    donation = Donation(
        site_id=work.actor.site_id,
        donor_id=donor.id,
        specification_id=specification_id,
        code=_new_din(work, received_at),
        received_at=received_at,
        received_by_id=work.actor.id,
        **given.model_dump(exclude={"donor", "specification", "improbable_because"} | given.TOLD),
    )
    if questions:
        donation.questions = [question.as_json() for question in questions]
    return donation


def _new_din(work: Work, received_at: datetime.datetime) -> str:
    """The next number of the site's FIN and year. A number once given is never given again, not after a mistake."""
    fin, year = site_of(work).fin, local_day(work, received_at).year
    return din(fin, year, work.number(f"DIN-{fin}-{year}"))


class DecideDonation(SignedInput):
    """Decide about a donation."""

    donation: DonationCode = Field(title="Donation")
    decision: Literal["accept", "reject"] = Field(title="Decision")
    reason: Reason


@act(DecideDonation)
def decide_donation(work: Work, given: DecideDonation) -> Donation:
    """Accept or reject, signed by a quality officer who did not receive it.

    Transport may be excused with a reason; results that do not speak for this donation may not.
    """
    donation = work.lock(Donation, given.donation)
    donor = work.lock_id(Donor, donation.donor_id)
    target = {"accept": DonationState.ACCEPTED, "reject": DonationState.REJECTED}[given.decision]
    specification = specification_of(work.session, donation.specification_id)
    refusals = (
        _late_evidence(work, donor, specification, donation.collected_at) if target == DonationState.ACCEPTED else ()
    )
    work.show(questions=donation.questions or [])
    work.judge(donation, refusals=refusals, to=target)
    donation.decision_reason = given.reason
    work.transition(donation, to=target)
    return donation

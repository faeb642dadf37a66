"""Donors under a pseudonym, and their consent."""

import datetime
from typing import Literal

from pydantic import Field
from sqlalchemy import select

from cellbank.domain.identifiers import Kind
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.records.production import Consent, Donor
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, act
from cellbank.services.common import new_code, time_refusals
from cellbank.services.inputs import Date, DonorCode, Identifier, Moment


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
    """Make the donor known. Refuses a pseudonym in use, and a delivery in the future or by a child."""
    taken = work.session.scalar(select(Donor.code).where(Donor.pseudonym == given.pseudonym))
    refusals: list[Refusal] = []
    if taken:
        refusals.append(
            refuse(
                Code.ALREADY_EXISTS,
                "{pseudonym} is donor {code} already. Open that donor, or choose another pseudonym.",
                pseudonym=given.pseudonym,
                code=taken,
            )
        )
    if given.delivered_at:
        mother_is_ten = datetime.datetime(given.birth_year + 10, 1, 1, tzinfo=datetime.UTC)
        refusals.extend(time_refusals(work, "The delivery", given.delivered_at, mother_is_ten))
    work.judge(Donor, refusals=refusals)
    return work.add(Donor(site_id=work.actor.site_id, code=new_code(work, Kind.DONOR), **given.model_dump()))


class RecordConsent(ActInput):
    """Record a consent."""

    donor: DonorCode = Field(title="Donor")
    version: Identifier = Field(title="Version of the consent form")
    scope: Literal["clinical_use", "clinical_use_and_research"] = Field(title="Scope")
    given_on: Date = Field(title="Given on")


@act(RecordConsent)
def record_consent(work: Work, given: RecordConsent) -> Consent:
    """Note that the donor has consented. Refuses a date in the future."""
    donor = work.lock(Donor, given.donor)
    given_at = datetime.datetime.combine(given.given_on, datetime.time.min, tzinfo=datetime.UTC)
    work.judge(Consent, refusals=time_refusals(work, "The consent", given_at))
    return work.add(
        Consent(
            donor_id=donor.id,
            code=new_code(work, Kind.CONSENT),
            version=given.version,
            scope=given.scope,
            given_on=given.given_on,
        )
    )

"""Samples: taken or inoculated for one test, awaited until a day, reported by a result or cancelled."""

import datetime
from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from sqlalchemy import select

from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import SampleState
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.result import (
    VialSampled,
    days_to_result,
    sample_number_problem,
    sampling_refusals,
    vial_sampled_refusals,
)
from cellbank.domain.specification import ReleaseTest
from cellbank.records.production import Vial
from cellbank.records.quality import Sample
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, Malformed, Problem, TellingInput, act
from cellbank.services.common import new_code, time_refusals
from cellbank.services.inputs import (
    CultureCode,
    DonationCode,
    DonorCode,
    Identifier,
    LotCode,
    OneLine,
    Reason,
    SampleCode,
    VialCode,
)
from cellbank.services.quality.tested import RECORDS, Tested, find_test, find_tested, keep_still
from cellbank.services.site_time import local_day

# What is tested, in every input about one thing of these four.
TestedLot = Annotated[LotCode | None, Field(title="Lot", description="For a test of a lot or of a thawed vial.")]
TestedCulture = Annotated[CultureCode | None, Field(title="Culture", description="For a test in process.")]
TestedDonation = Annotated[DonationCode | None, Field(title="Donation", description="For a test of the tissue.")]
TestedDonor = Annotated[DonorCode | None, Field(title="Donor", description="For a test of the donor's blood.")]
SampleNumber = Annotated[
    int | None, Field(title="Number of the sample", ge=1, le=100, description="Where a test needs several.")
]


class OfOneRecord:
    """Mixed into an input about one thing that is tested."""

    @property
    def subject(self) -> tuple[str, str]:
        """The kind and the code of what is tested."""
        return self.subjects[0]

    @property
    def subjects(self) -> list[tuple[str, str]]:
        """Everything that is given as tested."""
        return [(kind, code) for kind in RECORDS if (code := getattr(self, kind)) is not None]


class TakeSample(OfOneRecord, TellingInput):
    """Take a sample."""

    EARLIER_NAME = "taken_at"
    lot: TestedLot = None
    culture: TestedCulture = None
    donation: TestedDonation = None
    donor: TestedDonor = None
    test: Identifier = Field(title="Test", description="Its code in the specification.")
    number: SampleNumber = None
    material: OneLine = Field(title="Material", description="What was taken: supernatant, cells, a vial, serum.")
    vial: VialCode | None = Field(default=None, title="Vial", description="Where the material is a vial of the lot.")

    @model_validator(mode="after")
    def _of_one_thing(self) -> Self:
        if len(self.subjects) != 1:
            raise ValueError("Give what the sample is of: the lot, the culture, the donation or the donor, one of them")
        return self


@act(TakeSample, begun_by={"technician": 5})
def take_sample(work: Work, given: TakeSample) -> Sample:
    """Keep a sample with the day on which its result is due: the days of the method, on the calendar of the site.

    Refuses a time that cannot be, a vial of another lot, and a sample that is taken already and awaits its result.
    """
    tested = find_tested(work, *given.subject)
    test = find_test(tested, given.test)
    number = _number(test, given)
    taken_at = work.happened
    due_on = local_day(work, taken_at) + datetime.timedelta(days=days_to_result(test))
    vial = None if given.vial is None else work.find(Vial, given.vial)
    refusals = [
        *time_refusals(work, "The sample", taken_at),
        *(sampling_refusals(tested.sampling(test, taken_at)) if isinstance(test, ReleaseTest) else ()),
        *vial_sampled_refusals(tested.called, _sampled(vial, tested)),
        *_awaited(work, tested, given.test, number),
    ]
    keep_still(work, [tested], stopping=False)
    work.show(due_on=due_on.isoformat())
    work.judge(Sample, refusals=refusals, of=[tested])
    return work.add(
        Sample(
            **{f"{tested.kind}_id": tested.id},
            code=new_code(work, Kind.SAMPLE),
            vial_id=None if vial is None else vial.id,
            material=given.material,
            test=given.test,
            number=number,
            taken_at=taken_at,
            due_on=due_on,
            taken_by_id=work.actor.id,
        )
    )


def _number(test: Any, given: TakeSample) -> int:
    """Which of the samples that the test needs; the specification decides what there is to choose from."""
    problem = sample_number_problem(test, given.number) if isinstance(test, ReleaseTest) else None
    if problem is not None:
        raise Malformed([Problem("number", f"{problem[1]}.")])
    return given.number or 1


def _sampled(vial: Vial | None, tested: Tested) -> VialSampled | None:
    if vial is None:
        return None
    return VialSampled(vial.code, vial.state, tested.kind == "lot" and vial.lot_id == tested.id)


def _awaited(work: Work, tested: Tested, test: str, number: int) -> tuple[Refusal, ...]:
    """A second sample while the first is awaited would leave one of them without a result. Twin: one_sample_awaited."""
    statement = select(Sample.code).where(getattr(Sample, f"{tested.kind}_id") == tested.id, Sample.test == test)
    code = work.session.scalar(statement.where(Sample.number == number, Sample.state == SampleState.TAKEN))
    if code is None:
        return ()
    sentence = "Sample {sample} for {test} of the {of} awaits its result. Enter it, or cancel the sample first."
    return (refuse(Code.ALREADY_EXISTS, sentence, sample=code, test=test, of=tested.called),)


class CancelSample(ActInput):
    """Cancel a sample."""

    sample: SampleCode = Field(title="Sample")
    reason: Reason


@act(CancelSample, likely="rarely")
def cancel_sample(work: Work, given: CancelSample) -> Sample:
    """Give up a sample of which no result will come; it stays, with the reason."""
    sample = work.lock(Sample, given.sample)
    work.judge(sample)
    sample.cancel_reason = given.reason
    work.transition(sample)
    return sample

"""Test results of donors, tissue, cultures and lots: entered by one person, reviewed by another. A repeat is another
row; what becomes of a result afterwards is in `result_changes`."""

import datetime
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import ResultState
from cellbank.domain.quantities import Quantity, parse_decimal
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.result import (
    Reading,
    ResultFacts,
    ReviewedFacts,
    donor_reading_problems,
    reading_problems,
    result_refusals,
    review_refusals,
    verdict_of,
)
from cellbank.domain.specification import DonorTest, ReleaseTest, ResultVerdict
from cellbank.records.quality import Hold, Sample, TestResult
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, Malformed, Problem, SignedInput, act
from cellbank.services.common import new_code, time_refusals
from cellbank.services.inputs import Identifier, Moment, OneLine, ResultCode, SampleCode, Text, each_once
from cellbank.services.quality.out_of_specification import Failure, fails, report, to_be_moved
from cellbank.services.quality.samples import (
    OfOneRecord,
    SampleNumber,
    TestedCulture,
    TestedDonation,
    TestedDonor,
    TestedLot,
)
from cellbank.services.quality.tested import Tested, find_test, find_tested, keep_still, subject_of, tested_of
from cellbank.services.stopping.holding import hold_reactive_donors, reactive_results

MOST_RESULTS = 200
NUMBER = Quantity("The result", "", "as a plain number", Decimal(-(10**9)), Decimal(10**9), 4)
ResultNumber = Annotated[Decimal, BeforeValidator(partial(parse_decimal, quantity=NUMBER))]


class EnterResult(OfOneRecord, ActInput):
    """Enter a test result."""

    sample: SampleCode | None = Field(
        default=None,
        title="Sample",
        description="It knows what was tested, for which test and when: leave the rest of these out.",
    )
    lot: TestedLot = None
    culture: TestedCulture = None
    donation: TestedDonation = None
    donor: TestedDonor = None
    test: Identifier | None = Field(
        default=None, title="Test", description="Its code in the specification; needed without a sample."
    )
    sample_number: SampleNumber = None
    started_at: Moment | None = Field(
        default=None, title="Specimen taken, or inoculated", description="Needed without a sample."
    )
    number: ResultNumber | None = Field(default=None, title="Result, a number")
    unit: OneLine | None = Field(default=None, title="Unit", description="If given, it must be the specification's.")
    choice: OneLine | None = Field(default=None, title="Result, a word")
    method: OneLine | None = Field(default=None, title="Method, where it is not the specification's")
    method_version: OneLine | None = Field(
        default=None, title="Version of the method", description="If it is not the specification's."
    )
    instrument: OneLine | None = Field(default=None, title="Instrument")
    resulted_at: Moment | None = Field(default=None, title="Result read")

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if self.sample is None and len(self.subjects) != 1:
            raise ValueError("Give the sample; or the donor, donation, culture or lot that was tested, one of them")
        known = [*self.subjects, self.test, self.sample_number, self.started_at]
        if self.sample is not None and any(known):
            raise ValueError("The sample knows what was tested, for which test and when: leave these out")
        if self.sample is None and (self.test is None or self.started_at is None):
            raise ValueError("Without a sample, the test and the time at which its specimen was taken are needed")
        if (self.number is None) == (self.choice is None):
            raise ValueError("Give the result as a number or as a word, one of the two")
        return self


@act(EnterResult, begun_by={"quality_officer": 1})
def enter_result(work: Work, given: EnterResult) -> TestResult:
    """Enter one result. Refuses times that cannot be, and “no growth” before the method's days are over.

    A value that is no result of this test is malformed. The verdict is taken from the specification here and now; a
    required test out of specification opens a deviation, and stops a lot that is released.
    """
    sample = None if given.sample is None else work.lock(Sample, given.sample)
    entry = entry_of_sample(work, sample, given) if sample is not None else _entry_of_record(work, given)
    problems = entry.problems()
    if problems:
        raise Malformed(problems)
    lots = keep_still(work, [entry.tested], stopping=entry.fails or entry.verdict is ResultVerdict.OUT_OF_SPEC)
    moved = to_be_moved(work, lots, failing=entry.fails)
    work.show(verdict=entry.verdict.value)
    work.warn(entry.warnings())
    work.judge(TestResult, *([sample] if sample else []), *moved, refusals=entry.refusals(work), of=[entry.tested])
    result = work.add(TestResult(code=new_code(work, Kind.RESULT), entered_by_id=work.actor.id, **entry.columns()))
    if sample is not None:
        work.transition(sample)
    if entry.fails:
        report(work, [entry.failure(result)], lots)
    return result


@dataclass(frozen=True)
class Entry:
    """A result that is to be entered, with everything that judges it."""

    tested: Tested
    test: ReleaseTest | DonorTest
    reading: Reading
    started_at: datetime.datetime
    resulted_at: datetime.datetime
    method: str | None = None
    method_version: str | None = None
    instrument: str | None = None
    sample: Sample | None = None

    def problems(self) -> list[Problem]:
        """The specification decides what can be a result at all: anything else is malformed."""
        if isinstance(self.test, DonorTest):
            problems = donor_reading_problems(self.test, self.tested.specification.donor.results, self.reading)
        else:
            problems = reading_problems(self.test, self.reading)
        return [Problem(field, f"{sentence}. Given: {self._given(field)}.") for field, sentence in problems]

    def _given(self, field: str) -> str:
        number = self.reading.number
        shown = {"unit": self.reading.unit, "sample_number": self.reading.sample_number}
        return str(shown.get(field, repr(self.reading.choice) if number is None else f"{number:f}"))

    @property
    def verdict(self) -> ResultVerdict:
        """Whether it is in specification."""
        return verdict_of(self.test, self.reading.value)

    @property
    def fails(self) -> bool:
        """Whether it opens a deviation."""
        return fails(self.test, self.verdict)

    def failure(self, result: TestResult) -> Failure:
        """The failure of a result of the product."""
        assert isinstance(self.test, ReleaseTest)
        return Failure(result, self.test, self.tested, self.sample)

    def refusals(self, work: Work) -> list[Refusal]:
        """Why it cannot stand."""
        times = [
            *time_refusals(work, "The start of the test", self.started_at),
            *time_refusals(work, "The result", self.resulted_at, self.started_at),
        ]
        if isinstance(self.test, DonorTest):
            return times
        sampling = self.tested.sampling(self.test, self.started_at)
        return [*times, *result_refusals(ResultFacts(sampling, self.reading.choice, self.resulted_at))]

    def warnings(self) -> list[Refusal]:
        """What whoever enters it must see: a failure is recorded, and it is no good news."""
        if self.verdict is not ResultVerdict.OUT_OF_SPEC:
            return []
        follows = "A deviation is opened, and what is out is stopped." if self.fails else "It decides about the donor."
        sentence = "{test} of {tested} is out of specification. " + follows
        test = self.test.title
        return [refuse(Code.OUT_OF_SPECIFICATION, sentence, test=test, tested=self.tested.called)]

    def columns(self) -> dict[str, Any]:
        """The columns of its row, but for its code and who entered it."""
        of_product = self.test if isinstance(self.test, ReleaseTest) else None
        return {
            **{f"{kind}_id": None for kind in ("donor", "donation", "culture", "lot")},
            f"{self.tested.kind}_id": self.tested.id,
            "sample_id": None if self.sample is None else self.sample.id,
            "sample_number": self.reading.sample_number,
            "test": self.test.code,
            "number": self.reading.number,
            "choice": self.reading.choice,
            "unit": of_product.unit if of_product else None,
            "method": self.method or (of_product.method if of_product else self.test.title),
            "method_version": self.method_version or (of_product.method_version if of_product else None),
            "instrument": self.instrument,
            "started_at": self.started_at,
            "resulted_at": self.resulted_at,
            "verdict": self.verdict.value,
        }


def _entry_of_record(work: Work, given: EnterResult) -> Entry:
    assert given.test is not None and given.started_at is not None  # the input has seen to it
    tested = find_tested(work, *given.subject)
    return _entry(work, given, tested, given.test, given.sample_number, given.started_at, None)


def entry_of_sample(work: Work, sample: Sample, given: EnterResult) -> Entry:
    """The result of a sample, which knows what was tested, for which test, and when."""
    [tested] = tested_of(work, [sample]).values()
    return _entry(work, given, tested, sample.test, sample.number, sample.taken_at, sample)


def _entry(
    work: Work,
    given: EnterResult,
    tested: Tested,
    test: str,
    number: int | None,
    started_at: datetime.datetime,
    sample: Sample | None,
) -> Entry:
    reading = Reading(given.number, given.choice, given.unit, number)
    resulted_at = given.resulted_at or work.now
    return Entry(
        tested,
        find_test(tested, test),
        reading,
        started_at,
        resulted_at,
        given.method,
        given.method_version,
        given.instrument,
        sample,
    )


class ReviewResults(SignedInput):
    """Review test results."""

    results: Annotated[list[ResultCode], AfterValidator(each_once)] = Field(
        title="Results", min_length=1, max_length=MOST_RESULTS
    )
    confirmed: bool = Field(title="They are confirmed", description="If not, they are disputed and entered again.")
    note: Text | None = Field(default=None, title="Note", description="Needed when they are disputed.")


@act(ReviewResults)
def review_results(work: Work, given: ReviewResults) -> None:
    """Confirm or dispute results that somebody else entered; signed. Refuses a dispute without a note, and a reviewer
    of another role than the specification asks for.

    Disputed results stay, and count no more: the test is entered again. A donor whose blood is confirmed reactive is
    put on hold, with everything below her.
    """
    results = work.lock_all(TestResult, given.results)
    tested = tested_of(work, results)
    reactive = reactive_results(results) if given.confirmed else []
    keep_still(work, tested.values(), stopping=bool(reactive))
    if len(tested) == 1:
        work.about = next(iter(tested.values())).code
    target = ResultState.REVIEWED if given.confirmed else ResultState.DISPUTED
    reason_needed = refuse(
        Code.REASON_NEEDED, "A disputed result needs a note that says why. Write one and sign again."
    )
    refusals = [
        *(() if given.confirmed or given.note else (reason_needed,)),
        *review_refusals(_reviewers(results, tested), work.actor.roles),
    ]
    work.show(results=given.results, state=target)
    work.judge(*results, *((Hold,) if reactive else ()), refusals=refusals, to=target)
    for result in results:
        result.reviewed_by_id, result.review_note = work.actor.id, given.note
    work.transition(*results, to=target)
    hold_reactive_donors(work, reactive)


def _reviewers(results: list[TestResult], tested: dict[tuple[str, int], Tested]) -> list[ReviewedFacts]:
    """Who may review each result of the product; results of donors are reviewed by everybody of the lab."""
    found = []
    for result in results:
        test = tested[subject_of(result)].test(result.test)
        if isinstance(test, ReleaseTest):
            found.append(ReviewedFacts(result.code, test.title, test.reviewed_by))
    return found

"""Test results of donors and of lots: entered by one person, reviewed by another. A repeat is another row."""

from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from sqlalchemy import select

from cellbank.domain.identifiers import Kind
from cellbank.domain.quantities import Quantity, parse_decimal
from cellbank.domain.refusals import Code, Refusal, Refused, refuse
from cellbank.domain.rules.result import (
    LotResultFacts,
    choice_problem,
    donor_verdict,
    lot_result_refusals,
    value_problem,
)
from cellbank.domain.specification import DonorTest, ReleaseTest, Specification, judge_result
from cellbank.records.production import Donation, Donor, Lot
from cellbank.records.quality import TestResult
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, Malformed, Problem, SignedInput, act
from cellbank.services.common import effective, new_code, read_specification, specification_of, time_refusals
from cellbank.services.inputs import DonorCode, Identifier, Line, LotCode, Moment, ResultCode, Text, each_once

MOST_RESULTS = 200
_NUMBER = Quantity("The result", "", "as a plain number", Decimal(-(10**9)), Decimal(10**9), 4)
ResultNumber = Annotated[Decimal, BeforeValidator(partial(parse_decimal, quantity=_NUMBER))]


class EnterResult(ActInput):
    """Enter a test result."""

    donor: DonorCode | None = Field(default=None, title="Donor", description="For a test of the donor's blood.")
    lot: LotCode | None = Field(default=None, title="Lot", description="For a test of a lot.")
    test: Identifier = Field(title="Test", description="Its code in the specification.")
    number: ResultNumber | None = Field(default=None, title="Result, a number")
    choice: Line | None = Field(default=None, title="Result, a word")
    method: Line | None = Field(default=None, title="Method, where it is not the specification's")
    started_at: Moment = Field(title="Specimen taken, or inoculated")
    resulted_at: Moment | None = Field(default=None, title="Result read")

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.donor is None) == (self.lot is None):
            raise ValueError("Give the donor or the lot that was tested, one of the two")
        if (self.number is None) == (self.choice is None):
            raise ValueError("Give the result as a number or as a word, one of the two")
        return self


@act(EnterResult)
def enter_result(work: Work, given: EnterResult) -> TestResult:
    """Enter one result. Refuses times that cannot be, and “no growth” before the method's days are over.

    A value that is no result of this test is malformed. The verdict is taken from the specification here and now.
    """
    judged = _lot_result(work, given) if given.lot else _donor_result(work, given)
    resulted_at = given.resulted_at or work.now
    started = time_refusals(work, "The start of the test", given.started_at)
    times = time_refusals(work, "The result", resulted_at, given.started_at)
    work.judge(TestResult, refusals=[*started, *times, *judged.refusals])
    return work.add(
        TestResult(
            code=new_code(work, Kind.RESULT),
            test=given.test,
            number=given.number,
            choice=given.choice,
            started_at=given.started_at,
            resulted_at=resulted_at,
            entered_by_id=work.actor.id,
            **judged.columns,
        )
    )


@dataclass(frozen=True)
class _Judged:
    """What the specification says about a result: columns of its row, and the reasons against it."""

    columns: dict[str, Any]
    refusals: tuple[Refusal, ...] = ()


def _lot_result(work: Work, given: EnterResult) -> _Judged:
    lot = _shared(work, Lot, given.lot)
    test: ReleaseTest = _test(specification_of(work.session, lot.specification_id), given.test, of_lot=True)
    _refuse_value(value_problem(test, given.number, given.choice), given)
    collected_at = work.session.scalars(select(Donation.collected_at).where(Donation.id == lot.donation_id)).one()
    resulted_at = given.resulted_at or work.now
    facts = LotResultFacts(lot.code, test, given.choice, given.started_at, resulted_at, collected_at, lot.frozen_at)
    verdict = judge_result(test, given.choice if given.number is None else given.number)
    columns = {"lot_id": lot.id, "unit": test.unit, "method": given.method or test.method, "verdict": verdict.value}
    return _Judged(columns, lot_result_refusals(facts))


def _donor_result(work: Work, given: EnterResult) -> _Judged:
    donor = _shared(work, Donor, given.donor)
    specification = _donor_specification(work, donor)
    test: DonorTest = _test(specification, given.test, of_lot=False)
    _refuse_value(choice_problem(test.title, specification.donor.results, given.choice), given)
    verdict = donor_verdict(test, str(given.choice))
    return _Judged({"donor_id": donor.id, "method": given.method or test.title, "verdict": verdict.value})


def _shared(work: Work, cls: Any, code: str | None) -> Any:
    """The record, kept as it is until the act ends: no decision about it is taken while a result comes in."""
    record_id = work.session.scalar(select(cls.id).where(cls.code == code))
    return work.find(cls, str(code)) if record_id is None else work.share(cls, record_id)


def _donor_specification(work: Work, donor: Donor) -> Specification:
    """That of the donor's latest donation; before there is one, the specification in force."""
    latest = select(Donation.specification_id).where(Donation.donor_id == donor.id)
    pinned = work.session.scalar(latest.order_by(Donation.received_at.desc()).limit(1))
    if pinned is None:
        return read_specification(effective(work, "specification").content)
    return specification_of(work.session, pinned)


def _test(specification: Specification, code: str, *, of_lot: bool) -> Any:
    try:
        return specification.test(code) if of_lot else specification.donor.test(code)
    except KeyError:
        known = specification.tests if of_lot else specification.donor.tests
        raise Refused(
            [
                refuse(
                    Code.NOT_FOUND,
                    "Specification {specification} has no test {test} for a {subject}. It has: {known}.",
                    specification=f"{specification.id}@{specification.version}",
                    test=code,
                    subject="lot" if of_lot else "donor",
                    known=", ".join(test.code for test in known),
                )
            ]
        ) from None


def _refuse_value(problem: tuple[str, str] | None, given: EnterResult) -> None:
    """The specification decides what can be a result at all: anything else is malformed, like a word in a number."""
    if problem is not None:
        field, sentence = problem
        shown = given.choice if given.number is None else f"{given.number:f}"
        raise Malformed([Problem(field, f"{sentence}. Given: {shown!r}.")])


class ReviewResults(SignedInput):
    """Review test results."""

    results: Annotated[list[ResultCode], AfterValidator(each_once)] = Field(
        title="Results", min_length=1, max_length=MOST_RESULTS
    )
    confirmed: bool = Field(title="They are confirmed", description="If not, they are disputed and entered again.")
    note: Text | None = Field(default=None, title="Note", description="Needed when they are disputed.")


@act(ReviewResults)
def review_results(work: Work, given: ReviewResults) -> None:
    """Confirm or dispute results that somebody else entered; signed. Refuses a dispute without a note.

    Disputed results stay, and count no more: the test is entered again.
    """
    results = work.lock_all(TestResult, given.results)
    _share_tested(work, results)
    target = "REVIEWED" if given.confirmed else "DISPUTED"
    reason_needed = refuse(
        Code.REASON_NEEDED, "A disputed result needs a note that says why. Write one and sign again."
    )
    work.show(results=given.results, state=target)
    work.judge(*results, refusals=() if given.confirmed or given.note else (reason_needed,), to=target)
    for result in results:
        result.reviewed_by_id, result.review_note = work.actor.id, given.note
    work.transition(*results, to=target)


def _share_tested(work: Work, results: list[TestResult]) -> None:
    """Keep the lots and donors as they are: none is released on a result that is being disputed."""
    tested = []
    for cls, ids in ((Donor, {one.donor_id for one in results}), (Lot, {one.lot_id for one in results})):
        tested += [work.share(cls, record_id) for record_id in sorted(ids - {None})]
    if len(tested) == 1:
        work.about = tested[0].code

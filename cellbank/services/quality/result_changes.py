"""What becomes of a result that is wrong: corrected by another row that keeps the first value in sight, or invalidated
by the investigation of its deviation, after which a retest decides. Sources: domain reference §2 R5, R17, R25."""

from typing import Self

from pydantic import Field, model_validator
from sqlalchemy import select

from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import ResultState
from cellbank.domain.rules.result import InvalidationFacts, Reading, invalidation_refusals
from cellbank.records.deviations import Deviation, DeviationLink
from cellbank.records.quality import Sample, TestResult
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, Malformed, Problem, SignedInput, act
from cellbank.services.common import new_code
from cellbank.services.inputs import DeviationCode, Moment, OneLine, Reason, ResultCode
from cellbank.services.quality.out_of_specification import report, still_open, to_be_moved
from cellbank.services.quality.results import Entry, ResultNumber
from cellbank.services.quality.tested import find_test, keep_still, tested_of

CORRECTED = ("number", "choice", "method", "method_version", "instrument", "started_at", "resulted_at")


class CorrectResult(ActInput):
    """Correct a test result."""

    result: ResultCode = Field(title="Result")
    number: ResultNumber | None = Field(default=None, title="Right value, a number")
    choice: OneLine | None = Field(default=None, title="Right value, a word")
    method: OneLine | None = Field(default=None, title="Right method")
    method_version: OneLine | None = Field(default=None, title="Right version of the method")
    instrument: OneLine | None = Field(default=None, title="Right instrument")
    started_at: Moment | None = Field(default=None, title="Right time: specimen taken, or inoculated")
    resulted_at: Moment | None = Field(default=None, title="Right time: result read")
    reason: Reason

    @model_validator(mode="after")
    def _something_to_correct(self) -> Self:
        if all(getattr(self, name) is None for name in CORRECTED):
            raise ValueError("Give what is to be corrected; what is left empty stays as it is")
        if self.number is not None and self.choice is not None:
            raise ValueError("Give the result as a number or as a word, one of the two")
        return self


@act(CorrectResult, likely="rarely")
def correct_result(work: Work, given: CorrectResult) -> TestResult:
    """Correct what was written down wrongly. The right values are another row, to be reviewed again; the first one
    stays in sight with the reason. Refuses what a new result would be refused for.

    What is out of specification opens a deviation, unless one about this result is open already. A result that was
    out of specification keeps its deviation: correcting the number closes nothing.
    """
    wrong = work.lock(TestResult, given.result)
    entry = _corrected(work, wrong, given)
    problems = entry.problems() or _nothing_new(wrong, entry)
    if problems:
        raise Malformed(problems)
    lots = keep_still(work, [entry.tested], stopping=entry.fails)
    still = still_open(work, wrong)
    moved = to_be_moved(work, lots, failing=entry.fails)
    work.show(corrects=wrong.code, verdict=entry.verdict.value)
    work.warn(entry.warnings())
    work.judge(
        TestResult, wrong, *moved, refusals=entry.refusals(work), to=(ResultState.ENTERED, ResultState.CORRECTED)
    )
    wrong.change_reason, wrong.changed_by_id = given.reason, work.actor.id
    work.transition(wrong, to=ResultState.CORRECTED)
    code = new_code(work, Kind.RESULT)
    columns = {**entry.columns(), "corrects_id": wrong.id, "entered_by_id": work.actor.id}
    result = work.add(TestResult(code=code, **columns), to=ResultState.ENTERED)
    for deviation in still:
        work.note(
            DeviationLink(
                deviation_id=deviation.id, record_kind=result.kind, record_id=result.id, record_code=result.code
            )
        )
    if entry.fails:
        report(work, [entry.failure(result)], lots, known=still)
    return result


def _corrected(work: Work, wrong: TestResult, given: CorrectResult) -> Entry:
    """The result as it should have been: what is given, and the rest as it was."""
    [tested] = tested_of(work, [wrong]).values()
    right = {
        name: given_one if (given_one := getattr(given, name)) is not None else getattr(wrong, name)
        for name in CORRECTED
    }
    if given.number is not None or given.choice is not None:
        right["number"], right["choice"] = given.number, given.choice
    reading = Reading(right.pop("number"), right.pop("choice"), None, wrong.sample_number)
    sample = None if wrong.sample_id is None else work.session.get_one(Sample, wrong.sample_id)
    return Entry(tested, find_test(tested, wrong.test), reading, sample=sample, **right)


def _nothing_new(wrong: TestResult, entry: Entry) -> list[Problem]:
    columns = entry.columns()
    if any(columns[name] != getattr(wrong, name) for name in CORRECTED):
        return []
    return [Problem("(whole)", "Nothing differs from what was entered. Give the right value, or leave the result.")]


class InvalidateResult(SignedInput):
    """Invalidate a test result."""

    result: ResultCode = Field(title="Result")
    deviation: DeviationCode = Field(title="Deviation", description="Whose investigation proves a laboratory error.")
    reason: Reason


@act(InvalidateResult, likely="rarely")
def invalidate_result(work: Work, given: InvalidateResult) -> TestResult:
    """Let a result count no more, signed by somebody who neither entered it nor investigated it: only then
    a retest decides.

    Refuses while no investigated deviation is about this result. The result stays in sight.
    """
    deviation = work.lock(Deviation, given.deviation)
    result = work.lock(TestResult, given.result)
    keep_still(work, tested_of(work, [result]).values(), stopping=False)
    linked = select(DeviationLink.id).where(
        DeviationLink.deviation_id == deviation.id,
        DeviationLink.record_kind == result.kind,
        DeviationLink.record_id == result.id,
    )
    is_about_it = work.session.scalar(linked) is not None
    facts = InvalidationFacts(
        result.code,
        deviation.code,
        deviation.state,
        is_about_it,
        work.actor.full_name,
        deviation.investigated_by_id == work.actor.id,
    )
    work.about = result.code
    work.judge(result, refusals=invalidation_refusals(facts))
    result.change_reason, result.changed_by_id = given.reason, work.actor.id
    work.transition(result)
    return result

"""What may be entered as a test result, when, and who may review or invalidate it. Sources: domain reference §3.1,
§5.3 (days, samples), §2 R5, R16, R25 and §7.6 (entered by one, reviewed by another).

Twins in the database: a_result_is_never_changed, a_result_is_of_its_sample, an_invalidated_result_has_a_deviation.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from cellbank.domain.acceptance import USUAL_DAYS
from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.states import DeviationState, VialState
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.specification import (
    GROWTH_RESULTS,
    DonorTest,
    ReleaseTest,
    ResultVerdict,
    earliest_result_at,
    judge_result,
)

NO_GROWTH = GROWTH_RESULTS[0]
Problem = tuple[str, str]  # the field, and what is wrong with it

# --- the value --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reading:
    """What somebody read off: one of `number` and `choice`."""

    number: Decimal | None = None
    choice: str | None = None
    unit: str | None = None
    sample_number: int | None = None

    @property
    def value(self) -> Decimal | str:
        """The one that is given."""
        return str(self.choice) if self.number is None else self.number


def reading_problems(test: ReleaseTest, reading: Reading) -> tuple[Problem, ...]:
    """Everything that is wrong with what was read for a test of the product: it could not be judged."""
    found = (
        value_problem(test, reading.number, reading.choice),
        _unit_problem(test, reading.unit),
        sample_number_problem(test, reading.sample_number),
    )
    return tuple(problem for problem in found if problem is not None)


def donor_reading_problems(test: DonorTest, possible: tuple[str, ...], reading: Reading) -> tuple[Problem, ...]:
    """Everything that is wrong with what was read for a test of the donor's blood: a word, of one specimen."""
    found = [choice_problem(test.title, possible, reading.choice)]
    if reading.unit is not None:
        found.append(("unit", f"{test.title} has no unit"))
    if reading.sample_number not in (None, 1):
        found.append(("sample_number", f"{test.title} has one specimen"))
    return tuple(problem for problem in found if problem is not None)


def value_problem(test: ReleaseTest, number: Decimal | None, choice: str | None) -> Problem | None:
    """What is wrong with the value given for a test of the product, or None when it can be judged."""
    if test.kind == "number":
        if number is None:
            return "number", f"{test.title} is given as a number in {test.unit}"
        return _number_problem(test, number)
    return choice_problem(test.title, test.possible_results, choice)


def _number_problem(test: ReleaseTest, number: Decimal) -> Problem | None:
    # A recovery above 100 % comes of counting twice; it is out of specification, not impossible.
    impossible = test.unit == "%" and test.provides != "recovery" and number > 100
    if number < 0 or impossible:
        limits = "between 0 and 100 %" if test.unit == "%" else "not below 0"
        return "number", f"{test.title} must be {limits}"
    return None


def choice_problem(title: str, possible: tuple[str, ...], choice: str | None) -> Problem | None:
    """What is wrong with a result that is one of several words, or None."""
    if choice in possible:
        return None
    return "choice", f"{title} is one of: {', '.join(possible)}"


def _unit_problem(test: ReleaseTest, unit: str | None) -> Problem | None:
    if unit is None or unit == test.unit:
        return None
    return "unit", f"{test.title} is given in {test.unit}" if test.unit else f"{test.title} has no unit"


def sample_number_problem(test: ReleaseTest, number: int | None) -> Problem | None:
    """Where a test needs several samples, a result says which one; elsewhere there is number 1 only."""
    if number is None and test.samples > 1:
        return "sample_number", f"{test.title} needs {test.samples} samples: say which one, 1 to {test.samples}"
    if number is not None and number > test.samples:
        count = "one sample" if test.samples == 1 else f"{test.samples} samples"
        return "sample_number", f"{test.title} has {count} by its specification"
    return None


def verdict_of(test: ReleaseTest | DonorTest, value: Decimal | str) -> ResultVerdict:
    """Whether a value is in specification."""
    return donor_verdict(test, str(value)) if isinstance(test, DonorTest) else judge_result(test, value)


def donor_verdict(test: DonorTest, choice: str) -> ResultVerdict:
    """Whether a result of the donor's panel is acceptable; what is indeterminate is not."""
    return ResultVerdict.IN_SPEC if choice == test.acceptable else ResultVerdict.OUT_OF_SPEC


def limit_in_words(test: ReleaseTest) -> str:
    """The acceptance limit as a person reads it: '95 % or more', 'above 70 %, 100 % or less', 'no growth'."""
    if test.kind != "number":
        return " or ".join(test.accept or GROWTH_RESULTS[:1])
    low, high = test.minimum, test.maximum
    parts = []
    if low is not None:
        parts.append(f"{low:f} {test.unit} or more" if test.minimum_inclusive else f"above {low:f} {test.unit}")
    if high is not None:
        parts.append(f"{high:f} {test.unit} or less" if test.maximum_inclusive else f"below {high:f} {test.unit}")
    return ", ".join(parts) or "no limit"


# --- the sample -------------------------------------------------------------------------------


@dataclass(frozen=True)
class SamplingFacts:
    """A sample of something: when it was taken or inoculated, and since when there was anything to take it from.

    `of` names it ("lot LT0017W"), `begun` says what happened at `begun_at` ("was collected as tissue").
    """

    of: str
    test: ReleaseTest
    taken_at: datetime.datetime
    begun: str
    begun_at: datetime.datetime
    frozen_at: datetime.datetime | None = None


def sampling_refusals(facts: SamplingFacts) -> tuple[Refusal, ...]:
    """Why a sample cannot be: it would have been taken before there was anything to take it from."""
    after_thaw = facts.test.stage == "post_thaw"
    if after_thaw and facts.frozen_at is None:
        sentence = "The {of} has not been frozen: {test} is tested on a thawed vial. Record the freezing first."
        return (refuse(Code.OUT_OF_ORDER, sentence, of=facts.of, test=facts.test.title),)
    begin, what = (facts.frozen_at, "was frozen") if after_thaw else (facts.begun_at, facts.begun)
    if begin is not None and facts.taken_at < begin:
        sentence = "The sample for {test} ({at}) is older than the {of}, which {what} {begin}. Correct the time."
        return (
            refuse(
                Code.OUT_OF_ORDER,
                sentence,
                test=facts.test.title,
                at=facts.taken_at,
                of=facts.of,
                what=what,
                begin=begin,
            ),
        )
    return ()


@dataclass(frozen=True)
class VialSampled:
    """A vial scanned as the material of a sample; `of_the_lot`: whether it is a vial of the lot that is tested."""

    code: str
    state: str
    of_the_lot: bool


def vial_sampled_refusals(of: str, vial: VialSampled | None) -> tuple[Refusal, ...]:
    """Why a vial cannot be the material: it is of another lot, or never held any cells."""
    if vial is None:
        return ()
    if not vial.of_the_lot:
        sentence = "Vial {vial} is not of the {of}. Scan a vial of it."
        return (refuse(Code.VIAL_MISMATCH, sentence, vial=vial.code, of=of),)
    if vial.state in (VialState.PRINTED, VialState.VOIDED):
        sentence = "Vial {vial} is {state}: it was never filled. Scan the vial that was sampled."
        return (refuse(Code.VIAL_NOT_AVAILABLE, sentence, vial=vial.code, state=vial.state),)
    return ()


def days_to_result(test: ReleaseTest | DonorTest) -> int:
    """Days from the sample until its result is due."""
    return USUAL_DAYS if isinstance(test, DonorTest) else test.days_to_result


# --- the result -------------------------------------------------------------------------------


@dataclass(frozen=True)
class ResultFacts:
    """A result of the product: its sample, what was read, and when."""

    sampling: SamplingFacts
    choice: str | None
    resulted_at: datetime.datetime


def result_refusals(facts: ResultFacts) -> tuple[Refusal, ...]:
    """Why a result cannot stand: sampled before there was anything to sample, or "no growth" before its day."""
    return (*sampling_refusals(facts.sampling), *_too_early(facts))


def _too_early(facts: ResultFacts) -> tuple[Refusal, ...]:
    """Growth may be reported at once; that nothing grew only after the days that the method asks for."""
    test, taken_at = facts.sampling.test, facts.sampling.taken_at
    earliest = earliest_result_at(test, taken_at)
    if test.kind != "growth" or facts.choice != NO_GROWTH or facts.resulted_at >= earliest:
        return ()
    return (
        refuse(
            Code.RESULT_TOO_EARLY,
            "{test} of {of} is not “{no_growth}” before {earliest}: {days} days after inoculation ({started}). "
            "Enter it then.",
            test=test.title,
            of=facts.sampling.of,
            no_growth=NO_GROWTH,
            earliest=earliest,
            days=test.earliest_days,
            started=taken_at,
        ),
    )


# --- what becomes of it -----------------------------------------------------------------------


@dataclass(frozen=True)
class ReviewedFacts:
    """A result to be reviewed, and the roles that its specification lets review it."""

    result: str
    test: str
    reviewed_by: tuple[str, ...]


def review_refusals(results: Iterable[ReviewedFacts], roles: frozenset[Role]) -> tuple[Refusal, ...]:
    """Why this person may not review: the specification asks for another role."""
    held = {role.value for role in roles}
    return tuple(
        refuse(
            Code.ROLE_NOT_ALLOWED,
            "Result {result} ({test}) is reviewed by a {roles}: its specification says so. Ask one of them.",
            result=one.result,
            test=one.test,
            roles=" or ".join(role.replace("_", " ") for role in one.reviewed_by),
        )
        for one in results
        if not held & set(one.reviewed_by)
    )


@dataclass(frozen=True)
class InvalidationFacts:
    """A result to be invalidated by the investigation of a deviation."""

    result: str
    deviation: str
    deviation_state: str
    is_about_it: bool
    person: str
    investigated_it: bool


def invalidation_refusals(facts: InvalidationFacts) -> tuple[Refusal, ...]:
    """Why a result goes on to count: only an investigation of its own deviation proves a laboratory error,
    to somebody else than who made it. Twins in the database: an_invalidated_result_has_a_deviation,
    a_result_is_invalidated_by_another."""
    found = []
    if not facts.is_about_it:
        sentence = "Deviation {deviation} is not about result {result}. Link the result to it, or give the one that is."
        found.append(refuse(Code.CRITERION_OPEN, sentence, deviation=facts.deviation, result=facts.result))
    if facts.deviation_state == DeviationState.OPEN:
        sentence = "Deviation {deviation} is not investigated yet: result {result} counts. Investigate it first."
        found.append(refuse(Code.DEVIATION_OPEN, sentence, deviation=facts.deviation, result=facts.result))
    elif facts.investigated_it:
        sentence = "{person} investigated deviation {deviation}: somebody else invalidates result {result} by it."
        said = {"person": facts.person, "deviation": facts.deviation, "result": facts.result}
        found.append(refuse(Code.SAME_PERSON, sentence, **said))
    return tuple(found)

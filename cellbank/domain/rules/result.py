"""What may be entered as a test result, and when. Sources: domain reference §3.1, §5.3."""

import datetime
from dataclasses import dataclass
from decimal import Decimal

from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.specification import (
    GROWTH_RESULTS,
    DonorTest,
    ReleaseTest,
    ResultVerdict,
    earliest_result_at,
)

NO_GROWTH = GROWTH_RESULTS[0]


def value_problem(test: ReleaseTest, number: Decimal | None, choice: str | None) -> tuple[str, str] | None:
    """What is wrong with the value given for a lot test: (field, sentence), or None when it can be judged."""
    if test.kind == "number":
        if number is None:
            return "number", f"{test.title} is given as a number in {test.unit}"
        return _number_problem(test, number)
    return choice_problem(test.title, test.possible_results, choice)


def _number_problem(test: ReleaseTest, number: Decimal) -> tuple[str, str] | None:
    # A recovery above 100 % comes of counting twice; it is out of specification, not impossible.
    impossible = test.unit == "%" and test.provides != "recovery" and number > 100
    if number < 0 or impossible:
        limits = "between 0 and 100 %" if test.unit == "%" else "not below 0"
        return "number", f"{test.title} must be {limits}"
    return None


def choice_problem(title: str, possible: tuple[str, ...], choice: str | None) -> tuple[str, str] | None:
    """What is wrong with a result that is one of several words: (field, sentence), or None."""
    if choice in possible:
        return None
    return "choice", f"{title} is one of: {', '.join(possible)}"


def donor_verdict(test: DonorTest, choice: str) -> ResultVerdict:
    """Whether a result of the donor's panel is acceptable; what is indeterminate is not."""
    return ResultVerdict.IN_SPEC if choice == test.acceptable else ResultVerdict.OUT_OF_SPEC


@dataclass(frozen=True)
class LotResultFacts:
    """A result of a lot: the lot's collection and freezing, and when its sample was taken or inoculated."""

    lot: str
    test: ReleaseTest
    choice: str | None
    started_at: datetime.datetime
    resulted_at: datetime.datetime
    collected_at: datetime.datetime
    frozen_at: datetime.datetime | None


def lot_result_refusals(facts: LotResultFacts) -> tuple[Refusal, ...]:
    """Why a result cannot stand: sampled before there was anything to sample, or "no growth" before its day."""
    return (*_sample_refusals(facts), *_too_early(facts))


def _sample_refusals(facts: LotResultFacts) -> tuple[Refusal, ...]:
    after_thaw = facts.test.stage == "post_thaw"
    if after_thaw and facts.frozen_at is None:
        sentence = "Lot {lot} has not been frozen: {test} is tested on a thawed vial. Record the freezing first."
        return (refuse(Code.OUT_OF_ORDER, sentence, lot=facts.lot, test=facts.test.title),)
    begin, what = (facts.frozen_at, "was frozen") if after_thaw else (facts.collected_at, "was collected as tissue")
    if begin is not None and facts.started_at < begin:
        sentence = "The sample for {test} ({at}) is older than lot {lot}, which {what} {begin}. Correct the time."
        return (
            refuse(Code.OUT_OF_ORDER, sentence, test=facts.test.title, at=f"{facts.started_at:%Y-%m-%d %H:%M} UTC",
                   lot=facts.lot, what=what, begin=f"{begin:%Y-%m-%d %H:%M} UTC"),
        )  # fmt: skip
    return ()


def _too_early(facts: LotResultFacts) -> tuple[Refusal, ...]:
    """Growth may be reported at once; that nothing grew only after the days that the method asks for."""
    earliest = earliest_result_at(facts.test, facts.started_at)
    if facts.test.kind != "growth" or facts.choice != NO_GROWTH or facts.resulted_at >= earliest:
        return ()
    return (
        refuse(
            Code.RESULT_TOO_EARLY,
            "{test} of lot {lot} is not “{no_growth}” before {earliest}: {days} days after inoculation ({started}). "
            "Enter it then.",
            test=facts.test.title,
            lot=facts.lot,
            no_growth=NO_GROWTH,
            earliest=f"{earliest:%Y-%m-%d %H:%M} UTC",
            days=facts.test.earliest_days,
            started=f"{facts.started_at:%Y-%m-%d %H:%M} UTC",
        ),
    )

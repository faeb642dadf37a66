"""What the results of a lot say about it: which one decides, what it refuses, and the evidence that a person reads.

A result belongs to the lot, to a culture before it (in process) or to the donation (tissue). Nothing is overwritten:
what was disputed, corrected or invalidated stays in the evidence, with who changed it and why. Sources: domain
reference §5.4, §2 R2, R5. Twin in the database: no_release_against_a_result.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from cellbank.domain.acceptance import ReleaseTest
from cellbank.domain.lifecycle.states import ResultState
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.specification import Specification

STANDING = (ResultState.ENTERED, ResultState.REVIEWED)


@dataclass(frozen=True)
class LotResult:
    """One result that speaks about a lot, of a day at its site; `value` as a person reads it, `verdict` and `state` as
    recorded. Those that no longer count too: `changed` says who corrected or invalidated it, and why. `of`: the culture
    or donation that was tested, where it was not the lot itself."""

    code: str
    test: str
    value: str
    verdict: str
    state: str
    resulted_on: datetime.date
    sample_number: int = 1
    of: str = ""
    changed: str = ""

    @property
    def shown(self) -> str:
        """One line of evidence."""
        verdict = self.verdict.lower().replace("_", " ")
        of = f", of {self.of}" if self.of else ""
        return f"{self.value}, {verdict} ({self.code}, {self.resulted_on}{of})"


def deciding_result(results: Iterable[LotResult], test: str) -> LotResult | None:
    """The result of a test that decides: one out of specification as long as nobody has proved it to be a laboratory
    error, whatever came after it (a retest never overwrites); then one that still waits for its review; otherwise the
    latest."""
    standing = [result for result in results if result.test == test and result.state in STANDING]
    failed = [result for result in standing if result.verdict == "OUT_OF_SPECIFICATION"]
    waiting = [result for result in standing if result.state == ResultState.ENTERED]
    deciding = failed or waiting or standing
    return deciding[-1] if deciding else None


def samples_missing(test: ReleaseTest, results: Iterable[LotResult]) -> tuple[int, ...]:
    """The numbers of the samples that the specification asks for and that have no result that counts."""
    tested = {result.sample_number for result in results if result.test == test.code and result.state in STANDING}
    return tuple(number for number in range(1, test.samples + 1) if number not in tested)


def refusal_of_test(lot: str, test: ReleaseTest, results: Iterable[LotResult]) -> Refusal | None:
    """Why the results of a test do not let the lot go, be it that some are missing; None when they do."""
    kept = tuple(results)
    result = deciding_result(kept, test.code)
    found = None if result is None else result_refusal(lot, test, result)
    return found or _missing(lot, test, kept)


def _missing(lot: str, test: ReleaseTest, results: tuple[LotResult, ...]) -> Refusal | None:
    missing = samples_missing(test, results)
    if not missing:
        return None
    sentence = "{test} of lot {lot} has no result. Enter it, and have it reviewed."
    if any(result.test == test.code for result in results):
        sentence = "{test} of lot {lot}: every result is disputed or invalidated. Test again and enter the new result."
    if test.samples > 1:
        sentence = "{test} of lot {lot} needs {count} samples: no result of number {numbers}. Enter them."
    numbers = ", ".join(str(number) for number in missing)
    return refuse(Code.RESULT_MISSING, sentence, test=test.title, lot=lot, count=test.samples, numbers=numbers)


def result_refusal(lot: str, test: ReleaseTest, result: LotResult) -> Refusal | None:
    """Why a result that decides does not speak for the lot; None when it does."""
    if result.verdict == "OUT_OF_SPECIFICATION":
        sentence = (
            "{test} of lot {lot} is out of specification: {shown}. Reject the lot; or, if the investigation of its "
            "deviation proves a laboratory error, invalidate the result and test again."
        )
        return refuse(Code.OUT_OF_SPECIFICATION, sentence, test=test.title, lot=lot, shown=result.shown)
    if result.state == ResultState.ENTERED:
        sentence = "{test} of lot {lot} is not final: result {result} waits for a second person to review it."
        return refuse(Code.RESULT_NOT_REVIEWED, sentence, test=test.title, lot=lot, result=result.code)
    return None


def standing_refusals(lot: str, specification: Specification, results: Iterable[LotResult]) -> tuple[Refusal, ...]:
    """Which of the results there are speak against the lot. (What is missing is the release's to ask.)"""
    kept = tuple(results)
    found = []
    for test in specification.tests:
        result = deciding_result(kept, test.code) if test.required else None
        if result is not None and (refusal := result_refusal(lot, test, result)):
            found.append(refusal)
    return tuple(found)


def evidence(test: ReleaseTest, results: Iterable[LotResult]) -> str:
    """What decides, and every other result that was out of specification, disputed, corrected or invalidated: nothing
    is hidden. Where several samples are asked for, each of them stands here."""
    of_test = [result for result in results if result.test == test.code]
    deciding = _deciding_each(test, of_test)
    parts = [_told(test, result) for result in deciding] or ["No result"]
    for other in of_test:
        if other.state not in STANDING:
            by = f" {other.changed}" if other.changed else ""
            parts.append(f"{other.state.lower()}{by}: {other.shown}")
        elif other not in deciding and other.verdict == "OUT_OF_SPECIFICATION":
            parts.append(f"earlier: {other.shown}")
    return "; ".join(parts)


def _deciding_each(test: ReleaseTest, results: list[LotResult]) -> list[LotResult]:
    numbers = sorted({result.sample_number for result in results}) if test.samples > 1 else [None]
    found = [
        deciding_result((one for one in results if number in (None, one.sample_number)), test.code)
        for number in numbers
    ]
    return [result for result in found if result is not None]


def _told(test: ReleaseTest, result: LotResult) -> str:
    sample = f"sample {result.sample_number}: " if test.samples > 1 else ""
    return f"{sample}{result.shown}" + ("; not reviewed" if result.state == ResultState.ENTERED else "")

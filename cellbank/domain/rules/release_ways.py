"""From a line of the release board to its evidence and, where it is red, to the act that resolves it.

The reviewer works by exception: a red line says what is missing (`release.py`), and here stands what to do about it;
every line, green or red, names the records on which it rests (domain reference §5.4).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cellbank.domain.lifecycle.states import DeviationState, ExcursionState, ResultState, VialState
from cellbank.domain.rules.freezing_run import RunOfLot
from cellbank.domain.rules.release import Criterion, ReleaseFacts, release_criteria
from cellbank.domain.rules.tested import STANDING, LotResult, deciding_result


@dataclass(frozen=True)
class Evidence:
    """Where the evidence of a line is: the record with this code, or the act with this number in the trail."""

    text: str
    code: str = ""
    act: int = 0


@dataclass(frozen=True)
class Way:
    """An act that resolves a red line; `given` fills its form."""

    act: str
    given: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Papers:
    """The records behind the board that no rule asks for: `acts` are the numbers of the acts that made the lot."""

    consents: tuple[str, ...] = ()
    cultures: tuple[str, ...] = ()
    boxes: tuple[Evidence, ...] = ()
    acts: tuple[tuple[str, int], ...] = ()

    def act(self, name: str, text: str) -> tuple[Evidence, ...]:
        """The proof that an act was done; nothing when it was not."""
        return tuple(Evidence(text, act=number) for done, number in self.acts if done == name)


@dataclass(frozen=True)
class BoardLine:
    """One line of the board: the criterion, what it rests on, and the ways out when it is red."""

    criterion: Criterion
    proofs: tuple[Evidence, ...]
    ways: tuple[Way, ...]


def release_lines(facts: ReleaseFacts, papers: Papers) -> tuple[BoardLine, ...]:
    """Every criterion with its proofs and ways, in the order of the board."""
    return tuple(
        BoardLine(line, _proofs(facts, papers, line), () if line.met else tuple(_ways(facts, line)))
        for line in release_criteria(facts)
    )


def _records(*codes: str) -> tuple[Evidence, ...]:
    return tuple(Evidence(code, code) for code in codes)


def _results_of(facts: ReleaseFacts, line: Criterion) -> tuple[LotResult, ...]:
    """The results of a test, the one that decides first."""
    test = line.code.removeprefix("TEST_")
    deciding = deciding_result(facts.results, test)
    others = tuple(one for one in facts.results if one.test == test and one is not deciding)
    return others if deciding is None else (deciding, *others)


def _proofs(facts: ReleaseFacts, papers: Papers, line: Criterion) -> tuple[Evidence, ...]:
    if line.code.startswith("TEST_"):
        return _records(*(result.code for result in _results_of(facts, line)))
    closing = papers.act("close_filling", "Closing of the filling")
    freezing = papers.act("record_freezing", "Freezing")
    known = {
        "DONOR_ELIGIBLE": _records(facts.donor),
        "DONOR_TESTS": _records(*(result.code for result in facts.evidence.results)),
        "CONSENT": _records(*papers.consents),
        "NO_HOLD": _records(*(hold.code for hold in facts.holds)),
        "SOURCE_LOTS": _records(*(lot.code for lot in facts.made_from)),
        "DEVIATIONS": _records(*(one.code for one in facts.deviations)),
        "BATCH_RECORD": _records(*([facts.batch_review.code] if facts.batch_review else [])),
        "CELL_BALANCE": closing,
        "LABELS_RECONCILED": closing,
        "EXPIRY": freezing,
        "PASSAGE": _records(*papers.cultures),
        "DOUBLINGS": _records(*papers.cultures),
        "FREEZING_RUN": _records(*([facts.freezing_run.code] if facts.freezing_run else [])),
        "STORAGE": (*freezing, *papers.boxes),
        "STORAGE_TRACE": _records(*(one.code for one in facts.trace)),
    }
    return known[line.code]


def _ways(facts: ReleaseFacts, line: Criterion) -> Iterator[Way]:
    """What turns a red line green; where nothing can, the rejection."""
    reject = Way("reject_lot", (("lot", facts.lot),))
    if line.code.startswith("TEST_"):
        yield from _ways_of_a_test(facts, line)
    elif line.code in ("DONOR_ELIGIBLE", "DONOR_TESTS"):
        yield from _ways_of_the_donor(facts, line)
    elif line.code == "CONSENT":
        yield Way("record_consent", (("donor", facts.donor),))
    elif line.code == "NO_HOLD":
        yield from (Way("lift_hold", (("hold", hold.code),)) for hold in facts.holds)
    elif line.code == "DEVIATIONS":
        yield from _ways_of_deviations(facts)
    elif line.code == "BATCH_RECORD":
        yield Way("review_batch_record", (("lot", facts.lot),))
    elif line.code == "LABELS_RECONCILED":
        yield Way("close_filling", (("lot", facts.lot),))
    elif line.code == "STORAGE_TRACE" and not any(one.state == ExcursionState.REJECTED for one in facts.trace):
        waiting = (one for one in facts.trace if one.state == ExcursionState.OPEN)
        yield from (Way("decide_excursion", (("excursion", one.code),)) for one in waiting)
    elif line.code == "FREEZING_RUN" and facts.freezing_run is None:
        yield Way("import_freezing_run", (("lot", facts.lot),))
    elif line.code == "FREEZING_RUN" and facts.freezing_run is not None:
        yield from _ways_of_a_run(facts.freezing_run)
    elif line.code == "STORAGE" and facts.frozen_at is None:
        yield Way("record_freezing", (("lot", facts.lot),))
    elif line.code == "STORAGE" and facts.vial_counts.get(VialState.FROZEN):
        yield Way("store_vials", ())
    else:
        yield reject


def _ways_of_a_test(facts: ReleaseFacts, line: Criterion) -> Iterator[Way]:
    results = _results_of(facts, line)
    standing = [result for result in results if result.state in STANDING]
    if not standing:
        yield Way("enter_result", (("lot", facts.lot), ("test", line.code.removeprefix("TEST_"))))
        return
    deciding = standing[0]
    if deciding.state == ResultState.ENTERED:
        yield Way("review_results", (("results", deciding.code),))
    if deciding.verdict == "OUT_OF_SPECIFICATION":
        yield Way("reject_lot", (("lot", facts.lot),))
        if deciding.state == ResultState.REVIEWED:
            yield Way("invalidate_result", (("result", deciding.code),))


def _ways_of_the_donor(facts: ReleaseFacts, line: Criterion) -> Iterator[Way]:
    waiting = [result.code for result in facts.evidence.results if result.state == ResultState.ENTERED]
    yield from (Way("review_results", (("results", code),)) for code in waiting[:1])
    if line.code == "DONOR_TESTS" and not waiting:
        yield Way("enter_result", (("donor", facts.donor),))
    if line.code == "DONOR_ELIGIBLE":
        yield Way("determine_eligibility", (("donor", facts.donor),))


_STEPS: dict[str | None, str] = {
    DeviationState.OPEN: "investigate_deviation",
    DeviationState.INVESTIGATED: "close_deviation",
}


def _ways_of_deviations(facts: ReleaseFacts) -> Iterator[Way]:
    for one in facts.deviations:
        if one.classification != "minor" and one.state in _STEPS:
            yield Way(_STEPS[one.state], (("deviation", one.code),))


def _ways_of_a_run(run: RunOfLot) -> Iterator[Way]:
    """Its deviation, or, where it is the wrong file, its withdrawal."""
    if run.deviation_state in _STEPS:
        yield Way(_STEPS[run.deviation_state], (("deviation", run.deviation or ""),))
    yield Way("withdraw_freezing_run", (("run", run.code),))

"""What a result out of specification does by itself, in the act that brings it: a deviation, and a stop of what is out.

Sources: domain reference §2 R25 (21 CFR 211.192), §5.4. Twin in the database: no_release_with_an_open_deviation.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from cellbank.domain.lifecycle.states import DeviationState, LotState
from cellbank.domain.rules.deviation import Classification
from cellbank.domain.rules.result import limit_in_words
from cellbank.domain.specification import ReleaseTest, ResultVerdict
from cellbank.records.base import Record
from cellbank.records.deviations import Deviation, DeviationLink
from cellbank.records.production import Lot
from cellbank.records.quality import Hold, Sample, TestResult
from cellbank.records.work import Work
from cellbank.services.quality.lot_results import shown_value
from cellbank.services.quality.tested import Tested
from cellbank.services.stopping.conditional_ends import once_conditional
from cellbank.services.stopping.deviation_opening import open_with_links
from cellbank.services.stopping.holding import place_hold
from cellbank.services.stopping.notices import tell_clinicians

CLASSIFICATION: Classification = "major"  # until a quality officer classifies it otherwise


@dataclass(frozen=True)
class Failure:
    """A result of a required test of the product that is out of specification."""

    result: TestResult
    test: ReleaseTest
    tested: Tested
    sample: Sample | None = None


def fails(test: object, verdict: ResultVerdict) -> bool:
    """Whether this verdict is a failure of the product. A donor's reactive result is a finding: she is determined."""
    return isinstance(test, ReleaseTest) and verdict is ResultVerdict.OUT_OF_SPEC


def to_be_moved(work: Work, lots: Collection[Lot], *, failing: bool) -> tuple[type[Record] | Record, ...]:
    """What a failure moves, for the judgement: a deviation, and the lots that are out with a hold on each."""
    out = out_of_the_laboratory(lots, once_conditional(work, lots)) if failing else []
    return (*((Deviation,) if failing else ()), *((Hold,) if out else ()), *out)


def out_of_the_laboratory(lots: Collection[Lot], conditional: Collection[Lot]) -> list[Lot]:
    """The lots that patients may have: the released ones, and those in quarantine that some subject may have."""
    return [
        lot
        for lot in lots
        if lot.state == LotState.RELEASED or (lot.state == LotState.QUARANTINE and lot in conditional)
    ]


def report(work: Work, failures: Sequence[Failure], lots: Collection[Lot], known: Sequence[Deviation] = ()) -> None:
    """Open a deviation for what failed, unless it is `known`: one for each test of each thing; and stop every lot that
    is out. Call it with results and samples written. `lots` are those below what failed, locked.

    The clinician of each dose made of it gets a notice, whether the lot was released or used while this result was
    pending (domain reference §5.4).
    """
    together: dict[tuple[str, int, str], list[Failure]] = defaultdict(list)
    for failure in failures:
        together[(failure.tested.kind, failure.tested.id, failure.test.code)].append(failure)
    opened = [] if known else [_open(work, same) for same in together.values()]
    work.show(deviations=[deviation.code for deviation in (*known, *opened)])
    tests = ", ".join(dict.fromkeys(failure.test.title for failure in failures))
    codes = ", ".join(deviation.code for deviation in (*known, *opened))
    reason = f"{tests}: out of specification (deviation {codes})"
    for tested in {(one.tested.kind, one.tested.id): one.tested for one in failures}.values():
        tell_clinicians(work, tested, reason)
    conditional = once_conditional(work, lots)
    for lot in out_of_the_laboratory(lots, conditional):
        released = "conditional release" if lot in conditional else "release"
        place_hold(work, lot, reason=f"{reason}, after the {released}")


def _open(work: Work, failures: Sequence[Failure]) -> Deviation:
    """A deviation about results of one test of one thing: mostly about one, about several after an import."""
    first = failures[0]
    limit, version = limit_in_words(first.test), first.tested.specification
    results = [failure.result for failure in failures]
    values = ", ".join(f"{one.code}: {shown_value(one.number, one.choice, one.unit)}" for one in results)
    return open_with_links(
        work,
        title=f"{first.test.title} of {first.tested.called} out of specification",
        description=f"Result {values}. The limit is {limit} (specification {version.id}@{version.version}).",
        classification=CLASSIFICATION,
        occurred_at=min(result.resulted_at for result in results),
        records=[*results, *(failure.sample for failure in failures if failure.sample)],
    )


def still_open(work: Work, result: TestResult) -> list[Deviation]:
    """The deviations about a result that are not closed: its correction belongs to them."""
    links = select(DeviationLink.deviation_id).where(
        DeviationLink.record_kind == result.kind, DeviationLink.record_id == result.id
    )
    statement = select(Deviation).where(Deviation.id.in_(links), Deviation.state != DeviationState.CLOSED)
    return list(work.session.scalars(statement.order_by(Deviation.id)))

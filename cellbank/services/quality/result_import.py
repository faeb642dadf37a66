"""A sheet of results, imported whole or not at all: each row judged as one entered by hand, all faults at once."""

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints
from sqlalchemy import or_, select

from cellbank.domain.entering import whole_number
from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import ResultState, SampleState
from cellbank.domain.quantities import parse_decimal
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.result_sheet import MOMENTS, SheetRow, moment_of, number_and_unit, read_sheet
from cellbank.domain.rules.result import Reading
from cellbank.domain.specification import DonorTest, ReleaseTest
from cellbank.records.production import Lot
from cellbank.records.quality import Sample, TestResult
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, Malformed, Problem, act, parse
from cellbank.services.common import new_codes
from cellbank.services.inputs import Identifier, Moment, OneLine, SampleCode
from cellbank.services.quality.out_of_specification import report, to_be_moved
from cellbank.services.quality.results import NUMBER, Entry
from cellbank.services.quality.samples import (
    OfOneRecord,
    SampleNumber,
    TestedCulture,
    TestedDonation,
    TestedDonor,
    TestedLot,
)
from cellbank.services.quality.tested import (
    Tested,
    find_all_tested,
    keep_still,
    lots_of_tested,
    subject_of,
    tested_of,
)
from cellbank.services.site_time import site_of

LONGEST_SHEET = 1_000_000
SheetText = Annotated[
    str,
    StringConstraints(strip_whitespace=False, min_length=1, max_length=LONGEST_SHEET),
    Field(json_schema_extra={"file": ".csv,.tsv,.txt"}),
]
# Fields of a reading by the column that they stand in.
COLUMN_OF = {"number": "result", "choice": "result"}


class ImportResults(ActInput):
    """Import a results sheet."""

    sheet: SheetText = Field(
        title="Sheet (CSV)",
        description="The first row names the columns: sample, or lot, culture, donation or donor with test and "
        "started_at; result; and, where wanted, unit, sample_number, method, method_version, instrument, resulted_at. "
        "Times without a zone are read on the clock of the site.",
    )


class RowInput(OfOneRecord, ActInput):
    """One row of a results sheet."""

    sample: SampleCode | None = None
    lot: TestedLot = None
    culture: TestedCulture = None
    donation: TestedDonation = None
    donor: TestedDonor = None
    test: Identifier | None = None
    result: OneLine
    unit: OneLine | None = None
    sample_number: SampleNumber = None
    method: OneLine | None = None
    method_version: OneLine | None = None
    instrument: OneLine | None = None
    started_at: Moment | None = None
    resulted_at: Moment | None = None


@dataclass(frozen=True)
class Row:
    """A row of the sheet as it will be entered; `resulted` where the sheet says when the result was read."""

    number: int
    entry: Entry
    resulted: bool

    @property
    def says(self) -> tuple[Any, ...]:
        """What makes two rows the same."""
        entry = self.entry
        told = (entry.tested.kind, entry.tested.id, entry.test.code, entry.reading.sample_number or 1, entry.started_at)
        return (*told, entry.reading.value)


@act(ImportResults, begun_by={"technician": 6})
def import_results(work: Work, given: ImportResults) -> None:
    """Enter every row of the sheet, or none. Malformed names each fault by its row and column; what a row entered by
    hand would be refused for is refused here, by its row, and so is a row that says what is recorded already."""
    zone = ZoneInfo(site_of(work).timezone)
    rows, problems = _read(work, given.sheet, zone)
    entries = [row.entry for row in rows]
    lots = keep_still(work, {(one.tested.kind, one.tested.id): one.tested for one in entries}.values(), stopping=True)
    refusals = [*_refused_rows(work, rows), *_recorded_already(work, rows)]
    if problems:  # whoever corrects the sheet is told everything at once
        raise Malformed([*problems, *(Problem("sheet", refusal.detail) for refusal in refusals)])
    failing = [row for row in rows if row.entry.fails]
    below = lots_of_tested(work, [row.entry.tested for row in failing])
    out = [lot for lot in lots if lot.id in below]
    samples = [
        entry.sample for entry in entries if entry.sample is not None and entry.sample.state == SampleState.TAKEN
    ]
    work.show(rows=len(rows), out_of_specification=[_told(row) for row in failing], zone_of_the_times=zone.key)
    work.warn(warning for entry in entries for warning in entry.warnings())
    moved, tested = to_be_moved(work, out, failing=bool(failing)), [entry.tested for entry in entries]
    work.judge(TestResult, *samples, *moved, refusals=refusals, of=tested)
    codes = new_codes(work, Kind.RESULT, len(rows))
    ids = work.add_many(TestResult, [_columns(work, *pair) for pair in zip(codes, entries, strict=True)])
    work.transition_many(Sample, samples)
    work.show(results=codes)
    if failing:
        _report(work, {id_: row.entry for id_, row in zip(ids, rows, strict=True) if row.entry.fails}, out)


def _columns(work: Work, code: str, entry: Entry) -> dict[str, Any]:
    return {**entry.columns(), "code": code, "entered_by_id": work.actor.id}


def _report(work: Work, failed: dict[int, Entry], out: list[Lot]) -> None:
    written = work.session.scalars(select(TestResult).where(TestResult.id.in_(failed)).order_by(TestResult.id))
    report(work, [failed[result.id].failure(result) for result in written], out)


def _told(row: Row) -> str:
    return f"Row {row.number}: {row.entry.test.title} of {row.entry.tested.called}"


# --- reading ----------------------------------------------------------------------------------


def _read(work: Work, text: str, zone: ZoneInfo) -> tuple[list[Row], list[Problem]]:
    """The rows that can be judged, and every fault of the others. Raises Malformed where there is no row at all."""
    sheet = read_sheet(text)
    problems = [Problem(f"sheet.{problem.place}", f"{problem.sentence}.") for problem in sheet.problems]
    broken = {problem.place.partition(".")[0] for problem in sheet.problems}
    if not sheet.rows:
        raise Malformed(problems)
    inputs = {}
    for row in sheet.rows:
        if f"row {row.number}" not in broken:
            try:
                inputs[row.number] = _input(row, zone)
            except Malformed as malformed:
                problems += _placed(row.number, malformed.problems)
    known = _look_up(work, inputs.values())
    rows = []
    for number, given in inputs.items():
        try:
            rows.append(_row(work, number, given, known))
        except Malformed as malformed:
            problems += _placed(number, malformed.problems)
    problems += _repeated(rows)
    return rows, sorted(problems, key=lambda problem: _row_of(problem.field))


def _placed(number: int, problems: Sequence[Problem]) -> list[Problem]:
    """Problems of a row by the column of the sheet. What is wrong with several of its cells stands at the row."""
    found = []
    for problem in problems:
        column = COLUMN_OF.get(problem.field, problem.field)
        place = f"sheet.row {number}" if column == "(whole)" else f"sheet.row {number}.{column}"
        found.append(Problem(place, problem.message))
    return found


def _row_of(place: str) -> int:
    return whole_number(place.removeprefix("sheet.row ").partition(".")[0]) or 0


def _input(row: SheetRow, zone: ZoneInfo) -> RowInput:
    cells: dict[str, Any] = dict(row.cells)
    problems = []
    for name in MOMENTS:
        if name in cells:
            try:
                cells[name] = moment_of(cells[name], zone)
            except ValueError as error:
                problems.append(Problem(name, f"{error}. Given: {cells.pop(name)!r}."))
    try:
        given = parse(RowInput, cells)
    except Malformed as malformed:
        problems += malformed.problems
    if problems:
        raise Malformed(problems)
    return given


@dataclass(frozen=True)
class _Known:
    """What the sheet names and the bank has."""

    samples: dict[str, Sample]
    by_code: dict[tuple[str, str], Tested]
    by_id: dict[tuple[str, int], Tested]


def _look_up(work: Work, inputs: Collection[RowInput]) -> _Known:
    """Everything that the rows name, in a statement for each kind; samples locked in the order of their ids."""
    wanted = select(Sample).where(Sample.code.in_({one.sample for one in inputs if one.sample})).order_by(Sample.id)
    samples = list(work.session.scalars(wanted if work.dry_run else wanted.with_for_update(key_share=True)))
    codes: dict[str, set[str]] = defaultdict(set)
    for one in inputs:
        for kind, code in one.subjects:
            codes[kind].add(code)
    return _Known({one.code: one for one in samples}, find_all_tested(work, codes), tested_of(work, samples))


def _row(work: Work, number: int, given: RowInput, known: _Known) -> Row:
    """The row as an entry. Raises Malformed with what is wrong with it."""
    sample = None if given.sample is None else known.samples.get(given.sample)
    problem = _unknown(given, sample, known)
    if problem is not None:
        raise Malformed([problem])
    sample_number: int | None
    if sample is not None:
        tested, code, sample_number, started_at = (
            known.by_id[subject_of(sample)],
            sample.test,
            sample.number,
            sample.taken_at,
        )
    else:
        assert given.test is not None and given.started_at is not None
        tested = known.by_code[given.subject]
        code, sample_number, started_at = given.test, given.sample_number, given.started_at
    test = tested.test(code)
    if test is None:
        raise Malformed([Problem("test", tested.no_test(code).detail)])
    entry = Entry(
        tested,
        test,
        _reading(test, given, sample_number),
        started_at,
        given.resulted_at or work.now,
        given.method,
        given.method_version,
        given.instrument,
        sample,
    )
    if problems := entry.problems():
        raise Malformed(problems)
    return Row(number, entry, given.resulted_at is not None)


def _unknown(given: RowInput, sample: Sample | None, known: _Known) -> Problem | None:
    """What does not say, or says twice, what was tested; or names what is not here."""
    if given.sample is not None:
        if any((*given.subjects, given.test, given.sample_number, given.started_at)):
            return Problem("(whole)", "The sample knows what was tested, for which test and when: leave these empty.")
        return None if sample else Problem("sample", f"There is no sample {given.sample} here.")
    if len(given.subjects) != 1:
        return Problem(
            "(whole)", "Needs the sample; or the lot, culture, donation or donor that was tested, one of them."
        )
    if given.test is None or given.started_at is None:
        return Problem("test" if given.test is None else "started_at", "Is needed where there is no sample.")
    kind, code = given.subject
    return None if (kind, code) in known.by_code else Problem(kind, f"There is no {kind} {code} here.")


def _reading(test: ReleaseTest | DonorTest, given: RowInput, sample_number: int | None) -> Reading:
    """The cell as what the test asks for. Raises Malformed for what is no number where one is needed."""
    if isinstance(test, DonorTest) or test.kind != "number":
        return Reading(choice=given.result, unit=given.unit, sample_number=sample_number)
    value, unit = number_and_unit(given.result)
    if unit and given.unit and unit != given.unit:
        raise Malformed([Problem("unit", f"The result is in {unit}, and the unit given is {given.unit}.")])
    try:
        number = parse_decimal(value, NUMBER)
    except ValueError as error:
        raise Malformed([Problem("result", str(error))]) from None
    return Reading(number=number, unit=unit or given.unit, sample_number=sample_number)


# --- what speaks against it -------------------------------------------------------------------


def _repeated(rows: list[Row]) -> list[Problem]:
    first: dict[Any, int] = {}
    problems = []
    for row in rows:
        says = (*row.says, row.entry.resulted_at if row.resulted else None)
        before = first.setdefault(says, row.number)
        if before != row.number:
            problems.append(
                Problem(f"sheet.row {row.number}", f"Says the same as row {before}. Leave one of them out.")
            )
    return problems


def _refused_rows(work: Work, rows: list[Row]) -> list[Refusal]:
    """What would be refused by hand, and samples whose result is not awaited, each by its row."""
    found = []
    for row in rows:
        found += [_by_row(row, refusal) for refusal in row.entry.refusals(work)]
        sample = row.entry.sample
        if sample is not None and sample.state != SampleState.TAKEN:
            sentence = "Sample {sample} is {state}: no result of it is awaited. Leave the row out."
            found.append(_by_row(row, refuse(Code.WRONG_STATE, sentence, sample=sample.code, state=sample.state)))
    return found


def _by_row(row: Row, refusal: Refusal) -> Refusal:
    return dataclasses.replace(
        refusal, sentence="Row {row}: " + refusal.sentence, facts={**refusal.facts, "row": row.number}
    )


def _recorded_already(work: Work, rows: list[Row]) -> list[Refusal]:
    """Rows that are recorded: the same thing, test, sample number, time and value. A disputed one is entered anew."""
    ids: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        ids[row.entry.tested.kind].add(row.entry.tested.id)
    of_these = or_(*(getattr(TestResult, f"{kind}_id").in_(found) for kind, found in ids.items()))
    times = {row.entry.started_at for row in rows}
    statement = select(TestResult).where(
        of_these, TestResult.started_at.in_(times), TestResult.state != ResultState.DISPUTED
    )
    recorded = defaultdict(list)
    for result in work.session.scalars(statement):
        value = result.choice if result.number is None else result.number
        says = (*subject_of(result), result.test, result.sample_number or 1, result.started_at, value)
        recorded[says].append(result)
    found = []
    for row in rows:
        for result in recorded[row.says]:
            if not row.resulted or result.resulted_at == row.entry.resulted_at:
                sentence = "{test} of {of} with this value and this time is recorded already: result {result}."
                refusal = refuse(
                    Code.ALREADY_EXISTS,
                    sentence,
                    test=row.entry.test.title,
                    of=row.entry.tested.called,
                    result=result.code,
                )
                found.append(_by_row(row, refusal))
    return found

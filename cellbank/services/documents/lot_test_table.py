"""The tests of a lot as a table of a document: method, limit, every result ever entered, who entered and reviewed it.

A value that was changed since it was first entered stays in sight, in the colour of alarm (domain reference §2, R2).
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, text

from cellbank.domain.acceptance import ReleaseTest
from cellbank.domain.identifiers import printed
from cellbank.domain.lifecycle.states import ResultState
from cellbank.domain.rules.result import limit_in_words
from cellbank.outside.document_pdf import Block, Cell, Heading, Run, Table
from cellbank.services.documents.lot_paper import LotHead
from cellbank.services.quality.lot_results import shown_value
from cellbank.services.wording.values import Clock, word

STAGES = {
    "tissue": "Tests of the tissue",
    "in_process": "Tests in process",
    "lot": "Tests of the lot",
    "post_thaw": "Tests after thaw",
}
HEAD = ("Test", "Method", "Limit", "Result", "Sample", "Entered, reviewed")
WIDTHS = (0.18, 0.13, 0.13, 0.17, 0.16, 0.23)
NO_LONGER: dict[str, str] = {
    ResultState.CORRECTED: "corrected",
    ResultState.INVALIDATED: "invalidated as a laboratory error",
    ResultState.DISPUTED: "not confirmed by the reviewer",
}


@dataclass(frozen=True)
class Result:
    """One result as it stands in the records."""

    code: str
    test: str
    value: str
    method: str
    verdict: str
    state: str
    of: str
    sample: str | None
    sample_number: int | None
    started_at: datetime.datetime
    resulted_at: datetime.datetime
    instrument: str | None
    entered_by: str
    reviewed_by: str | None
    changed_by: str | None
    change_reason: str | None
    corrects: str | None


_RESULTS = text(
    """SELECT r.code, r.test, r.number, r.choice, r.unit, r.method, r.method_version, r.verdict, r.state,
              r.started_at, r.resulted_at, r.instrument, r.sample_number, r.change_reason, s.code AS sample,
              s.material, v.code AS vial, c.code AS culture, d.code AS donation, first.code AS corrects,
              entered.full_name AS entered_by, reviewed.full_name AS reviewed_by, changed.full_name AS changed_by
         FROM lot_results(:lot) AS found(id) JOIN test_result r ON r.id = found.id
         LEFT JOIN sample s ON s.id = r.sample_id LEFT JOIN vial v ON v.id = s.vial_id
         LEFT JOIN culture c ON c.id = r.culture_id LEFT JOIN donation d ON d.id = r.donation_id
         LEFT JOIN test_result first ON first.id = r.corrects_id
         JOIN person entered ON entered.id = r.entered_by_id LEFT JOIN person reviewed ON reviewed.id = r.reviewed_by_id
         LEFT JOIN person changed ON changed.id = r.changed_by_id ORDER BY r.resulted_at, r.id"""
)


def results_of(connection: Connection, lot_id: int) -> tuple[Result, ...]:
    """Every result that speaks about a lot, in the order of their times, those too that no longer count."""
    return tuple(_result(row) for row in connection.execute(_RESULTS, {"lot": lot_id}).mappings())


def _result(row: RowMapping) -> Result:
    version = f", version {row['method_version']}" if row["method_version"] else ""
    material = f"{row['material']}, vial {printed(row['vial'])}" if row["vial"] else row["material"]
    of = next((f"{kind} {printed(row[kind])}" for kind in ("culture", "donation") if row[kind]), "")
    kept = ("code", "test", "verdict", "state", "sample_number", "started_at", "resulted_at", "instrument",
            "entered_by", "reviewed_by", "changed_by", "change_reason", "corrects")  # fmt: skip
    return Result(
        value=shown_value(row["number"], row["choice"], row["unit"]),
        method=f"{row['method']}{version}",
        of=of,
        sample=f"{row['sample']}: {material}" if row["sample"] else None,
        **{name: row[name] for name in kept},
    )


def test_tables(lot: LotHead, results: Iterable[Result]) -> list[Block]:
    """A table for each stage of the specification under which the lot was made."""
    found = tuple(results)
    blocks: list[Block] = []
    for stage, title in STAGES.items():
        tests = [test for test in lot.specification.tests if test.stage == stage]
        rows = [row for test in tests for row in _rows(test, [one for one in found if one.test == test.code], lot.time)]
        if rows:
            blocks += [Heading(title), Table(HEAD, tuple(rows), WIDTHS)]
    return blocks


def _rows(test: ReleaseTest, results: list[Result], time: Clock) -> list[tuple[Cell, ...]]:
    """The results of one test; one empty row where there is none."""
    needs = "" if test.required else "informative"
    name = (Run(test.title, "strong"), *([Run(needs, "muted")] if needs else []))
    version = f", version {test.method_version}" if test.method_version else ""
    if not results:
        missing = Run("No result", "alarm" if test.required else "muted")
        return [(name, f"{test.method}{version}", limit_in_words(test), missing, "–", "–")]
    return [
        (
            (*name, Run(one.code, "muted")),
            one.method,
            limit_in_words(test),
            _value(one, results),
            _sample(one, time),
            _people(one, time),
        )
        for one in results
    ]


def _value(one: Result, results: list[Result]) -> tuple[Run, ...]:
    """The value with its verdict; and what it was before, or why it no longer counts."""
    if one.state in NO_LONGER:
        by = f" by {one.changed_by}: {one.change_reason}" if one.changed_by else ""
        return (Run(f"First value {one.value}", "alarm"), Run(f"{NO_LONGER[one.state].capitalize()}{by}", "alarm"))
    good = one.verdict != "OUT_OF_SPECIFICATION"
    runs = [Run(one.value, "strong" if good else "alarm"), Run(word(one.verdict), "plain" if good else "alarm")]
    first = next((other for other in results if other.code == one.corrects), None)
    if first is not None:
        runs.append(Run(f"Changed since first entry: was {first.value} ({first.code})", "alarm"))
    return tuple(runs)


def _sample(one: Result, time: Clock) -> tuple[Run, ...]:
    number = f"No. {one.sample_number}" if one.sample_number else ""
    said = (one.sample or "", number, f"of {one.of}" if one.of else "", one.instrument or "")
    runs = [Run(text) for text in said if text]
    return (*runs, Run(f"taken {time(one.started_at)}", "muted"))


def _people(one: Result, time: Clock) -> tuple[Run, ...]:
    reviewed = Run(f"reviewed by {one.reviewed_by}") if one.reviewed_by else Run("not reviewed", "alarm")
    return (Run(one.entered_by), reviewed, Run(f"resulted {time(one.resulted_at)}", "muted"))

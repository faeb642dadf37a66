"""Results as whoever reviews or invalidates them signs for them: side by side, each with its limit and its verdict."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, text

from cellbank.domain.acceptance import ReleaseTest
from cellbank.domain.lifecycle.states import ResultState
from cellbank.domain.rules.result import limit_in_words
from cellbank.domain.specification import DonorTest
from cellbank.outside.document_pdf import Block, Cell, Heading, Run, Table
from cellbank.services.common import read_specification
from cellbank.services.quality.lot_results import shown_value
from cellbank.services.quality.tested import TESTED_CODE, join_tested
from cellbank.services.signing.in_words import as_word
from cellbank.services.wording.values import Clock

# The specification under which the tested record was made; of a donor without a donation the one in force.
_RESULTS = text(
    f"""SELECT r.*, {TESTED_CODE} AS of_code, s.code AS sample, p.full_name AS entered_by, first.number AS first_number,
              first.choice AS first_choice, first.code AS first_code, r.donor_id IS NOT NULL AS of_donor,
              (SELECT f.content FROM definition f WHERE f.id = coalesce(l.specification_id, n.specification_id,
                 (SELECT o.specification_id FROM donation o WHERE o.id = c.donation_id),
                 (SELECT o.specification_id FROM donation o WHERE o.donor_id = d.id
                   ORDER BY o.received_at DESC LIMIT 1),
                 (SELECT e.id FROM definition e WHERE e.type = 'specification' AND e.state = 'EFFECTIVE' LIMIT 1))
              ) AS specification
         FROM unnest(CAST(:ids AS bigint[])) WITH ORDINALITY AS wanted(id, place) JOIN test_result r USING (id)
         JOIN person p ON p.id = r.entered_by_id LEFT JOIN sample s ON s.id = r.sample_id
         LEFT JOIN test_result first ON first.id = r.corrects_id {join_tested("r")} ORDER BY wanted.place"""
)
HEAD = ("Result", "Test", "Value", "Limit", "Verdict", "Method", "Taken or inoculated, resulted", "Of, entered by")
WIDTHS = (0.1, 0.16, 0.12, 0.14, 0.12, 0.12, 0.12, 0.12)


def results_blocks(connection: Connection, ids: Sequence[int], time: Clock) -> list[Block]:
    """A row for each result: everything that the signature covers, the limit it was judged by, and whose it is."""
    rows = connection.execute(_RESULTS, {"ids": list(ids)}).mappings().all()
    return [Heading("Results"), Table(HEAD, tuple(_row(row, time) for row in rows), WIDTHS)]


def _row(row: RowMapping, time: Clock) -> tuple[Cell, ...]:
    test = _test(row)
    failed = row["verdict"] == "OUT_OF_SPECIFICATION"
    value = shown_value(row["number"], row["choice"], row["unit"])
    return (
        (
            Run(row["code"], "code"),
            *(() if row["state"] == ResultState.ENTERED else (Run(as_word(row["state"]), "muted"),)),
        ),
        (Run(test.title if test else row["test"], "strong"), Run(row["test"], "muted")),
        (Run(value, "alarm" if failed else "strong"), *_first_value(row)),
        _limit(test),
        Run(as_word(row["verdict"]), "alarm" if failed else "plain"),
        f"{row['method']} {row['method_version'] or ''}".strip(),
        (Run(time(row["started_at"])), Run(time(row["resulted_at"]))),
        (Run(row["of_code"], "code"), Run(row["entered_by"])),
    )


def _first_value(row: RowMapping) -> tuple[Run, ...]:
    """What stood there before a correction."""
    if row["first_code"] is None:
        return ()
    value = shown_value(row["first_number"], row["first_choice"], row["unit"])
    return (Run(f"first {value} ({row['first_code']})", "alarm"),)


def _test(row: RowMapping) -> ReleaseTest | DonorTest | None:
    """The test in the specification; None where a later version of the file has it no longer."""
    if row["specification"] is None:
        return None
    specification = read_specification(row["specification"])
    tests: Sequence[ReleaseTest | DonorTest] = specification.donor.tests if row["of_donor"] else specification.tests
    return next((test for test in tests if test.code == row["test"]), None)


def _limit(test: ReleaseTest | DonorTest | None) -> Cell:
    if test is None:
        return Run("not in the specification", "alarm")
    if isinstance(test, DonorTest):
        return test.acceptable
    informative = () if test.required else (Run("informative", "muted"),)
    return (Run(limit_in_words(test)), *informative)

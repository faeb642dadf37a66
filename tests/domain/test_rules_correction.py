"""What may be put right, by whom, and what a right value means."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cellbank.domain.correction import CORRECTABLE, KINDS, UNCHECKED, columns_of, correctable, moves_of
from cellbank.domain.lifecycle.meanings import STATES
from cellbank.domain.lifecycle.roles import FLOOR, Role
from cellbank.domain.lifecycle.table import rows_for
from cellbank.domain.refusals import Code
from cellbank.domain.rules.correction import (
    CorrectionFacts,
    Taken,
    balance_refusals,
    check_warnings,
    correction_refusals,
    level_refusals,
    stopped_refusals,
)
from cellbank.records.tables import metadata

#: a lot that fails by the right value
STOPS = [row for row in rows_for("correct_fact", "lot") if row.target == "ON_HOLD" and row.source != "ON_HOLD"]
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def facts(column: str = "harvested_at", record: str = "culture", **given: Any) -> CorrectionFacts:
    row = correctable(record, column)
    assert row is not None
    usual = {"state": row.states[-1], "before": NOW - 9 * HOUR, "after": NOW - 5 * HOUR, "roles": frozenset(row.roles)}
    return CorrectionFacts("culture CU1", "Harvested", row, now=NOW, **{**usual, **given})


def test_the_table_names_columns_and_states_that_there_are() -> None:
    for row in CORRECTABLE:
        assert row.column in metadata.tables[row.record].columns
        assert set(row.states) <= set(STATES[row.record]) and row.roles and row.roles <= FLOOR
    assert len({(row.record, row.column) for row in CORRECTABLE}) == len(CORRECTABLE)


@pytest.mark.parametrize("record", KINDS)
def test_the_table_of_moves_lets_each_of_them_happen_and_no_other(record: str) -> None:
    moves = {row.source: row for row in rows_for("correct_fact", record) if row not in STOPS}
    assert {source: row.roles for source, row in moves.items()} == moves_of(record)
    assert all(row.target == UNCHECKED.get(source, source) for source, row in moves.items())
    assert columns_of(record, "NOWHERE") == ()


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        ({}, []),
        ({"roles": frozenset({Role.CLINICIAN})}, [Code.ROLE_NOT_ALLOWED]),
        ({"state": "GROWING"}, [Code.WRONG_STATE]),
        ({"before": None}, [Code.WRONG_STATE]),
        ({"after": NOW + HOUR}, [Code.IN_THE_FUTURE]),
        ({"follows": NOW - 4 * HOUR}, [Code.OUT_OF_ORDER]),
        ({"comes_before": NOW - 6 * HOUR}, [Code.OUT_OF_ORDER]),
        ({"follows": NOW - 6 * HOUR, "comes_before": NOW - 4 * HOUR}, []),
        ({"follows": NOW - 5 * HOUR, "comes_before": NOW - 5 * HOUR}, []),
    ],
)
def test_why_a_value_is_not_put_right(given: dict[str, Any], codes: list[Code]) -> None:
    assert [one.code for one in correction_refusals(facts(**given))] == codes


def test_what_the_right_value_means_for_what_was_made() -> None:
    assert balance_refusals([Taken("CU1", 0)]) == () and len(balance_refusals([Taken("CU1", -1)])) == 1
    assert level_refusals([("lot LT1", Decimal(30))], Decimal(30)) == ()
    assert [one.code for one in level_refusals([("lot LT1", Decimal("30.001"))], Decimal(30))] == [
        Code.POPULATION_DOUBLING_LIMIT
    ]
    assert stopped_refusals("LT1", []) == () and len(stopped_refusals("LT1", ["Balance"])) == 1


@pytest.mark.parametrize("state", STATES["dose"])
def test_a_dose_with_a_label_gets_another_one(state: str) -> None:
    assert bool(check_warnings("DS1", state)) == (state in ("PREPARED", "CHECKED_ONCE", "CHECKED"))

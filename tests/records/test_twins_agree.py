"""What the database reckons for itself it reckons like the rule: to the cell, to the second and to the byte."""

import datetime
import json
import random
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from importlib.resources import files
from math import floor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from cellbank.domain.dose import is_short, one_decimal, percent_drawn, required_cells
from cellbank.domain.figures import figures_of
from cellbank.domain.lifecycle.table import TRANSITIONS
from cellbank.domain.protocol import Protocol
from cellbank.domain.rules.freezing import expires_on, shelf_life_months
from cellbank.domain.rules.thaw import usable_until
from cellbank.domain.writing import NOTES, REWRITES
from cellbank.records.base import Base, as_json
from cellbank.services.common import read_protocol, read_specification
from tests.factories.world import World
from tools import acts

SHIPPED = files("cellbank.protocols")
TRIAL = read_protocol(SHIPPED.joinpath("nct04461925.toml").read_text(encoding="utf-8"))
PRODUCT = read_specification(SHIPPED.joinpath("p-mmsc.toml").read_text(encoding="utf-8"))
FIXED = read_protocol((Path(__file__).parents[1] / "domain" / "fixed-dose.toml").read_text(encoding="utf-8"))
START = datetime.datetime(2026, 3, 29, 0, 30, 0, 250_000, tzinfo=datetime.UTC)  # the night of summer time
CHANCE = random.Random(59)


@pytest.fixture(scope="module")
def database(world: World) -> Iterator[Connection]:
    with world.installation.reads.connect() as connection:
        yield connection


def by_dose(protocol: Protocol, **rule: Any) -> Protocol:
    """The protocol with another rule of the dose."""
    return protocol.model_copy(update={"dosing": protocol.dosing.model_copy(update=rule)})


RULES = [
    TRIAL,
    FIXED,
    by_dose(FIXED, cap_cells=30_000_000),
    by_dose(TRIAL, cap_cells=100_000_000),
    *(
        by_dose(TRIAL, cells_per_kg=per_kg, cap_cells=cap)
        for per_kg in (1, 333_333, 1_000_001, 2_999_999)
        for cap in (None, 31_500_000)
    ),
]
WEIGHTS = [
    *map(Decimal, ("0.3", "0.301", "31.5", "64.1", "99.999", "100", "100.000", "100.001", "400")),
    *(Decimal(CHANCE.randrange(300, 400_001)).scaleb(-3) for _ in range(300)),
]
THREE_DECIMALS = {"decimals": 3}


def test_the_cells_of_a_dose(database: Connection) -> None:
    for protocol in RULES:
        rule = protocol.dosing.model_copy(update={"weight": protocol.dosing.weight.model_copy(update=THREE_DECIMALS)})
        asked = text(
            "SELECT kg, cells_required(CAST(:figures AS jsonb), kg) FROM unnest(CAST(:kgs AS numeric[])) AS kg"
        )
        told = database.execute(asked, {"figures": as_json(figures_of(protocol)), "kgs": WEIGHTS}).all()
        assert [(kg, int(cells)) for kg, cells in told] == [(kg, required_cells(rule, kg)[0]) for kg in WEIGHTS]


def test_the_percent_of_what_was_drawn_and_whether_the_pool_is_short(database: Connection) -> None:
    dead = TRIAL.draw.dead_volume_ml
    asked = text(
        """SELECT div(20 * hundredfold_drawn(d) + d.required_cells, 2 * d.required_cells) / 10,
                  is_short_by_its_count(d, jsonb_build_object('draw', jsonb_build_object('dead_volume_ml', :dead)))
             FROM jsonb_populate_record(NULL::dose, CAST(:row AS jsonb)) d"""
    )
    for _ in range(300):
        per_ml, viability = CHANCE.randrange(1, 9_000_000), Decimal(CHANCE.randrange(1, 10_001)).scaleb(-2)
        pooled, drawn = (Decimal(CHANCE.randrange(1, 40_000)).scaleb(-3) for _ in range(2))
        exact = per_ml * viability * (pooled - dead) / 100
        needed = CHANCE.choice([CHANCE.randrange(1, 200_000_000), max(1, floor(exact)), max(1, floor(exact) + 1)])
        row = {"required_cells": needed, "total_cells_per_ml": per_ml, "viability_percent": str(viability),
               "pooled_ml": str(pooled), "draw_ml": str(drawn)}  # fmt: skip
        told = database.execute(asked, {"row": json.dumps(row), "dead": dead}).one()
        percent = one_decimal(percent_drawn(per_ml, viability, drawn, needed))
        assert tuple(told) == (percent, is_short(needed, per_ml, viability, pooled, dead)), row


def test_a_dose_by_weight_has_no_number_without_one(database: Connection) -> None:
    asked = text("SELECT cells_required(CAST(:figures AS jsonb), NULL)")
    assert database.scalar(asked, {"figures": as_json(figures_of(TRIAL))}) is None
    assert database.scalar(asked, {"figures": as_json(figures_of(FIXED))}) == required_cells(FIXED.dosing, None)[0]


def test_how_long_thawed_cells_keep(database: Connection) -> None:
    diluent = TRIAL.thaw.diluents[0]
    for hours, most in (("0.33333", "6"), ("2", "6"), ("1.00001", "1.00001"), ("3.999999", "4"), ("24.5", "72")):
        one = diluent.model_copy(update={"hours_to_expiry": Decimal(hours)})
        other = diluent.model_copy(update={"code": "another", "hours_to_expiry": Decimal(most)})
        update = {"max_hours": Decimal(most), "diluents": (one, other)}
        protocol = TRIAL.model_copy(update={"thaw": TRIAL.thaw.model_copy(update=update)})
        for code in (None, one.code, "another", "tap water", "O'Neill's"):
            told = database.scalar(
                text("SELECT usable_until(CAST(:figures AS jsonb), :start, :code)"),
                {"figures": as_json(figures_of(protocol)), "start": START, "code": code},
            )
            assert told == usable_until(protocol.thaw, START, code), (hours, most, code)


def test_until_when_a_lot_keeps(database: Connection) -> None:
    days = [datetime.date(2023, 12, 1) + datetime.timedelta(days=number) for number in range(500)]
    for months in (1, 6, 11, 12, 18, 24, 120):
        shelves = tuple(shelf.model_copy(update={"months": months}) for shelf in PRODUCT.freezing.shelf_life)
        freezing = PRODUCT.freezing.model_copy(update={"shelf_life": shelves})
        figures = as_json(figures_of(PRODUCT.model_copy(update={"freezing": freezing})))
        asked = text(
            "SELECT kept_until(CAST(:figures AS jsonb), :purpose, day) FROM unnest(CAST(:days AS date[])) AS day"
        )
        for purpose in ("product", "master_bank"):
            told = list(database.scalars(asked, {"figures": figures, "purpose": purpose, "days": days}))
            assert told == [expires_on(day, shelf_life_months(freezing, purpose) or 0) for day in days]


def test_the_living_cells_that_were_drawn(database: Connection) -> None:
    def some(most: int, decimals: int) -> Decimal:
        return Decimal(CHANCE.randrange(1, most + 1)).scaleb(-decimals)

    cases = [(4_100_000, Decimal("88"), Decimal("13.9")), (1, Decimal("0.01"), Decimal("0.001"))]
    cases += [(int(some(10**9, 0)), some(10_000, 2), some(10**6, 3)) for _ in range(500)]
    asked = text(
        "SELECT living_cells(n, v, m) FROM unnest(CAST(:n AS bigint[]), CAST(:v AS numeric[]), "
        "CAST(:m AS numeric[])) AS drawn (n, v, m)"
    )
    n, v, m = (list(column) for column in zip(*cases, strict=True))
    told = database.scalars(asked, {"n": n, "v": v, "m": m})
    assert list(map(int, told)) == [floor(count * Fraction(alive) / 100 * Fraction(ml)) for count, alive, ml in cases]


# --- signatures -------------------------------------------------------------------------------

LETTERS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
NUMBERS = st.integers(-(10**20), 10**20) | st.decimals(-(10**9), 10**9, places=3).map(float)
CONTENT = st.recursive(
    st.none() | st.booleans() | NUMBERS | LETTERS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(LETTERS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(content=CONTENT)
def test_the_json_that_is_signed(database: Connection, content: Any) -> None:
    kept = as_json(content)
    told = database.scalar(text("SELECT canonical_json(CAST(:kept AS jsonb))"), {"kept": kept})
    assert told == as_json(json.loads(kept))


@pytest.mark.parametrize("us", [0, 1, 250_000, 999_999])
def test_the_time_that_is_signed(database: Connection, us: int) -> None:
    at = START.replace(microsecond=us)
    assert database.scalar(text("SELECT canonical_time(:at)"), {"at": at}) == str(at)


@pytest.mark.requirement("R11")
def test_the_database_knows_what_each_act_may_do() -> None:
    """After a change of the table of transitions, of what acts write or of what is signed for: python -m tools.acts"""
    assert acts.FILE.read_text(encoding="utf-8") == acts.as_sql()


def test_what_acts_write_stands_under_names_that_there_are() -> None:
    tables, known = Base.metadata.tables, {row.act for row in TRANSITIONS}
    assert all(acts <= known for acts in NOTES.values()) and NOTES.keys() <= tables.keys()
    for kind, columns in REWRITES.items():
        assert columns.keys() <= set(tables[kind].columns.keys()), kind
        assert all(acts <= known for acts in columns.values()), kind


def test_nobody_is_named_in_a_record_but_who_acts(database: Connection) -> None:
    """A new column `…_by_id` of a record stands in the trigger `who_did_it_acts` of its table."""
    told = dict(
        database.execute(
            text(
                "SELECT tgrelid::regclass::text, string_to_array(rtrim(encode(tgargs, 'escape'), '\\000'), '\\000') "
                "FROM pg_trigger WHERE tgname = 'who_did_it_acts'"
            )
        ).all()
    )
    wanted = {
        kind: sorted(column.name for column in table.columns if column.name.endswith("_by_id"))
        for kind, table in Base.metadata.tables.items()
        if kind != "web_session"
    }
    assert {kind: sorted(columns) for kind, columns in told.items()} == {k: v for k, v in wanted.items() if v}

"""Tissue to culture, its harvest, and the reagents on the way: each limit at its edge."""

import datetime
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cellbank.domain.growth import GrowthFlag
from cellbank.domain.rules.culture import (
    HarvestFacts,
    IsolationFacts,
    harvest_refusals,
    harvest_warnings,
    isolation_refusals,
    isolation_warnings,
)
from cellbank.domain.rules.hold import RecallFacts, recall_refusals, return_refusals
from cellbank.domain.rules.notice import AnswerFacts, answer_refusals
from cellbank.domain.rules.paper_form import unordered_refusals
from cellbank.domain.rules.plausible import RunTimes, impossible_run
from cellbank.domain.rules.reagent import shares
from cellbank.domain.specification import load_specification
from tests.domain.test_rules_dosing import HOUR, NOON, SECOND, codes

FILE = Path(__file__).parents[2] / "cellbank" / "protocols" / "p-mmsc.toml"
RULES = load_specification(FILE.read_text(encoding="utf-8"))
CORD = RULES.donation("cord")
SOFT, HARD = (datetime.timedelta(hours=float(hours)) for hours in (CORD.hours_soft, CORD.hours_hard))
TISSUE = IsolationFacts("DN1", "ACCEPTED", "DR1", "ELIGIBLE", NOON, NOON + HOUR, CORD)


@pytest.mark.parametrize(
    ("change", "refused", "warned"),
    [
        ({}, [], []),
        ({"started_at": NOON + SOFT}, [], []),
        ({"started_at": NOON + SOFT + SECOND}, [], ["TOO_LATE"]),
        ({"started_at": NOON + HARD}, [], ["TOO_LATE"]),
        ({"started_at": NOON + HARD + SECOND}, ["TOO_LATE"], []),
        ({"donor_state": "INELIGIBLE"}, ["DONOR_NOT_ELIGIBLE"], []),
        ({"donor_state": "REGISTERED"}, [], []),
        ({"donation_state": "REJECTED"}, ["DONATION_NOT_ACCEPTED"], []),
        ({"donation_state": "AWAITING_DECISION"}, ["DONATION_NOT_ACCEPTED"], []),
    ],
)
def test_tissue(change: dict[str, Any], refused: list[str], warned: list[str]) -> None:
    facts = replace(TISSUE, **change)
    assert (codes(isolation_refusals(facts)), codes(isolation_warnings(facts))) == (refused, warned)


def harvest(**change: Any) -> HarvestFacts:
    usual = {
        "culture": "CU1", "seeded": 1_000_000, "viable": 900_000, "viability_percent": Decimal(90),
        "confluence_percent": None, "flag": GrowthFlag.FEWER_CELLS, "level": Decimal(5),
        "fewer_cells_confirmed": False, "note": None, "limits": RULES.culture,
    }  # fmt: skip
    return HarvestFacts(**{**usual, **change})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"flag": None}, []),
        ({"flag": GrowthFlag.NO_GROWTH}, []),
        ({}, ["FEWER_CELLS_THAN_SEEDED"]),
        ({"flag": GrowthFlag.NOTHING_HARVESTED}, ["FEWER_CELLS_THAN_SEEDED"]),
        ({"fewer_cells_confirmed": True}, ["FEWER_CELLS_THAN_SEEDED"]),
        ({"note": "Counted twice"}, ["FEWER_CELLS_THAN_SEEDED"]),
        ({"fewer_cells_confirmed": True, "note": "Counted twice"}, []),
    ],
)
def test_fewer_cells_than_were_seeded_are_confirmed(change: dict[str, Any], expected: list[str]) -> None:
    assert codes(harvest_refusals(harvest(**change))) == expected


@pytest.mark.parametrize(
    ("level", "words"),
    [
        ("15", ""),
        ("15.001", "above 15. Freeze it soon."),
        ("20", "above 15. Freeze it soon."),
        ("20.001", "above 20. It is neither passaged nor frozen any more."),
    ],
)
def test_the_level_that_a_harvest_reached(level: str, words: str) -> None:
    warned = " ".join(one.detail for one in harvest_warnings(harvest(level=Decimal(level))))
    assert warned.endswith(words) and bool(warned) is bool(words)


def test_a_viability_at_its_limit_is_good_enough() -> None:
    limit = RULES.culture.viability_minimum_percent
    assert harvest_warnings(harvest(viability_percent=limit)) == ()
    assert codes(harvest_warnings(harvest(viability_percent=limit - Decimal("0.01")))) != []


def test_a_failed_unit_waits_and_only_what_went_out_is_called_back() -> None:
    assert return_refusals("Tank 1", ()) == ()
    assert codes(return_refusals("Tank 1", ("HD1", "HD2"))) == ["ON_HOLD"]
    states = (None, "RELEASED", "QUARANTINE")
    assert [codes(recall_refusals(RecallFacts("LT1", state))) for state in states] == [[], [], ["WRONG_STATE"]]


@pytest.mark.parametrize(("began", "expected"), [(NOON, []), (NOON - SECOND, ["OUT_OF_ORDER"])])
def test_a_run_may_begin_with_the_filling(began: datetime.datetime, expected: list[str]) -> None:
    assert codes(impossible_run(RunTimes("LT1", began, NOON + HOUR, NOON, None))) == expected


@pytest.mark.parametrize(
    ("amount", "count", "expected"),
    [("10", 1, ["10"]), ("10", 2, ["5", "5"]), ("10", 3, ["3.334", "3.333", "3.333"]), ("0.001", 2, ["0.001", "0"])],
)
def test_shares_add_up(amount: str, count: int, expected: list[str]) -> None:
    assert list(shares(Decimal(amount), count)) == [Decimal(one) for one in expected]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"state": None}, ["NOT_FOUND"]),
        ({"is_answered": True}, ["ALREADY_EXISTS"]),
        ({"done": "infusion_stopped", "state": "INFUSING"}, ["WRONG_STATE"]),
        ({"done": "infusion_stopped", "state": "INFUSED"}, []),
        ({"done": "other"}, ["REASON_NEEDED"]),
        ({"done": "other", "has_note": True}, []),
    ],
)
def test_answers_to_a_notice(change: dict[str, Any], expected: list[str]) -> None:
    usual = {"dose": "CH1", "state": "INFUSED", "is_answered": False, "done": "patient_told", "has_note": False}
    assert codes(answer_refusals("RN1", [AnswerFacts(**{**usual, **change})])) == expected


@pytest.mark.parametrize(
    ("state", "started_at", "refused"),
    [("UNORDERED", NOON, True), ("INFUSED", NOON, False), ("INFUSED", NOON - HOUR, True)],
)
def test_what_was_given_without_an_order(state: str, started_at: datetime.datetime, refused: bool) -> None:
    assert bool(list(unordered_refusals("CH1", state, started_at, NOON))) is refused

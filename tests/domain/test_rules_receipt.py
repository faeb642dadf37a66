"""What is found when a shipment arrives, how grave it is, and what keeps its vials from use."""

import datetime
from dataclasses import replace
from decimal import Decimal
from typing import get_args

import pytest

from cellbank.domain.rules.deviation import Classification
from cellbank.domain.rules.receipt import (
    CLASSIFIED,
    STOPPING,
    TITLES,
    Acceptance,
    Difference,
    Gap,
    OnTheWay,
    Receipt,
    acceptance_refusals,
    destination_refusals,
    differences,
    extra_refusals,
    hours,
    seals_as_found,
    stops,
    stranger_refusals,
)

CHARGED = datetime.datetime(2026, 3, 1, 8, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
RECEIPT = Receipt(
    seals=("S-1", "S-2"),
    seals_found={"S-1": "intact", "S-2": "intact"},
    charged_at=CHARGED,
    received_at=CHARGED + 30 * HOUR,
    hold_hours=Decimal("240.0"),
)
VIAL = "A999926000001000001"


# --- arrival ----------------------------------------------------------------------------------


def test_a_shipment_is_received_where_it_goes_to() -> None:
    assert destination_refusals("SP1", "CLINIC", "CLINIC") == ()
    (refusal,) = destination_refusals("SP1", "CLINIC", "LAB")
    assert refusal.code == "OTHER_SITE"
    assert "SP1 goes to CLINIC" in refusal.detail


@pytest.mark.parametrize(
    ("intact", "broken", "found"),
    [
        (["S-1", "S-2"], [], {"S-1": "intact", "S-2": "intact"}),
        (["S-1"], ["S-2"], {"S-1": "intact", "S-2": "broken"}),
        (["S-1"], [], {"S-1": "intact", "S-2": "missing"}),
        ([], [], {"S-1": "missing", "S-2": "missing"}),
        (["S-1", "S-2", "S-9"], [], {"S-1": "intact", "S-2": "intact", "S-9": "intact"}),
    ],
)
def test_each_seal_is_found_somehow(intact: list[str], broken: list[str], found: dict[str, str]) -> None:
    assert seals_as_found(["S-1", "S-2"], intact, broken) == found


# --- what differs -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("receipt", "found"),
    [
        (RECEIPT, ()),
        (
            replace(RECEIPT, seals_found={"S-1": "intact", "S-2": "broken"}),
            (Difference("seal", "seal S-2 broken"),),
        ),
        (
            replace(RECEIPT, seals_found={"S-1": "missing", "S-2": "intact", "S-9": "intact"}),
            (Difference("seal", "seal S-1 missing; seal S-9 was not put on by the sender"),),
        ),
        (replace(RECEIPT, received_at=CHARGED + 240 * HOUR), ()),
        (
            replace(RECEIPT, received_at=CHARGED + 240 * HOUR + datetime.timedelta(minutes=6)),
            (Difference("late", "arrived 240.1 h after it was charged; it holds for 240.0 h"),),
        ),
        (
            replace(RECEIPT, damaged=("V1",), missing=("V2", "V3"), extra=("X",)),
            (
                Difference("damaged", "1: V1", ("V1",)),
                Difference("missing", "2: V2, V3", ("V2", "V3")),
                Difference("extra", "1: X", ("X",)),
            ),
        ),
        (
            replace(RECEIPT, missing=tuple(f"V{number}" for number in range(12))),
            (
                Difference(
                    "missing",
                    "12: V0, V1, V2, V3, V4, V5, V6, V7, V8, V9 and 2 more",
                    tuple(f"V{number}" for number in range(12)),
                ),
            ),
        ),
    ],
)
def test_each_kind_of_difference_is_found_once(receipt: Receipt, found: tuple) -> None:
    assert differences(receipt) == found


def test_every_difference_has_a_class_and_a_title() -> None:
    assert set(CLASSIFIED) == set(TITLES) >= STOPPING
    assert set(CLASSIFIED.values()) <= set(get_args(Classification))
    assert all(title.format(shipment="SP1") != title for title in TITLES.values())


def test_hours_are_counted_to_a_tenth() -> None:
    assert hours(CHARGED, CHARGED + datetime.timedelta(minutes=100)) == Decimal("1.7")


# --- vial by vial -----------------------------------------------------------------------------


def test_a_vial_of_no_shipment_is_refused_with_how_it_stands() -> None:
    (refusal,) = stranger_refusals("SP1", {VIAL: "in stock"})
    assert refusal.code == "NOT_IN_SHIPMENT"
    assert "in stock" in refusal.detail and "extra" in refusal.detail
    assert stranger_refusals("SP1", {}) == ()


def test_a_vial_of_the_shipment_is_not_extra() -> None:
    (refusal,) = extra_refusals("SP1", [VIAL])
    assert refusal.code == "WRONG_KIND" and "check it in" in refusal.detail


# --- acceptance -------------------------------------------------------------------------------

GOOD = Acceptance("SP1", True, (), "PB1", True, (), (OnTheWay("EX1", "silent", "ACCEPTED"),), {})
GAP = Gap(CHARGED, CHARGED + HOUR)


@pytest.mark.parametrize(
    ("facts", "codes"),
    [
        (GOOD, []),
        (replace(GOOD, outside=("V1", "V2")), ["CRITERION_OPEN"]),
        (replace(GOOD, logger=None, has_trace=False), ["TRACE_MISSING"]),
        (replace(GOOD, has_trace=False, gaps=(GAP,)), ["TRACE_MISSING"]),
        (replace(GOOD, gaps=(GAP, GAP)), ["TRACE_MISSING", "TRACE_MISSING"]),
        (replace(GOOD, excursions=(OnTheWay("EX2", "warning", "OPEN"),)), ["EXCURSION_OPEN"]),
        (replace(GOOD, excursions=(OnTheWay("EX2", "reject", "REJECTED"),)), ["EXCURSION_OPEN"]),
        (replace(GOOD, deviations={"DV1": "seal"}), ["DEVIATION_OPEN"]),
        # an empty shipper that came home
        (replace(GOOD, has_vials=False, logger=None, has_trace=False, gaps=(GAP,)), []),
        (replace(GOOD, has_vials=False, deviations={"DV1": "extra"}), ["DEVIATION_OPEN"]),
        (
            replace(GOOD, outside=("V1",), gaps=(GAP,), excursions=(OnTheWay("EX2", "critical", "OPEN"),)),
            ["CRITERION_OPEN", "TRACE_MISSING", "EXCURSION_OPEN"],
        ),
    ],
)
def test_what_keeps_the_vials_of_a_shipment_from_use(facts: Acceptance, codes: list[str]) -> None:
    assert [refusal.code.value for refusal in acceptance_refusals(facts)] == codes


def test_a_gap_is_named_from_when_to_when() -> None:
    (refusal,) = acceptance_refusals(replace(GOOD, gaps=(GAP,)))
    assert "2026-03-01 08:00 UTC to 2026-03-01 09:00 UTC" in refusal.detail


def test_an_excursion_decided_against_the_vials_asks_for_a_rejection() -> None:
    (refusal,) = acceptance_refusals(replace(GOOD, excursions=(OnTheWay("EX2", "reject", "REJECTED"),)))
    assert "reject it" in refusal.detail


@pytest.mark.parametrize(
    ("what", "classification", "stopped"),
    [
        ("seal", "major", True),
        ("late", "major", True),
        ("damaged", "minor", True),
        ("missing", "major", False),
        ("extra", "critical", False),
        (None, "minor", False),
        (None, "major", True),
        (None, "critical", True),
    ],
)
def test_what_is_wrong_with_all_its_vials_stops_a_shipment(
    what: str | None, classification: str, stopped: bool
) -> None:
    assert stops(what, classification) is stopped

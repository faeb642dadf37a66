"""What may be ordered, packed, sealed and handed on: a table of cases for each rule."""

import dataclasses
import datetime
from decimal import Decimal
from typing import Any

import pytest

from cellbank.domain.rules.shipment import (
    HandsFacts,
    LoggerFacts,
    LotGoods,
    OrderFacts,
    PackingFacts,
    RequalificationFacts,
    SealingFacts,
    ShipperFacts,
    cancelling_refusals,
    hand_over_refusals,
    no_shipper,
    not_packed_refusals,
    order_refusals,
    packing_refusals,
    qualification_refusals,
    requalification_refusals,
    sealing_refusals,
    shipper_refusals,
    take_over_refusals,
)

TODAY = datetime.date(2026, 5, 4)
NOON = datetime.datetime(2026, 5, 4, 12, 0, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)
VIAL, OTHER_VIAL = "A999926000001000001", "A999926000001000002"
LOT = LotGoods("LT0001K", "RELEASED", TODAY + 30 * DAY, packed=0, added=3)
ORDER = OrderFacts("Clinic (CLINIC)", False, (LOT,), {"LT0001K": 3}, TODAY)
SHIPPER = ShipperFacts("SP00012", "Dry shipper 1 (ST00012)", "shipper")
PACKING = PackingFacts("SP00012", (LOT,), {"LT0001K": 3}, TODAY, {}, {})
LOGGER = LoggerFacts("Logger 1 (PB00012)", "IN_USE", True, TODAY + 30 * DAY)
SEALING = SealingFacts(
    shipment="SP00012",
    shipper="Dry shipper 1 (ST00012)",
    ordered=3,
    vials=3,
    seals=2,
    goods=(dataclasses.replace(LOT, packed=3, added=0),),
    logger=LOGGER,
    hold_hours=Decimal(240),
    qualified_until=TODAY + 2 * DAY,
    planned_hours=Decimal(48),
    charged_at=NOON - 4 * HOUR,
    sealed_at=NOON,
    sealed_on=TODAY,
    arrives_on=TODAY + 2 * DAY,
)


def said(refusals: Any) -> list[tuple[str, str]]:
    return [(refusal.code.value, refusal.detail) for refusal in refusals]


def codes(refusals: Any) -> list[str]:
    return [refusal.code.value for refusal in refusals]


LOT_CASES = [
    ({}, []),
    ({"state": "ON_HOLD"}, ["ON_HOLD"]),
    ({"state": "QUARANTINE"}, ["LOT_NOT_RELEASED"]),
    ({"state": "RECALLED"}, ["LOT_NOT_RELEASED"]),
    ({"expires_on": TODAY}, []),  # it may be used to the end of that day
    ({"expires_on": TODAY - DAY}, ["EXPIRED"]),
    ({"state": "ON_HOLD", "expires_on": TODAY - DAY}, ["ON_HOLD", "EXPIRED"]),
]


@pytest.mark.parametrize(("change", "expected"), LOT_CASES)
def test_a_lot_that_may_not_be_used_is_neither_ordered_nor_packed_nor_sealed(change: dict, expected: list) -> None:
    lot = dataclasses.replace(LOT, **change)
    assert codes(order_refusals(dataclasses.replace(ORDER, goods=(lot,)))) == expected
    assert codes(packing_refusals(dataclasses.replace(PACKING, goods=(lot,)))) == expected
    assert codes(sealing_refusals(dataclasses.replace(SEALING, goods=(lot,)))) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"is_here": True}, ["WRONG_KIND"]),
        ({"in_stock": {"LT0001K": 2}}, ["NOT_ENOUGH_VIALS"]),
        ({"in_stock": {}}, ["NOT_ENOUGH_VIALS"]),
        ({"goods": (), "in_stock": {}}, []),  # the empty shipper goes home
        ({"goods": (), "is_here": True}, ["WRONG_KIND"]),
    ],
)
def test_an_order_goes_somewhere_else_and_asks_for_what_is_here(change: dict, expected: list) -> None:
    assert codes(order_refusals(dataclasses.replace(ORDER, **change))) == expected


def test_an_order_names_how_many_there_are() -> None:
    ((_, sentence),) = said(order_refusals(dataclasses.replace(ORDER, in_stock={"LT0001K": 2})))
    assert sentence == "3 vials of lot LT0001K are ordered and 2 are in stock here. Order fewer."


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"type": "box"}, ["WRONG_KIND"]),
        ({"type": "tank", "taken_by": "SP00019"}, ["WRONG_KIND"]),
        ({"bound_to": "Dry shipper 2 (ST00016)"}, ["SHIPPER_NOT_READY"]),
        ({"taken_by": "SP00019"}, ["SHIPPER_NOT_READY"]),
        ({"strangers": 2}, ["SHIPPER_NOT_READY"]),
        ({"taken_by": "SP00019", "strangers": 2}, ["SHIPPER_NOT_READY"]),
    ],
)
def test_a_shipment_travels_in_one_free_shipper(change: dict, expected: list) -> None:
    found = shipper_refusals(dataclasses.replace(SHIPPER, **change))
    assert codes(found) == expected
    assert all(str(list(change.values())[at]) in refusal.detail for at, refusal in enumerate(found))


NOT_READY = ["SHIPPER_NOT_READY"]


@pytest.mark.parametrize(("until", "expected"), [(TODAY, []), (TODAY - DAY, NOT_READY), (None, NOT_READY)])
def test_a_qualification_covers_its_last_day(until: datetime.date | None, expected: list) -> None:
    assert codes(qualification_refusals("Dry shipper 1", until, TODAY)) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"type": "tank", "last_on": None}, ["WRONG_KIND"]),
        ({"qualified_on": TODAY + DAY}, ["IN_THE_FUTURE"]),
        ({"last_on": TODAY + DAY}, ["OUT_OF_ORDER"]),
        ({"last_on": TODAY}, []),
        ({"type": "box", "last_on": None, "qualified_on": TODAY + DAY}, ["IN_THE_FUTURE", "WRONG_KIND"]),
    ],
)
def test_a_shipper_is_qualified_again_in_its_order(change: dict, expected: list) -> None:
    facts = RequalificationFacts("Dry shipper 1 (ST00012)", "shipper", TODAY - 300 * DAY, TODAY, TODAY)
    assert codes(requalification_refusals(dataclasses.replace(facts, **change))) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"ordered": {}}, ["NOT_IN_SHIPMENT"]),
        ({"ordered": {"LT0009Z": 5}}, ["NOT_IN_SHIPMENT"]),
        ({"ordered": {"LT0001K": 2}}, ["NOT_IN_SHIPMENT"]),
        ({"goods": (dataclasses.replace(LOT, packed=1),)}, ["NOT_IN_SHIPMENT"]),
        ({"goods": (dataclasses.replace(LOT, packed=1, added=2),)}, []),
        ({"reserved": {VIAL: "UA-01-007"}}, ["VIAL_NOT_AVAILABLE"]),
        ({"packed_in": {VIAL: "SP00019", OTHER_VIAL: "SP00019"}}, ["VIAL_NOT_AVAILABLE"] * 2),
    ],
)
def test_what_is_packed_was_ordered_and_is_free(change: dict, expected: list) -> None:
    assert codes(packing_refusals(dataclasses.replace(PACKING, **change))) == expected


def test_refusals_at_packing_name_the_vial_whose_it_is_and_what_was_ordered() -> None:
    facts = dataclasses.replace(
        PACKING, reserved={VIAL: "UA-01-007"}, packed_in={OTHER_VIAL: "SP00019"}, ordered={"LT0009Z": 5}
    )
    assert [sentence for _, sentence in said(packing_refusals(facts))] == [
        "Vial A9999 26 000001 000001 is kept for a dose of subject UA-01-007. Pack another one, or have the dose "
        "cancelled.",
        "Vial A9999 26 000001 000002 is packed for shipment SP00019 already. Pack another one, or unpack it there "
        "first.",
        "No vial of lot LT0001K was ordered for shipment SP00012 (5 of LT0009Z). Leave it, or order anew.",
    ]


def test_only_what_is_in_the_shipper_is_unpacked() -> None:
    assert not_packed_refusals("SP00012", []) == ()
    ((code, sentence),) = said(not_packed_refusals("SP00012", [VIAL]))
    assert code == "NOT_IN_SHIPMENT" and "A9999 26 000001 000001" in sentence and "SP00012" in sentence


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"vials": 0}, ["CRITERION_OPEN"]),
        ({"vials": 2}, []),  # fewer than ordered: the packing list says so
        ({"seals": 0}, ["CRITERION_OPEN"]),
        ({"logger": None}, ["TRACE_MISSING"]),
        ({"logger": dataclasses.replace(LOGGER, state="RETIRED")}, ["WRONG_STATE"]),
        ({"logger": dataclasses.replace(LOGGER, in_shipper=False)}, ["PROBE_MISMATCH"]),
        ({"logger": dataclasses.replace(LOGGER, calibration_due_on=TODAY + 2 * DAY)}, []),
        ({"logger": dataclasses.replace(LOGGER, calibration_due_on=TODAY + DAY)}, ["SHIPPER_NOT_READY"]),
        ({"qualified_until": TODAY + DAY}, ["SHIPPER_NOT_READY"]),  # over before it arrives
        ({"planned_hours": Decimal(236)}, []),  # charged four hours ago
        ({"planned_hours": Decimal("236.1")}, ["SHIPPER_NOT_READY"]),
        ({"hold_hours": Decimal(51)}, ["SHIPPER_NOT_READY"]),
        ({"ordered": 0, "vials": 0, "goods": (), "logger": None, "seals": 0, "hold_hours": Decimal(1)}, []),
        ({"ordered": 0, "vials": 0, "goods": (), "qualified_until": TODAY - 300 * DAY}, []),  # home to be qualified
    ],
)
def test_what_is_sealed_is_complete_and_cold_until_it_arrives(change: dict, expected: list) -> None:
    assert codes(sealing_refusals(dataclasses.replace(SEALING, **change))) == expected


def test_a_shipper_that_would_not_hold_says_how_long_it_does() -> None:
    ((_, sentence),) = said(sealing_refusals(dataclasses.replace(SEALING, hold_hours=Decimal(51))))
    assert "holds for 51 h from its charge at 2026-05-04 08:00 UTC" in sentence and "48 h" in sentence


@pytest.mark.parametrize(("goes_empty", "code"), [(True, "NOT_FOUND"), (False, "CRITERION_OPEN")])
def test_without_a_shipper_nothing_is_sealed(goes_empty: bool, code: str) -> None:
    refusal = no_shipper("SP00012", goes_empty=goes_empty)
    assert refusal.code == code and "SP00012" in refusal.detail


def test_a_shipment_is_cancelled_only_when_nothing_is_in_it() -> None:
    assert cancelling_refusals("SP00012", 0) == ()
    ((code, sentence),) = said(cancelling_refusals("SP00012", 2))
    assert code == "WRONG_STATE" and sentence.startswith("2 vials are packed for shipment SP00012: unpack them")


def test_whoever_has_a_shipment_hands_it_over_and_nobody_takes_over_what_they_have() -> None:
    mine = HandsFacts("SP00012", "Tina Technician", True)
    theirs = HandsFacts("SP00012", "Taras Technician", False)
    assert hand_over_refusals(mine) == take_over_refusals(theirs) == ()
    ((code, sentence),) = said(hand_over_refusals(theirs))
    assert code == "WRONG_STATE" and "in the hands of Taras Technician" in sentence
    assert codes(take_over_refusals(mine)) == ["WRONG_STATE"]

"""When a unit may be added, and where vials may stand."""

import datetime
from dataclasses import replace
from typing import Any

import pytest

from cellbank.domain.rules.storage import (
    Box,
    MoveFacts,
    OutOfService,
    PlacesFacts,
    RelocationFacts,
    UnitFacts,
    beside_warnings,
    give_places,
    move_refusals,
    relocation_refusals,
    unit_refusals,
)

BOX = Box("Box B (ST0001)", "box", 2, 3, {2: "V-OLD"}, None)
BROKEN = OutOfService("Tank 1 (ST0002)", "the level sensor failed")
RACK = UnitFacts("rack", 1, "tank", "Tank 1", None, None)


def given(vials: int, *wanted: str, box: Box = BOX) -> PlacesFacts:
    return PlacesFacts(box, tuple(f"V{number}" for number in range(1, vials + 1)), wanted)


@pytest.mark.parametrize(
    ("facts", "positions"),
    [
        (given(1), (1,)),
        (given(3), (1, 3, 4)),
        (given(5), (1, 3, 4, 5, 6)),
        (given(2, "A3"), (3, 4)),
        (given(2, "A1"), (1, 3)),
        (given(1, "B3"), (6,)),
        (given(3, "B3", "A1", "B1"), (6, 1, 4)),
        (given(3, "B1"), (4, 5, 6)),  # to the last position
    ],
)
def test_vials_get_the_positions_asked_for_or_the_next_free_ones(facts: PlacesFacts, positions: tuple) -> None:
    places = give_places(facts)
    assert (places.positions, places.refusals) == (positions, ())


@pytest.mark.parametrize(
    ("facts", "code", "words"),
    [
        (given(1, "A2"), "POSITION_TAKEN", "A2 of Box B (ST0001) is taken by vial V-OLD"),
        (given(2, "A2"), "POSITION_TAKEN", "taken by vial V-OLD"),
        (given(2, "A1", "A2"), "POSITION_TAKEN", "taken by vial V-OLD"),
        (given(1, "C1"), "POSITION_UNKNOWN", "no position C1: the last one is B3"),
        (given(2, "C1"), "POSITION_UNKNOWN", "no position C1"),
        (given(6), "STORAGE_FULL", "has 5 free positions and 6 vials"),
        (given(4, "B1"), "STORAGE_FULL", "has 3 free positions from B1 on and 4 vials"),
        (given(1, box=replace(BOX, out_of_service=BROKEN)), "STORAGE_OUT_OF_SERVICE", "Tank 1 (ST0002) is out of"),
        (given(1, box=replace(BOX, type="rack")), "WRONG_KIND", "is a rack; vials stand in boxes"),
    ],
)
def test_a_place_is_refused_with_its_reason(facts: PlacesFacts, code: str, words: str) -> None:
    places = give_places(facts)
    assert [refusal.code for refusal in places.refusals] == [code]
    assert words in places.refusals[0].detail
    assert places.positions == ()


def test_a_shipper_is_filled_for_a_shipment_only() -> None:
    facts = given(1, box=replace(BOX, type="shipper"))
    (refusal,) = give_places(facts).refusals
    assert refusal.code == "WRONG_KIND" and "what stands in it leaves with it" in refusal.detail
    assert give_places(replace(facts, packing=True)).positions == (1,)


def test_all_reasons_are_given_at_once() -> None:
    facts = given(3, "A2", "C1", "A1", box=replace(BOX, out_of_service=BROKEN))
    codes = {refusal.code for refusal in give_places(facts).refusals}
    assert codes == {"POSITION_TAKEN", "POSITION_UNKNOWN", "STORAGE_OUT_OF_SERVICE"}


@pytest.mark.parametrize(
    "facts",
    [
        RACK,
        replace(RACK, type="box"),
        replace(RACK, type="box", parent_type="rack"),
        UnitFacts("tank", 1, None, "the site", None, None),
    ],
)
def test_a_unit_is_added_where_it_belongs(facts: UnitFacts) -> None:
    assert unit_refusals(facts) == ()


@pytest.mark.parametrize(
    ("facts", "code", "words"),
    [
        (replace(RACK, type="tank"), "WRONG_KIND", "A tank cannot stand in Tank 1, a tank: scan a room"),
        (replace(RACK, parent_type=None), "WRONG_KIND", "A rack stands in a tank or canister: scan the one"),
        (replace(RACK, parent_type="box"), "WRONG_KIND", "A rack cannot stand in Tank 1, a box: scan a tank"),
        (replace(RACK, type="box", parent_type="box"), "WRONG_KIND", "scan a tank or rack or canister"),
        (replace(RACK, type="room", in_itself=True, parent_type="room"), "WRONG_KIND", "the unit itself, or stands in"),
        (replace(RACK, capacity=4, place=5), "STORAGE_FULL", "Tank 1 has 4 places; there is no place 5"),
        (replace(RACK, standing_there="Rack 1"), "POSITION_TAKEN", "Place 1 of Tank 1 is taken by Rack 1"),
        (replace(RACK, out_of_service=BROKEN), "STORAGE_OUT_OF_SERVICE", "the level sensor failed"),
    ],
)
def test_a_unit_is_refused_with_its_reason(facts: UnitFacts, code: str, words: str) -> None:
    refusals = unit_refusals(facts)
    assert [refusal.code for refusal in refusals] == [code]
    assert words in refusals[0].detail


@pytest.mark.parametrize(
    ("standing", "arriving", "warned"),
    [
        ({}, {"L1": "RELEASED"}, False),
        ({"L1": "RELEASED"}, {"L1": "RELEASED"}, False),
        ({"L1": "RELEASED"}, {"L2": "RELEASED"}, False),
        ({"L1": "QUARANTINE"}, {"L2": "QUARANTINE"}, False),
        ({"L1": "RELEASED"}, {"L2": "QUARANTINE"}, True),
        ({"L1": "QUARANTINE"}, {"L2": "RELEASED"}, True),
        ({"L1": "RELEASED"}, {"L2": "REJECTED"}, True),
        ({"L1": "RELEASED", "L2": "ON_HOLD"}, {"L1": "RELEASED"}, True),
    ],
)
def test_released_vials_beside_others_are_warned_of(standing: dict, arriving: dict, warned: bool) -> None:
    found = beside_warnings("Box B", standing, arriving)
    assert [one.code for one in found] == (["LOT_NOT_RELEASED"] if warned else [])


NOON = datetime.datetime(2026, 3, 2, 12, 0, tzinfo=datetime.UTC)
SECOND = datetime.timedelta(seconds=1)
MOVE = MoveFacts("Rack 1", RACK, False, NOON, NOON + SECOND)


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({}, []),
        ({"since": None}, []),
        ({"at": NOON}, ["OUT_OF_ORDER"]),
        ({"at": NOON - SECOND}, ["OUT_OF_ORDER"]),
        ({"stays": True, "at": NOON}, ["WRONG_STATE"]),  # it stands there: nothing else is told
        ({"to": replace(RACK, standing_there="Rack 2")}, ["POSITION_TAKEN"]),
        ({"to": replace(RACK, standing_there="Rack 2"), "at": NOON}, ["POSITION_TAKEN", "OUT_OF_ORDER"]),
    ],
)
def test_a_unit_is_moved_to_a_place_that_is_free_and_after_it_came(change: dict[str, Any], codes: list[str]) -> None:
    assert [one.code for one in move_refusals(replace(MOVE, **change))] == codes


SPARE = RelocationFacts("Tank 1", "Tank 2", "tank", 4, {1: ("rack", "Rack 1"), 4: ("rack", "Rack 4")}, {}, None, False)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"taken": {2: "Rack 9"}}, []),
        ({"taken": {4: "Rack 9"}}, [("POSITION_TAKEN", "Rack 4: ")]),
        ({"spare_capacity": 3}, [("STORAGE_FULL", "Rack 4: ")]),
        ({"spare_type": "box"}, [("WRONG_KIND", "Rack 1: "), ("WRONG_KIND", "Rack 4: ")]),
        ({"out_of_service": BROKEN}, [("STORAGE_OUT_OF_SERVICE", "Tank 1")]),
        ({"moving": {}}, [("WRONG_STATE", "Nothing stands in Tank 1")]),
        ({"in_itself": True, "out_of_service": BROKEN}, [("WRONG_KIND", "Tank 2 is Tank 1 itself")]),
    ],
)
def test_all_that_stands_in_a_unit_goes_to_the_same_places_of_a_spare(
    change: dict[str, Any], said: list[tuple[str, str]]
) -> None:
    found = relocation_refusals(replace(SPARE, **change))
    assert [(one.code, one.detail.startswith(words)) for one, (_, words) in zip(found, said, strict=True)] == [
        (code, True) for code, _ in said
    ]

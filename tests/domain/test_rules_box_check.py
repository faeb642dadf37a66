"""A box as it was found beside the book, and time out of the cold beside its limits."""

from datetime import timedelta

import pytest

from cellbank.domain.picking import OpenTime, open_time
from cellbank.domain.rules.box_check import Finding, Found, differences, reason_refusals, unaccepted_refusals
from cellbank.domain.rules.warming import budget, warming_refusals
from cellbank.domain.specification import HandlingRules

NAMES = {place: f"A{place}" for place in range(1, 7)}
BOOK = {1: "V1", 2: "V2", 3: "V3"}
KNOWN = frozenset({"V1", "V2", "V3", "V4"})
RULES = HandlingRules(warming_single_seconds=30, warming_events_max=3, warming_total_seconds=90)


def found(seen: dict[int, str | None]) -> list[tuple[str, str]]:
    asked = Found("Box A", BOOK, seen, KNOWN, {"V4": "Tank 1 › Box B › C3"})
    return [(one.key, one.finding.value) for one in differences(asked, NAMES)]


@pytest.mark.parametrize(
    ("seen", "differing"),
    [
        ({1: "V1", 2: "V2", 3: "V3"}, []),
        ({1: "V1", 2: "V2"}, [("V3", "missing")]),
        ({1: "V2", 2: "V1", 3: "V3"}, [("V2", "moved"), ("V1", "moved")]),
        ({1: "V1", 2: "V2", 3: "V3", 5: "V4"}, [("V4", "extra")]),
        ({1: "V1", 2: "V2", 3: "V3", 6: "V9"}, [("V9", "foreign")]),
        ({1: None, 2: "V2", 3: "V3"}, [("A1", "unreadable")]),  # it is there, so that it is not missing
        ({4: None, 1: "V1", 2: "V2", 3: "V3"}, [("A4", "unreadable")]),
        ({}, [("V1", "missing"), ("V2", "missing"), ("V3", "missing")]),
        ({1: "V4", 2: "V9", 6: "V1", 3: None}, [("V4", "extra"), ("V9", "foreign"), ("A3", "unreadable"),
                                                ("V1", "moved"), ("V2", "missing")]),
    ],
)  # fmt: skip
def test_each_difference_is_found_once(seen: dict, differing: list) -> None:
    assert found(seen) == differing


def test_each_difference_needs_a_reason_and_nothing_else_has_one() -> None:
    differing = differences(Found("Box A", BOOK, {1: "V1", 2: "V3"}, KNOWN, {}), NAMES)
    assert [one.finding for one in differing] == [Finding.MOVED, Finding.MISSING]
    assert [refusal.code for refusal in reason_refusals("Box A", differing, {"V3": "fell out"})] == ["REASON_NEEDED"]
    assert reason_refusals("Box A", differing, {"V3": "fell out", "V2": "gone"}) == ()
    strange = reason_refusals("Box A", differing, {"V3": "x", "V2": "y", "V1": "z"})
    assert [refusal.code for refusal in strange] == ["CHANGED_MEANWHILE"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        ([], []),
        ([30, 30, 30], []),
        ([31], ["31 s at once; the limit is 30 s"]),
        ([29, 29, 29, 4], ["91 s in all; the limit is 90 s", "4 times; the limit is 3 times"]),
        ([0, 0, 0, 0, 5], []),
    ],
)
def test_time_out_of_the_cold_has_three_limits(seconds: list[int], words: list[str]) -> None:
    spent = budget([timedelta(seconds=one) for one in seconds], RULES)
    said = [refusal.detail for refusal in warming_refusals("V1", spent)]
    assert [word in line for word, line in zip(words, said, strict=True)] == [True] * len(words)
    assert spent.is_spent == bool(words)


@pytest.mark.parametrize(
    ("places", "seconds"),
    [
        ([], OpenTime(0, 0)),
        ([("Tank 1", "Rack 1", "Box A")], OpenTime(16, 8)),
        ([("Tank 1", "Rack 1", "Box A")] * 3, OpenTime(24, 16)),
        ([("Tank 1", "Rack 1", "Box A"), ("Tank 1", "Rack 1", "Box B")], OpenTime(24, 8)),
        ([("Tank 1", "Rack 1", "Box A"), ("Tank 1", "Rack 2", "Box A")], OpenTime(32, 8)),
        ([("Tank 1", "Box A")], OpenTime(8, 8)),  # it stands in the tank itself: no rack is lifted
    ],
)
def test_each_level_is_opened_once(places: list, seconds: OpenTime) -> None:
    assert open_time(places) == seconds


def test_what_waits_for_its_acceptance_is_not_booked_as_missing() -> None:
    (refusal,) = unaccepted_refusals(["V1"])
    assert refusal.code == "VIAL_NOT_AVAILABLE" and "V1" in refusal.detail
    assert unaccepted_refusals([]) == ()

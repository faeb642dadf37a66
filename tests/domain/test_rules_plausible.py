"""What can hardly be is asked about; who says why it is right is believed."""

import datetime
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from cellbank.domain.rules.plausible import (
    GrowthFacts,
    RunTimes,
    TissueFacts,
    as_answered,
    impossible_run,
    improbable_arrival,
    improbable_filling,
    improbable_harvest,
    improbable_losses,
    improbable_putting_away,
    improbable_run,
    improbable_seeding,
    improbable_wait,
    unanswered,
)

HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)
AT = datetime.datetime(2026, 3, 2, 8, 0, tzinfo=datetime.UTC)
USUAL = GrowthFacts("CU1", 4 * DAY, Decimal("30.0"), 12_000_000, Decimal(175))
RUN = RunTimes("LT1", AT + HOUR, AT + 2 * HOUR, AT, AT + 3 * HOUR)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, []),
        ({"lasted": 12 * HOUR}, []),
        ({"lasted": datetime.timedelta(minutes=7)}, ["harvested 7 min after"]),
        ({"lasted": 61 * DAY}, ["harvested 61 days after"]),
        ({"doubling_time_h": Decimal("0.0")}, ["doubled every 0.0 h"]),
        ({"doubling_time_h": Decimal("8.0")}, []),
        ({"doubling_time_h": None}, []),
        ({"cells": 350_000_000}, []),
        ({"cells": 350_000_001}, ["cells on 175 cm²"]),
        ({"cells": 8_749}, ["8 749 cells on 175 cm²"]),
        ({"cells": 10**12, "area_cm2": None}, []),
    ],
)
def test_a_harvest_that_can_hardly_be_is_asked_about(changed: dict[str, Any], words: list[str]) -> None:
    found = improbable_harvest(replace(USUAL, **changed))
    assert [one.code for one in found] == ["IMPROBABLE"] * len(words)
    assert all(word in one.detail for word, one in zip(words, found, strict=True))
    assert unanswered(found, None) == found
    assert all("Correct it" in one.detail for one in found)
    assert not any("Correct it" in one.detail for one in as_answered(found))
    assert unanswered(found, "counted twice, the chamber is right") == ()


@pytest.mark.parametrize(("waited", "asked"), [(HOUR, 0), (24 * HOUR, 0), (25 * HOUR, 1)])
def test_cells_long_in_hand_are_asked_about(waited: datetime.timedelta, asked: int) -> None:
    assert len(improbable_wait("The passage", "CU1", AT, AT + waited)) == asked
    assert improbable_wait("The passage", "CU1", None, AT) == ()


def test_a_run_before_the_filling_cannot_be_and_one_after_putting_away_is_asked_about() -> None:
    assert impossible_run(RUN) == improbable_run(RUN) == ()
    assert improbable_run(replace(RUN, put_away_at=None)) == ()
    assert [one.code for one in impossible_run(replace(RUN, began=AT - HOUR))] == ["OUT_OF_ORDER"]
    assert [one.code for one in improbable_run(replace(RUN, ended=AT + 4 * HOUR))] == ["IMPROBABLE"]


@pytest.mark.parametrize(("cells", "asked"), [(49_999, 1), (50_000, 0), (200_000_000, 0), (200_000_001, 1)])
def test_cells_that_find_no_neighbour_or_no_room_are_asked_about(cells: int, asked: int) -> None:
    assert len(improbable_seeding("culture CU1", cells, Decimal(1000))) == asked


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({}, ""),
        ({"mass_g": Decimal("4.9")}, "4.9 g"),
        ({"mass_g": Decimal(301)}, "301 g"),
        ({"tissue": "placenta"}, "80 g"),
        ({"length_cm": Decimal(151)}, "151 cm"),
        ({"length_cm": None}, ""),
        ({"collected_at": AT + 25 * HOUR}, "25 h after the delivery"),
        ({"delivered_at": None, "collected_at": AT + 25 * HOUR}, ""),
    ],
)
def test_tissue_that_can_hardly_be_is_asked_about(changed: dict[str, Any], word: str) -> None:
    found = improbable_arrival(replace(TissueFacts("cord", Decimal(80), Decimal(40), AT, AT + HOUR), **changed))
    assert len(found) == bool(word) and all(word in one.detail for one in found)


@pytest.mark.parametrize(("lost", "asked"), [(0, 0), (50, 0), (51, 1), (100, 1)])
def test_more_lost_than_filled_is_asked_about(lost: int, asked: int) -> None:
    assert len(improbable_losses("LT1", 100, lost)) == asked


@pytest.mark.parametrize(("minutes", "asked"), [(0, 1), (1, 1), (2, 0), (45, 0)])
def test_a_freezing_as_soon_as_the_filling_began_is_asked_about(minutes: int, asked: int) -> None:
    assert len(improbable_filling("LT1", AT, AT + datetime.timedelta(minutes=minutes))) == asked


@pytest.mark.parametrize(
    ("put_away", "ended", "word"),
    [
        (19, None, "19 min after their freezing began"),
        (20, None, ""),
        (69, 70, "1 min before their freezing run ended"),
        (70, 70, ""),
    ],
)
def test_vials_put_away_while_they_freeze_are_asked_about(put_away: int, ended: int | None, word: str) -> None:
    minute = datetime.timedelta(minutes=1)
    end = None if ended is None else AT + ended * minute
    found = improbable_putting_away("LT1", AT, end, AT + put_away * minute)
    assert len(found) == bool(word) and all(word in one.detail for one in found)

"""A freezing run beside the band of its program: what is a departure, what is nucleation, whose run it is."""

import datetime
from decimal import Decimal
from typing import Any

import pytest

from cellbank.domain.freezing_band import FreezingBand
from cellbank.domain.rules.freezing_run import (
    Departure,
    RunFacts,
    RunOfLot,
    band_at,
    compare,
    in_words,
    no_run_refusals,
    run_refusals,
    withdrawal_refusals,
)

# From 0 to −10 °C in ten minutes, two degrees to either side; then five minutes at −10 °C.
SETTINGS: dict[str, Any] = {
    "start_celsius": Decimal(0),
    "start_within_minutes": 30,
    "gap_minutes": 3,
    "points": [
        {"minute": Decimal(0), "low": Decimal(-2), "high": Decimal(2)},
        {"minute": Decimal(10), "low": Decimal(-12), "high": Decimal(-8)},
        {"minute": Decimal(15), "low": Decimal(-12), "high": Decimal(-8)},
    ],
}
BAND = FreezingBand(**SETTINGS)
NUCLEATION = {"from_minute": Decimal(2), "until_minute": Decimal(9), "rise_celsius": Decimal(3), "minutes": Decimal(2)}
FORGIVING = FreezingBand(**SETTINGS, nucleation=NUCLEATION)
START = 1_800_000_000
FROZEN = datetime.datetime.fromtimestamp(START, datetime.UTC)


def run(**instead: float) -> list[tuple[int, int]]:
    """One reading a minute, from two minutes before minute 0 to minute 16; `m5=-1` replaces that of minute 5."""
    usual = {minute: 4.0 if minute < 0 else -min(minute, 10) for minute in range(-2, 17)}
    usual |= {int(name[1:]): value for name, value in instead.items()}
    return [(START + 60 * minute, round(100 * value)) for minute, value in usual.items() if value is not None]


def at(minute: float) -> int:
    return START + round(60 * minute)


@pytest.mark.parametrize(
    ("second", "edges"),
    [(0, (-200, 200)), (60, (-300, 100)), (1, (-202, 199)), (600, (-1200, -800)), (899, (-1200, -800)),
     (9999, (-1200, -800))],
)  # fmt: skip
def test_the_band_is_a_line_from_point_to_point_rounded_outwards(second: int, edges: tuple[int, int]) -> None:
    assert band_at(BAND, second) == edges


def test_a_run_in_its_band_has_no_departure_and_minute_0_is_found() -> None:
    found = compare(BAND, run())
    assert found.is_within and found.began == START
    assert (found.seconds, found.longest, found.worst, found.area) == (0, 0, 0, 0)


GOOD_EDGE = {"m5": -3.0}  # the band at minute 5 ends at −3: the edge itself is inside
CASES: list[tuple[str, dict[str, float | None], list[Departure]]] = [
    ("the edge itself", GOOD_EDGE, []),
    ("too warm for a minute", {"m5": -2.0}, [Departure("warm", at(5), at(6), 100, 6000)]),
    ("too cold for a minute", {"m5": -7.5}, [Departure("cold", at(5), at(6), 50, 3000)]),
    ("two minutes that follow are one", {"m5": -2.0, "m6": -2.0}, [Departure("warm", at(5), at(7), 200, 18_000)]),
    ("warm, then cold, are two", {"m5": -2.0, "m6": -9.0},
     [Departure("warm", at(5), at(6), 100, 6000), Departure("cold", at(6), at(7), 100, 6000)]),
    ("nothing is judged before minute 0", {"m-1": 40.0}, []),
    ("nor after the last point", {"m15": 30.0, "m16": 30.0}, []),
    ("three minutes without a reading are allowed", {"m5": None, "m6": None}, []),
    ("four are not", {"m5": None, "m6": None, "m7": None}, [Departure("silent", at(4), at(8))]),
    ("the file ends early", dict.fromkeys(f"m{minute}" for minute in range(9, 17)),
     [Departure("silent", at(8), at(15))]),
    ("it ends within what is allowed", dict.fromkeys(f"m{minute}" for minute in range(13, 17)), []),
    ("the last reading that is there holds to the end", {**dict.fromkeys(["m14", "m15", "m16"]), "m13": -5.0},
     [Departure("warm", at(13), at(15), 300, 36_000)]),
]  # fmt: skip


@pytest.mark.parametrize(("instead", "departures"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_departures(instead: dict[str, Any], departures: list[Departure]) -> None:
    found = compare(BAND, run(**instead))
    assert list(found.departures) == departures
    assert found.is_within == (not departures)
    assert found.seconds == sum(one.until - one.since for one in departures)


def test_figures_of_several_departures() -> None:
    found = compare(BAND, run(m3=-7.0, m7=-2.0, m8=-3.0))
    assert [one.kind for one in found.departures] == ["cold", "warm"]
    assert (found.seconds, found.longest, found.worst) == (180, 120, 300)
    assert found.area == 60 * 200 + 60 * 300 + 60 * 300
    told = in_words(2, found.seconds, Decimal(found.worst) / 100)
    assert told == "2 times outside the band, 3.0 min in all, up to 3.0 °C"
    assert in_words(0, 0, Decimal(0)) == "within the band"
    assert in_words(1, 30, Decimal("0.25")).startswith("once outside the band, 0.5 min in all")


BUMPS: list[tuple[str, dict[str, Any], bool]] = [
    ("ice sets its warmth free", {"m5": -1.0, "m6": -1.5}, True),
    ("it is too warm", {"m5": 0.5}, False),
    ("it lasts too long", {"m4": -1.0, "m5": -1.0, "m6": -2.0}, False),
    ("it comes too early", {"m1": 2.0}, False),
    ("it comes too late", {"m9": -6.0}, False),
    ("cold is no nucleation", {"m5": -8.0}, False),
]


@pytest.mark.parametrize(("instead", "allowed"), [case[1:] for case in BUMPS], ids=[case[0] for case in BUMPS])
def test_nucleation_is_no_departure_as_far_as_the_band_allows_it(instead: dict[str, Any], allowed: bool) -> None:
    found = compare(FORGIVING, run(**instead))
    assert found.is_within == allowed and (found.nucleation is not None) == allowed
    assert not compare(BAND, run(**instead)).is_within


def test_ice_forms_once() -> None:
    found = compare(FORGIVING, run(m4=-1.0, m6=-3.5, m7=-4.5))
    assert found.nucleation == Departure("nucleation", at(4), at(5), 100, 6000)
    assert [(one.kind, one.since) for one in found.departures] == [("warm", at(6))]


def facts(**changes: Any) -> RunFacts:
    given = {"lot": "LT1", "program": "CRF-1", "frozen_at": FROZEN, "band": BAND, "comparison": compare(BAND, run())}
    return RunFacts(**{**given, **changes})


def earlier(minutes: float) -> datetime.datetime:
    return FROZEN - datetime.timedelta(minutes=minutes)


REFUSED: list[tuple[str, dict[str, Any], list[str], str]] = [
    ("a good run", {}, [], ""),
    ("half an hour after the start is allowed", {"frozen_at": earlier(30)}, [], ""),
    ("before the start too", {"frozen_at": earlier(-30)}, [], ""),
    ("31 minutes are not", {"frozen_at": earlier(31)}, ["RUN_MISMATCH"], "31 min after the freezing of lot LT1"),
    ("another day", {"frozen_at": earlier(-2000)}, ["RUN_MISMATCH"], "It is the run of another lot"),
    ("a clock an hour off", {"frozen_at": earlier(65)}, ["RUN_MISMATCH"], "nearly 1 h: does the freezer's clock"),
    ("two hours early", {"frozen_at": earlier(-115)}, ["RUN_MISMATCH"], "before the freezing"),
    ("the lot has its run", {"live": "FR1"}, ["ALREADY_EXISTS"], "FR1"),
    ("no band", {"band": None, "comparison": None}, ["WRONG_KIND"], "has no band"),
    ("it never got cold", {"comparison": compare(BAND, [(START, 2000)])}, ["RUN_MISMATCH"], "never got to 0 °C"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "codes", "said"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED])
def test_whose_run_it_is(changes: dict[str, Any], codes: list[str], said: str) -> None:
    refusals = run_refusals(facts(**changes))
    assert [refusal.code.value for refusal in refusals] == codes
    assert said in " ".join(refusal.detail for refusal in refusals)


@pytest.mark.parametrize(
    ("run_of_lot", "codes"),
    [
        (None, ["CRITERION_OPEN"]),
        (RunOfLot("FR1", "WITHIN", "within the band"), []),
        (RunOfLot("FR1", "OUTSIDE", "once", "DV1", "OPEN"), ["DEVIATION_OPEN"]),
        (RunOfLot("FR1", "OUTSIDE", "once", "DV1", "INVESTIGATED"), ["DEVIATION_OPEN"]),
        (RunOfLot("FR1", "OUTSIDE", "once", "DV1", "CLOSED"), []),
        (RunOfLot("FR1", "OUTSIDE", "once"), ["DEVIATION_OPEN"]),
    ],
)
def test_a_lot_waits_for_its_run_or_for_what_it_means(run_of_lot: RunOfLot | None, codes: list[str]) -> None:
    assert [refusal.code.value for refusal in no_run_refusals("LT1", "CRF-1", run_of_lot)] == codes


@pytest.mark.parametrize(
    ("states", "conditional", "refused"),
    [
        (("QUARANTINE", None), None, 0),
        (("ON_HOLD", "QUARANTINE"), None, 0),
        (("RELEASED", None), None, 1),
        (("ON_HOLD", "RELEASED"), None, 1),
        (("RECALLED", None), None, 1),
        (("QUARANTINE", None), "CR1", 1),
    ],
)
def test_a_run_on_which_somebody_relies_stays(states: tuple[str, str | None], conditional: str, refused: int) -> None:
    found = withdrawal_refusals("FR1", "LT1", states, conditional)
    assert [refusal.code.value for refusal in found] == ["WRONG_STATE"] * refused

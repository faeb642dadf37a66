"""The rule that finds excursions, case by case, and what holds for every trace."""

import itertools
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellbank.domain.rules.temperature import (
    Excursion,
    Limits,
    StoodThrough,
    Watch,
    decision_refusals,
    excursions,
    exposure_refusals,
    hundredths,
    lift_after_excursion_refusals,
    limit_refusals,
    told_already,
)

LIMITS = Limits(Decimal(-150), 10, Decimal(-135), 2, Decimal(-80), 15)
MINUTE = 60


def readings(*celsius: float, every: int = 5) -> list[tuple[int, int]]:
    return [(number * every * MINUTE, round(value * 100)) for number, value in enumerate(celsius)]


def found(*celsius: float, every: int = 5) -> list[tuple[str, float, float | None]]:
    """Kind, start and end in minutes."""
    return [
        (one.kind, one.started / MINUTE, None if one.ended is None else one.ended / MINUTE)
        for one in excursions(LIMITS, readings(*celsius, every=every))
    ]


CASES = [
    ("cold throughout", (-187, -190, -150), []),
    ("exactly at the limit is not above it", (-187, -150, -150, -150, -150, -187), []),
    ("ten minutes are not more than ten", (-187, -149, -149, -187), []),
    ("fifteen minutes are a warning", (-187, -149, -149, -149, -187), [("warning", 5, 20)]),
    ("one reading above −135 is not critical", (-187, -130, -187), []),
    ("two in a row are", (-187, -130, -130, -187), [("critical", 5, 15)]),
    ("two that are not in a row are not", (-187, -130, -140, -130, -187), [("warning", 5, 20)]),
    ("exactly −135 is not above it", (-187, -135, -135, -187), []),
    ("one reading above −80 is enough", (-187, -79.99, -187), [("reject", 5, 10)]),
    ("it goes on", (-187, -130, -130), [("critical", 5, None)]),
    ("too short to be one yet", (-187, -149, -149), []),
    ("two stretches are two", (-130, -130, -187, -70, -187), [("critical", 0, 10), ("reject", 15, 20)]),
]


@pytest.mark.parametrize(("what", "celsius", "expected"), CASES, ids=[case[0] for case in CASES])
def test_what_is_an_excursion(what: str, celsius: tuple[float, ...], expected: list) -> None:
    assert found(*celsius) == expected


def test_silence_is_an_excursion_and_cuts_a_warm_stretch_in_two() -> None:
    assert found(-187, -187, every=15) == []
    assert found(-187, -187, every=16) == [("silent", 0, 16)]
    trace = [*readings(-130, -130), (60 * MINUTE, -13000), (65 * MINUTE, -13000), (70 * MINUTE, -18700)]
    kinds = [(one.kind, one.started, one.ended) for one in excursions(LIMITS, trace)]
    assert kinds == [("critical", 0, 300), ("silent", 300, 3600), ("critical", 3600, 4200)]


def test_the_figures_are_exact() -> None:
    one = excursions(LIMITS, readings(-187, -140, -130, -70, -187))[0]
    assert one.peak == -7000
    assert one.seconds == (900, 600, 300)
    assert one.degree_seconds == (300 * (1000 + 2000 + 8000), 300 * (500 + 6500), 300 * 1000)


def test_a_silence_that_nobody_has_ended_goes_on() -> None:
    watch = Watch(LIMITS)
    watch.read(readings(-187, -130, -130))
    assert watch.silence(600 + 15 * MINUTE) == []
    warm, silent = watch.silence(600 + 16 * MINUTE)
    assert (warm.kind, warm.ended) == ("critical", 600)
    assert (silent.kind, silent.started, silent.ended) == ("silent", 600, None)
    watch.resume(7200)
    assert watch.read([(7200 + 300, -18700)]) == []


def test_limits_contradict_each_other() -> None:
    assert limit_refusals(LIMITS) == ()
    equal = Limits(Decimal(-135), 10, Decimal(-135), 2, Decimal(-135), 15)
    assert limit_refusals(equal) == ()
    late = Limits(Decimal(-150), 10, Decimal(-135), 2, Decimal("-135.01"), 15)
    assert [refusal.code.value for refusal in limit_refusals(late)] == ["OUTSIDE_LIMITS"]
    wrong = Limits(Decimal(-130), 10, Decimal(-135), 2, Decimal(-80), 15)
    assert [refusal.code.value for refusal in limit_refusals(wrong)] == ["OUTSIDE_LIMITS"]


def test_late_readings_tell_only_what_is_new() -> None:
    known = [Excursion("critical", 100, 500, -13000)]
    assert told_already(Excursion("critical", 200, 500, -13000), known)
    assert not told_already(Excursion("critical", 200, 501, -13000), known)
    assert not told_already(Excursion("critical", 200, 400, -12999), known)
    assert not told_already(Excursion("warning", 200, 400, -14000), known)
    assert told_already(Excursion("critical", 100, 500, -13000), known)  # the very same
    assert not told_already(Excursion("critical", 99, 500, -13000), known)
    going_on = [Excursion("critical", 100, None, -13000)]
    assert told_already(Excursion("critical", 200, 900, -13000), going_on)
    assert told_already(Excursion("critical", 200, None, -13000), known)
    assert not told_already(Excursion("critical", 501, None, -13000), known)


@pytest.mark.parametrize(
    ("kind", "state", "refused"),
    [("critical", "OPEN", True), ("reject", "OPEN", True), ("warning", "OPEN", False), ("silent", "OPEN", False),
     ("critical", "ACCEPTED", False), ("warning", "REJECTED", True)],
)  # fmt: skip
def test_a_dose_from_an_undecided_excursion_is_refused(kind: str, state: str, refused: bool) -> None:
    found = exposure_refusals("CH1", [StoodThrough("V1", "EX1", kind, state)])
    assert [refusal.code.value for refusal in found] == (["EXCURSION_OPEN"] if refused else [])


# --- what holds for every trace ---------------------------------------------------------------

STEPS = st.lists(
    st.tuples(st.integers(1, 30 * MINUTE), st.sampled_from([-19000, -15000, -14999, -14000, -13400, -8000, -7000])),
    max_size=40,
)


def as_trace(steps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    at, trace = 0, []
    for seconds, value in steps:
        at += seconds
        trace.append((at, value))
    return trace


@given(STEPS, st.lists(st.integers(0, 40), max_size=5))
def test_it_does_not_matter_how_a_trace_is_cut(steps: list[tuple[int, int]], cuts: list[int]) -> None:
    trace, state, pieces = as_trace(steps), None, []
    ends = sorted({min(cut, len(trace)) for cut in cuts} | {0, len(trace)})
    watch = Watch(LIMITS)
    for start, end in itertools.pairwise(ends):
        watch = Watch.of(LIMITS, json.loads(json.dumps(state)))
        pieces += watch.read(trace[start:end])
        state = watch.state()
    assert [*pieces, *watch.going_on()] == excursions(LIMITS, trace)


@given(STEPS, st.integers(0, 39), st.integers(1, 5000))
def test_warmer_is_never_better(steps: list[tuple[int, int]], place: int, warmer: int) -> None:
    trace = as_trace(steps)
    if not trace:
        return
    place %= len(trace)
    raised = [(at, value + warmer * (number == place)) for number, (at, value) in enumerate(trace)]

    def burden(found: list[Excursion]) -> tuple[list[int], list[int]]:
        warm = [one for one in found if one.kind != "silent"]
        return (
            [sum(one.seconds[level] for one in warm) for level in range(3)],
            [sum(one.degree_seconds[level] for one in warm) for level in range(3)],
        )

    before, after = burden(excursions(LIMITS, trace)), burden(excursions(LIMITS, raised))
    for less, more in zip((*before[0], *before[1]), (*after[0], *after[1]), strict=True):
        assert less <= more


@given(STEPS)
def test_excursions_never_overlap_and_stand_in_their_order(steps: list[tuple[int, int]]) -> None:
    found = excursions(LIMITS, as_trace(steps))
    for before, after in itertools.pairwise(found):
        assert before.ended is not None and before.ended <= after.started
    for one in found:
        if one.kind != "silent" and one.ended is not None:
            assert one.seconds[0] == one.ended - one.started


@given(st.decimals(-273, 200, places=2))
def test_hundredths_are_exact(celsius: Decimal) -> None:
    assert Decimal(hundredths(celsius)) / 100 == celsius


@pytest.mark.parametrize(
    ("state", "words"), [("ACCEPTED", None), ("OPEN", "is not decided"), ("REJECTED", "was decided against the vials")]
)
def test_the_hold_of_an_excursion_is_lifted_after_it_was_decided_for_the_vials(state: str, words: str | None) -> None:
    found = lift_after_excursion_refusals("HD1", "EX1", state)
    assert [one.code for one in found] == (["EXCURSION_OPEN"] if words else [])
    assert all(words in one.detail for one in found)


def test_an_excursion_is_decided_when_it_has_ended() -> None:
    assert decision_refusals("EX1", goes_on=False) == ()
    assert [one.code for one in decision_refusals("EX1", goes_on=True)] == ["WRONG_STATE"]


@pytest.mark.parametrize("celsius", [(), (-187,), (-187, -130), (-187, -130, -130)])
def test_a_watch_goes_on_from_what_was_kept_of_it(celsius: tuple[float, ...]) -> None:
    watch = Watch(LIMITS)
    watch.read(readings(*celsius))
    kept = Watch.of(LIMITS, json.loads(json.dumps(watch.state())))
    assert kept.state() == watch.state() and kept.going_on() == watch.going_on()
    assert Watch.of(LIMITS, None).state() == Watch(LIMITS).state()


@pytest.mark.parametrize(("minutes", "ended"), [(10, False), (10 + 1 / 60, True)])
def test_a_silence_begins_when_the_next_reading_is_overdue(minutes: float, ended: bool) -> None:
    watch = Watch(LIMITS)
    watch.read(readings(-187))
    gap = round((LIMITS.gap_minutes - 10 + minutes) * MINUTE)
    assert [one.kind for one in watch.silence(gap)] == (["silent"] if ended else [])
    assert Watch(LIMITS).silence(gap) == []

"""Sessions, pauses and codes that are handed over: each limit at its very edge."""

import datetime

import pytest

from cellbank.domain.handed_codes import TRIES, is_good, new_code, plain
from cellbank.domain.pauses import FIRST_PAUSE, LONGEST_PAUSE, goes_on_at
from cellbank.domain.sessions import is_idle, is_noted, is_too_long

NOON = datetime.datetime(2026, 3, 2, 12, 0, tzinfo=datetime.UTC)
MINUTE, SECOND = datetime.timedelta(minutes=1), datetime.timedelta(seconds=1)


def test_a_session_locks_after_its_minutes_and_ends_after_its_hours() -> None:
    assert not is_idle(NOON, 10, NOON + 10 * MINUTE)
    assert is_idle(NOON, 10, NOON + 10 * MINUTE + SECOND)
    assert not is_too_long(NOON, 12, NOON + 12 * 60 * MINUTE)
    assert is_too_long(NOON, 12, NOON + 12 * 60 * MINUTE + SECOND)


@pytest.mark.parametrize(("minutes", "grain"), [(None, 60), (10, 60), (5, 60), (1, 12)])
def test_when_somebody_was_last_there_is_exact_enough(minutes: int | None, grain: int) -> None:
    assert is_noted(NOON, NOON, minutes)
    assert is_noted(NOON, NOON + (grain - 1) * SECOND, minutes)
    assert not is_noted(NOON, NOON + grain * SECOND, minutes)
    assert not is_noted(NOON, NOON - SECOND, minutes)  # a clock that was set back


def test_each_further_guess_waits_twice_as_long() -> None:
    assert goes_on_at(4, NOON, 5) is None and goes_on_at(9, None, 5) is None
    waits = [goes_on_at(wrong, NOON, 5, 100 * FIRST_PAUSE) for wrong in range(5, 9)]
    assert waits == [NOON + FIRST_PAUSE * times for times in (1, 2, 4, 8)]
    assert goes_on_at(500, NOON, 5) == NOON + LONGEST_PAUSE
    assert goes_on_at(500, NOON, 5, 10_000 * FIRST_PAUSE) == NOON + 1024 * FIRST_PAUSE


def test_a_code_is_told_in_two_halves_and_read_back_however_it_is_typed() -> None:
    code = new_code()
    first, second = code.split("-")
    assert len(first) == len(second) == 4
    assert plain(code) == plain(f" {first.lower()} {second.lower()} ") == first + second
    assert plain(code + "A") == plain(code[:-1]) == plain("UUUU-UUUU") == ""


def test_a_code_is_good_for_so_many_tries_and_until_it_expires() -> None:
    assert is_good(TRIES - 1, None, NOON) and not is_good(TRIES, None, NOON)
    assert is_good(0, NOON + SECOND, NOON) and not is_good(0, NOON, NOON)

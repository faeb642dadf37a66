"""Accounts that are locked and what unlocks them, keys of programs, and who lets whom in."""

import datetime

import pytest

from cellbank.domain.accounts import (
    TOGETHER,
    first_refusals,
    gains_power,
    gains_site,
    has_power,
    installation_refusals,
    is_locked,
    lock_refusals,
    unlock_refusals,
)
from cellbank.domain.handed_codes import halves
from cellbank.domain.keys import ALWAYS, Scope, scope_refusals
from cellbank.domain.refusals import Code, Refused, refuse, told_here

NOON = datetime.datetime(2026, 3, 2, 12, 0, tzinfo=datetime.UTC)
SECOND = datetime.timedelta(seconds=1)


@pytest.mark.parametrize(
    ("until", "locked"), [(None, False), (NOON - SECOND, False), (NOON, False), (NOON + SECOND, True)]
)
def test_a_lock_lasts_until_its_moment_and_only_a_lock_is_opened(until: datetime.datetime, locked: bool) -> None:
    assert is_locked(until, NOON) is locked
    assert [one.code for one in lock_refusals(until, NOON, owner="olena")] == ([] if locked else [Code.WRONG_STATE])


@pytest.mark.parametrize(("after", "codes"), [(TOGETHER, []), (TOGETHER + SECOND, [Code.SECOND_PERSON_NEEDED])])
def test_two_people_unlock_together(after: datetime.timedelta, codes: list[Code]) -> None:
    assert [one.code for one in unlock_refusals(NOON, NOON + after, owner="olena")] == codes


def test_what_somebody_began_who_may_not_any_more_is_confirmed_by_nobody() -> None:
    assert first_refusals(may_still=True, first="olena") == ()
    assert [one.code for one in first_refusals(may_still=False, first="olena")] == [Code.SECOND_PERSON_NEEDED]


def test_the_installation_lets_people_in_for_the_owner_of_the_database_alone() -> None:
    assert installation_refusals(is_at_hand=True) == ()
    assert [one.code for one in installation_refusals(is_at_hand=False)] == [Code.ROLE_NOT_ALLOWED]


def test_power_is_gained_by_a_role_that_was_not_there() -> None:
    assert has_power({"technician"}) and has_power({"auditor"}) and not has_power(())
    assert gains_power({"technician"}, {"technician", "clinician"}) and gains_power((), {"auditor"})
    assert not gains_power({"technician", "clinician"}, {"technician"})
    assert gains_site({"A"}, {"A", "B"}) and not gains_site({"A", "B"}, {"B"})


WHOLE, READING, SOME = Scope(), Scope(read_only=True), Scope(acts=frozenset({"record_readings"}))
AT_ONE = Scope(site="CLINIC")
FREE = next(iter(sorted(ALWAYS)))


@pytest.mark.parametrize(
    ("scope", "act", "dry_run", "at_its_site", "may"),
    [
        (None, "release_lot", False, False, True),  # a person, without a key
        (WHOLE, "release_lot", False, True, True),
        (WHOLE, "release_lot", False, False, True),
        (READING, "release_lot", False, True, False),
        (READING, "release_lot", True, True, True),  # judged, and nothing changed
        (READING, FREE, False, True, True),
        (SOME, "record_readings", False, True, True),
        (SOME, "release_lot", False, True, False),
        (SOME, "release_lot", True, True, False),
        (AT_ONE, "release_lot", False, True, True),
        (AT_ONE, "release_lot", False, False, False),
    ],
)
def test_a_key_does_what_it_is_for(scope: Scope | None, act: str, dry_run: bool, at_its_site: bool, may: bool) -> None:
    found = scope_refusals(scope, act, "the act", dry_run=dry_run, at_its_site=at_its_site)
    assert [one.code for one in found] == ([] if may else [Code.KEY_LIMITED])


def test_a_key_for_some_acts_reads_nothing() -> None:
    assert [scope.may_read for scope in (WHOLE, READING, AT_ONE, SOME)] == [True, True, True, False]


def test_of_a_record_of_another_site_nothing_else_is_told() -> None:
    codes = [Code.OTHER_SITE, Code.EXPIRED, Code.ROLE_NOT_ALLOWED, Code.KEY_LIMITED]
    here = [refuse(code, "No.") for code in codes[1:]]
    assert told_here(here) == here
    assert [one.code for one in told_here([*here, refuse(codes[0], "Elsewhere.")])] == [
        Code.ROLE_NOT_ALLOWED,
        Code.KEY_LIMITED,
        Code.OTHER_SITE,
    ]
    refused = Refused(here, "LT1")
    assert (refused.about, len(refused.refusals)) == ("LT1", 3)


@pytest.mark.parametrize(
    ("typed", "password", "code"),
    [
        ("secret K7QM-3XTV", "secret", "K7QM3XTV"),
        ("secretk7qm3xtv", "secret", "K7QM3XTV"),
        ("two words - K7QM 3XTV", "two words -", "K7QM3XTV"),
        ("secret", "", ""),
        ("K7QM-3XTV", "", "K7QM3XTV"),
        ("", "", ""),
    ],
)
def test_a_password_and_a_code_typed_after_it_are_told_apart(typed: str, password: str, code: str) -> None:
    assert halves(typed) == (password, code)

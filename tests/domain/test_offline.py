"""What goes along with the screen of the bedside: how long it holds, and that it names nobody."""

import dataclasses
import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from cellbank.domain.lifecycle.meanings import STATES
from cellbank.domain.offline import NEXT_OF, ROUNDS, Judged, Next, person_digest, valid_until, wristband_digest

AT = datetime(2026, 3, 2, 10, 42, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("then", "expires", "minutes", "until"),
    [
        (Next.FIRST, AT + 4 * HOUR, 60, AT + HOUR),
        (Next.SECOND, AT + HOUR / 2, 60, AT + HOUR / 2),  # never beyond the expiry of the dose
        (Next.START, AT - HOUR, 60, AT - HOUR),
        (Next.START, AT + 4 * HOUR, 0, AT),  # the setting says: not at all
        (Next.STOP, AT - HOUR, 0, AT + 24 * HOUR),  # an infusion that runs can be ended
    ],
)
def test_a_judgement_holds_for_a_while_and_never_beyond_the_expiry(
    then: Next, expires: datetime, minutes: int, until: datetime
) -> None:
    assert valid_until(then, AT, expires, minutes) == until


def test_only_a_dose_at_the_bedside_goes_along() -> None:
    assert set(NEXT_OF) == {"PREPARED", "CHECKED_ONCE", "CHECKED", "INFUSING"} and set(NEXT_OF) <= set(STATES["dose"])


def test_the_wristband_is_told_by_its_digest_and_another_salt_is_another_digest() -> None:
    assert wristband_digest("a", "SJ0001V") != wristband_digest("a", "SJ0002X")
    assert wristband_digest("a", "SJ0001V") != wristband_digest("b", "SJ0001V")


def test_trying_out_all_short_codes_is_slow() -> None:
    """A code is short, and its salt stands beside it: each try costs what a password's does."""
    began = time.process_time()
    wristband_digest("a", "SJ0001V")
    assert ROUNDS >= 600_000 and time.process_time() - began > 0.02


def test_a_person_has_one_digest_for_the_name_and_one_for_the_badge() -> None:
    digests = {person_digest(salt, said) for salt in "ab" for said in ("clara", "PS0001V")}
    assert len(digests) == 4 and all(len(one) == 16 for one in digests)


def test_what_is_signed_is_all_that_is_known() -> None:
    judged = Judged(
        "CHA999926000001",
        Next.SECOND,
        "salt",
        ROUNDS,
        "digest",
        "label",
        "LT0001K",
        (("day", "1"),),
        (("name", "badge"),),
        ("name",),
        "MAIN",
        AT + HOUR,
        AT,
        AT + HOUR,
    )
    assert set(json.loads(judged.text)) == {field.name for field in dataclasses.fields(Judged)}
    assert json.loads(judged.text)["at"] == "2026-03-02T10:42:00+00:00"

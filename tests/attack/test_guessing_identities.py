"""Who a patient is, is not found out at the bedside by trying, nor by only looking; and no dose waits for long."""

import dataclasses
import datetime
import threading
from typing import Any

import pytest
from sqlalchemy import text

from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.pauses import ALERT_FROM, LONGEST_PAUSE, WINDOW
from cellbank.services.acts import Outcome, run_act
from cellbank.services.clinic.offline import Came, Sent, send_kept
from cellbank.services.incidents import Unavailable
from cellbank.services.installation import Installation
from cellbank.services.lookup.work import worklists
from cellbank.services.people.places import Place
from tests.factories.doses import OrderedDose, bedside, ordered_dose, prepared_dose
from tests.factories.people import newcomer
from tests.factories.sealing import kept, signed
from tests.factories.world import PASSWORD, World

pytestmark = pytest.mark.requirement("R4")


@pytest.fixture(scope="module")
def strict(world: World) -> Installation:
    config = dataclasses.replace(world.installation.config, wrong_identities=5)
    return dataclasses.replace(world.installation, config=config)


@pytest.fixture
def dose(world: World) -> OrderedDose:
    return prepared_dose(world, ordered_dose(world))


@pytest.fixture
def guesser(world: World) -> str:
    """A clinician of their own: what they do makes nobody else wait."""
    name = newcomer(world, "clinician")
    world.may_sign(name)
    world.meet(name)
    return name


def check(
    installation: Installation,
    world: World,
    who: str,
    dose: OrderedDose,
    *,
    read_back: str | None = None,
    dry_run: bool = True,
    after: float = 0,
    key: str | None = None,
) -> Outcome:
    scans: dict[str, Any] = bedside(world, dose)
    if read_back is not None:
        scans["read_back"] = read_back
    if not dry_run:
        scans["password"] = PASSWORD
    now = world.now + datetime.timedelta(seconds=after)
    return run_act(installation, "check_dose", scans, world.people[who], door="test", now=now, dry_run=dry_run, key=key)


def codes(outcome: Outcome) -> list[str]:
    return [refusal.code.value for refusal in outcome.refusals]


def wrong_ones(world: World, who: str) -> int:
    count = "SELECT count(*) FROM act WHERE person_id = :id AND name = 'check_dose' AND outcome = 'refused'"
    with world.installation.reads.connect() as connection:
        return connection.scalar(text(count), {"id": world.people[who].id})


def test_a_look_that_went_wrong_is_kept_and_the_next_ones_wait(
    world: World, strict: Installation, dose: OrderedDose, guesser: str
) -> None:
    for day in range(1, 6):
        assert "WRISTBAND_MISMATCH" in codes(check(strict, world, guesser, dose, read_back=f"1950-01-0{day}"))
    assert wrong_ones(world, guesser) == 5
    assert codes(check(strict, world, guesser, dose)) == ["WAIT_A_MOMENT"]  # also with the right one: nothing is told
    assert codes(check(strict, world, guesser, dose, dry_run=False)) == ["WAIT_A_MOMENT"]
    assert check(strict, world, "clara", dose).accepted  # another person goes on at once
    assert check(strict, world, guesser, dose, after=5).accepted
    assert "WRISTBAND_MISMATCH" in codes(check(strict, world, guesser, dose, read_back="1950-02-01", after=5))
    assert codes(check(strict, world, guesser, dose, after=10)) == ["WAIT_A_MOMENT"]  # twice as long
    assert check(strict, world, guesser, dose, after=14, dry_run=False).accepted


def test_nobody_waits_for_more_than_a_minute_nor_for_what_is_long_past(
    world: World, strict: Installation, dose: OrderedDose, guesser: str
) -> None:
    for number in range(30):
        check(world.installation, world, guesser, dose, read_back=f"no {number}")
    assert codes(check(strict, world, guesser, dose, after=LONGEST_PAUSE.seconds - 1)) == ["WAIT_A_MOMENT"]
    assert check(strict, world, guesser, dose, after=LONGEST_PAUSE.seconds).accepted
    assert check(strict, world, guesser, dose, after=WINDOW.seconds + 1).accepted


def test_many_at_once_are_counted_one_by_one(
    world: World, strict: Installation, dose: OrderedDose, guesser: str
) -> None:
    found: list[list[str]] = []

    def guess(number: int) -> None:
        found.append(codes(check(strict, world, guesser, dose, read_back=f"no {number}")))

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sum("WRISTBAND_MISMATCH" in one for one in found) == 5
    assert found.count(["WAIT_A_MOMENT"]) == 7


def test_the_same_form_sent_twice_is_one_wrong_identity(
    world: World, strict: Installation, dose: OrderedDose, guesser: str
) -> None:
    for _ in range(7):
        check(strict, world, guesser, dose, read_back="1950-01-01", key="a-form-of-the-bedside")
    assert wrong_ones(world, guesser) == 1


def test_quality_is_told(world: World, strict: Installation, dose: OrderedDose, guesser: str) -> None:
    for number in range(ALERT_FROM):
        check(strict, world, guesser, dose, read_back=f"no {number}")
    seen = worklists(world.installation.seen_by(world.people["quinn"]), frozenset({Role.QUALITY_OFFICER}), world.now)
    (alerts,) = [one for one in seen if one.name == "guessed_identities"]
    assert {item.state for item in alerts.items} == {"OPEN"}  # an account in use is no good news in an alert
    assert any(guesser in item.title and "5 wrong identities" in item.detail for item in alerts.items) or (
        alerts.total > len(alerts.items)
    )


def test_what_a_screen_kept_waits_at_the_screen_and_is_not_lost(
    world: World, strict: Installation, dose: OrderedDose, guesser: str
) -> None:
    """Anybody who may check can seal as many kept checks as they like: they are no way around the pause."""
    at = dose.at + datetime.timedelta(minutes=42)
    judged = signed(world, dose.code, dose.at + datetime.timedelta(minutes=41))

    def send(read_back: str | None = None, after: float = 0) -> Sent:
        scans = bedside(world, dose) if read_back is None else bedside(world, dose, read_back=read_back)
        envelope = kept(world, guesser, "check_dose", at, scans, judgement=judged, dose=dose.code)
        now = dose.at + datetime.timedelta(minutes=60, seconds=after)
        return send_kept(strict, envelope, now, place=Place("web", "a tablet"))

    for day in range(1, 6):
        assert send(f"1950-01-0{day}").came is Came.REFUSED
    acts = wrong_ones(world, guesser)
    with pytest.raises(Unavailable, match="sent again"):
        send("1950-01-06")
    with pytest.raises(Unavailable):
        send()
    assert wrong_ones(world, guesser) == acts
    assert "WRISTBAND_MISMATCH" not in [one.code.value for one in send(after=5).refusals]

"""What two people did without the network though a check of theirs is none: it happened, and is not lost."""

import datetime
from typing import Any

import pytest
from sqlalchemy import text

from cellbank.services.clinic.offline import Came, Sent
from tests.factories.doses import MINUTE, OrderedDose, bedside, row_of
from tests.factories.world import World
from tests.services.test_offline import checked_once, deviations, kept_of, send

REACTION = {"reaction": "Rash, adrenaline given", "serious": "true"}


def gone_wrong(world: World, dose: OrderedDose) -> dict[str, Sent]:
    """A second check with a wrong read-back, and what followed at the bed all the same."""
    wrong = bedside(world, dose, read_back="999999")
    acts: list[tuple[str, str, int, Any]] = [
        ("cyril", "check_dose", 42, wrong),
        ("cyril", "start_infusion", 43, {}),
        ("clara", "record_reaction", 45, REACTION),
        ("clara", "stop_infusion", 46, {"volume_given_ml": "70"}),
    ]
    return {
        act: send(world, kept_of(world, dose, who, act, minutes, more), dose.at + 60 * MINUTE)
        for who, act, minutes, more in acts
    }


@pytest.mark.requirement("R9")
def test_what_happened_is_kept_in_words_and_the_dose_goes_no_further(world: World) -> None:
    dose = checked_once(world)
    answers = gone_wrong(world, dose)
    assert {answer.came for answer in answers.values()} == {Came.REFUSED}
    assert answers["check_dose"].deviation is None  # a check that is none did nothing to a patient
    assert all(answers[act].deviation for act in ("start_infusion", "record_reaction", "stop_infusion"))
    said = deviations(world, dose)
    assert all(one.startswith("critical") for one in said)
    assert any("Rash, adrenaline given" in one for one in said) and any("70" in one for one in said)
    assert row_of(world, dose.code).state == "CHECKED_ONCE"
    again = world.try_act("cyril", "check_dose", now=dose.at + 61 * MINUTE, **bedside(world, dose))
    assert not again.accepted and "DECISION_NEEDED" in [one.code for one in again.refusals]


def test_it_is_kept_once_however_often_it_is_sent(world: World) -> None:
    dose = checked_once(world)
    envelope = kept_of(world, dose, "clara", "record_reaction", 45, REACTION)
    first, second = (send(world, envelope, dose.at + minutes * MINUTE) for minutes in (60, 61))
    assert first.deviation == second.deviation and first.deviation is not None
    assert len(deviations(world, dose)) == 1


def test_what_cannot_be_read_as_an_act_is_kept_as_it_was_typed(world: World) -> None:
    dose = checked_once(world)
    odd = kept_of(world, dose, "clara", "record_reaction", 45, {**REACTION, "serious": "perhaps"})
    answer = send(world, odd, dose.at + 60 * MINUTE)
    assert answer.came is Came.UNREADABLE and answer.deviation is not None
    assert "perhaps" in deviations(world, dose)[0]


def test_what_was_told_of_a_time_to_come_is_kept_as_of_now(world: World) -> None:
    dose = checked_once(world)
    answer = send(world, kept_of(world, dose, "clara", "record_reaction", 90, REACTION), dose.at + 60 * MINUTE)
    assert answer.deviation is not None
    assert occurred(world, answer.deviation) <= dose.at + 60 * MINUTE


def occurred(world: World, deviation: str) -> Any:
    with world.installation.reads.connect() as connection:
        found = connection.scalar(text("SELECT occurred_at FROM deviation WHERE code = :code"), {"code": deviation})
    assert isinstance(found, datetime.datetime)
    return found

"""Two people enrol one patient, or give away the last place of a trial, in the same instant. Each race is run again
without what keeps the two apart, where the database has the last word, and without that too, where it goes wrong."""

from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cellbank.records.clinic import Subject
from cellbank.services.acts import Outcome
from tests.conftest import Furnished
from tests.factories.clinic import answered_subject
from tests.factories.world import World
from tests.races.meeting import MUST_MEET_S, judge_together, without_locks
from tests.races.test_dosing_races import at_once, came_of

pytestmark = pytest.mark.races

ONE_PATIENT = "DROP INDEX one_patient_in_a_trial"
PLACES = ("DROP INDEX one_subject_for_each_place", "ALTER TABLE subject DISABLE TRIGGER subject_enters_a_trial")
ONE_PLACE = ("planned_subjects = 100_000", "planned_subjects = 1")


def enrol_twice(world: World, second_identifier: str) -> list[Outcome]:
    """One patient enrolled by two clinicians, who type the record number in their own ways."""
    person = {"sex": "male", "born_on": "1970-04-01", "consented_on": world.now.date(), "arm": "EXP"}
    spellings = {"clara": second_identifier, "cyril": second_identifier.lower().replace("-", " ")}
    numbers = {who: world.unique("T") for who in spellings}
    return at_once(
        *(
            lambda who=who, said=said: world.try_act(
                who, "enrol_subject", trial_number=numbers[who], second_identifier=said, **person
            )
            for who, said in spellings.items()
        )
    )


def test_one_patient_enrolled_twice_at_once_is_one_subject(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing locks somebody who is not there yet: the database has the last word."""
    both = judge_together(monkeypatch, MUST_MEET_S)
    assert came_of(enrol_twice(world, world.unique("MRN"))) == ["PATIENT_KNOWN", "accepted"]
    assert not both.broken


def test_without_the_constraint_one_patient_is_two_subjects(
    furnished: Furnished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with furnished.world("enrolment_race", tmp_path, [ONE_PATIENT]) as world:
        judge_together(monkeypatch, MUST_MEET_S)
        assert came_of(enrol_twice(world, "MRN-1")) == ["accepted", "accepted"]


def sign_both(world: World, subjects: list[str]) -> list[Outcome]:
    return at_once(
        *(
            lambda who=who, subject=subject: world.try_act(who, "sign_eligibility", subject=subject)
            for who, subject in zip(("clara", "cyril"), subjects, strict=True)
        )
    )


def one_place_left(world: World) -> list[str]:
    """Two subjects who may be enrolled, in a trial that is planned for one."""
    from tests.services.test_one_patient import amended

    amended(world, "2", ONE_PLACE)
    return [answered_subject(world) for _ in range(2)]


def enrolled(world: World) -> int:
    with Session(world.installation.reads) as session:
        return session.scalars(select(func.count()).where(Subject.state == "ENROLLED")).one()


@pytest.mark.parametrize(
    ("locked", "statements", "expected"),
    [
        (True, (), ["TRIAL_FULL", "accepted"]),
        (False, (), ["CHANGED_MEANWHILE", "accepted"]),
        (False, PLACES, ["accepted", "accepted"]),
    ],
)
def test_the_last_place_given_twice_at_once(
    furnished: Furnished,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    locked: bool,
    statements: tuple[str, ...],
    expected: list[str],
) -> None:
    with furnished.world("place_race", tmp_path, statements) as world:
        subjects = one_place_left(world)
        if not locked:
            without_locks(monkeypatch)
        judge_together(monkeypatch, 0.5 if locked else MUST_MEET_S)
        assert came_of(sign_both(world, subjects)) == expected
        assert enrolled(world) == expected.count("accepted")

"""One patient is one subject of a trial, whatever the version of the protocol and however a number is typed; in another
trial of the bank they are found; and no more enter than are planned."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellbank.records.clinic import Subject
from cellbank.records.people import Definition
from cellbank.records.quality import Signature
from cellbank.services.acts import Malformed
from cellbank.services.clinic import enrolment
from cellbank.services.constraints import refusal_for
from tests.conftest import Furnished
from tests.factories.clinic import FIT, answered_subject, enrolled_subject, screened_subject
from tests.factories.doses import DAY, infused_dose, ordered_dose, prepared_dose, product_lot, weighed
from tests.factories.world import World

FIXED = Path(__file__).parents[1] / "domain" / "fixed-dose.toml"
START = datetime.datetime(2026, 3, 2, 8, 0, tzinfo=datetime.UTC)
BORN = datetime.date(1970, 4, 1)


@pytest.fixture
def own(furnished: Furnished, tmp_path: Path) -> Iterator[World]:
    """A bank of its own: protocols in force are for everybody in it."""
    with furnished.world("one_patient", tmp_path) as world:
        yield world


def amended(world: World, version: str, *changes: tuple[str, str]) -> None:
    """A version of the trial's protocol, changed and in force."""
    with Session(world.installation.reads) as session:
        first = select(Definition.content).where(Definition.code == "NCT04461925@1")
        content = session.scalars(first).one().replace('version = "1"', f'version = "{version}"')
    for old, new in changes:
        assert old in content
        content = content.replace(old, new)
    code = world.do("quinn", "import_definition", type="protocol", content=content)["code"]
    world.do("oksana", "make_effective", definition=code)


def second_trial(world: World) -> None:
    """The other design of trial in force beside the first; it has the arms PL and CTL."""
    content = FIXED.read_text().replace('"UC-MSC"', '"P-MMSC"')
    code = world.do("quinn", "import_definition", type="protocol", content=content)["code"]
    world.do("oksana", "make_effective", definition=code)


def enrolling(world: World, **given: Any) -> list[str]:
    numbers = {"trial_number": world.unique("T"), "second_identifier": world.unique("MRN")}
    person = {"sex": "male", "born_on": BORN, "consented_on": world.now.date(), "arm": "EXP", "protocol": "NCT04461925"}
    return world.codes("clara", "enrol_subject", **{**numbers, **person, **given})


def subject(world: World, code: str) -> Subject:
    with Session(world.installation.reads) as session:
        return session.scalars(select(Subject).where(Subject.code == code)).one()


# --- one number in a trial ----------------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["KH4-70001", "kh4 70001", "КН4–70001", "KH470001"])
def test_a_patient_is_known_by_the_record_number_in_any_spelling(world: World, spelling: str) -> None:
    taken = world.unique("KH4")
    screened_subject(world, second_identifier=taken)
    typed = spelling.replace("KH4-70001", taken).replace("kh4 70001", taken.lower().replace("-", " "))
    typed = typed.replace("КН4–70001", taken.replace("-", "–")).replace("KH470001", taken.replace("-", ""))
    assert enrolling(world, second_identifier=typed) == ["PATIENT_KNOWN"]


def test_version_2_of_the_protocol_does_not_let_the_same_patient_in_again(own: World) -> None:
    screened_subject(own, trial_number="T-01", second_identifier="MRN-1")
    amended(own, "2")
    assert enrolling(own, trial_number="T-01") == ["ALREADY_EXISTS"]
    assert enrolling(own, trial_number="t01") == ["ALREADY_EXISTS"]
    assert enrolling(own, second_identifier="MRN 1") == ["PATIENT_KNOWN"]
    assert enrolling(own, trial_number="T-02", second_identifier="MRN-2") == []


# --- another trial ------------------------------------------------------------------------------


def test_who_takes_part_in_another_trial_of_the_bank_is_refused_where_a_criterion_forbids_it(own: World) -> None:
    second_trial(own)
    known = {"second_identifier": "MRN-7", "arm": "PL", "protocol": "FIXED-100", "trial_number": "F-1"}
    screened_subject(own, **known)
    person = {"second_identifier": "mrn 7", "born_on": BORN, "protocol": "NCT04461925"}
    outcome = own.try_act(
        "clara", "enrol_subject", trial_number="T-1", sex="male", arm="EXP", consented_on=own.now.date(), **person
    )
    [refusal] = outcome.refusals
    assert refusal.code.value == "PATIENT_KNOWN"
    assert "FIXED-100 as subject F-1" in refusal.detail and "E4" in refusal.detail
    assert "mrn" not in refusal.detail.lower() and "1970" not in refusal.detail
    # the record number of another hospital is somebody else's
    assert enrolling(own, **{**person, "born_on": "1971-04-01"}) == []


def test_where_no_criterion_forbids_it_the_other_trial_is_shown(own: World) -> None:
    code = screened_subject(own, second_identifier="MRN-7", trial_number="T-7")
    second_trial(own)
    shown = own.do(
        "clara",
        "enrol_subject",
        trial_number="F-1",
        second_identifier="MRN-7",
        sex="male",
        born_on=BORN,
        consented_on=own.now.date(),
        arm="PL",
        protocol="FIXED-100",
    )
    assert shown["other_trials"] == [f"NCT04461925: subject T-7 ({code})"]


def test_who_has_left_the_other_trial_may_enter(own: World) -> None:
    second_trial(own)
    other = screened_subject(own, second_identifier="MRN-7", arm="PL", protocol="FIXED-100")
    own.do("clara", "withdraw_subject", subject=other, reason="Went to another hospital")
    assert enrolling(own, second_identifier="MRN-7") == []


def test_a_trial_that_the_patient_enters_meanwhile_is_found_when_criteria_are_answered_and_signed(own: World) -> None:
    code = answered_subject(own, second_identifier="MRN-7")
    second_trial(own)
    screened_subject(own, second_identifier="MRN-7", arm="PL", protocol="FIXED-100")
    with pytest.raises(Malformed) as caught:
        own.try_act("clara", "answer_criteria", subject=code, answers={"other_trial": "no"})
    assert caught.value.problems[0].field == "answers.other_trial"
    own.do("clara", "sign_eligibility", subject=code)
    row = subject(own, code)
    assert (row.state, row.answers["other_trial"], row.place) == ("SCREEN_FAILED", True, None)


# --- an amendment -------------------------------------------------------------------------------


def moving(world: World, code: str, **given: Any) -> list[str]:
    return world.codes("clara", "move_to_amendment", subject=code, reason="Consent of 2026-03-02", **given)


def test_a_subject_stays_under_its_version_until_somebody_signs_the_move(own: World) -> None:
    code = enrolled_subject(own)
    assert moving(own, code) == ["ALREADY_EXISTS"]
    amended(own, "2", ("high = 75", "high = 50"))
    before = subject(own, code)
    outcome = own.try_act("clara", "move_to_amendment", subject=code, reason="Consent of 2026-03-02")
    shown = own.accepted(outcome)
    assert (shown["from_version"], shown["to_version"]) == ("1", "2")
    assert shown["checked_again"]["outcome"] == "NOT_ELIGIBLE"  # 55 years: shown to whoever signs
    after = subject(own, code)
    assert after.protocol_id != before.protocol_id and after.state == "ENROLLED"
    with Session(own.installation.reads) as session:
        signed = session.scalars(select(Signature).where(Signature.act_id == outcome.act)).one()
    assert (signed.record_kind, signed.meaning) == ("subject", "approved")


def test_who_is_in_screening_is_assessed_by_the_new_criteria(own: World) -> None:
    code = answered_subject(own)
    asked = '[[questions]]\ncode = "liver"\nasks = "Liver failure"\nkind = "yes_no"\n\n[[inclusion]]\ncode = "I1"'
    amended(
        own,
        "2",
        ('[[inclusion]]\ncode = "I1"', asked),
        (
            '[[exclusion]]\ncode = "E1"',
            '[[exclusion]]\ncode = "E9"\ntext = "Liver"\nquestion = "liver"\n'
            'operator = "yes"\n\n[[exclusion]]\ncode = "E1"',
        ),
    )
    assert moving(own, code) == []
    assert subject(own, code).assessment["outcome"] == "UNDECIDED"
    own.do("clara", "answer_criteria", subject=code, answers={"liver": "no"})
    own.do("cyril", "sign_eligibility", subject=code)


def test_nobody_is_moved_with_a_dose_on_its_way_or_to_another_arm(own: World) -> None:
    lot = product_lot(own, vials=16)
    dose = ordered_dose(own, lot=lot)
    amended(own, "2")
    assert moving(own, dose.subject) == ["CRITERION_OPEN"]
    infused_dose(own, prepared_dose(own, dose))
    assert moving(own, dose.subject) == []
    amended(own, "3", ('code = "EXP"', 'code = "CELLS"'))
    assert moving(own, dose.subject) == ["NOT_FOUND"]
    assert enrolling(own, arm="CELLS") == []


def test_after_the_move_the_windows_of_the_new_version_decide(own: World) -> None:
    first = infused_dose(own, prepared_dose(own))
    day9 = first.at + 8 * DAY
    amended(
        own,
        "2",
        ("window_last_day = 5", "window_last_day = 9"),
        ("day = 7\nwindow_first_day = 6", "day = 12\nwindow_first_day = 11"),
        ("window_last_day = 8", "window_last_day = 13"),
    )
    weighed(own, first.subject, "50.0", day9)
    order = {"now": day9, "subject": first.subject, "lot": first.lot.code, "infusion_number": 2}
    assert own.codes("clara", "order_dose", **order) == ["OUTSIDE_WINDOW"]
    assert moving(own, first.subject) == []
    assert own.codes("clara", "order_dose", **order) == []


# --- as many as planned -------------------------------------------------------------------------


def test_no_more_are_enrolled_than_planned_until_the_protocol_is_amended(own: World) -> None:
    amended(own, "2", ("planned_subjects = 100_000", "planned_subjects = 2"))
    waiting = answered_subject(own)
    places = [subject(own, enrolled_subject(own)).place for _ in range(2)]
    assert places == [1, 2]
    assert enrolling(own) == ["TRIAL_FULL"]
    assert own.codes("cyril", "sign_eligibility", subject=waiting) == ["TRIAL_FULL"]
    not_fit = {"answers": {**FIT, "organ_failure": "yes"}}
    own.do("clara", "answer_criteria", subject=waiting, **not_fit)
    amended(own, "3", ("planned_subjects = 100_000", "planned_subjects = 3"))
    own.do("clara", "answer_criteria", subject=waiting, answers=FIT)
    assert own.codes("cyril", "sign_eligibility", subject=waiting) == []  # the trial has grown, whatever the version
    assert enrolling(own) == ["TRIAL_FULL"]


def test_who_withdraws_leaves_no_place_behind_and_who_fails_screening_takes_none(own: World) -> None:
    amended(own, "2", ("planned_subjects = 100_000", "planned_subjects = 1"))
    failed = answered_subject(own, answers={"organ_failure": "yes"})
    own.do("cyril", "sign_eligibility", subject=failed)
    only = enrolled_subject(own)
    own.do("clara", "withdraw_subject", subject=only, reason="Wishes to stop")
    assert enrolling(own) == ["TRIAL_FULL"]


# --- the database alone -------------------------------------------------------------------------


def refused(world: World, statement: str, **given: Any) -> str:
    """The code of the refusal that a statement past the acts ends with."""
    with pytest.raises(IntegrityError) as caught, world.installation.engine.begin() as connection:
        connection.execute(text(statement), given)
    refusal = refusal_for(caught.value)
    assert refusal is not None
    return refusal.code.value


@pytest.mark.the_database_refuses("one_patient_in_a_trial", "one_trial_number_in_a_trial")
def test_the_rules_off_the_database_knows_the_patient(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    number, second = world.unique("T"), world.unique("MRN")
    screened_subject(world, trial_number=number, second_identifier=second)
    monkeypatch.setattr(enrolment, "enrolment_refusals", lambda facts: ())
    assert enrolling(world, trial_number=number.lower()) == ["ALREADY_EXISTS"]
    assert enrolling(world, second_identifier=second.replace("-", " ")) == ["PATIENT_KNOWN"]


@pytest.mark.the_database_refuses("no_more_subjects_than_planned")
def test_the_rules_off_the_database_counts_the_places(own: World, monkeypatch: pytest.MonkeyPatch) -> None:
    amended(own, "2", ("planned_subjects = 100_000", "planned_subjects = 1"))
    waiting = answered_subject(own)
    enrolled_subject(own)
    monkeypatch.setattr(enrolment, "place_refusals", lambda facts: ())
    assert own.codes("cyril", "sign_eligibility", subject=waiting) == ["TRIAL_FULL"]


@pytest.mark.the_database_refuses("no_second_trial_where_one_is_forbidden")
def test_the_rules_off_the_database_knows_of_the_other_trial(own: World, monkeypatch: pytest.MonkeyPatch) -> None:
    code = answered_subject(own, second_identifier="MRN-7")
    second_trial(own)
    screened_subject(own, second_identifier="MRN-7", arm="PL", protocol="FIXED-100")
    monkeypatch.setattr(enrolment, "other_trials", lambda *given: ())
    assert own.codes("cyril", "sign_eligibility", subject=code) == ["SUBJECT_NOT_ELIGIBLE"]


def test_the_database_lets_nobody_move_but_to_the_version_in_force(own: World) -> None:
    code = screened_subject(own)
    amended(own, "2")
    amended(own, "3")
    move = "UPDATE subject SET protocol_id = (SELECT id FROM definition WHERE code = :to) WHERE code = :code"
    assert refused(own, move, to="NCT04461925@2", code=code) == "DEFINITION_NOT_EFFECTIVE"
    assert refused(own, move, to="P-MMSC@2", code=code) == "DEFINITION_NOT_EFFECTIVE"
    other = "UPDATE subject SET trial = 'FIXED-100' WHERE code = :code"
    assert refused(own, other, code=code) == "CONTROL_ARM"


def test_somebody_enrolled_has_a_place(own: World) -> None:
    code = answered_subject(own)
    assert refused(own, "UPDATE subject SET state = 'ENROLLED' WHERE code = :code", code=code) == "TRIAL_FULL"

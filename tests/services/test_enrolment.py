"""Subjects: enrolled, asked, found eligible or not; what is unknown is not a no."""

import dataclasses
import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.clinic import Subject
from cellbank.records.quality import Signature
from cellbank.records.signed_content import content_digest
from cellbank.records.trail import Act
from cellbank.records.work import Work
from cellbank.services.acts import REGISTRY, Malformed
from cellbank.services.clinic import enrolment
from tests.factories.clinic import FIT, answered_subject, enrolled_subject, screened_subject
from tests.factories.world import World

DAY = datetime.timedelta(days=1)


def subject(world: World, code: str) -> Subject:
    with Session(world.installation.reads) as session:
        return session.scalars(select(Subject).where(Subject.code == code)).one()


def acts_about(world: World, code: str) -> list[tuple[str, str]]:
    with Session(world.installation.reads) as session:
        rows = select(Act.name, Act.outcome).where(Act.record_code == code).order_by(Act.id)
        return [tuple(row) for row in session.execute(rows)]


def person(world: World, **given: Any) -> dict[str, Any]:
    return {
        "trial_number": world.unique("T"),
        "second_identifier": world.unique("MRN"),
        "sex": "male",
        "born_on": "1970-04-01",
        "consented_on": world.now.date(),
        "arm": "EXP",
        **given,
    }


def test_the_whole_way_to_a_signed_enrolment(world: World) -> None:
    code = enrolled_subject(world)
    row = subject(world, code)
    assert (row.state, row.arm, row.receives_product) == ("ENROLLED", "EXP", True)
    assert row.answers["age"] == "55" and row.answers["pf_ratio"] == "187.50"
    assert row.assessment["outcome"] == "ELIGIBLE"
    assert acts_about(world, code) == [
        ("enrol_subject", "accepted"),
        ("answer_criteria", "accepted"),
        ("sign_eligibility", "accepted"),
    ]
    with Session(world.installation.reads) as session:
        statement = select(Signature).where(Signature.record_kind == "subject", Signature.record_id == row.id)
        signature = session.scalars(statement).one()
    assert (signature.full_name, signature.meaning) == ("Cyril Clinician", "approved")
    assert signature.digest == content_digest(row)


def test_the_control_arm_receives_no_product(world: World) -> None:
    row = subject(world, enrolled_subject(world, arm="CTL"))
    assert (row.state, row.receives_product) == ("ENROLLED", False)


def test_a_number_belongs_to_one_subject(world: World) -> None:
    first = person(world)
    world.do("clara", "enrol_subject", **first)
    again = person(world, trial_number=first["trial_number"])
    assert world.codes("clara", "enrol_subject", **again) == ["ALREADY_EXISTS"]
    again = person(world, second_identifier=first["second_identifier"])
    assert world.codes("clara", "enrol_subject", **again) == ["PATIENT_KNOWN"]


def test_who_is_a_subject_is_not_found_out_by_trying(world: World) -> None:
    """A check says nothing of it, nor does what is refused for something else; what was recorded is in the trail."""
    first = person(world)
    world.do("clara", "enrol_subject", **first)
    asked = person(world, second_identifier=first["second_identifier"], born_on=first["born_on"])
    checked = world.try_act("clara", "enrol_subject", dry_run=True, **asked)
    stranger = world.try_act("clara", "enrol_subject", dry_run=True, **person(world))
    assert checked.accepted and checked.result == stranger.result
    assert world.codes("clara", "enrol_subject", **{**asked, "arm": "NONE"}) == ["NOT_FOUND"]
    refused = world.try_act("clara", "enrol_subject", **asked)
    assert [one.code for one in refused.refusals] == ["PATIENT_KNOWN"] and refused.act is not None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"arm": "PLACEBO"}, "NOT_FOUND"),
        ({"consented_on": "2031-01-01"}, "IN_THE_FUTURE"),
        ({"born_on": "2026-02-01", "consented_on": "2026-01-31"}, "OUT_OF_ORDER"),
        ({"protocol": "NCT00000000"}, "DEFINITION_NOT_EFFECTIVE"),
    ],
)
def test_what_cannot_be_is_not_enrolled(world: World, change: dict, code: str) -> None:
    assert world.codes("clara", "enrol_subject", **person(world, **change)) == [code]


def test_only_clinicians_enrol(world: World) -> None:
    for who in ("tina", "quinn", "ada", "otto"):
        assert world.codes(who, "enrol_subject", **person(world)) == ["ROLE_NOT_ALLOWED"]


def test_a_look_alike_letter_in_a_trial_number_is_malformed(world: World) -> None:
    with pytest.raises(Malformed) as caught:
        world.try_act("clara", "enrol_subject", **person(world, trial_number="ТR-01"))
    assert [problem.field for problem in caught.value.problems] == ["trial_number"]


def test_answers_come_in_parts_and_the_dry_run_shows_what_follows(world: World) -> None:
    code = screened_subject(world)
    shown = world.try_act("clara", "answer_criteria", subject=code, answers={"pneumonia": "no"}, dry_run=True)
    assert shown.result["assessment"]["outcome"] == "NOT_ELIGIBLE"
    assert subject(world, code).answers is None
    rest = {question: answer for question, answer in FIT.items() if question != "pregnancy"}
    first = world.do("clara", "answer_criteria", subject=code, answers=rest)
    assert first["assessment"]["outcome"] == "UNDECIDED"
    assert [reason.split(":")[0] for reason in first["assessment"]["reasons"]] == ["E2"]
    second = world.do("clara", "answer_criteria", subject=code, answers={"pregnancy": "no"})
    assert second["assessment"]["outcome"] == "ELIGIBLE"
    assert subject(world, code).answers["spo2"] == "91"


def test_unknown_takes_an_answer_back(world: World) -> None:
    code = answered_subject(world)
    shown = world.do("clara", "answer_criteria", subject=code, answers={"pcr_positive": "unknown"})
    assert shown["assessment"]["outcome"] == "UNDECIDED"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"pao2_mmhg": 75, "fio2": 40}, "fio2"),
        ({"pao2_mmhg": 75, "fio2": "0.2"}, "fio2"),
        ({"pao2_mmhg": 75}, "(whole)"),
        ({"pao2_mmhg": 75, "fio2": "0.4", "answers": {"pf_ratio": 180}}, "(whole)"),
        ({"answers": {"spo2": "NaN"}}, "answers.spo2"),
        ({"answers": {"spo2": "1e30"}}, "answers.spo2"),
        ({"answers": {"spo2": "high"}}, "answers.spo2"),
        ({"answers": {"spo2": "yes"}}, "answers"),
        ({"answers": {"pneumonia": 1}}, "answers"),
        ({"answers": {"pneumonia": "not_applicable"}}, "answers"),
        ({"answers": {"shoe_size": 42}}, "answers"),
        ({"answers": {"age": 54}}, "answers.age"),
        ({"answers": {"pi_accepts_48_h_ventilation": "yes"}}, "answers.pi_accepts_48_h_ventilation"),
    ],
)
def test_what_is_no_answer_is_malformed(world: World, given: dict, field: str) -> None:
    code = screened_subject(world)
    with pytest.raises(Malformed) as caught:
        world.try_act("clara", "answer_criteria", subject=code, **given)
    assert [problem.field for problem in caught.value.problems] == [field]
    assert subject(world, code).answers is None


def test_the_refusal_of_fio2_as_40_says_how(world: World) -> None:
    with pytest.raises(Malformed, match=r"0\.40 and not 40 %"):
        world.try_act("clara", "answer_criteria", subject=screened_subject(world), pao2_mmhg=75, fio2=40)


def test_somebody_who_does_not_fit_fails_screening(world: World) -> None:
    code = answered_subject(world, answers={"organ_failure": "yes"})
    world.do("cyril", "sign_eligibility", subject=code)
    assert subject(world, code).state == "SCREEN_FAILED"
    assert world.codes("clara", "answer_criteria", subject=code, answers={"organ_failure": "no"}) == ["WRONG_STATE"]


def test_too_young_by_the_dates(world: World) -> None:
    code = answered_subject(world, born_on=world.now.date() - 17 * 365 * DAY)
    world.do("cyril", "sign_eligibility", subject=code)
    assert subject(world, code).state == "SCREEN_FAILED"


def test_what_is_open_stops_the_signature_and_is_listed(world: World) -> None:
    code = answered_subject(world, answers={"pregnancy": "unknown", "pcr_positive": None})
    refused = world.try_act("cyril", "sign_eligibility", subject=code)
    assert [refusal.code.value for refusal in refused.refusals] == ["CRITERION_OPEN", "CRITERION_OPEN"]
    said = " ".join(refusal.detail for refusal in refused.refusals)
    assert "I2" in said and "E2" in said
    assert subject(world, code).state == "SCREENING"


def test_nothing_answered_is_undecided(world: World) -> None:
    assert set(world.codes("cyril", "sign_eligibility", subject=screened_subject(world))) == {"CRITERION_OPEN"}


def test_at_48_hours_the_investigator_decides(world: World) -> None:
    code = answered_subject(world, answers={"ventilation_hours": 48})
    assert world.codes("cyril", "sign_eligibility", subject=code) == ["CRITERION_OPEN"]
    decision = {"pi_accepts_48_h_ventilation": True}
    with pytest.raises(Malformed, match="name of the investigator"):
        world.try_act("cyril", "sign_eligibility", subject=code, decisions=decision)
    world.do("cyril", "sign_eligibility", subject=code, decisions=decision, decided_by="A. Chibisov")
    row = subject(world, code)
    assert (row.state, row.assessment["decided_by"]) == ("ENROLLED", "A. Chibisov")
    assert row.answers["pi_accepts_48_h_ventilation"] is True


def test_a_decision_against_fails_screening(world: World) -> None:
    code = answered_subject(world, answers={"ventilation_hours": "48.0"})
    decision = {"pi_accepts_48_h_ventilation": False}
    world.do("cyril", "sign_eligibility", subject=code, decisions=decision, decided_by="A. Chibisov")
    assert subject(world, code).state == "SCREEN_FAILED"


def test_eligibility_is_signed(world: World) -> None:
    code = answered_subject(world)
    assert world.codes("cyril", "sign_eligibility", subject=code, password=None) == ["SIGNATURE_NEEDED"]
    assert world.codes("cyril", "sign_eligibility", subject=code, password="wrong one") == ["SIGNATURE_WRONG"]
    assert subject(world, code).state == "SCREENING"


def test_a_subject_is_withdrawn_with_a_reason(world: World) -> None:
    code = enrolled_subject(world)
    answer = world.do("clara", "withdraw_subject", subject=code, reason="Withdrew consent")
    assert answer["open_doses"] == {}
    row = subject(world, code)
    assert (row.state, row.withdrawal_reason) == ("WITHDRAWN", "Withdrew consent")
    assert world.codes("clara", "complete_subject", subject=code) == ["WRONG_STATE"]


def test_a_control_subject_is_completed(world: World) -> None:
    code = enrolled_subject(world, arm="CTL")
    assert world.do("clara", "complete_subject", subject=code)["state"] == "COMPLETED"
    assert acts_about(world, code)[-1] == ("complete_subject", "accepted")


@pytest.mark.the_database_refuses("the_answers_say_who_is_eligible")
def test_the_database_enrols_nobody_undecided(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    code = screened_subject(world)
    monkeypatch.setattr(enrolment, "eligibility_refusals", lambda *_: ())
    assert world.codes("cyril", "sign_eligibility", subject=code) == ["SUBJECT_NOT_ELIGIBLE"]
    assert subject(world, code).state == "SCREENING"


@pytest.mark.the_database_refuses("a_subject_keeps_its_arm")
def test_the_database_moves_nobody_to_another_arm(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    code = enrolled_subject(world, arm="CTL")

    def cheat(work: Work, given: Any) -> Subject:
        row = work.lock(Subject, given.subject)
        work.judge(row)
        row.receives_product = True
        return row

    honest = REGISTRY["withdraw_subject"]
    monkeypatch.setitem(REGISTRY, "withdraw_subject", dataclasses.replace(honest, function=cheat))
    assert world.codes("clara", "withdraw_subject", subject=code, reason="Now gets cells") == ["CONTROL_ARM"]
    assert subject(world, code).receives_product is False


def test_pregnancy_is_not_asked_of_men_and_does_not_stand_in_their_way(world: World) -> None:
    code = answered_subject(world, sex="male")
    row = subject(world, code)
    assert row.assessment["outcome"] == "ELIGIBLE" and "pregnancy" not in row.answers
    line = next(one for one in row.assessment["verdicts"] if one["code"] == "E2")
    assert line["means"] == "does not concern this patient" and "satisfied" not in line
    with pytest.raises(Malformed) as caught:
        world.try_act("clara", "answer_criteria", subject=code, answers={"pregnancy": "no"})
    assert caught.value.problems[0].field == "answers.pregnancy"
    kept = {"code": "E2", "part": "exclusion"}
    before = {"verdicts": [{**kept, "satisfied": "YES", "reason": "Pregnant: no."}]}
    now = {"verdicts": [{**kept, "answer": "Pregnant: no.", "means": "does not exclude"}]}
    assert enrolment.assessment_to_show(before) == now

"""Results: entered by one person, reviewed by another, never overwritten."""

import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.quality import Signature, TestResult
from cellbank.records.trail import Act, Change
from cellbank.services.acts import Malformed
from tests.factories.world import World

DAY = datetime.timedelta(days=1)


@pytest.fixture
def donor(world: World) -> str:
    return world.do("tina", "register_donor", pseudonym=world.unique("D"), birth_year=1993)["code"]


def result(world: World, code: str) -> TestResult:
    with Session(world.installation.reads) as session:
        return session.scalars(select(TestResult).where(TestResult.code == code)).one()


def of_donor(world: World, donor: str, **given: Any) -> dict[str, Any]:
    return {"donor": donor, "test": "HIV-NAT", "choice": "negative", "started_at": world.now - 5 * DAY, **given}


def test_a_donor_result_is_entered_and_confirmed_by_another_person(world: World, donor: str) -> None:
    code = world.do("tina", "enter_result", **of_donor(world, donor))["code"]
    assert (result(world, code).state, result(world, code).verdict) == ("ENTERED", "IN_SPECIFICATION")
    reviewed = world.do("taras", "review_results", results=[code], confirmed=True)
    assert reviewed == {"results": [code], "state": "REVIEWED"}
    row = result(world, code)
    assert (row.state, row.entered_by_id, row.reviewed_by_id) == (
        "REVIEWED",
        world.people["tina"].id,
        world.people["taras"].id,
    )
    with Session(world.installation.reads) as session:
        acts = select(Act.name).join(Change).where(Change.record_kind == "test_result", Change.record_id == row.id)
        assert list(session.scalars(acts.order_by(Change.id))) == ["enter_result", "review_results"]
        signed = select(Signature.meaning, Signature.full_name).where(Signature.record_kind == "test_result")
        assert session.execute(signed.where(Signature.record_id == row.id)).all() == [("reviewed", "Taras Technician")]


@pytest.mark.requirement("R16")
def test_nobody_reviews_their_own_result(world: World, donor: str) -> None:
    code = world.do("tina", "enter_result", **of_donor(world, donor))["code"]
    assert world.codes("tina", "review_results", results=[code], confirmed=True) == ["SAME_PERSON"]
    assert result(world, code).state == "ENTERED"


def test_one_own_result_among_others_stops_the_whole_review(world: World, donor: str) -> None:
    other = world.do("taras", "enter_result", **of_donor(world, donor))["code"]
    own = world.do("tina", "enter_result", **of_donor(world, donor, test="HBV-NAT"))["code"]
    assert world.codes("tina", "review_results", results=[other, own], confirmed=True) == ["SAME_PERSON"]
    assert result(world, other).state == "ENTERED"


def test_a_dispute_needs_a_note_and_a_repeat_is_another_row(world: World, donor: str) -> None:
    first = world.do("tina", "enter_result", **of_donor(world, donor, choice="indeterminate"))["code"]
    assert result(world, first).verdict == "OUT_OF_SPECIFICATION"
    assert world.codes("taras", "review_results", results=[first], confirmed=False) == ["REASON_NEEDED"]
    world.do("taras", "review_results", results=[first], confirmed=False, note="The control failed.")
    second = world.do("tina", "enter_result", **of_donor(world, donor))["code"]
    assert second != first
    assert (result(world, first).state, result(world, first).choice) == ("DISPUTED", "indeterminate")
    assert world.codes("taras", "review_results", results=[first], confirmed=True) == ["WRONG_STATE"]


def test_a_review_is_signed(world: World, donor: str) -> None:
    code = world.do("tina", "enter_result", **of_donor(world, donor))["code"]
    assert world.codes("taras", "review_results", results=[code], confirmed=True, password="x") == ["SIGNATURE_WRONG"]
    assert result(world, code).state == "ENTERED"


def test_a_test_that_the_panel_has_not_is_refused_with_the_list(world: World, donor: str) -> None:
    refused = world.try_act("tina", "enter_result", **of_donor(world, donor, test="HTLV"))
    assert [refusal.code.value for refusal in refused.refusals] == ["NOT_FOUND"]
    assert "HIV-NAT" in refused.refusals[0].detail


def test_an_unknown_donor_is_not_found(world: World) -> None:
    assert world.codes("tina", "enter_result", **of_donor(world, "DRZZZZQS")) == ["NOT_FOUND"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"choice": "perhaps"}, "choice"),
        ({"choice": None, "number": "1"}, "choice"),
        ({"number": "1"}, "(whole)"),
        ({"choice": None}, "(whole)"),
        ({"donor": None}, "(whole)"),
        ({"choice": None, "number": "NaN"}, "number"),
        ({"choice": None, "number": "94.99999"}, "number"),
        ({"choice": None, "number": "1e30"}, "number"),
        ({"started_at": "2026-02-01T10:00"}, "started_at"),
        ({"test": "НIV-NAT"}, "test"),
    ],
)
def test_what_cannot_be_a_result_is_malformed(world: World, donor: str, change: dict, field: str) -> None:
    with pytest.raises(Malformed) as caught:
        world.try_act("tina", "enter_result", **{**of_donor(world, donor), **change})
    assert [problem.field for problem in caught.value.problems] == [field]


def test_times_that_cannot_be_are_refused(world: World, donor: str) -> None:
    future = of_donor(world, donor, started_at=world.now + DAY, resulted_at=world.now + 2 * DAY)
    assert world.codes("tina", "enter_result", **future) == ["IN_THE_FUTURE", "IN_THE_FUTURE"]  # started, and resulted
    reversed_ = of_donor(world, donor, resulted_at=world.now - 6 * DAY)
    assert world.codes("tina", "enter_result", **reversed_) == ["OUT_OF_ORDER"]


def test_a_clinician_enters_no_results(world: World, donor: str) -> None:
    assert world.codes("clara", "enter_result", **of_donor(world, donor)) == ["ROLE_NOT_ALLOWED"]

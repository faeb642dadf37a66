"""Lots: released, rejected and recalled, by somebody who made none of them."""

import datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.quality import Signature
from cellbank.records.work import Work
from cellbank.services.quality import decisions
from cellbank.services.quality.decisions import ReleaseBoard, release_board
from tests.factories.freezing import freezing_run
from tests.factories.holds import lot_row, moves
from tests.factories.lots import FrozenLot, frozen_lot, stored_lot
from tests.factories.production import donation
from tests.factories.quality import (
    enter,
    frozen_at,
    pass_all_tests,
    passed_lot,
    released_lot,
    results_read_at,
    review,
)
from tests.factories.world import World

DAY = datetime.timedelta(days=1)


def board(world: World, code: str, now: datetime.datetime | None = None) -> ReleaseBoard:
    with Session(world.installation.reads) as session:
        found = release_board(session, code, now or world.now)
    assert found is not None
    return found


def open_lines(world: World, code: str) -> list[str]:
    return [line.code for line in board(world, code).criteria if not line.met]


@pytest.fixture(scope="module")
def din(world: World) -> str:
    """A donation for the lots of all tests that leave its donor alone."""
    return donation(world)


@pytest.fixture(scope="module")
def untested(world: World, din: str) -> FrozenLot:
    """A lot put away, for tests that leave it in quarantine."""
    return stored_lot(world, vials=3, donation=din)


# --- release ----------------------------------------------------------------------------------


@pytest.mark.requirement("R19")
def test_a_lot_is_released_when_the_board_is_green(world: World, din: str) -> None:
    lot = passed_lot(world, vials=3, donation=din).code
    assert board(world, lot).ready
    answer = world.do("oksana", "release_lot", lot=lot)
    assert answer["state"] == "RELEASED" and all(line["met"] for line in answer["criteria"])
    assert moves(world, lot) == [
        ("open_lot", "IN_PROCESS"),
        ("close_filling", "FILLED"),
        ("record_freezing", "QUARANTINE"),
        ("release_lot", "RELEASED"),
    ]
    with Session(world.installation.reads) as session:
        statement = select(Signature.meaning, Signature.full_name).where(Signature.record_kind == "lot")
        signed = session.execute(statement.where(Signature.record_id == lot_row(world, lot).id)).all()
    assert signed == [("released", "Oksana Quality")]
    assert world.codes("oksana", "release_lot", lot=lot) == ["WRONG_STATE"]


def test_an_unpassed_lot_is_refused_with_every_missing_test(world: World, untested: FrozenLot) -> None:
    refused = world.try_act("oksana", "release_lot", lot=untested.code)
    assert {refusal.code.value for refusal in refused.refusals} == {
        "RESULT_MISSING",
        "BATCH_NOT_REVIEWED",
        "CRITERION_OPEN",
    }
    assert len(refused.refusals) == len(open_lines(world, untested.code)) == 17
    assert open_lines(world, untested.code)[0].startswith("TEST_")


def test_the_board_and_the_act_say_the_same(world: World, din: str) -> None:
    lot = frozen_lot(world, vials=3, donation=din).code
    lines = [line.refusal.detail for line in board(world, lot).criteria if line.refusal]
    refused = world.try_act("oksana", "release_lot", lot=lot, dry_run=True)
    assert sorted(lines) == sorted(refusal.detail for refusal in refused.refusals)
    assert "STORAGE" in open_lines(world, lot)


def test_there_is_no_board_of_an_unknown_lot(world: World) -> None:
    with Session(world.installation.reads) as session:
        assert release_board(session, "LTZZZZZZ", world.now) is None


def test_a_lot_that_failed_sterility_stays(world: World, din: str) -> None:
    lot = stored_lot(world, vials=3, donation=din).code
    pass_all_tests(world, lot, STERILITY="growth")
    assert world.codes("oksana", "release_lot", lot=lot) == ["OUT_OF_SPECIFICATION", "DEVIATION_OPEN"]
    assert world.do("oksana", "reject_lot", lot=lot, reason="Sterility failed")["state"] == "REJECTED"


@pytest.mark.requirement("R25")
def test_a_retest_never_overwrites_a_failure(world: World, din: str) -> None:
    lot = stored_lot(world, vials=3, donation=din).code
    pass_all_tests(world, lot, CD73="90")
    review(world, lot, enter(world, lot, "CD73", resulted_at=results_read_at(world, lot) + DAY))
    assert "TEST_CD73" in open_lines(world, lot)
    assert "OUT_OF_SPECIFICATION" in world.codes("oksana", "release_lot", lot=lot)


def test_no_growth_before_its_day_is_refused_naming_the_day(world: World, untested: FrozenLot) -> None:
    started = frozen_at(world, untested.code) + DAY
    given = {"lot": untested.code, "test": "STERILITY", "choice": "no growth", "started_at": started}
    refused = world.try_act("taras", "enter_result", resulted_at=started + 13 * DAY, **given)
    assert [refusal.code.value for refusal in refused.refusals] == ["RESULT_TOO_EARLY"]
    assert f"{started + 14 * DAY:%Y-%m-%d}" in refused.refusals[0].detail


@pytest.mark.requirement("R19")
def test_nobody_releases_what_they_worked_on(world: World, din: str) -> None:
    lot = stored_lot(world, vials=3, donation=din).code
    results = pass_all_tests(world, lot, leave_out=("KARYOTYPE",))
    own = enter(world, lot, "KARYOTYPE", who="oksana")
    review(world, lot, own)
    assert len(results) == 14
    assert world.codes("oksana", "release_lot", lot=lot) == ["SAME_PERSON"]
    assert world.codes("quinn", "release_lot", lot=lot, password=None) == ["SIGNATURE_NEEDED"]
    assert world.do("quinn", "release_lot", lot=lot)["state"] == "RELEASED"  # she reviewed, and made nothing


@pytest.mark.requirement("R19")
@pytest.mark.parametrize("who", ["tina", "clara", "ada", "otto"])
@pytest.mark.parametrize("act", ["release_lot", "reject_lot", "recall_lot", "hold_lot"])
def test_only_a_quality_officer_decides(world: World, untested: FrozenLot, who: str, act: str) -> None:
    reason = {} if act == "release_lot" else {"reason": "I would like to"}
    assert world.codes(who, act, lot=untested.code, **reason) == ["ROLE_NOT_ALLOWED"]


@pytest.mark.requirement("R10")
@pytest.mark.parametrize("act", ["reject_lot", "recall_lot"])
def test_a_decision_is_signed(world: World, untested: FrozenLot, act: str) -> None:
    codes = world.codes("oksana", act, lot=untested.code, password=None, reason="Because of it")
    assert "SIGNATURE_NEEDED" in codes or codes == ["WRONG_STATE"]
    assert lot_row(world, untested.code).state == "QUARANTINE"


# --- reject and recall ------------------------------------------------------------------------


def test_a_released_lot_is_recalled_not_rejected(world: World, din: str) -> None:
    lot = released_lot(world, vials=3, donation=din).code
    assert world.codes("oksana", "reject_lot", lot=lot, reason="Found wanting") == ["WRONG_STATE"]
    answer = world.do("oksana", "recall_lot", lot=lot, reason="Found wanting")
    assert (answer["state"], answer["doses"]) == ("RECALLED", [])


def test_a_lot_on_hold_that_was_never_released_is_rejected_not_recalled(world: World, din: str) -> None:
    lot = stored_lot(world, vials=3, donation=din).code
    world.do("quinn", "hold_lot", lot=lot, reason="A doubt about it")
    assert world.codes("oksana", "recall_lot", lot=lot, reason="Found wanting") == ["WRONG_STATE"]
    assert world.do("oksana", "reject_lot", lot=lot, reason="Found wanting")["state"] == "REJECTED"
    assert lot_row(world, lot).state_before_hold is None


# --- the database, with the rules off ---------------------------------------------------------


@pytest.mark.requirement("R25")
@pytest.mark.the_database_refuses("no_release_against_a_result")
def test_the_database_releases_nothing_against_a_result(
    world: World, din: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lot = stored_lot(world, vials=3, donation=din).code
    freezing_run(world, lot)
    monkeypatch.setattr(decisions, "release_criteria", lambda _: ())
    waiting = enter(world, lot, "CD73")
    assert world.codes("oksana", "release_lot", lot=lot) == ["OUT_OF_SPECIFICATION"]
    review(world, lot, waiting)
    failed = enter(world, lot, "STERILITY", "growth")
    review(world, lot, failed)
    assert world.codes("oksana", "release_lot", lot=lot) == ["OUT_OF_SPECIFICATION"]
    assert lot_row(world, lot).state == "QUARANTINE"


@pytest.mark.the_database_refuses("the_signer_performed_nothing")
def test_the_database_takes_no_release_from_a_performer(
    world: World, din: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lot = stored_lot(world, vials=3, donation=din).code
    pass_all_tests(world, lot, leave_out=("KARYOTYPE",))
    review(world, lot, enter(world, lot, "KARYOTYPE", who="oksana"))
    monkeypatch.setattr(Work, "_same_person", lambda *_: [])
    assert world.codes("oksana", "release_lot", lot=lot) == ["SAME_PERSON"]
    assert lot_row(world, lot).state == "QUARANTINE"

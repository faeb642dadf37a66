"""A batch record that changes after its review waits for another one; nobody reviews what they made."""

import datetime

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from cellbank.services.quality import decisions
from cellbank.services.quality.release_board import ReleaseBoard, release_board
from tests.factories.lots import stored_lot
from tests.factories.quality import DAY, enter, passed_lot, results_read_at
from tests.factories.world import World


def board(world: World, lot: str) -> ReleaseBoard:
    with Session(world.installation.reads) as session:
        found = release_board(session, lot, world.now)
    assert found is not None
    return found


def red(world: World, lot: str) -> list[str]:
    return [line.criterion.code for line in board(world, lot).red]


def change_the_record(owner_url: str, lot: str) -> None:
    """Somebody with the owner's password corrects a filling after the review, with no act to say who."""
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        connection.execute(text("SET session_replication_role = replica"))  # the trail's triggers would refuse it
        connection.execute(text("UPDATE lot SET volume_ml = volume_ml + 0.1 WHERE code = :lot"), {"lot": lot})
    engine.dispose()


@pytest.mark.requirement("R25")
@pytest.mark.the_database_refuses("no_release_without_a_batch_review")
def test_a_record_that_changed_after_its_review_is_reviewed_again(
    world: World, databases: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lot = passed_lot(world, vials=3).code
    assert red(world, lot) == []
    change_the_record(databases[0], lot)
    assert red(world, lot) == ["BATCH_RECORD"]
    (line,) = board(world, lot).red
    assert "changed since" in line.criterion.evidence and line.ways[0].act == "review_batch_record"
    assert world.codes("oksana", "release_lot", lot=lot) == ["BATCH_NOT_REVIEWED"]
    with monkeypatch.context() as without_the_rule:
        without_the_rule.setattr(decisions, "release_criteria", lambda _: ())
        assert world.codes("oksana", "release_lot", lot=lot) == ["BATCH_NOT_REVIEWED"]
    world.do("quinn", "review_batch_record", lot=lot)
    assert world.do("oksana", "release_lot", lot=lot)["state"] == "RELEASED"


def test_evidence_bears_the_day_of_the_site(world: World) -> None:
    """An hour before midnight in London it is tomorrow in Kyiv."""
    lot = passed_lot(world, vials=3).code
    late = (results_read_at(world, lot) + 2 * DAY).astimezone(datetime.UTC).replace(hour=23, minute=0)
    enter(world, lot, "CD73", resulted_at=late)
    world.do("quinn", "review_batch_record", now=late, lot=lot)
    there = late.astimezone(world.installation.config.timezone).date().isoformat()
    assert there != late.date().isoformat()
    evidence = {line.criterion.code: line.criterion.evidence for line in board(world, lot).lines}
    assert there in evidence["BATCH_RECORD"] and there in evidence["TEST_CD73"]


def test_nobody_reviews_a_batch_record_that_is_their_own(world: World) -> None:
    lot = stored_lot(world, vials=3).code
    enter(world, lot, "CD73", who="oksana")
    assert world.codes("oksana", "review_batch_record", lot=lot) == ["SAME_PERSON"]
    assert world.codes("tina", "review_batch_record", lot=lot) == ["ROLE_NOT_ALLOWED"]
    assert world.codes("quinn", "review_batch_record", lot=lot, password="wrong") == ["SIGNATURE_WRONG"]


def test_the_board_says_who_may_not_sign(world: World) -> None:
    lot = passed_lot(world, vials=3).code
    with Session(world.installation.reads) as session:
        for name, worked in (("oksana", False), ("quinn", False), ("taras", True), ("tina", True)):
            found = release_board(session, lot, world.now, world.people[name].id)
            assert found is not None and found.worked_on_it is worked, name

"""A lot taken out of use for good: who is told, what stops, what is left to do, and for whom."""

import datetime
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.roles import Role
from cellbank.records.production import Lot
from cellbank.services.acts import Malformed
from cellbank.services.lookup.scanning import InHand, next_acts
from cellbank.services.lookup.work import Worklist, worklists
from cellbank.services.quality import decisions, holds
from cellbank.services.quality.notice_board import notice_board
from cellbank.services.quality.release_board import release_board
from tests.factories import production as make
from tests.factories.doses import (
    checked_dose,
    infused_dose,
    ordered_dose,
    picked_dose,
    prepared_dose,
    product_lot,
    row_of,
)
from tests.factories.holds import notices_about
from tests.factories.lots import FrozenLot, stored_lot
from tests.factories.quality import DAY, pass_all_tests, passed_lot, released_lot, results_read_at
from tests.factories.world import World

WHY = "A particle was found in a vial of this lot"


def lot_row(world: World, code: str) -> Lot:
    with Session(world.installation.reads) as session:
        return session.scalars(select(Lot).where(Lot.code == code)).one()


def worklist(world: World, name: str) -> Worklist:
    (found,) = [one for one in worklists(world.installation, frozenset(Role), world.now) if one.name == name]
    return found


def items(world: World, name: str, lot: str) -> dict[str, str | None]:
    """The act offered for each thing on a worklist that concerns a lot; the list is made longer than a page shows."""
    return {item.code: item.act for item in worklist(world, name).items if lot in item.title + item.detail}


@pytest.fixture
def long_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellbank.services.lookup.work.SHOWN", 500)


@pytest.mark.usefixtures("long_lists")
def test_a_recall_tells_everybody_who_must_act(world: World) -> None:
    lot = product_lot(world, vials=16)
    given = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot)))
    waiting = ordered_dose(world, lot=lot)
    prepared = prepared_dose(world, ordered_dose(world, lot=lot))
    answer = world.do("oksana", "recall_lot", lot=lot.code, reason=WHY)
    assert {dose["dose"] for dose in answer["doses"]} == {given.code, waiting.code, prepared.code}
    assert lot_row(world, lot.code).decision_reason == WHY
    [notice] = answer["notices"]
    doses = [(notice, dose.code, False) for dose in (given, waiting, prepared)]
    assert notices_about(world, lot.code) == doses
    [mine] = [item for item in worklist(world, "notices").items if item.code == notice]
    assert lot.code in mine.title and mine.detail.startswith("2 not to be given · 1 given") and WHY in mine.detail
    assert items(world, "unanswered", lot.code) == {notice: None}
    assert items(world, "stopped", lot.code) == {waiting.code: "cancel_dose", prepared.code: "discard_dose"}
    left = items(world, "destroy", lot.code)
    assert set(waiting.vials) <= set(left) and not set(given.vials[: given.needed]) & set(left)
    assert {left[vial] for vial in waiting.vials} == {None}
    assert {act for vial, act in left.items() if vial not in (*waiting.vials, *prepared.vials)} == {"discard_vial"}
    world.do("clara", "cancel_dose", dose=waiting.code, reason="The lot is recalled")
    assert items(world, "destroy", lot.code)[waiting.vials[0]] == "discard_vial"
    world.do("tina", "discard_vial", vial=waiting.vials[0], reason="The lot is recalled")
    assert waiting.vials[0] not in items(world, "destroy", lot.code)


def test_a_running_infusion_is_among_the_notices_and_to_be_stopped(world: World) -> None:
    dose = checked_dose(world)
    world.do("clara", "start_infusion", dose=dose.code)
    [notice] = world.do("oksana", "recall_lot", lot=dose.lot.code, reason=WHY)["notices"]
    assert notices_about(world, dose.lot.code) == [(notice, dose.code, False)]
    [mine] = [item for item in worklist(world, "notices").items if item.code == notice]
    assert mine.detail.startswith("STOP: 1 running now")
    assert items(world, "stopped", dose.lot.code) == {dose.code: "stop_infusion"}
    assert row_of(world, dose.code).state == "INFUSING"


@pytest.mark.usefixtures("long_lists")
def test_a_notice_says_when_its_hold_was_lifted(world: World) -> None:
    """And what may be given again, on its page and on the home page; it is still to be answered."""
    dose = ordered_dose(world)
    held = world.do("oksana", "hold_lot", lot=dose.lot.code, reason=WHY)
    [notice] = held["notices"]
    board = notice_board(world.installation, notice)
    assert board is not None and board.lifted_at is None and board.doses[0].waits
    at = world.now + datetime.timedelta(hours=1)
    world.do("oksana", "lift_hold", now=at, hold=held["code"], reason="The particle was glass of the lid")
    board = notice_board(world.installation, notice)
    assert board is not None and board.lifted_at == at and not board.doses[0].waits and board.waiting
    [mine] = [item for item in worklist(world, "notices").items if item.code == notice]
    assert mine.detail.startswith("1 may be given again · hold lifted 2026") and "not to be given" not in mine.detail


def test_a_dry_run_names_the_doses_and_writes_nothing(world: World) -> None:
    dose = infused_dose(world)
    outcome = world.try_act("oksana", "recall_lot", dry_run=True, lot=dose.lot.code, reason=WHY)
    assert outcome.accepted and [one["dose"] for one in outcome.result["doses"]] == [dose.code]
    assert notices_about(world, dose.lot.code) == [] and lot_row(world, dose.lot.code).state == "RELEASED"


def test_a_lot_on_hold_that_was_given_is_rejected_with_notices(world: World) -> None:
    dose = infused_dose(world)
    world.do("quinn", "hold_lot", lot=dose.lot.code, reason="A doubt about it")
    answer = world.do("oksana", "reject_lot", lot=dose.lot.code, reason=WHY)
    assert len(answer["notices"]) == 1 and lot_row(world, dose.lot.code).decision_reason == WHY


def test_a_picked_vial_of_a_recalled_lot_is_destroyed(world: World) -> None:
    dose = picked_dose(world)
    world.do("oksana", "recall_lot", lot=dose.lot.code, reason=WHY)
    world.do("clara", "cancel_dose", dose=dose.code, reason="The lot is recalled")
    assert world.do("tina", "discard_vial", vial=dose.vials[0], reason="The lot is recalled")["state"] == "DISCARDED"


@pytest.mark.parametrize("reason", ["", "no", "x" * 1001])
def test_a_recall_has_a_reason_that_says_something(world: World, reason: str) -> None:
    with pytest.raises(Malformed):
        world.try_act("oksana", "recall_lot", lot="LT0017W", reason=reason)


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        ("QUARANTINE", {"reject_lot", "hold_lot"}),
        ("RELEASED", {"recall_lot", "hold_lot"}),
        ("ON_HOLD", {"reject_lot", "recall_lot", "hold_lot"}),
        ("RECALLED", set()),
    ],
)
def test_a_stop_is_in_sight_where_it_is_possible_and_nowhere_else(state: str, offered: set[str]) -> None:
    acts = [act.name for act in next_acts(InHand(Kind.LOT, "lot", state, frozenset({Role.QUALITY_OFFICER})))]
    assert {"reject_lot", "recall_lot", "hold_lot"} & set(acts) == offered <= set(acts[:6])


# --- banks ------------------------------------------------------------------------------------


def grown_from(world: World, bank: FrozenLot, vial: int) -> str:
    """A harvested culture started from a vial of a bank."""
    given: dict[str, Any] = {"vessel": "T1000", "area_cm2": 1000, "viable_cells": 3_000_000}
    started = world.do("tina", "thaw_bank_vial", vial=bank.vials[vial], reagents=[make.medium(world)], **given)["code"]
    make.harvest(world, started, world.now + 4 * DAY, total_cells=76_000_000)
    return str(started)


def master_bank(world: World) -> FrozenLot:
    """A released bank of four vials."""
    culture = make.harvested_culture(world, passages=2, total_cells=4 * 5_000_000 + 1_000_000)
    return released_lot(world, "master_bank", 4, culture=culture, cells_per_vial=5_000_000)


@pytest.mark.the_database_refuses("no_release_from_a_stopped_lot")
def test_what_was_made_from_a_recalled_bank_is_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = master_bank(world)
    used = passed_lot(world, vials=3, culture=grown_from(world, bank, 0)).code
    at = results_read_at(world, used) + 2 * DAY
    world.do("oksana", "release_lot", now=at, lot=used)
    fresh = stored_lot(world, vials=3, culture=grown_from(world, bank, 1)).code
    answer = world.do("oksana", "recall_lot", now=at, lot=bank.code, reason=WHY)
    assert sorted(answer["lots_stopped"]) == sorted([used, fresh])
    assert (lot_row(world, used).state, lot_row(world, fresh).state) == ("ON_HOLD", "ON_HOLD")
    assert (lot_row(world, bank.code).state, lot_row(world, bank.code).state_before_hold) == ("RECALLED", None)
    with Session(world.installation.reads) as session:
        board = release_board(session, fresh, at)
    assert board is not None and {"NO_HOLD", "SOURCE_LOTS"} <= {line.criterion.code for line in board.red}
    with world.installation.reads.connect() as connection:
        found = connection.execute(
            text("SELECT reason FROM hold WHERE code = :code"), {"code": answer["hold"]}
        ).scalar()
    assert bank.code in found and WHY in found
    given = {"hold": answer["hold"], "reason": "Nothing found in it"}
    assert world.codes("quinn", "lift_hold", now=at, **given) == ["CRITERION_OPEN"]
    monkeypatch.setattr(holds, "lift_refusals", lambda _: ())
    assert world.codes("quinn", "lift_hold", now=at, **given) == ["CRITERION_OPEN"]  # the database's own rule
    assert lot_row(world, used).state == "ON_HOLD"


@pytest.mark.the_database_refuses("no_release_from_a_stopped_lot")
def test_the_database_releases_nothing_made_from_a_rejected_lot(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = master_bank(world)
    lot = passed_lot(world, vials=3, culture=grown_from(world, bank, 0)).code
    at = results_read_at(world, lot) + 2 * DAY
    hold = world.do("oksana", "recall_lot", now=at, lot=bank.code, reason=WHY)["hold"]
    world.do("oksana", "lift_hold", now=at, hold=hold, reason="So that nothing holds the lot")
    assert world.codes("oksana", "release_lot", now=at, lot=lot) == ["CRITERION_OPEN"]
    monkeypatch.setattr(decisions, "release_criteria", lambda _: ())
    assert world.codes("oksana", "release_lot", now=at, lot=lot) == ["CRITERION_OPEN"]
    assert lot_row(world, lot).state == "QUARANTINE"


def test_a_dose_made_from_a_recalled_bank_has_a_notice(world: World) -> None:
    bank = master_bank(world)
    lot = stored_lot(world, vials=6, culture=_many(world, bank))
    pass_all_tests(world, lot.code)
    at = results_read_at(world, lot.code) + 2 * DAY
    world.do("oksana", "release_lot", now=at, lot=lot.code)
    dose = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot, at=at)))
    (notice,) = world.do("oksana", "recall_lot", now=at + DAY, lot=bank.code, reason=WHY)["notices"]
    assert notices_about(world, lot.code) == [(notice, dose.code, False)]


def _many(world: World, bank: FrozenLot) -> str:
    culture = grown_from(world, bank, 0)
    at = world.now + 4 * DAY
    (child,) = make.passaged(world, culture, at)
    make.harvest(world, child, at + 4 * DAY, total_cells=151_000_000)
    return child

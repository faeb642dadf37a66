"""Time out of the cold: counted for a vial, or for all in a box that was lifted out, and refused past its limits."""

import datetime
from dataclasses import replace

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from cellbank.domain.rules import picking
from cellbank.domain.rules import thaw as thaw_rules
from cellbank.services.storage.warming import warming_of
from tests.factories.doses import OrderedDose, ordered_dose, pick, picked_dose
from tests.factories.lots import box, stored_lot
from tests.factories.world import World

ABOVE = text("SELECT p.code FROM storage_unit u JOIN storage_unit p ON p.id = u.parent_id WHERE u.code = :code")
SECOND = datetime.timedelta(seconds=1)
# Allowed are 30 s at once, 90 s in all, 3 times.
PAST = {"single": (31,), "times": (5, 5, 5, 5)}
# Of a vial that was out three times for 20 s: seconds at once, seconds in all, times.
LIMITS = {
    (20, 60, 3): False,
    (19, 60, 3): True,
    (20, 59, 3): True,
    (20, 60, 2): True,
    (None, None, None): False,
}
SET_LIMITS = """UPDATE definition SET handling = jsonb_build_object('warming_single_seconds', CAST(:single AS bigint),
    'warming_total_seconds', CAST(:total AS bigint), 'warming_events_max', CAST(:times AS bigint))
    WHERE type = 'specification'"""
IS_SPENT = "SELECT warming_is_spent(id, lot_id) FROM vial WHERE code = :vial"


def spent(world: World, vial: str) -> tuple[int, float]:
    found = warming_of(world.installation, vial).spent
    return (found.times, found.total_seconds) if found else (0, 0.0)


def standing_in(world: World, code: str, levels: int) -> str:
    """The unit so many levels above this one."""
    with Session(world.installation.reads) as session:
        for _ in range(levels):
            code = session.scalar(ABOVE, {"code": code})
    return code


def test_a_box_that_was_lifted_out_counts_for_every_vial_in_it(world: World) -> None:
    lot = stored_lot(world, vials=2)
    world.do("tina", "move_vial", now=world.now + SECOND, vial=lot.vials[1], box=box(world))
    noted = world.do("tina", "note_warming", now=world.now + 60 * SECOND, thing=lot.box, seconds=25)
    assert (noted["vials"], noted["spent"]) == (1, [])
    assert spent(world, lot.vials[0]) == (1, 25.0) and spent(world, lot.vials[1]) == (0, 0.0)


def test_a_rack_that_was_out_too_long_names_the_vials_whose_time_is_spent(world: World) -> None:
    lot = stored_lot(world, vials=2)
    rack = standing_in(world, lot.box, levels=1)
    noted = world.do("tina", "note_warming", now=world.now + 60 * SECOND, thing=rack, seconds=31)
    assert noted["spent"] == sorted(lot.vials)


def test_a_vial_that_is_moved_slowly_spends_its_time(world: World) -> None:
    lot = stored_lot(world, vials=1)
    out = world.now + 100 * SECOND
    world.do("tina", "move_vial", now=out + 20 * SECOND, vial=lot.vials[0], box=box(world), taken_at=out.isoformat())
    assert spent(world, lot.vials[0]) == (1, 20.0)
    world.do("tina", "note_warming", now=out + 90 * SECOND, thing=lot.vials[0], seconds=15)
    assert spent(world, lot.vials[0]) == (2, 35.0)


def test_a_vial_whose_time_is_spent_is_not_picked_for_a_patient(world: World) -> None:
    dose = ordered_dose(world)
    world.do("tina", "note_warming", now=dose.at + SECOND, thing=dose.vials[0], seconds=45)
    given = {"dose": dose.code, "box": dose.lot.box, "vial": dose.vials[0]}
    (refusal,) = world.try_act("tina", "pick_vial", now=dose.at + 2 * SECOND, **given).refusals
    assert refusal.code == "WARMING_BUDGET" and "45 s at once; the limit is 30 s" in refusal.detail


def test_a_vial_that_warmed_after_it_was_picked_is_not_thawed(world: World) -> None:
    dose = picked_dose(world)
    world.do("tina", "note_warming", now=dose.at + SECOND, thing=dose.vials[0], seconds=45)
    given = {"dose": dose.code, "vial": dose.vials[0]}
    assert world.codes("tina", "thaw_vial", now=dose.at + 2 * SECOND, **given) == ["WARMING_BUDGET"]
    world.do("tina", "thaw_vial", now=dose.at + 2 * SECOND, dose=dose.code, vial=dose.vials[1])


def carried(world: World, dewar_minutes: int | None) -> OrderedDose:
    """A dose whose first vial was picked, in the open or into a dewar that stays cold for so long."""
    dose = ordered_dose(world)
    given = {"dose": dose.code, "box": dose.lot.box, "vial": dose.vials[0]}
    if dewar_minutes:
        unit = {"type": "dewar", "name": world.unique("Dewar"), "cold_minutes": dewar_minutes}
        given["dewar"] = world.do("tina", "add_storage_unit", **unit)["code"]
    world.do("tina", "pick_vial", now=dose.at, **given)
    for vial in dose.vials[1 : dose.needed]:
        pick(world, dose, vial)
    return dose


# In the open 30 s; in a dewar that keeps cold for 20 min these and the same 30 s.
@pytest.mark.parametrize(
    ("minutes", "seconds", "expected"),
    [(None, 30, []), (None, 31, ["WARMING_BUDGET"]), (20, 1230, []), (20, 1231, ["WARMING_BUDGET"])],
)
@pytest.mark.parametrize("with_our_rule", [True, False])
@pytest.mark.the_database_refuses("no_dose_from_a_vial_that_warmed")
def test_the_clock_of_a_vial_runs_from_its_pick_or_from_the_end_of_its_dewar(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    minutes: int | None,
    seconds: int,
    expected: list[str],
    with_our_rule: bool,
) -> None:
    """By the rule, and with that switched off by the database alone."""
    dose = carried(world, minutes)
    if not with_our_rule:
        monkeypatch.setattr(thaw_rules, "warming_refusals", lambda *_: ())
    given = {"dose": dose.code, "vial": dose.vials[0], "now": dose.at + seconds * SECOND}
    assert world.codes("tina", "thaw_vial", **given) == expected


def test_a_vial_comes_back_from_its_dewar_as_cold_as_it_went(world: World) -> None:
    dose = carried(world, 20)
    world.do("clara", "cancel_dose", dose=dose.code, reason="Fever")
    given = {"vial": dose.vials[0], "box": dose.lot.box}
    assert world.codes("tina", "return_vial", now=dose.at + 1231 * SECOND, **given) == ["WARMING_BUDGET"]
    world.do("tina", "return_vial", now=dose.at + 1210 * SECOND, **given)
    assert spent(world, dose.vials[0]) == (1, 10.0)


@pytest.mark.parametrize("limit", sorted(PAST))
@pytest.mark.the_database_refuses("no_dose_from_a_vial_that_warmed")
def test_the_database_keeps_a_vial_that_warmed_out_of_every_dose(
    world: World, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """By its own rule, with that of the services switched off: not picked, and when picked before, not thawed."""
    early, late = ordered_dose(world), picked_dose(world)
    for dose in (early, late):
        for number, seconds in enumerate(PAST[limit]):
            at = dose.at + (60 * number + 60) * SECOND
            world.do("tina", "note_warming", now=at, thing=dose.vials[0], seconds=seconds)
    for rules in (picking, thaw_rules):
        monkeypatch.setattr(rules, "warming_refusals", lambda *_: ())
    pick_it = {"dose": early.code, "box": early.lot.box, "vial": early.vials[0]}
    assert world.codes("tina", "pick_vial", now=early.at + 600 * SECOND, **pick_it) == ["WARMING_BUDGET"]
    thaw_it = {"dose": late.code, "vial": late.vials[0]}
    assert world.codes("tina", "thaw_vial", now=late.at + 600 * SECOND, **thaw_it) == ["WARMING_BUDGET"]


def test_at_the_limits_a_vial_is_picked_and_thawed(world: World) -> None:
    dose = ordered_dose(world)
    for number in range(3):
        at = dose.at + (60 * number + 60) * SECOND
        world.do("tina", "note_warming", now=at, thing=dose.vials[0], seconds=30)
    dose = replace(dose, at=dose.at + 600 * SECOND)
    pick(world, dose, dose.vials[0])
    pick(world, dose, dose.vials[1])
    pick(world, dose, dose.vials[2])
    world.do("tina", "thaw_vial", now=dose.at, dose=dose.code, vial=dose.vials[0])


def test_the_database_reads_each_limit_of_the_specification(world: World, databases: tuple[str, str]) -> None:
    lot = stored_lot(world, vials=1)
    for number in range(3):
        at = world.now + (60 * number + 60) * SECOND
        world.do("tina", "note_warming", now=at, thing=lot.vials[0], seconds=20)
    engine = create_engine(databases[0])
    with engine.connect() as connection, connection.begin() as nothing_is_kept:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for limits, is_spent in LIMITS.items():
            given = dict(zip(("single", "total", "times"), limits, strict=True))
            connection.execute(text(SET_LIMITS), given)
            found = connection.scalar(text(IS_SPENT), {"vial": lot.vials[0]})
            assert found is is_spent, limits
        nothing_is_kept.rollback()
    engine.dispose()


def test_a_relocated_rack_counts_for_what_stood_in_it(world: World) -> None:
    lot = stored_lot(world, vials=1)
    tank = standing_in(world, lot.box, levels=2)
    spare = world.do("tina", "add_storage_unit", type="tank", name=world.unique("Spare"))["code"]
    given = {"unit": tank, "into": spare, "reason": "The tank is dead", "seconds_out": 28}
    world.do("tina", "relocate_unit", now=world.now + 120 * SECOND, **given)
    assert spent(world, lot.vials[0]) == (1, 28.0)


@pytest.mark.parametrize(("thing", "code"), [("tank", "WRONG_KIND"), ("nothing", "NOT_FOUND")])
def test_what_stays_in_the_cold_was_never_lifted_out(world: World, thing: str, code: str) -> None:
    tank = world.do("tina", "add_storage_unit", type="tank", name=world.unique("Tank"))["code"]
    assert world.codes("tina", "note_warming", thing=tank if thing == "tank" else "STZZZZG", seconds=5) == [code]

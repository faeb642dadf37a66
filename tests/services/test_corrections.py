"""A value that was counted, measured or timed wrongly is put right: late as it may be, with the first one in sight,
what follows worked out again, and what rested on it judged again."""

import datetime
import json
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellbank.domain.correction import CELLS, CORRECTABLE, TIME, Correctable
from cellbank.domain.lifecycle.roles import Role
from cellbank.records.clinic import Dose
from cellbank.records.corrections import Correction
from cellbank.records.deviations import Deviation
from cellbank.records.production import Culture, Lot, Vial
from cellbank.services.acts import Malformed, Outcome
from cellbank.services.documents.papers import as_blocks
from cellbank.services.lookup.corrections import corrections_of
from cellbank.services.signing.to_sign import to_sign
from tests.factories.doses import MINUTE, checked_dose, counted_dose, infused_dose, prepared_dose, product_lot, row_of
from tests.factories.lots import stored_lot
from tests.factories.production import DAY, growing_culture, harvest, passaged
from tests.factories.world import World
from tests.services.test_late_everywhere import paper
from tests.services.test_told_late import OPEN_ACT

OF_KIND: dict[str, Any] = {"culture": Culture, "lot": Lot, "vial": Vial, "dose": Dose}
WHY = "The dilution of the count was read wrongly from the sheet"


def put_right(world: World, who: str, record: str, what: str, right: Any, **given: Any) -> Outcome:
    named = {"at": right.isoformat()} if isinstance(right, datetime.datetime) else {"value": str(right)}
    return world.try_act(who, "correct_fact", record=record, what=what, reason=WHY, **named, **given)


def row(world: World, cls: Any, code: str) -> Any:
    with Session(world.installation.reads) as session:
        return session.scalars(select(cls).where(cls.code == code)).one()


def deviation_of(world: World, outcome: Outcome) -> Deviation:
    return row(world, Deviation, outcome.result["deviation"])


def corrections(world: World, column: str, record_id: int) -> list[Correction]:
    with Session(world.installation.reads) as session:
        mine = select(Correction).where(getattr(Correction, column) == record_id).order_by(Correction.id)
        return list(session.scalars(mine))


# --- cultures ---------------------------------------------------------------------------------


def grown(world: World) -> tuple[str, str]:
    """A harvested culture and one that was passaged from it and harvested."""
    first = growing_culture(world)
    at = world.now - 60 * DAY
    harvest(world, first, at)
    child = passaged(world, first, at)[0]
    harvest(world, child, at + 4 * DAY)
    return first, child


@pytest.mark.requirement("R20")
def test_a_harvest_that_was_counted_wrongly_is_put_right_with_all_that_follows(world: World) -> None:
    first, child = grown(world)
    was, below = row(world, Culture, child), row(world, Culture, first)
    outcome = put_right(world, "tina", child, "cells_harvested", was.cells_harvested * 2)
    assert outcome.accepted, outcome.refusals
    now = row(world, Culture, child)
    assert now.population_doublings == was.population_doublings + 1
    assert now.cumulative_doublings == below.cumulative_doublings + now.population_doublings
    assert now.doubling_time_h < was.doubling_time_h
    assert now.cells_left == was.cells_left + was.cells_harvested
    [kept] = corrections(world, "culture_id", now.id)
    assert (kept.before, kept.after, kept.reason) == (str(was.cells_harvested), str(now.cells_harvested), WHY)
    assert {one["column"] for one in kept.follows} >= {"population_doublings", "cumulative_doublings", "cells_left"}
    assert "deviation" not in outcome.result


def test_the_level_of_all_that_was_grown_from_it_follows(world: World) -> None:
    first, child = grown(world)
    before = {code: row(world, Culture, code).cumulative_doublings for code in (first, child)}
    seeded = row(world, Culture, child).cells_seeded
    outcome = put_right(world, "tina", child, "cells_seeded", seeded // 2)
    assert outcome.accepted, outcome.refusals
    assert row(world, Culture, child).cumulative_doublings == before[child] + 1
    assert row(world, Culture, first).cumulative_doublings == before[first]
    assert row(world, Culture, first).cells_left > 0


def test_more_was_taken_than_there_was_is_refused_and_says_what_to_put_right_first(world: World) -> None:
    first, _ = grown(world)
    assert [one.code for one in put_right(world, "tina", first, "cells_harvested", 10).refusals] == [
        "CELLS_EXCEED_SOURCE"
    ]


def test_a_time_lies_between_those_around_it(world: World) -> None:
    _, child = grown(world)
    one = row(world, Culture, child)
    for at, code in ((one.started_at - MINUTE, "OUT_OF_ORDER"), (world.now + DAY, "IN_THE_FUTURE")):
        assert code in [r.code for r in put_right(world, "tina", child, "harvested_at", at).refusals]
    assert put_right(world, "tina", child, "harvested_at", one.harvested_at + 60 * MINUTE).accepted
    assert row(world, Culture, child).doubling_time_h > one.doubling_time_h


@pytest.mark.parametrize(
    ("what", "given", "field"),
    [
        ("cells_harvested", {"value": "many"}, "value"), ("cells_harvested", {}, "(whole)"),
        ("viability_percent", {"value": "101"}, "value"), ("draw_ml", {"value": "3"}, "what"),
        ("harvested_at", {"value": "3"}, "at"), ("cells_harvested", {"value": "same"}, "(whole)"),
    ],
)  # fmt: skip
def test_what_is_no_right_value_is_malformed(world: World, what: str, given: dict[str, str], field: str) -> None:
    _, child = grown(world)
    if given.get("value") == "same":
        given = {"value": str(row(world, Culture, child).cells_harvested)}
    with pytest.raises(Malformed) as caught:
        world.try_act("tina", "correct_fact", record=child, what=what, reason=WHY, **given)
    assert [one.field for one in caught.value.problems] == [field]


def test_what_was_never_noted_is_recorded_and_not_put_right(world: World) -> None:
    outcome = put_right(world, "tina", growing_culture(world), "cells_harvested", 5_000_000)
    assert "WRONG_STATE" in [one.code for one in outcome.refusals]


# --- lots -------------------------------------------------------------------------------------


def source_of(world: World, lot: str) -> str:
    of = text(
        "SELECT c.code FROM lot_source s JOIN culture c ON c.id = s.culture_id JOIN lot l ON l.id = s.lot_id "
        "WHERE l.code = :lot"
    )
    with Session(world.installation.reads) as session:
        return session.scalars(of, {"lot": lot}).first()


@pytest.mark.requirement("R20", "R24")
def test_what_a_released_lot_was_made_of_is_put_right_and_its_review_is_void(world: World) -> None:
    lot = product_lot(world)
    culture = source_of(world, lot.code)
    asked = put_right(world, "tina", culture, "viability_percent", "91", dry_run=True)
    assert asked.accepted and asked.result["lots_judged"] == {lot.code: "RELEASED"}
    assert any("batch record" in one for one in asked.result["void"])
    done = put_right(world, "tina", culture, "viability_percent", "91")
    deviation = deviation_of(world, done)
    assert deviation.classification == "major" and "91 is right" in deviation.description
    with Session(world.installation.reads) as session:
        current = text(
            "SELECT b.digest = batch_digest(l.id) FROM batch_review b JOIN lot l ON l.id = b.lot_id "
            "WHERE l.code = :lot ORDER BY b.id DESC"
        )
        assert session.scalars(current, {"lot": lot.code}).first() is False
    assert row(world, Lot, lot.code).state == "RELEASED"


@pytest.mark.requirement("R20", "R24")
def test_a_released_lot_that_fails_by_the_right_value_is_stopped(world: World) -> None:
    lot = product_lot(world)
    was = row(world, Lot, lot.code)
    done = put_right(world, "quinn", lot.code, "lost_cells", was.lost_cells + 9_000_000)
    assert done.accepted, done.refusals
    assert done.result["fails"][lot.code] and done.result["hold"]
    assert row(world, Lot, lot.code).state == "ON_HOLD"
    assert row(world, Lot, lot.code).lost_cells == was.lost_cells + 9_000_000


def test_the_expiry_follows_the_day_of_filling(world: World) -> None:
    lot = stored_lot(world, vials=2)
    was = row(world, Lot, lot.code)
    harvested = row(world, Culture, source_of(world, lot.code)).harvested_at
    assert "OUT_OF_ORDER" in [
        one.code for one in put_right(world, "tina", lot.code, "fill_started_at", harvested - DAY).refusals
    ]
    assert put_right(world, "tina", lot.code, "fill_started_at", was.fill_started_at + MINUTE).accepted
    assert row(world, Lot, lot.code).expires_on == was.expires_on


# --- doses ------------------------------------------------------------------------------------


def test_a_count_that_was_noted_wrongly_gives_another_volume(world: World) -> None:
    dose = counted_dose(world)
    was = row_of(world, dose.code)
    outcome = put_right(world, "tina", dose.code, "viability_percent", "90", now=dose.at + 25 * MINUTE)
    assert outcome.accepted, outcome.refusals
    now = row_of(world, dose.code)
    assert now.draw_ml < was.draw_ml and now.viability_percent == 90 and now.state == "COUNTED"


@pytest.mark.requirement("R20", "R24")
def test_a_checked_dose_is_checked_again_from_the_beginning(world: World) -> None:
    dose = checked_dose(world)
    was = row_of(world, dose.code)
    asked = put_right(
        world, "taras", dose.code, "draw_ml", was.draw_ml - Decimal("0.1"), now=dose.at + 45 * MINUTE, dry_run=True
    )
    assert asked.accepted and sum("verified" in one for one in asked.result["void"]) == 2
    done = put_right(world, "taras", dose.code, "draw_ml", was.draw_ml - Decimal("0.1"), now=dose.at + 45 * MINUTE)
    now = row_of(world, dose.code)
    assert (now.state, now.first_checked_by_id, now.second_checked_at) == ("PREPARED", None, None)
    assert now.delivered_cells < was.delivered_cells and "CHANGED_MEANWHILE" in [
        one["code"] for one in done.result["warnings"]
    ]


@pytest.mark.requirement("R20", "R24")
def test_a_dose_that_was_given_is_put_right_with_a_deviation(world: World) -> None:
    dose = infused_dose(world, prepared_dose(world))
    was = row_of(world, dose.code)
    done = put_right(world, "clara", dose.code, "volume_given_ml", "40", now=dose.at + 90 * MINUTE)
    assert done.accepted, done.refusals
    assert row_of(world, dose.code).given_cells < was.given_cells
    assert deviation_of(world, done).classification == "major"
    low = put_right(world, "tina", dose.code, "viability_percent", "40", now=dose.at + 91 * MINUTE)
    assert low.accepted, low.refusals
    assert "VIABILITY_TOO_LOW" in [one["code"] for one in low.result["irregularities"]]
    deviation = deviation_of(world, low)
    assert deviation.classification == "critical" and "VIABILITY_TOO_LOW" in deviation.description
    assert row_of(world, dose.code).delivered_cells < was.delivered_cells


def test_figures_that_contradict_are_refused(world: World) -> None:
    dose = infused_dose(world, prepared_dose(world))
    late = {"now": dose.at + 90 * MINUTE}
    for who, what, right in (("clara", "volume_given_ml", "400"), ("tina", "total_cells_per_ml", "900000000")):
        codes = [one.code for one in put_right(world, who, dose.code, what, right, **late).refusals]
        assert codes == ["FIGURES_CONTRADICT"], what


def test_the_start_of_an_infusion_and_a_thaw_are_put_right(world: World) -> None:
    dose = infused_dose(world, prepared_dose(world))
    was, late = row_of(world, dose.code), {"now": dose.at + 90 * MINUTE}
    began = was.infusion_started_at + MINUTE
    assert put_right(world, "clara", dose.code, "infusion_started_at", began, **late).accepted
    vial = dose.vials[0]
    begun = was.thaw_started_at - 2 * MINUTE
    done = put_right(world, "tina", vial, "thawed_at", begun, **late)
    assert done.accepted, done.refusals
    now = row_of(world, dose.code)
    assert now.thaw_started_at == begun and now.expires_at == was.expires_at - 2 * MINUTE


def test_who_did_not_note_such_values_puts_none_right(world: World) -> None:
    dose = infused_dose(world, prepared_dose(world))
    late = {"now": dose.at + 90 * MINUTE}
    assert [one.code for one in put_right(world, "clara", dose.code, "draw_ml", "3", **late).refusals] == [
        "ROLE_NOT_ALLOWED"
    ]


# --- the database -----------------------------------------------------------------------------


UPDATES = (
    ("culture", "cells_harvested = cells_harvested + 1", "a_noted_value_is_only_put_right"),
    ("dose", "draw_ml = draw_ml - 0.1", "a_noted_value_is_only_put_right"),
)


@pytest.mark.the_database_refuses("what_is_out_is_put_right_with_a_deviation")
def test_the_database_asks_for_a_deviation_of_what_was_given(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    dose = infused_dose(world, prepared_dose(world))
    monkeypatch.setattr("cellbank.services.quality.correcting._opens", lambda effect, stopping: False)
    outcome = put_right(world, "clara", dose.code, "volume_given_ml", "45", now=dose.at + 90 * MINUTE)
    assert [one.code for one in outcome.refusals] == ["DEVIATION_OPEN"]


@pytest.mark.the_database_refuses("what_was_checked_is_checked_again")
def test_the_database_lets_no_checked_dose_stay_checked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    dose = checked_dose(world)
    was = row_of(world, dose.code)
    monkeypatch.setattr("cellbank.services.quality.correcting.unchecked", lambda draft, dose: "CHECKED")
    monkeypatch.setattr("cellbank.records.work.Work.transition", lambda self, *records, to=None: None)
    outcome = put_right(world, "taras", dose.code, "draw_ml", was.draw_ml - Decimal("0.1"), now=dose.at + 45 * MINUTE)
    assert [one.code for one in outcome.refusals] == ["CHANGED_MEANWHILE"]


@pytest.mark.parametrize(("table", "change", "rule"), UPDATES)
def test_nothing_else_changes_what_was_noted(world: World, table: str, change: str, rule: str) -> None:
    code = grown(world)[1] if table == "culture" else prepared_dose(world).code
    with pytest.raises(IntegrityError) as caught, world.installation.engine.begin() as connection:
        connection.execute(text(OPEN_ACT), {"now": world.now, "then": None, "why": None})
        connection.execute(text(f"UPDATE {table} SET {change} WHERE code = :code"), {"code": code})
    assert caught.value.orig.diag.constraint_name == rule


# --- in sight ---------------------------------------------------------------------------------


def test_the_first_value_and_the_reason_stand_on_the_page_and_in_the_documents(world: World) -> None:
    lot = product_lot(world)
    culture = source_of(world, lot.code)
    put_right(world, "tina", culture, "viability_percent", "91")
    [shown] = corrections_of(world.installation, "culture", culture)
    assert (shown.after, shown.reason) == ("91.00 %", WHY) or shown.after == "91 %"
    record = paper(world, "batch_record", lot.code)
    assert WHY in record and "A value noted before was replaced." in record and "not accounted for" not in record
    dose = infused_dose(world, prepared_dose(world))
    assert put_right(world, "clara", dose.code, "volume_given_ml", "40", now=dose.at + 90 * MINUTE).accepted
    chain = paper(world, "chain", dose.code)
    assert WHY in chain
    assert "Given 40 mL (was 49 mL)" in chain


def test_what_is_signed_stands_before_whoever_puts_it_right(world: World) -> None:
    lot = product_lot(world)
    culture = source_of(world, lot.code)
    given = {"record": culture, "what": "viability_percent", "value": "91", "reason": WHY}
    waiting = to_sign(world.installation, "correct_fact", given, world.now)
    assert waiting is not None and waiting.waits
    checked = world.try_act("tina", "correct_fact", dry_run=True, **given)
    content = to_sign(world.installation, "correct_fact", given, world.now, checked.result)
    said = json.dumps(as_blocks(content.blocks), ensure_ascii=False)
    for part in ("91 %", WHY, lot.code, "reviewed (batch record of", "a deviation is opened", "Noted before"):
        assert part in said, part


# --- whatever may be put right ----------------------------------------------------------------


@pytest.fixture(scope="module")
def everywhere(world: World) -> dict[str, str]:
    """Something of each kind in which everything that may be put right was noted, in a lot that was released."""
    dose = infused_dose(world)
    left = {"residual_ml": "0.5", "vials": list(dose.vials[: row_of(world, dose.code).vials_needed])}
    world.do("clara", "reconcile_infusion", dose=dose.code, now=dose.at + 60 * MINUTE, **left)
    source = """SELECT c.code FROM lot l JOIN lot_source s ON s.lot_id = l.id JOIN culture c ON c.id = s.culture_id
                 WHERE l.code = :lot"""
    with world.installation.reads.connect() as connection:
        culture = connection.scalar(text(source), {"lot": dose.lot.code})
    return {"dose": dose.code, "vial": dose.vials[0], "lot": dose.lot.code, "culture": culture}


@pytest.mark.parametrize("value", CORRECTABLE, ids=lambda value: f"{value.column} of a {value.record}")
def test_the_database_lets_through_whatever_is_put_right(
    world: World, everywhere: dict[str, str], value: Correctable
) -> None:
    """A value a little above or below, with all that follows from it; never an incident, and once at least accepted.
    The times of a dose lie one on the other here: the rules refuse them, or not, and never the database."""
    code, who = everywhere[value.record], "tina" if Role.TECHNICIAN in value.roles else "clara"
    accepted = []
    for step in (1, 2) if value.unit == CELLS else (-1, 1):
        stands = getattr(row(world, OF_KIND[value.record], code), value.column)
        if value.column == "cells_seeded" and stands is None:
            pytest.skip("nobody knows how many cells were in the tissue")
        right = stands + step * (MINUTE / 30 if value.unit == TIME else 1 if value.unit == CELLS else Decimal("0.01"))
        accepted.append(put_right(world, who, code, value.column, right).accepted)
    assert any(accepted) or (value.unit == TIME and value.record in ("dose", "vial"))

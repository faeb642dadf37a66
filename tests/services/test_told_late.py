"""A permission may be refused; a fact may not: what has happened is told late, and what was not allowed about it
becomes one deviation. Until then it is refused as ever; the database says the same where a rule is silent."""

import datetime
import re
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellbank.records.deviations import Deviation, DeviationLink
from cellbank.records.production import Vial
from cellbank.records.trail import Act, Irregularity
from cellbank.services import catalogue, performing
from cellbank.services.acts import Malformed, TellingInput
from cellbank.services.clinic import thawing
from cellbank.services.trail.history import history
from cellbank.services.trail.trail_search import Query, search
from tests.factories.doses import MINUTE, OrderedDose, checked_dose, ordered_dose, picked_dose, product_lot, row_of
from tests.factories.lots import FrozenLot
from tests.factories.production import DAY, delivered, growing_culture
from tests.factories.world import World

ON_HOLD = ["ON_HOLD", "LOT_NOT_RELEASED"]
WHY = "The network was down"
HOUR, SECOND = datetime.timedelta(hours=1), datetime.timedelta(seconds=1)


@pytest.fixture(scope="module")
def lot(world: World) -> FrozenLot:
    return product_lot(world, vials=24)


@pytest.fixture
def dose(world: World, lot: FrozenLot) -> OrderedDose:
    """Picked, of which a thaw is told an hour later."""
    return picked_dose(world, ordered_dose(world, lot=lot))


def thaw(dose: OrderedDose, **given: Any) -> dict[str, Any]:
    """What is told of a thaw that happened five minutes after the order, an hour later."""
    told = {"happened_at": dose.at + 5 * MINUTE, "entered_late_because": WHY, "now": dose.at + HOUR}
    return {"dose": dose.code, "vial": dose.vials[0], **told, **given}


def act_row(world: World, act: int) -> Act:
    with Session(world.installation.reads) as session:
        return session.get_one(Act, act)


def irregularities(world: World, act: int) -> list[str]:
    with Session(world.installation.reads) as session:
        rules = select(Irregularity.rule).where(Irregularity.act_id == act).order_by(Irregularity.id)
        return list(session.scalars(rules))


def deviation_of(world: World, code: str) -> tuple[Deviation, set[str]]:
    """A deviation, and the codes to which it is linked."""
    with Session(world.installation.reads) as session:
        found = session.scalars(select(Deviation).where(Deviation.code == code)).one()
        links = select(DeviationLink.record_code).where(DeviationLink.deviation_id == found.id)
        return found, set(session.scalars(links))


def stopped_dose(world: World) -> OrderedDose:
    """A picked dose whose lot was put on hold since."""
    dose = picked_dose(world, ordered_dose(world, lot=product_lot(world)))
    world.do("quinn", "hold_lot", lot=dose.lot.code, reason="A complaint is looked into")
    return dose


# --- both times -------------------------------------------------------------------------------


def test_every_act_that_tells_has_both_fields_and_no_other_act_has() -> None:
    for name, registered in catalogue.load().items():
        fields = set(registered.input.model_fields)
        assert ({"happened_at", "entered_late_because"} <= fields) == issubclass(registered.input, TellingInput), name


@pytest.mark.requirement("R20")
def test_a_late_thaw_keeps_when_it_happened_when_it_was_entered_and_why(world: World, dose: OrderedDose) -> None:
    outcome = world.try_act("tina", "thaw_vial", **thaw(dose))
    assert outcome.accepted and "deviation" not in outcome.result
    row = act_row(world, outcome.act)
    assert (row.happened_at, row.at, row.late_reason) == (dose.at + 5 * MINUTE, dose.at + HOUR, WHY)
    assert row_of(world, dose.code).thaw_started_at == dose.at + 5 * MINUTE
    event = history(world.installation, "dose", dose.code).events[0]
    assert (event.happened_at, event.at, event.late_reason) == (dose.at + 5 * MINUTE, dose.at + HOUR, WHY)
    line = search(world.installation, Query(act="thaw_vial", record=dose.code))[0]
    assert (line.happened_at, line.late_reason) == (dose.at + 5 * MINUTE, WHY)


def test_what_is_late_says_why(world: World, dose: OrderedDose) -> None:
    silent = thaw(dose, entered_late_because=None)
    assert world.codes("tina", "thaw_vial", **silent) == ["LATE_REASON_NEEDED"]
    in_time = thaw(dose, entered_late_because=None, now=dose.at + 15 * MINUTE)
    outcome = world.try_act("tina", "thaw_vial", **in_time)
    assert outcome.accepted and act_row(world, outcome.act).late_reason is None


def test_a_reason_needs_its_time(world: World, dose: OrderedDose) -> None:
    with pytest.raises(Malformed) as caught:
        world.try_act("tina", "thaw_vial", dose=dose.code, vial=dose.vials[0], entered_late_because=WHY)
    assert "say when it happened" in caught.value.problems[0].message


def test_a_fact_lies_neither_in_the_future_nor_before_what_it_is_about(world: World, dose: OrderedDose) -> None:
    for minutes, codes in ((63, ["IN_THE_FUTURE"]), (-2, ["OUT_OF_ORDER"])):
        given = thaw(dose, happened_at=dose.at + minutes * MINUTE)
        assert world.codes("tina", "thaw_vial", **given) == codes


@pytest.mark.parametrize(("ahead", "codes"), [(50, []), (90, ["IN_THE_FUTURE"]), (120, ["IN_THE_FUTURE"])])
def test_an_end_is_not_told_before_it_has_come(world: World, ahead: int, codes: list[str]) -> None:
    """A watch may be a little ahead of the server: then the server's time is kept, and never one to come."""
    dose = checked_dose(world)
    world.do("clara", "start_infusion", now=dose.at + 45 * MINUTE, dose=dose.code)
    now = dose.at + 60 * MINUTE
    given = {"dose": dose.code, "volume_given_ml": "50", "happened_at": now + ahead * SECOND}
    assert world.codes("clara", "stop_infusion", now=now, **given) == codes
    assert row_of(world, dose.code).infusion_stopped_at == (None if codes else now)


def test_the_database_keeps_no_act_told_of_a_time_to_come(world: World) -> None:
    told = {"now": world.now, "then": world.now + SECOND, "why": None}
    with pytest.raises(IntegrityError) as caught, world.installation.engine.begin() as connection:
        act = connection.execute(text(OPEN_ACT), told).one().id
        connection.execute(text("UPDATE act SET outcome = 'accepted' WHERE id = :act"), {"act": act})
    assert caught.value.orig.diag.constraint_name == "ck_act_not_told_ahead"


def test_the_earlier_name_of_the_time_is_still_read(world: World) -> None:
    culture = growing_culture(world)
    counted = {"culture": culture, "total_cells": 12_000_000, "viability_percent": "95"}
    outcome = world.try_act("tina", "record_harvest", **counted, harvested_at=world.now - DAY)
    assert act_row(world, outcome.act).happened_at == world.now - DAY


# --- what was not allowed ---------------------------------------------------------------------


@pytest.mark.requirement("R20")
def test_what_was_not_allowed_is_refused_in_time_and_a_deviation_late(world: World) -> None:
    dose = stopped_dose(world)
    now = thaw(dose, happened_at=None, entered_late_because=None)
    assert world.codes("tina", "thaw_vial", **now) == ON_HOLD
    asked = world.try_act("tina", "thaw_vial", **thaw(dose), dry_run=True)
    assert asked.accepted and [one["code"] for one in asked.result["irregularities"]] == ON_HOLD
    outcome = world.try_act("tina", "thaw_vial", **thaw(dose))
    assert outcome.accepted and [one["code"] for one in outcome.result["irregularities"]] == ON_HOLD
    assert irregularities(world, outcome.act) == ["dose_only_from_a_released_lot", *ON_HOLD]
    deviation, links = deviation_of(world, outcome.result["deviation"])
    assert (deviation.classification, deviation.occurred_at) == ("critical", dose.at + 5 * MINUTE)
    assert WHY in deviation.description and "ON_HOLD: " in deviation.description
    assert links == {dose.code, dose.subject, dose.lot.code, dose.vials[0]}
    assert row_of(world, dose.code).state == "THAWING"


def test_what_cannot_be_is_refused_late_as_well(world: World, lot: FrozenLot, dose: OrderedDose) -> None:
    other = ordered_dose(world, lot=lot)
    assert world.codes("tina", "thaw_vial", **thaw(dose, vial=other.vials[0])) == [
        "VIAL_OF_ANOTHER_SUBJECT",
        "WRONG_STATE",
    ]
    assert world.codes("clara", "thaw_vial", **thaw(dose)) == ["ROLE_NOT_ALLOWED"]
    started = {name: value for name, value in thaw(dose).items() if name != "vial"}
    assert "WRONG_STATE" in world.codes("clara", "start_infusion", **started)


# --- the database -----------------------------------------------------------------------------


def silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """No rule of the application says anything about a thaw."""
    monkeypatch.setattr(thawing, "thaw_refusals", lambda facts: ())


@pytest.mark.the_database_refuses("ck_act_a_late_fact_says_why")
def test_the_database_too_asks_why_a_fact_is_told_late(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the application nor the database takes what is told days late without a word."""
    culture = growing_culture(world)
    harvested = delivered(world) + 15 * DAY
    told = {"culture": culture, "total_cells": 12_000_000, "viability_percent": "95", "happened_at": harvested}
    told["entered_late_because"] = None
    late = {"now": harvested + 2 * DAY, **told}
    assert "LATE_REASON_NEEDED" in world.codes("tina", "record_harvest", **late)
    monkeypatch.setattr("cellbank.records.work.late_refusals", lambda *facts: ())
    assert world.codes("tina", "record_harvest", **late) == ["LATE_REASON_NEEDED"]
    assert world.do("tina", "record_harvest", **{**late, "entered_late_because": WHY})["state"] == "HARVESTED"


@pytest.mark.requirement("R20", "R24")
@pytest.mark.the_database_refuses("an_irregular_fact_has_a_deviation", "dose_only_from_a_released_lot")
def test_the_database_asks_it_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    dose = stopped_dose(world)
    silence(monkeypatch)
    now = thaw(dose, happened_at=None, entered_late_because=None)
    assert world.codes("tina", "thaw_vial", **now) == ["LOT_NOT_RELEASED"]
    with monkeypatch.context() as unreported:
        unreported.setattr(performing, "report_irregular", lambda work, made: None)
        assert world.codes("tina", "thaw_vial", **thaw(dose)) == ["DEVIATION_OPEN"]
    with Session(world.installation.reads) as session:
        assert session.scalars(select(Vial.thawed_at).where(Vial.code == dose.vials[0])).one() is None
    outcome = world.try_act("tina", "thaw_vial", **thaw(dose))
    assert irregularities(world, outcome.act) == ["dose_only_from_a_released_lot"]
    deviation, _ = deviation_of(world, outcome.result["deviation"])
    assert deviation.classification == "critical" and "dose_only_from_a_released_lot" in deviation.description


OPEN_ACT = """INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at, happened_at,
                               late_reason)
              SELECT 1, id, 'thaw_vial', '{}', '', 'test', '0', :now, :then, :why FROM person WHERE name = 'tina'
              RETURNING id"""
IRREGULAR = "INSERT INTO irregularity (act_id, rule, detail) VALUES (:act, 'ON_HOLD', 'It was on hold')"


@pytest.mark.parametrize(
    ("then", "why", "rule"),
    [
        (None, None, "only_a_late_fact_is_irregular"),
        (None, WHY, "ck_act_told_late"),
        (HOUR, WHY, "ck_act_told_late"),
        (-HOUR, WHY, "an_irregular_fact_has_a_deviation"),
    ],
)
def test_nothing_is_irregular_but_a_late_fact_with_its_deviation(
    world: World, then: datetime.timedelta | None, why: str | None, rule: str
) -> None:
    told = {"now": world.now, "then": then and world.now + then, "why": why}
    with pytest.raises(IntegrityError) as caught, world.installation.engine.begin() as connection:
        act = connection.execute(text(OPEN_ACT), told).one().id
        connection.execute(text(IRREGULAR), {"act": act})
        connection.execute(text("UPDATE act SET outcome = 'accepted' WHERE id = :act"), {"act": act})
    assert caught.value.orig.diag.constraint_name == rule


PERMISSIONS = {
    "no_dose_below_its_viability",
    "no_dose_out_of_its_band",
    "a_short_dose_is_accepted",
    "dose_only_from_a_released_lot", "nothing_expired_is_thawed", "no_dose_from_a_vial_that_warmed",
    "no_dose_for_the_control_arm", "a_dose_is_given_on_its_day", "dose_only_for_an_enrolled_subject",
    "no_dose_from_an_undecided_excursion",
    "not_started_after_expiry", "the_box_is_in_service", "a_unit_goes_where_it_may_be_filled",
    "only_vials_of_a_released_bank_are_cultured", "no_cells_from_an_ineligible_donor",
    "only_accepted_reagents_are_used", "no_expired_reagent_is_used", "no_reagent_is_used_too_long_after_opening",
    "only_vials_of_a_released_lot_are_shipped", "only_a_qualified_shipper_is_sealed",
    "cells_only_from_an_accepted_donation", "one_live_reservation_per_vial", "a_dose_comes_from_one_lot",
    "only_vials_of_a_released_lot_are_reserved", "a_decision_comes_before_the_next_dose",
    "no_more_dmso_a_day_than_is_tolerated", "a_discarded_vial_is_not_given", "a_finished_dose_is_not_given",
    "no_more_than_prepared", "one_live_dose_per_subject_and_day", "a_form_is_confirmed_before_the_next_dose",
    # What a paper form tells as it is written: checks that nobody made, parts that nobody knows, times that cross.
    "no_infusion_without_two_verifiers", "prepared_is_complete", "stopped_after_started",
    "no_more_cells_than_its_vials_held",
}  # fmt: skip


def test_the_database_lets_these_rules_pass_for_a_late_fact_and_no_others(world: World) -> None:
    bodies = text("SELECT prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
    with world.installation.reads.connect() as connection:
        calls = [call for body in connection.scalars(bodies) for call in body.split("PERFORM ")[1:]]
    asked = [re.findall(r"'([a-z_]+)',\s*'[^']*'\);", call)[:1] for call in calls if call.startswith("may(")]
    assert {rule for found in asked for rule in found} == PERMISSIONS

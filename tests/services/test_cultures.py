"""Isolation, harvest, passage, bank vials: what is recorded, calculated and refused."""

import datetime
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellbank.domain.identifiers import Kind, record_code
from cellbank.records.production import Culture, ReagentLot, ReagentUse
from cellbank.records.trail import Act, Change
from cellbank.services.acts import Malformed
from cellbank.services.trail.history import history
from tests.factories import production as make
from tests.factories.production import DAY, HOUR
from tests.factories.world import World

UNKNOWN = record_code(Kind.REAGENT, 32**5 + 1)


def culture(world: World, code: str) -> Culture:
    with Session(world.installation.reads) as session:
        return session.scalars(select(Culture).where(Culture.code == code)).one()


def acts_on(world: World, record: Culture) -> list[str]:
    """The acts that the trail knows of this culture, in order."""
    with Session(world.installation.reads) as session:
        acts = select(Act.name).join(Change).where(Change.record_kind == "culture", Change.record_id == record.id)
        return list(session.scalars(acts.order_by(Change.id)))


def isolation(world: World, din: str, **given: Any) -> dict[str, Any]:
    usual = {"method": "explant", "vessel": "T175", "area_cm2": 175, "reagents": [make.medium(world)]}
    return {"donation": din, "started_at": make.delivered(world) + DAY, **usual, **given}


def seeding(world: World, parent: str, **given: Any) -> dict[str, Any]:
    """What is given to passage a culture as soon as it was harvested."""
    usual = {"vessel": "T1000", "area_cm2": 1000, "viable_cells": 3_000_000, "reagents": [make.medium(world)]}
    return {"now": culture(world, parent).harvested_at or world.now, "culture": parent, **usual, **given}


@pytest.fixture(scope="module")
def din(world: World) -> str:
    return make.donation(world)


@pytest.fixture
def growing(world: World, din: str) -> str:
    return make.growing_culture(world, din)


@pytest.fixture
def harvested(world: World, din: str) -> str:
    return make.harvested_culture(world, din, total_cells=10_000_000, viability_percent="90")


# --- isolation --------------------------------------------------------------------------------


def test_one_donation_starts_several_vessels_each_with_its_own_code(world: World, din: str) -> None:
    made = world.do("tina", "isolate_tissue", **isolation(world, din, vessel_count=3))
    assert len(set(made["cultures"])) == 3 and made["code"] == made["cultures"][0]
    first = culture(world, made["code"])
    assert (first.state, first.passage, first.cells_seeded, first.cumulative_doublings) == ("GROWING", 0, None, 0)
    with Session(world.installation.reads) as session:
        uses = select(ReagentLot.code).join(ReagentUse).where(ReagentUse.culture_id == first.id)
        assert list(session.scalars(uses)) == [make.medium(world)]


def test_tissue_older_than_the_hard_limit_is_not_processed(world: World, din: str) -> None:
    on_time = make.delivered(world) + HOUR + 48 * HOUR
    assert world.codes("tina", "isolate_tissue", dry_run=True, **isolation(world, din, started_at=on_time)) == []
    late = isolation(world, din, started_at=on_time + datetime.timedelta(minutes=1))
    assert world.codes("tina", "isolate_tissue", **late) == ["TOO_LATE"]


def test_late_but_possible_processing_is_shown(world: World, din: str) -> None:
    given = isolation(world, din, started_at=make.delivered(world) + 30 * HOUR)
    warnings = world.try_act("tina", "isolate_tissue", dry_run=True, **given).result["warnings"]
    assert [warning["code"] for warning in warnings] == ["TOO_LATE"]


def test_isolation_comes_after_the_receipt(world: World, din: str) -> None:
    given = isolation(world, din, started_at=make.delivered(world) + 2 * HOUR)
    assert world.codes("tina", "isolate_tissue", **given) == ["OUT_OF_ORDER"]


def test_a_donation_that_waits_for_a_decision_is_not_processed(world: World) -> None:
    waiting = make.donation(world, make.consented_donor(world), transport_max_c="12")
    assert world.codes("tina", "isolate_tissue", **isolation(world, waiting)) == ["DONATION_NOT_ACCEPTED"]
    world.do("quinn", "decide_donation", donation=waiting, decision="reject", reason="Too warm for too long")
    assert world.codes("tina", "isolate_tissue", **isolation(world, waiting)) == ["DONATION_NOT_ACCEPTED"]


def test_an_isolation_from_tissue_that_was_not_accepted_is_told_late_with_its_deviation(world: World) -> None:
    waiting = make.donation(world, make.consented_donor(world), transport_max_c="12")
    at = make.delivered(world) + DAY
    told = world.try_act("tina", "isolate_tissue", now=at + HOUR, **isolation(world, waiting, started_at=at))
    assert told.accepted, told.refusals
    assert [one["code"] for one in told.result["irregularities"]] == ["DONATION_NOT_ACCEPTED"]
    assert told.result["deviation"]


def test_nothing_is_isolated_from_an_ineligible_donor(world: World) -> None:
    donor = make.consented_donor(world)
    din = make.donation(world, donor)
    world.do("quinn", "determine_eligibility", donor=donor, decision="ineligible", reason="History of hepatitis")
    assert world.codes("tina", "isolate_tissue", **isolation(world, din)) == ["DONOR_NOT_ELIGIBLE"]


def test_a_hold_does_not_stop_the_laboratory(world: World) -> None:
    donor = make.donor(world)
    consent = make.consent(world, donor)
    din = make.donation(world, donor)
    world.do("tina", "withdraw_consent", consent=consent, reason="The donor changed her mind")
    started = world.do("tina", "isolate_tissue", **isolation(world, din))["code"]
    assert make.harvest(world, started, make.delivered(world) + 15 * DAY)["state"] == "HARVESTED"


def test_a_reagent_in_quarantine_is_refused_and_so_is_a_rejected_one(world: World, din: str) -> None:
    reagent = make.received_reagent(world)
    given = isolation(world, din, reagents=[reagent])
    assert world.codes("tina", "isolate_tissue", **given) == ["REAGENT_QUARANTINED"]
    world.do("quinn", "decide_reagent", reagent=reagent, decision="reject", reason="Certificate missing")
    assert world.codes("tina", "isolate_tissue", **given) == ["REAGENT_QUARANTINED"]


def test_a_reagent_may_be_used_on_its_last_day_and_not_after(world: World, din: str) -> None:
    day = (make.delivered(world) + DAY).date()
    good = make.accepted_reagent(world, expires_on=day)
    assert world.codes("tina", "isolate_tissue", dry_run=True, **isolation(world, din, reagents=[good])) == []
    stale = make.accepted_reagent(world, expires_on=day - DAY)
    assert world.codes("tina", "isolate_tissue", **isolation(world, din, reagents=[stale])) == ["REAGENT_EXPIRED"]


def test_an_unknown_reagent_and_one_scanned_twice(world: World, din: str) -> None:
    assert world.codes("tina", "isolate_tissue", **isolation(world, din, reagents=[UNKNOWN])) == ["NOT_FOUND"]
    with pytest.raises(Malformed, match="reagents"):
        world.try_act("tina", "isolate_tissue", **isolation(world, din, reagents=[make.medium(world)] * 2))


# --- harvest ----------------------------------------------------------------------------------


def test_the_growth_of_a_passage_is_calculated_and_kept(world: World, din: str) -> None:
    parent = make.harvested_culture(world, din, total_cells=200_000_000)
    harvested_at = make.delivered(world) + 15 * DAY
    child = make.passaged(world, parent, harvested_at, viable_cells=18_960_000, area_cm2=6320)[0]
    at = harvested_at + 96 * HOUR
    shown = make.harvest(world, child, at, total_cells=200_000_000, viability_percent="95")["growth"]
    assert shown == {
        "viable_cells": 190_000_000,
        "population_doublings": "3.325",
        "doubling_time_h": "28.9",
        "cumulative_doublings": "3.325",
        "flag": None,
    }
    row = culture(world, child)
    assert (row.state, row.passage, row.cells_left, row.population_doublings, row.doubling_time_h) == (
        "HARVESTED",
        1,
        200_000_000,
        Decimal("3.325"),
        Decimal("28.9"),
    )
    assert acts_on(world, row) == ["passage_culture", "record_harvest"]


def test_the_level_adds_up_over_passages(world: World, din: str) -> None:
    row = culture(world, make.harvested_culture(world, din, passages=2, total_cells=12_000_000))
    # 12 000 000 at 95 % from 3 000 000 living cells, twice: log2(3.8) = 1.926
    assert (row.passage, row.cumulative_doublings) == (2, Decimal("3.852"))


def test_p0_of_tissue_says_that_its_start_is_unknown(world: World, growing: str) -> None:
    shown = make.harvest(world, growing, make.delivered(world) + 15 * DAY)["growth"]
    assert (shown["population_doublings"], shown["cumulative_doublings"], shown["flag"]) == (
        None,
        "0.000",
        "START_UNKNOWN",
    )


def test_fewer_cells_than_seeded_are_recorded_only_when_confirmed_with_a_note(world: World, harvested: str) -> None:
    at = make.delivered(world) + 15 * DAY
    child = make.passaged(world, harvested, at)[0]
    given = {"culture": child, "total_cells": 2_000_000, "viability_percent": "50", "harvested_at": at + 4 * DAY}
    assert world.codes("tina", "record_harvest", **given) == ["FEWER_CELLS_THAN_SEEDED"]
    assert world.codes("tina", "record_harvest", **given, fewer_cells_confirmed=True) == ["FEWER_CELLS_THAN_SEEDED"]
    world.do("tina", "record_harvest", **given, fewer_cells_confirmed=True, note="Detached badly, counted twice")
    row = culture(world, child)
    assert (row.population_doublings, row.doubling_time_h) == (Decimal("-1.585"), None)
    assert row.cumulative_doublings == Decimal("-1.585") and row.harvest_note == "Detached badly, counted twice"


def test_one_cell_more_than_seeded_has_no_doubling_time(world: World, harvested: str) -> None:
    at = make.delivered(world) + 15 * DAY
    child = make.passaged(world, harvested, at)[0]
    shown = make.harvest(world, child, at + 4 * DAY, total_cells=3_000_001, viability_percent="100")["growth"]
    assert (shown["population_doublings"], shown["doubling_time_h"]) == ("0.000", None)


def test_a_poor_harvest_is_recorded_with_warnings(world: World, growing: str) -> None:
    at = make.delivered(world) + 15 * DAY
    poor = make.harvest(world, growing, at, viability_percent="82", confluence_percent="95")
    assert [warning["code"] for warning in poor["warnings"]] == ["VIABILITY_TOO_LOW", "OUTSIDE_LIMITS"]


def test_a_harvest_is_later_than_the_seeding_and_not_in_the_future(world: World, growing: str) -> None:
    counted = {"culture": growing, "total_cells": 1_000_000, "viability_percent": "95"}
    for at, code in ((make.delivered(world) + DAY, "OUT_OF_ORDER"), (world.now + DAY, "IN_THE_FUTURE")):
        assert world.codes("tina", "record_harvest", **counted, harvested_at=at) == [code]


def test_a_culture_is_harvested_once(world: World, harvested: str) -> None:
    counted = {"culture": harvested, "total_cells": 1_000_000, "viability_percent": "95"}
    assert world.codes("tina", "record_harvest", **counted) == ["WRONG_STATE"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("viability_percent", "101"),
        ("viability_percent", "NaN"),
        ("viability_percent", "-1"),
        ("total_cells", 10**30),
        ("total_cells", 0),
        ("total_cells", "1.5"),
        ("confluence_percent", "120"),
        ("happened_at", "2026-03-02T10:00"),
    ],
)
def test_a_count_that_cannot_be_is_malformed(world: World, growing: str, field: str, value: Any) -> None:
    given = {"culture": growing, "total_cells": 1_000_000, "viability_percent": "95", field: value}
    with pytest.raises(Malformed) as caught:
        world.try_act("tina", "record_harvest", **given)
    assert [problem.field for problem in caught.value.problems] == [field]


# --- passage ----------------------------------------------------------------------------------


def test_living_cells_seeded_take_all_the_cells_that_hold_them(world: World, harvested: str) -> None:
    made = world.do("tina", "passage_culture", **seeding(world, harvested, vessel_count=2))
    # 6 000 000 living cells at 90 % viability are 6 666 666.7 cells: rounded up
    assert made["cells_taken"] == 6_666_667 and culture(world, harvested).cells_left == 3_333_333
    children = [culture(world, code) for code in made["cultures"]]
    assert {(child.passage, child.cells_seeded, child.state) for child in children} == {(1, 3_000_000, "GROWING")}


def test_no_more_cells_than_are_left(world: World, harvested: str) -> None:
    assert world.codes("tina", "passage_culture", **seeding(world, harvested, viable_cells=9_000_001)) == [
        "CELLS_EXCEED_SOURCE"
    ]
    world.do("tina", "passage_culture", **seeding(world, harvested, viable_cells=9_000_000))
    assert culture(world, harvested).cells_left == 0


def test_a_growing_culture_is_not_passaged(world: World, growing: str) -> None:
    assert world.codes("tina", "passage_culture", **seeding(world, growing)) == ["WRONG_STATE"]


def test_seeding_comes_after_the_harvest(world: World, harvested: str) -> None:
    early = seeding(world, harvested, seeded_at=make.delivered(world) + 10 * DAY)
    assert world.codes("tina", "passage_culture", **early) == ["OUT_OF_ORDER"]


def test_an_unusual_density_is_shown(world: World, harvested: str) -> None:
    sparse = seeding(world, harvested, viable_cells=500_000)
    warnings = world.try_act("tina", "passage_culture", dry_run=True, **sparse).result["warnings"]
    assert [warning["code"] for warning in warnings] == ["OUTSIDE_LIMITS"]


def test_passages_end_at_the_limit_of_the_specification(world: World, din: str) -> None:
    last = make.harvested_culture(world, din, passages=5)
    assert world.codes("tina", "passage_culture", **seeding(world, last)) == ["PASSAGE_LIMIT"]


def test_a_level_above_the_limit_is_recorded_and_goes_no_further(world: World, din: str) -> None:
    at = make.delivered(world) + 15 * DAY
    code = make.harvested_culture(world, din, total_cells=10_000_000)
    for doublings in ("0", "10.061", "20.122"):
        assert culture(world, code).cumulative_doublings == Decimal(doublings)
        if doublings == "20.122":
            break
        few = {"viable_cells": 100_000, "area_cm2": "100"}
        code = make.passaged(world, code, at, **few)[0]
        at += 9 * DAY
        last = make.harvest(world, code, at, total_cells=106_800_000 + 3_000_000, viability_percent="97.3")
    assert [warning["code"] for warning in last["warnings"]] == ["POPULATION_DOUBLING_LIMIT"]
    assert world.codes("tina", "passage_culture", **seeding(world, code)) == ["POPULATION_DOUBLING_LIMIT"]


# --- the end of a culture ---------------------------------------------------------------------


def test_cells_that_are_left_at_the_end_are_lost_and_said_so(world: World, harvested: str) -> None:
    world.do("tina", "passage_culture", **seeding(world, harvested))
    finished = world.do("tina", "finish_culture", culture=harvested)
    row = culture(world, harvested)
    assert (finished["cells_lost"], row.cells_lost, row.cells_left, row.state) == (6_666_666, 6_666_666, 0, "FINISHED")
    assert world.codes("tina", "passage_culture", **seeding(world, harvested))[0] == "WRONG_STATE"


def test_a_culture_is_discarded_while_it_grows(world: World, growing: str, harvested: str) -> None:
    assert world.do("tina", "discard_culture", culture=growing, reason="Contaminated")["state"] == "DISCARDED"
    assert culture(world, growing).end_note == "Contaminated"
    lost = world.do("tina", "discard_culture", culture=harvested, reason="The flask was dropped")
    assert lost["state"] == "DISCARDED" and lost["cells_lost"] > 0
    assert world.codes("tina", "discard_culture", culture=harvested, reason="Once more") == ["WRONG_STATE"]


@pytest.mark.parametrize("act", ["isolate_tissue", "passage_culture", "finish_culture"])
def test_only_a_technician_works_at_the_bench(world: World, din: str, harvested: str, act: str) -> None:
    given = {
        "isolate_tissue": isolation(world, din),
        "passage_culture": seeding(world, harvested),
        "finish_culture": {"culture": harvested},
    }[act]
    assert world.codes("clara", act, **given) == ["ROLE_NOT_ALLOWED"]


# --- the database has the last word -----------------------------------------------------------

INSERT_CULTURE = (
    "INSERT INTO culture (site_id, donation_id, code, passage, method, started_at, cumulative_doublings, vessel, "
    "state) SELECT 1, id, 'CUX', 0, 'explant', now(), 0, 'T175', 'GROWING' FROM donation WHERE code = :code"
)
INSERT_USE = (
    "INSERT INTO reagent_use (reagent_lot_id, culture_id, used_at) SELECT r.id, (SELECT min(id) FROM culture), :at "
    "FROM reagent_lot r WHERE code = :code"
)


def broken_rule(world: World, statement: str, **given: Any) -> str:
    """The name of the rule with which the database refuses a statement."""
    with pytest.raises(IntegrityError) as caught, world.installation.engine.begin() as connection:
        connection.execute(text(statement), given)
    return str(caught.value.orig.diag.constraint_name)  # type: ignore[union-attr]


def test_the_database_starts_no_culture_from_tissue_that_is_not_accepted(world: World) -> None:
    donor = make.consented_donor(world)
    waiting = make.donation(world, donor, transport_max_c="12")
    assert broken_rule(world, INSERT_CULTURE, code=waiting) == "cells_only_from_an_accepted_donation"
    accepted = make.donation(world, donor)
    world.do("quinn", "determine_eligibility", donor=donor, decision="ineligible", reason="History of hepatitis")
    assert broken_rule(world, INSERT_CULTURE, code=accepted) == "no_cells_from_an_ineligible_donor"


def test_the_database_uses_no_reagent_that_is_not_accepted_or_has_expired(world: World, growing: str) -> None:
    at = make.delivered(world)
    quarantined = make.received_reagent(world)
    assert broken_rule(world, INSERT_USE, code=quarantined, at=at) == "only_accepted_reagents_are_used"
    stale = make.accepted_reagent(world, expires_on=(at - DAY).date())
    assert broken_rule(world, INSERT_USE, code=stale, at=at) == "no_expired_reagent_is_used"


# --- many at once -----------------------------------------------------------------------------


def test_a_hundred_vessels_are_one_act_of_few_statements(world: World, din: str) -> None:
    parent = make.harvested_culture(world, din, total_cells=500_000_000)
    statements: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(world.installation.engine, "before_cursor_execute", count)
    try:
        made = world.do("tina", "passage_culture", **seeding(world, parent, vessel_count=100))
    finally:
        event.remove(world.installation.engine, "before_cursor_execute", count)
    assert len(made["cultures"]) == 100 and len(statements) <= 15


@pytest.mark.races
def test_two_people_cannot_take_the_same_cells(world: World, harvested: str) -> None:
    """9 000 000 living cells are there. Of eight people who want 3 000 000 each at once, two get them: 3 333 334 cells
    are taken each time, and the third share would need two cells more than there are."""
    given = seeding(world, harvested, reagents=[make.medium(world)])
    with ThreadPoolExecutor(8) as people:
        outcomes = list(people.map(lambda _: world.try_act("tina", "passage_culture", **given), range(8)))
    refused = [outcome.refusals[0].code.value for outcome in outcomes if not outcome.accepted]
    assert sum(outcome.accepted for outcome in outcomes) == 2 and refused == ["CELLS_EXCEED_SOURCE"] * 6
    assert culture(world, harvested).cells_left == 10_000_000 - 2 * 3_333_334


# --- what can hardly be -----------------------------------------------------------------------


def test_a_harvest_minutes_after_seeding_is_asked_about_and_kept_with_its_answer(world: World, harvested: str) -> None:
    at = make.delivered(world) + 15 * DAY
    child = make.passaged(world, harvested, at)[0]
    soon = {"now": at + HOUR / 3, "culture": child, "total_cells": 12_000_000, "viability_percent": "95"}
    refused = world.try_act("tina", "record_harvest", **soon).refusals
    assert [one.code.value for one in refused] == ["IMPROBABLE"] * 2  # its time, and a doubling in ten minutes
    told = world.do("tina", "record_harvest", improbable_because="The clock of the bench was wrong", **soon)
    assert [one["code"] for one in told["warnings"]] == ["IMPROBABLE"] * 2
    answered = history(world.installation, "culture", child).events[0].answered
    assert answered is not None and answered.because == "The clock of the bench was wrong"
    assert answered.asked[0] == f"Culture {child} would have been harvested 20 min after it was seeded."


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"viable_cells": 30_000}, "30 000 living cells"),
        ({"viable_cells": 8_000_000, "area_cm2": 20}, "on 20 cm²"),
        ({"after": 3 * DAY}, "3 days after"),
    ],
)
def test_a_passage_that_can_hardly_be_is_asked_about(
    world: World, harvested: str, changed: dict[str, Any], word: str
) -> None:
    at = make.delivered(world) + 15 * DAY + changed.pop("after", 0 * DAY)
    given = {**seeding(world, harvested, **changed), "now": at}
    (asked,) = world.try_act("tina", "passage_culture", **given).refusals
    assert asked.code == "IMPROBABLE" and word in asked.detail
    assert world.do("tina", "passage_culture", improbable_because="So it was", **given)["cultures"]


def test_an_answer_to_no_question_is_no_answer(world: World, growing: str) -> None:
    told = make.harvest(world, growing, make.delivered(world) + 15 * DAY, improbable_because="Just in case")
    assert told.get("warnings", []) == [] and history(world.installation, "culture", growing).events[0].answered is None

"""The history of a record in the lab's words: what was changed from what to what, why, and what was refused."""

import re

import pytest
from sqlalchemy import text

from cellbank.records.tables import metadata, record_tables
from cellbank.services.installation import Installation
from cellbank.services.trail.history import History, history
from cellbank.services.trail.trail_search import Query, search
from cellbank.services.wording.column_words import WORDS, told
from tests.conftest import StoryInstallation
from tests.factories.doses import prepared_dose
from tests.factories.people import badge, by_two
from tests.factories.production import donation
from tests.factories.quality import passed_lot
from tests.factories.world import World

pytestmark = pytest.mark.requirement("R5", "R17")


def lines(past: History, act: str) -> dict[str, tuple]:
    """What the latest act of this name says: label -> (before, after, unit)."""
    event = next(event for event in past.events if event.name == act)
    return {line.label: (line.before, line.after, line.unit) for line in event.changes}


def test_a_dose_tells_its_way_with_names_and_units(installation: Installation, world: World) -> None:
    dose = prepared_dose(world)
    past = history(installation, "dose", dose.code)
    prepared = lines(past, "prepare_dose")
    assert prepared["State"] == ("COUNTED", "PREPARED", "")
    assert prepared["Prepared by"] == (None, "Taras Technician", "")
    counted = lines(past, "pool_and_count")
    assert (
        counted["Viability"][2] == "%" and counted["Pooled"][2] == "mL" and counted["Living cells drawn"][2] == "cells"
    )
    ordered = lines(past, "order_dose")
    assert ordered["Subject"][1] == dose.subject and ordered["Lot"][1] == dose.lot.code
    assert isinstance(ordered["Calculation"][1], dict)  # long values too
    assert [event.name for event in past.events][-1] == "order_dose"


def test_a_reason_and_a_change_stand_beside_each_other(installation: Installation, world: World) -> None:
    name = world.people["taras"].name
    code = badge(world, name)
    by_two(world, "change_roles", name, roles=["technician", "clinician"], reason="helps on the ward")
    world.do("ada", "change_roles", name=name, roles=["technician"], reason="back in the laboratory")
    event = history(installation, "person", code).events[0]
    assert event.reason == "back in the laboratory"
    assert [(line.label, line.before, line.after) for line in event.changes] == [
        ("Roles", ["clinician", "technician"], ["technician"])
    ]


def test_a_vial_tells_where_it_stood_and_a_box_what_left_it(installation: Installation, world: World) -> None:
    dose = prepared_dose(world)
    vial = history(installation, "vial", dose.vials[0])
    box = dose.lot.box
    put_away = lines(vial, "store_vials")
    assert box in put_away["Box"][1] and put_away["Position"][1] == 1
    taken = lines(history(installation, "storage_unit", box), "pick_vial")
    assert taken["Vial"][1] in dose.vials and taken["Taken out"][1] is not None


def test_what_was_refused_is_part_of_the_history(installation: Installation, world: World) -> None:
    dose = prepared_dose(world)
    outcome = world.try_act("tina", "thaw_vial", dose=dose.code, vial=dose.vials[0])
    assert not outcome.accepted
    for kind, code in (("dose", dose.code), ("vial", dose.vials[0])):
        (event,) = [event for event in history(installation, kind, code).events if event.act == outcome.act]
        assert event.outcome == "refused"
        assert event.refusals == tuple(refusal.detail for refusal in outcome.refusals)
        found = search(installation, Query(record=code, outcome="refused"))
        assert found[0].id == outcome.act


def test_a_page_is_a_part_of_the_whole(installation: Installation, world: World) -> None:
    dose = prepared_dose(world)
    whole = history(installation, "dose", dose.code)
    assert whole.total == len(whole.events) > 6
    pages = [history(installation, "dose", dose.code, size=4, page=number).events for number in (1, 2, 3, 4)]
    assert tuple(event for page in pages for event in page) == whole.events
    assert history(installation, "dose", "CHA999926999999").total == 0


def test_the_record_filter_finds_every_act_on_a_vial(installation: Installation, world: World) -> None:
    dose = prepared_dose(world)
    by_history = {event.act for event in history(installation, "vial", dose.vials[0]).events}
    assert by_history <= {line.id for line in search(installation, Query(record=dose.vials[0]))}


NOT_IN_THE_STORY = {"api_token", "conditional_release", "stock_count", "trail_review", "treatment_decision"}
WITH_A_CODE = [table for table in record_tables() if "code" in metadata.tables[table].columns]


@pytest.fixture(scope="module")
def played(story_installation: StoryInstallation, worker_id: str, tmp_path_factory: pytest.TempPathFactory):
    """A bank in which the story of the trial was played: it has nearly every kind of record."""
    installation = story_installation(f"history_{worker_id}", tmp_path_factory.mktemp("history"))
    yield installation
    installation.engine.dispose()


@pytest.mark.parametrize("table", WITH_A_CODE)  # others are told in the history of what they belong to
def test_every_kind_of_record_has_a_history(played: Installation, table: str) -> None:
    with played.reads.connect() as connection:
        code = connection.scalar(text(f"SELECT code FROM {table} ORDER BY id DESC LIMIT 1"))
    assert (code is None) == (table in NOT_IN_THE_STORY)
    if code is not None:
        # It may have been in an act that was refused since: the newest accepted act is what made it.
        assert "accepted" in {event.outcome for event in history(played, table, code).events}


@pytest.mark.requirement("R25")
def test_a_lot_tells_who_reviewed_its_batch_record(installation: Installation, world: World) -> None:
    lot = passed_lot(world, vials=3, donation=donation(world)).code
    reviewed = lines(history(installation, "lot", lot), "review_batch_record")
    assert reviewed["Reviewed by"][1] == "Quinn Quality"


def test_every_column_has_a_name_for_people_and_no_name_is_of_no_column(
    installation: Installation, world: World
) -> None:
    """A calculation is kept as one column: its figures are told by name, too."""
    names = {(table, column.name) for table in record_tables() for column in metadata.tables[table].columns}
    for table, column in names:
        assert re.fullmatch(r"[A-Z][^_]+", told(table, column).label), (table, column)
    columns = {column for _, column in names} | {f"{table}.{column}" for table, column in names}
    with installation.reads.connect() as connection:
        dose = connection.execute(
            text("SELECT calculation FROM dose WHERE code = :code"), {"code": prepared_dose(world).code}
        )
        figures = set(dose.scalar_one())
    assert set(WORDS) - columns - figures == set()

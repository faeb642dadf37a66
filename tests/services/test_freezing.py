"""From a harvest to a frozen lot: opening, filling, closing, freezing, and vials that end in the laboratory."""

import datetime
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from cellbank.records.people import Definition
from cellbank.records.production import Consent, Culture, Donation, Donor, Lot, LotSource, ReagentUse, Vial
from cellbank.records.storage import Placement
from cellbank.records.trail import Act
from cellbank.services.acts import Malformed
from tests.factories.lots import (
    CELLS_PER_VIAL,
    MINUTE,
    SAMPLE_CELLS,
    fill_started_at,
    filled_lot,
    frozen_lot,
    harvested_at,
    open_lot,
    stored_lot,
)
from tests.factories.production import donation, eligible_donor, harvested_culture, medium, received_reagent
from tests.factories.world import World

DAY = datetime.timedelta(days=1)
#: what tells the statements that print the labels from those that open the lot
LABEL_STATEMENTS = ("printing", "FROM vial v", "SELECT l.*")


def row(world: World, record: type, code: str) -> Any:
    """A record as it stands now."""
    with Session(world.installation.reads) as session:
        return session.scalars(select(record).where(record.code == code)).one()


def states(world: World, lot: str) -> dict[str, int]:
    """How many vials of a lot are in which state."""
    with Session(world.installation.reads) as session:
        statement = select(Vial.state, func.count()).join(Lot, Lot.id == Vial.lot_id).where(Lot.code == lot)
        return dict(session.execute(statement.group_by(Vial.state)).all())


def opening(world: World, culture: str, **given: Any) -> dict[str, Any]:
    """What is given to open a lot of four vials from this culture, five minutes after its harvest."""
    return {
        "now": harvested_at(world, culture) + 5 * MINUTE,
        "cultures": [culture],
        "cells": [4 * CELLS_PER_VIAL],
        "purpose": "product",
        "vial_count": 4,
        "cells_per_vial": CELLS_PER_VIAL,
        "volume_ml": "1.0",
        "dmso_percent": "10",
        "reagents": [medium(world)],
        **given,
    }


@pytest.fixture(scope="module")
def tissue(world: World) -> str:
    """One donation for the cultures of this module."""
    return donation(world)


@pytest.fixture
def culture(world: World, tissue: str) -> str:
    """A culture with 200 million cells."""
    return harvested_culture(world, tissue)


# --- opening ----------------------------------------------------------------------------------


def test_a_lot_takes_its_cells_from_the_culture_and_its_limits_from_the_donation(world: World, culture: str) -> None:
    answer = world.do("tina", "open_lot", **opening(world, culture))
    lot, source = row(world, Lot, answer["code"]), row(world, Culture, culture)
    tissue = row(world, Donation, answer["first_vial"][:13])
    assert (answer["state"], answer["vial_count"], answer["cells_taken"]) == ("IN_PROCESS", 4, 100_000_000)
    assert lot.specification_id == tissue.specification_id and lot.donation_id == tissue.id
    assert (lot.product_code, lot.passage, lot.cumulative_doublings) == ("D0001V99", 0, source.cumulative_doublings)
    assert (source.cells_left, source.state) == (100_000_000, "HARVESTED")
    assert states(world, lot.code) == {"PRINTED": 4}
    with Session(world.installation.reads) as session:
        assert session.scalars(select(LotSource.cells_used).where(LotSource.lot_id == lot.id)).all() == [100_000_000]
        assert len(session.scalars(select(ReagentUse).where(ReagentUse.lot_id == lot.id)).all()) == 1


def test_a_lot_expires_by_the_calendar_of_the_site(world: World, culture: str) -> None:
    """At 23:30 in UTC it is already the next day in Kyiv; the culture's own time decides nothing."""
    evening = harvested_at(world, culture).replace(hour=23, minute=30)
    lot = world.do("tina", "open_lot", **opening(world, culture, now=evening))
    filled_on = (evening + DAY).date()
    assert row(world, Lot, lot["code"]).expires_on == filled_on.replace(year=filled_on.year + 2)


def test_two_lots_of_a_donation_never_share_a_vial_number(world: World, culture: str) -> None:
    first = world.do("tina", "open_lot", **opening(world, culture))
    second = world.do("tina", "open_lot", **opening(world, culture))
    assert first["last_vial"] < second["first_vial"] and first["last_vial"][:13] == second["first_vial"][:13]
    assert int(second["first_vial"][13:]) == int(first["last_vial"][13:]) + 1
    with Session(world.installation.reads) as session:
        numbers = select(Vial.number).join(Lot, Lot.id == Vial.lot_id).where(Lot.code == second["code"])
        printed = int(second["first_vial"][13:])  # and not 1 to 4 again
        assert sorted(session.scalars(numbers)) == list(range(printed, printed + 4))


def test_a_lot_of_several_cultures_carries_the_highest_passage_and_level(world: World, tissue: str) -> None:
    young, old = harvested_culture(world, tissue), harvested_culture(world, tissue, passages=1)
    cells = [60_000_000, 40_000_000]
    both = opening(world, old, cultures=[young, old], cells=cells, improbable_because="Kept cold for four days")
    lot = row(world, Lot, world.do("tina", "open_lot", **both)["code"])
    assert (lot.passage, lot.cumulative_doublings) == (1, row(world, Culture, old).cumulative_doublings)
    assert lot.cumulative_doublings > 0
    assert row(world, Culture, young).cells_left == 140_000_000


def test_cultures_of_two_donations_are_never_mixed(world: World, culture: str) -> None:
    stranger = harvested_culture(world)
    mixed = opening(world, culture, cultures=[culture, stranger], cells=[50_000_000, 50_000_000])
    (refusal,) = world.try_act("tina", "open_lot", **mixed).refusals
    assert refusal.code == "MIXED_DONORS" and culture in refusal.detail and stranger in refusal.detail


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"cells": [200_000_001]}, "CELLS_EXCEED_SOURCE"),
        ({"cells": [99_999_999]}, "CELLS_EXCEED_SOURCE"),
        ({"volume_ml": "2"}, "OUTSIDE_LIMITS"),
        ({"dmso_percent": "4"}, "OUTSIDE_LIMITS"),
        ({"cells_per_vial": 1_000_000}, "OUTSIDE_LIMITS"),
    ],
)
def test_a_lot_outside_cells_or_limits_is_refused(world: World, culture: str, given: dict, code: str) -> None:
    assert world.codes("tina", "open_lot", **opening(world, culture, **given)) == [code]


def test_a_lot_is_not_filled_before_the_harvest_or_in_the_future(world: World, culture: str) -> None:
    harvest = harvested_at(world, culture)
    early = opening(world, culture, fill_started_at=harvest - MINUTE)
    late = opening(world, culture, fill_started_at=harvest + DAY)
    assert world.codes("tina", "open_lot", **early) == ["OUT_OF_ORDER"]
    assert world.codes("tina", "open_lot", **late) == ["IN_THE_FUTURE"]


def test_a_reagent_in_quarantine_does_not_go_into_a_lot(world: World, culture: str) -> None:
    given = opening(world, culture, reagents=[received_reagent(world)])
    assert world.codes("tina", "open_lot", **given) == ["REAGENT_QUARANTINED"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"cells": []}, "(whole)"),
        ({"cells": [0]}, "(whole)"),
        ({"cells": [10**30]}, "cells.0"),
        ({"cells_per_vial": "NaN"}, "cells_per_vial"),
        ({"vial_count": 0}, "vial_count"),
        ({"vial_count": 1001}, "vial_count"),
        ({"dmso_percent": "101"}, "dmso_percent"),
        ({"volume_ml": "-1"}, "volume_ml"),
        ({"purpose": "gift"}, "purpose"),
        ({"cultures": []}, "cultures"),
        ({"reagents": []}, "reagents"),
    ],
)
def test_an_impossible_lot_is_malformed(world: World, culture: str, given: dict, field: str) -> None:
    with pytest.raises(Malformed) as malformed:
        world.try_act("tina", "open_lot", **opening(world, culture, **given))
    assert field in [problem.field for problem in malformed.value.problems]


# --- filling ----------------------------------------------------------------------------------


def test_every_act_of_a_lot_is_in_the_trail_and_leads_to_quarantine(world: World, tissue: str) -> None:
    lot = frozen_lot(world, vials=3, donation=tissue)
    assert row(world, Lot, lot.code).state == "QUARANTINE"
    assert states(world, lot.code) == {"FROZEN": 3}
    with Session(world.installation.reads) as session:
        acts = session.scalars(select(Act.name).where(Act.record_code == lot.code).order_by(Act.id)).all()
    assert acts == ["open_lot", "record_filling", "close_filling", "record_freezing"]


def test_a_vial_of_another_lot_is_refused_by_name(world: World, tissue: str) -> None:
    ours, theirs = (open_lot(world, vials=2, donation=tissue) for _ in range(2))
    scanned = [ours.vials[0], theirs.vials[0]]
    (refusal,) = world.try_act("tina", "record_filling", lot=ours.code, vials=scanned).refusals
    assert refusal.code == "VIAL_MISMATCH"
    assert theirs.vials[0] in refusal.detail and theirs.code in refusal.detail
    assert states(world, ours.code) == {"PRINTED": 2}


def test_a_vial_is_filled_once(world: World, tissue: str) -> None:
    lot = open_lot(world, vials=2, donation=tissue)
    world.do("tina", "record_filling", lot=lot.code, vials=[lot.vials[0]])
    assert world.codes("tina", "record_filling", lot=lot.code, vials=list(lot.vials)) == ["WRONG_STATE"]
    with pytest.raises(Malformed, match="scanned twice"):
        world.try_act("tina", "record_filling", lot=lot.code, vials=[lot.vials[1]] * 2)


def test_labels_that_were_not_used_are_voided_and_their_cells_accounted_for(world: World, tissue: str) -> None:
    lot = open_lot(world, vials=3, donation=tissue)
    world.do("tina", "record_filling", lot=lot.code, vials=list(lot.vials[:2]))
    closing = {"lot": lot.code, "sample_cells": SAMPLE_CELLS}
    (refusal,) = world.try_act("tina", "close_filling", **closing, lost_cells=0).refusals
    assert refusal.code == "CELL_BALANCE" and "25 000 000 cells are not accounted for" in refusal.detail
    world.do("tina", "close_filling", **closing, lost_cells=CELLS_PER_VIAL)
    assert states(world, lot.code) == {"FILLED": 2, "VOIDED": 1}
    closed = row(world, Lot, lot.code)
    assert (closed.state, closed.sample_cells, closed.lost_cells) == ("FILLED", SAMPLE_CELLS, CELLS_PER_VIAL)
    assert world.codes("tina", "record_filling", lot=lot.code, vials=[lot.vials[2]]) == ["WRONG_STATE", "WRONG_STATE"]


def test_a_vial_broken_while_filling_keeps_its_cells_in_the_balance(world: World, tissue: str) -> None:
    lot = open_lot(world, vials=2, donation=tissue)
    world.do("tina", "record_filling", lot=lot.code, vials=list(lot.vials))
    world.do("tina", "discard_vial", vial=lot.vials[0], reason="Cap cracked.")
    world.do("tina", "close_filling", lot=lot.code, sample_cells=SAMPLE_CELLS, lost_cells=0)
    assert states(world, lot.code) == {"FILLED": 1, "DISCARDED": 1}


def test_a_lot_of_two_hundred_is_opened_and_filled_in_few_statements(world: World, tissue: str) -> None:
    source = harvested_culture(world, tissue, total_cells=10**10)
    statements: list[str] = []

    def count(connection, cursor, statement, parameters, context, executemany) -> None:
        statements.append(statement)

    given = opening(world, source, cells=[200 * CELLS_PER_VIAL], vial_count=200)
    event.listen(world.installation.engine, "before_cursor_execute", count)
    try:
        lot = world.do("tina", "open_lot", **given)
        opened = len(statements)
        first = int(lot["first_vial"][13:])
        codes = [f"{lot['first_vial'][:13]}{first + number:06d}" for number in range(200)]
        world.do("tina", "record_filling", lot=lot["code"], vials=codes)
    finally:
        event.remove(world.installation.engine, "before_cursor_execute", count)
    assert states(world, lot["code"]) == {"FILLED": 200}
    filled = len(statements) - opened
    labels = [statement for statement in statements if any(words in statement for words in LABEL_STATEMENTS)]
    assert filled <= 10 and opened - len(labels) <= 15


# --- freezing ---------------------------------------------------------------------------------


def test_a_lot_is_frozen_within_the_hour_by_a_known_program(world: World, tissue: str) -> None:
    lot = filled_lot(world, vials=1, donation=tissue)
    began = fill_started_at(world, lot.code)
    given = {"now": began + 2 * 60 * MINUTE, "lot": lot.code, "program": "CRF-1"}
    assert world.codes("tina", "record_freezing", **given) == ["TOO_LATE"]
    assert world.codes("tina", "record_freezing", **given, frozen_at=began - MINUTE) == ["OUT_OF_ORDER"]
    given["frozen_at"] = began + 60 * MINUTE
    other = {**given, "program": "KITCHEN"}
    in_time = {**other, "now": began + 61 * MINUTE}
    assert world.codes("tina", "record_freezing", **in_time) == ["OUT_OF_SPECIFICATION"]
    told = world.try_act("tina", "record_freezing", dry_run=True, **other).result["irregularities"]
    assert [one["code"] for one in told] == ["OUT_OF_SPECIFICATION"]  # it was frozen so
    world.do("tina", "record_freezing", **given)
    frozen = row(world, Lot, lot.code)
    assert (frozen.frozen_at, frozen.freezing_program) == (given["frozen_at"], "CRF-1")
    assert world.codes("tina", "record_freezing", **given) == ["WRONG_STATE"]


def test_an_unknown_lot_is_not_frozen(world: World) -> None:
    assert world.codes("tina", "record_freezing", lot="LTZZZZF", program="CRF-1") == ["NOT_FOUND"]


def test_a_lot_frozen_after_the_donor_withdrew_goes_on_hold(world: World) -> None:
    donor = eligible_donor(world)
    lot = filled_lot(world, vials=1, donation=donation(world, donor))
    with Session(world.installation.reads) as session:
        agreed = session.scalars(select(Consent.code).join(Donor).where(Donor.code == donor)).one()
    world.do("tina", "withdraw_consent", consent=agreed, reason="The donor changed her mind.")
    at = fill_started_at(world, lot.code) + 45 * MINUTE
    assert world.do("tina", "record_freezing", now=at, lot=lot.code, program="CRF-1")["state"] == "ON_HOLD"
    assert row(world, Lot, lot.code).state_before_hold == "QUARANTINE"
    assert states(world, lot.code) == {"FROZEN": 1}


def test_the_specification_stays_that_of_the_donation(world: World, tissue: str) -> None:
    lot = row(world, Lot, open_lot(world, vials=1, donation=tissue).code)
    with Session(world.installation.reads) as session:
        assert session.get_one(Definition, lot.specification_id).identifier == "P-MMSC"


# --- vials that end in the laboratory ---------------------------------------------------------


def test_a_vial_used_for_testing_leaves_its_place_for_good(world: World, tissue: str) -> None:
    lot = stored_lot(world, vials=2, donation=tissue)
    used = world.do("quinn", "use_vial_for_testing", vial=lot.vials[0], tests="Viability and sterility after thaw")
    assert used["state"] == "QC_USED"
    vial = row(world, Vial, lot.vials[0])
    with Session(world.installation.reads) as session:
        taken = session.scalars(select(Placement.taken_at).where(Placement.vial_id == vial.id)).all()
    assert taken == [world.now]
    assert world.codes("tina", "store_vials", vials=[lot.vials[0]], box=lot.box) == ["WRONG_STATE"]


def test_a_discarded_vial_leaves_its_place_and_the_reason_in_the_trail(world: World, tissue: str) -> None:
    lot = stored_lot(world, vials=1, donation=tissue)
    outcome = world.try_act("tina", "discard_vial", vial=lot.vials[0], reason="Cracked in the tank.")
    assert outcome.accepted and outcome.result["state"] == "DISCARDED"
    with Session(world.installation.reads) as session:
        assert session.get_one(Act, outcome.act).given["reason"] == "Cracked in the tank."
    assert world.codes("tina", "discard_vial", vial=lot.vials[0], reason="Cracked again.") == ["WRONG_STATE"]


def test_a_vial_is_not_taken_out_before_it_was_put_away(world: World, tissue: str) -> None:
    lot = stored_lot(world, vials=1, donation=tissue)
    early = fill_started_at(world, lot.code)
    given = {"vial": lot.vials[0], "tests": "Sterility", "taken_at": early}
    assert world.codes("quinn", "use_vial_for_testing", **given) == ["OUT_OF_ORDER"]


def test_a_clinician_neither_fills_nor_discards(world: World, tissue: str) -> None:
    lot = open_lot(world, vials=1, donation=tissue)
    assert world.codes("clara", "record_filling", lot=lot.code, vials=list(lot.vials)) == ["ROLE_NOT_ALLOWED"]
    assert world.codes("clara", "discard_vial", vial=lot.vials[0], reason="Because.") == ["ROLE_NOT_ALLOWED"]


def test_vials_of_two_lots_are_discarded_together_in_few_statements(world: World, tissue: str) -> None:
    stored, frozen = stored_lot(world, vials=60, donation=tissue), frozen_lot(world, vials=40, donation=tissue)
    statements: list[str] = []

    def count(connection, cursor, statement, parameters, context, executemany) -> None:
        statements.append(statement)

    event.listen(world.installation.engine, "before_cursor_execute", count)
    try:
        gone = [*stored.vials[1:], *frozen.vials]
        outcome = world.try_act("tina", "discard_vials", vials=gone, reason="Both lots are recalled.")
    finally:
        event.remove(world.installation.engine, "before_cursor_execute", count)
    assert outcome.accepted and outcome.result == {"discarded": 99}
    assert len(statements) <= 15
    assert {row(world, Vial, code).state for code in gone} == {"DISCARDED"}
    assert row(world, Vial, stored.vials[0]).state == "IN_STOCK"
    with Session(world.installation.reads) as session:
        assert session.get_one(Act, outcome.act).given["reason"] == "Both lots are recalled."
        standing = select(Vial.code).join(Placement, Placement.vial_id == Vial.id).where(Placement.taken_at.is_(None))
        lot_id = row(world, Vial, stored.vials[0]).lot_id
        assert session.scalars(standing.where(Vial.lot_id == lot_id)).all() == [stored.vials[0]]


def test_all_vials_are_discarded_or_none(world: World, tissue: str) -> None:
    lot = stored_lot(world, vials=3, donation=tissue)
    world.do("quinn", "use_vial_for_testing", vial=lot.vials[2], tests="Sterility")
    given = {"vials": list(lot.vials), "reason": "Cracked in the tank."}
    outcome = world.try_act("tina", "discard_vials", **given)
    assert [(refusal.code, lot.vials[2] in refusal.detail) for refusal in outcome.refusals] == [("WRONG_STATE", True)]
    assert {row(world, Vial, code).state for code in lot.vials[:2]} == {"IN_STOCK"}
    early = {"vials": list(lot.vials[:2]), "discarded_at": fill_started_at(world, lot.code)}
    assert world.codes("tina", "discard_vials", **early, reason="Cracked.") == ["OUT_OF_ORDER"]
    with pytest.raises(Malformed):
        world.try_act("tina", "discard_vials", vials=[lot.vials[0], lot.vials[0]], reason="Scanned twice.")
    with pytest.raises(Malformed):
        world.try_act("tina", "discard_vials", vials=[lot.vials[0]], reason="No")
    assert world.codes("clara", "discard_vials", **given) == ["ROLE_NOT_ALLOWED"]


def test_a_filling_that_lost_more_than_half_is_asked_about(world: World, tissue: str) -> None:
    lot = open_lot(world, donation=tissue)
    at = fill_started_at(world, lot.code) + 30 * MINUTE
    world.do("tina", "record_filling", now=at, lot=lot.code, vials=[lot.vials[0]])
    given = {"now": at, "lot": lot.code, "sample_cells": SAMPLE_CELLS, "lost_cells": 5 * CELLS_PER_VIAL}
    assert world.codes("tina", "close_filling", **given) == ["IMPROBABLE"]
    world.do("tina", "close_filling", improbable_because="The rack fell", **given)

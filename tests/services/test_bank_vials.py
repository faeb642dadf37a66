"""A bank vial starts a culture: passage and level go on, the vial leaves its place for good."""

import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.production import Culture, Lot, Vial
from cellbank.records.storage import Placement
from tests.factories import production as make
from tests.factories.lots import FrozenLot, stored_lot
from tests.factories.production import DAY
from tests.factories.quality import released_lot
from tests.factories.world import World
from tests.services.sending.asking import card


@pytest.fixture(scope="module")
def master(world: World) -> FrozenLot:
    culture = make.harvested_culture(world, passages=2, total_cells=4 * 5_000_000 + 1_000_000)
    return released_lot(world, "master_bank", 4, culture=culture, cells_per_vial=5_000_000)


def thaw(world: World, vial: str, **given: Any) -> dict[str, Any]:
    usual = {"vessel": "T1000", "area_cm2": 1000, "viable_cells": 3_000_000, "reagents": [make.medium(world)]}
    return {"vial": vial, **usual, **given}


@pytest.mark.requirement("R10")
def test_only_a_product_lot_may_be_used_for_patients(world: World, master: FrozenLot) -> None:
    product = released_lot(world, vials=3)
    assert card(world, "tina", product.code).state_means == "may be used for patients"
    assert card(world, "tina", master.code).state_means.endswith("never for patients")


def one(world: World, cls: Any, condition: Any) -> Any:
    with Session(world.installation.reads) as session:
        return session.scalars(select(cls).where(condition)).one()


def test_lineage_goes_on_through_a_bank_vial(world: World, master: FrozenLot) -> None:
    lot = one(world, Lot, Lot.code == master.code)
    started = world.do("tina", "thaw_bank_vial", **thaw(world, master.vials[0]))
    vial = one(world, Vial, Vial.code == master.vials[0])
    culture = one(world, Culture, Culture.code == started["code"])
    assert (vial.state, vial.thawed_at) == ("CULTURED", world.now)
    assert one(world, Placement, Placement.vial_id == vial.id).taken_at == world.now
    assert (culture.state, culture.source_vial_id, culture.parent_id) == ("GROWING", vial.id, None)
    assert (lot.passage, culture.passage) == (2, 3) and lot.cumulative_doublings > 0
    assert culture.cumulative_doublings == lot.cumulative_doublings and culture.donation_id == lot.donation_id
    grown = make.harvest(world, started["code"], world.now + 4 * DAY, total_cells=12_000_000)["growth"]
    assert grown["cumulative_doublings"] == str(
        lot.cumulative_doublings + one(world, Culture, Culture.id == culture.id).population_doublings
    )


def test_a_vial_is_thawed_once(world: World, master: FrozenLot) -> None:
    world.do("tina", "thaw_bank_vial", **thaw(world, master.vials[1]))
    assert world.codes("tina", "thaw_bank_vial", **thaw(world, master.vials[1])) == ["WRONG_STATE"]


def test_a_vial_is_not_thawed_before_it_was_put_away_nor_with_more_cells_than_it_held(
    world: World, master: FrozenLot
) -> None:
    early = thaw(world, master.vials[2], thawed_at=world.now - 99 * DAY)
    assert "OUT_OF_ORDER" in world.codes("tina", "thaw_bank_vial", **early)
    many = thaw(world, master.vials[2], vessel_count=2)
    assert world.codes("tina", "thaw_bank_vial", **many) == ["CELLS_EXCEED_SOURCE"]


def test_an_expired_bank_starts_nothing(world: World, master: FrozenLot) -> None:
    expired = world.now + datetime.timedelta(days=3 * 365)
    reagent = make.accepted_reagent(world, expires_on=(expired + DAY).date())
    given = thaw(world, master.vials[2], reagents=[reagent])
    assert world.codes("tina", "thaw_bank_vial", now=expired, **given) == ["EXPIRED"]


def test_a_bank_on_hold_starts_nothing_until_the_hold_is_lifted(world: World, master: FrozenLot) -> None:
    hold = world.do("quinn", "hold_lot", lot=master.code, reason="Deviation under investigation")["code"]
    assert world.codes("tina", "thaw_bank_vial", **thaw(world, master.vials[3])) == ["LOT_NOT_RELEASED"]
    world.do("oksana", "lift_hold", hold=hold, reason="Deviation explained")
    assert world.codes("tina", "thaw_bank_vial", dry_run=True, **thaw(world, master.vials[3])) == []


def test_a_bank_in_quarantine_and_a_product_lot_start_nothing(world: World) -> None:
    quarantined = stored_lot(world, "working_bank", 1)
    assert world.codes("tina", "thaw_bank_vial", **thaw(world, quarantined.vials[0])) == ["LOT_NOT_RELEASED"]
    product = stored_lot(world, "product", 1)
    assert world.codes("tina", "thaw_bank_vial", **thaw(world, product.vials[0])) == ["LOT_NOT_RELEASED", "WRONG_KIND"]

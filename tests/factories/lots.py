"""Lots of frozen vials, and the cold store that they stand in: filled, frozen and put away by a technician."""

import datetime
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.production import Culture, Lot, Vial
from tests.factories.production import harvested_culture, medium
from tests.factories.stock import stocked
from tests.factories.world import World

CELLS_PER_VIAL = 25_000_000
SAMPLE_CELLS = 1_000_000
MOST_ROWS = 26
MINUTE = datetime.timedelta(minutes=1)


@dataclass(frozen=True)
class FrozenLot:
    """A lot and its vials, by code, in the order of their numbers; `box` is where they stand."""

    code: str
    vials: tuple[str, ...]
    box: str | None = None


def vials_of(world: World, lot: str) -> tuple[str, ...]:
    """The codes of a lot's vials, in the order of their numbers."""
    with Session(world.installation.reads) as session:
        statement = select(Vial.code).join(Lot, Lot.id == Vial.lot_id).where(Lot.code == lot).order_by(Vial.number)
        return tuple(session.scalars(statement))


def harvested_at(world: World, culture: str) -> datetime.datetime:
    """When a culture was harvested: a lot is filled after that."""
    with Session(world.installation.reads) as session:
        moment = session.scalar(select(Culture.harvested_at).where(Culture.code == culture))
    assert moment is not None
    return moment


def open_lot(
    world: World,
    purpose: str = "product",
    vials: int = 6,
    *,
    culture: str | None = None,
    donation: str | None = None,
    cells_per_vial: int = CELLS_PER_VIAL,
) -> FrozenLot:
    """A lot with its vials numbered and none filled, five minutes after the harvest of its culture: the culture given,
    or else one of its own, of the donation given or else of an eligible donor of its own."""
    cells = vials * cells_per_vial + SAMPLE_CELLS
    culture = culture or harvested_culture(world, donation, total_cells=cells)
    given = {
        "cultures": [culture],
        "cells": [cells],
        "purpose": purpose,
        "vial_count": vials,
        "cells_per_vial": cells_per_vial,
        "volume_ml": "1.0",
        "dmso_percent": "10",
        "reagents": [medium(world)],
    }
    lot = world.do("tina", "open_lot", now=harvested_at(world, culture) + 5 * MINUTE, **given)
    return FrozenLot(lot["code"], vials_of(world, lot["code"]))


def filled_lot(world: World, purpose: str = "product", vials: int = 6, **given: Any) -> FrozenLot:
    """A lot with all vials filled and every cell accounted for, half an hour after it was opened."""
    lot = open_lot(world, purpose, vials, **given)
    at = fill_started_at(world, lot.code) + 30 * MINUTE
    world.do("tina", "record_filling", now=at, lot=lot.code, vials=list(lot.vials))
    world.do("tina", "close_filling", now=at, lot=lot.code, sample_cells=SAMPLE_CELLS, lost_cells=0)
    return lot


@stocked
def frozen_lot(world: World, purpose: str = "product", vials: int = 6, **given: Any) -> FrozenLot:
    """A lot in quarantine with all its vials frozen, three quarters of an hour after it was opened."""
    lot = filled_lot(world, purpose, vials, **given)
    at = fill_started_at(world, lot.code) + 45 * MINUTE
    world.do("tina", "record_freezing", now=at, lot=lot.code, program="CRF-1")
    return lot


@stocked
def stored_lot(world: World, purpose: str = "product", vials: int = 6, **given: Any) -> FrozenLot:
    """A frozen lot put away in a box of its own, the day after; the first vial stands at A1."""
    lot = frozen_lot(world, purpose, vials, **given)
    columns = max(9, -(-vials // MOST_ROWS))
    home = box(world, rows=max(9, -(-vials // columns)), columns=columns)
    at = fill_started_at(world, lot.code) + datetime.timedelta(days=1)
    world.do("taras", "store_vials", now=at, vials=list(lot.vials), box=home)
    return FrozenLot(lot.code, lot.vials, home)


def fill_started_at(world: World, lot: str) -> datetime.datetime:
    """When the filling of a lot began."""
    with Session(world.installation.reads) as session:
        moment = session.scalar(select(Lot.fill_started_at).where(Lot.code == lot))
    assert moment is not None
    return moment


@stocked
def box(world: World, rows: int = 9, columns: int = 9, rack: str | None = None) -> str:
    """The code of an empty box, in a tank and a rack of its own unless a rack is given."""
    if rack is None:
        tank = world.do("tina", "add_storage_unit", type="tank", name=world.unique("Tank"))
        rack = world.do("tina", "add_storage_unit", type="rack", name="Rack 1", parent=tank["code"])["code"]
    given = {"type": "box", "name": "Box A", "parent": rack, "rows": rows, "columns": columns}
    return str(world.do("tina", "add_storage_unit", **given)["code"])

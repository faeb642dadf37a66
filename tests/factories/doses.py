"""Doses at every stage, through the real acts: a released lot, a weighed subject, and then order to bedside.

Two technicians and two clinicians share the work: Tina thaws and Taras prepares, Clara orders, Clara and Cyril check.
"""

import datetime
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.domain.identifiers import dose_symbol
from cellbank.domain.storage_tree import MOST_COLD_MINUTES
from cellbank.records.clinic import Dose, Subject
from cellbank.records.production import Lot, Vial
from tests.factories.clinic import enrolled_subject
from tests.factories.lots import CELLS_PER_VIAL, FrozenLot, box, fill_started_at, harvested_at, stored_lot, vials_of
from tests.factories.production import harvested_culture, medium
from tests.factories.quality import pass_all_tests
from tests.factories.stock import shared, stocked
from tests.factories.world import World

MINUTE = datetime.timedelta(minutes=1)
DAY = datetime.timedelta(days=1)
MOST_CELLS_PER_ML = 28_000_000
SITE = ZoneInfo("Europe/Kyiv")


@dataclass(frozen=True)
class OrderedDose:
    """A dose with its subject, its lot and the codes of its vials, in the order of their numbers."""

    code: str
    subject: str
    lot: FrozenLot
    vials: tuple[str, ...]
    needed: int
    at: datetime.datetime
    result: dict[str, Any]


@stocked
def product_lot(world: World, vials: int = 8, *, cells_per_vial: int = CELLS_PER_VIAL, **values: str) -> FrozenLot:
    """A released product lot: recovery 90 %, viability 85 %, so that a vial of 25 million gives 19.125 million;
    `values` as pass_all_tests takes them. Fifty million need 1.8 mL to stay within the specification."""
    if cells_per_vial == CELLS_PER_VIAL:
        lot = stored_lot(world, vials=vials)
    elif cells_per_vial <= MOST_CELLS_PER_ML:
        lot = stored_lot(world, vials=vials, cells_per_vial=cells_per_vial)
    else:
        lot = dense_lot(world, vials, cells_per_vial)
    pass_all_tests(world, lot.code, **values)
    world.do("oksana", "release_lot", now=fill_started_at(world, lot.code) + 40 * DAY, lot=lot.code)
    return lot


def dense_lot(world: World, vials: int, cells_per_vial: int) -> FrozenLot:
    """A lot of vials of 1.8 mL, put away in a box of its own."""
    cells = vials * cells_per_vial
    culture = harvested_culture(world, total_cells=cells)
    at = harvested_at(world, culture) + 5 * MINUTE
    given = {"purpose": "product", "vial_count": vials, "cells_per_vial": cells_per_vial, "volume_ml": "1.8",
             "dmso_percent": "10", "reagents": [medium(world)]}  # fmt: skip
    lot = world.do("tina", "open_lot", now=at, cultures=[culture], cells=[cells], **given)["code"]
    codes = vials_of(world, lot)
    world.do("tina", "record_filling", now=at + 10 * MINUTE, lot=lot, vials=list(codes))
    world.do("tina", "close_filling", now=at + 20 * MINUTE, lot=lot, sample_cells=0, lost_cells=0)
    world.do("tina", "record_freezing", now=at + 30 * MINUTE, lot=lot, program="CRF-1")
    home = box(world)
    world.do("taras", "store_vials", now=at + DAY, vials=list(codes), box=home)
    return FrozenLot(lot, codes, home)


def weighed(world: World, subject: str, weight_kg: str, at: datetime.datetime | None = None) -> str:
    """A weight measured by Clara and confirmed by Cyril; returns its code."""
    given = {"subject": subject, "weight_kg": weight_kg, "method": "standing_scale"}
    code = world.do("clara", "measure_weight", now=at, **given)["code"]
    world.do("cyril", "confirm_weight", now=at, weight=code, weight_kg=weight_kg)
    return str(code)


@stocked
def weighed_subject(world: World, weight_kg: str = "50.0", at: datetime.datetime | None = None) -> str:
    """An enrolled subject of the treatment arm with a confirmed weight."""
    subject = enrolled_subject(world, at=at)
    weighed(world, subject, weight_kg, at)
    return subject


@stocked
def ordered_dose(
    world: World,
    *,
    weight_kg: str = "50.0",
    lot: FrozenLot | None = None,
    subject: str | None = None,
    at: datetime.datetime | None = None,
    **given: Any,
) -> OrderedDose:
    """A dose ordered by Clara: at 50 kg three vials of 25 million cells and a spare one."""
    at = at or world.now
    lot = lot or product_lot(world)
    subject = subject or weighed_subject(world, weight_kg, at)
    result = world.do("clara", "order_dose", now=at, subject=subject, lot=lot.code, **given)
    needed = result["calculation"]["vials"]
    return OrderedDose(result["code"], subject, lot, tuple(result["vials"]), needed, at, result)


def picked_dose(world: World, dose: OrderedDose | None = None, **given: Any) -> OrderedDose:
    """A dose with the vials that it needs picked; the spare one stays in the tank."""
    dose = dose or ordered_dose(world, **given)
    for vial in dose.vials[: dose.needed]:
        pick(world, dose, vial)
    return dose


def pick(world: World, dose: OrderedDose, vial: str) -> dict[str, Any]:
    """Pick one vial of a dose into a transfer dewar."""
    given = {"dose": dose.code, "box": dose.lot.box, "vial": vial, "dewar": dewar(world)}
    return world.do("tina", "pick_vial", now=dose.at, **given)


@shared
def dewar(world: World) -> str:
    """The transfer dewar that everybody carries vials in; it stays cold for as long as any test takes."""
    given = {"type": "dewar", "name": world.unique("Dewar"), "cold_minutes": MOST_COLD_MINUTES}
    return str(world.do("tina", "add_storage_unit", **given)["code"])


def fetch_spare(world: World, dose: OrderedDose, at: datetime.datetime | None = None) -> None:
    """Call the spare vial of a dose."""
    world.do("tina", "fetch_spare", now=at or dose.at, dose=dose.code, reason="A vial is cracked")


def thawed_dose(world: World, dose: OrderedDose | None = None, **given: Any) -> OrderedDose:
    """A dose with the vials that it needs thawed, five minutes after the order."""
    dose = picked_dose(world, dose, **given)
    for vial in dose.vials[: dose.needed]:
        world.do("tina", "thaw_vial", now=dose.at + 5 * MINUTE, dose=dose.code, vial=vial)
    return dose


COUNT = {
    "diluent": "albumin",
    "pooled_ml": "15",
    "total_cells_per_ml": 4_100_000,
    "viability_percent": "88",
    "method": "trypan blue",
}


@stocked
def counted_dose(world: World, dose: OrderedDose | None = None, **count: Any) -> OrderedDose:
    """The worked example: three vials pooled to 15 mL, 4.10 million cells per mL, 88 % alive."""
    dose = thawed_dose(world, dose)
    vials = list(dose.vials[: dose.needed])
    world.do("tina", "pool_and_count", now=dose.at + 20 * MINUTE, dose=dose.code, vials=vials, **{**COUNT, **count})
    return dose


@stocked
def prepared_dose(world: World, dose: OrderedDose | None = None, **given: Any) -> OrderedDose:
    """The worked example drawn up by Taras: 13.9 mL, made up to 50 mL, half an hour after the order."""
    dose = counted_dose(world, dose)
    drawn = {"drawn_ml": "13.9", "final_volume_ml": "50", **given}
    world.do("taras", "prepare_dose", now=dose.at + 30 * MINUTE, dose=dose.code, **drawn)
    return dose


def bedside(world: World, dose: OrderedDose, **given: Any) -> dict[str, Any]:
    """What is scanned and read back at the bedside of the right patient."""
    with Session(world.installation.reads) as session:
        row = session.execute(select(Dose.expires_at).where(Dose.code == dose.code)).one()
        person = session.execute(select(Subject.second_identifier).where(Subject.code == dose.subject)).one()
    label = dose_symbol(dose.code, row.expires_at.astimezone(world.zone).replace(tzinfo=None))
    return {"dose_label": label, "wristband": dose.subject, "read_back": person.second_identifier, **given}


def checked_dose(world: World, dose: OrderedDose | None = None) -> OrderedDose:
    """A dose checked by Clara and by Cyril, forty minutes after the order."""
    dose = dose or prepared_dose(world)
    scans = bedside(world, dose)
    world.do("clara", "check_dose", now=dose.at + 40 * MINUTE, **scans)
    world.do("cyril", "check_dose", now=dose.at + 41 * MINUTE, **scans)
    return dose


def infused_dose(world: World, dose: OrderedDose | None = None) -> OrderedDose:
    """A dose given in a quarter of an hour, with nothing left but 1 mL."""
    dose = checked_dose(world, dose)
    world.do("clara", "start_infusion", now=dose.at + 45 * MINUTE, dose=dose.code)
    world.do("clara", "stop_infusion", now=dose.at + 60 * MINUTE, dose=dose.code, volume_given_ml="49")
    return dose


def row_of(world: World, code: str) -> Dose:
    """The record of a dose."""
    with Session(world.installation.reads) as session:
        return session.scalars(select(Dose).where(Dose.code == code)).one()


def vial_states(world: World, lot: str) -> list[str]:
    """The states of a lot's vials in the order of their numbers."""
    with Session(world.installation.reads) as session:
        statement = select(Vial.state).join(Lot, Lot.id == Vial.lot_id).where(Lot.code == lot).order_by(Vial.number)
        return list(session.scalars(statement))

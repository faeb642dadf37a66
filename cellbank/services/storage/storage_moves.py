"""Moving whole units with everything in them: one act, one row for each unit that gets another place.

The vials' own rows do not change: they still stand in their boxes. Where a box stood at some moment is kept by the
database (`unit_stay`), so that the cold that a vial went through can be told.
"""

import datetime

from pydantic import Field
from sqlalchemy import select, text, update

from cellbank.domain.rules.storage import MoveFacts, RelocationFacts, move_refusals, relocation_refusals
from cellbank.domain.storage_tree import MOST_PLACES
from cellbank.records.storage import StorageUnit, WarmingEvent
from cellbank.records.work import Work
from cellbank.services.acts import TellingInput, act
from cellbank.services.common import time_refusals
from cellbank.services.inputs import Reason, StorageCode
from cellbank.services.storage.units import (
    lock_place,
    next_place,
    out_of_service,
    standing_in,
    unit_called,
    unit_facts,
    unit_line,
)

MOST_SECONDS = 24 * 3600
SECONDS_OUT = Field(
    default=None,
    title="Out of the cold",
    ge=1,
    le=MOST_SECONDS,
    description="Seconds, if what was moved was out of the cold; counted for every vial in it.",
    json_schema_extra={"unit": "s"},
)


class MoveStorageUnit(TellingInput):
    """Move a unit with everything in it."""

    EARLIER_NAME = "moved_at"
    unit: StorageCode = Field(title="Unit")
    into: StorageCode | None = Field(default=None, title="Into", description="Empty: onto the site itself.")
    place: int | None = Field(
        default=None, title="Place", ge=1, le=MOST_PLACES, description="Empty: after the last one."
    )
    seconds_out: int | None = SECONDS_OUT


@act(MoveStorageUnit, likely="rarely")
def move_storage_unit(work: Work, given: MoveStorageUnit) -> StorageUnit:
    """Give a unit another place. Refuses a place that is taken or does not exist, a unit in which it may not stand, one
    out of service, and one that stands in the unit itself."""
    lock_tree(work)
    unit = work.lock(StorageUnit, given.unit)
    parent = lock_place(work, given.into)
    siblings = standing_in(work, parent)
    parent_id = parent.id if parent else None
    same = unit.parent_id == parent_id
    place = given.place or (unit.place if same else next_place(siblings))
    at = work.happened
    facts = MoveFacts(
        called=unit_called(unit),
        to=unit_facts(work, unit.type, parent, place, siblings, moving=unit),
        stays=same and place == unit.place,
        since=unit.stands_since,
        at=at,
    )
    work.show(unit=unit.code, vials=vials_in(work, unit), place=place, into=parent.code if parent else None)
    refusals = [*move_refusals(facts), *time_refusals(work, "The move", at)]
    work.judge(unit, refusals=refusals, of=[parent] if parent else [])
    unit.parent_id, unit.place, unit.stands_since = parent_id, place, at
    note_out(work, [unit.id], given.seconds_out, at)
    return unit


class RelocateUnit(TellingInput):
    """Move everything out of a unit into a spare one."""

    unit: StorageCode = Field(title="Unit that fails")
    into: StorageCode = Field(title="Spare unit")
    reason: Reason
    seconds_out: int | None = SECONDS_OUT


@act(RelocateUnit, likely="rarely", of_shippers=False)
def relocate_unit(work: Work, given: RelocateUnit) -> StorageUnit:
    """Everything that stands directly in a unit goes to the same places of a spare one, in one act. Refuses a spare
    whose places are taken, in which such units may not stand, or that is out of service."""
    lock_tree(work)
    unit, spare = work.lock_all(StorageUnit, [given.unit, given.into])
    work.about = unit.code
    inside = select(StorageUnit).where(StorageUnit.parent_id == unit.id).order_by(StorageUnit.id)
    moving = list(work.session.scalars(inside.with_for_update(key_share=True) if not work.dry_run else inside))
    line = unit_line(work.session, spare)
    facts = RelocationFacts(
        called=unit_called(unit),
        spare_called=unit_called(spare),
        spare_type=spare.type,
        spare_capacity=spare.capacity,
        moving={one.place: (one.type, unit_called(one)) for one in moving},
        taken=standing_in(work, spare),
        out_of_service=out_of_service(*line),
        in_itself=unit.id in {one.id for one in line},
    )
    work.show(unit=unit.code, into=spare.code, units=len(moving), vials=vials_in(work, unit))
    work.judge(unit, refusals=relocation_refusals(facts), of=[spare])
    ids = [one.id for one in moving]
    moved = update(StorageUnit).where(StorageUnit.id.in_(ids)).values(parent_id=spare.id, stands_since=work.happened)
    work.session.execute(moved.execution_options(synchronize_session=False))
    note_out(work, ids, given.seconds_out, work.happened)
    return unit


def lock_tree(work: Work) -> None:
    """Moves of one site wait for each other, before anything else is locked: two of them could make a circle."""
    if not work.dry_run:
        work.session.execute(text("SELECT pg_advisory_xact_lock(7042, :site)"), {"site": work.actor.site_id})


_VIALS_IN = text(
    """SELECT count(*) FROM units_within(:unit) u JOIN placement p ON p.box_id = u.unit_id
        WHERE u.until = 'infinity' AND p.taken_at IS NULL"""
)


def vials_in(work: Work, unit: StorageUnit) -> int:
    """How many vials stand in a unit and in all that stands in it."""
    return int(work.session.scalar(_VIALS_IN, {"unit": unit.id}) or 0)


def note_out(work: Work, unit_ids: list[int], seconds: int | None, until: datetime.datetime) -> None:
    """Note that units were out of the cold for so long, until then; call it after the judgement."""
    if seconds:
        out = until - datetime.timedelta(seconds=seconds)
        work.note_many(WarmingEvent, [{"unit_id": unit, "out_at": out, "in_at": until} for unit in unit_ids])

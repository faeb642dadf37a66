"""The cold store itself: rooms, tanks, racks and boxes, added, taken out of service and brought back."""

from collections.abc import Iterable
from typing import Literal

from pydantic import Field, model_validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.domain.folding import skeleton
from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import UnitState
from cellbank.domain.refusals import Refusal
from cellbank.domain.rules.hold import return_refusals
from cellbank.domain.rules.names import reads_alike
from cellbank.domain.rules.storage import OutOfService, UnitFacts, unit_refusals
from cellbank.domain.storage_tree import LEVELS, MOST_COLD_MINUTES, MOST_COLUMNS, MOST_PLACES, MOST_ROWS
from cellbank.records.people import Site
from cellbank.records.storage import StorageUnit
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, act
from cellbank.services.common import asked_about, new_code
from cellbank.services.inputs import Improbable, OneLine, Reason, StorageCode
from cellbank.services.labels.label_printing import print_first
from cellbank.services.stopping.holding import holds_on


class AddStorageUnit(ActInput):
    """Add a unit to the cold store."""

    type: Literal["room", "tank", "canister", "rack", "box", "visotube", "cassette", "dewar"] = Field(title="Type")
    name: OneLine = Field(title="Name", description="As written on it: Tank 1, Rack 2, Box B.")
    parent: StorageCode | None = Field(
        default=None, title="Stands in", description="Empty for a room, or a tank that stands in no room."
    )
    place: int | None = Field(
        default=None, title="Place", ge=1, le=MOST_PLACES, description="Empty: after the last one."
    )
    capacity: int | None = Field(
        default=None, title="Places for other units", ge=1, le=MOST_PLACES, description="Empty: nobody counts them."
    )
    cold_minutes: int | None = Field(
        default=None,
        title="Keeps cold for",
        ge=1,
        le=MOST_COLD_MINUTES,
        json_schema_extra={"unit": "min"},
        description="Of a transfer dewar: how long a vial stays below the limit in it, as it was tested.",
    )
    rows: int | None = Field(default=None, title="Rows", ge=1, le=MOST_ROWS)
    columns: int | None = Field(default=None, title="Columns", ge=1, le=MOST_COLUMNS)
    improbable_because: Improbable = None

    @model_validator(mode="after")
    def _only_some_have_positions(self) -> "AddStorageUnit":
        given = (self.rows is not None, self.columns is not None)
        if given != (LEVELS[self.type].has_positions,) * 2:
            raise ValueError("a box, visotube or cassette needs rows and columns, anything else has none")
        if self.capacity is not None and self.rows is not None:
            raise ValueError("a box has positions for vials, not places for other units: leave the places empty")
        if (self.type == "dewar") != (self.cold_minutes is not None):
            raise ValueError("a transfer dewar needs the minutes for which it keeps cold, anything else has none")
        return self


@act(AddStorageUnit, of_shippers=False)
def add_storage_unit(work: Work, given: AddStorageUnit) -> StorageUnit:
    """Add a unit to the tree. Refuses a parent of the wrong type or out of service, and a place that is taken; asks
    about a name that reads like that of its neighbour."""
    parent = lock_place(work, given.parent)
    siblings = standing_in(work, parent)
    place = given.place or next_place(siblings)
    refusals = unit_refusals(unit_facts(work, given.type, parent, place, siblings))
    doubted = asked_about(work, alike_beside(work, parent, given.name), given.improbable_because)
    work.judge(StorageUnit, refusals=refusals or doubted, of=[parent] if parent else [])
    unit = work.add(
        StorageUnit(
            site_id=work.actor.site_id,
            parent_id=parent.id if parent else None,
            code=new_code(work, Kind.STORAGE),
            type=given.type,
            name=given.name,
            place=place,
            row_count=given.rows,
            column_count=given.columns,
            capacity=given.capacity,
            cold_minutes=given.cold_minutes,
            stands_since=work.now,
        )
    )
    print_first(work, Kind.STORAGE, unit.code)
    return unit


def lock_place(work: Work, code: str | None) -> StorageUnit | None:
    """The unit into which something goes, locked; without a code the site itself is locked, and None returned."""
    if code is not None:
        return work.lock(StorageUnit, code)
    work.lock_id(Site, work.actor.site_id)
    return None


def standing_in(work: Work, parent: StorageUnit | None) -> dict[int, str]:
    """Who stands at which place of a unit, or of the site."""
    mine = StorageUnit.parent_id == parent.id if parent else StorageUnit.parent_id.is_(None)
    at_home = StorageUnit.site_id == work.actor.site_id
    rows = work.session.execute(select(StorageUnit.place, StorageUnit.name, StorageUnit.code).where(mine, at_home))
    return {place: f"{name} ({code})" for place, name, code in rows}


def alike_beside(work: Work, parent: StorageUnit | None, name: str) -> tuple[Refusal, ...]:
    """Doubts about a unit that is to stand beside others whose names read like its own."""
    mine = StorageUnit.parent_id == parent.id if parent else StorageUnit.parent_id.is_(None)
    alike = (mine, StorageUnit.site_id == work.actor.site_id, StorageUnit.name_key == skeleton(name))
    return reads_alike(name, work.session.execute(select(StorageUnit.name, StorageUnit.code).where(*alike)).all())


def next_place(siblings: Iterable[int]) -> int:
    """The place after the last one."""
    return max(siblings, default=0) + 1


def unit_facts(
    work: Work,
    type_: str,
    parent: StorageUnit | None,
    place: int,
    siblings: dict[int, str],
    moving: StorageUnit | None = None,
) -> UnitFacts:
    """What the rules ask about a unit on its way to a place: a new one, or the one that is moved."""
    line = unit_line(work.session, parent) if parent else []
    return UnitFacts(
        type=type_,
        place=place,
        parent_type=parent.type if parent else None,
        parent_called=unit_called(parent) if parent else "the site",
        standing_there=siblings.get(place),
        out_of_service=out_of_service(*line),
        capacity=parent.capacity if parent else None,
        in_itself=moving is not None and moving.id in {unit.id for unit in line},
    )


def unit_called(unit: StorageUnit) -> str:
    """How a sentence names a unit: 'Tank 1 (ST00012)'."""
    return f"{unit.name} ({unit.code})"


def unit_line(session: Session, unit: StorageUnit) -> list[StorageUnit]:
    """The unit and what it stands in, from the inside out."""
    line = [unit]
    while line[-1].parent_id is not None:
        line.append(session.get_one(StorageUnit, line[-1].parent_id))
    return line


def out_of_service(*line: StorageUnit) -> OutOfService | None:
    """The first of these units that is out of service."""
    for unit in line:
        if unit.state != UnitState.IN_SERVICE:
            return OutOfService(unit_called(unit), unit.out_of_service_reason or "no reason given")
    return None


class TakeOutOfService(ActInput):
    """Take out of service."""

    unit: StorageCode = Field(title="Unit")
    reason: Reason


@act(TakeOutOfService, likely="rarely")
def take_out_of_service(work: Work, given: TakeOutOfService) -> StorageUnit:
    """Stop putting anything into a unit and all that stands in it. What is in it stays and can be taken out."""
    unit = work.lock(StorageUnit, given.unit)
    work.judge(unit)
    unit.out_of_service_reason = given.reason
    work.transition(unit)
    return unit


class ReturnToService(ActInput):
    """Return to service."""

    unit: StorageCode = Field(title="Unit")
    reason: Reason


@act(ReturnToService)
def return_to_service(work: Work, given: ReturnToService) -> StorageUnit:
    """Let a unit be filled again. Why, stands in the trail with the act. Refuses one that failed while the hold on what
    stood in it is in force."""
    unit = work.lock(StorageUnit, given.unit)
    holds = tuple(hold.code for hold in holds_on(work, unit))
    work.judge(unit, refusals=return_refusals(unit_called(unit), holds))
    unit.out_of_service_reason = None
    work.transition(unit)
    return unit

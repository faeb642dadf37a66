"""The cold store: rooms, tanks, racks, boxes, and the place of every vial in them."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from sqlalchemy import and_, func, select, text, update
from sqlalchemy.orm import Session

from cellbank.domain.folding import skeleton
from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import RunState, UnitState, VialState
from cellbank.domain.positions import is_position_name, position_name
from cellbank.domain.refusals import Refusal
from cellbank.domain.rules.hold import return_refusals
from cellbank.domain.rules.names import reads_alike
from cellbank.domain.rules.plausible import improbable_putting_away
from cellbank.domain.rules.storage import (
    Box,
    OutOfService,
    Places,
    PlacesFacts,
    UnitFacts,
    beside_warnings,
    give_places,
    unit_refusals,
)
from cellbank.domain.storage_tree import LEVELS, MOST_COLD_MINUTES, MOST_COLUMNS, MOST_PLACES, MOST_ROWS
from cellbank.records.people import Site
from cellbank.records.production import Lot, Vial
from cellbank.records.shipping import PackedVial
from cellbank.records.storage import Placement, StorageUnit
from cellbank.records.temperature import FreezerRun
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, TellingInput, act
from cellbank.services.common import asked_about, new_code, time_refusals
from cellbank.services.inputs import (
    MAX_VIALS,
    Improbable,
    Moment,
    OneLine,
    Reason,
    StorageCode,
    VialCode,
    VialCodes,
    as_text,
    each_once,
)
from cellbank.services.labels.label_printing import print_first
from cellbank.services.stopping.holding import holds_on


def _position(given: Any) -> str:
    """A position as a person types or a scanner reads it; whether the box has it is the rule's to say."""
    name = as_text(given).strip().upper()
    if not is_position_name(name):
        raise ValueError("must be the letter of the row and the number of the column in Latin letters, like C4")
    return name


Position = Annotated[str, BeforeValidator(_position)]


# --- units ------------------------------------------------------------------------------------


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


# --- vials ------------------------------------------------------------------------------------


Positions = Annotated[
    list[Position],
    AfterValidator(each_once),
    Field(
        title="Positions",
        max_length=MAX_VIALS,
        description="One for each vial, or only the first; empty: the next free ones.",
    ),
]


class IntoPositions(ActInput):
    """What an act takes that puts `vials` at `positions`."""

    @model_validator(mode="after")
    def _one_position_for_each(self) -> "IntoPositions":
        vials, positions = self.vials, self.positions  # type: ignore[attr-defined]  # fields of each act, in its order
        if len(positions) not in (0, 1, len(vials)):
            raise ValueError(
                f"{len(positions)} positions for {len(vials)} vials: give one for each, the first, or none"
            )
        return self


class StoreVials(TellingInput, IntoPositions):
    """Put vials away."""

    EARLIER_NAME = "stored_at"
    vials: VialCodes = Field(title="Vials")
    box: StorageCode = Field(title="Box")
    positions: Positions = Field(default=[])
    improbable_because: Improbable = None


@act(StoreVials, of_shippers=False, begun_by={"technician": 3})
def store_vials(work: Work, given: StoreVials) -> None:
    """Put vials into a box, in one act: frozen ones, and those that arrived with a shipment, which wait there for its
    acceptance. Refuses a position that is taken or unknown, a box that is full or out of service."""
    vials = work.lock_all(Vial, given.vials)
    work.about = given.vials[0] if len(given.vials) == 1 else given.box
    box_id, places, box = find_places(work, given.box, given.vials, given.positions)
    at = work.happened
    arrived = [vial for vial in vials if vial.state == VialState.RECEIVED]
    refusals = list(places.refusals)
    if work.told_at:
        refusals.extend(time_refusals(work, "Putting away", at, _frozen_at(work.session, vials)))
        refusals.extend(time_refusals(work, "Putting away", at, _arrived_at(work.session, arrived)))
        soon = _put_away_too_soon(work, [vial for vial in vials if vial.state == VialState.FROZEN], at)
        refusals.extend(asked_about(work, soon, given.improbable_because))
    work.show(**places_shown(box, places, given.vials))
    work.judge(*vials, refusals=refusals)
    if arrived:
        end_placement(work, arrived, at)
    place_vials(work, box_id, [vial.id for vial in vials], places.positions, at)
    work.transition_many(Vial, vials)


class MoveVial(TellingInput):
    """Move a vial to another place."""

    EARLIER_NAME = "moved_at"
    vial: VialCode = Field(title="Vial")
    box: StorageCode = Field(title="Box")
    position: Position | None = Field(default=None, title="Position", description="Empty: the next free one.")
    taken_at: Moment | None = Field(
        default=None, title="Taken out", description="Empty: it was out of the cold for no time that counts."
    )


@act(MoveVial, of_shippers=False)
def move_vial(work: Work, given: MoveVial) -> None:
    """Move a vial in stock to another position, of the same box or of another one. Refuses as putting away does. The
    time between taking it out and putting it back counts as time out of the cold."""
    vial = work.lock(Vial, given.vial)
    wanted = [given.position] if given.position else []
    box_id, places, box = find_places(work, given.box, [vial.code], wanted)
    at = work.happened
    out = given.taken_at or at
    after = last_placed_at(work.session, [vial])
    work.show(**places_shown(box, places, [vial.code]))
    times = (*time_refusals(work, "Taking out", out, after), *time_refusals(work, "The move", at, out))
    work.judge(vial, refusals=[*places.refusals, *times])
    end_placement(work, [vial], out)
    place_vials(work, box_id, [vial.id], places.positions, at)


# Everything about a box in one round trip, for putting a vial away is the commonest act of all: the box, what it holds,
# and the first unit from the box outwards that is out of service.
_BOX = text(
    """SELECT box.id, box.site_id, box.code, box.name, box.type, coalesce(box.row_count, 0) AS rows,
              coalesce(box.column_count, 0) AS columns,
              stopped.code AS stopped_code, stopped.name AS stopped_name, stopped.out_of_service_reason AS reason,
              (SELECT jsonb_object_agg(p.position, v.code) FROM placement p JOIN vial v ON v.id = p.vial_id
                WHERE p.box_id = box.id AND p.taken_at IS NULL) AS taken,
              (SELECT jsonb_object_agg(l.code, l.state) FROM placement p JOIN vial v ON v.id = p.vial_id
                 JOIN lot l ON l.id = v.lot_id WHERE p.box_id = box.id AND p.taken_at IS NULL
                   AND v.code <> ALL (CAST(:vials AS text[]))) AS standing_lots,
              (SELECT jsonb_object_agg(l.code, l.state) FROM vial v JOIN lot l ON l.id = v.lot_id
                WHERE v.code = ANY (CAST(:vials AS text[]))) AS arriving_lots
         FROM storage_unit box LEFT JOIN storage_unit stopped ON stopped.id = unit_stopped(box.id)
        WHERE box.code = :code"""
)


def find_places(
    work: Work, code: str, vials: Sequence[str], wanted: Sequence[str], *, packing: bool = False
) -> tuple[int, Places, Box]:
    """The box and the place of each vial in it; a shipper, which is locked already, only when they are packed.

    Where people name every position, the box is only read: two of them may fill it side by side, and the index
    one_live_vial_per_position decides if they meet. Where we choose, the box is locked first, in a statement of its
    own, so that what we find free is still free when we write.
    """
    if len(wanted) < len(vials) and not packing:
        work.lock(StorageUnit, code)
    row = work.session.execute(_BOX, {"code": code, "vials": list(vials)}).one_or_none()
    if row is None:
        work.find(StorageUnit, code)  # refuses NOT_FOUND
        raise AssertionError("a box that was not found is refused")
    reason = row.reason or "no reason given"
    stopped = OutOfService(f"{row.stopped_name} ({row.stopped_code})", reason) if row.stopped_code else None
    taken = {int(position): vial for position, vial in (row.taken or {}).items()}
    box = Box(f"{row.name} ({row.code})", row.type, row.rows, row.columns, taken, stopped)
    places = give_places(PlacesFacts(box, tuple(vials), tuple(wanted), packing))
    if not packing:
        work.warn(beside_warnings(box.called, row.standing_lots or {}, row.arriving_lots or {}))
    elsewhere = work.site_refusals(row.site_id, box.called)
    return row.id, replace(places, refusals=(*elsewhere, *places.refusals)), box


def places_shown(box: Box, places: Places, vials: Sequence[str]) -> dict[str, object]:
    """The box and the position of each vial, as the answer tells them."""
    names = [position_name(position, box.columns) for position in places.positions]
    return {"box": box.called, "positions": dict(zip(vials, names, strict=False))}


def place_vials(
    work: Work, box_id: int, vial_ids: Sequence[int], positions: Sequence[int], at: datetime.datetime
) -> None:
    """Note that each vial stands at its position from `at` on; call it after the judgement."""
    pairs = zip(vial_ids, positions, strict=True)
    work.note_many(
        Placement, [{"vial_id": vial, "box_id": box_id, "position": place, "placed_at": at} for vial, place in pairs]
    )


def _frozen_at(session: Session, vials: Iterable[Vial]) -> datetime.datetime | None:
    """When the last of these vials was frozen."""
    lots = {vial.lot_id for vial in vials}
    return session.scalar(select(func.max(Lot.frozen_at)).where(Lot.id.in_(lots)))


def _put_away_too_soon(work: Work, vials: Sequence[Vial], at: datetime.datetime) -> tuple[Refusal, ...]:
    """What can hardly be about the time at which these vials came out of the freezer."""
    run = and_(FreezerRun.lot_id == Lot.id, FreezerRun.state != RunState.WITHDRAWN)
    lots = select(Lot.code, Lot.frozen_at, FreezerRun.last_at).outerjoin(FreezerRun, run).order_by(Lot.id)
    found = work.session.execute(lots.where(Lot.id.in_({vial.lot_id for vial in vials}))).all() if vials else ()
    return tuple(
        doubt
        for lot, frozen_at, ended in found
        if frozen_at
        for doubt in improbable_putting_away(lot, frozen_at, ended, at)
    )


def _arrived_at(session: Session, vials: Sequence[Vial]) -> datetime.datetime | None:
    """When the last of these vials was taken out of its shipment, or put where it stands since. None: there is none."""
    if not vials:
        return None
    found = session.scalar(select(func.max(PackedVial.found_at)).where(PackedVial.vial_id.in_([v.id for v in vials])))
    return max(moment for moment in (found, last_placed_at(session, vials)) if moment)


# --- for the other services -------------------------------------------------------------------


def last_placed_at(session: Session, vials: Iterable[Vial]) -> datetime.datetime | None:
    """When the last of these vials was put where it stands: taking them out comes after that. None: none stands."""
    ids = [vial.id for vial in vials]
    live = select(func.max(Placement.placed_at)).where(Placement.vial_id.in_(ids), Placement.taken_at.is_(None))
    return session.scalar(live)


def end_placement(
    work: Work, vials: Iterable[Vial], at: datetime.datetime | None = None, into: StorageUnit | None = None
) -> None:
    """Note, in one statement, that vials are no longer where they stood, and the dewar `into` which they were taken;
    nothing happens to one that stood nowhere.

    Call it after the judgement and before `transition_many`. Who takes `at` from a person checks it against
    `last_placed_at` first.
    """
    ids = [vial.id for vial in vials]
    statement = update(Placement).where(Placement.vial_id.in_(ids), Placement.taken_at.is_(None))
    ended = statement.values(taken_at=at or work.happened, dewar_id=into.id if into else None)
    work.session.execute(ended.execution_options(synchronize_session=False))

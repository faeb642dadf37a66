"""Where every vial stands: put away, moved, and what is left behind when it goes."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from sqlalchemy import and_, func, select, text, update
from sqlalchemy.orm import Session

from cellbank.domain.lifecycle.states import RunState, VialState
from cellbank.domain.positions import is_position_name, position_name
from cellbank.domain.refusals import Refusal
from cellbank.domain.rules.plausible import improbable_putting_away
from cellbank.domain.rules.storage import Box, OutOfService, Places, PlacesFacts, beside_warnings, give_places
from cellbank.records.production import Lot, Vial
from cellbank.records.shipping import PackedVial
from cellbank.records.storage import Placement, StorageUnit
from cellbank.records.temperature import FreezerRun
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, TellingInput, act
from cellbank.services.common import asked_about, time_refusals
from cellbank.services.inputs import MAX_VIALS, Improbable, Moment, StorageCode, VialCode, VialCodes, as_text, each_once


def _position(given: Any) -> str:
    """A position as a person types or a scanner reads it; whether the box has it is the rule's to say."""
    name = as_text(given).strip().upper()
    if not is_position_name(name):
        raise ValueError("must be the letter of the row and the number of the column in Latin letters, like C4")
    return name


Position = Annotated[str, BeforeValidator(_position)]
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

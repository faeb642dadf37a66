"""When a unit of the cold store may stand somewhere, and a vial be given a place in it.

The twins in the database: one_live_vial_per_position, one_live_position_per_vial, the_position_exists,
the_box_is_in_service, uq_storage_unit_parent_id_place, one_unit_per_place_of_the_site, a_unit_stands_where_it_may,
a_unit_never_stands_in_itself, the_place_exists, a_unit_goes_where_it_may_be_filled.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from cellbank.domain.lifecycle.states import LotState
from cellbank.domain.positions import free_positions, position_name, position_number
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.storage_tree import LEVELS, WITH_POSITIONS, fits


@dataclass(frozen=True)
class OutOfService:
    """A unit, the box itself or one that it stands in, into which nothing may be put."""

    called: str  # "Tank 1 (ST00012)"
    reason: str


@dataclass(frozen=True)
class UnitFacts:
    """A unit on its way to a place, new or moved. parent_type is None where no parent was given, standing_there is who
    has the place already; `in_itself`: the parent is the unit, or stands in it."""

    type: str
    place: int
    parent_type: str | None
    parent_called: str | None
    standing_there: str | None
    out_of_service: OutOfService | None
    capacity: int | None = None
    in_itself: bool = False


def unit_refusals(facts: UnitFacts) -> tuple[Refusal, ...]:
    """Why a unit cannot stand there."""
    return tuple(_unit_refusals(facts))


def _unit_refusals(facts: UnitFacts) -> Iterator[Refusal]:
    if facts.in_itself:
        yield refuse(
            Code.WRONG_KIND,
            "{parent} is the unit itself, or stands in it. Scan the one into which it goes.",
            parent=facts.parent_called,
        )
    yield from _wrong_parent(facts)
    yield from _out_of_service(facts.out_of_service)
    if facts.capacity is not None and facts.place > facts.capacity:
        yield refuse(
            Code.STORAGE_FULL,
            "{parent} has {capacity} places; there is no place {place}. Choose a free one, or another unit.",
            parent=facts.parent_called,
            capacity=facts.capacity,
            place=facts.place,
        )
    elif facts.standing_there:
        yield refuse(
            Code.POSITION_TAKEN,
            "Place {place} of {parent} is taken by {unit}. Choose another, or leave it empty for the next.",
            place=facts.place,
            parent=facts.parent_called,
            unit=facts.standing_there,
        )


def _wrong_parent(facts: UnitFacts) -> tuple[Refusal, ...]:
    if fits(facts.type, facts.parent_type):
        return ()
    level = LEVELS[facts.type]
    if facts.parent_type is None:
        sentence = "A {type} stands in a {allowed}: scan the one in which it stands."
    else:
        sentence = "A {type} cannot stand in {parent}, a {parent_type}: scan a {allowed}."
    words = {"type": facts.type, "allowed": " or ".join(level.stands_in)}
    return (refuse(Code.WRONG_KIND, sentence, parent=facts.parent_called, parent_type=facts.parent_type, **words),)


@dataclass(frozen=True)
class MoveFacts:
    """A unit that is moved: where it goes, where it stands (in words), since when, and when it was moved."""

    called: str
    to: UnitFacts
    stays: bool
    since: datetime | None
    at: datetime


def move_refusals(facts: MoveFacts) -> tuple[Refusal, ...]:
    """Why a unit is not moved: it cannot stand there, it stands there already, or it came here later."""
    if facts.stays:
        sentence = "{unit} stands there already: nothing is to be moved. Scan where it goes, or give another place."
        return (refuse(Code.WRONG_STATE, sentence, unit=facts.called),)
    found = list(unit_refusals(facts.to))
    if facts.since is not None and facts.at <= facts.since:
        sentence = "{unit} was put where it stands at {since}, later than that. Correct the time."
        found.append(refuse(Code.OUT_OF_ORDER, sentence, unit=facts.called, since=facts.since))
    return tuple(found)


@dataclass(frozen=True)
class RelocationFacts:
    """All that stands directly in one unit on its way into a spare: `moving` and `taken` are names by place."""

    called: str
    spare_called: str
    spare_type: str
    spare_capacity: int | None
    moving: Mapping[int, tuple[str, str]]  # place -> (type, name)
    taken: Mapping[int, str]
    out_of_service: OutOfService | None
    in_itself: bool


def relocation_refusals(facts: RelocationFacts) -> tuple[Refusal, ...]:
    """Why what stands in a unit cannot go to the same places of another one."""
    if not facts.moving:
        sentence = "Nothing stands in {unit}: there is nothing to relocate. Scan the unit that holds it."
        return (refuse(Code.WRONG_STATE, sentence, unit=facts.called),)
    if facts.in_itself:
        sentence = "{spare} is {unit} itself, or stands in it: scan the spare one."
        return (refuse(Code.WRONG_KIND, sentence, spare=facts.spare_called, unit=facts.called),)
    found = list(_out_of_service(facts.out_of_service))
    for place, (type_, name) in sorted(facts.moving.items()):
        there = UnitFacts(
            type_, place, facts.spare_type, facts.spare_called, facts.taken.get(place), None, facts.spare_capacity
        )
        found += [_of_unit(name, refusal) for refusal in unit_refusals(there)]
    return tuple(found)


def _of_unit(name: str, refusal: Refusal) -> Refusal:
    return refuse(refusal.code, "{unit}: {why}", unit=name, why=refusal.detail)


def _out_of_service(unit: OutOfService | None) -> tuple[Refusal, ...]:
    if unit is None:
        return ()
    return (
        refuse(
            Code.STORAGE_OUT_OF_SERVICE,
            "{unit} is out of service ({reason}): nothing may be put in. Use another one, or return it to service.",
            unit=unit.called,
            reason=unit.reason,
        ),
    )


@dataclass(frozen=True)
class Box:
    """A box with what stands in it: `taken` gives the vial at each position that is not free."""

    called: str
    type: str
    rows: int
    columns: int
    taken: Mapping[int, str]
    out_of_service: OutOfService | None

    @property
    def size(self) -> int:
        """How many vials find room."""
        return self.rows * self.columns


@dataclass(frozen=True)
class PlacesFacts:
    """Vials on their way into a box. `wanted`: nothing (the next free positions), the first position only (the others
    follow at the next free ones), or one position for each vial. `packing`: they are packed for a shipment."""

    box: Box
    vials: tuple[str, ...]
    wanted: tuple[str, ...] = ()
    packing: bool = False


@dataclass(frozen=True)
class Places:
    """The position of each vial, in the order of the vials; empty when something was refused."""

    positions: tuple[int, ...]
    refusals: tuple[Refusal, ...]


def give_places(facts: PlacesFacts) -> Places:
    """Find the position of every vial, or say why there is none: full, taken (by whom), unknown, out of service."""
    if facts.box.type not in WITH_POSITIONS:
        only_boxes = refuse(
            Code.WRONG_KIND,
            "{unit} is a {type}; vials stand in boxes. Scan the box.",
            unit=facts.box.called,
            type=facts.box.type,
        )
        return Places((), (only_boxes,))
    if facts.box.type == "shipper" and not facts.packing:
        sentence = "{unit} is a shipper: what stands in it leaves with it. Pack vials for a shipment, or scan a box."
        return Places((), (refuse(Code.WRONG_KIND, sentence, unit=facts.box.called),))
    found = _given_positions(facts) if len(facts.wanted) == len(facts.vials) else _next_positions(facts)
    refusals = (*_out_of_service(facts.box.out_of_service), *found.refusals)
    return Places(() if refusals else found.positions, refusals)


def _given_positions(facts: PlacesFacts) -> Places:
    positions, refusals = _read(facts.box, facts.wanted)
    return Places(positions, (*refusals, *_taken(facts.box, positions)))


def _next_positions(facts: PlacesFacts) -> Places:
    first, refusals = _read(facts.box, facts.wanted[:1])
    refusals += _taken(facts.box, first)
    if refusals:
        return Places((), refusals)
    free = free_positions(facts.box.taken, facts.box.size, *first)
    if len(free) < len(facts.vials):
        return Places((), (_full(facts, len(free)),))
    return Places(free[: len(facts.vials)], ())


def _read(box: Box, names: tuple[str, ...]) -> tuple[tuple[int, ...], tuple[Refusal, ...]]:
    """The numbers of positions, and a refusal for each that the box does not have."""
    positions, refusals = [], []
    for name in names:
        try:
            positions.append(position_number(name, box.rows, box.columns))
        except ValueError as error:
            refusals.append(refuse(Code.POSITION_UNKNOWN, "{box}: {why}", box=box.called, why=str(error)))
    return tuple(positions), tuple(refusals)


def _taken(box: Box, positions: tuple[int, ...]) -> tuple[Refusal, ...]:
    return tuple(
        refuse(
            Code.POSITION_TAKEN,
            "{position} of {box} is taken by vial {vial}. Scan another position, or move that vial first.",
            position=position_name(position, box.columns),
            box=box.called,
            vial=box.taken[position],
        )
        for position in positions
        if position in box.taken
    )


def _full(facts: PlacesFacts, free: int) -> Refusal:
    return refuse(
        Code.STORAGE_FULL,
        "{box} has {free} free positions{from_there} and {vials} vials are to go in. Take another box, or fewer vials.",
        box=facts.box.called,
        free=free,
        from_there=f" from {facts.wanted[0]} on" if facts.wanted else "",
        vials=len(facts.vials),
    )


def beside_warnings(box: str, standing: Mapping[str, str], arriving: Mapping[str, str]) -> tuple[Refusal, ...]:
    """What is dangerous about the vials beside which others are put, lot → its state: a vial of a released lot next to
    one that nobody may be given is taken for it sooner or later. It is no reason to leave vials in the warm."""
    lots = {**standing, **arriving}
    released = sorted(lot for lot, state in lots.items() if state == LotState.RELEASED)
    others = sorted(lot for lot, state in lots.items() if state != LotState.RELEASED)
    if not standing or not released or not others:
        return ()
    sentence = (
        "{box} now holds vials of released lot {released} beside those of lot {others}, which is not released. Keep "
        "them in different boxes."
    )
    return (refuse(Code.LOT_NOT_RELEASED, sentence, box=box, released=released[0], others=", ".join(others)),)

"""When a unit may be added to the cold store, and a vial be given a place in it.

The twins in the database: one_live_vial_per_position, one_live_position_per_vial, the_position_exists,
the_box_is_in_service, uq_storage_unit_parent_id_place.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cellbank.domain.positions import free_positions, position_name, position_number
from cellbank.domain.refusals import Code, Refusal, refuse

#: what may stand directly in what
PARENTS = {"tank": (), "rack": ("tank",), "box": ("tank", "rack")}


@dataclass(frozen=True)
class OutOfService:
    """A unit, the box itself or one that it stands in, into which nothing may be put."""

    called: str  # "Tank 1 (ST00012)"
    reason: str


@dataclass(frozen=True)
class UnitFacts:
    """A new unit; parent_type is None where no parent was given, standing_there is who has the place already."""

    type: str
    place: int
    parent_type: str | None
    parent_called: str | None
    standing_there: str | None
    out_of_service: OutOfService | None


def unit_refusals(facts: UnitFacts) -> tuple[Refusal, ...]:
    """Why a tank, rack or box cannot be added there."""
    refusals = [*_wrong_parent(facts), *_out_of_service(facts.out_of_service)]
    if facts.standing_there:
        refusals.append(
            refuse(
                Code.POSITION_TAKEN,
                "Place {place} of {parent} is taken by {unit}. Choose another, or leave it empty for the next.",
                place=facts.place,
                parent=facts.parent_called,
                unit=facts.standing_there,
            )
        )
    return tuple(refusals)


def _wrong_parent(facts: UnitFacts) -> tuple[Refusal, ...]:
    allowed = PARENTS[facts.type]
    if facts.parent_type in allowed or (facts.parent_type is None and not allowed):
        return ()
    if not allowed:
        sentence = "A tank stands in nothing else: leave the unit that it stands in empty."
    elif facts.parent_type is None:
        sentence = "A {type} stands in a {allowed}: scan the one in which it stands."
    else:
        sentence = "A {type} cannot stand in {parent}, a {parent_type}: scan a {allowed}."
    words = {"type": facts.type, "allowed": " or ".join(allowed)}
    return (refuse(Code.WRONG_KIND, sentence, parent=facts.parent_called, parent_type=facts.parent_type, **words),)


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
    follow at the next free ones), or one position for each vial."""

    box: Box
    vials: tuple[str, ...]
    wanted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Places:
    """The position of each vial, in the order of the vials; empty when something was refused."""

    positions: tuple[int, ...]
    refusals: tuple[Refusal, ...]


def give_places(facts: PlacesFacts) -> Places:
    """Find the position of every vial, or say why there is none: full, taken (by whom), unknown, out of service."""
    if facts.box.type != "box":
        only_boxes = refuse(
            Code.WRONG_KIND,
            "{unit} is a {type}; vials stand in boxes. Scan the box.",
            unit=facts.box.called,
            type=facts.box.type,
        )
        return Places((), (only_boxes,))
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

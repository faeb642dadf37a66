"""Where vials stand, in words, and the order in which a person meets them in the tank."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from cellbank.domain.positions import position_name
from cellbank.records.production import Vial
from cellbank.services.storage.travelling import IN_HAND, in_hand_of


@dataclass(frozen=True)
class Whereabouts:
    """Where one vial stands: the units from the outside in, as (place, id, name), and the position in the box."""

    units: tuple[tuple[int, int, str], ...]
    position: int
    columns: int
    box: str  # its code

    @property
    def line(self) -> tuple[str, ...]:
        """The names of the units, from the outside in, the box last."""
        return tuple(name for _, _, name in self.units)

    @property
    def text(self) -> str:
        """As a person reads it: Tank 1 › Rack 2 › Box B › C4."""
        return " › ".join([*self.line, position_name(self.position, self.columns)])

    @property
    def order(self) -> tuple[tuple[int, ...], int]:
        """What sorts vials into the order in which a person meets them in the tank."""
        return tuple(number for place, unit, _ in self.units for number in (place, unit)), self.position


def place_text(row: Mapping[str, Any]) -> str | None:
    """'Tank 1 › Rack 2 › Box B › C4' from the columns `line`, `in_hand`, `position`, `column_count`; None: it stands
    nowhere."""
    if row["position"] is None:
        return None
    before = in_hand_of(row.get("in_hand"))
    return " › ".join([*before, *row["line"], position_name(row["position"], row["column_count"])])


_PLACES = text(
    """SELECT p.vial_id, p.position, box.column_count, p.box_id, box.code FROM placement p
         JOIN storage_unit box ON box.id = p.box_id WHERE p.vial_id = ANY(:vials) AND p.taken_at IS NULL"""
)
_LINES = text(
    f"""WITH RECURSIVE line AS (
         SELECT u.id AS box, 0 AS depth, u.place, u.id, u.name, {IN_HAND.format(unit="u.id")} AS in_hand,
                u.parent_id FROM storage_unit u WHERE u.id = ANY(:boxes)
         UNION ALL
         SELECT l.box, l.depth + 1, u.place, u.id, u.name, NULL, u.parent_id
           FROM line l JOIN storage_unit u ON u.id = l.parent_id)
       SELECT box, place, id, name, in_hand FROM line ORDER BY box, depth DESC"""
)


def whereabouts(session: Session, vial_ids: Iterable[int]) -> dict[int, Whereabouts]:
    """Where vials stand now, in two statements; a vial that stands nowhere is not in the answer."""
    rows = session.execute(_PLACES, {"vials": list(vial_ids)}).all()
    boxes = sorted({row.box_id for row in rows})
    lines: dict[int, list[tuple[int, int, str]]] = {box: [] for box in boxes}
    for box, place, unit, name, hand in session.execute(_LINES, {"boxes": boxes}) if boxes else ():
        lines[box].append((place, unit, " › ".join([*in_hand_of(hand), name])))
    return {
        row.vial_id: Whereabouts(tuple(lines[row.box_id]), row.position, row.column_count, row.code) for row in rows
    }


def where(session: Session, vial_ids: Iterable[int]) -> dict[int, str]:
    """Where vials stand now, as text: `{7: "Tank 1 › Rack 2 › Box B › C4"}`."""
    return {vial_id: place.text for vial_id, place in whereabouts(session, vial_ids).items()}


def pick_order(session: Session, vials: Iterable[Vial]) -> list[Vial]:
    """The vials in the order of tank, rack, box and position, so that each level is opened once; the placeless last."""
    vials = list(vials)
    places = whereabouts(session, [vial.id for vial in vials])
    nowhere = ((), 0)
    return sorted(vials, key=lambda v: (v.id not in places, places[v.id].order if v.id in places else nowhere, v.code))

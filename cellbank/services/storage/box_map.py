"""What stands in the cold store as one looks at it: the map of a box, and the tree of units with how full they are."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from sqlalchemy import text

from cellbank.domain.lifecycle.states import LotState
from cellbank.domain.positions import position_name
from cellbank.services.installation import Installation, at_site


@dataclass(frozen=True)
class Cell:
    """One position of a box: its name, and the vial that stands there. `standing` is the gravest thing that is true of
    it: EXCURSION, HELD, EXPIRED, RESERVED (`whom`: for which subject), IN_TRANSIT, RECEIVED, QUARANTINE or RELEASED.
    In the shipper of a shipment also MISSING and DAMAGED."""

    name: str
    vial: str | None = None
    number: int | None = None
    lot: str | None = None
    state: str | None = None
    lot_state: str | None = None
    standing: str | None = None
    whom: str | None = None
    letter: str | None = None  # of its lot, where the box holds several


@dataclass(frozen=True)
class BoxMap:
    """A box as one looks into it: rows of positions; `lots` counts the vials of each lot; `above` is what it stands in,
    `stopped` the unit that is out of service, with its reason. A shipper is filled for a shipment only."""

    code: str
    called: str
    above: tuple[str, ...]
    columns: int
    rows: tuple[tuple[Cell, ...], ...]
    taken: int
    lots: dict[str, int]
    stopped: tuple[str, str] | None
    is_shipper: bool = False

    @property
    def letters(self) -> dict[str, str]:
        """Letter → lot, where vials of several lots stand in it: nobody tells them apart by colour alone."""
        return {cell.letter: cell.lot for row in self.rows for cell in row if cell.letter and cell.lot}

    @property
    def mixes_released(self) -> bool:
        """Whether vials of a released lot stand beside those of a lot that is not."""
        released = {cell.lot_state == LotState.RELEASED for row in self.rows for cell in row if cell.lot_state}
        return len(released) == 2

    @property
    def size(self) -> int:
        """How many vials find room."""
        return len(self.rows) * self.columns

    @property
    def standings(self) -> frozenset[str]:
        """All that is true of some vial in it."""
        return frozenset(cell.standing for row in self.rows for cell in row if cell.standing)

    @property
    def is_full(self) -> bool:
        """Whether no position is free."""
        return self.taken >= self.size


_BOX = text(
    f"""SELECT u.id, u.name, u.type, u.row_count, u.column_count, unit_names(u.parent_id) AS above, site.timezone,
              stopped.name AS stopped, stopped.out_of_service_reason AS reason
         FROM storage_unit u JOIN site ON site.id = u.site_id
         LEFT JOIN storage_unit stopped ON stopped.id = unit_stopped(u.id)
        WHERE u.code = :code AND u.row_count IS NOT NULL AND {at_site("u.site_id")}"""
)
_IN_BOX = text(
    """WITH warmed AS MATERIALIZED (
         SELECT e.started_at, coalesce(e.ended_at, 'infinity') AS ended_at, up.since, up.until
           FROM unit_line(:box) up JOIN excursion e ON e.storage_unit_id = up.unit_id AND e.state = 'OPEN')
       SELECT p.position, v.code, v.number, v.state, l.code AS lot, l.state AS lot_state, s.trial_number AS whom,
              CASE WHEN EXISTS (SELECT FROM warmed w WHERE least(w.ended_at, w.until)
                                  > greatest(w.started_at, w.since, p.placed_at)) THEN 'EXCURSION'
                   WHEN l.state IN ('ON_HOLD', 'REJECTED', 'RECALLED') THEN 'HELD'
                   WHEN l.expires_on < (CAST(:now AS timestamptz) AT TIME ZONE :zone)::date THEN 'EXPIRED'
                   WHEN v.state IN ('RESERVED', 'IN_TRANSIT', 'RECEIVED') THEN v.state
                   WHEN l.state = 'RELEASED' THEN 'RELEASED'
                   ELSE 'QUARANTINE' END AS standing
         FROM placement p JOIN vial v ON v.id = p.vial_id JOIN lot l ON l.id = v.lot_id
         LEFT JOIN dose d ON d.id = v.dose_id LEFT JOIN subject s ON s.id = d.subject_id
        WHERE p.box_id = :box AND p.taken_at IS NULL"""
)


def box_map(installation: Installation, code: str, now: datetime.datetime) -> BoxMap | None:
    """The map of a box, as it stands today; None when the code is of no box of the site that is looked at."""
    with installation.reads.connect() as connection:
        box = connection.execute(_BOX, {"code": code, "site": installation.site}).one_or_none()
        if box is None:
            return None
        given = {"box": box.id, "now": now, "zone": box.timezone}
        found = {row.position: row for row in connection.execute(_IN_BOX, given)}
    lots: dict[str, int] = {}
    for row in found.values():
        lots[row.lot] = lots.get(row.lot, 0) + 1
    columns = box.column_count
    letters = lot_letters(sorted(lots))
    rows = tuple(
        tuple(_cell(place, columns, found.get(place), letters) for place in range(first, first + columns))
        for first in range(1, box.row_count * columns + 1, columns)
    )
    stopped = (box.stopped, box.reason or "") if box.stopped else None
    is_shipper = box.type == "shipper"
    return BoxMap(code, box.name, tuple(box.above), columns, rows, len(found), lots, stopped, is_shipper)


def lot_letters(lots: Sequence[str]) -> dict[str, str]:
    """A letter for each lot: A to Z, then AA, AB …; none where all vials are of one lot."""
    if len(lots) < 2:
        return {}
    names = [*ascii_uppercase, *(first + second for first in ascii_uppercase for second in ascii_uppercase)]
    return dict(zip(lots, names, strict=False))


def _cell(position: int, columns: int, row: Any, letters: dict[str, str]) -> Cell:
    name = position_name(position, columns)
    if row is None:
        return Cell(name)
    return Cell(
        name, row.code, row.number, row.lot, row.state, row.lot_state, row.standing, row.whom, letters.get(row.lot)
    )


@dataclass(frozen=True)
class Unit:
    """A unit of the tree, with how much of its boxes is taken."""

    code: str
    type: str
    name: str
    state: str
    parent: str | None
    place: int
    taken: int
    size: int

    @property
    def is_full(self) -> bool:
        """Whether every position in it is taken; what holds no positions is never full of vials."""
        return bool(self.size) and self.taken >= self.size


_TREE = text(
    f"""WITH RECURSIVE boxes AS (
         SELECT u.id, u.row_count * u.column_count AS size,
                (SELECT count(*) FROM placement p WHERE p.box_id = u.id AND p.taken_at IS NULL) AS taken
           FROM storage_unit u WHERE u.row_count IS NOT NULL AND {at_site("u.site_id")}),
       up AS (
         SELECT id AS unit, size, taken FROM boxes
         UNION ALL SELECT u.parent_id, up.size, up.taken FROM up JOIN storage_unit u ON u.id = up.unit
          WHERE u.parent_id IS NOT NULL),
       filled AS (SELECT unit, sum(size)::bigint AS size, sum(taken)::bigint AS taken FROM up GROUP BY unit)
       SELECT u.code, u.type, u.name, u.state, parent.code AS parent, u.place, coalesce(f.taken, 0) AS taken,
              coalesce(f.size, 0) AS size
         FROM storage_unit u LEFT JOIN storage_unit parent ON parent.id = u.parent_id
         LEFT JOIN filled f ON f.unit = u.id WHERE {at_site("u.site_id")}
        ORDER BY u.place, u.id"""
)


def storage_tree(installation: Installation) -> dict[str | None, list[Unit]]:
    """All units of the site that is looked at by the code of what they stand in; what stands on the site itself under
    None."""
    tree: dict[str | None, list[Unit]] = {}
    with installation.reads.connect() as connection:
        for row in connection.execute(_TREE, {"site": installation.site}):
            tree.setdefault(row.parent, []).append(Unit(*row))
    return tree

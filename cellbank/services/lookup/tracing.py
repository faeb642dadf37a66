"""From any code up to the donor and the reagents, and down to every recipient and every vial's whereabouts.

Lineage is walked over cultures and lots only, by the edges that the records keep (`lot_source`, a culture's parent or
bank vial); vials, doses and subjects hang on the lots. So a trace costs what the family is large, whatever else the
bank holds.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from cellbank.domain.garbled import Garbled
from cellbank.domain.identifiers import RECORDS, Kind, printed
from cellbank.domain.scans import read_scan
from cellbank.services.finding.missing import NotHere, Unreadable
from cellbank.services.finding.seeing import refuse_elsewhere
from cellbank.services.installation import Installation
from cellbank.services.storage.travelling import LINE
from cellbank.services.storage.whereabouts import place_text

Ids = dict[str, set[int]]
NOWHERE = {"position": None}

# All that stands above or below records is the database's to say (`migrations/database/lineage.sql`).
_LINE = """SELECT line.record_kind AS kind, array_agg(DISTINCT line.record_id) AS ids
             FROM unnest(CAST(:kinds AS text[]), CAST(:ids AS bigint[])) AS start (kind, id)
            CROSS JOIN LATERAL {}(start.kind, start.id) AS line GROUP BY 1"""
DOWN, UP = text(_LINE.format("line_below")), text(_LINE.format("line_above"))

# What is read of each kind: what it is called by, its state, and the codes of what it came from.
NODES: dict[str, Any] = {
    "donor": text(
        """SELECT id, code, pseudonym, state, ARRAY[]::text[] AS parents
           FROM donor WHERE id = ANY(:ids)"""
    ),
    "donation": text(
        """SELECT n.id, n.code, n.tissue, d.pseudonym, n.state, ARRAY[d.code] AS parents
           FROM donation n JOIN donor d ON d.id = n.donor_id WHERE n.id = ANY(:ids)"""
    ),
    "reagent_lot": text(
        """SELECT id, code, name, manufacturer_lot, state, ARRAY[]::text[] AS parents
           FROM reagent_lot WHERE id = ANY(:ids) ORDER BY name, id"""
    ),
    "culture": text(
        """SELECT c.id, c.code, c.passage, c.state,
           coalesce(parent.code, source.code, n.code) || ARRAY(SELECT r.code FROM reagent_use u
             JOIN reagent_lot r ON r.id = u.reagent_lot_id WHERE u.culture_id = c.id ORDER BY r.id) AS parents
           FROM culture c JOIN donation n ON n.id = c.donation_id LEFT JOIN culture parent ON parent.id = c.parent_id
           LEFT JOIN vial source ON source.id = c.source_vial_id WHERE c.id = ANY(:ids) ORDER BY c.passage, c.id"""
    ),
    "lot": text(
        """SELECT l.id, l.code, l.purpose, l.state,
           ARRAY(SELECT c.code FROM lot_source s JOIN culture c ON c.id = s.culture_id
             WHERE s.lot_id = l.id ORDER BY c.id) || ARRAY(SELECT r.code FROM reagent_use u
             JOIN reagent_lot r ON r.id = u.reagent_lot_id WHERE u.lot_id = l.id ORDER BY r.id) AS parents
           FROM lot l WHERE l.id = ANY(:ids) ORDER BY l.id"""
    ),
    # One look at the index for each vial: a join would read every placement of the bank when the family is large.
    "vial": text(
        """SELECT v.code, v.number, v.state, v.lot_id, p.box_id, p.position, v.site_id
           FROM vial v LEFT JOIN LATERAL (SELECT box_id, position FROM placement
             WHERE vial_id = v.id AND taken_at IS NULL LIMIT 1) p ON true
           WHERE v.id = ANY(:ids) ORDER BY v.lot_id, v.number"""
    ),
    "dose": text(
        """SELECT d.id, d.code, d.site_id, d.infusion_number, d.day, d.state,
           coalesce((SELECT array_agg(v.code ORDER BY v.number) FROM vial v WHERE v.dose_id = d.id), ARRAY[l.code])
             AS parents FROM dose d JOIN lot l ON l.id = d.lot_id WHERE d.id = ANY(:ids) ORDER BY d.id"""
    ),
    "subject": text(
        """SELECT s.id, s.code, s.site_id, s.trial_number, s.state,
           (SELECT array_agg(d.code ORDER BY d.id) FROM dose d WHERE d.subject_id = s.id) AS parents
           FROM subject s WHERE s.id = ANY(:ids) ORDER BY s.trial_number"""
    ),
}
#: what each kind is called; pages say it in the reader's language (`domain/lines.py`)
TITLES: Mapping[str, Callable[[Any], str]] = {
    "donor": lambda row: f"Donor {row.pseudonym}",
    "donation": lambda row: f"{row.tissue.title()} of {row.pseudonym}",
    "reagent_lot": lambda row: f"{row.name} {row.manufacturer_lot}",
    "culture": lambda row: f"Culture P{row.passage}",
    "lot": lambda row: f"{row.purpose.replace('_', ' ').title()} lot",
    "vial": lambda row: f"Vial {row.number}",
    "dose": lambda row: f"Infusion {row.infusion_number} (Day {row.day})",
    "subject": lambda row: f"Subject {row.trial_number}",
}
LOT_CODES = text("SELECT id, code FROM lot WHERE id = ANY(:ids)")
BOXES = text(
    f"""SELECT box.id, {LINE.format(unit="box.id")}, box.column_count
          FROM storage_unit box WHERE box.id = ANY(:ids)"""
)
ORDER = tuple(NODES)
SITES = text("SELECT id, name FROM site")
AT_ONE_SITE = ("vial", "dose", "subject")  # all else is product, of which every site may read that has vials
AWAY = "AT_ANOTHER_SITE"  # instead of the state of what is not told
TRACED = (
    Kind.DONOR, Kind.DONATION, Kind.CULTURE, Kind.LOT, Kind.VIAL, Kind.DOSE, Kind.SUBJECT, Kind.REAGENT,
)  # fmt: skip


class Node(NamedTuple):
    """One record of the family; `parents` are the codes in the same trace that it came from. A tuple, because a donor
    may have thousands of them. What is at another site than that of the reader says so instead of its place: of a dose
    there no more than its code is told, of a subject no more than the trial number."""

    kind: str
    code: str
    title: str
    state: str
    parents: tuple[str, ...]
    where: str | None = None


@dataclass(frozen=True)
class Trace:
    """A record with all that it came from and all that came of it, each from the donor downwards."""

    start: Node
    up: tuple[Node, ...] = field(default=())
    down: tuple[Node, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """The form of the public face."""
        up, down = ([node._asdict() for node in nodes] for nodes in (self.up, self.down))
        return {"start": self.start._asdict(), "up": up, "down": down}

    def of_kind(self, kind: str) -> tuple[Node, ...]:
        """The nodes of one kind, the start among them."""
        return tuple(node for node in (*self.up, self.start, *self.down) if node.kind == kind)


class NoFamily(NotHere):
    """The code is of a kind that nothing comes from, such as a badge."""

    def __init__(self, kind: str, code: str):
        super().__init__(kind, code)
        self.args = (f"{code} is a {kind}: trace a donor, donation, reagent, culture, lot, vial, dose or subject.",)


def trace(installation: Installation, raw: str) -> Trace:
    """Trace what was scanned. Raises Unreadable, NotHere, or NoFamily (a kind of NotHere)."""
    scan = read_scan(raw)
    if isinstance(scan, Garbled):
        raise Unreadable(scan)
    if scan.kind not in TRACED:
        raise NoFamily(scan.kind.name.lower(), printed(scan.code))
    kind = RECORDS[scan.kind]
    with installation.reads.connect() as connection:
        statement = text(f"SELECT id, elsewhere('{kind}', id, :site) AS elsewhere FROM {kind} WHERE code = :code")
        found = connection.execute(statement, {"code": scan.code, "site": installation.site}).one_or_none()
        if found is None:
            raise NotHere(kind, printed(scan.code))
        refuse_elsewhere(kind, printed(scan.code), found.elsewhere)
        return trace_record(connection, kind, found.id, site=installation.site)


def trace_record(
    connection: Connection, kind: str, record_id: int, *, without: Sequence[str] = (), site: int | None = None
) -> Trace:
    """Trace a record that is there, leaving out these kinds of others; as it is read at a site, or at all of them."""
    (start,) = read_nodes(connection, kind, {record_id}, site)
    up, down = walk_up(connection, kind, record_id), walk_down(connection, kind, record_id)
    for left_out in without:
        up[left_out] = down[left_out] = set()
    return _closed(start, _all_nodes(connection, up, site), _all_nodes(connection, down, site))


def walk_down(connection: Connection, kind: str, start: int) -> Ids:
    """The ids of all that came of a record, by kind."""
    found: Ids = {name: set() for name in ORDER}
    if kind not in ("dose", "subject"):
        _merge(found, connection.execute(DOWN, {"kinds": [kind], "ids": [start]}).mappings())
    if found["lot"]:
        lots = {"ids": list(found["lot"])}
        found["vial"].update(connection.scalars(text("SELECT id FROM vial WHERE lot_id = ANY(:ids)"), lots))
        found["dose"].update(connection.scalars(text("SELECT id FROM dose WHERE lot_id = ANY(:ids)"), lots))
    if kind == "vial":
        found["dose"] |= _column(connection, "SELECT dose_id FROM vial WHERE id = :id AND dose_id IS NOT NULL", start)
    if kind == "dose":
        found["dose"].add(start)
    if found["dose"]:
        of = {"ids": list(found["dose"])}
        found["subject"].update(connection.scalars(text("SELECT subject_id FROM dose WHERE id = ANY(:ids)"), of))
    found[kind].discard(start)
    return found


def walk_up(connection: Connection, kind: str, start: int) -> Ids:
    """The ids of all that a record came from, by kind."""
    found: Ids = {name: set() for name in ORDER}
    seeds = {(kind, start)}
    if kind == "subject":
        found["dose"] = _column(connection, "SELECT id FROM dose WHERE subject_id = :id", start)
        seeds = {("dose", dose) for dose in found["dose"]}
    if kind in ("dose", "subject"):
        doses = found["dose"] | ({start} if kind == "dose" else set())
        vials = connection.scalars(text("SELECT id FROM vial WHERE dose_id = ANY(:ids)"), {"ids": list(doses)})
        seeds |= {("vial", vial) for vial in vials}
    if seeds:
        kinds, ids = zip(*sorted(seeds), strict=True)
        _merge(found, connection.execute(UP, {"kinds": list(kinds), "ids": list(ids)}).mappings())
    found[kind].discard(start)
    return found


def _merge(found: Ids, rows: Iterable[Mapping[Any, Any]]) -> None:
    for row in rows:
        found[row["kind"]].update(row["ids"])


def _column(connection: Connection, statement: str, start: int) -> set[int]:
    return set(connection.scalars(text(statement), {"id": start}))


def _closed(start: Node, up: tuple[Node, ...], down: tuple[Node, ...]) -> Trace:
    """The trace without edges that lead out of it: of a patient's doses, say, to that of another donor."""
    known = {node.code for node in (*up, start, *down)}

    def inside(node: Node) -> Node:
        kept = tuple(code for code in node.parents if code in known)
        return node if kept == node.parents else node._replace(parents=kept)

    return Trace(inside(start), tuple(map(inside, up)), tuple(map(inside, down)))


def _all_nodes(connection: Connection, ids: Ids, site: int | None) -> tuple[Node, ...]:
    return tuple(node for kind in ORDER if ids[kind] for node in read_nodes(connection, kind, ids[kind], site))


def read_nodes(connection: Connection, kind: str, ids: set[int], site: int | None = None) -> list[Node]:
    """The nodes of one kind, as they are read at a site, or at all of them."""
    rows = connection.execute(NODES[kind], {"ids": list(ids)}).all()
    nodes = _vials(connection, rows) if kind == "vial" else [_node(kind, row) for row in rows]
    if site is None or kind not in AT_ONE_SITE or all(row.site_id == site for row in rows):
        return nodes
    names = {row.id: row.name for row in connection.execute(SITES)}
    return [
        node if row.site_id == site else _elsewhere(node, row, names[row.site_id])
        for node, row in zip(nodes, rows, strict=True)
    ]


def _node(kind: str, row: Any) -> Node:
    return Node(kind, row.code, TITLES[kind](row), row.state, tuple(row.parents or ()))


def _elsewhere(node: Node, row: Any, site: str) -> Node:
    """What is told of a node to whoever is at another site."""
    if node.kind == "vial":
        return node._replace(where=site)
    named = {"code": row.trial_number, "title": "Subject"} if node.kind == "subject" else {"title": "Dose"}
    return node._replace(**named, state=AWAY, where=site)


def _vials(connection: Connection, rows: Sequence[Any]) -> list[Node]:
    """Vials with the codes of their lots and the names of their places, each of which is read once."""
    lots = {lot: code for lot, code in connection.execute(LOT_CODES, {"ids": list({row.lot_id for row in rows})})}
    boxes = {row.id: row._asdict() for row in connection.execute(BOXES, {"ids": list({row.box_id for row in rows})})}
    places = [{**boxes[row.box_id], "position": row.position} if row.box_id else NOWHERE for row in rows]
    return [
        Node("vial", row.code, TITLES["vial"](row), row.state, (lots[row.lot_id],), place_text(place))
        for row, place in zip(rows, places, strict=True)
    ]

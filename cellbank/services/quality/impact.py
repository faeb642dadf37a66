"""What a stop would touch: every vial of a lot and of the lots made from it, its place, every dose, every subject.

The same question is asked before a rejection, a recall or a hold is signed, and after it, as the recall list. It may be
asked of whatever stops lots: a lot, a donor, a donation, a culture, a reagent lot, a storage unit. Counts come first;
the vials themselves are read by the page, for a lot may have thousands of them.
"""

import dataclasses
import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

from cellbank.domain.garbled import Garbled
from cellbank.domain.identifiers import RECORDS, Kind
from cellbank.domain.lifecycle.states import DoseState
from cellbank.domain.positions import position_name
from cellbank.domain.scans import read_scan
from cellbank.services.finding.missing import NotHere, Unreadable
from cellbank.services.finding.seeing import refuse_elsewhere
from cellbank.services.installation import Installation
from cellbank.services.storage.travelling import IN_HAND, in_hand_of

PAGE = 200
STARTS = (Kind.LOT, Kind.DONOR, Kind.DONATION, Kind.CULTURE, Kind.REAGENT, Kind.STORAGE)
ENDED = (DoseState.CANCELLED, DoseState.DISCARDED)
RECEIVED = (DoseState.INFUSING, DoseState.INFUSED, DoseState.RECONCILED)
NOWHERE = "–"


@dataclass(frozen=True)
class LotTouched:
    """A lot that the stop reaches: the one in question, or one made from it."""

    code: str
    purpose: str
    state: str
    vials: int
    decision_reason: str | None


@dataclass(frozen=True)
class PlaceTouched:
    """A box with vials of these lots, in the order in which the tanks are walked; `counts` by state. Without a box:
    all that stands at another site, which `where` names."""

    box: str | None
    where: str
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """The vials in this box."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class VialTouched:
    """One vial and its whereabouts; `where` is NOWHERE when it stands at no place."""

    code: str
    number: int
    lot: str
    state: str
    where: str


@dataclass(frozen=True)
class DoseTouched:
    """One dose: for whom, planned for when, given when; and what its clinician answered to the notice: the first that
    is not answered, or the last. Of a dose at another site than the reader's (`at`: its name) the code, the state and
    the trial number are told, and whether the notice is answered; the rest is None."""

    code: str
    lot: str
    state: str
    subject: str | None
    trial_number: str
    infusion_number: int | None
    day: int | None
    planned_on: datetime.date | None
    given_at: datetime.datetime | None
    given_cells: int | None
    given_percent: Decimal | None
    notice: str | None
    notice_state: str | None
    measures: str | None
    answered_by: str | None
    answered_at: datetime.datetime | None
    at: str | None = None

    @property
    def was_received(self) -> bool:
        """Whether cells have reached the subject."""
        return self.state in RECEIVED

    @property
    def is_under_way(self) -> bool:
        """Whether it would still reach the subject."""
        return self.state not in (*RECEIVED, *ENDED)


@dataclass(frozen=True)
class Impact:
    """All that a stop touches. `by_state` counts every vial, `places` those that stand somewhere."""

    code: str
    kind: str
    lots: tuple[LotTouched, ...]
    by_state: Mapping[str, int]
    places: tuple[PlaceTouched, ...]
    doses: tuple[DoseTouched, ...]

    @property
    def lot(self) -> LotTouched:
        """The lot itself, where the question is about one."""
        return next(lot for lot in self.lots if lot.code == self.code)

    @property
    def vials(self) -> int:
        """How many vials there are in all."""
        return sum(self.by_state.values())

    @property
    def received(self) -> tuple[str, ...]:
        """The trial numbers of the subjects who received cells, each once."""
        return tuple(sorted({dose.trial_number for dose in self.doses if dose.was_received}))

    @property
    def waiting(self) -> tuple[str, ...]:
        """The trial numbers of the subjects for whom a dose is under way, each once."""
        return tuple(sorted({dose.trial_number for dose in self.doses if dose.is_under_way}))

    def as_json(self) -> dict[str, Any]:
        """The form of the public face."""
        data = dataclasses.asdict(self)
        for dose in data["doses"]:
            dose["planned_on"] = dose["planned_on"] and dose["planned_on"].isoformat()
            for instant in ("given_at", "answered_at"):
                dose[instant] = dose[instant] and dose[instant].isoformat()
            dose["given_percent"] = dose["given_percent"] and str(dose["given_percent"])
        return {**data, "vials": self.vials, "received": self.received, "waiting": self.waiting}

    @property
    def pages(self) -> int:
        """How many pages the list of vials has."""
        return max(1, -(-self.vials // PAGE))


_LOTS = text(
    """SELECT l.id, l.code, l.purpose, l.state, l.decision_reason,
              (SELECT count(*) FROM vial v WHERE v.lot_id = l.id) AS vials
         FROM lot l WHERE l.id IN (SELECT lots_below(:kind, :id)) ORDER BY l.id"""
)
# Each box that holds vials of some lots, with its place from the outside in, and `walk`, which puts the boxes into the
# order in which somebody comes past them.
HOMES = f"""home(box_id, names, in_hand, walk) AS (
         WITH RECURSIVE used AS (
           SELECT DISTINCT p.box_id FROM vial v JOIN placement p ON p.vial_id = v.id AND p.taken_at IS NULL
            WHERE v.lot_id IN ({{lots}})),
         up(box_id, parent_id, names, in_hand, walk) AS (
           SELECT u.id, u.parent_id, array[u.name], {IN_HAND.format(unit="u.id")}, array[u.place]
             FROM used JOIN storage_unit u ON u.id = used.box_id
           UNION ALL SELECT up.box_id, u.parent_id, u.name || up.names, up.in_hand, u.place || up.walk
             FROM up JOIN storage_unit u ON u.id = up.parent_id)
         SELECT box_id, names, in_hand, walk FROM up WHERE parent_id IS NULL)"""
AT_HOME = """LEFT JOIN placement p ON p.vial_id = v.id AND p.taken_at IS NULL
         LEFT JOIN storage_unit box ON box.id = p.box_id LEFT JOIN home ON home.box_id = p.box_id"""
_THESE = f"WITH {HOMES.format(lots='SELECT unnest(CAST(:lots AS bigint[]))')}"
# Of a box at another site than the reader's only the site is told.
_AWAY = "CASE WHEN box.site_id <> CAST(:site AS bigint) THEN away.name END"
_COUNTS = text(
    f"""{_THESE} SELECT box.code AS box, home.names, home.in_hand, v.state, {_AWAY} AS away,
               count(*) AS vials FROM vial v {AT_HOME}
         LEFT JOIN site away ON away.id = box.site_id
         WHERE v.lot_id = ANY(:lots) GROUP BY box.code, home.names, home.in_hand, home.walk, v.state, 5
         ORDER BY 5 NULLS FIRST, home.walk, v.state"""
)
_VIALS = f"""{_THESE} SELECT v.code, v.number, l.code AS lot, v.state, home.names, home.in_hand, p.position,
               box.column_count, {_AWAY} AS away
         FROM vial v JOIN lot l ON l.id = v.lot_id {AT_HOME} LEFT JOIN site away ON away.id = box.site_id
        WHERE v.lot_id = ANY(:lots) ORDER BY away NULLS FIRST, home.walk NULLS LAST, p.position, v.lot_id, v.number"""
_DOSES = text(
    """SELECT d.code, l.code AS lot, d.state, s.code AS subject, s.trial_number, d.infusion_number, d.day, d.planned_on,
              d.infusion_started_at AS given_at, d.given_cells, d.given_percent, n.code AS notice,
              CASE WHEN n.code IS NULL THEN NULL WHEN n.answered_at IS NULL THEN 'OPEN' ELSE 'ACKNOWLEDGED' END
              AS notice_state, n.measures, n.answered_by, n.answered_at,
              CASE WHEN s.site_id <> CAST(:site AS bigint) THEN x.name END AS at
         FROM dose d JOIN subject s ON s.id = d.subject_id JOIN lot l ON l.id = d.lot_id JOIN site x ON x.id = s.site_id
         LEFT JOIN LATERAL (SELECT n.code, a.answered_at, p.full_name AS answered_by,
               nullif(concat_ws(': ', replace(upper(left(a.done, 1)) || substr(a.done, 2), '_', ' '), a.note), '')
                 AS measures
             FROM notice_line a JOIN recall_notice n ON n.id = a.notice_id LEFT JOIN person p ON p.id = a.answered_by_id
            WHERE a.dose_id = d.id ORDER BY a.answered_at IS NOT NULL, n.id DESC LIMIT 1) n ON true
        WHERE d.lot_id = ANY(:lots) AND d.state <> 'CANCELLED' ORDER BY s.trial_number, d.infusion_number, d.id"""
)


def impact(installation: Installation, raw: str) -> Impact:
    """What a stop of this lot, donor, reagent or storage unit would touch. Raises Unreadable or NotHere."""
    with installation.reads.connect() as connection:
        return read_impact(connection, raw, installation.site)


def read_impact(connection: Connection, raw: str, site: int | None = None) -> Impact:
    """What a stop would touch (`impact`), on a connection; as it is read at a site, or at all of them."""
    kind, code, record_id = _start(connection, raw, site)
    lots = connection.execute(_LOTS, {"kind": kind, "id": record_id}).all()
    given = {"lots": [lot.id for lot in lots], "site": site}
    counts = connection.execute(_COUNTS, given).all()
    doses = connection.execute(_DOSES, given).all()
    by_state: dict[str, int] = {}
    for row in counts:
        by_state[row.state] = by_state.get(row.state, 0) + row.vials
    return Impact(
        code=code,
        kind=kind,
        lots=tuple(LotTouched(lot.code, lot.purpose, lot.state, lot.vials, lot.decision_reason) for lot in lots),
        by_state=dict(sorted(by_state.items())),
        places=_places(counts),
        doses=tuple(_told(DoseTouched(*row)) for row in doses),
    )


def vials_touched(installation: Installation, raw: str, page: int | None = None) -> tuple[VialTouched, ...]:
    """The vials with their whereabouts in the order of the tanks, those that stand nowhere last: all, or one page."""
    with installation.reads.connect() as connection:
        return read_vials(connection, raw, page, installation.site)


def read_vials(
    connection: Connection, raw: str, page: int | None = None, site: int | None = None
) -> tuple[VialTouched, ...]:
    """The vials that a stop would touch (`vials_touched`), on a connection; as it is read at a site, or at all of
    them."""
    kind, _, record_id = _start(connection, raw, site)
    lots = [row.id for row in connection.execute(_LOTS, {"kind": kind, "id": record_id})]
    cut = "" if page is None else f" LIMIT {PAGE} OFFSET {(page - 1) * PAGE}"
    rows = connection.execute(text(_VIALS + cut), {"lots": lots, "site": site}).all()
    return tuple(VialTouched(row.code, row.number, row.lot, row.state, _where(row)) for row in rows)


def _told(dose: DoseTouched) -> DoseTouched:
    """What whoever is at another site than the dose may know of it."""
    if dose.at is None:
        return dose
    return dataclasses.replace(
        dose,
        subject=None,
        infusion_number=None,
        day=None,
        planned_on=None,
        given_at=None,
        given_cells=None,
        given_percent=None,
        notice=None,
        measures=None,
        answered_by=None,
        answered_at=None,
    )


def _start(connection: Connection, raw: str, site: int | None) -> tuple[str, str, int]:
    """What a code starts from: kind of record, code and id. Raises Unreadable or NotHere."""
    scan = read_scan(raw)
    if isinstance(scan, Garbled):
        raise Unreadable(scan)
    kind = RECORDS[scan.kind] if scan.kind in STARTS else None
    if kind is None:
        raise NotHere("lot", scan.code)
    statement = text(f"SELECT id, elsewhere('{kind}', id, :site) AS elsewhere FROM {kind} WHERE code = :code")
    found = connection.execute(statement, {"code": scan.code, "site": site}).one_or_none()
    if found is None:
        raise NotHere(kind, scan.code)
    refuse_elsewhere(kind, scan.code, found.elsewhere)
    return kind, scan.code, found.id


def _places(counts: Any) -> tuple[PlaceTouched, ...]:
    found: dict[str, PlaceTouched] = {}
    for row in counts:
        if row.box is not None:
            box, where = (None, row.away) if row.away else (row.box, _place(row))
            before = found.setdefault(box or where, PlaceTouched(box, where, {})).counts
            counted = {**before, row.state: before.get(row.state, 0) + row.vials}
            found[box or where] = PlaceTouched(box, where, counted)
    return tuple(found.values())


def _where(row: Any) -> str:
    if row.away:
        return str(row.away)
    if row.position is None:
        return NOWHERE
    return f"{_place(row)} › {position_name(row.position, row.column_count)}"


def _place(row: Any) -> str:
    """The units from the outside in, with whoever has a shipper in hand before it."""
    *outer, box = row.names
    return " › ".join([*outer, *in_hand_of(row.in_hand), box])

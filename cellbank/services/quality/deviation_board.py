"""The page of a deviation: what it touches, which lots are affected by lineage, what is being done, how far it is."""

import datetime
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from cellbank.domain.lifecycle.states import DeviationState
from cellbank.services.installation import Installation


@dataclass(frozen=True)
class AffectedLot:
    """A lot below a record that a deviation touches, with what came of it. A subject of another site goes by the trial
    number."""

    code: str
    purpose: str
    state: str
    vials_in_stock: int
    doses: tuple[str, ...]
    subjects: tuple[str, ...]


@dataclass(frozen=True)
class DeviationBoard:
    """A deviation as its page shows it. `links` and `actions` are rows; `is_late` says that its day has passed."""

    row: Any
    links: tuple[Any, ...]
    lots: tuple[AffectedLot, ...]
    actions: tuple[Any, ...]
    is_late: bool


_DEVIATION = text(
    """SELECT v.*, s.timezone, o.full_name AS opened_by, i.full_name AS investigated_by, c.full_name AS closed_by
         FROM deviation v JOIN site s ON s.id = v.site_id JOIN person o ON o.id = v.opened_by_id
         LEFT JOIN person i ON i.id = v.investigated_by_id LEFT JOIN person c ON c.id = v.closed_by_id
        WHERE v.code = :code"""
)
_LINKS = text(
    """SELECT record_kind AS kind, record_code AS code FROM deviation_link WHERE deviation_id = :id
        ORDER BY record_kind, record_code"""
)
# A tank touches what stood in it when it happened, wherever that stands now.
_LOTS = text(
    """WITH reached AS MATERIALIZED (
         SELECT DISTINCT lots_reached(k.record_kind, k.record_id, CAST(:since AS timestamptz)) AS id
           FROM deviation_link k WHERE k.deviation_id = :id)
       SELECT l.code, l.purpose, l.state,
              (SELECT count(*) FROM vial v WHERE v.lot_id = l.id AND v.state = 'IN_STOCK') AS vials_in_stock,
              ARRAY(SELECT d.code FROM dose d WHERE d.lot_id = l.id AND d.state <> 'CANCELLED' ORDER BY d.id) AS doses,
              ARRAY(SELECT DISTINCT CASE WHEN s.site_id <> CAST(:site AS bigint) THEN s.trial_number ELSE s.code END
                      FROM dose d JOIN subject s ON s.id = d.subject_id
                     WHERE d.lot_id = l.id AND d.state <> 'CANCELLED' ORDER BY 1) AS subjects
         FROM reached JOIN lot l USING (id) ORDER BY l.id"""
)
_ACTIONS = text(
    """SELECT a.code, a.type, a.description, a.state, a.due_on, a.done_at, a.done_note, p.full_name AS responsible,
              a.state = 'PLANNED' AND a.due_on < CAST(:today AS date) AS is_late
         FROM corrective_action a JOIN person p ON p.id = a.responsible_id WHERE a.deviation_id = :id
        ORDER BY a.due_on, a.id"""
)


def deviation_board(installation: Installation, code: str, now: datetime.datetime) -> DeviationBoard | None:
    """The board of a deviation, in four statements; None when there is none of this code."""
    with installation.reads.connect() as connection:
        return read_board(connection, code, now.astimezone(installation.zone).date(), installation.site)


def read_board(connection: Connection, code: str, today: datetime.date, site: int | None) -> DeviationBoard | None:
    """The board of a deviation from a snapshot of the database, as it is read at this site."""
    row = connection.execute(_DEVIATION, {"code": code}).one_or_none()
    if row is None:
        return None
    links = connection.execute(_LINKS, {"id": row.id}).all()
    lots = connection.execute(_LOTS, {"id": row.id, "since": row.occurred_at, "site": site}).all()
    actions = connection.execute(_ACTIONS, {"id": row.id, "today": today}).all()
    affected = tuple(
        AffectedLot(lot.code, lot.purpose, lot.state, lot.vials_in_stock, tuple(lot.doses), tuple(lot.subjects))
        for lot in lots
    )
    return DeviationBoard(
        row, tuple(links), affected, tuple(actions), row.state != DeviationState.CLOSED and row.due_on < today
    )

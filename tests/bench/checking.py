"""What COPY past the triggers may have broken, asked of the finished database: every foreign key, the predicates of the
triggers that protect a patient, the trail against the records, and the seals."""

import hashlib
from collections.abc import Callable

import psycopg

from cellbank.records.tables import metadata, record_tables

# Each finds what a trigger of migration 0003 would have refused.
PREDICATES = {
    "a reserved or used vial is of the lot of its dose": """
        SELECT count(*) FROM vial v JOIN dose d ON d.id = v.dose_id WHERE d.lot_id <> v.lot_id""",
    "doses come from released product lots": """
        SELECT count(*) FROM dose d JOIN lot l ON l.id = d.lot_id
         WHERE l.state <> 'RELEASED' OR l.purpose <> 'product'""",
    "doses are for enrolled subjects of an arm with product": """
        SELECT count(*) FROM dose d JOIN subject s ON s.id = d.subject_id
         WHERE NOT s.receives_product OR s.state <> 'ENROLLED'""",
    "a weight is of the subject of its dose": """
        SELECT count(*) FROM dose d JOIN weight w ON w.id = d.weight_id WHERE w.subject_id <> d.subject_id""",
    "positions exist, in boxes in service": """
        SELECT count(*) FROM placement p JOIN storage_unit b ON b.id = p.box_id
         WHERE b.type <> 'box' OR b.state <> 'IN_SERVICE' OR p.position > b.row_count * b.column_count""",
    "vials in stock stand somewhere, and only they do": """
        SELECT count(*) FROM vial v LEFT JOIN placement p ON p.vial_id = v.id AND p.taken_at IS NULL
         WHERE (v.state IN ('IN_STOCK', 'RESERVED')) <> (p.id IS NOT NULL)""",
    "a released lot is signed by somebody who performed nothing in it": """
        SELECT count(*) FROM lot l WHERE l.state = 'RELEASED' AND NOT EXISTS (
          SELECT FROM signature s JOIN act a ON a.id = s.act_id WHERE s.record_kind = 'lot' AND s.record_id = l.id
             AND s.meaning = 'released' AND s.person_id NOT IN (SELECT lot_performers(l.id)))""",
    "a released lot has an eligible donor with a consent in force and no hold": """
        SELECT count(*) FROM lot l JOIN donation n ON n.id = l.donation_id JOIN donor d ON d.id = n.donor_id
         WHERE l.state = 'RELEASED' AND (d.state <> 'ELIGIBLE'
            OR NOT EXISTS (SELECT FROM consent c WHERE c.donor_id = d.id AND c.state = 'GIVEN')
            OR EXISTS (SELECT FROM hold h WHERE h.state = 'PLACED' AND (h.donor_id = d.id OR h.lot_id = l.id)))""",
    "a released lot has a review of its batch record as it stands": """
        SELECT count(*) FROM lot l WHERE l.state = 'RELEASED' AND NOT EXISTS (
          SELECT FROM batch_review b WHERE b.lot_id = l.id AND b.digest = batch_digest(l.id))""",
    "cells in cultures are not spent twice": """
        SELECT count(*) FROM culture c JOIN (SELECT culture_id, sum(cells_used) AS used FROM lot_source GROUP BY 1) s
            ON s.culture_id = c.id WHERE c.cells_left + s.used > c.cells_harvested""",
    "every act is closed and sealed, without a gap": """
        SELECT (SELECT count(*) FROM act a LEFT JOIN seal s ON s.act_id = a.id
                 WHERE s.act_id IS NULL OR a.outcome IS NULL)
             + (SELECT max(number) - count(*) FROM seal)""",
    "sequences stand behind the last number": """
        SELECT (SELECT max(id) FROM vial) - last_value FROM vial_id_seq""",
}

# A record as its changes, laid over each other, leave it, against the row itself; columns that the database works
# out are not loaded, and so not in the trail of a generated bank.
REPLAY = """
    SELECT count(*) FROM (SELECT * FROM {table} TABLESAMPLE SYSTEM ({percent}) REPEATABLE (1)) r
     WHERE to_jsonb(r) - %s::text[] <> (SELECT jsonb_object_agg(key, value ORDER BY c.id)
                             FROM change c, jsonb_each(c.after) WHERE c.record_kind = '{table}' AND c.record_id = r.id)
"""
# Secrets of people are hidden in the trail, and the first site and person were there before it.
NOT_REPLAYED = {"person", "api_token", "site"}
SAMPLED_SEALS = 2_000


class Broken(AssertionError):
    """The generated database does not satisfy what the application's own would."""


def check(connection: psycopg.Connection, tell: Callable[[str], None]) -> None:
    """Raise Broken with everything that is wrong."""
    broken = [*_foreign_keys(connection), *_predicates(connection), *_replay(connection), *_seals(connection)]
    if broken:
        raise Broken("\n".join(broken))
    tell("constraints, trail and seals checked")


def _count(connection: psycopg.Connection, statement: str, *given: object) -> int:
    row = connection.execute(statement, given or None).fetchone()
    return row[0] if row else 0


def _foreign_keys(connection: psycopg.Connection) -> list[str]:
    broken = []
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            column, target = key.parent.name, key.column.table.name
            missing = (
                f"SELECT count(*) FROM {table.name} t WHERE t.{column} IS NOT NULL "
                f"AND NOT EXISTS (SELECT FROM {target} o WHERE o.id = t.{column})"
            )
            if number := _count(connection, missing):
                broken.append(f"{number} rows of {table.name}.{column} point at no {target}")
    return broken


def _predicates(connection: psycopg.Connection) -> list[str]:
    return [f"not so: {rule}" for rule, statement in PREDICATES.items() if _count(connection, statement)]


def _replay(connection: psycopg.Connection) -> list[str]:
    """The trail tells the record: all rows of small tables, a sample of large ones."""
    broken = []
    for table in sorted(set(record_tables()) - NOT_REPLAYED):
        size = _count(connection, f"SELECT count(*) FROM {table}")
        percent = min(100.0, 100 * 10_000 / max(size, 1))
        worked_out = [column.name for column in metadata.tables[table].c if column.computed is not None]
        if number := _count(connection, REPLAY.format(table=table, percent=percent), worked_out):
            broken.append(f"{number} rows of {table} differ from what the trail tells of them")
    return broken


def _seals(connection: psycopg.Connection) -> list[str]:
    """The last seals, recomputed by the database's own digest."""
    rows = connection.execute(
        "SELECT s.act_id, s.digest, p.digest, trail_act_digest(a) FROM seal s JOIN act a ON a.id = s.act_id "
        "JOIN seal p ON p.site_id = s.site_id AND p.number = s.number - 1 ORDER BY s.number DESC LIMIT %s",
        [SAMPLED_SEALS],
    )
    wrong = [act for act, digest, before, content in rows if hashlib.sha256(before + content).digest() != digest]
    return [f"the seals of acts {wrong[:5]} are wrong"] if wrong else []

"""Do the records still say what the trail says? A change made with the triggers switched off shows here."""

from collections.abc import Callable

from sqlalchemy import Connection, text

from cellbank.records.tables import metadata, record_tables
from cellbank.records.trail import HIDDEN
from cellbank.services.trail.trail_faults import Fault

IDS_AT_ONCE = 20_000

# Columns that are younger than their first rows, which a revision filled with whoever made the row.
MADE_BY = {"definition": "imported_by_id"}
MAKER = """jsonb_build_object('{column}', (SELECT a.person_id FROM change f JOIN act a ON a.id = f.act_id
               WHERE f.record_kind = c.record_kind AND f.record_id = c.record_id AND f.before IS NULL
               ORDER BY f.id LIMIT 1)) || """

# The last known value of every column of every record, from the trail, beside the row as it is. A column that is newer
# than the row is not in the trail of it, which is all right while it is empty or as `MADE_BY` says. One that the
# database computes says nothing that the others do not.
DRIFT = """
    WITH known AS (
      SELECT c.record_id AS id, {made_by}CASE WHEN count(*) = 1 THEN (array_agg(c.after))[1] ELSE (
               SELECT jsonb_object_agg(v.key, v.value ORDER BY said.number)
                 FROM unnest(array_agg(c.after ORDER BY c.id)) WITH ORDINALITY AS said (columns, number),
                      jsonb_each(said.columns) v) END - CAST(:hidden AS text[]) AS columns
        FROM change c WHERE c.record_kind = :kind AND c.record_id > :low AND c.record_id <= :high
       GROUP BY c.record_kind, c.record_id
    ), live AS (
      SELECT id, to_jsonb(t) - CAST(:hidden AS text[]) AS columns FROM {table} t WHERE id > :low AND id <= :high
    )
    SELECT id, known.columns IS NULL AS unknown, live.columns IS NULL AS gone, difference.*
      FROM known FULL JOIN live USING (id)
      LEFT JOIN LATERAL (
        SELECT key, known.columns -> key AS known, live.columns -> key AS live
          FROM jsonb_object_keys(known.columns || live.columns) key
         WHERE coalesce(known.columns -> key, 'null') <> coalesce(live.columns -> key, 'null') ORDER BY key LIMIT 1
      ) AS difference ON true
     WHERE known.columns IS DISTINCT FROM live.columns
       AND (known.columns IS NULL OR live.columns IS NULL OR difference.key IS NOT NULL)
     ORDER BY id LIMIT 1
"""
LAST_SET = text(
    """SELECT act_id FROM change WHERE record_kind = :kind AND record_id = :id
        AND (CAST(:key AS text) IS NULL OR jsonb_exists(after, :key)) ORDER BY id DESC LIMIT 1"""
)


def find_drift(connection: Connection, progress: Callable[[str, int, int], None]) -> tuple[Fault | None, int]:
    """The first record that differs from what the trail says of it, table after table, and how many were compared.

    Set by set, so that it holds little in memory however many records there are.
    """
    compared = 0
    for table in record_tables():
        lowest, highest = _bounds(connection, table)
        for low in range(lowest - 1, highest, IDS_AT_ONCE):
            fault = _drift_between(connection, table, low, low + IDS_AT_ONCE)
            if fault is not None:
                return fault, compared
            progress(table, min(low + IDS_AT_ONCE, highest), highest)
        compared += connection.scalar(text(f"SELECT count(*) FROM {table}"))
    return None, compared


def _bounds(connection: Connection, table: str) -> tuple[int, int]:
    """The lowest and the highest id of a table and its trail: a row that is gone was known to the trail."""
    statement = f"""
        SELECT coalesce(min(low), 1), coalesce(max(high), 0) FROM (
          SELECT min(id) AS low, max(id) AS high FROM {table}
          UNION ALL SELECT min(record_id), max(record_id) FROM change WHERE record_kind = :kind
        ) AS bounds"""
    lowest, highest = connection.execute(text(statement), {"kind": table}).one()
    return lowest, highest


def _drift_between(connection: Connection, table: str, low: int, high: int) -> Fault | None:
    hidden = [*HIDDEN.get(table, ()), *(column.name for column in metadata.tables[table].columns if column.computed)]
    given = {"kind": table, "low": low, "high": high, "hidden": hidden}
    made_by = MAKER.format(column=MADE_BY[table]) if table in MADE_BY else ""
    row = connection.execute(text(DRIFT.format(table=table, made_by=made_by)), given).one_or_none()
    if row is None:
        return None
    act = connection.scalar(LAST_SET, {"kind": table, "id": row.id, "key": row.key})
    if row.unknown:
        return Fault(table, row.id, act, "the row was made behind the trail: no act tells of it")
    if row.gone:
        return Fault(table, row.id, act, "the row is gone, and the trail does not know of it")
    what = f"column {row.key} is {row.live!r}; according to the trail it is {row.known!r}: changed behind the trail"
    return Fault(table, row.id, act, what)

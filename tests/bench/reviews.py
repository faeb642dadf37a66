"""The reviews of the batch records of a generated bank, with the digests that the database asks for."""

import json

import psycopg

from cellbank.records.quality import BatchReview
from cellbank.records.signed_content import content_digest

# The rows are there when this is asked; the trail is not sealed yet.
DIGESTS = """
    CREATE TEMPORARY TABLE reviewed ON COMMIT DROP AS SELECT id, batch_digest(lot_id) AS digest FROM batch_review;
    UPDATE batch_review b SET digest = r.digest FROM reviewed r WHERE r.id = b.id;
    UPDATE change c SET after = jsonb_set(c.after, '{digest}', to_jsonb(r.digest))
      FROM reviewed r WHERE c.record_kind = 'batch_review' AND c.record_id = r.id
"""
SIGNED = "SELECT id, lot_id, digest, note, reviewed_at FROM batch_review"
SIGN = """
    WITH signed AS (SELECT * FROM jsonb_to_recordset(%s) AS one(id bigint, digest text)),
    changed AS (
      UPDATE signature s SET digest = signed.digest FROM signed
       WHERE s.record_kind = 'batch_review' AND s.record_id = signed.id RETURNING s.id, s.digest)
    UPDATE change c SET after = jsonb_set(c.after, '{digest}', to_jsonb(changed.digest))
      FROM changed WHERE c.record_kind = 'signature' AND c.record_id = changed.id
"""


def fill_in(connection: psycopg.Connection) -> None:
    """Give every review the digest of what was read, and its signature that of the review."""
    for statement in DIGESTS.split(";"):
        connection.execute(statement)
    names = ("id", "lot_id", "digest", "note", "reviewed_at")
    rows = [dict(zip(names, row, strict=True)) for row in connection.execute(SIGNED)]
    signed = [{"id": row["id"], "digest": content_digest(BatchReview(**row))} for row in rows]
    connection.execute(SIGN, [json.dumps(signed)])

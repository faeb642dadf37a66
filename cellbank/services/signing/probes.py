"""The limits that somebody asks for, beside those that hold, before another person signs for them."""

from sqlalchemy import text

from cellbank.outside.document_pdf import Block, Facts, Heading, Table
from cellbank.services.signing.reading import Reading
from cellbank.services.temperature.probes import LIMITS
from cellbank.services.wording.column_words import told
from cellbank.services.wording.values import shown

COLUMNS = ("Limit", "Holds now", "Asked for")
_ASKED = text(
    """SELECT p.*, a.full_name AS asked_by FROM probe p JOIN person a ON a.id = p.limits_asked_by_id
        WHERE p.code = :code"""
)


def limits_asked(reading: Reading) -> list[Block]:
    """Each limit as it is and as it is to be, who asks for it and why."""
    row = reading.connection.execute(_ASKED, {"code": reading.code_of("probe")}).mappings().one_or_none()
    if row is None:
        return []
    lines = tuple(
        (f"{told('probe', name).label}, {told('probe', name).unit}".rstrip(", "), shown(row[name]), str(asked))
        for name in LIMITS
        for asked in (row["limits_asked"][name],)
    )
    return [
        Heading("Limits asked for"),
        Table(COLUMNS, lines, (0.5, 0.25, 0.25)),
        Facts((("Asked for by", row["asked_by"]), ("Reason", row["limits_asked_because"]))),
    ]

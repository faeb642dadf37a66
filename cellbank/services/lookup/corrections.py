"""What was put right of a record, with the first value in sight: on its page, the newest first."""

import datetime
from dataclasses import dataclass

from sqlalchemy import text

from cellbank.domain.correction import KINDS
from cellbank.services.installation import Installation
from cellbank.services.wording.column_words import told
from cellbank.services.wording.values import clock, kept_value


@dataclass(frozen=True)
class PutRight:
    """One value of a record that was noted wrongly."""

    label: str
    before: str
    after: str
    reason: str
    at: datetime.datetime
    by: str


def corrections_of(installation: Installation, kind: str, code: str) -> tuple[PutRight, ...]:
    """The corrections of a record; nothing for kinds of which nothing is put right here."""
    if kind not in KINDS:
        return ()
    mine = text(f"""SELECT k.column_name, k.before, k.after, k.reason, k.corrected_at, p.full_name FROM correction k
                     JOIN {kind} r ON r.id = k.{kind}_id JOIN person p ON p.id = k.corrected_by_id
                    WHERE r.code = :code ORDER BY k.id DESC""")
    with installation.reads.connect() as connection:
        rows = connection.execute(mine, {"code": code}).all()
    time = clock(installation.zone)
    found = []
    for column, before, after, reason, at, by in rows:
        one = {"kind": kind, "column": column, "before": before, "after": after}
        was, is_now = kept_value(one, "before", time), kept_value(one, "after", time)
        found.append(PutRight(told(kind, column).label, was, is_now, reason, at, by))
    return tuple(found)

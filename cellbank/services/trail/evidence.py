"""What records rest on beside the trail: readings, by the digest of their import, and the files that were sent, which
lie in the data folder under their own digest."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, text

from cellbank.services.temperature.logger_files import all_kept, digest_of, kept
from cellbank.services.temperature.reading_check import broken
from cellbank.services.trail.trail_faults import Fault

# Every record that names a file by its digest; a withdrawn one rests on it too.
_NAMED = text(
    """SELECT 'reading_import' AS kind, id, code, sha256 FROM reading_import WHERE sha256 IS NOT NULL
        UNION ALL SELECT 'freezer_run', id, code, sha256 FROM freezer_run ORDER BY 1, 2"""
)


def find_altered_readings(connection: Connection) -> list[Fault]:
    """Each import whose readings are not those that it brought."""
    return [
        Fault("reading", None, None, f"{one.code}: {one.what}" if one.code else one.what) for one in broken(connection)
    ]


def find_altered_files(
    connection: Connection, folder: Path, progress: Callable[[str, int, int], None]
) -> tuple[list[Fault], list[str]]:
    """Each record whose file is missing or not what was sent; and notes on files that no record names."""
    named = connection.execute(_NAMED).all()
    faults, known = [], set()
    for done, row in enumerate(named, start=1):
        path = kept(folder, row.sha256)
        if path is None:
            what = f"{row.code}: its file {row.sha256} is missing in {folder}"
            faults.append(Fault(row.kind, row.id, None, what))
        elif row.sha256 not in known and digest_of(path) != row.sha256:
            faults.append(Fault(row.kind, row.id, None, f"{row.code}: its file {path} is not what was sent"))
        known.add(row.sha256)
        progress("files", done, len(named))
    strangers = [path.name for path in all_kept(folder) if path.name not in known]
    note = f"{len(strangers)} files in the folder of readings belong to no import (those of refused ones are kept)."
    return faults, [note] if strangers else []

"""Whether the readings are still those that were imported: the digest of each import, computed again."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from cellbank.services.installation import Installation
from cellbank.services.temperature.reading_store import stored_digest
from cellbank.services.temperature.run_facts import readings_digest

_IMPORTS = text(
    """SELECT i.id, i.code, i.probe_id, i.first_at, i.last_at, i.digest FROM reading_import i
        WHERE i.state = 'STORED' ORDER BY i.id"""
)
_STRANGERS = text(
    """SELECT count(*) FROM reading r WHERE NOT EXISTS (
         SELECT FROM reading_import i WHERE i.id = r.import_id AND i.probe_id = r.probe_id AND i.state = 'STORED'
            AND r.at BETWEEN i.first_at AND i.last_at)"""
)
_RUNS = text("SELECT id, code, digest FROM freezer_run ORDER BY id")
_OF_RUN = text(
    """SELECT channel, extract(epoch FROM at)::bigint AS second, (celsius * 100)::int AS value FROM freezer_reading
        WHERE run_id = :run ORDER BY channel, at"""
)


@dataclass(frozen=True)
class Broken:
    """An import whose rows are not those that it brought."""

    import_id: int
    code: str
    what: str


def broken_imports(installation: Installation) -> tuple[Broken, ...]:
    """Every import that has changed since; and readings of no import. Reads every reading there is."""
    with installation.reads.connect() as connection:
        return broken(connection)


def broken(connection: Connection) -> tuple[Broken, ...]:
    """Every import that has changed since, and readings of no import, over a connection."""
    found = []
    for row in connection.execute(_IMPORTS).all():
        if stored_digest(connection, row.probe_id, row.id, row.first_at, row.last_at) != row.digest:
            found.append(Broken(row.id, row.code, "its readings are not those that were imported"))
    for run in connection.execute(_RUNS).all():
        readings = connection.execute(_OF_RUN, {"run": run.id})
        if readings_digest((row.channel, row.second, row.value) for row in readings) != run.digest:
            found.append(Broken(run.id, run.code, "its readings are not those that were imported"))
    strangers = connection.execute(_STRANGERS).scalar_one()
    if strangers:
        found.append(Broken(0, "", f"{strangers} readings belong to no import"))
    return tuple(found)

"""Backup and restore, as docs/operations.md says: what comes back is the whole bank, and its trail is sound."""

import subprocess
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from cellbank.outside.embedded_place import programs
from cellbank.outside.embedded_postgres import EmbeddedPostgres
from cellbank.records.fingerprint import differences, objects_of, shipped
from cellbank.records.tables import record_tables
from cellbank.services.trail import verification
from tests.conftest import database_url

RESTORED = "cellbank_restored"


@pytest.mark.requirement("R3")
def test_a_restored_backup_has_every_row_and_a_sound_trail(
    story_database, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    story_database("to_be_saved")
    source, target = (database_url(postgres.owner_url, name) for name in ("to_be_saved", RESTORED))
    dump = tmp_path / "cellbank.dump"
    _run("pg_dump", "-Fc", "-f", str(dump), source)
    _run("createdb", *_where(postgres.owner_url), RESTORED)
    _run("pg_restore", "--exit-on-error", "--dbname", _libpq(target), str(dump))

    before, after = (create_engine(url) for url in (source, target))
    with before.connect() as original, after.connect() as restored:
        for table in (*record_tables(), "act", "change", "seal", "number_series"):
            count = text(f"SELECT count(*) FROM {table}")
            assert restored.scalar(count) == original.scalar(count), table
        assert verification.check(restored).fault is None
        assert differences(objects_of(restored), shipped()) == ()
        with pytest.raises(Exception, match="is refused"):  # the triggers came back too
            restored.execute(text("DELETE FROM public.change"))
    before.dispose()
    after.dispose()


def _libpq(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _where(url: str) -> list[str]:
    parts = make_url(url)
    return ["--host", str(parts.query["host"]), "--username", str(parts.username)]


def _run(program: str, *arguments: str) -> None:
    given = [_libpq(one) if one.startswith("postgresql+") else one for one in arguments]
    done = subprocess.run([programs() / program, *given], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

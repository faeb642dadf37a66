"""Backup and restore, as docs/operations.md says: what comes back is the whole bank, and its trail is sound."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from cellbank.outside.embedded_postgres import EmbeddedPostgres
from cellbank.records.fingerprint import differences, objects_of, shipped
from cellbank.records.migrate import migrate
from cellbank.records.tables import record_tables
from cellbank.services.trail import verification
from tests.backup import restore, save
from tests.conftest import database_url

RESTORED = "cellbank_restored"


@pytest.mark.requirement("R3")
def test_a_restored_backup_has_every_row_and_a_sound_trail(
    story_database, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    story_database("to_be_saved")
    source, target = (database_url(postgres.owner_url, name) for name in ("to_be_saved", RESTORED))
    dump = tmp_path / "cellbank.dump"
    save(source, dump)
    restore(dump, target)

    restored = create_engine(target)
    with restored.connect() as connection:
        named = [one.name for one in differences(objects_of(connection), shipped())]
    restored.dispose()
    assert named == ["grants of the database to everybody"], "its rights are no part of what is saved"
    migrate(target, anew=True)

    before, after = (create_engine(url) for url in (source, target))
    with before.connect() as original, after.connect() as restored:
        for table in (*record_tables(), "act", "change", "seal", "number_series"):
            count = text(f"SELECT count(*) FROM {table}")
            assert restored.scalar(count) == original.scalar(count), table
        assert verification.check(restored).fault is None
        assert differences(objects_of(restored), shipped()) == ()
        with pytest.raises(Exception, match="is refused"):  # the triggers came back too
            restored.execute(text("DELETE FROM change"))
    before.dispose()
    after.dispose()

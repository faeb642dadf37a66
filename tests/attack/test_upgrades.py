"""A bank of an older revision is brought to this version: it keeps every row, gets every rule and a sound trail.

Each was filled by the last version with that revision (`older/keep.py`).
"""

import lzma
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from cellbank.outside.embedded_postgres import EmbeddedPostgres
from cellbank.records.fingerprint import differences, objects_of, shipped
from cellbank.records.migrate import migrate, newest_revision
from cellbank.records.tables import record_tables
from cellbank.services.trail import verification
from tests.attack import older
from tests.attack.twins.playing import OPEN
from tests.backup import read_in
from tests.conftest import START, database_url, make_installation
from tests.factories.world import World

pytestmark = pytest.mark.requirement("R3")

OLDER = sorted(path.name[:4] for path in Path(older.__file__).parent.glob("*.sql.xz"))
THE_TRAIL = ("act", "change", "seal")
WAITING = "P-MMSC@3"  # imported by Quinn


@pytest.fixture(scope="module", params=OLDER)
def urls(request: pytest.FixtureRequest, postgres: EmbeddedPostgres, worker_id: str) -> tuple[str, str]:
    """Owner URL and application URL of such a bank, as it was."""
    name = f"older_{request.param}_{worker_id}"
    urls = database_url(postgres.owner_url, name), database_url(postgres.app_url, name)
    read_in(lzma.decompress((Path(older.__file__).with_name(f"{request.param}.sql.xz")).read_bytes()), urls[0])
    return urls


@pytest.fixture(scope="module")
def before(urls: tuple[str, str]) -> dict[str, int]:
    """How many rows it had of each table that is kept."""
    engine = create_engine(urls[0])
    with engine.connect() as connection:
        there = set(connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")))
        found = rows(connection, sorted(there & {*record_tables(), *THE_TRAIL}))
    engine.dispose()
    return found


@pytest.fixture(scope="module")
def owner(urls: tuple[str, str], before: dict[str, int]) -> Iterator[Engine]:
    """The owner of it as it is now."""
    migrate(urls[0])
    engine = create_engine(urls[0], connect_args={"options": "-c timezone=UTC"})
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def upgraded(urls: tuple[str, str], owner: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Its people, who go on."""
    installation = make_installation(urls[1], tmp_path_factory.mktemp("upgraded"))
    yield World(installation, random.Random(1), START)
    installation.engine.dispose()


def rows(connection: Connection, tables: list[str]) -> dict[str, int]:
    return {table: connection.scalar(text(f"SELECT count(*) FROM {table}")) for table in tables}


def test_it_keeps_every_row_and_gets_every_rule(owner: Engine, before: dict[str, int]) -> None:
    with owner.connect() as connection:
        assert rows(connection, list(before)) == before
        assert not differences(objects_of(connection), shipped())
    assert before["dose"] == 2 and before["act"] > 90


def test_its_trail_is_sound_and_goes_on(upgraded: World, owner: Engine) -> None:
    """The files of its evidence and its keys were not kept: the rows are compared."""
    for pseudonym in ("after the upgrade", "and once more"):
        with owner.connect() as connection:
            assert not verification.check(connection).faults
        upgraded.do("tina", "register_donor", pseudonym=pseudonym, birth_year=1994)


def test_who_imported_a_version_is_known_of_one_that_waited(upgraded: World) -> None:
    assert "SAME_PERSON" in upgraded.codes("quinn", "make_effective", definition=WAITING)
    assert "SAME_PERSON" not in upgraded.codes("oksana", "make_effective", definition=WAITING, dry_run=True)


def test_it_cannot_be_written_otherwise_unseen(upgraded: World, owner: Engine) -> None:
    """Neither by the application's role nor, past every rule, by the owner."""
    elsewhere = text("UPDATE definition SET imported_by_id = 1 WHERE code = :code")
    with owner.connect() as connection:
        connection.execute(OPEN, {"who": "quinn", "act": "make_effective", "now": START})
        with pytest.raises(Exception, match="another text is another version"):
            connection.execute(elsewhere, {"code": WAITING})
        connection.rollback()
        connection.execute(text("SET session_replication_role = replica"))
        connection.execute(elsewhere, {"code": WAITING})
        faults = verification.check(connection).faults
        connection.rollback()
    assert [(fault.table, "imported_by_id" in fault.what) for fault in faults] == [("definition", True)]


def test_the_revision_before_this_one_is_tried() -> None:
    assert f"{int(newest_revision()) - 1:04}" in OLDER

"""The migrations make exactly the schema that the code describes, and can be undone one by one."""

import datetime
import random
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from cellbank.records.migrate import alembic_config
from cellbank.services.bank import Bank
from cellbank.services.trail.verification import verify
from tests.conftest import make_bank
from tests.factories.clinic import enrolled_subject, screened_subject
from tests.factories.world import World


def test_the_database_is_what_the_records_say(databases: tuple[str, str]) -> None:
    engine = create_engine(databases[0])
    with engine.begin() as connection:
        command.check(alembic_config(connection))
    engine.dispose()


def test_every_revision_goes_up_and_down(fresh_database) -> None:
    engine = create_engine(fresh_database("revisions")[0])
    with engine.begin() as connection:
        revisions = list(ScriptDirectory.from_config(alembic_config(connection)).walk_revisions())
    for revision in revisions:
        with engine.begin() as connection:
            command.downgrade(alembic_config(connection), revision.down_revision or "base")
    for revision in reversed(revisions):
        with engine.begin() as connection:
            command.upgrade(alembic_config(connection), revision.revision)
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM person")) == 1
        command.check(alembic_config(connection))
    engine.dispose()


BEFORE_FOLDING = "0029"


def _close(bank: Bank) -> None:
    bank.engine.dispose()
    bank.reads.dispose()


def test_subjects_from_before_are_folded_in_an_act_of_their_site(fresh_database, tmp_path: Path) -> None:
    """A revision that fills columns of records tells the trail of it, like everybody who changes a record."""
    owner_url, app_url = fresh_database("earlier_subjects")
    bank = make_bank(app_url, tmp_path)
    world = World(bank, random.Random(7), datetime.datetime(2026, 3, 2, 8, 0, tzinfo=datetime.UTC))
    screened_subject(world, second_identifier="KH4-1")
    enrolled_subject(world, second_identifier="KH4-2")
    _close(bank)
    engine = create_engine(owner_url)
    for move, revision in ((command.downgrade, BEFORE_FOLDING), (command.upgrade, "head")):
        with engine.begin() as connection:
            move(alembic_config(connection), revision)
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT trial, second_identifier_key, place FROM subject ORDER BY id")).all()
    assert [tuple(row) for row in rows] == [("NCT04461925", "kh41", None), ("NCT04461925", "kh42", 1)]
    engine.dispose()
    bank = make_bank(app_url, tmp_path)
    assert verify(bank).fault is None
    _close(bank)

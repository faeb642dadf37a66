"""The migrations make exactly the schema that the code describes, and can be undone one by one."""

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from cellbank.records.migrate import alembic_config


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

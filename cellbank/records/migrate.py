"""Bring a database to the schema of this version. Runs as the owner; the application's role cannot."""

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

SCRIPTS = Path(__file__).parents[1] / "migrations"


def alembic_config(connection: Connection) -> AlembicConfig:
    """Alembic's configuration, bound to this connection."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    return config


def migrate(owner_url: str, revision: str = "head") -> None:
    """Upgrade the database to `revision`, all in one transaction: it arrives whole or not at all."""
    engine = create_engine(owner_url)
    try:
        with engine.begin() as connection:
            command.upgrade(alembic_config(connection), revision)
    finally:
        engine.dispose()


def newest_revision() -> str:
    """The revision that this version of the software needs."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(SCRIPTS))
    return str(ScriptDirectory.from_config(config).get_current_head())


def current_revision(connection: Connection) -> str | None:
    """The revision that the database is at; None for an empty one."""
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version

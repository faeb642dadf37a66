"""Where a story is played, acts bear the times of the story; everywhere else the database keeps them to its clock."""

from sqlalchemy import create_engine, text

_ALLOW = text("INSERT INTO played_time (id, why) VALUES (1, :why) ON CONFLICT (id) DO NOTHING")


def allow_played_time(owner_url: str, why: str) -> None:
    """Let acts of this database be of any time from now on. Its owner alone can, and every verification says so."""
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        connection.execute(_ALLOW, {"why": why})
    engine.dispose()

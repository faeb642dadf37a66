"""Where a story is played, acts bear the times of the story; everywhere else the database keeps them to its clock."""

from sqlalchemy import create_engine, text

_ALREADY = text("SELECT EXISTS (SELECT FROM played_time)")
_ONE_SAYS_SO = text("LOCK TABLE played_time IN EXCLUSIVE MODE")
_OPEN = text(
    """INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at)
       VALUES (1, 1, 'configure_site', jsonb_build_object('why', CAST(:why AS text)), '', 'migration', '', now())"""
)
_ALLOW = text("INSERT INTO played_time (id, why) VALUES (1, :why)")
_CLOSE = text("UPDATE act SET outcome = 'accepted' WHERE id = acting()")


def allow_played_time(owner_url: str, why: str) -> None:
    """Let acts of this database be of any time from now on, for good. Its owner alone can, in an act of the trail, so
    that everybody sees from when on; every verification says so."""
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        connection.execute(_ONE_SAYS_SO)
        if not connection.scalar(_ALREADY):
            connection.execute(_OPEN, {"why": why})
            connection.execute(_ALLOW, {"why": why})
            connection.execute(_CLOSE)
    engine.dispose()

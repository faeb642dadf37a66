"""Sessions at the pages: begun, ended, listed, and what their limits mean."""

import dataclasses
import datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from cellbank.domain.sessions import Ended, is_idle, is_noted, is_too_long
from cellbank.services.installation import server_time
from cellbank.services.people import web_sessions
from cellbank.services.people.sessions import Standing, standing_of_name, standing_of_session
from tests.factories.people import by_two, newcomer
from tests.factories.world import World

MINUTE, HOUR = datetime.timedelta(minutes=1), datetime.timedelta(hours=1)
AT = datetime.datetime(2026, 3, 2, 8, 0, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("minutes", "seconds_ago", "noted", "idle"),
    [
        (15, 0, True, False), (15, 59, True, False), (15, 60, False, False), (15, 900, False, False),
        (15, 901, False, True), (5, 59, True, False), (5, 60, False, False), (5, 301, False, True),
        (1, 11, True, False), (1, 12, False, False), (1, 61, False, True), (15, -5, False, False),
    ],
)  # fmt: skip
def test_a_screen_is_idle_after_its_minutes_and_noted_once_a_minute(minutes, seconds_ago, noted, idle) -> None:
    seen = AT - datetime.timedelta(seconds=seconds_ago)
    assert is_noted(seen, AT, minutes) is noted
    assert is_idle(seen, minutes, AT) is idle


def test_a_session_lasts_its_hours_and_no_longer() -> None:
    assert not is_too_long(AT - 12 * HOUR, 12, AT)
    assert is_too_long(AT - 12 * HOUR - datetime.timedelta(seconds=1), 12, AT)


def standing(world: World, name: str) -> Standing:
    found = standing_of_name(world.installation, name)
    assert found is not None
    return found


def begun(world: World, name: str, workstation: str = "bench 3") -> str:
    token = web_sessions.begin(world.installation, standing(world, name), workstation, 15, world.now)
    assert token is not None
    return token


def listed(world: World, name: str) -> list[tuple[str, str | None]]:
    found = web_sessions.sessions_of(world.installation, standing(world, name).actor.id, world.now)
    return [(one.workstation, one.ended_why) for one in found]


def test_neither_the_token_nor_its_like_stands_in_the_database(world: World) -> None:
    token = begun(world, newcomer(world))
    with world.installation.reads.connect() as connection:
        rows = connection.execute(text("SELECT to_jsonb(w)::text FROM web_session w")).scalars().all()
    assert rows and not [row for row in rows if token in row]
    assert standing_of_session(world.installation, token) is not None
    for wrong in ("", token[:-1], token + "x", token.upper(), "Ж", "\ud800", "1", "a" * 10_000):
        assert standing_of_session(world.installation, wrong) is None


def test_a_password_that_was_proved_and_then_changed_begins_nothing(world: World) -> None:
    name = newcomer(world)
    proved, later = standing(world, name), world.now + MINUTE
    by_two(world, "reset_password", name, new_password="another one to begin", reason="forgotten", now=later)
    assert web_sessions.begin(world.installation, proved, "bench 3", 15, world.now) is None
    world.do("ada", "disable_person", name=name, reason="left the site")
    assert web_sessions.begin(world.installation, proved, "bench 3", 15, world.now) is None


def test_ends_for_its_reason_and_is_listed_so(world: World) -> None:
    name = newcomer(world)
    begun(world, name, "ward 1")
    by_two(world, "change_roles", name, roles=["technician"], reason="another post")
    begun(world, name, "ward 2")
    world.do(name, "change_password", new_password="a password of my own")
    begun(world, name, "ward 3")
    by_two(world, "reset_password", name, new_password="another one to begin", reason="forgotten")
    begun(world, name, "ward 4")
    wanted = {"ward 1": Ended.ROLES, "ward 2": Ended.PASSWORD, "ward 3": Ended.RESET, "ward 4": None}
    assert dict(listed(world, name)) == wanted
    assert listed(world, name)[0] == ("ward 4", None)


def test_what_does_not_concern_who_somebody_is_ends_nothing(world: World) -> None:
    name = newcomer(world)
    token = begun(world, name)
    world.do("ada", "unlock_person", name=name, reason="she asked for it")
    world.do("ada", "change_sites", name=name, sites=[], reason="none at all")
    world.do(name, "sign_in")
    assert standing_of_session(world.installation, token) is not None


def test_one_ends_ones_own_and_an_administrator_everybodys(world: World) -> None:
    name, other = newcomer(world), newcomer(world)
    one, two, theirs = begun(world, name, "ward 1"), begun(world, name, "ward 2"), begun(world, other)
    numbers = {
        s.workstation: s.id for s in web_sessions.sessions_of(world.installation, world.people[name].id, world.now)
    }
    assert world.codes(other, "end_session", name=name, reason="for fun") == ["ROLE_NOT_ALLOWED"]
    assert world.codes(name, "end_session", name=name, session=10**9) == ["NOT_FOUND"]
    assert world.codes("ada", "end_session", name=name, session=numbers["ward 1"]) == ["REASON_NEEDED"]
    assert world.do(name, "end_session", name=name, session=numbers["ward 1"])["sessions"] == 1
    assert (
        standing_of_session(world.installation, one) is None
        and standing_of_session(world.installation, two) is not None
    )
    assert world.codes(name, "end_session", name=name, session=numbers["ward 1"]) == ["NOT_FOUND"]
    world.do("ada", "end_session", name=name, reason="a lost tablet")
    assert (
        standing_of_session(world.installation, two) is None
        and standing_of_session(world.installation, theirs) is not None
    )
    ended = web_sessions.sessions_of_all(world.installation, world.now, name)
    assert {(one.workstation, one.ended_by) for one in ended} == {
        ("ward 1", world.people[name].full_name),
        ("ward 2", "Ada Administrator"),
    }


def test_the_database_wakes_no_session_up(world: World) -> None:
    name = newcomer(world)
    begun(world, name)
    world.do(name, "end_session", name=name)
    for change in ("ended_at = NULL, ended_why = NULL", "digest = 'x'", "locked_at = now()"):
        with pytest.raises(IntegrityError, match="session is over"), world.installation.engine.begin() as connection:
            person = {"id": world.people[name].id}
            connection.execute(text(f"UPDATE web_session SET {change} WHERE person_id = :id"), person)
    token = begun(world, name)
    with pytest.raises(IntegrityError, match="stays with its person"), world.installation.engine.begin() as connection:
        taken = "UPDATE web_session SET person_id = 1 WHERE ended_at IS NULL AND person_id = :id"
        connection.execute(text(taken), person)
    assert standing_of_session(world.installation, token) is not None


def test_one_that_is_over_for_its_hours_is_listed_as_ended(world: World) -> None:
    name = newcomer(world)
    begun(world, name)
    installation = dataclasses.replace(
        world.installation, config=dataclasses.replace(world.installation.config, session_hours=2)
    )
    later = world.now + 3 * HOUR
    (one,) = web_sessions.sessions_of(installation, world.people[name].id, later)
    assert (one.ended_why, one.ended_at) == (Ended.TOO_LONG, world.now + 2 * HOUR)
    assert name not in [one.name for one in web_sessions.sessions_of_all(installation, later)]
    assert not web_sessions.sessions_of(installation, world.people[name].id, later + datetime.timedelta(days=8))


def test_what_is_over_for_long_is_forgotten_and_nothing_else(world: World) -> None:
    name = newcomer(world)
    web_sessions.begin(world.installation, standing(world, name), "a closed one", 15, world.now)
    web_sessions.begin(world.installation, standing(world, name), "an open one", 15, server_time())
    ended = "UPDATE web_session SET ended_at = :at, ended_why = 'by_hand' WHERE workstation = 'a closed one'"
    days = datetime.timedelta(days=world.installation.config.session_days)
    with world.installation.engine.begin() as connection:
        connection.execute(text(ended), {"at": server_time() - days - datetime.timedelta(hours=1)})
    web_sessions.begin(world.installation, standing(world, name), "the next one", 15, server_time())
    with world.installation.reads.connect() as connection:
        left = connection.scalars(
            text("SELECT workstation FROM web_session WHERE person_id = :id"), {"id": world.people[name].id}
        )
        assert "a closed one" not in (kept := set(left)) and {"an open one", "the next one"} <= kept
    with pytest.raises(IntegrityError, match="not over"), world.installation.engine.begin() as connection:
        connection.execute(text("DELETE FROM web_session WHERE workstation = 'an open one'"))

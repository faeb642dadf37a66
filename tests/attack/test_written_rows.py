"""Whoever may write to the database, and has no key of the installation, writes what lets somebody in into the row of
another person, or copies there what lets themselves in: it lets nobody in.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from cellbank.domain.actor import Proof
from cellbank.domain.handed_codes import Purpose
from cellbank.outside.account_key import account_key
from cellbank.services.installation import server_time
from cellbank.services.people import passwords, web_sessions, wrong_entries
from cellbank.services.people.actors import actor_by_token
from cellbank.services.people.handed_codes import found
from cellbank.services.people.passwords import Credentials
from cellbank.services.people.places import Place
from cellbank.services.people.sessions import standing_of_name, standing_of_session
from cellbank.services.people.tokens import KEY, SESSION, new_token
from tests.factories.people import enrol, handed, newcomer
from tests.factories.world import World

pytestmark = [pytest.mark.requirement("R4", "R22"), pytest.mark.usefixtures("app")]

MINE, DESK = "a password that only I know", b"the screen before me"


@pytest.fixture
def owner(databases: tuple[str, str]) -> Iterator[Callable[..., None]]:
    """A function that executes a statement as the owner, no trigger in the way: the most that anybody can write."""
    engine = create_engine(databases[0])

    def write(statement: str, **given: Any) -> None:
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text(statement), given)

    yield write
    engine.dispose()


@pytest.fixture
def pair(world: World) -> tuple[str, str]:
    """Sign-in names of the attacker and of the one whom they would be."""
    me, other = newcomer(world, "technician"), newcomer(world, "clinician")
    world.do(me, "change_password", new_password=MINE, now=server_time())
    return me, other


def ids(world: World, pair: tuple[str, str]) -> dict[str, int]:
    return {"me": world.people[pair[0]].id, "other": world.people[pair[1]].id}


def test_a_password_copied_to_another_person_is_none_of_theirs(world: World, owner: Any, pair: tuple[str, str]) -> None:
    me, other = pair
    copy = "UPDATE person SET password_hash = (SELECT password_hash FROM person WHERE id = :me) WHERE id = :other"
    owner(copy, **ids(world, pair))
    assert proof(world, other, MINE) is Proof.WRONG and proof(world, me, MINE) is Proof.RIGHT


def test_a_password_hashed_without_the_key_is_nobodys(world: World, owner: Any, pair: tuple[str, str]) -> None:
    made = passwords.HASHER.hash(MINE)
    owner("UPDATE person SET password_hash = :made WHERE id = :other", made=made, **ids(world, pair))
    assert proof(world, pair[1], MINE) is Proof.WRONG


def proof(world: World, name: str, password: str, **place: Any) -> Proof | None:
    at = Place("test", **place)
    return passwords.prove(world.installation, world.people[name], Credentials(password), server_time(), place=at).proof


@pytest.mark.parametrize("says", ["me", "other"])
def test_a_session_of_another_person_with_ones_own_cookie_is_none(
    world: World, owner: Any, pair: tuple[str, str], says: str
) -> None:
    """The row is of the other one, the digest of the cookie that there is; or of a cookie that says to be theirs."""
    mine = standing_of_name(world.installation, pair[0])
    token = web_sessions.begin(world.installation, mine, "here", 15, server_time())
    assert standing_of_session(world.installation, token).actor.name == pair[0]
    owner("UPDATE web_session SET person_id = :other WHERE person_id = :me", **ids(world, pair))
    person = ids(world, pair)[says]
    assert standing_of_session(world.installation, f"{person}.{token.partition('.')[2]}") is None


@pytest.mark.parametrize("says", ["me", "other"])
def test_a_key_of_another_person_with_ones_own_secret_is_none(
    world: World, owner: Any, pair: tuple[str, str], says: str
) -> None:
    secret = world.do(pair[0], "create_token", title="mine", password=MINE, now=server_time())["token"]
    assert actor_by_token(world.installation, secret).name == pair[0]
    owner("UPDATE api_token SET person_id = :other WHERE person_id = :me", **ids(world, pair))
    person = ids(world, pair)[says]
    assert actor_by_token(world.installation, f"cb_{person}.{secret.partition('.')[2]}") is None


def test_a_row_written_without_the_key_is_none(world: World, owner: Any, pair: tuple[str, str]) -> None:
    """Each way to digest that the attacker can think of, for the right person."""
    person = ids(world, pair)["other"]
    session, key = new_token(person, SESSION), new_token(person, KEY)
    whole, bare = "convert_to(:token, 'UTF8')", "convert_to(:bare, 'UTF8')"
    for made in (whole, f"sha256({whole})", f"sha256({bare})"):
        owner(
            f"""INSERT INTO web_session (digest, person_id, workstation, created_at, proved_at, seen_at, idle_minutes)
                VALUES ({made}, :person, 'here', now(), now(), now(), 600)""",
            person=person,
            token=session,
            bare=session.partition(".")[2],
        )
        owner(
            f"""INSERT INTO api_token (person_id, code, title, digest, expires_at, state)
                VALUES (:person, md5(random()::text), 'x', {made}, now() + interval '1 day', 'LIVE')""",
            person=person,
            token=key,
            bare=key.partition(".")[2],
        )
    assert standing_of_session(world.installation, session) is None and actor_by_token(world.installation, key) is None


def test_a_screen_that_knows_me_is_not_made_to_know_another(world: World, owner: Any, pair: tuple[str, str]) -> None:
    here = {"address": "192.0.2.90", "desk": DESK + pair[0].encode()}
    assert proof(world, pair[0], MINE, **here) is Proof.RIGHT
    at_mine = wrong_entries.look(world.installation, world.people[pair[0]], Place("test", **here), server_time())
    assert at_mine.is_inside
    owner("UPDATE known_desk SET person_id = :other WHERE person_id = :me", **ids(world, pair))
    known = [
        wrong_entries.look(world.installation, world.people[name], Place("test", **here), server_time())
        for name in pair
    ]
    assert [one.is_inside for one in known] == [False, False]
    assert proof(world, pair[0], MINE, **here) is Proof.RIGHT
    # Nor is the same screen known elsewhere.
    moved = wrong_entries.look(
        world.installation, world.people[pair[0]], Place("test", address="192.0.2.91", desk=here["desk"]), server_time()
    )
    assert not moved.is_inside


def test_a_second_factor_copied_to_another_person_shows_no_code_of_theirs(
    world: World, owner: Any, pair: tuple[str, str]
) -> None:
    me = newcomer(world)
    enrol(world, me)
    with world.installation.reads.connect() as connection:
        of = text("SELECT totp_secret FROM person WHERE name = :name")
        kept = connection.scalar(of, {"name": me})
    key = account_key(world.installation.config.data)
    assert key.opened(kept, of=me) is not None
    for secret in (kept, "JBSWY3DPEHPK3PXP", "", None):
        assert key.opened(secret, of=pair[1]) is None


def test_a_code_copied_to_another_person_is_none(world: World, owner: Any) -> None:
    me, other = newcomer(world), newcomer(world)
    code = handed(world, me)
    mine, theirs = world.people[me].id, world.people[other].id
    owner("UPDATE handed_code SET person_id = :theirs WHERE person_id = :mine", mine=mine, theirs=theirs)
    assert found(world.installation, theirs, code, world.now, Purpose.SECOND_FACTOR) is None


@pytest.mark.parametrize(
    "token", ["", ".", "x", "1", "-1.x", "²." + "x" * 40, "9" * 30 + ".x", "1.\udcff", "cb_", "cb_1.\x00"]
)
def test_what_is_no_token_is_nobodys(app: Flask, world: World, token: str) -> None:
    assert standing_of_session(world.installation, token) is None and actor_by_token(world.installation, token) is None

"""What a copied cookie, and the secret key without any cookie, are good for: nothing, once the session is over."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from cellbank.services.installation import server_time
from tests.attack.conftest import Thief, Victim
from tests.factories.people import by_two, enrol, newcomer
from tests.factories.world import PASSWORD, World
from tests.web.conftest import Browser

pytestmark = pytest.mark.requirement("R22")

NEW = "quite another password"


def sign_out(victim: Victim, world: World) -> None:
    victim.browser.post("/sign-out")


def lock(victim: Victim, world: World) -> None:
    victim.browser.post("/lock")


def unlock(victim: Victim, world: World) -> None:
    """Whoever proves the password again gets another cookie: the one that was copied is not woken up with it."""
    lock(victim, world)
    victim.browser.post("/unlock", {"name": victim.name, "password": PASSWORD})
    assert victim.browser.get("/list/donors").status_code == 200


def change_user(victim: Victim, world: World) -> None:
    other = newcomer(world, "technician")
    victim.browser.post("/unlock", {"name": other, "password": PASSWORD})
    victim.browser.get("/")
    assert f"Newcomer {other}" in victim.browser.get("/").text


def change_password(victim: Victim, world: World) -> None:
    victim.browser.get("/password")
    victim.browser.post("/password", {"password": PASSWORD, "new_password": NEW, "again": NEW})
    assert victim.browser.get("/list/donors").status_code == 200


def reset_password(victim: Victim, world: World) -> None:
    by_two(world, "reset_password", victim.name, new_password=NEW, reason="a stolen tablet")


def reset_second_factor(victim: Victim, world: World) -> None:
    enrol(world, victim.name)
    by_two(world, "reset_second_factor", victim.name, reason="a stolen telephone")


def end_from_the_list(victim: Victim, world: World) -> None:
    page = victim.browser.get("/sessions").text
    numbers = re.findall(r'name="session" value="(\d+)"', page)
    assert len(numbers) == 1 and "This screen" in page
    assert victim.browser.post("/sessions", {"session": numbers[0]}).status_code == 303
    assert victim.browser.get("/sessions").location.startswith("/sign-in")


def end_by_an_administrator(victim: Victim, world: World) -> None:
    world.do("ada", "end_session", name=victim.name, reason="a tablet was lost")


def change_roles(victim: Victim, world: World) -> None:
    by_two(world, "change_roles", victim.name, roles=["technician", "clinician"], reason="another post")


def disable(victim: Victim, world: World) -> None:
    world.do("ada", "disable_person", name=victim.name, reason="left the site")


ENDS = [
    sign_out, lock, unlock, change_user, change_password, reset_password, reset_second_factor, end_from_the_list,
    end_by_an_administrator, change_roles, disable,
]  # fmt: skip


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_a_cookie_copied_before_does_nothing_after(victim: Victim, copy: Any, world: World, end: Any) -> None:
    thief: Thief = copy(victim.browser)
    end(victim, world)
    assert not thief.reads()
    assert not thief.acts()


@pytest.mark.parametrize("who", ["tina", "quinn", "ada"])
def test_the_secret_key_alone_forges_nothing(forge: Callable[[dict], Thief], world: World, who: str) -> None:
    person = world.people[who]
    with world.installation.reads.connect() as connection:
        stamp = connection.exec_driver_sql(f"SELECT password_set_at FROM person WHERE id = {person.id}").scalar_one()
    seen = int(server_time().timestamp())
    for identity in (str(person.id), person.name, "1", ""):
        said = {"stamp": stamp.isoformat(), "seen": seen, "limit": 10**6, "site": "MAIN", "signed": True}
        thief = forge({"_user_id": identity, "_fresh": True, "csrf_token": "0" * 40, **said})
        assert not thief.reads()
        assert not thief.acts()


def test_a_session_ends_for_good_after_its_hours_however_busy(
    victim: Victim, copy: Any, world: World, later: Callable[[float], None]
) -> None:
    thief: Thief = copy(victim.browser)
    for minutes in range(10, 12 * 60 + 20, 10):
        later(minutes)
        victim.browser.get("/list/donors")
    assert not thief.reads()
    assert not thief.acts()
    assert victim.browser.get("/list/donors").location.startswith("/sign-in")


def test_a_copied_cookie_is_no_way_around_the_idle_lock(victim: Victim, copy: Any, later: Any) -> None:
    """An old copy said of itself when somebody was last there; now the table does, of all copies."""
    thief: Thief = copy(victim.browser)
    later(16)
    assert victim.browser.get("/list/donors").location.startswith("/unlock")
    later(0)
    assert not thief.reads()
    assert not thief.acts()


def test_an_old_copy_does_not_say_that_somebody_has_signed(signed_in: Any, world: World) -> None:
    """The first signature of a session asks for the name too; a cookie cannot tell the server that it was given."""
    browser: Browser = signed_in(newcomer(world))
    with browser.client.session_transaction() as cookie:
        cookie["signed"] = True
    browser.get("/act/release_lot")
    assert 'name="signer"' in browser.get("/act/release_lot").text


def test_a_cookie_at_another_machine_is_locked_and_its_owner_goes_on(victim: Victim, copy: Any, world: World) -> None:
    thief: Thief = copy(victim.browser)
    at_home = thief.browser.client.environ_base
    for elsewhere in ({"REMOTE_ADDR": "192.0.2.7"}, {"HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux) Firefox/150.0"}):
        thief.browser.client.environ_base = {**at_home, **elsewhere}
        assert not thief.reads()
        assert not thief.acts()
        assert victim.browser.get("/list/donors").status_code == 200
    thief.browser.client.environ_base = at_home
    assert thief.reads()  # nothing tells two browsers of one machine apart


def test_a_session_that_moved_goes_on_with_the_password(victim: Victim, world: World) -> None:
    client = victim.browser.client
    at_home = client.environ_base
    client.environ_base = {**at_home, "REMOTE_ADDR": "192.0.2.8"}
    assert victim.browser.get("/list/donors").location.startswith("/unlock")
    victim.browser.get("/unlock")
    victim.browser.post("/unlock", {"name": victim.name, "password": PASSWORD})
    assert victim.browser.get("/list/donors").status_code == 200
    client.environ_base = at_home
    assert victim.browser.get("/list/donors").location.startswith("/unlock")

"""A stranger guesses passwords: nobody at work is stopped, and nobody gets in. Nor at a screen that knows somebody, or
beside somebody who is signed in."""

import dataclasses
import datetime
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from cellbank import create_app
from cellbank.domain.actor import Proof
from cellbank.services.installation import server_time
from cellbank.services.people import passwords, sessions, unlocking
from cellbank.services.people.passwords import Credentials
from cellbank.services.people.places import Place, digest_of_desk, network_of
from cellbank.services.room import Room
from cellbank.web.session import DESK
from tests.attack.test_two_people import row
from tests.factories.by_hand import open_act
from tests.factories.mail import mailing
from tests.factories.people import accept, badge, by_two, newcomer
from tests.factories.world import PASSWORD, World
from tests.web.conftest import Browser

pytestmark = pytest.mark.requirement("R15")

GUESS = "a guess of mine"
REASON = {"reason": "locked out at the bedside"}
At = Callable[[str], Browser]


@pytest.fixture(scope="module")
def guarded(world: World) -> Flask:
    """The application with the limit of an installation for one address."""
    installation = dataclasses.replace(
        world.installation, config=dataclasses.replace(world.installation.config, address_failures=10)
    )
    return create_app(installation)


@pytest.fixture
def at(guarded: Flask) -> At:
    """A function address -> somebody with a browser of their own there."""

    def make(address: str) -> Browser:
        browser = Browser(guarded.test_client())
        browser.client.environ_base["REMOTE_ADDR"] = address
        browser.get("/sign-in")
        return browser

    return make


def token_of(screen: Browser) -> str:
    """What the browser at a screen keeps, which says which screen it is."""
    kept = screen.client.get_cookie(DESK)
    assert kept is not None
    return kept.value


def reopened(at: At, screen: Browser) -> Browser:
    """The browser was closed and opened again: nobody is signed in, and the screen is the same."""
    fresh = at(screen.client.environ_base["REMOTE_ADDR"])
    fresh.client.set_cookie(DESK, token_of(screen))
    return fresh


def attack(at: At, name: str, network: str = "198.51.100") -> None:
    """Lock an account from as many addresses as it takes."""
    for number in range(5):
        assert at(f"{network}.{number}").enter(name, GUESS).status_code == 403


def lock_from_outside(world: World, name: str, now: datetime.datetime | None = None) -> None:
    for number in range(5):
        place = Place("web", "a stranger", f"203.0.113.{number}")
        passwords.prove(world.installation, world.people[name], Credentials(GUESS), now or world.now, place=place)
    assert row(world, name).locked_until is not None


# ---- from outside


def test_fifty_guesses_over_all_names_stop_nobody_at_work(at: At, world: World, tried: Any) -> None:
    names = [newcomer(world, "technician") for _ in range(10)]
    for name in names[:2]:
        accept(world, name)
    known, signing = at("192.0.2.1"), at("192.0.2.1")  # behind one address with the stranger
    assert known.enter(names[0]).status_code == 302
    known.post("/sign-out")
    assert signing.enter(names[1]).status_code == 302
    stranger = at("192.0.2.1")
    answers = [stranger.enter(names[number % 10], GUESS) for number in range(50)]
    tried(len(answers))
    assert [one.status_code for one in answers] == [403] * 10 + [429] * 40
    assert all(int(one.headers["Retry-After"]) >= 1 for one in answers[10:])
    assert not any(row(world, name).locked_until for name in names)
    for name in names[:2]:
        attack(at, name)
        assert row(world, name).locked_until is not None
    assert known.enter(names[0]).status_code == 302  # at a screen that knows them
    assert row(world, names[0]).locked_until is not None  # elsewhere the lock stands
    assert at("192.0.2.2").enter(names[0]).status_code == 403
    given = {"password": PASSWORD, "signer": names[1], "title": "a program", "intent": "do"}
    signing.get("/act/create_token")
    assert "cbk_" in signing.post("/act/create_token", given).text or signing.get("/sessions").text.count("a program")


def test_one_address_waits_longer_each_time_over_whatever_names(at: At, world: World, later: Any) -> None:
    stranger, clock, waits = at("192.0.2.10"), 0.0, []
    for number in range(10):
        assert stranger.enter(f"nobody.{number}", GUESS).status_code == 403
    for number in range(6):
        paused = stranger.enter(f"another.{number}", GUESS)
        assert paused.status_code == 429 and "Try again in" in paused.text
        waits.append(int(paused.headers["Retry-After"]))
        clock += waits[-1]
        later(clock / 60)
        assert stranger.enter(f"one.more.{number}", GUESS).status_code == 403
    assert all(abs(wait - 4 * 2**number) <= 1 for number, wait in enumerate(waits)), waits


def test_who_says_to_come_from_elsewhere_is_not_believed(at: At, world: World) -> None:
    stranger = at("192.0.2.20")
    answers = []
    for number in range(12):
        said = {"X-Forwarded-For": f"10.9.8.{number}", "Forwarded": f"for=10.9.8.{number}", "X-Real-IP": "10.1.1.1"}
        given = {"name": f"nobody.{number}", "password": GUESS}
        answers.append(stranger.post("/sign-in", given, headers=said).status_code)
    assert answers == [403] * 10 + [429] * 2


@pytest.mark.parametrize(
    ("address", "one"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
        ("not an address" * 9, ("not an address" * 9)[:60]),
    ],
)
def test_addresses_of_one_network_are_one(address: str, one: str) -> None:
    assert network_of(address) == one


def test_the_api_and_what_a_screen_kept_are_no_way_around(guarded: Flask, at: At, world: World) -> None:
    stranger = at("192.0.2.30")
    for number in range(10):
        given = {"name": f"nobody.{number}", "password": GUESS}
        assert stranger.client.post("/api/tokens", json=given).status_code == 401
    assert stranger.client.post("/api/tokens", json=given).headers["Retry-After"] == "4"
    assert stranger.enter("nobody.else", GUESS).status_code == 429


# ---- at a screen that knows somebody, and beside somebody who is signed in


def test_at_a_screen_that_knows_them_one_waits_and_nothing_locks(at: At, world: World, later: Any) -> None:
    name = newcomer(world, "technician")
    desk = at("192.0.2.40")
    desk.enter(name)
    desk = reopened(at, desk)
    assert [desk.enter(name, GUESS).status_code for _ in range(7)] == [403] * 5 + [429] * 2
    assert desk.enter(name).status_code == 429
    assert row(world, name).locked_until is None
    assert row(world, name).locked_at is not None  # those who watch are told
    assert at("192.0.2.41").enter(name).status_code == 302
    later(0.1)
    assert desk.enter(name).status_code == 302
    desk = reopened(at, desk)
    assert desk.enter(name, GUESS).status_code == 403  # what was wrong before is forgiven


def test_the_token_of_a_screen_alone_is_good_for_nothing(at: At, world: World) -> None:
    name = newcomer(world, "technician")
    desk, thief = at("192.0.2.50"), at("192.0.2.51")
    desk.enter(name)
    cookie = desk.client.get_cookie(DESK)
    assert cookie is not None and cookie.http_only and cookie.same_site == "Strict"
    thief.client.set_cookie(DESK, cookie.value)
    assert thief.get("/list/donors").location.startswith("/sign-in")
    assert thief.client.get("/api/openapi.json").status_code == 200
    assert thief.client.get("/api/trace/X").status_code == 401
    assert [thief.enter(name, GUESS).status_code for _ in range(6)] == [403] * 5 + [429]


def test_nobody_plants_a_token_of_their_own(at: At, world: World) -> None:
    name = newcomer(world, "technician")
    desk = at("192.0.2.52")
    desk.client.set_cookie(DESK, "known to the attacker")
    desk.enter(name)
    assert token_of(desk) != "known to the attacker"


def signs_in_the_session(world: World, name: str, address: str, token: str) -> bool:
    """Whether their password is taken in the session that stands at this screen."""
    actor = world.meet(name)
    session = Place("web", None, address, digest_of_desk(token), stands=actor.id)
    return (
        passwords.prove(world.installation, actor, Credentials(PASSWORD), world.now, place=session).proof is Proof.RIGHT
    )


def test_a_copied_token_is_nothing_elsewhere_and_keeps_nobody_waiting(at: At, world: World) -> None:
    """Whoever has the cookie of a screen guesses from another address: as a stranger, who locks the account for
    strangers. Its owner comes in at the screen, and goes on signing in the session that stands."""
    name = newcomer(world, "technician")
    screen = at("192.0.2.54")
    screen.enter(name)
    kept = token_of(screen)
    copy = at("192.0.2.55")
    for _ in range(7):
        copy.client.set_cookie(DESK, kept)
        assert copy.enter(name, GUESS).status_code in (403, 429)
    assert row(world, name).locked_until is not None
    assert signs_in_the_session(world, name, "192.0.2.54", kept)
    assert reopened(at, screen).enter(name).status_code == 302


def test_guesses_at_a_screen_are_not_those_of_the_session_that_stands_there(at: At, world: World) -> None:
    """Somebody at the same address has copied the cookie, too."""
    name = newcomer(world, "technician")
    screen = at("192.0.2.56")
    screen.enter(name)
    kept = token_of(screen)
    copy = at("192.0.2.56")
    for _ in range(7):
        copy.client.set_cookie(DESK, kept)
        copy.enter(name, GUESS)
    assert signs_in_the_session(world, name, "192.0.2.56", kept)


def test_who_waits_takes_no_place_from_others(world: World) -> None:
    """A stranger who is paused is answered at once, and looked at by nobody: the places are for others."""
    place = Place("web", None, "192.0.2.57")
    installation = dataclasses.replace(
        world.installation, config=dataclasses.replace(world.installation.config, address_failures=3)
    )
    for number in range(3):
        sessions.prove(installation, f"nobody.{number}", Credentials(GUESS), world.now, place=place)
    full = dataclasses.replace(installation, strangers=Room(0, 0))
    waits = sessions.prove(full, "nobody.else", Credentials(GUESS), world.now, place=place)
    assert waits.wait == 4  # and not the moment until a place is free


@pytest.mark.parametrize("end", ["reset", "roles", "disabled"])
def test_a_change_of_the_account_makes_every_screen_forget_it(at: At, world: World, end: str) -> None:
    name = newcomer(world, "technician")
    at("192.0.2.53").enter(name)
    count = text("SELECT count(*) FROM known_desk k JOIN person p ON p.id = k.person_id WHERE p.name = :name")
    with world.installation.reads.connect() as connection:
        assert connection.scalar(count, {"name": name}) == 1
    if end == "reset":
        by_two(world, "reset_password", name, new_password="another one to begin", reason="forgotten")
    elif end == "roles":
        by_two(world, "change_roles", name, roles=["clinician"], reason="the ward")
    else:
        world.do("ada", "disable_person", name=name, reason="left the site")
    with world.installation.reads.connect() as connection:
        assert connection.scalar(count, {"name": name}) == 0


def test_who_guesses_beside_a_session_locks_its_screen_and_nobodys_account(at: At, world: World, later: Any) -> None:
    insider, other = newcomer(world, "technician"), newcomer(world, "technician")
    for name in (insider, other):
        accept(world, name)
    screen = at("192.0.2.60")
    screen.enter(insider)
    given = {"pseudonym": "D", "birth_year": "1990", "intent": "do", "second.name": other, "second.password": GUESS}
    for _ in range(5):
        screen.get("/act/register_donor")
        assert screen.post("/act/register_donor", given).status_code == 422
    assert screen.get("/act/register_donor").location.startswith("/unlock")
    assert row(world, other).locked_until is None
    # Signing in once more begins nothing anew: the name waits beside this person, whatever session or screen of theirs.
    anew = at("192.0.2.61")
    anew.enter(insider)
    anew.get("/act/register_donor")
    assert "not looked at" in anew.post("/act/register_donor", {**given, "second.password": PASSWORD}).text
    later(0.1)
    anew.get("/act/register_donor")
    page = anew.post("/act/register_donor", {**given, "second.password": PASSWORD, "pseudonym": world.unique("D")})
    assert page.status_code == 303


def test_a_lock_stops_no_signature_of_a_program_that_has_a_key(guarded: Flask, world: World) -> None:
    name = newcomer(world, "technician")
    accept(world, name)
    client = guarded.test_client()
    token = client.post("/api/tokens", json={"name": name, "password": PASSWORD}).json["token"]
    lock_from_outside(world, name, server_time())
    said = {"Authorization": f"Bearer {token}"}
    given = {"title": "one more", "password": PASSWORD}
    assert client.post("/api/acts/create_token", json=given, headers=said).status_code == 200
    assert client.post("/api/tokens", json={"name": name, "password": PASSWORD}).status_code == 401
    for _ in range(5):
        assert client.post("/api/acts/create_token", json={**given, "password": GUESS}, headers=said).status_code == 409
    paused = client.post("/api/acts/create_token", json=given, headers=said)
    assert [one["code"] for one in paused.json["refusals"]] == ["PASSWORD_WAITS"]


def test_of_twenty_at_once_each_is_counted_and_none_beyond_the_limit_is_looked_at(world: World) -> None:
    name = newcomer(world, "technician")
    place = Place("web", "a tablet", "192.0.2.70", digest_of_desk(world.unique("desk")))
    actor, found, start = world.people[name], [], threading.Barrier(20)
    assert (
        passwords.prove(world.installation, actor, Credentials(PASSWORD), world.now, place=place).proof is Proof.RIGHT
    )

    def guess() -> None:
        start.wait()
        found.append(passwords.prove(world.installation, actor, Credentials(GUESS), world.now, place=place).proof)

    threads = [threading.Thread(target=guess) for _ in range(20)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (found.count(Proof.WRONG), found.count(Proof.PAUSED)) == (5, 15)
    with world.installation.reads.connect() as connection:
        kept = connection.scalar(
            text("SELECT count(*) FROM wrong_entry WHERE place = :place"), {"place": f"screen {place.desk.hex()}"}
        )
    assert kept == 5 and row(world, name).locked_until is None


# ---- unlocking by two


@pytest.fixture
def locked(world: World) -> str:
    name = newcomer(world, "clinician")
    accept(world, name)
    lock_from_outside(world, name)
    return name


def test_two_people_unlock_an_account_on_one_page(at: At, world: World) -> None:
    """At night there is no administrator and no quality officer: two who can sign are enough."""
    name = newcomer(world, "clinician")
    attack(at, name, "198.51.101")
    person, before = badge(world, name), row(world, name)
    screen = at("192.0.2.80")
    screen.enter("cyril")
    page = screen.get(f"/record/{person}")
    assert "unlock_together" in page.text and "Locked" in page.text
    form = screen.get(f"/act/unlock_together?person={person}").text
    assert all(f'name="{field}"' in form for field in ("password", "second.name", "second.password", "reason"))
    given = {"person": person, "password": PASSWORD, "second.name": "clara", "second.password": PASSWORD, **REASON}
    for wrong in (
        {"second.password": GUESS},
        {"second.name": ""},
        {"second.name": "cyril"},
        {"second.name": name},
        {"password": GUESS},
        {"password": ""},
    ):
        assert screen.post("/act/unlock_together", given | wrong).status_code in (409, 422), wrong
        assert row(world, name).locked_until is not None, wrong
    done = screen.post("/act/unlock_together", given)
    assert done.status_code == 303 and "Unlock" in screen.get(done.location).text
    after = row(world, name)
    assert after.locked_until is None and after.failure_count == 0
    same = ("password_hash", "roles", "also_at", "state", "must_change_password", "totp_secret", "email")
    assert all(getattr(after, column) == getattr(before, column) for column in same)
    owner = at("192.0.2.81")
    assert owner.enter(name).status_code == 302
    owner.get("/")  # leads to the statement, once
    home = owner.get("/").text
    assert "Cyril Clinician" in home and "Clara Clinician" in home


def test_who_may_not_unlock_is_refused(world: World, locked: str) -> None:
    person = badge(world, locked)
    assert world.codes("otto", "unlock_together", person=person, **REASON) == ["ROLE_NOT_ALLOWED"]
    assert world.codes(locked, "unlock_together", person=person, **REASON)[0] == "SAME_PERSON"
    open_one = newcomer(world, "technician")
    assert world.codes("tina", "unlock_together", person=badge(world, open_one), **REASON) == ["WRONG_STATE"]
    assert world.codes("quinn", "confirm_unlock", person=person) == ["NOT_FOUND"]
    assert world.codes("quinn", "unlock_together", person=person, password=GUESS, **REASON) == ["SIGNATURE_WRONG"]
    world.do("quinn", "unlock_together", person=person, **REASON)
    assert world.codes("otto", "confirm_unlock", person=person) == ["ROLE_NOT_ALLOWED"]
    assert world.codes("quinn", "confirm_unlock", person=person) == ["SAME_PERSON"]
    assert world.codes("quinn", "confirm_account_change", person=person) == ["NOT_FOUND"]
    assert world.codes("oksana", "confirm_unlock", person=person, password=GUESS) == ["SIGNATURE_WRONG"]
    world.do("tina", "unlock_together", person=person, **REASON)  # asked anew: what was asked before is no more
    assert world.codes("tina", "confirm_unlock", person=person) == ["SAME_PERSON"]
    assert row(world, locked).locked_until is not None
    world.do("quinn", "confirm_unlock", person=person)
    assert row(world, locked).locked_until is None


@pytest.mark.parametrize("rule", [True, False], ids=["rule", "database"])
def test_who_asked_and_went_home_unlocks_with_nobody(
    world: World, locked: str, monkeypatch: pytest.MonkeyPatch, rule: bool
) -> None:
    person = badge(world, locked)
    world.do("tina", "unlock_together", person=person, **REASON)
    if not rule:
        monkeypatch.setattr(unlocking, "unlock_refusals", lambda *_, **__: ())
    at = world.now + datetime.timedelta(minutes=14, seconds=59)
    assert world.try_act("taras", "confirm_unlock", person=person, now=at, dry_run=True).accepted
    lock_from_outside(world, locked, world.now + datetime.timedelta(minutes=16))
    late = world.now + datetime.timedelta(minutes=17)
    refused = world.try_act("taras", "confirm_unlock", person=person, now=late)
    assert [one.code.value for one in refused.refusals] == ["SECOND_PERSON_NEEDED"]
    assert row(world, locked).locked_until is not None


def test_both_who_unlock_are_told_and_so_is_the_owner(world: World) -> None:
    """Whoever was not there learns that somebody has their password."""
    locked = newcomer(world, "clinician")
    mailed = World(mailing(world.installation, 25), world.chance, world.now, world.stock)
    names = (locked, "tina", "taras")
    for name in names:
        mailed.meet(name)
        mailed.do(name, "change_my_address", email=f"{name}@people.example")
    lock_from_outside(world, locked)
    mailed.do("tina", "unlock_together", person=badge(world, locked), **REASON)
    mailed.do("taras", "confirm_unlock", person=badge(world, locked))
    of_it = "SELECT p.name, o.template FROM outbox o JOIN person p ON p.id = o.person_id WHERE template ~ 'unlocked'"
    with world.installation.reads.connect() as connection:
        found = {tuple(one) for one in connection.execute(text(of_it))}
    another = "account of another unlocked"
    assert found == {(locked, "account unlocked"), ("tina", another), ("taras", another)}


def test_what_is_signed_of_two_changes_that_wait_is_what_is_done(at: At, world: World) -> None:
    """Letting somebody in stands apart: no other change is shown above that signature, nor done by it."""
    name = newcomer(world, "clinician")
    accept(world, name)
    lock_from_outside(world, name)
    person = badge(world, name)
    world.do("ada", "change_roles", name=name, roles=["quality_officer"], reason="quality from now on")
    world.do("tina", "unlock_together", person=person, **REASON)
    officer = at("192.0.2.82")
    officer.enter("quinn")
    for act, shown, other in (
        ("confirm_unlock", "unlocked", "other roles"),
        ("confirm_account_change", "other roles", "unlocked"),
    ):
        page = officer.get(f"/act/{act}?person={person}").text
        signs = page.split('class="to-sign"')[1].split("</section>")[0]
        assert shown in signs and other not in signs
    world.do("quinn", "confirm_unlock", person=person)
    assert row(world, name).locked_until is None and row(world, name).roles == ["clinician"]


def test_a_quality_officer_who_is_locked_out_does_not_confirm_for_themself(world: World) -> None:
    name = newcomer(world)
    accept(world, name)
    lock_from_outside(world, name)
    world.do("ada", "change_roles", name=name, roles=["quality_officer", "clinician"], reason="the ward")
    world.do("tina", "unlock_together", person=badge(world, name), **REASON)  # which waits for no other change
    refused = world.codes(name, "confirm_unlock", person=badge(world, name))
    assert "SAME_PERSON" in refused and row(world, name).locked_until is not None


@pytest.mark.usefixtures("each_rule_alone")
def test_the_database_opens_no_lock_for_one_alone(world: World, locked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What asks for it lifts the lock at once."""
    monkeypatch.setattr(unlocking, "ask", lambda work, person, *_, **__: unlocking._unlock(work, person))
    refused = world.codes("tina", "unlock_together", person=badge(world, locked), **REASON)
    assert refused == ["SECOND_PERSON_NEEDED"] and row(world, locked).locked_until is not None


def test_the_database_lets_nobody_ask_for_themself(world: World, locked: str) -> None:
    me = world.people[locked].id
    asks = text("""INSERT INTO account_change (person_id, change, asked_at, asked_by_id, state)
                   VALUES (:me, 'unlocked', now(), :me, 'ASKED')""")
    with pytest.raises(IntegrityError, match="unlocked_by_two_others"), world.installation.engine.begin() as connection:
        open_act(connection, "unlock_together", person=me)
        connection.execute(asks, {"me": me})


@pytest.mark.usefixtures("each_rule_alone")
def test_who_unlocks_changes_nothing_else_of_the_account(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the database: the signature for a lock is good for no role that is taken away."""
    locked = newcomer(world, "clinician", "technician")
    accept(world, locked)
    lock_from_outside(world, locked)
    monkeypatch.setattr(unlocking, "forget_failures", lambda person: setattr(person, "roles", ["clinician"]))
    world.do("tina", "unlock_together", person=badge(world, locked), **REASON)
    assert world.codes("taras", "confirm_unlock", person=badge(world, locked)) == ["ROLE_NOT_ALLOWED"]
    assert row(world, locked).roles == ["clinician", "technician"]

"""Signing in, the idle lock, the user switch that loses nothing."""

import datetime
import html

import pytest

from cellbank.services.acts import run_act
from cellbank.services.people.actors import SYSTEM
from cellbank.web import session as web_session
from tests.factories.world import PASSWORD, World

pytestmark = pytest.mark.usefixtures("real_passwords")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch):
    """Move the clock of the sessions forward by so many minutes."""
    real = web_session.server_time

    def move(minutes: float) -> None:
        monkeypatch.setattr(web_session, "server_time", lambda: real() + datetime.timedelta(minutes=minutes))

    return move


def add_person(world: World, *roles: str, must_change: bool = False) -> str:
    name = world.unique("p").replace("-", "")
    given = {
        "name": name,
        "full_name": name,
        "roles": list(roles),
        "new_password": PASSWORD,
        "must_change": must_change,
    }
    World.accepted(run_act(world.installation, "add_person", given, SYSTEM, door="test", now=world.now))
    return name


def test_nobody_sees_a_page_without_signing_in(browser) -> None:
    response = browser.get("/list/donors")
    assert response.status_code == 302 and response.location == "/sign-in?next=/list/donors"


def test_signing_in_leads_to_the_page_that_was_asked_for(browser) -> None:
    assert browser.enter("tina", next="/list/donors").location == "/list/donors"


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:x", "/x\r\nSet-Cookie: a=b", "/a\nb"],
)
def test_signing_in_leads_nowhere_else(browser, elsewhere: str) -> None:
    assert browser.enter("tina", next=elsewhere).location == "/"
    assert browser.get("/sign-in", query_string={"next": elsewhere}).location == "/"
    browser.get("/")
    spoken = browser.post("/language", {"language": "uk", "next": elsewhere})
    assert (spoken.status_code, spoken.location) == (302, "/")


def test_a_wrong_password_and_an_unknown_name_look_the_same(browser, world: World) -> None:
    name = add_person(world, "technician")
    wrong, unknown = browser.enter(name, "not the password"), browser.enter("nobody.at.all", "not the password")
    assert wrong.status_code == unknown.status_code == 403
    assert "Wrong name or password." in wrong.text and "Wrong name or password." in unknown.text


def test_why_nobody_comes_in_is_said_in_whole_words(browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account is changed between the proof and the session."""
    monkeypatch.setattr(web_session.web_sessions, "begin", lambda *_: None)
    page = browser.enter("tina")
    assert page.status_code == 403 and "The account of Tina Technician was changed in this moment." in page.text


def test_five_wrong_passwords_lock_the_account_and_the_page_says_that_this_may_be_so(browser, world: World) -> None:
    name = add_person(world, "technician")
    for _ in range(5):
        assert "locked for a while" in browser.enter(name, "not the password").text
    assert browser.enter(name, PASSWORD).status_code == 429
    world.do("ada", "unlock_person", name=name, reason="she asked for it")
    assert browser.enter(name, PASSWORD).status_code == 302


def test_a_first_password_must_be_changed_before_anything_else(browser, world: World) -> None:
    name = add_person(world, "technician", must_change=True)
    browser.enter(name)
    assert browser.get("/list/donors").location == "/password"
    page = browser.get("/password")
    assert "somebody else knows" in page.text
    new = "a new long password"
    assert browser.post("/password", {"password": PASSWORD, "new_password": new, "again": new}).location == "/"
    assert browser.get("/list/donors").location == "/agreement?next=/list/donors"
    assert browser.get("/list/donors").status_code == 200


def test_a_new_password_ends_the_other_sessions(signed_in, world: World) -> None:
    name = add_person(world, "technician")
    here, there = signed_in(name), signed_in(name)
    here.get("/password")
    here.post(
        "/password", {"password": PASSWORD, "new_password": "another one of mine", "again": "another one of mine"}
    )
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 302


@pytest.mark.requirement("R22")
def test_the_cookie_is_kept_from_scripts_and_other_sites(browser) -> None:
    cookie = browser.enter("tina").headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie


@pytest.mark.requirement("R22")
def test_an_idle_screen_locks_and_shows_nothing(signed_in, clock) -> None:
    tina = signed_in("tina")
    clock(14)
    assert tina.get("/list/donors").status_code == 200
    clock(14 + 16)
    assert tina.get("/list/donors").location == "/unlock?next=/list/donors"
    assert tina.client.get("/api/scan/DR0000").status_code == 401


@pytest.mark.requirement("R22")
def test_the_bedside_locks_after_five_minutes(signed_in, clock) -> None:
    clara = signed_in("clara")
    clara.get("/bedside")
    clock(6)
    assert clara.get("/bedside").location.startswith("/unlock")


def test_going_back_in_time_unlocks_nothing(signed_in, clock) -> None:
    tina = signed_in("tina")
    clock(16)
    tina.get("/")
    clock(0)
    assert tina.get("/").location.startswith("/unlock")


@pytest.mark.requirement("R22")
def test_a_form_sent_too_late_comes_back_filled_for_whoever_unlocks(signed_in, clock, world: World) -> None:
    tina = signed_in("tina")
    tina.get("/act/register_donor")
    clock(16)
    sent = {"pseudonym": "Half-filled <7>", "birth_year": "1993", "intent": "do", "password": "a secret", "key": "k1"}
    locked = tina.post("/act/register_donor", sent)
    assert locked.status_code == 403 and "carry.pseudonym" in locked.text and "a secret" not in locked.text
    wrong = tina.post(
        "/unlock",
        {
            "name": "taras",
            "password": "wrong",
            "resume": "/act/register_donor",
            "carry.pseudonym": "Half-filled <7>",
            "carry.birth_year": "1993",
        },
    )
    assert wrong.status_code == 403 and "carry.pseudonym" in wrong.text
    back = tina.post(
        "/unlock",
        {
            "name": "taras",
            "password": PASSWORD,
            "resume": "/act/register_donor",
            "carry.pseudonym": "Half-filled <7>",
            "carry.birth_year": "1993",
        },
    )
    assert back.status_code == 200 and 'value="Half-filled <7>"' in html.unescape(back.text)
    assert "Taras Technician" in back.text


def test_locking_by_hand_and_signing_out(signed_in) -> None:
    tina = signed_in("tina")
    tina.post("/lock")
    assert tina.get("/").location.startswith("/unlock")
    tina.get("/unlock")
    assert tina.post("/sign-out").location == "/sign-in"
    assert tina.get("/").location.startswith("/sign-in")


def test_the_overlay_unlocks_without_leaving_the_page(signed_in) -> None:
    tina = signed_in("tina")
    tina.post("/lock", headers={"Accept": "application/json"})
    assert tina.post("/seen", headers={"Accept": "application/json"}).status_code == 403
    answer = tina.post("/unlock", {"name": "taras", "password": PASSWORD}, headers={"Accept": "application/json"})
    assert answer.json["person"] == "Taras Technician"
    tina.token = answer.json["token"]
    assert tina.post("/seen").status_code == 204


@pytest.mark.requirement("R22")
def test_a_forged_form_does_nothing(signed_in) -> None:
    tina = signed_in("tina")
    tina.token = "forged"
    response = tina.post(
        "/act/register_donor", {"pseudonym": "X1", "intent": "do"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert response.status_code == 400 and "carry.pseudonym" not in response.text


def test_both_languages_are_offered_and_kept(signed_in) -> None:
    tina = signed_in("tina")
    tina.post("/language", {"language": "uk", "next": "/"})
    assert '<html lang="uk">' in tina.get("/").text

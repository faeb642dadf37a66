"""Who is at the screen: the session, the idle lock, and the guard before every page.

The cookie carries a random token (Flask-Login keeps it where others keep the id of a person) and what is of no weight:
the language, the last code. Who that is, whether the screen is locked and whether they have signed stand in the row of
the session. After so many minutes without work it shows nothing and does nothing until a password is proved again. A
form that is posted too late is not lost: it comes back filled after the unlocking, for whoever unlocks.
"""

import datetime
import logging
from typing import Any
from urllib.parse import urlsplit

from flask import Response, current_app, g, jsonify, make_response, redirect, render_template, request, session, url_for
from flask_login import UserMixin, current_user, login_user, logout_user
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from cellbank.domain.actor import Actor
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.sessions import Ended, is_idle, is_noted, is_too_long
from cellbank.services.acts import run_act
from cellbank.services.installation import server_time
from cellbank.services.people import web_sessions
from cellbank.services.people.places import Place, digest_of_desk, network_of, token_of_desk
from cellbank.services.people.sessions import OpenSession, SignInAnswer, Standing, standing_of_name, standing_of_session
from cellbank.web.blueprint import RESUME
from cellbank.web.shell import DOOR, client, the_installation, whole_installation

# What a screen without a network asks: an act that it kept proves its person itself.
WITHOUT_SESSION = {"web.service_worker", "web.offline_shell", "web.alive", "web.keep_sent", "web.ready"}
# Whoever unlocks gives name and password: where the session has ended meanwhile, they begin another one.
OPEN = {"web.static", "web.sign_in", "web.unlock", "web.choose_language"} | WITHOUT_SESSION
# A locked screen goes on watching an infusion: it is told which one must be stopped, and nothing else.
WHILE_LOCKED = OPEN | {"web.sign_out", "web.watch"}
WITH_FIRST_PASSWORD = WHILE_LOCKED | {"web.change_password", "web.lock", "web.seen"}
BEFORE_SIGNING = {"web.second_factor", "web.agreement"}
UNATTENDED = {"web.watch"}  # asked by a page that nobody touches: it keeps no session awake
BEDSIDE = "web.bedside"
CARRY = "carry."
LOG = logging.getLogger("cellbank.security")
# The marks of browsers and systems in what they say of themselves, the more particular one first.
BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Macintosh", "Linux")
NOT_CARRIED = ("csrf_token", "password", "one_time_code", "signer", "second.name")


class Visitor(UserMixin):  # type: ignore[misc]  # flask_login says nothing about its types
    """The person behind a session, as Flask-Login wants them."""

    def __init__(self, standing: Standing, token: str):
        assert standing.session is not None
        self.standing = standing
        self.session: OpenSession = standing.session
        self.token = token
        self.is_locked = standing.session.is_locked or _is_elsewhere(standing)

    def get_id(self) -> str:
        return self.token


def load(token: str) -> Visitor | None:
    """The person of a session; nobody when it has ended, or lasts too long."""
    bank = whole_installation()
    standing = standing_of_session(bank, token)
    if standing is None or standing.session is None:
        return None
    if is_too_long(standing.session.proved_at, bank.config.session_hours, now()):
        web_sessions.end(bank, standing.session.id, Ended.TOO_LONG, now())
        return None
    return Visitor(standing, token)


def _is_elsewhere(standing: Standing) -> bool:
    """Whether the cookie comes from another machine or browser than its session was begun at. It may be a copy: there
    it is locked, and nothing changes where the session is at home. A password unlocks it, and the session moves."""
    assert standing.session is not None
    here = web_sessions.as_kept(workstation())
    if here == standing.session.workstation:
        return False
    LOG.warning("session of %s, at %s, was used at %s", standing.actor.name, standing.session.workstation, here)
    return True


DESK = "cellbank_desk"  # the cookie of a screen that knows people who signed in at it


def place(client_said: str | None = None) -> Place:
    """Where the proofs of this request are given: at this screen, and beside whoever is signed in at it."""
    stands = current_user.is_authenticated and not is_locked()
    return Place(
        DOOR,
        client_said or client(),
        network_of(request.remote_addr or ""),
        digest_of_desk(_desk()),
        stands=current_user.standing.actor.id if stands else None,
        session=current_user.session.id if stands else None,
    )


def _desk() -> str:
    """The token of this screen. A new one stays with it; for whom it is good for anything, the proof will tell."""
    if "desk" not in g:
        g.desk = token_of_desk(whole_installation(), request.cookies.get(DESK), now())
    token: str = g.desk
    return token


def keep_desk(answer: Response) -> Response:
    """Let the screen keep its token for the days of the setting, from each time that somebody proved themself."""
    if "desk" in g:
        config = whole_installation().config
        answer.set_cookie(
            DESK,
            g.desk,
            max_age=config.desk_days * 24 * 3600,
            secure=config.secure_cookies,
            httponly=True,
            samesite="Strict",
        )
    return answer


def site_of_the_screen() -> str | None:
    """The code of the site at which the person of this session acts; None when nobody is signed in."""
    return current_user.standing.actor.site_code if current_user.is_authenticated else None


def signed_in_actor() -> Actor | None:
    """The person of this session, if the screen is not locked; for the reads of the API."""
    if not current_user.is_authenticated or is_locked() or current_user.standing.must_change_password:
        return None
    actor: Actor = current_user.standing.actor
    return actor


def now() -> datetime.datetime:
    """The clock of the sessions."""
    return server_time()


def idle_minutes(endpoint: str | None) -> int:
    """How long a page may lie untouched before the screen locks."""
    config = the_installation().config
    return config.bedside_idle_minutes if (endpoint or "").startswith(BEDSIDE) else config.idle_minutes


def is_locked() -> bool:
    """Whether a password must be proved before anything else; remembers that the time ran out."""
    held = current_user.session
    if not current_user.is_locked and is_idle(held.seen_at, held.idle_minutes, now()):
        lock()
    return bool(current_user.is_locked)


def lock() -> None:
    """Lock the session at the screen, and every copy of its cookie."""
    web_sessions.lock(whole_installation(), current_user.session.id, now())
    current_user.is_locked = True


def enter(proof: SignInAnswer) -> tuple[Refusal, ...]:
    """Let somebody in who has proved who they are: their session is unlocked, or another one begins and whoever was
    here before is signed out. Returns why not: the one-time code was used, or the account changed, in this moment."""
    standing = proof.standing
    assert standing is not None
    outcome = run_act(the_installation(), "sign_in", {}, standing.actor, door=DOOR, client=client(), once=proof.once)
    if not outcome.accepted:
        return outcome.refusals
    token, minutes = None, idle_minutes(request.endpoint)
    if current_user.is_authenticated:  # the page that lies on the screen stays there, with its limit
        minutes = current_user.session.idle_minutes
        if current_user.standing.actor.id == standing.actor.id:
            token = web_sessions.renew(
                whole_installation(), current_user.session.id, standing.actor.id, workstation(), now()
            )
        else:
            leave(Ended.REPLACED)
    language = session.get("language")
    session.clear()
    if language:
        session["language"] = language
    return () if _open(token or _begin(standing, minutes)) else (_changed(standing),)


def enter_again(name: str) -> None:
    """Another session for whoever is at the screen, whose sessions a new password has just ended."""
    standing = standing_of_name(whole_installation(), name, site_of_the_screen())
    if standing is not None:
        _open(_begin(standing, idle_minutes(request.endpoint)))


def _begin(standing: Standing, minutes: int) -> str | None:
    return web_sessions.begin(whole_installation(), standing, workstation(), minutes, now())


def _open(token: str | None) -> bool:
    """Put the session of a token into the cookie."""
    visitor = load(token) if token else None
    return visitor is not None and login_user(visitor)


def _changed(standing: Standing) -> Refusal:
    sentence = "The account of {person} was changed in this moment. Sign in once more."
    return refuse(Code.CHANGED_MEANWHILE, sentence, person=standing.actor.full_name)


def workstation() -> str:
    """From where a session is used, so that its owner knows it again in a list."""
    agent = request.user_agent.string
    browser = next((name for mark, name in BROWSERS.items() if mark in agent), "")
    system = next((name for name in SYSTEMS if name in agent), "")
    return ", ".join(part for part in (client(), " · ".join(filter(None, (browser, system)))) if part)


def asks_both() -> bool:
    """Whether a signature of this session's person asks for both components: its first one does (21 CFR 11.200)."""
    return not current_user.session.signed


def note_signature() -> None:
    """The person of this session has signed in it: from now on the password alone does."""
    if asks_both():
        web_sessions.note_signed(whole_installation(), current_user.session.id)


def leave(why: Ended = Ended.SIGNED_OUT) -> None:
    """End the session. It is over before the trail is told: an error on the way leaves nobody signed in."""
    web_sessions.end(whole_installation(), current_user.session.id, why, now())
    run_act(the_installation(), "sign_out", {}, current_user.standing.actor, door=DOOR, client=client())
    logout_user()
    session.clear()


def guard() -> Any:
    """Let a request for a page through, or answer with what has to be done first."""
    if request.blueprint != "web" or request.endpoint in OPEN:
        return None
    if not current_user.is_authenticated:
        return _first("web.sign_in")
    if is_locked():
        return None if request.endpoint in WHILE_LOCKED else _first("web.unlock")
    if request.endpoint in UNATTENDED:
        return _first("web.unlock") if current_user.standing.must_change_password else None
    _note_seen()
    if current_user.standing.must_change_password and request.endpoint not in WITH_FIRST_PASSWORD:
        return redirect(url_for("web.change_password"))
    return _before_signing()


def _note_seen() -> None:
    """Keep that somebody is there: at most once a minute, and when they come to a page with another limit."""
    held, minutes = current_user.session, idle_minutes(request.endpoint)
    if minutes != held.idle_minutes or not is_noted(held.seen_at, now(), minutes):
        web_sessions.note_seen(whole_installation(), held.id, minutes, now())


def _before_signing() -> Any:
    """Lead a person who signs, once in a session, to what their first signature needs."""
    if request.method != "GET" or wants_json() or request.endpoint in WITH_FIRST_PASSWORD | BEFORE_SIGNING:
        return None
    standing, led = current_user.standing, session.get("led", [])
    needed = {"web.second_factor": standing.actor.lacks_second_factor, "web.agreement": standing.must_accept_agreement}
    for endpoint in (name for name, is_needed in needed.items() if is_needed and name not in led):
        session["led"] = [*led, endpoint]
        return redirect(url_for(endpoint, next=request.full_path.rstrip("?")))
    return None


def wants_json() -> bool:
    """Whether one of our scripts asks, not a page."""
    return request.accept_mimetypes.best == "application/json"


def _first(endpoint: str) -> Any:
    """Sign in or unlock first; a posted form is carried along."""
    if wants_json():
        return make_response(jsonify(locked=True, ended=not current_user.is_authenticated), 403)
    if request.method == "POST":
        return entrance(endpoint, carried=carried(request.form), resume=request.path, status=403)
    return redirect(url_for(endpoint, next=request.full_path.rstrip("?")))


def entrance(endpoint: str, *, status: int = 200, **more: Any) -> Response:
    """The page on which a name and a password are proved."""
    name = current_user.standing.actor.name if current_user.is_authenticated else ""
    page = {"name": name, "carried": [], "resume": "", "next": "", "problem": None, **more}
    return make_response(render_template("entrance.html", action=url_for(endpoint), endpoint=endpoint, **page), status)


def carried(posted: MultiDict[str, str]) -> list[tuple[str, str]]:
    """The fields of a form that may wait on the unlock page: all but what proves who somebody is."""
    fields = [(name.removeprefix(CARRY), value) for name, value in posted.items(multi=True)]
    return [(name, value) for name, value in fields if not any(secret in name for secret in NOT_CARRIED)]


def resume() -> Any:
    """After the unlocking: the form that was posted too late, filled; or the page that was asked for; or home."""
    path = request.form.get("resume", "")
    if path:
        posted = MultiDict(
            (name.removeprefix(CARRY), value)
            for name, value in request.form.items(multi=True)
            if name.startswith(CARRY)
        )
        try:
            endpoint, arguments = current_app.url_map.bind("").match(local_path(path), method="POST")
        except HTTPException:
            return redirect(url_for("web.home"))
        if endpoint in RESUME:
            return RESUME[endpoint](posted, **arguments)
    return redirect(local_path(request.form.get("next", "")))


def local_path(path: str) -> str:
    """A path of this application; anything that leads elsewhere becomes the home page."""
    try:
        parts = urlsplit(path)
    except ValueError:
        return url_for("web.home")
    elsewhere = parts.scheme or parts.netloc or not path.startswith("/") or "\\" in path or path.startswith("//")
    return url_for("web.home") if elsewhere or not path.isprintable() else path

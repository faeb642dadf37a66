"""Who is at the screen: the session, the idle lock, and the guard before every page.

The lock is the server's: after so many minutes without work it shows nothing and does nothing until a password is
proved again. A form that is posted too late is not lost: it comes back filled after the unlocking, for whoever unlocks.
"""

import datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Response, current_app, jsonify, make_response, redirect, render_template, request, session, url_for
from flask_login import UserMixin, current_user, login_user, logout_user
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from cellbank.domain.refusals import Refusal
from cellbank.records.work import Actor
from cellbank.services.acts import run_act
from cellbank.services.bank import server_time
from cellbank.services.people.sessions import Proof, Standing, standing_of
from cellbank.web.blueprint import RESUME
from cellbank.web.shell import DOOR, client, the_bank, the_installation

# What a screen without a network asks: an act that it kept proves its person itself.
WITHOUT_SESSION = {"web.service_worker", "web.offline_shell", "web.alive", "web.keep_sent"}
OPEN = {"web.static", "web.sign_in", "web.choose_language"} | WITHOUT_SESSION
WHILE_LOCKED = OPEN | {"web.unlock", "web.sign_out"}
WITH_FIRST_PASSWORD = WHILE_LOCKED | {"web.change_password", "web.lock", "web.seen"}
BEFORE_SIGNING = {"web.second_factor", "web.agreement"}
UNATTENDED = {"web.watch"}  # asked by a page that nobody touches: it keeps no session awake
SIGNED = "signed"  # in the session: this person has signed in it, with name and password
SITE = "site"  # in the session: the code of the site at which its person acts; none: at home
BEDSIDE = "web.bedside"
CARRY = "carry."
NOT_CARRIED = ("csrf_token", "password", "one_time_code", "signer", "second.name")


class Visitor(UserMixin):
    """The person behind a session, as Flask-Login wants them."""

    def __init__(self, standing: Standing):
        self.standing = standing

    def get_id(self) -> str:
        return str(self.standing.actor.id)


def load(person_id: str) -> Visitor | None:
    """The person of a session; nobody when the account is disabled or its password was changed since."""
    standing = standing_of(the_installation(), int(person_id), session.get(SITE))
    if standing is None or session.get("stamp") != standing.stamp:
        return None
    return Visitor(standing)


def site_of_the_screen() -> str | None:
    """The code of the site at which the person of this session acts; None when nobody is signed in."""
    return current_user.standing.actor.site_code if current_user.is_authenticated else None


def signed_in_actor() -> Actor | None:
    """The person of this session, if the screen is not locked; for the reads of the API."""
    if not current_user.is_authenticated or is_locked() or current_user.standing.must_change_password:
        return None
    return current_user.standing.actor


def now() -> datetime.datetime:
    """The clock of the sessions."""
    return server_time()


def idle_minutes(endpoint: str | None) -> int:
    """How long a page may lie untouched before the screen locks."""
    config = the_bank().config
    return config.bedside_idle_minutes if (endpoint or "").startswith(BEDSIDE) else config.idle_minutes


def is_locked() -> bool:
    """Whether a password must be proved before anything else; remembers that the time ran out."""
    idle = now().timestamp() - session.get("seen", 0)
    if idle > 60 * session.get("limit", the_bank().config.idle_minutes):
        session["locked"] = True
    return bool(session.get("locked"))


def enter(proof: Proof) -> tuple[Refusal, ...]:
    """Begin a session for who has proved it; whoever was here before is signed out. Returns why not: the one-time code
    was used by somebody else in the same moment."""
    standing = proof.standing
    assert standing is not None
    if current_user.is_authenticated and current_user.standing.actor.id != standing.actor.id:
        leave()
    language = session.get("language")
    outcome = run_act(the_bank(), "sign_in", {}, standing.actor, door=DOOR, client=client(), step=proof.step)
    session.clear()  # the first signature asks for name and password again, whoever comes in
    if language:
        session["language"] = language
    if outcome.accepted:
        login_user(Visitor(standing))
        session.update({"stamp": standing.stamp, "seen": int(now().timestamp()), SITE: standing.actor.site_code})
    return outcome.refusals


def asks_both() -> bool:
    """Whether a signature of this session's person asks for both components: its first one does (21 CFR 11.200)."""
    return not session.get(SIGNED)


def note_signature() -> None:
    """The person of this session has signed in it: from now on the password alone does."""
    session[SIGNED] = True


def leave() -> None:
    """End the session."""
    run_act(the_bank(), "sign_out", {}, current_user.standing.actor, door=DOOR, client=client())
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
    session.update(seen=int(now().timestamp()), limit=idle_minutes(request.endpoint))
    if current_user.standing.must_change_password and request.endpoint not in WITH_FIRST_PASSWORD:
        return redirect(url_for("web.change_password"))
    return _before_signing()


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
        return make_response(jsonify(locked=True), 403)
    if request.method == "POST":
        return entrance(endpoint, carried=carried(request.form), resume=request.path, status=403)
    return redirect(url_for(endpoint, next=request.full_path.rstrip("?")))


def entrance(endpoint: str, *, status: int = 200, **more: Any) -> Response:
    """The page on which a name and a password are proved."""
    name = current_user.standing.actor.name if current_user.is_authenticated else ""
    page = {"name": name, "carried": [], "resume": "", "next": "", "problem": None, **more}
    return make_response(render_template("entrance.html", action=url_for(endpoint), endpoint=endpoint, **page), status)


def carried(posted: MultiDict) -> list[tuple[str, str]]:
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
    parts = urlsplit(path)
    elsewhere = parts.scheme or parts.netloc or not path.startswith("/") or "\\" in path or path.startswith("//")
    return url_for("web.home") if elsewhere else path

"""Who is asking: a bearer token for programs; for reads also the session of somebody signed in on the pages."""

from flask import Blueprint, Response, current_app, g, request

from cellbank.api.problems import TITLES, incident, problem
from cellbank.domain.actor import Actor
from cellbank.services.installation import Installation, server_time
from cellbank.services.people.actors import key_in_use
from cellbank.services.people.keys import note_use

SIGNED_IN = "cellbank_signed_in"
SITE = "Cellbank-Site"  # the header with the code of the site at which a request acts and reads; none: at home
OPEN = {"api.new_token", "api.openapi"}
ACTS = {"api.do_act"}  # where an act says for itself whether a key may do it

blueprint = Blueprint("api", __name__, url_prefix="/api")


def the_installation() -> Installation:
    """The bank of this application as the person reads it on whose behalf the request comes; nobody reads nothing."""
    installation: Installation = current_app.extensions["cellbank"]
    return installation.seen_by(g.get("actor"))


def the_actor() -> Actor:
    """The person on whose behalf the request comes; known because `identify` has let it through."""
    actor: Actor = g.actor
    return actor


@blueprint.before_request
def identify() -> Response | None:
    """Find the person, or answer 401; 403 for a site at which they do not work. Writing needs a token: a session alone
    could be ridden by another site."""
    if request.endpoint in OPEN:
        return None
    wanted = request.headers.get(SITE, "").strip().upper()
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret:
        g.actor = _of_the_key(secret.strip(), wanted if wanted.isprintable() else None)
    elif request.method in ("GET", "HEAD"):
        g.actor = current_app.extensions[SIGNED_IN]()
    else:
        g.actor = None
    if g.actor is None:
        return problem(401, "Send a token of yours: POST name and password to /api/tokens.")
    if wanted not in ("", g.actor.site_code):
        return problem(403, f"{SITE}: you do not work at such a site. You may act at {', '.join(g.actor.sites)}.")
    if g.actor.scope and not g.actor.scope.may_read and request.endpoint not in ACTS:
        return problem(403, f"This key reads nothing: it is for {', '.join(sorted(g.actor.scope.acts))}.")
    return None


def _of_the_key(secret: str, site: str | None) -> Actor | None:
    """The person for whom a key speaks; that it was used, and from where, is kept for its owner to see."""
    key, installation = key_in_use(the_installation(), secret, site), current_app.extensions["cellbank"]
    if key is None:
        return None
    note_use(installation, key.id, key.used_at, server_time(), client())
    return key.actor


def client() -> str:
    """Where the request came from, for the trail."""
    named = "".join(letter for letter in request.user_agent.string if letter.isprintable())
    return f"{request.remote_addr} {named}"[:300]


@blueprint.errorhandler(Exception)
def unforeseen(error: Exception) -> Response:
    """What no route answers: an address that is not there, a wrong method; a bug: 500 with an incident number."""
    code = getattr(error, "code", None)
    if isinstance(code, int) and 400 <= code < 500:
        return problem(code if code in TITLES else 400, getattr(error, "description", None) or str(error))
    return incident(error)

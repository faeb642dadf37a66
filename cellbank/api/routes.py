"""Tokens and acts."""

import datetime
from typing import Any

from flask import Response, g, jsonify, request

from cellbank.api.described import Described, described
from cellbank.api.door import blueprint, client, the_actor, the_installation
from cellbank.api.problems import malformed, not_now, problem, refused
from cellbank.domain.actor import Proof
from cellbank.domain.wall import on_the_wall
from cellbank.services.acts import REGISTRY, Malformed, Outcome, Problem, UnknownAct, run_act
from cellbank.services.given import read_object
from cellbank.services.incidents import Unavailable
from cellbank.services.installation import server_time
from cellbank.services.parsing import check_key
from cellbank.services.people.passwords import Credentials
from cellbank.services.people.places import Place, network_of
from cellbank.services.people.sessions import prove
from cellbank.services.performing import outcome_of

ACCEPTED = {"$ref": "#/components/schemas/Accepted"}
# A client whose clock is further off than this is told; the server's clock is the one that counts.
CLOCK_WARNING = datetime.timedelta(minutes=2)


def read_json() -> dict[str, Any]:
    """The body as an object; an empty body is an empty object. Raises Malformed."""
    return read_object(request.get_data() or b"{}")


@blueprint.errorhandler(Malformed)
def on_malformed(error: Malformed) -> Response:
    return malformed(error.problems)


def place() -> Place:
    """Where a password of this request is given: beside whose key it is, or from outside."""
    actor = g.get("actor")
    return Place("api", client(), network_of(request.remote_addr or ""), stands=actor.id if actor else None)


CREDENTIALS = {
    "type": "object",
    "required": ["name", "password"],
    "properties": {
        "name": {"type": "string"},
        "password": {"type": "string"},
        "one_time_code": {"type": "string"},
        "title": {"type": "string"},
        "days": {"type": ["integer", "null"], "minimum": 1, "description": "as long as this site allows when left out"},
        "read_only": {"type": "boolean"},
        "site": {"type": ["string", "null"], "description": "the only site at which the key acts and reads"},
        "acts": {"type": "array", "items": {"type": "string"}, "description": "the only acts; the key reads nothing"},
    },
}


@described("/tokens", Described("a token", body=CREDENTIALS, is_open=True))
def new_token() -> Response:
    """Name and password for a key; `title`, `days` and its limits as for `create_token`."""
    given = read_json()
    name, password, code = (given.pop(field, None) for field in ("name", "password", "one_time_code"))
    if not isinstance(name, str) or not isinstance(password, str):
        raise Malformed([Problem("name, password", "Both are needed, as text.")])
    if not isinstance(code, str | None):
        raise Malformed([Problem("one_time_code", "Six digits, as text.")])
    # A name with letters that no database can hold is nobody's, and takes as long as any other.
    known = name if name.isprintable() else ""
    credentials = Credentials(password, code)
    proof = prove(the_installation(), known, credentials, server_time(), place=place())
    if proof.wait is not None:
        several = "Several names or passwords were wrong here, or many try at once: this one was not looked at."
        answer = problem(429, f"{several} Try again in {proof.wait} seconds.")
        answer.headers["Retry-After"] = str(proof.wait)
        return answer
    if proof.standing is None:
        if proof.opens_at is not None:
            until = on_the_wall(proof.opens_at, the_installation().zone)
            locked = "That is right, but after several wrong ones the account is locked until"
            return problem(401, f"{locked} {until}. An administrator can unlock it.")
        codes = ", or the one-time code that belongs to them" if the_installation().config.second_factor_roles else ""
        locks = "After several wrong ones an account is locked for a while; an administrator can unlock it."
        return problem(401, f"The name or the password is wrong{codes}. {locks}")
    if proof.standing.must_change_password:
        why = "is older than this site allows" if proof.standing.is_old_password else "was set by an administrator"
        return problem(403, f"This password {why}. Sign in on the pages and change it first.")
    wanted = {"title": f"API, {request.remote_addr}", **given}
    outcome = run_act(
        the_installation(),
        "create_token",
        wanted,
        proof.standing.actor,
        door="api",
        client=client(),
        once=proof.once,
        just_proved=Proof.RIGHT,
    )
    if not outcome.accepted:
        return refused(outcome.refusals, outcome.act)
    if outcome.repeated:  # made by the try whose answer was lost, and a secret is told once
        return not_now(Unavailable("The connection was lost before the key could be told. Ask for another one."))
    return jsonify({"token": outcome.result["token"], "code": outcome.result["code"]})


@blueprint.post("/acts/<name>")
def do_act(name: str) -> Response:
    """Do an act, or with `?dry_run=1` only judge it."""
    key = request.headers.get("Idempotency-Key")
    check_key(key, "Idempotency-Key")
    dry_run = request.args.get("dry_run", "0")
    if dry_run not in ("0", "1"):
        raise Malformed([Problem("dry_run", "1 to judge only, 0 or nothing to do it.")])
    if name in REGISTRY and REGISTRY[name].at_the_door:
        return problem(403, f"“{name}” is done on the pages, where the password is proved.")
    try:
        outcome = run_act(
            the_installation(),
            name,
            read_json(),
            the_actor(),
            door="api",
            key=key,
            dry_run=dry_run == "1",
            client=client(),
            place=place(),
        )
    except UnknownAct:
        return problem(404, f"There is no act “{name}”. GET /api/openapi.json lists them.")
    return answer(outcome)


@described("/outcomes/<path:key>", Described("accepted", ACCEPTED, conflict="it was refused"))
def outcome(key: str) -> Response:
    """What has become of your act with this Idempotency-Key; 404: nothing was recorded under it."""
    check_key(key)
    found = outcome_of(the_installation(), the_actor(), key)
    return problem(404, "Nothing was recorded under this key.") if found is None else answer(found)


def answer(outcome: Outcome) -> Response:
    """An outcome in the form of the public face."""
    if not outcome.accepted:
        return refused(outcome.refusals, outcome.act)
    body: dict[str, Any] = {"accepted": True, "act": outcome.act, "result": outcome.result}
    if outcome.repeated:
        body["repeated"] = True
    response = jsonify(body)
    if (skew := clock_skew()) is not None:
        response.headers["Warning"] = f'199 cellbank "your clock is {skew} s off; the server\'s time was used"'
    return response


def clock_skew() -> int | None:
    """Seconds by which the client's clock (header `Date`) differs from ours, when that is worth a warning."""
    theirs = request.date
    if theirs is None:
        return None
    skew = theirs - server_time()
    return round(skew.total_seconds()) if abs(skew) > CLOCK_WARNING else None

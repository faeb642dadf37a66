"""Tokens and acts."""

import datetime
import json
import re
from typing import Any

from flask import Response, jsonify, request

from cellbank.api.door import blueprint, the_actor, the_bank
from cellbank.api.problems import malformed, problem, refused
from cellbank.services.acts import Malformed, Outcome, Problem, UnknownAct, run_act
from cellbank.services.bank import server_time
from cellbank.services.passwords import check_password
from cellbank.services.people import actor_by_name

KEY = re.compile(r"[\x21-\x7e]{1,200}")
# A client whose clock is further off than this is told; the server's clock is the one that counts.
CLOCK_WARNING = datetime.timedelta(minutes=2)


def read_json() -> dict[str, Any]:
    """The body as an object. Raises Malformed."""
    try:
        given = json.loads(request.get_data() or b"{}")
    except (ValueError, RecursionError) as error:
        raise Malformed([Problem("(whole)", f"The body is not JSON: {error}.")]) from None
    if not isinstance(given, dict):
        raise Malformed([Problem("(whole)", "The body must be a JSON object with the act's inputs.")])
    return given


@blueprint.errorhandler(Malformed)
def on_malformed(error: Malformed) -> Response:
    return malformed(error.problems)


@blueprint.post("/tokens")
def new_token() -> Response:
    """Name and password for a bearer token."""
    given = read_json()
    name, password = given.get("name"), given.get("password")
    if not isinstance(name, str) or not isinstance(password, str):
        raise Malformed([Problem("name, password", "Both are needed, as text.")])
    bank = the_bank()
    actor = actor_by_name(bank, name)
    if actor is None or not check_password(bank, actor, password, server_time()):
        return problem(401, "Name or password is wrong, or the account is locked for a while.")
    outcome = run_act(
        bank, "create_token", {"title": f"API, {request.remote_addr}"}, actor, door="api", client=client()
    )
    return jsonify({"token": outcome.result["token"], "code": outcome.result["code"]})


@blueprint.post("/acts/<name>")
def do_act(name: str) -> Response:
    """Do an act, or with `?dry_run=1` only judge it."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not KEY.fullmatch(key):
        raise Malformed([Problem("Idempotency-Key", "Up to 200 visible ASCII characters.")])
    dry_run = request.args.get("dry_run", "") in ("1", "true")
    try:
        outcome = run_act(
            the_bank(), name, read_json(), the_actor(), door="api", key=key, dry_run=dry_run, client=client()
        )
    except UnknownAct:
        return problem(404, f"There is no act “{name}”. GET /api/openapi.json lists them.")
    return answer(outcome)


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


def client() -> str:
    """Where the request came from, for the trail."""
    return f"{request.remote_addr} {request.user_agent.string}"[:300]

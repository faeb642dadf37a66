"""Errors as RFC 9457 problem documents, each with what is needed to act on it."""

from http import HTTPStatus
from typing import Any

from flask import Response, jsonify

from cellbank.domain.refusals import Code, Refusal
from cellbank.services.acts import Problem
from cellbank.services.incidents import (
    RETRY_AFTER,
    Unavailable,
    log_away,
    log_incident,
    recorded,
    truth_of,
    unavailable,
)

TITLES = {
    400: "The request cannot be read",
    401: "Sign in first",
    403: "Not allowed for this person",
    404: "Not here",
    405: "Not this method",
    409: "Refused",
    413: "Too large",
    414: "The address is too long",
    415: "Send JSON",
    422: "Malformed input",
    429: "Too many at once",
    500: "An error of the program",
    503: "Not now",
}
UNKNOWN = (
    "Whether it is recorded is not known yet: send it again with Idempotency-Key {key} and you get its answer, or ask "
    "GET /api/outcomes/{key}."
)


def problem(status: int, detail: str, **more: Any) -> Response:
    """A problem document."""
    title = TITLES.get(status) or HTTPStatus(status).phrase
    response = jsonify({"type": "about:blank", "title": title, "status": status, "detail": detail, **more})
    response.status_code = status
    response.content_type = "application/problem+json"
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="cellbank"'
    return response


def refused(refusals: tuple[Refusal, ...], act: int | None) -> Response:
    """409 with all reasons, gravest first; 403 when the person may not do this at all."""
    not_allowed = any(refusal.code in (Code.ROLE_NOT_ALLOWED, Code.KEY_LIMITED) for refusal in refusals)
    reasons = [refusal.as_json() for refusal in refusals]
    return problem(403 if not_allowed else 409, refusals[0].detail, refusals=reasons, act=act)


def malformed(problems: list[Problem]) -> Response:
    """422 with every field that is wrong: the limit and what was given."""
    listed = [
        {"field": item.field, "message": item.message, **({"asks": item.asks.as_json()} if item.asks else {})}
        for item in problems
    ]
    return problem(422, f"{len(listed)} of the inputs cannot be used.", problems=listed)


def incident(error: BaseException) -> Response:
    """503 where the database could not do it now; else 500 with a number under which the log tells what happened.
    Nothing is half-written, and what stands all the same is told."""
    if (away := unavailable(error)) is not None:
        return not_now(away)
    number, act = log_incident(error), recorded()
    stands = "Nothing was recorded." if act is None else f"Act {act} is recorded; its answer failed."
    more = {} if act is None else {"act": act}
    return problem(500, f"{stands} Tell the administrator incident {number}.", incident=number, **more)


def not_now(away: Unavailable) -> Response:
    """503 with when to try again; with the key, where only that will tell what has become of the act."""
    log_away(away)
    truth = truth_of(away)
    said = {
        "unknown": UNKNOWN.format(key=truth.key),
        "recorded": f"Act {truth.act} is recorded; its answer failed.",
        "not recorded": "Nothing was recorded.",
    }
    more = {name: value for name, value in vars(truth).items() if value is not None}
    response = problem(503, f"{away.sentence} {said[truth.outcome]}", **more)
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response

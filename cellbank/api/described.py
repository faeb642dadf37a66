"""Every read of the API stands with its description: one decorator makes the route and its entry in the OpenAPI
document. What a read does is the sentence of its function; its name is the operation's."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask.typing import ResponseReturnValue

from cellbank.api import door

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
ERRORS = {
    "401": {"description": "no valid token", "content": PROBLEM},
    "403": {"description": "not allowed for this person", "content": PROBLEM},
    "404": {"description": "not here", "content": PROBLEM},
    "422": {"description": "malformed: field, limit and what was given", "content": PROBLEM},
    "503": {
        "description": "the database cannot do it now; `outcome`: not recorded, recorded, or unknown: then `key` tells",
        "content": PROBLEM,
        "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}},
    },
}
REFUSED = {"409": {"description": "refused: the reasons, gravest first", "content": PROBLEM}}

SITE = {
    "name": door.SITE,
    "in": "header",
    "schema": {"type": "string", "pattern": "^[A-Z0-9-]{2,12}$"},
    "description": "Code of the site at which the person acts and reads; without it at their home site.",
}
BINARY = {"type": "string", "format": "binary"}
JSON, PDF, CSV = "application/json", "application/pdf", "text/csv"

# What may stand in an address, by its name there.
IN_PATH: dict[str, dict[str, Any]] = {
    "code": {"type": "string", "minLength": 1},
    "key": {"type": "string", "pattern": "^[!-.0-~]{1,200}$"},
    "id": {"type": "integer", "minimum": 1},
}
_PLACE = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True)
class Described:
    """What is said of a route; `conflict`: what its own 409 means; a `body` is for a post; `open`: without a token."""

    answers: str
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "object"})
    form: str = JSON
    query: dict[str, dict[str, Any]] = field(default_factory=dict)
    conflict: str = ""
    body: dict[str, Any] | None = None
    is_open: bool = False


#: address and method -> its entry
PATHS: dict[str, dict[str, Any]] = {}
View = Callable[..., ResponseReturnValue]


def described(address: str, said: Described) -> Callable[[View], View]:
    """The route of a function under this address, with what is said of it."""

    def register(view: View) -> View:
        method = "get" if said.body is None else "post"
        PATHS.setdefault("/api" + _PLACE.sub(r"{\1}", address), {})[method] = _entry(view, address, said)
        door.blueprint.add_url_rule(address, view_func=view, methods=[method.upper()])
        return view

    return register


def file_of(answers: str, form: str = PDF, conflict: str = "") -> Described:
    """A read whose answer is a file."""
    return Described(answers, BINARY, form, conflict=conflict)


def _entry(view: View, address: str, said: Described) -> dict[str, Any]:
    entry: dict[str, Any] = {"operationId": view.__name__, "summary": " ".join((view.__doc__ or "").split())}
    if said.body is not None:
        entry["requestBody"] = {"required": True, "content": {JSON: {"schema": said.body}}}
    found = {"200": {"description": said.answers, "content": {said.form: {"schema": said.schema}}}}
    if said.is_open:
        return {**entry, "security": [], "responses": {**found, **(ERRORS if said.body else {})}}
    conflict = {"409": {"description": said.conflict, "content": PROBLEM}} if said.conflict else {}
    return {**entry, "parameters": _parameters(address, said.query), "responses": {**found, **ERRORS, **conflict}}


def _parameters(address: str, query: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": IN_PATH[name]} for name in _PLACE.findall(address)
    ]
    return [*in_path, *({"name": name, "in": "query", "schema": schema} for name, schema in query.items()), SITE]

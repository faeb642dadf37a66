"""OpenAPI 3.1, made from the registry: no act is described by hand."""

from functools import lru_cache
from typing import Any

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from cellbank.api import door
from cellbank.domain.lifecycle.table import roles_for
from cellbank.services import catalogue
from cellbank.services.acts import VERSION, RegisteredAct

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

SCHEMAS: dict[str, Any] = {
    "Problem": {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "act": {"type": ["integer", "null"]},
            "incident": {"type": "string"},
            "refusals": {"type": "array", "items": {"$ref": "#/components/schemas/Reason"}},
            "problems": {"type": "array", "items": {"$ref": "#/components/schemas/FieldProblem"}},
        },
    },
    "Reason": {
        "type": "object",
        "required": ["code", "detail"],
        "properties": {
            "code": {"type": "string"},
            "detail": {"type": "string"},
            "asks": {"$ref": "#/components/schemas/Question"},
        },
    },
    "FieldProblem": {
        "type": "object",
        "required": ["field", "message"],
        "properties": {
            "field": {"type": "string"},
            "message": {"type": "string"},
            "asks": {"$ref": "#/components/schemas/Question"},
        },
    },
    "Question": {
        "type": "object",
        "description": "what nobody may guess: give the field one of these values, and send the act again",
        "required": ["field", "choices", "found"],
        "properties": {
            "field": {"type": "string"},
            "choices": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["value", "title"],
                    "properties": {"value": {"type": "string"}, "title": {"type": "string"}},
                },
            },
            "found": {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
        },
    },
    "Accepted": {
        "type": "object",
        "required": ["accepted", "act", "result"],
        "properties": {
            "accepted": {"const": True},
            "act": {"type": ["integer", "null"], "description": "number in the trail; null for a dry run"},
            "result": {"type": "object"},
            "repeated": {"const": True, "description": "the stored answer of an earlier request with this key"},
        },
    },
    "Card": {
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {"type": "string"},
            "code": {"type": "string"},
            "title": {"type": "string"},
            "state": {"type": "string"},
            "state_means": {"type": "string"},
            "where": {"type": ["string", "null"]},
            "facts": {"type": "array", "items": {"type": "object"}},
            "acts": {"type": "array", "items": {"type": "object"}},
        },
    },
}


@lru_cache(maxsize=1)
def describe() -> dict[str, Any]:
    """The whole description."""
    registry = {name: registered for name, registered in catalogue.load().items() if registered.is_asked_for}
    mode: JsonSchemaMode = "validation"
    models = [(registered.input, mode) for registered in registry.values()]
    _, definitions = models_json_schema(models, ref_template="#/components/schemas/{model}")
    paths = {f"/api/acts/{name}": {"post": _act(registered)} for name, registered in sorted(registry.items())}
    return {
        "openapi": "3.1.0",
        "info": {"title": "cellbank", "version": VERSION, "description": __doc__ or ""},
        "security": [{"token": []}],
        "paths": {**_others(), **paths},
        "components": {
            "schemas": {**SCHEMAS, **definitions.get("$defs", {})},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _act(registered: RegisteredAct) -> dict[str, Any]:
    roles = ", ".join(sorted(role.value for role in roles_for(registered.name)))
    reference = {"$ref": f"#/components/schemas/{registered.input.__name__}"}
    return {
        "operationId": registered.name,
        "summary": registered.title,
        "description": f"{(registered.function.__doc__ or '').strip()}\n\nFor: {roles}.",
        "tags": [registered.area],
        "parameters": [
            {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"}},
            {"name": "dry_run", "in": "query", "schema": {"enum": ["0", "1"]}},
            SITE,
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": reference}}},
        "responses": {
            "200": {
                "description": "accepted",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Accepted"}}},
            },
            **ERRORS,
            **REFUSED,
        },
    }


BINARY = {"type": "string", "format": "binary"}
CODE = [{"name": "code", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}]
KEY_IN_PATH = [
    {"name": "key", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[!-.0-~]{1,200}$"}}
]
PRINTING = [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}]
MONTHS = [
    {"name": name, "in": "query", "schema": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"}}
    for name in ("since", "until")
]
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


def _answers(what: str, schema: dict[str, Any], form: str, conflict: str) -> dict[str, Any]:
    """The 200 of a read, and what else it may answer; `conflict`: what its own 409 means."""
    found = {"200": {"description": what, "content": {form: {"schema": schema}}}, **ERRORS}
    return {**found, "409": {"description": conflict, "content": PROBLEM}} if conflict else found


def _read(
    operation: str,
    summary: str,
    what: str,
    schema: dict[str, Any] | None = None,
    *,
    form: str = "application/json",
    parameters: list[dict[str, Any]] | None = None,
    conflict: str = "",
) -> dict[str, Any]:
    """One read: what it is called, what its answer is, in which form; a code in its path unless it says otherwise."""
    asked = [*(CODE if parameters is None else parameters), SITE]
    said = {"operationId": operation, "summary": summary, "parameters": asked}
    return {"get": {**said, "responses": _answers(what, schema or {"type": "object"}, form, conflict)}}


def _file(operation: str, summary: str, what: str, form: str = "application/pdf", **more: Any) -> dict[str, Any]:
    return _read(operation, summary, what, BINARY, form=form, **more)


def _token() -> dict[str, Any]:
    asked = {"required": True, "content": {"application/json": {"schema": CREDENTIALS}}}
    said = {"operationId": "new_token", "summary": "Get a token", "security": [], "requestBody": asked}
    return {"post": {**said, "responses": _answers("a token", {"type": "object"}, "application/json", "")}}


def _this() -> dict[str, Any]:
    found = {"200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}}}
    return {"get": {"operationId": "openapi", "summary": "This description", "security": [], "responses": found}}


def _others() -> dict[str, Any]:
    """Everything but the acts."""
    return {
        "/api/tokens": _token(),
        "/api/outcomes/{key}": _read(
            "outcome",
            "What has become of your act with this Idempotency-Key; 404: nothing was recorded under it",
            "accepted",
            {"$ref": "#/components/schemas/Accepted"},
            parameters=KEY_IN_PATH,
            conflict="it was refused",
        ),
        "/api/scan/{code}": _read(
            "scan", "What is this, and what may be done with it", "what it is", {"$ref": "#/components/schemas/Card"}
        ),
        "/api/trace/{code}": _read("trace", "All that it came from and all that came of it", "the lineage"),
        "/api/doses/{code}/chain.pdf": _file(
            "chain_of_a_dose",
            "Chain of identity and custody of a dose as PDF: every act, person, time and signature",
            "the same bytes as long as the record stays the same",
        ),
        "/api/documents/{code}.pdf": _file(
            "document",
            "An issued document, by its own code: the same bytes whenever it is asked for",
            "the document; a copy laid out by another version says so",
            conflict="what is stored is not what was issued",
        ),
        "/api/records/{code}": _read(
            "record", "Any record with its signatures, valid or void, and every act on it", "the record"
        ),
        "/api/shipments/{code}": _read(
            "shipment",
            "A shipment: what travels where, who had it in hand, what was found, and what still stops it",
            "the shipment with its vials by position",
        ),
        "/api/impact/{code}": _read(
            "impact",
            "What a stop of a lot, donor, reagent or storage unit would touch: vials, doses, subjects",
            "lots, vials by state and place, doses",
        ),
        "/api/lots/{code}/recall.csv": _recall_list("text/csv", "a line for each lot, dose and vial"),
        "/api/lots/{code}/recall.pdf": _recall_list("application/pdf", "the list to print"),
        "/api/printings/{id}.pdf": _file(
            "printing",
            "The labels of a printing as PDF, one label a page at its own size",
            "the labels, byte for byte as they went to the printer",
            parameters=PRINTING,
            conflict="the labels cannot be made any more",
        ),
        "/api/near-misses": _read(
            "near_misses",
            "Refusals on the way to the patient and unreadable scans, by reason and month",
            "counts by act, reason and month",
            parameters=MONTHS,
        ),
        "/api/openapi.json": _this(),
    }


def _recall_list(form: str, what: str) -> dict[str, Any]:
    return _file(f"recall_{form.rpartition('/')[2]}", f"The recall list of a lot: {what}", what, form)

"""OpenAPI 3.1, made from the registry: no act is described by hand."""

from functools import lru_cache
from typing import Any

from pydantic.json_schema import models_json_schema

from cellbank.domain.lifecycle import Role, roles_for
from cellbank.services import catalogue
from cellbank.services.accounts import OF_THE_DOOR
from cellbank.services.acts import VERSION, RegisteredAct

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
ERRORS = {
    "401": {"description": "no valid token", "content": PROBLEM},
    "403": {"description": "not allowed for this person", "content": PROBLEM},
    "404": {"description": "not here", "content": PROBLEM},
    "422": {"description": "malformed: field, limit and what was given", "content": PROBLEM},
}
REFUSED = {"409": {"description": "refused: the reasons, gravest first", "content": PROBLEM}}

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
        "properties": {"code": {"type": "string"}, "detail": {"type": "string"}},
    },
    "FieldProblem": {
        "type": "object",
        "required": ["field", "message"],
        "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
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
    registry = {name: registered for name, registered in catalogue.load().items() if for_programs(name)}
    models = [(registered.input, "validation") for registered in registry.values()]
    _, definitions = models_json_schema(models, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
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


def for_programs(name: str) -> bool:
    """Whether another program can do this act: not the ones by which the installation or a door notes something."""
    return name not in OF_THE_DOOR and roles_for(name) != {Role.SYSTEM}


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


def _recall_list(code: list[dict[str, Any]], form: str, what: str) -> dict[str, Any]:
    content = {form: {"schema": {"type": "string", "format": "binary"}}}
    return {
        "get": {
            "operationId": f"recall_{form.rpartition('/')[2]}",
            "summary": f"The recall list of a lot: {what}",
            "parameters": code,
            "responses": {"200": {"description": what, "content": content}, **ERRORS},
        }
    }


def _others() -> dict[str, Any]:
    code = [{"name": "code", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}]
    card = {"application/json": {"schema": {"$ref": "#/components/schemas/Card"}}}
    anything = {"application/json": {"schema": {"type": "object"}}}
    credentials = {
        "type": "object",
        "required": ["name", "password"],
        "properties": {"name": {"type": "string"}, "password": {"type": "string"}, "one_time_code": {"type": "string"}},
    }
    return {
        "/api/tokens": {
            "post": {
                "operationId": "new_token",
                "summary": "Get a token",
                "security": [],
                "requestBody": {"required": True, "content": {"application/json": {"schema": credentials}}},
                "responses": {"200": {"description": "a token", "content": anything}, **ERRORS},
            }
        },
        "/api/scan/{code}": {
            "get": {
                "operationId": "scan",
                "summary": "What is this, and what may be done with it",
                "parameters": code,
                "responses": {"200": {"description": "what it is", "content": card}, **ERRORS},
            }
        },
        "/api/trace/{code}": {
            "get": {
                "operationId": "trace",
                "summary": "All that it came from and all that came of it",
                "parameters": code,
                "responses": {"200": {"description": "the lineage", "content": anything}, **ERRORS},
            }
        },
        "/api/doses/{code}/chain.pdf": {
            "get": {
                "operationId": "chain_of_a_dose",
                "summary": "Chain of identity and custody of a dose as PDF: every act, person, time and signature",
                "parameters": code,
                "responses": {
                    "200": {
                        "description": "the same bytes as long as the record stays the same",
                        "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
                    },
                    **ERRORS,
                },
            }
        },
        "/api/documents/{code}.pdf": {
            "get": {
                "operationId": "document",
                "summary": "An issued document, by its own code: the same bytes whenever it is asked for",
                "parameters": code,
                "responses": {
                    "200": {
                        "description": "the document; a copy laid out by another version says so",
                        "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
                    },
                    "409": {"description": "what is stored is not what was issued", "content": PROBLEM},
                    **ERRORS,
                },
            }
        },
        "/api/records/{code}": {
            "get": {
                "operationId": "record",
                "summary": "Any record with its signatures, valid or void, and every act on it",
                "parameters": code,
                "responses": {"200": {"description": "the record", "content": anything}, **ERRORS},
            }
        },
        "/api/impact/{code}": {
            "get": {
                "operationId": "impact",
                "summary": "What a stop of a lot, donor, reagent or storage unit would touch: vials, doses, subjects",
                "parameters": code,
                "responses": {
                    "200": {"description": "lots, vials by state and place, doses", "content": anything},
                    **ERRORS,
                },
            }
        },
        "/api/lots/{code}/recall.csv": _recall_list(code, "text/csv", "a line for each lot, dose and vial"),
        "/api/lots/{code}/recall.pdf": _recall_list(code, "application/pdf", "the list to print"),
        "/api/printings/{id}.pdf": {
            "get": {
                "operationId": "printing",
                "summary": "The labels of a printing as PDF, one label a page at its own size",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
                ],
                "responses": {
                    "200": {
                        "description": "the labels, byte for byte as they went to the printer",
                        "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
                    },
                    **ERRORS,
                    "409": {"description": "the labels cannot be made any more", "content": PROBLEM},
                },
            }
        },
        "/api/near-misses": {
            "get": {
                "operationId": "near_misses",
                "summary": "Refusals on the way to the patient and unreadable scans, by reason and month",
                "parameters": [
                    {"name": name, "in": "query", "schema": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"}}
                    for name in ("since", "until")
                ],
                "responses": {"200": {"description": "counts by act, reason and month", "content": anything}, **ERRORS},
            }
        },
        "/api/openapi.json": {
            "get": {
                "operationId": "openapi",
                "summary": "This description",
                "security": [],
                "responses": {"200": {"description": "OpenAPI 3.1", "content": anything}},
            }
        },
    }

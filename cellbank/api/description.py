"""OpenAPI 3.1, made from the registry and from what stands at each read: nothing is described in another place."""

from functools import lru_cache
from typing import Any

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from cellbank.api.described import ERRORS, PATHS, REFUSED, SITE
from cellbank.domain.lifecycle.table import roles_for
from cellbank.services import catalogue
from cellbank.services.acts import VERSION, RegisteredAct

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
        "paths": {**PATHS, **paths},
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

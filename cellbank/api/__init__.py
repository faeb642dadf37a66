"""The same acts and reads as JSON, for other programs. GET /api/openapi.json describes it."""

from collections.abc import Callable

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from cellbank.api import reads, routes, stops, trail
from cellbank.api.door import SIGNED_IN, blueprint
from cellbank.api.problems import problem
from cellbank.domain.actor import Actor
from cellbank.services import catalogue
from cellbank.services.installation import Installation

__all__ = ["register"]


def register(app: Flask, installation: Installation, signed_in: Callable[[], Actor | None]) -> None:
    """Mount the API. `signed_in` tells who is signed in on the pages: they may read with their session."""
    catalogue.load()
    app.extensions[SIGNED_IN] = signed_in
    app.extensions["cellbank"] = installation
    assert routes and reads and stops and trail  # their routes are on the blueprint
    app.before_request(_no_such_address)
    app.register_blueprint(blueprint)
    if "csrf" in app.extensions:  # the pages' protection: here no session can write, so there is nothing to forge
        app.extensions["csrf"].exempt(blueprint)


def _no_such_address() -> Response | None:
    """Under /api/ an address or method that does not exist is answered in the API's form too."""
    error = request.routing_exception
    if not request.path.startswith("/api/") or not isinstance(error, HTTPException) or (error.code or 500) < 400:
        return None
    response = problem(error.code or 404, error.description or error.name)
    response.headers.extend({name: value for name, value in error.get_headers() if name == "Allow"})
    return response

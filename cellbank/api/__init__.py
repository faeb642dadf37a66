"""The same acts and reads as JSON, for other programs. docs/design.md §5 names what they may rely on."""

from collections.abc import Callable

from flask import Flask

from cellbank.api import reads, routes
from cellbank.api.door import SIGNED_IN, blueprint
from cellbank.records.work import Actor
from cellbank.services.bank import Bank

__all__ = ["register"]


def register(app: Flask, bank: Bank, signed_in: Callable[[], Actor | None]) -> None:
    """Mount the API. `signed_in` tells who is signed in on the pages: they may read with their session."""
    app.extensions[SIGNED_IN] = signed_in
    assert routes and reads  # their routes are on the blueprint
    app.register_blueprint(blueprint)

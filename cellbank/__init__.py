"""cellbank: the way of a perinatal cell product, from the donor to the patient.

`create_app` is the only place that sees all floors of the house.
"""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from flask import Flask

    from cellbank.services.installation import Installation


LARGEST = 4 * 1024 * 1024  # bytes of a request, a pasted file among them


def create_app(bank: Installation | None = None) -> Flask:
    """The web application: pages and API over one bank.

    Without a bank it opens one from the CELLBANK_* settings, starting the embedded database where no URL is set.
    Raises `config.ConfigProblem`, naming every wrong setting.
    """
    import flask

    from cellbank import api, entering, gate, web

    if bank is None:
        bank = _open_bank()
    app = flask.Flask("cellbank", static_folder=None)
    app.config.update(SECRET_KEY=bank.config.secret_key, MAX_CONTENT_LENGTH=LARGEST, MAX_FORM_MEMORY_SIZE=LARGEST)
    app.extensions["cellbank"] = bank
    entering.register(app, bank.config.hosts)
    gate.register(app, LARGEST, bank.config.proxies)
    web.register(app, bank)
    api.register(app, bank, signed_in=web.signed_in_actor)
    return app


def _open_bank() -> Installation:
    """The bank of a server process. Workers are given the database by their parent, close nothing, and end with it."""
    import atexit
    import contextlib
    import os

    from cellbank import config
    from cellbank.services import start

    start.end_with_parent()
    settings = config.load(os.environ)
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    return start.open_installation(settings, start.find_database(settings, stack))

"""The server that the browser talks to, and look-ups in its bank: what the story left, and what a journey changed."""

import dataclasses
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import text
from werkzeug.serving import WSGIRequestHandler, make_server

from cellbank import create_app
from cellbank.domain.identifiers import dose_symbol
from cellbank.domain.lifecycle.table import asks_password
from cellbank.services.acts import run_act
from cellbank.services.installation import Installation, server_time
from cellbank.services.people import web_sessions
from cellbank.services.people.actors import actor_by_name
from cellbank.services.people.sessions import standing_of_name
from cellbank.story import PASSWORD

# As a session has it that one of these browsers began: it is good for nothing elsewhere.
BROWSER = "127.0.0.1, Chrome · Linux"
# The headless shell is the same engine without windows: it takes half the work.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--process-per-site",  # a process that has drawn a page draws the next one for a third of the work
)  # fmt: skip


def chromium_program() -> str | None:
    """The path of the browser, if this machine has one."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class _Quiet(WSGIRequestHandler):
    """Writes no line for each request."""

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


@dataclass
class Stage:
    """A server and the bank behind it."""

    installation: Installation
    url: str
    app: Flask

    def cookie(self, name: str) -> dict[str, Any]:
        """The cookie of a new session of somebody, as they have it who have just signed in."""
        standing = standing_of_name(self.installation, name)
        assert standing is not None
        minutes = self.installation.config.idle_minutes
        token = web_sessions.begin(self.installation, standing, BROWSER, minutes, server_time())
        signer = SecureCookieSessionInterface().get_signing_serializer(self.app)
        assert token is not None and signer is not None
        return {"name": "cellbank", "value": signer.dumps({"_user_id": token, "_fresh": True}), "url": self.url}

    def rows(self, statement: str, **given: Any) -> list[dict[str, Any]]:
        """What the bank holds now."""
        with self.installation.reads.connect() as connection:
            return [dict(row) for row in connection.execute(text(statement), given).mappings()]

    def one(self, statement: str, **given: Any) -> Any:
        """The single value of a statement that finds exactly one row."""
        rows = self.rows(statement, **given)
        assert len(rows) == 1, (statement, given, rows)
        return next(iter(rows[0].values()))

    def state(self, kind: str, code: str) -> str:
        """The state of a record."""
        return self.one(f"SELECT state FROM {kind} WHERE code = :code", code=code)

    def count(self, act: str, **given: str) -> int:
        """How often an act stands in the trail; `outcome` or `record_code` narrow it."""
        where = "".join(f" AND {name} = :{name}" for name in given)
        return self.one(f"SELECT count(*) FROM act WHERE name = :act{where}", act=act, **given)

    def do(self, who: str, act: str, **given: Any) -> dict[str, Any]:
        """An act behind the scenes, that a journey needs and another journey shows."""
        actor = actor_by_name(self.installation, who)
        assert actor is not None
        if asks_password(act):
            given = {"password": PASSWORD, **given}
        outcome = run_act(self.installation, act, given, actor, door="story")
        assert outcome.accepted, outcome.refusals
        return outcome.result

    def subject(self, number: str) -> dict[str, Any]:
        """A subject of the story, by trial number: code and second_identifier among others."""
        return self.rows("SELECT * FROM subject WHERE trial_number = :number", number=number)[0]

    def dose(self, number: str, *, state: str) -> dict[str, Any]:
        """The dose of a subject of the story that is in this state."""
        rows = self.rows(
            "SELECT d.* FROM dose d JOIN subject s ON s.id = d.subject_id "
            "WHERE s.trial_number = :number AND d.state = :state",
            number=number,
            state=state,
        )
        assert len(rows) == 1, rows
        return rows[0]

    def vials(self, dose: str, state: str) -> list[str]:
        """The vials of a dose in this state, in the order of their numbers."""
        found = self.rows(
            "SELECT v.code FROM vial v JOIN dose d ON d.id = v.dose_id WHERE d.code = :dose AND v.state = :state "
            "ORDER BY v.number",
            dose=dose,
            state=state,
        )
        return [row["code"] for row in found]

    def label(self, dose: str) -> str:
        """What a scanner reads from the label on a dose."""
        expires = self.one("SELECT expires_at FROM dose WHERE code = :dose", dose=dose)
        local = expires.astimezone(self.installation.config.timezone).replace(tzinfo=None, second=0, microsecond=0)
        return dose_symbol(dose, local)


@contextmanager
def open_stage(installation: Installation, door: socket.socket | None = None, **settings: Any) -> Iterator[Stage]:
    """Serve the pages of a bank at a door that is open already, or on a free port; `settings` replace those of its
    configuration."""
    if settings:
        installation = dataclasses.replace(installation, config=dataclasses.replace(installation.config, **settings))
    app = create_app(installation)
    held = {"fd": door.fileno()} if door else {}
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet, **held)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Stage(installation, f"http://127.0.0.1:{server.port}", app)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""Every address of pages and API, asked for with a record of every kind; and the words of each answer."""

import html
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pypdfium2
from flask import Flask
from sqlalchemy import text
from werkzeug.routing import Rule

from cellbank import create_app
from cellbank.records.base import Base
from cellbank.services import catalogue
from cellbank.services.documents.document_types import TYPES
from cellbank.services.installation import Installation, server_time
from cellbank.services.lookup.lists import LISTS
from tests.web.conftest import Browser

NOT_ASKED = {"static", "bootstrap.static", "web.static", "web.sign_in", "api.openapi"}
# What all sites share; and what a person has, whose names stand in definitions that they signed.
SHARED, OF_PEOPLE = {"definition", "site"}, {"person", "training", "api_token"}
KINDS = [kind for kind, table in Base.metadata.tables.items() if "code" in table.c if kind not in SHARED | OF_PEOPLE]


def column(installation: Installation, statement: str) -> tuple[Any, ...]:
    """What a statement finds, of one column."""
    with installation.reads.connect() as connection:
        return tuple(connection.scalars(text(statement)))


@dataclass(frozen=True)
class Asked:
    """What addresses are asked with."""

    codes: tuple[str, ...]
    acts: tuple[int, ...]
    printings: tuple[int, ...]
    keys: tuple[str, ...]  # of requests

    @classmethod
    def of(cls, installation: Installation, acts: str = "true") -> "Asked":
        """A code of every kind and of two people; an act of every name and outcome, of those for which `acts` is so; a
        label of every kind."""
        latest = [
            code for kind in KINDS for code in column(installation, f"SELECT code FROM {kind} ORDER BY id DESC LIMIT 1")
        ]
        return cls(
            (*latest, *column(installation, "SELECT code FROM person WHERE name IN ('olena', 'iryna')")),
            column(installation, f"SELECT max(id) FROM act WHERE {acts} GROUP BY name, outcome"),
            column(
                installation,
                "SELECT max(id) FROM printing WHERE record_kind NOT IN ('act', 'person') GROUP BY template",
            ),
            column(installation, f"SELECT max(key) FROM act WHERE {acts} AND key IS NOT NULL GROUP BY name"),
        )


@dataclass
class Crawler:
    """Somebody who is signed in and asks every address."""

    installation: Installation
    who: str
    asked_with: Asked
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.app: Flask = create_app(self.installation)
        self.browser = Browser(self.app.test_client())
        assert self.browser.enter(self.who).status_code == 302

    def get(self, path: str) -> Any:
        """The answer to an address."""
        self.asked.append(path)
        return self.browser.get(path)

    def rules(self) -> list[Rule]:
        """What can be asked for; first the pages that take no code, for the trail keeps what is asked for later."""
        rules = sorted(self.app.url_map.iter_rules(), key=lambda rule: len(rule.arguments))
        return [rule for rule in rules if "GET" in (rule.methods or ()) and rule.endpoint not in NOT_ASKED]

    def addresses(self, rule: Rule) -> Iterator[tuple[str, str]]:
        """What to ask a rule for: (path, code that stands in it)."""
        values: dict[str, Iterable[Any]] = {
            "code": self.asked_with.codes, "raw": self.asked_with.codes, "number": self.asked_with.printings,
            "printing_id": self.asked_with.printings, "id": self.asked_with.printings,
            "day": [f"{server_time():%Y-%m-%d}"], "key": self.asked_with.keys,
        }  # fmt: skip
        if rule.endpoint == "web.done_page":
            values["number"] = self.asked_with.acts
        if rule.endpoint == "web.list_page":
            values["name"] = LISTS
        elif rule.endpoint == "web.look_pdf":
            values["name"] = TYPES
        elif rule.endpoint == "web.act_page":
            values["name"] = catalogue.REGISTRY
        given = {"sha256": "0" * 64}
        paths: list[dict[str, Any]] = [given]
        for argument in rule.arguments - given.keys():
            paths = [{**path, argument: value} for path in paths for value in values[argument]]
        for path in paths:
            with self.app.test_request_context():
                built = rule.build(path, append_unknown=False)
            assert built is not None
            yield built[1], str(path.get("code", path.get("raw", "")))


def words(answer: Any) -> str:
    """What an answer says: a page or JSON as a person reads it, the text of a PDF."""
    if answer.mimetype == "application/pdf":
        document = pypdfium2.PdfDocument(answer.data)
        return "\n".join(page.get_textpage().get_text_range() for page in document)
    return html.unescape(answer.text)

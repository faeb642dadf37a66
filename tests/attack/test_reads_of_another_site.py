"""Nothing of another site is read: every address of pages and API, with every kind of record of the story, and every
form with every kind of code that it takes."""

import html
import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from werkzeug.routing import Rule

from cellbank import create_app
from cellbank.domain.identifiers import Kind
from cellbank.records.base import Base
from cellbank.services import catalogue
from cellbank.services.acts import run_act
from cellbank.services.bank import server_time
from cellbank.services.documents.document_types import TYPES
from cellbank.services.lookup.cards import QUESTIONS
from cellbank.services.lookup.lists import LISTS
from cellbank.services.people.actors import SYSTEM
from tests.conftest import make_bank
from tests.factories.sites import second_site
from tests.factories.world import PASSWORD, World
from tests.services.bad_values import schema_of
from tests.web.conftest import Browser

# What all sites share; and what a person has, whose names stand in definitions that they signed.
SHARED, OF_PEOPLE = {"definition", "site"}, {"person", "training", "api_token"}
NOT_ASKED = {"static", "bootstrap.static", "web.static", "web.sign_in", "api.openapi"}
# The arguments of addresses: by these one record or act is asked for, and another site's is answered as not here.
OF_ONE = {"code", "raw", "number", "printing_id"}
NEITHER = {"web.comparison", "web.definition"}  # definitions are of all sites


NAMES = "SELECT trial_number FROM subject UNION SELECT second_identifier FROM subject UNION SELECT pseudonym FROM donor"


@dataclass(frozen=True)
class Stranger:
    """Somebody of a site where nothing is, with every role of who works there; and what must not be shown to them."""

    app: Flask
    browser: Browser
    codes: frozenset[str]  # of all that other sites have
    names: frozenset[str]  # trial numbers, identifiers and pseudonyms
    samples: tuple[str, ...]  # a code of every kind
    acts: tuple[int, ...]
    printings: tuple[int, ...]
    keys: tuple[str, ...]  # of requests
    asked: list[str] = field(default_factory=list)

    def ask(self, path: str, asked_with: str = "") -> Any:
        """The answer to an address. Nothing of another site stands in it but the code that was asked with."""
        answer = self.browser.get(path)
        self.asked.append(path)
        if answer.mimetype != "application/pdf":
            said = html.unescape(answer.text)
            shown = {code for code in re.findall(r"[A-Z0-9]{5,}", said) if code in self.codes}
            shown |= {name for name in self.names if name in said}
            assert not shown - {asked_with}, f"{path} shows {sorted(shown)[:5]}"
        return answer

    def addresses(self, rule: Rule) -> Iterable[tuple[str, str]]:
        """What to ask a rule for: (path, what stands in it)."""
        values: dict[str, Iterable[Any]] = {
            "code": self.samples, "raw": self.samples, "number": self.printings, "printing_id": self.printings,
            "day": [f"{server_time():%Y-%m-%d}"], "key": self.keys,
        }  # fmt: skip
        if rule.endpoint == "web.done_page":
            values["number"] = self.acts
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


@pytest.fixture(scope="module")
def stranger(story_database, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Stranger]:
    catalogue.load()
    bank = make_bank(story_database(f"other_sites_{worker_id}"), tmp_path_factory.mktemp("other_sites"))
    world = World(bank, random.Random(5), server_time())
    there = second_site(world)
    roles = ["technician", "quality_officer", "clinician"]
    given = {"name": "stranger", "full_name": "Sam Stranger", "roles": roles, "new_password": PASSWORD}
    given |= {"site": there.code, "must_change": False}
    World.accepted(run_act(bank, "add_person", given, SYSTEM, door="test", now=world.now))
    world.meet("stranger")
    world.may_sign("stranger")
    with bank.reads.connect() as connection:

        def column(statement: str) -> list[Any]:
            return list(connection.scalars(text(statement)))

        kinds = {kind: table for kind, table in Base.metadata.tables.items() if "code" in table.c}
        theirs = [kind for kind in kinds if kind not in SHARED | OF_PEOPLE]
        samples = [
            code for kind in theirs for code in column(f"SELECT code FROM {kind} ORDER BY id DESC LIMIT 1")
        ]  # fmt: skip
        found = Stranger(
            create_app(bank),
            Browser(None),  # type: ignore[arg-type]
            frozenset(code for kind in theirs for code in column(f"SELECT code FROM {kind}")) - _examples(),
            frozenset(column(NAMES)),
            (*samples, *column("SELECT code FROM person WHERE name IN ('olena', 'iryna')")),
            tuple(column(f"SELECT max(id) FROM act WHERE site_id <> {there.id} GROUP BY name, outcome")),
            tuple(column("SELECT max(id) FROM printing WHERE record_kind NOT IN ('act', 'person') GROUP BY template")),
            tuple(column(f"SELECT max(key) FROM act WHERE site_id <> {there.id} AND key IS NOT NULL GROUP BY name")),
        )
    found.browser.client = found.app.test_client()
    assert found.browser.enter("stranger").status_code == 302
    yield found
    bank.engine.dispose()


def _examples() -> set[str]:
    """Codes that stand in the descriptions of inputs."""
    told = " ".join(str(registered.input.model_json_schema()) for registered in catalogue.REGISTRY.values())
    return set(re.findall(r"[A-Z0-9]{5,}", told))


def test_nothing_of_another_site_is_shown(stranger: Stranger, tried: Callable[..., None]) -> None:
    stranger.asked.clear()
    # First the pages that take no code: the trail keeps what is asked for afterwards.
    for rule in sorted(stranger.app.url_map.iter_rules(), key=lambda rule: len(rule.arguments)):
        if "GET" not in (rule.methods or ()) or rule.endpoint in NOT_ASKED | NEITHER:
            continue
        for path, code in stranger.addresses(rule):
            answer = stranger.ask(path, code)
            of_one = bool(rule.arguments & OF_ONE)
            if of_one and answer.status_code == 302:
                answer = stranger.ask(answer.location, code)
            assert answer.status_code in ((404,) if of_one else (200, 204, 302, 404)), f"{path}: {answer.status_code}"
    tried(len(stranger.asked), note=f"reads: {len(stranger.asked)} of pages and API from another site")
    assert len(stranger.asked) > 40 * len(LISTS)


def test_no_form_shows_what_a_code_of_another_site_is(stranger: Stranger, tried: Callable[..., None]) -> None:
    stranger.asked.clear()
    kinds = Base.metadata.tables
    with stranger.app.extensions["cellbank"].reads.connect() as connection:
        for name, registered in catalogue.REGISTRY.items():
            for field, schema in schema_of(registered).items():
                scanned = schema.get("scan") or schema.get("items", {}).get("scan")
                for kind in scanned or ():
                    table = _table(kind)
                    if table in kinds and table not in SHARED | OF_PEOPLE:
                        code = connection.scalar(text(f"SELECT code FROM {table} ORDER BY id DESC LIMIT 1"))
                        if code:
                            assert stranger.ask(f"/act/{name}?{field}={code}", code).status_code in (200, 404)
    tried(len(stranger.asked))


def _table(kind: str) -> str:
    """The table of the records that bear codes of a kind."""
    question = QUESTIONS.get(Kind(kind))
    return question.record if question else ""


def test_a_scan_says_of_which_site_a_record_is(stranger: Stranger, tried: Callable[..., None]) -> None:
    stranger.asked.clear()
    for code in stranger.samples:
        assert stranger.ask(f"/bedside?dose={code}", code).status_code == 200
        answer = stranger.ask(f"/scan?code={code}", code)
        assert answer.status_code == 404 and "Of another site" in answer.text and "This is of the site" in answer.text
        said = stranger.ask(f"/api/scan/{code}", code)
        assert said.status_code == 404 and f"{code} is of the site" in said.json["detail"]
    tried(len(stranger.asked))

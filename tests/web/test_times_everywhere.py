"""No page and no document of the story shows a person a time in another form than the house's: on the wall of the
site, with the name of its zone."""

import html
import json
import re
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import text

from cellbank import create_app
from cellbank.domain.identifiers import Kind
from cellbank.domain.scans import read_scan
from cellbank.records.base import Base
from cellbank.services import catalogue
from cellbank.services.documents.document_types import TYPES
from cellbank.services.documents.papers import as_data, snapshot
from cellbank.services.lookup.lists import LISTS
from cellbank.story import PASSWORD
from tests.web.conftest import Browser

# An ISO time; one without the name of its zone; UTC, for the sites of the story are in Kyiv.
OTHER = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d\S*|\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?(?! EES?T)[^\"]{0,9}|\d\d:\d\d UTC"
)
STATIC = ("/", "/trail", "/near-misses", "/trail-reviews", "/stock", "/bedside")
EACH = 3  # of every kind of record the latest few


@pytest.fixture(scope="module")
def installation(story_installation, tmp_path_factory: pytest.TempPathFactory, worker_id: str):
    catalogue.load()
    made = story_installation(f"times_{worker_id}", tmp_path_factory.mktemp("times"))
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def app(installation) -> Flask:
    return create_app(installation)


def codes(installation) -> Iterator[str]:
    with installation.reads.connect() as connection:
        for name, table in Base.metadata.tables.items():
            if "code" in table.c:
                yield from connection.scalars(text(f"SELECT code FROM {name} ORDER BY id DESC LIMIT {EACH}"))


def read_by_people(page: str) -> str:
    """The text of a page, without what only scripts read."""
    return html.unescape(re.sub(r"(?s)<script.*?</script>|<svg.*?</svg>|<[^>]*>", " ", page))


@pytest.mark.parametrize("person", ["auditor", "iryna", "nataliia", "olena"])
def test_no_page_shows_another_form(installation, app: Flask, person: str) -> None:
    browser = Browser(app.test_client())
    assert browser.enter(person, PASSWORD).status_code == 302
    found: dict[str, str] = {}
    asked = 0
    pages = [*STATIC, *(f"/list/{name}" for name in LISTS), *(f"/record/{code}" for code in codes(installation))]
    for path in pages:
        answer = browser.get(path, follow_redirects=True)
        if answer.mimetype == "text/html" and answer.status_code == 200:
            asked += 1
            if other := OTHER.search(read_by_people(answer.text)):
                found[path] = other[0]
    assert not found and asked > 20, found


def test_no_document_shows_another_form(installation) -> None:
    read, found = set(), []
    with snapshot(installation.engine) as connection:
        for code in codes(installation):
            scan = read_scan(code)
            for one in TYPES.values():
                if isinstance(getattr(scan, "kind", None), Kind) and scan.kind in one.kinds:
                    paper = one.read(connection, scan.code)
                    other = paper and OTHER.search(json.dumps(as_data(paper), ensure_ascii=False))
                    if other:
                        found.append(f"{one.name} of {code}: {other[0]}")
                    read.add(one.name)
    assert not found and read == TYPES.keys(), found

"""Nothing of another site is read: every address of pages and API, with every kind of record of the story, and every
form with every kind of code that it takes."""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cellbank.domain.identifiers import RECORDS, Kind
from cellbank.services import catalogue
from cellbank.services.acts import run_act
from cellbank.services.installation import server_time
from cellbank.services.lookup.lists import LISTS
from cellbank.services.people.actors import SYSTEM
from tests.attack.crawl import KINDS, Asked, Crawler, column, words
from tests.factories.sites import second_site
from tests.factories.world import PASSWORD, World
from tests.services.bad_values import schema_of

pytestmark = pytest.mark.usefixtures("labels_drawn")

# The arguments of addresses: by these one record or act is asked for, and another site's is answered as not here.
OF_ONE = {"code", "raw", "number", "printing_id"}
NEITHER = {"web.comparison", "web.definition"}  # definitions are of all sites
NAMES = "SELECT trial_number FROM subject UNION SELECT second_identifier FROM subject UNION SELECT pseudonym FROM donor"


@dataclass
class Stranger:
    """Somebody of a site where nothing is, with every role of who works there; and what must not be shown to them."""

    crawler: Crawler
    codes: frozenset[str]  # of all that other sites have
    names: frozenset[str]  # trial numbers, identifiers and pseudonyms

    def ask(self, path: str, asked_with: str = "") -> Any:
        """The answer to an address. Nothing of another site stands in it but the code that was asked with."""
        answer = self.crawler.get(path)
        said = words(answer)
        shown = {code for code in re.findall(r"[A-Z0-9]{5,}", said) if code in self.codes}
        shown |= {name for name in self.names if name in said}
        assert not shown - {asked_with}, f"{path} shows {sorted(shown)[:5]}"
        return answer


@pytest.fixture(scope="module")
def stranger(story_installation, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Stranger]:
    catalogue.load()
    installation = story_installation(f"other_sites_{worker_id}", tmp_path_factory.mktemp("other_sites"))
    world = World(installation, random.Random(5), server_time())
    there = second_site(world)
    roles = ["technician", "quality_officer", "clinician"]
    given = {"name": "stranger", "full_name": "Sam Stranger", "roles": roles, "new_password": PASSWORD}
    given |= {"site": there.code, "must_change": False}
    World.accepted(run_act(installation, "add_person", given, SYSTEM, door="test", now=world.now))
    world.meet("stranger")
    world.may_sign("stranger")
    codes = {code for kind in KINDS for code in column(installation, f"SELECT code FROM {kind}")}
    asked_with = Asked.of(installation, acts=f"site_id <> {there.id}")
    yield Stranger(
        Crawler(installation, "stranger", asked_with),
        frozenset(codes - _examples()),
        frozenset(column(installation, NAMES)),
    )
    installation.engine.dispose()


def _examples() -> set[str]:
    """Codes that stand in the descriptions of inputs."""
    told = " ".join(str(registered.input.model_json_schema()) for registered in catalogue.REGISTRY.values())
    return set(re.findall(r"[A-Z0-9]{5,}", told))


def test_nothing_of_another_site_is_shown(stranger: Stranger, tried: Callable[..., None]) -> None:
    stranger.crawler.asked.clear()
    for rule in stranger.crawler.rules():
        for path, code in stranger.crawler.addresses(rule) if rule.endpoint not in NEITHER else ():
            answer = stranger.ask(path, code)
            of_one = bool(rule.arguments & OF_ONE)
            if of_one and answer.status_code == 302:
                answer = stranger.ask(answer.location, code)
            assert answer.status_code in ((404,) if of_one else (200, 204, 302, 404)), f"{path}: {answer.status_code}"
    tried(len(stranger.crawler.asked), note=f"reads: {len(stranger.crawler.asked)} of pages and API from another site")
    assert len(stranger.crawler.asked) > 40 * len(LISTS)


def test_no_form_shows_what_a_code_of_another_site_is(stranger: Stranger, tried: Callable[..., None]) -> None:
    stranger.crawler.asked.clear()
    installation = stranger.crawler.installation
    for name, registered in catalogue.REGISTRY.items():
        for field, schema in schema_of(registered).items():
            tables = map(_table, schema.get("scan") or schema.get("items", {}).get("scan") or ())
            for table in [table for table in tables if table in KINDS]:
                for code in column(installation, f"SELECT code FROM {table} ORDER BY id DESC LIMIT 1"):
                    assert stranger.ask(f"/act/{name}?{field}={code}", code).status_code in (200, 404)
    tried(len(stranger.crawler.asked))


def _table(kind: str) -> str:
    """The table of the records that bear codes of a kind."""
    return RECORDS.get(Kind(kind), "")


def test_a_scan_says_of_which_site_a_record_is(stranger: Stranger, tried: Callable[..., None]) -> None:
    stranger.crawler.asked.clear()
    for code in stranger.crawler.asked_with.codes:
        assert stranger.ask(f"/bedside?dose={code}", code).status_code == 200
        answer = stranger.ask(f"/scan?code={code}", code)
        assert answer.status_code == 404 and "Of another site" in answer.text and "This is of the site" in answer.text
        said = stranger.ask(f"/api/scan/{code}", code)
        assert said.status_code == 404 and f"{code} is of the site" in said.json["detail"]
    tried(len(stranger.crawler.asked))

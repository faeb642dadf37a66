"""Several people issue the same document in the same moment: one edition, and all of them hold the same file."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from cellbank.services.documents.issuing import issued_file, issued_of
from tests.factories.doses import ordered_dose
from tests.factories.world import World

pytestmark = pytest.mark.races
PEOPLE = ("quinn", "oksana", "tina", "taras", "clara", "cyril", "otto", "quinn")


def issue_at_once(world: World, code: str, **given: str) -> list[tuple[str, int, bool]]:
    def issue(who: str) -> tuple[str, int, bool]:
        made = world.do(who, "issue_document", code=code, type="chain", **given)
        return made["code"], made["edition"], made["unchanged"]

    with ThreadPoolExecutor(len(PEOPLE)) as pool:
        return list(pool.map(issue, PEOPLE))


def test_eight_people_issue_one_edition(world: World) -> None:
    dose = ordered_dose(world).code
    made = issue_at_once(world, dose)
    assert len({(code, edition) for code, edition, _ in made}) == 1
    assert sorted(unchanged for *_, unchanged in made) == [False, *[True] * 7]
    (one,) = issued_of(world.installation, dose)
    assert issued_file(world.installation, one.code).same


def test_and_one_further_edition(world: World) -> None:
    dose = ordered_dose(world).code
    issue_at_once(world, dose)
    world.do("clara", "cancel_dose", dose=dose, reason="Fever since the morning")
    made = issue_at_once(world, dose, reason="The dose was cancelled")
    assert {edition for _, edition, _ in made} == {2} and [unchanged for *_, unchanged in made].count(False) == 1
    assert [one.edition for one in issued_of(world.installation, dose)] == [2, 1]

"""A quality officer with bad intent, alone: puts no specification without its tests into force."""

import re

import pytest
from sqlalchemy import text

from cellbank.services.acts import Malformed
from cellbank.services.quality.definitions import shipped
from tests.factories.world import World

pytestmark = pytest.mark.requirement("R1", "R4")

SPECIFICATION = next(one for one in shipped() if one.type == "specification").content
STERILITY = re.compile(r'\[\[tests\]\]\ncode = "STERILITY"\n.*?(?=\n\[)', re.S)


def imported_without_sterility(world: World) -> str:
    """A version for which no lot has to be sterile, brought by Quinn; its code."""
    assert len(STERILITY.findall(SPECIFICATION)) == 1
    content = STERILITY.sub("", SPECIFICATION).replace('id = "P-MMSC"', f'id = "{world.unique("P")}"')
    code = world.do("quinn", "import_definition", type="specification", content=content)["code"]
    return str(code)


def state_of(world: World, code: str) -> str:
    with world.installation.reads.connect() as connection:
        return str(connection.scalar(text("SELECT state FROM definition WHERE code = :code"), {"code": code}))


def test_whoever_imported_a_version_does_not_put_it_into_force(world: World) -> None:
    code = imported_without_sterility(world)
    assert world.codes("quinn", "make_effective", definition=code) == ["SAME_PERSON"]
    assert state_of(world, code) == "IMPORTED"
    world.do("oksana", "make_effective", definition=code)
    assert state_of(world, code) == "EFFECTIVE"


@pytest.mark.parametrize(
    "version", ["1/2", "1\\n", "1\u200b", "\u0661", "1 2", "9" * 900, "../1", "1?x", "1#x", "", ".", "\u0410"]
)
def test_a_version_whose_page_nobody_finds_does_not_come_in(world: World, version: str) -> None:
    content = re.sub(r'(?m)^version = ".*"', lambda _: f'version = "{version}"', SPECIFICATION, count=1)
    with pytest.raises(Malformed) as refused:
        world.do("quinn", "import_definition", type="specification", content=content)
    [problem] = refused.value.problems
    assert problem.field == "content" and problem.message.startswith("version: ")


@pytest.mark.parametrize("version", ["2.1", "3-draft", "2026_05", "1.0.0+site", "A"])
def test_a_version_as_people_write_it_has_its_page(world: World, signed_in, version: str) -> None:
    content = re.sub(r'(?m)^version = ".*"', f'version = "{version}"', SPECIFICATION, count=1)
    content = content.replace('id = "P-MMSC"', f'id = "{world.unique("P")}"')
    code = world.do("quinn", "import_definition", type="specification", content=content)["code"]
    world.do("oksana", "make_effective", definition=code)
    assert signed_in("quinn").get(f"/definitions/{code}").status_code == 200

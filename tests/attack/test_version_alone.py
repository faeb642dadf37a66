"""A quality officer with bad intent, alone: puts no specification without its tests into force."""

import re

import pytest
from sqlalchemy import text

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

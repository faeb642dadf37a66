"""Somebody who has the application's own way into the database: they open an act in anybody's name and write any row
that the application may write. Each attack is turned away by a rule of the database, by its name, whatever Python says.

The table of attacks is `tests/attack/twins/`, a file a noun: each rule of the database has a row there.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text

from cellbank.records.migrate import database_files
from cellbank.services.constraints import SAYS
from tests.attack.twins import ATTACKS
from tests.attack.twins.playing import answer_to, make_scene
from tests.attack.twins.sql import Attack, another
from tests.factories.world import World

RULE = re.compile(
    r"CONSTRAINT = '(\w+)'|it_stays\('(\w+)'|'([a-z_]+)',\s*(?:who \|\| )?'[^']*'\);"
    r"|'([a-z_]+)',\s*format\("
)


def rules_of_the_database() -> set[str]:
    """Every rule by the name under which the database says no: those with a sentence for people, and the others that
    its functions raise."""
    raised = RULE.findall("".join(path.read_text() for path in database_files()))
    return set(SAYS) | {name for names in raised for name in names if name}


@pytest.fixture(scope="module")
def scene(world: World) -> dict[str, Any]:
    return {**make_scene(world), "now": world.now}


@pytest.fixture(scope="module")
def owner(databases: tuple[str, str]) -> Iterator[Connection]:
    engine = create_engine(databases[0], connect_args={"options": "-c timezone=UTC"})
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_every_rule_of_the_database_has_an_attack() -> None:
    rules = rules_of_the_database()
    assert len(rules) > 230
    assert rules == {attack.rule for attack in ATTACKS}


@pytest.mark.requirement("R1", "R11", "R16")
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.what}, {attack.rule}")
def test_the_database_turns_it_away_by_name(owner: Connection, scene: dict[str, Any], attack: Attack) -> None:
    assert answer_to(owner, attack, scene) == attack.rule


def test_a_version_with_figures_that_are_not_of_its_file_does_not_come_into_force(
    world: World, owner: Connection, scene: dict[str, Any]
) -> None:
    """What was invented beside it, before the database asked, is found before anybody signs."""
    cap = "jsonb_set(r.figures, '{cap_cells}', '1')"
    but = {"code": "'WORSE@1'", "identifier": "'WORSE'", "state": "'IMPORTED'", "figures": cap}
    with owner.begin():
        owner.execute(text("SET LOCAL session_replication_role = replica"))
        owner.execute(text(another("definition", "protocol", **but)), scene)
    assert world.codes("oksana", "make_effective", definition="WORSE@1") == ["FIGURES_CONTRADICT"]

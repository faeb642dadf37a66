"""What a person waits for at every scan costs so many round trips to the database and not one more."""

from collections.abc import Iterator

import psycopg
import pytest

from cellbank.services.installation import server_time
from cellbank.services.lookup.scanning import look_up
from cellbank.services.people import web_sessions
from cellbank.services.people.actors import actor_by_token
from cellbank.services.people.sessions import standing_of_name, standing_of_session
from tests.factories.doses import bedside, prepared_dose
from tests.factories.lots import box, frozen_lot
from tests.factories.world import World


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements sent since the test cleared the list."""
    sent: list[str] = []
    execute = psycopg.Cursor.execute

    def counted(cursor: psycopg.Cursor, query: object, *given: object, **how: object) -> psycopg.Cursor:
        sent.append(str(query))
        return execute(cursor, query, *given, **how)

    monkeypatch.setattr(psycopg.Cursor, "execute", counted)
    yield sent


def test_who_is_acting_and_where_is_one_row(world: World, statements: list[str]) -> None:
    token = world.do("tina", "create_token", title="scanner", now=server_time())["token"]
    tina = standing_of_name(world.installation, "tina")
    assert tina is not None
    session = web_sessions.begin(world.installation, tina, "bench 3", 15, world.now)
    assert session is not None
    statements.clear()
    assert actor_by_token(world.installation, token) is not None
    assert len(statements) == 1
    assert standing_of_session(world.installation, session) is not None
    assert len(statements) == 2


def test_a_scan_is_one_statement(world: World, statements: list[str]) -> None:
    vial = frozen_lot(world, vials=2).vials[0]
    tina = world.people["tina"]
    look_up(world.installation.seen_by(tina), tina, vial)
    statements.clear()
    look_up(world.installation.seen_by(tina), tina, vial)
    assert len(statements) == 1


def test_the_check_at_the_bedside_is_four_statements(world: World, statements: list[str]) -> None:
    """Two of them look whether whoever checks has been guessing: patients, and passwords."""
    scans = bedside(world, prepared_dose(world))
    world.try_act("clara", "check_dose", dry_run=True, **scans)
    statements.clear()
    assert world.try_act("clara", "check_dose", dry_run=True, **scans).accepted
    assert len(statements) == 4


def test_a_vial_is_put_away_in_six_statements(world: World, statements: list[str]) -> None:
    lot, home = frozen_lot(world, vials=2), box(world)
    statements.clear()
    world.do("tina", "store_vials", vials=[lot.vials[0]], box=home, positions=["A1"])
    assert len(statements) == 6

"""One logger's file imported by two people in the same instant: real threads, real connections. Both have read the file
and found it new before either writes; the lock on the probe, and for two probes the index, let one of them win."""

import datetime
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import text

from cellbank.services.temperature import reading_check, readings
from tests.factories.temperature import as_csv, probe, sent, steady
from tests.factories.world import World
from tests.races.meeting import meet_after

pytestmark = pytest.mark.races
START = datetime.datetime(2026, 2, 20, 8, tzinfo=datetime.UTC)


@pytest.fixture
def both_have_looked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., threading.Barrier]:
    """Let nobody go on from this function before two have come there; one that a lock keeps out is not waited for."""
    return partial(meet_after, monkeypatch, readings)


def at_once(world: World, sha256: str, *probes: str) -> list[list[str]]:
    """The refusals of two people who import the file, each for their probe."""
    with ThreadPoolExecutor(2) as pool:
        given = {"sha256": sha256, "file": "log.csv"}
        running = [
            pool.submit(world.codes, who, "import_readings", probe=code, **given)
            for who, code in zip(("tina", "taras"), probes, strict=True)
        ]
        return sorted(one.result() for one in running)


def stored(world: World, *probes: str) -> int:
    statement = text("SELECT count(*) FROM reading r JOIN probe p ON p.id = r.probe_id WHERE p.code = ANY(:codes)")
    with world.installation.reads.connect() as connection:
        return int(connection.scalar(statement, {"codes": list(probes)}))


def test_one_probe(world: World, both_have_looked: Callable[..., threading.Barrier]) -> None:
    code, sha256 = probe(world), sent(world, as_csv(steady(START, 500)))
    both_have_looked("_read")
    assert at_once(world, sha256, code, code) == [[], ["ALREADY_EXISTS"]]
    assert stored(world, code) == 500


def test_two_probes_each_have_the_file(world: World, both_have_looked: Callable[..., threading.Barrier]) -> None:
    first, second, sha256 = probe(world), probe(world), sent(world, as_csv(steady(START, 500)))
    both_have_looked("look_at")
    assert at_once(world, sha256, first, second) == [[], []]
    assert stored(world, first, second) == 1000
    assert reading_check.broken_imports(world.installation) == ()


def test_without_the_look_the_index_refuses_the_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    code, content = probe(world), as_csv(steady(START, 5))
    given = {"probe": code, "sha256": sent(world, content), "file": "log.csv"}
    assert world.codes("tina", "import_readings", **given) == []
    monkeypatch.setattr(readings, "_imported", lambda *_: [])
    outcome = world.try_act("tina", "import_readings", **given)
    assert [refusal.code.value for refusal in outcome.refusals] == ["ALREADY_EXISTS"]
    assert "this column of this very file" in outcome.refusals[0].detail

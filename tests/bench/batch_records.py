"""The batch record of a lot with 200 steps, from the database to the PDF; and what it takes to issue it."""

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from cellbank.services.documents.batch_lineage import read_batch
from cellbank.services.documents.issuing import unissued_file
from cellbank.services.documents.lot_paper import read_lot
from cellbank.services.documents.papers import snapshot
from tests.bench.figures import Figure
from tests.bench.site import Site
from tests.factories import production as make
from tests.factories.lots import MINUTE, box, vials_of
from tests.factories.world import World

VESSELS, VIALS, VIALS_A_SCAN = 50, 200, 2
STEPS = 200


def measure(site: Site) -> Iterator[Figure]:
    """A lot of fifty vessels and two hundred vials, made through the real acts."""
    lot = lot_of_many_steps(site.world)
    with snapshot(site.installation.engine) as connection:
        found = read_lot(connection, lot)
        assert found is not None
        steps = len(read_batch(connection, found.id).steps)
    assert steps >= STEPS
    seconds = _median(lambda: unissued_file(site.installation, "batch_record", lot))
    yield Figure(f"batch record of {steps} steps: PDF made in", seconds, "s", "at most", 2)
    start = time.perf_counter()
    site.world.do("quinn", "issue_document", code=lot, type="batch_record")
    yield Figure("batch record of 200 steps: issued in", time.perf_counter() - start, "s", "at most", 3)


def _median(work: Callable[[], Any]) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def lot_of_many_steps(world: World) -> str:
    """The code of a lot put away: one P0, fifty vessels harvested, finished one by one, vials scanned two by two."""
    p0 = make.harvested_culture(world, total_cells=400_000_000)
    at = make.delivered(world) + 15 * make.DAY
    cultures = make.passaged(world, p0, at, vessel_count=VESSELS)
    at += 4 * make.DAY
    cells = VIALS * 5_000_000 // VESSELS
    for culture in cultures:
        make.harvest(world, culture, at, total_cells=cells + 1_000_000)
    at += 10 * MINUTE
    given = {
        "cultures": cultures, "cells": [cells] * VESSELS, "purpose": "product", "vial_count": VIALS,
        "cells_per_vial": 5_000_000, "volume_ml": "1.0", "dmso_percent": "10", "reagents": [make.medium(world)],
    }  # fmt: skip
    lot = str(world.do("tina", "open_lot", now=at, **given)["code"])
    vials = list(vials_of(world, lot))
    for first in range(0, VIALS, VIALS_A_SCAN):
        world.do("tina", "record_filling", now=at + 5 * MINUTE, lot=lot, vials=vials[first : first + VIALS_A_SCAN])
    world.do("tina", "close_filling", now=at + 30 * MINUTE, lot=lot, sample_cells=0, lost_cells=0)
    world.do("tina", "record_freezing", now=at + 40 * MINUTE, lot=lot, program="CRF-1")
    for culture in cultures:
        world.do("tina", "finish_culture", now=at + 50 * MINUTE, culture=culture)
    world.do("tina", "store_vials", now=at + make.DAY, vials=vials, box=box(world, 15, 15))
    return lot

"""Runs of a controlled-rate freezer: what its probes read, its file, and the run of a lot."""

import datetime
import itertools
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.production import Lot
from cellbank.records.temperature import FreezerRun
from tests.factories.temperature import sent
from tests.factories.world import World

_EXPORTS = itertools.count(1)
MINUTE = datetime.timedelta(minutes=1)
MODEL = "CryoMed 7454"  # not the one of the story, whose files have other titles
TITLES = "Date/Time (UTC);Product (°C);Chamber (°C)"
Readings = list[tuple[datetime.datetime, float]]


def cooling(began: datetime.datetime, minutes: int = 70, lag: float = 0.0) -> Readings:
    """A good run of CRF-1, one reading a minute from five minutes before its minute 0: at 4 °C, then −1 °C a minute to
    −40 °C, then −5 °C a minute to −110 °C; so many degrees too warm in the second half."""
    return [(began + minute * MINUTE, _celsius(minute) + (lag if minute > 20 else 0)) for minute in range(-5, minutes)]


def _celsius(minute: int) -> float:
    if minute < 0:
        return 4.0
    return 2.0 - minute if minute <= 42 else max(-110.0, -40.0 - 5 * (minute - 42))


def as_file(readings: Iterable[tuple[datetime.datetime, float]], titles: str = TITLES) -> bytes:
    """The file of a freezer: the chamber is three degrees colder than the product. No two are the same file."""
    rows = [f"{at:%Y-%m-%d %H:%M:%S}Z;{value:.2f};{value - 3:.2f}" for at, value in readings]
    return "\n".join([f"Run No. {next(_EXPORTS)}", titles, *rows, ""]).encode()


def frozen_at(world: World, lot: str) -> datetime.datetime:
    """When the freezing of a lot began."""
    with Session(world.installation.reads) as session:
        moment = session.scalar(select(Lot.frozen_at).where(Lot.code == lot))
    assert moment is not None
    return moment


def run_input(world: World, lot: str, content: bytes, **given: Any) -> dict[str, Any]:
    """What is given to import a file as the run of a lot."""
    return {"lot": lot, "sha256": sent(world, content), "file": "run.csv", "freezer": MODEL, **given}


def freezing_run(world: World, lot: str, readings: Readings | None = None, **given: Any) -> dict[str, Any]:
    """The run of a lot, a good one unless readings are given, imported by Tina three hours after the start."""
    began = frozen_at(world, lot)
    content = as_file(cooling(began + 5 * MINUTE) if readings is None else readings)
    at = began + 180 * MINUTE
    return world.do("tina", "import_freezing_run", now=at, **run_input(world, lot, content, **given))


def has_a_run(world: World, lot: str) -> bool:
    """Whether a lot has its freezing run."""
    with Session(world.installation.reads) as session:
        live = select(FreezerRun.id).join(Lot, Lot.id == FreezerRun.lot_id).where(FreezerRun.state != "WITHDRAWN")
        return session.scalar(live.where(Lot.code == lot)) is not None


def run_row(world: World, code: str) -> FreezerRun:
    """The record of a freezing run."""
    with Session(world.installation.reads) as session:
        return session.scalars(select(FreezerRun).where(FreezerRun.code == code)).one()

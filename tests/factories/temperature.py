"""Probes and the files of their loggers."""

import datetime
import io
import itertools
from collections.abc import Iterable
from typing import Any

from cellbank.services.temperature.logger_files import keep
from tests.factories.world import World

_EXPORTS = itertools.count(1)
MINUTE = datetime.timedelta(minutes=1)
Readings = Iterable[tuple[datetime.datetime, float]]


def tank(world: World) -> str:
    """The code of an empty tank."""
    return str(world.do("tina", "add_storage_unit", type="tank", name=world.unique("Tank"))["code"])


def probe(world: World, unit: str | None = None, **given: Any) -> str:
    """The code of a probe with the limits of the specification."""
    values = {
        "name": "Top",
        "model": world.unique("Model"),
        "calibrated_on": "2026-01-10",
        "calibration_due_on": "2027-01-10",
        **given,
    }
    return str(world.do("tina", "add_probe", unit=unit or tank(world), **values)["code"])


def steady(start: datetime.datetime, count: int, celsius: float = -187.0, every: int = 5) -> list[tuple[Any, float]]:
    """Readings that do not move."""
    return [(start + number * every * MINUTE, celsius) for number in range(count)]


def trace(start: datetime.datetime, values: Iterable[float], every: int = 5) -> list[tuple[datetime.datetime, float]]:
    """These values, so many minutes apart."""
    return [(start + number * every * MINUTE, value) for number, value in enumerate(values)]


def as_csv(readings: Readings, title: str = "Date/Time (UTC);Temperature (°C)") -> bytes:
    """A plain file, its times in UTC with an offset; no two are the same file."""
    export = f"Export No. {next(_EXPORTS)}"
    return "\n".join([export, title, *(f"{at:%Y-%m-%d %H:%M:%S}Z;{value:.2f}" for at, value in readings), ""]).encode()


def sent(world: World, content: bytes) -> str:
    """The sha256 under which a file waits for its import."""
    return keep(world.installation.config.data, io.BytesIO(content))


def import_file(world: World, probe: str, content: bytes, who: str = "tina", **given: Any) -> dict[str, Any]:
    """Send a file and import it."""
    sha256 = sent(world, content)
    return world.do(who, "import_readings", probe=probe, sha256=sha256, file="log.csv", **given)

"""The probes of the story: three weeks of readings in the tank, one warm half hour that was decided, and a probe in the
spare tank that has gone silent."""

import datetime
import io
import math
import random
from collections.abc import Iterator

from cellbank.services.storage.box_map import storage_tree
from cellbank.services.temperature.logger_files import keep
from cellbank.story.player import Player

EVERY = datetime.timedelta(minutes=5)
DAYS, WARM_DAYS_AGO, SEEN_DAYS_AGO = 21, 12, 11
MODEL = "LogTag TRED30-16"
Reading = tuple[datetime.datetime, float]


def play(story: Player) -> None:
    """Hang the probes, import their files, decide what was found."""
    units = {unit.name: unit.code for units in storage_tree(story.installation).values() for unit in units}
    first = _probe(story, units["Tank 1"], "Tank 1, top", "TR-20417")
    second = _probe(story, units["Tank 2 (spare)"], "Tank 2, top", "TR-20418")
    seen = story.ago(SEEN_DAYS_AGO, 8)
    began = story.ago(DAYS)
    found = read_logger(story, first, "TR-20417", trace(story, began, seen, warm=story.ago(WARM_DAYS_AGO, 14)), seen)
    for code in found:
        story.do(
            "andriy", "acknowledge_excursion", seen + EVERY, excursion=code, note="Lid not closed after a delivery."
        )
        story.do(
            "iryna",
            "decide_excursion",
            seen + datetime.timedelta(hours=2),
            excursion=code,
            decision="accept",
            reason="Far below the glass transition; the lid's hinge was repaired.",
        )
    read_logger(story, first, "TR-20417", trace(story, seen, story.today), story.today)
    hours_ago = story.today - datetime.timedelta(hours=3)
    read_logger(story, second, "TR-20418", trace(story, story.ago(2), hours_ago), hours_ago)
    story.do("andriy", "look_for_silence", story.today)


def _probe(story: Player, unit: str, name: str, serial: str) -> str:
    day = story.ago(100).date()
    given = {"calibrated_on": day.isoformat(), "calibration_due_on": (day + datetime.timedelta(days=365)).isoformat()}
    given |= {"unit": unit, "name": name, "model": MODEL, "serial": serial}
    return str(story.do("olena", "add_probe", story.ago(60), **given)["code"])


def trace(
    story: Player, since: datetime.datetime, until: datetime.datetime, warm: datetime.datetime | None = None
) -> Iterator[Reading]:
    """Vapour of liquid nitrogen: it sways with the level, and a lid that is opened shows."""
    chance, at = random.Random(20417), since
    while at < until:
        hours = at.timestamp() / 3600
        celsius = -184 + 2.2 * math.sin(hours / 24) + chance.gauss(0, 0.4)
        if chance.random() < 0.004:
            celsius += chance.uniform(8, 22)  # somebody took a vial
        if warm is not None and warm <= at < warm + 6 * EVERY:
            celsius = -143 + chance.gauss(0, 2)
        yield at, celsius
        at += EVERY


def read_logger(
    story: Player, probe: str, serial: str, readings: Iterator[Reading], at: datetime.datetime, who: str = "andriy"
) -> list[str]:
    """Import readings as the logger's file; returns the codes of the excursions."""
    lines = [f"Serial;{serial}", "Date/Time (UTC);Temperature (°C)"]
    lines += [f"{when.astimezone(datetime.UTC):%Y-%m-%d %H:%M:%S}Z;{celsius:.1f}" for when, celsius in readings]
    sha256 = keep(story.installation.config.data, io.BytesIO("\n".join([*lines, ""]).encode()))
    name = f"{serial} {at:%Y-%m-%d}.csv"
    return list(story.do(who, "import_readings", at, probe=probe, sha256=sha256, file=name)["excursions"])

"""The runs of the controlled-rate freezer: each frozen lot has its file; once a probe slipped, and the run left its
band."""

import datetime
import io
import random
from collections.abc import Iterator

from cellbank.services.temperature.logger_files import keep
from cellbank.story.player import DAY, MINUTE, Player

FREEZER, SERIAL = "CryoMed 7452", "CF-3318"
BEGINS_AFTER, LASTS = 6 * MINUTE, 130  # half minutes
PER_STEP = 0.5  # minutes
Readings = Iterator[tuple[datetime.datetime, float, float]]


def freezer_run(story: Player, lot: str, frozen_at: datetime.datetime, *, slips: bool = False) -> None:
    """Import the file of a lot's run; where the probe `slips`, have the deviation decided."""
    lines = [f"Serial;{SERIAL}", "Date/Time (UTC);Sample (°C);Chamber (°C)"]
    for at, product, chamber in _readings(lot, frozen_at + BEGINS_AFTER, slips):
        lines.append(f"{at.astimezone(datetime.UTC):%Y-%m-%d %H:%M:%S}Z;{product:.1f};{chamber:.1f}")
    sha256 = keep(story.installation.config.data, io.BytesIO("\n".join([*lines, ""]).encode()))
    at = frozen_at + 100 * MINUTE
    given = {"lot": lot, "sha256": sha256, "file": f"{SERIAL} {at:%Y-%m-%d}.csv", "freezer": FREEZER}
    found = story.do("andriy", "import_freezing_run", at, **given)
    if slips:
        _decide(story, found["deviation"], at)


def _readings(lot: str, began: datetime.datetime, slips: bool) -> Readings:
    """Two readings a minute. The chamber runs ahead of the product, which ice warms for a while at some −9 °C."""
    chance, warmth = random.Random(lot), 0.0
    for step in range(-10, LASTS):
        minute = step * PER_STEP
        chamber = _program(minute + 3)
        if -9.6 < _program(minute) <= -9.1:
            warmth = 6.5
        elif warmth:
            warmth = max(0.0, warmth - 0.9)
        product = _program(minute) + warmth + chance.gauss(0, 0.15)
        if slips and 27 <= minute < 36:
            product = chamber + 20 + chance.gauss(0, 1)  # in the air under the lid
        yield began + minute * MINUTE, product, chamber + chance.gauss(0, 0.3)


def _program(minute: float) -> float:
    """CRF-1: from 2 °C one degree a minute to −40 °C, then five to −100 °C, and on to where it is transferred."""
    if minute < 0:
        return 4.0
    return 2 - minute if minute < 42 else max(-105.0, -40 - 5 * (minute - 42))


def _decide(story: Player, deviation: str, at: datetime.datetime) -> None:
    story.do(
        "olena",
        "investigate_deviation",
        at + DAY,
        deviation=deviation,
        investigation="The chamber followed its program throughout; the probe's cable hung free below the lid.",
        root_cause="The probe slipped out of its vial when the lid was shut, and was pushed back nine minutes later.",
    )
    story.do(
        "maksym",
        "close_deviation",
        at + 2 * DAY,
        deviation=deviation,
        decision="The vials froze as they should. Probes are clipped to their vial from now on.",
    )

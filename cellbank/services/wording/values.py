"""How values are said: times on the wall of the site with its zone, cells in millions, numbers with their unit."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from cellbank.domain.quantities import millions
from cellbank.domain.wall import on_the_wall
from cellbank.outside.document_pdf import Run
from cellbank.services.wording.column_words import CELLS, TIME, told

LATE = datetime.timedelta(minutes=1)  # of a difference that is told
Clock = Callable[[datetime.datetime], str]


def clock(zone: ZoneInfo) -> Clock:
    """Times on the wall of the site, with the zone beside them: two zones a year must not be taken for each other."""
    return partial(on_the_wall, zone=zone)


class Told(Protocol):
    """What was entered, maybe later than it happened: an act, a reaction."""

    @property
    def at(self) -> datetime.datetime: ...
    @property
    def happened_at(self) -> datetime.datetime | None: ...
    @property
    def late_reason(self) -> str | None: ...


def times_of(act: Told, time: Clock) -> tuple[Run, ...]:
    """When it happened; and when it was entered, with the reason, where that was later."""
    if act.happened_at is None or abs(act.at - act.happened_at) < LATE:
        return (Run(time(act.at)),)
    why = f": {act.late_reason}" if act.late_reason else ""
    return Run(time(act.happened_at)), Run(f"entered {time(act.at)}{why}", "muted")


def word(name: str) -> str:
    """A name of the code as a word: IN_STOCK is 'in stock'."""
    return name.replace("_", " ").lower()


def ranges(numbers: Sequence[int]) -> str:
    """Sorted numbers with runs of three and more as ranges: '1, 2, 5–9'."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def shown(value: Any) -> str:
    """A value as a person reads it."""
    if value is None:
        return "–"
    if isinstance(value, datetime.datetime):
        return on_the_wall(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value)


def on_the_clock(row: Mapping[str, Any], zone: datetime.tzinfo) -> dict[str, Any]:
    """The row with its instants on the clock of a site, whatever is then made of them."""
    return {
        name: value.astimezone(zone) if isinstance(value, datetime.datetime) else value for name, value in row.items()
    }


def value_text(value: Any, unit: str, time: Clock) -> str:
    """A value as a person reads it."""
    if unit == "time" or isinstance(value, datetime.datetime):
        return time(datetime.datetime.fromisoformat(value) if isinstance(value, str) else value)
    if unit == "cells":
        return millions(int(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value.replace("_", " ") if value.islower() and " " not in value else value
    return f"{shown(value if not isinstance(value, Decimal) or value else Decimal(0))} {unit}".strip()


def kept_value(one: Mapping[str, Any], which: str, time: Clock) -> str:
    """A kept value in words: a time on the wall of the site, cells in millions, a number with its unit."""
    kept, unit = one[which], told(one["kind"], one["column"]).unit
    if kept is None:
        return "–"
    if unit == TIME:
        return time(datetime.datetime.fromisoformat(kept))
    if unit == CELLS:
        return value_text(kept, unit, time)
    return f"{kept} {unit}".strip()

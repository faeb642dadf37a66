"""From a posted form to the input of an act: text stays text (the model reads it), except what only a form has.

A time is typed on the wall clock of the site. In the hour that autumn repeats it could be either of two, and in the one
that spring skips it is none: then the person is asked, and nothing is taken for them.
"""

import datetime
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext

from cellbank.domain.question import Choice, Question
from cellbank.domain.sheets.wall_clock import beside_the_skipped, instants
from cellbank.domain.wall import on_the_wall
from cellbank.services.acts import Problem
from cellbank.web.forms import Field, rows_in

Values = Mapping[str, list[str]]
FIRST_YEAR, LAST_YEAR = 1800, 9000


def read(fields: tuple[Field, ...], values: Values, zone: ZoneInfo, prefix: str = "") -> dict[str, Any]:
    """The input as the model takes it. What was left empty is not given."""
    given = {item.name: _read_one(item, values, zone, prefix + item.name) for item in fields}
    return {name: value for name, value in given.items() if value not in (None, "", [], {})}


def _read_one(item: Field, values: Values, zone: ZoneInfo, path: str) -> Any:
    if item.kind == "group":
        return read(item.fields, values, zone, path + ".")
    if item.kind == "rows":
        return _rows(item, values, zone, path)
    if item.kind == "pairs":
        return {
            row["name"]: row["value"] for row in _rows(item, values, zone, path) if "name" in row and "value" in row
        }
    if item.kind == "file":  # its line ends and spaces are content
        return next((text for text in values.get(path, ()) if text.strip()), None)
    held = [text.strip() for text in values.get(path, ()) if text.strip()]
    if item.kind in ("scans", "lines"):
        return [line.strip() for text in held for line in text.splitlines() if line.strip()]
    if item.kind == "checks":
        return held
    if item.kind == "switch":
        return bool(held)
    text = held[-1] if held else None
    return site_moment(text, zone) if item.kind == "moment" and text else text


def _rows(item: Field, values: Values, zone: ZoneInfo, path: str) -> list[dict[str, Any]]:
    """The rows in which anything was filled in."""
    rows = [read(item.fields, values, zone, f"{path}.{number}.") for number in rows_in(values, path)]
    switches = {part.name for part in item.fields if part.kind == "switch"}
    return [row for row in rows if any(value for name, value in row.items() if name not in switches)]


def site_moment(text: str, zone: ZoneInfo) -> str:
    """A wall-clock time of the site with its offset. One that came twice or never is left as it is: `doubtful_times`
    asks about it."""
    wall = _wall(text)
    found = instants(wall, zone) if wall else ()
    return found[0].isoformat() if len(found) == 1 else text


def doubtful_times(fields: tuple[Field, ...], values: Values, zone: ZoneInfo, prefix: str = "") -> Iterator[Problem]:
    """A question for each time of a form that the clock of the site showed twice, or never."""
    for item in fields:
        path = prefix + item.name
        if item.kind == "group":
            yield from doubtful_times(item.fields, values, zone, path + ".")
        elif item.kind == "rows":
            for number in rows_in(values, path):
                yield from doubtful_times(item.fields, values, zone, f"{path}.{number}.")
        elif item.kind == "moment":
            held = [text.strip() for text in values.get(path, ()) if text.strip()]
            if held and (problem := _doubt(path, held[-1], zone)):
                yield problem


def _doubt(path: str, text: str, zone: ZoneInfo) -> Problem | None:
    wall = _wall(text)
    found = instants(wall, zone) if wall else ()
    if wall is None or len(found) == 1:
        return None
    if found:
        said = gettext(
            "The clocks were put back: %(time)s came twice in %(zone)s. Which of the two is it?",
            time=f"{wall:%H:%M}",
            zone=zone.key,
        )
    else:
        found = beside_the_skipped(wall, zone)
        said = gettext(
            "The clocks were put forward: %(time)s did not exist in %(zone)s. Which time is meant?",
            time=f"{wall:%H:%M}",
            zone=zone.key,
        )
    choices = tuple(Choice(one.isoformat(), on_the_wall(one)) for one in found)
    return Problem(path, said, Question(path, choices))


def _wall(text: str) -> datetime.datetime | None:
    """What was typed, as the clock on the wall; None for no time, for one with its own zone, and for one so far away
    that no clock of another zone shows it."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is None and FIRST_YEAR <= moment.year <= LAST_YEAR else None

"""From a posted form to the input of an act: text stays text (the model reads it), except what only a form has."""

import datetime
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from cellbank.web.forms import Field, rows_in

Values = Mapping[str, list[str]]


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
    """A wall-clock time of the site with its offset. One that the clock skips in spring is left to the model."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo is not None:
        return text
    there = moment.replace(tzinfo=zone)
    exists = there.astimezone(datetime.UTC).astimezone(zone).replace(tzinfo=None) == moment
    return there.isoformat() if exists else text

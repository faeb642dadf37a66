"""A paper form as it was entered, whole, for whoever compares it with the paper and signs."""

import datetime
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from cellbank.outside.document_pdf import Block, Cell, Facts, Heading, Run, Text
from cellbank.services.clinic.from_paper import EnterDoseFromPaper, content_of
from cellbank.services.documents.chain_words import Clock, value_text
from cellbank.services.signing.reading import Foreseen, Reading
from cellbank.services.trail.column_words import CELLS, TIME, told


def form_blocks(connection: Connection, row: Mapping[str, Any], time: Clock) -> list[Block]:
    """Every field of the form, part by part."""
    plain = {name: value for name, value in row["content"].items() if not isinstance(value, Mapping)}
    parts = {name: value for name, value in row["content"].items() if isinstance(value, Mapping)}
    return [
        Heading("The form as it was entered: compare it with the paper"), _facts(plain, time),
        *(block for name, part in parts.items() for block in (Heading(told("", name).label), _facts(part, time))),
    ]  # fmt: skip


def entered_blocks(reading: Reading, foreseen: Foreseen) -> list[Block]:
    """The form as it would be kept and signed, before anybody has entered it."""
    row = {"content": content_of(EnterDoseFromPaper.model_validate(reading.given)),
           "irregular": foreseen["will_open_a_deviation"]}  # fmt: skip
    return [
        *form_blocks(reading.connection, row, reading.time), *irregular_blocks(reading.connection, row, reading.time)
    ]


def irregular_blocks(connection: Connection, row: Mapping[str, Any], time: Clock) -> list[Block]:
    """What was not allowed about it: a deviation will say so."""
    said = [Text(one["detail"], "alarm") for one in row["irregular"]]
    return [Heading("Not allowed about it"), *(said or [Text("Nothing.")])]


def _facts(part: Mapping[str, Any], time: Clock) -> Facts:
    return Facts(tuple((told("", name).label, _cell(name, value, time)) for name, value in part.items()))


def _cell(name: str, value: Any, time: Clock) -> Cell:
    if isinstance(value, list):
        return tuple(Run(str(one), "code") for one in value) or "–"
    if isinstance(value, str) and name.endswith("_at"):
        return time(datetime.datetime.fromisoformat(value))
    if value is None:
        return "–"
    unit = told("", name).unit
    if isinstance(value, str) and unit == CELLS and value.isdigit():
        return value_text(int(value), CELLS, time)
    if unit in (CELLS, TIME):
        unit = ""
    said = value_text(value, unit, time)
    return f"{said} {unit}" if isinstance(value, str) and unit else said

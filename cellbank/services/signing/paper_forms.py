"""A paper form as it is entered, whole, in the order and the words of the form, for whoever compares it with the paper
and signs."""

import datetime
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Connection, text

from cellbank.domain.quantities import millions
from cellbank.outside.document_pdf import Block, Cell, Facts, Heading, Run, Text
from cellbank.records.clinic import Dose
from cellbank.services.clinic.paper_inputs import EnterDoseFromPaper, content_of
from cellbank.services.signing.in_words import cell, rows_of
from cellbank.services.signing.reading import Foreseen, Reading
from cellbank.services.trail.history import Names
from cellbank.services.wording.column_words import CELLS, TIME, told
from cellbank.services.wording.values import Clock, value_text

AT_THE_BED = "At the bedside"
_NAME = text("SELECT full_name FROM person WHERE id = person_as_written(:written)")


def form_blocks(connection: Connection, row: Mapping[str, Any], time: Clock) -> list[Block]:
    """Every field of the form, part by part. The dose itself stands before it."""
    content = dict(row["content"])
    content.pop("dose", None)
    blocks: list[Block] = [Heading("The form as it was entered: compare it with the paper")]
    for title, model, told_there in _parts(content):
        pairs = tuple(
            (title_of(model, name), _cell(connection, name, value, time)) for name, value in told_there.items()
        )
        blocks += [Heading(title), Facts(pairs)]
    return blocks


def _parts(content: Mapping[str, Any]) -> Iterator[tuple[str, type[BaseModel], dict[str, Any]]]:
    """The parts of the form in its order, those that lie in the form itself as one."""
    fields = EnterDoseFromPaper.model_fields
    inside = {name: _model_of(field.annotation) for name, field in fields.items()}
    plain = [name for name in (*fields, *(set(content) - set(fields))) if inside.get(name) is None]
    at_the_bed = {name: content[name] for name in plain if name in content}
    for name, model in inside.items():
        if name == "first_checked_at":
            yield AT_THE_BED, EnterDoseFromPaper, at_the_bed
        if model is not None and name in content:
            known = [*model.model_fields, *(set(content[name]) - set(model.model_fields))]
            told_there = {one: content[name][one] for one in known if one in content[name]}
            yield told("", name).label, model, told_there


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """The model of a part of the form; None for a plain field."""
    found = (annotation, *typing.get_args(annotation))
    return next((one for one in found if isinstance(one, type) and issubclass(one, BaseModel)), None)


def title_of(model: type[BaseModel], name: str) -> str:
    """What the form calls a field."""
    field = model.model_fields.get(name)
    return field.title if field and field.title else told("", name).label


def entered_blocks(reading: Reading, foreseen: Foreseen) -> list[Block]:
    """The form as it would be kept and signed, before anybody has entered it."""
    row = {
        "content": content_of(EnterDoseFromPaper.model_validate(reading.given)),
        "irregular": foreseen["will_open_a_deviation"],
    }
    return [
        *form_blocks(reading.connection, row, reading.time),
        *irregular_blocks(reading.connection, row, reading.time),
        *written_blocks(reading, foreseen),
    ]


def written_blocks(reading: Reading, foreseen: Foreseen) -> list[Block]:
    """What the dose will say once the form is confirmed, as it would be written now: what the form tells, and what
    follows from it."""
    told_there = foreseen["will_stand_in_the_dose"]
    row = {**rows_of(reading.connection, "dose", reading.named["dose"])[0], **told_there}
    names = Names(reading.connection, [("dose", row)])
    signed = Dose.signed_by("confirm_dose_from_paper")
    pairs = tuple(
        (told("dose", column).label, cell("dose", column, row[column], names, reading.time))
        for column in signed
        if column in told_there
    )
    return [Heading("What will stand in the dose"), Facts(pairs)]


def irregular_blocks(connection: Connection, row: Mapping[str, Any], time: Clock) -> list[Block]:
    """What was not allowed about it: a deviation will say so."""
    said = [Text(one["detail"], "alarm") for one in row["irregular"]]
    return [Heading("Not allowed about it"), *(said or [Text("Nothing.")])]


def _cell(connection: Connection, name: str, value: Any, time: Clock) -> Cell:
    if isinstance(value, list):
        return tuple(Run(str(one), "code") for one in value) or "–"
    if isinstance(value, str) and name.endswith("_at"):
        return time(datetime.datetime.fromisoformat(value))
    if value is None:
        return "–"
    if name.endswith("_by"):
        return str(connection.scalar(_NAME, {"written": value}) or value)
    unit = told("", name).unit
    if unit == CELLS and str(value).isdigit():
        return millions(int(value))
    if unit in (CELLS, TIME):
        unit = ""
    said = value_text(value, unit, time)
    return f"{said} {unit}" if isinstance(value, str) and unit else said

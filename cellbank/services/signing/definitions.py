"""A trial protocol or a product specification as people read it: every key of the file, in words, with its unit.

It walks the model into which the file was read, so that a new key is shown without being named here; only what would
read badly has words of its own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from cellbank.domain.acceptance import ReleaseTest
from cellbank.domain.criteria import Criterion, Question
from cellbank.domain.definition import CellRange, Definition, Range
from cellbank.domain.rules.result import limit_in_words
from cellbank.outside.document_pdf import Block, Cell, Facts, Heading, Run, Table
from cellbank.services.common import read_protocol, read_specification
from cellbank.services.wording.values import Clock

MOST_COLUMNS = 6
# Keys whose own name would read badly, or whose unit their ending does not tell.
LABELS: Mapping[str, str] = {
    "id": "Identifier", "other_ids": "Other identifiers", "planned_subjects": "Subjects planned",
    "legend": "Legend on the dose label", "dosing": "Dose", "thaw": "Thaw", "draw": "Drawing the dose",
    "limits": "Limits of one infusion", "kind": "Kind", "cells_per_kg": "Cells per kg of body weight",
    "cells": "Cells", "cap_cells": "At most", "min_hours_between": "Hours between infusions, at least",
    "one_per_calendar_day": "One a calendar day", "spare_vials": "Spare vials", "weight": "Body weight",
    "allow_mixed_lots": "Vials of several lots in one dose", "window_first_day": "Window from day",
    "window_last_day": "Window to day", "plus_minus_days": "Days earlier or later", "asks": "Question",
    "ok_percent": "Delivered dose, in order", "warn_percent": "Delivered dose, with a warning",
    "plausible_kg": "Plausible weight", "max_age_hours": "Weight not older than",
    "change_percent_note": "Change that is noted", "change_percent_recalculate": "Change that asks to calculate anew",
    "second_person": "Read by a second person", "viability_minimum_percent": "Viability, at least",
    "max_hours": "From thaw to infusion, at most", "hours_to_expiry": "Keeps", "dmso_g_per_kg": "DMSO, g per kg",
    "dmso_warn_percent": "DMSO, warning from", "endotoxin_eu_per_kg": "Endotoxin, EU per kg",
    "dead_volume_ml": "Volume that cannot be drawn", "up_to_ml": "Up to", "mark_ml": "Marks of the syringe",
    "when_unknown": "An unknown answer counts as", "at_least": "At least so many", "decided_by": "Decided by",
    "decision": "Kept as", "value": "Where the answer is", "plausible": "Plausible", "until_day": "Until day",
    "receives_product": "Receives cells", "specification": "Specification", "short_name": "Short name",
    "specimen_window_days": "Specimen within", "retest_days": "Repeated after", "lifts_retest": "Lifts the repeat",
    "acceptable": "Acceptable result", "transport_hard_celsius": "Transport, refused outside",
    "transport_soft_celsius": "Transport, questioned outside", "hours_hard": "Refused after",
    "hours_soft": "Questioned after", "passage_max": "Highest passage", "passage_above_max": "A higher passage",
    "cpdl_block": "Population doublings in all, refused above",
    "cpdl_warn": "Population doublings in all, warning above",
    "seeding_per_cm2": "Seeding, cells per cm²", "seeding_typical_per_cm2": "Usual seeding, cells per cm²",
    "harvest_confluence_percent": "Confluence at harvest", "fill_to_freeze_max_minutes": "From filling to freezing",
    "cells_per_ml": "Cells in each mL", "vial_volume_ml": "Volume of a vial", "dmso_percent": "DMSO",
    "months": "Months", "steps": "Steps", "band": "Band of the run", "result_days": "Days to the result",
    "earliest_days": "Not before day", "reviewed_by": "Reviewed by", "samples": "Samples",
    "required": "Needed for release",
    "provides": "Gives the dose calculation its", "accept": "Acceptable", "choices": "Possible results",
    "warming_single_seconds": "Out of the cold at once, at most",
    "warming_events_max": "Times out of the cold, at most",
    "warming_total_seconds": "Out of the cold in all, at most", "conditional_release": "Conditional release",
    "not_applicable": "May not apply", "groups": "Groups of criteria", "ambiguities": "Where the protocol is silent",
    "inclusion": "Inclusion criteria", "exclusion": "Exclusion criteria", "text": "Wording", "unit": "Unit",
}  # fmt: skip
UNITS = {
    "_celsius": "°C", "_percent": "%", "_minutes": "min", "_hours": "h", "_seconds": "s", "_days": "days",
    "_ml": "mL", "_kg": "kg", "months": "months", "percent_note": "%", "percent_recalculate": "%", "hours_hard": "h",
    "hours_soft": "h", "hours_to_expiry": "h",
}  # fmt: skip
NO_UNIT = {"cells_per_kg", "dmso_g_per_kg", "endotoxin_eu_per_kg", "cells_per_ml"}
CELLS = {"cells_per_kg", "cells", "cap_cells", "seeding_typical_per_cm2"}
SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<", "between": "between", "outside": "outside"}
# The keys that the sentence of a test or of a criterion says.
OF_LIMIT = {"unit", "minimum", "minimum_inclusive", "maximum", "maximum_inclusive", "accept"}
OF_CONDITION = {"question", "operator", "limit", "range"}


def content_blocks(connection: Connection, row: Mapping[str, Any], time: Clock) -> list[Block]:
    """The content of a definition's row."""
    return readable(row["type"], row["content"])


def readable(type_: str, content: str) -> list[Block]:
    """The content of a file of this type."""
    read: Definition = read_protocol(content) if type_ == "protocol" else read_specification(content)
    questions = {question.code: question for question in getattr(read, "questions", ())}
    return list(_section("", read, questions))


def _section(title: str, model: Definition, questions: Mapping[str, Question]) -> Iterable[Block]:
    """The plain keys of a part of the file, then its parts, then its lists."""
    parts, lists, pairs = [], [], []
    for name in _given(model):
        value = getattr(model, name)
        if _is_list(value):
            lists.append((name, value))
        elif _is_part(value):
            parts.append((name, value))
        else:
            pairs.append((label(name), in_words(name, value)))
    if title and (pairs or not (parts or lists)):
        yield Heading(title)
    if pairs:
        yield Facts(tuple(pairs))
    for name, value in parts:
        yield from _section(_under(title, label(name)), value, questions)
    for name, value in lists:
        yield Heading(_under(title, label(name)))
        yield _table(value, questions)


def _under(title: str, name: str) -> str:
    return f"{title}: {name[:1].lower()}{name[1:]}" if title else name


def _given(model: Definition) -> list[str]:
    """The keys that the file gives, and those that hold anything without being given."""
    return [
        name
        for name, field in type(model).model_fields.items()
        if name in model.model_fields_set or getattr(model, name) not in (None, (), field.default)
    ]


def _is_part(value: Any) -> bool:
    return isinstance(value, Definition) and type(value) not in (Range, CellRange)


def _is_list(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], Definition)


def _table(items: tuple[Definition, ...], questions: Mapping[str, Question]) -> Table:
    """A row for each; what has many keys says them line by line."""
    names = list(dict.fromkeys(name for item in items for name in _given(item)))
    if isinstance(items[0], ReleaseTest):
        return _lined(items, names, "Limit", OF_LIMIT, limit_in_words)
    if isinstance(items[0], Criterion):
        return _lined(items, names, "Condition", OF_CONDITION, lambda one: _condition(one, questions))
    if len(names) > MOST_COLUMNS:
        return _lined(items, names, "", set(), lambda one: "")
    rows = tuple(tuple(_cell(name, getattr(item, name)) for name in names) for item in items)
    return Table(tuple(label(name) for name in names), rows, (1 / len(names),) * len(names))


def _lined(
    items: tuple[Any, ...], names: list[str], head: str, said: set[str], sentence: Callable[[Any], str]
) -> Table:
    """Code and title, a sentence, and line by line the keys that the sentence does not say."""
    titles = [name for name in ("code", "number", "title", "text") if name in names]
    rest = [name for name in names if name not in {*said, *titles}]
    rows = tuple(
        (
            tuple(Run(in_words(name, getattr(item, name)), _weight(name, titles)) for name in titles),
            *([Run(sentence(item), "strong")] if head else []),
            tuple(
                Run(f"{label(name)}: {line}")
                for name in rest
                if name in _given(item)
                for line in _lines(name, getattr(item, name))
            )
            or "–",
        )
        for item in items
    )
    heads = ("", head, "Else") if head else ("", "What holds")
    return Table(heads, rows, (0.4, 0.3, 0.3) if head else (0.4, 0.6))


def _weight(name: str, titles: Sequence[str]) -> str:
    return "strong" if name == titles[0] else "plain"


def _condition(one: Criterion, questions: Mapping[str, Question]) -> str:
    """'Age in completed years ≥ 18 years'."""
    question = questions[one.question]
    if one.operator in ("yes", "no"):
        return f"{question.asks}: {one.operator}"
    bound = one.range if one.limit is None else f"{one.limit:f}"
    return f"{question.asks} {SIGNS[one.operator]} {bound} {question.unit or ''}".rstrip()


def _cell(name: str, value: Any) -> Cell:
    lines = _lines(name, value)
    return lines[0] if len(lines) == 1 else tuple(Run(line) for line in lines)


def _lines(name: str, value: Any) -> list[str]:
    """A part within a row: each of its keys on a line."""
    if _is_list(value):
        return [", ".join(_lines_of(one)) for one in value]
    if _is_part(value):
        return _lines_of(value)
    return [in_words(name, value)]


def _lines_of(model: Definition) -> list[str]:
    return [f"{label(name)} {line}" for name in _given(model) for line in _lines(name, getattr(model, name))]


def label(name: str) -> str:
    """What a key is called."""
    plain = name
    for ending in ("_celsius", "_percent", "_minutes", "_hours", "_seconds", "_days", "_ml", "_kg"):
        plain = plain.removesuffix(ending)
    return LABELS.get(name) or plain.replace("_", " ").capitalize()


def in_words(name: str, value: Any) -> str:
    """A value with its unit."""
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(in_words("", one) for one in value)
    if isinstance(value, CellRange):
        return f"{_digits(value.low)} to {_digits(value.high)}"
    if name in CELLS:
        return _digits(int(value))
    unit = "" if name in NO_UNIT else next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "")
    said = f"{value:f}" if isinstance(value, Decimal) else str(value)
    return f"{said.replace('_', ' ') if said.islower() and ' ' not in said else said} {unit}".strip()


def _digits(number: int) -> str:
    """Every digit, in groups: whoever signs a limit sees all of it."""
    return f"{number:,}".replace(",", "\N{NO-BREAK SPACE}")

"""What the cards of all kinds are made of: a question to the database, and the words for its answer."""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cellbank.domain.rules.freezing_run import NUCLEATION, in_words
from cellbank.domain.wall import on_the_wall

Row = Mapping[str, Any]
Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Question:
    """How to read a face: the statement (one parameter, the code) and what to make of its row (`on_the_clock`)."""

    record: str
    statement: str
    title: Callable[[Row], str]
    facts: Callable[[Row], Facts]


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


def on_the_clock(row: Row, zone: datetime.tzinfo) -> dict[str, Any]:
    """The row with its instants on the clock of a site, whatever is then made of them."""
    return {
        name: value.astimezone(zone) if isinstance(value, datetime.datetime) else value for name, value in row.items()
    }


def run_in_words(row: Row) -> str:
    """What the comparison of a freezing run with its band found, from the columns of its record."""
    outside = [one for one in row["departures"] if one["kind"] != NUCLEATION]
    return in_words(len(outside), row["outside_seconds"], row["worst_c"])


def simple(*pairs: tuple[str, str]) -> Callable[[Row], Facts]:
    """Facts straight from columns: (label, column)."""
    return lambda row: tuple((label, shown(row[column])) for label, column in pairs)

"""What a list is: one definition from which its page is read, searched, filtered and counted, and from which any other
form of it (sorting, columns to choose, a table to take along) is made, for each column knows its expression and so its
type. A search does not mind look-alikes of another alphabet."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, Select, bindparam, func, literal_column, or_, select

from cellbank.domain.identifiers import LOOK_ALIKES

PAGE = 50
MOST_WORDS, LONGEST_SEARCH = 6, 100
_FROM, _TO = "".join(LOOK_ALIKES).upper(), "".join(LOOK_ALIKES.values()).upper()

SITE = bindparam("site", type_=BigInteger)  # the site that is looked at; null: all of them


class Look(StrEnum):
    """How the page shows a value."""

    PLAIN = "plain"  # as it is: a text, a code, a figure, a day, an instant on the clock of the site
    TEXT = "text"  # typed, or said by the code: that in the reader's language
    WORD = "word"  # a name of the code, or several, as words in the reader's language
    CELLS = "cells"  # in millions
    PASSAGE = "passage"  # P3


@dataclass(frozen=True)
class Column:
    """A column of a list: its title, and what of the database stands in it."""

    title: str
    of: Any  # an expression of SQLAlchemy
    look: Look = Look.PLAIN


@dataclass(frozen=True)
class Listing:
    """One list: whose states filter it, what stands beside the record, its columns, what a search looks through."""

    title: str
    icon: str
    record: Any  # the class of the record, which has a code and a state
    columns: Mapping[str, Column]
    words: tuple[Any, ...]  # besides the code
    order: tuple[Any, ...]
    create: str | None = None  # the act that makes a new one
    #: what the columns read besides the record. Joined from the left, so that a count that needs none of it reads none.
    source: Any = None
    #: whether a row belongs to the list of a site; None: to each
    here: Callable[[ColumnElement[Any]], ColumnElement[bool]] | None = None
    #: the state that is shown, where it says more than the record's own
    shown_state: Any = None
    only: tuple[Any, ...] = ()

    @property
    def kind(self) -> str:
        """The kind of the record, as the table of states names it."""
        return str(self.record.__tablename__)

    @property
    def table(self) -> FromClause:
        """What it is read from."""
        found: FromClause = self.record.__table__ if self.source is None else self.source
        return found

    def rows(self, conditions: tuple[ColumnElement[bool], ...]) -> Select[Any]:
        """Its rows, in its order."""
        record, columns = self.record, (column.of.label(name) for name, column in self.columns.items())
        state = record.state if self.shown_state is None else self.shown_state
        found = select(record.code, state.label("shown_state"), record.state, *columns)
        return found.select_from(self.table).where(*conditions).order_by(*self.order)

    def counts(self, conditions: tuple[ColumnElement[bool], ...]) -> Select[Any]:
        """How many there are in each state."""
        state = self.record.state
        return select(state, func.count()).select_from(self.table).where(*conditions).group_by(state)

    def narrowed(self, search: str, site: int | None) -> tuple[ColumnElement[bool], ...]:
        """The conditions of a site and of a search."""
        # The site stands in the statement, as in the worklists: a plan that knows it is the better one.
        here = self.here or of_site(self.record)
        of_the_site = () if site is None else (here(literal_column(f"{site:d}", BigInteger)),)
        return (*self.only, *of_the_site, *self.found_by(search))

    def found_by(self, search: str) -> tuple[ColumnElement[bool], ...]:
        """The condition of each word of a search."""
        text = func.concat_ws(" ", self.record.code, *self.words)
        compared = func.translate(func.upper(func.replace(text, " ", "")), _FROM, _TO)
        words = _folded(search).split()[:MOST_WORDS]
        return tuple(compared.contains(word, autoescape=True) for word in words)


def of_site(record: Any) -> Callable[[ColumnElement[Any]], ColumnElement[bool]]:
    """That a row is of the site of this record, or of a column that tells it."""
    column: ColumnElement[Any] = getattr(record, "site_id", record)
    return lambda site: column == site


def of_every_site(_: ColumnElement[Any]) -> ColumnElement[bool]:
    """For what the whole bank shares."""
    return literal_column("true")


def is_at_site(column: Any) -> ColumnElement[bool]:
    """For a count within a row: of what is at the site that is looked at."""
    return or_(SITE.is_(None), column == SITE)


def with_each(record: Any, others: Iterable[Any]) -> FromClause:
    """A record with each of these that it is of, by the column that names it; what there is none of is empty."""
    found: FromClause = record.__table__
    for one in others:
        found = found.outerjoin(one.__table__, getattr(record, f"{one.__tablename__}_id") == one.id)
    return found


def number_of(record: Any, *conditions: Any) -> Any:
    """How many of a record belong to the row."""
    return select(func.count()).select_from(record).where(*conditions).scalar_subquery()


def _folded(search: str) -> str:
    """Capitals of one alphabet: what looks the same is the same."""
    return search[:LONGEST_SEARCH].upper().translate(str.maketrans(_FROM, _TO))

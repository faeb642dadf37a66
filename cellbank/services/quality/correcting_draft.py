"""Right values before they are written: what is put right, and what follows from it, in records that are locked."""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from cellbank.domain.refusals import Refusal
from cellbank.records.base import Record
from cellbank.records.production import Lot


@dataclass(frozen=True)
class Changed:
    """One value of one record, as it was and as it is right."""

    record: Any
    column: str
    before: Any
    after: Any

    def as_json(self) -> dict[str, Any]:
        """As it is kept, and shown before the signature."""
        return {
            "kind": self.record.kind,
            "record": getattr(self.record, "code", None) or str(self.record.id),
            "column": self.column,
            "before": as_text(self.before),
            "after": as_text(self.after),
        }


def as_text(value: Any) -> str | None:
    """A value as a correction keeps it: numbers and instants as text, so that nothing is rounded on the way."""
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).isoformat()
    return None if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


class Draft:
    """The right values of some records, laid over what stands in them until `write`."""

    def __init__(self) -> None:
        self._right: dict[Any, dict[str, Any]] = {}

    def get(self, record: Any, column: str) -> Any:
        """The right value, if there is another one; else the one that stands there."""
        return self._right.get(record, {}).get(column, getattr(record, column))

    def put(self, record: Any, column: str, value: Any) -> None:
        """Lay a value over the one that stands there."""
        self._right.setdefault(record, {})[column] = value

    def changes(self) -> tuple[Changed, ...]:
        """Every value that differs, in the order in which they were found."""
        return tuple(self._changes())

    def _changes(self) -> Iterator[Changed]:
        for record, columns in self._right.items():
            for column, value in columns.items():
                if value != getattr(record, column):
                    yield Changed(record, column, getattr(record, column), value)

    def write(self) -> None:
        """Put the right values into the records; call it after the judgement."""
        for one in self.changes():
            setattr(one.record, one.column, one.after)


@dataclass
class Effect:
    """What a right value means: the values that follow, what cannot be, what was not allowed by it (a deviation, for it
    has happened), the lots whose record it changes, and what has left the laboratory already."""

    draft: Draft
    refusals: list[Refusal] = field(default_factory=list)
    warnings: list[Refusal] = field(default_factory=list)
    lots: Sequence[Lot] = ()
    failing: dict[str, tuple[str, ...]] = field(default_factory=dict)  # criteria by the code of the lot
    about: list[Record] = field(default_factory=list)
    is_out: bool = False  # released, or in a patient: quality looks at it, whatever the value is
    follows: datetime.datetime | None = None
    comes_before: datetime.datetime | None = None

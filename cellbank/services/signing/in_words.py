"""A record as a signature covers it, in the reader's words: every signed column with its name, value and unit."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from cellbank.domain.blind import hidden_columns
from cellbank.outside.document_pdf import Block, Cell, Facts, Heading, Run, Table, Text
from cellbank.records.tables import metadata, record_class
from cellbank.services.clinic.identity import HIDDEN, is_identity
from cellbank.services.signing.covered import Covered
from cellbank.services.trail.history import Names
from cellbank.services.trail.stretch import BLIND_YET
from cellbank.services.wording.column_words import TIME, WORDS_OF_THE_CODE, told
from cellbank.services.wording.values import Clock, value_text

Row = Mapping[str, Any]
Part = Callable[[Connection, Row, Clock], Sequence[Block]]

# Signed columns of which a pair of label and value would say too little: (kind, column) to what is shown of it.
Parts = Mapping[tuple[str, str], Part]
HIDDEN_YET = Run(BLIND_YET, "muted")
# Columns that are called otherwise once the work has gone on.
CALLED = {(act, "draw_ml"): "Drawn from the pool" for act in ("check_dose", "confirm_dose_from_paper")}
LONG = 50  # letters from which a text is a paragraph and no longer a fact


def rows_of(connection: Connection, kind: str, ids: Sequence[int]) -> list[dict[str, Any]]:
    """The rows of these records, in this order."""
    found = connection.execute(text(f"SELECT * FROM {kind} WHERE id = ANY(:ids)"), {"ids": list(ids)}).mappings()
    by_id = {row["id"]: dict(row) for row in found}
    return [by_id[one] for one in ids if one in by_id]


def signed_columns(one: Covered) -> tuple[str, ...]:
    """The columns that a signature of this act on such a record covers."""
    return record_class(one.kind).signed_by(one.act)


def shown_records(connection: Connection, one: Covered, parts: Parts, time: Clock) -> list[Block]:
    """What is signed of these records. One stands as pairs with its long parts below, many as a table."""
    columns, rows = signed_columns(one), rows_of(connection, one.kind, one.ids)
    names = Names(connection, ((one.kind, row) for row in rows))
    short = [column for column in columns if (one.kind, column) not in parts]
    if len(rows) > 1:
        head = tuple(label_of(one, column) for column in short)
        lines = tuple(tuple(_seen(one.kind, column, row, names, time) for column in short) for row in rows)
        widths = (1 / max(len(head), 1),) * len(head)
        return [Heading(kind_words(one.kind)), Table(head, lines, widths)]
    blocks: list[Block] = []
    for row in rows:
        pairs = tuple(
            (label_of(one, column), _seen(one.kind, column, row, names, time))
            for column in short
            if row[column] is not None or not _says_nothing(one, column)
        )
        long = [(label, said) for label, said in pairs if isinstance(said, str) and len(said) > LONG]
        blocks += [Heading(kind_words(one.kind)), Facts(tuple(pair for pair in pairs if pair not in long))]
        blocks += [block for label, said in long for block in (Heading(label), Text(said))]
        for column in columns:
            if (one.kind, column) in parts and not _is_blind(one.kind, column, row):
                blocks += parts[one.kind, column](connection, row, time)
    return blocks


def _seen(kind: str, column: str, row: Row, names: Names, time: Clock) -> Cell:
    """One value, unless a second person has still to find it without help."""
    return HIDDEN_YET if _is_blind(kind, column, row) else cell(kind, column, row[column], names, time)


def _is_blind(kind: str, column: str, row: Row) -> bool:
    return (kind, column) in hidden_columns(kind, row.get("state"))


def written_here(one: Covered) -> list[Block]:
    """Which of the signed columns this act itself fills: they are in the form, or are who signs and when."""
    columns = signed_columns(one) if one.is_made else [c for c in signed_columns(one) if c in one.written]
    said = [label_of(one, column) for column in columns if column not in one.above]
    return [Heading("Signed with it, from this form"), Text(", ".join(said), "muted")] if said else []


def kind_words(kind: str) -> str:
    """A kind of record as a heading."""
    return kind.replace("_", " ").capitalize()


def cell(kind: str, column: str, value: Any, names: Names, time: Clock) -> Cell:
    """One value in words: keys as the codes and names of what they point at, times on the wall of the site."""
    if is_identity(kind, column):
        return Run(HIDDEN, "muted")
    if value is None:
        return "–"
    unit = told(kind, column).unit
    named = names.of(kind, column, value)
    if named != value or column == "code":
        return Run(str(named), "code" if is_coded(column, kind) else "plain")
    if isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        return tuple(Run("; ".join(f"{told('', name).label}: {said}" for name, said in one.items())) for one in value)
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value) or "–"
    if isinstance(value, Mapping):
        return tuple(Run(f"{key}: {item}") for key, item in value.items()) or "–"
    if isinstance(value, str):
        return as_word(value) if column in WORDS_OF_THE_CODE else value
    return value_text(value, unit if unit != TIME or hasattr(value, "astimezone") else "", time)


def is_coded(column: str, kind: str) -> bool:
    """Whether a value is the code of a record. People are called by their names."""
    targets = [key.column.table for key in metadata.tables[kind].columns[column].foreign_keys]
    return column == "code" or any("code" in table.columns and table.name != "person" for table in targets)


def _says_nothing(one: Covered, column: str) -> bool:
    """Whether a column that is empty need not be told: the act fills it, it points at another record, or it holds why
    something was not as usual."""
    points = metadata.tables[one.kind].columns[column].foreign_keys
    return column in one.written or bool(points) or column.endswith(("_reason", "_because"))


def label_of(one: Covered, column: str) -> str:
    """What a signed column is called before this signature."""
    return CALLED.get((one.act, column)) or told(one.kind, column).label


def as_word(value: str) -> str:
    """IN_STOCK is 'In stock'."""
    plain = value.replace("_", " ")
    return plain.capitalize() if plain.isupper() or plain.islower() else plain

"""What each act may do, told to the database: `migrations/database/acts.sql`, made from the tables of the domain.

    python -m tools.acts

after a change of the table of transitions, of what acts write beside it, or of what a record is signed for. A test
compares the file with the tables.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from cellbank.domain.correction import CORRECTABLE, FOLLOWS
from cellbank.domain.lifecycle.moves import Transition
from cellbank.domain.lifecycle.table import TRANSITIONS, powers, roles_for
from cellbank.domain.telling import TELLS
from cellbank.domain.writing import NOTES, rewriters
from cellbank.records.base import Base
from cellbank.records.migrate import SCRIPTS
from cellbank.records.tables import record_class

FILE = SCRIPTS / "database" / "acts.sql"
STAYS = "="  # in the moves of a kind: a row without a state, or one whose state stays as it is

HEAD = """\
-- What each act may do, as the tables of the domain say: who changes one of them makes this anew, by
-- `python -m tools.acts`. What the database asks of it stands in `authority.sql` and `signatures.sql`.
"""


def _move(row: Transition) -> str:
    """A move as `the_move` of the database says it; from nothing where it makes a record."""
    return f"{row.source or ''}>{row.target}"


def moves() -> dict[str, dict[str, list[str]]]:
    """By kind of record and act: from which state to which; '>A' makes a record. What the act moves it may write as
    well, while it is where it comes from or goes to: 'A>A'."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in TRANSITIONS:
        found[row.record][row.act].add(_move(row))
        found[row.record][row.act] |= {f"{state}>{state}" for state in {row.source, row.target} - {None}}
    for kind, acts in NOTES.items():
        for act in acts:
            found[kind][act].add(STAYS)
    for kind, table in Base.metadata.tables.items():
        if kind in found and "state" not in table.columns:
            found[kind] = defaultdict(set, {act: {STAYS} for act in found[kind]})
    return {kind: {act: sorted(of) for act, of in acts.items()} for kind, acts in found.items()}


def narrower() -> dict[str, dict[str, dict[str, list[str]]]]:
    """By kind of record and act: the moves that not everybody may make who may do the act, and who may."""
    found: dict[str, dict[str, dict[str, list[str]]]] = defaultdict(lambda: defaultdict(dict))
    for row in TRANSITIONS:
        if row.roles != roles_for(row.act):
            found[row.record][row.act][_move(row)] = sorted(row.roles)
    return found


def signed_moves() -> dict[str, dict[str, dict[str, str]]]:
    """By act and kind of record: the moves that bear a signature, and what it means."""
    found: dict[str, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    for row in TRANSITIONS:
        if row.meaning:
            found[row.act][row.record][_move(row)] = row.meaning.value
    return found


def signed_columns() -> dict[str, dict[str, dict[str, str]]]:
    """By act, kind of record and meaning: the columns that the signature covers."""
    found: dict[str, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    for row in TRANSITIONS:
        if row.meaning:
            found[row.act][row.record][row.meaning.value] = " ".join(record_class(row.record).signed_by(row.act))
    return found


def rewritten() -> dict[str, dict[str, list[str]]]:
    """By kind of record and column: the acts that may give it another value than it has."""
    found = {
        kind: {column.name: sorted(acts) for column in table.columns if (acts := rewriters(kind, column.name))}
        for kind, table in Base.metadata.tables.items()
    }
    return {kind: columns for kind, columns in found.items() if columns}


def corrected() -> dict[str, dict[str, dict[str, list[str]]]]:
    """By kind of record and column that may be put right: by whom, and what may follow."""
    found: dict[str, dict[str, dict[str, list[str]]]] = defaultdict(dict)
    for row in CORRECTABLE:
        follows = sorted(FOLLOWS[row.record, row.column])
        found[row.record][row.column] = {"roles": sorted(row.roles), "follows": follows}
    return found


def as_sql() -> str:
    """The file as it is to be."""
    acts = {row.act for row in TRANSITIONS}
    return "\n".join(
        (
            HEAD,
            "-- The acts that tell of what has happened, maybe a while ago. From `domain/telling.py` (TELLS).",
            "CREATE FUNCTION tells(the_act text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$",
            f"  SELECT the_act = ANY ('{{{','.join(sorted(TELLS))}}}'::text[])\n$$;\n",
            "-- Whether an account with these roles does or reads what not everybody may: two people give it, and\n"
            "-- change it. From `domain/lifecycle`, by `powers`.",
            "CREATE FUNCTION has_power(roles text[]) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$",
            f"  SELECT roles && '{{{','.join(sorted(powers()))}}}'::text[]\n$$;\n",
            _table(
                "-- Who may do an act. From `domain/lifecycle`.",
                "roles_of(the_act text)",
                {act: sorted(roles_for(act)) for act in acts},
                "the_act",
            ),
            _table(
                "-- From which state to which an act takes such a record; '=' where it writes one without a move.\n"
                "-- From `domain/lifecycle` and `domain/writing.py`.",
                "moves_of(kind text, the_act text)",
                moves(),
                "kind",
                "the_act",
            ),
            _table(
                "-- Moves that not everybody may make who may do the act, and who may. From `domain/lifecycle`.",
                "who_may(kind text, the_act text)",
                narrower(),
                "kind",
                "the_act",
            ),
            _table(
                "-- The acts that may give a value of such a record another one. From `domain/writing.py`.",
                "rewriters_of(kind text, name text)",
                rewritten(),
                "kind",
                "name",
            ),
            _table(
                "-- By whom a value of such a record may be put right, and what follows. From `domain/correction.py`.",
                "corrects(kind text, name text)",
                corrected(),
                "kind",
                "name",
            ),
            _table(
                "-- The moves of an act that are signed, by kind of record, with the meaning. From `domain/lifecycle`.",
                "signed_moves_of(the_act text)",
                signed_moves(),
                "the_act",
            ),
            _table(
                "-- What a signature of an act on such a record means, and the columns that it covers. From\n"
                "-- `domain/lifecycle`, `SIGNED` and `SIGNED_BY` of the records.",
                "signed_in(the_act text, kind text)",
                signed_columns(),
                "the_act",
                "kind",
            ),
        )
    )


def _table(says: str, function: str, table: Mapping[str, Any], *looked_up: str) -> str:
    lines = ",\n".join(_lines(table))
    path = "".join(f" -> {name}" for name in looked_up)
    return (
        f"{says}\nCREATE FUNCTION {function} RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$\n"
        f"  SELECT '{{\n{lines}\n  }}'::jsonb{path}\n$$;\n"
    )


def _lines(table: Mapping[str, Any], depth: int = 2) -> Iterable[str]:
    """A line for whatever is looked up, and for what is short enough."""
    for name, inner in sorted(table.items()):
        line = f"{'  ' * depth}{json.dumps(name)}: {json.dumps(inner, sort_keys=True)}"
        if depth > 2 or len(line) < 120:
            yield line
        else:
            within = ",\n".join(_lines(inner, depth + 1))
            yield f"{'  ' * depth}{json.dumps(name)}: {{\n{within}\n{'  ' * depth}}}"


def main() -> None:
    """Write the file anew."""
    FILE.write_text(as_sql(), encoding="utf-8")
    print(f"{FILE} is written.")


if __name__ == "__main__":
    main()

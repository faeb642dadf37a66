"""The transition table as a page for people: `python -m cellbank.domain.diagram > docs/lifecycle.md`.

A house test compares the page with the table, so the diagrams cannot lag behind the code.
"""

from collections.abc import Iterator

from cellbank.domain.lifecycle.meanings import STATES
from cellbank.domain.lifecycle.moves import PERFORMERS, Transition
from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.table import TRANSITIONS

HEAD = """# States and acts

Made from the transition table (`cellbank/domain/lifecycle`) by `python -m cellbank.domain.diagram`; do not edit.
An arrow is an act. ✎ means that it is signed (the meaning stands beside it); ≠ names whom the person must differ from.
"""


def page() -> str:
    """The whole page: for each kind of record its states, its diagram, and who may do what."""
    records = [record for record in STATES if any(row.record == record for row in TRANSITIONS)]
    return HEAD + "".join(f"\n{section}" for record in records for section in _section(record))


def _section(record: str) -> Iterator[str]:
    rows = [row for row in TRANSITIONS if row.record == record]
    yield f"## {record.replace('_', ' ').capitalize()}\n"
    yield "\n".join(f"- **{state}**: {means}" for state, means in STATES[record].items()) + "\n"
    yield "```mermaid\nstateDiagram-v2\n" + "".join(f"    {_arrow(row)}\n" for row in rows) + "```\n"
    yield "| act | from | to | who | signed | not the same person as |\n|---|---|---|---|---|---|\n" + "".join(
        f"| {_line(row)} |\n" for row in rows
    )


def _arrow(row: Transition) -> str:
    signed = " ✎" if row.meaning else ""
    return f"{row.source or '[*]'} --> {row.target}: {row.act}{signed}"


def _line(row: Transition) -> str:
    who = (
        "everybody signed in"
        if len(row.roles) >= len(Role) - 1
        else ", ".join(sorted(role.value for role in row.roles))
    )
    differs = ", ".join("whoever worked on it" if one == PERFORMERS else one.removesuffix("_id") for one in row.differs)
    signed = f"✎ {row.meaning.value}" if row.meaning else "password" if row.proved else ""
    cells = (row.act, row.source or "–", row.target, who, signed, differs)
    return " | ".join(cells)


if __name__ == "__main__":
    print(page(), end="")

"""What the application worked out and wrote beside that of which it did: by which letters a number is compared, the
figures of a definition. The database asks the same of what it can read; where it can not, and of what was written
before it asked, this tells."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from cellbank.domain.definition import DefinitionProblems
from cellbank.domain.folding import skeleton
from cellbank.services.quality.definitions import figures_agree
from cellbank.services.trail.trail_faults import Fault

# Columns that are compared by their letters; the key stands beside them.
COMPARED = {
    "subject": ("trial_number", "second_identifier"),
    "donor": ("pseudonym",),
    "reagent_lot": ("manufacturer_lot",),
    "storage_unit": ("name",),
}


def find_miswritten(connection: Connection) -> list[Fault]:
    """Each row beside which something else stands."""
    return [*_keys(connection), *_figures(connection)]


def _keys(connection: Connection) -> Iterator[Fault]:
    for table, columns in COMPARED.items():
        for column in columns:
            statement = text(f"SELECT id, {column} AS given, {column}_key AS kept FROM {table} ORDER BY id")
            for row in connection.execute(statement):
                if row.kept != skeleton(row.given):
                    yield Fault(table, row.id, None, f"its {column} is compared by something else than its letters")


def _figures(connection: Connection) -> Iterator[Fault]:
    statement = text(
        """SELECT id, code, type, content, planned_subjects, handling, programs_with_a_run, figures
             FROM definition WHERE figures IS NOT NULL ORDER BY id"""
    )
    for row in connection.execute(statement):
        try:
            agree = figures_agree(row)
        except DefinitionProblems:
            agree = False
        if not agree:
            yield Fault("definition", row.id, None, f"the figures beside {row.code} are not those of its file")

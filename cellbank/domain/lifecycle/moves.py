"""A row of the table: which act takes which record from where to where, by whom, signed how; and how it is written."""

from dataclasses import dataclass

from cellbank.domain.lifecycle.roles import Meaning, Role

PERFORMERS = "performers"  # in `differs`: everybody who did anything to the lot, its cultures, vials or results
APPROVED, REJECTED, REVIEWED = Meaning.APPROVED, Meaning.REJECTED, Meaning.REVIEWED


@dataclass(frozen=True)
class Transition:
    """One row of the table. `source` None: the act creates the record. Equal source and target: allowed, no move."""

    record: str
    act: str
    source: str | None
    target: str
    roles: frozenset[Role]
    meaning: Meaning | None = None
    differs: tuple[str, ...] = ()
    proved: bool = False  # the password is given again, though nothing is signed


def moves(
    record: str,
    act: str,
    moves: str,
    roles: frozenset[Role],
    meaning: Meaning | None = None,
    differs: tuple[str, ...] = (),
    *,
    proved: bool = False,
) -> tuple[Transition, ...]:
    """Rows of the table from 'A B > C': from A or from B to C; '> C' creates; 'A =' stays in A."""
    sources_text, arrow, target = moves.partition(">")
    if not arrow:
        stay = moves.replace("=", " ").split()
        return tuple(Transition(record, act, state, state, roles, meaning, differs, proved) for state in stay)
    sources: list[str | None] = list(sources_text.split()) or [None]
    end = target.strip()
    return tuple(Transition(record, act, source, end, roles, meaning, differs, proved) for source in sources)

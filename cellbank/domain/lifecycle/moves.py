"""A row of the table: which act takes which record from where to where, by whom, signed how; and how it is written."""

from dataclasses import dataclass

from cellbank.domain.lifecycle.meanings import STATES_OF
from cellbank.domain.lifecycle.roles import Meaning, Role
from cellbank.domain.lifecycle.states import State

PERFORMERS = "performers"  # in `differs`: everybody who did anything to the lot, its cultures, vials or results
APPROVED, REJECTED, REVIEWED = Meaning.APPROVED, Meaning.REJECTED, Meaning.REVIEWED


@dataclass(frozen=True)
class Transition:
    """One row of the table. `source` None: the act creates the record. Equal source and target: allowed, no move."""

    record: str
    act: str
    source: State | None
    target: State
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
    """Rows of the table from 'A B > C': from A or from B to C; '> C' creates; 'A =' stays in A. A state that is none of
    the record's is a KeyError before anything runs."""
    state_of = STATES_OF[record]
    sources_text, arrow, target = moves.partition(">")
    if not arrow:
        stay = [state_of[name] for name in moves.replace("=", " ").split()]
        return tuple(Transition(record, act, state, state, roles, meaning, differs, proved) for state in stay)
    sources: list[State | None] = [state_of[name] for name in sources_text.split()] or [None]
    end = state_of[target.strip()]
    return tuple(Transition(record, act, source, end, roles, meaning, differs, proved) for source in sources)

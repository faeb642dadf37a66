"""THE table: every move of every record between its states (those stand in states.py), act by act.

One row says: this act takes a record of this kind from this state to that one; these roles may do it; it is signed with
this meaning; the person must differ from whoever stands in these columns. Pages, permissions, four-eyes checks, the
state CHECKs in the database, the diagrams in docs/ and the parametrised tests all read this table and nothing else.
The rows stand by noun in people, product, cold, quality, patients and papers; the questions to them stand here: what
an act moves, who may do it, whether it is signed, what comes next.
"""

from functools import cache

from cellbank.domain.lifecycle import cold, papers, patients, people, product, quality
from cellbank.domain.lifecycle.moves import Transition, moves
from cellbank.domain.lifecycle.quality import STOPPING
from cellbank.domain.lifecycle.roles import EVERYBODY, READS_ALL_SITES, Role
from cellbank.domain.telling import TELLS

_MOVES = (*people.MOVES, *product.MOVES, *cold.MOVES, *quality.MOVES, *patients.MOVES, *papers.MOVES)


def _of_irregular_facts() -> tuple[Transition, ...]:
    """Whoever tells late of what was not allowed opens the deviation about it in the same act."""
    performers = {act: {role for row in _MOVES if row.act == act for role in row.roles} for act in sorted(TELLS)}
    return sum((moves("deviation", act, "> OPEN", frozenset(roles)) for act, roles in performers.items()), ())


TRANSITIONS: tuple[Transition, ...] = (*_MOVES, *_of_irregular_facts())

# What may be done to a record of another site than one's own. A stop may, too: it is everybody's duty.
CROSSING = frozenset(
    {
        ("shipment", "receive_shipment"),  # the sender has it in hand until then
        ("vial", "check_in_vials"),
        ("vial", "close_receipt"),
        # a clinician, quality and the sponsor sign for one subject, whichever site made the lot
        ("lot", "request_conditional_release"),
        ("lot", "approve_conditional_release"),
        ("lot", "sign_for_sponsor"),
    }
)


@cache
def rows_for(act: str, record: str | None = None) -> tuple[Transition, ...]:
    """The rows of one act, of one kind of record or of all."""
    return tuple(row for row in TRANSITIONS if row.act == act and record in (None, row.record))


@cache
def roles_for(act: str) -> frozenset[Role]:
    """Who may do an act at all, whatever the record."""
    return frozenset().union(*(row.roles for row in rows_for(act)))


@cache
def powers() -> frozenset[Role]:
    """The roles that nobody gives, or takes over with an account, alone: who holds one does or reads what not everybody
    may who is signed in. Out of the table, so that a new power is one from its first day."""
    only_some = (row.roles for row in TRANSITIONS if not row.roles >= EVERYBODY)
    return READS_ALL_SITES.union(*only_some) - {Role.SYSTEM}


@cache
def is_signed(act: str) -> bool:
    """Whether the act is signed."""
    return any(row.meaning for row in rows_for(act))


@cache
def asks_password(act: str) -> bool:
    """Whether the act asks for the password again: to sign, or to prove who is at the screen."""
    return is_signed(act) or any(row.proved for row in rows_for(act))


def tells(act: str) -> bool:
    """Whether the act tells of what has happened, and not only asks for what shall be."""
    return act in TELLS


def acts_from(record: str, state: str, roles: frozenset[Role]) -> tuple[str, ...]:
    """The acts that a person with these roles may try on a record in this state, in the order of the table."""
    names = (row.act for row in TRANSITIONS if row.record == record and row.source == state and row.roles & roles)
    return tuple(dict.fromkeys(names))


def crosses_sites(row: Transition) -> bool:
    """Whether this move may be made at another site than the record's own: a stop of what is frozen, or a CROSSING.

    Said of the act and not of the states: work on a lot that is on hold leaves it there, and is no stop.
    """
    frozen = row.source in ("QUARANTINE", "RELEASED", "ON_HOLD")
    is_stop = row.act in STOPPING and frozen and row.target == "ON_HOLD"
    return is_stop or (row.record, row.act) in CROSSING

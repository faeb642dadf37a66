"""One row of the table of transitions: which act takes which record from where to where, by whom, signed how."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person may be. An administrator holds no other role: accounts without any power over product."""

    TECHNICIAN = "technician"
    QUALITY_OFFICER = "quality_officer"
    CLINICIAN = "clinician"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    SYSTEM = "system"  # the installation itself: the first account, an unreadable scan of nobody


class Meaning(StrEnum):
    """What a signature says (21 CFR 11.50)."""

    PERFORMED = "performed"
    VERIFIED = "verified"
    REVIEWED = "reviewed"
    APPROVED = "approved"
    RELEASED = "released"
    REJECTED = "rejected"


PERFORMERS = "performers"  # in `differs`: everybody who did anything to the lot, its cultures, vials or results

T, Q, C, A = Role.TECHNICIAN, Role.QUALITY_OFFICER, Role.CLINICIAN, Role.ADMINISTRATOR
LAB = frozenset({T, Q})
FLOOR = frozenset({T, Q, C})  # everybody who works on product or with subjects
SIGNERS = FLOOR | {A}  # who signs, also about accounts
BEDSIDE = frozenset({C})
EVERYBODY = frozenset({T, Q, C, A, Role.AUDITOR})
READS_ALL_SITES = frozenset({A, Role.AUDITOR})  # what is kept at any site: who administers it, and who audits it


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

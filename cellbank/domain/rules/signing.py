"""Who may sign at all: who has accepted the statement, is trained, and has a second factor where their role needs one.

Domain reference §2, R8, R9 and R23. Twins in the database: a_signer_has_accepted_the_agreement, a_signer_is_trained.
"""

import datetime
from dataclasses import dataclass

from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.refusals import Code, Refusal, refuse


@dataclass(frozen=True)
class Trained:
    """One training of a person: the role, and the first and last day on which it counts."""

    role: str
    since: datetime.date
    until: datetime.date


@dataclass(frozen=True)
class Signer:
    """A person about to sign, in one of `roles`, on `today` of the site."""

    person: str
    roles: frozenset[str]
    agreement: str | None  # the version that they accepted
    in_force: str
    trained: tuple[Trained, ...]
    lacks_second_factor: bool
    today: datetime.date


def signer_refusals(signer: Signer) -> tuple[Refusal, ...]:
    """Why this person signs nothing today."""
    refusals = [*_agreement(signer), *_training(signer)]
    if signer.lacks_second_factor:
        sentence = "A signature of {person} needs a second factor, and none is set up. Set it up first, then sign."
        refusals.append(refuse(Code.SECOND_FACTOR_NEEDED, sentence, person=signer.person))
    return tuple(refusals)


def _agreement(signer: Signer) -> list[Refusal]:
    if signer.agreement == signer.in_force:
        return []
    sentence = (
        "{person} has not yet accepted the statement on electronic signatures. Accept the statement first, then sign."
        if signer.agreement is None
        else "The statement on electronic signatures has changed since {person} accepted it. Accept the new statement "
        "first, then sign."
    )
    return [refuse(Code.AGREEMENT_NEEDED, sentence, person=signer.person)]


def _training(signer: Signer) -> list[Refusal]:
    """Any role in which the table lets the person sign will do. An administrator signs for accounts only, and is
    trained for nothing that touches product."""
    if signer.roles == {Role.ADMINISTRATOR}:
        return []
    of_these = [one for one in signer.trained if one.role in signer.roles]
    if any(one.since <= signer.today <= one.until for one in of_these):
        return []
    roles = " or ".join(sorted(role.replace("_", " ") for role in signer.roles))
    ended = max((one.until for one in of_these), default=None)
    sentence = (
        "No training of {person} as {roles} is recorded. An administrator or a quality officer records it, then sign."
        if ended is None
        else "The training of {person} as {roles} ended on {until}. An administrator or a quality officer records the "
        "new one, then sign."
    )
    return [refuse(Code.TRAINING_EXPIRED, sentence, person=signer.person, roles=roles, until=ended)]

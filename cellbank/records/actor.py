"""Who acts, what proves it, and why somebody may not do or sign a thing."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from cellbank.domain import agreement
from cellbank.domain.keys import Scope
from cellbank.domain.lifecycle import Role, Transition
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.signing import Signer, Trained, signer_refusals
from cellbank.domain.transition import READS_ALL_SITES


@dataclass(frozen=True)
class Actor:
    """The person who acts, as the door found them."""

    id: int
    name: str
    full_name: str
    roles: frozenset[Role]
    site_id: int  # where they act now: what they make belongs there, and the act is sealed into its chain
    zone: str = "UTC"  # of that site: a training is valid on its days
    agreement: str | None = None  # the version of the statement that they accepted
    trained: tuple[Trained, ...] = ()
    has_second_factor: bool = False  # set up and confirmed
    lacks_second_factor: bool = False  # a role of theirs needs one, and none is confirmed
    site_code: str = ""  # of the site where they act now
    site_name: str = ""
    sites: tuple[str, ...] = ()  # codes of all sites at which they may work, home first
    scope: Scope | None = None  # of the key with which a program acts for them; None: all that they may

    @property
    def sees_all_sites(self) -> bool:
        """Whether they read what is kept at any site; with a key for one site nobody does."""
        one_site = self.scope is not None and self.scope.site is not None
        return not one_site and bool(self.roles & READS_ALL_SITES)


@dataclass(frozen=True)
class OneTime:
    """What was given beside a password and works once; the act that follows uses it up."""

    step: int | None = None  # of a code of the app: the number of its thirty seconds
    handed: int | None = None  # the id of a code that was handed over


class Proof(StrEnum):
    """What came of a password given for a signature, and of what was given with it."""

    RIGHT = "right"
    WRONG = "wrong"
    WRONG_AMONG = "wrong among"  # the name, the password or the one-time code: not said which
    LOCKED = "locked"  # not even compared: too many were wrong
    PAUSED = "paused"  # not looked at: after several wrong ones there the next one waits
    FIRST = "first"  # right, but chosen by an administrator, who must not be able to sign for others
    OLD = "old"  # right, but older than the site allows
    CODE_MISSING = "code missing"  # not even compared: a second factor belongs to it
    CODE_USED = "code used"  # right, but no code works twice


NOT_PROVED: dict[Proof, tuple[Code, str]] = {
    Proof.WRONG: (Code.SIGNATURE_WRONG, "The password is wrong: nothing was signed. Type it again."),
    Proof.WRONG_AMONG: (
        Code.SIGNATURE_WRONG,
        "The sign-in name, the password or the one-time code is wrong: nothing was signed. Type them again.",
    ),
    Proof.LOCKED: (
        Code.ACCOUNT_LOCKED,
        "Too many wrong passwords: this account is locked for a while. Wait, or ask an administrator to unlock it.",
    ),
    Proof.PAUSED: (
        Code.PASSWORD_WAITS,
        "Several passwords were wrong here, so this one was not looked at: nothing was signed. Wait a minute, then "
        "type it again; another person need not wait.",
    ),
    Proof.FIRST: (
        Code.SIGNATURE_WRONG,
        "This password was set by an administrator and signs nothing. Change it to one of your own, then sign.",
    ),
    Proof.OLD: (
        Code.SIGNATURE_WRONG,
        "This password is older than this site allows and signs nothing any more. Change it, then sign.",
    ),
    Proof.CODE_MISSING: (
        Code.SIGNATURE_NEEDED,
        "This signature needs the one-time code of your second factor as well: nothing was signed.",
    ),
    Proof.CODE_USED: (
        Code.SIGNATURE_WRONG,
        "This one-time code has been used: nothing was signed. Wait for the next code.",
    ),
}


def signature_refusals(
    actor: Actor, rows: Sequence[Transition], proof: Proof | None, title: str, now: datetime.datetime, *, dry_run: bool
) -> list[Refusal]:
    """Why these moves are not signed, or not proved, by this person now; a dry run needs no password, but all the
    rest."""
    signed = rows[0].meaning is not None
    if not signed and not rows[0].proved:
        return []
    roles = frozenset().union(*(row.roles for row in rows)) & actor.roles
    found = list(_signer_refusals(actor, roles, now)) if signed else []
    if proof is None and not dry_run:
        asks = "“{act}” is signed: give your password." if signed else "“{act}” asks for your password: give it again."
        found.append(refuse(Code.SIGNATURE_NEEDED, asks, act=title))
    elif proof in NOT_PROVED:
        found.append(refuse(*NOT_PROVED[proof]))
    return found


def _signer_refusals(actor: Actor, roles: frozenset[Role], now: datetime.datetime) -> tuple[Refusal, ...]:
    """Why this person may not sign today in any of these roles; nothing about somebody who has none of them."""
    if not roles:
        return ()
    today = now.astimezone(ZoneInfo(actor.zone)).date()
    lacks = actor.lacks_second_factor
    return signer_refusals(
        Signer(actor.full_name, roles, actor.agreement, agreement.VERSION, actor.trained, lacks, today)
    )


def role_refusal(title: str, allowed: frozenset[Role]) -> Refusal:
    """The refusal for somebody who may not do this at all."""
    names = ", ".join(sorted(role.value.replace("_", " ") for role in allowed if role is not Role.SYSTEM))
    return refuse(
        Code.ROLE_NOT_ALLOWED,
        "“{act}” is for: {roles}. Ask one of them.",
        act=title,
        roles=names or "nobody here",
    )

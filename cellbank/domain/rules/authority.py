"""Whether somebody may: by their role, at this site, another person than before, with a signature that holds today.

Twins: `migrations/database/authority.sql`, `signatures.sql`, `sites.sql`.
"""

import datetime
from collections.abc import Collection, Sequence
from zoneinfo import ZoneInfo

from cellbank.domain import agreement
from cellbank.domain.actor import Actor, Proof
from cellbank.domain.lifecycle.moves import Transition
from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.signing import Signer, signer_refusals

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


def role_refusal(title: str, allowed: frozenset[Role]) -> Refusal:
    """The refusal for somebody who may not do this at all."""
    names = ", ".join(sorted(role.value.replace("_", " ") for role in allowed if role is not Role.SYSTEM))
    return refuse(
        Code.ROLE_NOT_ALLOWED,
        "“{act}” is for: {roles}. Ask one of them.",
        act=title,
        roles=names or "nobody here",
    )


def site_refusals(actor: Actor, of: str, record: str) -> tuple[Refusal, ...]:
    """Why a record of the site with the code `of` is not touched by somebody who acts at another one; who administers
    or audits the installation, and the installation itself, act everywhere."""
    if of == actor.site_code or actor.sees_all_sites or Role.SYSTEM in actor.roles:
        return ()
    sentence = (
        "{record} is of site {theirs}, and you act at {here}. Ask there, or switch to that site if you work there."
    )
    return (refuse(Code.OTHER_SITE, sentence, record=record, theirs=of, here=actor.site_code),)


def same_person_refusals(actor: Actor, worked: Collection[int | None], record: str, title: str) -> tuple[Refusal, ...]:
    """Why the act needs another person: this one is among those who worked on the record, by their ids."""
    if actor.id not in worked:
        return ()
    sentence = "{person} has already worked on {record}: “{act}” needs another person."
    return (refuse(Code.SAME_PERSON, sentence, person=actor.full_name, record=record, act=title),)


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

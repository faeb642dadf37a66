"""`run_act`, the only way in: whatever comes to do an act comes through here.

What is the same for every act stands once: reading the input, proving the password of a signature, hashing a new one
(both before anything is locked, for they take time), and then the act itself (`performing.py`).
"""

import datetime
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from cellbank.domain.actor import Actor, OneTime, Proof
from cellbank.domain.lifecycle.table import asks_password, is_signed, roles_for
from cellbank.domain.refusals import Refused
from cellbank.services.installation import Installation, server_time
from cellbank.services.parsing import (
    ActInput,
    Malformed,
    Problem,
    ProvedInput,
    Secret,
    SignedInput,
    TellingInput,
    check_key,
    following_key,
    parse,
)
from cellbank.services.people.passwords import Credentials, Proved, check_policy, new_hash, prove
from cellbank.services.people.places import Place
from cellbank.services.people.wrong_identities import perform_in_turn
from cellbank.services.performing import VERSION, Call, Outcome, perform
from cellbank.services.performing import keep_refusal as _keep
from cellbank.services.registry import REGISTRY, RegisteredAct, UnknownAct, act, find_act

__all__ = [
    "REGISTRY", "VERSION", "ActInput", "Malformed", "Outcome", "Problem", "ProvedInput", "RegisteredAct", "Secret",
    "SignedInput", "TellingInput", "UnknownAct", "act", "find_act", "keep_refusal", "parse", "prove_signature",
    "run_act",
]  # fmt: skip


def run_act(
    installation: Installation,
    name: str,
    given: Mapping[str, Any],
    actor: Actor,
    *,
    door: str,
    key: str | None = None,
    dry_run: bool = False,
    client: str | None = None,
    place: Place | None = None,
    now: datetime.datetime | None = None,
    continued: bool = False,
    once: OneTime | None = None,
    just_proved: Proof | None = None,
    cut_off_since: datetime.datetime | None = None,
) -> Outcome:
    """Do an act for a person, or only judge it (`dry_run`).

    Returns the outcome, accepted or refused. Raises UnknownAct, Malformed, and whatever bug there is, in which case
    nothing was written. `place`: where a password of the input is given; without it, from outside. `continued`: the
    person has already signed in this session of a door that knows its sessions, so that the password alone signs (21
    CFR 11.200). `once`: the one-time code with which the door has just proved the person; `just_proved`: what came of
    the password, for an act that asks for it. `cut_off_since`: when the server gave the judgement by which a screen
    went on alone; what it did is late however soon it is sent. `now` is given by the demo and the tests only.
    """
    registered = find_act(name)
    check_key(key)
    parsed = parse(registered.input, given)
    at = now or server_time()
    proved = prove_signature(
        installation, registered, parsed, actor, at, place=place or Place(door, client), continued=continued
    )
    if proved.proof is None and asks_password(name) and not is_signed(name):
        proved = Proved(just_proved)
    hashed = _hash_new_password(installation, registered, parsed, actor, dry_run=dry_run)
    used = once if proved.once is None else proved.once
    late_after = timedelta(minutes=0 if cut_off_since else installation.config.late_after_minutes)
    call = Call(registered, parsed, actor, at, door, key, client, proved.proof, used, hashed, late_after, cut_off_since)
    in_turn = perform_in_turn if registered.judges_identity else perform
    return in_turn(installation, call, dry_run=dry_run)


def keep_refusal(
    installation: Installation,
    name: str,
    given: Mapping[str, Any],
    shown: Outcome,
    actor: Actor,
    *,
    door: str,
    key: str | None,
    client: str | None = None,
    now: datetime.datetime | None = None,
) -> Outcome:
    """Keep in the trail what a page refused before anybody committed: the reasons that were shown, and no others.

    For a near miss is data. `shown` is the refused outcome of the dry run; the same input under the same key is kept
    once, so that a double click or a page that is sent again counts one.
    """
    registered = find_act(name)
    check_key(key)
    call = Call(registered, parse(registered.input, given), actor, now or server_time(), door, None, client)
    if key is not None:
        call = replace(call, key=following_key(key, call.digest[:16]))
    return _keep(installation, call, Refused(shown.refusals, shown.about))


def prove_signature(
    installation: Installation,
    registered: RegisteredAct,
    parsed: ActInput,
    actor: Actor,
    now: datetime.datetime,
    *,
    place: Place,
    continued: bool,
) -> Proved:
    """What was given for a signature, or to prove who is there, and what it proves; nothing when none was asked for or
    given. Only a signature may leave out the code for those who have signed before in their session."""
    if not asks_password(registered.name) or not isinstance(parsed, ProvedInput) or parsed.password is None:
        return Proved(None)
    code = parsed.one_time_code.get_secret_value() if parsed.one_time_code else None
    signer = parsed.signer if isinstance(parsed, SignedInput) else None
    credentials = Credentials(parsed.password.get_secret_value(), code, signer)
    continued = continued and is_signed(registered.name)
    return prove(installation, actor, credentials, now, place=place, continued=continued)


def _hash_new_password(
    installation: Installation, registered: RegisteredAct, parsed: ActInput, actor: Actor, *, dry_run: bool
) -> str | None:
    """The hash of a new password in the input, made while nothing is locked. Raises Malformed against the policy."""
    new = getattr(parsed, "new_password", None)
    if new is None or not roles_for(registered.name) & actor.roles:
        return None
    password, owner = new.get_secret_value(), getattr(parsed, "name", None)
    name = owner or actor.name
    check_policy(installation, password, name, getattr(parsed, "full_name", None))
    return None if dry_run else new_hash(installation, name, password, not_of=None if owner else actor)

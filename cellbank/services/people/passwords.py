"""Passwords: argon2id, proved at sign-in and again at every signature, with the one-time code of a second factor where
the role has one. What is wrong is counted: whoever guesses waits, and of what comes from outside an account locks. And
what a new password must be."""

import datetime
from dataclasses import dataclass
from typing import Any, NamedTuple

from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from zxcvbn import zxcvbn

from cellbank.config import Config
from cellbank.domain.accounts import is_locked
from cellbank.domain.actor import Actor, OneTime, Proof
from cellbank.domain.handed_codes import Purpose, halves
from cellbank.outside.account_key import account_key
from cellbank.records.base import read_row
from cellbank.services.incidents import beside_an_answer
from cellbank.services.installation import Installation
from cellbank.services.parsing import LONGEST_PASSWORD, Malformed, Problem
from cellbank.services.people import wrong_entries
from cellbank.services.people.handed_codes import ASKS_HALF, found
from cellbank.services.people.one_time_codes import step_of
from cellbank.services.people.places import DAY, Place, note_desk
from cellbank.services.people.wrong_entries import Lately, Who
from cellbank.services.people.wrong_passwords import count_wrong_password

HASHER = PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)
SHORTEST, LONGEST = 8, LONGEST_PASSWORD  # the setting PASSWORD_LENGTH may ask for more

_ACCOUNT = f"""SELECT password_hash, password_set_at, must_change_password, locked_until, failure_count, totp_secret,
  totp_confirmed_at, totp_step, {ASKS_HALF} AS asks_half FROM person WHERE id = %(id)s"""
_OWNER = "SELECT full_name FROM person WHERE name = %(name)s"


@dataclass(frozen=True)
class Credentials:
    """What somebody gives to prove who they are. `signer` is the sign-in name where it is given with a signature."""

    password: str
    code: str | None = None
    signer: str | None = None


class Proved(NamedTuple):
    """What came of it; `once` is the one-time code, which the act that follows uses up; `wait`, how long to wait;
    `opens_at`: all was right, and the account is locked until then for who comes from outside."""

    proof: Proof | None
    once: OneTime | None = None
    wait: datetime.timedelta | None = None
    opens_at: datetime.datetime | None = None


# ---- proving


# Whoever gives the right password of a locked account is told until when, and where to go. So a password can be tried
# while the account is locked, and guessing is bounded by count: as many once more as those that locked it. Then nothing
# is compared until the lock ends.
LOOKED_AT = 2
# With a first or an old password one comes in, to change it.
COME_IN = frozenset({Proof.RIGHT, Proof.FIRST, Proof.OLD})


def prove(
    installation: Installation,
    who: Who,
    given: Credentials,
    now: datetime.datetime,
    *,
    place: Place,
    continued: bool = False,
    enrols: bool = False,
) -> Proved:
    """What the credentials prove of a person; nothing of a name that nobody has, for which it takes as long.

    What is wrong is counted where it was given: after so many there each further one waits (settings LOCKOUT_FAILURES,
    ADDRESS_FAILURES). So many from outside lock the account (LOCKOUT_…), for what comes from outside: not for a screen
    that knows the person, nor where somebody is signed in. All of it is looked at when it is this one's turn: of many
    that are sent at once, those beyond the limit are not compared. `continued`: a session in which the person has
    already signed asks for no code. `enrols`: to set up a second factor, for which the code is that of an
    administrator, or of the factor that there is.
    """
    with wrong_entries.turn(place, who), installation.password_slots:
        lately = wrong_entries.look(installation, who, place, now)
        wait = lately.wait(installation.config, now)
        if wait is not None:
            return Proved(Proof.PAUSED, wait=wait)
        if isinstance(who, str):
            _verifies(None, _keyed(installation, who, given.password))  # an unknown name must not answer faster
            proved = Proved(Proof.WRONG)
        else:
            proved = _prove(installation, who, given, now, place, lately, continued=continued, enrols=enrols)
        if proved.proof not in COME_IN:
            wrong_entries.note_wrong(installation, lately, place, now)
        return proved


def _prove(
    installation: Installation,
    actor: Actor,
    given: Credentials,
    now: datetime.datetime,
    place: Place,
    lately: Lately,
    *,
    continued: bool,
    enrols: bool,
) -> Proved:
    account = read_row(installation.reads, _ACCOUNT, {"id": actor.id})
    assert account is not None
    # Of a first password that two people gave each knows a half.
    password, half = halves(given.password) if account["asks_half"] else (given.password, None)
    password = _keyed(installation, actor.name, password)
    locked = not lately.is_inside and is_locked(account["locked_until"], now)
    if locked and account["failure_count"] >= LOOKED_AT * installation.config.lockout_failures:
        _verifies(None, password)  # nor which are locked
        return Proved(Proof.LOCKED)
    has_code = has_second_factor(installation.config, actor) and bool(account["totp_confirmed_at"])
    needs_code = enrols or (has_code and not continued)
    if needs_code and not given.code:
        _verifies(None, password)  # takes as long as any other: it is not said which accounts have one
        return Proved(Proof.CODE_MISSING)
    once, handed_for = _given_once(installation, actor, account, given.code or "", now) if needs_code else (None, None)
    right_name = given.signer is None or given.signer.strip().lower() == actor.name
    right = _verifies(account["password_hash"], password) and right_name
    lacking = [handed_for] if needs_code and once is None else []
    if half is not None and found(installation, actor.id, half, now, Purpose.FIRST_PASSWORD) is None:
        lacking.append(Purpose.FIRST_PASSWORD)
    if not right or lacking:
        tried = lacking[0] if right and len(lacking) == 1 else None  # a code of somebody who knows the rest
        count_wrong_password(installation, actor, now, place=place, lately=lately, instead_of=tried)
        if locked:
            return Proved(Proof.LOCKED)
        return Proved(Proof.WRONG_AMONG if needs_code or given.signer is not None else Proof.WRONG)
    if locked:
        return Proved(Proof.LOCKED, opens_at=account["locked_until"])
    standing = _standing(installation.config, account, once, now)
    if standing in COME_IN:
        _note_right(installation, actor, place, lately, account["password_set_at"], now)
    return Proved(standing, once)


def _note_right(
    installation: Installation,
    actor: Actor,
    place: Place,
    lately: Lately,
    password_set_at: datetime.datetime | None,
    now: datetime.datetime,
) -> None:
    """What was wrong there before is forgiven, and from now on the screen knows the person: to the day."""
    with beside_an_answer():
        wrong_entries.forgive(installation, lately)
        if place.desk and (lately.desk_proved_at is None or now - lately.desk_proved_at > DAY):
            note_desk(installation, actor, place, password_set_at, now)


def _given_once(
    installation: Installation, actor: Actor, account: dict[str, Any], code: str, now: datetime.datetime
) -> tuple[OneTime | None, Purpose | None]:
    """The good code that was given, of the app or one of recovery; of an administrator where there is no factor yet.
    And for which purpose a code was handed over that can be tried to death: recovery codes cannot."""
    if not account["totp_confirmed_at"]:
        handed, tried = found(installation, actor.id, code, now, Purpose.SECOND_FACTOR), Purpose.SECOND_FACTOR
    else:
        secret = account_key(installation.config.data).opened(account["totp_secret"], of=actor.name)
        step = step_of(secret, code, now) if secret else None
        if step is not None:
            return OneTime(step=step), None
        handed, tried = found(installation, actor.id, code, now, Purpose.RECOVERY), None
    return (None if handed is None else OneTime(handed=handed)), tried


def _standing(config: Config, account: dict[str, Any], once: OneTime | None, now: datetime.datetime) -> Proof:
    """What the right credentials are worth."""
    step = once.step if once else None
    if step is not None and account["totp_step"] is not None and step <= account["totp_step"]:
        return Proof.CODE_USED
    if account["must_change_password"]:
        return Proof.FIRST
    return Proof.OLD if is_old(config, account["password_set_at"], now) else Proof.RIGHT


def has_second_factor(config: Config, actor: Actor) -> bool:
    """Whether a role of this person signs in and signs with a second factor."""
    return bool(actor.roles & config.second_factor_roles)


def is_old(config: Config, set_at: datetime.datetime | None, now: datetime.datetime) -> bool:
    """Whether a password must be changed for its age (setting PASSWORD_DAYS; 0: never)."""
    days = config.password_days
    return bool(days) and set_at is not None and now - set_at > datetime.timedelta(days=days)


def _keyed(installation: Installation, name: str, password: str) -> str:
    """What is hashed of somebody's password. A hash that was made without the key of the installation, or that is
    another person's, is the hash of no password of theirs, whoever wrote it into their row."""
    return account_key(installation.config.data).of_password(name, password)


def _verifies(stored: str | None, keyed: str) -> bool:
    """Compare, taking the same time when there is no password."""
    try:
        return HASHER.verify(stored or _NOBODYS_HASH, keyed) and stored is not None
    except (VerifyMismatchError, InvalidHashError):
        return False


_NOBODYS_HASH = HASHER.hash("nobody has this password")


# ---- new ones

SHORTEST_NAME = 4  # a shorter one stands in too many passwords by chance
# What the lists of zxcvbn do not know: rows of the Ukrainian keyboard, and what is first thought of here.
ALSO_COMMON = ("йцукенгшщзхї", "фівапролджє", "ячсмитьбю", "пароль", "лабораторія")
ENOUGH = 3  # of 4, zxcvbn: more than 10^8 guesses
JUDGED = 72  # letters: what comes after them only makes it longer


def new_hash(installation: Installation, name: str, password: str, *, not_of: Actor | None) -> str:
    """The argon2id hash of a new password of the person with this sign-in name; 64 MiB and about 0.1 s. Raises
    Malformed when it is the present one of its owner, who is told; an administrator who gives a first password must not
    learn that by trying."""
    row = read_row(installation.reads, _ACCOUNT, {"id": not_of.id}) if not_of else None
    keyed = _keyed(installation, name, password)
    with installation.password_slots:
        if row is not None and _verifies(row["password_hash"], keyed):
            raise Malformed([Problem("new_password", "is the present password. Choose another.")])
        return HASHER.hash(keyed)


def check_policy(installation: Installation, password: str, owner: str, full_name: str | None) -> None:
    """Raises Malformed with everything that a new password of this person must not be; never repeats it."""
    row = None if full_name else read_row(installation.reads, _OWNER, {"name": owner})
    names = (owner, full_name or (row["full_name"] if row else ""))
    problems = [Problem("new_password", sentence) for sentence in against_policy(installation.config, password, names)]
    if problems:
        raise Malformed(problems)


def against_policy(config: Config, password: str, names: tuple[str, ...]) -> list[str]:
    """What speaks against a new password of somebody with these names."""
    bare = "".join(password.casefold().split())
    wrong = []
    if len(password) < config.password_length:
        wrong.append(f"needs at least {config.password_length} characters, not {len(password)}.")
    inside = [name for name in names if len(name) >= SHORTEST_NAME and "".join(name.casefold().split()) in bare]
    if inside:
        wrong.append(f"must not contain your name ({inside[0]}).")
    known = [*ALSO_COMMON, *(part for name in names for part in name.split())]
    if zxcvbn(bare[:JUDGED], known)["score"] < ENOUGH:
        wrong.append("is one of the first that anybody would try. Several words are easier to remember, and better.")
    return wrong

"""What messages say: for each template its subject and its sentence. The outbox keeps the template and the values; the
words are said in the reader's language when it is sent, on the clock of their site.

No secret, no patient and no free text of anybody stands in a message: it travels and lies about outside the house.
"""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Template(StrEnum):
    """What is told. The names are kept with each message, so one that is used never changes."""

    OPENED = "account opened"
    ROLES = "roles changed"
    SITES = "sites changed"
    PASSWORD_RESET = "password reset"
    PASSWORD_CHANGED = "password changed"
    FACTOR_TAKEN_BACK = "second factor taken back"
    FACTOR_SET_UP = "second factor set up"
    RECOVERY_USED = "recovery code used"
    ADDRESS = "address changed"
    LOCKED = "account locked"
    UNLOCKED = "account unlocked"
    UNLOCKED_ANOTHER = "account of another unlocked"
    DISABLED = "account disabled"


WORDS: dict[Template, tuple[str, str]] = {
    Template.OPENED: (
        "Your account was opened",
        "The account {account} of {person} was opened on {at}. You get your first password by hand, never by message.",
    ),
    Template.ROLES: (
        "Your roles were changed",
        "The roles of the account {account} of {person} were changed on {at}. They are now: {roles}.",
    ),
    Template.SITES: (
        "Your sites were changed",
        "The sites at which {person} may work with the account {account} were changed on {at}. Besides the home site "
        "they are now: {sites}.",
    ),
    Template.PASSWORD_RESET: (
        "Your password was reset",
        "The password of the account {account} of {person} was reset on {at}. All sessions and the keys of programs "
        "have ended.",
    ),
    Template.PASSWORD_CHANGED: (
        "Your password was changed",
        "The password of the account {account} of {person} was changed on {at}, with the old one.",
    ),
    Template.FACTOR_TAKEN_BACK: (
        "Your second factor was taken back",
        "The second factor of the account {account} of {person} was taken back on {at}. All sessions and the keys of "
        "programs have ended.",
    ),
    Template.FACTOR_SET_UP: (
        "Your second factor was set up",
        "A second factor of the account {account} of {person} was set up on {at}. One that there was before is good "
        "no more.",
    ),
    Template.RECOVERY_USED: (
        "A recovery code was used",
        "A recovery code of the second factor of the account {account} of {person} was used on {at}.",
    ),
    Template.ADDRESS: (
        "Your address for messages was changed",
        "The address to which messages about the account {account} of {person} go was changed on {at}. The old "
        "address and the new one are both told.",
    ),
    Template.LOCKED: (
        "Your account is locked",
        "The account {account} of {person} was locked on {at} after wrong passwords or codes. It opens again by "
        "itself on {until}.",
    ),
    Template.UNLOCKED: (
        "Your account was unlocked",
        "The account {account} of {person} was unlocked on {at}.",
    ),
    Template.UNLOCKED_ANOTHER: (
        "You have unlocked an account",
        "With the account {account} of {person} the account of {whom} was unlocked on {at}, by two people together.",
    ),
    Template.DISABLED: (
        "Your account was disabled",
        "The account {account} of {person} was disabled for good on {at}.",
    ),
}  # fmt: skip

BY_ONE = "Done by {by}."
BY_TWO = "Asked for by {asked}, confirmed by {by}."
BY_ONESELF = "Done by whoever was signed in with this account."
NOT_YOU = (
    "If this is not as you know it, tell an administrator and quality at once, in person or by telephone. Nobody reads "
    "an answer to this message."
)
LOOK = "What was done with your account stands here: {link}"
TWICE = (
    "This message may have reached you before: it was sent once already, and nobody confirmed that it arrived. It "
    "tells of one thing that happened once."
)
NOTHING = "none"
SENTENCES = (
    BY_ONE, BY_TWO, BY_ONESELF, NOT_YOU, LOOK, TWICE, NOTHING, *(word for two in WORDS.values() for word in two)
)  # fmt: skip

# Back-off: after the n-th attempt so long until the next one.
_FIRST_PAUSE, _LONGEST_PAUSE = datetime.timedelta(minutes=1), datetime.timedelta(minutes=30)


def pause_after(attempts: int) -> datetime.timedelta:
    """How long a message waits after so many attempts: a minute, then twice as long each time, half an hour at most."""
    return min(_FIRST_PAUSE * (1 << min(attempts - 1, 10)), _LONGEST_PAUSE)


@dataclass(frozen=True)
class Letter:
    """A message in words: plain text."""

    subject: str
    body: str


def in_words(
    template: Template,
    values: Mapping[str, Any],
    *,
    say: Callable[[str], str],
    time: Callable[[str], str],
    link: str | None,
    twice: bool,
) -> Letter:
    """The message, its words said by `say` and its instants put on a clock by `time`. Whatever the values hold, each
    stays within its line. Raises KeyError for a template or a value that there is not."""
    subject, sentence = WORDS[template]
    facts = {name: _fact(name, value, say, time) for name, value in values.items()}
    lines = [say(sentence), say(_by(values)) if template is not Template.LOCKED else "", say(NOT_YOU)]
    filled = [line.format_map(facts) for line in lines if line]
    if link:
        filled.append(say(LOOK).format(link=link))
    if twice:
        filled.append(say(TWICE))
    return Letter(say(subject), "\n\n".join(filled) + "\n")


def _by(values: Mapping[str, Any]) -> str:
    return BY_TWO if "asked" in values else BY_ONE if "by" in values else BY_ONESELF


TIMES, NAMES_OF_THE_CODE = frozenset({"at", "until"}), frozenset({"roles"})


def _fact(name: str, value: Any, say: Callable[[str], str], time: Callable[[str], str]) -> str:
    if isinstance(value, list | tuple):
        words = [say(one.replace("_", " ").capitalize()) if name in NAMES_OF_THE_CODE else one for one in value]
        return ", ".join(" ".join(word.split()) for word in words) or say(NOTHING)
    return " ".join((time(value) if name in TIMES else str(value)).split())

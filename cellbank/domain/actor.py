"""Who acts, and what proves it."""

from dataclasses import dataclass
from enum import StrEnum

from cellbank.domain.keys import Scope
from cellbank.domain.lifecycle.roles import READS_ALL_SITES, Role
from cellbank.domain.rules.signing import Trained


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

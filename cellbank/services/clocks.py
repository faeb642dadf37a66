"""The clock of the application beside that of the database. Where they differ by more than the setting, one of them is
wrong and nobody knows which: nothing that bears a time is recorded, and no screen says yes.

It costs no question: the statement that finds who is acting, and the one that opens an act, tell the database's time.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.records.away import Unavailable

# Who may come and go all the same: to read what a patient needs, and to shut a stolen screen out.
COMES_AND_GOES = frozenset({"sign_in", "sign_out", "end_session"})
APART = (
    "The clocks of the server and of its database differ by {minutes} minutes, and nobody knows which is right: "
    "nothing is recorded until they agree. Write down what happens with its time, tell the administrator, and enter it "
    "afterwards: what has happened can be entered late."
)


class Clocks:
    """How far the two are apart, as this process heard last."""

    def __init__(self, clock: Callable[[], datetime], limit_seconds: int):
        self.clock, self.limit = clock, timedelta(seconds=limit_seconds)
        self.ahead = timedelta(0)  # of the database

    def hear(self, database: datetime) -> None:
        """The database has just said what time it is."""
        self.ahead = database - self.clock()

    @property
    def differ(self) -> bool:
        """Whether they are further apart than they may be."""
        return abs(self.ahead) > self.limit

    @property
    def minutes(self) -> int:
        """By how many minutes, at least one."""
        return max(1, round(abs(self.ahead) / timedelta(minutes=1)))

    def refusals(self, act: str) -> list[Refusal]:
        """Why this act is not recorded now."""
        refused = self.differ and act not in COMES_AND_GOES
        return [refuse(Code.CLOCKS_DIFFER, APART, minutes=self.minutes)] if refused else []

    def must_agree(self) -> None:
        """For who can wait with what they have, such as a screen that kept it. Raises Unavailable."""
        if self.differ:
            raise Unavailable(APART.format(minutes=self.minutes))

    def in_the_trail(self, now: datetime) -> datetime:
        """The time that an act bears: where they differ, by the clock that also seals it."""
        return now + self.ahead if self.differ else now

"""What a line of a home page is: a read of facts, the words that they fill, and the act that comes next."""

from collections.abc import Iterator
from dataclasses import dataclass

from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.phrase import Wording, sentences

DOSE = "Infusion {n} (Day {m}) of {subject}"
T, Q, C, A = Role.TECHNICIAN, Role.QUALITY_OFFICER, Role.CLINICIAN, Role.ADMINISTRATOR


def today(site: str) -> str:
    """The date that the calendar of a site shows now; `site`: the column of its number."""
    return f"(SELECT (CAST(:now AS timestamptz) AT TIME ZONE timezone)::date FROM site WHERE id = {site})"


def day_at(site: str, column: str) -> str:
    """The date that it showed at an instant."""
    return f"(SELECT ({column} AT TIME ZONE timezone)::date FROM site WHERE id = {site})"


@dataclass(frozen=True)
class Line:
    """One list of work. Its read gives code, state, site_id, what the words name (and due, and act where that differs
    from row to row), the first to be done first; no words for people. What all sites share is of the site `:site`
    that is looked at. An empty list without words for that is not mentioned."""

    name: str
    title: str
    empty: str
    read: str
    called: Wording  # the record
    so: tuple[Wording, ...] = ()  # what is so with it, phrase by phrase
    act: str | None = None
    field: str | None = None
    first: bool = False  # it stands above everything else: what runs, or waits at a bed; then what was stopped
    opens: str = "record"  # the page of each thing

    def sentences(self) -> Iterator[str]:
        """Whatever it says, to be translated."""
        yield from (self.title, self.empty, *sentences((self.called, *self.so)))

"""Lists of records to look through and to search. Read only. A list is an entry in the file of its noun here."""

from dataclasses import dataclass
from typing import Any

from cellbank.domain.lifecycle.meanings import STATES
from cellbank.services.installation import Installation
from cellbank.services.lookup.lists import clinic, people, production, quality, temperature, testing
from cellbank.services.lookup.lists.listing import PAGE, Column, Listing, Look

__all__ = ["LISTS", "PAGE", "Column", "Found", "Listing", "Look", "find"]

#: by the name in the address, in the order of the menu
LISTS: dict[str, Listing] = {
    name: listing
    for noun in (production, temperature, testing, clinic, quality, people)
    for name, listing in noun.LISTS.items()
}


@dataclass(frozen=True)
class Found:
    """One page of a list; `counts` tells how many there are in each state."""

    rows: tuple[dict[str, Any], ...]
    total: int
    counts: dict[str, int]


def find(installation: Installation, name: str, search: str = "", state: str = "", page: int = 1) -> Found:
    """A page of a list, searched and filtered, of what is of the site that is looked at. Raises KeyError for a list
    that does not exist."""
    listing = LISTS[name]
    narrowed, known = listing.narrowed(search, installation.site), STATES[listing.kind]
    wanted = (*narrowed, listing.record.state == state) if state in known else narrowed
    rows = listing.rows(wanted).limit(PAGE).offset((max(1, page) - 1) * PAGE)
    given = {"site": installation.site}
    with installation.reads.connect() as connection:
        found = tuple(dict(row) for row in connection.execute(rows, given).mappings())
        by_state = {state: number for state, number in connection.execute(listing.counts(narrowed), given)}
    counts = {one: by_state[one] for one in known if one in by_state}
    return Found(found, counts.get(state, 0) if state in known else sum(counts.values()), counts)

"""The levels of a cold store: what may stand in what, and which of them hold vials or bags at positions.

This table is the whole of it; the form, the rules and the pages read it, and the trigger `storage_unit_place_safety`
repeats its pairs. A unit without anything above it stands on the site itself.
"""

from dataclasses import dataclass

MOST_ROWS, MOST_COLUMNS, MOST_PLACES = 26, 48, 9999
MOST_COLD_MINUTES = 1440  # a day: what holds longer is a shipper, and is qualified


@dataclass(frozen=True)
class Level:
    """One kind of unit. `stands_in` are the kinds directly above it; `on_site`: it may also stand in nothing else."""

    name: str
    stands_in: tuple[str, ...] = ()
    on_site: bool = False
    has_positions: bool = False


LEVELS: dict[str, Level] = {
    level.name: level
    for level in (
        Level("room", ("room",), on_site=True),
        Level("tank", ("room",), on_site=True),
        Level("canister", ("tank",)),
        Level("rack", ("tank", "canister")),
        Level("box", ("tank", "rack", "canister"), has_positions=True),
        Level("visotube", ("tank", "rack", "canister"), has_positions=True),  # a goblet of tubes or straws
        Level("cassette", ("tank", "rack", "canister"), has_positions=True),  # the metal case of a frozen bag
        Level("dewar", ("room",), on_site=True),  # carried: what is picked stays cold in it for a while
        Level("shipper", on_site=True, has_positions=True),  # travels: its site is where it is
    )
}
PAIRS = frozenset((level.name, above) for level in LEVELS.values() for above in level.stands_in)
WITH_POSITIONS = tuple(level.name for level in LEVELS.values() if level.has_positions)


def fits(type_: str, above: str | None) -> bool:
    """Whether a unit of this kind may stand directly in one of that kind (None: on the site itself)."""
    return LEVELS[type_].on_site if above is None else (type_, above) in PAIRS

"""How long a pick list keeps the cold open: an estimate that is printed before the tank is opened.

The seconds are those of a practised person in vapour; nobody has measured them here, and the limits against which they
are held are the specification's (domain reference §4.3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

LIFT_SECONDS = 8  # a rack or canister up and down
BOX_SECONDS = 4  # a box out of its rack and back
VIAL_SECONDS = 4  # one vial found, scanned and taken


@dataclass(frozen=True)
class OpenTime:
    """Seconds in the open: of the whole list, and the longest of one box, which all its vials spend."""

    total: int
    longest_box: int


def open_time(places: Sequence[tuple[str, ...]]) -> OpenTime:
    """The estimate for vials in pick order; each place names the units from the outside in, the box last."""
    boxes = [(line, len(list(group))) for line, group in groupby(places)]
    lifts = len([line for line, _ in groupby(place[:-1] for place in places) if len(line) > 1])
    in_boxes = [BOX_SECONDS + VIAL_SECONDS * count for _, count in boxes]
    return OpenTime(lifts * LIFT_SECONDS + sum(in_boxes), max(in_boxes, default=0))

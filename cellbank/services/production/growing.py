"""What a harvest says of how the cells grew: the figures that stand with a culture, worked out in one place, when it is
harvested and when a count is put right."""

import datetime
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cellbank.domain.growth import CumulativeLevel, Growth, cumulative_level, growth, viable_cells

AN_INSTANT = datetime.timedelta(seconds=1)
# A culture that takes longer than a year to double does not grow; its doubling time is no figure (96 h in which three
# million cells gained one would be twenty thousand years).
LONGEST_DOUBLING_TIME_H = Decimal(24 * 366)


@dataclass(frozen=True)
class Harvested:
    """Living cells of a harvest, how they grew, and the cumulative level that they have reached."""

    viable: int
    grown: Growth
    level: Decimal

    @property
    def doubling_time(self) -> Decimal | None:
        """Hours, where that is a figure."""
        hours = self.grown.doubling_time_hours
        return hours if hours is not None and hours <= LONGEST_DOUBLING_TIME_H else None

    def columns(self) -> dict[str, Any]:
        """What of it stands in the culture."""
        return {
            "population_doublings": self.grown.doublings,
            "doubling_time_h": self.doubling_time,
            "cumulative_doublings": self.level,
        }


def harvested(
    carried: Decimal, seeded: int | None, total: int, viability_percent: Decimal, lasted: datetime.timedelta
) -> Harvested:
    """The figures of a harvest. `carried` is the cumulative level of the cells that were put in; an unknown start, and
    a harvest without a living cell, add nothing to it. An impossible time is refused elsewhere: the figures need one
    that passes."""
    viable = viable_cells(total, viability_percent)
    grown = growth(seeded, viable, max(lasted, AN_INSTANT))
    return Harvested(viable, grown, cumulative_level(CumulativeLevel(carried), [grown.doublings]).doublings)

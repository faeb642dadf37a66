"""What is known of a file's columns: as a person gave it for this file, or answered it about an earlier one."""

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Mapping:
    """What the columns are called and mean, as a person or the file said it; empty: look for it."""

    time: str = ""
    date: str = ""  # where date and time stand in two columns
    value: str = ""
    serial: str = ""
    zone: str = ""  # the column in which each row has its own
    unit: str = ""  # C, F or K, or a part of a degree (sheets/units.py)
    date_order: str = ""  # day_first, month_first or year_first
    chamber: str = ""  # of a freezer's file: the temperature around the product
    clock: str = ""  # the zone in which the times are written
    named_zone: str = ""  # what the file named when it was asked which zone that is
    told_zone: str = ""  # file or given: which one holds where the file names another zone
    times: str = ""  # how the times are written where it is no date and time (sheets/kinds_of_time.py)

    def filled_from(self, kept: "Mapping") -> "Mapping":
        """This one, and what another one knows where this says nothing."""
        return Mapping(**{f.name: getattr(self, f.name) or getattr(kept, f.name) for f in fields(self)})

    def as_json(self) -> dict[str, Any]:
        """What is known, by name."""
        return {name: value for name, value in asdict(self).items() if value}


NOTHING = Mapping()

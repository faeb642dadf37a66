"""Deviations: how soon each is to be dealt with, what it takes to lower one, and what it takes to close it.

Twins in the database: a_closed_deviation_stays_closed, ck_deviation_closed_by_another_person,
no_closing_before_the_actions.
"""

import datetime
from typing import Literal

Classification = Literal["minor", "major", "critical"]

# Days from the opening to the day on which a deviation is to be closed. The site's own rule (domain reference §3 asks
# for one): the graver, the sooner.
DUE_DAYS: dict[Classification, int] = {"minor": 60, "major": 30, "critical": 10}


def due_day(opened_on: datetime.date, classification: Classification) -> datetime.date:
    """The day by which a deviation opened on this day is to be closed."""
    return opened_on + datetime.timedelta(days=DUE_DAYS[classification])

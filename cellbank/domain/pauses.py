"""Guessing who a patient is, or somebody's password: so many wrong ones, and each further one has to wait, longer each
time.

A pause and never a lock: at the bed, and at a screen that knows its person, whoever waits may go on after a minute at
most, and another person at once. Pure.
"""

import datetime

WINDOW = datetime.timedelta(minutes=15)  # what lies further back is forgotten
ALERT_FROM = 5  # wrong identities within an hour: quality is told
FIRST_PAUSE, LONGEST_PAUSE = datetime.timedelta(seconds=4), datetime.timedelta(seconds=60)
LONGEST_OF_STRANGERS = WINDOW  # who tries many names from one address is nobody at a bed


def goes_on_at(
    wrong: int, last_at: datetime.datetime | None, allowed: int, longest: datetime.timedelta = LONGEST_PAUSE
) -> datetime.datetime | None:
    """When somebody may next be judged who had so many `wrong` within the window; None: at once."""
    if last_at is None or wrong < allowed:
        return None
    pause = FIRST_PAUSE * (1 << min(wrong - allowed, 10))
    return last_at + min(pause, longest)

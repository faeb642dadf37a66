"""Near misses: what was refused at picking, thawing, preparing and at the bedside, and scans that could not be read.

Each refusal is an act in the trail with its reasons; this counts them by reason and month. An act that was refused for
two reasons counts under both. A signature that failed is none: nothing of the dose was judged.
"""

import csv
import datetime
import io
from dataclasses import dataclass
from typing import get_args
from zoneinfo import ZoneInfo

from sqlalchemy import text

from cellbank.services.installation import Installation, at_site
from cellbank.services.registry import REGISTRY, Stage, title_of

UNREADABLE_SCAN = "UNREADABLE_SCAN"
NOT_OF_THE_DOSE = ("SIGNATURE_NEEDED", "SIGNATURE_WRONG", "PASSWORD_WAITS", "ACCOUNT_LOCKED", "KEY_REUSED")
MONTHS, MOST_MONTHS = 12, 120

_COUNTED = text(
    f"""SELECT a.name, coalesce(refusal.reason ->> 'code', a.given ->> 'reason_code', :unreadable) AS reason,
              to_char(a.at AT TIME ZONE :zone, 'YYYY-MM') AS month, count(DISTINCT a.id) AS number
         FROM act a LEFT JOIN LATERAL jsonb_array_elements(a.refusals) AS refusal (reason) ON true
        WHERE a.name = ANY(:names) AND (a.outcome = 'refused' OR a.name = 'report_unreadable_scan')
          AND coalesce(refusal.reason ->> 'code', '') <> ALL(:without)
          AND a.at >= :since AND a.at < :until AND {at_site("a.site_id")}
        GROUP BY 1, 2, 3"""
)


@dataclass(frozen=True)
class MissedOften:
    """One reason at one act, with how often in each month."""

    stage: str
    act: str
    title: str
    reason: str
    counts: dict[str, int]

    @property
    def total(self) -> int:
        """How often in all."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Report:
    """The near misses of some months, the first and the last of them complete, at the time zone of the site."""

    since: datetime.date
    until: datetime.date
    months: tuple[str, ...]
    lines: tuple[MissedOften, ...]

    @staticmethod
    def last_day(month: str) -> str:
        """The last day of a month of the report, for whoever looks up its acts."""
        next_one = _first_of_month(datetime.date.fromisoformat(f"{month}-01"), 1)
        return (next_one - datetime.timedelta(days=1)).isoformat()

    def as_json(self) -> dict[str, object]:
        """The form of the public face."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "months": list(self.months),
            "lines": [{**vars(line), "total": line.total} for line in self.lines],
        }

    def as_csv(self) -> str:
        """A row for each reason and month in which something was refused."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(("month", "stage", "act", "reason", "count"))
        for line in self.lines:
            writer.writerows((month, line.stage, line.act, line.reason, n) for month, n in sorted(line.counts.items()))
        return out.getvalue()


def near_misses(
    installation: Installation,
    today: datetime.date,
    since: datetime.date | None = None,
    until: datetime.date | None = None,
) -> Report:
    """The near misses of the site that is looked at, from the month of `since` to the month of `until`, ten years at
    most; without them of the last twelve months."""
    last = _first_of_month(until or today, 0)
    first = _first_of_month(since, 0) if since else _first_of_month(last, 1 - MONTHS)
    first, last = min(first, last), max(first, last)
    first = max(first, _first_of_month(last, 1 - MOST_MONTHS))
    zone = installation.zone
    stages = {name: one.stage for name, one in REGISTRY.items() if one.stage}
    found: dict[tuple[str, str], dict[str, int]] = {}
    given = {
        "names": list(stages), "unreadable": UNREADABLE_SCAN, "zone": str(zone),
        "since": _midnight(first, zone), "until": _midnight(_first_of_month(last, 1), zone), "site": installation.site,
        "without": list(NOT_OF_THE_DOSE),
    }  # fmt: skip
    with installation.reads.connect() as connection:
        for name, reason, month, number in connection.execute(_COUNTED, given):
            found.setdefault((name, reason), {})[month] = number
    lines = (MissedOften(stages[name], name, title_of(name), why, counts) for (name, why), counts in found.items())
    in_order = sorted(lines, key=lambda line: (get_args(Stage).index(line.stage), -line.total, line.act, line.reason))
    return Report(first, last, _months(first, last), tuple(in_order))


def month_of(given: str) -> datetime.date:
    """The first day of a month written as 2026-01. Raises ValueError for anything else."""
    try:
        day = datetime.date.fromisoformat(f"{given}-01")
    except ValueError:
        day = datetime.date.min
    if not 1900 <= day.year < 2200:
        raise ValueError(f"{given[:40]!r} is not a month like 2026-01.")
    return day


def _first_of_month(day: datetime.date, later: int) -> datetime.date:
    """The first day of the month that is so many months later."""
    months = day.year * 12 + day.month - 1 + later
    return datetime.date(months // 12, months % 12 + 1, 1)


def _midnight(day: datetime.date, zone: ZoneInfo) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time.min, tzinfo=zone)


def _months(first: datetime.date, last: datetime.date) -> tuple[str, ...]:
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return tuple(f"{_first_of_month(first, later):%Y-%m}" for later in range(count))

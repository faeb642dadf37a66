"""The days of the site: a date is read on the wall of the site, an instant is kept in UTC."""

import datetime
from zoneinfo import ZoneInfo

from cellbank.domain.wall import on_the_wall
from cellbank.records.people import Site
from cellbank.records.work import Work


def site_of(work: Work) -> Site:
    """The site at which the person works."""
    return work.session.get_one(Site, work.actor.site_id)


def local_day(work: Work, at: datetime.datetime) -> datetime.date:
    """The date that the site's calendar shows at this instant."""
    return at.astimezone(_zone(work)).date()


def start_of_day(work: Work, day: datetime.date) -> datetime.datetime:
    """The instant (UTC) at which this date begins at the site."""
    return datetime.datetime.combine(day, datetime.time.min, tzinfo=_zone(work)).astimezone(datetime.UTC)


def on_site(work: Work, at: datetime.datetime, *, seconds: bool = False) -> str:
    """An instant in a text that is kept, as the clock of the site shows it."""
    return on_the_wall(at, _zone(work), seconds=seconds)


def _zone(work: Work) -> ZoneInfo:
    return ZoneInfo(work.actor.zone)  # known with the person: no statement

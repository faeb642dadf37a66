"""The trail for people: looked through, reviewed, and what it tells of near misses."""

import datetime

from flask import Response, abort, render_template, request

from cellbank.domain.entering import whole_number
from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.table import roles_for
from cellbank.domain.refusals import Code
from cellbank.services.acts import REGISTRY
from cellbank.services.trail.near_misses import UNREADABLE_SCAN, Report, month_of, near_misses
from cellbank.services.trail.trail_review import standing
from cellbank.services.trail.trail_search import Query, people, search
from cellbank.web.blueprint import blueprint
from cellbank.web.session import now
from cellbank.web.shell import the_actor, the_installation


def may_read_trail() -> bool:
    """Auditors and quality officers read the trail."""
    return bool({Role.AUDITOR, Role.QUALITY_OFFICER} & the_actor().roles)


@blueprint.get("/trail")
def trail_page() -> str:
    """The trail, filtered by person, act, date, record, outcome and reason of a refusal."""
    _only_readers()
    given = {
        key: request.args.get(key, "").strip()
        for key in ("person", "act", "record", "outcome", "reason", "since", "until", "first", "before")
    }
    query = Query(
        person=given["person"],
        act=given["act"],
        record=given["record"].replace(" ", "").upper(),
        outcome=given["outcome"],
        reason=given["reason"].upper(),
        since=_day(given["since"], 0),
        until=_day(given["until"], 1),
        first=whole_number(given["first"]),
        before=whole_number(given["before"]),
    )
    return render_template(
        "trail.html",
        lines=search(the_installation(), query),
        given=given,
        people=people(the_installation()),
        acts=REGISTRY,
        codes=[code.value for code in Code],
    )


def _day(text: str, later: int) -> datetime.datetime | None:
    """The beginning of a day of the site, or of the day after it."""
    try:
        day = datetime.date.fromisoformat(text) + datetime.timedelta(days=later)
    except (ValueError, OverflowError):
        return None
    return datetime.datetime.combine(day, datetime.time.min, tzinfo=the_installation().zone)


def may_look_at_identity() -> bool:
    """Whether this person may ask who a subject is."""
    return bool(roles_for("look_at_identity") & the_actor().roles)


def _only_readers() -> None:
    if not may_read_trail():
        abort(403)


@blueprint.get("/trail/reviews")
def trail_reviews_page() -> str:
    """What of the trail nobody has reviewed yet, and the reviews."""
    _only_readers()
    may_review = Role.QUALITY_OFFICER in the_actor().roles
    return render_template(
        "trail_reviews.html", standing=standing(the_installation()), now=now(), may_review=may_review
    )


@blueprint.get("/near-misses")
def near_misses_page() -> str:
    """Refusals at picking, thawing, preparing and the bedside, and unreadable scans, by reason and month."""
    _only_readers()
    return render_template("near_misses.html", report=_report(), unreadable=UNREADABLE_SCAN)


@blueprint.get("/near-misses.csv")
def near_misses_csv() -> Response:
    """Near misses by reason and month, for a spreadsheet."""
    _only_readers()
    headers = {"Content-Disposition": 'attachment; filename="near-misses.csv"'}
    return Response(_report().as_csv(), mimetype="text/csv", headers=headers)


def _report() -> Report:
    """The report of the months that the address asks for."""
    today = now().astimezone(the_installation().zone).date()
    return near_misses(the_installation(), today, _month("since"), _month("until"))


def _month(name: str) -> datetime.date | None:
    """A month, YYYY-MM, of the address; None where there is none to read."""
    try:
        return month_of(request.args.get(name, ""))
    except ValueError:
        return None

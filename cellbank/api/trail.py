"""What the trail tells other programs: the near misses, for quality officers and auditors."""

import datetime

from flask import Response, jsonify, request

from cellbank.api.described import Described, described
from cellbank.api.door import the_actor, the_installation
from cellbank.api.problems import problem
from cellbank.domain.lifecycle.roles import Role
from cellbank.services.installation import server_time
from cellbank.services.trail.near_misses import month_of
from cellbank.services.trail.near_misses import near_misses as near_misses_of

READERS = frozenset({Role.QUALITY_OFFICER, Role.AUDITOR})


MONTH = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"}
COUNTS = Described("counts by act, reason and month", query={"since": MONTH, "until": MONTH})


@described("/near-misses", COUNTS)
def near_misses() -> Response:
    """Refusals on the way to the patient and unreadable scans, counted by reason and month (`?since=2026-01`)."""
    if not READERS & the_actor().roles:
        return problem(403, "Near misses are for quality officers and auditors. Ask one of them.")
    try:
        since, until = (_month(name) for name in ("since", "until"))
    except ValueError as error:
        return problem(422, str(error), problems=[{"field": "since or until", "message": str(error)}])
    today = server_time().astimezone(the_installation().zone).date()
    return jsonify(near_misses_of(the_installation(), today, since, until).as_json())


def _month(name: str) -> datetime.date | None:
    """A month of the address; None where none is given. Raises ValueError for anything else."""
    given = request.args.get(name)
    return month_of(given) if given else None

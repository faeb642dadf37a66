"""The home page: the work that waits for each role; and the lists to look through."""

from collections.abc import Callable, Set
from typing import Any

from flask import abort, render_template, request, url_for

from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.table import roles_for
from cellbank.services.acts import REGISTRY, RegisteredAct
from cellbank.services.lookup.boards import calendar, lot_board
from cellbank.services.lookup.lists import LISTS, PAGE, Column, Listing, Look, find
from cellbank.services.lookup.work import lots_in_quarantine, treated_subjects, worklists
from cellbank.services.outbox.standing import standing_of_messages
from cellbank.services.people.account_changes import changed_lately
from cellbank.services.people.handed_codes import recovery_used_lately
from cellbank.services.trail.checks import standing_of_trail
from cellbank.services.trail.trail_search import Query, search, tally
from cellbank.web.blueprint import blueprint
from cellbank.web.session import now
from cellbank.web.shell import cells, page_number, plain, the_actor, the_installation
from cellbank.web.told import said_again
from cellbank.web.words import word

BOARDS = 8  # lots in quarantine whose board the home page works out; its count tells of the rest
# Who is told how the trail stands, and by name what of the schema is not as this version makes it; everybody else hears
# that something is not.
TOLD_OF_TRAIL = {Role.ADMINISTRATOR, Role.AUDITOR, Role.QUALITY_OFFICER}
NOT_NEWS = ("sign_in", "sign_out")  # an auditor finds them on the page of the trail


@blueprint.get("/")
def home() -> str:
    """What waits for this person."""
    roles, installation = the_actor().roles, the_installation()
    lots = lots_in_quarantine(installation) if Role.QUALITY_OFFICER in roles else ()
    subjects = treated_subjects(installation) if Role.CLINICIAN in roles else ()
    midnight = now().astimezone(installation.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return render_template(
        "home.html",
        worklists=worklists(installation, roles, now()),
        apart=installation.clocks.minutes if installation.clocks.differ else None,
        schema=(found := installation.schema.found(installation.engine)),
        schema_names=found[:40] if roles & TOLD_OF_TRAIL else (),
        trail=standing_of_trail(installation) if roles & TOLD_OF_TRAIL else None,
        messages=standing_of_messages(installation) if Role.ADMINISTRATOR in roles else None,
        account_changes=changed_lately(installation, the_actor().id, now()),
        recovery=recovery_used_lately(installation, the_actor().id, now()),
        creators=creators(roles),
        waiting_lots=len(lots),
        boards=[board for code in lots[:BOARDS] if (board := lot_board(installation, code, now(), the_actor().id))],
        calendars=[plan for code in subjects[:40] if (plan := calendar(installation, code, now())) and plan.next],
        tally=tally(installation, midnight) if Role.AUDITOR in roles else None,
        latest=search(installation, Query(without=NOT_NEWS))[:15] if Role.AUDITOR in roles else (),
        now=now(),
    )


def creators(roles: Set[Role]) -> list[RegisteredAct]:
    """What these roles most often begin, as buttons, role by role."""
    places = {(role, place): one for one in REGISTRY.values() for role, place in one.begun_by.items() if role in roles}
    order = list(Role)
    return list(dict.fromkeys(places[at] for at in sorted(places, key=lambda at: (order.index(Role(at[0])), at[1]))))


def opened(page: str, code: str) -> str:
    """The page on which something that waits is done."""
    if page == "trail_reviews":
        return url_for("web.trail_reviews_page")
    if page == "bedside":
        return url_for("web.bedside", dose=code)
    return url_for("web.shipment_page" if page == "shipment" else "web.record", code=code)


def listings() -> list[tuple[str, Listing]]:
    """The lists of the menu."""
    return list(LISTS.items())


def in_list(value: Any, column: Column) -> str:
    """A value as its column of a list shows it."""
    return LOOKS[column.look](value)


def _worded(value: Any) -> str:
    return ", ".join(map(word, value)) if isinstance(value, list) else word(value) if value else plain(value)


LOOKS: dict[Look, Callable[[Any], str]] = {
    Look.PLAIN: plain,
    Look.TEXT: said_again,
    Look.WORD: _worded,
    Look.CELLS: cells,
    Look.PASSAGE: "P{}".format,
}


@blueprint.get("/list/<name>")
def list_page(name: str) -> str:
    """One list, searched and filtered."""
    if name not in LISTS:
        abort(404)
    wanted = {key: request.args.get(key, "") for key in ("q", "state")}
    number = page_number()
    found = find(the_installation(), name, wanted["q"], wanted["state"], number)
    creator = LISTS[name].create
    may_create = creator in REGISTRY and bool(roles_for(creator or "") & the_actor().roles)
    return render_template(
        "list.html",
        name=name,
        listing=LISTS[name],
        found=found,
        wanted=wanted,
        page=number,
        pages=max(1, -(-found.total // PAGE)),
        creator=REGISTRY[creator] if creator and may_create else None,
    )


@blueprint.get("/acts")
def acts_page() -> str:
    """Every act by area; first those of this person's roles."""
    mine = the_actor().roles
    areas: dict[str, list[Any]] = {}
    for name, registered in REGISTRY.items():
        if registered.has_page:
            areas.setdefault(registered.area, []).append((registered, bool(roles_for(name) & mine)))
    return render_template("acts.html", areas=areas)

"""Pictures of the stock: how full each tank is, and how many vials were in which state over the last year."""

import datetime
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import text

from cellbank.domain.lifecycle.states import UnitState, VialState
from cellbank.domain.wall import day_on_the_wall, on_the_wall
from cellbank.outside.drawing import Drawing, Mark, rectangle
from cellbank.outside.drawing_pdf import drawings_pdf
from cellbank.services.installation import Installation, at_site
from cellbank.services.storage.box_map import Unit, storage_tree

Say = Callable[[str], str]
WIDTH, BAR, GAP, LEFT = 720.0, 26.0, 14.0, 170.0
CHART, AXIS, TOP, BASE, RIGHT = 300.0, 60.0, 20.0, 270.0, 190.0
ROOM = WIDTH - AXIS - RIGHT
SIZE = 11.0
WEEKS = 52
#: what is drawn, from the axis upwards: vials in these states
BANDS: tuple[tuple[str, frozenset[str], str], ...] = (
    ("In stock", frozenset({VialState.IN_STOCK}), "in stock"),
    ("Reserved", frozenset({VialState.RESERVED, VialState.PICKED}), "reserved"),
    ("Not yet put away", frozenset({VialState.PRINTED, VialState.FILLED, VialState.FROZEN}), "not put away"),
    ("Shipped, not accepted", frozenset({VialState.IN_TRANSIT, VialState.RECEIVED}), "shipped"),
    (
        "Used",
        frozenset({VialState.THAWED, VialState.POOLED, VialState.INFUSED, VialState.CULTURED, VialState.QC_USED}),
        "used",
    ),
    ("Lost or destroyed", frozenset({VialState.MISSING, VialState.DISCARDED}), "lost"),
)


def tanks(tree: Mapping[str | None, list[Unit]]) -> list[Unit]:
    """All tanks, wherever they stand, in the order of their places."""
    found: list[Unit] = []
    waiting = list(tree.get(None, ()))
    while waiting:
        unit = waiting.pop(0)
        if unit.type == "tank":
            found.append(unit)
        else:
            waiting[:0] = tree.get(unit.code, ())
    return found


def levels_drawing(tree: Mapping[str | None, list[Unit]], say: Say) -> Drawing:
    """How full each tank is: one bar each, with its figures."""
    found = tanks(tree)
    marks = tuple(mark for number, unit in enumerate(found) for mark in _level(unit, GAP + number * (BAR + GAP), say))
    return Drawing(say("Fill level of the tanks"), WIDTH, GAP + len(found) * (BAR + GAP), marks, SIZE)


def _level(unit: Unit, y: float, say: Say) -> Iterator[Mark]:
    room, middle = WIDTH - LEFT - RIGHT, y + BAR / 2 + 4
    share = unit.taken / unit.size if unit.size else 0.0
    yield Mark("area", "frame", rectangle(LEFT, y, room, BAR))
    if share:
        yield Mark("area", _fill_of(unit, share), rectangle(LEFT, y, room * share, BAR))
    yield Mark("word", "strong", ((LEFT - 10, middle),), unit.name[:24], "end")
    figures = f"{unit.taken} / {unit.size} · {share:.0%}" if unit.size else "–"
    state = "" if unit.state == UnitState.IN_SERVICE else f" · {say(unit.state.replace('_', ' ').capitalize())}"
    yield Mark("word", "axis", ((LEFT + room + 10, middle),), figures + state)


def _fill_of(unit: Unit, share: float) -> str:
    if unit.state != UnitState.IN_SERVICE:
        return "out of service"
    return "nearly full" if share >= 0.9 else "free"


_NOW = text(
    f"""SELECT state, count(*) AS vials FROM vial
         WHERE state <> 'VOIDED' AND {at_site("site_id")} GROUP BY state"""
)
_AGO = "floor(extract(epoch FROM CAST(:now AS timestamptz) - {}) / 604800)::int AS weeks_ago"
# A week's changes at once, newest first: the past is worked out from what is there today.
_CHANGES = text(
    f"""SELECT {_AGO.format("a.at")}, c.before ->> 'state' AS before, c.after ->> 'state' AS after, count(*) AS vials
         FROM change c JOIN act a ON a.id = c.act_id
        WHERE c.record_kind = 'vial' AND jsonb_exists(c.after, 'state') AND a.at > :since
        GROUP BY 1, 2, 3"""
)
# The same for one site: a vial that came in a shipment was not there before, and one that left was.
_CHANGES_AT_SITE = text(
    f"""SELECT {_AGO.format("a.at")}, CASE WHEN NOT jsonb_exists(c.after,
       'site_id') THEN c.before ->> 'state' END AS before,
              c.after ->> 'state' AS after, count(*) AS vials
         FROM change c JOIN act a ON a.id = c.act_id JOIN vial v ON v.id = c.record_id
         LEFT JOIN LATERAL (
           SELECT s.from_site_id FROM packed_vial p JOIN shipment s ON s.id = p.shipment_id
            WHERE p.vial_id = v.id AND p.finding <> 'MISSING' AND p.found_at > a.at
            ORDER BY p.found_at LIMIT 1) later ON true
        WHERE c.record_kind = 'vial' AND jsonb_exists(c.after, 'state') AND a.at > :since
          AND coalesce(later.from_site_id, v.site_id) = :site
        GROUP BY 1, 2, 3
       UNION ALL
       SELECT {_AGO.format("p.found_at")}, 'IN_TRANSIT', NULL, count(*)
         FROM packed_vial p JOIN shipment s ON s.id = p.shipment_id
        WHERE s.from_site_id = :site AND p.finding <> 'MISSING' AND p.found_at > :since GROUP BY 1"""
)


def weekly_counts(installation: Installation, now: datetime.datetime) -> list[dict[str, int]]:
    """How many vials of the site that is looked at were in each state at the end of each week of the last year, the
    oldest first."""
    since = now - datetime.timedelta(weeks=WEEKS)
    with installation.reads.connect() as connection:
        counts = {row.state: row.vials for row in connection.execute(_NOW, {"site": installation.site})}
        changes: dict[int, list[Any]] = {}
        asked, site = (_CHANGES, {}) if installation.site is None else (_CHANGES_AT_SITE, {"site": installation.site})
        for row in connection.execute(asked, {"now": now, "since": since, **site}):
            changes.setdefault(row.weeks_ago, []).append(row)
    weeks = [counts]
    for ago in range(WEEKS):
        before = dict(weeks[-1])
        for row in changes.get(ago, ()):
            if row.after:
                before[row.after] = before.get(row.after, 0) - row.vials
            if row.before:
                before[row.before] = before.get(row.before, 0) + row.vials
        weeks.append(before)
    return weeks[::-1]


def states_drawing(installation: Installation, now: datetime.datetime, say: Say) -> Drawing:
    """Vials by state over the last year, as bands above each other, with their names beside them."""
    weeks = weekly_counts(installation, now)
    bands = [[sum(week.get(state, 0) for state in states) for week in weeks] for _, states, _ in BANDS]
    most = max((sum(column) for column in zip(*bands, strict=True)), default=0) or 1
    across = [AXIS + ROOM * number / (len(weeks) - 1) for number in range(len(weeks))]
    marks = [*_bands(bands, across, most), *_names(bands, say), *_scales(most)]
    for number in range(0, WEEKS + 1, 13):
        day = day_on_the_wall(now - datetime.timedelta(weeks=WEEKS - number), installation.zone)
        marks.append(Mark("line", "axis", ((across[number], BASE), (across[number], BASE + 4))))
        marks.append(Mark("word", "axis", ((across[number], BASE + 18),), day, "middle"))
    return Drawing(say("Vials by state over a year"), WIDTH, CHART, tuple(marks), SIZE)


def _bands(bands: list[list[int]], across: list[float], most: int) -> Iterator[Mark]:
    floor = [0] * len(across)
    for (_, _, tone), band in zip(BANDS, bands, strict=True):
        top = [low + more for low, more in zip(floor, band, strict=True)]
        upper, lower = (
            [(x, BASE - value / most * (BASE - TOP)) for x, value in zip(across, values, strict=True)]
            for values in (top, floor)
        )
        if any(band):
            yield Mark("area", tone, (*upper, *reversed(lower)))
        floor = top


def _names(bands: list[list[int]], say: Say) -> Iterator[Mark]:
    for number, ((name, _, tone), band) in enumerate(zip(reversed(BANDS), reversed(bands), strict=True)):
        y = TOP + number * 34
        yield Mark("area", tone, rectangle(WIDTH - RIGHT + 14, y, 18, 14))
        yield Mark("word", "axis", ((WIDTH - RIGHT + 40, y + 11),), f"{say(name)}: {band[-1]}")


def _scales(most: int) -> Iterator[Mark]:
    yield Mark("line", "axis", ((AXIS, BASE), (AXIS + ROOM, BASE)))
    yield Mark("line", "axis", ((AXIS, TOP), (AXIS, BASE)))
    yield Mark("word", "axis", ((AXIS - 6, TOP + 4),), str(most), "end")
    yield Mark("word", "axis", ((AXIS - 6, BASE),), "0", "end")


def stock_document(installation: Installation, now: datetime.datetime, say: Say) -> bytes:
    """Both pictures as PDF."""
    drawings = [levels_drawing(storage_tree(installation), say), states_drawing(installation, now, say)]
    return drawings_pdf(drawings, foot=f"{installation.site_name} · {on_the_wall(now, installation.zone)}")

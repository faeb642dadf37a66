"""Pictures of the stock: how full each tank is, and how many vials were in which state over the last year."""

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import text

from cellbank.domain.lifecycle.states import UnitState, VialState
from cellbank.domain.wall import day_on_the_wall, on_the_wall
from cellbank.outside.drawing import Area, Drawing, Pattern, Stroke, Words, drawings_pdf, rectangle
from cellbank.services.installation import Installation, at_site
from cellbank.services.storage.box_map import Unit, storage_tree

Say = Callable[[str], str]
WIDTH, BAR, GAP, LEFT = 720.0, 26.0, 14.0, 170.0
CHART, BASE, RIGHT = 300.0, 270.0, 150.0
WEEKS = 52
#: what is drawn, from the axis upwards: vials in these states, their tone and pattern
BANDS: tuple[tuple[str, frozenset[str], str, Pattern], ...] = (
    ("In stock", frozenset({VialState.IN_STOCK}), "good", "plain"),
    ("Reserved", frozenset({VialState.RESERVED, VialState.PICKED}), "busy", "level"),
    ("Not yet put away", frozenset({VialState.PRINTED, VialState.FILLED, VialState.FROZEN}), "wait", "rising"),
    ("Shipped, not accepted", frozenset({VialState.IN_TRANSIT, VialState.RECEIVED}), "busy", "rising"),
    (
        "Used",
        frozenset({VialState.THAWED, VialState.POOLED, VialState.INFUSED, VialState.CULTURED, VialState.QC_USED}),
        "over",
        "dots",
    ),
    ("Lost or destroyed", frozenset({VialState.MISSING, VialState.DISCARDED}), "stop", "falling"),
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


def levels_drawing(tree: Mapping[str | None, list[Unit]], say: Say = str) -> Drawing:
    """How full each tank is: one bar each, with its figures."""
    areas: list[Area] = []
    words: list[Words] = []
    room, y = WIDTH - LEFT - RIGHT, GAP
    for unit in tanks(tree):
        share = unit.taken / unit.size if unit.size else 0.0
        areas.append(Area(rectangle(LEFT, y, room, BAR), "line"))
        if share:
            tone, pattern = _fill_of(unit, share)
            areas.append(Area(rectangle(LEFT, y, room * share, BAR), tone, pattern))
        middle = y + BAR / 2 + 4
        words.append(Words(LEFT - 10, middle, unit.name[:24], "end", strong=True))
        figures = f"{unit.taken} / {unit.size} · {share:.0%}" if unit.size else "–"
        state = "" if unit.state == UnitState.IN_SERVICE else f" · {say(unit.state.replace('_', ' ').capitalize())}"
        words.append(Words(LEFT + room + 10, middle, figures + state))
        y += BAR + GAP
    return Drawing(say("Fill level of the tanks"), WIDTH, y, tuple(areas), (), tuple(words))


def _fill_of(unit: Unit, share: float) -> tuple[str, Pattern]:
    if unit.state != UnitState.IN_SERVICE:
        return "stop", "falling"
    return ("wait", "rising") if share >= 0.9 else ("good", "plain")


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
    """Vials by state over the last year, as bands above each other."""
    weeks = weekly_counts(installation, now)
    bands = [[sum(week.get(state, 0) for state in states) for week in weeks] for _, states, _, _ in BANDS]
    most = max((sum(column) for column in zip(*bands, strict=True)), default=0) or 1
    room = WIDTH - 60 - RIGHT
    across = [60 + room * number / (len(weeks) - 1) for number in range(len(weeks))]
    areas: list[Area] = []
    words: list[Words] = []
    floor = [0] * len(weeks)
    for (name, _, tone, pattern), band in zip(BANDS, bands, strict=True):
        top = [low + more for low, more in zip(floor, band, strict=True)]
        upper = [(x, BASE - value / most * (BASE - 20)) for x, value in zip(across, top, strict=True)]
        lower = [(x, BASE - value / most * (BASE - 20)) for x, value in zip(across, floor, strict=True)]
        if any(band):
            areas.append(Area((*upper, *reversed(lower)), tone, pattern))
        floor = top
        number = len(BANDS) - 1 - [one[0] for one in BANDS].index(name)
        y = 20 + number * 34
        areas.append(Area(rectangle(WIDTH - RIGHT + 14, y, 18, 14), tone, pattern))
        words.append(Words(WIDTH - RIGHT + 40, y + 11, f"{say(name)}: {band[-1]}"))
    strokes = [Stroke(((60, BASE), (60 + room, BASE))), Stroke(((60, 20), (60, BASE)))]
    words += [Words(54, 24, str(most), "end"), Words(54, BASE, "0", "end")]
    for number in range(0, WEEKS + 1, 13):
        day = now - datetime.timedelta(weeks=WEEKS - number)
        words.append(Words(across[number], BASE + 18, day_on_the_wall(day, installation.zone), "middle"))
        strokes.append(Stroke(((across[number], BASE), (across[number], BASE + 4))))
    return Drawing(say("Vials by state over a year"), WIDTH, CHART, tuple(areas), tuple(strokes), tuple(words))


def stock_document(installation: Installation, now: datetime.datetime, say: Say) -> bytes:
    """Both pictures as PDF."""
    drawings = [levels_drawing(storage_tree(installation), say), states_drawing(installation, now, say)]
    return drawings_pdf(drawings, f"{installation.site_name} · {on_the_wall(now, installation.zone)}")

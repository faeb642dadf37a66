"""Who had a vial, where, from when until when; on the way to another site, whoever had its shipment in hand."""

import datetime
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from cellbank.domain.lifecycle.meanings import STATES
from cellbank.domain.lifecycle.states import VialState
from cellbank.services.storage.travelling import in_hand_of
from cellbank.services.storage.whereabouts import place_text


@dataclass(frozen=True)
class Stay:
    """One stretch of a vial's life: how and where it was; `act` and `person` began it. `until` None: it lasts."""

    vial: str
    number: int
    state: str
    where: str
    since: datetime.datetime
    until: datetime.datetime | None
    act: int
    person: str


# Each change of a vial's state or place; a move changes the placement alone, and comes as the placement's insert. A
# unit that was moved while the vial stood in it is a step too: from then on the vial was somewhere else. So is each
# change of hands of a shipment with the vial in it. `hand` is who had the shipment then.
_STEPS = text(
    """WITH step AS (
         SELECT c.record_id AS vial, c.act_id, c.after ->> 'state' AS state, NULL::bigint AS placement
           FROM change c WHERE c.record_kind = 'vial' AND c.record_id = ANY(:vials) AND jsonb_exists(c.after, 'state')
         UNION ALL
         SELECT pl.vial_id, c.act_id, NULL, pl.id FROM placement pl
           JOIN change c ON c.record_kind = 'placement' AND c.record_id = pl.id AND c.before IS NULL
          WHERE pl.vial_id = ANY(:vials)
         UNION ALL
         SELECT pl.vial_id, c.act_id, NULL, pl.id FROM placement pl CROSS JOIN LATERAL unit_line(pl.box_id) up
           JOIN unit_stay s ON s.unit_id = up.unit_id AND s.until > greatest(pl.placed_at, up.since)
            AND s.until < coalesce(pl.taken_at, 'infinity') AND s.until <= up.until
           JOIN change c ON c.record_kind = 'unit_stay' AND c.record_id = s.id
          WHERE pl.vial_id = ANY(:vials)
         UNION ALL
         SELECT pv.vial_id, c.act_id, NULL, NULL FROM packed_vial pv JOIN custody k ON k.shipment_id = pv.shipment_id
            AND k.since >= pv.packed_at AND k.since < coalesce(pv.ended_at, 'infinity')
            AND (pv.finding IS DISTINCT FROM 'MISSING' OR k.since < pv.found_at)
           JOIN change c ON c.record_kind = 'custody' AND c.record_id = k.id AND c.before IS NULL
          WHERE pv.vial_id = ANY(:vials)
       ), act_step AS (
         SELECT vial, act_id, max(state) AS state, max(placement) AS placement FROM step GROUP BY vial, act_id)
       SELECT v.id, v.code, v.number, a.id AS act, a.at, p.full_name, step.state,
              unit_names(pl.box_id, greatest(pl.placed_at, a.at)) AS line, pl.position, box.column_count, way.hand
         FROM act_step step JOIN vial v ON v.id = step.vial CROSS JOIN LATERAL (
           SELECT id, person_id, coalesce(happened_at, at) AS at FROM act WHERE id = step.act_id) a
         JOIN person p ON p.id = a.person_id LEFT JOIN placement pl ON pl.id = step.placement
         LEFT JOIN storage_unit box ON box.id = pl.box_id
         LEFT JOIN LATERAL (
           SELECT ARRAY[h.code, coalesce(q.full_name, k.carrier), k.waybill] AS hand
             FROM packed_vial pv JOIN shipment h ON h.id = pv.shipment_id JOIN custody k ON k.shipment_id = h.id
             JOIN change c ON c.record_kind = 'custody' AND c.record_id = k.id AND c.before IS NULL
             LEFT JOIN person q ON q.id = k.person_id
            WHERE pv.vial_id = step.vial AND pv.packed_at <= a.at AND c.act_id <= a.id
            ORDER BY pv.id DESC, c.act_id DESC LIMIT 1) way ON true
        ORDER BY v.lot_id, v.number, a.at, a.id"""
)
AT_ITS_PLACE = {VialState.IN_STOCK, VialState.RESERVED}
TRAVELLING = {VialState.IN_TRANSIT, VialState.RECEIVED}


def stays(connection: Connection, vials: list[int], given_back: Mapping[int, int]) -> tuple[Stay, ...]:
    """The stays of these vials, vial after vial; of a vial in `given_back` those up to that act."""
    rows = connection.execute(_STEPS, {"vials": vials}).mappings().all()
    return tuple(
        stay
        for vial, steps in itertools.groupby(rows, key=lambda row: row["id"])
        for stay in _of_one(list(steps))
        if stay.act <= given_back.get(vial, stay.act)
    )


def _of_one(steps: list[Any]) -> list[Stay]:
    found: list[Stay] = []
    state, place = "", None
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        state, place = step["state"] or state, place_text(step) or place
        where = place if state in AT_ITS_PLACE and place else None
        if state in TRAVELLING:
            where = "; ".join(part for part in (place, *map(_within, in_hand_of(step["hand"]))) if part)
        until = after["at"] if after else None
        shown = where or STATES["vial"][state]
        found.append(
            Stay(step["code"], step["number"], state, shown, step["at"], until, step["act"], step["full_name"])
        )
    return found


def _within(sentence: str) -> str:
    """As it stands within another one."""
    return sentence[:1].lower() + sentence[1:]

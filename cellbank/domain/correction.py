"""THE table of what may be put right once it was noted: which value of which record, in which states, by whom.

A correction is a fact: it is recorded however late, with its reason, and signed. The first value stays in
sight; what was worked out from it is worked out again by the function that wrote it; what rested on it is judged again.
Results of tests are put right by a row of their own (`correct_result`), for a second person reviews each.
"""

from dataclasses import dataclass

from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.states import CultureState, DoseState, LotState, VialState

CELLS, PERCENT, ML, TIME = "cells", "%", "mL", "time"
_LAB = frozenset({Role.TECHNICIAN, Role.QUALITY_OFFICER})
_AT_THE_BED = frozenset({Role.CLINICIAN, Role.QUALITY_OFFICER})

_HARVESTED = (CultureState.HARVESTED, CultureState.FINISHED, CultureState.DISCARDED)
_LOT = (LotState.FILLED, LotState.QUARANTINE, LotState.RELEASED, LotState.REJECTED, LotState.ON_HOLD, LotState.RECALLED)
_FROZEN = _LOT[1:]
_COUNTED = (
    DoseState.COUNTED,
    DoseState.PREPARED,
    DoseState.CHECKED_ONCE,
    DoseState.CHECKED,
    DoseState.INFUSING,
    DoseState.INFUSED,
    DoseState.RECONCILED,
    DoseState.DISCARDED,
)
_PREPARED = _COUNTED[1:]
_STARTED, _STOPPED = (
    (DoseState.INFUSING, DoseState.INFUSED, DoseState.RECONCILED),
    (DoseState.INFUSED, DoseState.RECONCILED),
)


@dataclass(frozen=True)
class Correctable:
    """One value that may be put right. What rests on it a second person does again before the record goes on: the batch
    review, or the check at the bedside; what was given, or is released, has a deviation, which another one decides."""

    record: str
    column: str
    unit: str
    states: tuple[str, ...]
    roles: frozenset[Role]


def _rows(record: str, states: tuple[str, ...], roles: frozenset[Role], **columns: str) -> tuple[Correctable, ...]:
    return tuple(Correctable(record, column, unit, states, roles) for column, unit in columns.items())


CORRECTABLE: tuple[Correctable, ...] = (
    *_rows("culture", (CultureState.GROWING, *_HARVESTED), _LAB, started_at=TIME, cells_seeded=CELLS),
    *_rows("culture", _HARVESTED, _LAB, harvested_at=TIME, cells_harvested=CELLS,
           viability_percent=PERCENT, confluence_percent=PERCENT),
    *_rows("lot", _LOT, _LAB, fill_started_at=TIME, sample_cells=CELLS, lost_cells=CELLS),
    *_rows("lot", _FROZEN, _LAB, frozen_at=TIME),
    *_rows("vial", (VialState.THAWED, VialState.POOLED, VialState.INFUSED), _LAB, thawed_at=TIME),
    *_rows("dose", _COUNTED, _LAB, pooled_ml=ML, total_cells_per_ml=CELLS,
           viability_percent=PERCENT, counted_at=TIME),
    *_rows("dose", _PREPARED, _LAB, draw_ml=ML, final_volume_ml=ML, prepared_at=TIME),
    *_rows("dose", _STARTED, _AT_THE_BED, infusion_started_at=TIME),
    *_rows("dose", _STOPPED, _AT_THE_BED, infusion_stopped_at=TIME, volume_given_ml=ML),
    *_rows("dose", (DoseState.RECONCILED,), _LAB | _AT_THE_BED, residual_ml=ML),
)  # fmt: skip
KINDS: tuple[str, ...] = tuple(dict.fromkeys(row.record for row in CORRECTABLE))

_COUNT = "pooled_ml", "total_cells_per_ml", "viability_percent"
_GROWTH = "population_doublings", "doubling_time_h", "cumulative_doublings"
_CHECKS = "first_checked_at", "first_checked_by_id", "second_checked_at", "second_checked_by_id"
_REST = "cells_left", "cells_lost"


def _at(place: str, record: str, *columns: str) -> frozenset[str]:
    return frozenset(f"{place} {record}.{column}" for column in columns)


# What else changes with any value of such a record, and with one of them: of the record itself (`it`), of what was made
# from it (`below`), of the culture from which it was taken (`source`), of the dose of a vial (`dose`).
_WITH_ANY = {
    "culture": _at("it", "culture", *_GROWTH)
    | _at("below", "culture", *_GROWTH)
    | _at("below", "lot", "cumulative_doublings"),
    "vial": _at("dose", "dose", "thaw_started_at", "expires_at", *_CHECKS),
    "dose": _at("it", "dose", *_CHECKS),
}
_WITH = {
    ("culture", "cells_harvested"): _at("it", "culture", *_REST),
    ("culture", "cells_seeded"): _at("source", "culture", *_REST),
    ("lot", "fill_started_at"): _at("it", "lot", "expires_on"),
    **{("dose", column): _at("it", "dose", "is_short", "draw_ml", "delivered_cells", "delivered_percent")
       for column in _COUNT},
    ("dose", "draw_ml"): _at("it", "dose", "delivered_cells", "delivered_percent"),
    ("dose", "infusion_started_at"): _at("it", "dose", "study_day"),
}  # fmt: skip
FOLLOWS: dict[tuple[str, str], frozenset[str]] = {
    (row.record, row.column): _WITH_ANY.get(row.record, frozenset()) | _WITH.get((row.record, row.column), frozenset())
    for row in CORRECTABLE
}
#: Every value that a correction may change, as `record.column`.
CHANGED_BY_CORRECTION = frozenset(f"{row.record}.{row.column}" for row in CORRECTABLE) | {
    one.partition(" ")[2] for follows in FOLLOWS.values() for one in follows
}
#: A dose that was checked and not yet given is checked again by two people.
UNCHECKED: dict[str, str] = {DoseState.CHECKED_ONCE: DoseState.PREPARED, DoseState.CHECKED: DoseState.PREPARED}


def correctable(record: str, column: str) -> Correctable | None:
    """The row of a value; None where there is none."""
    return next((row for row in CORRECTABLE if (row.record, row.column) == (record, column)), None)


def columns_of(record: str, state: str | None = None) -> tuple[str, ...]:
    """What may be put right of such a record, in a state or in any."""
    return tuple(row.column for row in CORRECTABLE if row.record == record and (state is None or state in row.states))


def moves_of(record: str) -> dict[str, frozenset[Role]]:
    """In which states such a record may be put right at all, and by whom."""
    rows = [row for row in CORRECTABLE if row.record == record]
    states = dict.fromkeys(state for row in rows for state in row.states)
    return {state: frozenset().union(*(row.roles for row in rows if state in row.states)) for state in states}

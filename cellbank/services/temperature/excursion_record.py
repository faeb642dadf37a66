"""Excursions as records: written where readings show them, carried on by the next, and the lots stopped at once."""

import datetime
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text

from cellbank.domain.identifiers import Kind, is_usable, record_code
from cellbank.domain.lifecycle.states import ExcursionState
from cellbank.domain.rules.temperature import GRAVE, Excursion, Watch
from cellbank.records import temperature as records
from cellbank.records.production import Lot
from cellbank.records.temperature import Probe
from cellbank.records.work import Work
from cellbank.services.stopping.holding import lock_lot, place_hold
from cellbank.services.temperature.probes import limits_of
from cellbank.services.temperature.reading_store import moment, second


def _columns(excursion: Excursion) -> dict[str, Any]:
    """The figures as the record has them."""
    names = ("warn", "critical", "reject")
    return {
        "category": excursion.kind,
        "ended_at": None if excursion.ended is None else moment(excursion.ended),
        "peak_c": Decimal(excursion.peak) / 100,
        **{f"{name}_seconds": value for name, value in zip(names, excursion.seconds, strict=True)},
        **{
            f"{name}_degree_seconds": Decimal(value) / 100
            for name, value in zip(names, excursion.degree_seconds, strict=True)
        },
    }


def going_on(work: Work, probe: Probe) -> records.Excursion | None:
    """The excursion of a probe that has not ended, if there is one; at most one, by the index one_excursion_goes_on."""
    open_one = select(records.Excursion).where(
        records.Excursion.probe_id == probe.id, records.Excursion.ended_at.is_(None)
    )
    return work.session.scalars(open_one.execution_options(populate_existing=True)).one_or_none()


def keep_excursions(
    work: Work, probe: Probe, found: Sequence[Excursion], first_new: int | None
) -> list[records.Excursion]:
    """Write what was found; call it after the judgement, with the probe locked. What went on is carried on; a silence
    that was noted although its readings were only late ends with the first of them (`first_new`)."""
    new, kept = list(found), []
    before = going_on(work, probe)
    if before is not None:
        same = next((one for one in new if one.started == second(before.started_at)), None)
        if same is not None:
            new.remove(same)
            for name, value in _columns(same).items():
                setattr(before, name, value)
            kept.append(before)
        elif first_new is not None:
            before.ended_at = moment(first_new)
        work.session.flush()
    if new:
        ids = work.add_many(records.Excursion, _rows(work, probe, new), to=ExcursionState.OPEN)
        made = select(records.Excursion).where(records.Excursion.id.in_(ids)).order_by(records.Excursion.started_at)
        kept += work.session.scalars(made)
    return kept


def _rows(work: Work, probe: Probe, found: Sequence[Excursion]) -> list[dict[str, Any]]:
    codes = _codes(work, len(found))
    return [
        {
            "site_id": probe.site_id,
            "code": code,
            "probe_id": probe.id,
            "storage_unit_id": probe.storage_unit_id,
            "started_at": moment(one.started),
            "found_at": work.now,
            "warn_above_c": probe.warn_above_c,
            "critical_above_c": probe.critical_above_c,
            "reject_above_c": probe.reject_above_c,
            **_columns(one),
        }
        for code, one in zip(codes, found, strict=True)
    ]


def _codes(work: Work, count: int) -> list[str]:
    """So many new codes; a bad file may hold thousands of excursions."""
    codes: list[str] = []
    while len(codes) < count:
        missing = count - len(codes)
        last = work.number(Kind.EXCURSION.value, missing)
        numbers = range(last - missing + 1, last + 1)
        codes += [record_code(Kind.EXCURSION, number) for number in numbers if is_usable(Kind.EXCURSION, number)]
    return codes


def begin_again(work: Work, probe: Probe, charged_at: datetime.datetime, at: datetime.datetime) -> None:
    """A shipper was charged and goes on its way: its logger counts from `at` on. That it was silent at rest is no
    excursion, and what it found warm before ended with the charge. Call it after the judgement, with the probe locked.
    """
    before = going_on(work, probe)
    if before is not None and before.started_at < charged_at:
        before.ended_at, before.end_reason = charged_at, "The shipper was charged again"
    if probe.watch:
        watch = Watch.of(limits_of(probe), probe.watch)
        watch.resume(second(at))
        probe.watch = watch.state()


# --- the lots that stood there ----------------------------------------------------------------

_LOTS = text(
    """WITH bad AS (SELECT * FROM unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) AS b(s, u))
       SELECT DISTINCT l.id, l.code
         FROM units_within(:unit) w JOIN placement p ON p.box_id = w.unit_id
         JOIN bad ON bad.s < least(w.until, coalesce(p.taken_at, 'infinity')) AND bad.u > greatest(w.since, p.placed_at)
         JOIN vial v ON v.id = p.vial_id JOIN lot l ON l.id = v.lot_id
        WHERE l.state IN ('QUARANTINE', 'RELEASED', 'ON_HOLD')
          AND NOT EXISTS (SELECT FROM hold h WHERE h.lot_id = l.id AND h.excursion_id = :before)
        ORDER BY l.id"""
)


def lock_lots_to_stop(work: Work, probe: Probe, found: Sequence[Excursion]) -> list[Lot]:
    """The lots of which vials stood in the probe's unit during a critical excursion, locked; without those that the
    excursion which goes on has stopped already."""
    grave = [one for one in found if one.kind in GRAVE]
    if not grave:
        return []
    before = going_on(work, probe)
    far = datetime.datetime(9999, 1, 1, tzinfo=datetime.UTC)
    given = {
        "unit": probe.storage_unit_id,
        "before": before.id if before else None,
        "starts": [moment(one.started) for one in grave],
        "ends": [far if one.ended is None else moment(one.ended + 1) for one in grave],
    }
    return [lock_lot(work, code) for _, code in work.session.execute(_LOTS, given).all()]


def stop_lots(work: Work, lots: Sequence[Lot], kept: Sequence[records.Excursion]) -> None:
    """Put lots on hold for the gravest of the excursions; call it after the judgement. The answer names them."""
    grave = [one for one in kept if one.category in GRAVE]
    if not lots or not grave:
        return
    worst = max(grave, key=lambda one: one.peak_c)
    stopped = []
    for lot in lots:
        reason = f"Stood in excursion {worst.code} ({worst.category}, peak {worst.peak_c:.2f} °C)"
        place_hold(work, lot, reason=reason, excursion=worst)
        stopped.append(lot.code)
    work.show(lots_stopped=stopped)

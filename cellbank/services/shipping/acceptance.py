"""Whether what arrived may be used: decided and signed by a quality officer who neither sealed, received nor checked
it. Nothing of a shipment is stock before that (domain reference §3.4)."""

from typing import Any

from pydantic import Field
from sqlalchemy import text
from sqlalchemy.orm import Session

from cellbank.domain.lifecycle.states import VialState
from cellbank.domain.rules.receipt import Acceptance, Gap, OnTheWay, acceptance_refusals, stops
from cellbank.records.production import Vial
from cellbank.records.shipping import PackedVial, Shipment
from cellbank.records.temperature import Probe
from cellbank.records.work import Work
from cellbank.services.acts import SignedInput, act
from cellbank.services.inputs import Reason, ShipmentCode, Text
from cellbank.services.shipping.custody import end_custody
from cellbank.services.shipping.receipts import vials_of
from cellbank.services.storage.travelling import end_packed


class AcceptShipment(SignedInput):
    """Accept a shipment."""

    shipment: ShipmentCode = Field(title="Shipment")
    note: Text | None = Field(default=None, title="Note")


@act(AcceptShipment)
def accept_shipment(work: Work, given: AcceptShipment) -> Shipment:
    """Make the vials that arrived stock of this site; damaged ones stay apart until they are discarded. Refuses while a
    vial stands in no box, while the logger's trace does not cover the way from sealing to arrival, and while an
    excursion on the way or a deviation about seals, lateness or damage is not decided."""
    shipment = work.lock(Shipment, given.shipment)
    vials = [vial for vial in vials_of(work, shipment, VialState.RECEIVED) if vial.state == VialState.RECEIVED]
    work.show(vials=len(vials))
    work.judge(shipment, *vials, refusals=acceptance_refusals(acceptance_facts(work.session, shipment)))
    _decide(work, shipment, given.note)
    work.transition_many(Vial, vials)
    end_packed(work, PackedVial.shipment_id == shipment.id, work.now)
    return shipment


class RejectShipment(SignedInput):
    """Reject a shipment."""

    shipment: ShipmentCode = Field(title="Shipment")
    reason: Reason


@act(RejectShipment, likely="in sight")
def reject_shipment(work: Work, given: RejectShipment) -> Shipment:
    """Say that nothing of a shipment may ever be used: its vials wait to be discarded."""
    shipment = work.lock(Shipment, given.shipment)
    work.judge(shipment)
    _decide(work, shipment, given.reason)
    end_packed(work, PackedVial.shipment_id == shipment.id, work.now)
    return shipment


def _decide(work: Work, shipment: Shipment, reason: str | None) -> None:
    """From here on nobody has the shipment in hand: there is none any more, only vials in their places."""
    shipment.decided_at, shipment.decided_by_id, shipment.decision_reason = work.now, work.actor.id, reason
    work.transition(shipment)
    end_custody(work, shipment, work.now)


# --- what an acceptance asks ------------------------------------------------------------------

_TRAVELLED = text("SELECT EXISTS (SELECT FROM packed_vial WHERE shipment_id = :shipment AND ended_at IS NULL)")
_OUTSIDE = text(
    """SELECT v.code FROM packed_vial p JOIN vial v ON v.id = p.vial_id
        WHERE p.shipment_id = :shipment AND p.ended_at IS NULL AND v.state = 'RECEIVED' AND NOT EXISTS (
          SELECT FROM placement pl JOIN storage_unit u ON u.id = pl.box_id
           WHERE pl.vial_id = v.id AND pl.taken_at IS NULL AND u.type <> 'shipper')
        ORDER BY v.id"""
)
# Until the last vial was out of the shipper: what the logger shows after that is warm and of no account.
_EXCURSIONS = text(
    """SELECT e.code, e.category, e.state FROM excursion e
        WHERE e.probe_id = :logger AND coalesce(e.ended_at, 'infinity') > :since AND e.started_at < greatest(:until,
          (SELECT max(coalesce(pl.taken_at, 'infinity')) FROM packed_vial p JOIN placement pl ON pl.vial_id = p.vial_id
              AND pl.box_id = :shipper AND pl.placed_at >= p.packed_at
            WHERE p.shipment_id = :shipment AND p.ended_at IS NULL))
        ORDER BY e.started_at"""
)
_HAS_TRACE = text("SELECT EXISTS (SELECT FROM reading WHERE probe_id = :logger AND at BETWEEN :since AND :until)")
_GAPS = text(
    """SELECT step.since, step.until FROM (
         SELECT lag(at) OVER (ORDER BY at) AS since, at AS until FROM (
           SELECT at FROM reading WHERE probe_id = :logger AND at BETWEEN :since AND :until
           UNION SELECT CAST(:since AS timestamptz) UNION SELECT CAST(:until AS timestamptz)) AS moment) AS step
        WHERE step.until - step.since > :minutes * interval '1 min' AND NOT EXISTS (
          SELECT FROM excursion e WHERE e.probe_id = :logger AND e.category = 'silent' AND e.state = 'ACCEPTED'
             AND e.started_at <= step.since AND e.ended_at >= step.until)
        ORDER BY step.since"""
)
_DEVIATIONS = text(
    """SELECT d.code, d.classification FROM deviation_link k JOIN deviation d ON d.id = k.deviation_id
        WHERE k.record_kind = 'shipment' AND k.record_id = :shipment AND d.state <> 'CLOSED' ORDER BY d.id"""
)


def acceptance_facts(session: Session, shipment: Shipment) -> Acceptance:
    """What is known about a shipment that decides about its acceptance: for the act and for its page alike."""
    given: dict[str, Any] = {
        "shipment": shipment.id,
        "shipper": shipment.shipper_id,
        "logger": shipment.logger_id,
        "since": shipment.sealed_at,
        "until": shipment.received_at,
    }
    arrived = shipment.received_at is not None
    logger = session.get_one(Probe, shipment.logger_id) if arrived and shipment.logger_id else None
    ask = session.execute
    return Acceptance(
        shipment=shipment.code,
        has_vials=bool(ask(_TRAVELLED, given).scalar_one()),
        outside=tuple(ask(_OUTSIDE, given).scalars()),
        logger=logger.code if logger else None,
        has_trace=logger is not None and bool(ask(_HAS_TRACE, given).scalar_one()),
        gaps=tuple(Gap(*row) for row in ask(_GAPS, {**given, "minutes": logger.gap_minutes})) if logger else (),
        excursions=tuple(OnTheWay(*row) for row in ask(_EXCURSIONS, given)) if logger else (),
        deviations=_deviations(session, shipment),
    )


def _deviations(session: Session, shipment: Shipment) -> dict[str, str]:
    """The open deviations that stop the shipment, with what each is about: those of its receipt, and others to which
    somebody has linked it."""
    about = {one["deviation"]: one["what"] for one in shipment.differences or ()}
    rows = session.execute(_DEVIATIONS, {"shipment": shipment.id})
    return {
        row.code: about.get(row.code, row.classification)
        for row in rows
        if stops(about.get(row.code), row.classification)
    }

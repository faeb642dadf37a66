"""Whatever counted on a vial is told when it breaks, is lost or is destroyed: the clinicians of its dose by a notice,
quality by a deviation. The same for a discarded vial and for one that a count of a box does not find."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from cellbank.domain.identifiers import printed
from cellbank.domain.lifecycle.states import VialState
from cellbank.domain.rules.vial_lost import LostVial, classified, is_counted_on, lost_warnings
from cellbank.records.base import Record
from cellbank.records.clinic import Dose, Subject
from cellbank.records.production import Vial
from cellbank.records.shipping import Shipment
from cellbank.records.work import Work
from cellbank.services.stopping.deviation_opening import open_with_links
from cellbank.services.stopping.notices import tell_of_doses

# How many vials each dose has in hand or kept, and the shipment in which a vial lies.
_COUNTED_ON = text(
    """SELECT v.id, d.code AS dose, d.state AS dose_state, s.trial_number AS subject, d.vials_needed AS needed,
              (SELECT count(*) FROM vial o WHERE o.dose_id = d.id
                  AND o.state IN ('RESERVED', 'PICKED', 'THAWED', 'POOLED')) AS had,
              (SELECT x.code FROM packed_vial p JOIN shipment x ON x.id = p.shipment_id
                WHERE p.vial_id = v.id AND p.ended_at IS NULL AND v.state = 'IN_TRANSIT') AS shipment
         FROM vial v LEFT JOIN dose d ON d.id = v.dose_id LEFT JOIN subject s ON s.id = d.subject_id
        WHERE v.id = ANY(:vials) AND (v.dose_id IS NOT NULL OR v.state = 'IN_TRANSIT') ORDER BY v.id"""
)


@dataclass(frozen=True)
class Loss:
    """Vials that something counted on, and how each stood before the act."""

    vials: tuple[LostVial, ...]

    def report(self, work: Work, reason: str) -> None:
        """Open one deviation about them, and a notice for the doses that lack one; call it with the vials written."""
        if not self.vials:
            return
        doses = [work.find(Dose, code) for code in _each(one.dose for one in self.vials)]
        subjects = [work.session.get_one(Subject, one) for one in dict.fromkeys(dose.subject_id for dose in doses)]
        shipments = [work.find(Shipment, code) for code in _each(one.shipment for one in self.vials)]
        vials = [work.find(Vial, one.code) for one in self.vials]
        records: list[Record] = [*vials, *doses, *subjects, *shipments]
        said = "\n".join((reason, *(warning.detail for warning in lost_warnings(self.vials))))
        deviation = open_with_links(
            work,
            records=records,
            title=f"Lost although it was counted on: vial {_named(self.vials)}"[:200],
            description=said[:4000],
            classification=classified(self.vials),
            occurred_at=work.happened,
        )
        work.show(deviation=deviation.code)
        missed = {one.dose for one in self.vials if one.is_missed}
        tell_of_doses(work, vials[0], said, [dose for dose in doses if dose.code in missed])


def counted_on(work: Work, vials: Sequence[Vial]) -> Loss:
    """Which of these vials something counts on, before they are lost; the answer warns of each."""
    ids = [vial.id for vial in vials if vial.dose_id is not None or vial.state == VialState.IN_TRANSIT]
    rows = work.session.execute(_COUNTED_ON, {"vials": ids}).all() if ids else ()
    states = {vial.id: (vial.code, vial.state) for vial in vials}
    gone = Counter(row.dose for row in rows if states[row.id][1] != VialState.POOLED)
    found = [
        LostVial(
            *states[row.id],
            dose=row.dose,
            dose_state=row.dose_state,
            subject=row.subject,
            left=row.had - gone[row.dose],
            needed=row.needed or 0,
            shipment=row.shipment,
        )
        for row in rows
    ]
    lost = tuple(one for one in found if one.shipment or is_counted_on(one.state, one.dose_state))
    if lost:
        work.warn(lost_warnings(lost))
    return Loss(lost)


def _each(codes: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(code for code in codes if code))


def _named(lost: Sequence[LostVial]) -> str:
    return ", ".join(printed(one.code) for one in lost[:5]) + (" …" if len(lost) > 5 else "")

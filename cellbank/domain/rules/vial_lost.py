"""A vial that breaks, is lost or is destroyed although something counted on it: a fact, never turned away.

What counted on it is told at once: quality, and the clinicians of a dose that lacks it. Twin in the database:
a_lost_vial_reaches_the_clinician.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cellbank.domain.identifiers import printed
from cellbank.domain.lifecycle.states import DoseState, VialState
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.deviation import Classification

#: Until its pool is counted whole, a dose counts on each vial that is kept for it.
FILLING = (DoseState.ORDERED, DoseState.PICKED, DoseState.THAWING, DoseState.COUNTED)
#: Until the infusion has begun, it counts on what is in the pool.
BEFORE_THE_PATIENT = (
    DoseState.THAWING,
    DoseState.COUNTED,
    DoseState.PREPARED,
    DoseState.CHECKED_ONCE,
    DoseState.CHECKED,
)


@dataclass(frozen=True)
class LostVial:
    """A vial on its way out, as it stood: kept for a dose (of a subject) or packed for a shipment, or neither. `left`
    are the vials that its dose still has without it and without those lost with it, of the `needed`."""

    code: str
    state: str
    dose: str | None = None
    dose_state: str | None = None
    subject: str | None = None
    left: int = 0
    needed: int = 0
    shipment: str | None = None

    @property
    def is_missed(self) -> bool:
        """Whether a dose lacks it: no spare vial stands in, or its cells are in the pool."""
        return self.dose is not None and (self.state == VialState.POOLED or self.left < self.needed)


def is_counted_on(vial_state: str, dose_state: str | None) -> bool:
    """Whether a dose in this state counted on a vial in that one."""
    if vial_state in (VialState.RESERVED, VialState.PICKED, VialState.THAWED):
        return dose_state in FILLING
    return vial_state == VialState.POOLED and dose_state in BEFORE_THE_PATIENT


def lost_warnings(lost: Sequence[LostVial]) -> tuple[Refusal, ...]:
    """What it means for whatever counted on these vials, and what is to be done about it."""
    return tuple(warning for one in lost for warning in _warning(one))


def _warning(one: LostVial) -> Iterator[Refusal]:
    named = {"vial": printed(one.code), "dose": one.dose, "subject": one.subject}
    if one.shipment is not None:
        sentence = "Vial {vial} was packed for shipment {shipment}, which travels without it."
        yield refuse(Code.NOT_IN_SHIPMENT, sentence, vial=printed(one.code), shipment=one.shipment)
    elif one.state == VialState.POOLED:
        sentence = (
            "The cells of vial {vial} are in the pool of dose {dose} (subject {subject}). If they are lost, discard "
            "the dose."
        )
        yield refuse(Code.VIAL_NOT_AVAILABLE, sentence, **named)
    elif not one.is_missed:
        sentence = (
            "Vial {vial} was kept for dose {dose} (subject {subject}), which has another one in its place. Nothing "
            "else is to be done."
        )
        yield refuse(Code.VIAL_NOT_AVAILABLE, sentence, **named)
    else:
        sentence = (
            "Vial {vial} was kept for dose {dose} (subject {subject}), which has {left} of its {needed} vials now. A "
            "clinician cancels the dose and orders it again, or accepts it short after the count."
        )
        yield refuse(Code.NOT_ENOUGH_VIALS, sentence, **named, left=one.left, needed=one.needed)


def classified(lost: Sequence[LostVial]) -> Classification:
    """How the deviation about it is classified at first: minor where a spare vial stands in; critical where the cells
    are in a pool already, so that nobody gives them before a clinician has decided what of them is left."""
    if any(one.state == VialState.POOLED for one in lost):
        return "critical"
    return "major" if any(one.is_missed or one.shipment for one in lost) else "minor"

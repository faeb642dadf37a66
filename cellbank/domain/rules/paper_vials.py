"""Vials of which a paper form says that they are in a dose, though none of them was kept for it.

They were given: each is recorded, and what was wrong about it is told with the dose. Twins in the database:
`one_live_reservation_per_vial`, `a_dose_comes_from_one_lot`, `only_vials_of_a_released_lot_are_reserved`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cellbank.domain.identifiers import printed
from cellbank.domain.lifecycle.states import VialState
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.paper_form import BOOKED_OUT

# Where a vial may have stood before somebody took it, or what the record wrongly says of it (paper_form.BOOKED_OUT).
COULD_BE_TAKEN = (VialState.IN_STOCK, VialState.RESERVED, VialState.PICKED, VialState.THAWED, *BOOKED_OUT)
# What is in another dose already, or in a culture, is in no second one: where the record has it.
ELSEWHERE: dict[str, str] = {
    VialState.INFUSED: "given with another dose",
    VialState.POOLED: "in the pool of another dose",
    VialState.CULTURED: "grown into a culture",
    VialState.VOIDED: "never filled",
    VialState.PRINTED: "not filled yet",
    VialState.FILLED: "not frozen yet",
    VialState.IN_TRANSIT: "on its way in a shipment",
    VialState.RECEIVED: "received and not put away yet",
}
AT_ANOTHER_SITE, OF_NOBODY = "standing at another site", "no vial of this bank"


@dataclass(frozen=True)
class OtherVial:
    """A vial that was not kept for the dose; `for_dose` is the one that it was kept for, if any."""

    code: str
    lot: str
    for_dose: str | None


def other_vial_refusals(dose: str, lot: str, vials: Iterable[OtherVial]) -> Iterator[Refusal]:
    """What was not allowed about each of them."""
    for vial in vials:
        sentence = "Vial {vial} was not reserved for dose {dose}, and its cells are in it. Find out how it came there."
        if vial.for_dose:
            sentence = (
                "Vial {vial} was kept for dose {other}, and its cells are in dose {dose}. Find out how it came there, "
                "and reserve another one for dose {other}."
            )
        yield refuse(Code.VIAL_NOT_RESERVED, sentence, vial=printed(vial.code), dose=dose, other=vial.for_dose)
        if vial.lot != lot:
            mixed = "Vial {vial} is of lot {found}, and dose {dose} is of lot {lot}."
            yield refuse(Code.MIXED_LOTS, mixed, vial=printed(vial.code), found=vial.lot, dose=dose, lot=lot)

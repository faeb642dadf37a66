"""Where a filled-in downtime form is entered: the act that its dose needs next of this form."""

from dataclasses import dataclass

from sqlalchemy import text

from cellbank.domain.identifiers import Form
from cellbank.domain.lifecycle.states import DoseState
from cellbank.services.installation import Installation

TO_PICK = {DoseState.ORDERED, DoseState.PICKED, DoseState.THAWING}
# The last two: given up in the record, though it was given.
TO_GIVE = {
    DoseState.UNORDERED,
    DoseState.ORDERED,
    DoseState.PICKED,
    DoseState.THAWING,
    DoseState.COUNTED,
    DoseState.PREPARED,
    DoseState.CHECKED_ONCE,
    DoseState.CHECKED,
    DoseState.INFUSING,
    DoseState.DISCARDED,
    DoseState.CANCELLED,
}
ENTER, CONFIRM = "enter_dose_from_paper", "confirm_dose_from_paper"

_DOSE = text(
    """SELECT EXISTS (SELECT FROM vial v WHERE v.dose_id = d.id AND v.state = 'PICKED') AS thaws_more,
              (SELECT p.entered_by_id FROM dose_paper p WHERE p.dose_id = d.id AND p.state = 'ENTERED') AS entered_by
         FROM dose d WHERE d.code = :dose"""
)


@dataclass(frozen=True)
class OfDose:
    """What decides where the form of a dose is entered. Without a dose: a blank form."""

    state: str | None = None
    thaws_more: bool = False  # a vial was picked and is not thawed yet
    entered_by: int | None = None  # whoever entered its bedside form, which waits for the second person


def of_dose(installation: Installation, code: str, state: str) -> OfDose:
    """What is known of the dose of a form."""
    with installation.reads.connect() as connection:
        row = connection.execute(_DOSE, {"dose": code}).one()
    return OfDose(state, row.thaws_more, row.entered_by)


def act_of_form(form: Form, dose: OfDose, who: int) -> str | None:
    """The act on whose page `who` enters this form of a dose; None when all of it is entered. Whoever entered a
    bedside form corrects it; to everybody else it is shown to be confirmed."""
    state = dose.state
    if form is Form.PICK:
        return "pick_vial" if state is None or state in TO_PICK else None
    if form is Form.THAW:
        thawing = "thaw_vial" if dose.thaws_more else "pool_and_count"
        step: dict[str | None, str] = {
            None: "thaw_vial",
            DoseState.PICKED: "thaw_vial",
            DoseState.THAWING: thawing,
            DoseState.COUNTED: "prepare_dose",
        }
        return step.get(state)
    if state is not None and state not in TO_GIVE:
        return None
    return ENTER if dose.entered_by in (None, who) else CONFIRM

"""Where a filled-in downtime form is entered: the act that its dose needs next of this form."""

from sqlalchemy import text

from cellbank.domain.identifiers import Form
from cellbank.services.bank import Bank

TO_PICK = {"ORDERED", "PICKED", "THAWING"}
TO_GIVE = {"ORDERED", "PICKED", "THAWING", "COUNTED", "PREPARED", "CHECKED_ONCE", "CHECKED"}
FROM_PAPER = "enter_dose_from_paper"

_WAITING = text(
    "SELECT EXISTS (SELECT FROM vial v JOIN dose d ON d.id = v.dose_id WHERE d.code = :dose AND v.state = 'PICKED')"
)


def act_of_form(form: Form, state: str | None, *, thaws_more: bool) -> str | None:
    """The act on whose page this form of a dose in this state is entered; None when all of it is entered. `state` is
    None for a blank form, `thaws_more` says that a picked vial is not thawed yet."""
    if form is Form.PICK:
        return "pick_vial" if state is None or state in TO_PICK else None
    if form is Form.THAW:
        thawing = "thaw_vial" if thaws_more else "pool_and_count"
        return {None: "thaw_vial", "PICKED": "thaw_vial", "THAWING": thawing, "COUNTED": "prepare_dose"}.get(state)
    if state == "INFUSING":
        return "stop_infusion"
    return FROM_PAPER if state is None or state in TO_GIVE else None


def waits_for_thaw(bank: Bank, dose: str) -> bool:
    """Whether a vial of the dose was picked and not thawed."""
    with bank.reads.connect() as connection:
        return bool(connection.scalar(_WAITING, {"dose": dose}))

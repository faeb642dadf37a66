"""The order of the next acts on a page: the likeliest first, what ends or undoes something last."""

from collections.abc import Iterable

from cellbank.domain.lifecycle import TRANSITIONS
from cellbank.services.scanning import NextAct

# Right, but rarely what somebody with a scanner in hand has come for.
ENDINGS = {
    "cancel_dose", "complete_subject", "disable_person", "discard_culture", "discard_dose", "discard_vial",
    "finish_culture", "hold_lot", "recall_lot", "reject_lot", "return_vial", "revoke_token", "take_out_of_service",
    "use_vial_for_testing", "withdraw_consent", "withdraw_subject",
}  # fmt: skip
PRINTING = {"print_labels", "print_label_again"}


def likeliest_first(acts: Iterable[NextAct], record: str, state: str) -> tuple[NextAct, ...]:
    """The acts that move the record on, then those that use it or make something from it, then printing, then ends."""
    rows = [row for row in TRANSITIONS if row.record == record and row.source == state]
    moving = {row.act for row in rows if row.target != state}
    using = {row.act for row in rows}

    def rank(item: NextAct) -> int:
        if item.name in ENDINGS:
            return 4
        if item.name in PRINTING:
            return 3
        return 0 if item.name in moving else 1 if item.name in using else 2

    return tuple(sorted(acts, key=rank))

"""Which things may bear a new label."""

import pytest

from cellbank.domain.lifecycle.meanings import STATES
from cellbank.domain.rules.labels import (
    LABELLED,
    LabelFacts,
    empty_lot_refusals,
    first_print_refusals,
    label_refusals,
    reprint_refusals,
)

VIAL = "A999926000042000007"


def codes(facts: LabelFacts) -> list[str]:
    return [refusal.code.value for refusal in label_refusals(facts)]


def test_every_state_of_the_rule_is_a_state_of_the_table() -> None:
    assert all(states <= set(STATES[record]) for record, states in LABELLED.items())


@pytest.mark.parametrize(
    ("record", "state", "refused"),
    [
        ("donation", "REJECTED", []),
        ("culture", "HARVESTED", []),
        ("culture", "FINISHED", ["WRONG_STATE"]),
        ("dose", "COUNTED", ["WRONG_STATE"]),
        ("dose", "PREPARED", []),
        ("dose", "INFUSED", ["WRONG_STATE"]),
        ("subject", "ENROLLED", []),
        ("subject", "WITHDRAWN", ["WRONG_STATE"]),
        ("person", "DISABLED", ["WRONG_STATE"]),
    ],
)
def test_what_is_gone_or_not_ready_gets_no_label(record: str, state: str, refused: list[str]) -> None:
    assert codes(LabelFacts(record, f"{record} X", state)) == refused


@pytest.mark.parametrize("state", STATES["vial"])
def test_a_vial_gets_a_label_only_while_it_is_whole_and_cold(state: str) -> None:
    whole = {"PRINTED", "FILLED", "FROZEN", "IN_STOCK", "RESERVED", "PICKED"}
    assert codes(LabelFacts("lot", "lot X", "RELEASED", {VIAL: state})) == ([] if state in whole else ["WRONG_STATE"])


def test_all_reasons_are_given_at_once() -> None:
    facts = LabelFacts("lot", "lot LT0001K", "FILLED", {VIAL: "VOIDED"}, {VIAL: "LT0002H"})
    details = [refusal.detail for refusal in label_refusals(facts)]
    assert codes(facts) == ["VIAL_MISMATCH", "WRONG_STATE"]
    assert "LT0002H" in details[0] and "is voided:" in details[1]


def test_vials_are_chosen_of_a_lot_only() -> None:
    assert codes(LabelFacts("donation", "donation X", "ACCEPTED", {VIAL: "FILLED"})) == ["WRONG_KIND"]


def test_the_first_print_and_the_copies_exclude_each_other() -> None:
    assert [refusal.code.value for refusal in first_print_refusals("box X", True)] == ["ALREADY_EXISTS"]
    assert first_print_refusals("box X", False) == () == reprint_refusals("box X", True)
    assert [refusal.code.value for refusal in reprint_refusals("box X", False)] == ["NOT_FOUND"]


def test_a_lot_without_vials_has_nothing_to_label() -> None:
    assert [refusal.code.value for refusal in empty_lot_refusals("lot X", 0)] == ["WRONG_STATE"]
    assert empty_lot_refusals("lot X", 1) == ()

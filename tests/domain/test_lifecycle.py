"""The table of transitions, its short way to be written, and the questions that are asked of it."""

from dataclasses import replace

import pytest

from cellbank.domain import diagram
from cellbank.domain.blind import hidden_columns
from cellbank.domain.lifecycle.meanings import STATES, state_means
from cellbank.domain.lifecycle.moves import Transition, moves
from cellbank.domain.lifecycle.roles import LAB, Meaning, Role
from cellbank.domain.lifecycle.table import (
    TRANSITIONS,
    _of_irregular_facts,
    acts_from,
    asks_password,
    crosses_sites,
    is_signed,
    powers,
    rows_for,
)
from cellbank.domain.telling import TELLS


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("> IN_PROCESS", [(None, "IN_PROCESS")]),
        ("IN_PROCESS > FILLED", [("IN_PROCESS", "FILLED")]),
        ("RELEASED QUARANTINE > ON_HOLD", [("RELEASED", "ON_HOLD"), ("QUARANTINE", "ON_HOLD")]),
        ("FILLED =", [("FILLED", "FILLED")]),
        ("FILLED RELEASED =", [("FILLED", "FILLED"), ("RELEASED", "RELEASED")]),
    ],
)
def test_moves_are_written_short(text: str, pairs: list[tuple[str | None, str]]) -> None:
    rows = moves("lot", "try", text, LAB, Meaning.REVIEWED, ("made_by_id",), proved=True)
    assert [(row.source, row.target) for row in rows] == pairs
    blank = Transition("lot", "try", None, "", LAB, Meaning.REVIEWED, ("made_by_id",), proved=True)
    assert all(replace(row, source=None, target="") == blank for row in rows)
    with pytest.raises(KeyError):  # a state that no lot has
        moves("lot", "try", f"GONE {text}", LAB)


def test_whoever_tells_late_may_open_the_deviation_about_it() -> None:
    for act in TELLS:
        roles = frozenset(
            role for row in TRANSITIONS if row.act == act and row.record != "deviation" for role in row.roles
        )
        (row,) = (row for row in _of_irregular_facts() if row.act == act)
        assert (row.record, row.source, row.target, row.roles) == ("deviation", None, "OPEN", roles), act
        assert row in TRANSITIONS


def test_which_acts_somebody_may_try_depends_on_state_and_role() -> None:
    technician, quality = frozenset({Role.TECHNICIAN}), frozenset({Role.QUALITY_OFFICER})
    assert "release_lot" in acts_from("lot", "QUARANTINE", quality)
    assert "release_lot" not in acts_from("lot", "QUARANTINE", technician)
    assert "release_lot" not in acts_from("lot", "REJECTED", quality)
    assert acts_from("donor", "QUARANTINE", quality) == acts_from("lot", "QUARANTINE", frozenset()) == ()
    both = acts_from("lot", "QUARANTINE", technician | quality)
    assert len(both) == len(set(both))


@pytest.mark.parametrize(
    ("record", "act", "source", "crosses"),
    [
        ("lot", "hold_lot", "QUARANTINE", True),  # a stop is everybody's duty
        ("lot", "hold_lot", "RELEASED", True),
        ("lot", "hold_lot", "ON_HOLD", True),
        ("lot", "release_lot", "QUARANTINE", False),
        ("shipment", "receive_shipment", None, True),
        ("lot", "sign_for_sponsor", None, True),
    ],
)
def test_what_may_be_done_at_another_site(record: str, act: str, source: str | None, crosses: bool) -> None:
    rows = [row for row in rows_for(act, record) if source is None or row.source == source]
    assert rows and {crosses_sites(row) for row in rows} == {crosses}


def test_what_asks_for_a_password() -> None:
    assert is_signed("release_lot") and asks_password("release_lot")
    assert not is_signed("receive_donation") and not asks_password("receive_donation")
    only_proved = {row.act for row in TRANSITIONS if row.proved} - {row.act for row in TRANSITIONS if row.meaning}
    assert only_proved and all(asks_password(act) and not is_signed(act) for act in only_proved)


def test_every_role_that_does_what_not_everybody_may_is_a_power() -> None:
    assert {Role.TECHNICIAN, Role.QUALITY_OFFICER, Role.CLINICIAN, Role.ADMINISTRATOR, Role.AUDITOR} == powers()


def test_what_a_released_lot_is_good_for_depends_on_what_it_was_made_for() -> None:
    assert state_means("lot", "RELEASED", "product") == "may be used for patients"
    assert "never for patients" in state_means("lot", "RELEASED", "master_bank")
    assert state_means("lot", "RELEASED") == STATES["lot"]["RELEASED"]
    assert state_means("lot", "ON_HOLD", "product") == STATES["lot"]["ON_HOLD"]
    assert state_means("dose", "ORDERED", "product") == STATES["dose"]["ORDERED"]


def test_the_first_of_two_readings_is_hidden_until_the_second() -> None:
    assert hidden_columns("weight", "MEASURED") == {("weight", "weight_kg")}
    assert hidden_columns("weight", "CONFIRMED") == hidden_columns("lot", "MEASURED") == frozenset()


def test_the_page_of_states_shows_every_record_and_marks_what_is_signed() -> None:
    page = diagram.page()
    drawn = {row.record for row in TRANSITIONS}
    assert page.count("```mermaid") == len(drawn)
    assert all((f"## {name.replace('_', ' ').capitalize()}\n" in page) is (name in drawn) for name in STATES)
    lot = page.partition("## Lot\n")[2].partition("\n## ")[0]
    assert "    QUARANTINE --> RELEASED: release_lot ✎\n" in lot and "    [*] --> " in lot
    assert "| release_lot | QUARANTINE | RELEASED | " in lot and "✎ released" in lot
    assert "donor: " not in lot and "register_donor" not in lot

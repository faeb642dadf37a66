"""Every act asks for what shall be, or tells of what has happened: then it takes when that was, late as it may be."""

import datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from cellbank.domain.telling import OWN_TIME, TELLS
from cellbank.records.clinic import Weight
from cellbank.services import catalogue
from cellbank.services.acts import TellingInput
from tests.factories.clinic import enrolled_subject
from tests.factories.lots import stored_lot
from tests.factories.receiving import check_in, received_shipment
from tests.factories.world import World

MINUTE = datetime.timedelta(minutes=1)
HOUR = datetime.timedelta(hours=1)
LATE = {"entered_late_because": "The network was down"}

#: What asks, decides, or is done in the system itself: it happens when it is entered.
ASKS = {
    # people and their accounts
    "accept_agreement", "add_person", "add_site", "change_address", "change_my_address", "change_password",
    "change_roles", "change_sites", "configure_site", "confirm_account_change", "confirm_second_factor",
    "confirm_training", "confirm_unlock", "create_token", "decline_account_change", "disable_person",
    "end_session", "hand_over_code", "note_wrong_password", "reset_password", "reset_second_factor",
    "revoke_token", "revoke_training", "set_up_second_factor", "sign_in", "sign_out", "unlock_person",
    "unlock_together",
    # quality decides
    "ask_probe_limits", "decline_probe_limits",
    "accept_shipment", "approve_conditional_release", "change_probe_limits", "classify_deviation", "close_deviation",
    "decide_donation", "decide_excursion", "decide_reagent", "determine_eligibility", "end_conditional_release",
    "end_silence", "hold_donor", "hold_lot", "import_definition", "invalidate_result", "investigate_deviation",
    "lift_hold", "link_deviation", "lower_deviation", "make_effective", "plan_action", "recall_lot", "recall_reagent",
    "reject_lot", "reject_shipment", "release_lot", "reopen_deviation", "request_conditional_release",
    "review_batch_record", "review_results", "review_trail", "sign_for_sponsor", "verify_action",
    "withdraw_freezing_run",
    # clinicians decide
    "accept_short_dose", "answer_criteria", "cancel_dose", "complete_subject", "continue_treatment",
    "move_to_amendment", "order_dose", "plan_dose_anew", "sign_eligibility",
    # what is ordered, called off, named, printed or looked at
    "add_storage_unit", "cancel_sample", "cancel_shipment", "close_count", "fetch_spare", "issue_document",
    "look_at_identity", "look_for_silence", "order_shipment", "print_commands", "print_label_again", "print_labels",
    "report_unreadable_scan", "retire_probe", "return_to_service", "take_back_paper_form", "take_out_of_service",
    # what was told wrongly is told again: the time of what happened is one of the values that it puts right
    "correct_fact",
}  # fmt: skip


def test_an_act_that_tells_takes_when_it_happened_and_every_act_is_one_or_the_other() -> None:
    acts = catalogue.load()
    assert set(acts) == TELLS | set(OWN_TIME) | ASKS
    assert len(acts) == len(TELLS) + len(OWN_TIME) + len(ASKS)
    assert {name for name, one in acts.items() if issubclass(one.input, TellingInput)} == TELLS
    assert all(field in acts[name].input.model_fields for name, field in OWN_TIME.items())


def test_a_count_is_told_late_at_the_time_of_the_count(world: World) -> None:
    lot = stored_lot(world, vials=2)
    now = world.now + 3 * HOUR
    told = {"box": lot.box, "vials": list(lot.vials), "happened_at": now - HOUR}
    assert world.codes("tina", "count_box", now=now, **told, entered_late_because=None) == ["LATE_REASON_NEEDED"]
    world.do("tina", "count_box", now=now, **told, **LATE)
    world.do("taras", "count_again", now=now, **told, **LATE)
    with Session(world.installation.reads) as session:
        at = text(
            "SELECT DISTINCT s.counted_at FROM count_sheet s JOIN stock_count c ON c.id = s.stock_count_id "
            "JOIN storage_unit u ON u.id = c.unit_id WHERE u.code = :box"
        )
        assert list(session.scalars(at, {"box": lot.box})) == [now - HOUR]


def test_a_look_into_a_box_that_changed_since_is_not_compared_with_the_book_of_today(world: World) -> None:
    lot = stored_lot(world, vials=2)
    now = world.now + 3 * HOUR
    world.do("tina", "move_vial", now=now - HOUR, vial=lot.vials[0], box=lot.box, position="B1")
    told = {"box": lot.box, "vials": list(lot.vials), "reasons": {lot.vials[0]: "Stood there an hour ago"}, **LATE}
    assert world.codes("tina", "rescan_box", now=now, **told, happened_at=now - 2 * HOUR) == ["OUT_OF_ORDER"]
    assert world.codes("tina", "rescan_box", now=now, **told, happened_at=now - HOUR / 2) == []


@pytest.mark.requirement("R20")
def test_a_second_look_at_the_scale_is_told_late_and_still_refuses_another_weight(world: World) -> None:
    subject = enrolled_subject(world)
    given = {"subject": subject, "weight_kg": "50.0", "method": "standing_scale"}
    code = world.do("clara", "measure_weight", **given)["code"]
    now = world.now + HOUR
    told = {"weight": code, "happened_at": world.now + MINUTE, **LATE}
    assert world.codes("cyril", "confirm_weight", now=now, **told, weight_kg="51.0") == ["WEIGHT_MISMATCH"]
    world.do("cyril", "confirm_weight", now=now, **told, weight_kg="50.0")
    with Session(world.installation.reads) as session:
        confirmed = session.scalars(select(Weight.confirmed_at).where(Weight.code == code)).one()
    assert confirmed == world.now + MINUTE


def test_the_end_of_a_receipt_is_told_late(world: World) -> None:
    arrived = received_shipment(world)
    check_in(world, arrived, *arrived.vials)
    told = {"shipment": arrived.code, **LATE}
    late = {"now": arrived.at + HOUR, **told}
    closed = world.codes(arrived.to.technician, "close_receipt", **late, happened_at=arrived.at)
    assert closed == ["OUT_OF_ORDER"]  # vials were found after that
    world.do(arrived.to.technician, "close_receipt", **late, happened_at=arrived.at + 6 * MINUTE)

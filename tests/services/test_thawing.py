"""From the tank to the syringe: the right vial, the clock, the count, the volume, and what happens when it is short."""

import datetime
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.production import Vial
from cellbank.records.quality import Printing, Signature
from cellbank.records.storage import Placement
from cellbank.services.clinic.thawing import pick_list
from tests.factories.doses import (
    COUNT,
    MINUTE,
    OrderedDose,
    counted_dose,
    fetch_spare,
    ordered_dose,
    pick,
    picked_dose,
    prepared_dose,
    product_lot,
    row_of,
    thawed_dose,
    vial_states,
)
from tests.factories.lots import box
from tests.factories.world import World

HOUR = datetime.timedelta(hours=1)
SECOND = datetime.timedelta(seconds=1)


# --- pick -------------------------------------------------------------------------------------


def test_the_pick_list_is_in_the_order_of_the_tank_and_gets_shorter(world: World) -> None:
    dose = ordered_dose(world)
    with Session(world.installation.reads) as session:
        lines = pick_list(session, dose.code)
    assert [line.vial for line in lines] == list(dose.vials)
    assert [line.place.rpartition(" › ")[2] for line in lines] == ["A1", "A2", "A3", "A4"]
    pick(world, dose, dose.vials[1])
    with Session(world.installation.reads) as session:
        assert [line.vial for line in pick_list(session, dose.code)] == [dose.vials[i] for i in (0, 2, 3)]


def test_a_dose_is_picked_when_it_has_the_vials_that_it_needs(world: World) -> None:
    dose = ordered_dose(world)
    states = [pick(world, dose, vial)["state"] for vial in dose.vials[:3]]
    assert states == ["ORDERED", "ORDERED", "PICKED"]
    with Session(world.installation.reads) as session:
        stands = select(Placement.taken_at).join(Vial, Vial.id == Placement.vial_id).where(Vial.code == dose.vials[0])
        assert session.scalars(stands).all() == [dose.at]


def picking(world: World, dose: OrderedDose, **given: Any) -> list[str]:
    return world.codes("tina", "pick_vial", **{"dose": dose.code, "box": dose.lot.box, "vial": dose.vials[0], **given})


def test_a_vial_of_another_subject_stays_in_the_tank(world: World) -> None:
    lot = product_lot(world, vials=12)
    dose, other = ordered_dose(world, lot=lot), ordered_dose(world, lot=lot)
    assert not set(dose.vials) & set(other.vials)
    assert picking(world, dose, vial=other.vials[0]) == ["VIAL_OF_ANOTHER_SUBJECT"]


def test_a_vial_of_nobody_and_a_wrong_box_are_refused(world: World) -> None:
    dose = ordered_dose(world)
    assert picking(world, dose, vial=dose.lot.vials[6]) == ["VIAL_MISMATCH", "WRONG_STATE"]
    assert picking(world, dose, box=box(world)) == ["POSITION_MISMATCH"]
    assert picking(world, dose) == []
    assert picking(world, dose) == ["POSITION_MISMATCH", "WRONG_STATE"]  # it stands nowhere any more


def test_nothing_is_picked_for_a_subject_who_withdrew_or_from_a_lot_on_hold(world: World) -> None:
    dose = ordered_dose(world)
    world.do("clara", "withdraw_subject", subject=dose.subject, reason="Wishes to stop")
    world.do("quinn", "hold_lot", lot=dose.lot.code, reason="Question of the auditor")
    assert picking(world, dose) == ["SUBJECT_NOT_ENROLLED", "ON_HOLD", "LOT_NOT_RELEASED"]


def test_the_spare_vial_stays_in_the_tank_until_it_is_called(world: World) -> None:
    dose = ordered_dose(world)
    assert marked(world, dose) == [False, False, False, True]
    assert world.codes("tina", "fetch_spare", dose=dose.code, reason="One is cracked") == ["WRONG_STATE"]
    for vial in dose.vials[1:]:
        pick(world, dose, vial)
    assert marked(world, dose) == [True]
    assert picking(world, dose) == ["SPARE_NOT_CALLED"]
    fetched = world.do("tina", "fetch_spare", dose=dose.code, reason="One is cracked")
    assert fetched["vial"] == dose.vials[0] and fetched["place"].endswith("A1")
    assert marked(world, dose) == [False] and picking(world, dose) == []
    assert world.codes("tina", "fetch_spare", dose=dose.code, reason="Another one") == ["NOT_ENOUGH_VIALS"]


def marked(world: World, dose: OrderedDose) -> list[bool]:
    with Session(world.installation.reads) as session:
        return [line.spare for line in pick_list(session, dose.code)]


def test_a_vial_that_broke_makes_room_for_the_spare_one_without_a_call(world: World) -> None:
    dose = picked_dose(world)
    world.do("tina", "discard_vial", vial=dose.vials[0], reason="Dropped")
    assert marked(world, dose) == [False] and picking(world, dose, vial=dose.vials[3]) == []


def test_no_spare_vial_is_fetched_for_a_whole_dose_or_after_its_time(world: World) -> None:
    dose = counted_dose(world)
    given = {"dose": dose.code, "reason": "To be sure"}
    assert world.codes("tina", "fetch_spare", now=dose.at + 25 * MINUTE, **given) == ["WRONG_STATE"]
    late = thawed_dose(world)
    given = {"dose": late.code, "reason": "One more"}
    assert world.codes("tina", "fetch_spare", now=late.at + 7 * HOUR, **given) == ["OUT_OF_TIME"]


def test_a_vial_goes_into_a_dewar_and_nothing_else(world: World) -> None:
    dose = ordered_dose(world)
    assert picking(world, dose, dewar=dose.lot.box) == ["WRONG_KIND"]
    broken = world.do("tina", "add_storage_unit", type="dewar", name=world.unique("Dewar"), cold_minutes=30)["code"]
    world.do("tina", "take_out_of_service", unit=broken, reason="Its lid is lost")
    assert picking(world, dose, dewar=broken) == ["STORAGE_OUT_OF_SERVICE"]


# --- return -----------------------------------------------------------------------------------


def returning(world: World, vial: str, after: datetime.timedelta, box: str | None) -> list[str]:
    return world.codes("tina", "return_vial", now=world.now + after, vial=vial, box=box)


def carry(world: World, dose: OrderedDose, vial: str) -> None:
    """Pick a vial in the open."""
    world.do("tina", "pick_vial", now=dose.at, dose=dose.code, box=dose.lot.box, vial=vial)


def test_a_spare_vial_goes_back_within_seconds_and_is_free_again(world: World) -> None:
    dose = picked_dose(world)
    fetch_spare(world, dose)
    carry(world, dose, dose.vials[3])
    assert returning(world, dose.vials[3], 30 * SECOND, dose.lot.box) == []
    with Session(world.installation.reads) as session:
        vial = session.scalars(select(Vial).where(Vial.code == dose.vials[3])).one()
    assert (vial.state, vial.dose_id) == ("IN_STOCK", None)
    assert returning(world, dose.vials[0], 30 * SECOND, dose.lot.box) == ["NOT_ENOUGH_VIALS"]


def test_a_vial_that_warmed_too_long_is_not_put_back(world: World) -> None:
    dose = ordered_dose(world)
    carry(world, dose, dose.vials[0])
    world.do("clara", "cancel_dose", dose=dose.code, reason="Fever")
    assert returning(world, dose.vials[0], 31 * SECOND, dose.lot.box) == ["WARMING_BUDGET"]
    assert world.do("tina", "discard_vial", vial=dose.vials[0], reason="Warmed")["state"] == "DISCARDED"


def test_each_time_out_of_the_cold_counts(world: World) -> None:
    lot = product_lot(world, vials=4)
    for turn in range(4):
        at = world.now + turn * HOUR
        dose = ordered_dose(world, lot=lot, at=at)
        carry(world, dose, lot.vials[0])
        world.do("clara", "cancel_dose", now=at, dose=dose.code, reason="Fever")
        codes = returning(world, lot.vials[0], turn * HOUR + 5 * SECOND, lot.box)
        assert codes == ([] if turn < 3 else ["WARMING_BUDGET"])


# --- thaw -------------------------------------------------------------------------------------


def thawing(world: World, dose: OrderedDose, vial: str, after: datetime.timedelta) -> list[str]:
    return world.codes("tina", "thaw_vial", now=dose.at + after, dose=dose.code, vial=vial)


def test_the_clock_starts_with_the_first_vial(world: World) -> None:
    dose = picked_dose(world)
    first = world.do("tina", "thaw_vial", now=dose.at + MINUTE, dose=dose.code, vial=dose.vials[0])
    second = world.do("tina", "thaw_vial", now=dose.at + 9 * MINUTE, dose=dose.code, vial=dose.vials[1])
    assert first["state"] == "THAWING" and first["thaw_started_at"] == second["thaw_started_at"]
    assert row_of(world, dose.code).thaw_started_at == dose.at + MINUTE
    assert thawing(world, dose, dose.vials[2], 7 * HOUR) == ["OUT_OF_TIME"]
    assert thawing(world, dose, dose.vials[0], 10 * MINUTE) == ["WRONG_STATE"]


def test_a_dose_planned_for_another_day_is_not_thawed_today(world: World) -> None:
    dose = picked_dose(world)
    world.do("tina", "thaw_vial", now=dose.at, dose=dose.code, vial=dose.vials[0])
    lot = product_lot(world)
    late = picked_dose(world, ordered_dose(world, lot=lot))
    refused = thawing(world, late, late.vials[0], 73 * HOUR)
    assert refused == ["NOT_THE_PLANNED_DAY", "WEIGHT_STALE", *["WARMING_BUDGET"] * 2]


def test_a_thawed_vial_never_goes_back(world: World) -> None:
    dose = thawed_dose(world)
    assert "WRONG_STATE" in returning(world, dose.vials[0], 5 * MINUTE + SECOND, dose.lot.box)


# --- pool and count ---------------------------------------------------------------------------


def counting(world: World, dose: OrderedDose, *, now: datetime.datetime | None = None, **given: Any) -> list[str]:
    vials = list(dose.vials[: dose.needed])
    given = {"dose": dose.code, "vials": vials, **COUNT, **given}
    return world.codes("tina", "pool_and_count", now=now or dose.at + 20 * MINUTE, **given)


def test_the_worked_example_of_a_pool(world: World) -> None:
    dose = counted_dose(world)
    row = row_of(world, dose.code)
    assert (row.state, row.draw_ml, row.delivered_cells, row.is_short) == (
        "COUNTED",
        Decimal("13.9"),
        50_151_200,
        False,
    )
    assert row.delivered_percent == Decimal("100.3")
    assert row.expires_at == dose.at + 5 * MINUTE + 4 * HOUR  # albumin
    assert vial_states(world, dose.lot.code)[:4] == ["POOLED"] * 3 + ["RESERVED"]


def test_every_thawed_vial_is_scanned_and_no_other(world: World) -> None:
    dose = thawed_dose(world)
    two, strange = list(dose.vials[:2]), dose.lot.vials[7]
    outcome = world.try_act("tina", "pool_and_count", dose=dose.code, vials=[*two, strange], **COUNT)
    assert [one.code.value for one in outcome.refusals] == ["VIAL_MISMATCH", "VIAL_MISMATCH"]
    assert dose.vials[2][-6:] in outcome.refusals[0].detail and strange[-6:] in outcome.refusals[1].detail


def test_dead_cells_too_late_and_impossible_counts_are_refused(world: World) -> None:
    dose = thawed_dose(world)
    assert counting(world, dose, viability_percent="69.9") == ["VIABILITY_TOO_LOW"]
    assert counting(world, dose, now=dose.at + 5 * MINUTE + 4 * HOUR) == ["OUT_OF_TIME"]
    assert counting(world, dose, now=dose.at + 5 * MINUTE + 2 * HOUR, diluent="protein_free") == ["OUT_OF_TIME"]
    assert counting(world, dose, diluent="water") == ["OTHER_DILUENT"]
    assert counting(world, dose, method="7-AAD") == ["OTHER_METHOD"]
    assert counting(world, dose, total_cells_per_ml=41_000_000) == ["FIGURES_CONTRADICT"]
    assert counting(world, dose, pooled_ml="0.4") == ["FIGURES_CONTRADICT"]
    assert row_of(world, dose.code).state == "THAWING"


# --- short ------------------------------------------------------------------------------------

SHORT = {"total_cells_per_ml": 3_500_000}  # 14.5 mL × 3.08 million = 44.66 million: 89.3 %


def test_a_short_dose_is_shown_with_what_helps_and_one_more_vial_makes_it_whole(world: World) -> None:
    dose = thawed_dose(world)
    vials = list(dose.vials[:3])
    given = {**COUNT, **SHORT, "now": dose.at + 20 * MINUTE, "dose": dose.code}
    result = world.do("tina", "pool_and_count", vials=vials, **given)
    assert (result["is_short"], result["vials_more"], result["vials_still_frozen"]) == (True, 1, [dose.vials[3]])
    assert result["shortfall_cells"] == 50_000_000 - 44_660_000
    later = replace(dose, at=dose.at + 22 * MINUTE)
    fetch_spare(world, later)
    pick(world, later, dose.vials[3])
    assert thawing(world, dose, dose.vials[3], 25 * MINUTE) == []
    given = {**COUNT, "pooled_ml": "20", "now": dose.at + 35 * MINUTE, "dose": dose.code}
    assert world.do("tina", "pool_and_count", vials=list(dose.vials), **given)["is_short"] is False
    assert row_of(world, dose.code).thaw_started_at == dose.at + 5 * MINUTE


def test_no_further_vial_is_thawed_when_the_dose_is_whole(world: World) -> None:
    dose = thawed_dose(world)
    fetch_spare(world, dose)
    pick(world, dose, dose.vials[3])
    world.do("tina", "pool_and_count", now=dose.at + 20 * MINUTE, dose=dose.code, vials=list(dose.vials[:3]), **COUNT)
    assert thawing(world, dose, dose.vials[3], 25 * MINUTE) == ["WRONG_STATE"]


def preparing(world: World, dose: OrderedDose, **given: Any) -> list[str]:
    given = {"drawn_ml": "13.9", "final_volume_ml": "50", "now": dose.at + 30 * MINUTE, **given}
    return world.codes("taras", "prepare_dose", dose=dose.code, **given)


def test_a_short_dose_needs_a_clinician_who_signs(world: World) -> None:
    dose = counted_dose(world, **SHORT)
    assert preparing(world, dose, drawn_ml="14.5") == ["DOSE_OUT_OF_BAND", "REASON_NEEDED"]
    given = {"dose": dose.code, "reason": "No vial left and the patient is waiting", "now": dose.at + 25 * MINUTE}
    world.do("cyril", "accept_short_dose", **given)
    assert preparing(world, dose, drawn_ml="14.5") == []
    row = row_of(world, dose.code)
    assert (row.delivered_percent, row.short_dose_reason) == (Decimal("89.3"), given["reason"])
    with Session(world.installation.reads) as session:
        signed = select(Signature.full_name).where(Signature.record_kind == "dose", Signature.record_id == row.id)
        assert list(session.scalars(signed.order_by(Signature.id))) == ["Clara Clinician", "Cyril Clinician"]


def test_a_dose_far_too_short_is_nobodys_to_accept(world: World) -> None:
    dose = counted_dose(world, total_cells_per_ml=3_000_000)  # 38.28 million: 76.6 %
    given = {"dose": dose.code, "reason": "No vial left", "now": dose.at + 25 * MINUTE}
    assert world.codes("cyril", "accept_short_dose", **given) == ["DOSE_OUT_OF_BAND"]


def test_a_whole_dose_is_not_accepted_as_short(world: World) -> None:
    dose = counted_dose(world)
    given = {"dose": dose.code, "reason": "By mistake", "now": dose.at + 25 * MINUTE}
    assert world.codes("cyril", "accept_short_dose", **given) == ["WRONG_STATE"]


# --- preparation ------------------------------------------------------------------------------


def test_a_prepared_dose_has_its_label_and_gives_the_spare_vial_back(world: World) -> None:
    dose = prepared_dose(world)
    row = row_of(world, dose.code)
    assert (row.state, row.prepared_by_id, row.final_volume_ml) == ("PREPARED", world.people["taras"].id, Decimal(50))
    assert vial_states(world, dose.lot.code)[:4] == ["POOLED"] * 3 + ["IN_STOCK"]
    with Session(world.installation.reads) as session:
        printed = select(Printing.template).where(Printing.record_code == dose.code)
        assert session.scalars(printed).all() == ["dose"]


def test_what_is_drawn_is_what_was_calculated_within_one_mark(world: World) -> None:
    dose = counted_dose(world)
    assert preparing(world, dose, drawn_ml="14.1") == ["FIGURES_CONTRADICT"]
    assert preparing(world, dose, final_volume_ml="13") == ["FIGURES_CONTRADICT"]
    assert preparing(world, dose, now=dose.at + 5 * MINUTE + 4 * HOUR) == ["OUT_OF_TIME"]
    assert preparing(world, dose, drawn_ml="13.8") == []
    assert row_of(world, dose.code).delivered_cells == 49_790_400


def test_a_discarded_dose_takes_its_thawed_vials_with_it(world: World) -> None:
    dose = counted_dose(world)
    world.do("tina", "discard_dose", dose=dose.code, reason="Bag dropped")
    assert vial_states(world, dose.lot.code)[:4] == ["DISCARDED"] * 3 + ["IN_STOCK"]
    again = ordered_dose(world, lot=product_lot(world), subject=dose.subject)
    assert row_of(world, again.code).infusion_number == 1

"""A vial that breaks or is lost is recorded in whatever state it is, and whatever counted on it is told: the clinicians
of its dose by a notice, quality by a deviation."""

import datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from cellbank.domain.lifecycle.meanings import STATES
from cellbank.domain.lifecycle.table import rows_for
from cellbank.records.deviations import Deviation, DeviationLink
from cellbank.records.production import Vial
from cellbank.services.stopping import vials_lost
from tests.factories.doses import (
    MINUTE,
    OrderedDose,
    counted_dose,
    ordered_dose,
    picked_dose,
    prepared_dose,
    thawed_dose,
)
from tests.factories.receiving import check_in, received_shipment
from tests.factories.shipping import packed_shipment, sealed_shipment, sent_shipment
from tests.factories.world import World

WHY = "It fell on the floor and broke"
#: there is no vial (any more), or its cells are elsewhere: in a patient, in a culture, in a test
NO_VIAL = {"PRINTED", "VOIDED", "INFUSED", "CULTURED", "QC_USED", "DISCARDED"}


def links_of(world: World, code: str) -> tuple[str, set[str]]:
    with Session(world.installation.reads) as session:
        one = session.scalars(select(Deviation).where(Deviation.code == code)).one()
        links = select(DeviationLink.record_code).where(DeviationLink.deviation_id == one.id)
        return one.classification, set(session.scalars(links))


def told(world: World, notice: str) -> list[str]:
    lines = text(
        "SELECT d.code FROM notice_line l JOIN recall_notice n ON n.id = l.notice_id "
        "JOIN dose d ON d.id = l.dose_id WHERE n.code = :code AND n.state = 'OPEN'"
    )
    with Session(world.installation.reads) as session:
        return list(session.scalars(lines, {"code": notice}))


def state(world: World, vial: str) -> str:
    with Session(world.installation.reads) as session:
        return session.scalars(select(Vial.state).where(Vial.code == vial)).one()


def test_no_state_in_which_there_is_a_vial_turns_its_loss_away() -> None:
    for act in ("discard_vial", "discard_vials"):
        assert {row.source for row in rows_for(act, "vial")} == set(STATES["vial"]) - NO_VIAL


@pytest.mark.requirement("R20")
@pytest.mark.parametrize("make", [ordered_dose, picked_dose, thawed_dose])
def test_a_vial_kept_for_a_dose_is_lost_and_its_dose_is_told(world: World, make) -> None:
    dose: OrderedDose = make(world)
    first, second = ({"now": dose.at + 6 * MINUTE, "vial": vial, "reason": WHY} for vial in dose.vials[:2])
    done = world.do("tina", "discard_vial", **first)
    assert done["state"] == "DISCARDED" and "notices" not in done
    assert [one["code"] for one in done["warnings"]] == ["VIAL_NOT_AVAILABLE"]  # the spare one stands in
    graveness, links = links_of(world, done["deviation"])
    assert graveness == "minor" and links >= {dose.code, dose.vials[0], dose.subject, dose.lot.code}
    short = world.do("tina", "discard_vial", **second)
    assert [one["code"] for one in short["warnings"]] == ["NOT_ENOUGH_VIALS"]
    assert told(world, short["notices"][0]) == [dose.code] and links_of(world, short["deviation"])[0] == "major"


def test_who_checks_first_sees_what_the_dose_will_lack_and_nothing_is_written(world: World) -> None:
    dose = ordered_dose(world)
    given = {"vials": list(dose.vials[:2]), "reason": WHY}
    asked = world.try_act("tina", "discard_vials", dry_run=True, **given)
    assert asked.accepted and {one["code"] for one in asked.result["warnings"]} == {"NOT_ENOUGH_VIALS"}
    assert "2 of its 3 vials" in asked.result["warnings"][0]["detail"]
    assert state(world, dose.vials[0]) == "RESERVED"
    done = world.do("tina", "discard_vials", **given)
    assert links_of(world, done["deviation"])[0] == "major" and len(done["notices"]) == 1


def test_the_cells_of_a_pooled_vial_stay_in_their_dose(world: World) -> None:
    dose = counted_dose(world)
    done = world.do("tina", "discard_vial", now=dose.at + 21 * MINUTE, vial=dose.vials[0], reason=WHY)
    assert done["state"] == "POOLED" and "discard the dose" in done["warnings"][0]["detail"]
    assert told(world, done["notices"][0]) == [dose.code]


def test_what_nobody_counts_on_is_nobodys_deviation(world: World) -> None:
    dose = ordered_dose(world)
    world.do("clara", "cancel_dose", dose=dose.code, reason="Fever")
    assert "deviation" not in world.do("tina", "discard_vial", vial=dose.vials[0], reason=WHY)
    ready = prepared_dose(world)
    assert state(world, ready.vials[3]) == "IN_STOCK"
    assert "deviation" not in world.do("tina", "discard_vial", vial=ready.vials[3], reason=WHY)


def test_a_reserved_vial_that_a_count_does_not_find_is_told_too(world: World) -> None:
    dose = ordered_dose(world)
    world.do("tina", "discard_vial", vial=dose.vials[3], reason=WHY)
    left = [vial for vial in dose.lot.vials if vial not in (dose.vials[0], dose.vials[3])]
    names = [f"A{number}" for number in range(1, len(dose.lot.vials) + 1)]
    at = [names[dose.lot.vials.index(vial)] for vial in left]
    given = {"box": dose.lot.box, "vials": left, "positions": at, "reasons": {dose.vials[0]: "Not in the box"}}
    done = world.do("tina", "rescan_box", **given)
    assert state(world, dose.vials[0]) == "MISSING"
    assert told(world, done["notices"][0]) == [dose.code] and links_of(world, done["deviation"])[1] >= {dose.code}


def test_a_loss_is_told_late(world: World) -> None:
    dose = picked_dose(world)
    given = {"happened_at": dose.at + MINUTE, "entered_late_because": "The network was down"}
    later = dose.at + datetime.timedelta(hours=3)
    done = world.do("tina", "discard_vial", now=later, vial=dose.vials[0], reason=WHY, **given)
    with Session(world.installation.reads) as session:
        occurred = select(Deviation.occurred_at).where(Deviation.code == done["deviation"])
        assert session.scalars(occurred).one() == dose.at + MINUTE


@pytest.mark.the_database_refuses("a_lost_vial_reaches_the_clinician")
def test_the_database_lets_no_vial_of_a_dose_be_lost_in_silence(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    dose = picked_dose(world)
    world.do("tina", "discard_vial", vial=dose.vials[3], reason=WHY)
    monkeypatch.setattr(vials_lost, "is_counted_on", lambda vial, of_dose: False)
    assert world.codes("tina", "discard_vial", vial=dose.vials[0], reason=WHY) == ["CHANGED_MEANWHILE"]
    assert state(world, dose.vials[0]) == "PICKED"


def test_a_vial_breaks_in_its_shipper_and_the_shipment_travels_without_it(world: World) -> None:
    parcel = packed_shipment(world, vials=3)
    done = world.do("tina", "discard_vial", now=parcel.at + MINUTE, vial=parcel.vials[0], reason=WHY)
    assert done["state"] == "DISCARDED" and [one["code"] for one in done["warnings"]] == ["NOT_IN_SHIPMENT"]
    assert parcel.code in links_of(world, done["deviation"])[1] and "notices" not in done
    arrived = received_shipment(world, sent_shipment(world, sealed_shipment(world, parcel)))
    check_in(world, arrived, *parcel.vials[1:])
    closing = {"now": arrived.at + 2 * MINUTE, "shipment": parcel.code}
    assert world.do(arrived.to.technician, "close_receipt", **closing)["missing"] == []

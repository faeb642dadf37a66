"""What arrived with a shipment: used for nothing before its acceptance, and told of wherever somebody asks for it."""

import copy
import datetime
import itertools
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.roles import Role
from cellbank.services.documents.chain import read_chain
from cellbank.services.documents.issuing import unissued_file
from cellbank.services.lookup.cards import read_face
from cellbank.services.lookup.tracing import trace
from cellbank.services.lookup.work import worklists
from cellbank.services.quality.impact import impact, vials_touched
from cellbank.services.shipping import acceptance, receipts
from cellbank.services.storage.box_map import box_map
from cellbank.services.storage.whereabouts import where
from tests.factories.by_hand import open_act
from tests.factories.doses import ordered_dose, thawed_dose, weighed_subject
from tests.factories.production import medium
from tests.factories.receiving import (
    Supply,
    accept,
    accepted_shipment,
    box_there,
    check_in,
    checked_shipment,
    import_trace,
    received_shipment,
    refused,
    states,
    store,
    stored_shipment,
    vial_rows,
)
from tests.factories.shipping import CARRIER, HOUR, MINUTE, Parcel, sent_shipment, shipment_row
from tests.factories.sites import SecondSite, second_site
from tests.factories.world import World


@pytest.fixture(scope="module")
def supply(world: World) -> Supply:
    """What all these shipments are made of."""
    return Supply.of(world, vials=80)


@pytest.fixture(scope="module")
def waiting(world: World, supply: Supply) -> Parcel:
    """One shipment that waits for its decision through the whole module."""
    return stored_shipment(world, **supply(2))


def as_seen_at(world: World, site: SecondSite) -> World:
    """The same world, in which the people of the other site have the names that factories use."""
    there = copy.copy(world)
    names = {
        "tina": site.technician, "taras": site.other_technician, "quinn": site.quality_officer,
        "oksana": site.other_quality_officer, "clara": site.clinician, "cyril": site.other_clinician,
    }  # fmt: skip
    there.people = {**world.people, **{name: world.people[mine] for name, mine in names.items()}}
    return there


# --- not before the acceptance ----------------------------------------------------------------


def test_a_dose_takes_what_is_accepted_and_not_what_waits(world: World, supply: Supply) -> None:
    parcel, outside = checked_shipment(world, **supply(4)), checked_shipment(world, **supply(1))
    home = store(world, parcel, *parcel.vials)
    store(world, outside, *outside.vials, box=home)
    import_trace(world, parcel)
    there, at = as_seen_at(world, parcel.to), parcel.at + HOUR
    subject = weighed_subject(there, at=at)
    wanted = {"subject": subject, "lot": parcel.lot.code}
    assert there.codes("clara", "order_dose", now=at, **wanted) == ["NOT_ENOUGH_VIALS"]
    assert there.codes("clara", "order_dose", now=at, subject=subject) == ["NOT_ENOUGH_VIALS"]
    accept(world, replace(parcel, at=at))
    dose = ordered_dose(there, lot=replace(parcel.lot, box=home), subject=subject, at=at + HOUR)
    assert set(dose.vials) == set(parcel.vials)
    picked = there.codes("tina", "pick_vial", now=dose.at, dose=dose.code, box=home, vial=outside.vials[0])
    assert picked[0] in ("VIAL_MISMATCH", "VIAL_OF_ANOTHER_SUBJECT")
    thawed = thawed_dose(there, dose)
    assert states(world, *thawed.vials[: dose.needed]) == ["THAWED"] * dose.needed


@pytest.mark.parametrize("stage", ["on the way", "received", "put away"])
def test_what_is_not_accepted_goes_nowhere(world: World, supply: Supply, stage: str) -> None:
    parcel = sent_shipment(world, **supply(1))
    if stage != "on the way":
        parcel = checked_shipment(world, received_shipment(world, parcel))
    if stage == "put away":
        parcel = stored_shipment(world, parcel)
    vial, who, now = parcel.vials[0], parcel.to.technician, parcel.at + HOUR
    other = box_there(world, parcel)
    acts: dict[str, dict[str, Any]] = {
        "move_vial": {"vial": vial, "box": other},
        "use_vial_for_testing": {"vial": vial, "tests": "Sterility"},
        "thaw_bank_vial": {
            "vial": vial,
            "vessel": "T75",
            "area_cm2": 75,
            "viable_cells": 1_000_000,
            "reagents": [medium(world)],
        },
    }
    if stage == "on the way":  # what has arrived may be put right in a box, and waits there
        acts["rescan_box"] = {"box": other, "vials": [vial], "reasons": {vial: "It stands here."}}
    for act, given in acts.items():
        codes = world.codes(who, act, now=now, **given)
        assert codes and codes != ["NOT_FOUND"], act
    before = "IN_TRANSIT" if stage == "on the way" else "RECEIVED"
    assert states(world, vial) == [before]


@pytest.mark.usefixtures("each_rule_alone")
@pytest.mark.parametrize("state", ["IN_STOCK", "RESERVED", "PICKED", "THAWED", "CULTURED", "QC_USED", "MISSING"])
def test_the_database_moves_nothing_that_is_not_accepted(world: World, waiting: Parcel, state: str) -> None:
    with world.installation.engine.connect() as connection:
        open_act(connection, site=waiting.to.id)
        with pytest.raises(DBAPIError, match="only_accepted_stock_is_used"):
            connection.execute(
                text("UPDATE vial SET state = :state WHERE code = :vial"), {"state": state, "vial": waiting.vials[0]}
            )
        connection.rollback()


# --- the database, with the rules of the application off --------------------------------------


@pytest.mark.the_database_refuses("only_accepted_stock_is_used")
def test_the_database_makes_no_stock_of_what_is_not_accepted(
    world: World, waiting: Parcel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptance, "_decide", lambda *given: None)
    assert refused(world, waiting, waiting.to.quality_officer, "accept_shipment") == ["VIAL_NOT_AVAILABLE"]
    assert set(states(world, *waiting.vials)) == {"RECEIVED"}


@pytest.mark.the_database_refuses("only_accepted_stock_is_used")
def test_the_database_makes_no_stock_of_a_damaged_vial(
    world: World, supply: Supply, monkeypatch: pytest.MonkeyPatch
) -> None:
    parcel = received_shipment(world, **supply(1))
    check_in(world, parcel, parcel.vials[0], damaged=True)
    now = parcel.at + 10 * MINUTE
    world.do(parcel.to.other_technician, "close_receipt", now=now, shipment=parcel.code)
    monkeypatch.setattr(acceptance, "acceptance_refusals", lambda facts: ())
    monkeypatch.setattr(acceptance, "vials_of", lambda work, shipment, *_: receipts.vials_of(work, shipment, "DAMAGED"))
    assert refused(world, parcel, parcel.to.quality_officer, "accept_shipment") == ["VIAL_NOT_AVAILABLE"]


@pytest.mark.the_database_refuses("ck_shipment_decided_by_another_person")
def test_the_database_lets_nobody_decide_about_their_own_work(
    world: World, supply: Supply, monkeypatch: pytest.MonkeyPatch
) -> None:
    parcel = sent_shipment(world, **supply(1))
    officer = parcel.to.quality_officer
    world.do(officer, "receive_shipment", now=parcel.at + HOUR, shipment=parcel.code, intact=list(parcel.seals))
    parcel = stored_shipment(world, checked_shipment(world, replace(parcel, at=parcel.at + HOUR)))
    monkeypatch.setattr("cellbank.records.work.Work._same_person", lambda *_: [])
    assert refused(world, parcel, officer, "accept_shipment") == ["SAME_PERSON"]
    assert refused(world, parcel, officer, "reject_shipment", reason="Not mine to say.") == ["SAME_PERSON"]


@pytest.mark.the_database_refuses("a_shipment_is_received_once")
def test_the_database_receives_a_shipment_where_it_goes_to(
    world: World, supply: Supply, monkeypatch: pytest.MonkeyPatch
) -> None:
    parcel, elsewhere = sent_shipment(world, **supply(1)), second_site(world)
    monkeypatch.setattr(receipts, "destination_refusals", lambda *given: ())
    found = {"intact": list(parcel.seals)}
    assert refused(world, parcel, elsewhere.technician, "receive_shipment", **found) == ["WRONG_STATE"]
    assert shipment_row(world, parcel.code).state == "ON_THE_WAY"


@pytest.mark.the_database_refuses("a_record_is_changed_at_its_site")
def test_the_database_gives_a_vial_to_another_site_only_when_its_shipment_is_there(
    world: World, supply: Supply, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, on_the_road = received_shipment(world, **supply(1)), sent_shipment(world, **supply(1))
    vial = vial_rows(world, *on_the_road.vials)[0]
    monkeypatch.setattr(receipts, "_packed", lambda *given: {vial.id: None})
    who, now = here.to.technician, here.at + MINUTE
    given = {"shipment": here.code, "vials": list(on_the_road.vials)}
    assert world.codes(who, "check_in_vials", now=now, **given) == ["OTHER_SITE"]
    assert states(world, *on_the_road.vials) == ["IN_TRANSIT"]


@pytest.mark.the_database_refuses("a_shipment_has_one_custodian")
def test_the_database_wants_somebody_to_have_it_until_the_decision_and_nobody_after(
    world: World, supply: Supply, waiting: Parcel, monkeypatch: pytest.MonkeyPatch
) -> None:
    parcel = sent_shipment(world, **supply(1))
    with monkeypatch.context() as patched:
        patched.setattr(
            receipts, "hand_on", lambda work, shipment, *, at, **_: acceptance.end_custody(work, shipment, at)
        )
        found = {"intact": list(parcel.seals)}
        assert refused(world, parcel, parcel.to.technician, "receive_shipment", **found) == ["CHANGED_MEANWHILE"]
    monkeypatch.setattr(acceptance, "end_custody", lambda *given: None)
    assert refused(world, waiting, waiting.to.quality_officer, "accept_shipment") == ["CHANGED_MEANWHILE"]


# --- in its box -------------------------------------------------------------------------------


def test_a_spilled_box_is_put_right_with_what_waits_in_it(world: World, supply: Supply) -> None:
    parcel = checked_shipment(world, **supply(2))
    home = store(world, parcel, *parcel.vials)
    first, second = parcel.vials
    given = {"box": home, "reasons": {first: "It was spilled.", second: "It was spilled."}, "now": parcel.at + HOUR}
    who = parcel.to.technician
    world.do(who, "rescan_box", vials=[second, first], **given)
    found = box_map(world.installation, home, parcel.at)
    assert found is not None and [cell.vial for cell in found.rows[0][:2]] == [second, first]
    assert states(world, first, second) == ["RECEIVED", "RECEIVED"]
    lost = {**given, "reasons": {second: "It is not here.", first: "It moved."}}
    assert world.codes(who, "rescan_box", vials=[first], **lost) == ["VIAL_NOT_AVAILABLE"]


# --- what is told of it -----------------------------------------------------------------------


def test_the_chain_of_a_dose_tells_who_had_its_vials_on_the_road(world: World, supply: Supply) -> None:
    parcel = accepted_shipment(world, **supply(4))
    there = as_seen_at(world, parcel.to)
    dose = ordered_dose(there, lot=parcel.lot, at=parcel.at + HOUR)
    chain = read_chain(world.installation, dose.code)
    told = [stay for stay in chain.stays if stay.vial == parcel.vials[0]]
    assert [stay.state for stay in told][3:] == [
        "IN_STOCK",
        "IN_TRANSIT",
        "IN_TRANSIT",
        "IN_TRANSIT",
        "RECEIVED",
        "RECEIVED",
        "IN_STOCK",
        "RESERVED",
    ]
    assert all(one.until == other.since for one, other in itertools.pairwise(told))
    packed, carried, arrived, checked, stored = told[4:9]
    receiver = world.people[parcel.to.technician].full_name
    assert "› A1" in packed.where and f"shipment {parcel.code}, in hand of Tina Technician" in packed.where
    assert f"in hand of {CARRIER} (waybill " in carried.where
    assert f"in hand of {receiver}" in arrived.where and f"in hand of {receiver}" in checked.where
    assert "› Box ›" in stored.where
    acts = [entry.name for entry in chain.of_stage("shipment")]
    assert acts == [
        "order_shipment",
        "pack_vials",
        "seal_shipment",
        "hand_over_shipment",
        "receive_shipment",
        "close_receipt",
        "accept_shipment",
    ]
    meanings = [one.meaning for one in chain.signatures if one.record.startswith("shipment")]
    assert meanings == ["performed", "verified", "approved"]
    assert unissued_file(world.installation, "chain", dose.code).startswith(b"%PDF")


def test_a_box_shows_what_waits_for_its_acceptance(world: World, supply: Supply) -> None:
    parcel = checked_shipment(world, **supply(1))
    home = store(world, parcel, *parcel.vials)
    found = box_map(world.installation, home, parcel.at)
    assert found is not None and found.rows[0][0].standing == "RECEIVED"
    import_trace(world, parcel)
    accept(world, replace(parcel, at=parcel.at + HOUR))
    found = box_map(world.installation, home, parcel.at + datetime.timedelta(days=1))
    assert found is not None and found.rows[0][0].standing == "RELEASED"


def test_whoever_asks_where_a_vial_is_hears_who_has_it(world: World, supply: Supply) -> None:
    parcel = sent_shipment(world, **supply(1))
    vial, there = parcel.vials[0], f"Shipment {parcel.code}, in hand of {CARRIER} (waybill "
    (node,) = [node for node in trace(world.installation, parcel.lot.code).down if node.code == vial]
    face = read_face(world.installation, Kind.VIAL, vial)
    (touched,) = [one for one in vials_touched(world.installation, parcel.lot.code) if one.code == vial]
    with Session(world.installation.reads) as session:
        (place,) = where(session, [vial_rows(world, vial)[0].id]).values()
    assert face is not None
    for told in (node.where, face.where, touched.where, place):
        assert told is not None and told.startswith(there) and told.endswith("› A1")
    assert (face.state, touched.state, node.state) == ("IN_TRANSIT",) * 3
    parcel = stored_shipment(world, checked_shipment(world, received_shipment(world, parcel)))
    face = read_face(world.installation, Kind.VIAL, vial)
    assert face is not None and face.state == "RECEIVED" and str(face.where).endswith("› Box › A1")
    assert impact(world.installation, parcel.lot.code).by_state["RECEIVED"] >= 1


def test_what_travels_or_waits_of_a_recalled_lot_is_on_the_list_to_destroy(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cellbank.services.lookup.work.SHOWN", 500)
    own = Supply.of(world, vials=6)
    waits, travels = stored_shipment(world, **own(1)), sent_shipment(world, **own(1))
    world.do("quinn", "recall_lot", lot=own.lot.code, reason="A late result of the donor.")
    (found,) = [
        one for one in worklists(world.installation, frozenset({Role.TECHNICIAN}), world.now) if one.name == "destroy"
    ]
    acts = {item.code: item.act for item in found.items}
    assert acts[waits.vials[0]] == "discard_vial" and acts[travels.vials[0]] is None

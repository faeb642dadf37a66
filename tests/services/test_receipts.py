"""A shipment at its other end: received, checked in vial by vial, closed with what differs, and put away."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from cellbank.domain.identifiers import printed
from cellbank.records.deviations import Deviation
from cellbank.records.production import Vial
from cellbank.records.storage import StorageUnit
from cellbank.records.temperature import Probe
from cellbank.records.trail import Act, Change
from cellbank.services.acts import Malformed
from cellbank.services.quality.deviation_board import deviation_board
from tests.factories.receiving import (
    Supply,
    accept,
    accepted_shipment,
    check_in,
    checked_shipment,
    deviations,
    import_trace,
    received_shipment,
    refused,
    states,
    store,
    stored_shipment,
    vial_rows,
)
from tests.factories.shipping import (
    HOUR,
    MINUTE,
    Parcel,
    custodies,
    packed_rows,
    sealed_shipment,
    sent_shipment,
    shipment_row,
)
from tests.factories.sites import second_site
from tests.factories.world import World


@pytest.fixture(scope="module")
def supply(world: World) -> Supply:
    """What all these shipments are made of."""
    return Supply.of(world)


def places(world: World, vial: str) -> list[tuple[str, bool]]:
    """The types of units in which a vial stood, the first one first, and whether it stands there still."""
    with Session(world.installation.reads) as session:
        rows = session.execute(
            text(
                """SELECT u.type, p.taken_at IS NULL AS still FROM placement p JOIN storage_unit u ON u.id = p.box_id
                     JOIN vial v ON v.id = p.vial_id WHERE v.code = :vial ORDER BY p.placed_at, p.id"""
            ),
            {"vial": vial},
        )
        return [tuple(row) for row in rows]


# --- the whole way ----------------------------------------------------------------------------


def test_ten_are_shipped_and_nine_are_received(world: World, supply: Supply) -> None:
    parcel = received_shipment(world, sent_shipment(world, **supply(10)))
    there, lost = parcel.to, parcel.vials[9]
    row = shipment_row(world, parcel.code)
    assert (row.state, row.site_id, row.received_by_id) == ("ARRIVED", there.id, world.people[there.technician].id)
    assert set(states(world, *parcel.vials)) == {"IN_TRANSIT"}
    with Session(world.installation.reads) as session:
        unit = session.scalars(select(StorageUnit).where(StorageUnit.code == parcel.shipper)).one()
        logger = session.scalars(select(Probe).where(Probe.code == parcel.logger)).one()
    assert (unit.site_id, unit.stands_since, logger.site_id) == (there.id, row.received_at, there.id)

    for vial in parcel.vials[:9]:
        told = check_in(world, parcel, vial)
    assert told["checked_in"] == "9 of 10"
    assert states(world, *parcel.vials) == ["RECEIVED"] * 9 + ["IN_TRANSIT"]
    assert {vial.site_id for vial in vial_rows(world, *parcel.vials[:9])} == {there.id}
    closed = world.do(
        there.other_technician, "close_receipt", now=parcel.at + 15 * MINUTE, shipment=parcel.code, note="Box was full."
    )
    assert (closed["state"], closed["missing"]) == ("CHECKED", [lost])
    parcel = replace(parcel, at=parcel.at + 15 * MINUTE)
    assert states(world, lost) == ["MISSING"] and vial_rows(world, lost)[0].site_id != there.id
    assert places(world, lost) == [("box", False), ("shipper", False)]
    found = deviations(world, parcel)
    assert set(found) == {"missing"}
    code, classification, links = found["missing"]
    assert (classification, links) == ("major", {parcel.code, lost, parcel.lot.code})
    board = deviation_board(world.installation, code, parcel.at)
    assert board is not None and ("shipment", parcel.code) in {(link.kind, link.code) for link in board.links}

    home = store(world, parcel, *parcel.vials[:9])
    assert states(world, *parcel.vials[:9]) == ["RECEIVED"] * 9
    assert places(world, parcel.vials[0]) == [("box", False), ("shipper", False), ("box", True)]
    assert world.codes(there.technician, "store_vials", vials=[lost], box=home) == ["OTHER_SITE"]
    import_trace(world, parcel)
    parcel = replace(parcel, at=parcel.at + 15 * MINUTE)
    assert accept(world, parcel)["state"] == "ACCEPTED"
    assert states(world, *parcel.vials) == ["IN_STOCK"] * 9 + ["MISSING"]
    hands = custodies(world, parcel.code)
    assert [one.person_id for one in hands] == [world.people["tina"].id, None, world.people[there.technician].id]
    assert all(one.until == other.since for one, other in itertools.pairwise(hands))
    assert hands[-1].until == shipment_row(world, parcel.code).decided_at
    assert {one.finding for one in packed_rows(world, parcel.code)} == {"RECEIVED", "MISSING"}
    assert all(one.ended_at for one in packed_rows(world, parcel.code))


def test_the_trail_tells_how_a_vial_came(world: World, supply: Supply) -> None:
    parcel = accepted_shipment(world, **supply(2))
    with Session(world.installation.reads) as session:
        vial = session.scalars(select(Vial).where(Vial.code == parcel.vials[0])).one()
        rows = select(Act.name, Act.site_id, Change.after["state"].astext).join(Act, Act.id == Change.act_id)
        changed = rows.where(Change.record_kind == "vial", Change.record_id == vial.id).order_by(Change.id)
        told = [tuple(row) for row in session.execute(changed)][-3:]
        signed = session.scalars(
            text(
                """SELECT meaning FROM signature s JOIN shipment h ON h.id = s.record_id
                    WHERE s.record_kind = 'shipment' AND h.code = :code ORDER BY s.id"""
            ),
            {"code": parcel.code},
        ).all()
    assert told == [
        ("pack_vials", 1, "IN_TRANSIT"),
        ("check_in_vials", parcel.to.id, "RECEIVED"),
        ("accept_shipment", parcel.to.id, "IN_STOCK"),
    ]
    assert signed == ["performed", "verified", "approved"]


def test_an_empty_shipper_comes_home_without_a_trace(world: World, supply: Supply) -> None:
    there = accepted_shipment(world, **supply(1))
    home = Parcel("", there.to, there.shipper, there.logger, there.lot, (), ("S-HOME",), there.at)
    who = there.to.technician
    code = world.do(who, "order_shipment", now=home.at, to="MAIN")["code"]
    charged = (home.at - 4 * HOUR).isoformat()
    world.do(
        who, "seal_shipment", now=home.at, shipment=code, shipper=home.shipper, charged_at=charged, planned_hours="48"
    )
    world.do(who, "hand_over_shipment", now=home.at, shipment=code, carrier="Cold Wings")
    world.do("tina", "receive_shipment", now=home.at + HOUR, shipment=code)
    assert world.codes("tina", "check_in_vials", shipment=code, vials=[there.vials[0]], now=home.at + HOUR) == [
        "NOT_IN_SHIPMENT"
    ]
    world.do("tina", "close_receipt", now=home.at + HOUR, shipment=code)
    world.do("quinn", "accept_shipment", now=home.at + HOUR, shipment=code)
    with Session(world.installation.reads) as session:
        assert session.scalar(select(StorageUnit.site_id).where(StorageUnit.code == home.shipper)) == 1


# --- arrival ----------------------------------------------------------------------------------


def test_a_shipment_is_received_where_it_goes_to_and_once(world: World, supply: Supply) -> None:
    parcel, elsewhere = sent_shipment(world, **supply(1)), second_site(world)
    found = {"intact": list(parcel.seals)}
    (refusal,) = world.try_act(
        elsewhere.technician, "receive_shipment", now=parcel.at + HOUR, shipment=parcel.code, **found
    ).refusals
    assert (refusal.code, parcel.to.code in refusal.detail) == ("OTHER_SITE", True)
    assert refused(world, parcel, "tina", "receive_shipment", **found) == ["OTHER_SITE"]
    assert shipment_row(world, parcel.code).state == "ON_THE_WAY"
    parcel = received_shipment(world, parcel)
    assert refused(world, parcel, parcel.to.other_technician, "receive_shipment", **found) == ["WRONG_STATE"]
    assert len(custodies(world, parcel.code)) == 3


def test_what_was_not_sent_is_not_received(world: World, supply: Supply) -> None:
    parcel = sealed_shipment(world, **supply(1))
    found = {"intact": list(parcel.seals)}
    assert refused(world, parcel, parcel.to.technician, "receive_shipment", **found) == ["WRONG_STATE"]
    parcel = sent_shipment(world, parcel)
    early = (parcel.at - HOUR).isoformat()
    late = (parcel.at + 10 * HOUR).isoformat()
    for moment, code in ((early, "OUT_OF_ORDER"), (late, "IN_THE_FUTURE")):
        assert refused(world, parcel, parcel.to.technician, "receive_shipment", received_at=moment, **found) == [code]
    assert refused(world, parcel, parcel.to.clinician, "receive_shipment", **found) == ["ROLE_NOT_ALLOWED"]
    assert refused(world, parcel, parcel.to.technician, "receive_shipment", password="wrong", **found) == [
        "SIGNATURE_WRONG"
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"intact": ["S-1", "S-1"]},
        {"intact": ["S-1"], "broken": ["S-1"]},
        {"intact": [f"S-{number}" for number in range(21)]},
        {"broken": [7]},
        {"shipment": "SP"},
        {"received_at": "yesterday"},
    ],
)
def test_what_cannot_be_a_receipt_is_malformed(world: World, given: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        world.try_act("tina", "receive_shipment", **{"shipment": "SP00001", **given})


# --- vial by vial -----------------------------------------------------------------------------


def test_each_vial_is_checked_in_once(world: World, supply: Supply) -> None:
    parcel = received_shipment(world, **supply(2))
    check_in(world, parcel, parcel.vials[0])
    who = parcel.to.technician
    assert refused(world, parcel, who, "check_in_vials", vials=[parcel.vials[0]]) == ["WRONG_STATE"]
    with pytest.raises(Malformed):
        refused(world, parcel, who, "check_in_vials", vials=[parcel.vials[1], parcel.vials[1]])


def test_a_vial_of_no_or_another_shipment_is_not_checked_in(world: World, supply: Supply) -> None:
    parcel = received_shipment(world, **supply(1))
    outside = parcel.lot.vials[1]
    who = parcel.to.technician
    given = {"shipment": parcel.code, "vials": [parcel.vials[0], outside]}
    (refusal,) = world.try_act(who, "check_in_vials", now=parcel.at, **given).refusals
    assert refusal.code == "NOT_IN_SHIPMENT"
    assert printed(outside) in refusal.detail and "in stock" in refusal.detail
    assert states(world, parcel.vials[0]) == ["IN_TRANSIT"]
    assert refused(world, parcel, who, "check_in_vials", vials=["A999926000001999999"]) == ["NOT_FOUND"]


def test_a_shipment_is_checked_in_at_its_site_only_and_after_its_arrival(world: World, supply: Supply) -> None:
    parcel = sent_shipment(world, **supply(1))
    given = {"vials": list(parcel.vials)}
    # Of vials that are still of the sender's site it is said whose they are, and nothing else.
    assert refused(world, parcel, parcel.to.technician, "check_in_vials", **given) == ["OTHER_SITE"]
    parcel = received_shipment(world, parcel)
    assert "OTHER_SITE" in refused(world, parcel, "tina", "check_in_vials", **given)
    assert "OTHER_SITE" in refused(world, parcel, "tina", "close_receipt")


def test_a_vial_found_late_is_checked_in_until_the_decision(world: World, supply: Supply) -> None:
    parcel = received_shipment(world, **supply(2))
    parcel = checked_shipment(world, parcel, found=parcel.vials[:1])
    assert states(world, *parcel.vials) == ["RECEIVED", "MISSING"]
    check_in(world, parcel, parcel.vials[1])
    parcel = stored_shipment(world, parcel)
    accept(world, parcel)
    assert states(world, *parcel.vials) == ["IN_STOCK", "IN_STOCK"]
    assert refused(world, parcel, parcel.to.technician, "check_in_vials", vials=[parcel.vials[1]]) == [
        "WRONG_STATE",
        "NOT_IN_SHIPMENT",
    ]


# --- what differs -----------------------------------------------------------------------------


@pytest.mark.requirement("R20")
def test_each_difference_is_a_deviation_by_itself(world: World, supply: Supply) -> None:
    parcel = sent_shipment(world, **supply(4))
    parcel = received_shipment(world, parcel, after=240 * HOUR, intact=["STRANGE-1"], broken=[parcel.seals[0]])
    row = shipment_row(world, parcel.code)
    assert row.seals_found == {parcel.seals[0]: "broken", parcel.seals[1]: "missing", "STRANGE-1": "intact"}
    check_in(world, parcel, parcel.vials[0], parcel.vials[1])
    check_in(world, parcel, parcel.vials[2], damaged=True)
    other = parcel.lot.vials[4]
    given = {"extra": [other, "Tube 7, blue cap"], "note": "The lid was open."}
    told = world.do(
        parcel.to.other_technician, "close_receipt", now=parcel.at + 10 * MINUTE, shipment=parcel.code, **given
    )
    found = deviations(world, parcel)
    assert [what for what in found] == ["seal", "late", "damaged", "missing", "extra"]
    assert told["deviations"] == [code for code, _, _ in found.values()]
    everything = {parcel.code, parcel.lot.code, *parcel.vials}
    assert {what: links for what, (_, _, links) in found.items()} == {
        "seal": everything,
        "late": everything,
        "damaged": {parcel.code, parcel.lot.code, parcel.vials[2]},
        "missing": {parcel.code, parcel.lot.code, parcel.vials[3]},
        "extra": {parcel.code, parcel.lot.code, other},
    }
    with Session(world.installation.reads) as session:
        extra = session.scalars(select(Deviation).where(Deviation.code == found["extra"][0])).one()
    assert "Tube 7, blue cap" in extra.description and "The lid was open." in extra.description
    assert (extra.site_id, extra.state) == (parcel.to.id, "OPEN")


def test_nothing_differs_and_no_deviation_is_opened(world: World, supply: Supply) -> None:
    parcel = checked_shipment(world, **supply(2))
    row = shipment_row(world, parcel.code)
    assert (row.state, row.differences, row.checked_by_id) == (
        "CHECKED",
        [],
        world.people[parcel.to.other_technician].id,
    )
    assert refused(world, parcel, parcel.to.technician, "close_receipt") == ["WRONG_STATE"]


def test_a_vial_of_the_shipment_is_not_extra(world: World, supply: Supply) -> None:
    parcel = received_shipment(world, **supply(1))
    who = parcel.to.technician
    assert refused(world, parcel, who, "close_receipt", extra=[parcel.vials[0]]) == ["WRONG_KIND"]
    for extra in (["TUBE", "TUBE"], [""], [1], [f"T{number}" for number in range(101)]):
        with pytest.raises(Malformed):
            refused(world, parcel, who, "close_receipt", extra=extra)


def test_a_dry_run_says_what_would_be_missing(world: World, supply: Supply) -> None:
    parcel = received_shipment(world, **supply(2))
    check_in(world, parcel, parcel.vials[0])
    now = parcel.at + 10 * MINUTE
    outcome = world.try_act(parcel.to.technician, "close_receipt", dry_run=True, now=now, shipment=parcel.code)
    assert outcome.accepted and outcome.result["missing"] == [parcel.vials[1]]
    assert outcome.result["found"] == [f"missing: 1: {printed(parcel.vials[1])}"]
    assert states(world, parcel.vials[1]) == ["IN_TRANSIT"]

"""Whether what arrived may be used: what an acceptance waits for, who may sign it, and what a rejection leaves."""

from dataclasses import replace

import pytest

from tests.factories.receiving import (
    Supply,
    accept,
    check_in,
    checked_shipment,
    deviations,
    import_trace,
    received_shipment,
    refused,
    states,
    store,
    stored_shipment,
)
from tests.factories.shipping import HOUR, MINUTE, Parcel, custodies, sent_shipment, shipment_row
from tests.factories.world import World

REASON = "The seal was cut open on the way."


@pytest.fixture(scope="module")
def supply(world: World) -> Supply:
    """What all these shipments are made of."""
    return Supply.of(world, vials=60)


def close(world: World, parcel: Parcel, deviation: str) -> None:
    """Investigate and close a deviation at the receiving site."""
    text_ = "Looked at the seal and at the carrier's film."
    now = parcel.at + 2 * MINUTE
    world.do(
        parcel.to.technician,
        "investigate_deviation",
        now=now,
        deviation=deviation,
        investigation=text_,
        root_cause="The carrier opened it.",
    )
    who = parcel.to.other_quality_officer
    world.do(who, "close_deviation", now=now, deviation=deviation, decision="The trace is cold throughout.")


def test_vials_outside_a_box_keep_a_shipment_from_acceptance(world: World, supply: Supply) -> None:
    parcel = received_shipment(world, **supply(2))
    parcel = checked_shipment(world, parcel)
    import_trace(world, parcel)
    store(world, parcel, parcel.vials[0])
    who = parcel.to.quality_officer
    assert refused(world, parcel, who, "accept_shipment") == ["CRITERION_OPEN"]
    now = parcel.at + 20 * MINUTE
    world.do(parcel.to.technician, "discard_vials", now=now, vials=[parcel.vials[1]], reason="Cracked in the hand.")
    world.do(who, "accept_shipment", now=now, shipment=parcel.code)
    assert states(world, *parcel.vials) == ["IN_STOCK", "DISCARDED"]


def test_a_damaged_vial_never_becomes_stock(world: World, supply: Supply) -> None:
    parcel = received_shipment(world, **supply(2))
    check_in(world, parcel, parcel.vials[1], damaged=True)
    parcel = checked_shipment(world, parcel, found=parcel.vials[:1])
    close(world, parcel, deviations(world, parcel)["damaged"][0])
    parcel = stored_shipment(world, parcel)
    accept(world, parcel)
    assert states(world, *parcel.vials) == ["IN_STOCK", "RECEIVED"]
    now = parcel.at + HOUR
    given = {"vial": parcel.vials[1], "reason": "The label cannot be trusted."}
    assert world.do(parcel.to.technician, "discard_vial", now=now, **given)["state"] == "DISCARDED"


def test_broken_seals_are_decided_first(world: World, supply: Supply) -> None:
    parcel = sent_shipment(world, **supply(1))
    parcel = received_shipment(world, parcel, intact=parcel.seals[:1], broken=parcel.seals[1:])
    parcel = stored_shipment(world, checked_shipment(world, parcel))
    who = parcel.to.quality_officer
    (refusal,) = world.try_act(who, "accept_shipment", now=parcel.at, shipment=parcel.code).refusals
    code = deviations(world, parcel)["seal"][0]
    assert refusal.code == "DEVIATION_OPEN" and code in refusal.detail
    close(world, parcel, code)
    accept(world, parcel)
    assert states(world, *parcel.vials) == ["IN_STOCK"]


def test_a_missing_vial_does_not_keep_the_others_from_use(world: World, supply: Supply) -> None:
    parcel = received_shipment(world, **supply(2))
    parcel = checked_shipment(world, parcel, found=parcel.vials[:1])
    store(world, parcel, parcel.vials[0])
    import_trace(world, parcel)
    accept(world, replace(parcel, at=parcel.at + HOUR))
    assert states(world, *parcel.vials) == ["IN_STOCK", "MISSING"]


@pytest.mark.parametrize(("classification", "codes"), [("major", ["DEVIATION_OPEN"]), ("minor", [])])
def test_a_grave_deviation_that_somebody_opens_about_a_shipment_stops_it(
    world: World, supply: Supply, classification: str, codes: list[str]
) -> None:
    parcel = stored_shipment(world, **supply(1))
    given = {"title": "The shipper fell over", "description": "In the yard.", "classification": classification}
    world.do(parcel.to.technician, "open_deviation", now=parcel.at, records=[parcel.code], **given)
    assert refused(world, parcel, parcel.to.quality_officer, "accept_shipment") == codes


def test_whoever_sealed_received_or_checked_it_does_not_decide(world: World, supply: Supply) -> None:
    parcel = stored_shipment(world, **supply(1))
    assert refused(world, parcel, parcel.to.technician, "accept_shipment") == ["ROLE_NOT_ALLOWED"]
    assert set(refused(world, parcel, "oksana", "accept_shipment")) == {"OTHER_SITE"}
    parcel = sent_shipment(world, **supply(1))
    officer = parcel.to.quality_officer
    world.do(officer, "receive_shipment", now=parcel.at + HOUR, shipment=parcel.code, intact=list(parcel.seals))
    parcel = stored_shipment(world, checked_shipment(world, replace(parcel, at=parcel.at + HOUR)))
    assert refused(world, parcel, officer, "accept_shipment") == ["SAME_PERSON"]
    assert refused(world, parcel, officer, "reject_shipment", reason=REASON) == ["SAME_PERSON"]
    assert refused(world, parcel, parcel.to.other_quality_officer, "accept_shipment") == []


@pytest.mark.requirement("R6")
def test_nothing_is_decided_before_the_check_and_nothing_twice(world: World, supply: Supply) -> None:
    parcel = received_shipment(world, **supply(1))
    who = parcel.to.quality_officer
    assert "WRONG_STATE" in refused(world, parcel, who, "accept_shipment")
    assert refused(world, parcel, who, "reject_shipment", reason=REASON) == ["WRONG_STATE"]
    parcel = stored_shipment(world, checked_shipment(world, parcel))
    accept(world, parcel)
    assert refused(world, parcel, who, "accept_shipment") == ["WRONG_STATE"]
    assert refused(world, parcel, who, "reject_shipment", reason=REASON) == ["WRONG_STATE"]


def test_the_vials_of_a_rejected_shipment_can_only_be_destroyed(world: World, supply: Supply) -> None:
    parcel = stored_shipment(world, **supply(2))
    there = parcel.to
    told = world.do(there.quality_officer, "reject_shipment", now=parcel.at, shipment=parcel.code, reason=REASON)
    row = shipment_row(world, parcel.code)
    assert (told["state"], row.decision_reason) == ("REJECTED", REASON)
    assert custodies(world, parcel.code)[-1].until == row.decided_at
    assert states(world, *parcel.vials) == ["RECEIVED", "RECEIVED"]
    assert refused(world, parcel, there.technician, "check_in_vials", vials=[parcel.vials[0]]) == [
        "WRONG_STATE",
        "NOT_IN_SHIPMENT",
    ]
    now = parcel.at + HOUR
    world.do(there.technician, "discard_vials", now=now, vials=list(parcel.vials), reason="The shipment is rejected.")
    assert states(world, *parcel.vials) == ["DISCARDED", "DISCARDED"]

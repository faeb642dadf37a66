"""What the database says about shipments when no rule does."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from cellbank.services.shipping import custody, orders, packing
from cellbank.services.shipping import sealing as sealing_acts
from tests.factories.by_hand import open_act
from tests.factories.lots import FrozenLot
from tests.factories.shipping import (
    CARRIER,
    HOUR,
    Parcel,
    ordered_shipment,
    sealing,
    sent_shipment,
    shipment_row,
)
from tests.factories.sites import SecondSite
from tests.factories.world import World
from tests.services.sending.asking import (
    REASON,
    refused,
    to_pack,
    vial_states,
)


@pytest.mark.the_database_refuses("only_vials_of_a_released_lot_are_shipped")
def test_without_the_rule_the_database_keeps_vials_of_a_stopped_lot_here(
    world: World, there: SecondSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    parcel = ordered_shipment(world, there, vials=1)
    world.do("quinn", "hold_lot", now=parcel.at, lot=parcel.lot.code, reason=REASON)
    monkeypatch.setattr(packing, "packing_refusals", lambda facts: ())
    assert world.codes("tina", "pack_vials", **to_pack(parcel)) == ["LOT_NOT_RELEASED"]


@pytest.mark.the_database_refuses("one_live_shipment_per_shipper")
def test_without_the_rule_the_database_gives_a_shipper_to_one_shipment(
    world: World, packed: Parcel, some: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ordered_shipment(world, packed.to, lot=some(1), vials=1, at=packed.at)
    monkeypatch.setattr(packing, "shipper_refusals", lambda facts: ())
    said = refused(world, "tina", "pack_vials", **to_pack(other, shipper=packed.shipper))
    assert list(said) == ["CHANGED_MEANWHILE"] and "shipper was taken" in said["CHANGED_MEANWHILE"]


@pytest.mark.the_database_refuses("nothing_is_left_in_a_cancelled_shipment")
def test_without_the_rule_the_database_cancels_nothing_with_vials_in_it(
    world: World, packed: Parcel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "cancelling_refusals", lambda shipment, vials: ())
    given = {"shipment": packed.code, "reason": REASON, "now": packed.at + HOUR}
    said = refused(world, "tina", "cancel_shipment", **given)
    assert list(said) == ["WRONG_STATE"] and "still packed" in said["WRONG_STATE"]


@pytest.mark.the_database_refuses("only_packed_vials_stand_in_a_shipper")
def test_a_vial_on_its_way_is_always_in_a_shipment(
    world: World, ordered: Parcel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "_note_packed", lambda *given: None)
    assert world.codes("tina", "pack_vials", **to_pack(ordered)) == ["NOT_IN_SHIPMENT"]
    assert vial_states(world, *ordered.vials) == ["IN_STOCK"] * 3


@pytest.mark.the_database_refuses("a_shipment_has_one_custodian")
def test_a_shipment_is_never_packed_into_nobodys_hands(
    world: World, ordered: Parcel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "hand_on", lambda *given, **more: None)
    said = refused(world, "tina", "pack_vials", **to_pack(ordered))
    assert list(said) == ["CHANGED_MEANWHILE"] and "nobody would have" in said["CHANGED_MEANWHILE"]


@pytest.mark.the_database_refuses("a_shipment_has_one_custodian")
def test_a_shipment_is_never_handed_on_to_nobody(world: World, sealed: Parcel, monkeypatch: pytest.MonkeyPatch) -> None:
    def to_nobody(work: Any, shipment: Any, *, at: Any, **who: Any) -> None:
        custody.end_custody(work, shipment, at)

    monkeypatch.setattr(custody, "hand_on", to_nobody)
    given = {"shipment": sealed.code, "carrier": CARRIER, "now": sealed.at + HOUR}
    said = refused(world, "tina", "hand_over_shipment", **given)
    assert list(said) == ["CHANGED_MEANWHILE"] and "nobody would have" in said["CHANGED_MEANWHILE"]


@pytest.mark.the_database_refuses("only_a_qualified_shipper_is_sealed")
def test_without_the_rule_the_database_seals_no_shipper_that_is_no_longer_qualified(
    world: World, packed: Parcel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing_acts, "sealing_refusals", lambda facts: ())
    late = packed.at + 20_000 * HOUR
    said = refused(world, "taras", "seal_shipment", now=late, **sealing(replace(packed, at=late)))
    assert list(said) == ["SHIPPER_NOT_READY"] and "no longer qualified" in said["SHIPPER_NOT_READY"]


@pytest.mark.usefixtures("each_rule_alone")
@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE shipment SET to_site_id = 1, from_site_id = 2 WHERE code = '{code}'", "a_shipment_keeps_its_way"),
        ("UPDATE shipment SET site_id = {there} WHERE code = '{code}'", "a_record_is_changed_at_its_site"),
        ("UPDATE shipment SET seals = NULL WHERE code = '{code}'", "ck_shipment_sealed_with_all_that_belongs_to_it"),
        ("UPDATE custody SET carrier = 'X' WHERE shipment_id = {id} AND carrier IS NOT NULL", "a_custody_only_ends"),
        ("UPDATE custody SET until = NULL WHERE shipment_id = {id} AND until IS NOT NULL", "a_custody_only_ends"),
        ("INSERT INTO custody (shipment_id, person_id, since) VALUES ({id}, 1, now())", "one_custodian_at_a_time"),
        ("INSERT INTO placement (vial_id, box_id, position, placed_at) SELECT v.id, u.id, 16, now() FROM vial v, "
         "storage_unit u WHERE v.code = '{stock}' AND u.code = '{shipper}'", "only_packed_vials_stand_in_a_shipper"),
        ("UPDATE vial SET state = 'RECEIVED' WHERE code = '{stock}'", "only_what_was_sent_is_received"),
        ("UPDATE vial SET site_id = {there} WHERE code = '{vial}'", "a_record_is_changed_at_its_site"),
        ("INSERT INTO packed_vial (shipment_id, vial_id, position, packed_at, packed_by_id) "
         "SELECT {id}, id, 9, now(), 1 FROM vial WHERE code = '{vial}'", "nothing_is_added_to_what_is_closed"),
        ("UPDATE storage_unit SET site_id = {there} WHERE code = '{shipper}'", "a_record_is_changed_at_its_site"),
        ("UPDATE storage_unit SET hold_hours = NULL WHERE code = '{shipper}'", "a_shipper_is_qualified"),
        ("UPDATE storage_unit SET qualified_until = qualified_on WHERE code = '{shipper}'",
         "ck_storage_unit_qualified_for_a_time"),
        ("DELETE FROM custody WHERE shipment_id = {id}", "permission denied|never deleted"),
    ],
)  # fmt: skip
def test_no_statement_undoes_a_shipment(
    world: World, on_the_road: Parcel, lot: FrozenLot, statement: str, rule: str
) -> None:
    """What no act does, in the words of the database; each in a transaction that ends here."""
    facts = {
        "code": on_the_road.code, "id": shipment_row(world, on_the_road.code).id, "there": on_the_road.to.id,
        "vial": on_the_road.vials[0], "stock": lot.vials[-1], "shipper": on_the_road.shipper,
    }  # fmt: skip
    with world.installation.engine.connect() as connection:
        open_act(connection)
        with pytest.raises(DBAPIError, match=rule):
            connection.execute(text(statement.format(**facts)))
            connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        connection.rollback()


@pytest.fixture(scope="module")
def on_the_road(world: World, there: SecondSite) -> Parcel:
    """One that is on its way for the whole module."""
    return sent_shipment(world, to=there, vials=2)

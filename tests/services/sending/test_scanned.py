"""What a scan tells of a shipment, a shipper and what is in it; what the forms offer."""

from cellbank.services.lookup.hints import hints_for
from cellbank.services.lookup.work import worklists
from tests.factories.shipping import (
    DAY,
    Parcel,
    shipper,
)
from tests.factories.temperature import as_csv, import_file, steady
from tests.factories.world import World
from tests.services.sending.asking import (
    card,
)


def test_a_scanned_shipment_says_where_it_goes_and_who_has_it(world: World, sealed: Parcel) -> None:
    seen = card(world, "tina", sealed.code)
    facts = dict(seen.facts)
    assert seen.state == "SEALED" and sealed.to.code in seen.title
    assert facts["In hand of"] == "Tina Technician" and facts["Vials"] == "3 of 3 ordered"
    assert facts["Seals"] == ", ".join(sealed.seals) and facts["Shipper"] == sealed.shipper
    acts = [act.name for act in seen.acts]
    assert acts[0] == "hand_over_shipment" and acts.index("take_over_shipment") < acts.index("break_seal")
    assert {"pack_vials", "receive_shipment", "cancel_shipment"}.isdisjoint(acts)


def test_a_scanned_shipper_says_how_long_it_holds_and_is_no_box(world: World, packed: Parcel) -> None:
    seen = card(world, "tina", packed.shipper)
    facts = dict(seen.facts)
    assert facts["Holds"] == "240 h from a full charge" and facts["Qualified"].endswith("until 2028-01-15")
    assert facts["Travels with"] == packed.code and facts["Filled"] == "3 / 16"
    acts = {act.name for act in seen.acts}
    assert {"pack_vials", "requalify_shipper"} <= acts and acts.isdisjoint({"store_vials", "count_box", "rescan_box"})
    assert dict(card(world, "tina", shipper(world)).facts)["Travels with"].startswith("no shipment")
    of_a_box = {act.name for act in card(world, "tina", packed.lot.box).acts}
    assert "store_vials" in of_a_box and of_a_box.isdisjoint({"pack_vials", "requalify_shipper", "seal_shipment"})


def test_a_scanned_vial_stands_in_its_shipper_and_can_be_unpacked(world: World, packed: Parcel) -> None:
    seen = card(world, "tina", packed.vials[0])
    assert seen.state == "IN_TRANSIT" and seen.where.endswith(" › A1") and "Dry shipper" in seen.where
    assert "unpack_vials" in {act.name for act in seen.acts}


def test_what_stands_in_a_shipper_is_neither_counted_nor_rescanned_as_a_box(world: World, packed: Parcel) -> None:
    """Or a vial that was missed on the way could become stock behind the back of its shipment."""
    for act in ("rescan_box", "count_box"):
        assert world.codes("tina", act, box=packed.shipper, vials=list(packed.vials)) == ["WRONG_KIND"]


def test_a_resting_logger_is_on_no_list_of_overdue_probes(world: World, ordered: Parcel) -> None:
    long_ago = ordered.at - 30 * DAY
    import_file(world, ordered.logger, as_csv(steady(long_ago, 2)), now=long_ago + DAY)
    lists = worklists(world.installation.seen_by(world.people["tina"]), world.people["tina"].roles, world.now)
    (overdue,) = [one for one in lists if one.name == "silent"]
    assert ordered.logger not in {item.code for item in overdue.items}


def test_forms_offer_the_other_sites_the_free_shippers_and_the_loggers_in_them(world: World, packed: Parcel) -> None:
    here = world.installation.seen_by(world.people["tina"])
    sites = dict(hints_for(here, "order_shipment", {}).offers["to"])
    assert packed.to.code in sites and world.people["tina"].site_code not in sites
    free = shipper(world)
    offered = dict(hints_for(here, "pack_vials", {"shipment": [packed.code]}).offers["shipper"])
    assert {free, packed.shipper} <= set(offered)  # its own too
    assert packed.shipper not in dict(hints_for(here, "pack_vials", {}).offers["shipper"])
    assert packed.logger in dict(hints_for(here, "seal_shipment", {}).offers["logger"])
    there = world.installation.seen_by(world.people[packed.to.technician])
    assert free not in dict(hints_for(there, "pack_vials", {}).offers["shipper"])

"""The pages of shipments: the list, one shipment at each of its stages at both ends, and scans on its page."""

import hashlib
import re
from collections.abc import Callable

from tests.factories.receiving import (
    accept,
    checked_shipment,
    import_trace,
    received_shipment,
    store,
)
from tests.factories.shipping import ordered_shipment, sealed_shipment, sent_shipment
from tests.factories.sites import second_site
from tests.factories.world import World
from tests.web.conftest import Browser


def first_act(page: str) -> str:
    """The act of the first button of “What next”."""
    found = re.search(r'class="next-acts">\s*<a class="btn btn-accent btn-next" href="/act/([a-z_]+)', page)
    return found[1] if found else ""


def scan(browser: Browser, page: str, **given: object):
    """What the script of the page sends for a scan."""
    address = re.search(r'data-url="([^"]+)"', page)
    assert address, "no scans are taken on this page"
    request = hashlib.sha256(f"{address[1]} {given}".encode()).hexdigest()  # the same scan has the same key
    sent = {"mode": "put", "key": request, "given": given}
    return browser.client.post(address[1], json=sent, headers={"X-CSRFToken": browser.token})


def test_a_shipment_is_packed_on_its_page(world: World, signed_in: Callable[[str], Browser]) -> None:
    parcel = ordered_shipment(world)
    tina = signed_in("tina")
    page = tina.get(f"/shipments/{parcel.code}").text
    assert "Scan the shipper first." in page and parcel.shipper in page
    page = tina.get(f"/shipments/{parcel.code}?shipper={parcel.shipper}").text
    first, second, third = parcel.vials
    answer = scan(tina, page, vials=[first], positions=["B2"])
    assert (answer.status_code, answer.json["refusals"]) == (200, [])
    page = tina.get(f"/shipments/{parcel.code}").text
    assert f'data-place="B2" data-vial="{first}"' in page and "recorded now, of 2 to scan" in page
    answer = scan(tina, page, vials=[second], positions=["B2"])
    assert answer.status_code == 409 and answer.json["refusals"][0]["code"] == "POSITION_TAKEN"
    assert scan(tina, page, vials=[second, third], positions=["C1", "C2"]).status_code == 200
    page = tina.get(f"/shipments/{parcel.code}").text
    assert first_act(page) == "seal_shipment" and "data-fill" not in page
    assert f"logger={parcel.logger}" in page
    assert tina.get(f"/storage/fill/{parcel.code}").location == f"/shipments/{parcel.code}"
    assert "Open the page of the shipment" in tina.get(f"/record/{parcel.code}").text


def test_who_does_not_pack_sees_and_scans_nothing(world: World, signed_in: Callable[[str], Browser]) -> None:
    parcel = ordered_shipment(world)
    clara = signed_in("clara")
    page = clara.get(f"/shipments/{parcel.code}").text
    assert "data-fill" not in page and "Scan the shipper" not in page


def test_the_next_step_goes_with_the_shipment(world: World, signed_in: Callable[[str], Browser]) -> None:
    parcel = sealed_shipment(world)
    tina, there = signed_in("tina"), signed_in(parcel.to.technician)
    assert first_act(tina.get(f"/shipments/{parcel.code}").text) == "hand_over_shipment"
    sent_shipment(world, parcel)
    page = tina.get(f"/shipments/{parcel.code}").text
    assert first_act(page) == "" and "receive_shipment" not in page
    page = there.get(f"/shipments/{parcel.code}").text
    assert first_act(page) == "receive_shipment"
    assert [act for act in ("hand_over_shipment", "break_seal") if f"/act/{act}" in page] == []
    assert parcel.seals[0] in page


def test_vials_are_checked_in_on_the_page_and_go_to_their_own_positions(
    world: World, signed_in: Callable[[str], Browser]
) -> None:
    parcel = received_shipment(world)
    there = signed_in(parcel.to.technician)
    page = there.get(f"/shipments/{parcel.code}").text
    first, second, third = parcel.vials
    assert [f'data-expects="{vial}"' in page for vial in parcel.vials] == [True] * 3
    assert page.count("data-place=") == 3  # nothing else is a place for a scan
    assert scan(there, page, vials=[second], positions=["A2"]).status_code == 200
    stranger = scan(there, page, vials=[parcel.lot.vials[5]], positions=["A1"])
    assert stranger.status_code == 409 and stranger.json["refusals"][0]["code"] == "NOT_IN_SHIPMENT"
    page = there.get(f"/shipments/{parcel.code}").text
    assert f'data-vial="{second}"' in page and f'data-expects="{first}"' in page
    assert "Missing until they are scanned" in page and "1 of 3" in page
    scan(there, page, vials=[first, third], positions=["A1", "A3"])
    page = there.get(f"/shipments/{parcel.code}").text
    assert first_act(page) == "close_receipt" and "Every vial is scanned." in page


def test_what_still_stops_the_acceptance_is_said_with_its_way_out(
    world: World, signed_in: Callable[[str], Browser]
) -> None:
    parcel = received_shipment(world)
    parcel = checked_shipment(world, parcel, found=parcel.vials[:2])
    there, officer = signed_in(parcel.to.technician), signed_in(parcel.to.quality_officer)
    page = there.get(f"/shipments/{parcel.code}").text
    assert "What still stops the acceptance" in page and "The trace of the logger is not imported yet." in page
    assert "Not found, in the order of the positions" in page and "Missing</span>" in page
    assert first_act(page) == "store_vials" and f"/act/import_readings?probe={parcel.logger}" in page
    store(world, parcel, *parcel.vials[:2])
    import_trace(world, parcel)
    page = officer.get(f"/shipments/{parcel.code}").text
    assert first_act(page) == "accept_shipment" and 'class="drawing trace"' in page
    accept(world, parcel)
    page = officer.get(f"/shipments/{parcel.code}").text
    assert first_act(page) == "" and "Accepted" in page


def test_each_site_has_its_own_list(world: World, signed_in: Callable[[str], Browser]) -> None:
    parcel, waits = sent_shipment(world), ordered_shipment(world)
    link = f'href="/shipments/{parcel.code}"'
    here, there = signed_in("tina"), signed_in(parcel.to.technician)
    assert link in here.get("/shipments").text.partition("Going from us")[2].partition("Ended")[0]
    assert link in there.get("/shipments").text.partition("Going from us")[0]
    assert waits.code not in signed_in(waits.to.technician).get("/shipments").text
    stranger = signed_in(second_site(world).technician)
    assert parcel.code not in stranger.get("/shipments").text
    assert stranger.get(f"/shipments/{parcel.code}").status_code == 404
    assert here.get(f"/shipments/{parcel.lot.code}").status_code == 404
    auditor = signed_in("otto")
    page = auditor.get("/shipments").text
    assert link in page and "Under way" in page and "Going from us" not in page
    page = auditor.get(f"/shipments/{parcel.code}").text
    assert "Who had it in hand" in page and "data-fill" not in page
    assert 'href="/act/' not in page.partition("Documents")[0]

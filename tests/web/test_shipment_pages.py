"""The pages of shipments: the list, one shipment at each of its stages at both ends, and scans on its page."""

import re
from collections.abc import Callable

import pytest

from cellbank.domain.identifiers import printed
from tests.factories.shipping import ordered_shipment, sent_shipment, shipment_row
from tests.factories.world import World
from tests.web.conftest import Browser


def first_act(page: str) -> str:
    """The act of the first button of “What next”."""
    found = re.search(r'class="next-acts">\s*<a class="btn btn-accent btn-next" href="/act/([a-z_]+)', page)
    return found[1] if found else ""


def scan(browser: Browser, address: str, **given: object):
    """What the script of the page sends for a scan."""
    sent = {"mode": "put", "key": "k" + str(given), "given": given}
    return browser.client.post(address, json=sent, headers={"X-CSRFToken": browser.token})


def test_a_shipment_is_packed_on_its_page(world: World, signed_in: Callable[[str], Browser]) -> None:
    parcel = ordered_shipment(world)
    tina = signed_in("tina")
    page = tina.get(f"/shipments/{parcel.code}").text
    assert "Scan the shipper first." in page and parcel.shipper in page
    page = tina.get(f"/shipments/{parcel.code}?shipper={parcel.shipper}").text
    address = re.search(r'data-url="([^"]+)"', page)[1]
    assert address == f"/shipments/{parcel.code}/pack_vials?shipper={parcel.shipper}"
    first, second, third = parcel.vials
    answer = scan(tina, address, vials=[first], positions=["B2"])
    assert (answer.status_code, answer.json["refusals"]) == (200, [])
    page = tina.get(f"/shipments/{parcel.code}").text
    assert f'data-place="B2" data-vial="{first}"' in page and "recorded now, of 2 to scan" in page
    answer = scan(tina, address, vials=[second], positions=["B2"])
    assert answer.status_code == 409 and answer.json["refusals"][0]["code"] == "POSITION_TAKEN"
    scan(tina, address, vials=[second, third], positions=["C1", "C2"])
    page = tina.get(f"/shipments/{parcel.code}").text
    assert first_act(page) == "seal_shipment" and "data-fill" not in page
    assert f"logger={parcel.logger}" in page
    assert tina.get(f"/storage/fill/{parcel.code}").location == f"/shipments/{parcel.code}"
    assert "Open the page of the shipment" in tina.get(f"/record/{parcel.code}").text

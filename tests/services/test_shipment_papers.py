"""The papers and the label of a shipment: what travels where, who had it in hand, how it arrived; and no subject."""

import re

import pypdfium2
import pytest
from sqlalchemy import text

from cellbank.domain.identifiers import printed
from cellbank.services.documents.issuing import unissued_file
from cellbank.services.documents.packing_list import packing_list
from cellbank.services.documents.papers import snapshot
from cellbank.services.labels.label_printing import pdf_of
from cellbank.services.lookup.boards import labels_of
from tests.factories.clinic import enrolled_subject
from tests.factories.receiving import accept, checked_shipment, import_trace, received_shipment, store
from tests.factories.shipping import (
    CARRIER,
    ordered_shipment,
    packed_shipment,
    sealed_shipment,
    sealing,
    sent_shipment,
    shipper,
)
from tests.factories.world import World

pytestmark = pytest.mark.usefixtures("labels_drawn")

SECRETS = """SELECT trial_number FROM subject UNION SELECT second_identifier FROM subject
    UNION SELECT pseudonym FROM donor UNION SELECT code FROM donor"""


def words(pdf: bytes) -> str:
    """All pages as one line."""
    pages = [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf)]
    return " ".join(" ".join(pages).split())


def paper(world: World, name: str, code: str) -> str:
    return words(unissued_file(world.installation, name, code))


def test_a_packing_list_names_every_vial_by_its_position_with_its_product(world: World) -> None:
    parcel = sealed_shipment(world)
    said = paper(world, "packing_list", parcel.code)
    for place, vial in zip(("A1", "A2", "A3"), parcel.vials, strict=True):
        assert f"{place} {printed(vial)}" in said
    for part in (parcel.lot.code, "−150 °C or colder", "25.0 ×10⁶", *parcel.seals, "Seen at arrival"):
        assert part in said, part
    assert "NOT SEALED" not in said


def test_a_packing_list_says_on_each_page_that_it_may_still_change(world: World) -> None:
    parcel = packed_shipment(world)
    assert "NOT SEALED" in paper(world, "packing_list", parcel.code)
    assert "NOT PACKED" in paper(world, "packing_list", ordered_shipment(world, parcel.to).code)


def test_what_travels_names_no_subject_and_no_donor(world: World) -> None:
    enrolled_subject(world)
    parcel = sent_shipment(world)
    with world.installation.reads.connect() as connection:
        secrets = set(connection.scalars(text(SECRETS)))
    (label,) = labels_of(world.installation, parcel.code)
    for said in (
        paper(world, "packing_list", parcel.code),
        paper(world, "custody_form", parcel.code),
        words(pdf_of(world.installation, label.id)),
    ):
        assert not {secret for secret in secrets if re.search(rf"\b{re.escape(secret)}\b", said)}


def test_a_custody_form_has_the_chain_with_its_signatures_and_lines_for_a_pen(world: World) -> None:
    parcel = sent_shipment(world)
    said = paper(world, "custody_form", parcel.code)
    for part in ("Tina Technician", CARRIER, "waybill", "valid", "without a screen", "Check at arrival", *parcel.seals):
        assert part in said, part
    assert "VOID" not in said


def test_after_the_arrival_it_says_how_it_arrived_and_who_decided(world: World) -> None:
    parcel = received_shipment(world)
    parcel = checked_shipment(world, parcel, found=parcel.vials[:2])
    said = paper(world, "custody_form", parcel.code)
    assert "Check at arrival" not in said and "intact" in said
    assert re.search(r"Missing 1\b", said) and "Differences" in said
    store(world, parcel, *parcel.vials[:2])
    import_trace(world, parcel)
    accept(world, parcel)
    said = paper(world, "custody_form", parcel.code)
    assert "Accepted by" in said and "Approved" in said and "VOID" not in said


def test_an_unchanged_shipment_has_an_unchanged_packing_list(world: World) -> None:
    parcel = sealed_shipment(world)
    with snapshot(world.installation.engine) as connection:
        before = packing_list(connection, parcel.code)
    sent_shipment(world, parcel)
    with snapshot(world.installation.engine) as connection:
        after = packing_list(connection, parcel.code)
    assert before is not None and after is not None and before.digest == after.digest


def test_an_empty_shipper_says_so_on_its_label(world: World) -> None:
    parcel = ordered_shipment(world)
    empty, unit = world.do("quinn", "order_shipment", to=parcel.to.code)["code"], shipper(world)
    given = {**sealing(parcel, shipment=empty, seals=[]), "shipper": unit}
    del given["logger"]
    world.do("tina", "seal_shipment", now=parcel.at, **given)
    (label,) = labels_of(world.installation, empty)
    said = words(pdf_of(world.installation, label.id))
    assert "EMPTY SHIPPER, NO PRODUCT" in said and "BIOLOGICAL" not in said and "−150" not in said
    assert "Product None: the empty shipper goes home." in paper(world, "packing_list", empty)

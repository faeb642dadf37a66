"""A vial is called by one number wherever it is shown: the one that is printed on it."""

import json
import re

import pypdfium2
import pytest
from sqlalchemy.orm import Session

from cellbank.domain.scans import read_scan
from cellbank.services.documents.document_types import TYPES, DocumentType
from cellbank.services.documents.papers import as_data, snapshot
from cellbank.services.labels import label_printing
from tests.factories.doses import DAY, ordered_dose
from tests.factories.lots import fill_started_at, stored_lot
from tests.factories.production import donation
from tests.factories.quality import pass_all_tests
from tests.factories.world import World

EARLIER = 20  # vials of the same donation that were numbered before
CALLED = re.compile(r"(?i)\bvial (\d{1,6})\b|<span>(\d+)</span>")


def _paper(world: World, type_: DocumentType, code: str) -> str:
    """The text of a document, as its PDF prints it; empty where there is none of such a record."""
    with snapshot(world.installation.engine) as connection:
        paper = type_.read(connection, code) if read_scan(code).kind in type_.kinds else None
        return json.dumps(as_data(paper), ensure_ascii=False) if paper else ""


def _on_the_labels(world: World, lot: str) -> set[int]:
    """The numbers that stand on the printed labels of the vials of a lot."""
    with Session(world.installation.reads) as session:
        first = label_printing.printings(session, lot)[0]
    pages = pypdfium2.PdfDocument(label_printing.pdf_of(world.installation, first.id))
    din = re.compile(r"A9999 \d\d \d{6}")
    texts = (din.sub("", page.get_textpage().get_text_range()) for page in pages)
    return {int(number) for one in texts for number in re.findall(r"(?<!\d)0\d{5}(?!\d)", one)}


@pytest.mark.requirement("R5")
@pytest.mark.usefixtures("labels_drawn")
def test_every_page_calls_a_vial_by_the_number_on_its_label(regular, world: World) -> None:
    """The second lot of a donation begins at 21: nothing calls its first vial 1."""
    din = donation(world)
    stored_lot(world, "product", EARLIER, donation=din)
    lot = stored_lot(world, "product", 8, donation=din)
    pass_all_tests(world, lot.code)
    world.do("oksana", "release_lot", now=fill_started_at(world, lot.code) + 40 * DAY, lot=lot.code)
    dose = ordered_dose(world, lot=lot)
    printed = {int(vial[13:]) for vial in lot.vials}
    assert printed == set(range(EARLIER + 1, EARLIER + 9))

    pages = [
        f"/record/{lot.box}", f"/record/{lot.vials[0]}", f"/record/{lot.code}", f"/record/{dose.code}",
        f"/storage/pick/{dose.code}", f"/trace/{lot.code}", f"/impact/{lot.code}", f"/record/{lot.vials[0]}/history",
        f"/storage/fill/{lot.box}",
    ]  # fmt: skip
    papers = (f"{one.name}: {_paper(world, one, code)}" for code in (lot.code, dose.code) for one in TYPES.values())
    told = {int(one or other) for paper in papers for one, other in CALLED.findall(paper)}
    assert told and told <= printed, told
    assert _on_the_labels(world, lot.code) == printed

    said: dict[str, set[int]] = {}
    for page in pages:
        found = regular("quinn" if "impact" in page else "tina").get(page)
        if found.status_code == 200:
            said[page] = {int(one or other) for one, other in CALLED.findall(found.text)}
    assert said[f"/record/{lot.box}"] == said[f"/storage/pick/{dose.code}"] | printed == printed
    assert all(numbers <= printed for numbers in said.values()), said
    assert sum(bool(numbers) for numbers in said.values()) >= 4, said

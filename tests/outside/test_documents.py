"""The frame of a document: whole rows, every letter, and what an archive asks of a PDF."""

import datetime
import io
import re

import pypdf
import pypdfium2
import pytest
import zxingcpp

from cellbank.outside.document_chart import Chart, Curve, Panel, ticks
from cellbank.outside.document_pdf import Block, Cover, Facts, Heading, Run, Table, Text, render_document

NAME = "Олександра-Вікторія Ґалаґанівна Нечуй-Левицька-Старицька"
COVER = Cover(
    title="Certificate & <draft>",
    subject="Lot LT0001K",
    site="Банк клітин (FIN A9999)",
    version="cellbank 0.1.0",
    digest="ab" * 32,
    symbol="LT0001K " + "AB" * 32,
    mark="NOT RELEASED – not a certificate",
    edition=f"DC0001X, edition 2, issued 2026-03-29 04:30 EEST by {NAME}",
    issued_at=datetime.datetime(2026, 3, 29, 1, 30, tzinfo=datetime.UTC),
)
CHART = Chart(
    (
        Panel("Doublings", (Curve("one", ((0.0, 0.0), (14.0, 1.5), (18.0, 4.25))), Curve("", ((3.0, 0.0),)))),
        Panel("Cells", (Curve("", ((0.0, 3e6), (4.0, 2.4e7))),), logarithmic=True),
    ),
    "days",
)


def rows(count: int, lines: int = 1) -> Table:
    body = tuple((Run(str(n), "code"), tuple(Run(f"line {n}.{i}") for i in range(lines)), NAME) for n in range(count))
    return Table(("No.", "What", "Who"), body, (0.1, 0.5, 0.4))


def pages(blocks: list[Block]) -> list[str]:
    pdf = pypdfium2.PdfDocument(render_document(COVER, blocks))
    return [" ".join(page.get_textpage().get_text_range().split()) for page in pdf]


def test_a_row_stays_on_one_page_and_the_head_is_repeated() -> None:
    found = pages([Heading("Steps"), rows(60, lines=3)])
    assert len(found) > 3
    for page in found:
        assert page.count("No. What Who") == 1
        assert re.findall(r"line (\d+)\.0", page) == re.findall(r"line (\d+)\.2", page)


def test_a_row_taller_than_a_page_goes_on_over_the_next() -> None:
    found = pages([Text("before"), rows(1, lines=150), Text("after")])
    assert "line 0.0" in found[0] and "line 0.149" in found[-1] and "after" in found[-1] and len(found) == 3


def test_two_hundred_rows_in_cyrillic_are_all_there() -> None:
    found = " ".join(pages([Facts((("Ім'я", NAME), ("Порожньо", ""))), rows(200)]))
    assert all(f"line {n}.0" in found for n in range(200)) and found.replace("- ", "-").count("Ґалаґанівна") > 200


def test_every_page_bears_mark_edition_number_and_symbol() -> None:
    pdf = pypdfium2.PdfDocument(render_document(COVER, [rows(80)]))
    for number, page in enumerate(pdf, start=1):
        words = " ".join(page.get_textpage().get_text_range().split())
        assert COVER.mark in words and COVER.edition in words and f"Page {number} of {len(pdf)}" in words
        (symbol,) = zxingcpp.read_barcodes(page.render(scale=4).to_pil(), formats=zxingcpp.BarcodeFormat.DataMatrix)
        assert symbol.text == COVER.symbol


def test_an_empty_document_is_one_page() -> None:
    assert len(pages([])) == 1


def test_the_file_has_what_an_archive_asks_for() -> None:
    """The structure of PDF/A-2b; no validator such as veraPDF has seen it."""
    pdf = render_document(COVER, [Heading("Growth"), CHART, rows(3)])
    read = pypdf.PdfReader(io.BytesIO(pdf))
    root = read.trailer["/Root"]
    metadata = root["/Metadata"].get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part>" in metadata and "<pdfaid:conformance>B</pdfaid:conformance>" in metadata
    assert "Certificate &amp; &lt;draft&gt;: Lot LT0001K" in metadata and "2026-03-29T01:30:00+00:00" in metadata
    assert read.metadata and read.metadata.title == "Certificate & <draft>: Lot LT0001K"
    assert read.metadata.creation_date == COVER.issued_at
    intent = root["/OutputIntents"][0]
    assert intent["/S"] == "/GTS_PDFA1" and intent["/DestOutputProfile"]["/N"] == 3
    assert intent["/DestOutputProfile"].get_data()[36:40] == b"acsp"
    assert read.pdf_header == "%PDF-1.7" and not read.is_encrypted and len(read.trailer["/ID"]) == 2
    for page in read.pages:
        fonts = page["/Resources"]["/Font"]
        assert all("/FontFile2" in fonts[name]["/FontDescriptor"] for name in fonts)
        assert "/Group" not in page and "/ExtGState" not in page["/Resources"]


def test_the_same_content_is_the_same_file() -> None:
    blocks: list[Block] = [Heading("Growth"), CHART, rows(30)]
    assert render_document(COVER, blocks) == render_document(COVER, blocks)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 14, (0, 5, 10, 15)), (0, 0, (0, 0.2, 0.4, 0.6, 0.8, 1)), (-1.2, 3.9, (-2, -1, 0, 1, 2, 3, 4))],
)
def test_ticks_are_round_and_enclose_what_is_drawn(low: float, high: float, expected: tuple[float, ...]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


def test_a_curve_stays_inside_its_panel() -> None:
    for mark in CHART.drawing(500).marks:
        assert all(0 <= x <= 500 and 0 <= y <= 150 for x, y in mark.points), mark

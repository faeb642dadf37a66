import hashlib
import time
from functools import lru_cache
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from PIL import Image

from cellbank.outside.label_pdf import LabelProblem, fields, load_templates, render
from cellbank.outside.label_templates import parse_template, read_templates

from .label_samples import FIN_NOTICE, ROWS, SITE

TEMPLATES = load_templates()
SIZES_MM = {
    "vial": (33, 13),
    "vial_cap": (9.5, 9.5),
    "donation": (70, 40),
    "culture_vessel": (50, 25),
    "storage_unit": (70, 30),
    "dose": (100, 50),
    "wristband": (279, 25),
    "command": (60, 30),
    "person_badge": (86, 54),
    "shipper": (100, 150),
}
MINIMAL = b"""
name = "minimal"
title = "Minimal"
version = 1
width = 30
height = 20
margin = 1
texts = [
  { field = "code", x = 1, y = 4, width = 15, size = 8, min_size = 6 },
  { field = "reprint", x = 1, y = 18, width = 10, size = 5, optional = true },
]
symbols = [{ kind = "datamatrix", field = "symbol", x = 18, y = 2, module = 0.5, modules = 16 }]
"""


def vials(count: int) -> list[dict[str, str]]:
    return [
        {
            **ROWS["vial"],
            "division": f"{number:06d}",
            "symbol": f"=+04000=A99992600004200=<D0001V99=,{number:06d}&>0280912359",
        }
        for number in range(1, count + 1)
    ]


@lru_cache
def sample(name: str) -> bytes:
    return render(TEMPLATES[name], [ROWS[name]])


def printed(pdf: bytes, dpi: int) -> list[Image.Image]:
    """The pages as a thermal printer burns them: dots that are black or white, nothing between."""
    pages = pypdfium2.PdfDocument(pdf)
    grey = [page.render(scale=dpi / 72).to_pil().convert("L") for page in pages]
    return [page.point(lambda light: 255 if light >= 128 else 0) for page in grey]


def scanned(picture: Image.Image) -> list[str]:
    found = zxingcpp.read_barcodes(picture, text_mode=zxingcpp.TextMode.Plain)
    return sorted(barcode.text for barcode in found)


def symbols_of(name: str) -> list[str]:
    template = TEMPLATES[name]
    return sorted(ROWS[name][block.field] for block in template.symbols) * template.panels.count


def words_of(pdf: bytes) -> str:
    return pypdfium2.PdfDocument(pdf)[0].get_textpage().get_text_range()


def test_every_label_of_the_design_is_there_with_a_sample_row():
    assert TEMPLATES.keys() == SIZES_MM.keys() == ROWS.keys()


@pytest.mark.parametrize("name", SIZES_MM)
def test_page_has_exactly_the_size_of_the_label(name):
    width, height = pypdfium2.PdfDocument(sample(name))[0].get_size()
    assert (width, height) == pytest.approx([side * 72 / 25.4 for side in SIZES_MM[name]], abs=0.01)


@pytest.mark.parametrize("dpi", [203, 300, 600])
@pytest.mark.parametrize("name", SIZES_MM)
def test_every_symbol_scans_from_every_printer(name, dpi):
    (picture,) = printed(sample(name), dpi)
    assert scanned(picture) == sorted(symbols_of(name))


@pytest.mark.parametrize("dpi", [203, 300])
def test_every_vial_of_a_lot_scans_as_itself(dpi):
    rows = vials(40)
    pictures = printed(render(TEMPLATES["vial"], rows), dpi)
    assert [scanned(picture) for picture in pictures] == [[row["symbol"]] for row in rows]


@pytest.mark.parametrize("name", SIZES_MM)
def test_every_value_stands_on_the_label_as_text(name):
    words = words_of(sample(name))
    shown = {text.field for text in TEMPLATES[name].texts} & ROWS[name].keys()
    lost = {(field, word) for field in shown for word in ROWS[name][field].split() if word not in words}
    assert lost == set()


def test_vial_carries_the_minimum_that_must_stay_readable_in_the_tank():
    words = words_of(sample("vial"))
    assert fields(TEMPLATES["vial"]) == {
        "symbol",
        "din",
        "din_check",
        "division",
        "lot",
        "product",
        "cells_million",
        "volume_ml",
        "expires",
        "storage",
        "site",
    }
    for part in (
        "25.0 ×10⁶ cells",
        "1.80 mL",
        "Lot LT00042K",
        "EXP 2028-03-31",
        "TRIAL USE ONLY",
        FIN_NOTICE,
    ):
        assert part in words


def test_dose_carries_the_statements_of_a_trial_product():
    words = words_of(sample("dose"))
    for part in (
        "FOR CLINICAL TRIAL USE ONLY",
        "Properly identify intended recipient and product.",
        "Do not irradiate. Do not use a leukoreduction filter.",
        "72.0 ×10⁶ cells",
        "36.0 mL",
    ):
        assert part in words


def test_a_shipper_tells_carriers_how_to_treat_it():
    words = words_of(sample("shipper"))
    for part in ("−150 °C or colder", "BIOLOGICAL PRODUCT FOR CLINICAL TRIAL USE", "KEEP UPRIGHT", "DO NOT X-RAY"):
        assert part in words
    known = TEMPLATES["shipper"].required_fields | TEMPLATES["shipper"].optional_fields
    assert not known & {"subject", "second_id", "trial", "din"}


@pytest.mark.parametrize("name", SIZES_MM)
def test_no_subject_label_has_a_place_for_a_name(name):
    template = TEMPLATES[name]
    known = template.required_fields | template.optional_fields
    assert not {field for field in known if "name" in field or "birth" in field}


@pytest.mark.parametrize("name", SIZES_MM)
def test_reprint_is_visible_and_a_first_print_is_not_marked(name):
    mark = "R 13" if name == "vial_cap" else "REPRINT 13"
    again = render(TEMPLATES[name], [ROWS[name]], reprint=13)
    assert " ".join(words_of(again).split()).count(mark) == TEMPLATES[name].panels.count
    assert mark not in words_of(sample(name))
    (picture,) = printed(again, 300)
    assert scanned(picture) == sorted(symbols_of(name))


def test_label_of_a_registered_site_has_no_notice():
    row = {field: value for field, value in ROWS["vial"].items() if field != "fin_notice"}
    assert "REGISTERED" not in words_of(render(TEMPLATES["vial"], [row]))


@pytest.mark.parametrize("name", SIZES_MM)
def test_same_input_gives_the_same_bytes_whatever_was_printed_between(name):
    first = render(TEMPLATES[name], [ROWS[name]])
    render(TEMPLATES["person_badge"], [ROWS["person_badge"]], reprint=9)
    assert render(TEMPLATES[name], [ROWS[name]]) == first
    assert render(TEMPLATES[name], [ROWS[name]], reprint=1) != first


def test_a_thousand_vials_are_small_and_quick():
    rows = vials(1000)
    started = time.perf_counter()
    pdf = render(TEMPLATES["vial"], rows)
    seconds = time.perf_counter() - started
    assert len(pdf) / 1000 < 1024
    assert seconds < 10, "a generous limit for a busy machine; about one second on an idle one"


def test_fonts_are_embedded_and_nothing_is_a_picture():
    pdf = render(TEMPLATES["dose"], [ROWS["dose"]])
    assert pdf.count(b"/FontFile2") >= 3
    assert b"/Subtype /Image" not in pdf


def test_missing_unknown_and_empty_fields_are_all_named_for_every_label():
    good = ROWS["vial_cap"]
    rows = [{"symbol": good["symbol"]}, {**good, "weight": "70"}, {**good, "division": " "}]
    with pytest.raises(LabelProblem) as caught:
        render(TEMPLATES["vial_cap"], rows)
    assert caught.value.problems == (
        "vial_cap, label 1: the field division is missing.",
        "vial_cap, label 2: the field weight is not on this label.",
        "vial_cap, label 3: the field division is empty.",
    )


def test_row_cannot_set_the_reprint_mark_itself():
    with pytest.raises(LabelProblem, match="reprint is not on this label"):
        render(TEMPLATES["vial_cap"], [{**ROWS["vial_cap"], "reprint": "1"}])


def test_value_that_is_too_long_names_its_field():
    with pytest.raises(LabelProblem, match=r"label 1: the field site is too long.*does not fit 1 line.* 3.5 pt"):
        render(TEMPLATES["vial"], [{**ROWS["vial"], "site": SITE}])


def test_long_value_shrinks_before_it_is_refused():
    template = parse_template(MINIMAL)
    short = render(template, [{"code": "AB", "symbol": "AB"}])
    longer = render(template, [{"code": "ABCDEFGHI", "symbol": "AB"}])
    assert b" 8 Tf" not in longer and short != longer
    (text,) = [block for block in template.texts if block.field == "code"]
    boxes = [pypdfium2.PdfDocument(longer)[0].get_textpage().get_charbox(index) for index in range(9)]
    assert max(right for _, _, right, _ in boxes) <= (text.x + text.width) * 72 / 25.4


def test_code_that_needs_a_larger_symbol_than_the_label_has_is_refused():
    with pytest.raises(LabelProblem, match=r"symbol symbol is too long.*needs 24 modules.*room for 18"):
        render(TEMPLATES["vial_cap"], [{**ROWS["vial_cap"], "symbol": ROWS["vial"]["symbol"]}])


def test_look_alike_letters_are_refused_in_a_symbol():
    with pytest.raises(LabelProblem, match=r"U\+0421.*not printable ASCII"):
        render(TEMPLATES["command"], [{**ROWS["command"], "symbol": "СU0001K7"}])


def test_character_without_a_glyph_is_refused_and_not_printed_as_a_box():
    with pytest.raises(LabelProblem, match="field site has characters that cannot be printed"):
        render(TEMPLATES["vial"], [{**ROWS["vial"], "site": "細胞"}])


def test_problem_of_all_labels_is_told_once():
    rows = [{**row, "site": SITE} for row in vials(3)]
    rows[1]["division"] = "000002-0003"
    with pytest.raises(LabelProblem) as caught:
        render(TEMPLATES["vial"], rows)
    starts = [problem.split(" is too long")[0] for problem in caught.value.problems]
    assert starts == ["vial, all labels: the field site", "vial, label 2: the field division"]


def test_nothing_to_print_is_a_problem():
    with pytest.raises(LabelProblem, match="no label to print"):
        render(TEMPLATES["vial"], [])


def test_digest_is_that_of_the_file():
    folder = Path(__file__).parents[2] / "label_templates"
    for name, template in TEMPLATES.items():
        assert template.digest == hashlib.sha256((folder / f"{name}.toml").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (b"x = 1, y = 4", b"x = 0.5, y = 4", "field code leaves the printable area"),
        (b"width = 15", b"width = 17", "symbol symbol and field code overlap"),
        (b"module = 0.5", b"module = 0.2", "symbols.0.datamatrix.module: Input should be greater"),
        (b"size = 8", b"size = 5", "min_size is larger than size"),
        (b'field = "code"', b'field = "code", text = "Code"', "give either field or text"),
        (b'field = "code"', b'text = "\xe7\xb4\xb0"', "the font cannot show"),
        (b'field = "reprint"', b'field = "again"', "no optional text for the field reprint"),
        (b"size = 8", b'face = "code", size = 8', "the face code needs 7 pt"),
        (b'"datamatrix"', b'"qr"', "does not match any of the expected tags"),
        (b"version = 1", b"version = 1\ncolour = 3", "colour: Extra inputs are not permitted"),
        (b"margin = 1", b"margin =", "not TOML"),
    ],
)
def test_template_that_would_print_badly_is_refused(before, after, why):
    assert before in MINIMAL
    with pytest.raises(LabelProblem, match=why):
        parse_template(MINIMAL.replace(before, after, 1))


def test_all_problems_of_all_templates_are_listed_at_once(tmp_path):
    (tmp_path / "one.toml").write_bytes(MINIMAL.replace(b"version = 1", b"version = 0").replace(b"width = 30", b""))
    (tmp_path / "two.toml").write_bytes(MINIMAL)
    with pytest.raises(LabelProblem) as caught:
        read_templates(tmp_path)
    assert [problem.split(":")[0:2] for problem in caught.value.problems] == [
        ["one.toml", " version"],
        ["one.toml", " width"],
        ["two.toml", " its name is minimal; a file is named like its template."],
    ]


def test_bars_lower_than_the_standard_allows_are_refused():
    bars = b'{ kind = "code128", field = "symbol", x = 4, y = 6, module = 0.25, modules = 200, height = 5 }'
    source = MINIMAL.replace(b"symbols = [", b"symbols = [" + bars + b", ")
    with pytest.raises(LabelProblem, match="at least 15 % of their length"):
        parse_template(source)

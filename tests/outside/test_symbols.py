import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from cellbank.outside.symbols import Symbol, SymbolProblem, code_128, data_matrix, qr_code
from cellbank.services.people.one_time_codes import address_of, new_secret

VIAL = "=+04000=A99992600004200=<D0001V99=,000007&>0280912359"
PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40)


def picture(symbol: Symbol, *, module: int = 4, quiet: int, height: int | None = None) -> Image.Image:
    """The path drawn as any PDF reader would: `re` rectangles, y upwards, `height` pixels a row."""
    height = height or module
    size = ((symbol.columns + 2 * quiet) * module, symbol.rows * height + 2 * quiet * module)
    image = Image.new("L", size, 255)
    draw = ImageDraw.Draw(image)
    numbers = [int(word) for word in symbol.path.split() if word != "re"]
    for x, y, width, rows in zip(*[iter(numbers)] * 4, strict=True):
        left, bottom = (x + quiet) * module, size[1] - quiet * module - y * height
        draw.rectangle((left, bottom - rows * height, left + width * module - 1, bottom - 1), fill=0)
    return image


def decoded(image: Image.Image, kind: zxingcpp.BarcodeFormat) -> list[str]:
    found = zxingcpp.read_barcodes(image, formats=kind, text_mode=zxingcpp.TextMode.Plain)
    return [barcode.text for barcode in found]


@pytest.mark.parametrize(
    ("text", "side"),
    [
        (VIAL, 24),
        ("=A99992600004200=,000007", 18),
        ("=A99992600004200", 16),
        ("=+02000&/CHA999926000042&>0261231200", 22),
        ("CU0001K7", 14),
    ],
)
def test_data_matrix_has_the_size_that_the_labels_count_on(text, side):
    symbol = data_matrix(text)
    assert (symbol.columns, symbol.rows) == (side, side)
    assert decoded(picture(symbol, quiet=1), zxingcpp.BarcodeFormat.DataMatrix) == [text]


def test_code_128_of_a_din_has_the_145_modules_of_the_standard():
    assert code_128("=A99992600004200").columns == 145
    assert code_128("&/CHA999926000042").columns == 167


@settings(max_examples=150, deadline=None)
@given(PRINTABLE)
def test_every_printable_text_survives_data_matrix(text):
    assert decoded(picture(data_matrix(text), quiet=2), zxingcpp.BarcodeFormat.DataMatrix) == [text]


@settings(max_examples=150, deadline=None)
@given(PRINTABLE.filter(lambda text: len(text) <= 24))
def test_every_printable_text_survives_code_128(text):
    image = picture(code_128(text), quiet=10, module=3, height=60)
    assert decoded(image, zxingcpp.BarcodeFormat.Code128) == [text]


@pytest.mark.parametrize("name", ["quinn", "a.name.of.forty.letters.a.name.of.forty.l"])
def test_the_secret_of_a_second_factor_survives_the_qr_code(name):
    address = address_of(new_secret(), name, "cellbank Demonstration site, Інститут")
    assert decoded(picture(qr_code(address), quiet=4), zxingcpp.BarcodeFormat.QRCode) == [address]


def test_each_dark_module_is_drawn_exactly_once():
    symbol = data_matrix(VIAL)
    numbers = [int(word) for word in symbol.path.split() if word != "re"]
    cells = [
        (column, row)
        for x, y, width, height in zip(*[iter(numbers)] * 4, strict=True)
        for column in range(x, x + width)
        for row in range(y, y + height)
    ]
    assert len(cells) == len(set(cells))
    assert all((0, row) in cells for row in range(24)), "the solid left border of the finder"


@pytest.mark.parametrize("encode", [data_matrix, code_128])
@pytest.mark.parametrize(("text", "why"), [("", "empty"), ("СU0001K7", r"U\+0421"), ("A\n", r"U\+000A")])
def test_text_that_a_scanner_could_not_give_back_is_refused(encode, text, why):
    with pytest.raises(SymbolProblem, match=why):
        encode(text)


def test_text_beyond_the_largest_symbol_is_refused():
    with pytest.raises(SymbolProblem, match="too long"):
        data_matrix("A" * 3000)

"""The tables of ECC 200: as ppf.datamatrix, which works each symbol out anew, and as a decoder reads them."""

import pytest
import zxingcpp
from ppf.datamatrix import DataMatrix

from cellbank.outside.ecc200 import PAD, SIZES, Size, modules
from cellbank.outside.symbols import Symbol, data_matrix
from tests.outside.test_symbols import decoded, picture

CODECS = ["ascii", "C40"]
LETTERS = "=A9/Z&<0>,+"


def text_of(words: int) -> str:
    """One that needs as many codewords: letters and signs alternate, so that no codec packs them."""
    return (LETTERS * 20)[:words]


def by_ppf(text: str) -> tuple[str, ...]:
    return tuple("".join(map(str, row)) for row in DataMatrix(text, codecs=CODECS).matrix)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size.side))
def test_a_full_symbol_of_each_size_is_the_same_and_is_read(size: Size) -> None:
    text = next(text for text in map(text_of, range(size.data, 220)) if len(modules(text + "=", CODECS)) > size.side)
    found = modules(text, CODECS)
    assert len(found) == size.side and found == by_ppf(text)
    assert decoded(picture(Symbol(text, found), quiet=2), zxingcpp.BarcodeFormat.DataMatrix) == [text]


def test_what_fills_a_symbol_up_is_no_zero() -> None:
    """The scrambled pad of position 28 is 254; ppf writes a 0 there, which no codeword of a text is."""
    assert (PAD + 149 * 28 % 253 + 1) % 254 == 0
    text = text_of(24)
    ours, theirs = modules(text, CODECS), by_ppf(text)
    assert ours != theirs and len(ours) == len(theirs) == 22
    assert decoded(picture(Symbol(text, ours), quiet=2), zxingcpp.BarcodeFormat.DataMatrix) == [text]


def test_a_symbol_of_several_blocks_is_made_too() -> None:
    text = "=A9" * 80
    assert modules(text, CODECS) == by_ppf(text) and len(modules(text, CODECS)) > 48


@pytest.mark.parametrize("text", ["=A99992600004200=,000007", "=+04000=A99992600004200=<D0001V99=,000007&>0280912359"])
def test_the_mask_paints_what_the_path_fills(text: str) -> None:
    symbol = data_matrix(text)
    samples = symbol.mask.partition(" ID ")[2].partition(">")[0]
    letters = len(samples) // symbol.rows
    rows = [f"{int(samples[start : start + letters], 16):0{4 * letters}b}" for start in range(0, len(samples), letters)]
    assert tuple(row[: symbol.columns].translate({48: "1", 49: "0"}) for row in rows) == symbol.modules
    assert {row[symbol.columns :].strip("1") for row in rows} == {""}  # beyond the symbol nothing is painted

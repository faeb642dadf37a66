"""ECC 200 (ISO/IEC 16022) by tables: the codewords are ppf.datamatrix's, error correction and placement are looked up.

A symbol is a text's codewords, padded; their check codewords (the remainder of a polynomial division, here on whole
numbers of all check codewords at once); and one dark or light module for each of their bits, at a place that depends on
the size alone. Only sizes of one Reed-Solomon block are known here: larger ones are ppf's, wholly.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter

from ppf.datamatrix import DataMatrix  # brings the codecs `datamatrix.*`

PAD = 129  # the codeword after the last one of the text; those after it are scrambled
FIELD = 0x12D  # the polynomial of the Galois field of 256


@dataclass(frozen=True)
class Size:
    """A row of table 7 of the standard: modules along a side, codewords of data and of checks, regions along a side."""

    side: int
    data: int
    checks: int
    regions: int = 1

    @property
    def mapped(self) -> int:
        """Modules along a side without the finder patterns and the alignment patterns between regions."""
        return self.side - 2 * self.regions


SIZES = (
    Size(10, 3, 5), Size(12, 5, 7), Size(14, 8, 10), Size(16, 12, 12), Size(18, 18, 14), Size(20, 22, 18),
    Size(22, 30, 20), Size(24, 36, 24), Size(26, 44, 28), Size(32, 62, 36, 2), Size(36, 86, 42, 2),
    Size(40, 114, 48, 2), Size(44, 144, 56, 2), Size(48, 174, 68, 2),
)  # fmt: skip


def modules(text: str, codecs: Sequence[str]) -> tuple[str, ...]:
    """The rows of the smallest square symbol from the top, "1" dark; ValueError where none is large enough."""
    data = _shortest(text, codecs)
    size = next((size for size in SIZES if len(data) <= size.data), None)
    if size is None:
        return tuple("".join(map(str, row)) for row in DataMatrix(text, codecs=list(codecs)).matrix)
    words = _padded(data, size.data)
    words += _remainder(words, size.checks)
    shown = "".join(_places(size)(f"{int.from_bytes(words, 'big'):0{8 * len(words)}b}01"))
    return tuple(shown[start : start + size.side] for start in range(0, len(shown), size.side))


def _shortest(text: str, codecs: Sequence[str]) -> bytes:
    """The text's codewords by the codec that needs fewest."""
    encoded = []
    for codec in codecs:
        try:
            encoded.append(text.encode(f"datamatrix.{codec}"))
        except ValueError:  # not every text has a form in every codec
            continue
    return min(encoded, key=len)


def _padded(data: bytes, room: int) -> bytes:
    words = bytearray(data)
    if len(words) < room:
        words.append(PAD)
    while len(words) < room:  # scrambled by its position, counted from one (5.2.3)
        word = PAD + 149 * (len(words) + 1) % 253 + 1
        words.append(word if word <= 254 else word - 254)
    return bytes(words)


# --- check codewords ----------------------------------------------------------------------------


def _remainder(words: bytes, checks: int) -> bytes:
    """The check codewords: the remainder of the text's codewords by the generator polynomial of that many roots."""
    register, multiples, top = 0, _multiples(checks), 8 * (checks - 1)
    for word in words:
        first, rest = divmod(register, 1 << top)
        register = (rest << 8) ^ multiples[word ^ first]
    return register.to_bytes(checks, "big")


@cache
def _multiples(checks: int) -> tuple[int, ...]:
    """The generator polynomial, without its first coefficient, times every value: each as one whole number."""
    generator, root = [1], 1
    for _ in range(checks):
        root = _times(root, 2)
        generator = [a ^ _times(root, b) for a, b in zip([*generator, 0], [0, *generator], strict=True)]
    return tuple(int.from_bytes(bytes(_times(factor, each) for each in generator[1:]), "big") for factor in range(256))


def _times(a: int, b: int) -> int:
    """The product in the Galois field."""
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = a << 1 ^ (FIELD if a & 128 else 0)
        b >>= 1
    return product


# --- placement ----------------------------------------------------------------------------------


@cache
def _places(size: Size) -> Callable[[str], tuple[str, ...]]:
    """For each module the bit that it shows, counted over all codewords; after the last of them a 0 and a 1 follow."""
    light = 8 * (size.data + size.checks)
    mapping, region = _Mapping(size.mapped, light).bits, size.mapped // size.regions

    def shown(y: int, x: int) -> int:
        (down, row), (across, column) = divmod(y, region + 2), divmod(x, region + 2)
        if column == 0 or row == region + 1:  # the solid sides of the finder
            return light + 1
        if row == 0 or column == region + 1:  # the sides whose modules alternate
            return light + ((column + 1) % 2 if row == 0 else row % 2)
        return mapping[down * region + row - 1, across * region + column - 1]

    return itemgetter(*(shown(y, x) for y in range(size.side) for x in range(size.side)))


class _Mapping:
    """Annex F of the standard: at which row and column each bit stands; `light` is a 0, the next a 1."""

    def __init__(self, side: int, light: int):
        self.side, self.light, self.word = side, light, 0
        self.bits: dict[tuple[int, int], int] = {}
        self._sweep()
        if (side - 1, side - 1) not in self.bits:  # the corner that no codeword reaches
            self.bits |= {(side - 2, side - 2): light + 1, (side - 1, side - 1): light + 1}
            self.bits |= {(side - 2, side - 1): light, (side - 1, side - 2): light}

    def _sweep(self) -> None:
        """Along the diagonals, up and to the right, then down and to the left, until the whole side is passed."""
        row, column = 4, 0
        while row < self.side or column < self.side:
            self._corner(row, column)
            while row >= 0 and column < self.side:
                self._shape(row, column)
                row, column = row - 2, column + 2
            row, column = row + 1, column + 3
            while row < self.side and column >= 0:
                self._shape(row, column)
                row, column = row + 2, column - 2
            row, column = row + 3, column + 1

    def _shape(self, row: int, column: int) -> None:
        """The eight bits of a codeword around the module of its last bit, if that is free and in the symbol."""
        if 0 <= row < self.side and 0 <= column < self.side and (row, column) not in self.bits:
            above = [(-2, -2), (-2, -1), (-1, -2), (-1, -1), (-1, 0), (0, -2), (0, -1), (0, 0)]
            self._put([(row + down, column + across) for down, across in above])

    def _corner(self, row: int, column: int) -> None:
        """The four ways in which a codeword is broken at the corners; negative numbers count from the other side."""
        end = self.side
        if (row, column) == (end, 0):
            self._put([(-1, 0), (-1, 1), (-1, 2), (0, -2), (0, -1), (1, -1), (2, -1), (3, -1)], end)
        if (row, column) == (end - 2, 0) and end % 4:
            self._put([(-3, 0), (-2, 0), (-1, 0), (0, -4), (0, -3), (0, -2), (0, -1), (1, -1)], end)
        if (row, column) == (end - 2, 0) and end % 8 == 4:
            self._put([(-3, 0), (-2, 0), (-1, 0), (0, -2), (0, -1), (1, -1), (2, -1), (3, -1)], end)
        if (row, column) == (end + 4, 2) and not end % 8:
            self._put([(-1, 0), (-1, -1), (0, -3), (0, -2), (0, -1), (1, -3), (1, -2), (1, -1)], end)

    def _put(self, cells: Sequence[tuple[int, int]], modulus: int = 0) -> None:
        """The next codeword's bits; what lies beyond the upper or the left side comes in at the other one."""
        for bit, (row, column) in enumerate(cells):
            if modulus:
                row, column = row % modulus, column % modulus
            shift = 4 - (self.side + 4) % 8
            if row < 0:
                row, column = row + self.side, column + shift
            if column < 0:
                row, column = row + shift, column + self.side
            self.bits[row, column] = 8 * self.word + bit
        self.word += 1

"""Label templates: TOML files with sizes, fields and symbols; data, no logic.

All lengths are millimetres from the label's upper left corner, type sizes are points. A text stands in a box
`width` wide with its first baseline at `y`; a symbol's `x`, `y` are the corner of its modules, outside which
the quiet zone lies. A file is read as a whole: every problem is named at once, and a text in a quiet zone,
two things on one spot or anything off the label is a problem too.
"""

import hashlib
import tomllib
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cellbank import shipped
from cellbank.outside.label_fonts import Face, unprintable

POINT_MM = 25.4 / 72
LEADING = 1.18  # distance of two baselines, in type sizes
ASCENT, DESCENT = 0.70, 0.20  # of capitals and of g, in type sizes
PADDING_MM = 0.35  # around a boxed or white-on-black text
FRAMED_DESCENT = 0.08  # frames go close round capitals and digits, a tail may use the padding
REPRINT = "reprint"  # the field that render() fills itself
_TOUCHING_MM = 0.01
# Smaller than this, a printer of 203 dpi fills the dotted zero in, and 2028 is read as 2828.
_SMALLEST_CODE_PT = 7

Length = Annotated[float, Field(ge=0, le=300)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class LabelProblem(Exception):
    """A template or a print job that cannot become a label; `problems` lists all that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        more = len(problems) - 10
        super().__init__("\n".join([*problems[:10], *([f"… and {more} more."] if more > 0 else [])]))


class Rectangle(NamedTuple):
    """A rectangle on the label, y downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Rectangle") -> bool:
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across > _TOUCHING_MM and down > _TOUCHING_MM


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TextBlock(_Part):
    """A field's value, or fixed words. Too long a value shrinks to `min_size`, then it is refused."""

    field: Name | None = None
    text: str | None = None
    x: Length
    y: Length
    width: Annotated[float, Field(gt=0, le=300)]
    size: Annotated[float, Field(ge=3.5, le=72)]
    min_size: Annotated[float, Field(ge=3.5, le=72)] | None = None
    lines: Annotated[int, Field(ge=1, le=6)] = 1
    face: Face = "text"
    bold: bool = False
    align: Literal["left", "centre", "right"] = "left"
    prefix: str = ""
    suffix: str = ""
    optional: bool = False
    boxed: bool = False
    inverse: bool = False

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "TextBlock":
        if (self.field is None) == (self.text is None):
            raise ValueError("give either field or text")
        if self.smallest > self.size:
            raise ValueError("min_size is larger than size")
        if self.face == "code" and self.smallest < _SMALLEST_CODE_PT:
            raise ValueError(f"the face code needs {_SMALLEST_CODE_PT} pt; use the face text for smaller type")
        fixed = self.prefix + self.suffix + (self.text or "")
        if missing := unprintable(fixed, self.face, self.bold):
            raise ValueError(f"the font cannot show {', '.join(missing)}")
        return self

    @property
    def smallest(self) -> float:
        return self.size if self.min_size is None else self.min_size

    @property
    def title(self) -> str:
        return f"field {self.field}" if self.field else f"text {self.text!r}"

    @property
    def padding(self) -> float:
        return PADDING_MM if self.boxed or self.inverse else 0.0

    @property
    def box(self) -> Rectangle:
        return self.box_of(self.size, self.lines)

    def box_of(self, size: float, lines: int) -> Rectangle:
        """The place taken at this type size by so many lines, frame included."""
        point = size * POINT_MM
        descent = FRAMED_DESCENT if self.padding else DESCENT
        bottom = self.y + ((lines - 1) * LEADING + descent) * point + self.padding
        return Rectangle(self.x, self.y - ASCENT * point - self.padding, self.x + self.width, bottom)


class DataMatrixBlock(_Part):
    """A square symbol of at most `modules` × `modules`; a smaller one stands in the middle of that square."""

    kind: Literal["datamatrix"]
    field: Name
    x: Length
    y: Length
    module: Annotated[float, Field(ge=0.25, le=1)]
    modules: Annotated[int, Field(ge=10, le=52)]
    quiet_modules: Annotated[int, Field(ge=1, le=4)] = 1

    @property
    def title(self) -> str:
        return f"symbol {self.field}"

    @property
    def box(self) -> Rectangle:
        quiet, side = self.quiet_modules * self.module, self.modules * self.module
        return Rectangle(self.x - quiet, self.y - quiet, self.x + side + quiet, self.y + side + quiet)


class Code128Block(_Part):
    """Bars of at most `modules` modules; the quiet zones of ten modules come on both sides."""

    kind: Literal["code128"]
    field: Name
    x: Length
    y: Length
    module: Annotated[float, Field(ge=0.17, le=1)]
    modules: Annotated[int, Field(ge=46, le=700)]
    height: Annotated[float, Field(ge=5, le=50)]
    quiet_modules: Annotated[int, Field(ge=10, le=20)] = 10

    @model_validator(mode="after")
    def _is_high_enough(self) -> "Code128Block":
        if self.height < 0.15 * self.modules * self.module:
            raise ValueError("bars must be at least 15 % of their length high")
        return self

    @property
    def title(self) -> str:
        return f"symbol {self.field}"

    @property
    def box(self) -> Rectangle:
        quiet = self.quiet_modules * self.module
        right = self.x + self.modules * self.module + quiet
        return Rectangle(self.x - quiet, self.y, right, self.y + self.height)


SymbolBlock = Annotated[DataMatrixBlock | Code128Block, Field(discriminator="kind")]


class Rule(_Part):
    """A black bar or line."""

    x: Length
    y: Length
    width: Annotated[float, Field(gt=0, le=300)]
    height: Annotated[float, Field(gt=0, le=300)]

    @property
    def title(self) -> str:
        return f"rule at {self.x:g}, {self.y:g}"

    @property
    def box(self) -> Rectangle:
        return Rectangle(self.x, self.y, self.x + self.width, self.y + self.height)


class Panels(_Part):
    """The whole design repeated `count` times, `pitch` apart: around a wristband."""

    count: Annotated[int, Field(ge=1, le=20)] = 1
    pitch: Length = 0


class Template(_Part):
    """One label. `digest` is the sha256 of the file, which says later by what a label was printed."""

    name: Name
    title: str
    version: Annotated[int, Field(ge=1)]
    width: Annotated[float, Field(ge=5, le=300)]
    height: Annotated[float, Field(ge=5, le=300)]
    margin: Annotated[float, Field(ge=0.3, le=10)]
    shape: Literal["rectangle", "circle"] = "rectangle"
    panels: Panels = Panels()
    texts: tuple[TextBlock, ...]
    symbols: Annotated[tuple[SymbolBlock, ...], Field(min_length=1)]
    rules: tuple[Rule, ...] = ()
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @property
    def required_fields(self) -> frozenset[str]:
        shown = {text.field for text in self.texts if text.field and not text.optional}
        return frozenset(shown | {symbol.field for symbol in self.symbols}) - {REPRINT}

    @property
    def optional_fields(self) -> frozenset[str]:
        shown = {text.field for text in self.texts if text.field and text.optional}
        return frozenset(shown) - self.required_fields - {REPRINT}


def fields(template: Template) -> frozenset[str]:
    """The fields that every row for this label must have; `template.optional_fields` may be left out."""
    return template.required_fields


def load_templates() -> dict[str, Template]:
    """The templates that come with the package, by name; LabelProblem lists what is wrong in any of them."""
    return dict(_packaged_templates())


@lru_cache(maxsize=1)
def _packaged_templates() -> dict[str, Template]:
    return read_templates(shipped.folder("label_templates"))


def read_templates(folder: Path) -> dict[str, Template]:
    """The templates of a folder, each named like its file; LabelProblem lists the problems of all files."""
    templates, problems = {}, []
    for file in sorted(folder.glob("*.toml")):
        try:
            template = parse_template(file.read_bytes())
        except LabelProblem as problem:
            problems += [f"{file.name}: {line}" for line in problem.problems]
            continue
        if file.name != f"{template.name}.toml":
            problems.append(f"{file.name}: its name is {template.name}; a file is named like its template.")
        templates[template.name] = template
    if problems:
        raise LabelProblem(problems)
    return templates


def parse_template(source: bytes) -> Template:
    """The template in a TOML file; LabelProblem lists what is wrong with it."""
    try:
        given = tomllib.loads(source.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LabelProblem([f"This is not TOML: {error}."]) from error
    try:
        template = Template.model_validate({**given, "digest": hashlib.sha256(source).hexdigest()})
    except ValidationError as error:
        raise LabelProblem([_sentence(entry["loc"], entry["msg"]) for entry in error.errors()]) from error
    if problems := _layout_problems(template):
        raise LabelProblem(problems)
    return template


def _sentence(place: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(str(step) for step in place)}: {message}."


def _layout_problems(template: Template) -> list[str]:
    parts = [*template.symbols, *template.texts, *template.rules]
    problems = [
        f"{part.title} leaves the printable area: {_corners(part.box)}."
        for part in parts
        if not _fits(template, part.box)
    ]
    problems += [
        f"{one.title} and {other.title} overlap: {_corners(one.box)} and {_corners(other.box)}."
        for one, other in combinations(parts, 2)
        if one.box.overlaps(other.box)
    ]
    if not any(text.field == REPRINT and text.optional for text in template.texts):
        problems.append("There is no optional text for the field reprint: a second print must show that it is one.")
    return problems


def _corners(box: Rectangle) -> str:
    return f"{box.left:.2f}, {box.top:.2f} to {box.right:.2f}, {box.bottom:.2f} mm"


def _fits(template: Template, box: Rectangle) -> bool:
    last = box.right + (template.panels.count - 1) * template.panels.pitch
    if template.shape == "circle":
        radius = template.width / 2
        reach = radius - template.margin + _TOUCHING_MM
        corners = [(x - radius, y - radius) for x in (box.left, last) for y in (box.top, box.bottom)]
        return all(x * x + y * y <= reach * reach for x, y in corners)
    least = template.margin - _TOUCHING_MM
    inside = box.left >= least and box.top >= least
    return inside and last <= template.width - least and box.bottom <= template.height - least

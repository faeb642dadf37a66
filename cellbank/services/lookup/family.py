"""The picture of a family as a layout: a column for each kind from donor to subject, a box for each record, a curve
from each parent. Pages draw it as SVG, documents as PDF.

Vials of one lot in one state are one box, for a lot has hundreds of them.
"""

from dataclasses import dataclass, field

from cellbank.services.lookup.tracing import AWAY, Node, Trace

COLUMNS = ("donor", "donation", "reagent_lot", "culture", "lot", "vial", "dose", "subject")
MOST = 60  # boxes in a column; lists beside the picture have all
Curve = tuple[float, float, float, float, float, float, float, float]
"""A Bézier curve: start, two control points, end; y downwards."""


@dataclass(frozen=True)
class Measures:
    """Size of a box and of the gaps around it, in the unit of whoever draws."""

    width: float = 168
    height: float = 46
    gap_x: float = 34
    gap_y: float = 12
    margin: float = 6


@dataclass(frozen=True)
class FamilyBox:
    """One box: a record, or `count` vials that are alike; `code` is that of a record that can be opened."""

    kind: str
    title: str
    state: str
    code: str | None
    count: int
    is_start: bool
    x: float
    y: float


@dataclass(frozen=True)
class Layout:
    """Boxes and curves; `hidden` boxes did not fit."""

    width: float
    height: float
    boxes: tuple[FamilyBox, ...]
    curves: tuple[Curve, ...]
    hidden: int


@dataclass
class _Group:
    node: Node
    is_start: bool
    count: int = 1
    x: float = 0
    y: float = 0
    row: int = 0
    parents: list["_Group"] = field(default_factory=list)

    def box(self) -> FamilyBox:
        joined = self.count > 1
        title = f"{self.count} vials" if joined else self.node.title
        code = None if joined or self.node.state == AWAY else self.node.code
        return FamilyBox(self.node.kind, title, self.node.state, code, self.count, self.is_start, self.x, self.y)


def lay_out(trace: Trace, measures: Measures | None = None) -> Layout:
    """Lay out a family from left to right."""
    size = measures or Measures()
    groups = _groups(trace)
    columns = [found for kind in COLUMNS if (found := [group for group in groups if group.node.kind == kind])]
    shown = [column[:MOST] for column in columns]
    for place, column in enumerate(shown):
        for row, group in enumerate(column):
            group.x = size.margin + place * (size.width + size.gap_x)
            group.y = size.margin + row * (size.height + size.gap_y)
            group.row = row
    visible = {id(group) for column in shown for group in column}
    curves = tuple(
        _curve(parent, group, size)
        for column in shown
        for group in column
        for parent in group.parents
        if id(parent) in visible
    )
    tallest = max(map(len, shown))
    return Layout(
        2 * size.margin + len(shown) * (size.width + size.gap_x) - size.gap_x,
        2 * size.margin + tallest * (size.height + size.gap_y) - size.gap_y,
        tuple(group.box() for column in shown for group in column),
        curves,
        sum(len(column) - len(kept) for column, kept in zip(columns, shown, strict=True)),
    )


def _groups(trace: Trace) -> list[_Group]:
    """The boxes; vials with the same lot, state and dose share one, and so do the lines to and from them."""
    nodes = {node.code: node for node in (*trace.up, trace.start, *trace.down)}
    dose_of = {parent: node.code for node in nodes.values() if node.kind == "dose" for parent in node.parents}
    owner: dict[str, _Group] = {}
    joined: dict[tuple[object, ...], _Group] = {}
    for node in nodes.values():
        is_start = node.code == trace.start.code
        alone = node.kind != "vial" or is_start
        key = (node.code,) if alone else (node.parents, node.state, dose_of.get(node.code))
        if key in joined:
            joined[key].count += 1
        else:
            joined[key] = _Group(node, is_start)
        owner[node.code] = joined[key]
    for node in nodes.values():
        for parent in node.parents:
            if parent in owner and owner[parent] not in owner[node.code].parents:
                owner[node.code].parents.append(owner[parent])
    return list(joined.values())


def _curve(parent: _Group, child: _Group, size: Measures) -> Curve:
    """From the parent's right side to the child's left; below each other in one column, and back to an earlier one,
    from bottom to top."""
    if child.x > parent.x:
        x1, y1, x2, y2 = parent.x + size.width, parent.y + size.height / 2, child.x, child.y + size.height / 2
        middle = (x1 + x2) / 2
        return (x1, y1, middle, y1, middle, y2, x2, y2)
    if child.x < parent.x:  # a culture from a bank vial
        x1, y1, x2, y2 = parent.x, parent.y + size.height / 2, child.x + size.width, child.y + size.height / 2
        middle = (x1 + x2) / 2
        return (x1, y1, middle, y1, middle, y2, x2, y2)
    edge = parent.x + size.width / 6
    top, bottom = parent.y + size.height, child.y
    if child.row == parent.row + 1:
        return (edge, top, edge, top, edge, bottom, edge, bottom)
    out = parent.x - size.gap_x * 0.6  # around the boxes between the two
    left, y1, y2 = parent.x, parent.y + size.height / 2, child.y + size.height / 2
    return (left, y1, out, y1, out, y2, left, y2)

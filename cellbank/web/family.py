"""The picture of a family: a column for each kind from donor to subject, a box for each record, a line to each parent.

Vials of one lot in one state are drawn as one box, for a lot has hundreds of them.
"""

from dataclasses import dataclass

from cellbank.services.tracing import Node, Trace
from cellbank.web.words import face

COLUMNS = ("donor", "donation", "culture", "lot", "vial", "dose", "subject")
WIDTH, HEIGHT, GAP_X, GAP_Y = 146, 46, 26, 12
MOST = 60  # boxes in a column; the lists below the picture have all


@dataclass(frozen=True)
class Box:
    """One box of the picture."""

    key: str
    title: str
    word: str
    tone: str
    link: str | None
    is_start: bool
    x: int
    y: int


@dataclass(frozen=True)
class Drawing:
    """The picture: boxes, and curves between them as SVG paths."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[str, ...]
    hidden: int


@dataclass
class _Group:
    key: str
    title: str
    state: str
    link: str | None
    is_start: bool
    parents: set[str]
    count: int = 1


def drawing_of(trace: Trace) -> Drawing:
    """Lay out the family from left to right."""
    groups, owner = _groups(trace)
    columns = [[group for group in groups[kind]] for kind in COLUMNS if groups[kind]]
    hidden = sum(max(0, len(column) - MOST) for column in columns)
    places: dict[str, tuple[int, int]] = {}
    boxes = []
    for place, column in enumerate(columns):
        for row, group in enumerate(column[:MOST]):
            x, y = 6 + place * (WIDTH + GAP_X), 6 + row * (HEIGHT + GAP_Y)
            places[group.key] = (x, y)
            shown = face(group.state)
            word = f"{group.count} × {shown.word}" if group.count > 1 else shown.word
            boxes.append(Box(group.key, group.title, word, shown.tone, group.link, group.is_start, x, y))
    lines = tuple(
        _curve(places[parent], places[group.key])
        for column in columns
        for group in column[:MOST]
        for parent in sorted({owner.get(code, code) for code in group.parents})
        if parent in places and parent != group.key and group.key in places
    )
    tallest = max((len(column[:MOST]) for column in columns), default=1)
    return Drawing(
        12 + len(columns) * (WIDTH + GAP_X) - GAP_X,
        12 + tallest * (HEIGHT + GAP_Y) - GAP_Y,
        tuple(boxes),
        lines,
        hidden,
    )


def _groups(trace: Trace) -> tuple[dict[str, list[_Group]], dict[str, str]]:
    """Boxes by kind; `owner` gives the box in which a record stands. Vials with the same lot, state and dose join."""
    nodes = {node.code: node for node in (*trace.up, trace.start, *trace.down)}
    groups: dict[str, list[_Group]] = {kind: [] for kind in COLUMNS}
    owner: dict[str, str] = {}
    joined: dict[tuple, _Group] = {}
    doses_of = _doses_of(nodes)
    for node in nodes.values():
        is_start = node.code == trace.start.code
        key = (
            ("vial", node.parents, node.state, doses_of.get(node.code))
            if node.kind == "vial" and not is_start
            else None
        )
        if key in joined and key is not None:
            joined[key].count += 1
            owner[node.code] = joined[key].key
            continue
        group = _Group(node.code, node.title, node.state, node.code, is_start, set(node.parents))
        groups.setdefault(node.kind, []).append(group)
        owner[node.code] = node.code
        if key is not None:
            joined[key] = group
    for group in joined.values():
        if group.count > 1:
            group.title, group.link = f"{group.count} vials", None
    return groups, owner


def _doses_of(nodes: dict[str, Node]) -> dict[str, str]:
    """The dose of each vial that is a parent of one."""
    return {parent: node.code for node in nodes.values() if node.kind == "dose" for parent in node.parents}


def _curve(parent: tuple[int, int], child: tuple[int, int]) -> str:
    x1, y1 = parent[0] + WIDTH, parent[1] + HEIGHT // 2
    x2, y2 = child[0], child[1] + HEIGHT // 2
    if x2 <= x1:  # a culture from a culture: within one column
        x1, x2 = parent[0] + 20, child[0] + 20
        return f"M{x1} {parent[1] + HEIGHT}L{x2} {child[1]}"
    middle = (x1 + x2) // 2
    return f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"

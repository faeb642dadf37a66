"""The layout of a family: columns by kind, alike vials in one box, a curve for each edge."""

from cellbank.services.lookup.family import MOST, Measures, lay_out
from cellbank.services.lookup.tracing import Node, Trace

SIZE = Measures(width=10, height=4, gap_x=2, gap_y=1, margin=0)


def family(vials: int = 4) -> Trace:
    """A donation, P0 and P1, a bank whose first vial became P0 of another lot, and a dose of that lot."""
    bank = [Node("vial", f"B{n}", f"Vial {n}", "CULTURED" if n == 1 else "IN_STOCK", ("L1",)) for n in range(1, 4)]
    lot = [Node("vial", f"V{n}", f"Vial {n}", "INFUSED" if n < 3 else "IN_STOCK", ("L2",)) for n in range(1, vials + 1)]
    line = (
        Node("culture", "C0", "Culture P0", "FINISHED", ("N",)),
        Node("culture", "C1", "Culture P1", "FINISHED", ("C0",)), Node("lot", "L1", "Bank", "RELEASED", ("C1",)), *bank,
        Node("culture", "C2", "Culture P2", "FINISHED", ("B1",)),
        Node("culture", "C3", "Sister", "DISCARDED", ("C0",)), Node("lot", "L2", "Lot", "RELEASED", ("C2",)), *lot,
        Node("dose", "D", "Infusion 1", "INFUSED", ("V1", "V2")),
    )  # fmt: skip
    return Trace(Node("donation", "N", "Cord", "ACCEPTED", ()), (), line)


def test_each_kind_has_a_column_and_alike_vials_one_box() -> None:
    boxes = lay_out(family(), SIZE).boxes
    assert [(box.kind, box.title, box.count) for box in boxes if box.kind == "vial"] == [
        ("vial", "Vial 1", 1),
        ("vial", "2 vials", 2),
        ("vial", "2 vials", 2),
        ("vial", "2 vials", 2),
    ]
    assert {box.kind: box.x for box in boxes} == {"donation": 0, "culture": 12, "lot": 24, "vial": 36, "dose": 48}
    assert [box.code for box in boxes if box.count > 1] == [None] * 3 and [box.is_start for box in boxes].count(
        True
    ) == 1


def test_every_edge_is_one_curve_whichever_way_it_goes() -> None:
    layout = lay_out(family(), SIZE)
    places = {box.title: box for box in layout.boxes}
    ends = {(curve[:2], curve[6:]) for curve in layout.curves}
    assert len(layout.curves) == len(ends) == 11
    bank_vial, started = places["Vial 1"], places["Culture P2"]
    back = ((bank_vial.x, bank_vial.y + 2), (started.x + SIZE.width, started.y + 2))
    assert back in ends, "from a bank vial back to the culture that it became"
    first, sister = places["Culture P0"], places["Sister"]
    assert ((first.x, first.y + 2), (sister.x, sister.y + 2)) in ends, "around the boxes between"


def test_no_two_boxes_overlap_and_all_stand_inside() -> None:
    layout = lay_out(family(), SIZE)
    assert len({(box.x, box.y) for box in layout.boxes}) == len(layout.boxes)
    assert max(box.x for box in layout.boxes) + SIZE.width == layout.width
    assert max(box.y for box in layout.boxes) + SIZE.height == layout.height


def test_what_does_not_fit_is_counted() -> None:
    doses = tuple(Node("dose", f"D{n}", "Infusion", "ORDERED", ("N",)) for n in range(MOST + 5))
    layout = lay_out(Trace(Node("donation", "N", "Cord", "ACCEPTED", ()), (), doses), SIZE)
    assert (layout.hidden, len(layout.boxes), len(layout.curves)) == (5, MOST + 1, MOST)

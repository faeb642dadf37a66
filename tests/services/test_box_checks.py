"""A box compared with the book: after a spill, by a rack scanner's picture, in a count by two people."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from cellbank.services.acts import Malformed
from tests.factories.doses import ordered_dose
from tests.factories.lots import FrozenLot, box, frozen_lot, stored_lot
from tests.factories.world import World

WHY = "Fell out of the box, picked up"


def standing(world: World, home: str) -> dict[int, str]:
    """What the book has in a box."""
    statement = text(
        "SELECT p.position, v.code FROM placement p JOIN vial v ON v.id = p.vial_id JOIN storage_unit u "
        "ON u.id = p.box_id WHERE u.code = :box AND p.taken_at IS NULL"
    )
    with Session(world.installation.reads) as session:
        return dict(session.execute(statement, {"box": home}).all())


def state(world: World, vial: str) -> str:
    with Session(world.installation.reads) as session:
        return session.scalar(text("SELECT state FROM vial WHERE code = :code"), {"code": vial})


def findings(result: dict[str, Any]) -> dict[str, str]:
    return {one["key"]: one["finding"] for one in result["differences"]}


def stood(world: World, vials: int = 4) -> FrozenLot:
    return stored_lot(world, vials=vials)


def test_a_box_as_the_book_has_it_needs_no_reason(world: World) -> None:
    lot = stood(world)
    done = world.do("tina", "rescan_box", box=lot.box, vials=list(lot.vials))
    assert done["differences"] == [] and standing(world, lot.box) == dict(enumerate(lot.vials, start=1))


def test_nothing_is_written_until_each_difference_has_its_reason(world: World) -> None:
    lot = stood(world)
    a, b, c, d = lot.vials
    given = {"box": lot.box, "vials": [b, a, c], "positions": ["A1", "A2", "B5"], "unreadable": []}
    outcome = world.try_act("tina", "rescan_box", **given)
    assert {refusal.code.value for refusal in outcome.refusals} == {"REASON_NEEDED"} and len(outcome.refusals) == 4
    assert standing(world, lot.box) == dict(enumerate(lot.vials, start=1))
    checked = world.try_act("tina", "rescan_box", dry_run=True, reasons=dict.fromkeys(lot.vials, WHY), **given)
    assert findings(checked.result) == {b: "moved", a: "moved", c: "moved", d: "missing"}
    world.do("tina", "rescan_box", reasons=dict.fromkeys(lot.vials, WHY), **given)
    assert standing(world, lot.box) == {1: b, 2: a, 14: c}
    assert state(world, d) == "MISSING"


def test_what_is_missing_is_found_again_elsewhere_and_counts_as_warmed(world: World) -> None:
    lot, other = stood(world, 2), box(world)
    lost = lot.vials[1]
    world.do("tina", "rescan_box", box=lot.box, vials=[lot.vials[0]], reasons={lost: WHY})
    found = world.do("tina", "rescan_box", box=other, vials=[lost], reasons={lost: "Stood in the wrong box"})
    assert findings(found) == {lost: "extra"}
    assert state(world, lost) == "IN_STOCK" and standing(world, other) == {1: lost}


def test_a_vial_that_waits_for_its_place_is_put_in_stock_where_it_is_found(world: World) -> None:
    vial, home = frozen_lot(world, vials=1).vials[0], box(world)
    world.do("tina", "rescan_box", box=home, vials=[vial], reasons={vial: "Put away and not scanned"})
    assert state(world, vial) == "IN_STOCK"


def test_a_reserved_vial_that_is_missing_is_kept_for_nobody(world: World) -> None:
    dose = ordered_dose(world).code
    with Session(world.installation.reads) as session:
        row = session.execute(
            text(
                "SELECT v.code, u.code FROM vial v JOIN dose d ON d.id = v.dose_id JOIN placement p "
                "ON p.vial_id = v.id AND p.taken_at IS NULL JOIN storage_unit u ON u.id = p.box_id "
                "WHERE d.code = :dose LIMIT 1"
            ),
            {"dose": dose},
        ).one()
    left = {place: code for place, code in standing(world, row[1]).items() if code != row[0]}
    columns = 9
    positions = [f"{chr(65 + (place - 1) // columns)}{(place - 1) % columns + 1}" for place in left]
    world.do("tina", "rescan_box", box=row[1], vials=list(left.values()), positions=positions, reasons={row[0]: WHY})
    assert state(world, row[0]) == "MISSING"


def test_what_cannot_be_read_stays_as_the_book_has_it(world: World) -> None:
    lot = stood(world, 2)
    given = {"box": lot.box, "vials": [lot.vials[1]], "positions": ["A2"], "unreadable": ["A1"]}
    assert world.codes("tina", "rescan_box", **given) == ["REASON_NEEDED"]
    world.do("tina", "rescan_box", reasons={"A1": "Frost on the code, read by eye"}, **given)
    assert standing(world, lot.box) == dict(enumerate(lot.vials, start=1))


def test_a_reason_for_what_does_not_differ_is_refused(world: World) -> None:
    lot = stood(world, 1)
    given = {"box": lot.box, "vials": list(lot.vials), "reasons": {lot.vials[0]: WHY}}
    assert world.codes("tina", "rescan_box", **given) == ["CHANGED_MEANWHILE"]


# --- the picture of a rack scanner ------------------------------------------------------------


def test_the_picture_of_a_whole_box_is_compared(world: World) -> None:
    lot = stood(world, 3)
    a, b, c = lot.vials
    stranger = a[:13] + "999999"
    picture = f"\ufeffPosition;Code\nA01;{b}\nA02;{a}\nA03;NOREAD\nB01;{stranger}\nB02;NOTUBE\n"
    reasons = dict.fromkeys((a, b, "A3", stranger), WHY)
    done = world.do("tina", "reconcile_rack", box=lot.box, picture=picture, reasons=reasons)
    assert findings(done) == {b: "moved", a: "moved", "A3": "unreadable", stranger: "foreign"}
    assert standing(world, lot.box) == {1: b, 2: a, 3: c}


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        ("A1,A999926000001000001\nA01,A999926000001000002", "position A1 comes twice"),
        ("A1,A999926000001000001\nA2,A999926000001000001", "vial A999926000001000001 comes twice"),
        ("A1,А999926000001000001", "line 1"),  # a Cyrillic А
        ("A1,ST0001C", "line 1"),
        ("nonsense", "no line with a position"),
        ("A1,NOREAD\nfoo,bar", "line 2 is not a position"),
    ],
)
def test_a_picture_that_cannot_be_is_malformed(world: World, picture: str, words: str) -> None:
    with pytest.raises(Malformed) as malformed:
        world.do("tina", "reconcile_rack", box=box(world), picture=picture)
    assert words in malformed.value.problems[0].message


def test_a_position_that_the_box_does_not_have_is_refused(world: World) -> None:
    given = {"box": box(world, rows=2, columns=2), "picture": "C1,A999926000001000001"}
    assert world.codes("tina", "reconcile_rack", **given) == ["POSITION_UNKNOWN"]


# --- counting ---------------------------------------------------------------------------------


def test_two_people_count_and_the_book_is_corrected(world: World) -> None:
    lot = stood(world, 3)
    a, b, c = lot.vials
    count = world.do("tina", "count_box", box=lot.box, vials=[a, b])["code"]
    assert world.codes("tina", "count_again", box=lot.box, vials=[a, b]) == ["SAME_PERSON"]
    assert world.codes("taras", "count_box", box=lot.box, vials=[a, b]) == ["ALREADY_EXISTS"]
    world.do("taras", "count_again", box=lot.box, vials=[a, b])
    assert standing(world, lot.box)[3] == c
    assert world.codes("tina", "close_count", count=count) == ["REASON_NEEDED"]
    world.do("quinn", "close_count", count=count, reasons={c: "Not in the box, searched twice"})
    assert state(world, c) == "MISSING" and standing(world, lot.box) == {1: a, 2: b}


def test_two_counts_that_differ_wait_until_somebody_has_looked_again(world: World) -> None:
    lot = stood(world, 2)
    a, b = lot.vials
    count = world.do("tina", "count_box", box=lot.box, vials=[a])["code"]
    assert world.codes("tina", "close_count", count=count)[0] == "WRONG_STATE"
    world.do("taras", "count_again", box=lot.box, vials=[a, b])
    (refusal,) = world.try_act("quinn", "close_count", count=count).refusals
    assert refusal.code == "REASON_NEEDED" and "differ at A2" in refusal.detail
    world.do("quinn", "close_count", count=count, trusted="second")
    assert standing(world, lot.box) == {1: a, 2: b}


def test_no_count_is_open(world: World) -> None:
    assert world.codes("tina", "count_again", box=box(world), vials=[]) == ["NOT_FOUND"]

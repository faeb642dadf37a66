"""What a page says is next: that nothing is to be done it says only where nothing is."""

import pytest

from tests.factories.production import growing_culture
from tests.factories.quality import passed_lot, released_lot
from tests.factories.world import World

NOTHING = "Nothing is to be done with it now."


@pytest.mark.requirement("R5")
def test_what_waits_for_somebody_else_is_said_with_whose_it_is(regular, world: World) -> None:
    hold = world.do("quinn", "hold_lot", lot=released_lot(world, vials=2).code, reason="A question is open")["code"]
    page = regular("tina").get(f"/record/{hold}").text
    assert "Next: Lift a hold" in page and "Quality officer" in page and NOTHING not in page
    page = regular("quinn").get(f"/record/{hold}").text
    assert "Next: " not in page and NOTHING not in page


@pytest.mark.requirement("R5")
def test_that_nothing_is_to_be_done_is_said_only_where_nothing_is(regular, world: World) -> None:
    culture = growing_culture(world)
    assert NOTHING not in regular("tina").get(f"/record/{culture}").text
    hold = world.do("quinn", "hold_lot", lot=released_lot(world, vials=2).code, reason="A question is open")["code"]
    world.do("oksana", "lift_hold", hold=hold, reason="The question is answered")
    page = regular("tina").get(f"/record/{hold}").text
    assert NOTHING in page and "Next: " not in page


def test_a_lot_whose_release_stands_on_its_board_is_not_done_with(regular, world: World) -> None:
    """The release is signed from the board, and not from the next acts."""
    page = regular("oksana").get(f"/record/{passed_lot(world, vials=2).code}").text
    assert NOTHING not in page

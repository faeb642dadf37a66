"""The release board by exception, and what a stop would touch, as a quality officer's browser gets them."""

import pytest

from cellbank.services.lookup.work import lots_in_quarantine
from tests.factories.lots import stored_lot
from tests.factories.quality import enter, pass_all_tests, passed_lot, released_lot, review
from tests.factories.world import World


@pytest.fixture(scope="module")
def ready(world: World) -> str:
    return passed_lot(world, vials=3).code


def release_link(lot: str) -> str:
    return f"/act/release_lot?lot={lot}"


def test_a_green_board_offers_the_release_to_whoever_may_sign(regular, ready: str) -> None:
    page = regular("oksana").get(f"/record/{ready}").text
    assert "Every criterion is green." in page and "You did not work on the lot: you may sign." in page
    assert page.count(release_link(ready)) == 1
    assert page.index("release-board") < page.index("What next")


@pytest.mark.requirement("R4")
def test_it_offers_the_release_to_nobody_else(world: World, regular, ready: str) -> None:
    assert release_link(ready) not in regular("tina").get(f"/record/{ready}").text
    own = stored_lot(world, vials=3).code
    pass_all_tests(world, own, leave_out=("KARYOTYPE",))
    review(world, own, enter(world, own, "KARYOTYPE", who="oksana"))
    page = regular("oksana").get(f"/record/{own}").text
    assert "You worked on this lot or tested it" in page and release_link(own) not in page


def test_a_red_board_shows_what_is_red_first_with_its_way_out(world: World, regular) -> None:
    lot = stored_lot(world, vials=3).code
    pass_all_tests(world, lot, leave_out=("KARYOTYPE",))
    page = regular("oksana").get(f"/record/{lot}").text
    assert "Not releasable: one criterion is red." in page and release_link(lot) not in page
    assert f"/act/enter_result?lot={lot}&amp;test=KARYOTYPE" in page
    red, green = page.index("criterion-stop"), page.index("criterion-good")
    assert red < page.index("criteria are green") < green


def test_the_home_page_says_what_to_do_next(world: World, regular, ready: str) -> None:
    page = regular("oksana").get("/").text
    waiting = lots_in_quarantine(world.installation)
    assert ready in waiting and all(f"/record/{lot}" in page for lot in waiting[:8])
    assert "/act/hold_donor" in page and "/act/recall_lot" in page


@pytest.mark.parametrize("act", ["reject_lot", "recall_lot", "hold_lot"])
def test_a_stop_shows_what_it_would_touch_before_it_is_signed(world: World, regular, act: str) -> None:
    lot = released_lot(world, vials=3).code
    page = regular("oksana").get(f"/act/{act}?lot={lot}").text
    assert "What this would touch" in page and "3 in stock" in page and f"/impact/{lot}" in page
    assert "What this would touch" not in regular("oksana").get(f"/act/{act}").text


def test_the_whole_list_is_a_page_of_its_own(world: World, regular) -> None:
    lot = released_lot(world, vials=3)
    oksana = regular("oksana")
    page = oksana.get(f"/impact/{lot.code}").text
    assert all(vial in page for vial in lot.vials) and "Rack 1 › Box A › A1" in page
    assert oksana.get(f"/impact/{lot.code}?page=99").status_code == 200
    assert oksana.get("/impact/LT0ZZZZZ").status_code == 404
    assert oksana.get(f"/lots/{lot.code}/recall.csv").mimetype == "text/csv"
    assert oksana.get("/lots/rubbish/recall.csv").status_code == 404

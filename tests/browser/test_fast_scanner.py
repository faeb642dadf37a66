"""A scanner that sends twenty codes a second into the page that fills a box: none lost, none in the wrong position, and
none done twice when the network fails meanwhile."""

from collections import Counter
from collections.abc import Iterator

import pytest

from cellbank.story import PASSWORD
from tests.browser.cold_store import frozen_vials, new_box, standing, take
from tests.browser.scanner import ANSWER_LOST, CUT, SLOW, Desk, scan_fast
from tests.browser.stage import Stage

A_SECOND = 25


@pytest.fixture(scope="module")
def vials(stage: Stage) -> Iterator[str]:
    return frozen_vials(stage, 200)


@pytest.fixture(scope="module")
def desk(stage: Stage, program: str) -> Desk:
    return Desk(program, stage.url, "olena", PASSWORD)


def test_81_codes_at_more_than_twenty_a_second_stand_in_the_order_of_the_scans(
    desk, stage: Stage, vials: Iterator[str]
) -> None:
    box, mine = new_box(stage, 9, 9), take(vials, 81)
    pull = scan_fast(desk, f"/storage/fill/{box}", mine, A_SECOND)
    print(f"{pull.a_second:.1f} codes a second, ready again after {max(pull.waits_ms):.0f} ms at most")
    assert len(pull.waits_ms) == 81
    assert standing(stage, box) == list(enumerate(mine, start=1))


def test_what_the_network_loses_is_sent_again_and_done_once(desk, stage: Stage, vials: Iterator[str]) -> None:
    box, mine = new_box(stage, 9, 9), take(vials, 81)
    troubles = ["", CUT, ANSWER_LOST, CUT, SLOW, ANSWER_LOST]
    pull = scan_fast(desk, f"/storage/fill/{box}", mine, A_SECOND, troubles)
    # A slow server makes fewer, longer requests of the same codes: each kind of trouble was met, not each of them.
    assert set(troubles[: pull.troubles_met]) == set(troubles)
    assert standing(stage, box) == list(enumerate(mine, start=1))
    places = stage.rows(
        "SELECT v.code FROM placement p JOIN vial v ON v.id = p.vial_id WHERE v.code = ANY(:vials)", vials=mine
    )
    assert set(Counter(row["code"] for row in places).values()) == {1}
    assert stage.count("store_vials", outcome="refused") == 0

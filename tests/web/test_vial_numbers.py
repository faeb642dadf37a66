"""A vial is called by one number wherever it is shown: the one that is printed on it."""

import re

import pytest

from tests.factories.doses import DAY, ordered_dose
from tests.factories.lots import fill_started_at, stored_lot
from tests.factories.production import donation
from tests.factories.quality import pass_all_tests
from tests.factories.world import World

EARLIER = 20  # vials of the same donation that were numbered before
CALLED = re.compile(r"(?i)\bvial (\d{1,6})\b|<span>(\d+)</span>")


@pytest.mark.requirement("R5")
def test_every_page_calls_a_vial_by_the_number_on_its_label(regular, world: World) -> None:
    """The second lot of a donation begins at 21: nothing calls its first vial 1."""
    din = donation(world)
    stored_lot(world, "product", EARLIER, donation=din)
    lot = stored_lot(world, "product", 8, donation=din)
    pass_all_tests(world, lot.code)
    world.do("oksana", "release_lot", now=fill_started_at(world, lot.code) + 40 * DAY, lot=lot.code)
    dose = ordered_dose(world, lot=lot)
    printed = {int(vial[13:]) for vial in lot.vials}
    assert printed == set(range(EARLIER + 1, EARLIER + 9))

    pages = [
        f"/record/{lot.box}", f"/record/{lot.vials[0]}", f"/record/{lot.code}", f"/record/{dose.code}",
        f"/storage/pick/{dose.code}", f"/trace/{lot.code}", f"/impact/{lot.code}", f"/record/{lot.vials[0]}/history",
        f"/storage/fill/{lot.box}",
    ]  # fmt: skip
    said: dict[str, set[int]] = {}
    for page in pages:
        found = regular("quinn" if "impact" in page else "tina").get(page)
        if found.status_code == 200:
            said[page] = {int(one or other) for one, other in CALLED.findall(found.text)}
    assert said[f"/record/{lot.box}"] == said[f"/storage/pick/{dose.code}"] | printed == printed
    assert all(numbers <= printed for numbers in said.values()), said
    assert sum(bool(numbers) for numbers in said.values()) >= 4, said

"""The site on the pages: seen where there are several, chosen in the menu, kept by the screen."""

import pytest

from tests.factories.production import donor
from tests.factories.sites import at, second_site


def test_somebody_of_one_site_sees_where_they_are_and_has_nothing_to_choose(signed_in, world) -> None:
    there = second_site(world)
    page = signed_in(there.technician).get("/").text
    assert f"Site {there.code}" in page and 'action="/site"' not in page and "times in Europe/Warsaw" in page


def test_who_works_at_two_sites_goes_on_at_the_other(signed_in, world) -> None:
    there = second_site(world)
    at(world, "taras", there.code)
    browser = signed_in("taras")
    assert f'name="site" value="{there.code}"' in browser.get("/").text
    assert browser.post("/site", {"site": there.code}).headers["Location"] == "/"
    page = browser.get("/").text
    assert f'<span class="visually-hidden">Site:</span> Site {there.code}' in page and "Europe/Warsaw" in page
    made = browser.post("/act/register_donor", {"pseudonym": world.unique("PL"), "birth_year": "1990", "key": "k"})
    assert made.status_code == 303
    refused = browser.post("/act/hold_donor", {"donor": donor(world), "reason": "Not from here", "intent": "check"})
    assert refused.status_code in (403, 409)


def test_a_site_that_is_not_theirs_is_not_chosen(signed_in, world) -> None:
    there = second_site(world)
    browser = signed_in("tina")
    browser.post("/site", {"site": there.code})
    assert f'<span class="visually-hidden">Site:</span> Site {there.code}' not in browser.get("/").text


def test_the_screen_stays_at_its_site_when_it_is_unlocked_and_comes_home_with_the_sign_out(signed_in, world) -> None:
    there = second_site(world)
    at(world, "taras", there.code)
    browser = signed_in("taras")
    browser.post("/site", {"site": there.code})
    browser.get("/")
    browser.post("/lock")
    browser.get("/unlock")
    browser.post("/unlock", {"name": "taras", "password": "correct horse battery"})
    here = f'<span class="visually-hidden">Site:</span> Site {there.code}'
    assert here in browser.get("/").text
    browser.post("/sign-out")
    browser.enter("taras")
    assert here not in browser.get("/").text


@pytest.mark.parametrize(("who", "may_add"), [("ada", True), ("otto", False)])
def test_the_sites_are_listed_for_who_sees_them_all(regular, world, who: str, may_add: bool) -> None:
    there = second_site(world)
    page = regular(who).get("/sites")
    assert page.status_code == 200 and there.code in page.text and there.technician in page.text
    assert ("/act/add_site" in page.text) is may_add


def test_nobody_else_sees_the_list(regular) -> None:
    assert regular("tina").get("/sites").status_code == 404

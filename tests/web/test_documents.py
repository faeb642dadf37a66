"""Documents that a page offers."""

from collections.abc import Callable

from tests.factories.doses import ordered_dose
from tests.factories.world import World
from tests.web.conftest import Browser


def test_the_page_of_a_dose_offers_its_chain_of_identity(world: World, signed_in: Callable[[str], Browser]) -> None:
    dose = ordered_dose(world).code
    browser = signed_in("quinn")
    link = f"/doses/{dose}/chain.pdf"
    assert link in browser.get(f"/record/{dose}").text
    document = browser.get(link)
    assert document.mimetype == "application/pdf" and document.data.startswith(b"%PDF")
    assert browser.get("/doses/CHA999926999999/chain.pdf").status_code == 404

"""Nobody is judged, refused or recorded as another person whose name was only typed: at no page, and by no program."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from cellbank.services import catalogue
from cellbank.services.acts import REGISTRY
from cellbank.services.installation import server_time
from tests.attack.conftest import Browser
from tests.factories.world import World

pytestmark = pytest.mark.requirement("R4")

KEY = "a-key-of-somebody-else"


@pytest.fixture
def acts_of_cyril(world: World) -> Any:
    """How many acts bear the name of a clinician who is not there."""

    def count() -> int:
        of_him = text("SELECT count(*) FROM act WHERE person_id = :id")
        with world.installation.reads.connect() as connection:
            return connection.scalar(of_him, {"id": world.people["cyril"].id})

    return count


@pytest.mark.parametrize("intent", ["check", "do"])
@pytest.mark.parametrize("typed", ["cyril", " CYRIL ", "badge"])
def test_no_page_judges_or_records_as_a_name_that_was_typed(
    signed_in: Any, world: World, acts_of_cyril: Any, intent: str, typed: str
) -> None:
    catalogue.load()
    if typed == "badge":
        with world.installation.reads.connect() as connection:
            typed = connection.scalar(text("SELECT code FROM person WHERE name = 'cyril'"))
    browser: Browser = signed_in("tina")
    browser.get("/")
    before = acts_of_cyril()
    pages = [name for name, registered in REGISTRY.items() if registered.has_page]
    assert len(pages) > 100
    for name in pages:
        answer = browser.post(f"/act/{name}", {"intent": intent, "second.name": typed, "key": KEY})
        assert answer.status_code < 500, name
    for sent in ({"dose_label": "x", "wristband": "y", "read_back": "z"}, {"act": "check_dose", "intent": intent}):
        assert browser.post("/bedside", {**sent, "second.name": typed, "key": KEY}).status_code < 500
    assert acts_of_cyril() == before
    with world.installation.reads.connect() as connection:
        taken = "SELECT count(*) FROM act WHERE person_id = :id AND key LIKE :key"
        given = {"id": world.people["cyril"].id, "key": f"{KEY}%"}
        assert connection.scalar(text(taken), given) == 0


def test_no_program_speaks_for_another(app: Flask, world: World, acts_of_cyril: Any) -> None:
    token = world.do("tina", "create_token", title="a program", now=server_time())["token"]
    client, before = app.test_client(), acts_of_cyril()
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": KEY}
    for second in ({"second.name": "cyril"}, {"second": {"name": "cyril"}}, {"signer": "cyril"}, {"name": "cyril"}):
        for way in ("", "?dry_run=1"):
            answer = client.post(f"/api/acts/order_dose{way}", json={"subject": "SJ0006X", **second}, headers=headers)
            assert 400 <= answer.status_code < 500
    assert acts_of_cyril() == before

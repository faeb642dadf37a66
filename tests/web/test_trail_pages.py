"""The trail on the pages: histories, reviews, near misses, and who may see who a subject is."""

import re

import pytest
from sqlalchemy import create_engine, text

from cellbank.services.installation import Installation, server_time
from cellbank.services.trail.checks import check_whole, keep
from tests.factories.doses import ordered_dose, prepared_dose
from tests.factories.world import World

pytestmark = pytest.mark.requirement("R5")
READERS, OTHERS = ("quinn", "otto"), ("tina", "clara", "ada")
PAGES = ("/trail", "/trail/reviews", "/near-misses", "/near-misses.csv")


@pytest.mark.parametrize("path", PAGES)
def test_quality_and_audit_read_the_trail_and_nobody_else(signed_in, path: str) -> None:
    assert [signed_in(who).get(path).status_code for who in READERS] == [200, 200]
    assert [signed_in(who).get(path).status_code for who in OTHERS] == [403, 403, 403]


def test_a_number_of_near_misses_leads_to_its_acts(signed_in, world: World) -> None:
    dose, strange = ordered_dose(world), ordered_dose(world)
    outcome = world.try_act("tina", "pick_vial", dose=dose.code, box=dose.lot.box, vial=strange.vials[0])
    quinn = signed_in("quinn")
    page = quinn.get("/near-misses?since=2026-03&until=2026-03").text
    link = re.search(r'href="(/trail\?act=pick_vial[^"]*reason=VIAL_OF_ANOTHER_SUBJECT[^"]*)"', page)
    assert link and "Vial of another subject" in page
    assert f"/done/{outcome.act}" in quinn.get(link[1].replace("&amp;", "&")).text
    assert "pick_vial,VIAL_OF_ANOTHER_SUBJECT," in quinn.get("/near-misses.csv?since=2026-03&until=2026-03").text
    assert quinn.get("/near-misses?since=1999-99&until=9999-12").status_code == 200
    assert 'href="/near-misses"' in quinn.get("/").text


def test_identity_is_shown_after_a_click_that_is_an_act(signed_in, world: World, installation: Installation) -> None:
    dose = ordered_dose(world)
    with installation.reads.connect() as connection:
        statement = text("SELECT second_identifier FROM subject WHERE code = :code")
        second = connection.scalar(statement, {"code": dose.subject})
    clara = signed_in("clara")
    for path in (
        f"/record/{dose.subject}",
        f"/record/{dose.subject}/history",
        f"/record/{dose.code}",
        "/list/subjects",
        f"/trace/{dose.subject}",
    ):
        assert second not in clara.get(path).text, path
    assert "Show identity" in clara.get(f"/record/{dose.subject}").text
    shown = clara.post("/act/look_at_identity", {"subject": dose.subject, "intent": "do"})
    assert shown.status_code == 200 and second in shown.text
    assert "Show the identity of a subject" in clara.get(f"/record/{dose.subject}/history").text
    tina = signed_in("tina")
    assert "Show identity" not in tina.get(f"/record/{dose.subject}").text
    assert second not in tina.post("/act/look_at_identity", {"subject": dose.subject, "intent": "do"}).text


def test_a_history_names_columns_in_the_labs_words(signed_in, world: World) -> None:
    dose = prepared_dose(world)
    page = signed_in("quinn").get(f"/record/{dose.code}/history").text
    assert "Volume in the syringe" in page and "Living cells drawn" in page and "Taras Technician" in page
    assert "prepared_by_id" not in page and "final_volume_ml" not in page
    assert signed_in("quinn").get("/record/DR9999/history").status_code == 404
    assert signed_in("quinn").get(f"/record/{dose.code}/history?page=99").status_code == 200


def test_what_is_not_reviewed_leads_to_the_signature(signed_in) -> None:
    quinn = signed_in("quinn")
    page = quinn.get("/trail/reviews").text
    link = re.search(r'href="(/act/review_trail\?first_act=\d+[^"]*)"', page)
    assert link and "Not reviewed since" in page
    assert 'name="first_act"' in quinn.get(link[1].replace("&amp;", "&")).text
    assert "/act/review_trail" not in signed_in("otto").get("/trail/reviews").text
    assert "/trail/reviews" in quinn.get("/").text


def test_sign_ins_do_not_fill_the_auditors_last_acts(signed_in) -> None:
    otto = signed_in("otto")
    assert "Sign in</td>" not in otto.get("/").text.partition("Last acts")[2]
    assert "Sign in</td>" in otto.get("/trail?act=sign_in").text


FOUND = "act 7: the act or its changes (1 are there) are not what was sealed as number 7"


def test_what_a_check_of_the_trail_found_is_told_on_the_home_page(signed_in, installation: Installation) -> None:
    """By name to those who answer for it, until a check of the whole finds nothing."""
    assert check_whole(installation) == [] and check_whole(installation) is None
    pages = {who: signed_in(who).get("/").text for who in ("ada", "otto", "quinn", "tina")}
    assert {who for who, page in pages.items() if "and is sound" in page} == {"ada", "otto", "quinn"}
    with installation.engine.begin() as connection:
        keep(installation, connection, server_time(), [FOUND], whole=False, acts=1)
    pages = {who: signed_in(who).get("/").text for who in ("ada", "otto", "quinn", "tina")}
    assert {who for who, page in pages.items() if "The trail is not sound" in page} == {"ada", "otto", "quinn"}
    assert all(FOUND in page and "and is sound" not in page for who, page in pages.items() if who != "tina")
    assert check_whole(installation, even_if_not_due=True) == []
    assert "The trail is not sound" not in signed_in("ada").get("/").text


def test_a_rule_of_the_database_that_is_off_is_told_on_the_home_page(
    signed_in, installation: Installation, databases: tuple[str, str], monkeypatch
) -> None:
    """To everybody that it is so; by name to those who can do something about it."""
    monkeypatch.setattr("cellbank.services.schema.LOOK_AGAIN", 0.0)
    engine = create_engine(databases[0], isolation_level="AUTOCOMMIT")
    with engine.connect() as owner:
        owner.execute(text("ALTER TABLE vial DISABLE TRIGGER trail_change"))
        pages = {who: signed_in(who).get("/").text for who in ("ada", "otto", "quinn", "tina")}
        owner.execute(text("ALTER TABLE vial ENABLE TRIGGER trail_change"))
    engine.dispose()
    assert all("rules of the database are not those of this version" in page for page in pages.values())
    named = {who for who, page in pages.items() if "trigger vial.trail_change" in page}
    assert named == {"ada", "otto", "quinn"}
    assert "rules of the database" not in signed_in("tina").get("/").text

"""The first signature of a session, the statement before it, and the second factor, on the pages."""

import dataclasses
import datetime
import re

import pyotp
import pytest
from sqlalchemy import text

from cellbank import create_app
from cellbank.domain import agreement
from cellbank.domain.lifecycle.roles import Role
from cellbank.services.installation import server_time
from cellbank.web import session as web_session
from tests.factories.clinic import enrolled_subject
from tests.factories.doses import (
    product_lot,
    weighed,
    weighed_subject,
)
from tests.factories.people import handed, newcomer, to_sign, train
from tests.factories.production import donor as a_donor
from tests.factories.production import eligible_donor
from tests.factories.world import PASSWORD, World
from tests.web.conftest import Browser

ACT = "/act/decide_reagent"


@pytest.fixture(scope="module")
def strict_app(world: World):
    """The pages of a site where quality officers have a second factor."""
    config = dataclasses.replace(world.installation.config, second_factor_roles=frozenset({Role.QUALITY_OFFICER}))
    return create_app(dataclasses.replace(world.installation, config=config))


def sign(browser: Browser, world: World, **given: str):
    """Post the signature of a decision; returns the answer. The page before it has the token that it sends, and shows
    what is signed."""
    form = to_sign(world)
    browser.get(ACT, query_string={"reagent": form["reagent"]})
    return browser.post(ACT, {**form, "intent": "do", **given})


def asks_for_the_name(browser: Browser) -> bool:
    page = browser.get(ACT).text
    field = re.search(r'<input[^>]*name="signer"[^>]*>', page)
    assert field is None or "value=" not in field[0]
    return field is not None


@pytest.mark.requirement("R13")
def test_the_first_signature_asks_for_both_and_the_next_for_the_password(signed_in, world: World) -> None:
    quinn = signed_in("quinn")
    assert asks_for_the_name(quinn)
    alone = sign(quinn, world, password=PASSWORD)
    assert alone.status_code == 422 and "first signature of this session" in alone.text
    other = sign(quinn, world, password=PASSWORD, signer="oksana")
    assert other.status_code == 422 and "is wrong: nothing was signed" in other.text
    assert asks_for_the_name(quinn)  # nothing was signed yet
    assert sign(quinn, world, password=PASSWORD, signer="quinn").status_code == 303
    assert not asks_for_the_name(quinn)
    assert sign(quinn, world, password=PASSWORD).status_code == 303
    assert sign(quinn, world).status_code == 422


@pytest.mark.requirement("R13", "R22")
@pytest.mark.parametrize("how", ["lock", "left open", "sign out", "another user"])
def test_after_a_break_both_are_asked_for_again(
    signed_in, world: World, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quinn = signed_in("quinn")
    assert sign(quinn, world, password=PASSWORD, signer="quinn").status_code == 303
    if how == "sign out":
        quinn.post("/sign-out")
        quinn.enter("quinn")
    else:
        if how == "left open":  # at a shared bench, for longer than the screen stays open
            monkeypatch.setattr(web_session, "server_time", lambda: server_time() + datetime.timedelta(minutes=16))
            assert sign(quinn, world, password=PASSWORD).status_code == 403
        else:
            quinn.post("/lock")
        quinn.get("/unlock")
        quinn.post("/unlock", {"name": "oksana" if how == "another user" else "quinn", "password": PASSWORD})
    quinn.get("/")
    assert asks_for_the_name(quinn)
    assert sign(quinn, world, password=PASSWORD).status_code == 422


@pytest.mark.requirement("R13", "R14")
def test_another_person_on_my_screen_always_gives_both_and_opens_nothing_for_me(signed_in, world: World) -> None:
    quinn = signed_in("quinn")
    theirs = {"second.name": "oksana", "second.password": PASSWORD}
    assert sign(quinn, world, **theirs).status_code == 303
    assert asks_for_the_name(quinn)
    assert sign(quinn, world, **{**theirs, "second.password": ""}).status_code == 422


@pytest.mark.requirement("R13", "R22")
def test_a_form_that_waited_for_the_unlocking_forgets_who_was_to_sign(signed_in, world: World) -> None:
    quinn = signed_in("quinn")
    quinn.post("/lock")
    waiting = {**to_sign(world), "signer": "quinn", "password": PASSWORD}
    page = quinn.post(ACT, {**waiting, "one_time_code": "123456", "intent": "do"})
    assert page.status_code == 403 and "carry.reagent" in page.text
    assert "carry.signer" not in page.text and "carry.password" not in page.text and "123456" not in page.text


@pytest.mark.requirement("R9")
def test_the_statement_is_offered_at_the_first_sign_in_and_with_the_refusal(browser, world: World) -> None:
    name = newcomer(world)
    train(world, name, "2020-01-01", "2099-12-31")
    browser.enter(name)
    assert browser.get("/").location == "/agreement?next=/"
    assert browser.get("/").status_code == 200  # once in a session: nobody is kept from working
    refused = sign(browser, world, password=PASSWORD, signer=name)
    assert refused.status_code == 409 and "AGREEMENT_NEEDED" in refused.text and 'href="/agreement"' in refused.text
    page = browser.get("/agreement?next=/list/donors").text
    assert all(paragraph in page for paragraph in agreement.PARAGRAPHS)
    late = browser.post("/agreement", {"version": "0", "next": "/list/donors"})
    assert late.status_code == 409 and agreement.VERSION in late.text
    given = {"version": agreement.VERSION, "next": "/list/donors"}
    assert browser.post("/agreement", given).location == "/list/donors"
    assert "You accepted it" in browser.get("/agreement").text
    assert sign(browser, world, password=PASSWORD, signer=name).status_code == 303


def test_who_never_signs_is_not_asked(signed_in) -> None:
    assert signed_in("otto").get("/agreement").status_code == 404
    assert signed_in("ada").get("/").status_code == 200


@pytest.mark.requirement("R23")
def test_a_second_factor_is_set_up_at_the_first_sign_in(strict_app, world: World) -> None:
    name, browser = newcomer(world), Browser(strict_app.test_client())
    train(world, name, "2020-01-01", "2099-12-31")
    world.do(name, "accept_agreement", version=agreement.VERSION)
    browser.enter(name)
    assert browser.get("/").location == "/second-factor?next=/"
    refused = sign(browser, world, password=PASSWORD, signer=name)
    assert "SECOND_FACTOR_NEEDED" in refused.text and 'href="/second-factor"' in refused.text
    browser.get("/second-factor")
    code = {"one_time_code": handed(world, name, server_time())}
    assert browser.post("/second-factor", {"intent": "set_up", "password": "wrong", **code}).status_code == 403
    assert browser.post("/second-factor", {"intent": "set_up", "password": PASSWORD}).status_code == 403
    page = browser.post("/second-factor", {"intent": "set_up", "password": PASSWORD, **code}).text
    secret = re.search(r"[A-Z2-7]{32}", page)
    assert secret is not None and "<svg" in page
    assert browser.post("/second-factor", {"intent": "confirm", "one_time_code": "no"}).status_code == 403
    app, before = pyotp.TOTP(secret[0]), server_time().timestamp() - 30
    told = browser.post("/second-factor", {"intent": "confirm", "one_time_code": app.at(before)}).text
    recovery = re.findall(r"[0-9A-Z]{4}-[0-9A-Z]{4}", told)
    assert len(recovery) == 10 and recovery[0] not in browser.get("/second-factor").text
    assert "10 recovery codes are left" in browser.get("/second-factor").text
    assert sign(browser, world, password=PASSWORD, signer=name).status_code == 422
    code = {"one_time_code": app.now()}
    assert sign(browser, world, password=PASSWORD, signer=name, **code).status_code == 303
    assert sign(browser, world, password=PASSWORD).status_code == 303  # later ones: the password
    again = Browser(strict_app.test_client())
    assert again.enter(name).status_code == 403  # the password alone opens nothing
    assert again.enter(name, one_time_code=code["one_time_code"]).status_code == 403  # nor does a code that was used
    following = app.at(server_time().timestamp() + 30)
    assert again.enter(name, one_time_code=following).status_code == 302


@pytest.mark.requirement("R15")
def test_a_password_too_old_is_changed_before_anything_else(world: World) -> None:
    config = dataclasses.replace(world.installation.config, password_days=1)
    browser = Browser(create_app(dataclasses.replace(world.installation, config=config)).test_client())
    name = newcomer(world, "technician")
    browser.enter(name)
    assert browser.get("/list/donors").location == "/password"
    assert "older than this site allows" in browser.get("/password").text
    same = {"password": PASSWORD, "new_password": PASSWORD, "again": PASSWORD}
    refused = browser.post("/password", same)
    assert refused.status_code == 422 and "is the present password" in refused.text
    new = {"password": PASSWORD, "new_password": "entirely other words", "again": "entirely other words"}
    assert browser.post("/password", new).location == "/"


@pytest.mark.requirement("R11", "R10")
def test_a_signature_on_a_record_that_changed_is_shown_void(signed_in, world: World, databases) -> None:
    from sqlalchemy import create_engine

    donor = eligible_donor(world)
    quinn = signed_in("quinn")
    assert "Signature void" not in quinn.get(f"/record/{donor}").text
    owner = create_engine(databases[0])
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # no act does this
        connection.execute(text("UPDATE donor SET birth_year = birth_year - 1 WHERE code = :code"), {"code": donor})
    owner.dispose()
    assert "Signature void: the record changed" in quinn.get(f"/record/{donor}").text


@pytest.mark.requirement("R4")
def test_nothing_is_signed_that_was_not_on_the_page(signed_in, world: World) -> None:
    quinn, form = signed_in("quinn"), to_sign(world)
    given = {**form, "intent": "do", "signer": "quinn", "password": PASSWORD}
    quinn.get(ACT)
    blind = quinn.post(ACT, given)  # typed into the empty form: nobody has read it
    assert blind.status_code == 422 and "Read what you sign" in blind.text
    assert "What you sign" in blind.text and form["reagent"] in blind.text.split('class="to-sign"')[1]
    stale = quinn.post(ACT, {**given, "seen": "0" * 64})
    assert stale.status_code == 422 and "has changed since this page was shown" in stale.text
    assert quinn.post(ACT, given).status_code == 303


@pytest.mark.requirement("R4")
def test_a_signed_page_tells_what_is_still_open(signed_in, world: World) -> None:
    form = to_sign(world)
    world.do(
        "tina",
        "open_deviation",
        records=[form["reagent"]],
        title="Box was wet",
        description="The carton was damp.",
        classification="minor",
    )
    page = signed_in("quinn").get(ACT, query_string={"reagent": form["reagent"]}).text
    assert "is not closed: Box was wet" in page.split("Still open about it")[1]


def order_page(browser: Browser, world: World, **given: str):
    """A subject to order for, by the clock of the server, and the page of the order with what it signs."""
    subject = weighed_subject(world, at=server_time() - datetime.timedelta(hours=1))
    form = {"subject": subject, "lot": product_lot(world).code, **given}
    return form, browser.get("/act/order_dose", query_string=form).text


@pytest.mark.requirement("R4")
def test_an_order_is_signed_with_its_calculation_on_the_page(signed_in, world: World) -> None:
    clara = signed_in("clara")
    form, page = order_page(clara, world)
    signs = page.split('class="to-sign"')[1]
    assert "The order, as it would be signed now" in signs and "50.0 kg × 1.0 ×10⁶ per kg" in signs
    assert 'id="f-password"' in page and "Check first: then" not in page
    ordered = clara.post("/act/order_dose", {**form, "intent": "do", "signer": "clara", "password": PASSWORD})
    assert ordered.status_code == 303


@pytest.mark.requirement("R4")
def test_what_an_act_works_out_is_not_signed_before_it_stood_there(signed_in, world: World) -> None:
    clara = signed_in("clara")
    empty = clara.get("/act/order_dose").text
    assert 'id="f-password"' not in empty and "Check first: then" in empty
    form, _ = order_page(clara, world)
    signed = {**form, "intent": "do", "signer": "clara", "password": PASSWORD}
    clara.get("/act/order_dose")
    unseen = clara.post("/act/order_dose", signed)  # straight from the empty form
    assert unseen.status_code == 422 and "Read what you sign" in unseen.text
    assert "50.0 kg × 1.0 ×10⁶ per kg" in unseen.text.split('class="to-sign"')[1]
    weighed(world, form["subject"], "52.0", server_time() - datetime.timedelta(minutes=5))
    stale = clara.post("/act/order_dose", signed)  # the weight is another one by now
    assert stale.status_code == 422 and "has changed since this page was shown" in stale.text
    assert "52.0 kg × 1.0 ×10⁶ per kg" in stale.text
    assert clara.post("/act/order_dose", signed).status_code == 303


@pytest.mark.requirement("R4")
def test_what_a_check_refuses_is_kept_and_not_tried(signed_in, world: World) -> None:
    """What would be signed has stood on no page: the refusal of its check is the answer, and a near miss."""
    clara, subject = signed_in("clara"), enrolled_subject(world)
    page = clara.get("/act/order_dose", query_string={"subject": subject}).text
    assert 'id="f-password"' not in page
    signed = {"subject": subject, "intent": "do", "signer": "clara", "password": PASSWORD}
    refused = clara.post("/act/order_dose", signed)
    assert refused.status_code == 409 and "WEIGHT_" in refused.text
    with world.installation.reads.connect() as connection:
        kept = connection.execute(
            text("SELECT outcome FROM act WHERE name = 'order_dose' AND given ->> 'subject' = :subject"),
            {"subject": subject},
        )
        assert list(kept.scalars()) == ["refused"]


@pytest.mark.requirement("R4")
def test_who_determines_a_donor_reads_consent_results_and_what_stands_in_the_way(signed_in, world: World) -> None:
    donor = a_donor(world)
    page = signed_in("quinn").get("/act/determine_eligibility", query_string={"donor": donor}).text
    assert "No result is entered." in page and "No consent of donor" in page.split("Still open about it")[1]
    known = eligible_donor(world)
    page = signed_in("quinn").get("/act/determine_eligibility", query_string={"donor": known}).text
    signs, still = page.split('class="to-sign"')[1].split("Still open about it")
    assert all(said in signs for said in ("Clinical use", "Given", "HIV", "negative", "Reviewed"))
    assert "PANEL_INCOMPLETE" not in still


@pytest.mark.requirement("R4")
def test_however_long_the_page_is_the_signature_is_one_click_away(signed_in, world: World) -> None:
    """A bar at the bottom says how much is open, and leads to the signature; not where nothing is named yet."""
    quinn = signed_in("quinn")
    page = quinn.get("/act/determine_eligibility", query_string={"donor": a_donor(world)}).text
    assert 'href="#sign"' in page and page.index("data-to-sign") < page.index("data-sign-bar") < page.index('id="sign"')
    assert page.index('id="sign"') < page.index("data-with-it") and "still open about it" in page
    assert "data-sign-bar" not in quinn.get("/act/determine_eligibility").text


def test_the_trail_is_shown_to_be_signed_only_to_those_who_read_it(signed_in) -> None:
    asked = "/act/review_trail?first_act=1&last_act=40"
    assert "stretch-group" in signed_in("quinn").get(asked).text
    assert "stretch-group" not in signed_in("tina").get(asked).text

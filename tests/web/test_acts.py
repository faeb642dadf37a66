"""The one page for every act: drawn from the schema, filled, checked, done once."""

import html
import re

import pytest

from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.table import roles_for
from cellbank.services import catalogue
from cellbank.services.signing.to_sign import FORESEEN
from cellbank.web.forms import fields_of
from tests.factories.clinic import answered_subject, screened_subject
from tests.factories.production import growing_culture, harvested_culture
from tests.factories.world import PASSWORD, World

PERSON = {Role.TECHNICIAN: "tina", Role.QUALITY_OFFICER: "quinn", Role.CLINICIAN: "clara", Role.ADMINISTRATOR: "ada"}
PAGES = sorted(name for name, registered in catalogue.load().items() if registered.has_page)


def key_of(page: str) -> str:
    found = re.search(r'name="key" value="([^"]+)"', page)
    assert found
    return found[1]


@pytest.mark.parametrize("name", PAGES)
def test_every_act_has_a_page_and_every_field_is_on_it(regular, name: str) -> None:
    person = next((PERSON[role] for role in sorted(roles_for(name)) if role in PERSON), "tina")
    page = regular(person).get(f"/act/{name}").text
    for field in fields_of(catalogue.REGISTRY[name].input):
        if field.folded == "improbable":  # shown once it is asked, below
            continue
        assert f'name="{field.name}"' in page or f'data-rows="{field.name}"' in page or f"{field.name}." in page, field
    assert ('id="f-password"' in page) == (catalogue.asks_password(name) and name not in FORESEEN)


@pytest.mark.parametrize("name", PAGES)
def test_an_empty_form_is_never_a_bug(regular, name: str) -> None:
    person = next((PERSON[role] for role in sorted(roles_for(name)) if role in PERSON), "tina")
    browser = regular(person)
    browser.get(f"/act/{name}")
    assert browser.post(f"/act/{name}", {"intent": "check"}).status_code in (200, 409, 422)


def test_a_form_is_done_once_whoever_clicks_twice(signed_in, world: World) -> None:
    tina = signed_in("tina")
    key = key_of(tina.get("/act/register_donor").text)
    sent = {"pseudonym": world.unique("D"), "birth_year": "1993", "intent": "do", "key": key}
    first, again = tina.post("/act/register_donor", sent), tina.post("/act/register_donor", sent)
    assert first.status_code == again.status_code == 303 and first.location == again.location
    page = tina.get(first.location).text
    assert "Done: Register a donor" in page and "Record a consent" in page and 'data-sound="yes"' in page


def test_malformed_fields_are_told_beside_them_and_nothing_typed_is_lost(signed_in) -> None:
    tina = signed_in("tina")
    tina.get("/act/register_donor")
    sent = {"pseudonym": "Д-1A", "birth_year": "93", "gestation_weeks": "abc", "intent": "do"}
    response = tina.post("/act/register_donor", sent)
    assert response.status_code == 422 and 'data-sound="unknown"' in response.text
    page = html.unescape(response.text)
    assert 'id="problem-pseudonym"' in page and "mixes alphabets" in page and 'value="Д-1A"' in page
    assert 'id="problem-birth_year"' in page and 'id="problem-gestation_weeks"' in page and 'value="abc"' in page


def test_a_refusal_stands_on_top_and_the_next_try_has_a_new_key(signed_in, world: World) -> None:
    name = world.unique("D")
    world.do("tina", "register_donor", pseudonym=name, birth_year=1993)
    tina = signed_in("tina")
    key = key_of(tina.get("/act/register_donor").text)
    response = tina.post("/act/register_donor", {"pseudonym": name, "birth_year": "1993", "intent": "do", "key": key})
    assert response.status_code == 409 and "Open that donor, or choose another pseudonym" in response.text
    assert key_of(response.text) != key and f'value="{name}"' in response.text


def test_checking_first_does_nothing(signed_in, world: World) -> None:
    tina, name = signed_in("tina"), world.unique("D")
    tina.get("/act/register_donor")
    response = tina.post("/act/register_donor", {"pseudonym": name, "birth_year": "1993", "intent": "check"})
    assert response.status_code == 200 and "Nothing has been done yet" in response.text
    assert name not in tina.get("/list/donors", query_string={"q": name}).text.split("</form>")[-1]


def test_another_person_does_one_act_and_the_first_stays_signed_in(signed_in, world: World) -> None:
    tina, name = signed_in("tina"), world.unique("D")
    tina.get("/act/register_donor")
    sent = {"pseudonym": name, "birth_year": "1993", "intent": "do", "second.name": "taras"}
    wrong = tina.post("/act/register_donor", {**sent, "second.password": "not his password"})
    assert wrong.status_code == 422 and "Wrong name or password" in wrong.text
    right = tina.post("/act/register_donor", {**sent, "second.password": PASSWORD})
    page = tina.get(right.location).text
    assert "Taras Technician" in page.split('<main id="content"')[1] and "Tina Technician" in page
    assert "on the screen of tina" in signed_in("otto").get("/trail?person=taras&act=register_donor").text


def test_a_signed_act_asks_for_the_password_beside_the_field(signed_in, world: World) -> None:
    donor = world.do("tina", "register_donor", pseudonym=world.unique("D"), birth_year=1993)
    quinn = signed_in("quinn")
    quinn.get("/act/determine_eligibility")
    response = quinn.post("/act/determine_eligibility", {"donor": donor["code"], "intent": "do"})
    assert response.status_code == 422 and 'id="problem-password"' in response.text


@pytest.mark.requirement("R21")
def test_a_moment_is_read_on_the_wall_of_the_site(signed_in, world: World) -> None:
    tina, name = signed_in("tina"), world.unique("D")
    tina.get("/act/register_donor")
    sent = {"pseudonym": name, "birth_year": "1993", "delivered_at": "2026-02-01T14:05", "intent": "do"}
    done = tina.get(tina.post("/act/register_donor", sent).location).text
    code = re.search(r"/record/(DR\w+)", done)[1]
    assert "2026-02-01 14:05 EET" in tina.get(f"/record/{code}").text


@pytest.mark.requirement("R21")
def test_an_hour_that_the_clock_skips_is_asked_about(signed_in, world: World) -> None:
    tina = signed_in("tina")
    tina.get("/act/register_donor")
    sent = {"pseudonym": world.unique("D"), "birth_year": "1993", "delivered_at": "2026-03-29T03:30", "intent": "check"}
    assert "did not exist in" in tina.post("/act/register_donor", sent).text


def test_a_list_of_scans_goes_in_line_by_line_and_its_problems_are_numbered(signed_in, world: World) -> None:
    tina = signed_in("tina")
    tina.get("/act/store_vials")
    sent = {"vials": "A999926000001000001\r\nnonsense\r\n", "box": "ST0000", "intent": "do"}
    response = tina.post("/act/store_vials", sent)
    assert response.status_code == 422 and "No. 2:" in response.text


def test_the_form_shows_what_it_is_about(signed_in, world: World) -> None:
    culture = growing_culture(world)
    page = signed_in("tina").get(f"/act/record_harvest?culture={culture}").text
    assert "in the incubator" in page and f'value="{culture}"' in page


def test_one_more_row_without_scripts(signed_in) -> None:
    tina = signed_in("tina")
    nested = [
        (name, field.name)
        for name, act in catalogue.REGISTRY.items()
        for field in fields_of(act.input)
        if field.kind in ("rows", "pairs") and name in PAGES
    ]
    for name, field in nested:
        tina.get(f"/act/{name}")
        page = tina.post(f"/act/{name}", {"intent": f"add:{field}"}).text
        assert f'name="{field}.1.' in page or "data-rows" not in page


def test_the_questions_of_the_protocol_are_asked_in_its_words(signed_in, world: World) -> None:
    subject = screened_subject(world)
    clara = signed_in("clara")
    page = clara.get(f"/act/answer_criteria?subject={subject}").text
    count = page.count('class="question"')
    codes = re.findall(r'name="answers\.(\d+)\.name" value="(\w+)"', page)
    assert count == len(codes) > 8 and "age" not in dict((code, at) for at, code in codes)
    at = {code: number for number, code in codes}
    sent = {f"answers.{number}.name": code for number, code in codes}
    sent |= {f"answers.{at['spo2']}.value": "91", f"answers.{at['pcr_positive']}.value": "yes"}
    done = clara.post("/act/answer_criteria", {**sent, "subject": subject, "intent": "do"})
    assert done.status_code == 303, done.text
    again = clara.get(f"/act/answer_criteria?subject={subject}").text
    assert re.search(rf'name="answers\.{at["spo2"]}\.value" value="91"', again)


def test_a_key_for_a_program_is_shown_once(signed_in) -> None:
    tina = signed_in("tina")
    key = key_of(tina.get("/act/create_token").text)
    given = {"title": "LIMS", "days": "30", "intent": "do", "key": key}
    assert "Give the password." in tina.post("/act/create_token", given).text
    shown = tina.post("/act/create_token", {**given, "password": PASSWORD}).text
    assert re.search(r"cb_\d+\.[\w-]{40,}", shown)
    trail = signed_in("otto").get("/trail?act=create_token").text
    assert "cb_" not in trail


def test_a_wrong_role_is_told_at_once_and_offered_another_person(signed_in, world: World) -> None:
    page = signed_in("clara").get(f"/act/passage_culture?culture={harvested_culture(world)}").text
    assert "This is for: Technician" in page and '<details class="second" open>' in page


def test_a_criterion_says_what_it_means_for_the_patient_and_pregnancy_is_asked_of_women(signed_in, world) -> None:
    clara = signed_in("clara")
    woman, man = answered_subject(world), answered_subject(world, sex="male")
    assert "Pregnant, or lactating" in clara.get(f"/act/answer_criteria?subject={woman}").text
    assert "Pregnant, or lactating" not in clara.get(f"/act/answer_criteria?subject={man}").text
    pages = {code: clara.get(f"/record/{code}").text for code in (woman, man)}
    assert "does not exclude" in pages[woman] and "does not concern this patient" in pages[man]
    assert "Satisfied" not in pages[woman] + pages[man]


def test_what_can_hardly_be_is_asked_on_the_page_and_the_answer_stays_in_sight(signed_in, world: World) -> None:
    culture, tina = growing_culture(world), signed_in("tina")
    page = tina.get(f"/act/record_harvest?culture={culture}").text
    assert "improbable_because" not in page
    sent = {"culture": culture, "total_cells": "12000000", "viability_percent": "95", "intent": "do"}
    asked = tina.post("/act/record_harvest", {**sent, "key": key_of(page)})  # months after it was seeded
    assert asked.status_code == 409 and "days after it was seeded" in asked.text
    assert 'name="improbable_because"' in asked.text
    because = {"improbable_because": "It stood in the second incubator", "key": key_of(asked.text)}
    done = tina.post("/act/record_harvest", {**sent, **because}, follow_redirects=True)
    assert "Right, because: It stood in the second incubator" in done.text
    history = tina.get(f"/record/{culture}/history").text
    assert "days after it was seeded" in history and "It stood in the second incubator" in history


@pytest.mark.requirement("R4")
def test_a_check_that_leaves_something_out_says_so_and_is_no_yes(signed_in, world: World) -> None:
    """Who is a subject already is not told by a check: its answer is the same for both, and neither is green."""
    numbers = {"trial_number": world.unique("T"), "second_identifier": world.unique("MRN")}
    screened_subject(world, second_identifier=numbers["second_identifier"])
    clara, said = signed_in("clara"), []
    for record in (numbers["second_identifier"], world.unique("MRN")):
        clara.get("/act/enrol_subject")
        sent = {**numbers, "second_identifier": record, "sex": "female", "born_on": "1970-04-01", "arm": "EXP"}
        sent |= {"consented_on": world.now.date().isoformat(), "protocol": "", "intent": "check"}
        page = clara.post("/act/enrol_subject", sent).text
        assert "Checked in part. Nothing has been done yet. Whether this patient is a subject already" in page
        assert "verdict-may" not in page and "This can be recorded" not in page and 'data-sound="yes"' not in page
        said.append(re.findall(r'<section class="verdict[^>]*>.*?</section>', page, re.DOTALL))
    assert said[0] == said[1]

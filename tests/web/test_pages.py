"""The shell of the pages: headers, errors, lists, scans, records."""

import logging

import pytest

from cellbank.services.lookup.lists import LISTS
from tests.factories.clinic import enrolled_subject
from tests.factories.world import World


def test_every_answer_forbids_inline_scripts(regular) -> None:
    response = regular("tina").get("/")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert response.headers["Cache-Control"] == "no-store"
    assert " style=" not in response.text and "onclick" not in response.text and "<script>" not in response.text


@pytest.mark.parametrize("person", ["tina", "quinn", "clara", "ada", "otto"])
def test_each_role_has_a_home_page(regular, person: str) -> None:
    assert regular(person).get("/").status_code == 200


@pytest.mark.parametrize("name", LISTS)
def test_every_list_can_be_searched_and_filtered(regular, name: str) -> None:
    otto = regular("otto")
    for query in ("", "?q=ab%25_c", "?q=x&state=RELEASED&page=3", "?state=NONSENSE&page=x"):
        assert otto.get(f"/list/{name}{query}").status_code == 200


def test_a_search_does_not_mind_look_alikes(signed_in, world: World) -> None:
    name = world.unique("OBEC")
    world.do("tina", "register_donor", pseudonym=name, birth_year=1990)
    cyrillic = name.replace("OBEC", "ОВЕС")
    assert name in signed_in("tina").get("/list/donors", query_string={"q": cyrillic.lower()}).text


def test_a_scan_leads_to_the_record(signed_in, world: World) -> None:
    donor = world.do("tina", "register_donor", pseudonym=world.unique("D"), birth_year=1993)
    tina = signed_in("tina")
    assert tina.get("/scan", query_string={"code": donor["code"]}).location == f"/record/{donor['code']}?scanned=1"
    page = tina.get(f"/record/{donor['code']}?scanned=1").text
    assert 'data-sound="heard"' in page and "Record a consent" in page and "Register a donor" in page


@pytest.mark.parametrize("raw", ["DR", "ДР0001", "=A999926", "A999926999999999999", "<script>", "x" * 600])
def test_a_scan_that_leads_nowhere_is_said_and_kept(signed_in, world: World, raw: str) -> None:
    tina = signed_in("tina")
    response = tina.get("/scan", query_string={"code": raw})
    assert response.status_code == 404 and 'data-sound="unknown"' in response.text
    kept = signed_in("otto").get("/trail?act=report_unreadable_scan").text
    assert "Keep a scan that led nowhere" in kept


def test_a_command_barcode_opens_its_act_with_the_last_scan(signed_in, world: World) -> None:
    donor = world.do("tina", "register_donor", pseudonym=world.unique("D"), birth_year=1993)
    tina = signed_in("tina")
    tina.get(f"/record/{donor['code']}")
    from cellbank.domain.identifiers import command_code

    response = tina.get("/scan", query_string={"code": command_code("record_consent")})
    assert response.location == f"/act/record_consent?donor={donor['code']}"


@pytest.mark.requirement("R20")
def test_a_bug_gets_a_number_on_the_page_and_in_the_log(signed_in, monkeypatch, caplog) -> None:
    tina = signed_in("tina")
    monkeypatch.setattr("cellbank.web.home.worklists", lambda *_: 1 / 0)
    with caplog.at_level(logging.ERROR, "cellbank.incident"):
        response = tina.get("/")
    assert response.status_code == 500
    number = caplog.records[0].args[0]
    assert number in response.text and "ZeroDivisionError" not in response.text


def test_missing_pages_and_wrong_roles(regular) -> None:
    tina = regular("tina")
    assert tina.get("/nowhere").status_code == 404
    assert tina.get("/act/note_wrong_password").status_code == 404
    assert tina.get("/act/sign_in").status_code == 404
    assert tina.get("/trail").status_code == 403
    assert tina.get("/api/nowhere").mimetype == "application/problem+json"


def test_the_auditor_filters_the_trail(signed_in, world: World) -> None:
    donor = world.do("tina", "register_donor", pseudonym=world.unique("D"), birth_year=1993)
    otto = signed_in("otto")
    found = otto.get("/trail", query_string={"person": "tina", "act": "register_donor", "record": donor["code"]}).text
    assert donor["code"] in found
    assert (
        donor["code"]
        not in otto.get("/trail", query_string={"person": "otto", "record": donor["code"]}).text.split("</form>")[-1]
    )
    assert otto.get("/trail?since=2020-01-01&until=x&before=99999&outcome=refused").status_code == 200


def test_a_weight_is_hidden_until_a_second_person_has_read_the_scale(signed_in, world: World) -> None:
    subject = enrolled_subject(world)
    given = {"subject": subject, "weight_kg": "73.4", "method": "bed_scale"}
    weight = world.do("clara", "measure_weight", **given)["code"]
    cyril = signed_in("cyril")
    pages = ("/", f"/record/{weight}", f"/record/{subject}", f"/act/confirm_weight?weight={weight}")
    for path in pages:
        page = cyril.get(path)
        assert page.status_code == 200 and "73.4" not in page.text, path
    world.do("cyril", "confirm_weight", weight=weight, weight_kg="73.4")
    assert "73.4" in cyril.get(f"/record/{weight}").text and "73.4" in cyril.get(f"/record/{subject}").text


@pytest.mark.parametrize(
    "path",
    [
        "/list/donors?page=²",
        "/impact/x?page=²",
        "/act/answer_criteria?answers.².x=1",
        "/act/break_seal?happened_at=0001-01-01T00:00",
        "/act/break_seal?happened_at=9999-12-31T23:59",
    ],
)
def test_an_odd_number_or_time_in_an_address_is_no_fault_of_the_server(signed_in, path: str) -> None:
    for who in ("tina", "clara"):
        assert signed_in(who).get(path).status_code < 500

"""Downtime forms on pages: one click for a day, blank ones, and the scan that leads back."""

from collections.abc import Callable

from cellbank.domain.identifiers import Form, form_code
from tests.factories.doses import ordered_dose, picked_dose, prepared_dose
from tests.factories.world import World
from tests.web.conftest import Browser


def test_the_forms_of_a_day_are_one_click_away(world: World, signed_in: Callable[[str], Browser]) -> None:
    tina = signed_in("tina")
    page = tina.get("/downtime").text
    assert "/downtime/blank.pdf" in page and "Today" in page and "Tomorrow" in page
    dose = ordered_dose(world)
    day = f"{dose.at:%Y-%m-%d}"
    for path in (f"/downtime/{day}.pdf", "/downtime/blank.pdf", f"/doses/{dose.code}/downtime.pdf"):
        answer = tina.get(path)
        assert answer.mimetype == "application/pdf" and answer.data.startswith(b"%PDF"), path
    for path in ("/downtime/2031-01-01.pdf", "/downtime/soon.pdf", "/doses/CHA999926999999/downtime.pdf"):
        assert tina.get(path).status_code == 404, path


def test_a_scanned_form_opens_the_page_of_its_act(world: World, signed_in: Callable[[str], Browser]) -> None:
    tina, dose = signed_in("tina"), picked_dose(world)
    led = tina.get("/scan", query_string={"code": form_code(Form.THAW, dose.code)})
    assert led.status_code == 302 and led.location == f"/act/thaw_vial?dose={dose.code}"
    subject = tina.get("/scan", query_string={"code": form_code(Form.SUBJECT, dose.subject)})
    assert subject.location.startswith(f"/record/{dose.subject}")


def test_the_bedside_form_filled_in_or_blank_opens_the_dose_from_paper(
    world: World, signed_in: Callable[[str], Browser]
) -> None:
    clara, dose = signed_in("clara"), picked_dose(world)
    for form, filled in ((form_code(Form.BEDSIDE, dose.code), f"?dose={dose.code}"), (form_code(Form.BEDSIDE), "")):
        led = clara.get("/scan", query_string={"code": form})
        assert led.status_code == 302 and led.location == f"/act/enter_dose_from_paper{filled}"
        assert clara.get(led.location).status_code == 200


def test_the_page_of_a_paper_form_asks_only_what_the_record_lacks(
    world: World, signed_in: Callable[[str], Browser]
) -> None:
    clara, dose = signed_in("clara"), prepared_dose(world)
    page = clara.get(f"/act/enter_dose_from_paper?dose={dose.code}").text
    assert "In the record already" in page and "Drawn up by" in page
    assert 'name="thaw.vials"' not in page and 'name="count.diluent"' not in page
    assert all(f'name="{field}"' in page for field in ("first_checked_at", "started_at", "reaction.seen"))


def test_the_page_of_a_paper_form_offers_what_is_known_and_takes_what_is_not(
    world: World, signed_in: Callable[[str], Browser]
) -> None:
    clara, dose = signed_in("clara"), picked_dose(world)
    page = clara.get(f"/act/enter_dose_from_paper?dose={dose.code}").text
    vials = page.split('name="thaw.vials"')[1].split("</textarea>")[0]
    assert all(vial in vials for vial in dose.vials[: dose.needed])  # those that were taken out of the tank
    offered = {"count.diluent": "albumin", "count.method": "trypan blue", "preparation.prepared_by": "tina"}
    for field, known in offered.items():
        part = page.split(f'name="{field}"', 1)[1]  # buttons, or a list where there are many
        assert f'value="{known}"' in part.split("</fieldset>")[0], field
    form = {"dose": dose.code, "count.diluent": ["albumin", "Ringer, opened"], "intent": "check"}
    page = clara.post("/act/enter_dose_from_paper", form).text
    assert 'name="count.diluent" value="Ringer, opened"' in page  # another one is a fact too

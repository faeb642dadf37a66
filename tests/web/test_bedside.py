"""The bedside: two people on one screen, GO or STOP, every STOP in the trail."""

import datetime
import re
from urllib.parse import quote

import pytest

from cellbank.domain.identifiers import printed
from cellbank.services.installation import server_time
from cellbank.services.lookup import work
from cellbank.services.lookup.scanning import look_up
from tests.factories.doses import (
    OrderedDose,
    bedside,
    checked_dose,
    infused_dose,
    ordered_dose,
    prepared_dose,
    product_lot,
    row_of,
    weighed,
)
from tests.factories.world import PASSWORD, World

LATELY = datetime.timedelta(minutes=45)


@pytest.fixture(scope="module")
def world(midday: World) -> World:
    """By the clock of the server, at midday."""
    return midday


@pytest.fixture
def dose(world: World) -> OrderedDose:
    """A dose prepared a quarter of an hour ago by the clock of the server."""
    return prepared_dose(world, ordered_dose(world, at=server_time().replace(microsecond=0) - LATELY))


def check(browser, scans: dict[str, str], who: str) -> str:
    """Scan label, wristband and identity, one after the other, as the page asks; then sign. The last page.

    The first person signs what was judged; the second one is judged with their password."""
    browser.get("/bedside")
    label = {"dose_label": scans["dose_label"]}
    assert "Scan the wristband" in browser.post("/bedside", label).text
    both = {**label, "wristband": scans["wristband"]}
    asked = browser.post("/bedside", both).text
    assert "date of birth" in asked and "is-match" not in asked
    signed = {**scans, "act": "check_dose", "intent": "do", "second.name": who, "second.password": PASSWORD}
    if "Check and sign" in asked:
        return browser.post("/bedside", signed).text
    page = browser.post("/bedside", scans).text
    if "is-stop" in page:
        return page
    assert "is-match" in page and "of 2" in page and "is-go" not in page
    return browser.post("/bedside", signed).text


def test_two_people_check_on_one_screen_and_the_infusion_runs(signed_in, world: World, dose: OrderedDose) -> None:
    clara, scans = signed_in("clara"), bedside(world, dose)
    assert "First check done" in check(clara, scans, "clara")
    page = check(clara, scans, "cyril")
    assert (
        "Both checks done" in page and "Start the infusion" in page and "Checked by Clara Clinician and Cyril" in page
    )
    page = clara.post("/bedside", {"act": "start_infusion", "intent": "do", "dose": dose.code}).text
    assert "Infusion is running" in page and "Clara Clinician" in page
    page = clara.post(
        "/bedside",
        {"act": "record_reaction", "intent": "do", "dose": dose.code, "serious": "false", "reaction": "Flush"},
    ).text
    assert "Infusion is running" in page
    too_much = {"act": "stop_infusion", "intent": "do", "dose": dose.code, "volume_given_ml": "51"}
    assert "is-stop" not in clara.post("/bedside", too_much).text
    page = clara.post("/bedside", {**too_much, "volume_given_ml": "49"}).text
    assert "Reconcile" in page


def test_the_same_person_cannot_check_twice(signed_in, world: World, dose: OrderedDose) -> None:
    clara, scans = signed_in("clara"), bedside(world, dose)
    check(clara, scans, "clara")
    assert "another person" in check(clara, scans, "clara")


def test_a_wrong_wristband_is_a_stop_that_the_trail_keeps(signed_in, world: World, dose: OrderedDose) -> None:
    clara = signed_in("clara")
    scans = bedside(world, dose, wristband="SJ-not-a-wristband")
    page = check(clara, scans, "clara")
    assert "is-stop" in page and "Do not infuse" in page and 'data-sound="stop"' in page
    trail = signed_in("otto").get("/trail?act=check_dose&outcome=refused").text
    assert "Clara Clinician" in trail
    act = re.search(r'href="/done/(\d+)"', trail)[1]
    done = signed_in("otto").get(f"/done/{act}").text
    assert "SJ-not-a-wristband" in done and "Read back" in done and "<dd>fits</dd>" in done
    assert scans["read_back"] not in done  # who the subject is stays hidden


def test_a_go_does_not_outlive_its_time(signed_in, world: World) -> None:
    long_ago = server_time() - datetime.timedelta(days=2)  # midday there as well
    dose = prepared_dose(world, ordered_dose(world, at=long_ago))
    scans = bedside(world, dose)
    for person in ("clara", "cyril"):  # within the day for which it was planned
        world.do(person, "check_dose", now=long_ago + LATELY, **scans)
    page = signed_in("clara").get(f"/bedside?dose={dose.code}").text
    assert "is-stop" in page and "is-go" not in page and "Start the infusion" not in page


def test_a_wrong_password_signs_nothing(signed_in, world: World, dose: OrderedDose) -> None:
    clara, scans = signed_in("clara"), bedside(world, dose)
    clara.get("/bedside")
    signed = {**scans, "act": "check_dose", "intent": "do", "second.name": "cyril", "second.password": "wrong"}
    page = clara.post("/bedside", signed).text
    assert "Wrong name or password" in page and "First check done" not in page
    assert 'name="second.password"' in page


def test_a_page_of_a_check_is_old_when_the_dose_went_on_meanwhile(signed_in, world: World, dose: OrderedDose) -> None:
    scans, browser = bedside(world, dose), signed_in("clara")
    checked_dose(world, dose)
    late = {**scans, "act": "check_dose", "intent": "do", "second.name": "cyril", "second.password": "a typing error"}
    page = browser.post("/bedside", late)
    assert page.status_code == 422 and "is-match" not in page.text


def test_the_label_decides_which_dose_a_page_is_about(signed_in, world: World, dose: OrderedDose) -> None:
    ready = checked_dose(world, prepared_dose(world, ordered_dose(world, at=server_time() - LATELY)))
    both = {"dose": ready.code, "dose_label": bedside(world, dose)["dose_label"]}
    page = signed_in("clara").post("/bedside", both).text
    assert "is-go" not in page and "Scan the wristband" in page


def hold(world: World, lot: str) -> None:
    """Stop the lot."""
    world.do("oksana", "hold_lot", lot=lot, reason="A contamination is suspected in the room")


def infusing(world: World, dose: OrderedDose, at: datetime.datetime) -> OrderedDose:
    """The dose, running."""
    scans = bedside(world, dose)
    for person in ("clara", "cyril"):
        world.do(person, "check_dose", now=at, **scans)
    world.do("clara", "start_infusion", now=at, dose=dose.code)
    return dose


def test_what_stands_as_a_yes_is_judged_again_and_a_hold_turns_it_into_a_stop(
    signed_in, world: World, dose: OrderedDose, monkeypatch: pytest.MonkeyPatch
) -> None:
    clara = signed_in("clara")
    monkeypatch.setattr(work, "SHOWN", 1000)  # doses of other tests wait too

    def asked(state: str) -> dict:
        answer = clara.get(f"/watch?dose={dose.code}&state={state}", headers={"Accept": "application/json"})
        return answer.get_json()["doses"][dose.code]

    assert asked("PREPARED") == {"verdict": "accepted", "state": "PREPARED", "reasons": []}
    assert asked("CHECKED")["verdict"] == "moved"
    home = clara.get("/").text
    assert f'data-watched="{dose.code}"' in home and 'data-verdict="accepted"' in home
    infusing(world, dose, server_time())
    assert "is-running" in clara.get(f"/bedside?dose={dose.code}").text
    hold(world, dose.lot.code)
    told = asked("INFUSING")
    assert told["verdict"] == "refused" and dose.lot.code in told["reasons"][0]
    page = clara.get(f"/bedside?dose={dose.code}").text
    assert "is-stop" in page and "Stop the infusion" in page and "is-running" not in page
    assert 'data-verdict="refused"' in clara.get("/").text
    reason = re.search(r'name="reason"[^>]*value="(STOP: [^"]+)"', page)[1]
    stop = {"act": "stop_infusion", "intent": "do", "dose": dose.code, "volume_given_ml": "12", "reason": reason}
    assert "Reconcile" in clara.post("/bedside", stop).text
    assert asked("INFUSING")["verdict"] == "moved"  # it ended in good order: no siren


def test_a_reaction_told_late_of_an_earlier_dose_stops_the_screen_that_waits(signed_in, world: World) -> None:
    lot, at = product_lot(world, vials=8), server_time().replace(microsecond=0) - LATELY
    given = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot, at=at - datetime.timedelta(days=3))))
    weighed(world, given.subject, "50.0", at)
    dose = prepared_dose(world, ordered_dose(world, lot=lot, subject=given.subject, at=at))
    clara = signed_in("clara")
    asked = f"/watch?dose={dose.code}&state=PREPARED"

    def watched() -> dict:
        return clara.get(asked, headers={"Accept": "application/json"}).get_json()["doses"][dose.code]

    assert watched()["verdict"] == "accepted"
    late = {"happened_at": (at - datetime.timedelta(days=1)).isoformat(), "entered_late_because": "A call from home"}
    noted = {"dose": given.code, "serious": True, "reaction": "Two days in hospital", **late}
    world.do("cyril", "record_reaction", now=server_time(), **noted)
    told = watched()
    assert told["verdict"] == "refused" and f"serious reaction to dose {given.code}" in told["reasons"][0]
    dose_page = clara.get(f"/record/{given.code}").text
    assert "A call from home" in dose_page and "A call from home" in clara.get(f"/record/{given.subject}").text


def test_a_watched_page_keeps_nobody_signed_in_and_tells_nobody_of_another_site(
    signed_in, browser, dose: OrderedDose, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = f"/watch?dose={dose.code}&state=PREPARED"
    as_script = {"Accept": "application/json"}
    assert browser.get(asked, headers=as_script).status_code == 403
    clara, later = signed_in("clara"), server_time()
    for minutes in range(0, 21, 4):
        at = later + datetime.timedelta(minutes=minutes)
        monkeypatch.setattr("cellbank.web.session.server_time", lambda at=at: at)
        answer = clara.get(asked, headers=as_script)
    told = answer.get_json()
    assert told["locked"] and told["doses"] == {dose.code: {"verdict": "not judged", "state": None, "reasons": []}}
    assert clara.get(f"/bedside?dose={dose.code}").location.startswith("/unlock")


def test_a_locked_screen_is_told_that_an_infusion_must_stop_and_not_why(
    signed_in, world: World, dose: OrderedDose
) -> None:
    clara = signed_in("clara")

    def asked(state: str) -> dict:
        answer = clara.get(f"/watch?dose={dose.code}&state={state}", headers={"Accept": "application/json"})
        return answer.get_json()["doses"][dose.code]

    infusing(world, dose, server_time())
    clara.post("/lock")
    assert asked("INFUSING") == {"verdict": "accepted", "state": None, "reasons": []}
    hold(world, dose.lot.code)
    assert asked("INFUSING") == {"verdict": "refused", "state": None, "reasons": []}
    assert asked("PREPARED") == {"verdict": "not judged", "state": None, "reasons": []}
    ended = {"dose": dose.code, "volume_given_ml": "12", "reason": "The lot is held"}
    world.do("clara", "stop_infusion", now=server_time(), **ended)
    assert asked("INFUSING")["verdict"] == "moved"


def test_a_name_that_was_only_typed_bears_no_act(signed_in, world: World, dose: OrderedDose) -> None:
    clara = signed_in("clara")
    clara.get("/bedside")
    scans = bedside(world, dose)
    for name in ("cyril", "nobody.has.this"):
        page = clara.post("/bedside", {**scans, "second.name": name})
        assert page.status_code == 422 and "is-unchecked" in page.text and "is-match" not in page.text
        assert "Judged for Clara Clinician" in page.text and name in page.text
    wrong = {**scans, "wristband": "SJ-not-a-wristband", "second.name": "ada", "key": dose.code}
    for _ in range(2):  # a double click is one near miss
        assert "is-stop" in clara.post("/bedside", wrong).text
    kept = last_acts(world, "check_dose", 2)
    assert kept[0]["name"] == "clara" and "name typed without proof: ada" in kept[0]["client"]
    assert [one["code"] for one in kept[0]["refusals"]] == ["SCAN_UNREADABLE"]  # what was judged, and no signature
    assert kept[1]["given"].get("wristband") != "SJ-not-a-wristband"


def last_acts(world: World, name: str, count: int) -> list[dict]:
    """The last acts of this name, with who did them."""
    from sqlalchemy import text

    statement = text(
        "SELECT p.name, a.client, a.refusals, a.given FROM act a JOIN person p ON p.id = a.person_id "
        "WHERE a.name = :name ORDER BY a.id DESC LIMIT :count"
    )
    with world.installation.reads.connect() as connection:
        rows = connection.execute(statement, {"name": name, "count": count}).mappings()
        return [dict(row) for row in rows]


def test_the_label_of_a_dose_that_is_over_stops_and_the_number_alone_is_named(
    signed_in, world: World, dose: OrderedDose
) -> None:
    clara, scans = signed_in("clara"), bedside(world, dose)
    clara.get("/bedside")
    page = clara.post("/bedside", {"dose_label": dose.code})
    assert page.status_code == 422 and "scan the square symbol" in page.text and "is-stop" not in page.text
    world.do("clara", "discard_dose", dose=dose.code, reason="The bag leaked on the way")
    page = clara.post("/bedside", {"dose_label": scans["dose_label"]}).text
    assert "is-stop" in page and "was discarded already" in page and 'data-sound="stop"' in page
    scanned = clara.get("/scan", query_string={"code": scans["dose_label"]}, follow_redirects=True).text
    assert "was discarded already" in scanned and 'data-sound="stop"' in scanned


def test_an_old_label_of_a_dose_that_is_about_shouts_in_the_scan_box(
    signed_in, world: World, dose: OrderedDose
) -> None:
    clara, label = signed_in("clara"), bedside(world, dose)["dose_label"]
    old = label[:-4] + ("2359" if not label.endswith("2359") else "2358")

    def scanned(code: str) -> str:
        return clara.get("/scan", query_string={"code": code}, follow_redirects=True).text

    page = scanned(old)
    assert "The label is obsolete" in page and 'data-sound="stop"' in page
    for good in (label, dose.code):
        page = scanned(good)
        assert "The label is obsolete" not in page and 'data-sound="heard"' in page
    # a label in the address of another record says nothing about it
    page = clara.get(f"/record/{dose.subject}", query_string={"scanned": old}).text
    assert "The label is obsolete" not in page and dose.subject in page
    assert "DOSE_LABEL_MISMATCH" in clara.get("/api/scan/" + quote(old, safe="")).text


def test_whoever_may_not_sign_is_told_so_and_stops_nothing(signed_in, world: World, dose: OrderedDose) -> None:
    """A technician at the bed is no mismatch: the scans stay, the match stays, and the clinician signs."""
    clara, scans = signed_in("clara"), bedside(world, dose)
    for step in ("is-match", "Check and sign"):
        clara.post("/bedside", scans)
        signed = {**scans, "act": "check_dose", "intent": "do", "second.name": "tina", "second.password": PASSWORD}
        page = clara.post("/bedside", signed)
        assert page.status_code == 422 and "is for: clinician" in page.text and step in page.text
        assert "is-stop" not in page.text and scans["wristband"] in page.text
        said = clara.post("/bedside", {**signed, "second.name": "clara"}).text
        assert "First check done" in said or step != "is-match"


def test_an_old_label_stops_at_the_first_scan_and_counts_as_a_mismatch(
    signed_in, world: World, dose: OrderedDose
) -> None:
    clara, scans = signed_in("clara"), bedside(world, dose)
    label = scans["dose_label"]
    old = label[:-4] + ("2359" if not label.endswith("2359") else "2358")
    for number in range(2):
        page = clara.post("/bedside", {"dose_label": old, "key": f"{dose.code}-{number}"}).text
        assert "is-stop" in page and "The label is obsolete" in page
    third = clara.post("/bedside", {**scans, "wristband": "SJ0000A", "read_back": "nobody"}).text
    assert "mismatch 3 of this dose" in third and "call the quality officer" in third


def test_a_stop_names_the_patient_into_whom_it_runs(signed_in, world: World, dose: OrderedDose) -> None:
    clara = signed_in("clara")
    checked_dose(world, dose)
    world.do("clara", "start_infusion", now=server_time(), dose=dose.code)
    number = look_up(world.installation, world.people["clara"], dose.subject).title
    page = clara.get(f"/bedside?dose={dose.code}").text
    overlay = page.partition("data-stop")[2].partition("</template>")[0]
    world.do("oksana", "hold_lot", now=server_time(), lot=dose.lot.code, reason="A complaint is looked into")
    stopped = clara.get(f"/bedside?dose={dose.code}").text
    assert "is-stop" in stopped
    for shown in (overlay, stopped):
        assert f"infusion 1, Day 1 · {printed(dose.code)}" in shown
        assert number.split()[-1] in shown


@pytest.mark.requirement("R4")
def test_who_checks_signs_for_the_dose_that_was_drawn_up(signed_in, world: World) -> None:
    """Patient, label, volumes, count, viability, diluent, preparer and time stand open above the password."""
    dose = prepared_dose(world, ordered_dose(world, at=server_time() - LATELY))
    clara, scans = signed_in("clara"), bedside(world, dose)
    clara.get("/bedside")
    page = clara.post("/bedside", scans).text
    signs = page.split('class="bed-attest"')[1].split("bed-password")[0]
    row = row_of(world, dose.code)
    for said in (
        printed(dose.code),
        dose.subject,
        dose.lot.code,
        "Drawn from the pool",
        "Volume in the syringe",
        "Viability",
        f"{row.viability_percent.normalize():f} %",
        f"{row.draw_ml.normalize():f} mL",
        "Use before",
        "Prepared by",
        "Diluent",
        "Patient",
        "Vials in the dose",
    ):
        assert said in signs, said
    assert "<details" not in signs and "per kg" not in signs


def test_only_whoever_may_check_gets_what_a_wristband_is_compared_with(signed_in, dose: OrderedDose) -> None:
    """A judgement that goes along has a digest of the wristband, which others would have time to try out."""
    ask = f"/bedside/judgement?dose={dose.code}"
    given = {name: signed_in(name).get(ask).json["judgement"] for name in ("clara", "tina", "quinn", "ada", "otto")}
    assert [name for name, judgement in given.items() if judgement] == ["clara"]

"""An outage, played whole: the network is cut between the two checks of a dose, and comes back when it was given.

The screen says GO only as of its last judgement; what two people did is sealed, waits, and is recorded with its times.
What was given from paper meanwhile is entered by two people from the symbol of its form, and its deviation is found.
"""

import datetime
import json
import re
from typing import Any

import pytest
from playwright.sync_api import Route

from cellbank.domain.identifiers import Form, form_code
from cellbank.services import acts
from cellbank.story import PASSWORD
from tests.browser.stage import Stage
from tests.browser.station import Station

EVERYTHING = """async () => {
  const found = { local: { ...localStorage }, session: { ...sessionStorage }, bases: {}, caches: {} };
  for (const { name } of await indexedDB.databases()) {
    const base = await new Promise((done) => {
      const asked = indexedDB.open(name); asked.onsuccess = () => done(asked.result); });
    for (const store of base.objectStoreNames) found.bases[store] = await new Promise((done) => {
      const asked = base.transaction(store).objectStore(store).getAll(); asked.onsuccess = () => done(asked.result); });
    base.close();
  }
  for (const name of await caches.keys()) { const cache = await caches.open(name);
    for (const request of await cache.keys()) found.caches[request.url] = await (await cache.match(request)).text(); }
  return found;
}"""
OFF = re.compile("ERR_INTERNET_DISCONNECTED|ERR_FAILED")


def kept_in(station: Station) -> dict[str, Any]:
    """All that this browser keeps, wherever a page can keep something."""
    return station.page.evaluate(EVERYTHING)


def cut(station: Station, off: bool = True) -> None:
    station.context.set_offline(off)


def quiet(station: Station) -> None:
    """Chromium complains of every request that found no network; nothing else may be complained of."""
    station.complaints[:] = [line for line in station.complaints if not OFF.search(line)]


def ready(station: Station, dose: str, then: str = "second") -> None:
    """Until the shell is kept, and the judgement after which that is next."""
    station.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    station.until(
        """async ([dose, then]) => !!(await caches.match("/bedside/offline")) && !!navigator.serviceWorker.controller
           && window.kept
           && (await kept.judgements()).some((one) => one.dose === dose && JSON.parse(one.payload).next === then)""",
        [dose, then],
    )


def first_check_online(station: Station, stage: Stage, dose: dict, subject: dict, who: str) -> None:
    station.go("/bedside")
    for field, code in (("dose_label", stage.label(dose["code"])), ("wristband", subject["code"])):
        station.page.locator(f'#bed-input[name="{field}"]').wait_for()
        station.scan(code)
    station.page.locator('#bed-input[name="read_back"]').fill(subject["second_identifier"])
    station.press("Match or STOP?")
    station.page.locator("#bed-name").fill(who)
    station.page.locator("#bed-password").fill(PASSWORD)
    station.press("Sign: verified")
    station.sees("First check done")


def scan_offline(station: Station, label: str, wristband: str) -> None:
    for name, code in (("label", label), ("wristband", wristband)):
        station.page.locator(f"#off-{name}").wait_for()
        station.scan(code)


def sign_offline(station: Station, form: str, who: str, password: str = PASSWORD) -> None:
    station.page.locator(f"#off-{form}-name").fill(who)
    station.page.locator(f"#off-{form}-password").fill(password)
    station.page.locator(f'[data-form="{form}"] button[type="submit"]').click()


@pytest.fixture
def nataliia(station):
    """Nataliia at a screen by the bed."""
    nataliia = station("nataliia")
    yield nataliia
    cut(nataliia, False)
    quiet(nataliia)


def test_the_network_is_cut_between_the_two_checks_and_comes_back(nataliia: Station, stage: Stage) -> None:
    dose, subject = stage.dose("EXP-11", state="PREPARED"), stage.subject("EXP-11")
    code, label = dose["code"], stage.label(dose["code"])
    first_check_online(nataliia, stage, dose, subject, "nataliia")
    ready(nataliia, code)
    nataliia.go("/")
    nataliia.page.locator("#who").click()
    nataliia.press("Sign out")
    nataliia.until("async () => (await kept.judgements()).length === 0")
    nothing_of(kept_in(nataliia), subject)
    nataliia.sign_in("nataliia")
    nataliia.go("/bedside")
    nataliia.scan(label)
    nataliia.page.locator('#bed-input[name="wristband"]').wait_for()
    ready(nataliia, code)
    nataliia.page.get_by_text("Start again").click()
    nataliia.page.locator('#bed-input[name="dose_label"]:focus').wait_for()
    cut(nataliia)
    nataliia.scan(label)  # at the page of the server, which is not there any more
    nataliia.sees("Not connected since", "Taken along", "Scan the wristband", subject["trial_number"])
    nataliia.page.get_by_text("Start again").click()
    nataliia.page.locator("#off-label:focus").wait_for()
    nataliia.scan(old_label(label))
    nataliia.sees("STOP", "The label is not the current one of this dose.", "This stop is kept")
    assert nataliia.page.locator(".off-stop").bounding_box()["height"] > 250
    nataliia.page.get_by_text("Start again").click()
    nataliia.page.locator("#off-label:focus").wait_for()
    nataliia.page.evaluate("() => { const real = Date.now; Date.now = () => real.call(Date) - 600_000; }")
    nataliia.scan(label)
    nataliia.sees("Not checked", "The clock of this screen has been moved.")
    nataliia.page.get_by_text("Start again").click()
    before = datetime.datetime.now(datetime.UTC)
    scan_offline(nataliia, label, subject["code"])
    nataliia.sees("check 2 of 2", "Not compared by the screen", "Nobody’s password was proved", subject["trial_number"])
    for name, said in (
        ("nataliia", "the check needs another person"),
        (badge(stage, "nataliia"), "the check needs another person"),
        ("nobody.here", "Nobody of this name or badge"),
        (badge(stage, "iryna"), "Nobody of this name or badge"),
    ):
        nataliia.page.locator("#off-read").fill(subject["second_identifier"])
        sign_offline(nataliia, "check", name)
        nataliia.page.locator("[data-problem]").get_by_text(said).wait_for()
    nataliia.page.locator("#off-read").fill(subject["second_identifier"])
    sign_offline(nataliia, "check", "petro")
    nataliia.page.get_by_text(re.compile(r"GO as of \d\d:\d\d, not connected")).wait_for()
    classes = nataliia.page.locator("body").get_attribute("class") or ""
    assert "is-go" not in classes.split() and "off-is-go" in classes.split()
    sign_offline(nataliia, "start", "petro")
    nataliia.sees("Infusing, not connected")
    nataliia.page.locator("#off-volume").fill("50")
    sign_offline(nataliia, "stop", "nataliia")
    nataliia.sees("The end of the infusion is kept here.")
    after = datetime.datetime.now(datetime.UTC)
    assert stage.state("dose", code) == "CHECKED_ONCE"  # nothing of it has reached the server

    held = kept_in(nataliia)
    assert len(held["bases"]["acts"]) == 3 and len(held["bases"]["stops"]) == 1
    assert old_label(label) not in json.dumps(held)  # of both labels only the judgement holds what the good one says
    for secret in (PASSWORD, subject["code"], subject["second_identifier"], subject["trial_number"], label[-10:]):
        assert secret not in json.dumps(held["bases"]["acts"]), secret
    assert held["bases"]["judgements"][0].keys() == {"dose", "key", "payload", "signature"}
    assert subject["trial_number"] in held["bases"]["judgements"][0]["payload"]  # people must see whose it is
    held["bases"]["judgements"] = []
    nothing_of(held, subject, but={"session"})

    on_their_way: list[Route] = []
    nataliia.page.route("**/bedside/kept", lambda route: on_their_way.append(route), times=1)
    cut(nataliia, False)
    nataliia.sees("The server is back", "wait until all of it is answered")
    while not on_their_way:
        nataliia.page.wait_for_timeout(100)
    for name in ("Go on with the server", "Start again"):  # nobody goes on beside what the server does not know yet
        assert not nataliia.page.get_by_role("link", name=name).is_visible(), name
    on_their_way[0].continue_()
    nataliia.page.get_by_role("link", name="Go on with the server").wait_for()
    assert nataliia.page.evaluate("async () => (await kept.acts()).length") == 0  # sent one after the other
    assert nataliia.page.locator("[data-form]").locator("visible=true").count() == 0
    assert "off-is-go" not in (nataliia.page.locator("body").get_attribute("class") or "")
    row = stage.rows("SELECT * FROM dose WHERE code = :code", code=code)[0]
    assert row["state"] == "INFUSED" and row["volume_given_ml"] == 50
    names = stage.rows(
        "SELECT f.name AS first, s.name AS second FROM dose d JOIN person f ON f.id = d.first_checked_by_id "
        "JOIN person s ON s.id = d.second_checked_by_id WHERE d.code = :code",
        code=code,
    )
    assert names == [{"first": "nataliia", "second": "petro"}]
    times = [row["second_checked_at"], row["infusion_started_at"], row["infusion_stopped_at"]]
    assert times == sorted(times) and before <= times[0] and times[-1] <= after
    held = kept_in(nataliia)
    assert held["bases"]["acts"] == [] and held["bases"]["judgements"] == []
    nothing_of(held, subject)
    nataliia.page.get_by_role("link", name="Go on with the server").click()
    nataliia.arrives("/bedside")
    for _ in range(50):
        if not kept_in(nataliia)["bases"]["stops"]:
            break
        nataliia.page.wait_for_timeout(200)
    near_misses = stage.rows(
        "SELECT given ->> 'reason_code' AS reason FROM act "
        "WHERE name = 'report_unreadable_scan' AND given ->> 'raw' = :raw",
        raw=old_label(label),
    )
    assert near_misses == [{"reason": "DOSE_LABEL_MISMATCH"}]


def badge(stage: Stage, name: str) -> str:
    """What a scanner reads from somebody's badge."""
    return stage.one("SELECT code FROM person WHERE name = :name", name=name)


def old_label(label: str) -> str:
    """The symbol of the same dose with another minute."""
    return label[:-2] + ("01" if not label.endswith("01") else "02")


def nothing_of(held: dict[str, Any], subject: dict, but: frozenset[str] | set[str] = frozenset()) -> None:
    """Nothing in the browser says who the patient is."""
    said = json.dumps({name: part for name, part in held.items() if name not in but})
    for known in (subject["code"], subject["trial_number"], subject["second_identifier"], str(subject["born_on"])):
        assert known not in said, known


HOUR, MINUTE = datetime.timedelta(hours=1), datetime.timedelta(minutes=1)
WHY = "The network was down, and the server with it"


def later(monkeypatch: pytest.MonkeyPatch, by: datetime.timedelta) -> None:
    """The outage is over so long afterwards, by the clock of the server."""
    real = acts.server_time
    monkeypatch.setattr(acts, "server_time", lambda: real() + by)


def on_the_clock(stage: Stage, at: datetime.datetime) -> str:
    """A time as somebody types it into a form."""
    return f"{at.astimezone(stage.installation.config.timezone):%Y-%m-%dT%H:%M}"


def test_a_thaw_is_told_late_in_the_fields_that_open_for_it(
    station, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    dose = stage.dose("EXP-10", state="PICKED")["code"]
    vial, thawed = stage.vials(dose, "PICKED")[0], acts.server_time().replace(second=0, microsecond=0) + MINUTE
    later(monkeypatch, 2 * HOUR)
    olena = station("olena")
    olena.go(f"/act/thaw_vial?dose={dose}&vial={vial}")
    assert not olena.field("happened_at").is_visible()
    olena.page.get_by_text("It happened earlier").click()
    olena.fill(happened_at=on_the_clock(stage, thawed))
    olena.submit()
    assert olena.reasons == ["LATE_REASON_NEEDED"] and olena.field("entered_late_because").is_visible()
    olena.fill(entered_late_because=WHY)
    olena.submit()
    olena.done("thaw_vial")
    assert stage.one("SELECT thawed_at FROM vial WHERE code = :vial", vial=vial) == thawed
    wall = thawed.astimezone(stage.installation.config.timezone)
    olena.sees(f"{wall:%Y-%m-%d %H:%M}", WHY)
    olena.go(f"/record/{vial}")
    olena.sees(WHY)


def test_a_dose_given_on_paper_is_entered_by_two_people_and_its_deviation_is_found(
    station, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    dose = stage.dose("EXP-12", state="THAWING")
    code, lot = dose["code"], stage.one("SELECT code FROM lot WHERE id = :id", id=dose["lot_id"])
    thawed = dose["thaw_started_at"].replace(second=0, microsecond=0)
    started = thawed + 5 * HOUR  # long after what stands in albumin may be given
    stage.do("iryna", "hold_lot", lot=lot, reason="A contamination is suspected")
    later(monkeypatch, 7 * HOUR)

    nataliia, petro = station("nataliia"), station("petro")
    nataliia.scan_to(form_code(Form.BEDSIDE, code), "/act/enter_dose_from_paper")
    times = {
        "thaw__started_at": thawed, "count__counted_at": thawed + 20 * MINUTE,
        "preparation__prepared_at": thawed + 30 * MINUTE, "first_checked_at": started - 10 * MINUTE,
        "second_checked_at": started - 8 * MINUTE, "started_at": started, "stopped_at": started + 15 * MINUTE,
    }  # fmt: skip
    vials = stage.vials(code, "THAWED")
    nataliia.fill(
        **{name: on_the_clock(stage, at) for name, at in times.items()},
        thaw__vials="\n".join(vials),
        count__diluent="albumin",
        count__pooled_ml=5 * len(vials),
        count__total_cells_per_ml=4_650_000,
        count__viability_percent="87.5",
        count__method="trypan blue",
        preparation__prepared_by="olena",
        preparation__drawn_ml=drawn(stage, dose),
        preparation__final_volume_ml=50,
        volume_given_ml=50,
        reason=WHY,
    )
    nataliia.check()  # what is signed is the form as it will be kept, with what was not allowed about it
    nataliia.sees("The form as it was entered", "Not allowed about it", "could be used until")
    nataliia.sign()
    nataliia.submit()
    nataliia.done("enter_dose_from_paper")
    assert stage.state("dose", code) == "THAWING"  # one person alone gives no dose

    petro.scan_to(form_code(Form.BEDSIDE, code), "/act/confirm_dose_from_paper")
    petro.sees(WHY, "could be used until")
    petro.fill(happened_at=on_the_clock(stage, started), entered_late_because=WHY)
    petro.check()  # what follows from the form stands there before it is signed
    petro.sees("What will stand in the dose", "Living cells drawn")
    petro.sign()
    petro.submit()
    petro.done("confirm_dose_from_paper")
    row = stage.rows("SELECT * FROM dose WHERE code = :code", code=code)[0]
    assert (row["state"], row["infusion_started_at"]) == ("INFUSED", started)

    iryna = station("iryna")
    iryna.sees("Deviations to investigate", "told late, and not allowed when it happened")
    found = stage.one(
        "SELECT v.code FROM deviation v JOIN deviation_link l ON l.deviation_id = v.id WHERE l.record_code = :dose",
        dose=code,
    )
    iryna.go(f"/record/{found}")
    iryna.sees("critical", WHY, "OUT_OF_TIME", "ON_HOLD", code, lot)


def drawn(stage: Stage, dose: dict[str, Any]) -> str:
    """What was drawn up for this dose, of 4.65 million cells per mL of which 87.5 % live."""
    return f"{dose['required_cells'] / (4_650_000 * 0.875):.1f}"

"""The bedside fails closed: no combination of wrong inputs is a Match or a GO, and a yes on the screen does not outlive
what it was judged by."""

import datetime
import itertools
from typing import Any

import pytest

from cellbank.story import PASSWORD
from tests.browser.stage import Stage
from tests.browser.station import Station
from tests.browser.test_clinician import at_the_bed, check_second

# What a person would take for a yes.
YES_WORDS = ("GO", "Match, check", "Infusion is running", "Start the infusion")
YES_CLASSES = {"is-go", "is-match", "is-running"}
HELD = "(await kept.judgements()).length"
# The answers to many forms of the bedside, read as the page would show them before its scripts run.
ANSWERS = """async forms => {
  const answers = [];
  for (const values of forms) {
    const form = new FormData();
    for (const [name, value] of Object.entries(values)) form.append(name, value);
    form.append("csrf_token", document.querySelector("meta[name=csrf-token]").content);
    const answer = await fetch("/bedside", { method: "POST", body: form, headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html"), main = page.querySelector("main");
    for (const unseen of main.querySelectorAll("template, script, [hidden]")) unseen.remove();
    answers.push({classes: [...page.body.classList], words: main.textContent, sound: page.body.dataset.sound});
  }
  return answers;
}"""
SEEN = """() => ({classes: [...document.body.classList], words: document.querySelector('main').innerText,
                  sound: document.body.dataset.sound})"""


def send(station: Station, values: dict[str, str]) -> None:
    """Send a form of the bedside with these values as the page would, and wait for what comes."""
    with station.page.expect_navigation():
        station.page.evaluate(
            """values => {
                const form = document.createElement("form");
                form.method = "post";
                form.action = "/bedside";
                const all = {...values, csrf_token: document.querySelector("meta[name=csrf-token]").content};
                for (const [name, value] of Object.entries(all)) {
                    const field = document.createElement("input");
                    field.type = "hidden"; field.name = name; field.value = value;
                    form.append(field);
                }
                document.body.append(form);
                form.submit();
            }""",
            values,
        )


def says_yes(station: Station) -> str:
    """What on the page a person would take for a yes; nothing when there is none."""
    return yes_in(station.page.evaluate(SEEN))


def yes_in(seen: dict[str, Any]) -> str:
    """The same of a page that was read."""
    lines = [line.strip() for line in seen["words"].splitlines()]
    words = [word for word in YES_WORDS if any(line.startswith(word) for line in lines)]
    return " ".join([*words, *YES_CLASSES.intersection(seen["classes"]), *({"go", "yes"} & {seen["sound"]})])


def bad_inputs(stage: Stage, dose: dict[str, Any]) -> list[dict[str, str]]:
    """Every combination of a right and some wrong values in which at least one is wrong."""
    right, other = stage.subject("EXP-11"), stage.subject("EXP-10")
    local = dose["expires_at"].astimezone(stage.installation.config.timezone)
    label, donor = stage.label(dose["code"]), stage.one("SELECT code FROM donor ORDER BY id LIMIT 1")
    old = label.replace(f"{local:%H%M}", f"{local + datetime.timedelta(hours=1):%H%M}")
    assert old != label
    choices = {
        "dose_label": (label, dose["code"], old, label[:-6], right["code"]),
        "wristband": (right["code"], other["code"], donor, right["code"][:-1] + "?"),
        "read_back": (right["second_identifier"], "", other["second_identifier"]),
        "second.name": ("nataliia", "nobody.of.this.name"),
    }
    all_of_them = itertools.product(*choices.values())
    return [
        dict(zip(choices, one, strict=True))
        for one in all_of_them
        if any(value != values[0] for value, values in zip(one, choices.values(), strict=True))
    ]


def test_no_combination_of_wrong_inputs_is_a_match_or_a_go(station, stage: Stage) -> None:
    """Label, wristband, read-back and name, right and wrong in every way: the answer to each is read, and the page of
    those that are wrong in one thing is looked at."""
    dose, nataliia = stage.dose("EXP-11", state="PREPARED"), station("nataliia")
    nataliia.go("/bedside")
    combinations = bad_inputs(stage, dose)
    assert len(combinations) >= 60
    answers = nataliia.page.evaluate(ANSWERS, combinations)
    assert [one for one in zip(combinations, map(yes_in, answers), strict=True) if one[1]] == []
    right = {**combinations[0], "second.name": "nataliia"}
    wrong = []
    for values in combinations:
        if sum(value != right[name] for name, value in values.items()) > 1:
            continue
        send(nataliia, values)
        if found := says_yes(nataliia):
            wrong.append((values, found))
    assert wrong == []
    assert stage.state("dose", dose["code"]) == "PREPARED"
    # What the others differ from.
    del right["second.name"]
    right["read_back"] = str(stage.subject("EXP-11")["born_on"])
    assert "Match" in yes_in(nataliia.page.evaluate(ANSWERS, [right])[0])
    send(nataliia, right)
    assert "Match" in says_yes(nataliia)


@pytest.fixture
def scans(stage: Stage) -> tuple[str, str, str]:
    """What is right of EXP-11."""
    dose, subject = stage.dose("EXP-11", state="PREPARED"), stage.subject("EXP-11")
    return stage.label(dose["code"]), subject["code"], subject["second_identifier"]


def test_another_day_another_lot_state_and_another_person_are_no_match(
    station, stage: Stage, scans, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same right scans, on other days, with the lot held, and by people who may not."""
    from cellbank.services import acts

    dose, real = stage.dose("EXP-11", state="PREPARED"), acts.server_time
    values = dict(zip(("dose_label", "wristband", "read_back"), scans, strict=True))
    olena, nataliia = station("olena"), station("nataliia")
    for days in (-1, 1, 3):
        monkeypatch.setattr(acts, "server_time", lambda days=days: real() + datetime.timedelta(days=days))
        nataliia.go("/bedside")
        send(nataliia, values)
        assert says_yes(nataliia) == "", days
    monkeypatch.setattr(acts, "server_time", real)
    olena.go("/bedside")
    send(olena, values)
    assert says_yes(olena) == ""
    lot = stage.one("SELECT code FROM lot WHERE id = :id", id=dose["lot_id"])
    hold = stage.do("iryna", "hold_lot", lot=lot, reason="A contamination is suspected")["hold"]
    nataliia.go("/bedside")
    send(nataliia, values)
    assert says_yes(nataliia) == "" and "is-stop" in nataliia.page.evaluate(SEEN)["classes"]
    stage.do("iryna", "lift_hold", hold=hold, reason="The plates stayed clean")


def test_a_go_turns_into_a_stop_when_the_lot_is_held_and_into_not_checked_without_a_server(
    station, stage: Stage, scans
) -> None:
    """GO, then a hold: STOP within seconds. Running, then no network: not checked since. Then a hold: STOP, with the
    volume and one click."""
    dose, nataliia = stage.dose("EXP-11", state="PREPARED"), station("nataliia")
    lot = stage.one("SELECT code FROM lot WHERE id = :id", id=dose["lot_id"])
    nataliia.go("/bedside")
    at_the_bed(nataliia, *scans)
    nataliia.page.locator("#bed-password:focus").wait_for()
    nataliia.page.keyboard.type(PASSWORD)
    nataliia.keys("Enter")
    nataliia.sees("First check done")
    check_second(nataliia, *scans, "petro")
    assert "GO" in says_yes(nataliia) and nataliia.page.evaluate(SEEN)["sound"] == "go"

    hold = stage.do("iryna", "hold_lot", lot=lot, reason="A contamination is suspected")["hold"]
    stop = nataliia.page.locator(".watch-stop")
    stop.get_by_text(lot).first.wait_for(timeout=10_000)
    box = stop.bounding_box()
    assert box["width"] >= 1366 and box["height"] >= 768 and "Do not infuse." in stop.inner_text()
    stage.do("iryna", "lift_hold", hold=hold, reason="The plates stayed clean")
    nataliia.press("Seen: look again")
    nataliia.press("Start the infusion")
    nataliia.sees("Infusion is running")

    petro = station("petro")  # at another screen
    petro.go(f"/bedside?dose={dose['code']}")
    petro.until(f"async () => {HELD} === 1")
    petro.go("/")

    nataliia.page.locator("#bed-volume").fill("12")
    nataliia.context.set_offline(True)
    nataliia.page.get_by_text("Not checked since").wait_for(timeout=6_000)  # the first failed answer is enough
    assert says_yes(nataliia) == ""
    nataliia.page.get_by_role("link", name="Go on without the server").click()
    nataliia.sees("Not connected since", "Scan the label on the dose")
    nataliia.scan(scans[0])
    nataliia.sees("Infusing, not connected")
    assert nataliia.page.locator("#off-volume").input_value() == "12"  # what was typed comes along
    nataliia.complaints.clear()  # of Chromium about the network that was cut
    nataliia.context.set_offline(False)
    nataliia.page.get_by_role("link", name="Go on with the server").click()
    nataliia.page.locator("body.is-running").wait_for(timeout=10_000)

    stage.do("iryna", "hold_lot", lot=lot, reason="A contamination is suspected")
    stop.get_by_text("Stop the infusion.").wait_for(timeout=10_000)
    nataliia.page.locator("#watch-volume:focus").wait_for()
    nataliia.page.keyboard.type("20")
    with nataliia.page.expect_navigation():
        nataliia.keys("Enter")
    assert stage.state("dose", dose["code"]) == "INFUSED"
    assert petro.page.evaluate(f"async () => {HELD}") == 1
    petro.go("/")  # what was closed elsewhere leaves every screen
    petro.until(f"async () => {HELD} === 0")
    assert lot in stage.one("SELECT outcome_reason FROM dose WHERE code = :code", code=dose["code"])

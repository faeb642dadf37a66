"""The clinician's way: a subject from screening to an ordered dose, and a dose from its label to the empty vials.

The second person acts on the same screen with a name and a password of their own; the first one stays signed in.
"""

import datetime

from cellbank.domain.identifiers import printed
from cellbank.story import PASSWORD
from cellbank.story.clinic import ANSWERS
from tests.browser.stage import Stage
from tests.browser.station import Station

HAS_SIGNED = """SELECT p.name FROM signature s JOIN person p ON p.id = s.person_id
    WHERE s.record_kind = 'dose' AND s.record_id = :dose AND s.meaning = 'verified' ORDER BY s.id"""

CONFIRMED_BY = """SELECT p.name FROM weight w JOIN person p ON p.id = w.confirmed_by_id
    JOIN subject s ON s.id = w.subject_id WHERE s.code = :subject"""

GIVEN_TO_ONE_IN_TREATMENT = """SELECT d.code AS dose, s.code AS subject, s.trial_number FROM dose d
    JOIN subject s ON s.id = d.subject_id WHERE d.state = 'RECONCILED' AND s.state = 'ENROLLED' ORDER BY d.id LIMIT 1"""

DOSES_OF = "SELECT count(*) FROM dose d JOIN subject s ON s.id = d.subject_id WHERE s.code = :subject"


def test_a_subject_is_enrolled_assessed_weighed_by_two_and_a_dose_is_ordered(station, stage: Stage) -> None:
    nataliia = station("nataliia")
    nataliia.sees("Subjects being assessed", "Weights to confirm")
    subject = _enrol(nataliia, stage)
    _assess(nataliia)
    nataliia.go(f"/act/sign_eligibility?subject={subject}")
    nataliia.sign()
    nataliia.submit()
    nataliia.done("sign_eligibility")
    assert stage.state("subject", subject) == "ENROLLED"
    _weigh(nataliia, stage, subject)
    _order(nataliia, stage, subject)


def _enrol(nataliia: Station, stage: Stage) -> str:
    today = datetime.datetime.now(stage.installation.config.timezone).date().isoformat()
    nataliia.go("/")
    nataliia.choose("enrol_subject")
    nataliia.fill(trial_number="EXP-16", second_identifier="KH4-77001", sex="female", born_on="1967-05-20")
    nataliia.fill(consented_on=today, arm="EXP")
    nataliia.submit()
    nataliia.done("enrol_subject")
    return stage.subject("EXP-16")["code"]


def _assess(nataliia: Station) -> None:
    """Answer every question of the protocol; FiO2 typed as per cent first."""
    nataliia.choose("answer_criteria")
    for code, answer in ANSWERS.items():
        question = nataliia.page.locator(f'fieldset.question:has(input[type="hidden"][value="{code}"])')
        if isinstance(answer, int):
            question.locator('input[inputmode="decimal"]').fill(str(answer))
        else:
            question.locator(f'input[value="{answer}"]').check()
    nataliia.fill(pao2_mmhg="75", fio2="40")
    nataliia.submit()
    assert "0.40" in nataliia.text(".field-wrong") and nataliia.field("pao2_mmhg").input_value() == "75"
    nataliia.fill(fio2="0.40")
    nataliia.submit()
    nataliia.done("answer_criteria")


def _weigh(nataliia: Station, stage: Stage, subject: str) -> None:
    """Nataliia weighs; Petro reads the scale and confirms on her screen."""
    nataliia.go(f"/act/measure_weight?subject={subject}")
    nataliia.fill(weight_kg="62.4", method="standing_scale")
    nataliia.submit()
    nataliia.done("measure_weight")
    nataliia.choose("confirm_weight")
    nataliia.fill(weight_kg="62.4")
    nataliia.submit()
    assert "SAME_PERSON" in nataliia.reasons
    nataliia.page.locator("#f-second-name").fill("petro")
    nataliia.page.locator("#f-second-password").fill(PASSWORD)
    nataliia.submit()
    nataliia.done("confirm_weight")
    assert nataliia.text("#who") == "Nataliia Melnyk"
    assert stage.one(CONFIRMED_BY, subject=subject) == "petro"


def _order(nataliia: Station, stage: Stage, subject: str) -> None:
    """Every step of the arithmetic stands there before anything is reserved, and stays with the order."""
    nataliia.go(f"/record/{subject}")
    nataliia.choose("order_dose")
    nataliia.check()
    nataliia.sees("This can be recorded", "62.4")
    assert stage.one(DOSES_OF, subject=subject) == 0
    assert nataliia.page.locator(".to-sign table tbody tr").count() >= 4
    nataliia.sign()
    nataliia.submit()
    nataliia.done("order_dose")
    dose = stage.dose("EXP-16", state="ORDERED")
    assert dose["required_cells"] == 62_400_000
    nataliia.go(f"/record/{dose['code']}")
    nataliia.sees("How the dose was calculated", "Pick list, in the order of the tank")


# From the label to GO: what two people typed before a badge could be scanned, and both names twice.
KEYS_ONCE = 71


def test_a_dose_is_checked_by_two_on_one_screen_given_and_accounted_for(station, stage: Stage) -> None:
    dose = stage.dose("EXP-11", state="PREPARED")
    code, subject = dose["code"], stage.subject("EXP-11")
    nataliia = station("nataliia")
    nataliia.sees("Doses for the bedside")
    nataliia.go("/bedside")
    scans, born = (stage.label(code), subject["code"]), f"{subject['born_on']:%d%m%y}"
    # The first: label, wristband, the birth date as the patient says it; then the password for the match that she sees.
    at_the_bed(nataliia, *scans, born)
    nataliia.sees("check 1 of 2", "Do not infuse yet", "Since thaw")
    assert "is-go" not in nataliia.page.locator("body").get_attribute("class")
    nataliia.page.keyboard.type(PASSWORD)
    nataliia.keys("Enter")
    nataliia.sees("First check done")
    # The second: label, wristband, the record number from the chart, his badge; and one password.
    scan_both(nataliia, *scans)
    for scanned in (subject["second_identifier"], stage.one("SELECT code FROM person WHERE name = 'petro'")):
        nataliia.scan(scanned)
    nataliia.page.locator("#bed-password:focus").wait_for()
    nataliia.page.keyboard.type(PASSWORD)
    nataliia.keys("Enter")
    nataliia.sees("Both checks done")
    keys = len(born) + 1 + 2 * (len(PASSWORD) + 1)
    assert keys <= KEYS_ONCE // 2, keys
    assert [row["name"] for row in stage.rows(HAS_SIGNED, dose=dose["id"])] == ["nataliia", "petro"]
    nataliia.sees("Checked by Nataliia Melnyk and Petro Kravets.")
    nataliia.press("Start the infusion")
    nataliia.sees("Infusion is running")
    assert stage.state("dose", code) == "INFUSING"
    nataliia.page.locator("#bed-reaction").fill("Chills for five minutes; slowed down")
    nataliia.page.locator("[name=serious][value=false]").check()
    nataliia.press("Note the reaction")
    nataliia.page.locator("#bed-volume").fill("50")
    nataliia.press("The infusion has ended")
    nataliia.choose("reconcile_infusion")
    for vial in stage.vials(code, "INFUSED"):
        nataliia.scan(vial)
    nataliia.fill(residual_ml="0")
    nataliia.submit()
    nataliia.done("reconcile_infusion")
    assert stage.state("dose", code) == "RECONCILED"
    assert "Chills for five minutes" in stage.one(
        "SELECT r.text FROM reaction r JOIN dose d ON d.id = r.dose_id WHERE d.code = :code", code=code
    )


def test_after_a_serious_reaction_a_clinician_sees_the_stop_and_decides(station, stage: Stage) -> None:
    [given] = stage.rows(GIVEN_TO_ONE_IN_TREATMENT)
    noted = {"serious": True, "reaction": "Shortness of breath; two days in hospital"}
    stage.do("petro", "record_reaction", dose=given["dose"], **noted)
    nataliia = station("nataliia")
    reaction = f"serious reaction to dose {printed(given['dose'])}"
    nataliia.sees("Treatment stopped", f"Subject {given['trial_number']}", reaction)
    nataliia.go(f"/record/{given['subject']}")
    nataliia.sees("No further dose before a clinician has decided", f"serious reaction to dose {given['dose']}")
    nataliia.page.get_by_role("link", name="Decide that treatment goes on").first.click()
    nataliia.arrives("/act/continue_treatment")
    nataliia.sees("What you decide about", "Serious reaction", "Shortness of breath", "Petro Kravets")
    nataliia.fill(reason="Seen by the safety board; passed without harm")
    nataliia.sign()
    nataliia.submit()
    nataliia.done("continue_treatment")
    nataliia.go(f"/record/{given['subject']}")
    assert "No further dose before" not in nataliia.text()
    nataliia.go(f"/record/{given['dose']}")
    nataliia.sees("Serious", "Shortness of breath")


def scan_both(station: Station, label: str, wristband: str) -> None:
    """Scan label and wristband, each in its turn."""
    for code, asked in ((label, "dose_label"), (wristband, "wristband")):
        station.page.locator(f'#bed-input[name="{asked}"]').wait_for()
        station.scan(code)
    station.page.locator('#bed-input[name="read_back"]').wait_for()


def at_the_bed(station: Station, label: str, wristband: str, read_back: str) -> None:
    """Scan label and wristband, type what the patient says, and ask for the verdict of the first check."""
    scan_both(station, label, wristband)
    station.types(read_back)
    with station.page.expect_navigation():
        station.keys("Enter")


def check_second(station: Station, label: str, wristband: str, read_back: str, name: str) -> None:
    """The second check, by typed name and password."""
    scan_both(station, label, wristband)
    station.types(read_back)
    station.page.locator("#bed-name").fill(name)
    station.page.locator("#bed-password").fill(PASSWORD)
    station.press("Check and sign: verified")

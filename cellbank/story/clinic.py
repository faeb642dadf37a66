"""Second half of the story: thirty subjects in two arms, the treatment arm at every stage of Day 1, 4 and 7."""

import datetime
from dataclasses import dataclass
from typing import Any

from cellbank.domain.identifiers import dose_symbol
from cellbank.story.cast import BORN_AS_OF, CONTROLS, TREATED, SubjectPart
from cellbank.story.player import HOUR, MINUTE, Player
from cellbank.story.production import Made

DAYS = (0, 3, 6)  # of infusions 1, 2 and 3 after the first
POOL_ML_PER_VIAL = 5
HOURS_WITH_ALBUMIN = 4
# Severe pneumonia, not ventilated, nothing against taking part.
ANSWERS: dict[str, Any] = {
    **dict.fromkeys(("pcr_positive", "pneumonia"), "yes"),
    **dict.fromkeys(
        ("pregnancy", "systemic_disease", "other_trial", "cannot_comply", "hiv_or_syphilis", "organ_failure"), "no"
    ),
    "respiratory_rate": 31,
    "spo2": 91,
    "ventilation_hours": "not_applicable",
}


@dataclass(frozen=True)
class Patient:
    """A subject of the story, enrolled."""

    part: SubjectPart
    code: str
    second_identifier: str


@dataclass(frozen=True)
class Count:
    """What the counter said after thaw: total cells per mL and viability."""

    per_ml: int
    viability: str


# All treated before that lot was put on hold.
FROM_THE_SECOND_LOT = ("EXP-05", "EXP-06", "EXP-07", "EXP-08")
ASLEEP = ("EXP-03", "EXP-06")  # subjects at whose bed something nearly went wrong
USUAL = Count(4_650_000, "87.5")
POOR = Count(4_000_000, "74.5")


def play(story: Player, made: Made) -> None:
    """Play the second half."""
    patients = [_enrol(story, part, "EXP") for part in TREATED]
    for part in CONTROLS:
        _enrol(story, part, "CTL")
    held = False
    for day in range(max(part.first_days_ago for part in TREATED), -1, -1):
        if day <= 3 and not held:
            held = True
            _hold(story, made.lots["PL-002"])
        for patient in patients:
            _treat(story, made, patient, day)
    _near_misses(story, patients)


def _enrol(story: Player, part: SubjectPart, arm: str) -> Patient:
    at = story.ago(part.first_days_ago + 1, 11)
    second = f"KH4-{story.chance.randrange(10_000, 99_999)}"
    subject = story.do(
        "nataliia",
        "enrol_subject",
        at,
        trial_number=part.number,
        second_identifier=second,
        sex=part.sex,
        born_on=_born(part, at),
        consented_on=at.date().isoformat(),
        arm=arm,
    )["code"]
    if part.ends != "screening":
        gas = {"pao2_mmhg": 75, "fio2": "0.40"}
        story.do("nataliia", "answer_criteria", at + HOUR, subject=subject, answers=_answers(part), **gas)
        story.do("petro", "sign_eligibility", at + 2 * HOUR, subject=subject)
    return Patient(part, subject, second)


def _answers(part: SubjectPart) -> dict[str, Any]:
    """Pregnancy is asked of women."""
    return {code: answer for code, answer in ANSWERS.items() if part.sex == "female" or code != "pregnancy"}


def _born(part: SubjectPart, at: datetime.datetime) -> str:
    year, rest = part.born.split("-", 1)
    return f"{int(year) + at.year - BORN_AS_OF}-{rest}"


def _treat(story: Player, made: Made, patient: Patient, days_ago: int) -> None:
    """What happens to this patient on this day."""
    part = patient.part
    since = part.first_days_ago - days_ago
    if part.ends == "weighed" and days_ago == 0:
        _weigh(story, patient, story.today - 40 * MINUTE, confirm=False)
    for number, stage in enumerate(part.stages, start=1):
        if since == DAYS[number - 1] + (3 if stage == "late" else 0):
            _infusion(story, made, patient, stage, days_ago)
    if part.ends == "withdrawn" and since == 2:
        story.do("petro", "withdraw_subject", story.ago(days_ago, 10), subject=patient.code, reason="Withdrew consent")
    if part.ends == "completed" and since == 14:
        story.do("nataliia", "complete_subject", story.ago(days_ago, 10), subject=patient.code)


def _weigh(story: Player, patient: Patient, at: datetime.datetime, *, confirm: bool = True) -> None:
    weight = str(patient.part.weight_kg)
    code = story.do("nataliia", "measure_weight", at, subject=patient.code, weight_kg=weight, method="bed_scale")[
        "code"
    ]
    if confirm:
        story.do("petro", "confirm_weight", at + 3 * MINUTE, weight=code, weight_kg=weight)


def _infusion(story: Player, made: Made, patient: Patient, stage: str, days_ago: int) -> None:
    """One infusion, as far as `stage` says: ordered, picked, thawed, at the bedside, or given."""
    minutes = {"ordered": 5, "picked": 25, "thawed": 30, "bedside": 65}
    start = story.today - minutes[stage] * MINUTE if stage in minutes else story.ago(days_ago, 9)
    overnight = stage in minutes and start < (midnight := _midnight(story))
    if overnight:  # the story ends in the first hour of a day: this dose was made ready the evening before
        start = midnight - minutes["bedside"] * MINUTE
    _weigh(story, patient, start - 2 * HOUR)
    given = {"deviation_reason": "Fever on the planned day; infusion postponed"} if stage == "late" else {}
    if patient.part.number in FROM_THE_SECOND_LOT:
        given["lot"] = made.lots["PL-002"]
    ordered = story.do("nataliia", "order_dose", start, subject=patient.code, **given)
    dose, vials = ordered["code"], ordered["vials"]
    spare = int(ordered["calculation"]["spare_vials"])
    needed = vials[: len(vials) - spare]
    _make_ready(story, made, patient, stage, start, dose, needed)
    if overnight:
        story.do("nataliia", "plan_dose_anew", story.today, dose=dose, reason="It was made ready before midnight")


def _midnight(story: Player) -> datetime.datetime:
    """When the day of the site began on which the story ends."""
    local = story.today.astimezone(story.installation.config.timezone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(datetime.UTC)


def _make_ready(
    story: Player, made: Made, patient: Patient, stage: str, start: datetime.datetime, dose: str, needed: list[str]
) -> None:
    """An ordered dose on its way, as far as `stage` says."""
    if stage == "ordered":
        return
    if patient.part.number in ASLEEP:
        story.near_miss("olena", "thaw_vial", start + 10 * MINUTE, "WRONG_STATE", dose=dose, vial=needed[0])
    for vial in needed:
        place = {"box": made.boxes[vial], "dewar": made.dewar}
        story.do("olena", "pick_vial", start + 15 * MINUTE, dose=dose, vial=vial, **place)
    if stage == "picked":
        return
    thawed_at = start + 17 * MINUTE
    for number, vial in enumerate(needed):
        story.do("olena", "thaw_vial", thawed_at + number * MINUTE, dose=dose, vial=vial)
    if stage == "thawed":
        return
    _prepare(story, dose, needed, POOR if stage == "short" else USUAL, start + 30 * MINUTE)
    if stage != "bedside":
        _give(story, patient, dose, needed, thawed_at, start + 55 * MINUTE, short=stage == "short")


def _prepare(story: Player, dose: str, vials: list[str], count: Count, at: datetime.datetime) -> None:
    pooled = POOL_ML_PER_VIAL * len(vials)
    counted = story.do(
        "olena",
        "pool_and_count",
        at,
        dose=dose,
        vials=vials,
        diluent="albumin",
        pooled_ml=pooled,
        total_cells_per_ml=count.per_ml,
        viability_percent=count.viability,
        method="trypan blue",
    )
    given: dict[str, Any] = {"dose": dose, "drawn_ml": counted["draw"]["drawn_ml"], "final_volume_ml": "50"}
    if counted["draw"]["is_short"]:
        given["reason"] = "Short dose accepted by the physician"
        story.do(
            "petro",
            "accept_short_dose",
            at + 5 * MINUTE,
            dose=dose,
            reason="No further vial can be thawed in time; 86 % of the dose is acceptable today",
        )
    story.do("olena", "prepare_dose", at + 10 * MINUTE, **given)


def _give(
    story: Player,
    patient: Patient,
    dose: str,
    vials: list[str],
    thawed_at: datetime.datetime,
    at: datetime.datetime,
    *,
    short: bool,
) -> None:
    """Two checks, the infusion, the account of what is left."""
    reason = {"reason": "The whole of a short dose was given"} if short else {}
    scans = _bedside_scans(story, patient, dose, thawed_at)
    if patient.part.number in ASLEEP:  # somebody else answered for the patient
        said = {**scans, "read_back": "1958-01-01"}
        story.near_miss("nataliia", "check_dose", at - MINUTE, "WRISTBAND_MISMATCH", **said)
        story.near_miss("petro", "start_infusion", at - MINUTE, "WRONG_STATE", dose=dose)
    story.do("nataliia", "check_dose", at, **scans)
    story.do("petro", "check_dose", at + 2 * MINUTE, **scans)
    story.do("nataliia", "start_infusion", at + 4 * MINUTE, dose=dose)
    story.do("nataliia", "stop_infusion", at + 16 * MINUTE, dose=dose, volume_given_ml="50", **reason)
    if patient.part.number == "EXP-05":
        story.do(
            "nataliia",
            "record_reaction",
            at + 40 * MINUTE,
            dose=dose,
            serious=False,
            reaction="Chills for ten minutes; no treatment",
        )
    story.do("olena", "reconcile_infusion", at + 60 * MINUTE, dose=dose, residual_ml="0", vials=vials)


def _bedside_scans(story: Player, patient: Patient, dose: str, thawed_at: datetime.datetime) -> dict[str, str]:
    """What two scanners read: the label on the bag and the band on the wrist; and what the patient says."""
    expires = thawed_at + HOURS_WITH_ALBUMIN * HOUR
    local = expires.astimezone(story.installation.config.timezone).replace(tzinfo=None, second=0, microsecond=0)
    label = dose_symbol(dose, local)
    return {"dose_label": label, "wristband": patient.code, "read_back": patient.second_identifier}


def _hold(story: Player, lot: str) -> None:
    story.do(
        "maksym",
        "hold_lot",
        story.ago(3, 8),
        lot=lot,
        reason="The supplier reports a complaint about this lot of cryoprotectant; under investigation",
    )


def _near_misses(story: Player, patients: list[Patient]) -> None:
    """What was about to happen and did not, and labels that a scanner could not read."""
    for days_ago in (40, 9, 8):
        story.do(
            "olena",
            "report_unreadable_scan",
            story.ago(days_ago, 10),
            raw="A99992600000100",
            reason="The code is cut short: frost on the label.",
        )
    screening = next(patient for patient in patients if patient.part.ends == "screening")
    story.near_miss("nataliia", "order_dose", story.today - 10 * MINUTE, "SUBJECT_NOT_ENROLLED", subject=screening.code)

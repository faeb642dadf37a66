"""Permission and fact: which acts tell of what has happened, how late, and what a late one could no longer forbid.

A permission may be refused; a fact may not. An act that *asks* (order, reserve, release) is refused when it is not
allowed. An act that *tells* (thawed, given, harvested, lost) is refused while it could still be left undone. Entered
late, with the reason, it is recorded: what only forbade it (`refusals.FORBIDS`) becomes an irregularity, and one
deviation names them all. What cannot be, cannot be read, or is for somebody else to enter is refused all the same.

Twins in the database: `may` (what a late fact passes), an_irregular_fact_has_a_deviation, ck_act_told_late,
ck_act_not_told_ahead.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from cellbank.domain.refusals import FORBIDS, GRAVITY, Code, Refusal, refuse

# Times are written down to the minute.
WRITTEN = timedelta(minutes=1)
# Clocks of people and of the server differ, and minutes are rounded; less than this is not "the future".
CLOCK_SKEW = WRITTEN

TELLS = frozenset(
    {
        # production
        "receive_donation", "receive_reagent", "open_reagent", "isolate_tissue", "record_harvest", "passage_culture",
        "thaw_bank_vial", "finish_culture", "discard_culture", "open_lot", "record_filling", "close_filling",
        "record_freezing", "use_vial_for_testing", "discard_vial", "discard_vials", "take_sample",
        # the cold store
        "store_vials", "move_vial", "move_storage_unit", "relocate_unit", "note_warming", "report_storage_failure",
        "record_reading_by_hand", "confirm_reading", "acknowledge_excursion", "rescan_box", "reconcile_rack",
        "count_box", "count_again",
        # shipments
        "pack_vials", "unpack_vials", "seal_shipment", "break_seal", "hand_over_shipment", "take_over_shipment",
        "receive_shipment", "check_in_vials", "close_receipt",
        # subjects and doses
        "withdraw_subject", "measure_weight", "confirm_weight", "pick_vial", "return_vial", "thaw_vial",
        "pool_and_count", "prepare_dose", "discard_dose", "check_dose", "start_infusion", "stop_infusion",
        "record_reaction", "reconcile_infusion", "confirm_dose_from_paper", "register_unordered_dose",
        # what was done about a deviation, or for the patient of a dose
        "complete_action", "answer_notice",
    }
)  # fmt: skip

#: What these tell of comes to the bank days later as a matter of course: its time is a field of its own, or stands in
#: the file, and nobody says why it is late. The time of the entry stands with the act.
OWN_TIME: dict[str, str] = {
    "enter_result": "resulted_at", "correct_result": "resulted_at", "import_results": "sheet",
    "import_freezing_run": "sha256", "import_readings": "sha256", "record_readings": "readings",
    "enter_dose_from_paper": "started_at", "open_deviation": "occurred_at", "record_consent": "given_on",
    "withdraw_consent": "withdrawn_on", "record_training": "trained_on", "calibrate_probe": "calibrated_on",
    "requalify_shipper": "qualified_on", "add_shipper": "qualified_on", "add_probe": "calibrated_on",
    "enrol_subject": "consented_on", "register_donor": "delivered_at",
}  # fmt: skip


#: What a check is there to find. It refuses a check that is told late as well: a check that did not match is none, and
#: the refused attempt is kept. What was given in spite of it is a fact, told by the bedside form of the dose.
FOUND_BY: dict[str, frozenset[Code]] = {
    "confirm_weight": frozenset({Code.WEIGHT_MISMATCH}),
    "check_dose": frozenset({Code.WRISTBAND_MISMATCH, Code.DOSE_LABEL_MISMATCH}),
    # The next step is worked out from these figures: they are corrected before it, however late they are told.
    "pool_and_count": frozenset({Code.FIGURES_CONTRADICT}),
    "prepare_dose": frozenset({Code.FIGURES_CONTRADICT}),
    "stop_infusion": frozenset({Code.FIGURES_CONTRADICT}),
    "correct_fact": frozenset({Code.FIGURES_CONTRADICT}),
}


def is_late(happened: datetime, now: datetime, late_after: timedelta) -> bool:
    """Whether what happened then is entered late."""
    return now - happened > late_after


def late_refusals(
    act: str, happened: datetime, now: datetime, late_after: timedelta, reason: str | None
) -> tuple[Refusal, ...]:
    """What is entered late says why."""
    if reason is not None or not is_late(happened, now, late_after):
        return ()
    return (
        refuse(
            Code.LATE_REASON_NEEDED,
            "“{act}” happened at {happened}, more than {minutes} minutes ago. Say why it is entered late.",
            act=act,
            happened=happened,
            minutes=int(late_after.total_seconds() // 60),
        ),
    )


def as_told(happened: datetime | None, now: datetime) -> datetime | None:
    """When it happened, as it is kept: what is told as little ahead as clocks differ happened now, by the clock of the
    server. Nothing is ever kept of a time to come."""
    ahead = happened is not None and now < happened <= now + CLOCK_SKEW
    return now if ahead else happened


def as_kept(happened: datetime | None, now: datetime) -> datetime | None:
    """When it happened, of what a screen has kept and sends now: it lies in the past, by the smallest step that is
    kept."""
    return happened and min(happened, now - timedelta.resolution)


def future_refusals(happened: datetime, now: datetime) -> tuple[Refusal, ...]:
    """Nothing has happened yet that lies in the future."""
    if happened <= now + CLOCK_SKEW:
        return ()
    sentence = "When it happened ({happened}) lies in the future: the server's clock says {now}. Correct the time."
    return (refuse(Code.IN_THE_FUTURE, sentence, happened=happened, now=now),)


def existence_refusals(happened: datetime, record: str, since: datetime) -> tuple[Refusal, ...]:
    """Nothing happens to what did not exist."""
    if happened > since - WRITTEN:
        return ()
    sentence = "{record} exists since {since}: nothing happened to it at {happened}. Correct the time."
    return (refuse(Code.OUT_OF_ORDER, sentence, record=record, since=since, happened=happened),)


def order_refusals(happened: datetime, record: str, ordered: datetime) -> tuple[Refusal, ...]:
    """Why it was not allowed before there was an order. An order only allows: what was done without one was done."""
    if happened > ordered - WRITTEN:
        return ()
    sentence = "{record} was ordered at {ordered}, after it happened ({happened}). Nothing is done before its order."
    return (refuse(Code.NOT_ORDERED, sentence, record=record, ordered=ordered, happened=happened),)


def past_limit_refusals(
    act: str, happened: datetime, now: datetime, limit: datetime | None, reason: str | None
) -> tuple[Refusal, ...]:
    """What is said to have happened before a limit (an expiry) and is entered after it says why, however short the
    time between: now it would be refused."""
    if reason is not None or limit is None or not happened < limit <= now:
        return ()
    sentence = "“{act}” happened at {happened}, before {limit}, and is entered after that. Say why it is entered late."
    return (refuse(Code.LATE_REASON_NEEDED, sentence, act=act, happened=happened, limit=limit),)


def divided(refusals: Sequence[Refusal], *, late: bool, act: str = "") -> tuple[list[Refusal], list[Refusal]]:
    """What refuses the act, and what is only irregular about it."""
    passed = FORBIDS - FOUND_BY.get(act, frozenset())
    irregular = [one for one in refusals if late and one.code in passed]
    return [one for one in refusals if one not in irregular], irregular


def gravity(codes: Sequence[Code]) -> Literal["major", "critical"]:
    """How the deviation of an irregular fact is classified at first: critical when it was about whom the cells went
    into, or about cells that nobody may be given."""
    grave = any(GRAVITY[code] < GRAVITY[Code.DUPLICATE_DOSE] for code in codes)
    return "critical" if grave else "major"

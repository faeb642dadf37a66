"""Every "no" of the system: a code, a sentence that names the thing, and the way out.

A rule returns refusals as values; nothing below the act registry raises them. The order of `Code` is the order of
gravity: a screen shows the gravest reason first, and the order is part of the public face (docs/design.md).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Any

from cellbank.domain.question import Question
from cellbank.domain.saying import fill, plain_word
from cellbank.domain.wall import on_the_wall


class Code(StrEnum):
    """Why something is refused, gravest first: what would reach the wrong patient stands above what is merely early."""

    # identity: the wrong patient or the wrong cells
    WRISTBAND_MISMATCH = "WRISTBAND_MISMATCH"
    DOSE_LABEL_MISMATCH = "DOSE_LABEL_MISMATCH"
    VIAL_OF_ANOTHER_SUBJECT = "VIAL_OF_ANOTHER_SUBJECT"
    VIAL_NOT_RESERVED = "VIAL_NOT_RESERVED"
    VIAL_MISMATCH = "VIAL_MISMATCH"
    POSITION_MISMATCH = "POSITION_MISMATCH"
    MIXED_DONORS = "MIXED_DONORS"
    MIXED_LOTS = "MIXED_LOTS"
    # the subject may not receive cells at all
    CONTROL_ARM = "CONTROL_ARM"
    SUBJECT_NOT_ENROLLED = "SUBJECT_NOT_ENROLLED"
    SUBJECT_NOT_ELIGIBLE = "SUBJECT_NOT_ELIGIBLE"
    TRIAL_FULL = "TRIAL_FULL"
    DECISION_NEEDED = "DECISION_NEEDED"
    # the product may not be used
    CONSENT_MISSING = "CONSENT_MISSING"
    DONATION_NOT_ACCEPTED = "DONATION_NOT_ACCEPTED"
    DONOR_NOT_ELIGIBLE = "DONOR_NOT_ELIGIBLE"
    ON_HOLD = "ON_HOLD"
    LOT_NOT_RELEASED = "LOT_NOT_RELEASED"
    EXCURSION_OPEN = "EXCURSION_OPEN"
    EXPIRED = "EXPIRED"
    VIAL_THAWED = "VIAL_THAWED"
    VIAL_NOT_AVAILABLE = "VIAL_NOT_AVAILABLE"
    RECORDED_OTHERWISE = "RECORDED_OTHERWISE"
    OUT_OF_TIME = "OUT_OF_TIME"
    STOPPED_BEFORE = "STOPPED_BEFORE"
    VIABILITY_TOO_LOW = "VIABILITY_TOO_LOW"
    OTHER_METHOD = "OTHER_METHOD"
    OTHER_DILUENT = "OTHER_DILUENT"
    DOSE_OUT_OF_BAND = "DOSE_OUT_OF_BAND"
    DMSO_LIMIT = "DMSO_LIMIT"
    ENDOTOXIN_LIMIT = "ENDOTOXIN_LIMIT"
    # the dose's place in the plan
    DUPLICATE_DOSE = "DUPLICATE_DOSE"
    TOO_MANY_DOSES = "TOO_MANY_DOSES"
    NOT_THE_PLANNED_DAY = "NOT_THE_PLANNED_DAY"
    OUTSIDE_WINDOW = "OUTSIDE_WINDOW"
    TOO_EARLY = "TOO_EARLY"
    OVERTAKEN = "OVERTAKEN"
    NOT_ORDERED = "NOT_ORDERED"
    WEIGHT_MISSING = "WEIGHT_MISSING"
    WEIGHT_STALE = "WEIGHT_STALE"
    WEIGHT_MISMATCH = "WEIGHT_MISMATCH"
    NOT_ENOUGH_VIALS = "NOT_ENOUGH_VIALS"
    SPARE_NOT_CALLED = "SPARE_NOT_CALLED"
    POST_THAW_RESULT_MISSING = "POST_THAW_RESULT_MISSING"
    # people
    SAME_PERSON = "SAME_PERSON"
    SECOND_PERSON_NEEDED = "SECOND_PERSON_NEEDED"
    ROLE_NOT_ALLOWED = "ROLE_NOT_ALLOWED"
    NOT_QUALIFIED = "NOT_QUALIFIED"
    OTHER_SITE = "OTHER_SITE"
    KEY_LIMITED = "KEY_LIMITED"
    SIGNATURE_NEEDED = "SIGNATURE_NEEDED"
    SIGNATURE_WRONG = "SIGNATURE_WRONG"
    PASSWORD_WAITS = "PASSWORD_WAITS"
    AGREEMENT_NEEDED = "AGREEMENT_NEEDED"
    TRAINING_EXPIRED = "TRAINING_EXPIRED"
    SECOND_FACTOR_NEEDED = "SECOND_FACTOR_NEEDED"
    ACCOUNT_LOCKED = "ACCOUNT_LOCKED"
    LAST_ADMINISTRATOR = "LAST_ADMINISTRATOR"
    # the record's own state and evidence
    WRONG_STATE = "WRONG_STATE"
    CRITERION_OPEN = "CRITERION_OPEN"
    RESULT_MISSING = "RESULT_MISSING"
    RESULT_NOT_REVIEWED = "RESULT_NOT_REVIEWED"
    OUT_OF_SPECIFICATION = "OUT_OF_SPECIFICATION"
    DEVIATION_OPEN = "DEVIATION_OPEN"
    BATCH_NOT_REVIEWED = "BATCH_NOT_REVIEWED"
    RESULT_TOO_EARLY = "RESULT_TOO_EARLY"
    PANEL_INCOMPLETE = "PANEL_INCOMPLETE"
    RETEST_DUE = "RETEST_DUE"
    SPECIMEN_OUTSIDE_WINDOW = "SPECIMEN_OUTSIDE_WINDOW"
    DEFINITION_NOT_EFFECTIVE = "DEFINITION_NOT_EFFECTIVE"
    # what the bench measured
    TRANSPORT_TOO_WARM = "TRANSPORT_TOO_WARM"
    TRANSPORT_TOO_COLD = "TRANSPORT_TOO_COLD"
    TOO_LATE = "TOO_LATE"
    PASSAGE_LIMIT = "PASSAGE_LIMIT"
    POPULATION_DOUBLING_LIMIT = "POPULATION_DOUBLING_LIMIT"
    CELLS_EXCEED_SOURCE = "CELLS_EXCEED_SOURCE"
    CELL_BALANCE = "CELL_BALANCE"
    OUTSIDE_LIMITS = "OUTSIDE_LIMITS"
    FIGURES_CONTRADICT = "FIGURES_CONTRADICT"
    NOT_ON_THE_FORM = "NOT_ON_THE_FORM"
    FEWER_CELLS_THAN_SEEDED = "FEWER_CELLS_THAN_SEEDED"
    IMPROBABLE = "IMPROBABLE"
    REAGENT_EXPIRED = "REAGENT_EXPIRED"
    REAGENT_QUARANTINED = "REAGENT_QUARANTINED"
    REAGENT_USED_UP = "REAGENT_USED_UP"
    WARMING_BUDGET = "WARMING_BUDGET"
    # storage
    POSITION_TAKEN = "POSITION_TAKEN"
    POSITION_UNKNOWN = "POSITION_UNKNOWN"
    STORAGE_FULL = "STORAGE_FULL"
    STORAGE_OUT_OF_SERVICE = "STORAGE_OUT_OF_SERVICE"
    # shipments
    NOT_IN_SHIPMENT = "NOT_IN_SHIPMENT"
    SHIPPER_NOT_READY = "SHIPPER_NOT_READY"
    TRACE_MISSING = "TRACE_MISSING"
    # temperature
    PROBE_MISMATCH = "PROBE_MISMATCH"
    READINGS_DIFFER = "READINGS_DIFFER"
    RUN_MISMATCH = "RUN_MISMATCH"
    UNIT_UNKNOWN = "UNIT_UNKNOWN"
    IMPROBABLE_TIME = "IMPROBABLE_TIME"
    # time
    CLOCKS_DIFFER = "CLOCKS_DIFFER"
    IN_THE_FUTURE = "IN_THE_FUTURE"
    WAIT_A_MOMENT = "WAIT_A_MOMENT"
    OUT_OF_ORDER = "OUT_OF_ORDER"
    LATE_REASON_NEEDED = "LATE_REASON_NEEDED"
    # the door
    KEY_REUSED = "KEY_REUSED"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    PATIENT_KNOWN = "PATIENT_KNOWN"
    NOT_FOUND = "NOT_FOUND"
    SCAN_UNREADABLE = "SCAN_UNREADABLE"
    NOT_JUDGED_HERE = "NOT_JUDGED_HERE"
    WRONG_KIND = "WRONG_KIND"
    REASON_NEEDED = "REASON_NEEDED"
    ANSWER_NEEDED = "ANSWER_NEEDED"
    CHANGED_MEANWHILE = "CHANGED_MEANWHILE"


GRAVITY: dict[Code, int] = {code: place for place, code in enumerate(Code)}

#: What only forbids. Of what has happened already it is told late, and becomes a deviation (telling.py). Everything
#: else refuses late as well, and LATE_TOO says why.
FORBIDS = frozenset(
    {
        Code.WRISTBAND_MISMATCH, Code.DOSE_LABEL_MISMATCH, Code.VIAL_NOT_RESERVED, Code.MIXED_LOTS,
        Code.CONTROL_ARM, Code.SUBJECT_NOT_ENROLLED, Code.SUBJECT_NOT_ELIGIBLE, Code.DECISION_NEEDED,
        Code.CONSENT_MISSING, Code.DONATION_NOT_ACCEPTED, Code.DONOR_NOT_ELIGIBLE,
        Code.ON_HOLD, Code.LOT_NOT_RELEASED, Code.EXCURSION_OPEN, Code.RECORDED_OTHERWISE,
        Code.EXPIRED, Code.OUT_OF_TIME, Code.STOPPED_BEFORE, Code.VIABILITY_TOO_LOW, Code.DOSE_OUT_OF_BAND,
        Code.DMSO_LIMIT, Code.ENDOTOXIN_LIMIT, Code.OTHER_METHOD, Code.OTHER_DILUENT,
        Code.DUPLICATE_DOSE, Code.TOO_MANY_DOSES, Code.OUTSIDE_WINDOW, Code.NOT_THE_PLANNED_DAY, Code.TOO_EARLY,
        Code.OVERTAKEN, Code.NOT_ORDERED, Code.NOT_QUALIFIED, Code.FIGURES_CONTRADICT, Code.NOT_ON_THE_FORM,
        Code.WEIGHT_MISSING, Code.SPARE_NOT_CALLED,
        Code.WEIGHT_STALE, Code.WEIGHT_MISMATCH, Code.NOT_ENOUGH_VIALS, Code.POST_THAW_RESULT_MISSING,
        Code.DEVIATION_OPEN, Code.OUT_OF_SPECIFICATION,
        Code.TRANSPORT_TOO_WARM, Code.TRANSPORT_TOO_COLD, Code.TOO_LATE, Code.PASSAGE_LIMIT,
        Code.POPULATION_DOUBLING_LIMIT, Code.REAGENT_EXPIRED, Code.REAGENT_QUARANTINED, Code.WARMING_BUDGET,
        Code.STORAGE_OUT_OF_SERVICE, Code.SHIPPER_NOT_READY,
    }
)  # fmt: skip

#: Why each other code refuses what is told late as well. With FORBIDS every code stands in exactly one place.
LATE_TOO: dict[str, frozenset[Code]] = {
    "it names another record than the one that it happened to: tell it of that one": frozenset(
        {Code.VIAL_OF_ANOTHER_SUBJECT, Code.VIAL_MISMATCH, Code.POSITION_MISMATCH, Code.NOT_IN_SHIPMENT,
         Code.PROBE_MISMATCH, Code.RUN_MISMATCH}
    ),
    "it cannot have happened so: figures, places, states and times contradict what is known": frozenset(
        {Code.MIXED_DONORS, Code.VIAL_THAWED, Code.VIAL_NOT_AVAILABLE, Code.WRONG_STATE, Code.CELLS_EXCEED_SOURCE,
         Code.CELL_BALANCE, Code.OUTSIDE_LIMITS, Code.REAGENT_USED_UP, Code.POSITION_TAKEN, Code.POSITION_UNKNOWN,
         Code.STORAGE_FULL, Code.READINGS_DIFFER, Code.IMPROBABLE_TIME, Code.IN_THE_FUTURE, Code.OUT_OF_ORDER}
    ),
    "it is answered on the form itself: confirmed, explained, completed": frozenset(
        {Code.FEWER_CELLS_THAN_SEEDED, Code.IMPROBABLE, Code.REASON_NEEDED, Code.ANSWER_NEEDED, Code.LATE_REASON_NEEDED,
         Code.CRITERION_OPEN, Code.RESULT_MISSING, Code.PANEL_INCOMPLETE, Code.TRACE_MISSING, Code.UNIT_UNKNOWN}
    ),
    "it is somebody else's to enter or to sign": frozenset(
        {Code.SAME_PERSON, Code.SECOND_PERSON_NEEDED, Code.ROLE_NOT_ALLOWED, Code.OTHER_SITE, Code.KEY_LIMITED,
         Code.SIGNATURE_NEEDED, Code.SIGNATURE_WRONG, Code.PASSWORD_WAITS, Code.AGREEMENT_NEEDED,
         Code.TRAINING_EXPIRED, Code.SECOND_FACTOR_NEEDED, Code.ACCOUNT_LOCKED, Code.LAST_ADMINISTRATOR}
    ),
    "it waits for a moment, and is told then": frozenset({Code.WAIT_A_MOMENT, Code.CLOCKS_DIFFER}),
    "it is a decision and not a fact: nothing has happened before it is taken": frozenset(
        {Code.TRIAL_FULL, Code.RESULT_NOT_REVIEWED, Code.BATCH_NOT_REVIEWED, Code.RESULT_TOO_EARLY, Code.RETEST_DUE,
         Code.SPECIMEN_OUTSIDE_WINDOW, Code.DEFINITION_NOT_EFFECTIVE}
    ),
    "it cannot be read, or it is not there": frozenset(
        {Code.KEY_REUSED, Code.ALREADY_EXISTS, Code.PATIENT_KNOWN, Code.NOT_FOUND, Code.SCAN_UNREADABLE,
         Code.WRONG_KIND, Code.NOT_JUDGED_HERE, Code.CHANGED_MEANWHILE}
    ),
}  # fmt: skip


# What is said to somebody at another site: whose it is, and that they may not. All else would tell of the record.
TOLD_ELSEWHERE = frozenset({Code.OTHER_SITE, Code.ROLE_NOT_ALLOWED, Code.KEY_LIMITED})


@dataclass(frozen=True)
class Refusal:
    """One reason why not. `sentence` is a template (translated at the edge), `facts` fill it; `asks` is the question
    whose answer would do away with it."""

    code: Code
    sentence: str
    facts: dict[str, object] = field(default_factory=dict, compare=True, hash=False)
    asks: Question | None = field(default=None, compare=False)

    @property
    def detail(self) -> str:
        """The sentence with its facts, in the language of the code."""
        return self.worded(self.sentence)

    def worded(self, sentence: str, word: Callable[[str], str] = plain_word) -> str:
        """The sentence with its facts, in the language of `sentence` and of `word`; times and names of the code as
        people read them."""
        facts = {name: _each_instant(one, on_the_wall) for name, one in self.facts.items()}
        return fill(sentence, facts, word)

    def at_site(self, zone: tzinfo) -> "Refusal":
        """The reason with its times on the clock of a site, whoever reads it there and however."""
        facts = {name: _each_instant(one, lambda at: at.astimezone(zone)) for name, one in self.facts.items()}
        return replace(self, facts=facts)

    def as_json(self) -> dict[str, Any]:
        """The form of the public face: `{"code": …, "detail": …}`, and what is asked where an answer helps."""
        asked = {"asks": self.asks.as_json()} if self.asks else {}
        return {"code": self.code.value, "detail": self.detail, **asked}


def _each_instant(fact: object, do: Callable[[datetime], object]) -> object:
    """A fact with its instants put otherwise, be it one or several."""
    if isinstance(fact, tuple):
        return tuple(_each_instant(one, do) for one in fact)
    return do(fact) if isinstance(fact, datetime) else fact


def refuse(code: Code, sentence: str, /, **facts: object) -> Refusal:
    """Build a refusal: `refuse(Code.EXPIRED, "Vial {vial} expired on {on}.", vial=…, on=…)`.

    The sentence says what is wrong and what to do about it, in the words of the person who reads it.
    """
    return Refusal(code, sentence, facts)


def gravest_first(refusals: Iterable[Refusal]) -> tuple[Refusal, ...]:
    """The refusals, each once, in the order in which a person should read them."""
    once = {(refusal.code, refusal.detail): refusal for refusal in refusals}
    return tuple(sorted(once.values(), key=lambda refusal: GRAVITY[refusal.code]))


def told_here(refusals: Sequence[Refusal]) -> list[Refusal]:
    """The reasons that somebody may read: where a record is not theirs to see, nothing else that was judged of it."""
    if any(one.code is Code.OTHER_SITE for one in refusals):
        return [one for one in refusals if one.code in TOLD_ELSEWHERE]
    return list(refusals)


class Refused(Exception):
    """An act that must not happen, with all its reasons; raised only by the unit of work and caught at the door.

    `about` is the code of the record that was to be changed, where one was found."""

    def __init__(self, refusals: Iterable[Refusal], about: str | None = None):
        self.about = about
        self.refusals = gravest_first(refusals)
        super().__init__("; ".join(refusal.detail for refusal in self.refusals))

    def at_site(self, zone: tzinfo) -> "Refused":
        """The refused act with the times of its reasons on the clock of a site."""
        return Refused((one.at_site(zone) for one in self.refusals), self.about)

"""Subjects, their weights, their doses. A dose is one row from the order to the last empty vial, so that the rules
that protect a patient can be plain CHECKs on that row."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Computed, Index, Numeric, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from cellbank.domain.lifecycle.states import DoseState, PaperState, SubjectState, TreatmentState, WeightState
from cellbank.records.base import (
    CellCount,
    Day,
    Instant,
    Json,
    Kilograms,
    Millilitres,
    Percent,
    Record,
    reference,
    state_of,
)


class Subject(Record):
    """A person in the trial, under the trial's number. Control-arm subjects exist and can never receive a dose."""

    __tablename__ = "subject"
    site_id: Mapped[int] = reference("site")
    protocol_id: Mapped[int] = reference("definition")
    code: Mapped[str] = mapped_column(unique=True)  # on the wristband
    trial: Mapped[str]  # identifier of the protocol, whatever the version
    trial_number: Mapped[str]
    trial_number_key: Mapped[str]  # folded, to compare by
    second_identifier: Mapped[str]  # hospital record number; never a name
    second_identifier_key: Mapped[str]
    sex: Mapped[str] = mapped_column(Text, CheckConstraint("sex IN ('female', 'male')", name="sex"))
    born_on: Mapped[Day]
    consented_on: Mapped[Day]
    arm: Mapped[str]
    receives_product: Mapped[bool]  # from the arm, at enrolment
    bars_other_trials: Mapped[bool | None]  # a criterion of the protocol does; None: entered before this was kept
    place: Mapped[int | None]  # which of the planned subjects, counted as they were found eligible
    answers: Mapped[Json | None]
    assessment: Mapped[Json | None]
    withdrawal_reason: Mapped[str | None]
    state: Mapped[SubjectState] = state_of(SubjectState)
    SIGNED = ("code", "trial_number", "second_identifier", "sex", "born_on", "arm", "protocol_id", "answers")
    SIGNED_BY: ClassVar[Mapping[str, tuple[str, ...]]] = {  # an order is for this subject; who is eligible was signed
        "order_dose": ("code", "trial_number", "second_identifier", "arm", "protocol_id"),
    }
    __table_args__ = (
        Index("one_trial_number_in_a_trial", "trial", "trial_number_key", unique=True),
        Index("one_patient_in_a_trial", "trial", "second_identifier_key", unique=True),
        Index("one_subject_for_each_place", "trial", "place", unique=True),
        Index("ix_subject_second_identifier_key", "second_identifier_key"),
        CheckConstraint(
            "state NOT IN ('ENROLLED', 'COMPLETED') OR coalesce(assessment ->> 'outcome', '') = 'ELIGIBLE'",
            name="enrolled_is_eligible",
        ),
        CheckConstraint("state NOT IN ('ENROLLED', 'COMPLETED') OR place IS NOT NULL", name="enrolled_has_a_place"),
    )


class Weight(Record):
    """A measured body weight, seen by two people before it may decide a dose."""

    __tablename__ = "weight"
    subject_id: Mapped[int] = reference("subject")
    code: Mapped[str] = mapped_column(unique=True)
    weight_kg: Mapped[Kilograms]
    method: Mapped[str]
    measured_at: Mapped[Instant]
    measured_by_id: Mapped[int] = reference("person", index=False)
    confirmed_by_id: Mapped[int | None] = reference("person", index=False)
    confirmed_at: Mapped[Instant | None]
    state: Mapped[WeightState] = state_of(WeightState)
    SIGNED = ("subject_id", "weight_kg", "measured_at")
    __table_args__ = (
        CheckConstraint("confirmed_by_id <> measured_by_id", name="confirmed_by_another_person"),
        CheckConstraint("(state = 'CONFIRMED') = (confirmed_by_id IS NOT NULL)", name="confirmed_has_a_person"),
        # The outer bound; what is plausible in a trial, its protocol says.
        CheckConstraint("weight_kg BETWEEN 0.3 AND 400 AND scale(weight_kg) <= 3", name="weight_is_plausible"),
    )


# As `domain.dose.given_cells` and `given_percent`: `div` is exact where `/` rounds.
GIVEN_CELLS = "div(delivered_cells * volume_given_ml, final_volume_ml)"
GIVEN_PERCENT = (
    "div(2000 * delivered_cells * volume_given_ml + final_volume_ml * required_cells, "
    "2 * final_volume_ml * required_cells) / 10"
)


# What a dose is about whoever signs; and what each of them vouches for besides.
_OF_THE_DOSE = ("code", "subject_id", "infusion_number", "day", "lot_id", "required_cells")
_DRAWN_UP = ("expires_at", "delivered_cells", "delivered_percent", "draw_ml", "final_volume_ml", "prepared_by_id",
             "prepared_at", "band_reason")  # fmt: skip
_COUNTED = ("viability_percent", "count_method", "total_cells_per_ml", "pooled_ml", "diluent", "thaw_started_at",
            "counted_at", "is_short", "short_dose_reason")  # fmt: skip
_GIVEN = ("first_checked_at", "first_checked_by_id", "second_checked_at", "second_checked_by_id",
          "infusion_started_at", "infusion_stopped_at", "volume_given_ml", "outcome_reason")  # fmt: skip


class Dose(Record):
    """One infusion of one subject: ordered, picked, thawed, counted, prepared, checked twice, given, reconciled."""

    __tablename__ = "dose"
    subject_id: Mapped[int] = reference("subject", index=False)
    lot_id: Mapped[int] = reference("lot")
    weight_id: Mapped[int | None] = reference("weight")
    code: Mapped[str] = mapped_column(unique=True)  # chain-of-identity identifier, 15 characters
    infusion_number: Mapped[int]
    day: Mapped[int]
    planned_on: Mapped[Day]
    study_day: Mapped[int | None]
    # the order
    ordered_at: Mapped[Instant]
    ordered_by_id: Mapped[int] = reference("person", index=False)
    required_cells: Mapped[CellCount]
    vials_needed: Mapped[int]
    vials_spare: Mapped[int]
    spares_called: Mapped[int] = mapped_column(default=0, server_default=text("0"))  # of these, to be fetched after all
    calculation: Mapped[Json]  # every step, as shown
    deviation_reason: Mapped[str | None]
    planned_anew_because: Mapped[str | None]  # why the day is not the one of the order
    # thaw and count
    thaw_started_at: Mapped[Instant | None]  # of the first vial: the clock
    expires_at: Mapped[Instant | None]
    diluent: Mapped[str | None]
    pooled_ml: Mapped[Millilitres | None]
    total_cells_per_ml: Mapped[CellCount | None]
    viability_percent: Mapped[Percent | None]
    count_method: Mapped[str | None]
    counted_at: Mapped[Instant | None]
    draw_ml: Mapped[Millilitres | None]
    delivered_cells: Mapped[CellCount | None]  # viable cells in the volume drawn
    delivered_percent: Mapped[Decimal | None] = mapped_column(Numeric(6, 1))
    is_short: Mapped[bool | None]
    short_dose_reason: Mapped[str | None]
    # preparation
    prepared_at: Mapped[Instant | None]
    prepared_by_id: Mapped[int | None] = reference("person", index=False)
    final_volume_ml: Mapped[Millilitres | None]
    band_reason: Mapped[str | None]  # why a dose outside the usual band was drawn
    # bedside
    first_checked_by_id: Mapped[int | None] = reference("person", index=False)
    first_checked_at: Mapped[Instant | None]
    second_checked_by_id: Mapped[int | None] = reference("person", index=False)
    second_checked_at: Mapped[Instant | None]
    infusion_started_at: Mapped[Instant | None]
    infusion_stopped_at: Mapped[Instant | None]
    volume_given_ml: Mapped[Millilitres | None]
    # What went in, not what was drawn: worked out by the database alone, exact, and never written by anybody.
    given_cells: Mapped[int | None] = mapped_column(BigInteger, Computed(GIVEN_CELLS, persisted=True))
    given_percent: Mapped[Decimal | None] = mapped_column(Numeric(6, 1), Computed(GIVEN_PERCENT, persisted=True))
    residual_ml: Mapped[Millilitres | None]
    reaction: Mapped[str | None]  # noted before each reaction was a row of its own
    # It was given up, another one took its place, and its paper form says that it was given all the same.
    given_beside: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    outcome_reason: Mapped[str | None]  # of a cancelled, discarded or interrupted dose
    site_id: Mapped[int] = reference("site", index=False)  # the subject's
    state: Mapped[DoseState] = state_of(DoseState)
    SIGNED = (
        "code",
        "subject_id",
        "lot_id",
        "weight_id",
        "infusion_number",
        "day",
        "required_cells",
        "vials_needed",
        "calculation",
        "ordered_at",
    )
    # Only the order is signed for its calculation; who checks a dose signs for what lies before them.
    SIGNED_BY: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "order_dose": (*SIGNED, "vials_spare", "deviation_reason"),
        "plan_dose_anew": (*_OF_THE_DOSE, "planned_on", "planned_anew_because"),
        "accept_short_dose": (*_OF_THE_DOSE, *_COUNTED),
        "check_dose": (*_OF_THE_DOSE, *_DRAWN_UP, *_COUNTED),
        "enter_dose_from_paper": _OF_THE_DOSE,
        "confirm_dose_from_paper": (*_OF_THE_DOSE, *_DRAWN_UP, *_COUNTED, *_GIVEN),
    }
    __table_args__ = (
        Index(
            "one_live_dose_per_subject_and_day",
            "subject_id",
            "infusion_number",
            unique=True,
            postgresql_where=text("state NOT IN ('CANCELLED', 'DISCARDED') AND NOT given_beside"),
        ),
        Index(
            "one_running_infusion_per_subject",
            "subject_id",
            unique=True,
            postgresql_where=text("state = 'INFUSING'"),
        ),
        Index("ix_dose_subject_id", "subject_id"),
        CheckConstraint("spares_called >= 0", name="spares_called"),
        CheckConstraint("required_cells > 0 AND vials_needed > 0 AND vials_spare >= 0", name="order_is_positive"),
        CheckConstraint("first_checked_by_id <> second_checked_by_id", name="two_different_verifiers"),
        # Of a dose that was given the trigger `dose_was_given_whole` asks it: a form may tell that it was not so.
        CheckConstraint(
            "first_checked_by_id <> prepared_by_id AND second_checked_by_id <> prepared_by_id",
            name="preparer_does_not_verify",
        ),
        CheckConstraint(
            "state NOT IN ('CHECKED', 'INFUSING') "
            "OR num_nonnulls(prepared_by_id, first_checked_by_id, second_checked_by_id) = 3",
            name="no_infusion_without_two_verifiers",
        ),
        CheckConstraint(
            "state NOT IN ('PREPARED', 'CHECKED_ONCE', 'CHECKED', 'INFUSING') "
            "OR num_nonnulls(thaw_started_at, expires_at, viability_percent, draw_ml, "
            "delivered_cells, delivered_percent, prepared_at, prepared_by_id, final_volume_ml) = 9",
            name="prepared_is_complete",
        ),
    )


class Reaction(Record):
    """What was seen in a patient during an infusion or after it, and what was done; whoever noted it said whether it
    was serious."""

    __tablename__ = "reaction"
    dose_id: Mapped[int] = reference("dose")
    is_serious: Mapped[bool]
    text: Mapped[str]
    happened_at: Mapped[Instant]
    noted_at: Mapped[Instant]
    noted_by_id: Mapped[int] = reference("person", index=False)


class TreatmentDecision(Record):
    """A clinician's signed decision that treatment goes on in spite of what was open about the subject: `covers` names
    each. It says nothing about what comes after it."""

    __tablename__ = "treatment_decision"
    code: Mapped[str] = mapped_column(unique=True)
    subject_id: Mapped[int] = reference("subject")
    covers: Mapped[Json]  # kind, id and words of each
    reason: Mapped[str]
    decided_at: Mapped[Instant]
    decided_by_id: Mapped[int] = reference("person", index=False)
    state: Mapped[TreatmentState] = state_of(TreatmentState)
    SIGNED = ("code", "subject_id", "covers", "reason", "decided_at")


class DosePaper(Record):
    """What stands on the paper form of a dose that was given while the system was away: entered by one person, and in
    the dose once another one has confirmed it."""

    __tablename__ = "dose_paper"
    dose_id: Mapped[int] = reference("dose")
    content: Mapped[Json]  # as it was entered
    irregular: Mapped[Json]  # what was not allowed about it, as it was judged when it was entered
    entered_at: Mapped[Instant]
    entered_by_id: Mapped[int] = reference("person", index=False)
    confirmed_at: Mapped[Instant | None]
    confirmed_by_id: Mapped[int | None] = reference("person", index=False)
    state: Mapped[PaperState] = state_of(PaperState)
    SIGNED = ("dose_id", "content", "irregular")
    __table_args__ = (
        Index("one_open_form_per_dose", "dose_id", unique=True, postgresql_where=text("state = 'ENTERED'")),
        CheckConstraint("confirmed_by_id <> entered_by_id", name="confirmed_by_another_person"),
        CheckConstraint("(state = 'CONFIRMED') = (confirmed_by_id IS NOT NULL)", name="confirmed_by_somebody"),
    )

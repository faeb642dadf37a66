"""A dose that was given from its paper form while the system was away: entered by the first verifier, confirmed by the
second one. Only what is missing is filled in; what was not allowed about it opens a deviation, for it was given."""

import datetime
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import exists, select

from cellbank.domain.dose import one_decimal
from cellbank.domain.refusals import Code, refuse
from cellbank.domain.rules.paper_form import DILUENT, VOLUME_GIVEN
from cellbank.domain.telling import divided
from cellbank.records.clinic import Dose, DosePaper, Reaction
from cellbank.records.production import Vial
from cellbank.records.work import Work
from cellbank.services.acts import SignedInput, TellingInput, act
from cellbank.services.clinic.dosing import lock_dose, release
from cellbank.services.clinic.other_vials import other_doses
from cellbank.services.clinic.paper_judgement import Whole, judge_form, vials_kept
from cellbank.services.inputs import Cells, DoseCode, Line, Moment, Name, Percentage, Reason, Text, VialCodes, VolumeMl
from cellbank.services.storage.places import end_placement, last_placed_at


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False)


class PaperThaw(_Part):
    """The thaw sheet."""

    started_at: Moment = Field(title="Thaw of the first vial began")
    vials: VialCodes = Field(title="Vials in the pool")


class PaperCount(_Part):
    """The count sheet."""

    diluent: Line | None = Field(default=None, title="Diluent")
    pooled_ml: VolumeMl = Field(title="Pooled volume")
    counted_at: Moment = Field(title="Counted at")
    total_cells_per_ml: Cells = Field(title="Total cells per mL")
    viability_percent: Percentage = Field(title="Viability")
    method: Line = Field(title="Method of the viability")


class PaperPreparation(_Part):
    """What was drawn up."""

    prepared_by: Name = Field(title="Drawn up by", description="The sign-in name.")
    prepared_at: Moment = Field(title="Drawn up at")
    drawn_ml: VolumeMl = Field(title="Drawn from the pool")
    final_volume_ml: VolumeMl = Field(title="Final volume", gt=0)


class PaperReaction(_Part):
    """What was seen in the patient."""

    seen: Text = Field(title="What was seen and what was done")
    happened_at: Moment = Field(title="When it was seen")
    serious: bool = Field(
        title="Serious", description="Death, danger to life, hospital stay, lasting harm, or as grave."
    )


class EnterDoseFromPaper(SignedInput):
    """Enter a dose from its paper form."""

    dose: DoseCode = Field(title="Dose")
    thaw: PaperThaw | None = Field(default=None, title="Thaw, if it is not entered yet")
    count: PaperCount | None = Field(default=None, title="Count, if it is not entered yet")
    preparation: PaperPreparation | None = Field(default=None, title="Preparation, if it is not entered yet")
    first_checked_at: Moment | None = Field(default=None, title="First check", description="If it is not entered yet.")
    second_checked_at: Moment | None = Field(default=None, title="Second check", description="Likewise.")
    started_at: Moment | None = Field(default=None, title="Infusion started", description="Likewise.")
    stopped_at: Moment = Field(title="Infusion stopped")
    volume_given_ml: VolumeMl | None = Field(default=None, title="Volume given")
    stop_reason: Reason | None = Field(default=None, title="Reason, if it was stopped early")
    reaction: PaperReaction | None = Field(default=None, title="Reaction, if there was one")
    not_on_the_form: list[Literal["diluent", "volume given"]] = Field(
        default=[], max_length=2, title="The form does not tell, and nobody knows",
        description="A deviation will say so.",
    )
    reason: Reason = Field(title="Why it was on paper")

    @model_validator(mode="after")
    def _told_or_not_known(self) -> Self:
        parts = [(VOLUME_GIVEN, self.volume_given_ml), *([(DILUENT, self.count.diluent)] if self.count else [])]
        for name, told in parts:
            if told is None and name not in self.not_on_the_form:
                raise ValueError(f"give the {name}, or say that the form does not tell it")
            if told is not None and name in self.not_on_the_form:
                raise ValueError(f"the {name} is given, and the form is said not to tell it: it is one or the other")
        return self


class ConfirmDoseFromPaper(TellingInput, SignedInput):
    """Confirm a dose from its paper form."""

    ALWAYS_LATE: ClassVar[bool] = True
    dose: DoseCode = Field(title="Dose")
    happened_at: Moment = Field(title="Infusion started", description="Read it off the form once more.")
    entered_late_because: Reason = Field(title="Why it was on paper")


@act(EnterDoseFromPaper)
def enter_dose_from_paper(work: Work, given: EnterDoseFromPaper) -> Dose:
    """The first verifier enters what the form says and the record does not. Nothing stands in the dose before another
    person has confirmed it, but a reaction, which counts at once. The answer tells what was not allowed about it: that
    will open a deviation."""
    dose = lock_dose(work, given.dose)  # with the subject: no other dose of theirs goes on meanwhile
    before = _open_form(work, dose)
    _, refusals = judge_form(work, dose, given)
    refusing, irregular = divided(refusals, late=True)
    told = [one.as_json() for one in irregular]
    work.show(will_open_a_deviation=told)
    olds = [before] if before else []
    work.judge(dose, DosePaper, *olds, refusals=refusing)
    work.transition(*olds, to="REPLACED")
    work.session.flush()
    paper = DosePaper(
        dose_id=dose.id, content=content_of(given), irregular=told, entered_at=work.now, entered_by_id=work.actor.id
    )
    work.add(paper)
    if given.reaction and not _is_noted(work, dose, given.reaction):
        work.note(_reaction(work, dose, given.reaction))
    work.transition(dose)
    return dose


@act(ConfirmDoseFromPaper)
def confirm_dose_from_paper(work: Work, given: ConfirmDoseFromPaper) -> Dose:
    """The second verifier compares the whole content with the form and signs: the dose is given from then on. Refuses
    another start than was entered, and whoever entered it or drew the dose up."""
    dose = lock_dose(work, given.dose)
    paper = _open_form(work, dose)
    if paper is None:
        sentence = "Nobody has entered the form of dose {dose}. The first person enters it."
        work.judge(of=[dose], refusals=[refuse(Code.NOT_FOUND, sentence, dose=dose.code)])
    assert paper is not None
    form = EnterDoseFromPaper.model_validate(paper.content)
    whole, refusals = judge_form(work, dose, form)
    if whole is not None and _to_the_minute(given.happened_at) != _to_the_minute(whole.started_at):
        sentence = "The form was entered with the start {entered}, and you read {read}. Compare both with the paper."
        entered, read = whole.started_at, given.happened_at
        refusals.append(refuse(Code.READINGS_DIFFER, sentence, entered=entered, read=read))
    used, others = (whole.used, whole.others) if whole else ((), ())
    kept = [vial for vial in vials_kept(work, dose) if vial not in used and vial.state == "RESERVED"]
    work.judge(
        dose, paper, *used, *kept, refusals=refusals, to=("INFUSED", "IN_STOCK", "CONFIRMED"),
        of=other_doses(work, others),
    )  # fmt: skip
    assert whole is not None
    _give(work, dose, used, whole.thaw_started_at)
    release(work, kept)
    _write(work, dose, form, whole, paper)
    paper.confirmed_at, paper.confirmed_by_id = work.now, work.actor.id
    work.transition(paper)
    work.transition(dose)
    return dose


def _is_noted(work: Work, dose: Dose, told: PaperReaction) -> bool:
    """Whether the very same was noted when the form was entered before."""
    same = (Reaction.dose_id == dose.id, Reaction.happened_at == told.happened_at, Reaction.text == told.seen)
    return bool(work.session.scalar(select(exists().where(*same, Reaction.is_serious == told.serious))))


def _reaction(work: Work, dose: Dose, told: PaperReaction) -> Reaction:
    """The reaction that stands on the form. It counts at once, as one that is told at the bed: one person tells it."""
    return Reaction(
        dose_id=dose.id, is_serious=told.serious, text=told.seen, happened_at=told.happened_at, noted_at=work.now,
        noted_by_id=work.actor.id,
    )  # fmt: skip


def content_of(form: EnterDoseFromPaper) -> dict[str, Any]:
    """The form as it is kept and signed."""
    return form.model_dump(mode="json", exclude={"password", "signer", "one_time_code"}, exclude_none=True)


def _open_form(work: Work, dose: Dose) -> DosePaper | None:
    entered = select(DosePaper).where(DosePaper.dose_id == dose.id, DosePaper.state == "ENTERED")
    return work.session.scalars(entered if work.dry_run else entered.with_for_update()).one_or_none()


def _to_the_minute(at: datetime.datetime) -> datetime.datetime:
    """As it is written on paper."""
    return at.replace(second=0, microsecond=0)


def _give(work: Work, dose: Dose, used: Sequence[Vial], thawed_at: datetime.datetime) -> None:
    """The vials leave their places and are in the dose; one that was thawed before keeps its time."""
    in_the_tank = [vial for vial in used if vial.state in ("IN_STOCK", "RESERVED")]
    put_away = last_placed_at(work.session, in_the_tank) or thawed_at
    end_placement(work, in_the_tank, max(thawed_at, put_away))  # nothing is taken out before it stood there
    thawed = [vial for vial in used if vial.thawed_at]
    frozen = [vial for vial in used if vial not in in_the_tank and vial not in thawed]
    mine = {"dose_id": dose.id}
    work.transition_many(Vial, in_the_tank, to="INFUSED", picked_at=thawed_at, thawed_at=thawed_at, **mine)
    work.transition_many(Vial, frozen, to="INFUSED", thawed_at=thawed_at, **mine)
    work.transition_many(Vial, thawed, to="INFUSED", **mine)


def _write(work: Work, dose: Dose, form: EnterDoseFromPaper, whole: Whole, paper: DosePaper) -> None:
    """Fill in what is missing; what was recorded while it happened stays."""
    dose.thaw_started_at, dose.expires_at = whole.thaw_started_at, whole.until
    if form.count:
        dose.diluent, dose.pooled_ml, dose.count_method = form.count.diluent, form.count.pooled_ml, form.count.method
        dose.total_cells_per_ml, dose.counted_at = form.count.total_cells_per_ml, form.count.counted_at
        dose.viability_percent, dose.is_short = form.count.viability_percent, whole.is_short
    if form.preparation:
        dose.draw_ml, dose.final_volume_ml = form.preparation.drawn_ml, form.preparation.final_volume_ml
        dose.delivered_cells, dose.delivered_percent = whole.delivered, one_decimal(whole.percent)
        dose.prepared_at, dose.prepared_by_id = whole.drawn.at, whole.drawn.by_id
    if form.first_checked_at:
        dose.first_checked_at, dose.first_checked_by_id = form.first_checked_at, paper.entered_by_id
    if form.second_checked_at:
        dose.second_checked_at, dose.second_checked_by_id = form.second_checked_at, work.actor.id
    if form.started_at:
        dose.infusion_started_at, dose.study_day = form.started_at, whole.study_day
    dose.infusion_stopped_at, dose.given_beside = form.stopped_at, whole.beside
    dose.volume_given_ml, dose.outcome_reason = form.volume_given_ml, form.stop_reason

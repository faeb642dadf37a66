"""A dose that was given from its paper form while the system was away: entered by the first verifier, confirmed by the
second one. Only what is missing is filled in; what was not allowed about it opens a deviation, for it was given."""

import datetime
from dataclasses import dataclass, replace
from fractions import Fraction

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from cellbank.domain.dose import DrawVolume, one_decimal, volume_to_draw
from cellbank.domain.refusals import Code, Refusal, Refused, refuse
from cellbank.domain.rules.infusion import StopFacts, infusion_refusals, stop_refusals
from cellbank.domain.rules.thaw import CountFacts, band_refusals, count_refusals, usable_until
from cellbank.domain.telling import divided
from cellbank.records.clinic import Dose, DosePaper
from cellbank.records.people import Person
from cellbank.records.production import Vial
from cellbank.records.work import Work
from cellbank.services.acts import SignedInput, TellingInput, act
from cellbank.services.clinic.dosing import lock_dose, release, vials_of
from cellbank.services.clinic.infusion import infusion_facts
from cellbank.services.clinic.other_vials import other_doses, other_vials, refusals_of
from cellbank.services.clinic.preparing import load_refusals
from cellbank.services.clinic.standing import DoseStanding, dose_standing
from cellbank.services.common import time_refusals
from cellbank.services.inputs import Cells, DoseCode, Line, Moment, Name, Percentage, Reason, VialCodes, VolumeMl
from cellbank.services.storage.places import end_placement

ON_ITS_WAY = ("RESERVED", "PICKED", "THAWED", "POOLED")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False)


class PaperThaw(_Part):
    """The thaw sheet."""

    started_at: Moment = Field(title="Thaw of the first vial began")
    vials: VialCodes = Field(title="Vials in the pool")


class PaperCount(_Part):
    """The count sheet."""

    counted_at: Moment = Field(title="Counted at")
    diluent: Line = Field(title="Diluent")
    pooled_ml: VolumeMl = Field(title="Pooled volume")
    total_cells_per_ml: Cells = Field(title="Total cells per mL")
    viability_percent: Percentage = Field(title="Viability")
    method: Line = Field(title="Method of the viability")


class PaperPreparation(_Part):
    """What was drawn up."""

    prepared_at: Moment = Field(title="Drawn up at")
    prepared_by: Name = Field(title="Drawn up by", description="The sign-in name.")
    drawn_ml: VolumeMl = Field(title="Drawn from the pool")
    final_volume_ml: VolumeMl = Field(title="Final volume")


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
    volume_given_ml: VolumeMl = Field(title="Volume given")
    stop_reason: Reason | None = Field(default=None, title="Reason, if it was stopped early")
    reason: Reason = Field(title="Why it was on paper")


class ConfirmDoseFromPaper(TellingInput, SignedInput):
    """Confirm a dose from its paper form."""

    dose: DoseCode = Field(title="Dose")
    happened_at: Moment = Field(title="Infusion started", description="Read it off the form once more.")
    entered_late_because: Reason = Field(title="Why it was on paper")


@dataclass(frozen=True)
class Whole:
    """A dose with all that stands in its record and on its form; `draw` is None where the count gives none."""

    vials: tuple[str, ...]
    others: tuple[Vial, ...]  # those among them that were never kept for this dose
    thaw_started_at: datetime.datetime
    count: PaperCount
    preparation: PaperPreparation
    preparer: int
    first_checked_at: datetime.datetime
    second_checked_at: datetime.datetime
    started_at: datetime.datetime
    study_day: int | None
    until: datetime.datetime
    draw: DrawVolume
    delivered: int
    percent: Fraction


@act(EnterDoseFromPaper)
def enter_dose_from_paper(work: Work, given: EnterDoseFromPaper) -> Dose:
    """The first verifier enters what the form says and the record does not. Nothing stands in the dose before another
    person has confirmed it. The answer tells what was not allowed about it: that will open a deviation."""
    dose = work.lock(Dose, given.dose)
    before = _open_form(work, dose)
    _, refusals = _judged(work, dose, given)
    refusing, irregular = divided(refusals, late=True)
    told = [one.as_json() for one in irregular]
    work.show(will_open_a_deviation=told)
    olds = [before] if before else []
    work.judge(dose, DosePaper, *olds, refusals=refusing)
    work.transition(*olds, to="REPLACED")
    work.session.flush()
    content = given.model_dump(mode="json", exclude={"password", "signer", "one_time_code"}, exclude_none=True)
    paper = DosePaper(
        dose_id=dose.id, content=content, irregular=told, entered_at=work.now, entered_by_id=work.actor.id
    )
    work.add(paper)
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
    whole, refusals = _judged(work, dose, form)
    if whole is not None and _to_the_minute(given.happened_at) != _to_the_minute(whole.started_at):
        sentence = "The form was entered with the start {entered}, and you read {read}. Compare both with the paper."
        entered, read = whole.started_at, given.happened_at
        refusals.append(refuse(Code.READINGS_DIFFER, sentence, entered=entered, read=read))
    vials = vials_of(work, dose, *ON_ITS_WAY)
    others = whole.others if whole else ()
    used = [*others, *(vial for vial in vials if whole is not None and vial.code in whole.vials)]
    kept = [vial for vial in vials if vial not in used and vial.state == "RESERVED"]
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


def _open_form(work: Work, dose: Dose) -> DosePaper | None:
    entered = select(DosePaper).where(DosePaper.dose_id == dose.id, DosePaper.state == "ENTERED")
    return work.session.scalars(entered if work.dry_run else entered.with_for_update()).one_or_none()


def _judged(work: Work, dose: Dose, form: EnterDoseFromPaper) -> tuple[Whole | None, list[Refusal]]:
    """All that is known of the dose, and every reason against it at the times that the form tells."""
    gaps = _gaps(dose, form)
    if gaps:
        return None, gaps
    started_at = form.started_at or dose.infusion_started_at
    assert started_at is not None  # else it is a gap
    standing = dose_standing(work.session, dose.code, started_at)
    assert standing is not None
    whole, wrong = _whole(work, dose, form, standing, started_at)
    if whole is None:
        return None, wrong
    tolerance = standing.ward.protocol.dosing.tolerance
    facts = replace(
        infusion_facts(standing, started_at, None),
        viability_percent=whole.count.viability_percent, delivered_percent=one_decimal(whole.percent),
        is_short=whole.draw.is_short, short_dose_accepted=dose.short_dose_reason is not None, expires_at=whole.until,
        given_on_paper=False,
    )  # fmt: skip
    stop = StopFacts(
        dose=dose.code, prepared_ml=whole.preparation.final_volume_ml, given_ml=form.volume_given_ml,
        delivered_cells=whole.delivered, required_cells=dose.required_cells, protocol=standing.ward.protocol,
        has_reason=form.stop_reason is not None,
    )  # fmt: skip
    found = [
        *wrong, *_people(work, whole), *_order(work, form, whole), *refusals_of(work, dose, whole.others),
        *stop_refusals(stop),
    ]  # fmt: skip
    if dose.infusion_started_at is None:  # else all this was judged when it started
        found += infusion_refusals(facts)
        found += band_refusals(dose.code, whole.percent, tolerance, has_reason=True)
        found += load_refusals(standing, whole.delivered, len(whole.vials))
    return whole, found


def _to_the_minute(at: datetime.datetime) -> datetime.datetime:
    """As it is written on paper."""
    return at.replace(second=0, microsecond=0)


def _gaps(dose: Dose, form: EnterDoseFromPaper) -> list[Refusal]:
    """What neither record nor form says; and what both say."""
    parts = (
        ("the thaw", dose.counted_at, form.thaw), ("the count", dose.counted_at, form.count),
        ("the preparation", dose.prepared_at, form.preparation),
        ("the first check", dose.first_checked_at, form.first_checked_at),
        ("the second check", dose.second_checked_at, form.second_checked_at),
        ("the start", dose.infusion_started_at, form.started_at),
    )  # fmt: skip
    missing = [name for name, known, given in parts if known is None and given is None]
    twice = [name for name, known, given in parts if known is not None and given is not None]
    found = []
    if missing:
        sentence = "Of dose {dose} neither the record nor the form says: {parts}. Enter it from the paper."
        found.append(refuse(Code.CRITERION_OPEN, sentence, dose=dose.code, parts=", ".join(missing)))
    if twice:
        sentence = "The record of dose {dose} has this already: {parts}. Leave it empty."
        found.append(refuse(Code.ALREADY_EXISTS, sentence, dose=dose.code, parts=", ".join(twice)))
    return found


def _whole(
    work: Work, dose: Dose, form: EnterDoseFromPaper, standing: DoseStanding, started_at: datetime.datetime
) -> tuple[Whole | None, list[Refusal]]:
    on_its_way = vials_of(work, dose, *ON_ITS_WAY)
    thawed = [vial.code for vial in on_its_way if vial.thawed_at]
    codes = tuple(form.thaw.vials if form.thaw else thawed)
    count = form.count or PaperCount.model_construct(
        counted_at=dose.counted_at, diluent=dose.diluent, pooled_ml=dose.pooled_ml, method=dose.count_method,
        total_cells_per_ml=dose.total_cells_per_ml, viability_percent=dose.viability_percent,
    )  # fmt: skip
    starts = [at for at in (dose.thaw_started_at, form.thaw and form.thaw.started_at) if at]
    rules, wrong = standing.ward.protocol, []
    try:
        draw = volume_to_draw(
            dose.required_cells, count.total_cells_per_ml, count.viability_percent, count.pooled_ml,
            rules.draw.dead_volume_ml, rules.draw.marks,
        )  # fmt: skip
        until, problem = usable_until(rules.thaw, min(starts), count.diluent), None
    except (ValueError, KeyError) as error:
        draw, until, problem = None, started_at, str(error) if isinstance(error, ValueError) else None
    kept = {vial.code for vial in on_its_way}
    others = tuple(other_vials(work, codes, kept))
    expected = {*thawed, *(set(codes) & kept), *(vial.code for vial in others)}
    facts = CountFacts(
        dose=dose.code, expected=tuple(expected), scanned=codes, rules=rules.thaw,
        diluent=count.diluent, earlier_diluent=None, started_at=min(starts),
        viability_percent=count.viability_percent, method=count.method,
        total_cells=Fraction(count.total_cells_per_ml) * Fraction(count.pooled_ml),
        cells_per_vial=standing.row.cells_per_vial, problem=problem, now=count.counted_at,
    )  # fmt: skip
    if form.count:
        wrong += count_refusals(facts)
    if draw is None:
        return None, wrong
    made, preparer = _prepared(work, dose, form)
    per_ml = draw.viable_cells_per_ml
    return Whole(
        codes, others, min(starts), count, made, preparer,
        dose.first_checked_at or form.first_checked_at, dose.second_checked_at or form.second_checked_at,  # type: ignore[arg-type]
        started_at, standing.plan.study_day, dose.expires_at or until, draw,
        int(per_ml * Fraction(made.drawn_ml)), per_ml * Fraction(made.drawn_ml) * 100 / draw.required_cells,
    ), wrong  # fmt: skip


def _prepared(work: Work, dose: Dose, form: EnterDoseFromPaper) -> tuple[PaperPreparation, int]:
    """What was drawn up, and who did it. Refuses NOT_FOUND for a name that nobody has."""
    made = form.preparation
    if made is None:
        assert dose.prepared_by_id is not None
        return PaperPreparation.model_construct(
            prepared_at=dose.prepared_at, prepared_by="", drawn_ml=dose.draw_ml, final_volume_ml=dose.final_volume_ml
        ), dose.prepared_by_id
    person = work.session.scalars(select(Person.id).where(Person.name == made.prepared_by)).one_or_none()
    if person is None:
        sentence = "Nobody has the sign-in name {name}. Correct who drew the dose up."
        raise Refused([refuse(Code.NOT_FOUND, sentence, name=made.prepared_by)])
    return made, person


def _people(work: Work, whole: Whole) -> list[Refusal]:
    if whole.preparer != work.actor.id:
        return []
    sentence = "{person} drew the dose up: another person checks it and signs for its form."
    return [refuse(Code.SAME_PERSON, sentence, person=work.actor.full_name)]


def _order(work: Work, form: EnterDoseFromPaper, whole: Whole) -> list[Refusal]:
    """Each step follows the one before it, and none lies in the future."""
    steps = (
        ("The thaw", whole.thaw_started_at), ("The count", whole.count.counted_at),
        ("The preparation", whole.preparation.prepared_at), ("The first check", whole.first_checked_at),
        ("The second check", whole.second_checked_at), ("The start", whole.started_at), ("The end", form.stopped_at),
    )  # fmt: skip
    after: list[datetime.datetime | None] = [None, *(at for _, at in steps)]
    found = [one for (what, at), last in zip(steps, after, strict=False) for one in time_refusals(work, what, at, last)]
    if whole.preparation.final_volume_ml < whole.preparation.drawn_ml:
        sentence = "The final volume, {final} mL, is less than the {drawn} mL drawn into it. Correct it."
        made = whole.preparation
        found.append(refuse(Code.OUTSIDE_LIMITS, sentence, final=made.final_volume_ml, drawn=made.drawn_ml))
    return found


def _give(work: Work, dose: Dose, used: list[Vial], thawed_at: datetime.datetime) -> None:
    """The vials leave their places and are in the dose; one that was thawed before keeps its time."""
    in_the_tank = [vial for vial in used if vial.state in ("IN_STOCK", "RESERVED")]
    end_placement(work, in_the_tank, thawed_at)
    frozen = [vial for vial in used if vial.state == "PICKED"]
    thawed = [vial for vial in used if vial.state in ("THAWED", "POOLED")]
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
        dose.viability_percent, dose.is_short = form.count.viability_percent, whole.draw.is_short
    if form.preparation:
        dose.draw_ml, dose.final_volume_ml = form.preparation.drawn_ml, form.preparation.final_volume_ml
        dose.delivered_cells, dose.delivered_percent = whole.delivered, one_decimal(whole.percent)
        dose.prepared_at, dose.prepared_by_id = form.preparation.prepared_at, whole.preparer
    if form.first_checked_at:
        dose.first_checked_at, dose.first_checked_by_id = form.first_checked_at, paper.entered_by_id
    if form.second_checked_at:
        dose.second_checked_at, dose.second_checked_by_id = form.second_checked_at, work.actor.id
    if form.started_at:
        dose.infusion_started_at, dose.study_day = form.started_at, whole.study_day
    dose.infusion_stopped_at = form.stopped_at
    dose.volume_given_ml, dose.outcome_reason = form.volume_given_ml, form.stop_reason

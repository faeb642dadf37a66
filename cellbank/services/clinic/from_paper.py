"""A dose that was given from its paper form while the system was away: entered by one person, confirmed by another one,
each as a rule one of those who checked it. Only what is missing is filled in; what was not allowed about it opens a
deviation, for it was given."""

import datetime
from collections.abc import Sequence

from sqlalchemy import exists, select

from cellbank.domain.lifecycle.states import PaperState, VialState
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.telling import divided
from cellbank.records.clinic import Dose, DosePaper, Reaction
from cellbank.records.production import Vial
from cellbank.records.work import Work
from cellbank.services.acts import act
from cellbank.services.clinic.dosing import lock_dose, release
from cellbank.services.clinic.other_vials import other_doses
from cellbank.services.clinic.paper_inputs import (
    ConfirmDoseFromPaper,
    EnterDoseFromPaper,
    PaperReaction,
    TakeBackPaperForm,
    content_of,
)
from cellbank.services.clinic.paper_judgement import judge_form
from cellbank.services.clinic.paper_whole import Whole, columns_of, vials_kept
from cellbank.services.storage.places import end_placement, last_placed_at


@act(EnterDoseFromPaper, likely="rarely")
def enter_dose_from_paper(work: Work, given: EnterDoseFromPaper) -> Dose:
    """The first person enters what the form says and the record does not. Nothing stands in the dose before another
    person has confirmed it, but a reaction, which counts at once. The answer tells what was not allowed about it: that
    will open a deviation."""
    dose = lock_dose(work, given.dose)  # with the subject: no other dose of theirs goes on meanwhile
    before = _open_form(work, dose)
    whole, refusals = judge_form(work, dose, given)
    refusing, irregular = divided(refusals, late=True)
    told = [one.as_json() for one in work.here(irregular)]
    work.show(will_open_a_deviation=told)
    _show_columns(work, dose, given, whole)
    olds = [before] if before else []
    work.judge(dose, DosePaper, *olds, refusals=refusing)
    work.transition(*olds, to=PaperState.REPLACED)
    work.session.flush()
    paper = DosePaper(
        dose_id=dose.id, content=content_of(given), irregular=told, entered_at=work.now, entered_by_id=work.actor.id
    )
    work.add(paper)
    if given.reaction and not _is_noted(work, dose, given.reaction):
        work.note(_reaction(work, dose, given.reaction))
    work.transition(dose)
    return dose


@act(ConfirmDoseFromPaper, likely="rarely")
def confirm_dose_from_paper(work: Work, given: ConfirmDoseFromPaper) -> Dose:
    """The second person compares the whole content with the form and signs: the dose is given from then on. Refuses
    another start than was entered, and whoever entered it or drew the dose up."""
    dose = lock_dose(work, given.dose)
    paper = _form_that_waits(work, dose)
    form = EnterDoseFromPaper.model_validate(paper.content)
    whole, refusals = judge_form(work, dose, form, paper)
    refusals += _read_again(given, whole)
    if not form.second_checked_by and paper.entered_by_id != work.actor.id:
        refusals += _first_one_confirms(work, dose, whole)
    _show_columns(work, dose, form, whole)
    used, others = (whole.used, whole.others) if whole else ((), ())
    kept = [vial for vial in vials_kept(work, dose) if vial not in used and vial.state == VialState.RESERVED]
    work.judge(
        dose,
        paper,
        *used,
        *kept,
        refusals=refusals,
        to=(VialState.INFUSED, VialState.IN_STOCK, PaperState.CONFIRMED),
        of=other_doses(work, others),
    )
    assert whole is not None
    _give(work, dose, used, whole.thaw_started_at)
    release(work, kept)
    for column, value in columns_of(dose, form, whole).items():
        setattr(dose, column, value)
    paper.confirmed_at, paper.confirmed_by_id = work.now, work.actor.id
    work.transition(paper)
    work.transition(dose)
    return dose


@act(TakeBackPaperForm, likely="rarely")
def take_back_paper_form(work: Work, given: TakeBackPaperForm) -> Dose:
    """Take back a form that waits, for nothing of it is true of this dose. It stays to be read, as does a reaction that
    was told with it. What was given is entered again, to the right dose."""
    dose = lock_dose(work, given.dose)
    paper = _form_that_waits(work, dose)
    work.judge(paper, of=[dose])
    work.transition(paper)
    return dose


def _show_columns(work: Work, dose: Dose, form: EnterDoseFromPaper, whole: Whole | None) -> None:
    """What the dose will say, for the page before the signature; what it then says stands in its record."""
    if work.dry_run and whole is not None:
        work.show(will_stand_in_the_dose=columns_of(dose, form, whole))


def _form_that_waits(work: Work, dose: Dose) -> DosePaper:
    """The form of this dose that waits for its second person. Refuses NOT_FOUND where there is none."""
    paper = _open_form(work, dose)
    if paper is None:
        sentence = "No form of dose {dose} waits for its second person. The first person enters it."
        work.judge(of=[dose], refusals=[refuse(Code.NOT_FOUND, sentence, dose=dose.code)])
    assert paper is not None
    return paper


def _open_form(work: Work, dose: Dose) -> DosePaper | None:
    entered = select(DosePaper).where(DosePaper.dose_id == dose.id, DosePaper.state == PaperState.ENTERED)
    return work.session.scalars(entered if work.dry_run else entered.with_for_update()).one_or_none()


def _read_again(given: ConfirmDoseFromPaper, whole: Whole | None) -> list[Refusal]:
    """Whoever confirms reads the start off the paper themselves."""
    if whole is None or _to_the_minute(given.happened_at) == _to_the_minute(whole.started_at):
        return []
    sentence = "The form was entered with the start {entered}, and you read {read}. Compare both with the paper."
    return [refuse(Code.READINGS_DIFFER, sentence, entered=whole.started_at, read=given.happened_at)]


def _first_one_confirms(work: Work, dose: Dose, whole: Whole | None) -> list[Refusal]:
    """Whoever confirms a form that names nobody is taken for the second one at the bed: they made no first check."""
    if whole is None or whole.first is None or whole.second is None:
        return []
    if not whole.second.is_told or whole.first.by.id != work.actor.id:
        return []
    sentence = (
        "{person} made the first check of dose {dose}, and its form names nobody who made the second one. Enter the "
        "form again with that name, or let the second one confirm it."
    )
    return [refuse(Code.SAME_PERSON, sentence, person=work.actor.full_name, dose=dose.code)]


def _to_the_minute(at: datetime.datetime) -> datetime.datetime:
    """As it is written on paper."""
    return at.replace(second=0, microsecond=0)


def _is_noted(work: Work, dose: Dose, told: PaperReaction) -> bool:
    """Whether the very same was noted when the form was entered before."""
    same = (Reaction.dose_id == dose.id, Reaction.happened_at == told.happened_at, Reaction.text == told.seen)
    return bool(work.session.scalar(select(exists().where(*same, Reaction.is_serious == told.serious))))


def _reaction(work: Work, dose: Dose, told: PaperReaction) -> Reaction:
    """The reaction that stands on the form. It counts at once, as one that is told at the bed: one person tells it."""
    return Reaction(
        dose_id=dose.id,
        is_serious=told.serious,
        text=told.seen,
        happened_at=told.happened_at,
        noted_at=work.now,
        noted_by_id=work.actor.id,
    )


def _give(work: Work, dose: Dose, used: Sequence[Vial], thawed_at: datetime.datetime) -> None:
    """The vials leave their places and are in the dose; one that was thawed before keeps its time."""
    in_the_tank = [vial for vial in used if vial.state in (VialState.IN_STOCK, VialState.RESERVED)]
    put_away = last_placed_at(work.session, in_the_tank) or thawed_at
    end_placement(work, in_the_tank, max(thawed_at, put_away))  # nothing is taken out before it stood there
    thawed = [vial for vial in used if vial.thawed_at]
    frozen = [vial for vial in used if vial not in in_the_tank and vial not in thawed]
    mine = {"dose_id": dose.id}
    work.transition_many(Vial, in_the_tank, to=VialState.INFUSED, picked_at=thawed_at, thawed_at=thawed_at, **mine)
    work.transition_many(Vial, frozen, to=VialState.INFUSED, thawed_at=thawed_at, **mine)
    work.transition_many(Vial, thawed, to=VialState.INFUSED, **mine)

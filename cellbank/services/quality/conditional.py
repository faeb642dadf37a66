"""The use of a lot for one subject while results of it are pending: asked for by a clinician, signed by three people.

It is off unless the specification names the tests that may be pending. How it ends by itself: `conditional_ends`.
Sources: domain reference §5.4.
"""

from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import select

from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.states import ConditionalState
from cellbank.domain.refusals import Refusal
from cellbank.domain.rules.conditional import ConditionalFacts, conditional_refusals, pending_tests
from cellbank.domain.rules.standing import SubjectFacts
from cellbank.records.clinic import Dose, Subject
from cellbank.records.conditional import ConditionalRelease
from cellbank.records.production import Lot
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, SignedInput, act
from cellbank.services.common import new_code
from cellbank.services.inputs import LotCode, Reason, SubjectCode, scanned
from cellbank.services.quality.impact import ENDED
from cellbank.services.quality.release_board import release_facts
from cellbank.services.stopping.holding import lock_lot

ConditionalCode = Annotated[str, *scanned(Kind.CONDITIONAL_RELEASE)]


class RequestConditionalRelease(SignedInput):
    """Ask for a conditional release."""

    lot: LotCode = Field(title="Lot")
    subject: SubjectCode = Field(title="Subject")
    justification: Reason = Field(title="Justification", description="Why this subject cannot wait for the results.")


@act(RequestConditionalRelease)
def request_conditional_release(work: Work, given: RequestConditionalRelease) -> ConditionalRelease:
    """Ask that one subject may have a lot whose last results are pending; signed. Refuses where the specification does
    not allow it, and every other criterion of a release that is not met."""
    subject = work.share(Subject, work.find(Subject, given.subject).id)
    lot = lock_lot(work, given.lot)
    facts = _facts(work, lot, subject)
    pending = list(pending_tests(facts.release))
    work.show(pending=pending)
    work.judge(ConditionalRelease, lot, refusals=conditional_refusals(facts), of=[subject])
    return work.add(
        ConditionalRelease(
            code=new_code(work, Kind.CONDITIONAL_RELEASE),
            lot_id=lot.id,
            subject_id=subject.id,
            pending=pending,
            justification=given.justification,
            requested_at=work.now,
            requested_by_id=work.actor.id,
        )
    )


class ApproveConditionalRelease(SignedInput):
    """Approve a conditional release."""

    release: ConditionalCode = Field(title="Conditional release")


@act(ApproveConditionalRelease)
def approve_conditional_release(work: Work, given: ApproveConditionalRelease) -> ConditionalRelease:
    """Approve it for quality, signed by somebody who performed nothing in the lot. All is asked again."""
    release = _judged_again(work, given.release)
    release.approved_at, release.approved_by_id = work.now, work.actor.id
    work.transition(release)
    return release


class SignForSponsor(SignedInput):
    """Sign a conditional release for the sponsor."""

    release: ConditionalCode = Field(title="Conditional release")


@act(SignForSponsor)
def sign_for_sponsor(work: Work, given: SignForSponsor) -> ConditionalRelease:
    """Put it in force for the sponsor, signed by a third person who performed nothing in the lot. All is
    asked again."""
    release = _judged_again(work, given.release)
    release.in_force_at, release.sponsor_by_id = work.now, work.actor.id
    work.transition(release)
    return release


class EndConditionalRelease(ActInput):
    """End a conditional release."""

    release: ConditionalCode = Field(title="Conditional release")
    reason: Reason


@act(EndConditionalRelease, likely="rarely")
def end_conditional_release(work: Work, given: EndConditionalRelease) -> ConditionalRelease:
    """End it before the results are there: no further dose of the lot goes to the subject. Names the doses under way,
    which are refused from now on."""
    release, lot, subject = _locked(work, given.release)
    work.show(doses_under_way=_doses_under_way(work, release))
    work.judge(release, refusals=_of_neither(work, release, lot, subject))
    release.ended_at, release.end_reason = work.now, given.reason
    work.transition(release)
    return release


def _judged_again(work: Work, code: str) -> ConditionalRelease:
    release, lot, subject = _locked(work, code)
    facts = _facts(work, lot, subject, release)
    work.show(pending=release.pending)
    work.judge(release, lot, refusals=[*_of_neither(work, release, lot, subject), *conditional_refusals(facts)])
    return release


def _of_neither(work: Work, release: ConditionalRelease, lot: Lot, subject: Subject) -> list[Refusal]:
    """Why it is signed or ended elsewhere: neither the lot nor the subject is of this site, where it cannot be read."""
    return [] if lot.site_id == work.actor.site_id else work.site_refusals(subject.site_id, release.called)


def _locked(work: Work, code: str) -> tuple[ConditionalRelease, Lot, Subject]:
    """The subject first, then the lot, as in an order: no dose is ordered while a release changes."""
    found = work.find(ConditionalRelease, code)
    subject = work.share(Subject, found.subject_id)
    lot = lock_lot(work, work.session.get_one(Lot, found.lot_id).code)
    return work.lock(ConditionalRelease, code), lot, subject


def _facts(work: Work, lot: Lot, subject: Subject, release: ConditionalRelease | None = None) -> ConditionalFacts:
    return ConditionalFacts(
        release=release_facts(work.session, lot, work.now),
        purpose=lot.purpose,
        subject=SubjectFacts(subject.code, subject.state, subject.arm, subject.receives_product),
        requested=None if release is None else tuple(release.pending),
        live=_live(work, lot, subject) if release is None else None,
    )


def _live(work: Work, lot: Lot, subject: Subject) -> str | None:
    of_both = (ConditionalRelease.lot_id == lot.id, ConditionalRelease.subject_id == subject.id)
    return work.session.scalar(
        select(ConditionalRelease.code).where(*of_both, ConditionalRelease.state != ConditionalState.ENDED)
    )


def _doses_under_way(work: Work, release: ConditionalRelease) -> list[dict[str, Any]]:
    of_both = (Dose.lot_id == release.lot_id, Dose.subject_id == release.subject_id, Dose.state.not_in(ENDED))
    rows = work.session.execute(select(Dose.code, Dose.state).where(*of_both).order_by(Dose.id))
    return [{"dose": code, "state": state} for code, state in rows]

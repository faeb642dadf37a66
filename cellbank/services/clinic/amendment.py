"""An amended protocol: subjects stay under the version under which they entered until somebody moves them, signed."""

from pydantic import Field

from cellbank.domain.eligibility import usable_answers
from cellbank.domain.lifecycle.states import DoseState, SubjectState
from cellbank.domain.protocol import Protocol
from cellbank.domain.rules.enrolment import AmendmentFacts, amendment_refusals, criteria_against_another_trial
from cellbank.records.clinic import Subject
from cellbank.records.people import Definition
from cellbank.records.work import Work
from cellbank.services.acts import SignedInput, act
from cellbank.services.clinic.enrolment import (
    answers_to_keep,
    assessment_json,
    judge_answers,
    open_doses,
    stored_answers,
)
from cellbank.services.clinic.patients import version_in_force
from cellbank.services.common import read_protocol
from cellbank.services.inputs import Reason, SubjectCode


class MoveToAmendment(SignedInput):
    """Move a subject to the protocol in force."""

    subject: SubjectCode = Field(title="Subject")
    reason: Reason = Field(title="Reason", description="Such as the consent to the amendment, with its date.")


@act(MoveToAmendment, likely="rarely")
def move_to_amendment(work: Work, given: MoveToAmendment) -> Subject:
    """Put a subject under the version of the trial's protocol in force, from now on.

    Shows what was checked again: arm and product, doses on their way, every criterion by the answers there are. Who is
    enrolled stays enrolled; who is in screening is assessed anew.
    """
    subject = work.lock(Subject, given.subject)
    before = work.session.get_one(Definition, subject.protocol_id)
    newest = version_in_force(work, subject)
    old, protocol = read_protocol(before.content), read_protocol(newest.content)
    answers = usable_answers(protocol, stored_answers(old, subject.answers))  # new questions are open
    assessment = judge_answers(protocol, subject, answers)
    work.show(from_version=before.version, to_version=newest.version, checked_again=assessment_json(assessment))
    facts = AmendmentFacts(
        subject=subject.code,
        version=before.code,
        newest=newest.code,
        arm=subject.arm,
        arms=tuple(arm.code for arm in protocol.arms),
        product=_product(old, subject.arm),
        new_product=_product(protocol, subject.arm),
        open_doses=tuple(dose for dose in open_doses(work, subject) if dose[1] != DoseState.INFUSED),
    )
    work.judge(subject, refusals=amendment_refusals(facts))
    subject.protocol_id, subject.bars_other_trials = newest.id, bool(criteria_against_another_trial(protocol))
    if subject.state == SubjectState.SCREENING:
        subject.answers, subject.assessment = answers_to_keep(answers), assessment_json(assessment)
    work.transition(subject)
    return subject


def _product(protocol: Protocol, arm: str) -> str | None:
    return next((one.specification for one in protocol.arms if one.code == arm), None)

"""Whether treatment goes on after a serious reaction, or with a critical deviation of a dose open: a clinician decides.

What is to be decided is the database's to say (`undecided_concerns`), so that the rule and its twin agree.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import Field
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from cellbank.domain.identifiers import Kind
from cellbank.domain.rules.standing import SubjectFacts, nothing_to_decide_refusals, other_clinician_refusals
from cellbank.records.clinic import Subject, TreatmentDecision
from cellbank.records.work import Work
from cellbank.services.acts import SignedInput, act
from cellbank.services.common import new_code
from cellbank.services.inputs import Reason, SubjectCode
from cellbank.services.installation import Installation, at_site

_CONCERNS = text(
    """SELECT c.kind, c.id, c.said, r.noted_by_id FROM undecided_concerns(:subject) c
         LEFT JOIN reaction r ON c.kind = 'reaction' AND r.id = c.id ORDER BY c.since, c.kind, c.id"""
)
_OF_CODE = text(
    f"""SELECT c.said FROM subject s CROSS JOIN LATERAL undecided_concerns(s.id) c
         WHERE s.code = :code AND s.state IN ('SCREENING', 'ENROLLED') AND {at_site("s.site_id")}
         ORDER BY c.since, c.kind, c.id"""
)


def concerns_of(session: Session, subject_id: int) -> Sequence[Row[Any]]:
    """What has happened to a subject that nobody has decided about: kind, id and words of each; of a reaction who noted
    it."""
    return session.execute(_CONCERNS, {"subject": subject_id}).all()


def undecided(installation: Installation, subject: str) -> tuple[str, ...]:
    """What nobody has decided about, in words, for a page of the subject with this code; nothing once treatment has
    ended."""
    with installation.reads.connect() as connection:
        return tuple(connection.scalars(_OF_CODE, {"code": subject, "site": installation.site}))


class ContinueTreatment(SignedInput):
    """Decide that treatment goes on."""

    subject: SubjectCode = Field(title="Subject")
    reason: Reason = Field(description="Why the next dose may be given in spite of each of these.")


@act(ContinueTreatment)
def continue_treatment(work: Work, given: ContinueTreatment) -> TreatmentDecision:
    """Sign that the subject may have the next dose in spite of everything that is open now. What opens later, or opens
    again, is another decision, and so is a serious reaction that the same person noted: another clinician decides about
    it. Refuses where nothing waits for one."""
    subject = work.lock(Subject, given.subject)
    open_now = concerns_of(work.session, subject.id)
    concerns = [one for one in open_now if one.noted_by_id != work.actor.id]
    said = tuple(one.said for one in open_now)
    facts = SubjectFacts(subject.code, subject.state, subject.arm, subject.receives_product, said)
    own = len(open_now) - len(concerns)
    work.show(covers=[one.said for one in concerns])
    refusals = [
        *nothing_to_decide_refusals(facts),
        *other_clinician_refusals(work.actor.full_name, subject.code, own, len(concerns)),
    ]
    work.judge(TreatmentDecision, refusals=refusals, of=[subject])
    return work.add(
        TreatmentDecision(
            code=new_code(work, Kind.TREATMENT_DECISION),
            subject_id=subject.id,
            covers=[{"kind": one.kind, "id": one.id, "said": one.said} for one in concerns],
            reason=given.reason,
            decided_at=work.now,
            decided_by_id=work.actor.id,
        )
    )

"""Who a subject is. Everywhere a subject goes by the trial's number; the second identifier and the date of birth are
shown to whoever asks for them, and the asking is an act in the trail.

Without an act they appear only where people identify the patient: at enrolment they are typed, at the bedside they are
read back and compared, never shown, and wristband and dose label carry the last four characters of the identifier.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from cellbank.records.clinic import Subject
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, act
from cellbank.services.inputs import SubjectCode

#: the columns of a subject that say who it is, and the inputs in which they are given
IDENTITY = ("second_identifier", "second_identifier_key", "born_on")
HIDDEN = "(hidden)"


class LookAtIdentity(ActInput):
    """Show the identity of a subject."""

    subject: SubjectCode = Field(title="Subject")


@act(LookAtIdentity, likely="rarely")
def look_at_identity(work: Work, given: LookAtIdentity) -> Subject:
    """Tell the second identifier and the date of birth, this once: the trail keeps who looked and not what they saw."""
    subject = work.find(Subject, given.subject)
    work.judge(subject)
    work.tell_once(
        identity={"second_identifier": subject.second_identifier, "born_on": subject.born_on.isoformat()},
    )
    return subject


def is_identity(kind: str, column: str) -> bool:
    """Whether a column says who a subject is."""
    return kind == "subject" and column in IDENTITY


def without_identity(given: Mapping[str, Any], refusals: Iterable[Mapping[str, str]] | None) -> list[dict[str, str]]:
    """The reasons of a refused act as the trail keeps them, without the identity that may have been given in it."""
    said = [re.escape(str(given[name])) for name in IDENTITY if given.get(name)]
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(said)})(?!\w)") if said else None
    return [
        {**refusal, "detail": pattern.sub(HIDDEN, refusal["detail"]) if pattern else refusal["detail"]}
        for refusal in refusals or ()
    ]

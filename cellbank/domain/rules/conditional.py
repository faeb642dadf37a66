"""When a lot may be used for one subject while results of it are pending: off unless its specification allows it.

Source: domain reference §5.4 (per subject, three signatures, pending list). Twins in the database: the function
`lot_is_for`, `only_a_lot_in_quarantine_is_released_conditionally`, `the_signer_performed_nothing`,
`only_what_is_pending_may_be`, and those of a release.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cellbank.domain.acceptance import ReleaseTest
from cellbank.domain.lifecycle.states import ResultState
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.release import ReleaseFacts, release_criteria
from cellbank.domain.rules.standing import SubjectFacts, subject_refusals
from cellbank.domain.rules.tested import STANDING, refusal_of_test


@dataclass(frozen=True)
class ConditionalFacts:
    """All that decides about the release of a lot, and the subject. `requested`: the tests that were pending when it
    was asked for; None where it is asked for now. `live`: the code of another one of this lot for this subject."""

    release: ReleaseFacts
    purpose: str
    subject: SubjectFacts
    requested: tuple[str, ...] | None = None
    live: str | None = None


def pending_tests(facts: ReleaseFacts) -> tuple[str, ...]:
    """The codes of the tests that the specification lets be pending, and that are: no result, or none against the lot
    of which the last still waits for its review."""
    rules = facts.specification.conditional_release
    allowed = rules.tests if rules else ()
    return tuple(code for code in allowed if _is_pending(facts, facts.specification.test(code)))


def _is_pending(facts: ReleaseFacts, test: ReleaseTest) -> bool:
    """A value against the lot, once seen, is never pending again; nor is one that somebody disputed."""
    results = [one for one in facts.results if one.test == test.code and one.state != ResultState.CORRECTED]
    good = all(one.state in STANDING and one.verdict != "OUT_OF_SPECIFICATION" for one in results)
    return good and refusal_of_test(facts.lot, test, facts.results) is not None


def conditional_refusals(facts: ConditionalFacts) -> tuple[Refusal, ...]:
    """Why the subject may not have the lot now: every criterion is asked but for the tests that are pending."""
    return (*_not_allowed(facts), *subject_refusals(facts.subject), *_criteria(facts))


def _not_allowed(facts: ConditionalFacts) -> Iterator[Refusal]:
    release, specification = facts.release, facts.release.specification
    if specification.conditional_release is None:
        yield refuse(
            Code.DEFINITION_NOT_EFFECTIVE,
            "Specification {id}@{version} of lot {lot} allows no conditional release. Wait until the lot is released, "
            "or use another one.",
            id=specification.id,
            version=specification.version,
            lot=release.lot,
        )
    if facts.purpose != "product":
        yield refuse(
            Code.WRONG_KIND,
            "Lot {lot} is a {purpose}: nobody is given its cells. Choose a lot of the product.",
            lot=release.lot,
            purpose=facts.purpose,
        )
    if facts.live is not None:
        yield refuse(
            Code.ALREADY_EXISTS,
            "Conditional release {code} of lot {lot} for subject {subject} is not ended. Go on with it, or end it.",
            code=facts.live,
            lot=release.lot,
            subject=facts.subject.code,
        )


def _criteria(facts: ConditionalFacts) -> Iterator[Refusal]:
    pending = pending_tests(facts.release)
    if facts.requested is not None:  # what has become unsure since is not what the clinician signed for
        pending = tuple(code for code in pending if code in facts.requested)
    excused = {f"TEST_{code}" for code in pending}
    for line in release_criteria(facts.release):
        if line.refusal is not None and line.code not in excused:
            yield line.refusal
    if not pending and facts.release.specification.conditional_release is not None:
        yield refuse(
            Code.CRITERION_OPEN,
            "No result of lot {lot} that may be pending is: it is released to everybody, or not at all.",
            lot=facts.release.lot,
        )

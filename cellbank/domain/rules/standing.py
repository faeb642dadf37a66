"""Whether a subject may receive cells at all, and whether a lot may be given at all.

Asked at every stage from the order to the bedside: a subject who has withdrawn since, or a lot on hold since, stops the
dose wherever it is. Twins in the database: `no_dose_for_the_control_arm`, `dose_only_for_an_enrolled_subject`,
`a_decision_comes_before_the_next_dose`, `a_form_is_confirmed_before_the_next_dose`, `dose_only_from_a_released_lot`,
`only_vials_of_a_released_lot_are_reserved`, `nothing_expired_is_thawed` (migration 0003).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from cellbank.domain.lifecycle.states import DonorState, LotState, SubjectState
from cellbank.domain.refusals import Code, Refusal, refuse

# --- the subject ------------------------------------------------------------------------------

# Doses may still come: a screening subject too may have been harmed, or a dose of theirs lost.
IN_TREATMENT = frozenset({SubjectState.SCREENING, SubjectState.ENROLLED})


@dataclass(frozen=True)
class SubjectFacts:
    """The subject as enrolled; `receives_product` comes from the arm. `undecided`: what has happened to them that a
    clinician has to decide about before the next dose; of a dose that runs without what happens with it.
    `given_on_paper`: the dose of theirs of which a paper form tells that it was given, and waits for its second person.
    """

    code: str
    state: str
    arm: str
    receives_product: bool
    undecided: tuple[str, ...] = ()
    given_on_paper: str | None = None


def subject_refusals(facts: SubjectFacts) -> tuple[Refusal, ...]:
    """Why this subject receives no cells: the arm, not (or no longer) in treatment, or a decision that is due."""
    found = []
    if not facts.receives_product:
        found.append(
            refuse(
                Code.CONTROL_ARM,
                "Subject {subject} is in arm {arm}, which receives no cells. Check the subject's number.",
                subject=facts.code,
                arm=facts.arm,
            )
        )
    if facts.state != SubjectState.ENROLLED:
        found.append(
            refuse(
                Code.SUBJECT_NOT_ENROLLED,
                "Subject {subject} is {state}, not enrolled: no cells may be given. "
                "A subject in screening is enrolled by signing the eligibility.",
                subject=facts.code,
                state=facts.state,
            )
        )
    return (*found, *next_dose_refusals(facts))


def next_dose_refusals(facts: SubjectFacts) -> Iterator[Refusal]:
    """Why the next dose waits: what a form tells as given is not given again, nor another one beside it; after a
    serious reaction, or with a critical deviation of a dose open, a clinician decides."""
    if facts.given_on_paper:
        yield refuse(
            Code.DECISION_NEEDED,
            "Dose {dose} was given, as its paper form tells. Do not give it again, nor another one to this subject: "
            "two people enter and confirm its form first.",
            dose=facts.given_on_paper,
        )
    if facts.undecided:
        yield refuse(
            Code.DECISION_NEEDED,
            "Subject {subject}: {concerns}. No dose is ordered, prepared or given before a clinician has decided, with "
            "a signature, that treatment goes on.",
            subject=facts.code,
            concerns=", ".join(facts.undecided),
        )


def nothing_to_decide_refusals(facts: SubjectFacts) -> tuple[Refusal, ...]:
    """Nobody decides about nothing: the decision covers what is open when it is signed, and nothing that comes; and
    where treatment has ended no dose waits for it."""
    if facts.state not in IN_TREATMENT:
        sentence = "Subject {subject} is {state}: there is no next dose to decide about."
        state = facts.state.lower().replace("_", " ")
        return (refuse(Code.WRONG_STATE, sentence, subject=facts.code, state=state),)
    if facts.undecided:
        return ()
    sentence = (
        "Nothing about subject {subject} waits for a decision: there is no serious reaction and no open critical "
        "deviation of a dose that is not decided."
    )
    return (refuse(Code.WRONG_STATE, sentence, subject=facts.code),)


def other_clinician_refusals(person: str, subject: str, own: int, others: int) -> tuple[Refusal, ...]:
    """Nobody decides alone about a serious reaction that they noted themselves: what else is open they may decide.
    `own` reactions are the person's, `others` concerns are not. Twin in the database:
    `another_clinician_decides_about_a_reaction`."""
    if not own or others:
        return ()
    sentence = (
        "{person} noted what is to be decided about subject {subject}: another clinician decides whether treatment "
        "goes on after a serious reaction."
    )
    return (refuse(Code.SAME_PERSON, sentence, person=person, subject=subject),)


# --- the lot ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class LotFacts:
    """The lot and what stands above it; `used_on` is the local date on which its cells would be given. `conditional`:
    a conditional release of it for this very subject is in force."""

    code: str
    state: str
    expires_on: date
    donor: str
    donor_state: str
    consent_in_force: bool
    is_held: bool
    used_on: date
    conditional: bool = False

    @property
    def released_for_subject(self) -> bool:
        """Whether quality lets the subject have it. Twin in the database: the function `lot_is_for`."""
        return self.state == LotState.RELEASED or (self.state == LotState.QUARANTINE and self.conditional)


def lot_refusals(facts: LotFacts) -> tuple[Refusal, ...]:
    """Why nothing of this lot may be given: donor, consent, hold, release, expiry."""
    return tuple(_lot_refusals(facts))


def _lot_refusals(facts: LotFacts) -> Iterator[Refusal]:
    if not facts.consent_in_force:
        yield refuse(
            Code.CONSENT_MISSING,
            "The consent of donor {donor} is not in force: lot {lot} may not be given. Use another lot.",
            donor=facts.donor,
            lot=facts.code,
        )
    if facts.donor_state != DonorState.ELIGIBLE:
        yield refuse(
            Code.DONOR_NOT_ELIGIBLE,
            "Donor {donor} of lot {lot} is {state}. Use another lot and tell the quality officer.",
            donor=facts.donor,
            lot=facts.code,
            state=facts.donor_state,
        )
    if facts.is_held or facts.state == LotState.ON_HOLD:
        yield refuse(
            Code.ON_HOLD,
            "Lot {lot} is on hold. Use another lot, or ask the quality officer when the hold will be lifted.",
            lot=facts.code,
        )
    if not facts.released_for_subject:
        yield refuse(
            Code.LOT_NOT_RELEASED,
            "Lot {lot} is {state}, not released. Only a quality officer's release makes it usable; use another lot.",
            lot=facts.code,
            state=facts.state,
        )
    if facts.used_on > facts.expires_on:
        yield refuse(
            Code.EXPIRED,
            "Lot {lot} expires on {expires} and would be given on {on}. Use another lot.",
            lot=facts.code,
            expires=facts.expires_on,
            on=facts.used_on,
        )

"""From the tank to the bench and back: is this the vial, may it leave its place, may it return?

Twins in the database: `one_live_reservation_per_vial`, `no_dose_from_a_vial_that_warmed`. Facts: domain reference §4.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cellbank.domain.identifiers import printed
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.plan import PlanFacts, pick_day_refusals
from cellbank.domain.rules.standing import LotFacts, SubjectFacts, lot_refusals, subject_refusals
from cellbank.domain.rules.warming import Budget, warming_refusals

NOT_GIVEN = "It is given to nobody: cancel the dose, discard this vial, and order the dose again."


@dataclass(frozen=True)
class VialFacts:
    """A scanned vial and the dose it is kept for, if any; `of_subject` is the subject of that dose."""

    code: str
    for_dose: str | None
    of_subject: str | None


def vial_refusals(vial: VialFacts, dose: str, subject: str) -> tuple[Refusal, ...]:
    """Why this vial does not belong to this dose."""
    if vial.for_dose == dose:
        return ()
    if vial.of_subject is not None and vial.of_subject != subject:
        return (
            refuse(
                Code.VIAL_OF_ANOTHER_SUBJECT,
                "STOP. Vial {vial} is kept for subject {other} (dose {other_dose}), not for subject {subject}. "
                "Put it back and scan the vial on the list.",
                vial=printed(vial.code),
                other=vial.of_subject,
                other_dose=vial.for_dose,
                subject=subject,
            ),
        )
    return (
        refuse(
            Code.VIAL_MISMATCH,
            "Vial {vial} is not reserved for dose {dose}. Put it back and scan a vial on the list.",
            vial=printed(vial.code),
            dose=dose,
        ),
    )


@dataclass(frozen=True)
class DewarFacts:
    """A unit into which a vial shall go on its way to the bench; `keeps_cold`: it is a transfer dewar."""

    called: str
    type: str
    keeps_cold: bool
    out_of_service: str | None = None


@dataclass(frozen=True)
class PickFacts:
    """A vial about to leave its place. `stands_in` is the code of its box, None if it stands nowhere; `warmed` is what
    it has spent of its time out of the cold, None where nothing of that is known. `in_hand` vials of the dose are out
    already of the `wanted`: those that it needs, and the spare ones that were called. `dewar` is what it goes into."""

    vial: VialFacts
    dose: str
    subject: SubjectFacts
    lot: LotFacts
    plan: PlanFacts
    stands_in: str | None
    box_scanned: str
    place: str | None
    warmed: Budget | None = None
    in_hand: int = 0
    wanted: int = 1
    dewar: DewarFacts | None = None


def pick_refusals(facts: PickFacts) -> tuple[Refusal, ...]:
    """Why the vial stays in the tank: another's vial, another box, or a dose that may not be given any more."""
    wrong_box: tuple[Refusal, ...] = ()
    if facts.stands_in != facts.box_scanned:
        wrong_box = (
            refuse(
                Code.POSITION_MISMATCH,
                "Box {box} was scanned, but vial {vial} belongs {place}. Close the box and check the list.",
                box=facts.box_scanned,
                vial=printed(facts.vial.code),
                place=f"at {facts.place}" if facts.place else "nowhere in the store",
            ),
        )
    return (
        *vial_refusals(facts.vial, facts.dose, facts.subject.code),
        *wrong_box,
        *_spare_refusals(facts),
        *(_dewar_refusals(facts.dewar) if facts.dewar else ()),
        *(warming_refusals(facts.vial.code, facts.warmed, NOT_GIVEN) if facts.warmed else ()),
        *subject_refusals(facts.subject),
        *lot_refusals(facts.lot),
        *pick_day_refusals(facts.plan),
    )


def _spare_refusals(facts: PickFacts) -> Iterator[Refusal]:
    """The spare vial stays in the tank until it is called: once out, it cannot wait for another patient."""
    if facts.vial.for_dose == facts.dose and facts.in_hand >= facts.wanted:
        yield refuse(
            Code.SPARE_NOT_CALLED,
            "Dose {dose} has the {count} vials that it needs: vial {vial} is the spare one and stays in the tank. If "
            "it is needed after all, call it first (“Fetch the spare vial”).",
            dose=facts.dose,
            count=facts.in_hand,
            vial=printed(facts.vial.code),
        )


def _dewar_refusals(dewar: DewarFacts) -> Iterator[Refusal]:
    if not dewar.keeps_cold:
        sentence = "{unit} is a {type}, not a transfer dewar. Scan the dewar, or leave it empty."
        yield refuse(Code.WRONG_KIND, sentence, unit=dewar.called, type=dewar.type)
    elif dewar.out_of_service is not None:
        sentence = "{unit} is out of service: {why}. Take another dewar."
        yield refuse(Code.STORAGE_OUT_OF_SERVICE, sentence, unit=dewar.called, why=dewar.out_of_service)


@dataclass(frozen=True)
class ReturnFacts:
    """A picked vial on its way back. `warmed` is what it has spent of its time out of the cold, the present time
    included.

    `still_needed` is how many vials its dose would lack without it; 0 when the dose needs it no more.
    """

    vial: str
    warmed: Budget | None
    dose: str | None = None
    still_needed: int = 0


def return_refusals(facts: ReturnFacts) -> tuple[Refusal, ...]:
    """Why the vial is not put back: too long or too often out of the cold, or needed."""
    found = list(warming_refusals(facts.vial, facts.warmed)) if facts.warmed else []
    if facts.still_needed > 0:
        found.append(
            refuse(
                Code.NOT_ENOUGH_VIALS,
                "Without vial {vial} dose {dose} would lack {count} of its vials. Cancel the dose first.",
                vial=printed(facts.vial),
                dose=facts.dose,
                count=facts.still_needed,
            )
        )
    return tuple(found)

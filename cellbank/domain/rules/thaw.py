"""From the tank to the syringe: is this the vial, is there time, are the cells alive, is it the dose?

The clock starts with the thaw of the first vial and never stops. Nothing thawed goes back.
Twins in the database: `one_live_reservation_per_vial`, `a_thaw_is_never_undone`, `never_refrozen`,
`nothing_expired_is_thawed`, `a_used_vial_stays_used`, `prepared_is_complete`,
`no_dose_from_a_vial_that_warmed`. Facts: domain reference §4.3, §4.4, §6.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from cellbank.domain.dose import Band, dose_band
from cellbank.domain.folding import skeleton
from cellbank.domain.identifiers import printed
from cellbank.domain.protocol import ThawRules, Tolerance
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.dosing import WeightFacts, limit_refusals, weight_refusals
from cellbank.domain.rules.plan import PlanFacts, pick_day_refusals, plan_refusals
from cellbank.domain.rules.standing import LotFacts, SubjectFacts, lot_refusals, subject_refusals
from cellbank.domain.rules.warming import Budget, warming_refusals

# Thawing makes no cells. A count may still exceed the nominal fill: fills vary by ±20 % (domain reference §6.3).
COUNT_ABOVE_FILL_PERCENT = 20
NOT_GIVEN = "It is given to nobody: cancel the dose, discard this vial, and order the dose again."


# --- which vial -------------------------------------------------------------------------------


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


# --- pick and return --------------------------------------------------------------------------


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
class SpareFacts:
    """A dose for which a spare vial is called: how many still stand in the tank uncalled, and how the count was."""

    dose: str
    left: int
    is_counted: bool
    is_short: bool
    expires_at: datetime | None
    now: datetime


def spare_refusals(facts: SpareFacts) -> tuple[Refusal, ...]:
    """Why no spare vial is fetched: none is left, the dose is whole, or its time is over."""
    found = list(time_left_refusals(facts.dose, facts.expires_at, facts.now))
    if facts.is_counted and not facts.is_short:
        sentence = "Dose {dose} is not short: no further vial is needed. Prepare it."
        found.append(refuse(Code.WRONG_STATE, sentence, dose=facts.dose))
    if facts.left < 1:
        sentence = (
            "Dose {dose} has no spare vial left in the tank. A clinician accepts the short dose, or discard it and "
            "order again."
        )
        found.append(refuse(Code.NOT_ENOUGH_VIALS, sentence, dose=facts.dose))
    return tuple(found)


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


# --- thaw -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ThawFacts:
    """A vial about to be thawed. `expires_at` is None for the first; `was_counted`: it comes on top of a pool."""

    vial: VialFacts
    dose: str
    subject: SubjectFacts
    lot: LotFacts
    plan: PlanFacts
    weight: WeightFacts
    expires_at: datetime | None
    was_counted: bool
    is_short: bool
    dmso_g_per_kg: Decimal  # of the vials thawed, this one, and the other doses of the day
    now: datetime
    warmed: Budget | None = None  # as in PickFacts: a vial may be left out after it was picked


def thaw_refusals(facts: ThawFacts) -> tuple[Refusal, ...]:
    """Why the vial stays frozen. A dose that could not be given today must not be thawed today."""
    found = [
        *vial_refusals(facts.vial, facts.dose, facts.subject.code),
        *(warming_refusals(facts.vial.code, facts.warmed, NOT_GIVEN) if facts.warmed else ()),
        *subject_refusals(facts.subject),
        *lot_refusals(facts.lot),
        *plan_refusals(facts.plan),
        *weight_refusals(facts.weight),
        *limit_refusals(facts.dmso_g_per_kg, None, facts.plan.protocol.limits),
    ]
    if facts.was_counted and not facts.is_short:
        found.append(
            refuse(
                Code.WRONG_STATE,
                "Dose {dose} is counted and holds enough cells: no further vial is thawed. Prepare it.",
                dose=facts.dose,
            )
        )
    return (*found, *time_left_refusals(facts.dose, facts.expires_at, facts.now))


def time_left_refusals(dose: str, expires_at: datetime | None, now: datetime) -> tuple[Refusal, ...]:
    """Why a thawed dose may not be gone on with: its time is over. At the very instant of expiry it is over."""
    if expires_at is None or now < expires_at:
        return ()
    return (
        refuse(
            Code.OUT_OF_TIME,
            "Dose {dose} could be used until {until} after thaw. Discard it and order a new one.",
            dose=dose,
            until=expires_at,
        ),
    )


def usable_until(rules: ThawRules, started_at: datetime, diluent: str | None) -> datetime:
    """Until when thawed cells may be used: by the diluent once it is known, else by the longest that is allowed; in one
    that the protocol does not have for no longer than in the worst of its own."""
    known = {one.code: one.hours_to_expiry for one in rules.diluents}
    hours = rules.max_hours if diluent is None else min(rules.max_hours, known.get(diluent, min(known.values())))
    return started_at + timedelta(seconds=int(hours * 3600))


# --- pool and count ---------------------------------------------------------------------------


@dataclass(frozen=True)
class CountFacts:
    """A pool as measured. `expected` are the thawed vials of the dose, `scanned` those that went into the pool."""

    dose: str
    expected: tuple[str, ...]
    scanned: tuple[str, ...]
    rules: ThawRules
    diluent: str
    earlier_diluent: str | None
    started_at: datetime
    viability_percent: Decimal
    method: str
    total_cells: Fraction
    cells_per_vial: int
    problem: str | None
    now: datetime


def count_refusals(facts: CountFacts) -> tuple[Refusal, ...]:
    """Why the pool is not the dose: other vials, dead cells, too late, or figures that cannot be."""
    return tuple(_count_refusals(facts))


def _count_refusals(facts: CountFacts) -> Iterator[Refusal]:
    yield from set_refusals(facts.dose, facts.expected, facts.scanned, "thawed")
    if facts.viability_percent < facts.rules.viability_minimum_percent:
        yield refuse(
            Code.VIABILITY_TOO_LOW,
            "Viability {found} % is below the limit of {limit} %. Do not give it: count again, or discard the dose.",
            found=facts.viability_percent,
            limit=facts.rules.viability_minimum_percent,
        )
    if skeleton(facts.method) != skeleton(facts.rules.viability_method):
        yield refuse(
            Code.OTHER_METHOD,
            "The limit of {limit} % is one of {wanted}; the viability was found by {method}, and methods differ after "
            "thaw. Count by {wanted}.",
            limit=facts.rules.viability_minimum_percent,
            wanted=facts.rules.viability_method,
            method=facts.method,
        )
    yield from _diluent_refusals(facts)
    if facts.total_cells > Fraction(facts.cells_per_vial * len(facts.scanned) * (100 + COUNT_ABOVE_FILL_PERCENT), 100):
        yield refuse(
            Code.FIGURES_CONTRADICT,
            "The pool would hold {found:.1f} ×10⁶ cells, but {count} vials were filled with {filled:.1f} ×10⁶ "
            "together. Check the dilution factor and the volume.",
            found=float(facts.total_cells) / 1e6,
            count=len(facts.scanned),
            filled=facts.cells_per_vial * len(facts.scanned) / 1e6,
        )
    if facts.problem:
        yield refuse(Code.FIGURES_CONTRADICT, "Dose {dose}: {problem}", dose=facts.dose, problem=facts.problem)


def _diluent_refusals(facts: CountFacts) -> Iterator[Refusal]:
    known = [diluent.code for diluent in facts.rules.diluents]
    if facts.diluent not in known:
        yield refuse(
            Code.OTHER_DILUENT,
            "Diluent {given} is not in the protocol. Choose one of: {known}.",
            given=facts.diluent,
            known=", ".join(known),
        )
    if facts.earlier_diluent not in (None, facts.diluent):
        yield refuse(
            Code.OTHER_DILUENT,
            "The pool is in {earlier} already: another diluent cannot be added. Give {earlier}.",
            earlier=facts.earlier_diluent,
        )
    yield from time_left_refusals(facts.dose, usable_until(facts.rules, facts.started_at, facts.diluent), facts.now)


def set_refusals(dose: str, expected: Collection[str], scanned: Collection[str], what: str) -> Iterator[Refusal]:
    """Refusals that name every vial missing from, or strange to, the vials of a dose."""
    missing, strange = sorted(set(expected) - set(scanned)), sorted(set(scanned) - set(expected))
    if missing:
        yield refuse(
            Code.VIAL_MISMATCH,
            "Not scanned, though {what} for dose {dose}: {vials}. Scan all of them.",
            what=what,
            dose=dose,
            vials=", ".join(map(printed, missing)),
        )
    if strange:
        yield refuse(
            Code.VIAL_MISMATCH,
            "Scanned, but not {what} for dose {dose}: {vials}. Take them away and find out whose they are.",
            what=what,
            dose=dose,
            vials=", ".join(map(printed, strange)),
        )


# --- short dose and preparation ---------------------------------------------------------------


@dataclass(frozen=True)
class ShortDoseFacts:
    """A counted dose that a clinician would give although it is short."""

    dose: str
    is_short: bool
    percent: Fraction
    tolerance: Tolerance
    expires_at: datetime
    now: datetime


def short_dose_refusals(facts: ShortDoseFacts) -> tuple[Refusal, ...]:
    """Why a short dose cannot be accepted: it is not short, too short, or too late."""
    found = list(time_left_refusals(facts.dose, facts.expires_at, facts.now))
    if not facts.is_short:
        found.append(
            refuse(
                Code.WRONG_STATE, "Dose {dose} is not short: nothing is to be accepted. Prepare it.", dose=facts.dose
            )
        )
    return (*found, *band_refusals(facts.dose, facts.percent, facts.tolerance, has_reason=True))


def band_refusals(dose: str, percent: Fraction, tolerance: Tolerance, *, has_reason: bool) -> tuple[Refusal, ...]:
    """Why a dose of this exact percent is not given, or not without a reason. Source: domain reference §6.3."""
    band, shown = dose_band(percent, tolerance), f"{float(percent):.1f}"
    if band is Band.BLOCK:
        return (
            refuse(
                Code.DOSE_OUT_OF_BAND,
                "Dose {dose} would be {percent} % of the required cells; allowed are {allowed} %. "
                "Thaw one more vial while there is time, or discard the dose.",
                dose=dose,
                percent=shown,
                allowed=tolerance.warn_percent,
            ),
        )
    if band is Band.WARN and not has_reason:
        return (
            refuse(
                Code.REASON_NEEDED,
                "Dose {dose} is {percent} % of the required cells, outside {usual} %. Give a reason.",
                dose=dose,
                percent=shown,
                usual=tolerance.ok_percent,
            ),
        )
    return ()


@dataclass(frozen=True)
class PreparationFacts:
    """A dose drawn up: what the syringe shows beside what was calculated."""

    dose: str
    subject: SubjectFacts
    lot: LotFacts
    drawn_ml: Decimal
    computed_ml: Decimal
    mark_ml: Decimal
    available_ml: Decimal
    final_volume_ml: Decimal
    percent: Fraction
    tolerance: Tolerance
    is_short: bool
    short_dose_accepted: bool
    has_reason: bool
    limits: tuple[Refusal, ...]
    expires_at: datetime
    now: datetime


def preparation_refusals(facts: PreparationFacts) -> tuple[Refusal, ...]:
    """Why the syringe is not labelled as this dose."""
    return (
        *subject_refusals(facts.subject),
        *lot_refusals(facts.lot),
        *time_left_refusals(facts.dose, facts.expires_at, facts.now),
        *_volume_refusals(facts),
        *_short_refusals(facts),
        *band_refusals(facts.dose, facts.percent, facts.tolerance, has_reason=facts.has_reason),
        *facts.limits,
    )


def _volume_refusals(facts: PreparationFacts) -> Iterator[Refusal]:
    if abs(facts.drawn_ml - facts.computed_ml) > facts.mark_ml or facts.drawn_ml > facts.available_ml:
        yield refuse(
            Code.FIGURES_CONTRADICT,
            "{drawn} mL were drawn; {computed} mL were calculated, read to {mark} mL, and {available} mL can be drawn. "
            "Correct the syringe.",
            drawn=facts.drawn_ml,
            computed=facts.computed_ml,
            mark=facts.mark_ml,
            available=facts.available_ml,
        )
    if facts.final_volume_ml < facts.drawn_ml:
        yield refuse(
            Code.FIGURES_CONTRADICT,
            "The final volume, {final} mL, is less than the {drawn} mL drawn into it. Correct it.",
            final=facts.final_volume_ml,
            drawn=facts.drawn_ml,
        )


def _short_refusals(facts: PreparationFacts) -> Iterator[Refusal]:
    if facts.is_short and not facts.short_dose_accepted:
        yield refuse(
            Code.DOSE_OUT_OF_BAND,
            "Dose {dose} is short: {percent} % of the required cells. Thaw one more vial, or a clinician accepts the "
            "short dose.",
            dose=facts.dose,
            percent=f"{float(facts.percent):.1f}",
        )

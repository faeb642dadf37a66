"""From the pool to the syringe: is it the dose, and who accepts one that is short?

Twins in the database: `prepared_is_complete`, and those of `drawn.sql`. Facts: domain reference §6.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from cellbank.domain.dose import Band, dose_band
from cellbank.domain.protocol_doses import Tolerance
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.standing import LotFacts, SubjectFacts, lot_refusals, subject_refusals
from cellbank.domain.rules.thaw import time_left_refusals


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

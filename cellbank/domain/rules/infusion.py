"""GO or STOP at the bedside: the one rule of the last check, asked again when the infusion starts.

Every hard stop of the domain reference, §7.4, that applies to a prepared dose stands here. That two different people
check, neither of whom prepared the dose, is decided by the transition table.
Twins in the database: `two_different_verifiers`, `preparer_does_not_verify`, `no_infusion_without_two_verifiers`,
`not_started_after_expiry`, `prepared_is_complete`, `dose_only_for_an_enrolled_subject`, `no_dose_for_the_control_arm`,
`dose_only_from_a_released_lot`, `one_running_infusion_per_subject`, `no_dose_from_an_undecided_excursion`,
`a_dose_is_given_on_its_day`; of what was drawn, those of `drawn.sql`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from cellbank.domain.dose import Band, dose_band, given_percent, one_decimal
from cellbank.domain.folding import skeleton
from cellbank.domain.garbled import Garbled
from cellbank.domain.identifiers import Kind, printed
from cellbank.domain.lifecycle.states import DoseState
from cellbank.domain.protocol import Protocol
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.dosing import WeightFacts, weight_refusals
from cellbank.domain.rules.plan import PlanFacts, plan_refusals
from cellbank.domain.rules.standing import LotFacts, SubjectFacts, lot_refusals, subject_refusals
from cellbank.domain.rules.temperature import StoodThrough, exposure_refusals
from cellbank.domain.rules.thaw import set_refusals, time_left_refusals
from cellbank.domain.scans import Scan
from cellbank.domain.wall import as_written

MISMATCHES_TO_STOP = 3
AS_AT_THE_BEDSIDE = (DoseState.PREPARED, DoseState.CHECKED_ONCE, DoseState.CHECKED, DoseState.INFUSING)
_MISMATCHES = (Code.WRISTBAND_MISMATCH, Code.DOSE_LABEL_MISMATCH)


@dataclass(frozen=True)
class BedsideFacts:
    """What two people hold in their hands: the scans as read, and what the patient or the chart answers.

    `label_expires` is the dose's expiry as its current label carries it: site time, to the minute, without a zone.
    """

    label: Scan | Garbled
    wristband: Scan | Garbled
    read_back: str
    second_identifier: str
    born_on: date
    label_expires: datetime | None
    earlier_mismatches: int = 0


@dataclass(frozen=True)
class InfusionFacts:
    """A dose on its way into a vein. `bedside` is None when the infusion starts: the scans have been checked twice."""

    dose: str
    protocol: Protocol
    subject: SubjectFacts
    lot: LotFacts
    plan: PlanFacts
    weight: WeightFacts
    viability_percent: Decimal | None
    delivered_percent: Fraction | None
    is_short: bool
    short_dose_accepted: bool
    expires_at: datetime | None
    bedside: BedsideFacts | None
    now: datetime
    exposures: tuple[StoodThrough, ...] = ()  # what the vials in it stood through


def infusion_refusals(facts: InfusionFacts) -> tuple[Refusal, ...]:
    """Every reason for STOP; empty is GO."""
    bedside = () if facts.bedside is None else bedside_refusals(facts.dose, facts.subject.code, facts.bedside)
    return (
        *bedside,
        *subject_refusals(facts.subject),
        *lot_refusals(facts.lot),
        *time_left_refusals(facts.dose, facts.expires_at, facts.now),
        *exposure_refusals(facts.dose, facts.exposures),
        *_product_refusals(facts),
        *plan_refusals(facts.plan),
        *weight_refusals(facts.weight),
    )


def standing_refusals(state: str, facts: InfusionFacts) -> tuple[Refusal, ...]:
    """Why a dose, or the work on it, stops now, wherever it stands on its way; empty: nothing speaks against it.

    Before it is prepared its subject, its lot and its time are asked; from then on all that the bedside asks.
    """
    if found := ended_refusals(facts.dose, state):
        return found
    if state in AS_AT_THE_BEDSIDE:
        return infusion_refusals(facts)
    return (
        *subject_refusals(facts.subject),
        *lot_refusals(facts.lot),
        *time_left_refusals(facts.dose, facts.expires_at, facts.now),
        *exposure_refusals(facts.dose, facts.exposures),
    )


def _product_refusals(facts: InfusionFacts) -> Iterator[Refusal]:
    limit = facts.protocol.thaw.viability_minimum_percent
    if facts.viability_percent is not None and facts.viability_percent < limit:
        yield refuse(
            Code.VIABILITY_TOO_LOW,
            "Dose {dose} has a viability of {found} %, below {limit} %. Do not give it; discard the dose.",
            dose=facts.dose,
            found=facts.viability_percent,
            limit=limit,
        )
    tolerance = facts.protocol.dosing.tolerance
    if facts.delivered_percent is not None and dose_band(facts.delivered_percent, tolerance) is Band.BLOCK:
        yield refuse(
            Code.DOSE_OUT_OF_BAND,
            "Dose {dose} is {percent} % of the required cells; allowed are {allowed} %. Do not give it; discard it.",
            dose=facts.dose,
            percent=one_decimal(facts.delivered_percent),
            allowed=tolerance.warn_percent,
        )
    if facts.is_short and not facts.short_dose_accepted:
        yield refuse(
            Code.DOSE_OUT_OF_BAND,
            "Dose {dose} is short and no clinician has accepted it. Do not give it; a clinician "
            "accepts it, or it is discarded.",
            dose=facts.dose,
        )


# --- the scans --------------------------------------------------------------------------------


def bedside_refusals(dose: str, subject: str, facts: BedsideFacts) -> tuple[Refusal, ...]:
    """Why label, wristband and patient do not belong together; after three mismatches, to whom to turn."""
    found = (
        *label_refusals(dose, facts.label, facts.label_expires),
        *_wristband_refusals(dose, subject, facts.wristband),
        *_read_back_refusals(subject, facts),
    )
    return tuple(_stop(one, facts.earlier_mismatches) if one.code in _MISMATCHES else one for one in found)


def _stop(refusal: Refusal, earlier: int) -> Refusal:
    """A mismatch at the bed; from the third mismatch of one dose on it ends in an order to stop."""
    if earlier + 1 < MISMATCHES_TO_STOP:
        return refusal
    more = " This is mismatch {count} of this dose: stop and call the quality officer."
    return Refusal(refusal.code, refusal.sentence + more, {**refusal.facts, "count": earlier + 1})


def is_mismatch(refusal: Refusal) -> bool:
    """Whether this refusal counts towards the three."""
    return refusal.code in _MISMATCHES


def unreadable(scan: Garbled, what: str) -> Refusal:
    """The refusal for a scan that could not be read; the raw text is kept with the act."""
    return refuse(
        Code.SCAN_UNREADABLE,
        "The {what} was not read: {why}",
        what=what,
        why=scan.sentence,
    )


def label_kind_refusals(label: Scan | Garbled) -> tuple[Refusal, ...]:
    """Why the scan in the label field names no dose at all."""
    if isinstance(label, Garbled):
        return (unreadable(label, "dose label"),)
    return () if label.kind is Kind.DOSE else (_wrong_kind(label, "a dose label"),)


def symbol_refusals(label: Scan | Garbled) -> tuple[Refusal, ...]:
    """Why the scan in the label field is not the symbol that is scanned there; what it is instead, and where to look.

    The bars on our own dose label carry the number alone, which does not show whether the label is the current one.
    """
    if found := label_kind_refusals(label):
        return found
    assert isinstance(label, Scan)
    if "expires" in label.extras:
        return ()
    sentence = (
        "This is the number of dose {dose} alone. It does not show whether the label is the current one: scan the "
        "square symbol. If it cannot be scanned, print the label again."
    )
    return (refuse(Code.WRONG_KIND, sentence, dose=label.code),)


# What has become of a dose whose label is still about, and what to do with what it is on.
ENDED: dict[str, str] = {
    DoseState.INFUSED: "was given",
    DoseState.RECONCILED: "was given",
    DoseState.DISCARDED: "was discarded",
    DoseState.CANCELLED: "was cancelled",
}


def ended_refusals(dose: str, state: str) -> tuple[Refusal, ...]:
    """Why nothing under this label may be given any more, wherever it is scanned."""
    if state not in ENDED:
        return ()
    sentence = "STOP. Dose {dose} " + ENDED[state] + " already. Do not give it; take the label and what it is on away."
    return (refuse(Code.WRONG_STATE, sentence, dose=dose),)


def wristband_kind_refusals(wristband: Scan | Garbled) -> tuple[Refusal, ...]:
    """Why the scan in the wristband field names no subject at all."""
    if isinstance(wristband, Garbled):
        return (unreadable(wristband, "wristband"),)
    return () if wristband.kind is Kind.SUBJECT else (_wrong_kind(wristband, "the wristband"),)


def _wrong_kind(scan: Scan, wanted: str) -> Refusal:
    return refuse(
        Code.WRONG_KIND,
        "This is a {kind} code ({code}); {wanted} is needed here. Scan again.",
        kind=scan.kind.name.lower(),
        code=scan.code,
        wanted=wanted,
    )


def label_refusals(dose: str, label: Scan | Garbled, expires_at: datetime | None) -> tuple[Refusal, ...]:
    """Why this is not the current label of the dose; `expires_at` as on the label: site time, without a zone."""
    if isinstance(label, Garbled):
        return symbol_refusals(label)
    if label.kind is Kind.DOSE and label.code != dose:
        sentence = "STOP. The label is that of dose {scanned}, not of dose {dose}. Do not give it."
    elif found := symbol_refusals(label):
        return found
    elif label.extras["expires"] != expires_at:
        sentence = (
            "The label of dose {dose} says that it expires at {on_label}, but it expires at {expires}. "
            "The label is obsolete: do not give it, and find the current label."
        )
    else:
        return ()
    expires = as_written(expires_at) if expires_at else "a time not yet set"
    on_label = label.extras.get("expires")
    shown = {"scanned": label.code, "dose": dose, "on_label": on_label and as_written(on_label), "expires": expires}
    return (refuse(Code.DOSE_LABEL_MISMATCH, sentence, **shown),)


def _wristband_refusals(dose: str, subject: str, wristband: Scan | Garbled) -> tuple[Refusal, ...]:
    if found := wristband_kind_refusals(wristband):
        return found
    assert isinstance(wristband, Scan)
    if wristband.code == subject:
        return ()
    return (
        refuse(
            Code.WRISTBAND_MISMATCH,
            "STOP. Dose {dose} is for subject {subject}; this wristband is that of {scanned}. Do not give it.",
            dose=dose,
            subject=subject,
            scanned=wristband.code,
        ),
    )


def read_back_fits(read_back: str, second_identifier: str, born_on: date) -> bool:
    """Whether what was said is the second identifier, however it was typed, or the birth date. Second identifiers that
    read alike are of one patient (`skeleton`, unique in a trial)."""
    said = read_back.strip()
    key = skeleton(said)
    return (bool(key) and key == skeleton(second_identifier)) or said in _spellings(born_on)


def _read_back_refusals(subject: str, facts: BedsideFacts) -> tuple[Refusal, ...]:
    if read_back_fits(facts.read_back, facts.second_identifier, facts.born_on):
        return ()
    return (
        refuse(
            Code.WRISTBAND_MISMATCH,
            "STOP. What was read back is neither the second identifier nor the birth date of subject {subject}. "
            "Ask again; do not give the dose until it fits.",
            subject=subject,
        ),
    )


def _spellings(day: date) -> tuple[str, ...]:
    """A birth date as it may be typed: 1961-05-17, 17.05.1961, or its digits alone: 19610517, 17051961, 170561."""
    return day.isoformat(), f"{day:%d.%m.%Y}", f"{day:%Y%m%d}", f"{day:%d%m%Y}", f"{day:%d%m%y}"


# --- stop and reconcile -----------------------------------------------------------------------


@dataclass(frozen=True)
class StopFacts:
    """An infusion that ends."""

    dose: str
    prepared_ml: Decimal
    given_ml: Decimal
    delivered_cells: int
    required_cells: int
    protocol: Protocol
    has_reason: bool


def stop_refusals(facts: StopFacts) -> tuple[Refusal, ...]:
    """Why the volume cannot be: more than was prepared, or so little that a reason is owed."""
    if facts.given_ml > facts.prepared_ml:
        return (
            refuse(
                Code.FIGURES_CONTRADICT,
                "{given} mL cannot have been given: dose {dose} was {prepared} mL. Correct the volume.",
                given=facts.given_ml,
                dose=facts.dose,
                prepared=facts.prepared_ml,
            ),
        )
    percent = given_percent(facts.delivered_cells, facts.given_ml, facts.prepared_ml, facts.required_cells)
    lowest = facts.protocol.dosing.tolerance.ok_percent.low
    if percent < lowest and not facts.has_reason:
        return (
            refuse(
                Code.REASON_NEEDED,
                "Only {percent:.1f} % of the required cells were given, less than {lowest} %. Say why it was stopped.",
                percent=float(percent),
                lowest=lowest,
            ),
        )
    return ()


@dataclass(frozen=True)
class ReconciliationFacts:
    """What is left after an infusion; `prepared_ml` and `given_ml` are None where nobody knows them."""

    dose: str
    prepared_ml: Decimal | None
    given_ml: Decimal | None
    residual_ml: Decimal
    expected: tuple[str, ...]
    scanned: tuple[str, ...]


def reconciliation_refusals(facts: ReconciliationFacts) -> tuple[Refusal, ...]:
    """Why the dose is not accounted for: a vial missing or strange, or more fluid than there was."""
    missing = sorted(set(facts.expected) - set(facts.scanned))
    found = list(set_refusals(facts.dose, set(facts.expected) - set(missing), facts.scanned, "pooled"))
    if missing:
        found.append(
            refuse(
                Code.NOT_ENOUGH_VIALS,
                "The empty vials {vials} of dose {dose} are missing. Look for them; what is not found is told late.",
                vials=", ".join(map(printed, missing)),
                dose=facts.dose,
            )
        )
    if facts.prepared_ml is not None and (facts.given_ml or 0) + facts.residual_ml > facts.prepared_ml:
        found.append(
            refuse(
                Code.FIGURES_CONTRADICT,
                "{given} mL given and {residual} mL left are more than the {prepared} mL of dose {dose}. "
                "Measure again.",
                given=facts.given_ml or 0,
                residual=facts.residual_ml,
                prepared=facts.prepared_ml,
                dose=facts.dose,
            )
        )
    return tuple(found)

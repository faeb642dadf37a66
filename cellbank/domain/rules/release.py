"""When a lot may be released: one list of criteria, for the board that shows them and for the act that refuses.

Sources: domain reference §5.4 (what a release needs), §3.2 (consent, donor), §4.2 (limits of culture). Twins in the
database: no_release_under_a_hold, no_release_without_consent, no_release_against_a_result,
no_release_with_an_open_deviation, no_release_without_a_batch_review, no_release_from_a_stopped_lot,
released_lots_have_an_eligible_donor, no_release_without_a_freezing_run, the_signer_performed_nothing,
no_release_before_the_donor_is_tested, no_release_without_its_results, no_release_beyond_the_passages,
no_release_with_cells_unaccounted, no_release_after_its_expiry, no_release_before_it_is_stored.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from cellbank.domain.lifecycle.states import DeviationState, DonorState, ExcursionState, LotState, VialState
from cellbank.domain.quantities import millions
from cellbank.domain.refusals import Code, Refusal, gravest_first, refuse
from cellbank.domain.rules.donor import EvidenceFacts, consent_refusals, evidence_refusals
from cellbank.domain.rules.freezing import ClosingFacts, closing_refusals
from cellbank.domain.rules.freezing_run import RunOfLot, no_run_refusals
from cellbank.domain.rules.tested import LotResult, evidence, refusal_of_test
from cellbank.domain.saying import plain_word
from cellbank.domain.specification import ReleaseTest, Specification, Stage

# The stages of the tests in the order of the work, and what the board calls their groups.
STAGES: dict[Stage, str] = {
    "tissue": "Tests of the tissue",
    "in_process": "Tests in process",
    "lot": "Tests of the lot",
    "post_thaw": "Tests after thaw",
}


@dataclass(frozen=True)
class LiveHold:
    """A hold in force that reaches the lot."""

    code: str
    reason: str


@dataclass(frozen=True)
class OpenDeviation:
    """A deviation not yet closed that touches the lot, or anything that it came from or stands in."""

    code: str
    title: str
    classification: str  # minor, major, critical
    state: str = DeviationState.OPEN


@dataclass(frozen=True)
class SourceLot:
    """A lot of which vials were thawed to make this one, such as its bank."""

    code: str
    state: str

    @property
    def is_stopped(self) -> bool:
        """Whether nothing made from it may be used."""
        return self.state in (LotState.REJECTED, LotState.RECALLED)


@dataclass(frozen=True)
class Through:
    """An excursion through which vials of the lot stood; `state` OPEN until it is decided."""

    code: str
    kind: str  # silent, warning, critical, reject
    state: str
    peak_c: Decimal


@dataclass(frozen=True)
class BatchReviewed:
    """A signed review of the batch record, with the day of the site; `is_current` as long as the record is as it was
    read."""

    code: str
    reviewer: str
    reviewed_on: datetime.date
    is_current: bool


@dataclass(frozen=True)
class ReleaseFacts:
    """All that decides about a lot. `results` in the order of their times; `today` is the site's date."""

    lot: str
    specification: Specification
    donor: str
    donor_state: str
    evidence: EvidenceFacts
    consent_states: tuple[str, ...]
    holds: tuple[LiveHold, ...]
    deviations: tuple[OpenDeviation, ...]
    batch_review: BatchReviewed | None
    results: tuple[LotResult, ...]
    closing: ClosingFacts
    vial_counts: Mapping[str, int]
    frozen_at: datetime.datetime | None
    expires_on: datetime.date | None
    today: datetime.date
    passage: int
    cumulative_doublings: Decimal
    made_from: tuple[SourceLot, ...] = ()
    trace: tuple[Through, ...] = ()
    is_unwatched: bool = False  # a vial stands where no probe watches
    freezing_program: str | None = None
    freezing_run: RunOfLot | None = None  # the one that counts

    @property
    def asks_for_a_run(self) -> bool:
        """Whether the program in which the lot was frozen has a band, so that its run belongs to the release."""
        return self.specification.freezing.band(self.freezing_program) is not None


@dataclass(frozen=True)
class Criterion:
    """One line of the release board: met, or a refusal that says what is missing. `group` gathers lines on the page."""

    code: str
    title: str
    met: bool
    evidence: str
    refusal: Refusal | None
    group: str


def release_criteria(facts: ReleaseFacts) -> tuple[Criterion, ...]:
    """Every criterion of a release in the order of the board; a lot is released when all of them are met."""
    return (
        _donor_eligible(facts),
        _donor_tests(facts),
        _consent(facts),
        _no_hold(facts),
        _sound_sources(facts),
        *(
            _tested(facts, test, group)
            for stage, group in STAGES.items()
            for test in facts.specification.required_tests(stage)
        ),
        _deviations(facts),
        _batch_record(facts),
        _cell_balance(facts),
        _labels_reconciled(facts),
        _expiry(facts),
        _passage(facts),
        _doublings(facts),
        *((_freezing_run(facts),) if facts.asks_for_a_run else ()),
        _stored(facts),
        _trace(facts),
    )


def release_refusals(facts: ReleaseFacts) -> tuple[Refusal, ...]:
    """Why the lot cannot be released: the criteria that are not met."""
    return tuple(line.refusal for line in release_criteria(facts) if line.refusal is not None)


# --- the donor --------------------------------------------------------------------------------

DONOR, LOT = "Donor", "Lot"


def _line(code: str, title: str, evidence: str, refusal: Refusal | None, group: str = LOT) -> Criterion:
    return Criterion(code, title, refusal is None, evidence, refusal, group)


def _donor_eligible(facts: ReleaseFacts) -> Criterion:
    refusal = None
    if facts.donor_state != DonorState.ELIGIBLE:
        refusal = refuse(
            Code.DONOR_NOT_ELIGIBLE,
            "Donor {donor} of lot {lot} is {state}, not determined eligible. A quality officer determines it first.",
            donor=facts.donor,
            lot=facts.lot,
            state=facts.donor_state,
        )
    evidence = f"Donor {facts.donor}: {plain_word(facts.donor_state)}"
    return _line("DONOR_ELIGIBLE", "Donor determined eligible", evidence, refusal, DONOR)


def _donor_tests(facts: ReleaseFacts) -> Criterion:
    """The panel, and the window period closed by NAT or by the repeat: looked at again, for results come in later."""
    found = gravest_first(evidence_refusals(facts.evidence))
    evidence = " ".join(refusal.detail for refusal in found) or "Panel complete; window period closed"
    title = "Infection tests of the donor, by NAT or repeated after the window period"
    return _line("DONOR_TESTS", title, evidence, found[0] if found else None, DONOR)


def _consent(facts: ReleaseFacts) -> Criterion:
    found = consent_refusals(facts.donor, facts.consent_states)
    evidence = found[0].detail if found else f"Consent of donor {facts.donor} in force"
    return _line("CONSENT", "Consent in force", evidence, found[0] if found else None, DONOR)


def _no_hold(facts: ReleaseFacts) -> Criterion:
    if not facts.holds:
        return _line("NO_HOLD", "No hold", "none", None)
    holds = "; ".join(f"{hold.code}: {hold.reason}" for hold in facts.holds)
    sentence = "Lot {lot} is under a hold ({holds}). A quality officer lifts it first."
    return _line("NO_HOLD", "No hold", holds, refuse(Code.ON_HOLD, sentence, lot=facts.lot, holds=holds))


def _sound_sources(facts: ReleaseFacts) -> Criterion:
    """What is wrong with a bank is wrong with all that was grown from it."""
    title = "Lots that it was made from are sound"
    evidence = ", ".join(f"{lot.code}: {plain_word(lot.state)}" for lot in facts.made_from) or "Made from tissue"
    stopped = [lot.code for lot in facts.made_from if lot.is_stopped]
    refusal = None
    if stopped:
        sentence = "Lot {lot} was made from {codes}, which was rejected or recalled. Reject it."
        refusal = refuse(Code.CRITERION_OPEN, sentence, lot=facts.lot, codes=", ".join(stopped))
    return _line("SOURCE_LOTS", title, evidence, refusal)


# --- the tests --------------------------------------------------------------------------------


def _tested(facts: ReleaseFacts, test: ReleaseTest, group: str) -> Criterion:
    refusal = refusal_of_test(facts.lot, test, facts.results)
    return _line(f"TEST_{test.code}", test.title, evidence(test, facts.results), refusal, group)


# --- the lot itself ---------------------------------------------------------------------------


def _deviations(facts: ReleaseFacts) -> Criterion:
    """Minor ones are shown and do not stop the lot."""
    evidence = "; ".join(f"{one.code} ({one.classification}): {one.title}" for one in facts.deviations) or "none open"
    grave = [one.code for one in facts.deviations if one.classification != "minor"]
    refusal = None
    if grave:
        sentence = "Lot {lot} is touched by open deviations: {codes}. Have them investigated and closed first."
        refusal = refuse(Code.DEVIATION_OPEN, sentence, lot=facts.lot, codes=", ".join(grave))
    return _line("DEVIATIONS", "No major deviation open", evidence, refusal)


def _batch_record(facts: ReleaseFacts) -> Criterion:
    review, title = facts.batch_review, "Batch record reviewed"
    if review is None:
        sentence = "The batch record of lot {lot} has not been reviewed. Read it and sign the review."
        return _line("BATCH_RECORD", title, "none", refuse(Code.BATCH_NOT_REVIEWED, sentence, lot=facts.lot))
    evidence = f"{review.code} by {review.reviewer}, {review.reviewed_on}"
    if review.is_current:
        return _line("BATCH_RECORD", title, evidence, None)
    sentence = "The batch record of lot {lot} has changed since review {review}. Read it again and sign."
    refusal = refuse(Code.BATCH_NOT_REVIEWED, sentence, lot=facts.lot, review=review.code)
    return _line("BATCH_RECORD", title, f"{evidence}; changed since", refusal)


def _cell_balance(facts: ReleaseFacts) -> Criterion:
    found = closing_refusals(facts.closing)
    closing = facts.closing
    evidence = (
        f"{millions(closing.cells_taken)} cells taken; {closing.filled_count} vials of "
        f"{millions(closing.cells_per_vial)}, samples {millions(closing.sample_cells)}, "
        f"losses {millions(closing.lost_cells)}"
    )
    return _line("CELL_BALANCE", "Cells in = vials + samples + losses", evidence, found[0] if found else None)


def _labels_reconciled(facts: ReleaseFacts) -> Criterion:
    unfilled = facts.vial_counts.get(VialState.PRINTED, 0)
    refusal = None
    if unfilled:
        sentence = "Lot {lot} has {count} labels that are neither on a filled vial nor voided. Close the filling."
        refusal = refuse(Code.CRITERION_OPEN, sentence, lot=facts.lot, count=unfilled)
    voided = facts.vial_counts.get(VialState.VOIDED, 0)
    evidence = f"{facts.closing.filled_count} vials filled, {voided} labels voided, {unfilled} open"
    return _line("LABELS_RECONCILED", "Labels reconciled", evidence, refusal)


def _expiry(facts: ReleaseFacts) -> Criterion:
    title, on = "Expiry set and not passed", facts.expires_on
    if on is None:
        sentence = "Lot {lot} has no expiry date. Record the freezing first."
        return _line("EXPIRY", title, "none", refuse(Code.CRITERION_OPEN, sentence, lot=facts.lot))
    refusal = None
    if on < facts.today:
        sentence = "Lot {lot} expired on {on}. Reject it."
        refusal = refuse(Code.EXPIRED, sentence, lot=facts.lot, on=on)
    return _line("EXPIRY", title, f"{on}", refusal)


def _passage(facts: ReleaseFacts) -> Criterion:
    limits = facts.specification.culture
    over = facts.passage > limits.passage_max
    refusal = None
    if over and limits.passage_above_max == "refuse":
        sentence = "Lot {lot} was made from P{passage}; the limit is P{limit}. Reject it."
        refusal = refuse(Code.PASSAGE_LIMIT, sentence, lot=facts.lot, passage=facts.passage, limit=limits.passage_max)
    note = ", above the limit, which the specification only warns of" if over and refusal is None else ""
    return _line("PASSAGE", "Passage", f"P{facts.passage} (limit P{limits.passage_max}){note}", refusal)


def _doublings(facts: ReleaseFacts) -> Criterion:
    limits, doublings = facts.specification.culture, facts.cumulative_doublings
    refusal = None
    if doublings > limits.cpdl_block:
        sentence = "Lot {lot} has doubled {doublings} times in all; the limit is {limit}. Reject it."
        refusal = refuse(
            Code.POPULATION_DOUBLING_LIMIT, sentence, lot=facts.lot, doublings=doublings, limit=limits.cpdl_block
        )
    note = f", above {limits.cpdl_warn}: look at the karyotype" if doublings > limits.cpdl_warn else ""
    evidence = f"{doublings} (limit {limits.cpdl_block}){note}"
    return _line("DOUBLINGS", "Population doublings, cumulative", evidence, refusal)


def _freezing_run(facts: ReleaseFacts) -> Criterion:
    """The controlled-rate freezer kept to its program, or somebody has decided what the departure means."""
    run, program = facts.freezing_run, facts.freezing_program or "–"
    found = no_run_refusals(facts.lot, program, run)
    evidence = "none"
    if run is not None:
        closed = f"; deviation {run.deviation} {(run.deviation_state or '').lower()}" if run.deviation else ""
        evidence = f"{run.code}, program {program}: {run.told}{closed}"
    return _line("FREEZING_RUN", "Freezing run within its program", evidence, found[0] if found else None)


def _stored(facts: ReleaseFacts) -> Criterion:
    """Frozen, and every vial at a known place: a vial on nobody's list is not in the cold for certain."""
    in_stock, outside = facts.vial_counts.get(VialState.IN_STOCK, 0), facts.vial_counts.get(VialState.FROZEN, 0)
    refusal = None
    if facts.frozen_at is None:
        refusal = refuse(Code.CRITERION_OPEN, "Lot {lot} has not been frozen. Record the freezing.", lot=facts.lot)
    elif outside:
        sentence = "Lot {lot}: {count} vials are frozen but not put away. Put them away, or discard them."
        refusal = refuse(Code.CRITERION_OPEN, sentence, lot=facts.lot, count=outside)
    elif not in_stock:
        sentence = "Lot {lot} has no vial in stock: there is nothing to release. Reject it."
        refusal = refuse(Code.CRITERION_OPEN, sentence, lot=facts.lot)
    evidence = f"{in_stock} vials in stock, {outside} not put away"
    return _line("STORAGE", "Frozen and put away", evidence, refusal)


def _trace(facts: ReleaseFacts) -> Criterion:
    """No excursion without a decision: unknown is warm until somebody explains it (domain reference §4.3, §7.4)."""
    title = "Cold throughout, or every excursion decided"
    told = [f"{one.code} ({one.kind}, {one.peak_c:.1f} °C): {one.state.lower()}" for one in facts.trace]
    unwatched = ["not all vials stand where a probe watches"] if facts.is_unwatched else []
    evidence = "; ".join([*told, *unwatched]) or "No excursion"
    against = [one.code for one in facts.trace if one.state == ExcursionState.REJECTED]
    waiting = [one.code for one in facts.trace if one.state == ExcursionState.OPEN]
    refusal = None
    if against:
        sentence = "Vials of lot {lot} stood in {codes}, which was decided against them. Reject the lot."
        refusal = refuse(Code.EXCURSION_OPEN, sentence, lot=facts.lot, codes=", ".join(against))
    elif waiting:
        sentence = "Vials of lot {lot} stood in excursions that nobody has decided: {codes}. Decide them first."
        refusal = refuse(Code.EXCURSION_OPEN, sentence, lot=facts.lot, codes=", ".join(waiting))
    return _line("STORAGE_TRACE", title, evidence, refusal)

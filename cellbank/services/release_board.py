"""What is known about a lot that decides about its release: read once, for the board and for the act alike."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from cellbank.domain.rules.donor import EvidenceFacts, PanelResult
from cellbank.domain.rules.freezing import ClosingFacts
from cellbank.domain.rules.release import (
    BatchReviewed,
    Criterion,
    LiveHold,
    LotResult,
    OpenDeviation,
    ReleaseFacts,
    release_criteria,
)
from cellbank.records.people import Person, Site
from cellbank.records.production import Consent, Donation, Donor, Lot, LotSource, Vial
from cellbank.records.quality import BatchReview, TestResult
from cellbank.services.common import specification_of
from cellbank.services.donors import donation_collection


@dataclass(frozen=True)
class ReleaseBoard:
    """The board of one lot: where it stands, every criterion with its evidence, and every result it ever had."""

    lot: str
    purpose: str
    state: str
    state_before_hold: str | None
    product: str
    donation: str
    donor: str
    passage: int
    frozen_at: datetime.datetime | None
    expires_on: datetime.date
    vial_counts: dict[str, int]
    criteria: tuple[Criterion, ...]
    results: tuple[LotResult, ...]
    holds: tuple[LiveHold, ...]

    @property
    def ready(self) -> bool:
        """Whether nothing is in the way of a release."""
        return all(line.met for line in self.criteria)


def release_board(session: Session, lot_code: str, now: datetime.datetime) -> ReleaseBoard | None:
    """The release board of a lot, as it stands at `now`; None when there is no such lot."""
    lot = session.scalars(select(Lot).where(Lot.code == lot_code)).one_or_none()
    if lot is None:
        return None
    facts = release_facts(session, lot, now)
    return ReleaseBoard(
        lot=lot.code,
        purpose=lot.purpose,
        state=lot.state,
        state_before_hold=lot.state_before_hold,
        product=facts.specification.short_name,
        donation=session.get_one(Donation, lot.donation_id).code,
        donor=facts.donor,
        passage=lot.passage,
        frozen_at=lot.frozen_at,
        expires_on=lot.expires_on,
        vial_counts=dict(facts.vial_counts),
        criteria=release_criteria(facts),
        results=facts.results,
        holds=facts.holds,
    )


def release_facts(session: Session, lot: Lot, now: datetime.datetime) -> ReleaseFacts:
    """Read everything that decides about the release of a lot. In an act, lock the donor and the lot before."""
    donation = session.get_one(Donation, lot.donation_id)
    donor = session.get_one(Donor, donation.donor_id)
    specification = specification_of(session, lot.specification_id)
    collection = donation_collection(donation.code, donation.collected_at)
    counts = _vial_counts(session, lot)
    zone = ZoneInfo(session.get_one(Site, lot.site_id).timezone)
    return ReleaseFacts(
        lot=lot.code,
        specification=specification,
        donor=donor.code,
        donor_state=donor.state,
        evidence=EvidenceFacts(donor.code, specification.donor, (collection,), _panel_results(session, donor.id)),
        consent_states=consent_states(session, donor.id),
        holds=live_holds(session, lot.id),
        deviations=open_deviations(session, lot.id),
        batch_review=_batch_review(session, lot.id),
        results=lot_results(session, [lot.id]).get(lot.id, ()),
        closing=_closing(session, lot, counts),
        vial_counts=counts,
        frozen_at=lot.frozen_at,
        expires_on=lot.expires_on,
        today=now.astimezone(zone).date(),
        passage=lot.passage,
        cumulative_doublings=lot.cumulative_doublings,
    )


def lot_results(session: Session, lot_ids: Iterable[int]) -> dict[int, tuple[LotResult, ...]]:
    """All results of each of these lots, disputed ones too, in the order of their times: the last one decides."""
    statement = select(TestResult).where(TestResult.lot_id.in_(list(lot_ids)))
    found: dict[int, list[LotResult]] = {}
    for row in session.scalars(statement.order_by(TestResult.resulted_at, TestResult.id)):
        found.setdefault(int(row.lot_id or 0), []).append(
            LotResult(row.code, row.test, _shown(row), row.verdict, row.state, row.resulted_at)
        )
    return {lot_id: tuple(results) for lot_id, results in found.items()}


def _shown(row: TestResult) -> str:
    if row.number is None:
        return str(row.choice)
    plain = row.number.normalize() if row.number else Decimal(0)
    return f"{plain:f} {row.unit}"


def consent_states(session: Session, donor_id: int) -> tuple[str, ...]:
    """The states of all consents of a donor."""
    return tuple(session.scalars(select(Consent.state).where(Consent.donor_id == donor_id)))


def _panel_results(session: Session, donor_id: int) -> tuple[PanelResult, ...]:
    columns = select(TestResult.code, TestResult.test, TestResult.choice, TestResult.started_at, TestResult.state)
    standing = columns.where(TestResult.donor_id == donor_id, TestResult.state != "DISPUTED").order_by(TestResult.id)
    return tuple(PanelResult(*row) for row in session.execute(standing))


_HOLDS = text("SELECT code, reason FROM hold WHERE id IN (SELECT lot_holds(:lot)) ORDER BY id")
_DEVIATIONS = text(
    "SELECT code, title, classification FROM deviation WHERE id IN (SELECT lot_deviations(:lot)) ORDER BY id"
)


def live_holds(session: Session, lot_id: int) -> tuple[LiveHold, ...]:
    """The holds in force that reach a lot, through whatever it came from or stands in."""
    return tuple(LiveHold(*row) for row in session.execute(_HOLDS, {"lot": lot_id}))


def open_deviations(session: Session, lot_id: int) -> tuple[OpenDeviation, ...]:
    """The deviations not yet closed that touch a lot, through whatever it came from or stands in."""
    return tuple(OpenDeviation(*row) for row in session.execute(_DEVIATIONS, {"lot": lot_id}))


def _batch_review(session: Session, lot_id: int) -> BatchReviewed | None:
    """The latest review of the batch record, and whether the record still is as it was read."""
    is_current = BatchReview.digest == func.batch_digest(lot_id)
    columns = select(BatchReview.code, Person.full_name, BatchReview.reviewed_at, is_current)
    latest = columns.join(Person, Person.id == BatchReview.reviewed_by_id).where(BatchReview.lot_id == lot_id)
    row = session.execute(latest.order_by(BatchReview.id.desc()).limit(1)).one_or_none()
    return None if row is None else BatchReviewed(*row)


def _vial_counts(session: Session, lot: Lot) -> dict[str, int]:
    counted = select(Vial.state, func.count()).where(Vial.lot_id == lot.id).group_by(Vial.state)
    return {state: count for state, count in session.execute(counted)}


def _closing(session: Session, lot: Lot, counts: dict[str, int]) -> ClosingFacts:
    """The balance of the cells, as it was closed: every vial that was ever filled took its cells."""
    taken = session.scalar(select(func.sum(LotSource.cells_used)).where(LotSource.lot_id == lot.id))
    filled = sum(count for state, count in counts.items() if state not in ("PRINTED", "VOIDED"))
    return ClosingFacts(lot.code, int(taken or 0), filled, lot.cells_per_vial, lot.sample_cells, lot.lost_cells)

"""What is known about a lot that decides about its release: read once, for the board and for the act alike."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from cellbank.domain.rules.donor import EvidenceFacts, PanelResult
from cellbank.domain.rules.freezing import ClosingFacts
from cellbank.domain.rules.release import Criterion, LiveHold, LotResult, ReleaseFacts, release_criteria
from cellbank.records.people import Site
from cellbank.records.production import Consent, Donation, Donor, Lot, LotSource, Vial
from cellbank.records.quality import Hold, TestResult
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
        holds=_live_holds(session, donor.id, lot.id),
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


def _live_holds(session: Session, donor_id: int, lot_id: int) -> tuple[LiveHold, ...]:
    reaching = or_(Hold.donor_id == donor_id, Hold.lot_id == lot_id)
    rows = select(Hold.code, Hold.reason).where(reaching, Hold.state == "PLACED").order_by(Hold.id)
    return tuple(LiveHold(*row) for row in session.execute(rows))


def _vial_counts(session: Session, lot: Lot) -> dict[str, int]:
    counted = select(Vial.state, func.count()).where(Vial.lot_id == lot.id).group_by(Vial.state)
    return {state: count for state, count in session.execute(counted)}


def _closing(session: Session, lot: Lot, counts: dict[str, int]) -> ClosingFacts:
    """The balance of the cells, as it was closed: every vial that was ever filled took its cells."""
    taken = session.scalar(select(func.sum(LotSource.cells_used)).where(LotSource.lot_id == lot.id))
    filled = sum(count for state, count in counts.items() if state not in ("PRINTED", "VOIDED"))
    return ClosingFacts(lot.code, int(taken or 0), filled, lot.cells_per_vial, lot.sample_cells, lot.lost_cells)

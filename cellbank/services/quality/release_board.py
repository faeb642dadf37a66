"""What is known about a lot that decides about its release: read once, for the board and for the act alike."""

import datetime
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from cellbank.domain.lifecycle.states import VialState
from cellbank.domain.rules.donor import EvidenceFacts, PanelResult
from cellbank.domain.rules.freezing import ClosingFacts
from cellbank.domain.rules.release import (
    BatchReviewed,
    Criterion,
    LiveHold,
    OpenDeviation,
    ReleaseFacts,
    SourceLot,
    Through,
)
from cellbank.domain.rules.release_ways import BoardLine, Evidence, Papers, release_lines
from cellbank.domain.rules.tested import STANDING, LotResult
from cellbank.records.people import Person, Site
from cellbank.records.production import Consent, Donation, Donor, Lot, LotSource, Vial
from cellbank.records.quality import BatchReview, TestResult
from cellbank.services.common import specification_of
from cellbank.services.installation import at_site
from cellbank.services.production.donors import donation_collection
from cellbank.services.quality.lot_results import lot_results
from cellbank.services.temperature.exposure import lot_excursions, stands_unwatched
from cellbank.services.temperature.run_facts import run_of_lot


@dataclass(frozen=True)
class ReleaseBoard:
    """The board of one lot: where it stands, every criterion with its evidence, and every result it ever had.

    `lines` are the criteria with the records on which they rest; `worked_on_it`: whether whoever looks at the board
    made or tested the lot, and so may not sign for it.
    """

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
    decision_reason: str | None
    lines: tuple[BoardLine, ...]
    results: tuple[LotResult, ...]
    holds: tuple[LiveHold, ...]
    worked_on_it: bool

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """The lines without what stands behind them."""
        return tuple(line.criterion for line in self.lines)

    @property
    def red(self) -> tuple[BoardLine, ...]:
        """What stands in the way of a release."""
        return tuple(line for line in self.lines if not line.criterion.met)

    @property
    def green(self) -> tuple[BoardLine, ...]:
        """What is met."""
        return tuple(line for line in self.lines if line.criterion.met)

    @property
    def ready(self) -> bool:
        """Whether nothing is in the way of a release."""
        return not self.red


def release_board(
    session: Session, lot_code: str, now: datetime.datetime, person_id: int | None = None, site: int | None = None
) -> ReleaseBoard | None:
    """The release board of a lot, as it stands at `now`, for a person; with the boxes of this site, or of all. None
    when there is no such lot."""
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
        decision_reason=lot.decision_reason,
        lines=release_lines(facts, _papers(session, lot, facts, site)),
        results=facts.results,
        holds=facts.holds,
        worked_on_it=person_id is not None and person_id in set(session.scalars(_PERFORMERS, {"lot": lot.id})),
    )


_PERFORMERS = text("SELECT lot_performers(:lot)")
_CULTURES = text(
    "SELECT c.code FROM lot_source s JOIN culture c ON c.id = s.culture_id WHERE s.lot_id = :lot ORDER BY c.id"
)
_BOXES = text(
    f"""SELECT box.code, array_to_string(unit_names(box.id), ' › ') AS place
         FROM (SELECT DISTINCT p.box_id FROM vial v JOIN placement p ON p.vial_id = v.id AND p.taken_at IS NULL
                WHERE v.lot_id = :lot) AS used
         JOIN storage_unit box ON box.id = used.box_id WHERE {at_site("box.site_id")} ORDER BY box.id"""
)
_ACTS = text(
    """SELECT DISTINCT ON (name) name, id FROM act WHERE record_code = :lot AND outcome = 'accepted'
          AND name IN ('close_filling', 'record_freezing') ORDER BY name, id DESC"""
)


def _papers(session: Session, lot: Lot, facts: ReleaseFacts, site: int | None) -> Papers:
    """The records that prove what the board says, as far as no rule asks for them."""
    donor = select(Consent.code).join(Donor, Donor.id == Consent.donor_id).where(Donor.code == facts.donor)
    return Papers(
        consents=tuple(session.scalars(donor.order_by(Consent.id.desc()))),
        cultures=tuple(session.scalars(_CULTURES, {"lot": lot.id})),
        boxes=tuple(Evidence(row.place, row.code) for row in session.execute(_BOXES, {"lot": lot.id, "site": site})),
        acts=tuple((row.name, row.id) for row in session.execute(_ACTS, {"lot": lot.code})),
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
        evidence=EvidenceFacts(donor.code, specification.donor, (collection,), panel_results(session, donor.id)),
        consent_states=consent_states(session, donor.id),
        holds=live_holds(session, lot.id),
        deviations=open_deviations(session, lot.id),
        batch_review=_batch_review(session, lot.id, zone),
        results=lot_results(session, [lot.id]).get(lot.id, ()),
        closing=_closing(session, lot, counts),
        vial_counts=counts,
        frozen_at=lot.frozen_at,
        expires_on=lot.expires_on,
        today=now.astimezone(zone).date(),
        passage=lot.passage,
        cumulative_doublings=lot.cumulative_doublings,
        made_from=source_lots(session, lot.id),
        trace=tuple(Through(one.excursion, one.kind, one.state, one.peak_c) for one in lot_excursions(session, lot.id)),
        is_unwatched=stands_unwatched(session, lot.id),
        freezing_program=lot.freezing_program,
        freezing_run=run_of_lot(session, lot.id),
    )


def consent_states(session: Session, donor_id: int) -> tuple[str, ...]:
    """The states of all consents of a donor."""
    return tuple(session.scalars(select(Consent.state).where(Consent.donor_id == donor_id)))


def panel_results(session: Session, donor_id: int) -> tuple[PanelResult, ...]:
    columns = select(TestResult.code, TestResult.test, TestResult.choice, TestResult.started_at, TestResult.state)
    standing = columns.where(TestResult.donor_id == donor_id, TestResult.state.in_(STANDING)).order_by(TestResult.id)
    found = session.execute(standing)
    return tuple(PanelResult(code, test, choice or "", at, state) for code, test, choice, at, state in found)


_HOLDS = text("SELECT code, reason FROM hold WHERE id IN (SELECT lot_holds(:lot)) ORDER BY id")
_DEVIATIONS = text(
    "SELECT code, title, classification, state FROM deviation WHERE id IN (SELECT lot_deviations(:lot)) ORDER BY id"
)
_MADE_FROM = text(
    """SELECT l.code, l.state FROM lot_lineage(:lot) up JOIN lot l ON l.id = up.record_id
        WHERE up.record_kind = 'lot' AND l.id <> :lot ORDER BY l.id"""
)


def source_lots(session: Session, lot_id: int) -> tuple[SourceLot, ...]:
    """The lots of which vials were thawed to make this one, at any remove."""
    return tuple(SourceLot(*row) for row in session.execute(_MADE_FROM, {"lot": lot_id}))


def live_holds(session: Session, lot_id: int) -> tuple[LiveHold, ...]:
    """The holds in force that reach a lot, through whatever it came from or stands in."""
    return tuple(LiveHold(*row) for row in session.execute(_HOLDS, {"lot": lot_id}))


def open_deviations(session: Session, lot_id: int) -> tuple[OpenDeviation, ...]:
    """The deviations not yet closed that touch a lot, through whatever it came from or stands in."""
    return tuple(OpenDeviation(*row) for row in session.execute(_DEVIATIONS, {"lot": lot_id}))


def _batch_review(session: Session, lot_id: int, zone: ZoneInfo) -> BatchReviewed | None:
    """The latest review of the batch record, and whether the record still is as it was read."""
    is_current = BatchReview.digest == func.batch_digest(lot_id)
    columns = select(BatchReview.code, Person.full_name, BatchReview.reviewed_at, is_current)
    latest = columns.join(Person, Person.id == BatchReview.reviewed_by_id).where(BatchReview.lot_id == lot_id)
    row = session.execute(latest.order_by(BatchReview.id.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    code, reviewer, reviewed_at, still = row
    return BatchReviewed(code, reviewer, reviewed_at.astimezone(zone).date(), still)


def _vial_counts(session: Session, lot: Lot) -> dict[str, int]:
    counted = select(Vial.state, func.count()).where(Vial.lot_id == lot.id).group_by(Vial.state)
    return {state: count for state, count in session.execute(counted)}


def _closing(session: Session, lot: Lot, counts: dict[str, int]) -> ClosingFacts:
    """The balance of the cells, as it was closed: every vial that was ever filled took its cells."""
    taken = session.scalar(select(func.sum(LotSource.cells_used)).where(LotSource.lot_id == lot.id))
    filled = sum(count for state, count in counts.items() if state not in (VialState.PRINTED, VialState.VOIDED))
    return ClosingFacts(lot.code, int(taken or 0), filled, lot.cells_per_vial, lot.sample_cells, lot.lost_cells)

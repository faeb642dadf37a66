"""What tests ask about lots and the holds on them."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.clinic import Dose
from cellbank.records.production import Consent, Donation, Donor, Lot
from cellbank.records.quality import Hold, Notice, NoticeLine
from cellbank.records.trail import Act, Change
from tests.factories.lots import FrozenLot, frozen_lot
from tests.factories.production import DAY, harvest, medium
from tests.factories.world import World


def lot_row(world: World, code: str) -> Lot:
    """The record of a lot."""
    with Session(world.installation.reads) as session:
        return session.scalars(select(Lot).where(Lot.code == code)).one()


def stands(world: World, *codes: str) -> list[tuple[str, str | None]]:
    """The state of each of these lots, with the state that lifting restores."""
    return [(row.state, row.state_before_hold) for row in (lot_row(world, code) for code in codes)]


def hold_state(world: World, code: str) -> str:
    """The state of a hold."""
    with Session(world.installation.reads) as session:
        return session.scalars(select(Hold.state).where(Hold.code == code)).one()


def donor_of(world: World, lot: str) -> str:
    """The donor of a lot."""
    with Session(world.installation.reads) as session:
        statement = select(Donor.code).join(Donation, Donation.donor_id == Donor.id)
        return session.scalars(statement.join(Lot, Lot.donation_id == Donation.id).where(Lot.code == lot)).one()


def notices_about(world: World, *lots: str) -> list[tuple[str, str, bool]]:
    """Notice, dose and whether it is answered, for each line about a dose of these lots, in their order."""
    rows = select(Notice.code, Dose.code, NoticeLine.answered_at.is_not(None)).select_from(NoticeLine)
    joined = rows.join(Notice, Notice.id == NoticeLine.notice_id).join(Dose, Dose.id == NoticeLine.dose_id)
    of_lots = joined.join(Lot, Lot.id == Dose.lot_id).where(Lot.code.in_(lots))
    with Session(world.installation.reads) as session:
        return [(notice, dose, answered) for notice, dose, answered in session.execute(of_lots.order_by(NoticeLine.id))]


def consent_of(world: World, donor: str) -> str:
    """The consent of a donor that is in force."""
    with Session(world.installation.reads) as session:
        live = select(Consent.code).join(Donor).where(Donor.code == donor, Consent.state == "GIVEN")
        return session.scalars(live).one()


def moves(world: World, lot: str) -> list[tuple[str, str]]:
    """Every act that changed the lot's state, with the state that it left."""
    lot_id = lot_row(world, lot).id
    with Session(world.installation.reads) as session:
        rows = select(Act.name, Change.after["state"].astext).join(Act, Act.id == Change.act_id)
        changed = rows.where(Change.record_kind == "lot", Change.record_id == lot_id).order_by(Change.id)
        return [(name, state) for name, state in session.execute(changed) if state is not None]


def culture_of_bank(world: World, vial: str) -> str:
    """A culture from a vial of a released bank, harvested with the cells of three vials; returns its code."""
    at = world.now - 40 * DAY
    given = {"vessel": "T1000", "area_cm2": 1000, "viable_cells": 3_000_000, "reagents": [medium(world)]}
    culture = str(world.do("tina", "thaw_bank_vial", now=at, vial=vial, **given)["code"])
    harvest(world, culture, at + 4 * DAY, total_cells=76_000_000)
    return culture


def lot_of_bank(world: World, bank: FrozenLot) -> FrozenLot:
    """A product lot of three vials made from the first vial of a released bank, in quarantine."""
    return frozen_lot(world, vials=3, culture=culture_of_bank(world, bank.vials[0]))

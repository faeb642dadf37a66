"""Holds: a stop on a donor or a lot. A donor's hold reaches every lot below, also one that is frozen later."""

from collections.abc import Sequence

from sqlalchemy import or_, select

from cellbank.domain.identifiers import Kind
from cellbank.records.production import Donation, Donor, Lot
from cellbank.records.quality import Hold
from cellbank.records.work import Work
from cellbank.services.common import new_code

# Only a frozen lot is stopped by its state; one still being filled is stopped when it is frozen (see `held`).
STOPPED_FROM = ("QUARANTINE", "RELEASED")


def lots_below(work: Work, donor: Donor) -> list[Lot]:
    """Every lot made from the donor's donations, locked in the order of their ids (in a dry run only read)."""
    statement = select(Lot).join(Donation, Donation.id == Lot.donation_id).where(Donation.donor_id == donor.id)
    if not work.dry_run:
        statement = statement.with_for_update(of=Lot, key_share=True)
    return list(work.session.scalars(statement.order_by(Lot.id)))


def place_hold(work: Work, *, donor: Donor | None = None, lot: Lot | None = None, reason: str) -> Hold:
    """Stop a donor with every lot below, or one lot; call it after the judgement, with the donor or lot locked.

    Lots in quarantine or released go ON_HOLD and remember where they were. The answer names them.
    """
    if (donor is None) == (lot is None):
        raise TypeError("a hold is placed on a donor or on a lot")
    below: Sequence[Lot] = [lot] if lot is not None else lots_below(work, donor)  # type: ignore[arg-type]
    stopped = [one for one in below if one.state in STOPPED_FROM]
    codes = [one.code for one in stopped]
    work.transition_many(Lot, stopped, to="ON_HOLD", state_before_hold=Lot.state)
    hold = work.add(
        Hold(
            code=new_code(work, Kind.HOLD),
            donor_id=None if donor is None else donor.id,
            lot_id=None if lot is None else lot.id,
            reason=reason,
            placed_at=work.now,
        )
    )
    work.show(hold=hold.code, lots_stopped=codes)
    return hold


def live_holds(work: Work, donor_id: int, lot_id: int | None = None) -> list[Hold]:
    """The holds in force on this donor, or on this lot by itself or through its donor."""
    reached = Hold.donor_id == donor_id
    if lot_id is not None:
        reached = or_(reached, Hold.lot_id == lot_id)
    return list(work.session.scalars(select(Hold).where(reached, Hold.state == "PLACED").order_by(Hold.id)))


def held(work: Work, donor_id: int, lot_id: int | None = None) -> bool:
    """Whether a hold reaches this donor or lot. The donor is kept from changing until the end of the act, so that a
    withdrawal in the same second either is seen here or finds the lot that this act freezes."""
    work.share(Donor, donor_id)
    return bool(live_holds(work, donor_id, lot_id))

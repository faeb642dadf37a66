"""Where conditional releases end by themselves: when their lot is stopped, and when it is released to everybody."""

from collections.abc import Collection

from sqlalchemy import or_, select

from cellbank.domain.lifecycle.states import ConditionalState, LotState
from cellbank.records.conditional import ConditionalRelease
from cellbank.records.production import Lot
from cellbank.records.work import Work


def end_releases(work: Work, lots: Collection[Lot], reason: str) -> None:
    """End every live conditional release of these lots, which are locked; call it after the judgement. A lot that comes
    back from a hold is asked for anew."""
    if not lots:
        return
    of_lots = ConditionalRelease.lot_id.in_([lot.id for lot in lots])
    live = select(ConditionalRelease).where(of_lots, ConditionalRelease.state != ConditionalState.ENDED)
    releases = work.session.scalars(live.order_by(ConditionalRelease.id)).all()
    if releases:
        work.show(conditional_releases_ended=[release.code for release in releases])
        work.transition_many(
            ConditionalRelease, releases, to=ConditionalState.ENDED, ended_at=work.now, end_reason=reason
        )


def once_conditional(work: Work, lots: Collection[Lot]) -> list[Lot]:
    """Those of these lots, not released, of which a conditional release is live, or was in force: a dose may have been
    given under it."""
    unreleased = [lot for lot in lots if lot.state in (LotState.QUARANTINE, LotState.ON_HOLD)]
    if not unreleased:
        return []
    of_lots = ConditionalRelease.lot_id.in_([lot.id for lot in unreleased])
    used = or_(ConditionalRelease.state != ConditionalState.ENDED, ConditionalRelease.in_force_at.is_not(None))
    found = set(work.session.scalars(select(ConditionalRelease.lot_id).where(of_lots, used)))
    return [lot for lot in unreleased if lot.id in found]

"""What was not allowed about a fact that is told late: its reasons are kept, and one deviation names them all."""

from typing import Any

from sqlalchemy import select

from cellbank.domain.refusals import Code
from cellbank.domain.rules.deviation import Classification
from cellbank.domain.telling import gravity
from cellbank.records.base import Record
from cellbank.records.clinic import Dose, Subject
from cellbank.records.deviations import Deviation
from cellbank.records.production import Lot
from cellbank.records.trail import Irregularity
from cellbank.records.work import Work
from cellbank.services.constraints import SAYS
from cellbank.services.site_time import on_site
from cellbank.services.stopping.deviation_opening import open_with_links


def report_irregular(work: Work, made: Any) -> Deviation | None:
    """Keep why the fact was not allowed, and open the deviation about it; nothing for what was allowed. Call it with
    all of the act written: a rule of the database may have let it pass only because it is told late."""
    if not work.is_late:
        return None
    work.session.flush()
    work.note_many(
        Irregularity,
        [{"act_id": work.act_id, "rule": one.code.value, "detail": one.detail} for one in work.irregularities],
    )
    of_act = select(Irregularity.rule, Irregularity.detail).where(Irregularity.act_id == work.act_id)
    found = work.session.execute(of_act.order_by(Irregularity.id)).all()
    if not found:
        return None
    codes = [SAYS[row.rule][0] if row.rule in SAYS else Code(row.rule) for row in found]
    lines = [f"{row.rule}: {row.detail}" for row in found]
    opened = work.shown.get("deviation")
    if opened is not None:
        return _added_to(work.find(Deviation, opened), lines, gravity(codes))
    entered = f"{on_site(work, work.happened)}, entered {on_site(work, work.now)} by {work.actor.full_name}"
    deviation = open_with_links(
        work,
        records=_touched(work, made),
        title=f"{work.title}: told late, and not allowed when it happened"[:200],
        description="\n".join((f"Happened {entered}: {work.late_because}", *lines)),
        classification=gravity(codes),
        occurred_at=work.happened,
    )
    work.show(deviation=deviation.code)
    return deviation


def _added_to(deviation: Deviation, lines: list[str], graveness: Classification) -> Deviation:
    """The deviation that the act has opened for another reason names these too."""
    deviation.description = "\n".join((deviation.description, *lines))
    if graveness == "critical":
        deviation.classification = graveness
    return deviation


def _touched(work: Work, made: Any) -> list[Record]:
    """What the act moved and made; of a dose its lot and its subject too, for it was about them."""
    records: list[Any] = [*work.concerned, *([made] if isinstance(made, Record) else [])]
    for dose in [one for one in records if isinstance(one, Dose)]:
        records += [work.session.get_one(Lot, dose.lot_id), work.session.get_one(Subject, dose.subject_id)]
    return list(dict.fromkeys(one for one in records if getattr(one, "code", None)))

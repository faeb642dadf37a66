"""Time out of the cold: what each vial has spent of it, and noting that something was lifted out for a while."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from sqlalchemy import text
from sqlalchemy.orm import Session

from cellbank.domain.garbled import Garbled
from cellbank.domain.identifiers import Kind
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.warming import Budget, budget
from cellbank.domain.scans import read_scan
from cellbank.records.production import Vial
from cellbank.records.storage import StorageUnit, WarmingEvent
from cellbank.records.work import Work
from cellbank.services.acts import TellingInput, act
from cellbank.services.common import specification_of, time_refusals
from cellbank.services.inputs import scanned
from cellbank.services.installation import Installation, at_site, server_time
from cellbank.services.storage.units import unit_called

LONGEST = 24 * 3600
STAYS_COLD = ("room", "tank")
_WARMING = text(
    """SELECT v.id, v.code, l.specification_id, array_agg(w.in_at - w.out_at) AS gaps
         FROM vial v JOIN lot l ON l.id = v.lot_id CROSS JOIN LATERAL vial_warming(v.id, :now) w
        WHERE v.id = ANY(:vials) GROUP BY v.id, l.specification_id ORDER BY v.code"""
)


def spent_by(session: Session, vial_ids: Iterable[int], now: datetime.datetime | None = None) -> dict[int, Budget]:
    """What these vials have spent of their time out of the cold; one that was never out is not in the answer. With
    `now` the clock of one that was picked, and is neither thawed nor put back, runs until then."""
    rows = session.execute(_WARMING, {"vials": list(vial_ids), "now": now})
    return {row.id: budget(row.gaps, specification_of(session, row.specification_id).handling) for row in rows}


@dataclass(frozen=True)
class Warming:
    """The times that one vial was out of the cold, the first one first, and what they come to."""

    events: tuple[tuple[datetime.datetime, datetime.datetime], ...]
    spent: Budget | None


def warming_of(installation: Installation, vial_code: str) -> Warming:
    """The times out of the cold of a vial, for its page; of one that is picked until now."""
    now = server_time()
    with Session(installation.reads) as session:
        vial_id = session.scalar(text("SELECT id FROM vial WHERE code = :code"), {"code": vial_code})
        statement = text("SELECT * FROM vial_warming(:vial, :now) ORDER BY out_at")
        events = session.execute(statement, {"vial": vial_id, "now": now}).all()
        spent = spent_by(session, [vial_id], now) if events else {}
    return Warming(tuple((row.out_at, row.in_at) for row in events), spent.get(vial_id))


@dataclass(frozen=True)
class Dewar:
    """A transfer dewar: what is in it stays cold for so many minutes."""

    code: str
    name: str
    cold_minutes: int


_DEWAR = text(
    f"""SELECT u.code, u.name, u.cold_minutes FROM storage_unit u
         WHERE u.code = :code AND u.cold_minutes IS NOT NULL AND {at_site("u.site_id")}"""
)


def find_dewar(installation: Installation, code: str) -> Dewar | None:
    """The transfer dewar with this code at the site that is looked at; None: it is something else."""
    with installation.reads.connect() as connection:
        row = connection.execute(_DEWAR, {"code": code, "site": installation.site}).one_or_none()
        return Dewar(*row) if row else None


class NoteWarming(TellingInput):
    """Note a time out of the cold."""

    EARLIER_NAME = "back_at"
    thing: Annotated[str, *scanned(Kind.STORAGE, Kind.VIAL)] = Field(title="Rack, box or vial that was lifted out")
    seconds: int = Field(title="Out of the cold", ge=1, le=LONGEST, json_schema_extra={"unit": "s"})


_INSIDE = text(
    """SELECT p.vial_id FROM units_within(:unit) u JOIN placement p ON p.box_id = u.unit_id
        WHERE u.until = 'infinity' AND p.taken_at IS NULL"""
)


@act(NoteWarming, likely="rarely")
def note_warming(work: Work, given: NoteWarming) -> StorageUnit | Vial:
    """Count a time out of the cold for a vial, or for every vial in a rack or box that was lifted out and put back. It
    happened, so that it is never refused for its length; the answer names the vials whose time is spent by it."""
    at = work.happened
    scan = read_scan(given.thing)
    is_unit = not isinstance(scan, Garbled) and scan.kind is Kind.STORAGE
    thing: StorageUnit | Vial = work.lock(StorageUnit, given.thing) if is_unit else work.lock(Vial, given.thing)
    refusals = list(time_refusals(work, "Being back in the cold", at))
    if isinstance(thing, StorageUnit):
        refusals += _not_lifted(thing)
    work.judge(thing, refusals=refusals)
    out = at - datetime.timedelta(seconds=given.seconds)
    mine = {"unit_id": thing.id} if is_unit else {"vial_id": thing.id}
    work.note_many(WarmingEvent, [{**mine, "out_at": out, "in_at": at}])
    vials = list(work.session.scalars(_INSIDE, {"unit": thing.id})) if is_unit else [thing.id]
    spent = spent_codes(work, vials)
    work.show(seconds=given.seconds, vials=len(vials), spent=spent)
    sentence = "Of {count} vials the time out of the cold is spent: they may not be given. Tell the quality officer."
    work.warn([refuse(Code.WARMING_BUDGET, sentence, count=len(spent))] if spent else [])
    return thing


def spent_codes(work: Work, vial_ids: list[int]) -> list[str]:
    """The codes of those of these vials whose time out of the cold is spent."""
    spent = [vial for vial, budget in spent_by(work.session, vial_ids).items() if budget.is_spent]
    statement = text("SELECT code FROM vial WHERE id = ANY(:ids) ORDER BY code")
    return list(work.session.scalars(statement, {"ids": spent}))


def _not_lifted(unit: StorageUnit) -> tuple[Refusal, ...]:
    if unit.type not in STAYS_COLD:
        return ()
    sentence = "{unit} is a {type}, which nobody lifts out of the cold. Scan the rack or box that was out."
    return (refuse(Code.WRONG_KIND, sentence, unit=unit_called(unit), type=unit.type),)

"""When records came into being: nothing happened to them before."""

import datetime
from collections.abc import Collection, Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

from cellbank.domain.refusals import Code, Refusal
from cellbank.domain.telling import existence_refusals, order_refusals
from cellbank.records.base import Record

# What comes into being by an event that is told of; a tank is older than its registration.
MADE_BY_AN_EVENT = frozenset({"donation", "culture", "lot", "vial"})
MADE_BY_A_PERMISSION = frozenset({"dose"})
_MADE_AT = text(
    """SELECT made.kind, made.id, coalesce(a.happened_at, a.at) AS at
         FROM unnest(CAST(:kinds AS text[]), CAST(:ids AS bigint[])) AS made(kind, id)
         JOIN change c ON c.record_kind = made.kind AND c.record_id = made.id AND c.before IS NULL
         JOIN act a ON a.id = c.act_id
        WHERE coalesce(a.happened_at, a.at) > :told"""
)


def before_it_existed(
    session: Session, records: Iterable[Record], told: datetime.datetime, known: Collection[Code]
) -> list[Refusal]:
    """Nothing happened to what had not come into being; what was only not yet allowed may have been done."""
    said = {Code.OUT_OF_ORDER: MADE_BY_AN_EVENT, Code.NOT_ORDERED: MADE_BY_A_PERMISSION}
    asked = frozenset[str]().union(*(kinds for code, kinds in said.items() if code not in known))
    made = [one for one in records if one.__tablename__ in asked]
    kinds, ids = [one.__tablename__ for one in made], [one.id for one in made]
    since = session.execute(_MADE_AT, {"kinds": kinds, "ids": ids, "told": told}) if made else ()
    called = {(one.__tablename__, one.id): getattr(one, "called", one.__tablename__) for one in made}
    return [
        reason
        for kind, record_id, at in since
        for reason in (order_refusals if kind in MADE_BY_A_PERMISSION else existence_refusals)(
            told, sentence_start(called[kind, record_id]), at
        )
    ]


def sentence_start(name: str) -> str:
    """What a record is called, at the head of a sentence."""
    return name[:1].upper() + name[1:]

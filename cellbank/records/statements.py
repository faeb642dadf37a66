"""Statements that acts use again and again, built once: building one takes as long as running it."""

import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, func, or_, select, text, update

from cellbank.domain.actor import OneTime
from cellbank.records.base import Base, Record
from cellbank.records.people import HandedCode, Person


@cache
def by_code(cls: Any) -> Any:
    """The record with one code."""
    return select(cls).where(cls.code == bindparam("code"))


@cache
def by_codes(cls: Any) -> Any:
    """The records with these codes, in the order of their ids."""
    return select(cls).where(cls.code == func.any(bindparam("codes"))).order_by(cls.id)


@cache
def insert_many(cls: type[Base], names: tuple[str, ...]) -> Any:
    """Any number of rows in one statement with one parameter."""
    table, columns = cls.__tablename__, ", ".join(names)
    rows = f"jsonb_populate_recordset(CAST(NULL AS {table}), CAST(:rows AS jsonb))"
    return text(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {rows}")


@cache
def update_many(cls: type[Record], names: tuple[str, ...]) -> Any:
    """New values in any number of rows."""
    table: Any = cls.__table__  # the table and not the class: nothing in the session is kept in step
    statement = update(table).where(table.c.id == func.any(bindparam("ids")))
    return statement.values({name: bindparam(f"new_{name}") for name in names})


def using_code(once: OneTime, person_id: int, now: datetime.datetime) -> Any:
    """Marks a one-time code as used, and finds nothing where somebody was faster with it."""
    person: Any = Person.__table__
    code: Any = HandedCode.__table__
    if once.handed is not None:
        mine = update(code).where(code.c.id == once.handed, code.c.person_id == person_id)
        unused = mine.where(code.c.used_at.is_(None), code.c.ended_at.is_(None))
        return unused.values(used_at=now).returning(code.c.id)
    is_newer = or_(person.c.totp_step.is_(None), person.c.totp_step < once.step)
    mine = update(person).where(person.c.id == person_id, is_newer)
    return mine.values(totp_step=once.step).returning(person.c.id)

"""What every table shares: naming of constraints, column types, the engines.

The schema is Alembic's alone (`migrations/`); these classes describe it for the code, and `alembic check` keeps the two
in step. A CHECK on a state column repeats the enum of its kind; a house test compares them with the database.
"""

import datetime
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import (
    URL,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Engine,
    ForeignKey,
    MetaData,
    Numeric,
    Table,
    Text,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedColumn, mapped_column
from sqlalchemy.types import Date, TypeDecorator

from cellbank.domain.folding import skeleton
from cellbank.domain.lifecycle.states import State
from cellbank.records.away import CONNECTING, Patience, is_away, watch

Instant = Annotated[datetime.datetime, mapped_column(DateTime(timezone=True))]
Day = Annotated[datetime.date, mapped_column(Date)]
CellCount = Annotated[int, mapped_column(BigInteger)]
Millilitres = Annotated[Decimal, mapped_column(Numeric(9, 3))]
Kilograms = Annotated[Decimal, mapped_column(Numeric())]  # as many decimals as the protocol weighs
Percent = Annotated[Decimal, mapped_column(Numeric(5, 2))]
Quantity = Annotated[Decimal, mapped_column(Numeric(14, 3))]  # in a unit that stands beside it
Celsius = Annotated[Decimal, mapped_column(Numeric(6, 2))]
Json = Annotated[Any, mapped_column(JSONB)]


class Base(DeclarativeBase):
    """All tables; constraint names follow one convention so that a refusal can be told from its constraint."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {str: Text, int: BigInteger}


@event.listens_for(Table, "after_parent_attach")
def _checks_belong_to_tables(table: Table, _: MetaData) -> None:
    """Make the CHECKs that stand beside a column CHECKs of its table: Alembic writes only those."""
    for column in table.columns:
        for check in list(column.constraints):
            assert isinstance(check, CheckConstraint)
            column.constraints.discard(check)
            table.append_constraint(CheckConstraint(str(check.sqltext), name=check.name))


def skeleton_of(
    name: str, *, by: Callable[[str], str] = skeleton, unique: bool = False, index: bool = False
) -> MappedColumn[Any]:
    """By what the column `name` is compared; it comes with the row, for nobody renames what has one."""
    return mapped_column(Text, unique=unique, index=index, default=lambda row: by(row.get_current_parameters()[name]))


class Record(Base):
    """A table whose every change is written to the trail by the database."""

    __abstract__ = True
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    #: the columns that a signature covers; state moves on without voiding a signature
    SIGNED: ClassVar[tuple[str, ...]] = ()
    #: what a signature given by an act covers, where that is something else
    SIGNED_BY: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    @classmethod
    def signed_by(cls, act: str) -> tuple[str, ...]:
        """The columns that a signature given by this act covers."""
        return cls.SIGNED_BY.get(act, cls.SIGNED)

    @property
    def kind(self) -> str:
        """The kind as the transition table names it."""
        kind: str = self.__tablename__
        return kind

    @property
    def called(self) -> str:
        """How a sentence names this record: 'lot LT0017Q'."""
        return f"{self.__tablename__.replace('_', ' ')} {getattr(self, 'code', None) or self.id}"


def reference(target: str, **options: Any) -> MappedColumn[Any]:
    """A foreign key to the id of another table, never cascading: records do not disappear."""
    index = options.pop("index", True)
    return mapped_column(BigInteger, ForeignKey(f"{target}.id"), index=index, **options)


class StateColumn(TypeDecorator[State]):
    """A state: text in the database, here a member of the enum of its kind."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[State]):
        super().__init__()
        self.kind = kind

    def process_result_value(self, value: str | None, dialect: Dialect) -> State | None:
        """The member for what was read."""
        return None if value is None else self.kind(value)  # type: ignore[call-arg]  # found by its text


def state_of(kind: type[State]) -> MappedColumn[Any]:
    """The state column of a record, checked against the enum of its kind. Written by `Work.transition` only."""
    known = ", ".join(f"'{state}'" for state in kind)
    return mapped_column(StateColumn(kind), CheckConstraint(f"state IN ({known})", name="state"))


def as_json(value: Any) -> str:
    """JSON as the trail stores it: decimals and times as text, keys sorted, letters as they are."""
    return json.dumps(value, default=str, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


ISOLATION = r"-c default_transaction_isolation=read\ committed"  # acts are taken in no other
SESSION = f"-c timezone=UTC {ISOLATION} -c lock_timeout=10s -c statement_timeout=60s"
READ_ONLY = "-c default_transaction_read_only=on"


def open_engine(url: str | URL, *, pool_size: int = 10, session: str = SESSION, **options: Any) -> Engine:
    """The engine of one process. Writes go through `records.work.Work`."""
    known = make_url(url).query
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=5,
        pool_timeout=10,
        pool_pre_ping=False,  # a connection is looked at without a question to the server: away.watch
        # The connection used last has its statements prepared and its plans made; a statement is prepared when it
        # comes for the second time.
        pool_use_lifo=True,
        json_serializer=as_json,
        connect_args={
            "options": session,
            "application_name": "cellbank",
            "prepare_threshold": 1,
            **{name: value for name, value in CONNECTING.items() if name not in known},
        },
        **options,
    )
    watch(engine, writes=READ_ONLY not in session)
    return engine


def read_row(reads: Engine, statement: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """One row, by column name, of a statement in psycopg's own form (`%(name)s`); None when there is none.

    For what every request and every scan waits for: psycopg prepares the statement on each connection, and the row
    comes in a third of the time that it takes through SQLAlchemy's result objects. A database that is away is waited
    for. Raises what psycopg raises, and what the pool does.
    """
    patience = Patience()
    while True:
        try:
            return _read_row(reads, statement, given)
        except (psycopg.Error, DBAPIError) as error:
            if not is_away(error) or not patience.wait():
                raise


def _read_row(reads: Engine, statement: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
    pooled = reads.raw_connection()
    driver = pooled.driver_connection
    assert driver is not None
    try:
        with driver.cursor(row_factory=dict_row) as cursor:
            row: dict[str, Any] | None = cursor.execute(statement, given).fetchone()
            return row
    finally:
        if driver.closed:
            pooled.invalidate()
        pooled.close()


def open_reads(url: str | URL) -> Engine:
    """An engine for look-ups, with connections of its own that are always in AUTOCOMMIT and cannot write: switching a
    connection for one statement and back, and rolling back what was never begun, takes as long as the statement."""
    return open_engine(url, session=f"{SESSION} {READ_ONLY}", isolation_level="AUTOCOMMIT", pool_reset_on_return=None)

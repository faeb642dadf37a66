"""All tables in one import, for Alembic and for whoever needs the whole schema."""

from cellbank.records import (
    clinic,
    conditional,
    corrections,
    deviations,
    people,
    production,
    quality,
    shipping,
    storage,
    temperature,
    trail,
)
from cellbank.records.base import Base, Record

metadata = Base.metadata
MODULES = (
    clinic, conditional, corrections, deviations, people, production, quality, shipping, storage, temperature, trail,
)  # fmt: skip


def record_tables() -> tuple[str, ...]:
    """The tables whose changes the trail keeps, by name. `signature` too: its rows are changes like any other."""
    return tuple(
        sorted(mapper.local_table.name for mapper in Base.registry.mappers if issubclass(mapper.class_, Record))
    )


def record_class(kind: str) -> type[Record]:
    """The class of a record kind, by its table name. Raises KeyError when there is none."""
    return {m.local_table.name: m.class_ for m in Base.registry.mappers if issubclass(m.class_, Record)}[kind]

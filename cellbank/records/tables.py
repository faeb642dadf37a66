"""All tables in one import, for Alembic and for whoever needs the whole schema."""

from cellbank.records import (
    clinic,
    conditional,
    corrections,
    deviations,
    outbox,
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
    clinic, conditional, corrections, deviations, outbox, people, production, quality, shipping, storage, temperature,
    trail,
)  # fmt: skip


def record_tables() -> tuple[str, ...]:
    """The tables whose changes the trail keeps, by name. `signature` too: its rows are changes like any other."""
    return tuple(sorted(_record_classes()))


def record_class(kind: str) -> type[Record]:
    """The class of a record kind, by its table name. Raises KeyError when there is none."""
    return _record_classes()[kind]


def _record_classes() -> dict[str, type[Record]]:
    classes = (mapper.class_ for mapper in Base.registry.mappers)
    return {cls.__tablename__: cls for cls in classes if issubclass(cls, Record)}

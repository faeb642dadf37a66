"""What PostgreSQL itself brings: is it as it was brought, and does anything stand beside it?

Every rule, and every digest of the trail, rests on functions and operators of `pg_catalog`, which are looked up before
ours. A superuser can replace one, exchange the names of two, or put another one beside them. What that leaves behind is
the number of the transaction that wrote the row: all that PostgreSQL brings was written while the cluster was made, by
its first transactions, whatever the version; nobody else was there yet. Rows are read as they stand, without a function
or operator of the database that could have been exchanged itself.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, text

FIRST_OF_OTHERS = 16384  # the first number of an object that was made after the cluster
# The last transaction of initdb that wrote such a row has number 677 in PostgreSQL 15, 683 in 16, 705 in 18; the first
# one of anybody else has 722, 728, 749. Number 2 is "frozen", which no version since 9.4 writes by itself.
LAST_OF_MAKING, FROZEN = 715, 2
PG_CATALOG = "pg_catalog"
BEFORE_OURS = (PG_CATALOG, "information_schema")
ADVISED = "pg_stat"  # views of statistics: security releases of PostgreSQL ask to make some of them anew

_ROWS = text(
    """
    SELECT 'schema' AS kind, oid, nspname AS name, oid AS home, oid AS of, xmin FROM pg_catalog.pg_namespace
    UNION ALL SELECT 'type', oid, typname, typnamespace, oid, xmin FROM pg_catalog.pg_type
    UNION ALL SELECT 'relation', oid, relname, relnamespace, oid, xmin FROM pg_catalog.pg_class
    UNION ALL SELECT 'function', oid, proname, pronamespace, oid, xmin FROM pg_catalog.pg_proc
    UNION ALL SELECT 'operator', oid, oprname, oprnamespace, oid, xmin FROM pg_catalog.pg_operator
    UNION ALL SELECT 'operator class', oid, opcname, opcnamespace, oid, xmin FROM pg_catalog.pg_opclass
    UNION ALL SELECT 'operator family', oid, opfname, opfnamespace, oid, xmin FROM pg_catalog.pg_opfamily
    UNION ALL SELECT 'language', oid, lanname, NULL, oid, xmin FROM pg_catalog.pg_language
    UNION ALL SELECT 'access method', oid, amname, NULL, oid, xmin FROM pg_catalog.pg_am
    UNION ALL SELECT 'aggregate', CAST(aggfnoid AS oid), NULL, NULL, CAST(aggfnoid AS oid), xmin FROM pg_aggregate
    UNION ALL SELECT 'cast', oid, NULL, castsource, casttarget, xmin FROM pg_catalog.pg_cast
    UNION ALL SELECT 'operator of family', oid, NULL, NULL, amopfamily, xmin FROM pg_catalog.pg_amop
    UNION ALL SELECT 'function of family', oid, NULL, NULL, amprocfamily, xmin FROM pg_catalog.pg_amproc
    UNION ALL SELECT 'view', oid, NULL, NULL, ev_class, xmin FROM pg_catalog.pg_rewrite
    """
)


class Row(NamedTuple):
    """One row of a catalog. `home` is its schema (of a cast: the type that it takes), `of` what it belongs to."""

    kind: str
    oid: int
    name: str | None
    home: int | None
    of: int
    xmin: str


class Catalog:
    """All rows that count, with what they are called."""

    def __init__(self, connection: Connection) -> None:
        self._rows = [Row(*row) for row in connection.execute(_ROWS)]
        self._known = {(row.kind, row.oid): row for row in self._rows if row.name is not None}

    def altered(self) -> Iterator[tuple[str, str]]:
        """What PostgreSQL brought and somebody changed, and what stands beside it: name, and what is the matter."""
        for row in self._rows:
            if row.oid < FIRST_OF_OTHERS:
                if self._counts(row) and not _is_of_making(int(row.xmin)):
                    yield self._called(row), f"changed after the database was made, by transaction {row.xmin}"
            elif self._stands_beside(row):
                yield self._called(row), "put beside what PostgreSQL brings"

    def _counts(self, row: Row) -> bool:
        """Rows of tables and schemas change as a matter of course; views only show, and a few decide who may what."""
        if row.kind == "view":
            view = self._known["relation", row.of]
            return self._schema(view) == PG_CATALOG and not str(view.name).startswith(ADVISED)
        return row.kind not in ("relation", "schema")

    def _stands_beside(self, row: Row) -> bool:
        """Whether it is looked at for what our own text says; the rest of the world is no concern of ours."""
        if row.kind in ("language", "access method"):
            return True
        if row.kind == "cast":
            return all(self._is_ours(kind) for kind in (row.home, row.of))
        if row.kind.endswith("of family"):
            return row.of < FIRST_OF_OTHERS
        return row.kind not in ("schema", "aggregate", "view") and self._schema(row) in BEFORE_OURS

    def _is_ours(self, kind: int | None) -> bool:
        found = self._known.get(("type", kind or 0))
        return found is not None and self._schema(found) in (*BEFORE_OURS, "public")

    def _schema(self, row: Row) -> str | None:
        home = self._known.get(("schema", row.home or 0))
        return home.name if home else None

    def _called(self, row: Row) -> str:
        if row.kind == "cast":
            names = [found.name if (found := self._known.get(("type", kind or 0))) else "?" for kind in row[3:5]]
            return f"cast of {names[0]} as {names[1]} ({row.oid})"
        kind = {"aggregate": "function", "view": "relation"}.get(row.kind, "operator family")
        named = row if row.name is not None else self._known.get((kind, row.of))
        called = f"{self._schema(named) or PG_CATALOG}.{named.name}" if named else str(row.of)
        return f"{row.kind} {called} ({row.oid})"


def _is_of_making(transaction: int) -> bool:
    return transaction <= LAST_OF_MAKING and transaction != FROZEN


def brought_by_postgres(connection: Connection) -> dict[str, str]:
    """What was changed of what PostgreSQL brings, or put beside it; empty where nobody did."""
    return dict(Catalog(connection).altered())

"""The chains of seals, walked link by link: does each act, with its changes, still say what was sealed?

The digests are computed here from the fields themselves, not by the function of the database that sealed them: who
could change the rows could change that function as well. Only what PostgreSQL itself brings (a row as text, the length
of a text) is left to the server, which hands over a thousand acts as a thousand strings.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from cellbank.services.trail.trail_faults import Fault, SealedAct, explain

FETCHED = 1000
LINKS_AT_ONCE = 5000
START = bytes(32)

Progress = Callable[[str, int, int], None]


def _utc(moment: str) -> str:
    return f"""to_char({moment} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


# The canonical form: these fields in this order (migrations/database/trail.sql).
ACT_FIELDS = (
    "a.id::text", "a.site_id::text", "a.person_id::text", "a.name", "a.given::text", "a.record_code", "a.key",
    "a.given_digest", "a.door", "a.client", "a.version", _utc("a.at"), _utc("a.recorded_at"), "a.outcome",
    "a.refusals::text", "a.result::text",
)  # fmt: skip
# Then these two of an act that says when it happened; of any other nothing, as before acts could say so (0027).
TOLD_FIELDS = (_utc("a.happened_at"), "a.late_reason")
CHANGE_FIELDS = ("c.id::text", "c.record_kind", "c.record_id::text", "c.before::text", "c.after::text")


def _as_netstrings(fields: Iterable[str]) -> str:
    """Several fields as netstrings, in SQL: what `netstring` below does here."""
    return " || ".join(f"coalesce(octet_length({field}) || ':' || {field} || ',', '~,')" for field in fields)


# In psycopg's own form: every link passes here.
LINKS = f"""
    SELECT s.number, s.act_id, s.digest, made.number,
           convert_to({_as_netstrings(ACT_FIELDS)}
                      || CASE WHEN a.happened_at IS NULL THEN '' ELSE {_as_netstrings(TOLD_FIELDS)} END
                      || coalesce(made.content, ''), 'UTF8')
      FROM seal s LEFT JOIN act a ON a.id = s.act_id
      LEFT JOIN LATERAL (
        SELECT count(*) AS number, string_agg({_as_netstrings(CHANGE_FIELDS)}, '' ORDER BY c.id) AS content
          FROM change c WHERE c.act_id = s.act_id) AS made ON a.id IS NOT NULL
     WHERE s.site_id = %(site)s AND s.number > %(after)s ORDER BY s.number LIMIT {LINKS_AT_ONCE}
"""
# From one site to the next in the index, and not over every seal.
SITES = text(
    """WITH RECURSIVE sites AS (
         SELECT min(site_id) AS id FROM seal
         UNION ALL SELECT (SELECT min(site_id) FROM seal WHERE site_id > sites.id) FROM sites WHERE id IS NOT NULL
       ) SELECT id FROM sites WHERE id IS NOT NULL ORDER BY id"""
)
_WHOLE = "(CAST(:act AS bigint) IS NULL OR s.act_id = :act)"
ACTS = text(
    f"""SELECT s.site_id, s.number, s.act_id, s.digest, {", ".join(ACT_FIELDS + TOLD_FIELDS)}
          FROM seal s LEFT JOIN act a ON a.id = s.act_id WHERE {_WHOLE} ORDER BY s.site_id, s.number"""
)
CHANGES = text(
    f"""SELECT s.site_id, s.number, {", ".join(CHANGE_FIELDS)}
          FROM seal s JOIN change c ON c.act_id = s.act_id WHERE {_WHOLE} ORDER BY s.site_id, s.number, c.id"""
)


@dataclass(frozen=True)
class Head:
    """Where the chain of a site ends. Written down elsewhere, it proves later that nothing before it was changed."""

    site: int
    number: int
    digest: str

    def __str__(self) -> str:
        return f"{self.site}:{self.number}:{self.digest}"


class Chain:
    """Walks the chains of all sites, link by link, and stops at the first link that does not hold. With heads through
    which they are known to pass, it begins after these."""

    def __init__(self, connection: Connection, known: Iterable[Head] = ()) -> None:
        self._connection = connection
        self._heads = {head.site: (head.number, bytes.fromhex(head.digest)) for head in known}
        self.acts = 0
        self.changes = 0
        self.fault: Fault | None = None

    @property
    def heads(self) -> tuple[Head, ...]:
        """How far each chain was found sound."""
        return tuple(Head(site, number, digest.hex()) for site, (number, digest) in sorted(self._heads.items()))

    def walk(self, told: Progress | None = None) -> None:
        """Follow every chain to its end, or to the first link that does not hold; `fault` says why not."""
        total = self._connection.scalar(text("SELECT count(*) FROM seal")) if told else 0
        for site in self._connection.scalars(SITES).all():
            for links in self._links(site):
                if not self._all_follow(site, links):
                    return
                if told:
                    told("acts", self.acts, total)

    def _links(self, site: int) -> Iterator[list[Any]]:
        """The links of a site in their order, some thousands at a time: number, act, digest, changes, content.

        By number and not by a range of numbers, which somebody may have made endless; and from below the first."""
        driver: Any = self._connection.connection.driver_connection
        after = self._heads[site][0] if site in self._heads else -(2**62)
        with driver.cursor(binary=True) as cursor:
            while links := cursor.execute(LINKS, {"site": site, "after": after}).fetchall():
                yield links
                after = links[-1][0]

    def _all_follow(self, site: int, links: list[Any]) -> bool:
        """Whether these are the next links of the chain."""
        last, previous = self._heads.get(site, (0, START))
        sha256 = hashlib.sha256
        for number, act, digest, changes, content in links:
            if number != last + 1 or content is None or sha256(previous + sha256(content).digest()).digest() != digest:
                self._explain(act, last, previous)
                return False
            last, previous = number, digest
            self._heads[site] = (last, previous)
            self.acts += 1
            self.changes += changes
        return True

    def _explain(self, act: int, last: int, previous: bytes) -> None:
        with sealed_acts(self._connection, act) as acts:
            sealed = next(acts)
        self.fault = explain(self._connection, sealed, last, previous, content_of(sealed))


@contextmanager
def sealed_acts(connection: Connection, act: int | None = None) -> Iterator[Iterator[SealedAct]]:
    """Every act, or one, in the order of its seal, site after site, with its changes; little is held in memory."""
    options = {"stream_results": True, "yield_per": FETCHED}
    with (
        connection.execute(ACTS, {"act": act}, execution_options=options) as acts,
        connection.execute(CHANGES, {"act": act}, execution_options=options) as changes,
    ):
        yield _together(acts, changes)


def _together(acts: Iterable[Any], changes: Iterable[Any]) -> Iterator[SealedAct]:
    """Lay the two streams, which have one order, beside each other."""
    made_by = itertools.groupby(changes, key=lambda row: (row[0], row[1]))
    waiting = next(made_by, None)
    for row in acts:
        made: list[tuple[str | None, ...]] = []
        if waiting is not None and waiting[0] == (row[0], row[1]):
            made = [tuple(change[2:]) for change in waiting[1]]
            waiting = next(made_by, None)
        fields = None if row[4] is None else tuple(row[4:] if row[-2] is not None else row[4 : -len(TOLD_FIELDS)])
        yield SealedAct(row[0], row[1], row[2], bytes(row[3]), fields, made)


def content_of(sealed: SealedAct) -> bytes:
    """sha256 over every field of the act and of its changes, in their canonical form."""
    fields = itertools.chain(sealed.fields or (), *sealed.changes)
    return hashlib.sha256(b"".join(map(netstring, fields))).digest()


def netstring(field: str | None) -> bytes:
    """One field, marked off so that no two lists of fields look the same."""
    if field is None:
        return b"~,"
    data = field.encode()
    return b"%d:%s," % (len(data), data)

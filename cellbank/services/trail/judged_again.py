"""The acts of the trail judged again, by the database's own tables of who may do what (`roles_of`, `moves_of`,
`signed_moves_of`, `who_may`): what was done while a trigger was switched off, and is sealed like everything else.

Whole tables at once, and a function of the database once for each kind of act: a long trail has few of them.
"""

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, text

from cellbank.domain.lifecycle.states import PersonState
from cellbank.services.trail.trail_faults import Fault

# Two transactions that are under way together: what one of them changes of a person counts for the other one or not.
SLACK = datetime.timedelta(minutes=1)
EVER = datetime.datetime.max.replace(tzinfo=datetime.UTC)

# The first act of a trail tells of what was there before it.
_DONE = "a.outcome = 'accepted' AND a.id > (SELECT min(id) FROM act)"
_ACTS = text(
    f"""SELECT g.*, roles_of(g.name) AS allowed FROM (
          SELECT a.name, a.person_id, min(a.recorded_at) AS since, max(a.recorded_at) AS until
            FROM act a WHERE {_DONE} GROUP BY 1, 2) g"""
)
# A change that leaves the state alone does not tell it: some state in which the act writes such a record is enough.
_MOVES = text(
    f"""SELECT g.*, own ? move OR own ? '=' AND move IS NULL OR move IS NULL AND EXISTS (
                 SELECT FROM jsonb_array_elements_text(own) one WHERE split_part(one, '>', 1) = split_part(one, '>', 2))
               AS fits, who_may(kind, name) -> move AS allowed
          FROM (SELECT h.*, moves_of(kind, name) AS own FROM (
                  SELECT a.name, c.record_kind AS kind, the_move(c.before ->> 'state', c.after ->> 'state') AS move,
                         a.person_id, min(c.act_id) AS act, min(a.recorded_at) AS since, max(a.recorded_at) AS until
                    FROM act a JOIN change c ON c.act_id = a.id WHERE {_DONE} GROUP BY 1, 2, 3, 4) h) g"""
)
_NOT_DONE = text(
    """SELECT min(a.id) FROM act a WHERE a.outcome IS DISTINCT FROM 'accepted'
          AND EXISTS (SELECT FROM change c WHERE c.act_id = a.id)"""
)
_FIRST = text(
    f"""SELECT min(a.id) FROM act a WHERE {_DONE} AND a.name = :name AND a.person_id = :person
         AND a.recorded_at > :since AND a.recorded_at < :until
         AND (CAST(:kind AS text) IS NULL OR EXISTS (
                SELECT FROM change c WHERE c.act_id = a.id AND c.record_kind = :kind
                   AND the_move(c.before ->> 'state', c.after ->> 'state') = :move))"""
)
_PEOPLE = text(
    """SELECT c.record_id AS person, c.after -> 'roles' AS roles, c.after ->> 'state' AS state, a.recorded_at AS at
         FROM change c JOIN act a ON a.id = c.act_id
        WHERE c.record_kind = 'person' AND c.after ?| '{roles,state}' ORDER BY c.record_id, c.id"""
)
_UNSIGNED = text(
    f"""WITH signed AS (
          SELECT n.name, k.key AS kind, m.move, m.meaning FROM (SELECT DISTINCT name FROM act) n,
                 jsonb_each(signed_moves_of(n.name)) k, jsonb_each_text(k.value) m (move, meaning)
        )
        SELECT min(a.id) FROM act a WHERE {_DONE} AND a.name IN (SELECT name FROM signed)
           AND NOT EXISTS (SELECT FROM signature s WHERE s.act_id = a.id)
        UNION ALL
        SELECT min(c.act_id) FROM act a JOIN change c ON c.act_id = a.id
          JOIN signed g ON g.name = a.name AND g.kind = c.record_kind
               AND g.move = the_move(c.before ->> 'state', c.after ->> 'state')
         WHERE {_DONE} AND NOT EXISTS (
                 SELECT FROM signature s WHERE s.act_id = c.act_id AND s.meaning = g.meaning
                    AND (s.record_kind, s.record_id) = (c.record_kind, c.record_id))"""
)
_SIGNED = text(
    f"""SELECT name, meaning, kind, act FROM (
          SELECT a.name, s.meaning, s.record_kind AS kind, s.person_id = a.person_id AS own, min(a.id) AS act
            FROM signature s JOIN act a ON a.id = s.act_id WHERE {_DONE} GROUP BY 1, 2, 3, 4) g
         WHERE NOT own OR (signed_in(name, kind) ? meaning) IS NOT TRUE ORDER BY act LIMIT 1"""
)


@dataclass(frozen=True)
class Stay:
    """What somebody was, and from when until when."""

    roles: frozenset[str]
    since: datetime.datetime
    until: datetime.datetime


People = Mapping[int, Sequence[Stay]]


def find_misdone(connection: Connection) -> list[Fault]:
    """The first act of each kind of fault: refused and done all the same, of somebody who may not, on a record that is
    not its own, unsigned."""
    people = _stays(connection)
    found = [
        _refused_and_done(connection),
        _by_nobody_who_may(connection, people),
        _not_its_own(connection, people),
        *_unsigned(connection),
    ]
    return [one for one in found if one is not None]


def _stays(connection: Connection) -> People:
    """By person: the roles that they had, as the trail tells; none while they were not active."""
    told: dict[int, list[tuple[datetime.datetime, frozenset[str]]]] = {}
    roles: frozenset[str] = frozenset()
    state = ""
    for row in connection.execute(_PEOPLE):
        if row.person not in told:
            roles, state = frozenset(), ""
        roles = frozenset(row.roles) if row.roles is not None else roles
        state = row.state or state
        told.setdefault(row.person, []).append((row.at, roles if state == PersonState.ACTIVE else frozenset()))
    return {
        person: [Stay(was, at, end) for (at, was), (end, _) in pairwise([*came, (EVER, frozenset())])]
        for person, came in told.items()
    }


def _gaps(stays: Iterable[Stay], allowed: Iterable[str]) -> Iterator[tuple[datetime.datetime, datetime.datetime]]:
    """When somebody had none of these roles."""
    since = datetime.datetime.min.replace(tzinfo=datetime.UTC)
    for one in stays:
        if one.roles.isdisjoint(allowed):
            continue
        if one.since - SLACK > since:
            yield since, one.since - SLACK
        since = one.until if one.until == EVER else one.until + SLACK
    if since != EVER:
        yield since, EVER


def _when_not_allowed(connection: Connection, people: People, row: Any, **what: str) -> int | None:
    """The first act of this kind and person, at a time at which they had no role for it."""
    for since, until in _gaps(people.get(row.person_id, ()), row.allowed or ()):
        if row.until > since and row.since < until:
            given = {"name": row.name, "person": row.person_id, "since": since, "until": until}
            act = connection.scalar(_FIRST, given | {"kind": None, "move": None} | what)
            if act is not None:
                return int(act)
    return None


def _refused_and_done(connection: Connection) -> Fault | None:
    act = connection.scalar(_NOT_DONE)
    return None if act is None else Fault("act", act, act, "it was refused, and has changed something")


def _by_nobody_who_may(connection: Connection, people: People) -> Fault | None:
    acts = (_when_not_allowed(connection, people, row) for row in connection.execute(_ACTS).all())
    act = min((one for one in acts if one is not None), default=None)
    return None if act is None else Fault("act", act, act, "whoever did it had no role for it then")


def _not_its_own(connection: Connection, people: People) -> Fault | None:
    found: list[tuple[int, str]] = []
    for row in connection.execute(_MOVES).all():
        if not row.fits:
            found.append((row.act, f"an act {row.name} does not do this to a {row.kind}: {row.move or 'a change'}"))
        elif row.allowed is not None:
            act = _when_not_allowed(connection, people, row, kind=row.kind, move=row.move)
            found += [] if act is None else [(act, "whoever did it had no role for it then")]
    if not found:
        return None
    act, what = min(found)
    return Fault("act", act, act, what)


def _unsigned(connection: Connection) -> Iterator[Fault]:
    acts = [one for one in connection.scalars(_UNSIGNED) if one is not None]
    if acts:
        yield Fault("act", min(acts), min(acts), "what it decides bears no signature")
    row = connection.execute(_SIGNED).one_or_none()
    if row is not None:
        signed = f"signed as {row.meaning} on a {row.kind}"
        what = f"{signed}, by another person or with a meaning that is not its own"
        yield Fault("act", row.act, row.act, what)

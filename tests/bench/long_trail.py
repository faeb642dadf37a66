"""A trail of many acts: how fast it is verified, looked through, and told of one record."""

import datetime
import time
from collections.abc import Callable, Iterator

import psycopg

from cellbank.domain.identifiers import Kind
from cellbank.services.installation import Installation
from cellbank.services.trail import verification
from cellbank.services.trail.history import PAGE, history
from cellbank.services.trail.near_misses import near_misses
from cellbank.services.trail.trail_search import Query, search
from tests.bench.figures import Figure
from tests.bench.loading import Loader, Row

SETTLED = 20_000
CHANGES = 1_000
REASON = "All results are there and none speaks against it."
TRIES = 5


def fill(load: Loader, acts: int) -> None:
    """Donors, each registered and determined, with a signature: two acts and three changes each; and one donor that was
    changed a thousand times."""
    at = load.now - datetime.timedelta(days=300)
    step = datetime.timedelta(seconds=299 * 86_400 // acts)
    much = _register(load, at, "D-MUCH")
    for number in range(CHANGES):
        _determine(load, much, at + number * step, "INELIGIBLE" if number % 2 else "ELIGIBLE", f"{REASON} {number}")
    for number in range((acts - CHANGES - 1) // 2):
        moment = at + 2 * number * step
        donor = _register(load, moment, f"D-{number}")
        _determine(load, donor, moment + step, "ELIGIBLE", REASON)
        if number % SETTLED == 0:
            load.settle()


def _register(load: Loader, at: datetime.datetime, pseudonym: str) -> Row:
    code = load.code(Kind.DONOR)
    load.act("tina", "register_donor", code, at, {"pseudonym": pseudonym, "birth_year": 1990})
    return load.insert("donor", site_id=1, code=code, pseudonym=pseudonym, birth_year=1990, state="REGISTERED")


def _determine(load: Loader, donor: Row, at: datetime.datetime, state: str, reason: str) -> None:
    load.act("quinn", "determine_eligibility", donor["code"], at, {"donor": donor["code"], "reason": reason})
    load.update("donor", [donor], state=state, eligibility_reason=reason)
    load.insert(
        "signature",
        act_id=load.act_id,
        person_id=load.people["quinn"],
        full_name="Quinn Quality",
        meaning="approved",
        record_kind="donor",
        record_id=donor["id"],
        digest="0" * 64,
        signed_at=at,
    )


def measure(installation: Installation, owner_url: str) -> Iterator[Figure]:
    """Everything that is promised of a long trail."""
    start = time.perf_counter()
    verdict = verification.verify(installation)
    seconds = time.perf_counter() - start
    note = f"{verdict.acts:,} acts, {verdict.changes:,} changes, {verdict.records:,} records in {seconds:.0f} s"
    yield Figure("trail verify, long trail", verdict.acts / seconds, "acts/s", "at least", 20_000, note)
    yield Figure("trail verify, long trail: faults", int(not verdict.sound), "", "at most", 0, str(verdict.fault or ""))
    with psycopg.connect(owner_url) as connection:
        much, one = (row[0] for row in connection.execute("SELECT code FROM donor ORDER BY id LIMIT 2").fetchall())
    page = _milliseconds(lambda: history(installation, "donor", much, size=PAGE))
    yield Figure(f"history of a record with {CHANGES:,} changes: a page", page, "ms", "at most", 150)
    whole = _milliseconds(lambda: history(installation, "donor", much))
    yield Figure(f"history of a record with {CHANGES:,} changes: all", whole, "ms")
    long_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=295)
    for name, query in {
        "record": Query(record=one),
        "person who did little": Query(person="oksana"),
        "time long ago": Query(until=long_ago),
        "act that is rare": Query(act="add_person"),
        "refusals": Query(outcome="refused", reason="WRISTBAND_MISMATCH"),
    }.items():
        found = _milliseconds(lambda query=query: search(installation, query))
        yield Figure(f"trail filtered by {name}", found, "ms", "at most", 150)
    counted = _milliseconds(lambda: near_misses(installation, datetime.datetime.now(datetime.UTC).date()))
    yield Figure("near misses of a year", counted, "ms", "at most", 150)


def _milliseconds(read: Callable[[], object]) -> float:
    """The median of some tries, after one that warms up."""
    times = []
    for _ in range(TRIES + 1):
        start = time.perf_counter()
        read()
        times.append(1000 * (time.perf_counter() - start))
    return sorted(times[1:])[TRIES // 2]

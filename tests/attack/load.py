"""Clients that record as fast as they can and note what they are told; told nothing, they ask under their key. And what
of it the database holds in the end."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from cellbank.outside import embedded_postgres
from tests.attack.installation import Site, plain_url

CLIENTS = 4
PAUSE = 0.05
NOT_RECORDED, UNKNOWN = "not recorded", "unknown"
# Each deviation with what must stand behind it: its first change, of an act that is accepted and sealed.
WHOLE = """SELECT d.title, a.id, a.outcome = 'accepted' AND a.name = 'open_deviation' AND s.act_id IS NOT NULL
             FROM deviation d
             LEFT JOIN change c ON c.record_kind = 'deviation' AND c.record_id = d.id AND c.before IS NULL
             LEFT JOIN act a ON a.id = c.act_id LEFT JOIN seal s ON s.act_id = a.id
            WHERE d.title LIKE %(name)s || '-%%'"""
# The acts that did not end, and those accepted that have nothing to show.
ACTS = """SELECT a.key FROM act a LEFT JOIN change c ON c.act_id = a.id AND c.record_kind = 'deviation'
           WHERE a.name = 'open_deviation' AND a.key LIKE %(name)s || '-%%'
             AND (a.outcome IS NULL OR a.outcome = 'accepted' AND c.act_id IS NULL)"""


@dataclass
class Told:
    """What the clients sent, by its key, and what they were told of it."""

    sent: set[str] = field(default_factory=set)
    recorded: dict[str, int] = field(default_factory=dict)  # with the act
    not_recorded: set[str] = field(default_factory=set)
    sentences: set[str] = field(default_factory=set)  # why not
    asked_again: int = 0  # after no answer, or an unknown outcome


@dataclass(frozen=True)
class Harm:
    """What must be empty, each by key."""

    lost: set[str]  # acknowledged, and not there
    half: set[str]  # there without the act that made it, or the other way round
    double: set[str]
    denied: set[str]  # "nothing was recorded", and it was
    unsent: set[str]

    def __bool__(self) -> bool:
        return any(vars(self).values())


@contextmanager
def clients_at_work(site: Site, name: str) -> Iterator[Told]:
    """Several clients that open deviations, until the end of the block and until each knows what became of its last."""
    told, over = Told(), threading.Event()

    def work(client: int) -> None:
        number = 0
        while not over.is_set():
            _record(site, told, f"{name}-{client}-{number}", random.Random(number))
            number += 1

    threads = [threading.Thread(target=work, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield told
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _record(site: Site, told: Told, key: str, dice: random.Random) -> None:
    """Send it until it is known whether it stands."""
    given = {"title": key, "description": "Under load.", "classification": dice.choice(("minor", "major", "critical"))}
    told.sent.add(key)
    first = True
    while True:
        answer = site.request("POST", "/api/acts/open_deviation", given, key)
        status, said = answer if answer is not None else (0, {})
        if status == 200:
            told.recorded[key] = said["act"]
            return
        assert status in (0, 503), (status, said)  # neither an error of the program nor a refusal
        told.sentences |= {said["detail"]} if said else set()
        if first and said.get("outcome") == NOT_RECORDED:
            told.not_recorded.add(key)
            time.sleep(PAUSE)
            return
        told.asked_again += first
        first = False
        if said.get("outcome") == UNKNOWN:
            _look_up(site, told, key)
            return
        time.sleep(PAUSE)


def _look_up(site: Site, told: Told, key: str) -> None:
    """Ask what has become of it until somebody knows."""
    while True:
        answer = site.request("GET", f"/api/outcomes/{key}")
        if answer is not None and answer[0] == 200:
            told.recorded[key] = answer[1]["act"]
            return
        if answer is not None and answer[0] == 404:
            told.not_recorded.add(key)
            return
        time.sleep(PAUSE)


def harm_done(site: Site, name: str, told: Told) -> Harm:
    """Compare what was told with what the database of the site holds of the clients of this name."""
    with (
        embedded_postgres.start(site.folder) as server,
        psycopg.connect(plain_url(server.owner_url)) as connection,
    ):
        rows = connection.execute(WHOLE, {"name": name}).fetchall()
        unfinished = {key for (key,) in connection.execute(ACTS, {"name": name})}
    found = {title: act for title, act, whole in rows if whole}
    titles = [title for title, _, _ in rows]
    return Harm(
        lost={key for key, act in told.recorded.items() if found.get(key) != act},
        half={title for title, _, whole in rows if not whole} | unfinished,
        double={title for title in titles if titles.count(title) > 1},
        denied=told.not_recorded & set(titles),
        unsent=set(titles) - told.sent,
    )

"""A sender of messages that is killed again and again loses none, and says of each that it sends twice that it may.

The messages wait in the outbox and go to a real mail server; each sender is a process of its own, killed by SIGKILL
when some have arrived. In the end every message has arrived, and no more than one for each kill a second time: under
the same Message-ID and with the words for it.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, create_engine, text

from cellbank.domain.messages import Template
from tests.attack.size import sized
from tests.conftest import Furnished
from tests.factories.by_hand import open_act
from tests.factories.mail import Mailbox, mail_server
from tests.factories.world import World
from tests.waiting import wait_until

pytestmark = pytest.mark.races

MESSAGES, KILLS = sized(60, 10_000), sized(2, 20)
COPIES = """INSERT INTO outbox (act_id, person_id, channel, address, template, values, message_id)
    SELECT acting(), :person, 'email', 'n' || n || '@bank.example', :template,
           CAST(:values AS jsonb), n || '.killed@bank.example' FROM generate_series(1, :count) n"""
TO_ANYBODY = "ALTER TABLE outbox {} TRIGGER message_goes_to_its_person"
CLOSED = "UPDATE act SET outcome = 'accepted' WHERE id = acting()"
# The leases of those who were killed are over, as they would be after three minutes.
LEASES_END = "UPDATE outbox SET leased_until = now() - interval '1 s' WHERE leased_until IS NOT NULL"
WAIT_STILL = "SELECT count(*) FROM outbox WHERE sent_at IS NULL"
MAY_HAVE_ARRIVED = "may have reached you before"


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


def test_every_message_arrives(world: World, furnished: Furnished, box: Mailbox, tried: Callable[..., None]) -> None:
    owner, dice, began, kills = create_engine(furnished.urls("test")[0]), random.Random(20), time.monotonic(), 0
    queue(world, owner)
    for _ in range(KILLS):
        with sending(world, furnished, box) as sender:
            hit = len(box.arrived) + dice.randint(1, 2 * MESSAGES // (3 * KILLS))
            wait_until(lambda hit=hit: len(box.arrived) >= hit, seconds=300)
            sender.send_signal(signal.SIGKILL)
            kills += sender.wait() == -signal.SIGKILL
    with owner.begin() as connection:
        connection.execute(text(LEASES_END))
    with sending(world, furnished, box) as sender:
        assert sender.wait(3600) == 0
    with owner.connect() as connection:
        waiting = connection.scalar(text(WAIT_STILL))
    owner.dispose()
    ids = Counter((address, letter["Message-ID"]) for address, letter in box.arrived)
    lost = MESSAGES - len(ids)
    untold = [again for address, _ in (ids - Counter(set(ids))) for again in box.of(address)[1:] if not says_so(again)]
    double, took = ids.total() - len(ids), time.monotonic() - began
    note = f"messages: {MESSAGES}, {kills} kills: {lost} lost, {double} twice, each said so; {took:.0f} s"
    tried(MESSAGES, lost + len(untold), note)
    assert (lost, waiting, untold) == (0, 0, []) and double <= kills == KILLS
    assert len({address for address, _ in ids}) == MESSAGES


def says_so(letter: object) -> bool:
    return MAY_HAVE_ARRIVED in letter.get_content()  # type: ignore[attr-defined]


def queue(world: World, owner: Engine) -> None:
    """Let messages wait as the acts that tell of them write them; all of one act, which is quicker. Each has an address
    of its own, by which they are told apart: none is that of its person."""
    said = {"account": "otto", "person": "Otto Auditor", "at": world.now.isoformat()}
    given = {"person": world.people["otto"].id, "template": Template.PASSWORD_CHANGED.value, "count": MESSAGES}
    with owner.begin() as connection:
        connection.execute(text(TO_ANYBODY.format("DISABLE")))
    with world.installation.engine.begin() as connection:
        open_act(connection, "change_password", person=given["person"])
        connection.execute(text(COPIES), {**given, "values": json.dumps(said)})
        connection.execute(text(CLOSED))
    with owner.begin() as connection:
        connection.execute(text(TO_ANYBODY.format("ENABLE")))


@contextmanager
def sending(world: World, furnished: Furnished, box: Mailbox) -> Iterator[subprocess.Popen[bytes]]:
    """A sender at work, which goes on until nothing waits."""
    environ = {
        "CELLBANK_DATA": str(world.installation.config.data),
        "CELLBANK_DATABASE_URL": furnished.urls("test")[1],
        "CELLBANK_SMTP_URL": f"smtp://127.0.0.1:{box.port}",
        "CELLBANK_MAIL_FROM": "cellbank@bank.example",
    }
    command = [sys.executable, "-m", "cellbank.cli", "outbox", "send"]
    process = subprocess.Popen(command, env={**os.environ, **environ}, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()

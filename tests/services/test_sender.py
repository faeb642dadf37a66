"""The sender: at least once, one at a time, whatever is killed, away, slow or refused."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from cellbank.outside import mail
from cellbank.services.acts import run_act
from cellbank.services.installation import Installation
from cellbank.services.outbox import sender
from cellbank.services.outbox.sender import send_due
from cellbank.services.outbox.standing import standing_of_messages
from cellbank.services.people.actors import SYSTEM
from tests.conftest import Furnished
from tests.factories.mail import Mailbox, certificate, mail_server, mailing
from tests.factories.world import PASSWORD, World
from tests.ports import free_port


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


@pytest.fixture
def installation(world: World, box: Mailbox) -> Installation:
    return mailing(world.installation, box.port)


@pytest.fixture
def owner(world: World, furnished: Furnished) -> Iterator[Any]:
    """A function that executes a statement as the owner: who moves the times of the database."""
    engine = create_engine(furnished.urls("test")[0])

    def run(statement: str) -> None:
        with engine.begin() as connection:
            connection.execute(text(statement))

    yield run
    engine.dispose()


def written_to(world: World, installation: Installation) -> str:
    """A message that waits: to a new account without power. Its address."""
    name = world.unique("s").replace("-", ".")
    given = {"name": name, "full_name": f"Person {name}", "roles": ["auditor"], "new_password": PASSWORD}
    address = f"{name}@bank.example"
    World.accepted(run_act(installation, "add_person", {**given, "email": address}, SYSTEM, door="test", now=world.now))
    return address


def message(world: World, address: str) -> Any:
    with world.installation.reads.connect() as connection:
        row = text("SELECT * FROM outbox WHERE address = :address")
        return connection.execute(row, {"address": address}).one()


def attempts(world: World, address: str) -> list[str]:
    with world.installation.reads.connect() as connection:
        rows = text(
            "SELECT a.outcome FROM outbox_attempt a JOIN outbox o ON o.id = a.outbox_id "
            "WHERE o.address = :address ORDER BY a.id"
        )
        return list(connection.scalars(rows, {"address": address}))


def at_once(owner: Any) -> None:
    """Whatever waits is due, and every lease is over."""
    owner(
        "UPDATE outbox SET due_at = now() - interval '1 s', leased_until = now() - interval '1 s' "
        "WHERE sent_at IS NULL AND given_up_at IS NULL"
    )


# ---- what goes wrong


def test_one_that_is_refused_does_not_hold_up_the_others(
    world: World, installation: Installation, box: Mailbox, owner: Any
) -> None:
    nobody, later, taken = (written_to(world, installation) for _ in range(3))
    box.answers |= {nobody: "550 no such user", later: "451 come again"}
    done = send_due(installation)
    assert (done.sent, done.failed, done.given_up) == (1, 2, 1)
    assert message(world, nobody).given_up_at and not box.of(nobody)
    assert message(world, later).due_at > message(world, later).made_at
    told = standing_of_messages(installation).given_up[0]
    assert told.address == nobody and told.detail == "550 no such user"
    assert send_due(installation).sent == 0  # it waits
    del box.answers[later]
    at_once(owner)
    assert send_due(installation).sent == 1 and len(box.of(later)) == len(box.of(taken)) == 1
    assert attempts(world, later) == ["begun", "failed", "begun", "sent"]
    assert "may have reached you before" not in box.of(later)[0].get_content()


def test_while_the_server_is_away_messages_wait_and_at_last_are_given_up(
    world: World, installation: Installation, box: Mailbox, owner: Any
) -> None:
    first, second = written_to(world, installation), written_to(world, installation)
    away = mailing(world.installation, free_port())
    done = send_due(away)
    assert (done.sent, done.failed, done.server) == (0, 1, True)
    assert attempts(world, first) == ["begun", "failed"] and attempts(world, second) == []
    at_once(owner)
    assert send_due(installation).sent == 2 and len(box.of(first)) == len(box.of(second)) == 1
    third = written_to(world, installation)
    send_due(mailing(world.installation, free_port(), mail_hours=0))
    assert message(world, third).given_up_at and standing_of_messages(installation).given_up[0].address == third
    at_once(owner)
    assert send_due(installation).sent == 0


@pytest.mark.parametrize("how", ["breaks", "dawdles"])
def test_a_server_that_does_not_answer_over_a_message_leaves_a_doubt_which_it_says(
    world: World, installation: Installation, box: Mailbox, owner: Any, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = written_to(world, installation)
    if how == "breaks":
        box.drops.add(address)
    else:
        box.held[address] = threading.Event()
        monkeypatch.setattr(mail, "SECONDS", 0.5)
    assert send_due(installation).server
    box.held.pop(address, threading.Event()).set()
    assert attempts(world, address) == ["begun", "unclear"]
    at_once(owner)
    assert send_due(installation).sent == 1
    once, again = box.of(address)
    assert once["Message-ID"] == again["Message-ID"]
    assert "may have reached you before" in again.get_content() and "before" not in once.get_content()


def test_a_sender_that_is_killed_over_a_message_loses_none(
    world: World, installation: Installation, box: Mailbox, owner: Any, furnished: Furnished
) -> None:
    hit, untouched = written_to(world, installation), written_to(world, installation)
    box.held[hit], box.began = threading.Event(), threading.Event()
    environ = {
        "CELLBANK_DATA": str(world.installation.config.data),
        "CELLBANK_DATABASE_URL": furnished.urls("test")[1],
        "CELLBANK_SMTP_URL": f"smtp://127.0.0.1:{box.port}",
        "CELLBANK_MAIL_FROM": "cellbank@bank.example",
    }
    command = [sys.executable, "-m", "cellbank.cli", "outbox", "send"]
    process = subprocess.Popen(command, env={**os.environ, **environ}, stderr=subprocess.PIPE)
    assert box.began.wait(60), process.communicate()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    box.held[hit].set()
    assert attempts(world, hit) == ["begun"] and message(world, hit).leased_until
    assert send_due(installation).sent == 1 and len(box.of(untouched)) == 1  # it waits for nobody's lease
    at_once(owner)
    assert send_due(installation).sent == 1
    once, again = box.of(hit)
    assert once["Message-ID"] == again["Message-ID"] and "may have reached you before" in again.get_content()


# ---- two at once


def test_two_senders_at_once_send_once(
    world: World, installation: Installation, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, other = written_to(world, installation), written_to(world, installation)
    box.held[address], box.began = threading.Event(), threading.Event()
    first = threading.Thread(target=send_due, args=(installation,))
    first.start()
    assert box.began.wait(30)
    assert send_due(installation).sent == 0  # somebody is at work
    monkeypatch.setattr(sender, "SENDS_MESSAGES", 7999)  # and if the lock were not: the lease
    assert send_due(installation).sent == 1 and len(box.of(other)) == 1
    box.held[address].set()
    first.join()
    assert len(box.of(address)) == 1 and attempts(world, address) == ["begun", "sent"]


# ---- the way there


@pytest.mark.parametrize(("encryption", "closed"), [("whole", True), ("starttls", False)])
def test_nothing_goes_to_a_server_that_cannot_prove_itself(
    world: World,
    installation: Installation,
    owner: Any,
    tmp_path: Path,
    encryption: str,
    closed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = written_to(world, installation)
    context, trusted = certificate(tmp_path)
    with mail_server(closed_with=context if closed else None) as there:
        done = send_due(mailing(world.installation, there.port, encryption))
        assert (done.sent, done.failed, done.server) == (0, 1, True) and not there.arrived
        if closed:
            monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
            at_once(owner)
            assert send_due(mailing(world.installation, there.port, encryption)).sent == 1 and there.of(address)
    at_once(owner)
    send_due(installation)


# ---- and in the database


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE outbox SET sent_at = NULL WHERE id = :id", "a_message_that_was_sent_stays"),
        ("UPDATE outbox SET due_at = now() WHERE id = :id", "a_message_that_was_sent_stays"),
        ("UPDATE outbox SET address = 'ada@evil.example' WHERE id = :waits", "a_message_stays_as_it_was_written"),
        ("UPDATE outbox_attempt SET outcome = 'failed' WHERE outbox_id = :id", None),
        ("DELETE FROM outbox WHERE id = :id", None),
        (
            "INSERT INTO outbox (act_id, person_id, channel, address, template, values, message_id) "
            "SELECT act_id, person_id, channel, address, template, values, 'x' FROM outbox WHERE id = :id",
            "a_change_needs_an_open_act",
        ),
    ],
)  # fmt: skip
def test_a_message_stays_as_it_was(world: World, installation: Installation, statement: str, rule: str | None) -> None:
    gone = message(world, written_to(world, installation)).id
    send_due(installation)
    waits = message(world, written_to(world, installation)).id
    with pytest.raises(Exception) as refused, world.installation.engine.begin() as connection:
        connection.execute(text(statement), {"id": gone, "waits": waits})
    if rule:
        assert isinstance(refused.value, IntegrityError)
        assert refused.value.orig.diag.constraint_name == rule  # type: ignore[union-attr]
    else:
        assert "permission denied" in str(refused.value)
    send_due(installation)

"""The sender: takes one message after the other out of the outbox and hands it to the mail server.

At least once: a message is leased, its attempt is noted as begun, it is sent, and what came of it is noted; each of
these is committed before the next. Killed in between, it is sent again when the lease is over, under the same
Message-ID, and says that it may have arrived before. One sender at a time over all nodes, by a lock of the database.
All its times are those of the database, so that no clock of a node decides.
"""

import datetime
import logging
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from cellbank.domain.messages import Template, in_words, pause_after
from cellbank.domain.wall import text_on_the_wall
from cellbank.outside.mail import NotDelivered, Post, compose
from cellbank.records.alone import SENDS_MESSAGES, alone
from cellbank.services.installation import Installation
from cellbank.services.site_words import site_words

LOG = logging.getLogger("cellbank.outbox")
LONGEST_WAIT = datetime.timedelta(minutes=5)
LEASE = datetime.timedelta(minutes=3)  # longer than a mail server may take over one message


@dataclass
class Round:
    """What came of one round. `server`: the mail server itself did not do its part; whoever goes on waits a little."""

    sent: int = 0
    failed: int = 0
    given_up: int = 0
    server: bool = False


def send_due(installation: Installation, go_on: Callable[[], bool] = lambda: True) -> Round:
    """Send what is due, for as long as there is something and `go_on` says so. Nothing where messages are not set up,
    or where another sender is at work."""
    done, server = Round(), installation.config.smtp_url
    if server is None:
        return done
    with alone(installation.engine, SENDS_MESSAGES) as connection, closing(Post(server)) as post:
        while connection is not None and not done.server and go_on():
            message = _leased(connection)
            if message is None:
                break
            _attempt(installation, connection, post, message, done)
    return done


def keep_sending(installation: Installation, seconds: int, over: threading.Event) -> None:
    """Look for messages again and again until `over`; less often while the mail server does not answer."""
    in_vain, wait = 0, 0.0
    while not over.wait(wait):
        in_vain = in_vain + 1 if _round(installation, over).server else 0
        wait = max(seconds, min(pause_after(in_vain), LONGEST_WAIT).total_seconds()) if in_vain else seconds


def _round(installation: Installation, over: threading.Event) -> Round:
    """One round; a database that is away makes one in vain, and the next one begins anew."""
    try:
        return send_due(installation, lambda: not over.is_set())
    except DBAPIError as error:
        LOG.warning("messages wait for the database: %s", " ".join(str(error.orig).split()))
        return Round(server=True)


_LEASE = text(
    """UPDATE outbox o SET leased_until = clock_timestamp() + :lease FROM person p JOIN site s ON s.id = p.site_id
        WHERE o.id = (SELECT id FROM outbox
                       WHERE sent_at IS NULL AND given_up_at IS NULL AND due_at <= clock_timestamp()
                         AND coalesce(leased_until <= clock_timestamp(), true)
                       ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
          AND p.id = o.person_id
       RETURNING o.id, o.address, o.template, o.values, o.message_id, o.made_at, s.timezone,
                 (SELECT count(*) FROM outbox_attempt a WHERE a.outbox_id = o.id AND a.outcome = 'begun') AS attempts,
                 (SELECT count(*) FROM outbox_attempt a WHERE a.outbox_id = o.id AND a.outcome = 'failed') AS failed"""
)
_NOTE = text("INSERT INTO outbox_attempt (outbox_id, outcome, detail) VALUES (:id, :outcome, :detail)")
_SENT = text(
    """UPDATE outbox SET sent_at = clock_timestamp(), leased_until = NULL
        WHERE id = :id AND sent_at IS NULL AND given_up_at IS NULL"""
)
_AGAIN = text(
    """UPDATE outbox SET due_at = clock_timestamp() + :pause, leased_until = NULL,
                         given_up_at = CASE WHEN :for_good OR made_at < clock_timestamp() - CAST(:longest AS interval)
                                            THEN clock_timestamp() END
        WHERE id = :id AND sent_at IS NULL AND given_up_at IS NULL RETURNING given_up_at IS NOT NULL"""
)


def _leased(connection: Connection) -> Any:
    """The message that is due first, for this sender alone, its attempt noted as begun; None: there is none."""
    with connection.begin():
        message = connection.execute(_LEASE, {"lease": LEASE}).one_or_none()
        if message is not None:
            connection.execute(_NOTE, {"id": message.id, "outcome": "begun", "detail": None})
    return message


def _attempt(installation: Installation, connection: Connection, post: Post, message: Any, done: Round) -> None:
    """Send it and note what came of it."""
    try:
        answer = _send(installation, post, message)
    except NotDelivered as problem:
        done.failed += 1
        done.server = problem.server
        done.given_up += _note_failure(installation, connection, message, problem)
    else:
        with connection.begin():
            connection.execute(_NOTE, {"id": message.id, "outcome": "sent", "detail": answer})
            connection.execute(_SENT, {"id": message.id})
        done.sent += 1


def _send(installation: Installation, post: Post, message: Any) -> str:
    sender = installation.config.mail_from
    try:
        letter = in_words(
            Template(message.template),
            message.values,
            say=site_words(installation.config.language),
            time=partial(text_on_the_wall, zone=ZoneInfo(message.timezone)),
            link=installation.config.public_url,
            twice=message.attempts > message.failed,  # of one that was begun and did not fail, nobody knows
        )
        words = (letter.subject, letter.body)
        composed = compose(sender, message.address, message.message_id, *words, at=message.made_at)
    except (KeyError, ValueError) as error:  # of another version: the others go on
        raise NotDelivered("failed", f"cannot be put into words: {error!r}") from error
    return post.deliver(sender, message.address, composed)


def _note_failure(installation: Installation, connection: Connection, message: Any, problem: NotDelivered) -> bool:
    """It is tried again later, or given up; returns whether it is given up."""
    with connection.begin():
        connection.execute(_NOTE, {"id": message.id, "outcome": problem.outcome, "detail": problem.detail})
        given = {
            "id": message.id,
            "pause": pause_after(message.attempts + 1),
            "for_good": problem.outcome == "refused",
            "longest": datetime.timedelta(hours=installation.config.mail_hours),
        }
        given_up = bool(connection.scalar(_AGAIN, given))
    became = "is given up" if given_up else "waits for another attempt"
    LOG.warning("message %s (%s) %s: %s, %s", message.id, message.template, became, problem.outcome, problem.detail)
    return given_up

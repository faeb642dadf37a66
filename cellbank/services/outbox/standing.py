"""How it stands with messages, for the administrator's home page: whether they are set up, and whom none reached."""

import datetime
from dataclasses import dataclass

from sqlalchemy import text

from cellbank.services.installation import Installation

GIVEN_UP_FOR, MOST = datetime.timedelta(days=14), 5
LATE = datetime.timedelta(minutes=15)  # after which waiting is no matter of course


@dataclass(frozen=True)
class GivenUp:
    """A message that reached nobody."""

    person: str
    address: str
    at: datetime.datetime
    detail: str


@dataclass(frozen=True)
class MessageStanding:
    """`late`: messages that have waited for more than a quarter of an hour, `detail` what the mail server said last."""

    set_up: bool
    without_address: int
    late: int
    detail: str
    given_up: tuple[GivenUp, ...]


_COUNTS = text(
    """SELECT (SELECT count(*) FROM person WHERE state = 'ACTIVE' AND email IS NULL AND id <> 1) AS without_address,
              (SELECT count(*) FROM outbox WHERE sent_at IS NULL AND given_up_at IS NULL
                  AND made_at < clock_timestamp() - CAST(:late AS interval)) AS late,
              coalesce((SELECT a.detail FROM outbox_attempt a JOIN outbox o ON o.id = a.outbox_id
                         WHERE o.sent_at IS NULL AND o.given_up_at IS NULL AND a.detail IS NOT NULL
                         ORDER BY a.id DESC LIMIT 1), '') AS detail"""
)
_GIVEN_UP = text(
    f"""SELECT p.full_name AS person, o.address, o.given_up_at AS at,
               coalesce((SELECT a.detail FROM outbox_attempt a WHERE a.outbox_id = o.id AND a.detail IS NOT NULL
                          ORDER BY a.id DESC LIMIT 1), '') AS detail
          FROM outbox o JOIN person p ON p.id = o.person_id
         WHERE o.given_up_at > clock_timestamp() - CAST(:since AS interval)
           AND p.state = 'ACTIVE' ORDER BY o.given_up_at DESC LIMIT {MOST}"""
)


def standing_of_messages(installation: Installation) -> MessageStanding:
    """Read only."""
    with installation.reads.connect() as connection:
        counts = connection.execute(_COUNTS, {"late": LATE}).one()
        given_up = connection.execute(_GIVEN_UP, {"since": GIVEN_UP_FOR})
        found = tuple(GivenUp(*row) for row in given_up)
    return MessageStanding(
        installation.config.smtp_url is not None, counts.without_address, counts.late, counts.detail, found
    )

"""Checks that nobody asks for: what came since the last signed heads each time they are signed, the whole trail once a
day. What they find is kept, told in the log as an error, and stands on the home pages of those who answer for it."""

import datetime
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from cellbank.records.alone import CHECKS_THE_TRAIL, alone
from cellbank.services.bank import Bank, server_time
from cellbank.services.trail.heads import Signing, place_of, sign_heads
from cellbank.services.trail.verification import verify

LONGEST_UNSIGNED = datetime.timedelta(hours=2)  # a line comes every hour, changed or not
LOG = logging.getLogger("cellbank.trail")

_DUE = text(
    """SELECT NOT EXISTS (SELECT FROM trail_check
                          WHERE whole AND began_at > clock_timestamp() - make_interval(hours => :hours))"""
)
_KEEP = text(
    "INSERT INTO trail_check (began_at, whole, acts, found) VALUES (:began, :whole, :acts, CAST(:found AS text[]))"
)
_LAST_FOUND = text("SELECT found FROM trail_check ORDER BY id DESC LIMIT 1")
_STANDING = text(
    """SELECT whole.ended_at AS checked_at, coalesce(whole.found, '{}') AS found_whole,
              coalesce(later.found, '{}') AS found_later,
              (SELECT max(signed_at) FROM head_file WHERE place = :place AND ended_because IS NULL) AS signed_at,
              (SELECT min(recorded_at) FROM act) AS began_at, clock_timestamp() AS now,
              (SELECT why FROM played_time ORDER BY id LIMIT 1) AS played
         FROM (SELECT max(id) AS id FROM trail_check WHERE whole) AS newest
         LEFT JOIN trail_check whole ON whole.id = newest.id
         LEFT JOIN LATERAL (SELECT found FROM trail_check p WHERE NOT p.whole AND p.id > coalesce(newest.id, 0)
                             ORDER BY p.id DESC LIMIT 1) AS later ON true"""
)


def sign(bank: Bank, *, new_file_because: str | None = None) -> Signing:
    """Sign the heads of the chains; what is in the way is kept, once as long as it stays the same, and told."""
    began = server_time()
    signing = sign_heads(bank, new_file_because=new_file_because)
    found = [] if signing.fault is None else [str(signing.fault)]
    _tell(found)
    with bank.engine.begin() as connection:
        if found and connection.scalar(_LAST_FOUND) != found:
            kept = {"began": began, "whole": False, "acts": signing.acts, "found": found}
            connection.execute(_KEEP, kept)
    return signing


def check_whole(bank: Bank, *, even_if_not_due: bool = False) -> Sequence[str] | None:
    """Verify the whole trail if it is due, keep and tell what is wrong; None where it is not, or is under way."""
    with alone(bank.reads, CHECKS_THE_TRAIL) as connection:
        if connection is None:
            return None
        due = even_if_not_due or connection.scalar(_DUE, {"hours": bank.config.check_hours})
        connection.commit()  # nothing stands open for as long as it takes
        return _check(bank) if due else None


def _check(bank: Bank) -> Sequence[str]:
    began = server_time()
    verdict = verify(bank)
    found = [*map(str, verdict.faults), *map(str, verdict.schema)]
    _tell(found)
    with bank.engine.begin() as connection:
        connection.execute(_KEEP, {"began": began, "whole": True, "acts": verdict.acts, "found": found})
    return found


def _tell(found: Sequence[str]) -> None:
    for one in found:
        LOG.error("the trail is not sound: %s", one)


@dataclass(frozen=True)
class TrailStanding:
    """What is known of the trail: when it was checked whole, what is wrong, when its heads were signed last."""

    checked_at: datetime.datetime | None
    found: tuple[str, ...]
    signed_at: datetime.datetime | None
    check_is_late: bool
    heads_are_late: bool
    played: str | None  # a story is played here, and why: acts may be of any time

    @property
    def is_alarm(self) -> bool:
        """Whether somebody must look at it now."""
        return bool(self.found or self.check_is_late or self.heads_are_late)


def standing_of_trail(bank: Bank) -> TrailStanding:
    """How the trail stands, for a page. What was found stays until a check of the whole finds nothing."""
    with bank.reads.connect() as connection:
        row = connection.execute(_STANDING, {"place": place_of(bank.config.head_file)}).one()
    hours, seconds = bank.config.check_hours, bank.config.heads_seconds
    late = 2 * datetime.timedelta(hours=hours)
    since = row.checked_at or row.began_at or row.now
    return TrailStanding(
        row.checked_at, (*row.found_whole, *(one for one in row.found_later if one not in row.found_whole)),
        row.signed_at, bool(hours) and row.now - since > late,
        bool(seconds) and row.signed_at is not None and row.now - row.signed_at > LONGEST_UNSIGNED, row.played,
    )  # fmt: skip

"""Checks that nobody asks for: what came since the last signed heads each time they are signed, the whole trail once a
day. What they find is kept, told in the log as an error, and stands on the home pages of those who answer for it."""

import datetime
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from cellbank.outside.head_file import trail_key
from cellbank.records.alone import CHECKS_THE_TRAIL, alone
from cellbank.services.installation import Installation, server_time
from cellbank.services.trail.heads import Signing, newest_note, sign_heads
from cellbank.services.trail.notes import Notes, add_note, newest, own_notes
from cellbank.services.trail.verification import verify

LONGEST_UNSIGNED = datetime.timedelta(hours=2)  # a line comes every hour, changed or not
LOG = logging.getLogger("cellbank.trail")

CHECK = "trail_check"
_WHOLE = newest(CHECK, "whole", "began_at DESC, id")
_ANY = newest(CHECK, "true", "began_at DESC, id DESC")
_LATER = newest(CHECK, "NOT whole AND began_at > :since", "began_at DESC, id")
_NOW = text(
    """SELECT clock_timestamp() AS now, (SELECT min(recorded_at) FROM act) AS began_at,
              (SELECT why FROM played_time ORDER BY id LIMIT 1) AS played"""
)
EVER = datetime.datetime(1, 1, 2, tzinfo=datetime.UTC)


def sign(installation: Installation, *, new_file_because: str | None = None) -> Signing:
    """Sign the heads of the chains; what is in the way is kept, once as long as it stays the same, and told."""
    began = server_time()
    signing = sign_heads(installation, new_file_because=new_file_because)
    found = [] if signing.fault is None else [str(signing.fault)]
    _tell(found)
    if found:
        with installation.engine.begin() as connection:
            last = own_notes(connection, installation.config.data).first(CHECK, _ANY)
            if last is None or last.found != found:
                keep(installation, connection, began, found, whole=False, acts=signing.acts)
    return signing


def keep(
    installation: Installation,
    connection: Connection,
    began: datetime.datetime,
    found: Sequence[str],
    *,
    whole: bool,
    acts: int,
) -> None:
    """Note what a check found, signed."""
    said = {"began_at": began, "whole": whole, "acts": acts, "found": list(found)}
    add_note(connection, trail_key(installation.config.data), CHECK, **said)


def check_whole(installation: Installation, *, even_if_not_due: bool = False) -> Sequence[str] | None:
    """Verify the whole trail if it is due, keep and tell what is wrong; None where it is not, or is under way."""
    with alone(installation.reads, CHECKS_THE_TRAIL) as connection:
        if connection is None:
            return None
        due = even_if_not_due or _is_due(
            own_notes(connection, installation.config.data), installation.config.check_hours
        )
        connection.commit()  # nothing stands open for as long as it takes
        return _check(installation) if due else None


def _is_due(notes: Notes, hours: int) -> bool:
    last = notes.first(CHECK, _WHOLE)
    now = notes.connection.execute(_NOW).one().now
    return last is None or bool(now - last.began_at >= datetime.timedelta(hours=hours))


def _check(installation: Installation) -> Sequence[str]:
    began = server_time()
    verdict = verify(installation)
    found = [*map(str, verdict.faults), *map(str, verdict.schema)]
    _tell(found)
    with installation.engine.begin() as connection:
        keep(installation, connection, began, found, whole=True, acts=verdict.acts)
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


def standing_of_trail(installation: Installation) -> TrailStanding:
    """How the trail stands, for a page. What was found stays until a check of the whole finds nothing."""
    with installation.reads.connect() as connection:
        notes = own_notes(connection, installation.config.data)
        row = connection.execute(_NOW).one()
        whole = notes.first(CHECK, _WHOLE)
        checked_at = whole.began_at if whole else None
        later = notes.first(CHECK, _LATER, since=checked_at or EVER)
        signed = newest_note(notes, installation.config.head_file)
    hours, seconds = installation.config.check_hours, installation.config.heads_seconds
    late = 2 * datetime.timedelta(hours=hours)
    since = checked_at or row.began_at or row.now
    signed_at = signed.signed_at if signed else None
    return TrailStanding(
        checked_at,
        tuple(dict.fromkeys(one for note in (whole, later) if note for one in note.found)),
        signed_at,
        bool(hours) and row.now - since > late,
        bool(seconds) and signed_at is not None and row.now - signed_at > LONGEST_UNSIGNED,
        row.played,
    )

"""What is known of a freezing run, read for the release and for its page."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from cellbank.domain.rules.freezing_run import NUCLEATION, RunOfLot, in_words

_OF_LOT = text(
    """SELECT r.code, r.state, r.departures, r.outside_seconds, r.worst_c, d.code AS deviation,
              d.state AS deviation_state FROM freezer_run r LEFT JOIN deviation d ON d.id = r.deviation_id
        WHERE r.lot_id = :lot AND r.state <> 'WITHDRAWN'"""
)


def run_of_lot(session: Session, lot_id: int) -> RunOfLot | None:
    """The freezing run of a lot that counts; None as long as it has none."""
    row = session.execute(_OF_LOT, {"lot": lot_id}).mappings().one_or_none()
    if row is None:
        return None
    return RunOfLot(row["code"], row["state"], run_in_words(dict(row)), row["deviation"], row["deviation_state"])


def run_in_words(row: Mapping[str, Any]) -> str:
    """What the comparison of a freezing run with its band found, from the columns of its record."""
    outside = [one for one in row["departures"] if one["kind"] != NUCLEATION]
    return in_words(len(outside), row["outside_seconds"], row["worst_c"])


def readings_digest(rows: Iterable[tuple[str, int, int]]) -> str:
    """sha256 of the readings of a run: channel, second and hundredths of a degree of each, by channel and time."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update("{}\t{}\t{}\n".format(*row).encode())
    return digest.hexdigest()

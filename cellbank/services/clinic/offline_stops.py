"""A STOP that a screen at the bedside said by itself, without the server: a near miss that comes afterwards."""

import datetime
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import text

from cellbank.domain.actor import Actor
from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.table import roles_for
from cellbank.domain.refusals import Code
from cellbank.domain.scans import Scan, read_scan
from cellbank.domain.wall import on_the_wall
from cellbank.services.clinic.offline import Came, KeptKey, Part, open_part, unsealed
from cellbank.services.inputs import Moment
from cellbank.services.installation import Installation
from cellbank.services.parsing import Malformed
from cellbank.services.unreadable_scans import keep_unreadable

STOPPED: dict[str, str] = {
    Code.DOSE_LABEL_MISMATCH: "the label is not the current one of dose {dose}.",
    Code.WRISTBAND_MISMATCH: "the wristband is not that of the patient of dose {dose}.",
    Code.OUT_OF_TIME: "dose {dose} has expired.",
}


MOST_STOPS, STOPS_WITHIN = 60, datetime.timedelta(hours=1)  # of one person: more than anybody scans
_LONGEST_SCAN = 100  # characters of what is kept of it

# Whether the dose is one of this site that was drawn up, whether the STOP is kept already, whoever was signed in then,
# and how many this person has sent of late.
_STOP = text(
    """SELECT EXISTS (SELECT FROM dose d WHERE d.code = :dose AND d.site_id = :site
                         AND d.prepared_at IS NOT NULL) AS is_here,
              EXISTS (SELECT FROM act a WHERE a.name = :name AND a.key = :key AND a.at >= :at) AS is_kept,
              (SELECT count(*) FROM act a WHERE a.name = :name AND a.person_id = :person AND a.at > :since
                  AND a.given ? 'reason_code') AS number"""
)


class StopHeader(BaseModel):
    """Which STOP it was, of which dose, when."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    key: str = Field(max_length=100)
    id: KeptKey
    dose: str = Field(max_length=40)
    at: Moment
    why: Literal["DOSE_LABEL_MISMATCH", "WRISTBAND_MISMATCH", "OUT_OF_TIME"]


class Scanned(BaseModel):
    """What was scanned."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    raw: str = Field(min_length=1, max_length=500)


def keep_stop(
    installation: Installation, raw: Mapping[str, Any], actor: Actor, now: datetime.datetime, *, door: str, client: str
) -> Came:
    """Keep a STOP of a screen without a network as a near miss, once: it happened. Nobody proved who they were when it
    was said, so it bears the name of whoever is signed in at the screen when it is sent, if they may check a dose: some
    of these stop a dose. LATER: it stays on the screen, for somebody else or for another time."""
    from cellbank.outside.bedside_keys import NotOpened

    try:
        part = Part.model_validate(raw)
        header = unsealed(StopHeader, part.header)
        scanned = unsealed(Scanned, open_part(installation, header.key, part))
    except (ValidationError, Malformed, NotOpened):
        return Came.UNREADABLE
    if not roles_for("check_dose") & actor.roles:
        return Came.LATER
    asked = {
        "dose": header.dose, "site": actor.site_id, "name": "report_unreadable_scan", "key": header.id,
        "person": actor.id, "at": min(header.at, now) - STOPS_WITHIN, "since": now - STOPS_WITHIN,
    }  # fmt: skip
    with installation.reads.connect() as connection:
        found = connection.execute(_STOP, asked).one()
    if found.is_kept:
        return Came.RECORDED
    if not found.is_here or not _is_of_it(header, scanned.raw):
        return Came.UNREADABLE
    if found.number >= MOST_STOPS:
        return Came.LATER
    said = STOPPED[header.why].format(dose=header.dose)
    reason = f"STOP without a network, {on_the_wall(header.at, installation.zone)}: {said}"
    kept = scanned.raw[:_LONGEST_SCAN]
    keep_unreadable(installation, actor, kept, reason, door=door, code=Code(header.why), key=header.id, client=client)
    return Came.RECORDED


def _is_of_it(header: StopHeader, raw: str) -> bool:
    """Whether that can have been scanned: a label that is not the current one, or whose time is over, is still one of
    this dose. In place of a wristband anything may be."""
    if header.why == Code.WRISTBAND_MISMATCH:
        return True
    scan = read_scan(raw)
    return isinstance(scan, Scan) and scan.kind is Kind.DOSE and scan.code == header.dose and "expires" in scan.extras

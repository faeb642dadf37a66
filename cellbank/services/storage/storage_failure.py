"""A storage unit that warmed or broke down: whatever stood in it is stopped until somebody has assessed it."""

from pydantic import Field

from cellbank.records.quality import Hold
from cellbank.records.storage import StorageUnit
from cellbank.records.work import Work
from cellbank.services.acts import TellingInput, act
from cellbank.services.common import time_refusals
from cellbank.services.inputs import Moment, Reason, StorageCode
from cellbank.services.stopping.holding import lots_reached, place_hold


class ReportStorageFailure(TellingInput):
    """Report that a storage unit has failed."""

    unit: StorageCode = Field(title="What failed", description="A tank, a rack, a box; it takes all that is in it.")
    failed_at: Moment | None = Field(
        default=None,
        title="When it failed",
        description="Or when it was last known to be well: vials taken out since then are stopped too. Empty: now.",
    )
    reason: Reason


@act(ReportStorageFailure, likely="in sight", previews="storage_unit")
def report_storage_failure(work: Work, given: ReportStorageFailure) -> StorageUnit:
    """Stop every lot with vials in a unit now, or at any time since it failed, wherever they stand by now. Nothing more
    goes into it; what is in it can be moved out. The answer names the lots."""
    unit = work.lock(StorageUnit, given.unit)
    since = given.failed_at or work.happened
    lots_reached(work, unit, since)  # locked before the judgement; the hold stops them after it
    work.judge(unit, Hold, refusals=time_refusals(work, "The failure", since))
    unit.out_of_service_reason = given.reason
    work.transition(unit)
    place_hold(work, unit, reason=f"{unit.name} ({unit.code}) failed: {given.reason}", since=since)
    return unit

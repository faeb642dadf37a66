"""Vials that end in the laboratory: used up for a test, destroyed, broken or lost, in whatever state they are."""

from pydantic import Field
from sqlalchemy import ColumnElement

from cellbank.domain.lifecycle.states import VialState
from cellbank.records.production import Vial
from cellbank.records.shipping import PackedVial
from cellbank.records.work import Work
from cellbank.services.acts import TellingInput, act
from cellbank.services.common import time_refusals
from cellbank.services.inputs import OneLine, Reason, VialCode, VialCodes
from cellbank.services.stopping.vials_lost import counted_on
from cellbank.services.storage.places import end_placement, last_placed_at
from cellbank.services.storage.travelling import end_packed


class UseVialForTesting(TellingInput):
    """Use up a vial for testing."""

    EARLIER_NAME = "taken_at"
    vial: VialCode = Field(title="Vial")
    tests: OneLine = Field(title="Tests", description="What it is thawed for.")


@act(UseVialForTesting, likely="in sight")
def use_vial_for_testing(work: Work, given: UseVialForTesting) -> Vial:
    """Take a vial for quality control; it never comes back."""
    vial, at = work.lock(Vial, given.vial), work.told_at
    times = time_refusals(work, "Taking the vial out", at, last_placed_at(work.session, [vial])) if at else ()
    work.judge(vial, refusals=times)
    end_placement(work, [vial], at)
    work.transition(vial)
    return vial


class DiscardVial(TellingInput):
    """Discard a vial."""

    EARLIER_NAME = "discarded_at"
    vial: VialCode = Field(title="Vial")
    reason: Reason = Field(description="Why it was destroyed; how it broke or was lost.")


@act(DiscardVial, likely="rarely")
def discard_vial(work: Work, given: DiscardVial) -> Vial:
    """Note that a vial is destroyed, broken or lost, wherever it stood and whatever it was kept for. A dose or a
    shipment that counted on it gets a deviation, and the clinicians of a dose that lacks it now a notice. The cells of
    a pooled vial stay in their dose: what becomes of them, the dose tells."""
    vial = work.lock(Vial, given.vial)
    _discard(work, [vial], given.reason)
    return vial


class DiscardVials(TellingInput):
    """Discard vials."""

    EARLIER_NAME = "discarded_at"
    vials: VialCodes = Field(title="Vials", description="Scan each of them; of one lot or of several.")
    reason: Reason = Field(description="Why they were destroyed; how they broke or were lost.")


@act(DiscardVials, likely="rarely")
def discard_vials(work: Work, given: DiscardVials) -> None:
    """Note that vials are destroyed, broken or lost together, for one reason: all of them, or none. What counted on one
    of them is told, as for a single one."""
    vials = work.lock_all(Vial, given.vials)
    work.about = given.vials[0] if len(given.vials) == 1 else None
    work.show(discarded=len(vials))
    _discard(work, vials, given.reason)


def _discard(work: Work, vials: list[Vial], reason: str) -> None:
    """The vials end, and their places become free."""
    at = work.told_at
    after = last_placed_at(work.session, vials) if at else None
    loss = counted_on(work, vials)
    packed = [vial.id for vial in vials if vial.state == VialState.IN_TRANSIT]
    work.judge(*vials, refusals=time_refusals(work, "The discarding", at, after) if at else ())
    end_placement(work, vials, at)
    work.transition_many(Vial, vials)
    if packed:
        which: ColumnElement[bool] = PackedVial.vial_id.in_(packed)
        end_packed(work, which, work.happened)
    loss.report(work, reason)

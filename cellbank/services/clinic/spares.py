"""The spare vial of a dose: it stays in the tank until somebody calls it."""

from pydantic import Field

from cellbank.domain.lifecycle.states import DoseState
from cellbank.domain.rules.thaw import SpareFacts, spare_refusals, usable_until
from cellbank.records.clinic import Dose
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, act
from cellbank.services.clinic.standing import standing_of
from cellbank.services.clinic.thawing import pick_list
from cellbank.services.inputs import DoseCode, Reason


class FetchSpare(ActInput):
    """Fetch the spare vial."""

    dose: DoseCode = Field(title="Dose")
    reason: Reason


@act(FetchSpare)
def fetch_spare(work: Work, given: FetchSpare) -> Dose:
    """Call one spare vial of a dose, which is on the pick list from then on; why, stands in the trail with the act.
    Refuses when none is left, when the count found the dose whole, and when its time is over."""
    dose = work.lock(Dose, given.dose)
    rules = standing_of(work, dose).ward.protocol.thaw
    spares = [line for line in pick_list(work.session, dose.code) if line.spare]
    facts = SpareFacts(
        dose=dose.code,
        left=len(spares),
        is_counted=dose.state == DoseState.COUNTED,
        is_short=bool(dose.is_short),
        expires_at=usable_until(rules, dose.thaw_started_at, dose.diluent) if dose.thaw_started_at else None,
        now=work.now,
    )
    work.show(vial=spares[0].vial if spares else None, place=spares[0].place if spares else None)
    work.judge(dose, refusals=spare_refusals(facts))
    dose.spares_called += 1
    work.transition(dose)
    return dose

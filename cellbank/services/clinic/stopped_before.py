"""What the server refused of a dose about the time at which a screen went on with it alone."""

from sqlalchemy import text

from cellbank.domain.refusals import Refusal
from cellbank.domain.rules.kept import GOES_BY_IT, MOMENTS, Stop, stopped_before_refusals
from cellbank.records.work import Work
from cellbank.services.registry import REGISTRY

# What the server accepted in time afterwards, of the same act, it has answered itself.
_STOPS = text(
    """SELECT a.id, a.name, a.at, ARRAY(SELECT one ->> 'code' FROM jsonb_array_elements(a.refusals) one) AS codes
         FROM act a
        WHERE a.outcome = 'refused' AND a.at >= :since AND a.name = ANY(:names)
          AND position(:dose IN replace(coalesce(a.given ->> 'dose', a.given ->> 'dose_label'), ' ', '')) > 0
          AND NOT EXISTS (SELECT FROM act b WHERE b.record_code = :dose AND b.name = a.name AND b.at > a.at
                             AND b.outcome = 'accepted' AND b.late_reason IS NULL)
        ORDER BY a.id"""
)


def stopped_before(work: Work, dose: str) -> tuple[Refusal, ...]:
    """The STOPs of this dose that do not fit to what a screen without the server did with it; nothing of any other
    act. A fact stays a fact: they open its deviation."""
    judged = work.cut_off_since
    if judged is None:
        return ()
    asked = {"dose": dose, "since": judged - MOMENTS, "names": sorted(GOES_BY_IT)}
    found = work.session.execute(_STOPS, asked)
    stops = [Stop(row.id, REGISTRY[row.name].title, row.at, row.codes) for row in found]
    return stopped_before_refusals(dose, judged, stops)

"""What waits at the bedside and for whoever answers for the patients, in the order in which a day is worked."""

from cellbank.domain.phrase import If
from cellbank.services.lookup.work.line import DOSE, Line
from cellbank.services.lookup.work.shared import ACTIONS, NOTICE, NOTICE_LINES

LINES = (
    Line(
        "bedside",
        "Doses for the bedside",
        "No dose is ready.",
        """SELECT *, expires_at AS due FROM dose_to_do
            WHERE state IN ('PREPARED', 'CHECKED_ONCE', 'CHECKED', 'INFUSING') ORDER BY expires_at""",
        DOSE,
        ("lot {lot}",),
        first=True,
        opens="bedside",
    ),
    Line(
        "stopped",
        "Doses of rejected and recalled lots to stop",
        "No dose of such a lot is under way.",
        """SELECT *, CASE WHEN state IN ('ORDERED', 'PICKED') THEN 'cancel_dose'
                          WHEN state = 'INFUSING' THEN 'stop_infusion' ELSE 'discard_dose' END AS act
             FROM dose_to_do WHERE lot_state IN ('REJECTED', 'RECALLED')
              AND state NOT IN ('CANCELLED', 'DISCARDED', 'INFUSED', 'RECONCILED')
            ORDER BY state = 'INFUSING' DESC, planned_on, id""",
        DOSE,
        ("lot {lot} {lot_state}",),
        None,
        "dose",
        first=True,
    ),
    Line(
        "undecided",
        "Treatment stopped: a clinician decides",
        "No treatment waits for a decision.",
        """SELECT s.code, s.state, s.site_id, s.trial_number AS subject, c.deviations, c.doses FROM subject s
             CROSS JOIN LATERAL (
               SELECT string_agg(v.code, ', ' ORDER BY u.since) AS deviations,
                      string_agg(d.code, ', ' ORDER BY u.since) AS doses
                 FROM undecided_concerns(s.id) u
                 LEFT JOIN deviation v ON u.kind = 'deviation' AND v.id = u.id
                 LEFT JOIN reaction r ON u.kind = 'reaction' AND r.id = u.id LEFT JOIN dose d ON d.id = r.dose_id) c
            WHERE s.state IN ('SCREENING', 'ENROLLED') AND (c.deviations IS NOT NULL OR c.doses IS NOT NULL)
            ORDER BY s.id""",
        "Subject {subject}",
        (If("doses", "serious reaction to dose {doses}"), If("deviations", "critical deviation {deviations}")),
        "continue_treatment",
        "subject",
        first=True,
    ),
    Line(
        "notices",
        "Notices to answer: product was stopped or lost",
        "No notice is waiting for an answer.",
        """SELECT *, left(reason, 90) AS why FROM notice_to_answer
            ORDER BY running > 0 DESC, coming > 0 DESC, opened_at, id""",
        NOTICE,
        (*NOTICE_LINES, "{why}"),
        first=True,
    ),
    Line(
        "conditionally",
        "Conditional releases in force: results are pending",
        "None is in force.",
        "SELECT * FROM conditional_to_do WHERE state = 'IN_FORCE' ORDER BY in_force_at, id",
        "Lot {lot} for {subject}",
        ("pending {tests}", If("codes", "given: {codes}", "given: nothing yet")),
    ),
    Line(
        "amended",
        "Subjects under an earlier protocol version",
        "All are under the version in force.",
        """SELECT s.code, s.state, s.site_id, s.trial_number AS subject, p.code AS version, n.code AS newest
             FROM subject s JOIN definition p ON p.id = s.protocol_id
             JOIN definition n ON n.type = 'protocol' AND n.identifier = s.trial AND n.state = 'EFFECTIVE'
              AND n.id <> p.id
            WHERE s.state IN ('SCREENING', 'ENROLLED') ORDER BY s.id""",
        "Subject {subject}",
        ("{version}; in force: {newest}",),
        "move_to_amendment",
        "subject",
    ),
    Line(
        "short",
        "Short doses to accept or refuse",
        "No short dose is waiting.",
        """SELECT *, trim_scale(delivered_percent) AS percent, expires_at AS due FROM dose_to_do
            WHERE state = 'COUNTED' AND is_short ORDER BY expires_at""",
        DOSE,
        ("{percent} % of the dose",),
        "accept_short_dose",
        "dose",
    ),
    Line(
        "weights",
        "Weights to confirm",
        "Every weight is confirmed.",
        """SELECT w.code, w.state, s.site_id, s.trial_number AS subject, p.full_name AS person
             FROM weight w JOIN subject s ON s.id = w.subject_id JOIN person p ON p.id = w.measured_by_id
            WHERE w.state = 'MEASURED' ORDER BY w.measured_at""",
        "Weight of subject {subject}",
        ("measured by {person}",),
        "confirm_weight",
        "weight",
    ),
    Line(
        "ordered",
        "Doses ordered and on their way",
        "No dose is on its way.",
        """SELECT * FROM dose_to_do WHERE state IN ('ORDERED', 'PICKED', 'THAWING', 'COUNTED')
            ORDER BY planned_on""",
        DOSE,
        ("planned {planned_on}",),
    ),
    Line(
        "reconcile",
        "Infusions to reconcile",
        "Every infusion is reconciled.",
        "SELECT * FROM dose_to_do WHERE state = 'INFUSED' ORDER BY infusion_stopped_at",
        DOSE,
        ("given {infusion_stopped_at}",),
        "reconcile_infusion",
        "dose",
    ),
    Line(
        "screening",
        "Subjects being assessed",
        "Nobody is being assessed.",
        """SELECT code, state, site_id, trial_number AS subject, arm FROM subject WHERE state = 'SCREENING'
            ORDER BY id""",
        "Subject {subject}",
        ("arm {arm}",),
    ),
    ACTIONS,
)

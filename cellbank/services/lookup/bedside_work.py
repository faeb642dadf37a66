"""What waits for the quality officer from the bedside: a dose whose label, wristband and patient did not belong
together three times. Whoever finds out why opens the deviation, and the line is gone."""

from cellbank.domain.rules.infusion import MISMATCHES_TO_STOP
from cellbank.services.clinic.infusion import LABEL_SCANNED, MISMATCHED
from cellbank.services.lookup.worklist_parts import DOSE, Q, Source, instant

# Mismatches of a dose since it was prepared, as the bedside counts them; from the third on the quality officer is
# called, and answers with a deviation.
_MISMATCHED = f"""SELECT d.code, {DOSE} AS title, d.state, m.number || ' mismatches at the bedside, the last '
              || {instant("m.last_at")} AS detail, s.site_id
              FROM (SELECT x.id AS dose_id, count(*) AS number, max(a.at) AS last_at,
                      (array_agg(a.id ORDER BY a.id))[{MISMATCHES_TO_STOP}] AS called
                      FROM act a JOIN dose x
                        ON x.code = substring({LABEL_SCANNED} FROM 'CH[A-Z0-9]{{13}}')
                     WHERE a.name IN ('check_dose', 'report_unreadable_scan') AND {MISMATCHED}
                       AND a.at >= coalesce(x.prepared_at, x.ordered_at)
                     GROUP BY x.id HAVING count(*) >= {MISMATCHES_TO_STOP}) m
              JOIN dose d ON d.id = m.dose_id JOIN subject s ON s.id = d.subject_id
              WHERE NOT EXISTS (SELECT FROM deviation_link k JOIN change c ON c.record_kind = 'deviation'
                AND c.record_id = k.deviation_id AND c.before IS NULL AND c.act_id > m.called
                WHERE k.record_kind = 'dose' AND k.record_id = d.id)
              ORDER BY m.last_at"""
OF_THE_BEDSIDE = Source(
    "mismatched",
    Q,
    "Bedside stopped after three mismatches: find out why",
    "No dose was stopped at the bedside for its mismatches.",
    _MISMATCHED,
    "open_deviation",
    "records",
)

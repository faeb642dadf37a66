"""The work that waits for each role: what the home page shows. Read only, one statement for each list."""

import datetime
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from cellbank.domain.accounts import Change
from cellbank.domain.identifiers import printed
from cellbank.domain.lifecycle.roles import FLOOR, Role
from cellbank.domain.lifecycle.states import ActionState, DeviationState
from cellbank.domain.pauses import ALERT_FROM
from cellbank.domain.quantities import millions
from cellbank.domain.wall import text_on_the_wall
from cellbank.services.installation import Installation, at_site
from cellbank.services.lookup.bedside_work import OF_THE_BEDSIDE
from cellbank.services.lookup.shipping_work import OF_SHIPPING
from cellbank.services.lookup.worklist_parts import DOSE, A, C, Q, Source, T, day_at, instant, today
from cellbank.services.people.wrong_identities import WRONG
from cellbank.services.quality.impact import AT_HOME, HOMES
from cellbank.services.quality.notice_board import LIFTED
from cellbank.services.quality.tested import TESTED_CODE, TESTED_SITE, join_tested
from cellbank.services.temperature.probes import RESTING
from cellbank.services.trail.trail_review import EVERY, UNREAD

ALERT_DAYS, RENEW_DAYS = 7, 30  # how long a lock stays in sight; how early a training that ends
SHOWN = 8  # rows of a list on the home page; its count tells of the rest


@dataclass(frozen=True)
class Item:
    """One thing that waits: what it is, how it stands, what is to be known now; `act` and `field` open the next act."""

    code: str
    title: str
    state: str
    detail: str
    act: str | None = None
    field: str | None = None
    due: datetime.datetime | None = None


@dataclass(frozen=True)
class Worklist:
    """One list of a home page; `total` counts also what is not shown."""

    name: str
    title: str
    empty: str
    items: tuple[Item, ...]
    total: int


_DOSES = "dose d JOIN subject s ON s.id = d.subject_id JOIN lot l ON l.id = d.lot_id"
# The doses of a notice that nobody has answered, by what is to be done about them first.
_TO_TELL = """CROSS JOIN LATERAL (
              SELECT count(*) FILTER (WHERE d.state = 'INFUSING' AND NOT lot_is_for(d.lot_id, d.subject_id)) AS running,
                     count(*) FILTER (WHERE d.infusion_started_at IS NULL
                                        AND NOT lot_is_for(d.lot_id, d.subject_id)) AS coming,
                     count(*) FILTER (WHERE d.infusion_started_at IS NULL
                                        AND lot_is_for(d.lot_id, d.subject_id)) AS let_go,
                     count(*) FILTER (WHERE d.infusion_started_at IS NOT NULL) AS given
                FROM notice_line a JOIN dose d ON d.id = a.dose_id
               WHERE a.notice_id = n.id AND a.answered_at IS NULL) t"""
_NOTICE = """initcap(replace(n.record_kind, '_', ' ')) || ' ' || n.record_code
              || CASE n.record_kind WHEN 'vial' THEN ' lost' ELSE ' stopped' END"""
_LEFT = f"""concat_ws(', ', CASE WHEN t.running > 0 THEN 'STOP: ' || t.running || ' running now' END,
              CASE WHEN t.coming > 0 THEN t.coming || ' not to be given' END,
              CASE WHEN t.given > t.running THEN t.given - t.running || ' given' END,
              CASE WHEN t.let_go > 0 THEN t.let_go
                || CASE n.record_kind WHEN 'vial' THEN ' counted on it' ELSE ' may be given again' END END,
              'hold lifted ' || {instant(LIFTED)})"""
_STOPPED_LOTS = "SELECT id FROM lot WHERE state IN ('REJECTED', 'RECALLED')"

# Due until the end of its day at the site; what is due first stands first, what is over is shown as late.
_RESULTS_DUE = f"""SELECT a.code, a.test || ' of ' || {TESTED_CODE} AS title, a.state,
              a.material || ', taken ' || {instant("a.taken_at")}
              AS detail, (a.due_on + time '23:59') AT TIME ZONE s.timezone AS due, {TESTED_SITE} AS site_id
              FROM sample a JOIN person p ON p.id = a.taken_by_id JOIN site s ON s.id = p.site_id
              {join_tested("a")} WHERE a.state = 'TAKEN' ORDER BY a.due_on, a.id"""

# Both roles watch these: an account of which so many passwords were wrong, locked or not, and trainings that end.
_LOCKED = f"""SELECT p.code, p.full_name AS title, p.state, 'too many wrong passwords or codes on '
  || {instant("p.locked_at")} || ': '
  || p.locked_from || CASE WHEN p.locked_until > :now THEN '; still locked' ELSE '; not locked' END AS detail, p.site_id
  FROM person p
  WHERE p.locked_at > CAST(:now AS timestamptz) - interval '{ALERT_DAYS} days' ORDER BY p.locked_at DESC"""
# Who was wrong about the identity of patients so often that it is no slip any more (domain/pauses.py).
_GUESSING = f"""SELECT p.code, p.full_name AS title, p.state, count(*)
  || ' wrong identities at the bedside, the last on '
  || {instant("max(a.at)")} AS detail, a.site_id
  FROM act a JOIN person p ON p.id = a.person_id
  WHERE a.at > CAST(:now AS timestamptz) - interval '{ALERT_DAYS} days' AND {WRONG}
  GROUP BY p.id, a.site_id, floor(extract(epoch FROM a.at) / 3600)
  HAVING count(*) >= {ALERT_FROM} ORDER BY max(a.at) DESC"""
_TRAININGS = f"""SELECT p.code, p.full_name AS title, p.state, CASE WHEN max(t.valid_until) IS NULL
  THEN 'never recorded as ' || replace(r.role, '_', ' ') || ': signs nothing' ELSE 'as ' || replace(r.role, '_', ' ')
  || CASE WHEN max(t.valid_until) < day.today THEN ', ended on ' ELSE ', valid until ' END || max(t.valid_until)
  END AS detail, p.site_id
  FROM person p JOIN site s ON s.id = p.site_id CROSS JOIN unnest(p.roles) AS r (role)
  CROSS JOIN LATERAL (SELECT (CAST(:now AS timestamptz) AT TIME ZONE s.timezone)::date AS today) day
  LEFT JOIN training t ON t.person_id = p.id AND t.role = r.role AND t.state = 'VALID'
  WHERE p.state = 'ACTIVE' AND r.role IN ({", ".join(f"'{role}'" for role in sorted(FLOOR))})
  GROUP BY p.id, r.role, day.today HAVING coalesce(max(t.valid_until), '-infinity') <= day.today + {RENEW_DAYS}
  ORDER BY max(t.valid_until) NULLS FIRST, p.full_name"""

# What an administrator or a quality officer has asked for, and another one confirms: both roles see it.
_ACCOUNTS = f"""SELECT p.code, p.full_name AS title, p.state, c.change || CASE WHEN c.roles IS NULL THEN ''
  ELSE ' as ' || replace(array_to_string(c.roles, ', '), '_', ' ') END
  || CASE WHEN c.also_at IS NULL THEN '' ELSE ' at ' || array_to_string(c.also_at, ', ') END
  || CASE WHEN c.email IS NULL THEN '' ELSE ' to ' || c.email END
  || ', asked for by ' || a.full_name || ' on ' || {instant("c.asked_at")} AS detail, p.site_id
  FROM account_change c JOIN person p ON p.id = c.person_id
  JOIN person a ON a.id = c.asked_by_id
  WHERE c.state = 'ASKED' AND c.change <> '{Change.UNLOCK}' AND p.state <> 'DISABLED' ORDER BY c.asked_at, c.id"""
_RECORDED = """SELECT t.code, p.full_name AS title, t.state, 'as ' || replace(t.role, '_', ' ') || ', ' || t.procedure
  || ', recorded by ' || r.full_name AS detail, p.site_id FROM training t JOIN person p ON p.id = t.person_id
  JOIN person r ON r.id = t.recorded_by_id WHERE t.state = 'RECORDED' AND p.state <> 'DISABLED' ORDER BY t.id"""

_DEVIATIONS = """SELECT v.code, v.title, v.state, v.classification AS detail, v.site_id,
              (v.due_on + time '23:59') AT TIME ZONE s.timezone AS due
              FROM deviation v JOIN site s ON s.id = v.site_id WHERE v.state = '{}' ORDER BY v.due_on, v.id"""
_ACTIONS = """SELECT a.code, left(a.description, 90) AS title, a.state, p.full_name || ', about ' || v.code AS detail,
              v.site_id,
              (a.due_on + time '23:59') AT TIME ZONE s.timezone AS due
              FROM corrective_action a JOIN deviation v ON v.id = a.deviation_id JOIN site s ON s.id = v.site_id
              JOIN person p ON p.id = a.responsible_id WHERE a.state = '{}' ORDER BY a.due_on, a.id"""


def _planned(role: Role) -> Source:
    """What somebody is to do about a deviation: everybody who works here sees who does what by when."""
    sql = _ACTIONS.format(ActionState.PLANNED)
    return Source("actions", role, "Actions to do", "No action is waiting.", sql, "complete_action", "action")


def _to_investigate(role: Role) -> Source:
    sql, empty = _DEVIATIONS.format(DeviationState.OPEN), "No deviation is waiting."
    return Source("deviations", role, "Deviations to investigate", empty, sql, "investigate_deviation", "deviation")


SOURCES: tuple[Source, ...] = (
    Source("pick", T, "Doses to pick", "No dose is waiting to be picked.",
           f"""SELECT d.code, {DOSE} AS title, d.state, 'planned ' || d.planned_on || ', '
               || d.vials_needed + d.vials_spare || ' vials of lot ' || l.code AS detail, s.site_id FROM {_DOSES}
               WHERE d.state = 'ORDERED' ORDER BY d.planned_on, d.id"""),
    Source("thaw", T, "Doses to thaw and prepare", "No dose is being prepared.",
           f"""SELECT d.code, {DOSE} AS title, d.state, 'lot ' || l.code AS detail, s.site_id, d.expires_at AS due
              FROM {_DOSES}
               WHERE d.state IN ('PICKED', 'THAWING', 'COUNTED') ORDER BY d.expires_at NULLS LAST, d.id"""),
    Source("picked", T, "Vials out of the tank and not thawed", "",
           f"""SELECT v.code, 'Vial ' || v.number || ' of lot ' || l.code AS title, v.state,
              coalesce('in ' || dewar.name, 'carried in the open') || ', picked '
              || {instant("v.picked_at")} AS detail, s.id AS site_id,
              p.taken_at + coalesce(dewar.cold_minutes, 0) * interval '1 min'
              + coalesce((f.handling->>'warming_single_seconds')::int, 0) * interval '1 s' AS due,
              CASE WHEN d.state IN ('PICKED', 'THAWING') THEN 'thaw_vial' ELSE 'return_vial' END AS act
              FROM vial v JOIN lot l ON l.id = v.lot_id JOIN definition f ON f.id = l.specification_id
              JOIN site s ON s.id = v.site_id LEFT JOIN dose d ON d.id = v.dose_id
              LEFT JOIN LATERAL (SELECT taken_at, dewar_id FROM placement WHERE vial_id = v.id
                ORDER BY placed_at DESC, id DESC LIMIT 1) p ON true
              LEFT JOIN storage_unit dewar ON dewar.id = p.dewar_id
              WHERE v.state = 'PICKED' ORDER BY due, v.id""", None, "vial"),
    Source("alarms", T, "Temperature alarms", "No temperature alarm is unanswered.",
           """SELECT e.code, initcap(e.category) || ' excursion in ' || u.name AS title, e.state,
              'peak ' || trim_scale(e.peak_c) || ' °C'
              || CASE WHEN e.ended_at IS NULL THEN ', goes on' ELSE '' END AS detail, e.site_id,
              e.found_at + p.acknowledge_minutes * interval '1 min' AS due
              FROM excursion e JOIN storage_unit u ON u.id = e.storage_unit_id JOIN probe p ON p.id = e.probe_id
              WHERE e.acknowledged_at IS NULL AND e.state = 'OPEN' ORDER BY e.found_at""",
           "acknowledge_excursion", "excursion"),
    Source("silent", T, "Probes that are overdue", "Every probe has sent its readings.",
           f"""SELECT p.code, p.name || ' in ' || u.name AS title, p.state,
              'last reading ' || {instant("p.last_at")} AS detail, p.site_id
              FROM probe p JOIN storage_unit u ON u.id = p.storage_unit_id
              WHERE p.state = 'IN_USE' AND p.last_at < :now - p.gap_minutes * interval '1 min'
              AND NOT {RESTING.format(probe="p")} ORDER BY p.last_at""",
           "import_readings", "probe"),
    Source("runs", T, "Freezing runs to import", "Every frozen lot has its freezing run.",
           f"""SELECT l.code, 'Lot ' || l.code AS title, l.state, 'program ' || l.freezing_program || ', frozen '
              || {instant("l.frozen_at")} AS detail, l.site_id
              FROM lot l JOIN definition f ON f.id = l.specification_id
              WHERE l.state IN ('QUARANTINE', 'ON_HOLD') AND f.programs_with_a_run @> to_jsonb(l.freezing_program)
              AND NOT EXISTS (SELECT FROM freezer_run r WHERE r.lot_id = l.id AND r.state <> 'WITHDRAWN')
              ORDER BY l.frozen_at""", "import_freezing_run", "lot"),
    Source("by_hand", T, "Readings to confirm", "No reading waits for a second person.",
           """SELECT i.code, 'Reading of probe ' || p.code AS title, i.state, 'read by ' || e.full_name AS detail,
              p.site_id
              FROM reading_import i JOIN probe p ON p.id = i.probe_id JOIN person e ON e.id = i.entered_by_id
              WHERE i.state = 'ENTERED' ORDER BY i.id""", "confirm_reading", "readings"),
    Source("calibration", T, "Probes to calibrate", "Every probe is calibrated.",
           f"""SELECT p.code, p.name || ' in ' || u.name AS title, p.state, 'due ' || p.calibration_due_on AS detail,
              p.site_id
              FROM probe p JOIN storage_unit u ON u.id = p.storage_unit_id WHERE p.state = 'IN_USE'
              AND p.calibration_due_on < {today("p.site_id")} + 14 ORDER BY p.calibration_due_on""",
           "calibrate_probe", "probe"),
    Source("away", T, "Vials to put away", "Every frozen vial stands in its place.",
           f"""SELECT l.code, count(*) || ' vials of lot ' || l.code AS title, 'FROZEN' AS state,
              'frozen ' || {instant("l.frozen_at")} AS detail, l.site_id
              FROM vial v JOIN lot l ON l.id = v.lot_id WHERE v.state = 'FROZEN'
              GROUP BY l.id ORDER BY l.frozen_at"""),
    *OF_SHIPPING,
    Source("counts", T, "Boxes to count again, or to close", "No count is open.",
           """SELECT c.code, 'Count of ' || u.name AS title, c.state, 'first counted by ' || p.full_name AS detail,
              c.site_id
              FROM stock_count c JOIN storage_unit u ON u.id = c.unit_id JOIN person p ON p.id = c.first_counted_by_id
              WHERE c.state <> 'CLOSED' ORDER BY c.id"""),
    Source("growing", T, "Cultures growing", "No culture is growing.",
           f"""SELECT c.code, 'P' || c.passage || ' of ' || n.code AS title, c.state, c.vessel || ', day '
              || ({today("c.site_id")} - {day_at("c.site_id", "c.started_at")}) AS detail, c.site_id
              FROM culture c JOIN donation n ON n.id = c.donation_id WHERE c.state = 'GROWING' ORDER BY c.started_at""",
           "record_harvest", "culture"),
    Source("harvested", T, "Harvested cells to use", "No harvested cells are waiting.",
           """SELECT c.code, 'P' || c.passage || ' of ' || n.code AS title, c.state, c.cells_left AS cells,
              'left' AS detail, c.site_id FROM culture c JOIN donation n ON n.id = c.donation_id
              WHERE c.state = 'HARVESTED' AND c.cells_left > 0 ORDER BY c.harvested_at"""),
    Source("filling", T, "Lots to fill and freeze", "No lot is being filled.",
           """SELECT l.code, initcap(replace(l.purpose, '_', ' ')) || ' lot ' || l.code AS title, l.state,
              (SELECT count(*) FROM vial v WHERE v.lot_id = l.id AND v.state = 'FILLED') || ' of '
              || l.planned_vial_count || ' vials filled' AS detail, l.site_id
              FROM lot l WHERE l.state IN ('IN_PROCESS', 'FILLED') ORDER BY l.fill_started_at"""),
    Source("isolate", T, "Donations to process", "No accepted donation is waiting.",
           f"""SELECT n.code, CASE n.tissue WHEN 'cord' THEN 'Umbilical cord' ELSE 'Placenta' END AS title, n.state,
              'collected ' || {instant("n.collected_at")} AS detail, n.site_id FROM donation n
              WHERE n.state = 'ACCEPTED' AND NOT EXISTS (SELECT FROM culture c WHERE c.donation_id = n.id)
              ORDER BY n.collected_at""", "isolate_tissue", "donation"),
    Source("samples", T, "Samples awaiting their results", "No result is awaited.", _RESULTS_DUE, "enter_result",
           "sample"),
    Source("destroy", T, "Vials of rejected and recalled lots to take out and destroy",
           "No vial of a rejected or recalled lot is left.",
           f"""WITH {HOMES.format(lots=_STOPPED_LOTS)}
              SELECT v.code, 'Vial ' || v.number || ' of lot ' || l.code AS title, v.state,
              coalesce(home.place, 'at no place') || ', lot ' || lower(l.state)
              || CASE v.state WHEN 'RESERVED' THEN '; its dose is to be cancelled first'
                 WHEN 'IN_TRANSIT' THEN '; it is to be unpacked, or received, first' ELSE '' END
              AS detail, v.site_id AS site_id, CASE
              WHEN v.state NOT IN ('RESERVED', 'IN_TRANSIT') THEN 'discard_vial' END AS act
              FROM vial v JOIN lot l ON l.id = v.lot_id {AT_HOME}
              WHERE l.state IN ('REJECTED', 'RECALLED') AND v.state
                IN ('FROZEN', 'IN_STOCK', 'IN_TRANSIT', 'RECEIVED', 'RESERVED', 'PICKED')
              ORDER BY v.state = 'RESERVED', home.walk, p.position, v.id""", None, "vial"),
    OF_THE_BEDSIDE,
    Source("decide", Q, "Donations to decide", "No donation is waiting for a decision.",
           f"""SELECT n.code, CASE n.tissue WHEN 'cord' THEN 'Umbilical cord' ELSE 'Placenta' END AS title, n.state,
              'received ' || {instant("n.received_at")} AS detail, n.site_id FROM donation n
              WHERE n.state = 'AWAITING_DECISION' ORDER BY n.received_at""", "decide_donation", "donation"),
    Source("review", Q, "Results to review", "Every result is reviewed.",
           f"""SELECT r.code, r.test || ' of ' || {TESTED_CODE} AS title, r.state,
              coalesce(r.choice, trim_scale(r.number) || ' ' || coalesce(r.unit, '')) || ', '
              || lower(replace(r.verdict, '_', ' ')) || ', entered by ' || p.full_name
              || CASE WHEN r.corrects_id IS NULL THEN '' ELSE ', a correction' END AS detail, {TESTED_SITE} AS site_id
              FROM test_result r JOIN person p ON p.id = r.entered_by_id {join_tested("r")}
              WHERE r.state = 'ENTERED' ORDER BY r.resulted_at""",
           "review_results", "results"),
    Source("results_due", Q, "Results due", "No result is awaited.", _RESULTS_DUE, "enter_result", "sample"),
    Source("donors", Q, "Donors without a determination", "Every donor is determined.",
           """SELECT d.code, 'Donor ' || d.pseudonym AS title, d.state, (SELECT count(*) FROM test_result r
              WHERE r.donor_id = d.id AND r.state = 'REVIEWED') || ' results reviewed' AS detail, d.site_id
              FROM donor d WHERE d.state = 'REGISTERED' ORDER BY d.id""", "determine_eligibility", "donor"),
    Source("reagents", Q, "Reagents in quarantine", "No reagent is waiting.",
           """SELECT r.code, r.name AS title, r.state, r.manufacturer || ' ' || r.manufacturer_lot || ', expires '
              || r.expires_on AS detail, r.site_id FROM reagent_lot r WHERE r.state = 'QUARANTINED'
              ORDER BY r.expires_on""",
           "decide_reagent", "reagent"),
    Source("definitions", Q, "Definitions to make effective", "No definition is waiting.",
           """SELECT f.code, f.title, f.state, f.type || ' ' || f.identifier || ' version ' || f.version AS detail,
              CAST(:site AS bigint) AS site_id
              FROM definition f WHERE f.state = 'IMPORTED' ORDER BY f.id""", "make_effective", "definition"),
    Source("excursions", Q, "Excursions to decide", "Every excursion is decided.",
           f"""SELECT e.code, initcap(e.category) || ' excursion in ' || u.name AS title, e.state,
              'peak ' || trim_scale(e.peak_c) || ' °C, from ' || {instant("e.started_at")}
              || CASE WHEN e.ended_at IS NULL THEN ', goes on' ELSE '' END AS detail, e.site_id
              FROM excursion e JOIN storage_unit u ON u.id = e.storage_unit_id
              WHERE e.state = 'OPEN'
              ORDER BY array_position(ARRAY['reject', 'critical', 'warning', 'silent'], e.category),
              e.started_at""", "decide_excursion", "excursion"),
    Source("holds", Q, "Holds in force", "Nothing is on hold.",
           """SELECT h.code, 'Hold on ' || coalesce(l.code, d.code, r.code, u.code) AS title, h.state,
              left(h.reason, 90) AS detail, coalesce(l.site_id, d.site_id, r.site_id, u.site_id) AS site_id
              FROM hold h LEFT JOIN lot l ON l.id = h.lot_id
              LEFT JOIN donor d ON d.id = h.donor_id LEFT JOIN reagent_lot r ON r.id = h.reagent_lot_id
              LEFT JOIN storage_unit u ON u.id = h.storage_unit_id WHERE h.state = 'PLACED' ORDER BY h.placed_at"""),
    Source("unanswered", Q, "Notices that no clinician has answered", "Every notice is answered.",
           f"""SELECT n.code, {_NOTICE} AS title, n.state, {_LEFT} || '; since '
               || {instant("n.opened_at")} AS detail, n.site_id FROM recall_notice n {_TO_TELL}
               WHERE n.state = 'OPEN' ORDER BY t.running > 0 DESC, n.opened_at, n.id"""),
    Source("conditional", Q, "Conditional releases to sign", "No conditional release is waiting.",
           """SELECT c.code, 'Lot ' || l.code || ' for ' || s.trial_number AS title, c.state, 'pending '
              || (SELECT string_agg(t, ', ') FROM jsonb_array_elements_text(c.pending) t) AS detail, s.site_id,
              CASE c.state WHEN 'REQUESTED' THEN 'approve_conditional_release' ELSE 'sign_for_sponsor' END AS act
              FROM conditional_release c JOIN lot l ON l.id = c.lot_id JOIN subject s ON s.id = c.subject_id
              WHERE c.state IN ('REQUESTED', 'APPROVED') ORDER BY c.id""", None, "release"),
    Source("pending", Q, "Pending results of conditional releases", "No lot is used with a result pending.",
           f"""SELECT c.code, t.code || ' of lot ' || l.code AS title, c.state,
              coalesce('result ' || r.code || ' waits for its review', 'no result') || ', pending since '
              || {instant("c.requested_at")} || ', used for ' || s.trial_number
              AS detail, l.site_id,
              (a.due_on + time '23:59') AT TIME ZONE p.timezone AS due
              FROM conditional_release c JOIN lot l ON l.id = c.lot_id JOIN subject s ON s.id = c.subject_id
              JOIN site p ON p.id = l.site_id CROSS JOIN jsonb_array_elements_text(c.pending) AS t (code)
              LEFT JOIN LATERAL (SELECT x.code, x.state FROM test_result x WHERE x.lot_id = l.id AND x.test = t.code
                AND x.state IN ('ENTERED', 'REVIEWED') ORDER BY x.state, x.id DESC LIMIT 1) r ON true
              LEFT JOIN LATERAL (SELECT x.due_on FROM sample x WHERE x.lot_id = l.id AND x.test = t.code
                AND x.state = 'TAKEN' ORDER BY x.due_on LIMIT 1) a ON true
              WHERE c.state = 'IN_FORCE' AND r.state IS DISTINCT FROM 'REVIEWED'
              ORDER BY c.requested_at, c.id, t.code"""),
    Source("bedside", C, "Doses for the bedside", "No dose is ready.",
           f"""SELECT d.code, {DOSE} AS title, d.state, 'lot ' || l.code AS detail, s.site_id, d.expires_at AS due
              FROM {_DOSES}
               WHERE d.state IN ('PREPARED', 'CHECKED_ONCE', 'CHECKED', 'INFUSING') ORDER BY d.expires_at"""),
    Source("stopped", C, "Doses of rejected and recalled lots to stop", "No dose of such a lot is under way.",
           f"""SELECT d.code, {DOSE} AS title, d.state, 'lot ' || l.code || ' ' || lower(l.state) AS detail, s.site_id,
               CASE WHEN d.state IN ('ORDERED', 'PICKED') THEN 'cancel_dose'
                    WHEN d.state = 'INFUSING' THEN 'stop_infusion' ELSE 'discard_dose' END AS act FROM {_DOSES}
               WHERE l.state IN ('REJECTED', 'RECALLED')
               AND d.state NOT IN ('CANCELLED', 'DISCARDED', 'INFUSED', 'RECONCILED')
               ORDER BY d.state = 'INFUSING' DESC, d.planned_on, d.id""", None, "dose"),
    Source("undecided", C, "Treatment stopped: a clinician decides", "No treatment waits for a decision.",
           """SELECT s.code, 'Subject ' || s.trial_number AS title, s.state, c.said AS detail, s.site_id FROM subject s
              CROSS JOIN LATERAL (SELECT string_agg(u.said, '; ' ORDER BY u.since, u.id) AS said
                FROM undecided_concerns(s.id) u) c
               WHERE s.state IN ('SCREENING', 'ENROLLED') AND c.said IS NOT NULL ORDER BY s.id""",
           "continue_treatment", "subject"),
    Source("notices", C, "Notices to answer: product was stopped or lost", "No notice is waiting for an answer.",
           f"""SELECT n.code, {_NOTICE} AS title, n.state, {_LEFT} || ' · ' || left(n.reason, 90) AS detail, n.site_id
               FROM recall_notice n {_TO_TELL}
               WHERE n.state = 'OPEN' ORDER BY t.running > 0 DESC, t.coming > 0 DESC, n.opened_at, n.id"""),
    Source("conditionally", C, "Conditional releases in force: results are pending", "None is in force.",
           """SELECT c.code, 'Lot ' || l.code || ' for ' || s.trial_number AS title, c.state, 'pending '
              || (SELECT string_agg(t, ', ') FROM jsonb_array_elements_text(c.pending) t) || '; given: '
              || coalesce((SELECT string_agg(d.code, ', ' ORDER BY d.id) FROM dose d WHERE d.lot_id = c.lot_id
                 AND d.subject_id = c.subject_id AND d.state IN ('INFUSING', 'INFUSED', 'RECONCILED')), 'nothing yet')
              AS detail, s.site_id FROM conditional_release c JOIN lot l ON l.id = c.lot_id
              JOIN subject s ON s.id = c.subject_id
              WHERE c.state = 'IN_FORCE' ORDER BY c.in_force_at, c.id"""),
    Source("trail", Q, "Trail not reviewed", "The trail is reviewed.",
           f"""SELECT first_act::text AS code, 'Not reviewed since ' || {instant("since")} AS title,
               'DUE' AS state, 'acts ' || first_act || ' to ' || last_act AS detail, site_id,
               since + interval '{EVERY.days} days' AS due FROM ({UNREAD}) AS unread""",
           "review_trail", "first_act"),
    Source("locked_accounts", Q, "Security alerts: wrong passwords", "Nobody tried many passwords in the last days.",
           _LOCKED),
    Source("guessed_identities", Q, "Security alerts: wrong identities", "", _GUESSING),
    Source("accounts_to_confirm", Q, "Changes of accounts to confirm", "", _ACCOUNTS, "confirm_account_change",
           "person"),
    Source("recorded_trainings", Q, "Trainings to confirm", "", _RECORDED, "confirm_training", "training"),
    Source("trainings_to_renew", Q, "Trainings to renew", "Everybody who signs is trained.", _TRAININGS),
    Source("amended", C, "Subjects under an earlier protocol version", "All are under the version in force.",
           """SELECT s.code, 'Subject ' || s.trial_number AS title, s.state,
              p.code || '; in force: ' || n.code AS detail, s.site_id FROM subject s
              JOIN definition p ON p.id = s.protocol_id JOIN definition n ON n.type = 'protocol'
                AND n.identifier = s.trial AND n.state = 'EFFECTIVE' AND n.id <> p.id
              WHERE s.state IN ('SCREENING', 'ENROLLED') ORDER BY s.id""", "move_to_amendment", "subject"),
    Source("short", C, "Short doses to accept or refuse", "No short dose is waiting.",
           f"""SELECT d.code, {DOSE} AS title, d.state,
               trim_scale(d.delivered_percent) || ' % of the dose' AS detail, s.site_id,
               d.expires_at AS due FROM {_DOSES} WHERE d.state = 'COUNTED' AND d.is_short
               AND d.short_dose_reason IS NULL
               ORDER BY d.expires_at""", "accept_short_dose", "dose"),
    Source("weights", C, "Weights to confirm", "Every weight is confirmed.",
           """SELECT w.code, 'Weight of subject ' || s.trial_number AS title, w.state,
              'measured by ' || p.full_name AS detail, s.site_id FROM weight w JOIN subject s ON s.id = w.subject_id
              JOIN person p ON p.id = w.measured_by_id WHERE w.state = 'MEASURED' ORDER BY w.measured_at""",
           "confirm_weight", "weight"),
    Source("ordered", C, "Doses ordered and on their way", "No dose is on its way.",
           f"""SELECT d.code, {DOSE} AS title, d.state, 'planned ' || d.planned_on AS detail, s.site_id FROM {_DOSES}
               WHERE d.state IN ('ORDERED', 'PICKED', 'THAWING', 'COUNTED') ORDER BY d.planned_on"""),
    Source("reconcile", C, "Infusions to reconcile", "Every infusion is reconciled.",
           f"""SELECT d.code, {DOSE} AS title, d.state,
               'given ' || {instant("d.infusion_stopped_at")} AS detail, s.site_id
               FROM {_DOSES} WHERE d.state = 'INFUSED' ORDER BY d.infusion_stopped_at""", "reconcile_infusion", "dose"),
    Source("screening", C, "Subjects being assessed", "Nobody is being assessed.",
           """SELECT s.code, 'Subject ' || s.trial_number AS title, s.state, 'arm ' || s.arm AS detail, s.site_id
              FROM subject s WHERE s.state = 'SCREENING' ORDER BY s.id"""),
    Source("locked", A, "Security alerts: wrong passwords", "Nobody tried many passwords in the last days.", _LOCKED),
    Source("changes", A, "Changes of accounts to confirm", "", _ACCOUNTS, "confirm_account_change", "person"),
    Source("recorded", A, "Trainings to confirm", "", _RECORDED, "confirm_training", "training"),
    Source("trainings", A, "Trainings to renew", "Everybody who signs is trained.", _TRAININGS),
    Source("first", A, "First passwords not yet changed", "Everybody has a password of their own.",
           """SELECT p.code, p.full_name AS title, p.state, 'sign-in name ' || p.name AS detail, p.site_id FROM person p
              WHERE p.must_change_password AND p.state = 'ACTIVE' ORDER BY p.full_name"""),
    Source("keys", A, "Keys of programs", "No program has a key.",
           f"""SELECT t.code, t.title, t.state, 'of ' || p.full_name || ', until ' || {instant("t.expires_at")}
              AS detail, p.site_id FROM api_token t JOIN person p ON p.id = t.person_id WHERE t.state = 'LIVE'
              ORDER BY t.expires_at"""),
    *(_planned(role) for role in (T, Q, C)),
    *(_to_investigate(role) for role in (T, Q)),
    Source("decisions", Q, "Deviations to decide", "No deviation waits for a decision.",
           _DEVIATIONS.format(DeviationState.INVESTIGATED), "close_deviation", "deviation"),
    Source("verifications", Q, "Actions to verify", "No action is to be verified.", _ACTIONS.format(ActionState.DONE),
           "verify_action", "action"),
)  # fmt: skip


def worklists(installation: Installation, roles: frozenset[Role], now: datetime.datetime) -> tuple[Worklist, ...]:
    """The lists of these roles at the site that is looked at, in the order in which a day is worked."""
    with installation.reads.connect() as connection:
        mine = {source.name: source for source in SOURCES if source.role in roles}  # each once, whatever the roles
        return tuple(_read(connection, source, now, installation) for source in mine.values())


def _read(connection: Connection, source: Source, now: datetime.datetime, installation: Installation) -> Worklist:
    site = installation.site
    # The site stands in the statement, whose plan is then made once and kept.
    here = "" if site is None else f"WHERE site_id = {site:d}"
    statement = f"SELECT *, count(*) OVER () AS total FROM ({source.sql}) AS found {here} LIMIT {SHOWN}"
    given = {name: value for name, value in (("now", now), ("site", site)) if f":{name}" in statement}
    rows = connection.execute(text(statement), given).mappings().all()
    items = tuple(_item(row, source, installation.zone) for row in rows)
    return Worklist(source.name, source.title, source.empty, items, rows[0]["total"] if rows else 0)


def _item(row: Any, source: Source, zone: datetime.tzinfo) -> Item:
    """A row as an item; codes stand in groups, cells in millions, times on the clock of the site."""
    detail = f"{millions(row['cells'])} cells {row['detail']}" if "cells" in row else row["detail"]
    title = text_on_the_wall(" ".join(printed(part) for part in row["title"].split(" ")), zone)
    detail = text_on_the_wall(detail or "", zone)
    return Item(row["code"], title, row["state"], detail, row.get("act", source.act), source.field, row.get("due"))


def lots_in_quarantine(installation: Installation) -> tuple[str, ...]:
    """The codes of the lots that wait for a release, the oldest first."""
    mine = at_site("site_id")
    statement = text(f"SELECT code FROM lot WHERE state = 'QUARANTINE' AND {mine} ORDER BY frozen_at, id")
    with installation.reads.connect() as connection:
        return tuple(connection.scalars(statement, {"site": installation.site}))


def treated_subjects(installation: Installation) -> tuple[str, ...]:
    """The codes of the enrolled subjects whose arm receives the product, in the order of their numbers."""
    mine = at_site("site_id")
    statement = text(
        f"SELECT code FROM subject WHERE state = 'ENROLLED' AND receives_product AND {mine} ORDER BY trial_number"
    )
    with installation.reads.connect() as connection:
        return tuple(connection.scalars(statement, {"site": installation.site}))

-- What waits for people: facts with names, of which the worklists make their lines (`services/lookup/work/`). No words
-- stand here: those are said in the reader's language. Each row has its record's code and state, and the site it is of.

-- The last minute of a day on the clock of a site.
CREATE FUNCTION end_of_day(the_day date, the_site bigint) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT (the_day + time '23:59') AT TIME ZONE timezone FROM site WHERE id = the_site
$$;

-- When all was let go that an act put on hold; null while something of it stands.
CREATE FUNCTION holds_lifted_at(the_act bigint) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN bool_and(h.state = 'LIFTED') THEN max(h.lifted_at) END
    FROM change c JOIN hold h ON h.id = c.record_id
   WHERE c.act_id = the_act AND c.record_kind = 'hold' AND c.before IS NULL
$$;

-- A dose with the subject and the lot that it is of.
CREATE VIEW dose_to_do AS
  SELECT d.id, d.code, d.state, s.site_id, d.infusion_number AS n, d.day AS m, s.trial_number AS subject, l.code AS lot,
         l.state AS lot_state, d.planned_on, d.vials_needed + d.vials_spare AS vials, d.expires_at, d.delivered_percent,
         d.is_short AND d.short_dose_reason IS NULL AS is_short, d.infusion_stopped_at
    FROM dose d JOIN subject s ON s.id = d.subject_id JOIN lot l ON l.id = d.lot_id;

-- A notice that nobody has answered: its doses by what is to be done about them, and since when its holds are lifted.
CREATE VIEW notice_to_answer AS
  SELECT n.id, n.code, n.state, n.site_id, n.record_kind, n.record_code, n.reason, n.opened_at, t.running, t.coming,
         t.given, nullif(t.given - t.running, 0) AS was_given,
         t.let_go, t.let_go > 0 AND n.record_kind = 'vial' AS let_go_of_a_vial,
         t.let_go > 0 AND n.record_kind <> 'vial' AS let_go_again, holds_lifted_at(n.act_id) AS lifted_at
    FROM recall_notice n
    CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE d.state = 'INFUSING' AND NOT lot_is_for(d.lot_id, d.subject_id)) AS running,
             count(*) FILTER (WHERE d.infusion_started_at IS NULL AND NOT lot_is_for(d.lot_id, d.subject_id)) AS coming,
             count(*) FILTER (WHERE d.infusion_started_at IS NULL AND lot_is_for(d.lot_id, d.subject_id)) AS let_go,
             count(*) FILTER (WHERE d.infusion_started_at IS NOT NULL) AS given
        FROM notice_line a JOIN dose d ON d.id = a.dose_id
       WHERE a.notice_id = n.id AND a.answered_at IS NULL) t
   WHERE n.state = 'OPEN';

-- A shipment between its two sites, who has it in hand, and how many of its vials are where.
CREATE VIEW shipment_to_do AS
  SELECT h.id, h.code, h.state, h.from_site_id, h.to_site_id, s.name AS sender, r.name AS receiver, h.ordered_at,
         h.sealed_at, h.received_at, h.checked_at, h.sealed_at + h.planned_hours * interval '1 hour' AS due,
         h.logger_id, nullif(jsonb_array_length(h.differences), 0) AS differences,
         (SELECT coalesce(p.full_name, c.carrier) FROM custody c LEFT JOIN person p ON p.id = c.person_id
           WHERE c.shipment_id = h.id AND c.until IS NULL) AS holder,
         (SELECT coalesce(sum((w ->> 'count')::int), 0) FROM jsonb_array_elements(h.wanted) w) AS wanted,
         (SELECT count(*) FROM packed_vial k WHERE k.shipment_id = h.id AND k.ended_at IS NULL) AS packed,
         (SELECT count(*) FROM packed_vial k WHERE k.shipment_id = h.id AND k.ended_at IS NULL
             AND k.finding IN ('RECEIVED', 'DAMAGED')) AS scanned,
         -- in the shipper, or out of it and in no box yet
         (SELECT count(*) FROM packed_vial k JOIN vial v ON v.id = k.vial_id WHERE k.shipment_id = h.id
             AND k.ended_at IS NULL AND v.state = 'RECEIVED' AND NOT EXISTS (
               SELECT FROM placement l JOIN storage_unit u ON u.id = l.box_id
                WHERE l.vial_id = v.id AND l.taken_at IS NULL AND u.type <> 'shipper')) AS outside
    FROM shipment h JOIN site s ON s.id = h.from_site_id JOIN site r ON r.id = h.to_site_id;

-- A sample whose result is awaited, until the end of the day at the site.
CREATE VIEW result_due AS
  SELECT a.id, a.code, a.state, a.test, a.material, a.taken_at, a.due_on, end_of_day(a.due_on, p.site_id) AS due,
         coalesce(l.code, c.code, n.code, d.code) AS tested,
         coalesce(l.site_id, c.site_id, n.site_id, d.site_id) AS site_id
    FROM sample a JOIN person p ON p.id = a.taken_by_id
    LEFT JOIN lot l ON l.id = a.lot_id LEFT JOIN culture c ON c.id = a.culture_id
    LEFT JOIN donation n ON n.id = a.donation_id LEFT JOIN donor d ON d.id = a.donor_id
   WHERE a.state = 'TAKEN';

-- A result that waits for its review, as it was entered.
CREATE VIEW result_to_review AS
  SELECT r.id, r.code, r.state, r.test, coalesce(r.choice, concat_ws(' ', trim_scale(r.number), r.unit)) AS result,
         lower(r.verdict) AS verdict, p.full_name AS person, r.corrects_id IS NOT NULL AS is_a_correction,
         r.resulted_at, coalesce(l.code, c.code, n.code, d.code) AS tested,
         coalesce(l.site_id, c.site_id, n.site_id, d.site_id) AS site_id
    FROM test_result r JOIN person p ON p.id = r.entered_by_id
    LEFT JOIN lot l ON l.id = r.lot_id LEFT JOIN culture c ON c.id = r.culture_id
    LEFT JOIN donation n ON n.id = r.donation_id LEFT JOIN donor d ON d.id = r.donor_id
   WHERE r.state = 'ENTERED';

-- A conditional release, with what is pending and what was given under it.
CREATE VIEW conditional_to_do AS
  SELECT c.id, c.code, c.state, c.requested_at, c.in_force_at, l.code AS lot, l.id AS lot_id, l.site_id AS lot_site_id,
         s.trial_number AS subject, s.site_id, c.pending,
         (SELECT string_agg(t, ', ') FROM jsonb_array_elements_text(c.pending) t) AS tests,
         (SELECT string_agg(d.code, ', ' ORDER BY d.id) FROM dose d WHERE d.lot_id = c.lot_id
             AND d.subject_id = c.subject_id AND d.state IN ('INFUSING', 'INFUSED', 'RECONCILED')) AS codes
    FROM conditional_release c JOIN lot l ON l.id = c.lot_id JOIN subject s ON s.id = c.subject_id;

-- A result that a conditional release in force still waits for: what there is of it, and when it is due.
CREATE VIEW pending_result AS
  SELECT c.id, c.code, c.state, t.test, c.lot, r.code AS result, c.requested_at, c.subject, c.lot_site_id AS site_id,
         end_of_day(a.due_on, c.lot_site_id) AS due
    FROM conditional_to_do c CROSS JOIN jsonb_array_elements_text(c.pending) AS t (test)
    LEFT JOIN LATERAL (SELECT x.code, x.state FROM test_result x WHERE x.lot_id = c.lot_id AND x.test = t.test
       AND x.state IN ('ENTERED', 'REVIEWED') ORDER BY x.state, x.id DESC LIMIT 1) r ON true
    LEFT JOIN LATERAL (SELECT x.due_on FROM sample x WHERE x.lot_id = c.lot_id AND x.test = t.test
       AND x.state = 'TAKEN' ORDER BY x.due_on LIMIT 1) a ON true
   WHERE c.state = 'IN_FORCE' AND r.state IS DISTINCT FROM 'REVIEWED';

-- A vial that is out of the tank and not thawed, and until when it may be: in its dewar, then as long as it may warm.
CREATE VIEW vial_out_of_the_tank AS
  SELECT v.id, v.code, v.state, v.site_id, v.number, l.code AS lot, dewar.name AS dewar, v.picked_at,
         d.state IS NOT NULL AND d.state IN ('PICKED', 'THAWING') AS has_a_dose,
         p.taken_at + coalesce(dewar.cold_minutes, 0) * interval '1 min'
           + coalesce((f.handling->>'warming_single_seconds')::int, 0) * interval '1 s' AS due
    FROM vial v JOIN lot l ON l.id = v.lot_id JOIN definition f ON f.id = l.specification_id
    LEFT JOIN dose d ON d.id = v.dose_id
    LEFT JOIN LATERAL (SELECT taken_at, dewar_id FROM placement WHERE vial_id = v.id
       ORDER BY placed_at DESC, id DESC LIMIT 1) p ON true
    LEFT JOIN storage_unit dewar ON dewar.id = p.dewar_id
   WHERE v.state = 'PICKED';

-- What was found wrong with a temperature and is not decided, and until when somebody is to say that they know.
CREATE VIEW excursion_to_decide AS
  SELECT e.id, e.code, e.state, e.site_id, e.category, u.name AS unit, trim_scale(e.peak_c) AS peak, e.started_at,
         e.ended_at, e.found_at, e.acknowledged_at, e.found_at + p.acknowledge_minutes * interval '1 min' AS due
    FROM excursion e JOIN storage_unit u ON u.id = e.storage_unit_id JOIN probe p ON p.id = e.probe_id
   WHERE e.state = 'OPEN';

-- A hold in force, and the code of what it is on.
CREATE VIEW hold_in_force AS
  SELECT h.id, h.code, h.state, h.reason, h.placed_at, coalesce(l.code, d.code, r.code, u.code) AS held,
         coalesce(l.site_id, d.site_id, r.site_id, u.site_id) AS site_id
    FROM hold h LEFT JOIN lot l ON l.id = h.lot_id LEFT JOIN donor d ON d.id = h.donor_id
    LEFT JOIN reagent_lot r ON r.id = h.reagent_lot_id LEFT JOIN storage_unit u ON u.id = h.storage_unit_id
   WHERE h.state = 'PLACED';

-- Deviations and what is to be done about them, until the end of the day at their site.
CREATE VIEW deviation_to_do AS
  SELECT id, code, state, site_id, title, classification, due_on, end_of_day(due_on, site_id) AS due FROM deviation;
CREATE VIEW action_to_do AS
  SELECT a.id, a.code, a.state, v.site_id, left(a.description, 90) AS description, p.full_name AS person,
         v.code AS deviation, a.due_on, end_of_day(a.due_on, v.site_id) AS due
    FROM corrective_action a JOIN deviation v ON v.id = a.deviation_id JOIN person p ON p.id = a.responsible_id;

-- A change of an account that was asked for and waits for another person.
CREATE VIEW account_change_to_confirm AS
  SELECT p.code, p.full_name, p.state, p.site_id, c.id, c.change, c.roles, array_to_string(c.also_at, ', ') AS sites,
         c.email, a.full_name AS person, c.asked_at
    FROM account_change c JOIN person p ON p.id = c.person_id JOIN person a ON a.id = c.asked_by_id
   WHERE c.state = 'ASKED' AND p.state <> 'DISABLED';

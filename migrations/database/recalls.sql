-- Stops and recalls: each reaches the clinicians of every dose that it concerns, in the same act.
-- Twins: `domain/rules/notice.py`, `services/stopping/notices.py`, `domain/rules/vial_lost.py`.

-- The doses that a record concerns from a moment on and that are not given up.
CREATE FUNCTION doses_concerned(the_kind text, the_id bigint, since timestamptz) RETURNS SETOF bigint
  LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF the_kind = 'storage_unit' THEN
    RETURN QUERY SELECT d.id FROM dose d
      WHERE d.lot_id IN (SELECT lots_reached(the_kind, the_id, since)) AND d.state NOT IN ('CANCELLED', 'DISCARDED')
        AND (d.state NOT IN ('INFUSED', 'RECONCILED') OR EXISTS (
          SELECT FROM vial v JOIN placement p ON p.vial_id = v.id CROSS JOIN LATERAL unit_line(p.box_id) up
           WHERE v.dose_id = d.id AND up.unit_id = the_id
             AND least(p.taken_at, up.until) > greatest(doses_concerned.since, p.placed_at, up.since)));
  ELSIF the_kind = 'excursion' THEN
    RETURN QUERY SELECT d.id FROM dose d JOIN excursion e ON e.id = the_id
      WHERE d.state NOT IN ('CANCELLED', 'DISCARDED')
        AND (d.state NOT IN ('INFUSED', 'RECONCILED') OR d.infusion_started_at > e.started_at)
        AND ((d.state NOT IN ('INFUSED', 'RECONCILED')
              AND d.lot_id IN (SELECT h.lot_id FROM hold h WHERE h.excursion_id = the_id AND h.state = 'PLACED'))
             OR EXISTS (SELECT FROM vial v CROSS JOIN LATERAL stood_through(NULL, v.id) t
                         WHERE v.dose_id = d.id AND t.excursion_id = the_id));
  ELSE
    RETURN QUERY SELECT d.id FROM dose d
      WHERE d.lot_id IN (SELECT lots_below(the_kind, the_id)) AND d.state NOT IN ('CANCELLED', 'DISCARDED');
  END IF;
END $$;

-- A stop reaches every clinician.
CREATE FUNCTION stop_is_told() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_act bigint := acting();
  row jsonb := to_jsonb(NEW);
  stopped record;
BEGIN
  PERFORM at_the_end();
  IF TG_TABLE_NAME IN ('lot', 'excursion') THEN
    SELECT TG_TABLE_NAME AS kind, NEW.id AS id INTO stopped;
  ELSE
    SELECT x.kind, x.id INTO stopped FROM (VALUES
      (1, 'excursion', (row ->> 'excursion_id')::bigint), (2, 'donor', (row ->> 'donor_id')::bigint),
      (3, 'donation', (row ->> 'donation_id')::bigint), (4, 'culture', (row ->> 'culture_id')::bigint),
      (5, 'lot', (row ->> 'lot_id')::bigint), (6, 'reagent_lot', (row ->> 'reagent_lot_id')::bigint),
      (7, 'storage_unit', (row ->> 'storage_unit_id')::bigint)) x(place, kind, id)
     WHERE x.id IS NOT NULL ORDER BY x.place LIMIT 1;
  END IF;
  PERFORM must((SELECT name FROM act WHERE id = the_act) = 'lift_hold' OR NOT EXISTS (
    SELECT FROM doses_concerned(stopped.kind, stopped.id, (row ->> 'placed_at')::timestamptz) AS d(id)
     WHERE NOT EXISTS (SELECT FROM notice_line l JOIN recall_notice n ON n.id = l.notice_id
                        WHERE l.dose_id = d.id AND n.act_id = the_act)),
    'a_stop_reaches_every_clinician', 'the clinician of a dose was not told');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER excursion_stop_is_told AFTER UPDATE ON excursion DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (((new.state = 'REJECTED') AND (old.state <> new.state))) EXECUTE FUNCTION stop_is_told();
CREATE CONSTRAINT TRIGGER hold_stop_is_told AFTER INSERT ON hold DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN ((new.state = 'PLACED')) EXECUTE FUNCTION stop_is_told();
CREATE CONSTRAINT TRIGGER lot_stop_is_told AFTER UPDATE ON lot DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (((new.state = ANY (ARRAY['REJECTED', 'RECALLED'])) AND (old.state <> new.state)))
  EXECUTE FUNCTION stop_is_told();
CREATE CONSTRAINT TRIGGER test_result_stop_is_told AFTER INSERT ON test_result DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (((new.verdict = 'OUT_OF_SPECIFICATION') AND (new.donor_id IS NULL)))
  EXECUTE FUNCTION stop_is_told();

-- A dose that lacks a vial, for one of its own was lost, is never left in silence.
CREATE FUNCTION vial_lost_is_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM at_the_end();
  PERFORM must((SELECT state FROM dose WHERE id = OLD.dose_id) NOT IN ('ORDERED', 'PICKED', 'THAWING', 'COUNTED')
               OR (SELECT count(*) FROM vial WHERE dose_id = OLD.dose_id
                      AND state IN ('RESERVED', 'PICKED', 'THAWED', 'POOLED'))
                  >= (SELECT vials_needed FROM dose WHERE id = OLD.dose_id)
               OR EXISTS (SELECT FROM notice_line l JOIN recall_notice n ON n.id = l.notice_id
                           WHERE l.dose_id = OLD.dose_id
                             AND n.act_id = acting()),
               'a_lost_vial_reaches_the_clinician', 'the clinician of its dose was not told');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER vial_lost_is_told AFTER UPDATE ON vial DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.state IN ('DISCARDED', 'MISSING') AND OLD.state IN ('RESERVED', 'PICKED', 'THAWED') AND OLD.dose_id IS NOT NULL)
  EXECUTE FUNCTION vial_lost_is_told();

-- An answer to a notice stays.
CREATE FUNCTION notice_line_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(OLD.answered_at IS NULL AND (NEW.notice_id, NEW.dose_id) = (OLD.notice_id, OLD.dose_id),
               'an_answer_to_a_notice_stays', 'the dose is answered');
  RETURN NEW;
END $$;
CREATE TRIGGER notice_line_safety BEFORE UPDATE ON notice_line
  FOR EACH ROW WHEN (true) EXECUTE FUNCTION notice_line_safety();

-- A notice ends with its last answer.
CREATE FUNCTION notice_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (SELECT FROM notice_line WHERE notice_id = NEW.id AND answered_at IS NULL),
               'a_notice_ends_with_its_last_answer', 'a dose of the notice is not answered');
  RETURN NEW;
END $$;
CREATE TRIGGER notice_safety BEFORE UPDATE ON recall_notice
  FOR EACH ROW WHEN (((new.state = 'ACKNOWLEDGED') AND (old.state <> new.state))) EXECUTE FUNCTION notice_safety();

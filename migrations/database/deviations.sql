-- Deviations, corrections and holds. Twins: `domain/rules/deviation.py`, `domain/rules/hold.py`, `domain/rules/correction.py`.

-- A closed deviation stays closed, and none is closed before its correction is done.
CREATE FUNCTION deviation_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(OLD.state <> 'CLOSED' OR NEW.state = 'OPEN',
               'a_closed_deviation_stays_closed', 'the deviation is closed');
  PERFORM must(NEW.state <> 'CLOSED' OR NOT EXISTS (
    SELECT FROM corrective_action WHERE deviation_id = NEW.id AND type = 'corrective' AND state = 'PLANNED'),
    'no_closing_before_the_correction', 'a corrective action is not done');
  RETURN NEW;
END $$;
CREATE TRIGGER deviation_safety BEFORE UPDATE ON deviation FOR EACH ROW WHEN (true) EXECUTE FUNCTION deviation_safety();

-- Nothing is added to a closed deviation.
CREATE FUNCTION deviation_link_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  found text;
BEGIN
  SELECT state INTO found FROM deviation WHERE id = NEW.deviation_id FOR SHARE;
  PERFORM must(found <> 'CLOSED', 'nothing_is_added_to_a_closed_deviation', 'the deviation is closed');
  RETURN NEW;
END $$;
CREATE TRIGGER corrective_action_safety BEFORE INSERT ON corrective_action
  FOR EACH ROW WHEN (true) EXECUTE FUNCTION deviation_link_safety();
CREATE TRIGGER deviation_link_safety BEFORE INSERT ON deviation_link
  FOR EACH ROW WHEN (true) EXECUTE FUNCTION deviation_link_safety();

-- Since when a deviation is critical: what was decided before is decided again.
CREATE FUNCTION deviation_is_critical() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.classification <> 'critical' OR NEW.state = 'CLOSED' THEN
    NEW.critical_since := NULL;
  ELSIF TG_OP = 'INSERT' OR OLD.classification <> 'critical' OR OLD.state = 'CLOSED' THEN
    NEW.critical_since := (SELECT at FROM act WHERE id = acting());
  ELSE
    NEW.critical_since := OLD.critical_since;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deviation_is_critical BEFORE INSERT OR UPDATE ON deviation
  FOR EACH ROW EXECUTE FUNCTION deviation_is_critical();

-- The subjects whom a deviation is about.
CREATE FUNCTION subjects_of_deviation(the_deviation bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  SELECT DISTINCT coalesce(d.subject_id, k.record_id) AS id
    FROM deviation_link k LEFT JOIN dose d ON k.record_kind = 'dose' AND d.id = k.record_id
   WHERE k.deviation_id = the_deviation AND k.record_kind IN ('dose', 'subject') ORDER BY id
$$;

-- A critical deviation waits for a step of the next dose that is being written, and the step for it.
CREATE FUNCTION critical_deviation_comes_in_turn() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_deviation bigint := CASE TG_TABLE_NAME WHEN 'deviation' THEN NEW.id ELSE (to_jsonb(NEW) ->> 'deviation_id')::bigint END;
BEGIN
  IF EXISTS (SELECT FROM deviation WHERE id = the_deviation AND classification = 'critical' AND state <> 'CLOSED') THEN
    PERFORM FROM subject WHERE id IN (SELECT subjects_of_deviation(the_deviation)) ORDER BY id FOR NO KEY UPDATE;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER critical_deviation_comes_in_turn AFTER UPDATE ON deviation FOR EACH ROW
  WHEN (NEW.critical_since IS NOT NULL AND OLD.critical_since IS NULL)
  EXECUTE FUNCTION critical_deviation_comes_in_turn();
CREATE TRIGGER critical_deviation_comes_in_turn AFTER INSERT ON deviation_link FOR EACH ROW
  WHEN (NEW.record_kind IN ('dose', 'subject')) EXECUTE FUNCTION critical_deviation_comes_in_turn();

-- A hold stops every lot below.
CREATE FUNCTION hold_stops_lots() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_kind text := CASE WHEN NEW.donor_id IS NOT NULL THEN 'donor' WHEN NEW.lot_id IS NOT NULL THEN 'lot'
                        WHEN NEW.reagent_lot_id IS NOT NULL THEN 'reagent_lot' ELSE 'storage_unit' END;
  the_id bigint := coalesce(NEW.donor_id, NEW.lot_id, NEW.reagent_lot_id, NEW.storage_unit_id);
  reached bigint[] := ARRAY(SELECT lots_reached(the_kind, the_id, NEW.placed_at));
BEGIN
  PERFORM FROM lot WHERE id = ANY(reached) ORDER BY id FOR NO KEY UPDATE;
  PERFORM must(NOT EXISTS (SELECT FROM lot WHERE id = ANY(reached) AND state IN ('QUARANTINE', 'RELEASED')),
               'a_hold_stops_every_lot_below', 'a lot below is not stopped');
  RETURN NULL;
END $$;
CREATE TRIGGER hold_stops_lots AFTER INSERT ON hold
  FOR EACH ROW WHEN ((new.state = 'PLACED')) EXECUTE FUNCTION hold_stops_lots();

-- No hold is lifted against a result, nor while its donor is found unfit.
CREATE FUNCTION hold_lifting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.donor_id IS NULL OR NOT EXISTS (
    SELECT FROM test_result WHERE donor_id = NEW.donor_id AND verdict = 'OUT_OF_SPECIFICATION' AND state = 'REVIEWED'),
    'no_hold_is_lifted_against_a_result', 'a result of the donor is out of specification');
  PERFORM must(NEW.donor_id IS NULL OR EXISTS (SELECT FROM consent WHERE donor_id = NEW.donor_id AND state = 'GIVEN'),
    'no_hold_is_lifted_without_consent', 'no consent of the donor is in force');
  PERFORM must(NEW.donor_id IS NULL OR (SELECT state <> 'INELIGIBLE' FROM donor WHERE id = NEW.donor_id),
    'no_hold_is_lifted_on_an_ineligible_donor', 'the donor is ineligible');
  RETURN NEW;
END $$;
CREATE TRIGGER hold_lifting BEFORE UPDATE ON hold
  FOR EACH ROW WHEN (((old.state = 'PLACED') AND (new.state = 'LIFTED'))) EXECUTE FUNCTION hold_lifting();

-- No hold of an excursion is lifted before it is accepted.
CREATE FUNCTION hold_trace_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must((SELECT state FROM excursion WHERE id = NEW.excursion_id) = 'ACCEPTED',
               'no_lifting_before_the_decision', 'the excursion of the hold is not accepted');
  RETURN NEW;
END $$;
CREATE TRIGGER hold_trace_safety BEFORE UPDATE ON hold FOR EACH ROW
  WHEN (NEW.state = 'LIFTED' AND OLD.state <> 'LIFTED' AND NEW.excursion_id IS NOT NULL)
  EXECUTE FUNCTION hold_trace_safety();

-- Whether the act that is open puts a noted value right.
CREATE FUNCTION correcting() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT coalesce(act_in_progress() = 'correct_fact', false)
$$;

-- What was noted is changed by a correction and by nothing else. Twin: `domain/correction.py`.
CREATE FUNCTION noted_value_is_put_right() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(correcting(), 'a_noted_value_is_only_put_right', 'what was noted is changed by a correction only');
  RETURN NEW;
END $$;
CREATE TRIGGER noted_value_is_put_right BEFORE UPDATE ON culture FOR EACH ROW
  WHEN ((OLD.started_at, OLD.cells_seeded) IS DISTINCT FROM (NEW.started_at, NEW.cells_seeded)
        OR OLD.harvested_at IS NOT NULL
           AND (OLD.harvested_at, OLD.cells_harvested, OLD.viability_percent, OLD.confluence_percent,
                OLD.population_doublings, OLD.doubling_time_h, OLD.cumulative_doublings)
               IS DISTINCT FROM
               (NEW.harvested_at, NEW.cells_harvested, NEW.viability_percent, NEW.confluence_percent,
                NEW.population_doublings, NEW.doubling_time_h, NEW.cumulative_doublings))
  EXECUTE FUNCTION noted_value_is_put_right();
CREATE TRIGGER noted_value_is_put_right BEFORE UPDATE ON dose FOR EACH ROW
  WHEN (NOT (NEW.state = 'INFUSED' AND OLD.state <> 'INFUSED') AND (
        OLD.prepared_at IS NOT NULL
          AND (OLD.pooled_ml, OLD.total_cells_per_ml, OLD.viability_percent, OLD.counted_at, OLD.draw_ml,
               OLD.delivered_cells, OLD.final_volume_ml, OLD.prepared_at, OLD.thaw_started_at)
              IS DISTINCT FROM
              (NEW.pooled_ml, NEW.total_cells_per_ml, NEW.viability_percent, NEW.counted_at, NEW.draw_ml,
               NEW.delivered_cells, NEW.final_volume_ml, NEW.prepared_at, NEW.thaw_started_at)
        OR OLD.infusion_stopped_at IS NOT NULL
          AND (OLD.infusion_started_at, OLD.infusion_stopped_at, OLD.volume_given_ml)
              IS DISTINCT FROM (NEW.infusion_started_at, NEW.infusion_stopped_at, NEW.volume_given_ml)
        OR OLD.residual_ml IS NOT NULL AND OLD.residual_ml IS DISTINCT FROM NEW.residual_ml))
  EXECUTE FUNCTION noted_value_is_put_right();

-- What was given or released is put right with a deviation.
CREATE FUNCTION correction_has_its_deviation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM at_the_end();
  PERFORM must(EXISTS (SELECT FROM change WHERE act_id = acting()
                          AND record_kind = 'deviation' AND before IS NULL)
    OR NOT EXISTS (SELECT FROM dose d WHERE d.infusion_started_at IS NOT NULL
                      AND (d.id = NEW.dose_id OR d.id = (SELECT dose_id FROM vial WHERE id = NEW.vial_id)))
   AND NOT EXISTS (SELECT FROM lot l WHERE (l.state IN ('RELEASED', 'RECALLED') OR l.state_before_hold = 'RELEASED')
                      AND (l.id = NEW.lot_id OR l.id IN (SELECT lots_below('culture', NEW.culture_id)))),
    'what_is_out_is_put_right_with_a_deviation', 'it was given or released, and no deviation says so');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER correction_has_its_deviation AFTER INSERT ON correction DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION correction_has_its_deviation();

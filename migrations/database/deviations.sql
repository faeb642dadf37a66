-- Deviations and holds. Twins: `domain/rules/deviation.py`, `domain/rules/hold.py`.

-- A closed deviation stays closed, and none is closed before its correction is done. Less grave it becomes signed, once
-- it is investigated, by another.
CREATE FUNCTION deviation_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  grave text[] := '{minor,major,critical}';
BEGIN
  IF array_position(grave, NEW.classification) < array_position(grave, OLD.classification) THEN
    PERFORM must(act_in_progress() = 'lower_deviation',
                 'a_deviation_is_lowered_with_a_signature', 'the act that lowers it is not signed');
    PERFORM must(acting_person() NOT IN (OLD.opened_by_id, OLD.investigated_by_id),
                 'a_deviation_is_lowered_by_another', 'whoever opened or investigated it lowers it, or nobody investigated it');
  END IF;
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

-- Since when a deviation is critical, or was before somebody lowered it: what was decided before is decided again, and
-- what is not decided yet stays to be.
CREATE FUNCTION deviation_is_critical() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state = 'CLOSED' THEN
    NEW.critical_since := NULL;
  ELSIF NEW.classification = 'critical' AND (TG_OP = 'INSERT' OR OLD.classification <> 'critical' OR OLD.state = 'CLOSED') THEN
    NEW.critical_since := (SELECT at FROM act WHERE id = acting());
  ELSIF TG_OP = 'INSERT' THEN
    NEW.critical_since := NULL;
  ELSE
    NEW.critical_since := coalesce(OLD.critical_since, CASE OLD.classification WHEN 'critical' THEN OLD.occurred_at END);
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
  IF EXISTS (SELECT FROM deviation WHERE id = the_deviation AND critical_since IS NOT NULL AND state <> 'CLOSED') THEN
    PERFORM FROM subject WHERE id IN (SELECT subjects_of_deviation(the_deviation)) ORDER BY id FOR NO KEY UPDATE;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER critical_deviation_comes_in_turn AFTER UPDATE ON deviation FOR EACH ROW
  WHEN (NEW.critical_since IS NOT NULL AND NEW.critical_since IS DISTINCT FROM OLD.critical_since)
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

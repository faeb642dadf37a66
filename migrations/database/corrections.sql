-- What was noted and is put right. Twins: `domain/correction.py`, from which `corrects` of `acts.sql` is made;
-- `services/quality/correcting_*.py` (what follows).

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

-- Whether two texts say the same of a column of such a record.
CREATE FUNCTION says_the_same(kind text, name text, one text, other text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
  same boolean;
BEGIN
  EXECUTE (SELECT format('SELECT CAST($1 AS %1$s) IS NOT DISTINCT FROM CAST($2 AS %1$s)', format_type(atttypid, atttypmod))
             FROM pg_attribute WHERE attrelid = kind::regclass AND attname = name) INTO same USING one, other;
  RETURN same;
END $$;

-- A value of a record as it stands.
CREATE FUNCTION standing_value(kind text, the_id bigint, name text) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  found text;
BEGIN
  EXECUTE format('SELECT %I::text FROM %I WHERE id = $1', name, kind) INTO found USING the_id;
  RETURN found;
END $$;

-- Where a record stands to the one that is put right, in the words of `domain/correction.py` (FOLLOWS).
CREATE FUNCTION stands_to(kind text, the_id bigint, right_kind text, right_id bigint) RETURNS SETOF text LANGUAGE sql STABLE AS $$
  SELECT 'it' WHERE (kind, the_id) = (right_kind, right_id)
  UNION ALL SELECT 'below' WHERE right_kind = 'culture' AND (kind, the_id) IN (SELECT * FROM line_below('culture', right_id))
  UNION ALL SELECT 'source' FROM culture c WHERE right_kind = 'culture' AND c.id = right_id AND (kind, the_id) = ('culture', c.parent_id)
  UNION ALL SELECT 'dose' FROM vial v WHERE right_kind = 'vial' AND v.id = right_id AND (kind, the_id) = ('dose', v.dose_id)
$$;

-- Whether what stands in such a record was given to a patient, or is in a lot that was released.
CREATE FUNCTION is_out(kind text, the_id bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN kind IN ('dose', 'vial') THEN EXISTS (
           SELECT FROM dose WHERE infusion_started_at IS NOT NULL
              AND id = CASE kind WHEN 'dose' THEN the_id ELSE (SELECT dose_id FROM vial WHERE id = the_id) END)
         ELSE EXISTS (
           SELECT FROM lot WHERE (state IN ('RELEASED', 'RECALLED') OR state_before_hold = 'RELEASED')
              AND (kind = 'lot' AND id = the_id OR kind = 'culture' AND id IN (SELECT lots_below('culture', the_id)))) END
$$;

-- The values of noted records that an act has changed; what PostgreSQL computes, and how a lot is stopped, are none.
CREATE FUNCTION rewritten_by(the_act bigint) RETURNS TABLE(kind text, id bigint, name text, was text, becomes text)
  LANGUAGE sql STABLE AS $$
  SELECT c.record_kind, c.record_id, was.key, was.value, c.after ->> was.key
    FROM change c CROSS JOIN LATERAL jsonb_each_text(c.before) AS was
   WHERE c.act_id = the_act AND c.record_kind IN ('culture', 'lot', 'vial', 'dose')
     AND was.key NOT IN ('state', 'state_before_hold')
     AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.record_kind::regclass AND attname = was.key
                        AND attgenerated <> '')
$$;

-- A correction puts one value right, and names whatever is another one after it: its row is what is signed and read. What
-- was given or released is put right with a deviation; what is left of a harvest stands in no batch record.
CREATE FUNCTION correction_is_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  made correction;
  the_kind text;
  the_id bigint;
  allows jsonb;
  one record;
  says jsonb;
BEGIN
  PERFORM must((SELECT count(*) <= 1 FROM change WHERE act_id = NEW.id AND record_kind = 'correction'),
               'a_correction_puts_one_value_right', 'several rows say what is put right');
  SELECT * INTO made FROM correction WHERE id = (SELECT record_id FROM change WHERE act_id = NEW.id AND record_kind = 'correction');
  the_kind := CASE WHEN made.culture_id IS NOT NULL THEN 'culture' WHEN made.lot_id IS NOT NULL THEN 'lot'
                   WHEN made.vial_id IS NOT NULL THEN 'vial' ELSE 'dose' END;
  the_id := coalesce(made.culture_id, made.lot_id, made.vial_id, made.dose_id);
  allows := corrects(the_kind, made.column_name);
  IF made.id IS NOT NULL THEN
    PERFORM must((SELECT allows -> 'roles' ?| roles FROM person WHERE id = NEW.person_id),
                 'a_value_is_put_right_by_who_may', 'it is no value that may be put right, or not by whoever acts');
    PERFORM must(says_the_same(the_kind, made.column_name, made.after, standing_value(the_kind, the_id, made.column_name)),
                 'a_correction_says_what_stands_there', 'another value stands there than the one that is said to be right');
  END IF;
  IF NOT EXISTS (SELECT FROM change WHERE act_id = NEW.id AND record_kind = 'deviation' AND before IS NULL) THEN
    PERFORM must(NOT is_out(the_kind, the_id) AND NOT EXISTS (
                   SELECT FROM rewritten_by(NEW.id) AS w WHERE w.name NOT IN ('cells_left', 'cells_lost') AND is_out(w.kind, w.id)),
                 'what_is_out_is_put_right_with_a_deviation', 'it was given or released, and no deviation says so');
  END IF;
  FOR one IN SELECT * FROM rewritten_by(NEW.id) LOOP
    IF (one.kind, one.id, one.name) = (the_kind, the_id, made.column_name) THEN
      says := jsonb_build_object('before', made.before, 'after', made.after);
    ELSE
      SELECT f INTO says FROM jsonb_array_elements(made.follows) AS f
       WHERE f ->> 'kind' = one.kind AND f ->> 'record' = standing_value(one.kind, one.id, 'code') AND f ->> 'column' = one.name
         AND EXISTS (SELECT FROM stands_to(one.kind, one.id, the_kind, the_id) AS place
                      WHERE allows -> 'follows' ? format('%s %s.%s', place, one.kind, one.name));
    END IF;
    PERFORM must(says IS NOT NULL AND says_the_same(one.kind, one.name, says ->> 'before', one.was)
                 AND says_the_same(one.kind, one.name, says ->> 'after', one.becomes),
                 'a_correction_names_all_that_it_changes',
                 format('%s of a %s changes, and the correction does not say so, or it does not follow', one.name, one.kind));
  END LOOP;
  RETURN NEW;
END $$;
CREATE TRIGGER correction_is_whole BEFORE UPDATE OF outcome ON act FOR EACH ROW
  WHEN (NEW.outcome = 'accepted' AND NEW.name = 'correct_fact') EXECUTE FUNCTION correction_is_whole();

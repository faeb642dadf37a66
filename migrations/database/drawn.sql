-- What was drawn from the pool: how much of its dose it is, and whether it may be given. Limits are those of the file of the
-- protocol. Twins: `domain/dose.py` (volume_to_draw, percent_drawn, is_short), `domain/rules/preparing.py`,
-- `domain/rules/infusion.py`. Facts: domain reference §6.3.

-- Hundred times the living cells that were drawn, exact: in percent of the required ones once they divide it. Null: not known.
CREATE FUNCTION hundredfold_drawn(the_dose dose) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT the_dose.total_cells_per_ml * the_dose.viability_percent * the_dose.draw_ml
$$;

-- Whether the pool gives fewer living cells than the dose needs; null: it is not counted.
CREATE FUNCTION is_short_by_its_count(the_dose dose, says jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT the_dose.total_cells_per_ml * the_dose.viability_percent
         * (the_dose.pooled_ml - (says #>> '{draw,dead_volume_ml}')::numeric) < 100 * the_dose.required_cells::numeric
$$;

-- What its protocol says of a subject.
CREATE FUNCTION protocol_says(the_subject bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT definition_says(protocol_id) FROM subject WHERE id = the_subject
$$;

-- What stands as the percent, and as short or not, is that of the count and of what was drawn. The percent is kept to 0.1,
-- halves up. Of a dose that was counted under an earlier protocol it stays as it was said.
CREATE FUNCTION dose_says_what_it_is() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.delivered_percent IS NOT DISTINCT FROM
                 div(20 * hundredfold_drawn(NEW) + NEW.required_cells, 2 * NEW.required_cells) / 10,
               'the_percent_is_of_what_was_drawn', 'count and volume give another percent of the dose');
  IF TG_OP = 'INSERT' OR (NEW.is_short, NEW.total_cells_per_ml, NEW.viability_percent, NEW.pooled_ml) IS DISTINCT FROM
                         (OLD.is_short, OLD.total_cells_per_ml, OLD.viability_percent, OLD.pooled_ml) THEN
    PERFORM must(NEW.is_short IS NOT DISTINCT FROM is_short_by_its_count(NEW, protocol_says(NEW.subject_id)),
                 'a_dose_is_short_by_its_count', 'by its count the pool is short where it is said to hold enough, or holds enough');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER what_was_drawn_is_said BEFORE INSERT OR UPDATE OF delivered_percent, is_short, total_cells_per_ml,
  viability_percent, draw_ml, pooled_ml ON dose FOR EACH ROW EXECUTE FUNCTION dose_says_what_it_is();

-- No dose is drawn up or given that is too far from what is required, or short and not accepted; none of dead cells is
-- checked or given. Worked out anew, whatever stands there. What nobody knows is not judged.
CREATE FUNCTION dose_is_what_was_required() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  says jsonb := protocol_says(NEW.subject_id);
  band jsonb := says #> '{dosing,tolerance,warn_percent}';
BEGIN
  PERFORM may(NEW.state = 'PREPARED'
              OR coalesce(NEW.viability_percent >= (says #>> '{thaw,viability_minimum_percent}')::numeric, true),
              'no_dose_below_its_viability', 'fewer of its cells live than the protocol asks for');
  PERFORM may(coalesce(hundredfold_drawn(NEW) BETWEEN (band ->> 'low')::numeric * NEW.required_cells
                                                  AND (band ->> 'high')::numeric * NEW.required_cells, true),
              'no_dose_out_of_its_band', 'it holds too few or too many cells');
  PERFORM may(NEW.short_dose_reason IS NOT NULL OR NOT coalesce(is_short_by_its_count(NEW, says), false),
              'a_short_dose_is_accepted', 'it is short, and no clinician has accepted it');
  RETURN NEW;
END $$;
CREATE TRIGGER what_is_given_is_what_was_required BEFORE UPDATE OF state, infusion_started_at ON dose FOR EACH ROW
  WHEN ((NEW.state = 'PREPARED' AND OLD.state = 'COUNTED')
        OR (NEW.state IN ('CHECKED_ONCE', 'CHECKED', 'INFUSING') AND OLD.state <> NEW.state)
        OR (NEW.infusion_started_at IS NOT NULL AND OLD.infusion_started_at IS NULL))
  EXECUTE FUNCTION dose_is_what_was_required();

-- Lots: filled, frozen, held and let go. Twins: `domain/rules/freezing.py`, `domain/rules/freezing_run.py`,
-- `domain/rules/hold.py`. What a release asks stands in `release.sql`.

-- The digest of a batch record as it stands: a review is good for what was reviewed.
CREATE FUNCTION batch_digest(the_lot bigint) RETURNS text LANGUAGE sql STABLE SET timezone TO 'UTC' AS $$
  WITH step(kind, id, content) AS (
    SELECT 'lot', l.id, to_jsonb(l) - '{state,state_before_hold,decision_reason}'::text[] FROM lot l WHERE l.id = the_lot
    UNION ALL SELECT 'lot_source', s.id, to_jsonb(s) FROM lot_source s WHERE s.lot_id = the_lot
    UNION ALL SELECT 'freezer_run', r.id, jsonb_strip_nulls(to_jsonb(r)) FROM freezer_run r WHERE r.lot_id = the_lot
    UNION ALL SELECT 'culture', c.id, to_jsonb(c) - '{state,cells_left,cells_lost}'::text[]
        - CASE WHEN c.harvest_note IS NULL THEN 'harvest_note' ELSE '' END
        - CASE WHEN c.end_note IS NULL THEN 'end_note' ELSE '' END
      FROM lot_lineage(the_lot) up JOIN culture c ON up.record_kind = 'culture' AND c.id = up.record_id
    UNION ALL SELECT 'reagent_use', u.id, to_jsonb(u) FROM lot_lineage(the_lot) up
      JOIN reagent_use u ON (up.record_kind = 'culture' AND u.culture_id = up.record_id)
                         OR (up.record_kind = 'lot' AND u.lot_id = up.record_id)
  )
  SELECT encode(sha256(convert_to(coalesce(string_agg(kind || id || content, '|' ORDER BY kind, id), ''), 'UTF8')), 'hex')
    FROM step
$$;

-- A lot that is frozen under a hold is born on hold.
CREATE FUNCTION lot_birth_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (SELECT FROM lot_holds(NEW.id)), 'a_held_lot_is_born_on_hold', 'a hold is in force');
  RETURN NEW;
END $$;
CREATE TRIGGER lot_birth_safety BEFORE UPDATE ON lot FOR EACH ROW
  WHEN (OLD.state = 'FILLED' AND NEW.state = 'QUARANTINE') EXECUTE FUNCTION lot_birth_safety();

-- A hold remembers where a lot was, and it comes back exactly there, once no hold reaches it any more.
CREATE FUNCTION lot_hold_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state = 'ON_HOLD' THEN
    PERFORM must(NEW.state_before_hold = CASE OLD.state WHEN 'ON_HOLD' THEN OLD.state_before_hold WHEN 'FILLED' THEN 'QUARANTINE'
                                           ELSE OLD.state END,
                 'a_lot_comes_back_to_where_it_was', 'a hold remembers another state than that of the lot');
  ELSIF NEW.state = 'RECALLED' THEN
    PERFORM must(OLD.state_before_hold = 'RELEASED',
                 'only_what_was_released_is_recalled', 'the lot was never released');
  ELSIF NEW.state <> 'REJECTED' THEN
    PERFORM must(NOT EXISTS (SELECT FROM lot_holds(NEW.id)),
                 'a_held_lot_stays_on_hold', 'a hold is in force');
    PERFORM must(NEW.state = OLD.state_before_hold,
                 'a_lot_comes_back_to_where_it_was', 'before the hold the lot was in another state');
    PERFORM must(acting_person() NOT IN (SELECT lot_performers(NEW.id)),
                 'the_signer_performed_nothing', 'whoever lifts the hold has worked on the lot');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER lot_hold_safety BEFORE UPDATE ON lot FOR EACH ROW
  WHEN (NEW.state = 'ON_HOLD' OR OLD.state = 'ON_HOLD') EXECUTE FUNCTION lot_hold_safety();

-- A lot expires by its specification and its filling.
CREATE FUNCTION lot_keeps_its_expiry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(TG_OP = 'INSERT' OR (NEW.expires_on, NEW.fill_started_at) = (OLD.expires_on, OLD.fill_started_at)
               OR correcting(), 'a_lot_keeps_its_expiry', 'its expiry follows its filling, which only a correction changes');
  PERFORM must(NEW.expires_on = (
                 SELECT kept_until(f.figures, NEW.purpose, (NEW.fill_started_at AT TIME ZONE s.timezone)::date)
                   FROM definition f, site s WHERE f.id = NEW.specification_id AND s.id = NEW.site_id),
               'a_lot_expires_by_its_specification', 'filling and specification give another day');
  RETURN NEW;
END $$;
CREATE TRIGGER what_is_filled_keeps_its_expiry BEFORE INSERT OR UPDATE OF expires_on, fill_started_at ON lot FOR EACH ROW
  EXECUTE FUNCTION lot_keeps_its_expiry();

-- A freezing run keeps what was found, and one that a release relied on stays.
CREATE FUNCTION freezer_run_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_lot record;
BEGIN
  PERFORM must(to_jsonb(NEW) - '{state,deviation_id,withdrawn_by_id,withdrawal_reason}'::text[]
               = to_jsonb(OLD) - '{state,deviation_id,withdrawn_by_id,withdrawal_reason}'::text[]
               AND coalesce(OLD.deviation_id = NEW.deviation_id, OLD.deviation_id IS NULL) AND OLD.state <> 'WITHDRAWN',
               'a_freezing_run_never_changes', 'a freezing run keeps what was found');
  IF NEW.state = 'WITHDRAWN' THEN
    -- Locked: nobody releases the lot meanwhile.
    SELECT state, state_before_hold INTO the_lot FROM lot WHERE id = NEW.lot_id FOR SHARE;
    PERFORM must(the_lot.state NOT IN ('RELEASED', 'RECALLED') AND the_lot.state_before_hold IS DISTINCT FROM 'RELEASED'
                 AND NOT EXISTS (SELECT FROM conditional_release c WHERE c.lot_id = NEW.lot_id AND c.state <> 'ENDED'),
                 'a_run_that_is_relied_on_stays', 'the lot was released with this run');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER freezer_run_safety BEFORE UPDATE ON freezer_run FOR EACH ROW EXECUTE FUNCTION freezer_run_safety();

-- No freezing run begins before its lot was filled. Twin: `domain/rules/plausible.py` (impossible_run).
CREATE FUNCTION freezer_run_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.began_at >= (SELECT l.fill_started_at FROM lot l WHERE l.id = NEW.lot_id),
               'the_run_began_after_the_filling', 'the run began before the lot was filled');
  RETURN NEW;
END $$;
CREATE TRIGGER freezer_run_time BEFORE INSERT ON freezer_run FOR EACH ROW EXECUTE FUNCTION freezer_run_time();

-- Whether a lot may be given to a subject: it is released, or released for this one. Twin: `domain/rules/standing.py`
-- (released_for_subject).
CREATE FUNCTION lot_is_for(the_lot bigint, the_subject bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM lot l WHERE l.id = the_lot AND (l.state = 'RELEASED' OR (l.state = 'QUARANTINE' AND EXISTS (
    SELECT FROM conditional_release r
     WHERE r.lot_id = the_lot AND r.subject_id = the_subject AND r.state = 'IN_FORCE'))))
$$;

-- What was noted stays.
CREATE TRIGGER what_was_noted_stays BEFORE UPDATE ON lot FOR EACH ROW
  WHEN ((OLD.code, OLD.donation_id, OLD.specification_id, OLD.purpose, OLD.product_code, OLD.cells_per_vial,
         OLD.volume_ml, OLD.cryoprotectant, OLD.dmso_percent, OLD.site_id) IS DISTINCT FROM
        (NEW.code, NEW.donation_id, NEW.specification_id, NEW.purpose, NEW.product_code, NEW.cells_per_vial,
         NEW.volume_ml, NEW.cryoprotectant, NEW.dmso_percent, NEW.site_id))
  EXECUTE FUNCTION it_stays('a_lot_stays_as_it_was_filled', 'a lot never changes what was filled into it');

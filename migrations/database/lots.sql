-- Lots: what a release asks. Twins: `domain/rules/release.py`, `domain/rules/conditional.py`, `domain/rules/freezing_run.py`.

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

-- No release under a hold, without consent, against a result, with an open deviation or an unreviewed batch record.
CREATE FUNCTION lot_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state = 'FILLED' AND NEW.state = 'QUARANTINE' THEN
    PERFORM must(NOT EXISTS (SELECT FROM lot_holds(NEW.id)),
      'a_held_lot_is_born_on_hold', 'a hold is in force');
  END IF;
  IF NEW.state = 'RELEASED' AND OLD.state <> 'RELEASED' THEN
    PERFORM must(NOT EXISTS (SELECT FROM lot_holds(NEW.id)),
      'no_release_under_a_hold', 'a hold is in force');
    PERFORM must((SELECT o.state FROM donation d JOIN donor o ON o.id = d.donor_id WHERE d.id = NEW.donation_id) = 'ELIGIBLE',
                 'released_lots_have_an_eligible_donor', 'the donor is not determined eligible');
    PERFORM must(EXISTS (
      SELECT FROM consent c JOIN donation d ON d.donor_id = c.donor_id
       WHERE d.id = NEW.donation_id AND c.state = 'GIVEN'),
      'no_release_without_consent', 'no consent of the donor is in force');
    PERFORM must(NOT EXISTS (
      SELECT FROM test_result
       WHERE lot_id = NEW.id AND (verdict = 'OUT_OF_SPECIFICATION' AND state IN ('ENTERED', 'REVIEWED')
                                  OR verdict = 'IN_SPECIFICATION' AND state = 'ENTERED')),
      'no_release_against_a_result', 'a result is out of specification or not reviewed');
    PERFORM must(NOT EXISTS (
      SELECT FROM lot_deviations(NEW.id) open JOIN deviation d ON d.id = open WHERE d.classification <> 'minor'),
      'no_release_with_an_open_deviation', 'a major or critical deviation is open');
    PERFORM must(EXISTS (SELECT FROM batch_review b WHERE b.lot_id = NEW.id AND b.digest = batch_digest(NEW.id)),
                 'no_release_without_a_batch_review', 'the batch record, as it stands, is not reviewed');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER lot_safety BEFORE UPDATE ON lot FOR EACH ROW EXECUTE FUNCTION lot_safety();

-- No release against a result of its tissue or its cultures.
CREATE FUNCTION lot_results_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (
    SELECT FROM lot_results(NEW.id) AS found(id) JOIN test_result r ON r.id = found.id
     WHERE r.verdict = 'OUT_OF_SPECIFICATION' AND r.state IN ('ENTERED', 'REVIEWED')
        OR r.verdict = 'IN_SPECIFICATION' AND r.state = 'ENTERED'),
    'no_release_against_a_result', 'a result of its tissue or its cultures is out of specification or not reviewed');
  RETURN NEW;
END $$;
CREATE TRIGGER lot_results_safety BEFORE UPDATE ON lot
  FOR EACH ROW WHEN (((new.state = 'RELEASED') AND (old.state <> 'RELEASED'))) EXECUTE FUNCTION lot_results_safety();

-- No release from a stopped lot.
CREATE FUNCTION lot_sources_are_sound() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (
    SELECT FROM lot_lineage(NEW.id) up JOIN lot l ON up.record_kind = 'lot' AND l.id = up.record_id
     WHERE l.id <> NEW.id AND l.state IN ('REJECTED', 'RECALLED')),
    'no_release_from_a_stopped_lot', 'a lot that it was made from is rejected or recalled');
  RETURN NEW;
END $$;
CREATE TRIGGER lot_sources_are_sound BEFORE UPDATE ON lot FOR EACH ROW
  WHEN (NEW.state = 'RELEASED' AND OLD.state <> 'RELEASED') EXECUTE FUNCTION lot_sources_are_sound();

-- No release without a freezing run within its band, or one that was explained.
CREATE FUNCTION lot_freezing_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(
    NOT EXISTS (SELECT FROM definition f WHERE f.id = NEW.specification_id
                   AND f.programs_with_a_run @> to_jsonb(NEW.freezing_program))
    OR EXISTS (SELECT FROM freezer_run r LEFT JOIN deviation d ON d.id = r.deviation_id
                WHERE r.lot_id = NEW.id AND r.program = NEW.freezing_program
                  AND (r.state = 'WITHIN' OR (r.state = 'OUTSIDE' AND d.state = 'CLOSED'))),
    'no_release_without_a_freezing_run', 'no freezing run within its band, or explained');
  RETURN NEW;
END $$;
CREATE TRIGGER lot_freezing_safety BEFORE UPDATE ON lot FOR EACH ROW
  WHEN (NEW.state = 'RELEASED' AND OLD.state = 'QUARANTINE') EXECUTE FUNCTION lot_freezing_safety();

-- No release while vials stood in an excursion that is not accepted.
CREATE FUNCTION lot_trace_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (
    SELECT FROM stood_through(NEW.id, NULL) t JOIN excursion e ON e.id = t.excursion_id WHERE e.state <> 'ACCEPTED'),
    'no_release_with_an_open_excursion', 'vials stood in an excursion that is not accepted');
  RETURN NEW;
END $$;
CREATE TRIGGER lot_trace_safety BEFORE UPDATE ON lot FOR EACH ROW
  WHEN (NEW.state = 'RELEASED' AND OLD.state = 'QUARANTINE') EXECUTE FUNCTION lot_trace_safety();

-- A release is signed.
CREATE FUNCTION lot_release_is_signed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM at_the_end();
  PERFORM must(EXISTS (SELECT FROM signature WHERE record_kind = 'lot' AND record_id = NEW.id AND meaning = 'released'),
               'a_release_is_signed', 'the lot was released without a signature');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER lot_release_is_signed AFTER UPDATE ON lot DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (((new.state = 'RELEASED') AND (old.state <> 'RELEASED'))) EXECUTE FUNCTION lot_release_is_signed();

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

-- A lot in quarantine for one subject. Twin: `domain/rules/conditional.py`.
CREATE FUNCTION conditional_release_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.lot_id = OLD.lot_id AND NEW.subject_id = OLD.subject_id AND NEW.pending = OLD.pending
               AND NEW.code = OLD.code, 'a_conditional_release_keeps_its_subject',
               'a conditional release never changes its lot, subject or tests');
  PERFORM must(NEW.state = OLD.state OR OLD.state <> 'ENDED',
               'an_ended_conditional_release_stays_ended', 'the conditional release has ended');
  IF NEW.state IN ('APPROVED', 'IN_FORCE') AND NEW.state <> OLD.state THEN
    PERFORM must((SELECT state = 'QUARANTINE' AND purpose = 'product' FROM lot WHERE id = NEW.lot_id),
                 'only_a_lot_in_quarantine_is_released_conditionally', 'the lot is not in quarantine');
    PERFORM must(NOT EXISTS (SELECT FROM lot_performers(NEW.lot_id) AS p(id)
                              WHERE p.id IN (NEW.approved_by_id, NEW.sponsor_by_id)),
                 'the_signer_performed_nothing', 'the signer has worked on the lot');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER conditional_release_safety BEFORE UPDATE ON conditional_release
  FOR EACH ROW EXECUTE FUNCTION conditional_release_safety();

-- What was noted stays.
CREATE TRIGGER what_was_noted_stays BEFORE UPDATE ON lot FOR EACH ROW
  WHEN ((OLD.code, OLD.donation_id, OLD.specification_id, OLD.purpose, OLD.product_code, OLD.cells_per_vial,
         OLD.volume_ml, OLD.cryoprotectant, OLD.dmso_percent, OLD.site_id) IS DISTINCT FROM
        (NEW.code, NEW.donation_id, NEW.specification_id, NEW.purpose, NEW.product_code, NEW.cells_per_vial,
         NEW.volume_ml, NEW.cryoprotectant, NEW.dmso_percent, NEW.site_id))
  EXECUTE FUNCTION it_stays('a_lot_stays_as_it_was_filled', 'a lot never changes what was filled into it');

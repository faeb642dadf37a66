-- What a release asks of a lot, for everybody or for one subject. Twins: `domain/rules/release.py`,
-- `domain/rules/tested.py`, `domain/rules/conditional.py`, `domain/rules/freezing_run.py`.

-- What speaks against a lot, whenever it is released, also again after a hold; `waits`: tests whose review is not asked for.
CREATE FUNCTION nothing_speaks_against(the_lot lot, waits text[] DEFAULT '{}') RETURNS void LANGUAGE plpgsql STABLE AS $$
DECLARE
  the_donor donor;
BEGIN
  PERFORM must(NOT EXISTS (SELECT FROM lot_holds(the_lot.id)),
    'no_release_under_a_hold', 'a hold is in force');
  SELECT o.* INTO the_donor FROM donation d JOIN donor o ON o.id = d.donor_id WHERE d.id = the_lot.donation_id;
  PERFORM must(the_donor.state = 'ELIGIBLE',
    'released_lots_have_an_eligible_donor', 'the donor is not determined eligible');
  PERFORM must(EXISTS (SELECT FROM consent WHERE donor_id = the_donor.id AND state = 'GIVEN'),
    'no_release_without_consent', 'no consent of the donor is in force');
  PERFORM must(NOT EXISTS (
    SELECT FROM lot_results(the_lot.id) AS found(id) JOIN test_result r ON r.id = found.id
     WHERE r.verdict = 'OUT_OF_SPECIFICATION' AND r.state IN ('ENTERED', 'REVIEWED')
        OR r.verdict = 'IN_SPECIFICATION' AND r.state = 'ENTERED' AND r.test <> ALL (waits)),
    'no_release_against_a_result', 'a result is out of specification or not reviewed');
  PERFORM must(NOT EXISTS (
    SELECT FROM lot_deviations(the_lot.id) open JOIN deviation d ON d.id = open WHERE d.classification <> 'minor'),
    'no_release_with_an_open_deviation', 'a major or critical deviation is open');
  PERFORM must(EXISTS (SELECT FROM batch_review b WHERE b.lot_id = the_lot.id AND b.digest = batch_digest(the_lot.id)),
    'no_release_without_a_batch_review', 'the batch record, as it stands, is not reviewed');
  PERFORM must(NOT EXISTS (
    SELECT FROM lot_lineage(the_lot.id) up JOIN lot l ON up.record_kind = 'lot' AND l.id = up.record_id
     WHERE l.id <> the_lot.id AND l.state IN ('REJECTED', 'RECALLED')),
    'no_release_from_a_stopped_lot', 'a lot that it was made from is rejected or recalled');
END $$;

-- What has to be there before a lot is released for the first time.
CREATE FUNCTION all_is_there(the_lot lot, waits text[] DEFAULT '{}') RETURNS void LANGUAGE plpgsql STABLE AS $$
DECLARE
  says jsonb := definition_says(the_lot.specification_id);
  limits jsonb := says -> 'culture';
  the_donation donation;
  filled bigint := (SELECT count(*) FROM vial WHERE lot_id = the_lot.id AND state NOT IN ('PRINTED', 'VOIDED'));
BEGIN
  SELECT * INTO the_donation FROM donation WHERE id = the_lot.donation_id;
  PERFORM must(is_shown_healthy(the_donation.donor_id, says -> 'donor', ARRAY[the_donation.collected_at]),
    'no_release_before_the_donor_is_tested', 'the panel of the donor is not complete, or its window period not closed');
  PERFORM must(NOT EXISTS (
    SELECT FROM required_samples(says) t
     WHERE t.test <> ALL (waits) AND NOT EXISTS (
       SELECT FROM lot_results(the_lot.id) AS found(id) JOIN test_result r ON r.id = found.id
        WHERE r.test = t.test AND coalesce(r.sample_number, 1) = t.number AND r.state IN ('ENTERED', 'REVIEWED'))),
    'no_release_without_its_results', 'a test of the specification has no result');
  PERFORM must(
    NOT coalesce(the_lot.passage > (limits ->> 'passage_max')::int AND limits ->> 'passage_above_max' = 'refuse', false)
    AND the_lot.cumulative_doublings <= (limits ->> 'cpdl_block')::numeric,
    'no_release_beyond_the_passages', 'it was passaged, or has doubled, more often than its specification allows');
  PERFORM must(
    filled * the_lot.cells_per_vial + the_lot.sample_cells + the_lot.lost_cells
      = (SELECT sum(cells_used) FROM lot_source WHERE lot_id = the_lot.id)
    AND NOT EXISTS (SELECT FROM vial WHERE lot_id = the_lot.id AND state = 'PRINTED'),
    'no_release_with_cells_unaccounted', 'cells or labels of the lot are not accounted for');
  PERFORM must((SELECT the_lot.expires_on >= (a.at AT TIME ZONE s.timezone)::date
                  FROM act a, site s WHERE a.id = acting() AND s.id = the_lot.site_id),
    'no_release_after_its_expiry', 'the lot has expired');
  PERFORM must(the_lot.frozen_at IS NOT NULL AND EXISTS (SELECT FROM vial WHERE lot_id = the_lot.id AND state = 'IN_STOCK')
    AND NOT EXISTS (SELECT FROM vial WHERE lot_id = the_lot.id AND state = 'FROZEN'),
    'no_release_before_it_is_stored', 'vials of the lot are not frozen and put away');
  PERFORM must(
    NOT EXISTS (SELECT FROM definition f WHERE f.id = the_lot.specification_id
                   AND f.programs_with_a_run @> to_jsonb(the_lot.freezing_program))
    OR EXISTS (SELECT FROM freezer_run r LEFT JOIN deviation d ON d.id = r.deviation_id
                WHERE r.lot_id = the_lot.id AND r.program = the_lot.freezing_program
                  AND (r.state = 'WITHIN' OR (r.state = 'OUTSIDE' AND d.state = 'CLOSED'))),
    'no_release_without_a_freezing_run', 'no freezing run within its band, or explained');
  PERFORM must(NOT EXISTS (
    SELECT FROM stood_through(the_lot.id, NULL) t JOIN excursion e ON e.id = t.excursion_id WHERE e.state <> 'ACCEPTED'),
    'no_release_with_an_open_excursion', 'vials stood in an excursion that is not accepted');
END $$;

-- The tests that a specification asks for, once for each sample.
CREATE FUNCTION required_samples(says jsonb) RETURNS TABLE(test text, number int) LANGUAGE sql STABLE AS $$
  SELECT t ->> 'code', n FROM jsonb_array_elements(says -> 'tests') t, generate_series(1, coalesce((t ->> 'samples')::int, 1)) n
   WHERE (t ->> 'required')::boolean
$$;

CREATE FUNCTION lot_release_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM nothing_speaks_against(NEW);
  IF OLD.state <> 'ON_HOLD' THEN
    PERFORM all_is_there(NEW);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER lot_release_safety BEFORE UPDATE ON lot FOR EACH ROW
  WHEN (NEW.state = 'RELEASED' AND OLD.state <> 'RELEASED') EXECUTE FUNCTION lot_release_safety();

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

-- The tests of a lot that its specification lets be pending, and that are: no result, or none against it, of which the last
-- still waits for its review.
CREATE FUNCTION pending_tests(the_lot lot) RETURNS text[] LANGUAGE sql STABLE AS $$
  WITH says AS MATERIALIZED (
    SELECT definition_says(the_lot.specification_id) AS it
  ), result AS MATERIALIZED (
    SELECT r.* FROM lot_results(the_lot.id) AS found(id) JOIN test_result r ON r.id = found.id WHERE r.state <> 'CORRECTED'
  )
  SELECT coalesce(array_agg(may.wait), '{}')
    FROM says, jsonb_array_elements_text(says.it -> 'conditional_release' -> 'tests') AS may (wait)
   WHERE NOT EXISTS (SELECT FROM result r WHERE r.test = may.wait
                        AND (r.state NOT IN ('ENTERED', 'REVIEWED') OR r.verdict = 'OUT_OF_SPECIFICATION'))
     AND (EXISTS (SELECT FROM result r WHERE r.test = may.wait AND r.state = 'ENTERED')
          OR EXISTS (SELECT FROM required_samples(says.it) t WHERE t.test = may.wait AND NOT EXISTS (
               SELECT FROM result r WHERE r.test = may.wait AND coalesce(r.sample_number, 1) = t.number)))
$$;

-- A lot in quarantine for one subject: asked for, approved and in force only while all but what is pending is as for a release.
CREATE FUNCTION conditional_release_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_lot lot;
  asked text[] := ARRAY(SELECT jsonb_array_elements_text(NEW.pending));
  waits text[];
BEGIN
  IF TG_OP = 'UPDATE' THEN
    PERFORM must(NEW.lot_id = OLD.lot_id AND NEW.subject_id = OLD.subject_id AND NEW.pending = OLD.pending
                 AND NEW.code = OLD.code, 'a_conditional_release_keeps_its_subject',
                 'a conditional release never changes its lot, subject or tests');
    PERFORM must(NEW.state = OLD.state OR OLD.state <> 'ENDED',
                 'an_ended_conditional_release_stays_ended', 'the conditional release has ended');
    IF NEW.state NOT IN ('APPROVED', 'IN_FORCE') OR NEW.state = OLD.state THEN
      RETURN NEW;
    END IF;
  END IF;
  SELECT * INTO the_lot FROM lot WHERE id = NEW.lot_id;
  PERFORM must(the_lot.state = 'QUARANTINE' AND the_lot.purpose = 'product',
               'only_a_lot_in_quarantine_is_released_conditionally', 'the lot is not in quarantine');
  PERFORM must(NOT EXISTS (SELECT FROM lot_performers(NEW.lot_id) AS p(id)
                            WHERE p.id IN (NEW.approved_by_id, NEW.sponsor_by_id)),
               'the_signer_performed_nothing', 'the signer has worked on the lot');
  PERFORM must((SELECT receives_product FROM subject WHERE id = NEW.subject_id),
               'no_dose_for_the_control_arm', 'the subject is in an arm that receives no cells');
  PERFORM must((SELECT state = 'ENROLLED' FROM subject WHERE id = NEW.subject_id),
               'dose_only_for_an_enrolled_subject', 'the subject is not enrolled');
  waits := ARRAY(SELECT unnest(pending_tests(the_lot)) INTERSECT SELECT unnest(asked));
  PERFORM must(waits <> '{}' AND (TG_OP = 'UPDATE' OR cardinality(waits) = cardinality(asked)),
               'only_what_is_pending_may_be', 'no such test is pending, or its specification lets it not be');
  PERFORM nothing_speaks_against(the_lot, waits);
  PERFORM all_is_there(the_lot, waits);
  RETURN NEW;
END $$;
CREATE TRIGGER conditional_release_safety BEFORE INSERT OR UPDATE ON conditional_release
  FOR EACH ROW EXECUTE FUNCTION conditional_release_safety();

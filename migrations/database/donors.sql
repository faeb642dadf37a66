-- Donors and donations. Twins: `domain/rules/donor.py`.

-- An eligible donor has consented, and nothing that was found in her blood speaks against her or waits for its review.
CREATE FUNCTION donor_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state = 'ELIGIBLE' AND OLD.state <> 'ELIGIBLE' THEN
    PERFORM must(EXISTS (SELECT FROM consent WHERE donor_id = NEW.id AND state = 'GIVEN'),
                 'an_eligible_donor_has_consented', 'no consent of the donor is in force');
    PERFORM must(NOT EXISTS (
      SELECT FROM test_result
       WHERE donor_id = NEW.id AND (state = 'ENTERED' OR state = 'REVIEWED' AND verdict = 'OUT_OF_SPECIFICATION')),
      'no_eligible_donor_against_a_result', 'a result of the donor is out of specification or not reviewed');
    PERFORM must(EXISTS (
      SELECT FROM definition f WHERE f.type = 'specification' AND f.state = 'EFFECTIVE'
                                 AND is_shown_healthy(NEW.id, definition_says(f.id) -> 'donor', collections_of(NEW))),
      'an_eligible_donor_is_shown_healthy', 'the panel of the donor is not complete, or its window period not closed');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER donor_safety BEFORE UPDATE ON donor FOR EACH ROW EXECUTE FUNCTION donor_safety();

-- When cells were, or will be, collected from a donor.
CREATE FUNCTION collections_of(the_donor donor) RETURNS timestamptz[] LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT array_agg(collected_at) FROM donation WHERE donor_id = the_donor.id AND state <> 'REJECTED'),
                  array_remove(ARRAY[the_donor.delivered_at], NULL))
$$;

-- Whether the results of a donor show her healthy at each of these collections: the whole panel in time, and by nucleic acid
-- or by a repeat after the window period. Twin: `domain/rules/donor.py` (evidence_refusals).
CREATE FUNCTION is_shown_healthy(the_donor bigint, rules jsonb, collections timestamptz[]) RETURNS boolean
  LANGUAGE sql STABLE AS $$
  WITH test AS MATERIALIZED (
    SELECT t ->> 'code' AS code, t ->> 'acceptable' AS acceptable, t ->> 'kind' AS kind,
           coalesce((t ->> 'lifts_retest')::boolean, false) AS lifts
      FROM jsonb_array_elements(rules -> 'tests') t
  ), result AS MATERIALIZED (
    SELECT r.test, r.started_at, r.state, coalesce(r.choice, '') = t.acceptable AS passes
      FROM test_result r LEFT JOIN test t ON t.code = r.test
     WHERE r.donor_id = the_donor AND r.state IN ('ENTERED', 'REVIEWED')
  ), collection AS MATERIALIZED (
    SELECT at - days AS since, at + days AS until, at + make_interval(hours => 24 * (rules ->> 'retest_days')::int) AS due
      FROM unnest(collections) AS at, make_interval(hours => 24 * (rules ->> 'specimen_window_days')::int) AS days
  ), passed AS MATERIALIZED (
    SELECT c.*, t.*, EXISTS (SELECT FROM result r WHERE r.test = t.code AND r.passes
                                AND r.started_at BETWEEN c.since AND c.until) AS in_time,
           EXISTS (SELECT FROM result r WHERE r.test = t.code AND r.passes AND r.started_at >= c.due) AS again
      FROM collection c, test t
  )
  SELECT cardinality(collections) > 0
     AND NOT EXISTS (SELECT FROM result WHERE state = 'ENTERED' OR NOT passes)
     AND NOT EXISTS (SELECT FROM passed WHERE NOT lifts AND NOT in_time)
     AND NOT EXISTS (
       SELECT FROM passed GROUP BY since
       HAVING NOT coalesce(bool_and(in_time) FILTER (WHERE lifts), false)
          AND NOT coalesce(bool_and(again) FILTER (WHERE kind <> 'NAT'), bool_and(again)))
$$;

-- A donation has a consent.
CREATE FUNCTION donation_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(EXISTS (SELECT FROM consent WHERE donor_id = NEW.donor_id),
               'a_donation_has_a_consent', 'the donor never consented');
  RETURN NEW;
END $$;
CREATE TRIGGER donation_safety BEFORE INSERT ON donation FOR EACH ROW EXECUTE FUNCTION donation_safety();

-- Subjects: one patient is one subject of a trial; what happens to them and what is done for them come one after the other.
-- Twins: `domain/rules/enrolment.py`, `domain/rules/standing.py`.

-- A subject keeps its arm.
CREATE FUNCTION subject_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.arm = OLD.arm AND NEW.receives_product = OLD.receives_product AND NEW.trial = OLD.trial
               AND NEW.code = OLD.code, 'a_subject_keeps_its_arm', 'a subject never changes its arm, protocol or code');
  RETURN NEW;
END $$;
CREATE TRIGGER subject_safety BEFORE UPDATE ON subject FOR EACH ROW EXECUTE FUNCTION subject_safety();

CREATE FUNCTION subject_stays_in_its_trial() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(EXISTS (SELECT FROM definition p WHERE p.id = NEW.protocol_id AND p.type = 'protocol'
                          AND p.identifier = NEW.trial AND p.state = 'EFFECTIVE'),
               'a_subject_stays_in_its_trial', 'this is no version in force of the protocol of the trial');
  RETURN NEW;
END $$;
CREATE TRIGGER subject_enters_its_trial BEFORE INSERT ON subject
  FOR EACH ROW EXECUTE FUNCTION subject_stays_in_its_trial();
CREATE TRIGGER subject_stays_in_its_trial BEFORE UPDATE ON subject FOR EACH ROW
  WHEN (NEW.protocol_id <> OLD.protocol_id OR NEW.trial <> OLD.trial) EXECUTE FUNCTION subject_stays_in_its_trial();

-- No more subjects enter than are planned, and none who is in a trial that bars others.
CREATE FUNCTION subject_enters_a_trial() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.place <= coalesce((SELECT p.planned_subjects FROM definition p
                 WHERE p.type = 'protocol' AND p.identifier = NEW.trial
                 ORDER BY p.state = 'EFFECTIVE' DESC, p.id = NEW.protocol_id DESC LIMIT 1), NEW.place),
               'no_more_subjects_than_planned', 'as many subjects as planned have been enrolled');
  PERFORM must(NEW.bars_other_trials IS NOT TRUE OR NOT EXISTS (
                 SELECT FROM subject s WHERE s.second_identifier_key = NEW.second_identifier_key
                    AND s.born_on = NEW.born_on AND s.trial <> NEW.trial AND s.state IN ('SCREENING', 'ENROLLED')),
               'no_second_trial_where_one_is_forbidden', 'the patient takes part in another trial');
  RETURN NEW;
END $$;
CREATE TRIGGER subject_enters_a_trial BEFORE UPDATE ON subject FOR EACH ROW
  WHEN (NEW.state = 'ENROLLED' AND OLD.state <> 'ENROLLED') EXECUTE FUNCTION subject_enters_a_trial();

-- What a clinician has to decide about before the next dose. Twin: `domain/rules/standing.py` (decision_refusals).
CREATE FUNCTION undecided_concerns(the_subject bigint)
  RETURNS TABLE(kind text, id bigint, said text, since timestamptz) LANGUAGE sql STABLE AS $$
  WITH concern(kind, id, said, since) AS (
    SELECT 'deviation', v.id, 'critical deviation ' || v.code || ' (' || left(v.title, 60) || ')',
           coalesce(v.critical_since, v.occurred_at)
      FROM deviation v
     WHERE v.classification = 'critical' AND v.state <> 'CLOSED' AND EXISTS (
       SELECT FROM deviation_link k LEFT JOIN dose d ON k.record_kind = 'dose' AND d.id = k.record_id
        WHERE k.deviation_id = v.id
          AND (d.subject_id = the_subject OR (k.record_kind = 'subject' AND k.record_id = the_subject)))
    UNION ALL
    SELECT 'reaction', r.id, 'serious reaction to dose ' || d.code, r.noted_at
      FROM dose d JOIN reaction r ON r.dose_id = d.id WHERE d.subject_id = the_subject AND r.is_serious)
  SELECT c.kind, c.id, c.said, c.since FROM concern c WHERE NOT EXISTS (
    SELECT FROM treatment_decision t
     WHERE t.subject_id = the_subject AND t.decided_at >= c.since
       AND t.covers @> jsonb_build_array(jsonb_build_object('kind', c.kind, 'id', c.id)))
$$;

-- A decision is about what is open.
CREATE FUNCTION decision_is_about_what_is_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM subject WHERE id = NEW.subject_id FOR NO KEY UPDATE;
  PERFORM must(jsonb_array_length(NEW.covers) > 0 AND NOT EXISTS (
      SELECT FROM jsonb_array_elements(NEW.covers) AS one
       WHERE (one ->> 'kind', (one ->> 'id')::bigint) NOT IN (SELECT kind, id FROM undecided_concerns(NEW.subject_id))),
    'a_decision_is_about_what_is_open', 'it is decided, or was never open');
  RETURN NEW;
END $$;
CREATE TRIGGER decision_is_about_what_is_open BEFORE INSERT ON treatment_decision
  FOR EACH ROW EXECUTE FUNCTION decision_is_about_what_is_open();

-- Nobody decides about a serious reaction that they noted themselves.
CREATE FUNCTION another_clinician_decides() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (
      SELECT FROM jsonb_array_elements(NEW.covers) AS one JOIN reaction r ON r.id = (one ->> 'id')::bigint
       WHERE one ->> 'kind' = 'reaction' AND r.noted_by_id = NEW.decided_by_id),
    'another_clinician_decides_about_a_reaction', 'whoever noted the reaction decides about it');
  RETURN NEW;
END $$;
CREATE TRIGGER another_clinician_decides BEFORE INSERT ON treatment_decision
  FOR EACH ROW EXECUTE FUNCTION another_clinician_decides();

-- A reaction waits for a step of the next dose that is being written, and the step for it.
CREATE FUNCTION reaction_comes_in_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM subject s WHERE s.id = (SELECT subject_id FROM dose WHERE id = NEW.dose_id) FOR NO KEY UPDATE;
  RETURN NEW;
END $$;
CREATE TRIGGER reaction_comes_in_turn BEFORE INSERT ON reaction FOR EACH ROW
  WHEN (NEW.is_serious) EXECUTE FUNCTION reaction_comes_in_turn();

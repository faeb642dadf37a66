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

-- A subject enters a version in force of its trial, in an arm of it.
CREATE FUNCTION subject_stays_in_its_trial() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  says jsonb;
BEGIN
  PERFORM must(EXISTS (SELECT FROM definition p WHERE p.id = NEW.protocol_id AND p.type = 'protocol'
                          AND p.identifier = NEW.trial AND p.state = 'EFFECTIVE'),
               'a_subject_stays_in_its_trial', 'this is no version in force of the protocol of the trial');
  says := definition_says(NEW.protocol_id);
  PERFORM must(EXISTS (SELECT FROM jsonb_array_elements(says -> 'arms') arm
                        WHERE arm ->> 'code' = NEW.arm AND (arm ->> 'receives_product')::boolean = NEW.receives_product),
               'a_subject_receives_what_its_arm_does', 'the protocol has no such arm, or its arm receives something else');
  PERFORM must(NEW.bars_other_trials = (
                 EXISTS (SELECT FROM jsonb_array_elements(says -> 'inclusion') c
                          WHERE c ->> 'question' = 'other_trial' AND c ->> 'operator' = 'no')
                 OR EXISTS (SELECT FROM jsonb_array_elements(says -> 'exclusion') c
                             WHERE c ->> 'question' = 'other_trial' AND c ->> 'operator' = 'yes')),
               'a_subject_is_barred_by_its_protocol', 'whether other trials are forbidden, the protocol says');
  RETURN NEW;
END $$;
CREATE TRIGGER subject_enters_its_trial BEFORE INSERT ON subject
  FOR EACH ROW EXECUTE FUNCTION subject_stays_in_its_trial();
CREATE TRIGGER subject_stays_in_its_trial BEFORE UPDATE ON subject FOR EACH ROW
  WHEN (NEW.protocol_id <> OLD.protocol_id OR NEW.trial <> OLD.trial
        OR NEW.bars_other_trials IS DISTINCT FROM OLD.bars_other_trials) EXECUTE FUNCTION subject_stays_in_its_trial();

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

-- What the answers say is what is signed.
CREATE FUNCTION subject_is_judged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(answers_say(definition_says(NEW.protocol_id), NEW.answers, NEW.sex)
                 = CASE NEW.state WHEN 'ENROLLED' THEN 'ELIGIBLE' ELSE 'NOT_ELIGIBLE' END
               AND NEW.assessment ->> 'outcome' = CASE NEW.state WHEN 'ENROLLED' THEN 'ELIGIBLE' ELSE 'NOT_ELIGIBLE' END,
               'the_answers_say_who_is_eligible', 'by the answers and the protocol it is otherwise');
  PERFORM must(coalesce((NEW.answers ->> 'age')::numeric = extract(year FROM age(NEW.consented_on, NEW.born_on)), true),
               'the_dates_say_how_old_somebody_is', 'birth and consent give another age');
  RETURN NEW;
END $$;
CREATE TRIGGER subject_is_judged BEFORE UPDATE ON subject FOR EACH ROW
  WHEN (OLD.state = 'SCREENING' AND NEW.state IN ('ENROLLED', 'SCREEN_FAILED')) EXECUTE FUNCTION subject_is_judged();

-- What answers say about somebody under a protocol: ELIGIBLE, NOT_ELIGIBLE or UNDECIDED. Twin: `domain/eligibility.py`.
CREATE FUNCTION answers_say(says jsonb, answers jsonb, sex text) RETURNS text LANGUAGE sql STABLE AS $$
  WITH criterion AS (
    SELECT 'inclusion' AS part, c FROM jsonb_array_elements(says -> 'inclusion') c
    UNION ALL SELECT 'exclusion', c FROM jsonb_array_elements(says -> 'exclusion') c
  ), judged AS MATERIALIZED (
    SELECT c ->> 'group' AS of_group,
           CASE WHEN q ->> 'asked_of' NOT IN ('everybody', sex) THEN c ->> 'group' IS NULL
                WHEN open.decision IS NOT NULL THEN (answers ->> open.decision)::boolean
                WHEN part = 'exclusion' THEN NOT criterion_holds(c, q, answers ->> (q ->> 'code'))
                ELSE criterion_holds(c, q, answers ->> (q ->> 'code')) END AS speaks_for
      FROM criterion JOIN jsonb_array_elements(says -> 'questions') q ON q ->> 'code' = c ->> 'question'
      LEFT JOIN LATERAL (
        SELECT a ->> 'decision' AS decision FROM jsonb_array_elements(says -> 'ambiguities') a
         WHERE a ->> 'question' = q ->> 'code' AND a -> 'value' = as_answer(answers ->> (q ->> 'code')) LIMIT 1) open ON true
  ), counting AS (
    SELECT speaks_for FROM judged WHERE of_group IS NULL
    UNION ALL
    SELECT CASE WHEN count(*) FILTER (WHERE j.speaks_for) >= (g ->> 'at_least')::int THEN true
                WHEN count(*) FILTER (WHERE j.speaks_for IS NOT false) < (g ->> 'at_least')::int THEN false END
      FROM jsonb_array_elements(says -> 'groups') g JOIN judged j ON j.of_group = g ->> 'code' GROUP BY g
  )
  SELECT CASE WHEN bool_or(NOT speaks_for) THEN 'NOT_ELIGIBLE' WHEN bool_or(speaks_for IS NULL) THEN 'UNDECIDED'
              ELSE 'ELIGIBLE' END FROM counting
$$;

-- A number as JSON; null: it is none.
CREATE FUNCTION as_answer(answer text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN answer ~ '^-?[0-9]+(\.[0-9]+)?$' THEN to_jsonb(answer::numeric) END
$$;

-- Whether an answer fulfils the condition of a criterion; null: that is not known.
CREATE FUNCTION criterion_holds(criterion jsonb, question jsonb, answer text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  number numeric := as_answer(answer)::numeric;
  asked text := criterion ->> 'operator';
  limit_is numeric := (criterion ->> 'limit')::numeric;
  low numeric := (criterion #>> '{range,low}')::numeric;
  high numeric := (criterion #>> '{range,high}')::numeric;
BEGIN
  IF answer IS NULL THEN
    RETURN CASE criterion ->> 'when_unknown' WHEN 'met' THEN true WHEN 'not_met' THEN false END;
  ELSIF question ->> 'kind' = 'yes_no' THEN
    RETURN CASE WHEN answer IN ('true', 'false') THEN (answer = 'true') = (asked = 'yes') END;
  ELSIF answer = 'not_applicable' AND question ? 'not_applicable' THEN
    RETURN false;
  ELSIF number BETWEEN (question #>> '{plausible,low}')::numeric AND (question #>> '{plausible,high}')::numeric THEN
    RETURN CASE asked WHEN '>=' THEN number >= limit_is WHEN '<=' THEN number <= limit_is WHEN '>' THEN number > limit_is
                      WHEN '<' THEN number < limit_is WHEN 'between' THEN number BETWEEN low AND high
                      WHEN 'outside' THEN number NOT BETWEEN low AND high END;
  END IF;
  RETURN NULL;
END $$;

-- By what numbers of patients and names are compared: letters and numerals without case. Of other alphabets the database has
-- no table of look-alikes; `trail verify` compares those. Twin: `domain/folding.py` (skeleton).
CREATE FUNCTION compared_by_its_letters() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  kept jsonb := to_jsonb(NEW);
  name text;
BEGIN
  FOREACH name IN ARRAY string_to_array(TG_ARGV[0], ' ') LOOP
    PERFORM must(kept ->> name ~ '[^\x01-\x7f]'
                 OR kept ->> (name || '_key') = lower(regexp_replace(kept ->> name, '[^A-Za-z0-9]', '', 'g')),
                 'a_number_is_compared_by_its_letters', name || ' is compared by something else than its letters');
  END LOOP;
  RETURN NEW;
END $$;
CREATE TRIGGER compared_by_its_letters BEFORE INSERT OR UPDATE OF trial_number, trial_number_key, second_identifier,
    second_identifier_key ON subject FOR EACH ROW
  EXECUTE FUNCTION compared_by_its_letters('trial_number second_identifier');
CREATE TRIGGER compared_by_its_letters BEFORE INSERT OR UPDATE OF pseudonym, pseudonym_key ON donor FOR EACH ROW
  EXECUTE FUNCTION compared_by_its_letters('pseudonym');
CREATE TRIGGER compared_by_its_letters BEFORE INSERT OR UPDATE OF manufacturer_lot, manufacturer_lot_key ON reagent_lot
  FOR EACH ROW EXECUTE FUNCTION compared_by_its_letters('manufacturer_lot');
CREATE TRIGGER compared_by_its_letters BEFORE INSERT OR UPDATE OF name, name_key ON storage_unit FOR EACH ROW
  EXECUTE FUNCTION compared_by_its_letters('name');

-- What a clinician has to decide about before the next dose. Twin: `domain/rules/standing.py` (decision_refusals).
CREATE FUNCTION undecided_concerns(the_subject bigint)
  RETURNS TABLE(kind text, id bigint, said text, since timestamptz) LANGUAGE sql STABLE AS $$
  WITH concern(kind, id, said, since) AS (
    -- What was critical is decided about, whatever it was called later.
    SELECT 'deviation', v.id, 'critical deviation ' || v.code || ' (' || left(v.title, 60) || ')',
           coalesce(v.critical_since, v.occurred_at)
      FROM deviation v
     WHERE (v.classification = 'critical' OR v.critical_since IS NOT NULL) AND v.state <> 'CLOSED' AND EXISTS (
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

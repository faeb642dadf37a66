-- How a rule of this folder says no: by its name, which `services/constraints.py` turns into a refusal with a sentence
-- and a way out. Most of them stand in `domain/rules` as well, with the reason: who changes one changes both.

-- The rule of this name holds, or nothing of the transaction does.
CREATE FUNCTION must(holds boolean, rule text, sentence text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF holds IS NOT TRUE THEN
    RAISE EXCEPTION '%', sentence USING ERRCODE = '23514', CONSTRAINT = rule;
  END IF;
END $$;

-- A rule that forbids what somebody would do. What is told late has happened: it stands, and so does what was not allowed
-- about it, in a row beside a deviation. Twins: `domain/telling.py`, `domain/refusals.py` (FORBIDS).
CREATE FUNCTION may(holds boolean, rule text, sentence text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF holds IS TRUE THEN
    PERFORM must(true, rule, sentence);
  ELSIF told_late() THEN
    PERFORM must(true, rule, sentence);
    INSERT INTO irregularity (act_id, rule, detail) VALUES (trail_open_act(), rule, sentence);
  ELSE
    PERFORM must(false, rule, sentence);
  END IF;
END $$;

-- This transaction, by a name that no other one has or will have, in whatever server the database is restored: numbers
-- of transactions begin anew there, and time does not. Null: nothing was written yet.
CREATE FUNCTION this_transaction() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT pg_current_xact_id_if_assigned() || '.' || extract(epoch FROM now())
$$;

-- The act of this transaction: there is one at most (uq_act_opened_in), and nothing that whoever writes says or sets
-- makes another one of it. Null: none was opened.
CREATE FUNCTION acting() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT id FROM act WHERE opened_in = this_transaction());
END $$;

-- What is asked at the end is asked of all that was done: once the act is closed, which changes nothing any more.
CREATE FUNCTION at_the_end() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must((SELECT outcome IS NOT NULL FROM act WHERE opened_in = this_transaction()),
               'an_act_is_judged_at_its_end', 'what is asked at the end of the act is asked before it');
END $$;

-- Whether the act that is open tells of something that happened before.
CREATE FUNCTION told_late() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM act WHERE opened_in = this_transaction()
                                   AND (late_reason IS NOT NULL OR name = 'correct_fact'))
$$;

CREATE FUNCTION irregular_fact_is_told_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(told_late() AND NEW.act_id = trail_open_act(),
               'only_a_late_fact_is_irregular', 'only of what is told late is it too late to refuse it');
  RETURN NEW;
END $$;
CREATE TRIGGER irregular_fact_is_told_late BEFORE INSERT ON irregularity
  FOR EACH ROW EXECUTE FUNCTION irregular_fact_is_told_late();

CREATE FUNCTION irregular_fact_has_a_deviation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM at_the_end();
  PERFORM must(EXISTS (SELECT FROM change WHERE act_id = NEW.act_id AND record_kind = 'deviation' AND before IS NULL),
               'an_irregular_fact_has_a_deviation', 'what was not allowed about it has no deviation');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER irregular_fact_has_a_deviation AFTER INSERT ON irregularity DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION irregular_fact_has_a_deviation();

-- Who does the act that is open.
CREATE FUNCTION acting_person() RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT person_id FROM act WHERE opened_in = this_transaction()
$$;

-- Where the act that is open is done.
CREATE FUNCTION acting_site() RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT site_id FROM act WHERE opened_in = this_transaction()
$$;

-- The name of the act that is open.
CREATE FUNCTION act_in_progress() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT name FROM act WHERE opened_in = this_transaction()
$$;

-- Nothing of it is ever written again; the arguments are the rule and its sentence. What may be put right has a rule of its own.
CREATE FUNCTION it_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(false, TG_ARGV[0], TG_ARGV[1]);
  RETURN NEW;
END $$;

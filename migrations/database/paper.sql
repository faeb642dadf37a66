-- Doses given from paper. Twins: `domain/rules/paper_form.py`, `services/clinic/from_paper.py`, `services/clinic/paper_people.py`.

-- The account of a person as a form names them; null: none, or not a single one.
CREATE FUNCTION person_as_written(written text) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT id FROM person WHERE name = written),
                  (SELECT min(id) FROM person WHERE lower(full_name) = lower(written) HAVING count(*) = 1))
$$;

-- Whoever drew the dose up does not sign its form.
CREATE FUNCTION dose_paper_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  preparer bigint;
BEGIN
  SELECT CASE WHEN NEW.content #>> '{preparation,prepared_by}' IS NULL THEN d.prepared_by_id
              ELSE person_as_written(NEW.content #>> '{preparation,prepared_by}') END INTO preparer
    FROM dose d WHERE d.id = NEW.dose_id;
  PERFORM must(preparer IS NULL OR (NEW.entered_by_id <> preparer AND NEW.confirmed_by_id IS DISTINCT FROM preparer),
               'preparer_does_not_sign_the_form', 'whoever drew the dose up signs for its form');
  RETURN NEW;
END $$;
CREATE TRIGGER dose_paper_safety BEFORE INSERT OR UPDATE ON dose_paper FOR EACH ROW EXECUTE FUNCTION dose_paper_safety();

-- Both verifiers are clinicians and have signed.
CREATE FUNCTION dose_paper_is_signed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  verifier bigint;
BEGIN
  PERFORM at_the_end();
  PERFORM must((SELECT 'clinician' = ANY (roles) FROM person
                 WHERE id = CASE TG_OP WHEN 'INSERT' THEN NEW.entered_by_id ELSE NEW.confirmed_by_id END),
               'a_clinician_verifies_the_form', 'whoever signs for the form is no clinician');
  FOREACH verifier IN ARRAY array_remove(ARRAY[NEW.entered_by_id, NEW.confirmed_by_id], NULL) LOOP
    PERFORM must(EXISTS (SELECT FROM signature WHERE record_kind = 'dose_paper' AND record_id = NEW.id
                            AND meaning = 'verified' AND person_id = verifier),
                 'a_form_is_signed_by_both', 'a verifier of the form has not signed');
  END LOOP;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER dose_paper_is_signed AFTER INSERT OR UPDATE ON dose_paper DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.state IN ('ENTERED', 'CONFIRMED')) EXECUTE FUNCTION dose_paper_is_signed();

-- A form is replaced by another one of the same dose, entered in the same act.
CREATE FUNCTION form_has_its_successor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM at_the_end();
  PERFORM must(EXISTS (
    SELECT FROM dose_paper f JOIN change c ON (c.record_kind, c.record_id) = ('dose_paper', f.id)
     WHERE f.dose_id = NEW.dose_id AND f.state = 'ENTERED' AND c.act_id = acting() AND c.before IS NULL),
    'a_replaced_form_has_its_successor', 'no other form of the dose was entered');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER form_has_its_successor AFTER UPDATE OF state ON dose_paper DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.state = 'REPLACED' AND OLD.state <> 'REPLACED') EXECUTE FUNCTION form_has_its_successor();

-- Another clinician signs that nothing of a form is true.
CREATE FUNCTION form_is_taken_back_by_another() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM at_the_end();
  PERFORM must(EXISTS (SELECT FROM signature s JOIN person p ON p.id = s.person_id
                        WHERE s.record_kind = 'dose_paper' AND s.record_id = NEW.id AND s.meaning = 'rejected'
                          AND s.person_id <> NEW.entered_by_id AND 'clinician' = ANY (p.roles)),
               'a_form_is_taken_back_by_another', 'no other clinician has signed that nothing of it is true');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER form_is_taken_back_by_another AFTER UPDATE ON dose_paper DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.state = 'TAKEN_BACK') EXECUTE FUNCTION form_is_taken_back_by_another();

-- What paper tells as given is not given again, and waits for its second person before the next one.
-- Twins: `domain/rules/infusion.py` (given_on_paper), `domain/rules/standing.py` (next_dose_refusals).
CREATE FUNCTION dose_is_not_on_paper() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (SELECT FROM dose_paper f WHERE f.state = 'ENTERED' AND f.dose_id = NEW.id),
               'what_paper_tells_as_given_is_not_given_again', 'its paper form was entered');
  PERFORM may(NOT EXISTS (SELECT FROM dose g LEFT JOIN dose_paper f ON f.dose_id = g.id AND f.state = 'ENTERED'
                           WHERE (f.id IS NOT NULL OR g.state = 'UNORDERED')
                             AND g.subject_id = NEW.subject_id AND g.id <> NEW.id),
              'a_form_is_confirmed_before_the_next_dose', 'a paper form tells of another dose as given');
  PERFORM may(NOT EXISTS (SELECT FROM dose g WHERE g.subject_id = NEW.subject_id AND g.id <> NEW.id
                             AND g.infusion_number = NEW.infusion_number AND g.given_beside),
              'one_live_dose_per_subject_and_day', 'another dose was given in its place');
  RETURN NEW;
END $$;
CREATE TRIGGER dose_is_not_on_paper BEFORE UPDATE OF state ON dose FOR EACH ROW
  WHEN (NEW.state IN ('CHECKED_ONCE', 'CHECKED', 'INFUSING') AND NEW.state <> OLD.state)
  EXECUTE FUNCTION dose_is_not_on_paper();
CREATE TRIGGER dose_is_ordered_without_a_form BEFORE INSERT ON dose FOR EACH ROW EXECUTE FUNCTION dose_is_not_on_paper();

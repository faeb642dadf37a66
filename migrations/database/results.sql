-- Samples and results: a value is never changed. Twins: `domain/rules/result.py`, `domain/rules/tested.py`.

CREATE FUNCTION sample_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must((NEW.code, NEW.test, NEW.number, NEW.material, NEW.vial_id, NEW.taken_at, NEW.due_on, NEW.taken_by_id,
                NEW.donor_id, NEW.donation_id, NEW.culture_id, NEW.lot_id)
               IS NOT DISTINCT FROM
               (OLD.code, OLD.test, OLD.number, OLD.material, OLD.vial_id, OLD.taken_at, OLD.due_on, OLD.taken_by_id,
                OLD.donor_id, OLD.donation_id, OLD.culture_id, OLD.lot_id),
               'a_sample_is_never_changed', 'a sample stays what it was when it was taken');
  RETURN NEW;
END $$;
CREATE TRIGGER sample_safety BEFORE UPDATE ON sample FOR EACH ROW EXECUTE FUNCTION sample_safety();

CREATE FUNCTION result_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_sample record;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    PERFORM must((NEW.code, NEW.test, NEW.number, NEW.choice, NEW.unit, NEW.method, NEW.method_version, NEW.instrument,
                  NEW.started_at, NEW.resulted_at, NEW.verdict, NEW.entered_by_id, NEW.corrects_id, NEW.sample_id,
                  NEW.sample_number, NEW.donor_id, NEW.donation_id, NEW.culture_id, NEW.lot_id)
                 IS NOT DISTINCT FROM
                 (OLD.code, OLD.test, OLD.number, OLD.choice, OLD.unit, OLD.method, OLD.method_version, OLD.instrument,
                  OLD.started_at, OLD.resulted_at, OLD.verdict, OLD.entered_by_id, OLD.corrects_id, OLD.sample_id,
                  OLD.sample_number, OLD.donor_id, OLD.donation_id, OLD.culture_id, OLD.lot_id),
                 'a_result_is_never_changed', 'a result keeps the value with which it was entered');
    PERFORM must(NEW.state = OLD.state OR OLD.state IN ('ENTERED', 'REVIEWED'),
                 'a_result_never_counts_again', 'a result that no longer counts never comes back');
    PERFORM must(NEW.state <> 'INVALIDATED' OR OLD.state = 'INVALIDATED' OR EXISTS (
      SELECT FROM deviation_link k JOIN deviation d ON d.id = k.deviation_id
       WHERE k.record_kind = 'test_result' AND k.record_id = NEW.id AND d.state IN ('INVESTIGATED', 'CLOSED')),
      'an_invalidated_result_has_a_deviation', 'no investigated deviation is about this result');
    PERFORM must(NEW.state <> 'INVALIDATED' OR OLD.state = 'INVALIDATED' OR NEW.entered_by_id <> acting_person() AND EXISTS (
      SELECT FROM deviation_link k JOIN deviation d ON d.id = k.deviation_id
       WHERE k.record_kind = 'test_result' AND k.record_id = NEW.id AND d.state IN ('INVESTIGATED', 'CLOSED')
         AND d.investigated_by_id <> acting_person()),
      'a_result_is_invalidated_by_another', 'whoever entered the result, or investigated it, does not invalidate it');
  ELSIF NEW.sample_id IS NOT NULL THEN
    SELECT * INTO the_sample FROM sample WHERE id = NEW.sample_id;
    PERFORM must((the_sample.test, the_sample.number, the_sample.donor_id, the_sample.donation_id,
                  the_sample.culture_id, the_sample.lot_id)
                 IS NOT DISTINCT FROM
                 (NEW.test, NEW.sample_number, NEW.donor_id, NEW.donation_id, NEW.culture_id, NEW.lot_id),
                 'a_result_is_of_its_sample', 'the sample is of another test or of something else');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER result_safety BEFORE INSERT OR UPDATE ON test_result FOR EACH ROW EXECUTE FUNCTION result_safety();

-- A result that was corrected has the right one in its place, of the same test of the same thing, from the same act.
CREATE FUNCTION result_has_its_successor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM at_the_end();
  PERFORM must(EXISTS (
    SELECT FROM test_result r JOIN change c ON (c.record_kind, c.record_id) = ('test_result', r.id)
     WHERE r.corrects_id = NEW.id AND c.act_id = acting() AND c.before IS NULL
       AND (r.test, r.sample_id, r.sample_number, r.donor_id, r.donation_id, r.culture_id, r.lot_id) IS NOT DISTINCT FROM
           (NEW.test, NEW.sample_id, NEW.sample_number, NEW.donor_id, NEW.donation_id, NEW.culture_id, NEW.lot_id)),
    'a_corrected_result_has_the_right_one', 'no other result stands in its place');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER result_has_its_successor AFTER UPDATE OF state ON test_result DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.state = 'CORRECTED' AND OLD.state <> 'CORRECTED') EXECUTE FUNCTION result_has_its_successor();

-- What is found against product stops it: whoever writes what was found places the hold in the same act.
-- Twins: `services/stopping/holding.py`, `services/quality/out_of_specification.py`, `services/temperature/excursion_record.py`.

CREATE FUNCTION stop_is_placed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_kind text := split_part(TG_ARGV[0], ' ', 1);
  the_id bigint := (to_jsonb(NEW) ->> split_part(TG_ARGV[0], ' ', 2))::bigint;
BEGIN
  PERFORM at_the_end();
  PERFORM must(EXISTS (
      SELECT FROM hold WHERE state = 'PLACED' AND the_id = CASE the_kind WHEN 'donor' THEN donor_id WHEN 'lot' THEN lot_id
                                                             WHEN 'reagent_lot' THEN reagent_lot_id ELSE storage_unit_id END)
    OR the_kind = 'reagent_lot' AND NOT EXISTS (SELECT FROM reagent_use WHERE reagent_lot_id = the_id)
    OR the_kind = 'lot' AND NOT EXISTS (SELECT FROM lots_below('lot', the_id) AS below(id) WHERE below.id <> the_id),
    'what_is_found_stops_product', 'no hold is placed on what it came to');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER stop_is_placed AFTER UPDATE ON donor DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.state = 'INELIGIBLE' AND OLD.state <> 'INELIGIBLE') EXECUTE FUNCTION stop_is_placed('donor id');
CREATE CONSTRAINT TRIGGER stop_is_placed AFTER UPDATE ON consent DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.state = 'WITHDRAWN' AND OLD.state <> 'WITHDRAWN') EXECUTE FUNCTION stop_is_placed('donor donor_id');
CREATE CONSTRAINT TRIGGER stop_is_placed AFTER UPDATE ON test_result DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.state = 'REVIEWED' AND OLD.state <> 'REVIEWED' AND NEW.verdict = 'OUT_OF_SPECIFICATION' AND NEW.donor_id IS NOT NULL)
  EXECUTE FUNCTION stop_is_placed('donor donor_id');
CREATE CONSTRAINT TRIGGER stop_is_placed AFTER UPDATE ON reagent_lot DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.state IN ('REJECTED', 'RECALLED') AND OLD.state <> NEW.state) EXECUTE FUNCTION stop_is_placed('reagent_lot id');
CREATE CONSTRAINT TRIGGER stop_is_placed AFTER UPDATE ON storage_unit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.state = 'FAILED' AND OLD.state <> 'FAILED') EXECUTE FUNCTION stop_is_placed('storage_unit id');
CREATE CONSTRAINT TRIGGER stop_is_placed AFTER UPDATE ON lot DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.state IN ('REJECTED', 'RECALLED') AND OLD.state <> NEW.state) EXECUTE FUNCTION stop_is_placed('lot id');

-- No lot stays out whose test failed, also not for one subject while results are pending, and none that stood in the warm.
CREATE FUNCTION failure_stops_lots() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM at_the_end();
  PERFORM must(NOT EXISTS (
    SELECT FROM lots_below(CASE WHEN NEW.lot_id IS NOT NULL THEN 'lot' WHEN NEW.culture_id IS NOT NULL THEN 'culture'
                             ELSE 'donation' END, coalesce(NEW.lot_id, NEW.culture_id, NEW.donation_id)) AS below(id)
      JOIN lot l ON l.id = below.id WHERE l.state = 'RELEASED'
        OR EXISTS (SELECT FROM conditional_release WHERE lot_id = l.id AND state <> 'ENDED')),
    'what_is_found_stops_product', 'a lot that failed a test stays released, for all or for one subject');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER failure_stops_lots AFTER INSERT ON test_result DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.verdict = 'OUT_OF_SPECIFICATION' AND NEW.donor_id IS NULL) EXECUTE FUNCTION failure_stops_lots();

CREATE FUNCTION warmth_stops_lots() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM at_the_end();
  PERFORM must(NOT EXISTS (
    SELECT FROM units_within(NEW.storage_unit_id) w JOIN placement p ON p.box_id = w.unit_id
      JOIN vial v ON v.id = p.vial_id JOIN lot l ON l.id = v.lot_id
     WHERE NEW.started_at < least(w.until, coalesce(p.taken_at, 'infinity'))
       AND coalesce(NEW.ended_at, 'infinity') > greatest(w.since, p.placed_at) AND l.state IN ('QUARANTINE', 'RELEASED')),
    'what_is_found_stops_product', 'a lot of which vials stood in the warm is not stopped');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER warmth_stops_lots AFTER INSERT OR UPDATE OF category, peak_c ON excursion
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.category IN ('critical', 'reject') AND NEW.state = 'OPEN') EXECUTE FUNCTION warmth_stops_lots();

-- What is let go, called off or taken out of use says why. The argument names the column of the reason; other tables have
-- a CHECK. Twin: the inputs of these acts, which ask for a reason.
CREATE FUNCTION what_ends_says_why() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(length(trim(to_jsonb(NEW) ->> TG_ARGV[0])) > 0, 'what_ends_says_why', 'nothing says why it ends');
  RETURN NEW;
END $$;
CREATE TRIGGER what_ends_says_why BEFORE UPDATE ON hold FOR EACH ROW
  WHEN (NEW.state = 'LIFTED' AND OLD.state <> 'LIFTED') EXECUTE FUNCTION what_ends_says_why('lift_reason');
CREATE TRIGGER what_ends_says_why BEFORE UPDATE ON sample FOR EACH ROW
  WHEN (NEW.state = 'CANCELLED' AND OLD.state <> 'CANCELLED') EXECUTE FUNCTION what_ends_says_why('cancel_reason');
CREATE TRIGGER what_ends_says_why BEFORE UPDATE ON training FOR EACH ROW
  WHEN (NEW.state = 'REVOKED' AND OLD.state <> 'REVOKED') EXECUTE FUNCTION what_ends_says_why('revoke_reason');
CREATE TRIGGER what_ends_says_why BEFORE UPDATE ON probe FOR EACH ROW
  WHEN (NEW.state = 'RETIRED' AND OLD.state <> 'RETIRED') EXECUTE FUNCTION what_ends_says_why('retired_reason');
CREATE TRIGGER what_ends_says_why BEFORE UPDATE ON consent FOR EACH ROW
  WHEN (NEW.state = 'WITHDRAWN' AND OLD.state <> 'WITHDRAWN') EXECUTE FUNCTION what_ends_says_why('withdrawal_reason');
CREATE TRIGGER what_ends_says_why BEFORE UPDATE ON storage_unit FOR EACH ROW
  WHEN (NEW.state IN ('OUT_OF_SERVICE', 'FAILED') AND OLD.state <> NEW.state)
  EXECUTE FUNCTION what_ends_says_why('out_of_service_reason');

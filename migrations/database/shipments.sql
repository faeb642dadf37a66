-- Shipments: shippers that travel, vials on their way, one custodian at any moment, stock that waits for acceptance.
-- Twins: `domain/rules/shipment.py`, `domain/rules/receipt.py`.

-- A shipment keeps its way, and is received once.
CREATE FUNCTION shipment_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  here bigint := acting_site();
BEGIN
  PERFORM must(NEW.site_id = here, 'a_record_is_changed_at_its_site', 'another site has the shipment in hand');
  IF TG_OP = 'INSERT' THEN
    PERFORM must(NEW.site_id = NEW.from_site_id, 'a_shipment_begins_at_its_sender', 'it begins at the sender');
    RETURN NEW;
  END IF;
  PERFORM must((NEW.code, NEW.from_site_id, NEW.to_site_id) = (OLD.code, OLD.from_site_id, OLD.to_site_id),
               'a_shipment_keeps_its_way', 'a shipment never changes where it goes');
  PERFORM must(NEW.site_id = OLD.site_id
               OR (NEW.site_id = NEW.to_site_id AND OLD.state = 'ON_THE_WAY' AND NEW.state = 'ARRIVED'),
               'a_shipment_is_received_once', 'a shipment changes its site when it is received');
  PERFORM must(NEW.state = OLD.state OR OLD.state NOT IN ('ACCEPTED', 'REJECTED', 'CANCELLED'),
               'a_decided_shipment_stays_decided', 'the shipment is ended');
  PERFORM must(NEW.state = OLD.state OR NEW.state <> 'CANCELLED' OR NOT EXISTS (
    SELECT FROM packed_vial WHERE shipment_id = NEW.id AND ended_at IS NULL),
    'nothing_is_left_in_a_cancelled_shipment', 'vials are still packed');
  RETURN NEW;
END $$;
CREATE TRIGGER shipment_safety BEFORE INSERT OR UPDATE ON shipment FOR EACH ROW EXECUTE FUNCTION shipment_safety();

-- A shipment has one custodian.
CREATE FUNCTION shipment_has_a_custodian() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_state text;
BEGIN
  PERFORM at_the_end();
  SELECT state INTO the_state FROM shipment WHERE id = NEW.id;
  PERFORM must((the_state IN ('PACKING', 'SEALED', 'ON_THE_WAY', 'ARRIVED', 'CHECKED'))
               = EXISTS (SELECT FROM custody WHERE shipment_id = NEW.id AND until IS NULL),
               'a_shipment_has_one_custodian', 'somebody must have the shipment in hand');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER shipment_has_a_custodian AFTER INSERT OR UPDATE ON shipment DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION shipment_has_a_custodian();

CREATE FUNCTION custody_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must((NEW.shipment_id, NEW.person_id, NEW.carrier, NEW.waybill, NEW.since) IS NOT DISTINCT FROM
               (OLD.shipment_id, OLD.person_id, OLD.carrier, OLD.waybill, OLD.since) AND OLD.until IS NULL,
               'a_custody_only_ends', 'a custody can only be ended');
  RETURN NEW;
END $$;
CREATE TRIGGER custody_safety BEFORE UPDATE ON custody FOR EACH ROW EXECUTE FUNCTION custody_safety();

CREATE FUNCTION custody_is_handed_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM at_the_end();
  PERFORM must(EXISTS (SELECT FROM custody WHERE shipment_id = NEW.shipment_id AND until IS NULL)
               OR (SELECT state FROM shipment WHERE id = NEW.shipment_id) IN ('ACCEPTED', 'REJECTED', 'CANCELLED'),
               'a_shipment_has_one_custodian', 'somebody must have the shipment in hand');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER custody_is_handed_on AFTER UPDATE ON custody DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION custody_is_handed_on();

-- None is sealed that is no longer qualified.
CREATE FUNCTION shipper_is_qualified() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM may(NOT EXISTS (SELECT FROM packed_vial WHERE shipment_id = NEW.id AND ended_at IS NULL) OR (
    SELECT u.qualified_until >= (NEW.sealed_at AT TIME ZONE s.timezone)::date
      FROM storage_unit u JOIN site s ON s.id = NEW.from_site_id WHERE u.id = NEW.shipper_id),
               'only_a_qualified_shipper_is_sealed', 'the shipper is no longer qualified');
  RETURN NEW;
END $$;
CREATE TRIGGER shipper_is_qualified BEFORE UPDATE ON shipment FOR EACH ROW
  WHEN (NEW.state = 'SEALED' AND OLD.state <> 'SEALED') EXECUTE FUNCTION shipper_is_qualified();

CREATE FUNCTION packed_vial_is_found_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(OLD.finding IS NULL OR OLD.finding = 'MISSING', 'a_vial_is_found_once', 'the vial was found before');
  RETURN NEW;
END $$;
CREATE TRIGGER packed_vial_is_found_once BEFORE UPDATE OF finding, found_at ON packed_vial FOR EACH ROW
  EXECUTE FUNCTION packed_vial_is_found_once();

-- Only released stock is shipped, and only accepted stock is used.
CREATE FUNCTION vial_travels_safely() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state = 'IN_TRANSIT' THEN
    PERFORM must(OLD.state = 'IN_STOCK', 'only_stock_is_shipped', 'only a vial in stock is packed');
    PERFORM may((SELECT state FROM lot WHERE id = NEW.lot_id FOR SHARE) = 'RELEASED',
                 'only_vials_of_a_released_lot_are_shipped', 'the lot is not released');
  ELSIF NEW.state = 'RECEIVED' THEN
    PERFORM must(OLD.state IN ('IN_TRANSIT', 'MISSING'), 'only_what_was_sent_is_received', 'the vial was not on its way');
  ELSIF OLD.state = 'RECEIVED' AND NEW.state <> 'DISCARDED' THEN
    PERFORM must(NEW.state = 'IN_STOCK' AND EXISTS (
      SELECT FROM packed_vial p JOIN shipment s ON s.id = p.shipment_id
       WHERE p.vial_id = NEW.id AND p.finding = 'RECEIVED' AND s.state = 'ACCEPTED' AND s.to_site_id = NEW.site_id),
      'only_accepted_stock_is_used', 'the shipment of the vial is not accepted');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER vial_travels_safely BEFORE UPDATE ON vial FOR EACH ROW
  WHEN (NEW.state <> OLD.state AND (NEW.state IN ('IN_TRANSIT', 'RECEIVED') OR OLD.state = 'RECEIVED'))
  EXECUTE FUNCTION vial_travels_safely();

-- A vial on its way is in a shipment.
CREATE FUNCTION vial_is_in_a_shipment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM at_the_end();
  PERFORM must((SELECT state FROM vial WHERE id = NEW.id) <> 'IN_TRANSIT' OR EXISTS (
    SELECT FROM packed_vial p JOIN shipment s ON s.id = p.shipment_id
     WHERE p.vial_id = NEW.id AND p.ended_at IS NULL AND s.state IN ('PACKING', 'SEALED', 'ON_THE_WAY', 'ARRIVED', 'CHECKED')),
    'a_vial_on_its_way_is_in_a_shipment', 'no shipment has the vial');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER vial_is_in_a_shipment AFTER UPDATE ON vial DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.state = 'IN_TRANSIT') EXECUTE FUNCTION vial_is_in_a_shipment();

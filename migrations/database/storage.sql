-- Storage: a tree of any shape that remembers where everything stood. Twins: `domain/storage_tree.py`, `domain/rules/storage.py`.

-- What each unit stood in, and from when to when.
CREATE VIEW unit_parent AS
  SELECT unit_id, parent_id, place, coalesce(since, '-infinity') AS since, until FROM unit_stay
  UNION ALL
  SELECT id, parent_id, place, coalesce(stands_since, '-infinity'), 'infinity'::timestamptz FROM storage_unit;

-- Everything a unit stood in, with the time: one look by index for each level.
CREATE FUNCTION unit_line(the_unit bigint) RETURNS TABLE(unit_id bigint, since timestamptz, until timestamptz)
  LANGUAGE sql STABLE AS $$
  WITH RECURSIVE line AS (
    SELECT the_unit AS unit_id, '-infinity'::timestamptz AS since, 'infinity'::timestamptz AS until
    UNION ALL
    SELECT p.parent_id, greatest(l.since, p.since), least(l.until, p.until)
      FROM line l CROSS JOIN LATERAL (  -- and not a join: one look by index for each level
        SELECT s.parent_id, coalesce(s.since, '-infinity') AS since, s.until FROM unit_stay s WHERE s.unit_id = l.unit_id
        UNION ALL
        SELECT u.parent_id, coalesce(u.stands_since, '-infinity'), 'infinity' FROM storage_unit u WHERE u.id = l.unit_id
      ) p
     WHERE p.parent_id IS NOT NULL AND p.since < l.until AND p.until > l.since
  )
  SELECT * FROM line
$$;

-- Everything that a unit stood in, for which time.
CREATE FUNCTION units_around(the_unit bigint) RETURNS TABLE(unit_id bigint, since timestamptz, until timestamptz)
  LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY
  WITH RECURSIVE line AS (
    SELECT the_unit AS id, '-infinity'::timestamptz AS s, 'infinity'::timestamptz AS u
    UNION ALL
    SELECT p.parent_id, greatest(l.s, stay.s), least(l.u, p.until)
      FROM line l JOIN unit_parent p ON p.unit_id = l.id AND p.parent_id IS NOT NULL
      CROSS JOIN LATERAL (SELECT CASE WHEN EXISTS (
        SELECT FROM unit_stay e WHERE e.unit_id = p.unit_id AND e.until <= p.since) THEN p.since ELSE '-infinity' END AS s) stay
     WHERE stay.s < l.u AND p.until > l.s
  )
  SELECT id, s, u FROM line;
END $$;

-- Everything that stood in a unit, for which time.
CREATE FUNCTION units_within(the_unit bigint) RETURNS TABLE(unit_id bigint, since timestamptz, until timestamptz)
  LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY
  WITH RECURSIVE line AS (
    SELECT the_unit AS id, '-infinity'::timestamptz AS s, 'infinity'::timestamptz AS u
    UNION ALL
    SELECT p.unit_id, greatest(l.s, stay.s), least(l.u, p.until)
      FROM line l JOIN unit_parent p ON p.parent_id = l.id
      CROSS JOIN LATERAL (SELECT CASE WHEN EXISTS (
        SELECT FROM unit_stay e WHERE e.unit_id = p.unit_id AND e.until <= p.since) THEN p.since ELSE '-infinity' END AS s) stay
     WHERE stay.s < l.u AND p.until > l.s
  )
  SELECT id, s, u FROM line;
END $$;

-- The names from the outermost unit to this one, now or at a moment.
CREATE FUNCTION unit_names(the_unit bigint, at timestamptz DEFAULT NULL) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
DECLARE
  names text[] := '{}';
  up bigint := the_unit;
  unit record;
BEGIN
  WHILE up IS NOT NULL LOOP
    SELECT name, parent_id INTO unit FROM storage_unit WHERE id = up;
    names := unit.name || names;
    IF at IS NOT NULL THEN
      SELECT coalesce((SELECT array[s.parent_id] FROM unit_stay s WHERE s.unit_id = up AND s.until > at
                        ORDER BY s.until LIMIT 1), array[unit.parent_id]) AS parent INTO unit;
      up := unit.parent[1];
    ELSE
      up := unit.parent_id;
    END IF;
  END LOOP;
  RETURN names;
END $$;

-- The unit out of service that a unit stands in, itself included; null: all are in service.
CREATE FUNCTION unit_stopped(the_unit bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
  unit record;
BEGIN
  SELECT id, parent_id, state INTO unit FROM storage_unit WHERE id = the_unit;
  WHILE unit.state = 'IN_SERVICE' AND unit.parent_id IS NOT NULL LOOP
    SELECT id, parent_id, state INTO unit FROM storage_unit WHERE id = unit.parent_id;
  END LOOP;
  RETURN CASE WHEN unit.state <> 'IN_SERVICE' THEN unit.id END;
END $$;

-- A unit stands where it may, and never in itself.
CREATE FUNCTION storage_unit_place_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  parent record;
  up bigint := NEW.parent_id;
BEGIN
  -- Two moves at once could make a circle that neither of them sees.
  PERFORM pg_advisory_xact_lock(7042, NEW.site_id::int);
  WHILE up IS NOT NULL LOOP
    PERFORM must(up <> NEW.id, 'a_unit_never_stands_in_itself', 'the unit would stand in itself');
    SELECT parent_id INTO up FROM storage_unit WHERE id = up;
  END LOOP;
  IF NEW.parent_id IS NULL THEN
    PERFORM must(NEW.type IN ('room', 'tank', 'dewar', 'shipper'),
                 'a_unit_stands_where_it_may', 'such a unit stands in another one');
    RETURN NEW;
  END IF;
  SELECT type, capacity INTO parent FROM storage_unit WHERE id = NEW.parent_id;
  PERFORM must((NEW.type, parent.type) IN (
    ('room', 'room'), ('dewar', 'room'), ('tank', 'room'), ('canister', 'tank'), ('rack', 'tank'), ('rack', 'canister'),
    ('box', 'tank'), ('box', 'rack'), ('box', 'canister'), ('visotube', 'tank'), ('visotube', 'rack'),
    ('visotube', 'canister'), ('cassette', 'tank'), ('cassette', 'rack'), ('cassette', 'canister')),
    'a_unit_stands_where_it_may', 'such a unit does not stand there');
  PERFORM must(NEW.place <= coalesce(parent.capacity, NEW.place), 'the_place_exists', 'there is no such place');
  PERFORM may(unit_stopped(NEW.parent_id) IS NULL, 'a_unit_goes_where_it_may_be_filled', 'it is out of service there');
  RETURN NEW;
END $$;
CREATE TRIGGER storage_unit_moved BEFORE UPDATE ON storage_unit FOR EACH ROW
  WHEN ((NEW.parent_id, NEW.place) IS DISTINCT FROM (OLD.parent_id, OLD.place)) EXECUTE FUNCTION storage_unit_place_safety();
CREATE TRIGGER storage_unit_placed BEFORE INSERT ON storage_unit
  FOR EACH ROW EXECUTE FUNCTION storage_unit_place_safety();

-- Each move leaves behind where the unit stood until then.
CREATE FUNCTION storage_unit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.stands_since > coalesce(OLD.stands_since, '-infinity'), 'a_move_follows_the_last', 'moved earlier');
  INSERT INTO unit_stay (unit_id, parent_id, place, since, until)
  VALUES (OLD.id, OLD.parent_id, OLD.place, OLD.stands_since, NEW.stands_since);
  RETURN NULL;
END $$;
CREATE TRIGGER storage_unit_stays AFTER UPDATE ON storage_unit FOR EACH ROW
  WHEN ((NEW.parent_id, NEW.place) IS DISTINCT FROM (OLD.parent_id, OLD.place)) EXECUTE FUNCTION storage_unit_stays();

-- A failed unit waits for its hold to be lifted.
CREATE FUNCTION storage_unit_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (SELECT FROM hold WHERE storage_unit_id = NEW.id AND state = 'PLACED'),
               'a_failed_unit_waits_for_its_hold', 'the hold of its failure is in force');
  RETURN NEW;
END $$;
CREATE TRIGGER storage_unit_safety BEFORE UPDATE ON storage_unit
  FOR EACH ROW WHEN (((old.state = 'FAILED') AND (new.state = 'IN_SERVICE'))) EXECUTE FUNCTION storage_unit_safety();

-- A vial stands in one position that exists, of a box in service, at this site.
CREATE FUNCTION placement_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  box record;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    PERFORM must(NEW.vial_id = OLD.vial_id AND NEW.box_id = OLD.box_id AND NEW.position = OLD.position
                 AND OLD.taken_at IS NULL, 'a_placement_only_ends', 'a placement can only be ended');
    PERFORM must(NEW.dewar_id IS NULL OR EXISTS (SELECT FROM storage_unit WHERE id = NEW.dewar_id AND type = 'dewar'),
                 'vials_are_carried_in_a_dewar', 'the vial would be carried in something that is no dewar');
    RETURN NEW;
  END IF;
  SELECT site_id, type, row_count * column_count AS size INTO box
    FROM storage_unit WHERE id = NEW.box_id FOR SHARE;
  PERFORM must(NEW.position <= box.size, 'the_position_exists', 'the box has no such position');
  PERFORM may(unit_stopped(NEW.box_id) IS NULL,
    'the_box_is_in_service', 'the box, or what it stands in, is out of service');
  PERFORM must(box.site_id = acting_site(), 'a_record_is_changed_at_its_site', 'the box is of another site');
  PERFORM must(box.type <> 'shipper' OR EXISTS (
    SELECT FROM packed_vial WHERE vial_id = NEW.vial_id AND ended_at IS NULL),
    'only_packed_vials_stand_in_a_shipper', 'the vial is packed for no shipment');
  RETURN NEW;
END $$;
CREATE TRIGGER placement_safety BEFORE INSERT OR UPDATE ON placement FOR EACH ROW EXECUTE FUNCTION placement_safety();

-- Probes, readings, excursions, time out of the cold. Twins: `domain/rules/temperature.py`, `domain/rules/warming.py`.

-- No reading is of a clock that was never set. Twin: `domain/rules/reading_time.py`.
CREATE FUNCTION clock_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.first_at >= '2010-01-01 00:00:00+00', 'of_a_clock_that_was_set',
    'readings are older than any logger here: its clock was reset');
  RETURN NEW;
END $$;
CREATE TRIGGER clock_safety BEFORE INSERT ON reading_import FOR EACH ROW EXECUTE FUNCTION clock_safety();

-- The limits of a probe, the larger the laxer.
CREATE FUNCTION limits_of(the_probe probe) RETURNS numeric[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY[the_probe.warn_above_c, the_probe.warn_minutes, the_probe.critical_above_c, the_probe.critical_readings,
               the_probe.reject_above_c, the_probe.gap_minutes, the_probe.acknowledge_minutes]
$$;

-- The limits that a specification asks for, and those that somebody asks for, in the same order.
CREATE FUNCTION limits_in(says jsonb, names text) RETURNS numeric[] LANGUAGE sql IMMUTABLE AS $$
  SELECT array_agg((says ->> name)::numeric ORDER BY place) FROM regexp_split_to_table(names, ' ') WITH ORDINALITY AS n (name, place)
$$;

-- A probe begins with limits that two people have put in force, with its specification; others one asks for and another
-- one approves. Twin: `domain/rules/temperature.py` (laxer_refusals, approval_refusals).
CREATE FUNCTION probe_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM must(NEW.limits_asked IS NULL AND NOT EXISTS (
        SELECT FROM definition d CROSS JOIN unnest(limits_of(NEW), limits_in(definition_says(d.id) -> 'temperature',
          'warn_above_celsius warn_minutes critical_above_celsius critical_readings reject_above_celsius gap_minutes '
          || 'acknowledge_minutes')) AS pair (given, usual)
         WHERE d.type = 'specification' AND d.state = 'EFFECTIVE' AND pair.given > pair.usual),
      'a_probe_begins_as_its_product_asks', 'its limits are laxer than those of the specification');
  ELSE
    PERFORM must(num_nulls(OLD.limits_asked, NEW.limits_asked) > 0
                 OR (OLD.limits_asked, OLD.limits_asked_by_id) = (NEW.limits_asked, NEW.limits_asked_by_id),
      'limits_are_changed_by_two', 'the limits asked for are not changed');
    IF limits_of(NEW) <> limits_of(OLD) THEN
      PERFORM must(OLD.limits_asked_by_id <> acting_person() AND limits_of(NEW) = limits_in(OLD.limits_asked,
          'warn_above_c warn_minutes critical_above_c critical_readings reject_above_c gap_minutes acknowledge_minutes'),
        'limits_are_changed_by_two', 'another person has asked for these limits');
      PERFORM both_may(OLD.limits_asked_by_id, 'ask_probe_limits', NULL);
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER probe_safety BEFORE INSERT OR UPDATE ON probe FOR EACH ROW EXECUTE FUNCTION probe_safety();

-- An ended excursion keeps its figures and is decided once.
CREATE FUNCTION excursion_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(OLD.ended_at IS NULL OR (NEW.started_at, NEW.ended_at, NEW.category, NEW.peak_c, NEW.warn_seconds,
                 NEW.critical_seconds, NEW.reject_seconds, NEW.warn_degree_seconds, NEW.critical_degree_seconds,
                 NEW.reject_degree_seconds, NEW.probe_id, NEW.storage_unit_id)
               IS NOT DISTINCT FROM (OLD.started_at, OLD.ended_at, OLD.category, OLD.peak_c, OLD.warn_seconds,
                 OLD.critical_seconds, OLD.reject_seconds, OLD.warn_degree_seconds, OLD.critical_degree_seconds,
                 OLD.reject_degree_seconds, OLD.probe_id, OLD.storage_unit_id),
               'an_ended_excursion_never_changes', 'the figures of an ended excursion never change');
  PERFORM must(OLD.category = 'silent' OR (
                 array_position('{silent,warning,critical,reject}', NEW.category)
                   >= array_position('{silent,warning,critical,reject}', OLD.category)
                 AND NEW.peak_c >= OLD.peak_c AND NEW.warn_seconds >= OLD.warn_seconds
                 AND NEW.critical_seconds >= OLD.critical_seconds AND NEW.reject_seconds >= OLD.reject_seconds
                 AND NEW.warn_degree_seconds >= OLD.warn_degree_seconds
                 AND NEW.critical_degree_seconds >= OLD.critical_degree_seconds
                 AND NEW.reject_degree_seconds >= OLD.reject_degree_seconds),
               'an_excursion_never_grows_milder', 'the excursion was graver than that');
  PERFORM must(NEW.state = OLD.state OR OLD.state = 'OPEN', 'an_excursion_is_decided_once', 'it is decided');
  RETURN NEW;
END $$;
CREATE TRIGGER excursion_safety BEFORE UPDATE ON excursion FOR EACH ROW EXECUTE FUNCTION excursion_safety();

-- The excursions through which the vials of a lot, or one vial, stood.
CREATE FUNCTION stood_through(the_lot bigint, the_vial bigint)
  RETURNS TABLE(vial_id bigint, excursion_id bigint, since timestamptz, until timestamptz) LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM excursion) THEN
    RETURN;
  END IF;
  RETURN QUERY
  WITH stays AS MATERIALIZED (
    SELECT v.id, p.box_id, p.placed_at, coalesce(p.taken_at, 'infinity') AS taken_at
      FROM vial v JOIN placement p ON p.vial_id = v.id
     WHERE v.id = the_vial OR (the_vial IS NULL AND v.lot_id = the_lot)
  ), watched AS MATERIALIZED (
    SELECT box.box_id, e.id, greatest(up.since, e.started_at) AS s,
           least(up.until, coalesce(e.ended_at, 'infinity')) AS u
      FROM (SELECT DISTINCT stays.box_id FROM stays) box CROSS JOIN LATERAL units_around(box.box_id) up
      JOIN excursion e ON e.storage_unit_id = up.unit_id AND e.started_at < up.until
       AND coalesce(e.ended_at, 'infinity') > up.since
  )
  SELECT stays.id, watched.id, greatest(stays.placed_at, watched.s), least(stays.taken_at, watched.u)
    FROM stays JOIN watched ON watched.box_id = stays.box_id AND watched.s < stays.taken_at AND watched.u > stays.placed_at;
END $$;

-- Each time that a vial was out of the cold.
CREATE FUNCTION vial_warming(the_vial bigint, the_moment timestamptz DEFAULT NULL)
  RETURNS TABLE(out_at timestamptz, in_at timestamptz) LANGUAGE sql STABLE AS $$
  SELECT way.out_at, way.in_at
    FROM (SELECT p.taken_at + coalesce(dewar.cold_minutes, 0) * interval '1 minute' AS out_at,
                 coalesce(lead(p.placed_at) OVER (ORDER BY p.placed_at, p.id), v.thawed_at,
                          CASE WHEN v.state = 'PICKED' THEN the_moment END) AS in_at
            FROM placement p JOIN vial v ON v.id = p.vial_id LEFT JOIN storage_unit dewar ON dewar.id = p.dewar_id
           WHERE p.vial_id = the_vial) way
   WHERE way.in_at > way.out_at
  UNION ALL
  SELECT w.out_at, w.in_at FROM warming_event w WHERE w.vial_id = the_vial
  UNION ALL
  SELECT w.out_at, w.in_at
    FROM placement p CROSS JOIN LATERAL unit_line(p.box_id) up
    JOIN warming_event w ON w.unit_id = up.unit_id AND w.out_at >= greatest(p.placed_at, up.since)
     AND w.out_at < least(coalesce(p.taken_at, 'infinity'), up.until)
   WHERE p.vial_id = the_vial
$$;

-- Whether a vial was out of the cold for longer, or oftener, than its specification allows; null: it does not say.
CREATE FUNCTION warming_is_spent(the_vial bigint, the_lot bigint, the_moment timestamptz DEFAULT NULL) RETURNS boolean
  LANGUAGE sql STABLE AS $$
  SELECT coalesce(max(gap) > (d.handling->>'warming_single_seconds')::numeric
               OR sum(gap) > (d.handling->>'warming_total_seconds')::numeric
               OR count(*) > (d.handling->>'warming_events_max')::numeric, false)
    FROM lot l JOIN definition d ON d.id = l.specification_id
    CROSS JOIN LATERAL (SELECT extract(epoch FROM in_at - out_at) AS gap FROM vial_warming(the_vial, the_moment)) w
   WHERE l.id = the_lot GROUP BY d.handling
$$;

-- A vial that was out of the cold for too long goes into no dose.
CREATE FUNCTION vial_warming_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM may(warming_is_spent(NEW.id, NEW.lot_id, NEW.thawed_at) IS NOT TRUE,
               'no_dose_from_a_vial_that_warmed', 'the vial was out of the cold for too long');
  RETURN NEW;
END $$;
CREATE TRIGGER vial_warming_safety BEFORE UPDATE ON vial FOR EACH ROW
  WHEN (NEW.dose_id IS NOT NULL AND ((NEW.picked_at IS NOT NULL AND NEW.picked_at IS DISTINCT FROM OLD.picked_at)
                                   OR (NEW.thawed_at IS NOT NULL AND OLD.thawed_at IS NULL)))
  EXECUTE FUNCTION vial_warming_safety();

-- Lineage: what stands above a lot, which lots stand below a record. One place; nothing else walks it.

-- Everything that a record was made from, itself included.
CREATE FUNCTION line_above(the_kind text, the_id bigint) RETURNS TABLE(record_kind text, record_id bigint)
  LANGUAGE sql STABLE AS $$
  WITH RECURSIVE line(kind, id) AS (
    SELECT the_kind, the_id
    UNION
    SELECT up.kind, up.id FROM line CROSS JOIN LATERAL (
      SELECT 'lot' AS kind, d.lot_id AS id FROM dose d WHERE line.kind = 'dose' AND d.id = line.id
      UNION ALL SELECT 'lot', v.lot_id FROM vial v WHERE line.kind = 'vial' AND v.id = line.id
      UNION ALL SELECT 'culture', s.culture_id FROM lot_source s WHERE line.kind = 'lot' AND s.lot_id = line.id
      UNION ALL SELECT 'donation', l.donation_id FROM lot l WHERE line.kind = 'lot' AND l.id = line.id
      UNION ALL SELECT 'reagent_lot', u.reagent_lot_id FROM reagent_use u WHERE line.kind = 'lot' AND u.lot_id = line.id
      UNION ALL SELECT 'reagent_lot', u.reagent_lot_id FROM reagent_use u
                 WHERE line.kind = 'culture' AND u.culture_id = line.id
      UNION ALL SELECT 'culture', c.parent_id FROM culture c
                 WHERE line.kind = 'culture' AND c.id = line.id AND c.parent_id IS NOT NULL
      UNION ALL SELECT 'donation', c.donation_id FROM culture c WHERE line.kind = 'culture' AND c.id = line.id
      UNION ALL SELECT 'vial', c.source_vial_id FROM culture c
                 WHERE line.kind = 'culture' AND c.id = line.id AND c.source_vial_id IS NOT NULL
      UNION ALL SELECT 'donor', d.donor_id FROM donation d WHERE line.kind = 'donation' AND d.id = line.id
    ) AS up
  )
  SELECT kind, id FROM line
$$;

-- Everything that was made from a record, itself included, down to the lots; of a storage unit, what stands in it now.
CREATE FUNCTION line_below(the_kind text, the_id bigint) RETURNS TABLE(record_kind text, record_id bigint)
  LANGUAGE sql STABLE AS $$
  WITH RECURSIVE line(kind, id) AS (
    SELECT the_kind, the_id
    UNION
    SELECT down.kind, down.id FROM line CROSS JOIN LATERAL (
      SELECT 'donation' AS kind, d.id FROM donation d WHERE line.kind = 'donor' AND d.donor_id = line.id
      UNION ALL SELECT 'culture', c.id FROM culture c WHERE line.kind = 'donation' AND c.donation_id = line.id
      UNION ALL SELECT 'lot', l.id FROM lot l WHERE line.kind = 'donation' AND l.donation_id = line.id
      UNION ALL SELECT 'culture', c.id FROM culture c WHERE line.kind = 'culture' AND c.parent_id = line.id
      UNION ALL SELECT 'lot', s.lot_id FROM lot_source s WHERE line.kind = 'culture' AND s.culture_id = line.id
      UNION ALL SELECT 'culture', u.culture_id FROM reagent_use u
                 WHERE line.kind = 'reagent_lot' AND u.reagent_lot_id = line.id AND u.culture_id IS NOT NULL
      UNION ALL SELECT 'lot', u.lot_id FROM reagent_use u
                 WHERE line.kind = 'reagent_lot' AND u.reagent_lot_id = line.id AND u.lot_id IS NOT NULL
      UNION ALL SELECT 'culture', c.id FROM vial v JOIN culture c ON c.source_vial_id = v.id
                 WHERE line.kind = 'lot' AND v.lot_id = line.id AND v.state = 'CULTURED'
      UNION ALL SELECT 'culture', c.id FROM culture c WHERE line.kind = 'vial' AND c.source_vial_id = line.id
      UNION ALL SELECT 'storage_unit', s.id FROM storage_unit s WHERE line.kind = 'storage_unit' AND s.parent_id = line.id
      UNION ALL SELECT 'lot', v.lot_id FROM placement p JOIN vial v ON v.id = p.vial_id
                 WHERE line.kind = 'storage_unit' AND p.box_id = line.id AND p.taken_at IS NULL
    ) AS down
  )
  SELECT kind, id FROM line
$$;

-- Everything that a lot was made from, itself included.
CREATE FUNCTION lot_lineage(the_lot bigint) RETURNS TABLE(record_kind text, record_id bigint) LANGUAGE sql STABLE AS $$
  SELECT * FROM line_above('lot', the_lot)
$$;

-- The lots made from a record, or that hold vials in a storage unit now.
CREATE FUNCTION lots_below(the_kind text, the_id bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  SELECT record_id FROM line_below(the_kind, the_id) WHERE record_kind = 'lot'
$$;

-- The lots that a record concerns from a moment on: of a storage unit, those with vials in it then or later.
CREATE FUNCTION lots_reached(the_kind text, the_id bigint, since timestamptz) RETURNS SETOF bigint
  LANGUAGE sql STABLE AS $$
  WITH RECURSIVE unit(id, since, until) AS (
    SELECT the_id, lots_reached.since, 'infinity'::timestamptz WHERE the_kind = 'storage_unit'
    UNION
    SELECT p.unit_id, greatest(u.since, p.since), least(u.until, p.until)
      FROM unit u CROSS JOIN LATERAL (
        SELECT s.unit_id, coalesce(s.since, '-infinity') AS since, s.until FROM unit_stay s WHERE s.parent_id = u.id
        UNION ALL
        SELECT w.id, coalesce(w.stands_since, '-infinity'), 'infinity' FROM storage_unit w WHERE w.parent_id = u.id
      ) p
     WHERE p.since < u.until AND p.until > u.since
  )
  SELECT DISTINCT v.lot_id FROM unit u JOIN placement p ON p.box_id = u.id JOIN vial v ON v.id = p.vial_id
   WHERE least(p.taken_at, u.until) > greatest(p.placed_at, u.since)
  UNION SELECT lots_below(the_kind, the_id) WHERE the_kind <> 'storage_unit'
$$;

-- Whether vials of a lot stood in a unit at a moment or later.
CREATE FUNCTION lot_stood_in(the_lot bigint, the_unit bigint, since timestamptz) RETURNS boolean
  LANGUAGE sql STABLE AS $$
  WITH stood AS MATERIALIZED (
    SELECT p.box_id, p.placed_at, p.taken_at FROM vial v JOIN placement p ON p.vial_id = v.id WHERE v.lot_id = the_lot
  ), line AS MATERIALIZED (
    SELECT box.box_id, up.since, up.until
      FROM (SELECT DISTINCT box_id FROM stood) box CROSS JOIN LATERAL unit_line(box.box_id) up
     WHERE up.unit_id = the_unit
  )
  SELECT EXISTS (
    SELECT FROM stood s JOIN line l USING (box_id)
     WHERE least(s.taken_at, l.until) > greatest(lot_stood_in.since, s.placed_at, l.since))
$$;

-- The holds in force on a lot or on anything that it was made from. Twins: `domain/rules/hold.py`, `domain/rules/release.py`.
CREATE FUNCTION lot_holds(the_lot bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  WITH up AS MATERIALIZED (SELECT * FROM lot_lineage(the_lot))
  SELECT h.id FROM hold h
   WHERE h.state = 'PLACED' AND (
     EXISTS (SELECT FROM up
              WHERE (up.record_kind, up.record_id) IN (('donor', h.donor_id), ('lot', h.lot_id),
                                                       ('reagent_lot', h.reagent_lot_id)))
     OR (h.storage_unit_id IS NOT NULL AND lot_stood_in(the_lot, h.storage_unit_id, h.placed_at)))
$$;

-- The open deviations of a lot and of what it was made from.
CREATE FUNCTION lot_deviations(the_lot bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  WITH up AS MATERIALIZED (SELECT * FROM lot_lineage(the_lot))
  SELECT DISTINCT d.id FROM deviation d JOIN deviation_link k ON k.deviation_id = d.id
   WHERE d.state <> 'CLOSED' AND (
     EXISTS (SELECT FROM up
              WHERE up.record_kind = k.record_kind AND up.record_id = k.record_id)
     OR (k.record_kind = 'storage_unit' AND lot_stood_in(the_lot, k.record_id, d.occurred_at)))
$$;

-- The results of a lot, its cultures and its donation. Twin: `domain/rules/tested.py`.
CREATE FUNCTION lot_results(the_lot bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  WITH up AS MATERIALIZED (SELECT * FROM lot_lineage(the_lot))
  SELECT id FROM test_result WHERE lot_id = the_lot
  UNION ALL SELECT r.id FROM up JOIN test_result r ON up.record_kind = 'culture' AND r.culture_id = up.record_id
  UNION ALL SELECT r.id FROM up JOIN test_result r ON up.record_kind = 'donation' AND r.donation_id = up.record_id
$$;

-- Who has worked on a lot: none of them signs for its quality.
CREATE FUNCTION lot_performers(the_lot bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  WITH RECURSIVE line AS (
    SELECT culture_id AS id FROM lot_source WHERE lot_id = the_lot
    UNION
    SELECT c.parent_id FROM line JOIN culture c ON c.id = line.id WHERE c.parent_id IS NOT NULL
  ), touched(kind, id) AS (
    SELECT 'lot', the_lot
    UNION ALL SELECT 'culture', id FROM line
    UNION ALL SELECT 'vial', id FROM vial WHERE lot_id = the_lot
    UNION ALL SELECT 'freezer_run', id FROM freezer_run WHERE lot_id = the_lot
    UNION ALL SELECT 'test_result', found.id FROM lot_results(the_lot) AS found(id)
    UNION ALL SELECT 'sample', id FROM sample WHERE lot_id = the_lot
    UNION ALL SELECT 'sample', s.id FROM lot_lineage(the_lot) up
      JOIN sample s ON (up.record_kind = 'culture' AND s.culture_id = up.record_id)
                    OR (up.record_kind = 'donation' AND s.donation_id = up.record_id)
  )
  SELECT DISTINCT a.person_id
    FROM touched t
    JOIN change c ON c.record_kind = t.kind AND c.record_id = t.id
    JOIN act a ON a.id = c.act_id
   -- Who decides about it, or about what it stood in, has not worked on it.
   WHERE a.name NOT IN ('import_readings', 'record_readings', 'confirm_reading', 'decide_excursion', 'release_lot',
                        'reject_lot', 'recall_lot', 'hold_lot', 'lift_hold', 'order_dose', 'cancel_dose',
                        'withdraw_consent', 'determine_eligibility', 'review_results', 'review_batch_record',
                        'invalidate_result', 'hold_donor', 'recall_reagent', 'decide_reagent', 'report_storage_failure')
$$;

"""Lineage in the database: what stands above a lot, which lots stand below a record, and what that forbids.

Twins: `domain/rules/release.py` and `domain/rules/hold.py` give the reasons.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

FUNCTIONS = """
-- A lot and everything that it came from: cultures, donation, donor, reagents, and the bank vials and lots before it.
CREATE FUNCTION lot_lineage(the_lot bigint) RETURNS TABLE (record_kind text, record_id bigint)
LANGUAGE sql STABLE AS $$
  WITH RECURSIVE line(kind, id) AS (
    SELECT 'lot', the_lot
    UNION
    SELECT up.kind, up.id FROM line CROSS JOIN LATERAL (
      SELECT 'culture' AS kind, s.culture_id AS id FROM lot_source s WHERE line.kind = 'lot' AND s.lot_id = line.id
      UNION ALL SELECT 'donation', l.donation_id FROM lot l WHERE line.kind = 'lot' AND l.id = line.id
      UNION ALL SELECT 'reagent_lot', u.reagent_lot_id FROM reagent_use u WHERE line.kind = 'lot' AND u.lot_id = line.id
      UNION ALL SELECT 'reagent_lot', u.reagent_lot_id FROM reagent_use u
                 WHERE line.kind = 'culture' AND u.culture_id = line.id
      UNION ALL SELECT 'culture', c.parent_id FROM culture c
                 WHERE line.kind = 'culture' AND c.id = line.id AND c.parent_id IS NOT NULL
      UNION ALL SELECT 'donation', c.donation_id FROM culture c WHERE line.kind = 'culture' AND c.id = line.id
      UNION ALL SELECT 'vial', c.source_vial_id FROM culture c
                 WHERE line.kind = 'culture' AND c.id = line.id AND c.source_vial_id IS NOT NULL
      UNION ALL SELECT 'lot', v.lot_id FROM vial v WHERE line.kind = 'vial' AND v.id = line.id
      UNION ALL SELECT 'donor', d.donor_id FROM donation d WHERE line.kind = 'donation' AND d.id = line.id
    ) AS up
  )
  SELECT kind, id FROM line
$$;

-- Whether vials of a lot stood in a storage unit, or in anything in it, at a moment or at any time since.
CREATE FUNCTION lot_stood_in(the_lot bigint, the_unit bigint, since timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
  WITH RECURSIVE unit(id) AS (
    SELECT the_unit UNION SELECT s.id FROM storage_unit s JOIN unit u ON s.parent_id = u.id
  )
  SELECT EXISTS (
    SELECT FROM vial v JOIN placement p ON p.vial_id = v.id JOIN unit u ON u.id = p.box_id
     WHERE v.lot_id = the_lot AND (p.taken_at IS NULL OR p.taken_at > since))
$$;

-- The lots that came of a record, or whose vials stand in it: the other direction.
CREATE FUNCTION lots_below(the_kind text, the_id bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
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
  SELECT DISTINCT id FROM line WHERE kind = 'lot'
$$;

-- The holds in force that reach a lot, through whatever it came from or stands in.
CREATE FUNCTION lot_holds(the_lot bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  WITH up AS MATERIALIZED (SELECT * FROM lot_lineage(the_lot))
  SELECT h.id FROM hold h
   WHERE h.state = 'PLACED' AND (
     EXISTS (SELECT FROM up
              WHERE (up.record_kind, up.record_id) IN (('donor', h.donor_id), ('lot', h.lot_id),
                                                       ('reagent_lot', h.reagent_lot_id)))
     OR (h.storage_unit_id IS NOT NULL AND lot_stood_in(the_lot, h.storage_unit_id, h.placed_at)))
$$;

-- The deviations not yet closed that touch a lot, through whatever it came from or stands in.
CREATE FUNCTION lot_deviations(the_lot bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  WITH up AS MATERIALIZED (SELECT * FROM lot_lineage(the_lot))
  SELECT DISTINCT d.id FROM deviation d JOIN deviation_link k ON k.deviation_id = d.id
   WHERE d.state <> 'CLOSED' AND (
     EXISTS (SELECT FROM up
              WHERE up.record_kind = k.record_kind AND up.record_id = k.record_id)
     OR (k.record_kind = 'storage_unit' AND lot_stood_in(the_lot, k.record_id, d.occurred_at)))
$$;

-- What a review of the batch record covers: the lot, its sources, its cultures and their reagents, but not what goes on
-- changing afterwards (states, cells left, decisions).
CREATE FUNCTION batch_digest(the_lot bigint) RETURNS text LANGUAGE sql STABLE SET timezone = 'UTC' AS $$
  WITH step(kind, id, content) AS (
    SELECT 'lot', l.id, to_jsonb(l) - '{state,state_before_hold,decision_reason}'::text[] FROM lot l WHERE l.id = the_lot
    UNION ALL SELECT 'lot_source', s.id, to_jsonb(s) FROM lot_source s WHERE s.lot_id = the_lot
    UNION ALL SELECT 'culture', c.id, to_jsonb(c) - '{state,cells_left,cells_lost}'::text[]
      FROM lot_lineage(the_lot) up JOIN culture c ON up.record_kind = 'culture' AND c.id = up.record_id
    UNION ALL SELECT 'reagent_use', u.id, to_jsonb(u) FROM lot_lineage(the_lot) up
      JOIN reagent_use u ON (up.record_kind = 'culture' AND u.culture_id = up.record_id)
                         OR (up.record_kind = 'lot' AND u.lot_id = up.record_id)
  )
  SELECT encode(sha256(convert_to(coalesce(string_agg(kind || id || content, '|' ORDER BY kind, id), ''), 'UTF8')), 'hex')
    FROM step
$$;
"""

PERFORMERS = """
CREATE OR REPLACE FUNCTION lot_performers(the_lot bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  WITH RECURSIVE line AS (
    SELECT culture_id AS id FROM lot_source WHERE lot_id = the_lot
    UNION
    SELECT c.parent_id FROM line JOIN culture c ON c.id = line.id WHERE c.parent_id IS NOT NULL
  ), touched(kind, id) AS (
    SELECT 'lot', the_lot
    UNION ALL SELECT 'culture', id FROM line
    UNION ALL SELECT 'vial', id FROM vial WHERE lot_id = the_lot
    UNION ALL SELECT 'test_result', id FROM test_result WHERE lot_id = the_lot
  )
  SELECT DISTINCT a.person_id
    FROM touched t
    JOIN change c ON c.record_kind = t.kind AND c.record_id = t.id
    JOIN act a ON a.id = c.act_id
   WHERE a.name NOT IN ('release_lot', 'reject_lot', 'recall_lot', 'hold_lot', 'lift_hold', 'order_dose', 'cancel_dose',
                        'withdraw_consent', 'determine_eligibility', 'review_results')
$$;
"""

LOT_SAFETY = """
CREATE OR REPLACE FUNCTION lot_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state = 'FILLED' AND NEW.state = 'QUARANTINE' THEN
    PERFORM must(NOT EXISTS (
      SELECT FROM hold h JOIN donation d ON d.id = NEW.donation_id
       WHERE h.state = 'PLACED' AND (h.lot_id = NEW.id OR h.donor_id = d.donor_id)),
      'a_held_lot_is_born_on_hold', 'a hold is in force');
  END IF;
  IF NEW.state = 'RELEASED' AND OLD.state <> 'RELEASED' THEN
    PERFORM must(NOT EXISTS (
      SELECT FROM hold h JOIN donation d ON d.id = NEW.donation_id
       WHERE h.state = 'PLACED' AND (h.lot_id = NEW.id OR h.donor_id = d.donor_id)),
      'no_release_under_a_hold', 'a hold is in force');
    PERFORM must((SELECT o.state FROM donation d JOIN donor o ON o.id = d.donor_id WHERE d.id = NEW.donation_id) = 'ELIGIBLE',
                 'released_lots_have_an_eligible_donor', 'the donor is not determined eligible');
    PERFORM must(EXISTS (
      SELECT FROM consent c JOIN donation d ON d.donor_id = c.donor_id
       WHERE d.id = NEW.donation_id AND c.state = 'GIVEN'),
      'no_release_without_consent', 'no consent of the donor is in force');
    PERFORM must(NOT EXISTS (
      SELECT FROM (SELECT DISTINCT ON (test) verdict, state FROM test_result
                    WHERE lot_id = NEW.id AND state <> 'DISPUTED' ORDER BY test, resulted_at DESC, id DESC) deciding
       WHERE verdict = 'OUT_OF_SPECIFICATION' OR (verdict = 'IN_SPECIFICATION' AND state = 'ENTERED')),
      'no_release_against_a_result', 'a result is out of specification or not reviewed');
  END IF;
  RETURN NEW;
END $$;
"""

# Who decides about a lot, or about what it came from, has not worked on it.
DECISIONS = (
    "'review_results', 'review_batch_record', 'invalidate_result', 'hold_donor', 'recall_reagent', 'decide_reagent', "
    "'report_storage_failure')"
)
HELD = """NOT EXISTS (
      SELECT FROM hold h JOIN donation d ON d.id = NEW.donation_id
       WHERE h.state = 'PLACED' AND (h.lot_id = NEW.id OR h.donor_id = d.donor_id))"""
LATEST_RESULTS = """NOT EXISTS (
      SELECT FROM (SELECT DISTINCT ON (test) verdict, state FROM test_result
                    WHERE lot_id = NEW.id AND state <> 'DISPUTED' ORDER BY test, resulted_at DESC, id DESC) deciding
       WHERE verdict = 'OUT_OF_SPECIFICATION' OR (verdict = 'IN_SPECIFICATION' AND state = 'ENTERED'))"""
# A retest stands beside the first result: it never overwrites it.
STANDING_RESULTS = """NOT EXISTS (
      SELECT FROM test_result
       WHERE lot_id = NEW.id AND (verdict = 'OUT_OF_SPECIFICATION' AND state IN ('ENTERED', 'REVIEWED')
                                  OR verdict = 'IN_SPECIFICATION' AND state = 'ENTERED'))"""
ENDS_HERE = """  END IF;
  RETURN NEW;
END $$;"""
MORE_RULES = """    PERFORM must(NOT EXISTS (
      SELECT FROM lot_deviations(NEW.id) open JOIN deviation d ON d.id = open WHERE d.classification <> 'minor'),
      'no_release_with_an_open_deviation', 'a major or critical deviation is open');
    PERFORM must(EXISTS (SELECT FROM batch_review b WHERE b.lot_id = NEW.id AND b.digest = batch_digest(NEW.id)),
                 'no_release_without_a_batch_review', 'the batch record, as it stands, is not reviewed');
"""


def upgrade() -> None:
    op.execute(FUNCTIONS)
    op.execute(PERFORMERS.replace("'review_results')", DECISIONS))
    safety = LOT_SAFETY.replace(HELD, "NOT EXISTS (SELECT FROM lot_holds(NEW.id))")
    safety = safety.replace(LATEST_RESULTS, STANDING_RESULTS)
    first, _, _ = safety.rpartition(ENDS_HERE)
    op.execute(first + MORE_RULES + ENDS_HERE)


def downgrade() -> None:
    op.execute(LOT_SAFETY)
    op.execute(PERFORMERS)
    op.execute(
        "DROP FUNCTION batch_digest(bigint), lot_deviations(bigint), lot_holds(bigint), lots_below(text, bigint), "
        "lot_stood_in(bigint, bigint, timestamptz), lot_lineage(bigint)"
    )

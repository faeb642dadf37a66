"""Holds that follow lineage, reagents that run out, deviations that stay as they were decided.

Twins: `domain/rules/hold.py`, `domain/rules/reagent.py`, `domain/rules/storage.py`, `domain/rules/deviation.py`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# Vials that stood in a tank when it failed are affected, wherever they stand now; what was made of a bank before is not.
LOTS_REACHED = """
CREATE FUNCTION lots_reached(the_kind text, the_id bigint, since timestamptz) RETURNS SETOF bigint
LANGUAGE sql STABLE AS $$
  WITH RECURSIVE unit(id) AS (
    SELECT the_id WHERE the_kind = 'storage_unit'
    UNION SELECT s.id FROM storage_unit s JOIN unit u ON s.parent_id = u.id
  )
  SELECT DISTINCT v.lot_id FROM unit u JOIN placement p ON p.box_id = u.id JOIN vial v ON v.id = p.vial_id
   WHERE p.taken_at IS NULL OR p.taken_at > since
  UNION SELECT lots_below(the_kind, the_id) WHERE the_kind <> 'storage_unit'
$$;
"""

SAFETY = """
-- The lock here is the database's own: whoever freezes or releases a lot below in the same second either is waited for
-- and seen, or waits and sees the hold.
CREATE FUNCTION hold_stops_lots() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_kind text := CASE WHEN NEW.donor_id IS NOT NULL THEN 'donor' WHEN NEW.lot_id IS NOT NULL THEN 'lot'
                        WHEN NEW.reagent_lot_id IS NOT NULL THEN 'reagent_lot' ELSE 'storage_unit' END;
  the_id bigint := coalesce(NEW.donor_id, NEW.lot_id, NEW.reagent_lot_id, NEW.storage_unit_id);
  reached bigint[] := ARRAY(SELECT lots_reached(the_kind, the_id, NEW.placed_at));
BEGIN
  PERFORM FROM lot WHERE id = ANY(reached) ORDER BY id FOR NO KEY UPDATE;
  PERFORM must(NOT EXISTS (SELECT FROM lot WHERE id = ANY(reached) AND state IN ('QUARANTINE', 'RELEASED')),
               'a_hold_stops_every_lot_below', 'a lot below is not stopped');
  RETURN NULL;
END $$;

CREATE FUNCTION hold_lifting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.donor_id IS NULL OR NOT EXISTS (
    SELECT FROM test_result WHERE donor_id = NEW.donor_id AND verdict = 'OUT_OF_SPECIFICATION' AND state = 'REVIEWED'),
    'no_hold_is_lifted_against_a_result', 'a result of the donor is out of specification');
  RETURN NEW;
END $$;

CREATE FUNCTION storage_unit_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (SELECT FROM hold WHERE storage_unit_id = NEW.id AND state = 'PLACED'),
               'a_failed_unit_waits_for_its_hold', 'the hold of its failure is in force');
  RETURN NEW;
END $$;

CREATE FUNCTION reagent_lot_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.state <> 'ACCEPTED' OR OLD.state = 'ACCEPTED' OR NEW.certificate IS NOT NULL,
               'an_accepted_reagent_has_a_certificate', 'the reagent has no certificate');
  PERFORM must(OLD.opened_at IS NULL OR NEW.opened_at = OLD.opened_at,
               'a_reagent_is_opened_once', 'the reagent has been opened');
  RETURN NEW;
END $$;

CREATE FUNCTION deviation_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(OLD.state <> 'CLOSED' OR NEW.state = 'OPEN',
               'a_closed_deviation_stays_closed', 'the deviation is closed');
  PERFORM must(NEW.state <> 'CLOSED' OR NOT EXISTS (
    SELECT FROM corrective_action WHERE deviation_id = NEW.id AND type = 'corrective' AND state = 'PLANNED'),
    'no_closing_before_the_correction', 'a corrective action is not done');
  RETURN NEW;
END $$;

CREATE FUNCTION deviation_link_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  found text;
BEGIN
  SELECT state INTO found FROM deviation WHERE id = NEW.deviation_id FOR SHARE;
  PERFORM must(found <> 'CLOSED', 'nothing_is_added_to_a_closed_deviation', 'the deviation is closed');
  RETURN NEW;
END $$;
"""
TRIGGERS = (
    ("hold_stops_lots", "hold", "AFTER INSERT", "NEW.state = 'PLACED'"),
    ("hold_lifting", "hold", "BEFORE UPDATE", "OLD.state = 'PLACED' AND NEW.state = 'LIFTED'"),
    ("storage_unit_safety", "storage_unit", "BEFORE UPDATE", "OLD.state = 'FAILED' AND NEW.state = 'IN_SERVICE'"),
    ("reagent_lot_safety", "reagent_lot", "BEFORE UPDATE", "true"),
    ("deviation_safety", "deviation", "BEFORE UPDATE", "true"),
    ("deviation_link_safety", "deviation_link", "BEFORE INSERT", "true"),
    ("corrective_action_safety", "corrective_action", "BEFORE INSERT", "true"),
)

REAGENT_USE = """
CREATE OR REPLACE FUNCTION reagent_use_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  used record;
BEGIN
  SELECT r.state, r.expires_on, s.timezone{columns} INTO used FROM reagent_lot r JOIN site s ON s.id = r.site_id
   WHERE r.id = NEW.reagent_lot_id FOR SHARE OF r;
  PERFORM must(used.state = 'ACCEPTED', 'only_accepted_reagents_are_used', 'the reagent is not accepted');
  PERFORM must((NEW.used_at AT TIME ZONE used.timezone)::date <= used.expires_on,
               'no_expired_reagent_is_used', 'the reagent has expired');{rule}
  RETURN NEW;
END $$;
"""
OPENED_COLUMNS = ", r.opened_at, r.days_once_open"
OPENED_RULE = """
  PERFORM must(used.days_once_open IS NULL OR coalesce(
    (NEW.used_at AT TIME ZONE used.timezone)::date
      <= (used.opened_at AT TIME ZONE used.timezone)::date + used.days_once_open::int, false),
    'no_reagent_is_used_too_long_after_opening', 'the reagent is not opened, or has been open too long');"""

ANOTHER_CLOSES = "closed_by_id <> opened_by_id AND closed_by_id <> investigated_by_id"


def upgrade() -> None:
    op.add_column("deviation", sa.Column("closed_by_id", sa.BigInteger, sa.ForeignKey("person.id")))
    op.create_check_constraint("closed_by_another_person", "deviation", ANOTHER_CLOSES)
    op.create_check_constraint("closed_by_somebody", "deviation", "(state = 'CLOSED') = (closed_by_id IS NOT NULL)")
    op.add_column("corrective_action", sa.Column("verified_by_id", sa.BigInteger, sa.ForeignKey("person.id")))
    op.create_check_constraint("verified_by_another_person", "corrective_action", "verified_by_id <> done_by_id")
    op.create_check_constraint(
        "verified_by_somebody", "corrective_action", "(state = 'VERIFIED') = (verified_by_id IS NOT NULL)"
    )
    op.execute(LOTS_REACHED)
    op.execute(SAFETY)
    op.execute(REAGENT_USE.format(columns=OPENED_COLUMNS, rule=OPENED_RULE))
    for name, table, when, condition in TRIGGERS:
        function = "deviation_link_safety" if table == "corrective_action" else name
        op.execute(
            f"CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION {function}()"
        )


def downgrade() -> None:
    for name, table, _, _ in TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON {table}")
    op.execute(REAGENT_USE.format(columns="", rule=""))
    op.execute(
        "DROP FUNCTION hold_stops_lots(), hold_lifting(), storage_unit_safety(), reagent_lot_safety(), "
        "deviation_safety(), deviation_link_safety(), lots_reached(text, bigint, timestamptz)"
    )
    op.drop_column("corrective_action", "verified_by_id")  # with its CHECKs
    op.drop_column("deviation", "closed_by_id")

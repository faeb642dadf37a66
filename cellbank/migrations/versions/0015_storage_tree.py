"""A storage tree of any shape that remembers where everything stood; times out of the cold; counts by two people.

Twins: `domain/storage_tree.py`, `domain/rules/storage.py`.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

INSERT_ONLY = ("unit_stay", "warming_event", "count_sheet")
CHANGING = ("stock_count",)
# Alembic does not see that a CHECK has changed: (table, name, before, now).
CHECKS = (
    ("storage_unit", "type", "type IN ('tank', 'rack', 'box')",
     "type IN ('room', 'tank', 'canister', 'rack', 'box', 'visotube', 'cassette')"),
    ("storage_unit", "boxes_have_positions", "(type = 'box') = (row_count IS NOT NULL AND column_count IS NOT NULL)", None),
    ("storage_unit", "tanks_are_roots", "(type = 'tank') = (parent_id IS NULL)", None),
    ("storage_unit", "positions_where_vials_stand", None,
     "(type IN ('box', 'visotube', 'cassette')) = (row_count IS NOT NULL AND column_count IS NOT NULL)"),
    ("storage_unit", "capacity", None, "capacity IS NULL OR (capacity BETWEEN 1 AND 9999 AND row_count IS NULL)"),
    ("vial", "state",
     "state IN ('PRINTED', 'FILLED', 'FROZEN', 'IN_STOCK', 'RESERVED', 'PICKED', 'THAWED', 'POOLED', 'INFUSED', "
     "'CULTURED', 'QC_USED', 'VOIDED', 'DISCARDED')",
     "state IN ('PRINTED', 'FILLED', 'FROZEN', 'IN_STOCK', 'RESERVED', 'PICKED', 'MISSING', 'THAWED', 'POOLED', "
     "'INFUSED', 'CULTURED', 'QC_USED', 'VOIDED', 'DISCARDED')"),
)  # fmt: skip

FUNCTIONS = """
-- Where units stood and stand: the stays that have ended, and the present one.
CREATE VIEW unit_parent(unit_id, parent_id, place, since, until) AS
  SELECT unit_id, parent_id, place, coalesce(since, '-infinity'), until FROM unit_stay
  UNION ALL
  SELECT id, parent_id, place, coalesce(stands_since, '-infinity'), 'infinity'::timestamptz FROM storage_unit;

-- A unit and everything that it ever stood in, at any depth, with the time during which it did.
CREATE FUNCTION unit_line(the_unit bigint) RETURNS TABLE (unit_id bigint, since timestamptz, until timestamptz)
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

-- The names from the outside in, as they stand, or as they stood at a moment.
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

-- The first unit from this one outwards that is not in service; NULL: nothing is in the way.
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

-- Every time that a vial was out of the cold: on its way between two places, or lifted out with what it stood in.
CREATE FUNCTION vial_warming(the_vial bigint) RETURNS TABLE (out_at timestamptz, in_at timestamptz)
LANGUAGE sql STABLE AS $$
  SELECT way.taken_at, way.placed_next
    FROM (SELECT taken_at, lead(placed_at) OVER (ORDER BY placed_at, id) AS placed_next
            FROM placement WHERE vial_id = the_vial) way
   WHERE way.placed_next > way.taken_at
  UNION ALL
  SELECT w.out_at, w.in_at FROM warming_event w WHERE w.vial_id = the_vial
  UNION ALL
  SELECT w.out_at, w.in_at
    FROM placement p CROSS JOIN LATERAL unit_line(p.box_id) up
    JOIN warming_event w ON w.unit_id = up.unit_id AND w.out_at >= greatest(p.placed_at, up.since)
     AND w.out_at < least(coalesce(p.taken_at, 'infinity'), up.until)
   WHERE p.vial_id = the_vial
$$;

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
    PERFORM must(NEW.type IN ('room', 'tank'), 'a_unit_stands_where_it_may', 'such a unit stands in another one');
    RETURN NEW;
  END IF;
  SELECT type, capacity INTO parent FROM storage_unit WHERE id = NEW.parent_id;
  PERFORM must((NEW.type, parent.type) IN (
    ('room', 'room'), ('tank', 'room'), ('canister', 'tank'), ('rack', 'tank'), ('rack', 'canister'),
    ('box', 'tank'), ('box', 'rack'), ('box', 'canister'), ('visotube', 'tank'), ('visotube', 'rack'),
    ('visotube', 'canister'), ('cassette', 'tank'), ('cassette', 'rack'), ('cassette', 'canister')),
    'a_unit_stands_where_it_may', 'such a unit does not stand there');
  PERFORM must(NEW.place <= coalesce(parent.capacity, NEW.place), 'the_place_exists', 'there is no such place');
  PERFORM must(unit_stopped(NEW.parent_id) IS NULL, 'a_unit_goes_where_it_may_be_filled', 'it is out of service there');
  RETURN NEW;
END $$;

CREATE FUNCTION storage_unit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.stands_since > coalesce(OLD.stands_since, '-infinity'), 'a_move_follows_the_last', 'moved earlier');
  INSERT INTO unit_stay (unit_id, parent_id, place, since, until)
  VALUES (OLD.id, OLD.parent_id, OLD.place, OLD.stands_since, NEW.stands_since);
  RETURN NULL;
END $$;

CREATE TRIGGER storage_unit_placed BEFORE INSERT ON storage_unit
  FOR EACH ROW EXECUTE FUNCTION storage_unit_place_safety();
CREATE TRIGGER storage_unit_moved BEFORE UPDATE ON storage_unit FOR EACH ROW
  WHEN ((NEW.parent_id, NEW.place) IS DISTINCT FROM (OLD.parent_id, OLD.place)) EXECUTE FUNCTION storage_unit_place_safety();
CREATE TRIGGER storage_unit_stays AFTER UPDATE ON storage_unit FOR EACH ROW
  WHEN ((NEW.parent_id, NEW.place) IS DISTINCT FROM (OLD.parent_id, OLD.place)) EXECUTE FUNCTION storage_unit_stays();
"""

PLACEMENT_SAFETY = """
CREATE OR REPLACE FUNCTION placement_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  box record;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    PERFORM must(NEW.vial_id = OLD.vial_id AND NEW.box_id = OLD.box_id AND NEW.position = OLD.position
                 AND OLD.taken_at IS NULL, 'a_placement_only_ends', 'a placement can only be ended');
    RETURN NEW;
  END IF;
  SELECT {columns} INTO box
    FROM storage_unit WHERE id = NEW.box_id FOR SHARE;
  PERFORM must({exists}, 'the_position_exists', 'the box has no such position');
  PERFORM must({in_service},
    'the_box_is_in_service', 'the box, or what it stands in, is out of service');
  RETURN NEW;
END $$;
"""
THREE_LEVELS = {
    "columns": "type, state, parent_id, row_count * column_count AS size",
    "exists": "box.type = 'box' AND NEW.position <= box.size",
    "in_service": """box.state = 'IN_SERVICE' AND NOT EXISTS (
    SELECT FROM storage_unit rack LEFT JOIN storage_unit tank ON tank.id = rack.parent_id
     WHERE rack.id = box.parent_id AND (rack.state <> 'IN_SERVICE' OR tank.state <> 'IN_SERVICE'))""",
}
ANY_LEVELS = {
    "columns": "row_count * column_count AS size",  # without rows nothing stands in it
    "exists": "NEW.position <= box.size",
    "in_service": "unit_stopped(NEW.box_id) IS NULL",
}

STOOD_IN = """
CREATE OR REPLACE FUNCTION lot_stood_in(the_lot bigint, the_unit bigint, since timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
  WITH RECURSIVE unit(id) AS (
    SELECT the_unit UNION SELECT s.id FROM storage_unit s JOIN unit u ON s.parent_id = u.id
  )
  SELECT EXISTS (
    SELECT FROM vial v JOIN placement p ON p.vial_id = v.id JOIN unit u ON u.id = p.box_id
     WHERE v.lot_id = the_lot AND (p.taken_at IS NULL OR p.taken_at > since))
$$;
"""
# What was moved out of a unit since then stood in it all the same.
EVER_STOOD_IN = """
CREATE OR REPLACE FUNCTION lot_stood_in(the_lot bigint, the_unit bigint, since timestamptz) RETURNS boolean
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
"""

REACHED = """
CREATE OR REPLACE FUNCTION lots_reached(the_kind text, the_id bigint, since timestamptz) RETURNS SETOF bigint
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
EVER_REACHED = """
CREATE OR REPLACE FUNCTION lots_reached(the_kind text, the_id bigint, since timestamptz) RETURNS SETOF bigint
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
"""


def upgrade() -> None:
    op.add_column("storage_unit", sa.Column("capacity", sa.BigInteger(), nullable=True))
    op.add_column("storage_unit", sa.Column("stands_since", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "one_unit_per_place_of_the_site", "storage_unit", ["site_id", "place"], unique=True,
        postgresql_where=sa.text("parent_id IS NULL"),
    )
    _tables()
    for table, name, before, now in CHECKS:
        if before:
            op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
        if now:
            op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, now)
    op.execute(FUNCTIONS)
    op.execute(PLACEMENT_SAFETY.format(**ANY_LEVELS))
    op.execute(EVER_STOOD_IN)
    op.execute(EVER_REACHED)
    for table in (*CHANGING, *INSERT_ONLY):
        op.execute(
            f"CREATE TRIGGER trail_change AFTER INSERT OR UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION trail_record_change()"
        )
        op.execute(f"CREATE TRIGGER never_deleted BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION trail_refuse()")
        op.execute(f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} EXECUTE FUNCTION trail_refuse()")
        op.execute(f"GRANT SELECT, INSERT ON {table} TO cellbank_app")
    for table in INSERT_ONLY:
        op.execute(
            f"CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION trail_refuse()"
        )
    op.execute(f"GRANT UPDATE ON {', '.join(CHANGING)} TO cellbank_app")
    op.execute("GRANT SELECT ON unit_parent TO cellbank_app; GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cellbank_app")


def _tables() -> None:
    op.create_table(
        "unit_stay",
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["storage_unit.id"], name=op.f("fk_unit_stay_parent_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["storage_unit.id"], name=op.f("fk_unit_stay_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_stay")),
    )
    op.create_index(op.f("ix_unit_stay_parent_id"), "unit_stay", ["parent_id"])
    op.create_index("ix_unit_stay_unit_id_until", "unit_stay", ["unit_id", "until"])
    op.create_table(
        "warming_event",
        sa.Column("vial_id", sa.BigInteger(), nullable=True),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("out_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("in_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("num_nonnulls(vial_id, unit_id) = 1", name=op.f("ck_warming_event_one_subject")),
        sa.CheckConstraint("in_at > out_at", name=op.f("ck_warming_event_in_after_out")),
        sa.ForeignKeyConstraint(["unit_id"], ["storage_unit.id"], name=op.f("fk_warming_event_unit_id")),
        sa.ForeignKeyConstraint(["vial_id"], ["vial.id"], name=op.f("fk_warming_event_vial_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warming_event")),
    )
    op.create_index(op.f("ix_warming_event_unit_id"), "warming_event", ["unit_id"])
    op.create_index(op.f("ix_warming_event_vial_id"), "warming_event", ["vial_id"])
    op.create_table(
        "stock_count",
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("first_counted_by_id", sa.BigInteger(), nullable=False),
        sa.Column("second_counted_by_id", sa.BigInteger(), nullable=True),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('COUNTED_ONCE', 'COUNTED_TWICE', 'CLOSED')", name=op.f("ck_stock_count_state")
        ),
        sa.CheckConstraint(
            "second_counted_by_id <> first_counted_by_id", name=op.f("ck_stock_count_counted_by_another_person")
        ),
        sa.CheckConstraint("(state = 'CLOSED') = (closed_at IS NOT NULL)", name=op.f("ck_stock_count_closed_has_a_time")),
        sa.CheckConstraint(
            "state = 'COUNTED_ONCE' OR second_counted_by_id IS NOT NULL", name=op.f("ck_stock_count_counted_twice")
        ),
        sa.ForeignKeyConstraint(["first_counted_by_id"], ["person.id"], name=op.f("fk_stock_count_first_counted_by_id")),
        sa.ForeignKeyConstraint(["second_counted_by_id"], ["person.id"], name=op.f("fk_stock_count_second_counted_by_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_stock_count_site_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["storage_unit.id"], name=op.f("fk_stock_count_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_count")),
        sa.UniqueConstraint("code", name=op.f("uq_stock_count_code")),
    )
    op.create_index(op.f("ix_stock_count_site_id"), "stock_count", ["site_id"])
    op.create_index(op.f("ix_stock_count_unit_id"), "stock_count", ["unit_id"])
    op.create_index(
        "one_open_count_per_box", "stock_count", ["unit_id"], unique=True, postgresql_where=sa.text("state <> 'CLOSED'")
    )
    op.create_table(
        "count_sheet",
        sa.Column("stock_count_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("counted_by_id", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["counted_by_id"], ["person.id"], name=op.f("fk_count_sheet_counted_by_id")),
        sa.ForeignKeyConstraint(["stock_count_id"], ["stock_count.id"], name=op.f("fk_count_sheet_stock_count_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_count_sheet")),
    )
    op.create_index("one_sheet_of_each_person", "count_sheet", ["stock_count_id", "number"], unique=True)


def downgrade() -> None:
    op.execute(STOOD_IN)
    op.execute(REACHED)
    op.execute(PLACEMENT_SAFETY.format(**THREE_LEVELS))
    for trigger in ("storage_unit_placed", "storage_unit_moved", "storage_unit_stays"):
        op.execute(f"DROP TRIGGER {trigger} ON storage_unit")
    op.execute(
        "DROP FUNCTION storage_unit_stays(), storage_unit_place_safety(), vial_warming(bigint), unit_stopped(bigint), "
        "unit_names(bigint, timestamptz), unit_line(bigint)"
    )
    op.execute("DROP VIEW unit_parent")
    for table in ("count_sheet", "stock_count", "warming_event", "unit_stay"):
        op.drop_table(table)
    for table, name, before, now in reversed(CHECKS):
        if now:
            op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
        if before:
            op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, before)
    op.drop_index("one_unit_per_place_of_the_site", "storage_unit")
    op.drop_column("storage_unit", "stands_since")
    op.drop_column("storage_unit", "capacity")

"""Shipments: shippers that travel, vials on their way, one custodian at any moment, stock that waits for acceptance.

Twins: `domain/rules/shipment.py`, `domain/storage_tree.py`.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

CHANGING = ("shipment", "packed_vial", "custody")
LEVELS = "'room', 'tank', 'canister', 'rack', 'box', 'visotube', 'cassette'"
VIALS = (
    "'PRINTED', 'FILLED', 'FROZEN', 'IN_STOCK', 'RESERVED', 'PICKED', 'MISSING', 'THAWED', 'POOLED', 'INFUSED', "
    "'CULTURED', 'QC_USED', 'VOIDED', 'DISCARDED'"
)
# Alembic does not see that a CHECK has changed: (table, name, before, now).
CHECKS = (
    ("storage_unit", "type", f"type IN ({LEVELS})", f"type IN ({LEVELS}, 'shipper')"),
    ("storage_unit", "positions_where_vials_stand",
     "(type IN ('box', 'visotube', 'cassette')) = (row_count IS NOT NULL AND column_count IS NOT NULL)",
     "(type IN ('box', 'visotube', 'cassette', 'shipper')) = (row_count IS NOT NULL AND column_count IS NOT NULL)"),
    ("storage_unit", "a_shipper_is_qualified", None,
     "num_nonnulls(hold_hours, qualified_on, qualified_until) = CASE type WHEN 'shipper' THEN 3 ELSE 0 END"),
    ("storage_unit", "qualified_for_a_time", None, "qualified_until > qualified_on AND hold_hours > 0"),
    ("vial", "state", f"state IN ({VIALS})",
     "state IN (" + VIALS.replace("'MISSING', ", "'IN_TRANSIT', 'RECEIVED', 'MISSING', ") + ")"),
)  # fmt: skip

PLACE_SAFETY = """
CREATE OR REPLACE FUNCTION storage_unit_place_safety() RETURNS trigger LANGUAGE plpgsql AS $$
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
    PERFORM must(NEW.type IN ({roots}), 'a_unit_stands_where_it_may', 'such a unit stands in another one');
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
"""

FUNCTIONS = """
-- A unit is of its site for ever; only a shipper is where it arrived, and it arrives with a shipment.
CREATE FUNCTION unit_changed_at_its_site() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  here bigint := acting_site();
BEGIN
  PERFORM must(NOT EXISTS (
    SELECT FROM changed c JOIN now_is n USING (id)
     WHERE n.site_id <> here OR (c.site_id <> n.site_id AND (n.type <> 'shipper' OR NOT EXISTS (
       SELECT FROM shipment s WHERE s.shipper_id = n.id AND s.to_site_id = here AND s.state IN ('ON_THE_WAY', 'ARRIVED'))))),
    'a_record_is_changed_at_its_site', 'the unit is of another site');
  RETURN NULL;
END $$;

-- A vial becomes another site's at one moment only, when it is received there; what is on its way to a site may be
-- received or missed there, and nothing else.
CREATE FUNCTION vial_changed_at_its_site() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  here bigint := acting_site();
BEGIN
  PERFORM must(NOT EXISTS (
    SELECT FROM changed c JOIN now_is n USING (id)
     WHERE (coalesce(c.site_id, 1) <> here OR coalesce(n.site_id, 1) <> here OR n.site_id IS DISTINCT FROM c.site_id)
       AND NOT (c.state IN ('IN_TRANSIT', 'MISSING') AND n.state IN ('RECEIVED', 'MISSING') AND EXISTS (
         SELECT FROM packed_vial p JOIN shipment s ON s.id = p.shipment_id
          WHERE p.vial_id = c.id AND p.ended_at IS NULL AND s.to_site_id = here AND s.state IN ('ARRIVED', 'CHECKED')
            AND (n.site_id = here OR n.site_id IS NOT DISTINCT FROM c.site_id)))),
    'a_record_is_changed_at_its_site', 'the vial is of another site');
  RETURN NULL;
END $$;

CREATE FUNCTION vial_travels_safely() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state = 'IN_TRANSIT' THEN
    PERFORM must(OLD.state = 'IN_STOCK', 'only_stock_is_shipped', 'only a vial in stock is packed');
    PERFORM must((SELECT state FROM lot WHERE id = NEW.lot_id FOR SHARE) = 'RELEASED',
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

-- At the end of the act: a vial on its way is in exactly one shipment (not two: the index one_live_shipment_per_vial).
CREATE FUNCTION vial_is_in_a_shipment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must((SELECT state FROM vial WHERE id = NEW.id) <> 'IN_TRANSIT' OR EXISTS (
    SELECT FROM packed_vial p JOIN shipment s ON s.id = p.shipment_id
     WHERE p.vial_id = NEW.id AND p.ended_at IS NULL AND s.state IN ('PACKING', 'SEALED', 'ON_THE_WAY', 'ARRIVED', 'CHECKED')),
    'a_vial_on_its_way_is_in_a_shipment', 'no shipment has the vial');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER vial_is_in_a_shipment AFTER UPDATE ON vial DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.state = 'IN_TRANSIT') EXECUTE FUNCTION vial_is_in_a_shipment();

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
  PERFORM must(NEW.site_id = OLD.site_id OR (NEW.site_id = NEW.to_site_id AND OLD.state = 'ON_THE_WAY' AND NEW.state = 'ARRIVED'),
               'a_shipment_is_received_once', 'a shipment changes its site when it is received');
  PERFORM must(NEW.state = OLD.state OR OLD.state NOT IN ('ACCEPTED', 'REJECTED', 'CANCELLED'),
               'a_decided_shipment_stays_decided', 'the shipment is ended');
  PERFORM must(NEW.state = OLD.state OR NEW.state <> 'CANCELLED' OR NOT EXISTS (
    SELECT FROM packed_vial WHERE shipment_id = NEW.id AND ended_at IS NULL),
    'nothing_is_left_in_a_cancelled_shipment', 'vials are still packed');
  RETURN NEW;
END $$;
CREATE TRIGGER shipment_safety BEFORE INSERT OR UPDATE ON shipment FOR EACH ROW EXECUTE FUNCTION shipment_safety();

-- At the end of the act: whatever is packed has exactly one custodian (not two: the index one_custodian_at_a_time).
CREATE FUNCTION shipment_has_a_custodian() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_state text;
BEGIN
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
-- A custody that ends leaves somebody else in charge, or a shipment that is ended.
CREATE FUNCTION custody_is_handed_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(EXISTS (SELECT FROM custody WHERE shipment_id = NEW.shipment_id AND until IS NULL)
               OR (SELECT state FROM shipment WHERE id = NEW.shipment_id) IN ('ACCEPTED', 'REJECTED', 'CANCELLED'),
               'a_shipment_has_one_custodian', 'somebody must have the shipment in hand');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER custody_is_handed_on AFTER UPDATE ON custody DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION custody_is_handed_on();
"""


def upgrade() -> None:
    op.add_column("storage_unit", sa.Column("hold_hours", sa.Numeric(6, 1), nullable=True))
    op.add_column("storage_unit", sa.Column("qualified_on", sa.Date(), nullable=True))
    op.add_column("storage_unit", sa.Column("qualified_until", sa.Date(), nullable=True))
    for table, name, before, now in CHECKS:
        if before:
            op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, now)
    _tables()
    op.execute(PLACE_SAFETY.format(roots="'room', 'tank', 'shipper'"))
    op.execute(FUNCTIONS)
    for table, function in (("storage_unit", "unit"), ("vial", "vial")):
        op.execute(
            f"DROP TRIGGER changed_at_its_site ON {table}; "
            f"CREATE TRIGGER changed_at_its_site AFTER UPDATE ON {table} REFERENCING OLD TABLE AS changed NEW TABLE AS now_is "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {function}_changed_at_its_site()"
        )
    for table in CHANGING:
        op.execute(
            f"CREATE TRIGGER trail_change AFTER INSERT OR UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION trail_record_change()"
        )
        op.execute(
            f"CREATE TRIGGER never_deleted BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION trail_refuse()"
        )
        op.execute(f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} EXECUTE FUNCTION trail_refuse()")
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO cellbank_app")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cellbank_app")


def _tables() -> None:
    op.create_table(
        "shipment",
        sa.Column("site_id", sa.BigInteger(), nullable=False),
        sa.Column("from_site_id", sa.BigInteger(), nullable=False),
        sa.Column("to_site_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("wanted", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("ordered_by_id", sa.BigInteger(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shipper_id", sa.BigInteger(), nullable=True),
        sa.Column("logger_id", sa.BigInteger(), nullable=True),
        sa.Column("charged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("charge_kg", sa.Numeric(precision=6, scale=2), nullable=True),
        sa.Column("planned_hours", sa.Numeric(precision=6, scale=1), nullable=True),
        sa.Column("seals", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed_by_id", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_by_id", sa.BigInteger(), nullable=True),
        sa.Column("seals_found", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_by_id", sa.BigInteger(), nullable=True),
        sa.Column("differences", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.BigInteger(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('ORDERED', 'PACKING', 'SEALED', 'ON_THE_WAY', 'ARRIVED', 'CHECKED', 'ACCEPTED', 'REJECTED', 'CANCELLED')",
            name=op.f("ck_shipment_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('ACCEPTED', 'REJECTED') OR num_nonnulls(checked_at, decided_by_id, decided_at) = 3",
            name=op.f("ck_shipment_decided_after_the_check"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('SEALED', 'ON_THE_WAY', 'ARRIVED', 'CHECKED', 'ACCEPTED', 'REJECTED') OR num_nonnulls(shipper_id, charged_at, planned_hours, seals, sealed_at, sealed_by_id) = 6",
            name=op.f("ck_shipment_sealed_with_all_that_belongs_to_it"),
        ),
        sa.CheckConstraint(
            "decided_by_id NOT IN (sealed_by_id, received_by_id, checked_by_id)",
            name=op.f("ck_shipment_decided_by_another_person"),
        ),
        sa.CheckConstraint("from_site_id <> to_site_id", name=op.f("ck_shipment_goes_to_another_site")),
        sa.CheckConstraint("site_id IN (from_site_id, to_site_id)", name=op.f("ck_shipment_is_at_one_of_its_sites")),
        sa.ForeignKeyConstraint(["checked_by_id"], ["person.id"], name=op.f("fk_shipment_checked_by_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["person.id"], name=op.f("fk_shipment_decided_by_id")),
        sa.ForeignKeyConstraint(["from_site_id"], ["site.id"], name=op.f("fk_shipment_from_site_id")),
        sa.ForeignKeyConstraint(["logger_id"], ["probe.id"], name=op.f("fk_shipment_logger_id")),
        sa.ForeignKeyConstraint(["ordered_by_id"], ["person.id"], name=op.f("fk_shipment_ordered_by_id")),
        sa.ForeignKeyConstraint(["received_by_id"], ["person.id"], name=op.f("fk_shipment_received_by_id")),
        sa.ForeignKeyConstraint(["sealed_by_id"], ["person.id"], name=op.f("fk_shipment_sealed_by_id")),
        sa.ForeignKeyConstraint(["shipper_id"], ["storage_unit.id"], name=op.f("fk_shipment_shipper_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_shipment_site_id")),
        sa.ForeignKeyConstraint(["to_site_id"], ["site.id"], name=op.f("fk_shipment_to_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipment")),
        sa.UniqueConstraint("code", name=op.f("uq_shipment_code")),
    )
    op.create_index(op.f("ix_shipment_from_site_id"), "shipment", ["from_site_id"], unique=False)
    op.create_index(op.f("ix_shipment_logger_id"), "shipment", ["logger_id"], unique=False)
    op.create_index(op.f("ix_shipment_shipper_id"), "shipment", ["shipper_id"], unique=False)
    op.create_index(op.f("ix_shipment_site_id"), "shipment", ["site_id"], unique=False)
    op.create_index(op.f("ix_shipment_to_site_id"), "shipment", ["to_site_id"], unique=False)
    op.create_index(
        "one_live_shipment_per_shipper",
        "shipment",
        ["shipper_id"],
        unique=True,
        postgresql_where=sa.text("state NOT IN ('ACCEPTED', 'REJECTED', 'CANCELLED')"),
    )
    op.create_table(
        "packed_vial",
        sa.Column("shipment_id", sa.BigInteger(), nullable=False),
        sa.Column("vial_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("packed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("packed_by_id", sa.BigInteger(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("finding IN ('RECEIVED', 'MISSING', 'DAMAGED')", name=op.f("ck_packed_vial_finding")),
        sa.CheckConstraint("(finding IS NULL) = (found_at IS NULL)", name=op.f("ck_packed_vial_found_at_a_time")),
        sa.CheckConstraint("ended_at >= packed_at", name=op.f("ck_packed_vial_ended_after_packed")),
        sa.ForeignKeyConstraint(["packed_by_id"], ["person.id"], name=op.f("fk_packed_vial_packed_by_id")),
        sa.ForeignKeyConstraint(["shipment_id"], ["shipment.id"], name=op.f("fk_packed_vial_shipment_id")),
        sa.ForeignKeyConstraint(["vial_id"], ["vial.id"], name=op.f("fk_packed_vial_vial_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_packed_vial")),
    )
    op.create_index(op.f("ix_packed_vial_shipment_id"), "packed_vial", ["shipment_id"], unique=False)
    op.create_index("ix_packed_vial_vial_id", "packed_vial", ["vial_id"], unique=False)
    op.create_index(
        "one_live_shipment_per_vial",
        "packed_vial",
        ["vial_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "custody",
        sa.Column("shipment_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("waybill", sa.Text(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("num_nonnulls(person_id, carrier) = 1", name=op.f("ck_custody_one_holder")),
        sa.CheckConstraint("until >= since", name=op.f("ck_custody_until_after_since")),
        sa.CheckConstraint("waybill IS NULL OR carrier IS NOT NULL", name=op.f("ck_custody_waybill_of_a_carrier")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_custody_person_id")),
        sa.ForeignKeyConstraint(["shipment_id"], ["shipment.id"], name=op.f("fk_custody_shipment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custody")),
    )
    op.create_index("ix_custody_shipment_id", "custody", ["shipment_id"], unique=False)
    op.create_index(
        "one_custodian_at_a_time", "custody", ["shipment_id"], unique=True, postgresql_where=sa.text("until IS NULL")
    )


def downgrade() -> None:
    for table in ("storage_unit", "vial"):
        op.execute(
            f"DROP TRIGGER changed_at_its_site ON {table}; "
            f"CREATE TRIGGER changed_at_its_site AFTER UPDATE ON {table} REFERENCING OLD TABLE AS changed "
            "FOR EACH STATEMENT EXECUTE FUNCTION changed_at_its_site()"
        )
    op.execute("DROP TRIGGER vial_travels_safely ON vial; DROP TRIGGER vial_is_in_a_shipment ON vial")
    for table in ("custody", "packed_vial", "shipment"):
        op.drop_table(table)
    op.execute(
        "DROP FUNCTION unit_changed_at_its_site(), vial_changed_at_its_site(), vial_travels_safely(), "
        "vial_is_in_a_shipment(), shipment_safety(), shipment_has_a_custodian(), custody_safety(), custody_is_handed_on()"
    )
    op.execute(PLACE_SAFETY.format(roots="'room', 'tank'"))
    for table, name, before, _ in reversed(CHECKS):
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
        if before:
            op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, before)
    for column in ("qualified_until", "qualified_on", "hold_hours"):
        op.drop_column("storage_unit", column)

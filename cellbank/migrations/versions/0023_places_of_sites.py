"""Nothing stands in a unit of another site, nothing but what is packed stands in a shipper, none is sealed that is no
longer qualified, and each vial is found once.

Twins: `records/work.py` (`Work.site_refusals`), `domain/rules/storage.py`, `domain/rules/shipment.py`.
"""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

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
  SELECT site_id, type, row_count * column_count AS size INTO box
    FROM storage_unit WHERE id = NEW.box_id FOR SHARE;
  PERFORM must(NEW.position <= box.size, 'the_position_exists', 'the box has no such position');
  PERFORM must(unit_stopped(NEW.box_id) IS NULL,
    'the_box_is_in_service', 'the box, or what it stands in, is out of service');{at_its_site}
  RETURN NEW;
END $$;
"""
AT_ITS_SITE = """
  PERFORM must(box.site_id = acting_site(), 'a_record_is_changed_at_its_site', 'the box is of another site');
  PERFORM must(box.type <> 'shipper' OR EXISTS (
    SELECT FROM packed_vial WHERE vial_id = NEW.vial_id AND ended_at IS NULL),
    'only_packed_vials_stand_in_a_shipper', 'the vial is packed for no shipment');"""

FUNCTIONS = """
CREATE FUNCTION unit_stands_at_its_site() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must((SELECT site_id FROM storage_unit WHERE id = NEW.parent_id) = NEW.site_id,
               'a_record_is_changed_at_its_site', 'the unit would stand at another site');
  RETURN NEW;
END $$;
CREATE TRIGGER unit_added_at_its_site BEFORE INSERT ON storage_unit FOR EACH ROW
  WHEN (NEW.parent_id IS NOT NULL) EXECUTE FUNCTION unit_stands_at_its_site();
CREATE TRIGGER unit_moved_at_its_site BEFORE UPDATE ON storage_unit FOR EACH ROW
  WHEN (NEW.parent_id IS NOT NULL AND (NEW.parent_id, NEW.site_id) IS DISTINCT FROM (OLD.parent_id, OLD.site_id))
  EXECUTE FUNCTION unit_stands_at_its_site();

-- One that goes home empty keeps nothing cold.
CREATE FUNCTION shipper_is_qualified() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (SELECT FROM packed_vial WHERE shipment_id = NEW.id AND ended_at IS NULL) OR (
    SELECT u.qualified_until >= (NEW.sealed_at AT TIME ZONE s.timezone)::date
      FROM storage_unit u JOIN site s ON s.id = NEW.from_site_id WHERE u.id = NEW.shipper_id),
               'only_a_qualified_shipper_is_sealed', 'the shipper is no longer qualified');
  RETURN NEW;
END $$;
CREATE TRIGGER shipper_is_qualified BEFORE UPDATE ON shipment FOR EACH ROW
  WHEN (NEW.state = 'SEALED' AND OLD.state <> 'SEALED') EXECUTE FUNCTION shipper_is_qualified();

-- What was missed may still turn up; what one person found, no second one finds otherwise.
CREATE FUNCTION packed_vial_is_found_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(OLD.finding IS NULL OR OLD.finding = 'MISSING', 'a_vial_is_found_once', 'the vial was found before');
  RETURN NEW;
END $$;
CREATE TRIGGER packed_vial_is_found_once BEFORE UPDATE OF finding, found_at ON packed_vial FOR EACH ROW
  EXECUTE FUNCTION packed_vial_is_found_once();
"""


def upgrade() -> None:
    op.execute(PLACEMENT_SAFETY.format(at_its_site=AT_ITS_SITE))
    op.execute(FUNCTIONS)


def downgrade() -> None:
    op.execute("DROP TRIGGER shipper_is_qualified ON shipment; DROP TRIGGER packed_vial_is_found_once ON packed_vial")
    op.execute("DROP TRIGGER unit_added_at_its_site ON storage_unit; DROP TRIGGER unit_moved_at_its_site ON storage_unit")
    op.execute("DROP FUNCTION shipper_is_qualified(), packed_vial_is_found_once(), unit_stands_at_its_site()")
    op.execute(PLACEMENT_SAFETY.format(at_its_site=""))

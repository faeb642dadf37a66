"""What was made from a rejected or recalled lot is not released.

Twin: `domain/rules/release.py`, the criterion SOURCE_LOTS.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SOURCES = """
CREATE FUNCTION lot_sources_are_sound() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (
    SELECT FROM lot_lineage(NEW.id) up JOIN lot l ON up.record_kind = 'lot' AND l.id = up.record_id
     WHERE l.id <> NEW.id AND l.state IN ('REJECTED', 'RECALLED')),
    'no_release_from_a_stopped_lot', 'a lot that it was made from is rejected or recalled');
  RETURN NEW;
END $$;
CREATE TRIGGER lot_sources_are_sound BEFORE UPDATE ON lot FOR EACH ROW
  WHEN (NEW.state = 'RELEASED' AND OLD.state <> 'RELEASED') EXECUTE FUNCTION lot_sources_are_sound();
"""


def upgrade() -> None:
    op.execute(SOURCES)


def downgrade() -> None:
    op.execute("DROP TRIGGER lot_sources_are_sound ON lot; DROP FUNCTION lot_sources_are_sound()")

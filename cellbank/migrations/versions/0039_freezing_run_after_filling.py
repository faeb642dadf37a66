"""No freezing run begins before its lot was filled.

Twin: `domain/rules/plausible.py` (impossible_run).
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

RULE = """
CREATE FUNCTION freezer_run_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.began_at >= (SELECT l.fill_started_at FROM lot l WHERE l.id = NEW.lot_id),
               'the_run_began_after_the_filling', 'the run began before the lot was filled');
  RETURN NEW;
END $$;
CREATE TRIGGER freezer_run_time BEFORE INSERT ON freezer_run FOR EACH ROW EXECUTE FUNCTION freezer_run_time();
"""


def upgrade() -> None:
    op.execute(sa.text(RULE.replace(":", r"\:")))


def downgrade() -> None:
    op.execute("DROP TRIGGER freezer_run_time ON freezer_run; DROP FUNCTION freezer_run_time()")

"""A vial that was out of the cold for too long goes into no dose.

Twin: `domain/rules/warming.py`. The limits stand in the file of the specification; the database reads them from the
column `handling`, which is written with the file. A version imported before has none: there the service alone asks.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

FUNCTIONS = """
-- Whether one of the limits is passed: too long at once, too long in all, too often.
CREATE FUNCTION warming_is_spent(the_vial bigint, the_lot bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT coalesce(max(gap) > (d.handling->>'warming_single_seconds')::numeric
               OR sum(gap) > (d.handling->>'warming_total_seconds')::numeric
               OR count(*) > (d.handling->>'warming_events_max')::numeric, false)
    FROM lot l JOIN definition d ON d.id = l.specification_id
    CROSS JOIN LATERAL (SELECT extract(epoch FROM in_at - out_at) AS gap FROM vial_warming(the_vial)) w
   WHERE l.id = the_lot GROUP BY d.handling
$$;

CREATE FUNCTION vial_warming_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(warming_is_spent(NEW.id, NEW.lot_id) IS NOT TRUE,
               'no_dose_from_a_vial_that_warmed', 'the vial was out of the cold for too long');
  RETURN NEW;
END $$;

CREATE TRIGGER vial_warming_safety BEFORE UPDATE ON vial FOR EACH ROW
  WHEN (NEW.dose_id IS NOT NULL AND ((NEW.picked_at IS NOT NULL AND NEW.picked_at IS DISTINCT FROM OLD.picked_at)
                                     OR (NEW.thawed_at IS NOT NULL AND OLD.thawed_at IS NULL)))
  EXECUTE FUNCTION vial_warming_safety();
"""


def upgrade() -> None:
    op.add_column("definition", sa.Column("handling", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.execute(FUNCTIONS)


def downgrade() -> None:
    op.execute("DROP TRIGGER vial_warming_safety ON vial")
    op.execute("DROP FUNCTION vial_warming_safety(), warming_is_spent(bigint, bigint)")
    op.drop_column("definition", "handling")

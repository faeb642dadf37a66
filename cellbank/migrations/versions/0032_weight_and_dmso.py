"""A body weight has the outer bound of what people weigh, and a subject is given no more DMSO in a day than is tolerated.

Twins: `domain/quantities.py` (WEIGHT; the protocol says what is plausible), `domain/rules/dosing.py` (`limit_refusals`;
the protocol may allow less than 1 g/kg).
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

DMSO = """
-- Of all doses of the subject on the day of this one, by the vials thawed for each: 1 g/kg of body weight in a day.
CREATE FUNCTION dose_dmso_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  zone text := (SELECT timezone FROM site WHERE id = coalesce(NEW.site_id, 1));
  the_day date := coalesce((NEW.infusion_started_at AT TIME ZONE zone)::date, NEW.planned_on);
  weight numeric := (SELECT weight_kg FROM weight WHERE id = NEW.weight_id);
  grams numeric := (
    SELECT sum(l.volume_ml * l.dmso_percent / 100 * 1.10)
      FROM dose d JOIN lot l ON l.id = d.lot_id
      JOIN vial v ON v.dose_id = d.id AND v.state IN ('THAWED', 'POOLED', 'INFUSED')
     WHERE d.subject_id = NEW.subject_id AND d.state NOT IN ('CANCELLED', 'DISCARDED')
       AND (d.id = NEW.id OR coalesce((d.infusion_started_at AT TIME ZONE zone)::date, d.planned_on) = the_day));
BEGIN
  PERFORM may(weight IS NULL OR coalesce(grams, 0) < weight, 'no_more_dmso_a_day_than_is_tolerated',
              'the doses of the day bring 1 g/kg of DMSO or more');
  RETURN NEW;
END $$;
CREATE TRIGGER dose_dmso_safety BEFORE UPDATE OF prepared_at, planned_on, infusion_started_at ON dose FOR EACH ROW
  WHEN (NEW.prepared_at IS NOT NULL) EXECUTE FUNCTION dose_dmso_safety();
"""


def upgrade() -> None:
    op.drop_constraint(op.f("ck_weight_weight_is_plausible"), "weight")
    op.alter_column("weight", "weight_kg", type_=sa.Numeric())
    op.create_check_constraint(
        op.f("ck_weight_weight_is_plausible"), "weight", "weight_kg BETWEEN 0.3 AND 400 AND scale(weight_kg) <= 3"
    )
    op.execute(DMSO)


def downgrade() -> None:
    op.execute("DROP TRIGGER dose_dmso_safety ON dose; DROP FUNCTION dose_dmso_safety()")
    op.drop_constraint(op.f("ck_weight_weight_is_plausible"), "weight")
    op.alter_column("weight", "weight_kg", type_=sa.Numeric(5, 1))
    op.create_check_constraint(op.f("ck_weight_weight_is_plausible"), "weight", "weight_kg BETWEEN 30 AND 250")

"""A dose is thawed, checked and given on the day for which it is planned; another day is planned anew, with a reason.

Twin: `domain/rules/plan.py` (`plan_refusals`).
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

# The day is that of the ward's calendar. Only an instant that is being noted is asked, so that what was noted before
# this revision stays as it is.
FUNCTIONS = """
CREATE FUNCTION dose_is_on_its_day() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  zone text := (SELECT timezone FROM site WHERE id = coalesce(NEW.site_id, 1));
BEGIN
  PERFORM must(NOT EXISTS (
    SELECT FROM (VALUES (OLD.thaw_started_at, NEW.thaw_started_at), (OLD.first_checked_at, NEW.first_checked_at),
                        (OLD.second_checked_at, NEW.second_checked_at),
                        (OLD.infusion_started_at, NEW.infusion_started_at)) AS noted(before, at)
     WHERE at IS DISTINCT FROM before AND (at AT TIME ZONE zone)::date <> NEW.planned_on),
    'a_dose_is_given_on_its_day', 'the dose is planned for another day');
  PERFORM must(OLD.infusion_started_at IS NULL OR NEW.planned_on = OLD.planned_on,
    'a_given_dose_keeps_its_day', 'the infusion has begun');
  RETURN NEW;
END $$;

CREATE TRIGGER dose_is_on_its_day
  BEFORE UPDATE OF planned_on, thaw_started_at, first_checked_at, second_checked_at, infusion_started_at ON dose
  FOR EACH ROW EXECUTE FUNCTION dose_is_on_its_day();
"""


def upgrade() -> None:
    op.add_column("dose", sa.Column("planned_anew_because", sa.Text(), nullable=True))
    op.execute(FUNCTIONS)


def downgrade() -> None:
    op.execute("DROP TRIGGER dose_is_on_its_day ON dose; DROP FUNCTION dose_is_on_its_day()")
    op.drop_column("dose", "planned_anew_because")

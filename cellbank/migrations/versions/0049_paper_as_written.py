"""What stands on a paper form is entered as it is written: also times that cross each other. While a form of a subject waits
for its second person, no dose is ordered for them, and another one of theirs goes on only as a fact told late.

Twins: `domain/rules/paper_form.py` (step_refusals), `domain/rules/standing.py` (next_dose_refusals).
"""

from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

ENDS = """
CREATE FUNCTION dose_ends_after_its_start() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM may(NEW.infusion_stopped_at >= NEW.infusion_started_at,
              'stopped_after_started', 'the infusion would have ended before it began');
  RETURN NEW;
END $$;
CREATE TRIGGER dose_ends_after_its_start BEFORE INSERT OR UPDATE OF infusion_started_at, infusion_stopped_at ON dose
  FOR EACH ROW WHEN (NEW.infusion_stopped_at IS NOT NULL AND NEW.infusion_started_at IS NOT NULL)
  EXECUTE FUNCTION dose_ends_after_its_start();
"""
BESIDE = """  PERFORM may(NOT EXISTS (SELECT FROM dose g WHERE g.subject_id = NEW.subject_id AND g.id <> NEW.id
                             AND g.infusion_number = NEW.infusion_number AND g.given_beside),
              'one_live_dose_per_subject_and_day', 'another dose was given in its place');
"""
WAITS = """
CREATE OR REPLACE FUNCTION dose_is_not_on_paper() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (SELECT FROM dose_paper f WHERE f.state = 'ENTERED' AND f.dose_id = NEW.id),
               'what_paper_tells_as_given_is_not_given_again', 'its paper form was entered');
  PERFORM may(NOT EXISTS (SELECT FROM dose_paper f JOIN dose g ON g.id = f.dose_id
                           WHERE f.state = 'ENTERED' AND g.subject_id = NEW.subject_id AND g.id <> NEW.id),
              'a_form_is_confirmed_before_the_next_dose', 'a paper form tells of another dose as given');
{beside}  RETURN NEW;
END $$;
CREATE TRIGGER dose_is_ordered_without_a_form BEFORE INSERT ON dose FOR EACH ROW EXECUTE FUNCTION dose_is_not_on_paper();
"""
WAITED = """
CREATE OR REPLACE FUNCTION dose_is_not_on_paper() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (SELECT FROM dose_paper f WHERE f.state = 'ENTERED'
                              AND f.dose_id IN (SELECT id FROM dose WHERE subject_id = NEW.subject_id)),
               'what_paper_tells_as_given_is_not_given_again', 'a paper form tells of a dose as given');
{beside}  RETURN NEW;
END $$;
DROP TRIGGER dose_is_ordered_without_a_form ON dose;
"""


def upgrade() -> None:
    op.drop_constraint(op.f("ck_dose_stopped_after_started"), "dose", type_="check")
    op.execute(ENDS)
    op.execute(WAITS.format(beside=BESIDE))


def downgrade() -> None:
    op.execute(WAITED.format(beside=BESIDE))
    op.execute("DROP TRIGGER dose_ends_after_its_start ON dose; DROP FUNCTION dose_ends_after_its_start()")
    op.create_check_constraint(
        op.f("ck_dose_stopped_after_started"), "dose", "infusion_stopped_at >= infusion_started_at"
    )

"""A dose that one person has entered from its paper form as given is neither checked nor started before that is
confirmed or replaced.

Twin: `domain/rules/infusion.py` (given_on_paper).
"""

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

RULE = """
CREATE FUNCTION dose_is_not_on_paper() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (SELECT FROM dose_paper WHERE dose_id = NEW.id AND state = 'ENTERED'),
               'what_paper_tells_as_given_is_not_given_again', 'its paper form was entered');
  RETURN NEW;
END $$;
CREATE TRIGGER dose_is_not_on_paper BEFORE UPDATE OF state ON dose FOR EACH ROW
  WHEN (NEW.state IN ('CHECKED_ONCE', 'CHECKED', 'INFUSING') AND NEW.state <> OLD.state)
  EXECUTE FUNCTION dose_is_not_on_paper();
"""


def upgrade() -> None:
    op.execute(RULE)


def downgrade() -> None:
    op.execute("DROP TRIGGER dose_is_not_on_paper ON dose; DROP FUNCTION dose_is_not_on_paper()")

"""Nobody decides about a serious reaction that they noted themselves.

Twin: `domain/rules/standing.py` (other_clinician_refusals).
"""

from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

RULE = """
CREATE FUNCTION another_clinician_decides() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (
      SELECT FROM jsonb_array_elements(NEW.covers) AS one JOIN reaction r ON r.id = (one ->> 'id')::bigint
       WHERE one ->> 'kind' = 'reaction' AND r.noted_by_id = NEW.decided_by_id),
    'another_clinician_decides_about_a_reaction', 'whoever noted the reaction decides about it');
  RETURN NEW;
END $$;
CREATE TRIGGER another_clinician_decides BEFORE INSERT ON treatment_decision
  FOR EACH ROW EXECUTE FUNCTION another_clinician_decides();
"""


def upgrade() -> None:
    op.execute(RULE)


def downgrade() -> None:
    op.execute("DROP TRIGGER another_clinician_decides ON treatment_decision; DROP FUNCTION another_clinician_decides()")

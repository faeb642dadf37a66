"""A dose that lacks a vial, for one of its own was lost, is never left in silence: its clinicians have a notice, in the
same act.

Twin: `domain/rules/vial_lost.py`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

RULE = """
CREATE FUNCTION vial_lost_is_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must((SELECT state FROM dose WHERE id = OLD.dose_id) NOT IN ('ORDERED', 'PICKED', 'THAWING', 'COUNTED')
               OR (SELECT count(*) FROM vial WHERE dose_id = OLD.dose_id
                      AND state IN ('RESERVED', 'PICKED', 'THAWED', 'POOLED'))
                  >= (SELECT vials_needed FROM dose WHERE id = OLD.dose_id)
               OR EXISTS (SELECT FROM notice_line l JOIN recall_notice n ON n.id = l.notice_id
                           WHERE l.dose_id = OLD.dose_id
                             AND n.act_id = nullif(current_setting('cellbank.act', true), '')::bigint),
               'a_lost_vial_reaches_the_clinician', 'the clinician of its dose was not told');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER vial_lost_is_told AFTER UPDATE ON vial DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.state IN ('DISCARDED', 'MISSING') AND OLD.state IN ('RESERVED', 'PICKED', 'THAWED') AND OLD.dose_id IS NOT NULL)
  EXECUTE FUNCTION vial_lost_is_told();
"""


def upgrade() -> None:
    op.execute(sa.text(RULE.replace(":", r"\:")))


def downgrade() -> None:
    op.execute("DROP TRIGGER vial_lost_is_told ON vial; DROP FUNCTION vial_lost_is_told()")

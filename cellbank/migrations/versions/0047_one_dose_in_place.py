"""While a form that tells of a dose as given waits for its second person, no dose of that subject goes on; nor does one
in whose place another was given. A culture without later notes keeps the digest of its batch record.

Twins: `domain/rules/infusion.py` (given_on_paper), `domain/rules/subject.py` (DUPLICATE_DOSE).
"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

RULE = """
CREATE OR REPLACE FUNCTION dose_is_not_on_paper() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (SELECT FROM dose_paper f WHERE f.state = 'ENTERED' AND {whose}),
               'what_paper_tells_as_given_is_not_given_again', 'a paper form tells of a dose as given');
{beside}  RETURN NEW;
END $$;
"""
OF_THE_SUBJECT = "f.dose_id IN (SELECT id FROM dose WHERE subject_id = NEW.subject_id)"
BESIDE = """  PERFORM may(NOT EXISTS (SELECT FROM dose g WHERE g.subject_id = NEW.subject_id AND g.id <> NEW.id
                             AND g.infusion_number = NEW.infusion_number AND g.given_beside),
              'one_live_dose_per_subject_and_day', 'another dose was given in its place');
"""
CULTURE = "to_jsonb(c) - '{state,cells_left,cells_lost}'::text[]"
NOTES = (
    f"{CULTURE} - CASE WHEN c.harvest_note IS NULL THEN 'harvest_note' ELSE '' END"
    " - CASE WHEN c.end_note IS NULL THEN 'end_note' ELSE '' END"
)


def upgrade() -> None:
    op.execute(RULE.format(whose=OF_THE_SUBJECT, beside=BESIDE))
    _digest(CULTURE, NOTES)


def downgrade() -> None:
    _digest(NOTES, CULTURE)
    op.execute(RULE.format(whose="f.dose_id = NEW.id", beside=""))


def _digest(before: str, now: str) -> None:
    body = str(op.get_bind().scalar(sa.text("SELECT pg_get_functiondef('batch_digest'::regproc)")))
    if body.count(before) != 1:
        raise RuntimeError("batch_digest is not as this revision knows it")
    op.execute(sa.text(body.replace(before, now).replace(":", r"\:")))

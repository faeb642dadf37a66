"""Both verifiers of a dose given from paper are clinicians and have signed its form; what is told more than a day late
says why.

Twins: `domain/transitions.py` (dose_paper), `services/signing`, `domain/telling.py` (late_refusals). How soon a reason is
asked for is a setting of the site; a day is the longest that it can be.
"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

LATE = (
    "outcome IS DISTINCT FROM 'accepted' OR happened_at IS NULL OR late_reason IS NOT NULL"
    " OR happened_at >= at - interval '1 day'"
)
FORM = """
CREATE FUNCTION dose_paper_is_signed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  verifier bigint;
BEGIN
  FOREACH verifier IN ARRAY array_remove(ARRAY[NEW.entered_by_id, NEW.confirmed_by_id], NULL) LOOP
    PERFORM must((SELECT 'clinician' = ANY (roles) FROM person WHERE id = verifier),
                 'a_clinician_verifies_the_form', 'whoever signs for the form is no clinician');
    PERFORM must(EXISTS (SELECT FROM signature WHERE record_kind = 'dose_paper' AND record_id = NEW.id
                            AND meaning = 'verified' AND person_id = verifier),
                 'a_form_is_signed_by_both', 'a verifier of the form has not signed');
  END LOOP;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER dose_paper_is_signed AFTER INSERT OR UPDATE ON dose_paper DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.state IN ('ENTERED', 'CONFIRMED')) EXECUTE FUNCTION dose_paper_is_signed();
"""


def upgrade() -> None:
    op.create_check_constraint(op.f("ck_act_a_late_fact_says_why"), "act", LATE)
    op.execute(sa.text(FORM.replace(":", r"\:")))


def downgrade() -> None:
    op.execute("DROP TRIGGER dose_paper_is_signed ON dose_paper; DROP FUNCTION dose_paper_is_signed()")
    op.drop_constraint(op.f("ck_act_a_late_fact_says_why"), "act", type_="check")

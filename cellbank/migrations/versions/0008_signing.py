"""Who may sign: whoever has accepted the statement and is trained. Who recorded a training, and where an account locked.

Twin: `domain/rules/signing.py` gives the reasons.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BEGINS = """
CREATE OR REPLACE FUNCTION signature_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT (SELECT roles && '{administrator,auditor,system}'::text[] AND cardinality(roles) = 1
                      FROM person WHERE id = NEW.person_id),
               'an_administrator_never_signs', 'an administrator or auditor cannot sign');
"""
SIGNER = """  PERFORM must((SELECT agreement_version IS NOT NULL FROM person WHERE id = NEW.person_id),
               'a_signer_has_accepted_the_agreement', 'the signer has not accepted the statement on signatures');
  PERFORM must(EXISTS (
    SELECT FROM training t JOIN person p ON p.id = t.person_id JOIN site s ON s.id = p.site_id
     WHERE t.person_id = NEW.person_id AND t.state = 'VALID' AND t.role = ANY (p.roles)
       AND (NEW.signed_at AT TIME ZONE s.timezone)::date BETWEEN t.trained_on AND t.valid_until),
    'a_signer_is_trained', 'no training of the signer is valid on this day');
"""
ENDS = """  IF NEW.record_kind = 'lot' AND NEW.meaning IN ('released', 'rejected') THEN
    PERFORM must(NEW.person_id NOT IN (SELECT lot_performers(NEW.record_id)),
                 'the_signer_performed_nothing', 'the signer worked on the lot');
  END IF;
  RETURN NEW;
END $$;
"""


def upgrade() -> None:
    op.add_column("training", sa.Column("recorded_by_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key("fk_training_recorded_by_id", "training", "person", ["recorded_by_id"], ["id"])
    op.create_check_constraint("recorded_by_another_person", "training", "recorded_by_id <> person_id")
    op.add_column("person", sa.Column("locked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("person", sa.Column("locked_from", sa.Text(), nullable=True))
    op.execute(BEGINS + SIGNER + ENDS)


def downgrade() -> None:
    op.execute(BEGINS + ENDS)
    op.drop_column("person", "locked_from")
    op.drop_column("person", "locked_at")
    op.drop_column("training", "recorded_by_id")

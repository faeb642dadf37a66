"""A form names those who did it, whoever enters and confirms it, and a form whose first person has left is carried on by
others; a dose that was given without a check, or of which nobody knows the count, is recorded beside its deviation.

Twins: `domain/rules/paper_form.py`, `services/clinic/paper_people.py`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

STATES = "state IN ('ENTERED', 'CONFIRMED', 'REPLACED'{more})"
TWO, WHOLE = "no_infusion_without_two_verifiers", "prepared_is_complete"
CHECKED = "num_nonnulls(prepared_by_id, first_checked_by_id, second_checked_by_id) = 3"
COMPLETE = (
    "num_nonnulls(thaw_started_at, expires_at, viability_percent, draw_ml, delivered_cells, delivered_percent, "
    "prepared_at, prepared_by_id, final_volume_ml) = 9"
)
GIVEN = ", 'INFUSED', 'RECONCILED'"
NAMES = """
-- Whom a form means: the person of this sign-in name, else the only one of this full name.
CREATE FUNCTION person_as_written(written text) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT id FROM person WHERE name = written),
                  (SELECT min(id) FROM person WHERE lower(full_name) = lower(written) HAVING count(*) = 1))
$$;
CREATE OR REPLACE FUNCTION dose_paper_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  preparer bigint;
BEGIN
  SELECT CASE WHEN NEW.content #>> '{preparation,prepared_by}' IS NULL THEN d.prepared_by_id
              ELSE person_as_written(NEW.content #>> '{preparation,prepared_by}') END INTO preparer
    FROM dose d WHERE d.id = NEW.dose_id;
  PERFORM must(preparer IS NULL OR (NEW.entered_by_id <> preparer AND NEW.confirmed_by_id IS DISTINCT FROM preparer),
               'preparer_does_not_sign_the_form', 'whoever drew the dose up signs for its form');
  RETURN NEW;
END $$;

CREATE FUNCTION dose_was_given_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM may(num_nonnulls(NEW.prepared_by_id, NEW.first_checked_by_id, NEW.second_checked_by_id) = 3,
              'no_infusion_without_two_verifiers', 'two people have not checked it, or nobody says who');
  PERFORM may(num_nonnulls(NEW.thaw_started_at, NEW.expires_at, NEW.viability_percent, NEW.draw_ml, NEW.delivered_cells,
                           NEW.delivered_percent, NEW.prepared_at, NEW.final_volume_ml) = 8,
              'prepared_is_complete', 'its count or its preparation is not known');
  RETURN NEW;
END $$;
CREATE TRIGGER dose_was_given_whole BEFORE INSERT OR UPDATE OF state, prepared_by_id, first_checked_by_id,
    second_checked_by_id, thaw_started_at, expires_at, viability_percent, draw_ml, delivered_cells, delivered_percent,
    prepared_at, final_volume_ml ON dose
  FOR EACH ROW WHEN (NEW.state = 'INFUSED') EXECUTE FUNCTION dose_was_given_whole();
"""
SIGNED = """
CREATE OR REPLACE FUNCTION dose_paper_is_signed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  verifier bigint;
BEGIN
{role}  FOREACH verifier IN ARRAY array_remove(ARRAY[NEW.entered_by_id, NEW.confirmed_by_id], NULL) LOOP
{each}    PERFORM must(EXISTS (SELECT FROM signature WHERE record_kind = 'dose_paper' AND record_id = NEW.id
                            AND meaning = 'verified' AND person_id = verifier),
                 'a_form_is_signed_by_both', 'a verifier of the form has not signed');
  END LOOP;
  RETURN NULL;
END $$;
"""
# Whoever signs now is a clinician now; the first person was one then.
NOW = """  PERFORM must((SELECT 'clinician' = ANY (roles) FROM person
                 WHERE id = CASE TG_OP WHEN 'INSERT' THEN NEW.entered_by_id ELSE NEW.confirmed_by_id END),
               'a_clinician_verifies_the_form', 'whoever signs for the form is no clinician');
"""
ALWAYS = """    PERFORM must((SELECT 'clinician' = ANY (roles) FROM person WHERE id = verifier),
                 'a_clinician_verifies_the_form', 'whoever signs for the form is no clinician');
"""
BACK = """
CREATE FUNCTION form_is_taken_back_by_another() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(EXISTS (SELECT FROM signature s JOIN person p ON p.id = s.person_id
                        WHERE s.record_kind = 'dose_paper' AND s.record_id = NEW.id AND s.meaning = 'rejected'
                          AND s.person_id <> NEW.entered_by_id AND 'clinician' = ANY (p.roles)),
               'a_form_is_taken_back_by_another', 'no other clinician has signed that nothing of it is true');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER form_is_taken_back_by_another AFTER UPDATE ON dose_paper DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.state = 'TAKEN_BACK') EXECUTE FUNCTION form_is_taken_back_by_another();
"""
PREPARER = """
CREATE OR REPLACE FUNCTION dose_paper_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  preparer bigint;
BEGIN
  SELECT coalesce(p.id, d.prepared_by_id) INTO preparer
    FROM dose d LEFT JOIN person p ON p.name = NEW.content #>> '{preparation,prepared_by}' WHERE d.id = NEW.dose_id;
  PERFORM must(preparer IS NOT NULL AND NEW.entered_by_id <> preparer
               AND NEW.confirmed_by_id IS DISTINCT FROM preparer,
               'preparer_does_not_sign_the_form', 'whoever drew the dose up signs for its form');
  RETURN NEW;
END $$;
"""


def upgrade() -> None:
    _check("dose_paper", "state", STATES.format(more=", 'TAKEN_BACK'"))
    _check("dose", TWO, f"state NOT IN ('CHECKED', 'INFUSING') OR {CHECKED}")
    _check("dose", WHOLE, f"state NOT IN ('PREPARED', 'CHECKED_ONCE', 'CHECKED', 'INFUSING') OR {COMPLETE}")
    op.execute(sa.text(NAMES.replace(":", r"\:")))
    op.execute(SIGNED.format(role=NOW, each=""))
    op.execute(BACK)


def downgrade() -> None:
    op.execute("DROP TRIGGER form_is_taken_back_by_another ON dose_paper; DROP FUNCTION form_is_taken_back_by_another()")
    op.execute(SIGNED.format(role="", each=ALWAYS))
    op.execute("DROP TRIGGER dose_was_given_whole ON dose; DROP FUNCTION dose_was_given_whole()")
    op.execute(PREPARER)
    op.execute("DROP FUNCTION person_as_written(text)")
    _check("dose", TWO, f"state NOT IN ('CHECKED', 'INFUSING'{GIVEN}) OR {CHECKED}")
    _check("dose", WHOLE, f"state NOT IN ('PREPARED', 'CHECKED_ONCE', 'CHECKED', 'INFUSING'{GIVEN}) OR {COMPLETE}")
    _check("dose_paper", "state", STATES.format(more=""))


def _check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)

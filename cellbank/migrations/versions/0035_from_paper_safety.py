"""Nobody who drew a dose up signs for its form; a wrong vial and tissue that nobody accepted are facts when told late.

Twins: `services/clinic/from_paper.py`, `domain/rules/paper_vials.py`, `domain/rules/culture.py`.
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

PREPARER = """
CREATE FUNCTION dose_paper_safety() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER dose_paper_safety BEFORE INSERT OR UPDATE ON dose_paper FOR EACH ROW EXECUTE FUNCTION dose_paper_safety();
"""
# What only forbids; every other rule says what cannot be, or who may do it.
PERMISSIONS = (
    ("vial_safety", "one_live_reservation_per_vial"),
    ("vial_safety", "only_vials_of_a_released_lot_are_reserved"),
    ("vial_safety", "a_dose_comes_from_one_lot"),
    ("culture_safety", "cells_only_from_an_accepted_donation"),
)


def upgrade() -> None:
    op.execute(sa.text(PREPARER.replace(":", r"\:")))
    for function, rule in PERMISSIONS:
        _ask(function, rule, "must", "may")


def downgrade() -> None:
    for function, rule in PERMISSIONS:
        _ask(function, rule, "may", "must")
    op.execute("DROP TRIGGER dose_paper_safety ON dose_paper; DROP FUNCTION dose_paper_safety()")


def _ask(function: str, rule: str, before: str, now: str) -> None:
    """Let a function ask a rule in another way: the call that names it is there, once."""
    body = str(op.get_bind().scalar(sa.text(f"SELECT pg_get_functiondef('{function}'::regproc)")))
    asked = re.compile(rf"\b{before}(\((?:(?!\b(?:must|may)\().)*?'{rule}')", re.DOTALL)
    changed, count = asked.subn(rf"{now}\1", body)
    if count != 1:
        raise RuntimeError(f"{function} does not ask {rule} as this revision knows it")
    op.execute(sa.text(changed.replace(":", r"\:")))

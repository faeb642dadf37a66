"""A dose that was given without an order has a record, into which its paper form is entered; until then no other dose of
the subject goes on.

Twins: `services/clinic/unordered.py`, `domain/rules/standing.py` (next_dose_refusals).
"""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

STATES = (
    "state IN ({first}'ORDERED', 'PICKED', 'THAWING', 'COUNTED', 'PREPARED', 'CHECKED_ONCE', 'CHECKED', 'INFUSING', "
    "'INFUSED', 'RECONCILED', 'CANCELLED', 'DISCARDED')"
)
BEFORE = """(NOT EXISTS (SELECT FROM dose_paper f JOIN dose g ON g.id = f.dose_id
                           WHERE f.state = 'ENTERED' AND g.subject_id = NEW.subject_id AND g.id <> NEW.id),"""
NOW = """(NOT EXISTS (SELECT FROM dose g LEFT JOIN dose_paper f ON f.dose_id = g.id AND f.state = 'ENTERED'
                           WHERE (f.id IS NOT NULL OR g.state = 'UNORDERED')
                             AND g.subject_id = NEW.subject_id AND g.id <> NEW.id),"""
RULE = """
CREATE FUNCTION unordered_is_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(told_late(), 'only_what_was_given_has_no_order', 'a dose is ordered before it is given');
  RETURN NEW;
END $$;
CREATE TRIGGER a_dose_is_ordered BEFORE INSERT ON dose FOR EACH ROW
  WHEN (NEW.state = 'UNORDERED') EXECUTE FUNCTION unordered_is_told();
"""


def upgrade() -> None:
    _states(STATES.format(first="'UNORDERED', "))
    _waits(BEFORE, NOW)
    op.execute(RULE)


def downgrade() -> None:
    op.execute("DROP TRIGGER a_dose_is_ordered ON dose; DROP FUNCTION unordered_is_told()")
    _waits(NOW, BEFORE)
    _states(STATES.format(first=""))


def _states(condition: str) -> None:
    op.drop_constraint(op.f("ck_dose_state"), "dose", type_="check")
    op.create_check_constraint(op.f("ck_dose_state"), "dose", condition)


def _waits(before: str, now: str) -> None:
    body = str(op.get_bind().scalar(sa.text("SELECT pg_get_functiondef('dose_is_not_on_paper'::regproc)")))
    if body.count(before) != 1:
        raise RuntimeError("dose_is_not_on_paper is not as this revision knows it")
    op.execute(sa.text(body.replace(before, now).replace(":", r"\:")))

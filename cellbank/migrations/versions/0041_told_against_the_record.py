"""What a paper form tells stands, also where the record says otherwise: a dose or a vial that was given up, a second dose
in the place of the first, more given than was prepared. Each passes for a late fact only, and stands beside a deviation.

Twins: `domain/rules/paper_form.py`, `domain/rules/infusion.py` (stop_refusals).
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

LIVE = "state NOT IN ('CANCELLED', 'DISCARDED')"
DOSE_BEFORE = """    PERFORM must(NEW.state = OLD.state OR OLD.state NOT IN ('CANCELLED', 'DISCARDED', 'RECONCILED'),
                 'a_finished_dose_stays_finished', 'a finished dose never goes on');
"""
DOSE_NOW = """    PERFORM must(NEW.state = OLD.state OR OLD.state NOT IN ('CANCELLED', 'DISCARDED', 'RECONCILED')
                 OR (OLD.state <> 'RECONCILED' AND NEW.state = 'INFUSED'),
                 'a_finished_dose_stays_finished', 'a finished dose never goes on');
    PERFORM may(NEW.state = OLD.state OR OLD.state NOT IN ('CANCELLED', 'DISCARDED'),
                'a_finished_dose_is_not_given', 'the dose was given up');
"""
VIAL_BEFORE = """  PERFORM must(NEW.state = OLD.state OR OLD.state NOT IN ('INFUSED', 'DISCARDED', 'CULTURED', 'QC_USED', 'VOIDED'),
               'a_used_vial_stays_used', 'a vial that was used or destroyed never comes back');
"""
VIAL_NOW = """  PERFORM must(NEW.state = OLD.state OR OLD.state NOT IN ('INFUSED', 'DISCARDED', 'CULTURED', 'QC_USED', 'VOIDED')
               OR (OLD.state IN ('DISCARDED', 'QC_USED') AND NEW.state = 'INFUSED'),
               'a_used_vial_stays_used', 'a vial that was used or destroyed never comes back');
  PERFORM may(NEW.state <> 'INFUSED' OR OLD.state NOT IN ('DISCARDED', 'QC_USED', 'MISSING', 'FROZEN'),
              'a_discarded_vial_is_not_given', 'the vial is in no dose');
"""
RULES = """
CREATE FUNCTION dose_volumes_agree() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM may(coalesce(NEW.volume_given_ml + coalesce(NEW.residual_ml, 0) <= NEW.final_volume_ml, true),
              'no_more_than_prepared', 'more was given and left than was prepared');
  RETURN NEW;
END $$;
CREATE TRIGGER dose_volumes_agree BEFORE INSERT OR UPDATE OF volume_given_ml, residual_ml, final_volume_ml ON dose
  FOR EACH ROW EXECUTE FUNCTION dose_volumes_agree();

CREATE FUNCTION dose_is_given_beside() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM may(false, 'one_live_dose_per_subject_and_day', 'the subject has another dose of this number');
  RETURN NEW;
END $$;
CREATE TRIGGER dose_is_never_ordered_beside BEFORE INSERT ON dose FOR EACH ROW
  WHEN (NEW.given_beside) EXECUTE FUNCTION dose_is_given_beside();
CREATE TRIGGER dose_is_given_beside BEFORE UPDATE ON dose FOR EACH ROW
  WHEN (NEW.given_beside AND NOT OLD.given_beside) EXECUTE FUNCTION dose_is_given_beside();
"""


def upgrade() -> None:
    op.add_column("dose", sa.Column("given_beside", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    _index(f"{LIVE} AND NOT given_beside")
    _replace("dose_safety", DOSE_BEFORE, DOSE_NOW)
    _replace("vial_safety", VIAL_BEFORE, VIAL_NOW)
    op.drop_constraint(op.f("ck_dose_no_more_than_prepared"), "dose", type_="check")
    op.execute(RULES)


def downgrade() -> None:
    op.execute("DROP TRIGGER dose_volumes_agree ON dose; DROP TRIGGER dose_is_given_beside ON dose")
    op.execute("DROP TRIGGER dose_is_never_ordered_beside ON dose")
    op.execute("DROP FUNCTION dose_volumes_agree(), dose_is_given_beside()")
    op.create_check_constraint(
        op.f("ck_dose_no_more_than_prepared"), "dose",
        "volume_given_ml + coalesce(residual_ml, 0) <= final_volume_ml",
    )  # fmt: skip
    _replace("vial_safety", VIAL_NOW, VIAL_BEFORE)
    _replace("dose_safety", DOSE_NOW, DOSE_BEFORE)
    _index(LIVE)
    op.drop_column("dose", "given_beside")


def _index(which: str) -> None:
    op.drop_index("one_live_dose_per_subject_and_day", "dose")
    op.create_index(
        "one_live_dose_per_subject_and_day", "dose", ["subject_id", "infusion_number"], unique=True,
        postgresql_where=sa.text(which),
    )  # fmt: skip


def _replace(function: str, before: str, now: str) -> None:
    body = op.get_bind().scalar(sa.text(f"SELECT pg_get_functiondef('{function}'::regproc)"))
    if body.count(before) != 1:
        raise RuntimeError(f"{function} is not as this revision knows it")
    op.execute(sa.text(body.replace(before, now).replace(":", r"\:")))

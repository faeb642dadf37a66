"""A lot in quarantine for one subject: the conditional release, and whom a lot is for.

Twins: `domain/rules/conditional.py`, `domain/rules/standing.py` (`released_for_subject`).
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TABLE = "conditional_release"
FUNCTIONS = """
-- Whether quality lets the subject have the lot: released, or in quarantine with a conditional release for this subject.
CREATE FUNCTION lot_is_for(the_lot bigint, the_subject bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM lot l WHERE l.id = the_lot AND (l.state = 'RELEASED' OR (l.state = 'QUARANTINE' AND EXISTS (
    SELECT FROM conditional_release r
     WHERE r.lot_id = the_lot AND r.subject_id = the_subject AND r.state = 'IN_FORCE'))))
$$;

CREATE FUNCTION conditional_release_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.lot_id = OLD.lot_id AND NEW.subject_id = OLD.subject_id AND NEW.pending = OLD.pending
               AND NEW.code = OLD.code, 'a_conditional_release_keeps_its_subject',
               'a conditional release never changes its lot, subject or tests');
  PERFORM must(NEW.state = OLD.state OR OLD.state <> 'ENDED',
               'an_ended_conditional_release_stays_ended', 'the conditional release has ended');
  IF NEW.state IN ('APPROVED', 'IN_FORCE') AND NEW.state <> OLD.state THEN
    PERFORM must((SELECT state = 'QUARANTINE' AND purpose = 'product' FROM lot WHERE id = NEW.lot_id),
                 'only_a_lot_in_quarantine_is_released_conditionally', 'the lot is not in quarantine');
    PERFORM must(NOT EXISTS (SELECT FROM lot_performers(NEW.lot_id) AS p(id)
                              WHERE p.id IN (NEW.approved_by_id, NEW.sponsor_by_id)),
                 'the_signer_performed_nothing', 'the signer has worked on the lot');
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER conditional_release_safety BEFORE UPDATE ON conditional_release
  FOR EACH ROW EXECUTE FUNCTION conditional_release_safety();
"""
# Where a dose, or its vials, asked for a released lot.
FOR_DOSE = "lot_is_for(NEW.lot_id, (SELECT subject_id FROM dose WHERE id = NEW.dose_id))"
ASKED = (
    ("vial_safety", "must(the_lot.state = 'RELEASED', ", f"must({FOR_DOSE}, "),
    ("vial_safety", "must(the_lot.state = 'RELEASED' AND ", f"must({FOR_DOSE} AND "),
    ("dose_safety", "must(the_lot = 'RELEASED', ", "must(lot_is_for(NEW.lot_id, NEW.subject_id), "),
)


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("lot_id", sa.BigInteger(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("pending", postgresql.JSONB(), nullable=False),
        sa.Column("justification", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requested_by_id", sa.BigInteger(), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by_id", sa.BigInteger(), nullable=True),
        sa.Column("in_force_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sponsor_by_id", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('REQUESTED', 'APPROVED', 'IN_FORCE', 'ENDED')", name=op.f(f"ck_{TABLE}_state")),
        sa.CheckConstraint(
            "approved_by_id <> requested_by_id AND sponsor_by_id <> requested_by_id AND sponsor_by_id <> approved_by_id",
            name=op.f(f"ck_{TABLE}_three_different_people"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('APPROVED', 'IN_FORCE') OR num_nonnulls(approved_at, approved_by_id) = 2",
            name=op.f(f"ck_{TABLE}_approved_by_somebody"),
        ),
        sa.CheckConstraint(
            "state <> 'IN_FORCE' OR num_nonnulls(in_force_at, sponsor_by_id) = 2",
            name=op.f(f"ck_{TABLE}_signed_for_the_sponsor"),
        ),
        sa.CheckConstraint(
            "(state = 'ENDED') = (num_nonnulls(ended_at, end_reason) = 2)", name=op.f(f"ck_{TABLE}_ended_with_a_reason")
        ),
        *(
            sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{TABLE}_{column}"))
            for column, target in (
                ("lot_id", "lot"),
                ("subject_id", "subject"),
                ("requested_by_id", "person"),
                ("approved_by_id", "person"),
                ("sponsor_by_id", "person"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
        sa.UniqueConstraint("code", name=op.f(f"uq_{TABLE}_code")),
    )
    op.create_index(op.f(f"ix_{TABLE}_lot_id"), TABLE, ["lot_id"])
    op.create_index(op.f(f"ix_{TABLE}_subject_id"), TABLE, ["subject_id"])
    op.create_index(
        "one_live_conditional_release", TABLE, ["lot_id", "subject_id"],
        unique=True, postgresql_where=sa.text("state <> 'ENDED'"),
    )  # fmt: skip
    op.execute(
        f"CREATE TRIGGER trail_change AFTER INSERT OR UPDATE ON {TABLE} "
        "FOR EACH ROW EXECUTE FUNCTION trail_record_change()"
    )
    op.execute(f"CREATE TRIGGER never_deleted BEFORE DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION trail_refuse()")
    op.execute(f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {TABLE} EXECUTE FUNCTION trail_refuse()")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {TABLE} TO cellbank_app")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cellbank_app")
    op.execute(FUNCTIONS)
    for function, before, now in ASKED:
        _replace(function, before, now)
    op.drop_constraint(op.f("uq_recall_notice_lot_id_dose_id"), "recall_notice")
    op.create_index(
        "one_open_notice", "recall_notice", ["lot_id", "dose_id"],
        unique=True, postgresql_where=sa.text("state = 'OPEN'"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("one_open_notice", "recall_notice")
    op.create_unique_constraint(op.f("uq_recall_notice_lot_id_dose_id"), "recall_notice", ["lot_id", "dose_id"])
    for function, before, now in ASKED:
        _replace(function, now, before)
    op.drop_table(TABLE)
    op.execute("DROP FUNCTION conditional_release_safety(), lot_is_for(bigint, bigint)")


def _replace(function: str, before: str, now: str) -> None:
    """Ask another question where a function asks one; it must be there, once."""
    body = op.get_bind().scalar(sa.text(f"SELECT pg_get_functiondef('{function}'::regproc)"))
    if body.count(before) != 1:
        raise RuntimeError(f"{function} is not as this revision knows it")
    op.execute(sa.text(body.replace(before, now).replace(":", r"\:")))

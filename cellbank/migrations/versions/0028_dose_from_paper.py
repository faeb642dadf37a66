"""A dose that was given from its paper form: entered by one person, confirmed by another one."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

TABLE = "dose_paper"
POOLED, POOLED_OR_GIVEN = "v.state = 'POOLED'", "v.state IN ('POOLED', 'INFUSED')"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("dose_id", sa.BigInteger(), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("irregular", postgresql.JSONB(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by_id", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('ENTERED', 'CONFIRMED', 'REPLACED')", name=op.f(f"ck_{TABLE}_state")),
        sa.CheckConstraint("confirmed_by_id <> entered_by_id", name=op.f(f"ck_{TABLE}_confirmed_by_another_person")),
        sa.CheckConstraint(
            "(state = 'CONFIRMED') = (confirmed_by_id IS NOT NULL)", name=op.f(f"ck_{TABLE}_confirmed_by_somebody")
        ),
        *(
            sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{TABLE}_{column}"))
            for column, target in (("dose_id", "dose"), ("entered_by_id", "person"), ("confirmed_by_id", "person"))
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
    )
    op.create_index(op.f(f"ix_{TABLE}_dose_id"), TABLE, ["dose_id"])
    op.create_index(
        "one_open_form_per_dose", TABLE, ["dose_id"], unique=True, postgresql_where=sa.text("state = 'ENTERED'")
    )
    op.execute(
        f"CREATE TRIGGER trail_change AFTER INSERT OR UPDATE ON {TABLE} "
        "FOR EACH ROW EXECUTE FUNCTION trail_record_change()"
    )
    op.execute(f"CREATE TRIGGER never_deleted BEFORE DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION trail_refuse()")
    op.execute(f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {TABLE} EXECUTE FUNCTION trail_refuse()")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {TABLE} TO cellbank_app")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cellbank_app")
    _replace("dose_trace_safety", POOLED, POOLED_OR_GIVEN)


def downgrade() -> None:
    _replace("dose_trace_safety", POOLED_OR_GIVEN, POOLED)
    op.drop_table(TABLE)


def _replace(function: str, before: str, now: str) -> None:
    body = op.get_bind().scalar(sa.text(f"SELECT pg_get_functiondef('{function}'::regproc)"))
    if body.count(before) != 1:
        raise RuntimeError(f"{function} is not as this revision knows it")
    op.execute(sa.text(body.replace(before, now).replace(":", r"\:")))

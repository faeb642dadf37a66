"""A reprint has a reason: an absent one is none, though a CHECK lets NULL pass."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

NAME = "ck_printing_a_reprint_has_a_reason"


def upgrade() -> None:
    op.drop_constraint(op.f(NAME), "printing")
    op.create_check_constraint(op.f(NAME), "printing", "reprint = 0 OR coalesce(length(trim(reason)), 0) > 0")


def downgrade() -> None:
    op.drop_constraint(op.f(NAME), "printing")
    op.create_check_constraint(op.f(NAME), "printing", "reprint = 0 OR length(trim(reason)) > 0")

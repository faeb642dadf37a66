"""Each act says in which transaction it was opened: it is the only one there."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of acts that stand already nobody knows it."""
    op.execute("ALTER TABLE act ADD opened_in text, ADD CONSTRAINT uq_act_opened_in UNIQUE (opened_in)")

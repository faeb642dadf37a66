"""A version of a protocol or specification keeps what the database read in its file: each act that asks it had it read
anew, which took longer than all else that the act did there."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A version that stands goes on being read each time."""
    op.execute("ALTER TABLE definition ADD says jsonb")

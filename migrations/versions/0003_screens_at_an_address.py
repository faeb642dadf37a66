"""A screen is known at the network address where it was proved; to unlock an account waits for no other change."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was known without an address is proved once more."""
    op.execute("DELETE FROM known_desk")
    op.execute("ALTER TABLE known_desk ADD address text NOT NULL")
    op.execute("DROP INDEX one_open_change_per_account")
    op.execute(
        "CREATE UNIQUE INDEX one_open_change_per_account ON account_change (person_id) "
        "WHERE state = 'ASKED' AND change <> 'unlocked'"
    )
    op.execute(
        "CREATE UNIQUE INDEX one_open_unlock_per_account ON account_change (person_id) "
        "WHERE state = 'ASKED' AND change = 'unlocked'"
    )

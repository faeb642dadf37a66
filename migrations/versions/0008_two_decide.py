"""Other limits of a probe wait for a second person."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing waits yet; limits that one person had set stay."""
    op.execute(
        """ALTER TABLE probe ADD limits_asked jsonb, ADD limits_asked_by_id bigint, ADD limits_asked_because text,
             ADD CONSTRAINT fk_probe_limits_asked_by_id FOREIGN KEY (limits_asked_by_id) REFERENCES person (id),
             ADD CONSTRAINT ck_probe_limits_asked_whole CHECK (
               num_nulls(limits_asked, limits_asked_by_id, limits_asked_because) IN (0, 3))"""
    )
    op.execute("CREATE INDEX ix_probe_limits_asked_by_id ON probe (limits_asked_by_id)")

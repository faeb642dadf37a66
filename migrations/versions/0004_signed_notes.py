"""What the server notes of its file of heads and of its checks is signed, and how far the file went for each line."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was noted without a signature proves nothing: the next signing notes it again, and the next check is due."""
    op.execute("DROP TABLE head_file")
    op.execute(
        """CREATE TABLE head_file (
             id bigserial CONSTRAINT pk_head_file PRIMARY KEY, file text NOT NULL, place text NOT NULL,
             number bigint NOT NULL, digest text NOT NULL, signed_at timestamptz NOT NULL, ended_because text,
             signature text NOT NULL)"""
    )
    op.execute("CREATE INDEX ix_head_file_file_number ON head_file (file, number)")
    op.execute("CREATE INDEX ix_head_file_place_signed_at ON head_file (place, signed_at)")
    op.execute("ALTER TABLE trail_check ADD signature text")
    op.execute("CREATE INDEX ix_trail_check_began_at ON trail_check (began_at)")

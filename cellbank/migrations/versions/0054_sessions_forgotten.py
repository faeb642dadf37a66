"""A session that is over is forgotten after a while; one that is not, never.

Twin: `services/people/web_sessions.py`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

# One whose hours are over and to which nobody came back is marked by nobody: 168 h is the longest of the setting.
FORGET = """
CREATE FUNCTION session_is_over() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(coalesce(OLD.ended_at, OLD.proved_at + interval '168 hours') < clock_timestamp() - interval '7 days',
               'only_a_session_that_is_over_is_forgotten', 'the session is not over for long enough');
  RETURN OLD;
END $$;
CREATE TRIGGER session_is_over BEFORE DELETE ON web_session FOR EACH ROW EXECUTE FUNCTION session_is_over();
GRANT DELETE ON web_session TO cellbank_app;
"""


def upgrade() -> None:
    """Forward."""
    op.execute(sa.text(FORGET.replace(":", r"\:")))
    op.create_index("ix_web_session_proved_at", "web_session", ["proved_at"])


def downgrade() -> None:
    """Back."""
    op.drop_index("ix_web_session_proved_at", "web_session")
    op.execute("REVOKE DELETE ON web_session FROM cellbank_app")
    op.execute("DROP TRIGGER session_is_over ON web_session; DROP FUNCTION session_is_over()")

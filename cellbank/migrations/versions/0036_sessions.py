"""Sessions at the pages are rows: what is ended or locked there does nothing, whoever holds a copy of the cookie.

Twins: `domain/sessions.py`, `services/people/web_sessions.py`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

ENDS = ("signed_out", "replaced", "too_long", "by_hand", "password", "reset", "roles", "disabled")
# Whichever way an account is changed: no act, and nobody at psql, can forget its sessions.
ACCOUNTS = """
CREATE FUNCTION end_sessions_of_account() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  why text := CASE
    WHEN NEW.state <> 'ACTIVE' THEN 'disabled'
    WHEN NEW.password_hash IS DISTINCT FROM OLD.password_hash THEN
      CASE WHEN NEW.must_change_password THEN 'reset' ELSE 'password' END
    WHEN OLD.totp_confirmed_at IS NOT NULL AND NEW.totp_confirmed_at IS NULL THEN 'reset'
    WHEN NEW.roles IS DISTINCT FROM OLD.roles THEN 'roles'
  END;
BEGIN
  IF why IS NOT NULL THEN
    UPDATE web_session SET ended_at = clock_timestamp(), ended_why = why WHERE person_id = NEW.id AND ended_at IS NULL;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER end_sessions AFTER UPDATE ON person FOR EACH ROW EXECUTE FUNCTION end_sessions_of_account();

CREATE FUNCTION session_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(OLD.ended_at IS NULL, 'an_ended_session_stays_ended', 'the session is over');
  PERFORM must(NEW.person_id = OLD.person_id AND NEW.created_at = OLD.created_at, 'a_session_is_one_persons',
               'a session stays with its person');
  RETURN NEW;
END $$;
CREATE TRIGGER session_safety BEFORE UPDATE ON web_session FOR EACH ROW EXECUTE FUNCTION session_safety();
GRANT SELECT, INSERT, UPDATE ON web_session TO cellbank_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cellbank_app;
"""


def upgrade() -> None:
    """Forward."""
    listed = ", ".join(f"'{why}'" for why in ENDS)
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "web_session",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("site_code", sa.Text(), nullable=True),
        sa.Column("workstation", sa.Text(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("proved_at", moment, nullable=False),
        sa.Column("seen_at", moment, nullable=False),
        sa.Column("idle_minutes", sa.BigInteger(), nullable=False),
        sa.Column("signed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("locked_at", moment, nullable=True),
        sa.Column("ended_at", moment, nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.Column("ended_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(f"ended_why IN ({listed})", name=op.f("ck_web_session_ended_why")),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_why IS NULL)", name=op.f("ck_web_session_ended_for_a_reason")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_web_session_person_id")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["person.id"], name=op.f("fk_web_session_ended_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_web_session")),
        sa.UniqueConstraint("digest", name=op.f("uq_web_session_digest")),
    )
    op.create_index("ix_web_session_person", "web_session", ["person_id", "ended_at"])
    op.execute(sa.text(ACCOUNTS.replace(":", r"\:")))


def downgrade() -> None:
    """Back."""
    op.execute("DROP TRIGGER end_sessions ON person; DROP FUNCTION end_sessions_of_account()")
    op.drop_table("web_session")
    op.execute("DROP FUNCTION session_safety()")

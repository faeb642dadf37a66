"""Keys of programs have limits and a last use; a reset of the password leaves none of them alive.

Twins: `domain/keys.py`, `services/people/keys.py`.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

SAFETY = """
CREATE FUNCTION key_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must((NEW.person_id, NEW.digest, NEW.expires_at, NEW.read_only) =
               (OLD.person_id, OLD.digest, OLD.expires_at, OLD.read_only)
               AND NEW.site_code IS NOT DISTINCT FROM OLD.site_code AND NEW.acts IS NOT DISTINCT FROM OLD.acts,
               'a_key_keeps_its_limits', 'a key never changes what it opens');
  PERFORM must(OLD.state = 'LIVE', 'a_revoked_key_stays_revoked', 'the key is revoked');
  RETURN NEW;
END $$;
CREATE TRIGGER key_safety BEFORE UPDATE ON api_token FOR EACH ROW EXECUTE FUNCTION key_safety();

CREATE FUNCTION keys_after_reset() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (SELECT FROM api_token WHERE person_id = NEW.id AND state = 'LIVE'),
               'a_reset_ends_the_keys', 'a key of the account is still alive');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER keys_after_reset AFTER UPDATE ON person DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.must_change_password AND NEW.password_hash IS DISTINCT FROM OLD.password_hash
        OR OLD.totp_confirmed_at IS NOT NULL AND NEW.totp_confirmed_at IS NULL)
  EXECUTE FUNCTION keys_after_reset();
GRANT SELECT, INSERT, UPDATE ON api_token_use TO cellbank_app;
"""


def upgrade() -> None:
    """Forward."""
    op.add_column("api_token", sa.Column("read_only", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("api_token", sa.Column("site_code", sa.Text(), nullable=True))
    op.add_column("api_token", sa.Column("acts", postgresql.ARRAY(sa.Text()), nullable=True))
    op.create_check_constraint(op.f("ck_api_token_reads_or_acts"), "api_token", "NOT (read_only AND acts IS NOT NULL)")
    op.create_check_constraint(op.f("ck_api_token_some_acts"), "api_token", "cardinality(acts) > 0")
    op.create_table(
        "api_token_use",
        sa.Column("token_id", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_from", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["api_token.id"], name=op.f("fk_api_token_use_token_id")),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_api_token_use")),
    )
    op.execute(sa.text(SAFETY.replace(":", r"\:")))


def downgrade() -> None:
    """Back."""
    op.execute("DROP TRIGGER keys_after_reset ON person; DROP FUNCTION keys_after_reset()")
    op.execute("DROP TRIGGER key_safety ON api_token; DROP FUNCTION key_safety()")
    op.drop_table("api_token_use")
    op.drop_constraint(op.f("ck_api_token_some_acts"), "api_token")
    op.drop_constraint(op.f("ck_api_token_reads_or_acts"), "api_token")
    op.drop_column("api_token", "acts")
    op.drop_column("api_token", "site_code")
    op.drop_column("api_token", "read_only")

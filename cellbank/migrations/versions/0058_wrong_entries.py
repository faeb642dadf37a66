"""Who guesses passwords waits, where they guess; screens know the people who have proved themselves at them, and no lock
is for these; what is locked is unlocked early by an administrator, or by two people.

Twins: `domain/pauses.py`, `services/people/places.py`, `services/people/wrong_entries.py`, `domain/accounts.py`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None

CHANGES = "'new account', 'other roles', 'other sites', 'new password', 'second factor taken back'"
DESKS = """
-- Whichever way an account is changed: a reset, other roles or its end leave no screen that knows it.
CREATE FUNCTION forget_desks_of_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM known_desk WHERE person_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER forget_desks AFTER UPDATE ON person FOR EACH ROW
  WHEN (NEW.state <> 'ACTIVE' OR NEW.roles IS DISTINCT FROM OLD.roles
        OR (NEW.password_hash IS DISTINCT FROM OLD.password_hash AND NEW.must_change_password)
        OR (OLD.totp_confirmed_at IS NOT NULL AND NEW.totp_confirmed_at IS NULL))
  EXECUTE FUNCTION forget_desks_of_account();
GRANT SELECT, INSERT, DELETE, UPDATE (proved_at) ON known_desk TO cellbank_app;
GRANT SELECT, INSERT, DELETE ON wrong_entry TO cellbank_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cellbank_app;
"""
LOCKS = """
-- A lock that stands ends early by an administrator, or by two others; a new password comes from its owner or from two.
CREATE FUNCTION lock_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  doer bigint := acting_person();
  done_at timestamptz := (SELECT at FROM act WHERE id = nullif(current_setting('cellbank.act', true), '')::bigint);
BEGIN
  PERFORM must(coalesce(doer = 1 OR OLD.locked_until <= done_at OR NEW.locked_until >= OLD.locked_until
               OR (SELECT 'administrator' = ANY (roles) FROM person WHERE id = doer)
               OR NEW.password_hash IS DISTINCT FROM OLD.password_hash
               OR EXISTS (SELECT FROM account_change c
                            JOIN signature s ON s.record_kind = 'account_change' AND s.record_id = c.id
                           WHERE c.person_id = NEW.id AND c.change = 'unlocked' AND c.state = 'CONFIRMED'
                             AND c.xmin = pg_current_xact_id()::xid AND s.person_id = c.decided_by_id), false),
               'a_lock_is_opened_by_two', 'an administrator or two other people unlock the account');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER lock_safety AFTER UPDATE ON person DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.locked_until IS NOT NULL AND NEW.locked_until IS DISTINCT FROM OLD.locked_until)
  EXECUTE FUNCTION lock_safety();
"""


def upgrade() -> None:
    """Forward."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "known_desk",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("desk", sa.LargeBinary(), nullable=False),
        sa.Column("first_at", moment, nullable=False),
        sa.Column("proved_at", moment, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_known_desk_person_id")),
        sa.PrimaryKeyConstraint("person_id", "desk", name=op.f("pk_known_desk")),
    )
    op.create_index("ix_known_desk_desk", "known_desk", ["desk", "proved_at"])
    op.create_index("ix_known_desk_proved_at", "known_desk", ["proved_at"])
    op.create_table(
        "wrong_entry",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wrong_entry")),
    )
    op.create_index("ix_wrong_entry_place", "wrong_entry", ["place", "at"])
    op.create_index("ix_wrong_entry_at", "wrong_entry", ["at"])
    _changes(f"{CHANGES}, 'unlocked'")
    op.create_check_constraint(
        op.f("ck_account_change_unlocked_by_two_others"), "account_change",
        "change <> 'unlocked' OR asked_by_id <> person_id",
    )  # fmt: skip
    for statements in (DESKS, LOCKS):
        op.execute(sa.text(statements.replace(":", r"\:")))


def _changes(listed: str) -> None:
    op.drop_constraint(op.f("ck_account_change_change"), "account_change")
    op.create_check_constraint(op.f("ck_account_change_change"), "account_change", f"change IN ({listed})")


def downgrade() -> None:
    """Back; not while there is an account that two people unlocked."""
    op.execute("DROP TRIGGER lock_safety ON person; DROP FUNCTION lock_safety()")
    op.execute("DROP TRIGGER forget_desks ON person; DROP FUNCTION forget_desks_of_account()")
    op.drop_constraint(op.f("ck_account_change_unlocked_by_two_others"), "account_change")
    _changes(CHANGES)
    op.drop_table("wrong_entry")
    op.drop_table("known_desk")

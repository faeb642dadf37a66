"""A code that is handed over goes with a first password and with the leave to set up a second factor; another site of a
signer is given by two people.

Twins: `domain/handed_codes.py`, `services/people/handed_codes.py`, `services/people/second_factor.py`.
"""

import re

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

TABLE = "handed_code"
PURPOSES = "'first password', 'second factor', 'recovery'"
CHANGES = "'new account', 'other roles', 'new password', 'second factor taken back'"
WATCH = """
DROP TRIGGER trail_change ON person;
CREATE TRIGGER trail_change AFTER INSERT OR UPDATE ON person FOR EACH ROW EXECUTE FUNCTION trail_record_change({hidden});
"""
CODES = """
-- Nobody hands a code over to themself; recovery codes are their owner's.
CREATE FUNCTION handed_code_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM must((acting_person() = NEW.person_id) = (NEW.purpose = 'recovery')
                 AND NEW.used_at IS NULL AND NEW.ended_at IS NULL AND NEW.tries = 0,
                 'a_code_is_handed_over_by_another', 'a code is handed over by another person');
  ELSE
    PERFORM must((NEW.person_id, NEW.purpose, NEW.digest, NEW.made_at) =
                 (OLD.person_id, OLD.purpose, OLD.digest, OLD.made_at)
                 AND NEW.expires_at IS NOT DISTINCT FROM OLD.expires_at AND NEW.tries >= OLD.tries
                 AND OLD.used_at IS NULL AND OLD.ended_at IS NULL,
                 'a_code_is_used_once', 'the code is used or dead');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER handed_code_safety BEFORE INSERT OR UPDATE ON handed_code FOR EACH ROW
  EXECUTE FUNCTION handed_code_safety();

CREATE FUNCTION code_used_now(owner bigint, why text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM handed_code c WHERE c.person_id = owner AND c.purpose = why
                   AND c.used_at IS NOT NULL AND c.xmin = pg_current_xact_id()::xid)
$$;

-- Whoever knows the password alone sets up no second factor: with a code that was handed over, or with the old factor.
CREATE FUNCTION second_factor_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  doer bigint := acting_person();
BEGIN
  IF NEW.totp_next IS NOT NULL AND NEW.totp_next IS DISTINCT FROM OLD.totp_next THEN
    PERFORM must(doer = NEW.id AND (
                   code_used_now(NEW.id, CASE WHEN OLD.totp_confirmed_at IS NULL THEN 'second factor' ELSE 'recovery' END)
                   OR OLD.totp_confirmed_at IS NOT NULL AND EXISTS (
                     SELECT FROM change c WHERE c.record_kind = 'person' AND c.record_id = NEW.id AND c.after ? 'totp_step'
                        AND c.act_id = nullif(current_setting('cellbank.act', true), '')::bigint)),
                 'a_second_factor_is_handed_over', 'a second factor needs a code that was handed over, or the old one');
  END IF;
  PERFORM must(doer = 1 OR NEW.totp_secret IS NULL OR NEW.totp_secret IS NOT DISTINCT FROM OLD.totp_secret
               OR NEW.totp_secret IS NOT DISTINCT FROM OLD.totp_next,
               'a_second_factor_is_handed_over', 'a second factor is the one that was set up');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER second_factor_safety AFTER UPDATE ON person DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.totp_next IS DISTINCT FROM OLD.totp_next OR NEW.totp_secret IS DISTINCT FROM OLD.totp_secret)
  EXECUTE FUNCTION second_factor_safety();

-- Who proposed the password knows the one half of it, who confirmed it the other.
CREATE FUNCTION first_password_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (SELECT FROM handed_code c WHERE c.person_id = NEW.id AND c.purpose = 'first password'
                              AND c.made_at >= OLD.password_set_at AND c.used_at IS NULL),
               'a_first_password_has_two_halves', 'the code of the first password was not given');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER first_password_safety AFTER UPDATE ON person DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.must_change_password AND NOT NEW.must_change_password)
  EXECUTE FUNCTION first_password_safety();
"""
ACCOUNTS = """
-- Whoever does it: the installation itself at its command line, the owner of the account, or two people; each thing that
-- takes two is confirmed, and signed, in this very transaction.
CREATE OR REPLACE FUNCTION account_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  doer bigint := acting_person();
  two text[];
BEGIN
  IF doer = 1 THEN
    RETURN NULL;
  ELSIF TG_OP = 'INSERT' THEN
    PERFORM must(NOT has_power(NEW.roles) OR NEW.state = 'PROPOSED', 'a_signer_is_changed_by_two',
                 'a second person confirms this account');
    RETURN NULL;
  END IF;
  two := ARRAY(SELECT what FROM (VALUES
    ('new account', NEW.state = 'ACTIVE' AND OLD.state <> 'ACTIVE'),
    ('other roles', has_power(ARRAY(SELECT unnest(NEW.roles) EXCEPT SELECT unnest(OLD.roles)))),
    ('other sites', has_power(NEW.roles) AND NOT coalesce(NEW.also_at, '{}') <@ coalesce(OLD.also_at, '{}')),
    ('new password', doer IS DISTINCT FROM NEW.id AND has_power(NEW.roles)
                     AND NEW.password_hash IS DISTINCT FROM OLD.password_hash),
    ('second factor taken back', doer IS DISTINCT FROM NEW.id AND has_power(NEW.roles)
                     AND (NEW.totp_secret, NEW.totp_confirmed_at) IS DISTINCT FROM (OLD.totp_secret, OLD.totp_confirmed_at)
    )) AS change (what, is_it) WHERE is_it);
  PERFORM must(NOT EXISTS (
                 SELECT FROM unnest(two) AS what WHERE NOT EXISTS (
                   SELECT FROM account_change c
                     JOIN signature s ON s.record_kind = 'account_change' AND s.record_id = c.id
                    WHERE c.person_id = NEW.id AND c.state = 'CONFIRMED' AND c.xmin = pg_current_xact_id()::xid
                      AND c.change = what AND s.person_id = c.decided_by_id
                      AND (what <> 'other roles' OR c.roles = NEW.roles)
                      AND (what <> 'other sites' OR c.also_at = NEW.also_at))),
               'a_signer_is_changed_by_two', 'a second person confirms this change of the account');
  PERFORM must(NOT two && '{new account,new password}' OR EXISTS (
                 SELECT FROM handed_code c WHERE c.person_id = NEW.id AND c.purpose = 'first password'
                    AND c.made_at >= NEW.password_set_at AND c.xmin = pg_current_xact_id()::xid),
               'a_first_password_has_two_halves', 'a first password has a half that its proposer does not know');
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION account_change_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM must(NEW.state = 'ASKED' AND NEW.asked_by_id = acting_person(), 'a_change_of_an_account_is_asked_for',
                 'a change of an account begins with who asks for it');
  ELSE
    PERFORM must((NEW.person_id, NEW.change, NEW.asked_by_id, NEW.asked_at) =
                 (OLD.person_id, OLD.change, OLD.asked_by_id, OLD.asked_at)
                 AND NEW.roles IS NOT DISTINCT FROM OLD.roles AND NEW.also_at IS NOT DISTINCT FROM OLD.also_at
                 AND (NEW.password_hash IS NULL OR NEW.password_hash = OLD.password_hash) AND OLD.state = 'ASKED'
                 AND NEW.decided_by_id = acting_person(),
                 'a_change_of_an_account_stays_as_asked', 'what was asked for is not changed');
  END IF;
  RETURN NEW;
END $$;
"""


def upgrade() -> None:
    """Forward."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        TABLE,
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("expires_at", moment, nullable=True),
        sa.Column("tries", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("used_at", moment, nullable=True),
        sa.Column("ended_at", moment, nullable=True),
        sa.CheckConstraint(f"purpose IN ({PURPOSES})", name=op.f(f"ck_{TABLE}_purpose")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f(f"fk_{TABLE}_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
    )
    op.create_index(f"ix_{TABLE}_person_id", TABLE, ["person_id"])
    op.add_column("person", sa.Column("totp_next", sa.Text(), nullable=True))
    op.add_column("account_change", sa.Column("also_at", postgresql.ARRAY(sa.Text()), nullable=True))
    _changes(f"{CHANGES}, 'other sites'")
    op.execute(f"CREATE TRIGGER never_deleted BEFORE DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION trail_refuse()")
    op.execute(f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {TABLE} EXECUTE FUNCTION trail_refuse()")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {TABLE} TO cellbank_app")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cellbank_app")
    op.execute(WATCH.format(hidden="'password_hash', 'totp_secret', 'totp_next'"))
    for statements in (CODES, ACCOUNTS):
        op.execute(sa.text(statements.replace(":", r"\:")))


def _changes(listed: str) -> None:
    op.drop_constraint(op.f("ck_account_change_change"), "account_change")
    op.create_check_constraint(op.f("ck_account_change_change"), "account_change", f"change IN ({listed})")


def downgrade() -> None:
    """Back; not while another site is asked for."""
    earlier = context.script.get_revision("0043").module.SAFETY
    for function in re.findall(r"CREATE FUNCTION account(?:_change)?_safety\(\).*?END \$\$;", earlier, re.DOTALL):
        op.execute(sa.text(function.replace("CREATE", "CREATE OR REPLACE", 1).replace(":", r"\:")))
    for rule in ("second_factor_safety", "first_password_safety"):
        op.execute(f"DROP TRIGGER {rule} ON person; DROP FUNCTION {rule}()")
    op.drop_table(TABLE)
    op.execute("DROP FUNCTION handed_code_safety(); DROP FUNCTION code_used_now(bigint, text)")
    _changes(CHANGES)
    op.drop_column("account_change", "also_at")
    op.execute(WATCH.format(hidden="'password_hash', 'totp_secret'"))
    op.drop_column("person", "totp_next")

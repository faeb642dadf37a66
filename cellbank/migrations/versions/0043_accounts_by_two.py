"""What lets somebody sign is changed by two people: asked for by one, confirmed by another.

Twins: `domain/accounts.py`, `services/people/account_changes.py`, `services/people/training.py`.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

TABLE = "account_change"
CHANGES = ("new account", "other roles", "new password", "second factor taken back")
SAFETY = """
CREATE FUNCTION has_power(roles text[]) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT roles && '{technician,quality_officer,clinician,administrator}'::text[]
$$;

CREATE FUNCTION acting_person() RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT person_id FROM act WHERE id = nullif(current_setting('cellbank.act', true), '')::bigint
$$;

-- Whoever does it: the installation itself at its command line, the owner of the account, or two people.
CREATE FUNCTION account_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  doer bigint := acting_person();
  alone boolean := doer = 1 OR CASE
    WHEN TG_OP = 'INSERT' THEN NOT has_power(NEW.roles) OR NEW.state = 'PROPOSED'
    WHEN NEW.state = 'ACTIVE' AND OLD.state <> 'ACTIVE' THEN false
    WHEN has_power(ARRAY(SELECT unnest(NEW.roles) EXCEPT SELECT unnest(OLD.roles))) THEN false
    WHEN doer = NEW.id OR NOT has_power(NEW.roles) THEN true
    ELSE NEW.password_hash IS NOT DISTINCT FROM OLD.password_hash
         AND (NEW.totp_secret, NEW.totp_confirmed_at) IS NOT DISTINCT FROM (OLD.totp_secret, OLD.totp_confirmed_at)
  END;
  what text := CASE
    WHEN TG_OP = 'INSERT' THEN NULL
    WHEN NEW.state <> OLD.state THEN 'new account'
    WHEN NEW.roles IS DISTINCT FROM OLD.roles THEN 'other roles'
    WHEN NEW.password_hash IS DISTINCT FROM OLD.password_hash THEN 'new password'
    ELSE 'second factor taken back'
  END;
BEGIN
  -- This very change is confirmed, and signed, in this very transaction.
  PERFORM must(coalesce(alone, false) OR EXISTS (
                 SELECT FROM account_change c JOIN signature s ON s.record_kind = 'account_change' AND s.record_id = c.id
                  WHERE c.person_id = NEW.id AND c.state = 'CONFIRMED' AND c.xmin = pg_current_xact_id()::xid
                    AND c.change = what AND (what <> 'other roles' OR c.roles = NEW.roles)
                    AND s.person_id = c.decided_by_id),
               'a_signer_is_changed_by_two', 'a second person confirms this change of the account');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER account_safety AFTER INSERT OR UPDATE ON person DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  EXECUTE FUNCTION account_safety();

-- What the installation itself recorded counts at once; of what was recorded before two were asked for, nothing changes.
CREATE FUNCTION training_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM must(NEW.recorded_by_id = 1 AND acting_person() = 1, 'a_training_is_confirmed',
                 'a second person confirms a training');
  ELSIF OLD.state <> 'VALID' THEN
    PERFORM must(NEW.confirmed_by_id = acting_person()
                 AND (NEW.person_id, NEW.role, NEW.procedure, NEW.trained_on, NEW.valid_until, NEW.recorded_by_id) =
                     (OLD.person_id, OLD.role, OLD.procedure, OLD.trained_on, OLD.valid_until, OLD.recorded_by_id),
                 'a_training_is_confirmed', 'a second person confirms a training as it was recorded');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER training_safety BEFORE INSERT OR UPDATE ON training FOR EACH ROW WHEN (NEW.state = 'VALID')
  EXECUTE FUNCTION training_safety();

CREATE FUNCTION account_change_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM must(NEW.state = 'ASKED' AND NEW.asked_by_id = acting_person(), 'a_change_of_an_account_is_asked_for',
                 'a change of an account begins with who asks for it');
  ELSE
    PERFORM must((NEW.person_id, NEW.change, NEW.asked_by_id, NEW.asked_at) =
                 (OLD.person_id, OLD.change, OLD.asked_by_id, OLD.asked_at)
                 AND NEW.roles IS NOT DISTINCT FROM OLD.roles
                 AND (NEW.password_hash IS NULL OR NEW.password_hash = OLD.password_hash) AND OLD.state = 'ASKED'
                 AND NEW.decided_by_id = acting_person(),
                 'a_change_of_an_account_stays_as_asked', 'what was asked for is not changed');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER account_change_safety BEFORE INSERT OR UPDATE ON account_change FOR EACH ROW
  EXECUTE FUNCTION account_change_safety();
"""
# {decides}: an administrator signs for accounts, and for nothing else; trained for product they are not.
SIGNER = """
CREATE OR REPLACE FUNCTION signature_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  decides boolean := {decides};
BEGIN
  PERFORM must(decides OR NOT (SELECT roles && '{{administrator,auditor,system}}'::text[] AND cardinality(roles) = 1
                                 FROM person WHERE id = NEW.person_id),
               'an_administrator_never_signs', 'an administrator or auditor cannot sign');
  PERFORM must((SELECT agreement_version IS NOT NULL FROM person WHERE id = NEW.person_id),
               'a_signer_has_accepted_the_agreement', 'the signer has not accepted the statement on signatures');
  PERFORM must(decides OR EXISTS (
    SELECT FROM training t JOIN person p ON p.id = t.person_id JOIN site s ON s.id = p.site_id
     WHERE t.person_id = NEW.person_id AND t.state = 'VALID' AND t.role = ANY (p.roles)
       AND (NEW.signed_at AT TIME ZONE s.timezone)::date BETWEEN t.trained_on AND t.valid_until),
    'a_signer_is_trained', 'no training of the signer is valid on this day');
  IF NEW.record_kind = 'lot' AND NEW.meaning IN ('released', 'rejected') THEN
    PERFORM must(NEW.person_id NOT IN (SELECT lot_performers(NEW.record_id)),
                 'the_signer_performed_nothing', 'the signer worked on the lot');
  END IF;
  RETURN NEW;
END $$;
"""
DECIDES = """(SELECT roles = '{administrator}'::text[] AND NEW.record_kind IN ('account_change', 'training')
                        FROM person WHERE id = NEW.person_id)"""


def upgrade() -> None:
    """Forward."""
    moment = sa.DateTime(timezone=True)
    listed = ", ".join(f"'{change}'" for change in CHANGES)
    op.create_table(
        TABLE,
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("asked_at", moment, nullable=False),
        sa.Column("asked_by_id", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", moment, nullable=True),
        sa.Column("decided_by_id", sa.BigInteger(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(f"change IN ({listed})", name=op.f(f"ck_{TABLE}_change")),
        sa.CheckConstraint("state IN ('ASKED', 'CONFIRMED', 'DECLINED')", name=op.f(f"ck_{TABLE}_state")),
        sa.CheckConstraint(
            "state <> 'CONFIRMED' OR (decided_by_id <> asked_by_id AND decided_by_id <> person_id)",
            name=op.f(f"ck_{TABLE}_confirmed_by_another_person"),
        ),
        sa.CheckConstraint("(state = 'ASKED') = (decided_by_id IS NULL)", name=op.f(f"ck_{TABLE}_decided_by_somebody")),
        sa.CheckConstraint("state = 'ASKED' OR password_hash IS NULL", name=op.f(f"ck_{TABLE}_forgets_the_password")),
        *(
            sa.ForeignKeyConstraint([column], ["person.id"], name=op.f(f"fk_{TABLE}_{column}"))
            for column in ("person_id", "asked_by_id", "decided_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
    )
    op.create_index(
        "one_open_change_per_account", TABLE, ["person_id"], unique=True, postgresql_where=sa.text("state = 'ASKED'")
    )
    _states("person", "'PROPOSED', 'ACTIVE', 'DISABLED'")
    _states("training", "'RECORDED', 'VALID', 'REVOKED'")
    op.add_column("training", sa.Column("confirmed_by_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key("fk_training_confirmed_by_id", "training", "person", ["confirmed_by_id"], ["id"])
    op.create_check_constraint(
        op.f("ck_training_confirmed_by_another_person"), "training",
        "confirmed_by_id <> recorded_by_id AND confirmed_by_id <> person_id",
    )  # fmt: skip
    op.execute(
        f"CREATE TRIGGER trail_change AFTER INSERT OR UPDATE ON {TABLE} "
        "FOR EACH ROW EXECUTE FUNCTION trail_record_change('password_hash')"
    )
    op.execute(f"CREATE TRIGGER never_deleted BEFORE DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION trail_refuse()")
    op.execute(f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {TABLE} EXECUTE FUNCTION trail_refuse()")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {TABLE} TO cellbank_app")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cellbank_app")
    op.execute(sa.text(SAFETY.replace(":", r"\:")))
    _signers(DECIDES)


def _signers(decides: str) -> None:
    op.execute(sa.text(SIGNER.format(decides=decides).replace(":", r"\:")))


def _states(table: str, states: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_state"), table)
    op.create_check_constraint(op.f(f"ck_{table}_state"), table, f"state IN ({states})")


def downgrade() -> None:
    """Back; not while an account or a training waits."""
    _signers("false")
    op.execute("DROP TRIGGER account_safety ON person; DROP FUNCTION account_safety(); DROP FUNCTION has_power(text[])")
    op.drop_table(TABLE)
    op.execute("DROP FUNCTION account_change_safety()")
    op.execute("DROP TRIGGER training_safety ON training; DROP FUNCTION training_safety()")
    op.execute("DROP FUNCTION acting_person()")
    op.drop_column("training", "confirmed_by_id")
    _states("training", "'VALID', 'REVOKED'")
    _states("person", "'ACTIVE', 'DISABLED'")

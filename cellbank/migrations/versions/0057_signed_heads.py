"""An act is of its time, and times go on in a chain; how far its heads are signed outside, and what checks found.

`recorded_at` is the database's alone: the moment at which the act was closed, never before that of the act sealed
before it. `at`, the clock of the work, is that of the entry; what happened earlier has its own time in `happened_at`.

Twins: `domain/telling.py`, `services/trail/heads.py`, `services/trail/checks.py`.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0057"
down_revision = "0055"
branch_labels = None
depends_on = None

# Of a refused import the file was judged for minutes before the refusal is kept.
OF_ITS_TIME = """
CREATE FUNCTION act_is_of_its_time() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  clock timestamptz := clock_timestamp();
  earliest timestamptz := clock - CASE NEW.outcome WHEN 'refused' THEN interval '1 hour' ELSE interval '5 minutes' END;
BEGIN
  NEW.recorded_at := clock;
  IF NEW.at < earliest OR NEW.at > clock + interval '5 minutes' THEN
    PERFORM must(EXISTS (SELECT FROM played_time),
                 'an_act_is_of_its_time', 'the clock of the database tells another time than the act');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER act_is_of_its_time BEFORE INSERT ON act FOR EACH ROW EXECUTE FUNCTION act_is_of_its_time();
"""
SEALED = """
CREATE OR REPLACE FUNCTION trail_seal_act() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
  sealed act;
  content bytea;
  last_number bigint;
  last_digest bytea;
  last_at timestamptz;
BEGIN
  SELECT * INTO sealed FROM act WHERE id = NEW.id;
  IF sealed.outcome IS NULL THEN
    RAISE EXCEPTION 'act % (%) was left open', sealed.id, sealed.name
      USING ERRCODE = '23514', CONSTRAINT = 'an_act_is_closed_at_commit';
  END IF;
  content := trail_act_digest(sealed);
  -- One chain a site: the lock is taken last, when everything else of the act is already done.
  PERFORM pg_advisory_xact_lock(7041, sealed.site_id::int);
  SELECT s.number, s.digest, a.recorded_at INTO last_number, last_digest, last_at
    FROM seal s JOIN act a ON a.id = s.act_id WHERE s.site_id = sealed.site_id ORDER BY s.number DESC LIMIT 1;
  -- Closed before the other one was, and sealed after it.
  IF sealed.recorded_at < last_at THEN
    UPDATE act SET recorded_at = last_at WHERE id = sealed.id RETURNING * INTO sealed;
    content := trail_act_digest(sealed);
  END IF;
  INSERT INTO seal (act_id, site_id, number, digest)
  VALUES (sealed.id, sealed.site_id, coalesce(last_number, 0) + 1,
          sha256(coalesce(last_digest, decode(repeat('00', 32), 'hex')) || content));
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION trail_close_act() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.outcome IS NOT NULL AND NEW.recorded_at > OLD.recorded_at
     AND to_jsonb(NEW) - 'recorded_at' = to_jsonb(OLD) - 'recorded_at'
     AND NOT EXISTS (SELECT FROM seal WHERE act_id = OLD.id) THEN
    RETURN NEW;
  END IF;
  IF OLD.outcome IS NOT NULL
     OR (to_jsonb(NEW) - '{outcome,refusals,result,record_code,recorded_at}'::text[])
        IS DISTINCT FROM (to_jsonb(OLD) - '{outcome,refusals,result,record_code,recorded_at}'::text[]) THEN
    RAISE EXCEPTION 'act % is closed and never changes', OLD.id
      USING ERRCODE = '23514', CONSTRAINT = 'a_closed_act_never_changes';
  END IF;
  NEW.recorded_at := greatest(clock_timestamp(), OLD.recorded_at);
  RETURN NEW;
END $$;
"""
SEALED_BEFORE = """
CREATE OR REPLACE FUNCTION trail_seal_act() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
  sealed act;
  content bytea;
  last_number bigint;
  last_digest bytea;
BEGIN
  SELECT * INTO sealed FROM act WHERE id = NEW.id;
  IF sealed.outcome IS NULL THEN
    RAISE EXCEPTION 'act % (%) was left open', sealed.id, sealed.name
      USING ERRCODE = '23514', CONSTRAINT = 'an_act_is_closed_at_commit';
  END IF;
  content := trail_act_digest(sealed);
  -- One chain a site: the lock is taken last, when everything else of the act is already done.
  PERFORM pg_advisory_xact_lock(7041, sealed.site_id::int);
  SELECT number, digest INTO last_number, last_digest FROM seal
   WHERE site_id = sealed.site_id ORDER BY number DESC LIMIT 1;
  INSERT INTO seal (act_id, site_id, number, digest)
  VALUES (sealed.id, sealed.site_id, coalesce(last_number, 0) + 1,
          sha256(coalesce(last_digest, decode(repeat('00', 32), 'hex')) || content));
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION trail_close_act() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.outcome IS NOT NULL
     OR (to_jsonb(NEW) - '{outcome,refusals,result,record_code}'::text[])
        IS DISTINCT FROM (to_jsonb(OLD) - '{outcome,refusals,result,record_code}'::text[]) THEN
    RAISE EXCEPTION 'act % is closed and never changes', OLD.id
      USING ERRCODE = '23514', CONSTRAINT = 'a_closed_act_never_changes';
  END IF;
  RETURN NEW;
END $$;
"""
SIGNED = """
CREATE FUNCTION head_file_goes_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(TG_OP = 'UPDATE' AND NEW.number >= OLD.number AND OLD.ended_because IS NULL AND NEW.place = OLD.place,
               'a_file_of_heads_only_goes_on', 'a file of signed heads only grows');
  RETURN NEW;
END $$;
CREATE TRIGGER head_file_goes_on BEFORE UPDATE OR DELETE ON head_file
  FOR EACH ROW EXECUTE FUNCTION head_file_goes_on();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON trail_check FOR EACH ROW EXECUTE FUNCTION trail_refuse();
CREATE TRIGGER insert_only_whole BEFORE TRUNCATE ON trail_check EXECUTE FUNCTION trail_refuse();
GRANT SELECT ON played_time TO cellbank_app;
GRANT SELECT, INSERT, UPDATE ON head_file TO cellbank_app;
GRANT SELECT, INSERT ON trail_check TO cellbank_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cellbank_app;
"""


def upgrade() -> None:
    """Forward."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "played_time",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_played_time")),
    )
    op.create_table(
        "head_file",
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("signed_at", moment, nullable=False),
        sa.Column("ended_because", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("file", name=op.f("pk_head_file")),
    )
    op.create_table(
        "trail_check",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("began_at", moment, nullable=False),
        sa.Column("ended_at", moment, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("acts", sa.BigInteger(), nullable=False),
        sa.Column("found", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trail_check")),
    )
    op.execute(sa.text((OF_ITS_TIME + SEALED + SIGNED).replace(":", r"\:")))


def downgrade() -> None:
    """Back."""
    op.execute("DROP TRIGGER act_is_of_its_time ON act; DROP FUNCTION act_is_of_its_time()")
    op.execute(sa.text(SEALED_BEFORE.replace(":", r"\:")))
    for table in ("trail_check", "head_file", "played_time"):
        op.drop_table(table)
    op.execute("DROP FUNCTION head_file_goes_on()")

"""The trail holds of a secret column a digest, made with a key that never comes here: it tells of a change, and nothing
of the value. Who changes such a column tells the digest with it; what was kept before has none.

Twin: `records/hidden.py`.
"""

from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

HEAD = """
-- The arguments of the trigger name columns whose values the trail must not hold (secrets).
CREATE OR REPLACE FUNCTION trail_record_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  open_act bigint := trail_open_act();
  old_row jsonb;
  new_row jsonb := to_jsonb(NEW);
  secret text;
BEGIN
"""
TAIL = """
  INSERT INTO change (act_id, record_kind, record_id, before, after)
  VALUES (open_act, TG_TABLE_NAME, NEW.id, old_row, new_row);
  RETURN NULL;
END $$;
"""
DIGESTS = """
-- The application tells in `cellbank.digests` which digest belongs to which value. The database cannot make one.
CREATE FUNCTION trail_hidden(kind text, name text, value jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
  told text := nullif(current_setting('cellbank.digests', true), '')::jsonb ->> format('%s.%s %s', kind, name, value #>> '{}');
BEGIN
  IF value = 'null' THEN
    RETURN value;
  END IF;
  IF told IS NULL THEN
    RAISE EXCEPTION '% of % is hidden and changes without its digest', name, kind
      USING ERRCODE = '23514', CONSTRAINT = 'a_hidden_value_tells_its_digest', TABLE = kind;
  END IF;
  RETURN to_jsonb('(hidden) ' || told);
END $$;
"""
CHANGES = (
    HEAD
    + """
  IF TG_OP = 'UPDATE' THEN
    SELECT jsonb_object_agg(o.key, o.value), jsonb_object_agg(o.key, n.value) INTO old_row, new_row
      FROM jsonb_each(to_jsonb(OLD)) o JOIN jsonb_each(to_jsonb(NEW)) n ON n.key = o.key
     WHERE o.value IS DISTINCT FROM n.value;
    IF new_row IS NULL THEN
      RETURN NULL;
    END IF;
  END IF;
  FOREACH secret IN ARRAY coalesce(TG_ARGV, '{}') LOOP
    IF new_row ? secret THEN
      new_row := jsonb_set(new_row, ARRAY[secret], trail_hidden(TG_TABLE_NAME, secret, new_row -> secret));
      old_row := jsonb_set(old_row, ARRAY[secret], '"(hidden)"');
    END IF;
  END LOOP;
"""
    + TAIL
)
CHANGES_BEFORE = (
    HEAD
    + """
  FOREACH secret IN ARRAY coalesce(TG_ARGV, '{}') LOOP
    new_row := jsonb_set(new_row, ARRAY[secret], '"(hidden)"');
  END LOOP;
  IF TG_OP = 'UPDATE' THEN
    SELECT jsonb_object_agg(o.key, o.value), jsonb_object_agg(o.key, n.value) INTO old_row, new_row
      FROM jsonb_each(to_jsonb(OLD)) o JOIN jsonb_each(to_jsonb(NEW)) n ON n.key = o.key
     WHERE o.value IS DISTINCT FROM n.value;
    IF new_row IS NULL THEN
      RETURN NULL;
    END IF;
    FOREACH secret IN ARRAY coalesce(TG_ARGV, '{}') LOOP
      IF new_row ? secret THEN
        old_row := jsonb_set(old_row, ARRAY[secret], '"(hidden)"');
        new_row := jsonb_set(new_row, ARRAY[secret], '"(hidden)"');
      END IF;
    END LOOP;
  END IF;
"""
    + TAIL
)


def upgrade() -> None:
    """Forward."""
    op.execute(DIGESTS + CHANGES)


def downgrade() -> None:
    """Back."""
    op.execute(CHANGES_BEFORE)
    op.execute("DROP FUNCTION trail_hidden(text, text, jsonb)")

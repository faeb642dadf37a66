"""The trail: written by the database, insert only, sealed at commit.

Canonical form of an act, as `trail_act_digest` computes it and the stand-alone verifier recomputes it: the fields of
the act, then those of each of its changes in order, every field as a netstring (`length:bytes,`; `~,` for NULL; times
in UTC with microseconds; JSON as PostgreSQL prints jsonb), then sha256. The seal of act n of a site is
sha256(seal n-1 || act digest), the seal before the first being 32 zero bytes.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

RECORDS = ["api_token", "consent", "culture", "definition", "donation", "donor", "dose", "hold", "lot", "lot_source", "person", "placement", "printing", "reagent_lot", "reagent_use", "signature", "site", "storage_unit", "subject", "test_result", "vial", "weight"]
INSERT_ONLY = ("change", "seal", "signature", "printing")
HIDDEN = {
    "person": ("password_hash",),
    "api_token": ("digest",),
}  # the trail says that they changed, not what they are

FUNCTIONS = """
CREATE FUNCTION trail_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: it is never changed or removed', TG_OP, TG_TABLE_NAME
    USING ERRCODE = '23514', CONSTRAINT = 'trail_is_insert_only', TABLE = TG_TABLE_NAME;
END $$;

CREATE FUNCTION trail_open_act() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
  the_act bigint := nullif(current_setting('cellbank.act', true), '')::bigint;
BEGIN
  IF the_act IS NULL OR NOT EXISTS (SELECT FROM act WHERE id = the_act AND outcome IS NULL) THEN
    RAISE EXCEPTION 'a change without an open act: nobody would know who, when and why'
      USING ERRCODE = '23514', CONSTRAINT = 'a_change_needs_an_open_act';
  END IF;
  RETURN the_act;
END $$;

-- The arguments of the trigger name columns whose values the trail must not hold (secrets).
-- The time zone is fixed: a moment has one text in the trail, whoever's session writes it.
CREATE FUNCTION trail_record_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  open_act bigint := trail_open_act();
  old_row jsonb;
  new_row jsonb := to_jsonb(NEW);
  secret text;
BEGIN
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
  INSERT INTO change (act_id, record_kind, record_id, before, after)
  VALUES (open_act, TG_TABLE_NAME, NEW.id, old_row, new_row);
  RETURN NULL;
END $$;

CREATE FUNCTION netstring(field text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(octet_length(field)::text || ':' || field || ',', '~,')
$$;

CREATE FUNCTION utc_text(moment timestamptz) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

CREATE FUNCTION trail_act_digest(a act) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT sha256(convert_to(
    netstring(a.id::text) || netstring(a.site_id::text) || netstring(a.person_id::text) || netstring(a.name)
    || netstring(a.given::text) || netstring(a.record_code) || netstring(a.key) || netstring(a.given_digest)
    || netstring(a.door) || netstring(a.client) || netstring(a.version) || netstring(utc_text(a.at))
    || netstring(utc_text(a.recorded_at)) || netstring(a.outcome) || netstring(a.refusals::text)
    || netstring(a.result::text)
    || coalesce((SELECT string_agg(netstring(c.id::text) || netstring(c.record_kind) || netstring(c.record_id::text)
                                   || netstring(c.before::text) || netstring(c.after::text), '' ORDER BY c.id)
                   FROM change c WHERE c.act_id = a.id), ''), 'UTF8'))
$$;

CREATE FUNCTION trail_seal_act() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
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

CREATE FUNCTION trail_close_act() RETURNS trigger LANGUAGE plpgsql AS $$
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

# The first site and the system's own account are older than the triggers: the first act of the trail tells of them, so
# that every row of every record has its beginning in the trail. It is sealed at once, before other tables are altered.
FIRST_ACT = """
INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at)
  SELECT 1, 1, 'configure_site', jsonb_build_object('name', name), '', 'migration', '0002', now() FROM site;
INSERT INTO change (act_id, record_kind, record_id, after)
  SELECT a.id, 'site', s.id, to_jsonb(s) FROM act a, site s
  UNION ALL SELECT a.id, 'person', p.id, jsonb_set(to_jsonb(p), '{password_hash}', '"(hidden)"') FROM act a, person p;
UPDATE act SET outcome = 'accepted';
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
"""


def upgrade() -> None:
    op.execute("SET LOCAL timezone = 'UTC'")
    op.execute(
        "INSERT INTO site (code, name, fin, fin_registered, timezone) "
        "VALUES ('MAIN', 'Unnamed site', 'A9999', false, 'Europe/Kyiv')"
    )
    op.execute(
        "INSERT INTO person (site_id, code, name, full_name, roles, state) "
        "VALUES (1, 'SYSTEM', 'system', 'This installation', '{system}', 'ACTIVE')"
    )
    op.execute(FUNCTIONS)
    for table in RECORDS:
        secrets = ", ".join(f"'{column}'" for column in HIDDEN.get(table, ()))
        op.execute(
            f"CREATE TRIGGER trail_change AFTER INSERT OR UPDATE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION trail_record_change({secrets})"
        )
        op.execute(
            f"CREATE TRIGGER never_deleted BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION trail_refuse()"
        )
        op.execute(f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} EXECUTE FUNCTION trail_refuse()")
    for table in INSERT_ONLY:
        op.execute(
            f"CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION trail_refuse()"
        )
    for table in ("act", "change", "seal"):
        op.execute(f"CREATE TRIGGER insert_only_whole BEFORE TRUNCATE ON {table} EXECUTE FUNCTION trail_refuse()")
    op.execute("CREATE TRIGGER never_deleted BEFORE DELETE ON act FOR EACH ROW EXECUTE FUNCTION trail_refuse()")
    op.execute("CREATE TRIGGER close_act BEFORE UPDATE ON act FOR EACH ROW EXECUTE FUNCTION trail_close_act()")
    op.execute(
        "CREATE CONSTRAINT TRIGGER seal_act AFTER INSERT ON act DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION trail_seal_act()"
    )
    op.execute(FIRST_ACT)


def downgrade() -> None:
    for table in (*RECORDS, "act", "change", "seal"):
        for trigger in ("trail_change", "never_deleted", "never_emptied", "insert_only", "insert_only_whole"):
            op.execute(f"DROP TRIGGER IF EXISTS {trigger} ON {table}")
    op.execute("DROP TRIGGER close_act ON act")
    op.execute("DROP TRIGGER seal_act ON act")
    op.execute(
        "DROP FUNCTION trail_seal_act(), trail_close_act(), trail_act_digest(act), trail_record_change(), trail_open_act(), "
        "trail_refuse(), netstring(text), utc_text(timestamptz)"
    )
    op.execute("DELETE FROM seal; DELETE FROM change; DELETE FROM act; DELETE FROM person; DELETE FROM site")

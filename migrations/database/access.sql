-- What the application's role may do: read everything, add to it, change what is not written once; delete nothing, and
-- write into the trail what it did and no more. It owns nothing here, and makes nothing: no schema, and no table, type or
-- function of a session's own either, which would be looked at before ours (the last block is the second fence). Whoever
-- makes a database lets everybody do that, and a copy of a database, or one that was restored, lets them again.
DO $$
BEGIN
  EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC, cellbank_app', current_database());
END $$;

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM cellbank_app;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM cellbank_app;
REVOKE ALL ON SCHEMA public FROM cellbank_app;
GRANT USAGE ON SCHEMA public TO cellbank_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cellbank_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO cellbank_app;
REVOKE INSERT ON alembic_version, played_time, change, seal FROM cellbank_app;

DO $$
DECLARE
  changes text;
  shows text;
BEGIN
  FOR shows IN SELECT viewname FROM pg_views WHERE schemaname = 'public' LOOP
    EXECUTE format('REVOKE INSERT ON %I FROM cellbank_app', shows);  -- a view would let through to its table
  END LOOP;
  FOR changes IN
    SELECT tablename FROM pg_tables t
     WHERE schemaname = 'public'
       AND tablename NOT IN ('alembic_version', 'played_time', 'act', 'change', 'seal', 'known_desk', 'wrong_entry')
       AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'insert_only' AND tgrelid = t.tablename::regclass)
  LOOP
    EXECUTE format('GRANT UPDATE ON %I TO cellbank_app', changes);
  END LOOP;
END $$;
GRANT UPDATE (outcome, refusals, result, record_code) ON act TO cellbank_app;  -- what came of it, once
GRANT DELETE ON web_session TO cellbank_app;  -- of those that are over: session_is_over
GRANT UPDATE (proved_at, address), DELETE ON known_desk TO cellbank_app;
GRANT DELETE ON wrong_entry TO cellbank_app;  -- what is too old to count

-- What a rule names is ours, whatever path a session looks along. PL/pgSQL keeps the types of its variables as whoever
-- came first in the session saw them, so that each of its functions says where they are; so does what a trigger asks WHEN
-- it asks. A function in SQL is read along the path of whoever asks it: of the rule, if that is one. A backslash in a text
-- is one, whatever the session says of strings.
DO $$
DECLARE
  ours text;
BEGIN
  FOR ours IN
    SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
     WHERE p.pronamespace = 'public'::regnamespace
       AND (l.lanname = 'plpgsql' OR EXISTS (
              SELECT FROM pg_depend WHERE classid = 'pg_trigger'::regclass
                 AND (refclassid, refobjid) = ('pg_proc'::regclass, p.oid)))
  LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path TO pg_catalog, public, pg_temp', ours);
  END LOOP;
  FOR ours IN
    SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND strpos(prosrc, chr(92)) > 0
  LOOP
    EXECUTE format('ALTER FUNCTION %s SET standard_conforming_strings TO on', ours);
  END LOOP;
  -- What runs as the owner is for the triggers of our tables, and for no trigger of anybody's own.
  FOR ours IN
    SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef
  LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', ours);
  END LOOP;
END $$;

-- What the application's role may do: read everything, add to it, change what is not written once; delete nothing, and
-- write into the trail what it did and no more. It owns nothing here, and makes nothing.
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

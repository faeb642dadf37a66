-- The trail: written by the database, insert only, sealed at commit.
--
-- The canonical form of an act, as `trail_act_digest` computes it and the stand-alone verifier recomputes it: the fields of
-- the act, then those of each of its changes in order, every field as a netstring (`length:bytes,`; `~,` for NULL; times in
-- UTC with microseconds; JSON as PostgreSQL prints jsonb), then sha256. The seal of act n of a site is
-- sha256(seal n-1 || act digest), the seal before the first being 32 zero bytes.

-- What is never done to a table, whoever asks.
CREATE FUNCTION trail_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: it is never changed or removed', TG_OP, TG_TABLE_NAME
    USING ERRCODE = '23514', CONSTRAINT = 'trail_is_insert_only', TABLE = TG_TABLE_NAME;
END $$;

-- The act that is open. Nothing is changed without one: nobody would know who, when and why.
CREATE FUNCTION trail_open_act() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
  the_act bigint := (SELECT id FROM act WHERE opened_in = this_transaction() AND outcome IS NULL);
BEGIN
  IF the_act IS NULL THEN
    RAISE EXCEPTION 'a change without an open act: nobody would know who, when and why'
      USING ERRCODE = '23514', CONSTRAINT = 'a_change_needs_an_open_act';
  END IF;
  RETURN the_act;
END $$;

-- An act is of its time: what happened earlier has a time of its own in `happened_at`. `recorded_at` is the database's alone,
-- and goes on in a chain. Twin: `domain/telling.py`; `played_time` is for the story and the tests, and only the owner writes it.
-- It is the one act of its transaction: what is asked at the commit is asked of the act that wrote (`acting`). And it is of
-- what is there now: a transaction with another isolation would be judged by what it saw at its beginning, hours ago maybe.
CREATE FUNCTION act_is_of_its_time() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  clock timestamptz := clock_timestamp();
  earliest timestamptz := clock - CASE NEW.outcome WHEN 'refused' THEN interval '1 hour' ELSE interval '5 minutes' END;
BEGIN
  PERFORM pg_current_xact_id();
  NEW.opened_in := this_transaction();
  NEW.recorded_at := clock;
  PERFORM must(current_setting('transaction_isolation') = 'read committed',
               'an_act_is_judged_by_what_is_there', 'the transaction sees what was there before, and not what came since');
  PERFORM must(NEW.happened_at IS NULL OR tells(NEW.name),
               'only_what_tells_happened_earlier', 'the act asks for something: that is now, and no earlier');
  IF NEW.at < earliest OR NEW.at > clock + interval '5 minutes' THEN
    PERFORM must(EXISTS (SELECT FROM played_time),
                 'an_act_is_of_its_time', 'the clock of the database tells another time than the act');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER act_is_of_its_time BEFORE INSERT ON act FOR EACH ROW EXECUTE FUNCTION act_is_of_its_time();

-- What changed in a row, without what is hidden. It runs as the owner: the application's role cannot write the trail.
CREATE FUNCTION trail_record_change() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET timezone TO 'UTC' AS $$
DECLARE
  open_act bigint := trail_open_act();
  was jsonb := CASE TG_OP WHEN 'UPDATE' THEN to_jsonb(OLD) END;
  becomes jsonb := to_jsonb(NEW);
  old_row jsonb;
  new_row jsonb := becomes;
  secret text;
  whose text := new_row ->> CASE TG_TABLE_NAME WHEN 'person' THEN 'name' WHEN 'api_token' THEN 'code' ELSE 'person_id' END;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    SELECT jsonb_object_agg(o.key, o.value), jsonb_object_agg(o.key, n.value) INTO old_row, new_row
      FROM jsonb_each(was) o JOIN jsonb_each(becomes) n ON n.key = o.key
     WHERE o.value IS DISTINCT FROM n.value;
    IF new_row IS NULL THEN
      RETURN NULL;
    END IF;
  END IF;
  PERFORM act_writes(act_in_progress(), TG_TABLE_NAME, was ->> 'state', becomes ->> 'state', NEW.id, old_row);
  FOREACH secret IN ARRAY coalesce(TG_ARGV, '{}') LOOP
    IF new_row ? secret THEN
      new_row := jsonb_set(new_row, ARRAY[secret], trail_hidden(TG_TABLE_NAME, secret, whose, new_row -> secret));
      old_row := jsonb_set(old_row, ARRAY[secret], '"(hidden)"');
    END IF;
  END LOOP;

  INSERT INTO change (act_id, record_kind, record_id, before, after)
  VALUES (open_act, TG_TABLE_NAME, NEW.id, old_row, new_row);
  RETURN NULL;
END $$;

-- What the trail keeps of a column that it hides: a digest with a key outside the database, which tells of a change and
-- nothing else. Twins: `records/hidden.py`, `services/trail/hidden_values.py`.
CREATE FUNCTION trail_hidden(kind text, name text, whose text, value jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
  told text := nullif(current_setting('cellbank.digests', true), '')::jsonb
               ->> format('%s.%s of %s %s', kind, name, whose, value #>> '{}');
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

CREATE FUNCTION netstring(field text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(octet_length(field)::text || ':' || field || ',', '~,')
$$;

CREATE FUNCTION utc_text(moment timestamptz) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- The digest of an act with its changes. Twins: `services/trail/trail_chain.py`, `offline/verify_trail.py`.
CREATE FUNCTION trail_act_digest(a act) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT sha256(convert_to(
    netstring(a.id::text) || netstring(a.site_id::text) || netstring(a.person_id::text) || netstring(a.name)
    || netstring(a.given::text) || netstring(a.record_code) || netstring(a.key) || netstring(a.given_digest)
    || netstring(a.door) || netstring(a.client) || netstring(a.version) || netstring(utc_text(a.at))
    || netstring(utc_text(a.recorded_at)) || netstring(a.outcome) || netstring(a.refusals::text)
    || netstring(a.result::text)
    || CASE WHEN a.happened_at IS NULL THEN ''
            ELSE netstring(utc_text(a.happened_at)) || netstring(a.late_reason) END
    || coalesce((SELECT string_agg(netstring(c.id::text) || netstring(c.record_kind) || netstring(c.record_id::text)
                                   || netstring(c.before::text) || netstring(c.after::text), '' ORDER BY c.id)
                   FROM change c WHERE c.act_id = a.id), ''), 'UTF8'))
$$;

-- A closed act never changes. What changed something was done: it is closed as that, and asked what is asked of what is done.
CREATE FUNCTION trail_close_act() RETURNS trigger LANGUAGE plpgsql AS $$
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
  IF NEW.outcome IS DISTINCT FROM 'accepted' AND EXISTS (SELECT FROM public.change WHERE act_id = NEW.id) THEN
    RAISE EXCEPTION 'act % is refused and has changed something', NEW.id
      USING ERRCODE = '23514', CONSTRAINT = 'a_refused_act_changes_nothing';
  END IF;
  NEW.recorded_at := greatest(clock_timestamp(), OLD.recorded_at);
  RETURN NEW;
END $$;
CREATE TRIGGER close_act BEFORE UPDATE ON act FOR EACH ROW EXECUTE FUNCTION trail_close_act();

-- At commit each act is closed, and is the next of its site's chain.
CREATE FUNCTION trail_seal_act() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
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
CREATE CONSTRAINT TRIGGER seal_act AFTER INSERT ON act DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION trail_seal_act();

-- A review of the trail leaves no gap, and nobody reviews the same acts twice. Twin: `domain/rules/trail_review.py`.
CREATE FUNCTION trail_review_stretch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  reached bigint := (SELECT coalesce(max(r.last_act), 0) FROM trail_review r
                      WHERE r.record_code IS NOT DISTINCT FROM NEW.record_code AND r.site_id = NEW.site_id);
BEGIN
  PERFORM must(NEW.record_code IS NOT NULL
               OR NOT EXISTS (SELECT FROM act WHERE id > reached AND id < NEW.first_act AND site_id = NEW.site_id),
               'a_review_of_the_trail_leaves_no_gap', 'acts before it would stay unreviewed');
  PERFORM must(NOT EXISTS (SELECT FROM trail_review r WHERE r.reviewed_by_id = NEW.reviewed_by_id
                              AND r.record_code IS NOT DISTINCT FROM NEW.record_code AND r.site_id = NEW.site_id
                              AND r.first_act <= NEW.last_act AND r.last_act >= NEW.first_act),
               'nobody_reviews_the_same_acts_twice', 'this person has reviewed a part of it');
  RETURN NEW;
END $$;
CREATE TRIGGER review_stretch BEFORE INSERT ON trail_review FOR EACH ROW EXECUTE FUNCTION trail_review_stretch();

-- What a check of the trail found is of now: none is noted ahead, to be believed later. Twin: `services/trail/checks.py`.
CREATE FUNCTION trail_check_is_of_now() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.ended_at := clock_timestamp();
  PERFORM must(NEW.began_at BETWEEN NEW.ended_at - interval '1 day' AND NEW.ended_at,
               'a_check_is_of_now', 'a check of the trail ends when it is noted');
  RETURN NEW;
END $$;
CREATE TRIGGER trail_check_is_of_now BEFORE INSERT ON trail_check FOR EACH ROW EXECUTE FUNCTION trail_check_is_of_now();

-- Who did something is who acts: the arguments name columns of the row. A form tells who made the steps of a dose: its own
-- two people sign for it.
CREATE FUNCTION who_did_it_acts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  after jsonb := to_jsonb(NEW);
  before jsonb := CASE TG_OP WHEN 'UPDATE' THEN to_jsonb(OLD) END;
  who text;
BEGIN
  FOREACH who IN ARRAY TG_ARGV LOOP
    IF after -> who <> 'null' AND after -> who IS DISTINCT FROM before -> who THEN
      PERFORM must((after ->> who)::bigint = acting_person()
                   OR (TG_TABLE_NAME = 'dose' AND act_in_progress() = 'confirm_dose_from_paper'),
                   'who_did_it_is_who_acts', who || ' is somebody else than the person who acts');
    END IF;
  END LOOP;
  RETURN NEW;
END $$;

-- Readings come in thousands and are not in the trail one by one: their import is, with its digest.
CREATE FUNCTION reading_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM trail_open_act();
  RETURN NULL;
END $$;
CREATE TRIGGER reading_safety BEFORE INSERT ON freezer_reading FOR EACH STATEMENT EXECUTE FUNCTION reading_safety();
CREATE TRIGGER reading_safety BEFORE INSERT ON reading FOR EACH STATEMENT EXECUTE FUNCTION reading_safety();

-- Every table of records is kept: each change in the trail, no row deleted, no table emptied. One that is new is kept at
-- once; what is not kept stands here by name.
DO $$
DECLARE
  the_trail text[] := '{act,change,seal}';
  only_helps_to_work text[] := '{alembic_version,number_series,web_session,known_desk,wrong_entry,api_token_use,
    head_file,trail_check,outbox,outbox_attempt}';
  not_row_by_row text[] := '{reading,freezer_reading,handed_code}';
  written_once text[] := '{batch_review,correction,count_sheet,deviation_link,document_issue,freezer_reading,irregularity,
    played_time,printing,reaction,reading,signature,trail_review,treatment_decision,unit_stay,warming_event}';
  hidden jsonb := '{"person": ["password_hash", "totp_secret", "totp_next"], "account_change": ["password_hash"],
    "api_token": ["digest"]}';
  kept text;
BEGIN
  FOR kept IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL (the_trail || only_helps_to_work)
  LOOP
    EXECUTE format('CREATE TRIGGER never_emptied BEFORE TRUNCATE ON %I EXECUTE FUNCTION trail_refuse()', kept);
    IF kept = ANY (written_once) THEN
      EXECUTE format('CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION trail_refuse()', kept);
    ELSE
      EXECUTE format('CREATE TRIGGER never_deleted BEFORE DELETE ON %I FOR EACH ROW EXECUTE FUNCTION trail_refuse()', kept);
    END IF;
    IF kept <> ALL (not_row_by_row) THEN
      EXECUTE format('CREATE TRIGGER trail_change AFTER INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION trail_record_change(%s)',
                     kept, (SELECT string_agg(quote_literal(c), ', ') FROM jsonb_array_elements_text(hidden -> kept) c));
    END IF;
  END LOOP;
END $$;

-- And the trail itself, with what its checks found: what stands there stays.
CREATE TRIGGER never_deleted BEFORE DELETE ON act FOR EACH ROW EXECUTE FUNCTION trail_refuse();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON change FOR EACH ROW EXECUTE FUNCTION trail_refuse();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON seal FOR EACH ROW EXECUTE FUNCTION trail_refuse();
CREATE TRIGGER insert_only_whole BEFORE TRUNCATE ON act EXECUTE FUNCTION trail_refuse();
CREATE TRIGGER insert_only_whole BEFORE TRUNCATE ON change EXECUTE FUNCTION trail_refuse();
CREATE TRIGGER insert_only_whole BEFORE TRUNCATE ON seal EXECUTE FUNCTION trail_refuse();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON trail_check FOR EACH ROW EXECUTE FUNCTION trail_refuse();
CREATE TRIGGER insert_only_whole BEFORE TRUNCATE ON trail_check EXECUTE FUNCTION trail_refuse();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON head_file FOR EACH ROW EXECUTE FUNCTION trail_refuse();
CREATE TRIGGER insert_only_whole BEFORE TRUNCATE ON head_file EXECUTE FUNCTION trail_refuse();

-- Every column `…_by_id` of a record that names a person.
DO $$
DECLARE
  of_people record;
BEGIN
  FOR of_people IN
    SELECT c.conrelid::regclass AS kept, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname) AS columns
      FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
     WHERE c.contype = 'f' AND c.confrelid = 'person'::regclass AND a.attname LIKE '%\_by\_id'
       AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.conrelid AND t.tgname = 'trail_change')
     GROUP BY c.conrelid
  LOOP
    EXECUTE format('CREATE TRIGGER who_did_it_acts BEFORE INSERT OR UPDATE OF %1$s ON %2$s FOR EACH ROW '
                   'EXECUTE FUNCTION who_did_it_acts(%1$s)', of_people.columns, of_people.kept);
  END LOOP;
END $$;

-- Messages and what was tried with them are no records, and stay all the same.
CREATE TRIGGER never_deleted BEFORE DELETE ON outbox FOR EACH ROW EXECUTE FUNCTION trail_refuse();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON outbox_attempt FOR EACH ROW EXECUTE FUNCTION trail_refuse();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON outbox EXECUTE FUNCTION trail_refuse();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON outbox_attempt EXECUTE FUNCTION trail_refuse();

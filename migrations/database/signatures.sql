-- Signatures: who may sign, what a signature means and what it covers. Twins: `domain/rules/signing.py`,
-- `domain/lifecycle` (what an act signs), `SIGNED` and `SIGNED_BY` of the records, `records/signed_content.py`.

-- Who signs is no administrator, has accepted the agreement, is trained, and has not done the work that they sign for.
CREATE FUNCTION signature_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  decides boolean := (SELECT roles = '{administrator}'::text[] AND NEW.record_kind IN ('account_change', 'training')
                        FROM person WHERE id = NEW.person_id);
BEGIN
  PERFORM must(decides OR NOT (SELECT roles && '{administrator,auditor,system}'::text[] AND cardinality(roles) = 1
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
CREATE TRIGGER signature_safety BEFORE INSERT ON signature FOR EACH ROW EXECUTE FUNCTION signature_safety();

-- A signature is of whoever acts, means what its act means, and covers its record as it stands.
CREATE FUNCTION signature_tells_what_was_signed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  doing record;
  covered text[];
BEGIN
  SELECT a.id, a.name, a.at, a.person_id, p.full_name INTO doing FROM act a JOIN person p ON p.id = a.person_id
   WHERE a.id = acting();
  PERFORM must((NEW.act_id, NEW.person_id, NEW.full_name, NEW.signed_at) =
               (doing.id, doing.person_id, doing.full_name, doing.at),
               'a_signature_is_of_who_acts', 'whoever acts signs, under their own name, and then');
  covered := string_to_array(signed_in(doing.name, NEW.record_kind) ->> NEW.meaning, ' ');
  PERFORM must(covered IS NOT NULL, 'a_signature_means_what_its_act_does', 'the act signs no such record, or means another thing');
  PERFORM must(NEW.digest = signed_digest(NEW.record_kind, NEW.record_id, covered),
               'a_signature_covers_its_record', 'the digest is not of the record as it stands');
  RETURN NEW;
END $$;
CREATE TRIGGER signature_tells_what_was_signed BEFORE INSERT ON signature FOR EACH ROW
  EXECUTE FUNCTION signature_tells_what_was_signed();

-- The digest of what a signature covers, to the byte as the application computes it.
CREATE FUNCTION signed_digest(kind text, the_id bigint, columns text[]) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  fields text;
  content text;
BEGIN
  SELECT string_agg(format('%L || coalesce(' || CASE format_type(a.atttypid, NULL)
             WHEN 'jsonb' THEN 'canonical_json(r.%I)'
             WHEN 'numeric' THEN '''"'' || r.%I || ''"'''
             WHEN 'timestamp with time zone' THEN '''"'' || canonical_time(r.%I) || ''"'''
             ELSE 'to_json(r.%I)::text' END || ', ''null'')', to_json(a.attname)::text || ':', a.attname),
           ' || '','' || ' ORDER BY a.attname COLLATE "C")
    INTO fields FROM pg_attribute a
   WHERE a.attrelid = kind::regclass AND a.attname = ANY (columns) AND NOT a.attisdropped;
  EXECUTE format('SELECT %s FROM %I r WHERE r.id = $1', coalesce(fields, ''''''), kind) INTO content USING the_id;
  RETURN encode(sha256(convert_to('["' || kind || '",' || the_id || ',{' || content || '}]', 'UTF8')), 'hex');
END $$;

-- JSON as the application writes it (`records/base.as_json`): keys sorted, numbers with a point and times as text, letters
-- as they are.
CREATE FUNCTION canonical_json(value jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  shown text := value::text;
BEGIN
  CASE jsonb_typeof(value)
    WHEN 'object' THEN
      SELECT '{' || coalesce(string_agg(to_json(name)::text || ':' || canonical_json(part), ',' ORDER BY name COLLATE "C"), '')
             || '}' INTO shown FROM jsonb_each(value) AS field (name, part);
    WHEN 'array' THEN
      SELECT '[' || coalesce(string_agg(canonical_json(part), ',' ORDER BY place), '') || ']' INTO shown
        FROM jsonb_array_elements(value) WITH ORDINALITY AS item (part, place);
    WHEN 'number' THEN
      IF position('.' IN shown) > 0 THEN
        shown := shown::float8::text;
        shown := shown || CASE WHEN shown ~ '[.e]' THEN '' ELSE '.0' END;
      END IF;
    ELSE NULL;
  END CASE;
  RETURN shown;
END $$;

CREATE FUNCTION canonical_time(moment timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
         || CASE WHEN date_trunc('second', moment AT TIME ZONE 'UTC') = moment AT TIME ZONE 'UTC' THEN ''
                 ELSE to_char(moment AT TIME ZONE 'UTC', '.US') END || '+00:00'
$$;

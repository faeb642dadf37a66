-- Versions of protocols and specifications, and the figures of them that rules of the database reckon with.
-- Twins: `domain/definition.py` (Identifier, PLAIN_VERSION), `domain/rules/definition.py`, `domain/figures.py`,
-- `domain/dose.py` (required_cells, volume_to_draw), `domain/rules/thaw.py` (usable_until), `domain/rules/freezing.py` (expires_on).

-- A version begins as its file, which is not in force; what is kept of it beside the file stands in the file.
CREATE FUNCTION version_is_its_file() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  says jsonb;
  agrees boolean := false;
BEGIN
  BEGIN
    says := read_toml(NEW.content);
    agrees := out_of_the_file(NEW.type, says) = jsonb_build_object(
      'planned_subjects', NEW.planned_subjects, 'handling', NEW.handling, 'programs_with_a_run', NEW.programs_with_a_run,
      'figures', plain_figures(NEW.figures));
  EXCEPTION WHEN data_exception OR raise_exception THEN
    NULL;  -- not read, or no figures at all
  END;
  PERFORM must(says IS NOT NULL, 'a_version_is_read_by_the_database', 'the database does not read this file');
  PERFORM must(NEW.identifier ~ '^[A-Z0-9][A-Z0-9-]{1,39}$' AND NEW.version ~ '^[A-Za-z0-9][A-Za-z0-9._+-]{0,23}$',
               'a_version_has_a_plain_code', 'identifier and version are an address: of plain letters, and short');
  IF TG_OP = 'INSERT' THEN
    PERFORM must(NEW.state = 'IMPORTED' AND NEW.digest = encode(sha256(convert_to(NEW.content, 'UTF8')), 'hex')
                 AND (NEW.identifier, NEW.version, NEW.title, NEW.code)
                     = (says ->> 'id', says ->> 'version', says ->> 'title', (says ->> 'id') || '@' || (says ->> 'version'))
                 AND (NEW.type = 'protocol') = (says ? 'arms'),
                 'a_version_is_its_file', 'a version begins as its file, which is not in force');
    NEW.says := says;
  ELSE
    PERFORM must(NEW.imported_by_id NOT IN (acting_person(), 1),  -- 1: the installation, which is nobody
                 'a_version_comes_into_force_by_another', 'a version comes into force by another person than imported it');
    PERFORM must(NOT EXISTS (
      SELECT FROM jsonb_array_elements(says -> 'arms') arm
       WHERE arm ? 'specification' AND NOT EXISTS (
         SELECT FROM definition f WHERE f.type = 'specification' AND f.identifier = arm ->> 'specification'
                                    AND f.state = 'EFFECTIVE')),
      'a_product_has_its_specification', 'the specification of a product of the protocol is not in force');
  END IF;
  PERFORM must(agrees, 'a_version_keeps_the_figures_of_its_file', 'its figures are not those of its file');
  RETURN NEW;
END $$;
CREATE TRIGGER what_is_imported_is_its_file BEFORE INSERT ON definition FOR EACH ROW EXECUTE FUNCTION version_is_its_file();
CREATE TRIGGER what_comes_into_force_is_its_file BEFORE UPDATE ON definition FOR EACH ROW
  WHEN (NEW.state = 'EFFECTIVE' AND OLD.state <> 'EFFECTIVE') EXECUTE FUNCTION version_is_its_file();

-- What is kept of a file beside it. Twins: `domain/figures.py`, `services/quality/definitions.py` (taken_out_of).
CREATE FUNCTION out_of_the_file(type text, says jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE type WHEN 'protocol' THEN jsonb_build_object(
      'planned_subjects', says -> 'planned_subjects', 'handling', NULL, 'programs_with_a_run', '[]'::jsonb,
      'figures', jsonb_build_object(
        'cells_per_kg', says #> '{dosing,cells_per_kg}', 'cells', says #> '{dosing,cells}',
        'cap_cells', nullif(says #> '{dosing,cap_cells}', '"none"'), 'second_person', says #> '{dosing,weight,second_person}',
        'max_hours', says #> '{thaw,max_hours}',
        'hours_in', (SELECT jsonb_object_agg(one ->> 'code', one -> 'hours_to_expiry')
                       FROM jsonb_array_elements(says #> '{thaw,diluents}') one)))
    ELSE jsonb_build_object(
      'planned_subjects', NULL, 'handling', says -> 'handling',
      'programs_with_a_run', (SELECT coalesce(jsonb_agg(one -> 'code' ORDER BY place), '[]')
                                FROM jsonb_array_elements(says #> '{freezing,programs}') WITH ORDINALITY AS p (one, place)
                               WHERE one ? 'band'),
      'figures', jsonb_build_object('months', (SELECT jsonb_object_agg(one ->> 'code', one -> 'months')
                                                 FROM jsonb_array_elements(says #> '{freezing,shelf_life}') one)))
    END
$$;

-- Figures with their hours as numbers, which are kept as text.
CREATE FUNCTION plain_figures(figures jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT figures || CASE WHEN figures ? 'max_hours' THEN jsonb_build_object(
    'max_hours', (figures ->> 'max_hours')::numeric,
    'hours_in', (SELECT jsonb_object_agg(code, hours::numeric) FROM jsonb_each_text(figures -> 'hours_in') AS one (code, hours)))
    ELSE '{}' END
$$;

-- What stands in the file of a version: it was read when the file came in (before 0007 it was not kept).
CREATE FUNCTION definition_says(the_definition bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT coalesce(says, read_toml(content)) FROM definition WHERE id = the_definition
$$;

-- A version in force is signed.
CREATE FUNCTION version_in_force_is_signed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM at_the_end();
  PERFORM must(EXISTS (SELECT FROM signature WHERE record_kind = 'definition' AND record_id = NEW.id AND meaning = 'approved'),
               'a_version_in_force_is_signed', 'nobody has signed that this version comes into force');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER what_comes_into_force_is_signed AFTER UPDATE OF state ON definition DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.state = 'EFFECTIVE' AND OLD.state <> 'EFFECTIVE') EXECUTE FUNCTION version_in_force_is_signed();

-- One is superseded by another one that comes into force with it.
CREATE FUNCTION version_has_its_successor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM at_the_end();
  PERFORM must(EXISTS (
    SELECT FROM definition d JOIN change c ON (c.record_kind, c.record_id) = ('definition', d.id)
     WHERE (d.type, d.identifier) = (NEW.type, NEW.identifier) AND d.state = 'EFFECTIVE'
       AND c.act_id = acting() AND c.after ->> 'state' = 'EFFECTIVE'),
    'a_superseded_version_has_its_successor', 'no other version comes into force in its place');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER version_has_its_successor AFTER UPDATE OF state ON definition DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.state = 'SUPERSEDED' AND OLD.state <> 'SUPERSEDED') EXECUTE FUNCTION version_has_its_successor();

-- The figures of the protocol of a subject.
CREATE FUNCTION figures_for(the_subject bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT p.figures FROM subject s JOIN definition p ON p.id = s.protocol_id WHERE s.id = the_subject
$$;

-- The cells that a subject of this weight needs; null: the weight is not known.
CREATE FUNCTION cells_required(figures jsonb, kg numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT least(coalesce((figures ->> 'cells')::numeric, ceil((figures ->> 'cells_per_kg')::numeric * kg)),
               (figures ->> 'cap_cells')::numeric)
   WHERE figures ->> 'cells' IS NOT NULL OR kg IS NOT NULL
$$;

-- Until when thawed cells may be used: by the diluent once it is known; in one that the protocol does not have as in the worst
-- of its own.
CREATE FUNCTION usable_until(figures jsonb, started_at timestamptz, diluent text) RETURNS timestamptz
  LANGUAGE sql IMMUTABLE AS $$
  SELECT started_at + floor(3600 * least((figures ->> 'max_hours')::numeric, CASE WHEN diluent IS NOT NULL THEN
           coalesce((figures -> 'hours_in' ->> diluent)::numeric,
                    (SELECT min(hours::numeric) FROM jsonb_each_text(figures -> 'hours_in') AS one (code, hours)))
         END))::float8 * interval '1 second'
$$;

-- Until which day a lot may be used.
CREATE FUNCTION kept_until(figures jsonb, purpose text, filled_on date) RETURNS date LANGUAGE sql IMMUTABLE AS $$
  SELECT (filled_on + coalesce((figures -> 'months' ->> purpose)::int, 0) * interval '1 month')::date
$$;

-- Living cells in so many mL, rounded down to the cell; `div` is exact where `/` rounds.
CREATE FUNCTION living_cells(total_cells_per_ml bigint, viability_percent numeric, ml numeric) RETURNS numeric
  LANGUAGE sql IMMUTABLE AS $$
  SELECT div(total_cells_per_ml * viability_percent * ml, 100)
$$;

-- What was noted stays.
CREATE TRIGGER what_was_noted_stays BEFORE UPDATE ON definition FOR EACH ROW
  WHEN ((OLD.type, OLD.code, OLD.identifier, OLD.version, OLD.title, OLD.content, OLD.digest, OLD.imported_by_id,
         OLD.handling, OLD.planned_subjects, OLD.programs_with_a_run, OLD.figures, OLD.says) IS DISTINCT FROM
        (NEW.type, NEW.code, NEW.identifier, NEW.version, NEW.title, NEW.content, NEW.digest, NEW.imported_by_id,
         NEW.handling, NEW.planned_subjects, NEW.programs_with_a_run, NEW.figures, NEW.says)
        OR (OLD.effective_at IS NOT NULL AND NEW.effective_at IS DISTINCT FROM OLD.effective_at)
        OR (NEW.state <> OLD.state
            AND (OLD.state, NEW.state) NOT IN (('IMPORTED', 'EFFECTIVE'), ('EFFECTIVE', 'SUPERSEDED'))))
  EXECUTE FUNCTION it_stays('a_version_is_never_changed', 'another text is another version');

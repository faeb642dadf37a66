-- Versions of protocols and specifications, and the figures of them that rules of the database reckon with.
-- Twins: `domain/rules/definition.py`, `domain/figures.py`, `domain/dose.py` (required_cells, volume_to_draw),
-- `domain/rules/thaw.py` (usable_until), `domain/rules/freezing.py` (expires_on).

-- A version begins as its file, which is not in force.
CREATE FUNCTION version_is_its_file() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.state = 'IMPORTED' AND NEW.digest = encode(sha256(convert_to(NEW.content, 'UTF8')), 'hex'),
               'a_version_is_its_file', 'a version begins as its file, which is not in force');
  RETURN NEW;
END $$;
CREATE TRIGGER what_is_imported_is_its_file BEFORE INSERT ON definition FOR EACH ROW EXECUTE FUNCTION version_is_its_file();

-- What stands in the file of a version.
CREATE FUNCTION definition_says(the_definition bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT read_toml(content) FROM definition WHERE id = the_definition
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
  WHEN ((OLD.type, OLD.code, OLD.identifier, OLD.version, OLD.title, OLD.content, OLD.digest, OLD.handling,
         OLD.planned_subjects, OLD.programs_with_a_run, OLD.figures) IS DISTINCT FROM
        (NEW.type, NEW.code, NEW.identifier, NEW.version, NEW.title, NEW.content, NEW.digest, NEW.handling,
         NEW.planned_subjects, NEW.programs_with_a_run, NEW.figures)
        OR (OLD.effective_at IS NOT NULL AND NEW.effective_at IS DISTINCT FROM OLD.effective_at)
        OR (NEW.state <> OLD.state
            AND (OLD.state, NEW.state) NOT IN (('IMPORTED', 'EFFECTIVE'), ('EFFECTIVE', 'SUPERSEDED'))))
  EXECUTE FUNCTION it_stays('a_version_is_never_changed', 'another text is another version');

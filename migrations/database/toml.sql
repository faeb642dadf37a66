-- A definition file as the database reads it, so that a rule asks what stands there and not what somebody wrote beside
-- it. Plain TOML: text, numbers, yes and no, lists, tables. What no definition has (dates, numbers in other bases, \U) is
-- not read. Twin: `domain/definition.py`.

CREATE FUNCTION read_toml(content text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  token text[];
  kind text;
  place int := 1;
  doc jsonb := '{}';
  here text[] := '{}';  -- the table that goes on
  key text[];
  found jsonb;
  is_item boolean;
BEGIN
  SELECT array_agg(t[1] ORDER BY n) FILTER (WHERE t[1] !~ '^([ \t]|#)'), string_agg(t[1], '' ORDER BY n) INTO token, kind
    FROM regexp_matches(content, '("""(?:[^"\\]|\\.|""?(?!"))*"{3,5}|''''''(?:[^'']|''''?(?!''))*''{3,5}|"(?:[^"\\\n]|\\.)*"|'
      '''[^''\n]*''|[ \t]+|#[^\n]*|\n|[][{}=,.]|[A-Za-z0-9_+-]+)', 'g') WITH ORDINALITY AS m (t, n);
  IF kind IS DISTINCT FROM content THEN
    RAISE EXCEPTION 'not every letter of it is read';
  END IF;
  WHILE place <= cardinality(token) LOOP
    IF token[place] = '[' THEN
      is_item := token[place + 1] = '[';
      SELECT k, next INTO key, place FROM toml_key(token, place + CASE WHEN is_item THEN 2 ELSE 1 END, ']') AS r (k, next);
      SELECT d, at INTO doc, here FROM toml_table(doc, key, is_item) AS r (d, at);
      place := place + CASE WHEN is_item THEN 2 ELSE 1 END;
    ELSIF token[place] <> E'\n' THEN
      SELECT k, next INTO key, place FROM toml_key(token, place, '=') AS r (k, next);
      SELECT value, next INTO found, place FROM toml_value(token, place + 1) AS r (value, next);
      FOR n IN 1 .. cardinality(key) - 1 LOOP
        doc := CASE WHEN doc #> (here || key[:n]) IS NULL THEN jsonb_set(doc, here || key[:n], '{}') ELSE doc END;
      END LOOP;
      IF doc #> (here || key) IS NOT NULL THEN
        RAISE EXCEPTION '% stands there twice', key;
      END IF;
      doc := jsonb_set(doc, here || key, found);
    END IF;
    IF coalesce(token[place], E'\n') <> E'\n' THEN
      RAISE EXCEPTION 'more than one thing in a line: %', token[place];
    END IF;
    place := place + 1;
  END LOOP;
  RETURN doc;
END $$;

-- A name of parts, up to what ends it.
CREATE FUNCTION toml_key(token text[], place int, ends text, OUT k text[], OUT next int) LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  k := '{}';
  next := place;
  LOOP
    k := k || CASE WHEN token[next] ~ '^[A-Za-z0-9_-]+$' THEN token[next] ELSE toml_text(token[next]) END;
    next := next + 1;
    EXIT WHEN token[next] = ends;
    IF token[next] IS DISTINCT FROM '.' THEN
      RAISE EXCEPTION 'no name: %', token[next];
    END IF;
    next := next + 1;
  END LOOP;
END $$;

-- A text without its marks.
CREATE FUNCTION toml_text(token text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  long boolean := token ~ '^("""|'''''')';
  inside text := regexp_replace(substr(token, CASE WHEN long THEN 4 ELSE 2 END,
                                       length(token) - CASE WHEN long THEN 6 ELSE 2 END), CASE WHEN long THEN '^\n' ELSE '^(?!)' END, '');
BEGIN
  IF token IS NULL OR token !~ '^["'']' THEN
    RAISE EXCEPTION 'no text: %', token;
  ELSIF left(token, 1) = '''' OR strpos(inside, '\') = 0 THEN
    RETURN inside;
  ELSIF long THEN
    inside := regexp_replace(inside, '\\[ \t]*\n\s*', '', 'g');
    inside := regexp_replace(replace(replace(inside, E'\n', '\n'), E'\t', '\t'), '(?<!\\)"', '\"', 'g');
  END IF;
  RETURN ('"' || replace(inside, E'\t', '\t') || '"')::jsonb #>> '{}';
END $$;

-- A value, up to the first token after it: its tokens are those of JSON, but for names in braces, the last comma of a list
-- and the look of numbers.
CREATE FUNCTION toml_value(token text[], place int, OUT value jsonb, OUT next int) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  said text := '';
  open text := '';  -- the brackets that are open
  one text;
BEGIN
  next := place;
  LOOP
    one := token[next];
    IF one IN ('[', '{') THEN
      open := open || one;
      said := said || one;
    ELSIF one IN (']', '}') THEN
      IF right(open, 1) || one NOT IN ('[]', '{}') THEN
        RAISE EXCEPTION 'no % is open', one;
      END IF;
      open := left(open, -1);
      said := CASE WHEN one = ']' THEN rtrim(said, ',') ELSE said END || one;
    ELSIF one = ',' AND open <> '' THEN
      said := said || one;
    ELSIF one = E'\n' AND right(open, 1) = '[' THEN
      NULL;
    ELSIF right(open, 1) = '{' AND right(said, 1) IN ('{', ',') THEN
      IF token[next + 1] IS DISTINCT FROM '=' THEN
        RAISE EXCEPTION 'no value of %', one;
      END IF;
      said := said || to_json(CASE WHEN one ~ '^[A-Za-z0-9_-]+$' THEN one ELSE toml_text(one) END)::text || ':';
      next := next + 1;
    ELSIF one ~ '^["'']' THEN
      said := said || to_json(toml_text(one))::text;
    ELSIF one IN ('true', 'false') THEN
      said := said || one;
    ELSE
      WHILE token[next + 1] = '.' LOOP
        one := one || '.' || token[next + 2];
        next := next + 2;
      END LOOP;
      IF one IS NULL OR one !~ '^[+-]?(0|[1-9](_?[0-9])*)(\.[0-9](_?[0-9])*)?([eE][+-]?[0-9](_?[0-9])*)?$' THEN
        RAISE EXCEPTION 'no value: %', one;
      END IF;
      said := said || translate(one, '+_', '');
    END IF;
    next := next + 1;
    EXIT WHEN open = '';
  END LOOP;
  value := said::jsonb;
END $$;

-- The document with the table of this name, and where it stands: the last of its list, where it is an item of one.
CREATE FUNCTION toml_table(doc jsonb, key text[], is_item boolean, OUT d jsonb, OUT at text[]) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  last int := cardinality(key);
BEGIN
  d := doc;
  at := '{}';
  FOR n IN 1 .. last LOOP
    at := at || key[n];
    IF n = last AND is_item THEN
      d := jsonb_set(d, at, coalesce(d #> at, '[]') || '[{}]');
    ELSIF d #> at IS NULL THEN
      d := jsonb_set(d, at, '{}');
    END IF;
    IF jsonb_typeof(d #> at) = 'array' THEN
      at := at || (jsonb_array_length(d #> at) - 1)::text;
    END IF;
    IF jsonb_typeof(d #> at) IS DISTINCT FROM 'object' THEN
      RAISE EXCEPTION '% is no table', key;
    END IF;
  END LOOP;
END $$;

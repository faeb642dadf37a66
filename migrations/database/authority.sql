-- What an act may do: by whom, to which records, from which state to which, signed. Twins: `domain/lifecycle` and
-- `domain/writing.py`, from which `acts.sql` is made; `records/work.py` (judge, sign).

-- What is done was done by somebody who may do it, and signed where it is to be.
CREATE FUNCTION act_is_of_its_doer() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  signs jsonb := signed_moves_of(NEW.name);
BEGIN
  PERFORM must((SELECT roles_of(NEW.name) ?| roles FROM person WHERE id = NEW.person_id AND state = 'ACTIVE'),
               'an_act_is_of_somebody_who_may', 'whoever acts has no role that does this');
  IF signs IS NOT NULL THEN
    PERFORM must(EXISTS (SELECT FROM signature WHERE act_id = NEW.id) AND NOT EXISTS (
                   SELECT FROM change c
                    WHERE c.act_id = NEW.id AND CASE WHEN signs ? c.record_kind THEN signs -> c.record_kind ? move_of(c) END
                      AND NOT EXISTS (SELECT FROM signature s WHERE s.act_id = c.act_id
                                         AND (s.record_kind, s.record_id) = (c.record_kind, c.record_id)
                                         AND s.meaning = signs -> c.record_kind ->> move_of(c))),
                 'a_signed_act_bears_its_signatures', 'what the act decides has no signature that says so');
    PERFORM must(NOT EXISTS (
                   SELECT FROM signature s WHERE s.act_id = NEW.id
                      AND s.digest IS DISTINCT FROM signed_digest(s.record_kind, s.record_id, string_to_array(
                            signed_in(NEW.name, s.record_kind) ->> s.meaning, ' '))),
                 'a_signature_covers_its_record', 'the record was written after it was signed');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER act_is_of_its_doer BEFORE INSERT OR UPDATE OF outcome ON act FOR EACH ROW
  WHEN (NEW.outcome = 'accepted') EXECUTE FUNCTION act_is_of_its_doer();

-- The move that a change makes; of one that leaves the state as it is, from that state to the same.
CREATE FUNCTION move_of(made change) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  stays text;
BEGIN
  IF made.after ? 'state' THEN
    RETURN the_move(made.before ->> 'state', made.after ->> 'state');
  END IF;
  stays := standing_value(made.record_kind, made.record_id, 'state');
  RETURN the_move(stays, stays);
END $$;

CREATE FUNCTION the_move(was text, becomes text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(was, '') || '>' || becomes
$$;

-- An act moves records as THE table says, and writes those that are its own. What has a value gets another one where that
-- is what the act is for, and in what it has made itself. The trail asks it of each row that it keeps; `differs`: what
-- stood there before.
CREATE FUNCTION act_writes(doing text, kind text, was text, becomes text, the_id bigint, differs jsonb)
  RETURNS void LANGUAGE plpgsql STABLE AS $$
DECLARE
  move text := the_move(was, becomes);
  own jsonb := moves_of(kind, doing);
  few jsonb := who_may(kind, doing) -> move;
  again text;
BEGIN
  PERFORM must(own ? move OR (own ? '=' AND was IS NOT DISTINCT FROM becomes),
               'an_act_writes_what_is_its_own',
               format('%s does not do this to a %s: %s to %s', doing, kind, coalesce(was, 'new'), becomes));
  PERFORM must(few IS NULL OR (SELECT few ?| roles FROM person WHERE id = acting_person()),
               'an_act_is_of_somebody_who_may', 'whoever acts has no role that does this');
  IF differs - 'state' <> '{}' THEN
    SELECT key INTO again FROM jsonb_each(differs)
     WHERE value NOT IN ('null', '[]', '{}', '""') AND key <> 'state' AND (rewriters_of(kind, key) ? doing) IS NOT TRUE LIMIT 1;
    PERFORM must(again IS NULL OR EXISTS (SELECT FROM change WHERE act_id = acting() AND record_kind = kind
                                             AND record_id = the_id AND before IS NULL),
                 'what_is_written_stays', format('%s writes %s of a %s anew', doing, again, kind));
  END IF;
END $$;

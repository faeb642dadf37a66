-- People, their accounts, and what gives somebody a power: it is asked for by one person and confirmed by another.
-- Twins: `domain/accounts.py`, `services/people/account_changes.py`, `services/people/training.py`.

-- Whether this is the owner of the database, who could do it in any way, or a story is played (demo, tests): then the
-- installation itself lets people in, at its command line. The application's role alone does not.
CREATE FUNCTION installation_is_at_hand() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = 'public.person'::regclass), 'USAGE')
      OR EXISTS (SELECT FROM played_time)
$$;

-- What the installation does by itself lets nobody in: it counts wrong passwords and codes, and locks. Twin:
-- `domain/accounts.py` (installation_refusals).
CREATE FUNCTION installation_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  counted text[] := CASE TG_TABLE_NAME WHEN 'person' THEN '{failure_count,first_failure_at,locked_until,locked_at,locked_from}'
                                       WHEN 'handed_code' THEN '{tries}' END;
  before jsonb := CASE TG_OP WHEN 'UPDATE' THEN to_jsonb(OLD) END;
BEGIN
  PERFORM must(act_in_progress() = 'note_wrong_password' AND to_jsonb(NEW) - counted = before - counted
               OR installation_is_at_hand(),
               'the_installation_lets_nobody_in', 'the installation itself lets people in only as the owner of the database');
  RETURN NEW;
END $$;
DO $$
DECLARE
  about text;
BEGIN
  FOREACH about IN ARRAY '{person,account_change,training,api_token,handed_code}'::text[] LOOP
    EXECUTE format('CREATE TRIGGER installation_safety BEFORE INSERT OR UPDATE ON %I FOR EACH ROW '
                   'WHEN (acting_person() = 1) EXECUTE FUNCTION installation_safety()', about);
  END LOOP;
END $$;

-- By what a sign-in name is compared: what looks alike is one. Twin: `domain/folding.py` (name_skeleton).
CREATE FUNCTION name_skeleton(name text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT replace(replace(translate(replace(name, '.', ''), '01i', 'oll'), 'rn', 'm'), 'vv', 'w')
$$;

CREATE FUNCTION sign_in_name_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.name ~ '^[a-z][a-z0-9.]{1,39}$' AND NEW.name_key = name_skeleton(NEW.name),
               'a_sign_in_name_reads_like_no_other', 'the name is not compared by what it looks like');
  RETURN NEW;
END $$;
CREATE TRIGGER sign_in_name_safety BEFORE INSERT OR UPDATE OF name, name_key ON person FOR EACH ROW
  EXECUTE FUNCTION sign_in_name_safety();

-- Whoever has a power (has_power, in acts.sql) is changed by two.
CREATE FUNCTION account_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  doer bigint := acting_person();
  two text[];
BEGIN
  PERFORM at_the_end();
  PERFORM must((NEW.id = 1) = ('system' = ANY (NEW.roles)) AND (NEW.id <> 1 OR NEW.password_hash IS NULL),
               'nobody_is_the_installation', 'the installation is nobody: it has no password, and its role is for no person');
  IF TG_OP = 'INSERT' THEN
    PERFORM must(NOT has_power(NEW.roles) OR NEW.state = 'PROPOSED' OR doer = 1, 'a_signer_is_changed_by_two',
                 'a second person confirms this account');
    RETURN NULL;
  END IF;
  two := ARRAY(SELECT what FROM (VALUES
    ('new account', NEW.state = 'ACTIVE' AND OLD.state <> 'ACTIVE'),
    ('other roles', has_power(ARRAY(SELECT unnest(NEW.roles) EXCEPT SELECT unnest(OLD.roles)))),
    ('other sites', has_power(NEW.roles) AND NOT coalesce(NEW.also_at, '{}') <@ coalesce(OLD.also_at, '{}')),
    ('new password', doer IS DISTINCT FROM NEW.id AND has_power(NEW.roles)
                     AND NEW.password_hash IS DISTINCT FROM OLD.password_hash),
    ('other address', doer IS DISTINCT FROM NEW.id AND has_power(NEW.roles) AND NEW.email IS DISTINCT FROM OLD.email),
    ('second factor taken back', doer IS DISTINCT FROM NEW.id AND has_power(NEW.roles)
                     AND (NEW.totp_secret, NEW.totp_confirmed_at) IS DISTINCT FROM (OLD.totp_secret, OLD.totp_confirmed_at)
    )) AS change (what, is_it) WHERE is_it);
  PERFORM must(NOT EXISTS (
                 SELECT FROM unnest(two) AS what WHERE NOT EXISTS (
                   SELECT FROM account_change c
                     JOIN signature s ON s.record_kind = 'account_change' AND s.record_id = c.id
                    WHERE c.person_id = NEW.id AND c.state = 'CONFIRMED' AND c.xmin = pg_current_xact_id()::xid
                      AND c.change = what AND s.person_id = c.decided_by_id
                      AND (what <> 'other roles' OR c.roles = NEW.roles)
                      AND (what <> 'other sites' OR c.also_at = NEW.also_at)
                      AND (what <> 'other address' OR c.email = NEW.email))),
               'a_signer_is_changed_by_two', 'a second person confirms this change of the account');
  PERFORM must(NOT two && '{new account,new password}' OR EXISTS (
                 SELECT FROM handed_code c WHERE c.person_id = NEW.id AND c.purpose = 'first password'
                    AND c.made_at >= NEW.password_set_at AND c.xmin = pg_current_xact_id()::xid),
               'a_first_password_has_two_halves', 'a first password has a half that its proposer does not know');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER account_safety AFTER INSERT OR UPDATE ON person DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  EXECUTE FUNCTION account_safety();

-- What one administrator may change alone, nobody else does.
CREATE FUNCTION account_is_changed_by_who_may() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  doer bigint := acting_person();
BEGIN
  PERFORM at_the_end();
  PERFORM must((NEW.roles, NEW.also_at) IS NOT DISTINCT FROM (OLD.roles, OLD.also_at)
               AND (doer = NEW.id OR (NEW.password_hash, NEW.totp_secret, NEW.totp_confirmed_at, NEW.email)
                                     IS NOT DISTINCT FROM
                                     (OLD.password_hash, OLD.totp_secret, OLD.totp_confirmed_at, OLD.email))
               OR EXISTS (SELECT FROM person WHERE id = doer AND 'administrator' = ANY (roles))
               OR EXISTS (SELECT FROM account_change WHERE person_id = NEW.id AND decided_by_id = doer
                             AND change <> 'unlocked' AND state = 'CONFIRMED' AND xmin = pg_current_xact_id()::xid),
               'accounts_are_an_administrators', 'only an administrator changes the account of another, or roles');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER who_may_changes_an_account AFTER UPDATE ON person DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((NEW.roles, NEW.also_at, NEW.password_hash, NEW.totp_secret, NEW.totp_confirmed_at, NEW.email) IS DISTINCT FROM
      (OLD.roles, OLD.also_at, OLD.password_hash, OLD.totp_secret, OLD.totp_confirmed_at, OLD.email))
  EXECUTE FUNCTION account_is_changed_by_who_may();

-- Where two do it, both may: whoever asked for it or recorded it has an account and the role when the other one confirms.
-- Twin: `domain/accounts.py` (first_refusals).
CREATE FUNCTION both_may(the_first bigint, began text, about bigint) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
  PERFORM must(the_first = about OR (SELECT roles_of(began) ?| roles FROM person WHERE id = the_first AND state = 'ACTIVE') IS TRUE,
               'both_of_two_may', 'whoever asked for this may not do so any more');
END $$;

-- A change of an account stays as it was asked for, and is decided once.
CREATE FUNCTION account_change_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM must(NEW.state = 'ASKED' AND NEW.asked_by_id = acting_person(), 'a_change_of_an_account_is_asked_for',
                 'a change of an account begins with who asks for it');
  ELSE
    PERFORM must((NEW.person_id, NEW.change, NEW.asked_by_id, NEW.asked_at) =
                 (OLD.person_id, OLD.change, OLD.asked_by_id, OLD.asked_at)
                 AND NEW.roles IS NOT DISTINCT FROM OLD.roles AND NEW.also_at IS NOT DISTINCT FROM OLD.also_at
                 AND NEW.email IS NOT DISTINCT FROM OLD.email
                 AND (NEW.password_hash IS NULL OR NEW.password_hash = OLD.password_hash) AND OLD.state = 'ASKED'
                 AND NEW.decided_by_id = acting_person(),
                 'a_change_of_an_account_stays_as_asked', 'what was asked for is not changed');
    IF NEW.state = 'CONFIRMED' THEN
      PERFORM both_may(NEW.asked_by_id, CASE NEW.change WHEN 'unlocked' THEN 'unlock_together' ELSE 'change_roles' END,
                       NEW.person_id);
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER account_change_safety BEFORE INSERT OR UPDATE ON account_change FOR EACH ROW
  EXECUTE FUNCTION account_change_safety();

-- A training is recorded by one and confirmed by another.
CREATE FUNCTION training_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM must(NEW.recorded_by_id = 1 AND acting_person() = 1, 'a_training_is_confirmed',
                 'a second person confirms a training');
  ELSIF OLD.state <> 'VALID' THEN
    PERFORM must(NEW.confirmed_by_id = acting_person()
                 AND (NEW.person_id, NEW.role, NEW.procedure, NEW.trained_on, NEW.valid_until, NEW.recorded_by_id) =
                     (OLD.person_id, OLD.role, OLD.procedure, OLD.trained_on, OLD.valid_until, OLD.recorded_by_id),
                 'a_training_is_confirmed', 'a second person confirms a training as it was recorded');
    PERFORM both_may(NEW.recorded_by_id, 'record_training', NULL);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER training_safety BEFORE INSERT OR UPDATE ON training FOR EACH ROW WHEN (NEW.state = 'VALID')
  EXECUTE FUNCTION training_safety();

-- A code is handed over by another person, and used once. Twin: `domain/handed_codes.py`.
CREATE FUNCTION handed_code_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM must((acting_person() = NEW.person_id) = (NEW.purpose = 'recovery')
                 AND NEW.used_at IS NULL AND NEW.ended_at IS NULL AND NEW.tries = 0,
                 'a_code_is_handed_over_by_another', 'a code is handed over by another person');
  ELSE
    PERFORM must((NEW.person_id, NEW.purpose, NEW.digest, NEW.made_at) =
                 (OLD.person_id, OLD.purpose, OLD.digest, OLD.made_at)
                 AND NEW.expires_at IS NOT DISTINCT FROM OLD.expires_at AND NEW.tries >= OLD.tries
                 AND OLD.used_at IS NULL AND OLD.ended_at IS NULL,
                 'a_code_is_used_once', 'the code is used or dead');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER handed_code_safety BEFORE INSERT OR UPDATE ON handed_code FOR EACH ROW
  EXECUTE FUNCTION handed_code_safety();

-- The trail does not keep it row by row, so that it does not know of one that a refused act handed over.
CREATE FUNCTION handed_code_is_of_what_is_done() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM at_the_end();
  PERFORM must((SELECT outcome = 'accepted' FROM act WHERE id = acting()),
               'a_refused_act_changes_nothing', 'the act is refused and has written a code');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER handed_code_is_of_what_is_done AFTER INSERT OR UPDATE ON handed_code DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION handed_code_is_of_what_is_done();

CREATE FUNCTION code_used_now(owner bigint, why text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM handed_code c WHERE c.person_id = owner AND c.purpose = why
                   AND c.used_at IS NOT NULL AND c.xmin = pg_current_xact_id()::xid)
$$;

-- Whether the password that an account has was given to it by two people.
CREATE FUNCTION given_by_two(account person) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM account_change c
                  WHERE c.person_id = account.id AND c.change IN ('new account', 'new password') AND c.state = 'CONFIRMED'
                    AND c.decided_at >= account.password_set_at)
$$;

-- Since when a password counts is what its age, its sessions and its second half hang by: it moves with the password
-- alone, or as the account that two people open begins. Whoever sets their own has exchanged the first one by it, and
-- it is none that somebody else asked for.
CREATE FUNCTION password_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM at_the_end();
  PERFORM must((NEW.password_hash IS DISTINCT FROM OLD.password_hash
                OR OLD.state = 'PROPOSED' AND NEW.state = 'ACTIVE' AND NEW.must_change_password)
               AND (acting_person() <> NEW.id
                    OR NOT NEW.must_change_password AND NOT EXISTS (
                         SELECT FROM account_change c WHERE c.person_id = NEW.id AND c.password_hash = NEW.password_hash)),
               'a_password_counts_since_it_was_set', 'the password would count since another time, or still as the first');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER password_safety AFTER UPDATE ON person DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.password_set_at IS DISTINCT FROM OLD.password_set_at)
  EXECUTE FUNCTION password_safety();

-- A first password has two halves, each known to one of two people: it is exchanged for another one with the half that
-- was handed over. Where that is gone, there is no way but another reset. Twin: `services/people/handed_codes.py` (ASKS_HALF).
CREATE FUNCTION first_password_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM at_the_end();
  PERFORM must(NEW.password_hash IS DISTINCT FROM OLD.password_hash
               AND NOT EXISTS (SELECT FROM handed_code c WHERE c.person_id = NEW.id AND c.purpose = 'first password'
                                  AND c.used_at IS NULL AND c.ended_at IS NULL)
               AND (code_used_now(NEW.id, 'first password') OR NOT given_by_two(OLD)),
               'a_first_password_has_two_halves', 'the code of the first password was not given');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER first_password_safety AFTER UPDATE ON person DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.must_change_password AND NOT NEW.must_change_password)
  EXECUTE FUNCTION first_password_safety();

-- A second factor is set up with a code that was handed over, or with the old one. Twin: `services/people/second_factor.py`.
CREATE FUNCTION second_factor_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  doer bigint := acting_person();
BEGIN
  PERFORM at_the_end();
  IF NEW.totp_next IS NOT NULL AND NEW.totp_next IS DISTINCT FROM OLD.totp_next THEN
    PERFORM must(doer = NEW.id AND (
                   code_used_now(NEW.id, CASE WHEN OLD.totp_confirmed_at IS NULL THEN 'second factor' ELSE 'recovery' END)
                   OR OLD.totp_confirmed_at IS NOT NULL AND EXISTS (
                     SELECT FROM change c WHERE c.record_kind = 'person' AND c.record_id = NEW.id AND c.after ? 'totp_step'
                        AND c.act_id = acting())),
                 'a_second_factor_is_handed_over', 'a second factor needs a code that was handed over, or the old one');
  END IF;
  PERFORM must(NEW.totp_secret IS NULL OR NEW.totp_secret IS NOT DISTINCT FROM OLD.totp_secret
               OR NEW.totp_secret IS NOT DISTINCT FROM OLD.totp_next,
               'a_second_factor_is_handed_over', 'a second factor is the one that was set up');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER second_factor_safety AFTER UPDATE ON person DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.totp_next IS DISTINCT FROM OLD.totp_next OR NEW.totp_secret IS DISTINCT FROM OLD.totp_secret)
  EXECUTE FUNCTION second_factor_safety();

-- A second factor that is confirmed is taken back by the acts for it, and never by its owner.
CREATE FUNCTION factor_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(act_in_progress() IN ('reset_second_factor', 'confirm_account_change') AND acting_person() <> NEW.id,
               'a_second_factor_is_taken_back_by_another', 'a second factor that is confirmed goes on');
  RETURN NEW;
END $$;
CREATE TRIGGER factor_stays BEFORE UPDATE ON person FOR EACH ROW
  WHEN (OLD.totp_confirmed_at IS NOT NULL AND (NEW.totp_confirmed_at IS NULL OR NEW.totp_secret IS NULL))
  EXECUTE FUNCTION factor_stays();

-- Keys of programs keep their limits, and a revoked one stays revoked. Twin: `domain/keys.py`.
CREATE FUNCTION key_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must((NEW.person_id, NEW.digest, NEW.expires_at, NEW.read_only) =
               (OLD.person_id, OLD.digest, OLD.expires_at, OLD.read_only)
               AND NEW.site_code IS NOT DISTINCT FROM OLD.site_code AND NEW.acts IS NOT DISTINCT FROM OLD.acts,
               'a_key_keeps_its_limits', 'a key never changes what it opens');
  PERFORM must(OLD.state = 'LIVE', 'a_revoked_key_stays_revoked', 'the key is revoked');
  RETURN NEW;
END $$;
CREATE TRIGGER key_safety BEFORE UPDATE ON api_token FOR EACH ROW EXECUTE FUNCTION key_safety();

-- Whoever makes a key makes it for themselves.
CREATE FUNCTION key_is_of_its_maker() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.person_id = acting_person(), 'a_key_is_of_who_makes_it', 'the key would be of another person');
  RETURN NEW;
END $$;
CREATE TRIGGER key_is_of_its_maker BEFORE INSERT ON api_token FOR EACH ROW EXECUTE FUNCTION key_is_of_its_maker();

-- A number is never given twice.
CREATE FUNCTION numbers_go_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.last > OLD.last AND NEW.name = OLD.name, 'numbers_only_go_on', 'a number would be given twice');
  RETURN NEW;
END $$;
CREATE TRIGGER numbers_go_on BEFORE UPDATE ON number_series FOR EACH ROW EXECUTE FUNCTION numbers_go_on();

-- A reset of the password leaves no key alive.
CREATE FUNCTION keys_after_reset() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM at_the_end();
  PERFORM must(NOT EXISTS (SELECT FROM api_token WHERE person_id = NEW.id AND state = 'LIVE'),
               'a_reset_ends_the_keys', 'a key of the account is still alive');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER keys_after_reset AFTER UPDATE ON person DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.must_change_password AND NEW.password_hash IS DISTINCT FROM OLD.password_hash
      OR OLD.totp_confirmed_at IS NOT NULL AND NEW.totp_confirmed_at IS NULL)
  EXECUTE FUNCTION keys_after_reset();

-- Sessions at the pages are rows: what is ended or locked there does nothing, whoever holds a copy of the cookie.
-- Twins: `domain/sessions.py`, `services/people/web_sessions.py`.
CREATE FUNCTION session_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(OLD.ended_at IS NULL, 'an_ended_session_stays_ended', 'the session is over');
  PERFORM must(NEW.person_id = OLD.person_id AND NEW.created_at = OLD.created_at, 'a_session_is_one_persons',
               'a session stays with its person');
  PERFORM must(OLD.locked_at IS NULL OR NEW.locked_at IS NOT NULL OR NEW.digest <> OLD.digest,
               'a_locked_session_opens_for_another_cookie', 'the cookie of a session that was locked opens nothing');
  RETURN NEW;
END $$;
CREATE TRIGGER session_safety BEFORE UPDATE ON web_session FOR EACH ROW EXECUTE FUNCTION session_safety();

-- A session that is over is forgotten after a while; one that is not, never.
CREATE FUNCTION session_is_over() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(coalesce(OLD.ended_at, OLD.proved_at + interval '168 hours') < clock_timestamp() - interval '7 days',
               'only_a_session_that_is_over_is_forgotten', 'the session is not over for long enough');
  RETURN OLD;
END $$;
CREATE TRIGGER session_is_over BEFORE DELETE ON web_session FOR EACH ROW EXECUTE FUNCTION session_is_over();

-- A password, a role or an account that changes ends the sessions begun before.
CREATE FUNCTION end_sessions_of_account() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  why text := CASE
    WHEN NEW.state <> 'ACTIVE' THEN 'disabled'
    WHEN NEW.password_hash IS DISTINCT FROM OLD.password_hash THEN
      CASE WHEN NEW.must_change_password THEN 'reset' ELSE 'password' END
    WHEN OLD.totp_confirmed_at IS NOT NULL AND NEW.totp_confirmed_at IS NULL THEN 'reset'
    WHEN NEW.roles IS DISTINCT FROM OLD.roles THEN 'roles'
  END;
BEGIN
  IF why IS NOT NULL THEN
    UPDATE web_session SET ended_at = clock_timestamp(), ended_why = why WHERE person_id = NEW.id AND ended_at IS NULL;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER end_sessions AFTER UPDATE ON person FOR EACH ROW EXECUTE FUNCTION end_sessions_of_account();

-- Whichever way an account is changed: a reset, other roles or its end leave no screen that knows it.
-- Twin: `services/people/places.py`.
CREATE FUNCTION forget_desks_of_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM known_desk WHERE person_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER forget_desks AFTER UPDATE ON person FOR EACH ROW
  WHEN (NEW.state <> 'ACTIVE' OR NEW.roles IS DISTINCT FROM OLD.roles
      OR (NEW.password_hash IS DISTINCT FROM OLD.password_hash AND NEW.must_change_password)
      OR (OLD.totp_confirmed_at IS NOT NULL AND NEW.totp_confirmed_at IS NULL))
  EXECUTE FUNCTION forget_desks_of_account();

-- A lock that stands ends early by an administrator, or by two others; a new password comes from its owner or from two.
-- Twin: `domain/accounts.py`.
CREATE FUNCTION lock_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  doer bigint := acting_person();
  done_at timestamptz := (SELECT at FROM act WHERE id = acting());
BEGIN
  PERFORM at_the_end();
  PERFORM must(coalesce(OLD.locked_until <= done_at OR NEW.locked_until >= OLD.locked_until
               OR (SELECT 'administrator' = ANY (roles) FROM person WHERE id = doer)
               OR NEW.password_hash IS DISTINCT FROM OLD.password_hash
               OR EXISTS (SELECT FROM account_change c
                            JOIN signature s ON s.record_kind = 'account_change' AND s.record_id = c.id
                           WHERE c.person_id = NEW.id AND c.change = 'unlocked' AND c.state = 'CONFIRMED'
                             AND c.asked_at > c.decided_at - interval '15 minutes' AND c.xmin = pg_current_xact_id()::xid AND s.person_id = c.decided_by_id), false),
               'a_lock_is_opened_by_two', 'an administrator or two other people unlock the account');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER lock_safety AFTER UPDATE ON person DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.locked_until IS NOT NULL AND NEW.locked_until IS DISTINCT FROM OLD.locked_until)
  EXECUTE FUNCTION lock_safety();

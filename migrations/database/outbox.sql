-- The outbox: a message is written in the act that it tells of, and stays as it was written. Twins: `services/outbox`.

CREATE FUNCTION outbox_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM must(NEW.act_id = trail_open_act() AND NEW.sent_at IS NULL AND NEW.given_up_at IS NULL,
                 'a_message_is_of_the_open_act', 'a message is written by the act that it tells of');
  ELSE
    PERFORM must(OLD.sent_at IS NULL AND OLD.given_up_at IS NULL, 'a_message_that_was_sent_stays',
                 'the message was sent, or given up');
    PERFORM must((NEW.act_id, NEW.person_id, NEW.channel, NEW.address, NEW.template, NEW.values, NEW.message_id,
                  NEW.made_at) =
                 (OLD.act_id, OLD.person_id, OLD.channel, OLD.address, OLD.template, OLD.values, OLD.message_id,
                  OLD.made_at),
                 'a_message_stays_as_it_was_written', 'what a message says, and to whom, is not changed');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outbox_safety BEFORE INSERT OR UPDATE ON outbox FOR EACH ROW EXECUTE FUNCTION outbox_safety();

-- A message goes to its person: where they are now, or were before this act.
CREATE FUNCTION message_goes_to_its_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM at_the_end();
  PERFORM must(NEW.address = (SELECT email FROM person WHERE id = NEW.person_id)
               OR EXISTS (SELECT FROM change WHERE act_id = NEW.act_id AND record_kind = 'person'
                             AND record_id = NEW.person_id AND before ->> 'email' = NEW.address),
               'a_message_goes_to_its_person', 'the address is not that of the person');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER message_goes_to_its_person AFTER INSERT ON outbox DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  EXECUTE FUNCTION message_goes_to_its_person();

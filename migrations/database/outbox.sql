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

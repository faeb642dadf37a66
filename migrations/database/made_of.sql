-- What a record is made of is fixed when it is decided about: nothing comes to it afterwards. Results of a lot may: they are
-- asked for again wherever they decide. Twins: the states in which an act may be done (`domain/lifecycle`),
-- `domain/rules/freezing.py` (opening_refusals), `domain/rules/culture.py`.

-- A lot is made of what goes in while it is filled, of one donation, from harvested cells; a culture of what it begins with.
CREATE FUNCTION made_of_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  this jsonb := to_jsonb(NEW);
  the_lot lot;
  source culture;
BEGIN
  IF this ->> 'lot_id' IS NOT NULL THEN
    SELECT * INTO the_lot FROM lot WHERE id = (this ->> 'lot_id')::bigint FOR SHARE;
    PERFORM must(the_lot.state = ANY (CASE TG_TABLE_NAME WHEN 'freezer_run' THEN '{QUARANTINE,ON_HOLD,REJECTED}'::text[]
                                        ELSE '{IN_PROCESS}' END),
                 'what_a_lot_is_made_of_is_fixed', 'the lot is closed: nothing more goes into it');
  END IF;
  IF TG_TABLE_NAME = 'vial' THEN
    PERFORM must((this ->> 'donation_id')::bigint = the_lot.donation_id,
                 'cells_of_two_donations_never_meet', 'the vial is of another donation than its lot');
  ELSIF TG_TABLE_NAME = 'reagent_use' AND this ->> 'culture_id' IS NOT NULL THEN
    PERFORM must((SELECT state = 'GROWING' FROM culture WHERE id = (this ->> 'culture_id')::bigint),
                 'what_a_culture_is_made_of_is_fixed', 'the culture does not grow any more');
  ELSIF TG_TABLE_NAME IN ('lot_source', 'culture') THEN
    SELECT * INTO source FROM culture
     WHERE id = (this ->> CASE TG_TABLE_NAME WHEN 'culture' THEN 'parent_id' ELSE 'culture_id' END)::bigint;
    PERFORM must(source.id IS NULL OR source.state = 'HARVESTED',
                 'cells_come_from_what_was_harvested', 'the culture is not harvested, or is finished');
    PERFORM must(source.id IS NULL
                 OR source.donation_id = coalesce(the_lot.donation_id, (this ->> 'donation_id')::bigint),
                 'cells_of_two_donations_never_meet', 'the culture is of another donation');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER made_of_is_fixed BEFORE INSERT ON vial FOR EACH ROW EXECUTE FUNCTION made_of_is_fixed();
CREATE TRIGGER filled_while_it_is_filled BEFORE UPDATE ON vial FOR EACH ROW
  WHEN (NEW.state = 'FILLED' AND OLD.state <> 'FILLED') EXECUTE FUNCTION made_of_is_fixed();
CREATE TRIGGER made_of_is_fixed BEFORE INSERT ON lot_source FOR EACH ROW EXECUTE FUNCTION made_of_is_fixed();
CREATE TRIGGER made_of_is_fixed BEFORE INSERT ON reagent_use FOR EACH ROW EXECUTE FUNCTION made_of_is_fixed();
CREATE TRIGGER made_of_is_fixed BEFORE INSERT ON freezer_run FOR EACH ROW EXECUTE FUNCTION made_of_is_fixed();
CREATE TRIGGER made_of_is_fixed BEFORE INSERT ON culture FOR EACH ROW EXECUTE FUNCTION made_of_is_fixed();

-- A notice names its doses when it opens, a count is closed with its sheets, a sealed shipment with its vials.
CREATE FUNCTION nothing_is_added_later() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  this jsonb := to_jsonb(NEW);
BEGIN
  PERFORM must(CASE TG_TABLE_NAME
    WHEN 'notice_line' THEN (SELECT act_id = acting() FROM recall_notice WHERE id = (this ->> 'notice_id')::bigint)
    WHEN 'count_sheet' THEN (SELECT state <> 'CLOSED' FROM stock_count WHERE id = (this ->> 'stock_count_id')::bigint)
    ELSE (SELECT state IN ('ORDERED', 'PACKING') FROM shipment WHERE id = (this ->> 'shipment_id')::bigint FOR SHARE) END,
    'nothing_is_added_to_what_is_closed', 'what it belongs to is closed');
  RETURN NEW;
END $$;
CREATE TRIGGER nothing_is_added_later BEFORE INSERT ON notice_line FOR EACH ROW EXECUTE FUNCTION nothing_is_added_later();
CREATE TRIGGER nothing_is_added_later BEFORE INSERT ON count_sheet FOR EACH ROW EXECUTE FUNCTION nothing_is_added_later();
CREATE TRIGGER nothing_is_added_later BEFORE INSERT ON packed_vial FOR EACH ROW EXECUTE FUNCTION nothing_is_added_later();

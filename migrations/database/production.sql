-- Cultures and reagents. Twins: `domain/rules/culture.py`, `domain/rules/reagent.py`.

-- Cells come from an accepted donation of a donor who is not ineligible, or from a vial of a released bank.
CREATE FUNCTION culture_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  source record;
BEGIN
  IF NEW.source_vial_id IS NOT NULL THEN
    SELECT l.state, l.purpose INTO source FROM vial v JOIN lot l ON l.id = v.lot_id
     WHERE v.id = NEW.source_vial_id FOR SHARE OF l;
    PERFORM may(source.state = 'RELEASED' AND source.purpose IN ('master_bank', 'working_bank'),
                 'only_vials_of_a_released_bank_are_cultured', 'the lot is not a released bank');
  ELSIF NEW.parent_id IS NULL THEN
    SELECT d.state, o.state AS donor_state INTO source FROM donation d JOIN donor o ON o.id = d.donor_id
     WHERE d.id = NEW.donation_id FOR SHARE OF d, o;
    PERFORM may(source.state = 'ACCEPTED', 'cells_only_from_an_accepted_donation', 'the donation is not accepted');
    PERFORM may(source.donor_state <> 'INELIGIBLE', 'no_cells_from_an_ineligible_donor', 'the donor is ineligible');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER culture_safety BEFORE INSERT ON culture FOR EACH ROW EXECUTE FUNCTION culture_safety();

-- An accepted reagent has a certificate, and is opened once.
CREATE FUNCTION reagent_lot_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.state <> 'ACCEPTED' OR OLD.state = 'ACCEPTED' OR NEW.certificate IS NOT NULL,
               'an_accepted_reagent_has_a_certificate', 'the reagent has no certificate');
  PERFORM must(OLD.opened_at IS NULL OR NEW.opened_at = OLD.opened_at,
               'a_reagent_is_opened_once', 'the reagent has been opened');
  RETURN NEW;
END $$;
CREATE TRIGGER reagent_lot_safety BEFORE UPDATE ON reagent_lot
  FOR EACH ROW WHEN (true) EXECUTE FUNCTION reagent_lot_safety();

-- Only accepted reagents are used, before they expire, and not too long after opening.
CREATE FUNCTION reagent_use_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  used record;
BEGIN
  SELECT r.state, r.expires_on, s.timezone, r.opened_at, r.days_once_open INTO used
    FROM reagent_lot r JOIN site s ON s.id = r.site_id
   WHERE r.id = NEW.reagent_lot_id FOR SHARE OF r;
  PERFORM may(used.state = 'ACCEPTED', 'only_accepted_reagents_are_used', 'the reagent is not accepted');
  PERFORM may((NEW.used_at AT TIME ZONE used.timezone)::date <= used.expires_on,
               'no_expired_reagent_is_used', 'the reagent has expired');
  PERFORM may(used.days_once_open IS NULL OR coalesce(
    (NEW.used_at AT TIME ZONE used.timezone)::date
      <= (used.opened_at AT TIME ZONE used.timezone)::date + used.days_once_open::int, false),
    'no_reagent_is_used_too_long_after_opening', 'the reagent is not opened, or has been open too long');
  RETURN NEW;
END $$;
CREATE TRIGGER reagent_use_safety BEFORE INSERT ON reagent_use FOR EACH ROW EXECUTE FUNCTION reagent_use_safety();

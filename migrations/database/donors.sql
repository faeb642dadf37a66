-- Donors and donations. Twins: `domain/rules/donor.py`.

-- An eligible donor has consented.
CREATE FUNCTION donor_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state = 'ELIGIBLE' AND OLD.state <> 'ELIGIBLE' THEN
    PERFORM must(EXISTS (SELECT FROM consent WHERE donor_id = NEW.id AND state = 'GIVEN'),
                 'an_eligible_donor_has_consented', 'no consent of the donor is in force');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER donor_safety BEFORE UPDATE ON donor FOR EACH ROW EXECUTE FUNCTION donor_safety();

-- A donation has a consent.
CREATE FUNCTION donation_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(EXISTS (SELECT FROM consent WHERE donor_id = NEW.donor_id),
               'a_donation_has_a_consent', 'the donor never consented');
  RETURN NEW;
END $$;
CREATE TRIGGER donation_safety BEFORE INSERT ON donation FOR EACH ROW EXECUTE FUNCTION donation_safety();

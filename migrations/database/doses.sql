-- Dose safety: what stands between a vial and a patient. Twins: `domain/rules/standing.py`, `domain/rules/dosing.py`,
-- `picking.py`, `thaw.py`, `preparing.py`, `infusion.py`, `plan.py` beside them; and the CHECKs of `dose` and `vial`.

-- A vial keeps its identity, is reserved once, thawed once and used once; it comes from a released lot that has not expired.
CREATE FUNCTION vial_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_lot record;
  the_dose record;
BEGIN
  PERFORM may(OLD.dose_id IS NULL OR NEW.dose_id IS NULL OR NEW.dose_id = OLD.dose_id,
               'one_live_reservation_per_vial', 'a reserved vial cannot be reserved for another dose');
  PERFORM must(OLD.thawed_at IS NULL OR NEW.thawed_at = OLD.thawed_at OR (NEW.thawed_at IS NOT NULL AND correcting()),
               'a_thaw_is_never_undone', 'a thaw cannot be undone');
  PERFORM must(NEW.code = OLD.code AND NEW.lot_id = OLD.lot_id AND NEW.donation_id = OLD.donation_id,
               'a_vial_keeps_its_identity', 'a vial never changes its lot or its identifier');
  PERFORM must(NEW.state = OLD.state OR OLD.state NOT IN ('INFUSED', 'DISCARDED', 'CULTURED', 'QC_USED', 'VOIDED')
               OR (OLD.state IN ('DISCARDED', 'QC_USED') AND NEW.state = 'INFUSED'),
               'a_used_vial_stays_used', 'a vial that was used or destroyed never comes back');
  PERFORM may(NEW.state <> 'INFUSED' OR OLD.state NOT IN ('DISCARDED', 'QC_USED', 'MISSING', 'FROZEN'),
              'a_discarded_vial_is_not_given', 'the vial is in no dose');
  IF NEW.thawed_at IS NOT NULL AND OLD.thawed_at IS NULL AND NEW.dose_id IS NOT NULL THEN
    SELECT l.state, l.expires_on >= (NEW.thawed_at AT TIME ZONE s.timezone)::date AS keeps INTO the_lot
      FROM lot l JOIN site s ON s.id = l.site_id WHERE l.id = NEW.lot_id FOR SHARE OF l;
    PERFORM may(lot_is_for(NEW.lot_id, (SELECT subject_id FROM dose WHERE id = NEW.dose_id)),
                'dose_only_from_a_released_lot', 'the lot is not released');
    PERFORM may(the_lot.keeps, 'nothing_expired_is_thawed', 'the lot has expired');
  END IF;
  IF NEW.dose_id IS NOT NULL AND OLD.dose_id IS NULL THEN
    SELECT state, purpose INTO the_lot FROM lot WHERE id = NEW.lot_id FOR SHARE;
    PERFORM may(lot_is_for(NEW.lot_id, (SELECT subject_id FROM dose WHERE id = NEW.dose_id)) AND the_lot.purpose = 'product',
                 'only_vials_of_a_released_lot_are_reserved', 'the lot is not released');
    SELECT lot_id INTO the_dose FROM dose WHERE id = NEW.dose_id;
    PERFORM may(the_dose.lot_id = NEW.lot_id, 'a_dose_comes_from_one_lot', 'the vial is of another lot than the dose');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER vial_safety BEFORE UPDATE ON vial FOR EACH ROW EXECUTE FUNCTION vial_safety();

-- A dose is for an enrolled subject of an arm that receives cells, from a released lot, with the subject's own weight.
CREATE FUNCTION dose_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_subject record;
  the_lot text;
BEGIN
  IF TG_OP = 'INSERT' OR (NEW.infusion_started_at IS NOT NULL AND OLD.infusion_started_at IS NULL) THEN
    SELECT state, receives_product INTO the_subject FROM subject WHERE id = NEW.subject_id FOR SHARE;
    PERFORM may(the_subject.receives_product, 'no_dose_for_the_control_arm', 'the subject is in an arm without product');
    PERFORM may(the_subject.state = 'ENROLLED', 'dose_only_for_an_enrolled_subject', 'the subject is not enrolled');
    SELECT state INTO the_lot FROM lot WHERE id = NEW.lot_id FOR SHARE;
    PERFORM may(lot_is_for(NEW.lot_id, NEW.subject_id), 'dose_only_from_a_released_lot', 'the lot is not released');
    PERFORM must(NEW.weight_id IS NULL OR (SELECT subject_id FROM weight WHERE id = NEW.weight_id) = NEW.subject_id,
                 'the_weight_is_of_the_subject', 'the weight is that of another subject');
  END IF;
  IF TG_OP = 'UPDATE' THEN
    PERFORM must(NEW.subject_id = OLD.subject_id AND NEW.lot_id = OLD.lot_id AND NEW.code = OLD.code,
                 'a_dose_keeps_its_subject', 'a dose never changes its subject, lot or identifier');
    PERFORM must(OLD.infusion_started_at IS NULL OR NEW.infusion_started_at = OLD.infusion_started_at
                 OR (NEW.infusion_started_at IS NOT NULL AND correcting()),
                 'an_infusion_starts_once', 'the infusion has started');
    PERFORM must(NEW.state = OLD.state OR OLD.state NOT IN ('CANCELLED', 'DISCARDED', 'RECONCILED')
                 OR (OLD.state <> 'RECONCILED' AND NEW.state = 'INFUSED'),
                 'a_finished_dose_stays_finished', 'a finished dose never goes on');
    PERFORM may(NEW.state = OLD.state OR OLD.state NOT IN ('CANCELLED', 'DISCARDED'),
                'a_finished_dose_is_not_given', 'the dose was given up');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER dose_safety BEFORE INSERT OR UPDATE ON dose FOR EACH ROW EXECUTE FUNCTION dose_safety();

-- Cells by weight and protocol, and a weight that was confirmed. Of a dose without an order its form says how many cells were
-- meant.
CREATE FUNCTION dose_is_by_its_protocol() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  figures jsonb := figures_for(NEW.subject_id);
  weighed record;
BEGIN
  SELECT weight_kg, state INTO weighed FROM weight WHERE id = NEW.weight_id;
  PERFORM must(weighed.state IS NULL OR weighed.state = 'CONFIRMED' OR NOT (figures ->> 'second_person')::boolean,
               'a_confirmed_weight_decides', 'nobody has confirmed the weight');
  PERFORM must(NEW.required_cells = cells_required(figures, weighed.weight_kg),
               'the_cells_are_by_weight_and_protocol', 'weight and protocol give another number of cells');
  RETURN NEW;
END $$;
CREATE TRIGGER what_is_ordered_is_by_its_protocol BEFORE INSERT ON dose FOR EACH ROW WHEN (NEW.state <> 'UNORDERED')
  EXECUTE FUNCTION dose_is_by_its_protocol();

-- The cells are those drawn, and no more than its vials held. Twin: `domain/rules/thaw.py` (count_refusals).
CREATE FUNCTION dose_holds_what_was_drawn() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  filled numeric;
BEGIN
  PERFORM must(NEW.delivered_cells IS NULL OR NEW.delivered_cells =
                 living_cells(NEW.total_cells_per_ml, NEW.viability_percent, NEW.draw_ml),
               'the_cells_are_those_drawn', 'count and volume give another number of cells');
  IF TG_OP = 'UPDATE' AND (NEW.pooled_ml, NEW.total_cells_per_ml) IS NOT DISTINCT FROM (OLD.pooled_ml, OLD.total_cells_per_ml)
  THEN
    RETURN NEW;
  END IF;
  SELECT coalesce(sum(l.cells_per_vial), 0) INTO filled FROM vial v JOIN lot l ON l.id = v.lot_id
   WHERE v.dose_id = NEW.id AND v.thawed_at IS NOT NULL;
  PERFORM may(coalesce(NEW.total_cells_per_ml * NEW.pooled_ml * 100 <= filled * 120, true),
              'no_more_cells_than_its_vials_held', 'the pool would hold more cells than its vials');
  RETURN NEW;
END $$;
CREATE TRIGGER what_was_drawn_is_counted BEFORE INSERT OR UPDATE OF delivered_cells, total_cells_per_ml, viability_percent,
  draw_ml, pooled_ml ON dose FOR EACH ROW EXECUTE FUNCTION dose_holds_what_was_drawn();

-- A thawed dose keeps its clock. At commit, for the vials may be written after their dose; a form tells of vials that were
-- thawed for others.
CREATE FUNCTION dose_keeps_its_clock() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  first_thaw timestamptz;
BEGIN
  PERFORM at_the_end();
  IF TG_OP = 'UPDATE' AND (NEW.expires_at, NEW.diluent) IS NOT DISTINCT FROM (OLD.expires_at, OLD.diluent) THEN
    RETURN NULL;
  END IF;
  IF act_in_progress() <> 'confirm_dose_from_paper' THEN
    SELECT min(thawed_at) INTO first_thaw FROM vial WHERE dose_id = NEW.id;
  END IF;
  PERFORM must(NEW.expires_at <= usable_until(figures_for(NEW.subject_id), least(NEW.thaw_started_at, first_thaw), NEW.diluent),
               'a_thawed_dose_keeps_its_clock', 'the cells would be used for longer than the protocol lets them keep');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER what_is_thawed_keeps_its_clock AFTER INSERT OR UPDATE OF expires_at, diluent ON dose
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.expires_at IS NOT NULL) EXECUTE FUNCTION dose_keeps_its_clock();

-- Who drew up and who checked a dose stays. A correction takes back the checks of one that is not given yet; a form tells
-- who drew it up, where the record knows otherwise.
CREATE FUNCTION dose_keeps_its_people() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must((OLD.prepared_by_id IS NULL OR NEW.prepared_by_id = OLD.prepared_by_id
                OR act_in_progress() = 'confirm_dose_from_paper')
               AND ((OLD.first_checked_by_id IS NULL OR (NEW.first_checked_by_id, NEW.first_checked_at) IS NOT DISTINCT FROM
                                                        (OLD.first_checked_by_id, OLD.first_checked_at))
                    AND (OLD.second_checked_by_id IS NULL OR (NEW.second_checked_by_id, NEW.second_checked_at)
                         IS NOT DISTINCT FROM (OLD.second_checked_by_id, OLD.second_checked_at))
                    OR (correcting() AND OLD.infusion_started_at IS NULL
                        AND num_nonnulls(NEW.first_checked_by_id, NEW.second_checked_by_id) = 0)),
               'a_check_stays_with_its_verifier', 'who drew up or checked the dose is never changed');
  RETURN NEW;
END $$;
CREATE TRIGGER what_was_checked_keeps_its_people BEFORE UPDATE OF prepared_by_id, first_checked_by_id, first_checked_at,
  second_checked_by_id, second_checked_at ON dose FOR EACH ROW EXECUTE FUNCTION dose_keeps_its_people();

-- Whoever checked has signed, in this act; of a form its two people have.
CREATE FUNCTION check_is_signed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  verifier bigint;
BEGIN
  PERFORM at_the_end();
  FOR verifier IN SELECT unnest(ARRAY[NEW.first_checked_by_id, NEW.second_checked_by_id])
                  EXCEPT SELECT unnest(CASE TG_OP WHEN 'UPDATE' THEN ARRAY[OLD.first_checked_by_id, OLD.second_checked_by_id] END)
  LOOP
    PERFORM must(verifier IS NULL
      OR EXISTS (SELECT FROM signature WHERE record_kind = 'dose' AND record_id = NEW.id AND meaning = 'verified'
                    AND person_id = verifier AND act_id = acting())
      OR (act_in_progress() = 'confirm_dose_from_paper' AND EXISTS (
            SELECT FROM dose_paper WHERE dose_id = NEW.id AND state = 'CONFIRMED' AND confirmed_by_id = acting_person())),
      'a_check_is_signed', 'a verifier of the dose has not signed');
  END LOOP;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER what_was_checked_is_signed AFTER INSERT OR UPDATE OF first_checked_by_id, second_checked_by_id
  ON dose DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_is_signed();

-- A weight is measured by one and confirmed by another.
CREATE FUNCTION weight_begins_unconfirmed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.state = 'MEASURED', 'a_weight_is_seen_by_two', 'a weight is measured by one and confirmed by another');
  RETURN NEW;
END $$;
CREATE TRIGGER what_is_weighed_is_seen_by_two BEFORE INSERT ON weight FOR EACH ROW
  EXECUTE FUNCTION weight_begins_unconfirmed();

-- After a serious reaction or a critical deviation a clinician decides before the next dose.
CREATE FUNCTION dose_is_decided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM subject WHERE id = NEW.subject_id FOR SHARE;
  PERFORM may(NOT EXISTS (SELECT FROM undecided_concerns(NEW.subject_id)),
              'a_decision_comes_before_the_next_dose', 'a clinician has not decided that treatment goes on');
  RETURN NEW;
END $$;
CREATE TRIGGER dose_is_given_decided BEFORE UPDATE ON dose FOR EACH ROW
  WHEN ((NEW.state IN ('CHECKED_ONCE', 'CHECKED', 'INFUSING') AND OLD.state <> NEW.state)
      OR (NEW.infusion_started_at IS NOT NULL AND OLD.infusion_started_at IS NULL))
  EXECUTE FUNCTION dose_is_decided();
CREATE TRIGGER dose_is_ordered_decided BEFORE INSERT ON dose FOR EACH ROW EXECUTE FUNCTION dose_is_decided();

-- A dose is given on the day for which it is planned. Twin: `domain/rules/plan.py` (plan_refusals).
CREATE FUNCTION dose_is_on_its_day() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  zone text := (SELECT timezone FROM site WHERE id = NEW.site_id);
BEGIN
  PERFORM may(NOT EXISTS (
    SELECT FROM (VALUES (OLD.thaw_started_at, NEW.thaw_started_at), (OLD.first_checked_at, NEW.first_checked_at),
                        (OLD.second_checked_at, NEW.second_checked_at),
                        (OLD.infusion_started_at, NEW.infusion_started_at)) AS noted(before, at)
     WHERE at IS DISTINCT FROM before AND (at AT TIME ZONE zone)::date <> NEW.planned_on),
    'a_dose_is_given_on_its_day', 'the dose is planned for another day');
  PERFORM must(OLD.infusion_started_at IS NULL OR NEW.planned_on = OLD.planned_on,
    'a_given_dose_keeps_its_day', 'the infusion has begun');
  RETURN NEW;
END $$;
CREATE TRIGGER dose_is_on_its_day BEFORE UPDATE OF planned_on, thaw_started_at, first_checked_at, second_checked_at,
  infusion_started_at ON dose FOR EACH ROW EXECUTE FUNCTION dose_is_on_its_day();

-- No dose from vials that stood in an excursion nobody decided.
CREATE FUNCTION dose_trace_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM may(NOT EXISTS (
    SELECT FROM vial v CROSS JOIN LATERAL stood_through(NULL, v.id) t JOIN excursion e ON e.id = t.excursion_id
     WHERE v.dose_id = NEW.id AND v.state IN ('POOLED', 'INFUSED')
       AND (e.state = 'REJECTED' OR (e.state = 'OPEN' AND e.category IN ('critical', 'reject')))),
    'no_dose_from_an_undecided_excursion', 'a vial stood in an excursion that is not decided');
  RETURN NEW;
END $$;
CREATE TRIGGER dose_trace_safety BEFORE UPDATE ON dose FOR EACH ROW
  WHEN ((NEW.state IN ('CHECKED_ONCE', 'CHECKED', 'INFUSING') AND OLD.state <> NEW.state)
        OR (NEW.infusion_started_at IS NOT NULL AND OLD.infusion_started_at IS NULL))
  EXECUTE FUNCTION dose_trace_safety();

-- No more DMSO in a day than is tolerated. Twin: `domain/rules/dosing.py` (limit_refusals).
CREATE FUNCTION dose_dmso_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  zone text := (SELECT timezone FROM site WHERE id = NEW.site_id);
  the_day date := coalesce((NEW.infusion_started_at AT TIME ZONE zone)::date, NEW.planned_on);
  weight numeric := (SELECT weight_kg FROM weight WHERE id = NEW.weight_id);
  grams numeric := (
    SELECT sum(l.volume_ml * l.dmso_percent / 100 * 1.10)
      FROM dose d JOIN lot l ON l.id = d.lot_id
      JOIN vial v ON v.dose_id = d.id AND v.state IN ('THAWED', 'POOLED', 'INFUSED')
     WHERE d.subject_id = NEW.subject_id AND d.state NOT IN ('CANCELLED', 'DISCARDED')
       AND (d.id = NEW.id OR coalesce((d.infusion_started_at AT TIME ZONE zone)::date, d.planned_on) = the_day));
BEGIN
  PERFORM may(weight IS NULL OR coalesce(grams, 0) < weight, 'no_more_dmso_a_day_than_is_tolerated',
              'the doses of the day bring 1 g/kg of DMSO or more');
  RETURN NEW;
END $$;
CREATE TRIGGER dose_dmso_safety BEFORE UPDATE OF prepared_at, planned_on, infusion_started_at ON dose FOR EACH ROW
  WHEN (NEW.prepared_at IS NOT NULL) EXECUTE FUNCTION dose_dmso_safety();

-- No infusion starts after its dose expired.
CREATE FUNCTION dose_started_in_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM may(NEW.infusion_started_at <= NEW.expires_at, 'not_started_after_expiry', 'the dose had expired');
  RETURN NEW;
END $$;
CREATE TRIGGER dose_started_in_time BEFORE INSERT OR UPDATE OF infusion_started_at, expires_at ON dose FOR EACH ROW
  WHEN (NEW.infusion_started_at IS NOT NULL) EXECUTE FUNCTION dose_started_in_time();

CREATE FUNCTION dose_ends_after_its_start() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM may(NEW.infusion_stopped_at >= NEW.infusion_started_at,
              'stopped_after_started', 'the infusion would have ended before it began');
  RETURN NEW;
END $$;
CREATE TRIGGER dose_ends_after_its_start BEFORE INSERT OR UPDATE OF infusion_started_at, infusion_stopped_at ON dose
  FOR EACH ROW WHEN (NEW.infusion_stopped_at IS NOT NULL AND NEW.infusion_started_at IS NOT NULL)
  EXECUTE FUNCTION dose_ends_after_its_start();

-- No more is given and left than was prepared.
CREATE FUNCTION dose_volumes_agree() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM may(coalesce(NEW.volume_given_ml + coalesce(NEW.residual_ml, 0) <= NEW.final_volume_ml, true),
              'no_more_than_prepared', 'more was given and left than was prepared');
  RETURN NEW;
END $$;
CREATE TRIGGER dose_volumes_agree BEFORE INSERT OR UPDATE OF volume_given_ml, residual_ml, final_volume_ml ON dose
  FOR EACH ROW EXECUTE FUNCTION dose_volumes_agree();

-- No infusion without two verifiers, and none of what was not prepared and counted.
CREATE FUNCTION dose_was_given_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM may(num_nonnulls(NEW.prepared_by_id, NEW.first_checked_by_id, NEW.second_checked_by_id) = 3,
              'no_infusion_without_two_verifiers', 'two people have not checked it, or nobody says who');
  PERFORM may(num_nonnulls(NEW.thaw_started_at, NEW.expires_at, NEW.viability_percent, NEW.draw_ml, NEW.delivered_cells,
                           NEW.delivered_percent, NEW.prepared_at, NEW.final_volume_ml) = 8,
              'prepared_is_complete', 'its count or its preparation is not known');
  RETURN NEW;
END $$;
CREATE TRIGGER dose_was_given_whole BEFORE INSERT OR UPDATE OF state, prepared_by_id, first_checked_by_id,
  second_checked_by_id, thaw_started_at, expires_at, viability_percent, draw_ml, delivered_cells, delivered_percent,
  prepared_at, final_volume_ml ON dose
  FOR EACH ROW WHEN (NEW.state = 'INFUSED') EXECUTE FUNCTION dose_was_given_whole();

-- No second dose in the place of the first.
CREATE FUNCTION dose_is_given_beside() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM may(false, 'one_live_dose_per_subject_and_day', 'the subject has another dose of this number');
  RETURN NEW;
END $$;
CREATE TRIGGER dose_is_given_beside BEFORE UPDATE ON dose FOR EACH ROW
  WHEN (NEW.given_beside AND NOT OLD.given_beside) EXECUTE FUNCTION dose_is_given_beside();
CREATE TRIGGER dose_is_never_ordered_beside BEFORE INSERT ON dose FOR EACH ROW
  WHEN (NEW.given_beside) EXECUTE FUNCTION dose_is_given_beside();

-- What was checked and is put right is checked again.
CREATE FUNCTION checked_dose_is_checked_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.state IN ('PREPARED', 'INFUSED'),
               'what_was_checked_is_checked_again', 'the dose is not as it was checked');
  RETURN NEW;
END $$;
CREATE TRIGGER checked_dose_is_checked_again BEFORE UPDATE ON dose FOR EACH ROW
  WHEN (OLD.state IN ('CHECKED_ONCE', 'CHECKED')
        AND (OLD.pooled_ml, OLD.total_cells_per_ml, OLD.viability_percent, OLD.counted_at, OLD.draw_ml,
             OLD.delivered_cells, OLD.final_volume_ml, OLD.prepared_at, OLD.thaw_started_at, OLD.expires_at)
            IS DISTINCT FROM
            (NEW.pooled_ml, NEW.total_cells_per_ml, NEW.viability_percent, NEW.counted_at, NEW.draw_ml,
             NEW.delivered_cells, NEW.final_volume_ml, NEW.prepared_at, NEW.thaw_started_at, NEW.expires_at))
  EXECUTE FUNCTION checked_dose_is_checked_again();

-- Only what was given has no order. Twin: `services/clinic/unordered.py`.
CREATE FUNCTION unordered_is_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(told_late(), 'only_what_was_given_has_no_order', 'a dose is ordered before it is given');
  RETURN NEW;
END $$;
CREATE TRIGGER a_dose_is_ordered BEFORE INSERT ON dose FOR EACH ROW
  WHEN (NEW.state = 'UNORDERED') EXECUTE FUNCTION unordered_is_told();

-- What was noted stays.
CREATE TRIGGER what_was_not_ordered_is_only_told BEFORE UPDATE OF state ON dose FOR EACH ROW
  WHEN (OLD.state = 'UNORDERED' AND NEW.state NOT IN ('UNORDERED', 'INFUSED', 'CANCELLED'))
  EXECUTE FUNCTION it_stays('only_what_was_given_has_no_order', 'a dose without an order is only told of, by its form');
CREATE TRIGGER what_was_noted_stays BEFORE UPDATE ON dose FOR EACH ROW
  WHEN ((OLD.infusion_number, OLD.day, OLD.weight_id, OLD.required_cells, OLD.vials_needed, OLD.vials_spare,
         OLD.calculation, OLD.ordered_at, OLD.ordered_by_id) IS DISTINCT FROM
        (NEW.infusion_number, NEW.day, NEW.weight_id, NEW.required_cells, NEW.vials_needed, NEW.vials_spare,
         NEW.calculation, NEW.ordered_at, NEW.ordered_by_id))
  EXECUTE FUNCTION it_stays('a_dose_stays_as_ordered', 'a dose is ordered again, and its order never changed');
CREATE TRIGGER what_was_noted_stays BEFORE UPDATE ON weight FOR EACH ROW
  WHEN ((OLD.code, OLD.subject_id, OLD.weight_kg, OLD.method, OLD.measured_at, OLD.measured_by_id) IS DISTINCT FROM
        (NEW.code, NEW.subject_id, NEW.weight_kg, NEW.method, NEW.measured_at, NEW.measured_by_id)
        OR (OLD.state = 'CONFIRMED' AND (NEW.state, NEW.confirmed_by_id, NEW.confirmed_at) IS DISTINCT FROM
                                        (OLD.state, OLD.confirmed_by_id, OLD.confirmed_at)))
  EXECUTE FUNCTION it_stays('a_weight_stays_as_measured', 'a weight is measured again, and never changed');

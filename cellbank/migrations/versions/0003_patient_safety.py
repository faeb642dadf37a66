"""The rules that protect a patient, a second time: each with a name that the application turns into a refusal.

Their twins, with reasons and the way out, stand in `cellbank/domain/rules`; who changes one changes both.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FUNCTIONS = """
CREATE FUNCTION must(holds boolean, rule text, sentence text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF holds IS NOT TRUE THEN
    RAISE EXCEPTION '%', sentence USING ERRCODE = '23514', CONSTRAINT = rule;
  END IF;
END $$;

-- Everybody who did anything to the lot, its vials, its results, or the cultures that it came from.
CREATE FUNCTION lot_performers(the_lot bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  WITH RECURSIVE line AS (
    SELECT culture_id AS id FROM lot_source WHERE lot_id = the_lot
    UNION
    SELECT c.parent_id FROM line JOIN culture c ON c.id = line.id WHERE c.parent_id IS NOT NULL
  ), touched(kind, id) AS (
    SELECT 'lot', the_lot
    UNION ALL SELECT 'culture', id FROM line
    UNION ALL SELECT 'vial', id FROM vial WHERE lot_id = the_lot
    UNION ALL SELECT 'test_result', id FROM test_result WHERE lot_id = the_lot
  )
  SELECT DISTINCT a.person_id
    FROM touched t
    JOIN change c ON c.record_kind = t.kind AND c.record_id = t.id
    JOIN act a ON a.id = c.act_id
   WHERE a.name NOT IN ('release_lot', 'reject_lot', 'recall_lot', 'hold_lot', 'lift_hold', 'order_dose', 'cancel_dose',
                        'withdraw_consent', 'determine_eligibility', 'review_results')
$$;

CREATE FUNCTION vial_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_lot record;
  the_dose record;
BEGIN
  PERFORM must(OLD.dose_id IS NULL OR NEW.dose_id IS NULL OR NEW.dose_id = OLD.dose_id,
               'one_live_reservation_per_vial', 'a reserved vial cannot be reserved for another dose');
  PERFORM must(OLD.thawed_at IS NULL OR NEW.thawed_at = OLD.thawed_at,
               'a_thaw_is_never_undone', 'a thaw cannot be undone');
  PERFORM must(NEW.code = OLD.code AND NEW.lot_id = OLD.lot_id AND NEW.donation_id = OLD.donation_id,
               'a_vial_keeps_its_identity', 'a vial never changes its lot or its identifier');
  PERFORM must(NEW.state = OLD.state OR OLD.state NOT IN ('INFUSED', 'DISCARDED', 'CULTURED', 'QC_USED', 'VOIDED'),
               'a_used_vial_stays_used', 'a vial that was used or destroyed never comes back');
  IF NEW.thawed_at IS NOT NULL AND OLD.thawed_at IS NULL AND NEW.dose_id IS NOT NULL THEN
    SELECT l.state, l.expires_on >= (NEW.thawed_at AT TIME ZONE s.timezone)::date AS keeps INTO the_lot
      FROM lot l JOIN site s ON s.id = l.site_id WHERE l.id = NEW.lot_id FOR SHARE OF l;
    PERFORM must(the_lot.state = 'RELEASED', 'dose_only_from_a_released_lot', 'the lot is not released');
    PERFORM must(the_lot.keeps, 'nothing_expired_is_thawed', 'the lot has expired');
  END IF;
  IF NEW.dose_id IS NOT NULL AND OLD.dose_id IS NULL THEN
    SELECT state, purpose INTO the_lot FROM lot WHERE id = NEW.lot_id FOR SHARE;
    PERFORM must(the_lot.state = 'RELEASED' AND the_lot.purpose = 'product',
                 'only_vials_of_a_released_lot_are_reserved', 'the lot is not released');
    SELECT lot_id INTO the_dose FROM dose WHERE id = NEW.dose_id;
    PERFORM must(the_dose.lot_id = NEW.lot_id, 'a_dose_comes_from_one_lot', 'the vial is of another lot than the dose');
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION dose_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_subject record;
  the_lot text;
BEGIN
  IF TG_OP = 'INSERT' OR (NEW.state = 'INFUSING' AND OLD.state <> 'INFUSING') THEN
    SELECT state, receives_product INTO the_subject FROM subject WHERE id = NEW.subject_id FOR SHARE;
    PERFORM must(the_subject.receives_product, 'no_dose_for_the_control_arm', 'the subject is in an arm without product');
    PERFORM must(the_subject.state = 'ENROLLED', 'dose_only_for_an_enrolled_subject', 'the subject is not enrolled');
    SELECT state INTO the_lot FROM lot WHERE id = NEW.lot_id FOR SHARE;
    PERFORM must(the_lot = 'RELEASED', 'dose_only_from_a_released_lot', 'the lot is not released');
    PERFORM must(NEW.weight_id IS NULL OR (SELECT subject_id FROM weight WHERE id = NEW.weight_id) = NEW.subject_id,
                 'the_weight_is_of_the_subject', 'the weight is that of another subject');
  END IF;
  IF TG_OP = 'UPDATE' THEN
    PERFORM must(NEW.subject_id = OLD.subject_id AND NEW.lot_id = OLD.lot_id AND NEW.code = OLD.code,
                 'a_dose_keeps_its_subject', 'a dose never changes its subject, lot or identifier');
    PERFORM must(OLD.infusion_started_at IS NULL OR NEW.infusion_started_at = OLD.infusion_started_at,
                 'an_infusion_starts_once', 'the infusion has started');
    PERFORM must(NEW.state = OLD.state OR OLD.state NOT IN ('CANCELLED', 'DISCARDED', 'RECONCILED'),
                 'a_finished_dose_stays_finished', 'a finished dose never goes on');
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION subject_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.arm = OLD.arm AND NEW.receives_product = OLD.receives_product AND NEW.protocol_id = OLD.protocol_id
               AND NEW.code = OLD.code, 'a_subject_keeps_its_arm', 'a subject never changes its arm, protocol or code');
  RETURN NEW;
END $$;

CREATE FUNCTION placement_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  box record;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    PERFORM must(NEW.vial_id = OLD.vial_id AND NEW.box_id = OLD.box_id AND NEW.position = OLD.position
                 AND OLD.taken_at IS NULL, 'a_placement_only_ends', 'a placement can only be ended');
    RETURN NEW;
  END IF;
  SELECT type, state, parent_id, row_count * column_count AS size INTO box
    FROM storage_unit WHERE id = NEW.box_id FOR SHARE;
  PERFORM must(box.type = 'box' AND NEW.position <= box.size, 'the_position_exists', 'the box has no such position');
  PERFORM must(box.state = 'IN_SERVICE' AND NOT EXISTS (
    SELECT FROM storage_unit rack LEFT JOIN storage_unit tank ON tank.id = rack.parent_id
     WHERE rack.id = box.parent_id AND (rack.state <> 'IN_SERVICE' OR tank.state <> 'IN_SERVICE')),
    'the_box_is_in_service', 'the box, or what it stands in, is out of service');
  RETURN NEW;
END $$;

CREATE FUNCTION lot_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state = 'FILLED' AND NEW.state = 'QUARANTINE' THEN
    PERFORM must(NOT EXISTS (
      SELECT FROM hold h JOIN donation d ON d.id = NEW.donation_id
       WHERE h.state = 'PLACED' AND (h.lot_id = NEW.id OR h.donor_id = d.donor_id)),
      'a_held_lot_is_born_on_hold', 'a hold is in force');
  END IF;
  IF NEW.state = 'RELEASED' AND OLD.state <> 'RELEASED' THEN
    PERFORM must(NOT EXISTS (
      SELECT FROM hold h JOIN donation d ON d.id = NEW.donation_id
       WHERE h.state = 'PLACED' AND (h.lot_id = NEW.id OR h.donor_id = d.donor_id)),
      'no_release_under_a_hold', 'a hold is in force');
    PERFORM must((SELECT o.state FROM donation d JOIN donor o ON o.id = d.donor_id WHERE d.id = NEW.donation_id) = 'ELIGIBLE',
                 'released_lots_have_an_eligible_donor', 'the donor is not determined eligible');
    PERFORM must(EXISTS (
      SELECT FROM consent c JOIN donation d ON d.donor_id = c.donor_id
       WHERE d.id = NEW.donation_id AND c.state = 'GIVEN'),
      'no_release_without_consent', 'no consent of the donor is in force');
    PERFORM must(NOT EXISTS (
      SELECT FROM (SELECT DISTINCT ON (test) verdict, state FROM test_result
                    WHERE lot_id = NEW.id AND state <> 'DISPUTED' ORDER BY test, resulted_at DESC, id DESC) deciding
       WHERE verdict = 'OUT_OF_SPECIFICATION' OR (verdict = 'IN_SPECIFICATION' AND state = 'ENTERED')),
      'no_release_against_a_result', 'a result is out of specification or not reviewed');
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION donor_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state = 'ELIGIBLE' AND OLD.state <> 'ELIGIBLE' THEN
    PERFORM must(EXISTS (SELECT FROM consent WHERE donor_id = NEW.id AND state = 'GIVEN'),
                 'an_eligible_donor_has_consented', 'no consent of the donor is in force');
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION donation_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(EXISTS (SELECT FROM consent WHERE donor_id = NEW.donor_id),
               'a_donation_has_a_consent', 'the donor never consented');
  RETURN NEW;
END $$;

CREATE FUNCTION culture_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  source record;
BEGIN
  IF NEW.source_vial_id IS NOT NULL THEN
    SELECT l.state, l.purpose INTO source FROM vial v JOIN lot l ON l.id = v.lot_id
     WHERE v.id = NEW.source_vial_id FOR SHARE OF l;
    PERFORM must(source.state = 'RELEASED' AND source.purpose IN ('master_bank', 'working_bank'),
                 'only_vials_of_a_released_bank_are_cultured', 'the lot is not a released bank');
  ELSIF NEW.parent_id IS NULL THEN
    SELECT d.state, o.state AS donor_state INTO source FROM donation d JOIN donor o ON o.id = d.donor_id
     WHERE d.id = NEW.donation_id FOR SHARE OF d, o;
    PERFORM must(source.state = 'ACCEPTED', 'cells_only_from_an_accepted_donation', 'the donation is not accepted');
    PERFORM must(source.donor_state <> 'INELIGIBLE', 'no_cells_from_an_ineligible_donor', 'the donor is ineligible');
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION reagent_use_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  used record;
BEGIN
  SELECT r.state, r.expires_on, s.timezone INTO used FROM reagent_lot r JOIN site s ON s.id = r.site_id
   WHERE r.id = NEW.reagent_lot_id FOR SHARE OF r;
  PERFORM must(used.state = 'ACCEPTED', 'only_accepted_reagents_are_used', 'the reagent is not accepted');
  PERFORM must((NEW.used_at AT TIME ZONE used.timezone)::date <= used.expires_on,
               'no_expired_reagent_is_used', 'the reagent has expired');
  RETURN NEW;
END $$;

-- At commit: a released lot carries the signature of somebody who performed nothing in it.
CREATE FUNCTION lot_release_is_signed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(EXISTS (SELECT FROM signature WHERE record_kind = 'lot' AND record_id = NEW.id AND meaning = 'released'),
               'a_release_is_signed', 'the lot was released without a signature');
  RETURN NULL;
END $$;

CREATE FUNCTION signature_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT (SELECT roles && '{administrator,auditor,system}'::text[] AND cardinality(roles) = 1
                      FROM person WHERE id = NEW.person_id),
               'an_administrator_never_signs', 'an administrator or auditor cannot sign');
  IF NEW.record_kind = 'lot' AND NEW.meaning IN ('released', 'rejected') THEN
    PERFORM must(NEW.person_id NOT IN (SELECT lot_performers(NEW.record_id)),
                 'the_signer_performed_nothing', 'the signer worked on the lot');
  END IF;
  RETURN NEW;
END $$;
"""

TRIGGERS = (
    ("vial_safety", "vial", "BEFORE UPDATE"),
    ("dose_safety", "dose", "BEFORE INSERT OR UPDATE"),
    ("subject_safety", "subject", "BEFORE UPDATE"),
    ("placement_safety", "placement", "BEFORE INSERT OR UPDATE"),
    ("lot_safety", "lot", "BEFORE UPDATE"),
    ("donor_safety", "donor", "BEFORE UPDATE"),
    ("donation_safety", "donation", "BEFORE INSERT"),
    ("culture_safety", "culture", "BEFORE INSERT"),
    ("reagent_use_safety", "reagent_use", "BEFORE INSERT"),
    ("signature_safety", "signature", "BEFORE INSERT"),
)


def upgrade() -> None:
    op.execute(FUNCTIONS)
    for name, table, when in TRIGGERS:
        op.execute(f"CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
    op.execute(
        "CREATE CONSTRAINT TRIGGER lot_release_is_signed AFTER UPDATE ON lot DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
        "WHEN (NEW.state = 'RELEASED' AND OLD.state <> 'RELEASED') EXECUTE FUNCTION lot_release_is_signed()"
    )


def downgrade() -> None:
    for name, table, _ in TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}()")
    op.execute("DROP TRIGGER lot_release_is_signed ON lot; DROP FUNCTION lot_release_is_signed()")
    op.execute("DROP FUNCTION lot_performers(bigint), must(boolean, text, text)")

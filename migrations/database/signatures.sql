-- Signatures: who may sign, what a signature means and what it covers. Twins: `domain/rules/signing.py`,
-- `domain/transitions.py` (what an act signs), `SIGNED` and `SIGNED_BY` of the records, `records/work.py` (content_digest).

-- Who signs is no administrator, has accepted the agreement, is trained, and has not done the work that they sign for.
CREATE FUNCTION signature_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  decides boolean := (SELECT roles = '{administrator}'::text[] AND NEW.record_kind IN ('account_change', 'training')
                        FROM person WHERE id = NEW.person_id);
BEGIN
  PERFORM must(decides OR NOT (SELECT roles && '{administrator,auditor,system}'::text[] AND cardinality(roles) = 1
                                 FROM person WHERE id = NEW.person_id),
               'an_administrator_never_signs', 'an administrator or auditor cannot sign');
  PERFORM must((SELECT agreement_version IS NOT NULL FROM person WHERE id = NEW.person_id),
               'a_signer_has_accepted_the_agreement', 'the signer has not accepted the statement on signatures');
  PERFORM must(decides OR EXISTS (
    SELECT FROM training t JOIN person p ON p.id = t.person_id JOIN site s ON s.id = p.site_id
     WHERE t.person_id = NEW.person_id AND t.state = 'VALID' AND t.role = ANY (p.roles)
       AND (NEW.signed_at AT TIME ZONE s.timezone)::date BETWEEN t.trained_on AND t.valid_until),
    'a_signer_is_trained', 'no training of the signer is valid on this day');
  IF NEW.record_kind = 'lot' AND NEW.meaning IN ('released', 'rejected') THEN
    PERFORM must(NEW.person_id NOT IN (SELECT lot_performers(NEW.record_id)),
                 'the_signer_performed_nothing', 'the signer worked on the lot');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER signature_safety BEFORE INSERT ON signature FOR EACH ROW EXECUTE FUNCTION signature_safety();

-- A signature is of whoever acts, means what its act means, and covers its record as it stands.
CREATE FUNCTION signature_tells_what_was_signed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  doing record;
  covered text[];
BEGIN
  SELECT a.id, a.name, a.at, a.person_id, p.full_name INTO doing FROM act a JOIN person p ON p.id = a.person_id
   WHERE a.id = acting();
  PERFORM must((NEW.act_id, NEW.person_id, NEW.full_name, NEW.signed_at) =
               (doing.id, doing.person_id, doing.full_name, doing.at),
               'a_signature_is_of_who_acts', 'whoever acts signs, under their own name, and then');
  SELECT columns INTO covered FROM signed_in(doing.name, NEW.record_kind) WHERE meaning = NEW.meaning;
  PERFORM must(covered IS NOT NULL, 'a_signature_means_what_its_act_does', 'the act signs no such record, or means another thing');
  PERFORM must(NEW.digest = signed_digest(NEW.record_kind, NEW.record_id, covered),
               'a_signature_covers_its_record', 'the digest is not of the record as it stands');
  RETURN NEW;
END $$;
CREATE TRIGGER signature_tells_what_was_signed BEFORE INSERT ON signature FOR EACH ROW
  EXECUTE FUNCTION signature_tells_what_was_signed();

-- What an act signs: the kinds of record, the meanings, and the columns that the signature covers.
CREATE FUNCTION signed_in(the_act text, the_kind text) RETURNS TABLE(meaning text, columns text[])
  LANGUAGE sql IMMUTABLE AS $$
  SELECT signs.meaning, string_to_array(signs.columns, ' ') FROM (VALUES
    ('confirm_account_change', 'account_change', 'approved', 'person_id change roles also_at email reason asked_at asked_by_id'),
    ('confirm_unlock', 'account_change', 'approved', 'person_id change roles also_at email reason asked_at asked_by_id'),
    ('review_batch_record', 'batch_review', 'reviewed', 'lot_id digest note reviewed_at'),
    ('approve_conditional_release', 'conditional_release', 'approved', 'lot_id subject_id pending justification requested_at'),
    ('request_conditional_release', 'conditional_release', 'approved', 'lot_id subject_id pending justification requested_at'),
    ('sign_for_sponsor', 'conditional_release', 'approved', 'lot_id subject_id pending justification requested_at'),
    ('correct_fact', 'correction', 'performed', 'culture_id lot_id vial_id dose_id column_name before after follows reason'),
    ('verify_action', 'corrective_action', 'approved', 'deviation_id type description due_on done_at done_note verification'),
    ('verify_action', 'corrective_action', 'rejected', 'deviation_id type description due_on done_at done_note verification'),
    ('make_effective', 'definition', 'approved', 'type identifier version content digest'),
    ('close_deviation', 'deviation', 'approved', 'title description classification occurred_at investigation root_cause decision'),
    ('reopen_deviation', 'deviation', 'approved', 'title description classification occurred_at investigation root_cause decision'),
    ('decide_donation', 'donation', 'approved', 'code collected_at received_at transport_min_c transport_max_c decision_reason'),
    ('decide_donation', 'donation', 'rejected', 'code collected_at received_at transport_min_c transport_max_c decision_reason'),
    ('determine_eligibility', 'donor', 'approved', 'code pseudonym birth_year delivered_at eligibility_reason'),
    ('determine_eligibility', 'donor', 'rejected', 'code pseudonym birth_year delivered_at eligibility_reason'),
    ('accept_short_dose', 'dose', 'approved', 'code subject_id infusion_number day lot_id required_cells viability_percent count_method total_cells_per_ml pooled_ml diluent thaw_started_at counted_at is_short short_dose_reason'),
    ('check_dose', 'dose', 'verified', 'code subject_id infusion_number day lot_id required_cells expires_at delivered_cells delivered_percent draw_ml final_volume_ml prepared_by_id prepared_at band_reason viability_percent count_method total_cells_per_ml pooled_ml diluent thaw_started_at counted_at is_short short_dose_reason'),
    ('confirm_dose_from_paper', 'dose', 'verified', 'code subject_id infusion_number day lot_id required_cells expires_at delivered_cells delivered_percent draw_ml final_volume_ml prepared_by_id prepared_at band_reason viability_percent count_method total_cells_per_ml pooled_ml diluent thaw_started_at counted_at is_short short_dose_reason first_checked_at first_checked_by_id second_checked_at second_checked_by_id infusion_started_at infusion_stopped_at volume_given_ml outcome_reason'),
    ('enter_dose_from_paper', 'dose', 'verified', 'code subject_id infusion_number day lot_id required_cells'),
    ('order_dose', 'dose', 'approved', 'code subject_id lot_id weight_id infusion_number day required_cells vials_needed calculation ordered_at vials_spare deviation_reason'),
    ('plan_dose_anew', 'dose', 'approved', 'code subject_id infusion_number day lot_id required_cells planned_on planned_anew_because'),
    ('confirm_dose_from_paper', 'dose_paper', 'verified', 'dose_id content irregular'),
    ('enter_dose_from_paper', 'dose_paper', 'verified', 'dose_id content irregular'),
    ('take_back_paper_form', 'dose_paper', 'rejected', 'dose_id content irregular'),
    ('decide_excursion', 'excursion', 'approved', 'code category started_at ended_at end_reason peak_c warn_seconds critical_seconds reject_seconds decision_reason decided_by_id'),
    ('decide_excursion', 'excursion', 'rejected', 'code category started_at ended_at end_reason peak_c warn_seconds critical_seconds reject_seconds decision_reason decided_by_id'),
    ('end_silence', 'excursion', 'approved', 'code category started_at ended_at end_reason peak_c warn_seconds critical_seconds reject_seconds decision_reason decided_by_id'),
    ('lift_hold', 'hold', 'approved', 'donor_id lot_id reagent_lot_id storage_unit_id reason placed_at lift_reason'),
    ('determine_eligibility', 'lot', 'rejected', 'code purpose donation_id specification_id cells_per_vial volume_ml expires_on frozen_at'),
    ('lift_hold', 'lot', 'approved', 'code purpose donation_id specification_id cells_per_vial volume_ml expires_on frozen_at'),
    ('recall_lot', 'lot', 'rejected', 'code purpose donation_id specification_id cells_per_vial volume_ml expires_on frozen_at decision_reason'),
    ('reject_lot', 'lot', 'rejected', 'code purpose donation_id specification_id cells_per_vial volume_ml expires_on frozen_at decision_reason'),
    ('release_lot', 'lot', 'released', 'code purpose donation_id specification_id cells_per_vial volume_ml expires_on frozen_at'),
    ('change_probe_limits', 'probe', 'approved', 'code warn_above_c warn_minutes critical_above_c critical_readings reject_above_c gap_minutes acknowledge_minutes'),
    ('decide_reagent', 'reagent_lot', 'approved', 'code name manufacturer_lot certificate expires_on decision_reason'),
    ('decide_reagent', 'reagent_lot', 'rejected', 'code name manufacturer_lot certificate expires_on decision_reason'),
    ('recall_reagent', 'reagent_lot', 'rejected', 'code name manufacturer_lot certificate expires_on decision_reason'),
    ('accept_shipment', 'shipment', 'approved', 'code from_site_id to_site_id shipper_id logger_id seals sent_at received_at seals_found differences decision_reason'),
    ('hand_over_shipment', 'shipment', 'performed', 'code from_site_id to_site_id shipper_id logger_id charged_at charge_kg planned_hours seals sealed_at'),
    ('receive_shipment', 'shipment', 'verified', 'code from_site_id to_site_id shipper_id logger_id charged_at charge_kg planned_hours seals sealed_at received_at seals_found'),
    ('reject_shipment', 'shipment', 'rejected', 'code from_site_id to_site_id shipper_id logger_id seals sent_at received_at seals_found differences decision_reason'),
    ('take_over_shipment', 'shipment', 'performed', 'code from_site_id to_site_id shipper_id logger_id charged_at charge_kg planned_hours seals sealed_at'),
    ('move_to_amendment', 'subject', 'approved', 'code trial_number second_identifier sex born_on arm protocol_id answers'),
    ('order_dose', 'subject', 'approved', 'code trial_number second_identifier arm protocol_id'),
    ('sign_eligibility', 'subject', 'approved', 'code trial_number second_identifier sex born_on arm protocol_id answers'),
    ('sign_eligibility', 'subject', 'rejected', 'code trial_number second_identifier sex born_on arm protocol_id answers'),
    ('invalidate_result', 'test_result', 'approved', 'code test number choice method started_at resulted_at verdict'),
    ('review_results', 'test_result', 'reviewed', 'code test number choice method started_at resulted_at verdict'),
    ('review_trail', 'trail_review', 'reviewed', 'first_act last_act record_code findings reviewed_at'),
    ('confirm_training', 'training', 'approved', 'person_id role procedure trained_on valid_until recorded_by_id'),
    ('continue_treatment', 'treatment_decision', 'approved', 'code subject_id covers reason decided_at'),
    ('order_dose', 'vial', 'approved', '')
  ) AS signs (act, kind, meaning, columns) WHERE signs.act = the_act AND signs.kind = the_kind
$$;

-- The digest of what a signature covers, to the byte as the application computes it.
CREATE FUNCTION signed_digest(kind text, the_id bigint, columns text[]) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  fields text;
  content text;
BEGIN
  SELECT string_agg(format('%L || coalesce(' || CASE format_type(a.atttypid, NULL)
             WHEN 'jsonb' THEN 'canonical_json(r.%I)'
             WHEN 'numeric' THEN '''"'' || r.%I || ''"'''
             WHEN 'timestamp with time zone' THEN '''"'' || canonical_time(r.%I) || ''"'''
             ELSE 'to_json(r.%I)::text' END || ', ''null'')', to_json(a.attname)::text || ':', a.attname),
           ' || '','' || ' ORDER BY a.attname COLLATE "C")
    INTO fields FROM pg_attribute a
   WHERE a.attrelid = kind::regclass AND a.attname = ANY (columns) AND NOT a.attisdropped;
  EXECUTE format('SELECT %s FROM %I r WHERE r.id = $1', coalesce(fields, ''''''), kind) INTO content USING the_id;
  RETURN encode(sha256(convert_to('["' || kind || '",' || the_id || ',{' || content || '}]', 'UTF8')), 'hex');
END $$;

-- JSON as the application writes it (`records/base.as_json`): keys sorted, numbers with a point and times as text, letters
-- as they are.
CREATE FUNCTION canonical_json(value jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  shown text := value::text;
BEGIN
  CASE jsonb_typeof(value)
    WHEN 'object' THEN
      SELECT '{' || coalesce(string_agg(to_json(name)::text || ':' || canonical_json(part), ',' ORDER BY name COLLATE "C"), '')
             || '}' INTO shown FROM jsonb_each(value) AS field (name, part);
    WHEN 'array' THEN
      SELECT '[' || coalesce(string_agg(canonical_json(part), ',' ORDER BY place), '') || ']' INTO shown
        FROM jsonb_array_elements(value) WITH ORDINALITY AS item (part, place);
    WHEN 'number' THEN
      IF position('.' IN shown) > 0 THEN
        shown := shown::float8::text;
        shown := shown || CASE WHEN shown ~ '[.e]' THEN '' ELSE '.0' END;
      END IF;
    ELSE NULL;
  END CASE;
  RETURN shown;
END $$;

CREATE FUNCTION canonical_time(moment timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
         || CASE WHEN date_trunc('second', moment AT TIME ZONE 'UTC') = moment AT TIME ZONE 'UTC' THEN ''
                 ELSE to_char(moment AT TIME ZONE 'UTC', '.US') END || '+00:00'
$$;

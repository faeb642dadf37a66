"""A signature is of whoever acts, means what its act means, and covers its record as it stands; who did something is who
acts.

Twins: `domain/transitions.py` (what an act signs), `SIGNED` and `SIGNED_BY` of the records, `records/work.py` (`content_digest`,
which is computed here once more to the byte).
"""

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None

# Of each kind of record the acts that sign it, with the meanings that they may have.
MEANS = {
    "account_change": {"confirm_account_change": "approved"},
    "batch_review": {"review_batch_record": "reviewed"},
    "conditional_release": {
        "approve_conditional_release": "approved", "request_conditional_release": "approved",
        "sign_for_sponsor": "approved",
    },
    "correction": {"correct_fact": "performed"},
    "corrective_action": {"verify_action": "approved rejected"},
    "definition": {"make_effective": "approved"},
    "deviation": {"close_deviation": "approved", "reopen_deviation": "approved"},
    "donation": {"decide_donation": "approved rejected"},
    "donor": {"determine_eligibility": "approved rejected"},
    "dose": {
        "accept_short_dose": "approved", "check_dose": "verified", "confirm_dose_from_paper": "verified",
        "enter_dose_from_paper": "verified", "order_dose": "approved", "plan_dose_anew": "approved",
    },
    "dose_paper": {
        "confirm_dose_from_paper": "verified", "enter_dose_from_paper": "verified", "take_back_paper_form": "rejected",
    },
    "excursion": {"decide_excursion": "approved rejected", "end_silence": "approved"},
    "hold": {"lift_hold": "approved"},
    "lot": {
        "determine_eligibility": "rejected", "lift_hold": "approved", "recall_lot": "rejected", "reject_lot": "rejected",
        "release_lot": "released",
    },
    "probe": {"change_probe_limits": "approved"},
    "reagent_lot": {"decide_reagent": "approved rejected", "recall_reagent": "rejected"},
    "shipment": {
        "accept_shipment": "approved", "hand_over_shipment": "performed", "receive_shipment": "verified",
        "reject_shipment": "rejected", "take_over_shipment": "performed",
    },
    "subject": {"move_to_amendment": "approved", "order_dose": "approved", "sign_eligibility": "approved rejected"},
    "test_result": {"invalidate_result": "approved", "review_results": "reviewed"},
    "trail_review": {"review_trail": "reviewed"},
    "training": {"confirm_training": "approved"},
    "treatment_decision": {"continue_treatment": "approved"},
    "vial": {"order_dose": "approved"},
}  # fmt: skip
_OF_THE_DOSE = "code subject_id infusion_number day lot_id required_cells"
_DRAWN_UP = (
    "expires_at delivered_cells delivered_percent draw_ml final_volume_ml prepared_by_id prepared_at band_reason"
)
_COUNTED = (
    "viability_percent count_method total_cells_per_ml pooled_ml diluent thaw_started_at counted_at is_short "
    "short_dose_reason"
)
_GIVEN = (
    "first_checked_at first_checked_by_id second_checked_at second_checked_by_id infusion_started_at "
    "infusion_stopped_at volume_given_ml outcome_reason"
)
_ORDER = (
    "code subject_id lot_id weight_id infusion_number day required_cells vials_needed calculation ordered_at"
)
_LOT = "code purpose donation_id specification_id cells_per_vial volume_ml expires_on frozen_at"
_SENT = (
    "code from_site_id to_site_id shipper_id logger_id charged_at charge_kg planned_hours seals sealed_at"
)
# What a signature covers of a record; where an act signs for something else, it is named.
COVERS = {
    "account_change": "person_id change roles also_at reason asked_at asked_by_id",
    "batch_review": "lot_id digest note reviewed_at",
    "conditional_release": "lot_id subject_id pending justification requested_at",
    "correction": "culture_id lot_id vial_id dose_id column_name before after follows reason",
    "corrective_action": "deviation_id type description due_on done_at done_note verification",
    "definition": "type identifier version content digest",
    "deviation": "title description classification occurred_at investigation root_cause decision",
    "donation": "code collected_at received_at transport_min_c transport_max_c decision_reason",
    "donor": "code pseudonym birth_year delivered_at eligibility_reason",
    "dose": _ORDER,
    "dose order_dose": f"{_ORDER} vials_spare deviation_reason",
    "dose plan_dose_anew": f"{_OF_THE_DOSE} planned_on planned_anew_because",
    "dose accept_short_dose": f"{_OF_THE_DOSE} {_COUNTED}",
    "dose check_dose": f"{_OF_THE_DOSE} {_DRAWN_UP} {_COUNTED}",
    "dose enter_dose_from_paper": _OF_THE_DOSE,
    "dose confirm_dose_from_paper": f"{_OF_THE_DOSE} {_DRAWN_UP} {_COUNTED} {_GIVEN}",
    "dose_paper": "dose_id content irregular",
    "excursion": "code category started_at ended_at end_reason peak_c warn_seconds critical_seconds reject_seconds "
                 "decision_reason decided_by_id",
    "hold": "donor_id lot_id reagent_lot_id storage_unit_id reason placed_at lift_reason",
    "lot": _LOT,
    "lot reject_lot": f"{_LOT} decision_reason",
    "lot recall_lot": f"{_LOT} decision_reason",
    "probe": "code warn_above_c warn_minutes critical_above_c critical_readings reject_above_c gap_minutes "
             "acknowledge_minutes",
    "reagent_lot": "code name manufacturer_lot certificate expires_on decision_reason",
    "shipment": "code from_site_id to_site_id shipper_id logger_id seals sent_at received_at seals_found differences "
                "decision_reason",
    "shipment hand_over_shipment": _SENT,
    "shipment take_over_shipment": _SENT,
    "shipment receive_shipment": f"{_SENT} received_at seals_found",
    "subject": "code trial_number second_identifier sex born_on arm protocol_id answers",
    "subject order_dose": "code trial_number second_identifier arm protocol_id",
    "test_result": "code test number choice method started_at resulted_at verdict",
    "trail_review": "first_act last_act record_code findings reviewed_at",
    "training": "person_id role procedure trained_on valid_until recorded_by_id",
    "treatment_decision": "code subject_id covers reason decided_at",
    "vial": "",
}  # fmt: skip
SIGNED_IN = """
CREATE FUNCTION signed_in(the_act text, the_kind text) RETURNS TABLE (meaning text, columns text[])
LANGUAGE sql IMMUTABLE AS $$
  SELECT signs.meaning, string_to_array(signs.columns, ' ') FROM (VALUES
{rows}
  ) AS signs (act, kind, meaning, columns) WHERE signs.act = the_act AND signs.kind = the_kind
$$;
"""
# Canonical JSON as the application writes it (`records/base.as_json`): keys sorted, numbers with a point and times as
# text, letters as they are.
DIGEST = """
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
"""
SIGNATURES = """
CREATE FUNCTION signature_tells_what_was_signed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  doing record;
  covered text[];
BEGIN
  SELECT a.id, a.name, a.at, a.person_id, p.full_name INTO doing FROM act a JOIN person p ON p.id = a.person_id
   WHERE a.id = nullif(current_setting('cellbank.act', true), '')::bigint;
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
"""
# The arguments name columns of the row. A form tells who made the steps of a dose: its own two people sign for it.
WHO = """
CREATE FUNCTION who_did_it_acts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  after jsonb := to_jsonb(NEW);
  before jsonb := CASE TG_OP WHEN 'UPDATE' THEN to_jsonb(OLD) END;
  who text;
BEGIN
  FOREACH who IN ARRAY TG_ARGV LOOP
    IF after -> who <> 'null' AND after -> who IS DISTINCT FROM before -> who THEN
      PERFORM must((after ->> who)::bigint = acting_person()
                   OR (TG_TABLE_NAME = 'dose' AND act_in_progress() = 'confirm_dose_from_paper'),
                   'who_did_it_is_who_acts', who || ' is somebody else than the person who acts');
    END IF;
  END LOOP;
  RETURN NEW;
END $$;
"""
PEOPLE = sa.text(
    """SELECT c.conrelid::regclass::text AS kind, array_agg(a.attname::text ORDER BY a.attname) AS columns
         FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        WHERE c.contype = 'f' AND c.confrelid = 'person'::regclass AND a.attname LIKE '%\\_by\\_id'
          AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.conrelid AND t.tgname = 'trail_change')
        GROUP BY c.conrelid ORDER BY 1"""
)


def upgrade() -> None:
    """Forward."""
    rows = [
        f"    ('{act}', '{kind}', '{meaning}', '{COVERS.get(f'{kind} {act}', COVERS[kind])}')"
        for kind, acts in MEANS.items() for act, meanings in acts.items() for meaning in meanings.split()
    ]  # fmt: skip
    for statements in (SIGNED_IN.format(rows=",\n".join(rows)), DIGEST, SIGNATURES, WHO):
        op.execute(sa.text(statements.replace(":", r"\:")))
    for kind, columns in op.get_bind().execute(PEOPLE):
        names = ", ".join(columns)
        op.execute(
            f"CREATE TRIGGER who_did_it_acts BEFORE INSERT OR UPDATE OF {names} ON {kind} FOR EACH ROW "
            f"EXECUTE FUNCTION who_did_it_acts({names})"
        )


def downgrade() -> None:
    """Back."""
    for kind, _ in op.get_bind().execute(PEOPLE):
        op.execute(f"DROP TRIGGER who_did_it_acts ON {kind}")
    op.execute("DROP TRIGGER signature_tells_what_was_signed ON signature")
    op.execute(
        "DROP FUNCTION who_did_it_acts(), signature_tells_what_was_signed(), signed_digest(text, bigint, text[]), "
        "canonical_time(timestamptz), canonical_json(jsonb), signed_in(text, text)"
    )

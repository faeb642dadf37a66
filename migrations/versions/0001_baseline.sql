-- All tables, in the order of their references. Frozen: what comes later stands in revisions of its own.
-- A table is described column by column in the file of cellbank/records that has its class.

CREATE TABLE definition (
  type text NOT NULL,
  code text NOT NULL,
  identifier text NOT NULL,
  version text NOT NULL,
  title text NOT NULL,
  content text NOT NULL,
  digest text NOT NULL,
  handling jsonb,
  planned_subjects bigint,
  figures jsonb,
  effective_at timestamptz,
  programs_with_a_run jsonb,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_definition PRIMARY KEY (id),
  CONSTRAINT uq_definition_type_identifier_version UNIQUE (type, identifier, version),
  CONSTRAINT uq_definition_code UNIQUE (code),
  CONSTRAINT ck_definition_type CHECK (type IN ('protocol', 'specification')),
  CONSTRAINT ck_definition_state CHECK (state IN ('IMPORTED', 'EFFECTIVE', 'SUPERSEDED'))
);
CREATE UNIQUE INDEX one_version_in_force ON definition (type, identifier) WHERE state = 'EFFECTIVE';

CREATE TABLE document_issue (
  code text NOT NULL,
  type text NOT NULL,
  record_kind text NOT NULL,
  record_code text NOT NULL,
  edition bigint NOT NULL,
  digest text NOT NULL,
  content jsonb NOT NULL,
  pdf_digest text NOT NULL,
  reason text,
  issued_at timestamptz NOT NULL,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_document_issue PRIMARY KEY (id),
  CONSTRAINT uq_document_issue_type_record_code_edition UNIQUE (type, record_code, edition),
  CONSTRAINT ck_document_issue_a_further_edition_has_a_reason CHECK (edition = 1 OR coalesce(length(trim(reason)), 0) > 0),
  CONSTRAINT uq_document_issue_code UNIQUE (code),
  CONSTRAINT ck_document_issue_state CHECK (state IN ('ISSUED'))
);
CREATE INDEX ix_document_issue_record_code ON document_issue (record_code);

CREATE TABLE head_file (
  file text NOT NULL,
  place text NOT NULL,
  number bigint NOT NULL,
  signed_at timestamptz NOT NULL,
  ended_because text,
  CONSTRAINT pk_head_file PRIMARY KEY (file)
);

CREATE TABLE number_series (
  name text NOT NULL,
  last bigint NOT NULL,
  CONSTRAINT pk_number_series PRIMARY KEY (name)
);

CREATE TABLE played_time (
  id bigserial NOT NULL,
  why text NOT NULL,
  CONSTRAINT pk_played_time PRIMARY KEY (id)
);

CREATE TABLE printing (
  template text NOT NULL,
  template_digest text NOT NULL,
  record_kind text NOT NULL,
  record_code text NOT NULL,
  rows jsonb NOT NULL,
  label_count bigint NOT NULL,
  reprint bigint DEFAULT 0 NOT NULL,
  reason text,
  printed_at timestamptz NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_printing PRIMARY KEY (id),
  CONSTRAINT ck_printing_a_reprint_has_a_reason CHECK (reprint = 0 OR coalesce(length(trim(reason)), 0) > 0)
);
CREATE INDEX ix_printing_record_code ON printing (record_code);

CREATE TABLE reading (
  probe_id bigint NOT NULL,
  at timestamptz NOT NULL,
  import_id bigint NOT NULL,
  celsius numeric(6, 2) NOT NULL,
  CONSTRAINT pk_reading PRIMARY KEY (probe_id, at)
);

CREATE TABLE sheet_answer (
  sheet text NOT NULL,
  source text NOT NULL,
  answers jsonb NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_sheet_answer PRIMARY KEY (id),
  CONSTRAINT uq_sheet_answer_sheet_source UNIQUE (sheet, source),
  CONSTRAINT ck_sheet_answer_sheet CHECK (sheet IN ('readings', 'freezing_run'))
);

CREATE TABLE site (
  code text NOT NULL,
  name text NOT NULL,
  fin text NOT NULL,
  fin_registered boolean NOT NULL,
  timezone text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_site PRIMARY KEY (id),
  CONSTRAINT uq_site_code UNIQUE (code)
);

CREATE TABLE trail_check (
  id bigserial NOT NULL,
  began_at timestamptz NOT NULL,
  ended_at timestamptz DEFAULT clock_timestamp() NOT NULL,
  whole boolean NOT NULL,
  acts bigint NOT NULL,
  found text[] NOT NULL,
  CONSTRAINT pk_trail_check PRIMARY KEY (id)
);

CREATE TABLE wrong_entry (
  id bigserial NOT NULL,
  place text NOT NULL,
  name bytea NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT pk_wrong_entry PRIMARY KEY (id)
);
CREATE INDEX ix_wrong_entry_at ON wrong_entry (at);
CREATE INDEX ix_wrong_entry_place ON wrong_entry (place, at);

CREATE TABLE donor (
  site_id bigint NOT NULL,
  code text NOT NULL,
  pseudonym text NOT NULL,
  pseudonym_key text NOT NULL,
  birth_year bigint NOT NULL,
  delivered_at timestamptz,
  delivery text,
  gestation_weeks bigint,
  eligibility_reason text,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_donor PRIMARY KEY (id),
  CONSTRAINT fk_donor_site_id FOREIGN KEY(site_id) REFERENCES site (id),
  CONSTRAINT uq_donor_code UNIQUE (code),
  CONSTRAINT uq_donor_pseudonym UNIQUE (pseudonym),
  CONSTRAINT uq_donor_pseudonym_key UNIQUE (pseudonym_key),
  CONSTRAINT ck_donor_state CHECK (state IN ('REGISTERED', 'ELIGIBLE', 'INELIGIBLE'))
);
CREATE INDEX ix_donor_site_id ON donor (site_id);

CREATE TABLE person (
  site_id bigint NOT NULL,
  code text NOT NULL,
  name text NOT NULL,
  name_key text NOT NULL,
  full_name text NOT NULL,
  roles text[] NOT NULL,
  also_at text[],
  password_hash text,
  password_set_at timestamptz,
  must_change_password boolean DEFAULT false NOT NULL,
  failure_count bigint DEFAULT 0 NOT NULL,
  first_failure_at timestamptz,
  locked_until timestamptz,
  locked_at timestamptz,
  locked_from text,
  agreement_version text,
  agreement_at timestamptz,
  totp_secret text,
  totp_next text,
  totp_confirmed_at timestamptz,
  totp_step bigint,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_person PRIMARY KEY (id),
  CONSTRAINT ck_person_administrator_holds_no_other_role CHECK (NOT ('administrator' = ANY (roles)) OR cardinality(roles) = 1),
  CONSTRAINT ck_person_has_a_role CHECK (cardinality(roles) > 0),
  CONSTRAINT fk_person_site_id FOREIGN KEY(site_id) REFERENCES site (id),
  CONSTRAINT uq_person_code UNIQUE (code),
  CONSTRAINT uq_person_name UNIQUE (name),
  CONSTRAINT uq_person_name_key UNIQUE (name_key),
  CONSTRAINT ck_person_state CHECK (state IN ('PROPOSED', 'ACTIVE', 'DISABLED'))
);
CREATE INDEX ix_person_site_id ON person (site_id);

CREATE TABLE storage_unit (
  site_id bigint NOT NULL,
  parent_id bigint,
  code text NOT NULL,
  type text NOT NULL,
  name text NOT NULL,
  name_key text NOT NULL,
  place bigint NOT NULL,
  capacity bigint,
  stands_since timestamptz,
  row_count bigint,
  column_count bigint,
  out_of_service_reason text,
  cold_minutes bigint,
  hold_hours numeric(6, 1),
  qualified_on date,
  qualified_until date,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_storage_unit PRIMARY KEY (id),
  CONSTRAINT ck_storage_unit_positions_where_vials_stand CHECK ((type IN ('box', 'visotube', 'cassette', 'shipper')) = (row_count IS NOT NULL AND column_count IS NOT NULL)),
  CONSTRAINT ck_storage_unit_a_shipper_is_qualified CHECK (num_nonnulls(hold_hours, qualified_on, qualified_until) = CASE type WHEN 'shipper' THEN 3 ELSE 0 END),
  CONSTRAINT ck_storage_unit_a_dewar_keeps_cold CHECK ((type = 'dewar') = (cold_minutes IS NOT NULL)),
  CONSTRAINT ck_storage_unit_cold_for_a_time CHECK (cold_minutes BETWEEN 1 AND 1440),
  CONSTRAINT ck_storage_unit_qualified_for_a_time CHECK (qualified_until > qualified_on AND hold_hours > 0),
  CONSTRAINT ck_storage_unit_box_size CHECK (row_count BETWEEN 1 AND 26 AND column_count BETWEEN 1 AND 48),
  CONSTRAINT ck_storage_unit_capacity CHECK (capacity IS NULL OR (capacity BETWEEN 1 AND 9999 AND row_count IS NULL)),
  CONSTRAINT fk_storage_unit_site_id FOREIGN KEY(site_id) REFERENCES site (id),
  CONSTRAINT fk_storage_unit_parent_id FOREIGN KEY(parent_id) REFERENCES storage_unit (id),
  CONSTRAINT uq_storage_unit_code UNIQUE (code),
  CONSTRAINT ck_storage_unit_type CHECK (type IN ('room', 'tank', 'canister', 'rack', 'box', 'visotube', 'cassette', 'dewar', 'shipper')),
  CONSTRAINT ck_storage_unit_state CHECK (state IN ('IN_SERVICE', 'OUT_OF_SERVICE', 'FAILED'))
);
CREATE INDEX ix_storage_unit_parent_id ON storage_unit (parent_id);
CREATE INDEX ix_storage_unit_site_id ON storage_unit (site_id);
CREATE UNIQUE INDEX one_unit_per_place_of_the_site ON storage_unit (site_id, place) WHERE parent_id IS NULL;
CREATE UNIQUE INDEX uq_storage_unit_parent_id_place ON storage_unit (parent_id, place);

CREATE TABLE subject (
  site_id bigint NOT NULL,
  protocol_id bigint NOT NULL,
  code text NOT NULL,
  trial text NOT NULL,
  trial_number text NOT NULL,
  trial_number_key text NOT NULL,
  second_identifier text NOT NULL,
  second_identifier_key text NOT NULL,
  sex text NOT NULL,
  born_on date NOT NULL,
  consented_on date NOT NULL,
  arm text NOT NULL,
  receives_product boolean NOT NULL,
  bars_other_trials boolean,
  place bigint,
  answers jsonb,
  assessment jsonb,
  withdrawal_reason text,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_subject PRIMARY KEY (id),
  CONSTRAINT ck_subject_enrolled_is_eligible CHECK (state NOT IN ('ENROLLED', 'COMPLETED') OR coalesce(assessment ->> 'outcome', '') = 'ELIGIBLE'),
  CONSTRAINT ck_subject_enrolled_has_a_place CHECK (state NOT IN ('ENROLLED', 'COMPLETED') OR place IS NOT NULL),
  CONSTRAINT fk_subject_site_id FOREIGN KEY(site_id) REFERENCES site (id),
  CONSTRAINT fk_subject_protocol_id FOREIGN KEY(protocol_id) REFERENCES definition (id),
  CONSTRAINT uq_subject_code UNIQUE (code),
  CONSTRAINT ck_subject_sex CHECK (sex IN ('female', 'male')),
  CONSTRAINT ck_subject_state CHECK (state IN ('SCREENING', 'ENROLLED', 'SCREEN_FAILED', 'WITHDRAWN', 'COMPLETED'))
);
CREATE INDEX ix_subject_protocol_id ON subject (protocol_id);
CREATE INDEX ix_subject_second_identifier_key ON subject (second_identifier_key);
CREATE INDEX ix_subject_site_id ON subject (site_id);
CREATE UNIQUE INDEX one_patient_in_a_trial ON subject (trial, second_identifier_key);
CREATE UNIQUE INDEX one_subject_for_each_place ON subject (trial, place);
CREATE UNIQUE INDEX one_trial_number_in_a_trial ON subject (trial, trial_number_key);

CREATE TABLE account_change (
  person_id bigint NOT NULL,
  change text NOT NULL,
  roles text[],
  also_at text[],
  password_hash text,
  reason text,
  asked_at timestamptz NOT NULL,
  asked_by_id bigint NOT NULL,
  decided_at timestamptz,
  decided_by_id bigint,
  decision_reason text,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_account_change PRIMARY KEY (id),
  CONSTRAINT ck_account_change_confirmed_by_another_person CHECK (state <> 'CONFIRMED' OR (decided_by_id <> asked_by_id AND decided_by_id <> person_id)),
  CONSTRAINT ck_account_change_decided_by_somebody CHECK ((state = 'ASKED') = (decided_by_id IS NULL)),
  CONSTRAINT ck_account_change_forgets_the_password CHECK (state = 'ASKED' OR password_hash IS NULL),
  CONSTRAINT ck_account_change_unlocked_by_two_others CHECK (change <> 'unlocked' OR asked_by_id <> person_id),
  CONSTRAINT fk_account_change_person_id FOREIGN KEY(person_id) REFERENCES person (id),
  CONSTRAINT fk_account_change_asked_by_id FOREIGN KEY(asked_by_id) REFERENCES person (id),
  CONSTRAINT fk_account_change_decided_by_id FOREIGN KEY(decided_by_id) REFERENCES person (id),
  CONSTRAINT ck_account_change_change CHECK (change IN ('new account', 'other roles', 'other sites', 'new password', 'second factor taken back', 'unlocked')),
  CONSTRAINT ck_account_change_state CHECK (state IN ('ASKED', 'CONFIRMED', 'DECLINED'))
);
CREATE UNIQUE INDEX one_open_change_per_account ON account_change (person_id) WHERE state = 'ASKED';

CREATE TABLE act (
  id bigserial NOT NULL,
  site_id bigint NOT NULL,
  person_id bigint NOT NULL,
  name text NOT NULL,
  given jsonb NOT NULL,
  record_code text,
  key text,
  given_digest text NOT NULL,
  door text NOT NULL,
  client text,
  version text NOT NULL,
  at timestamptz NOT NULL,
  recorded_at timestamptz DEFAULT clock_timestamp() NOT NULL,
  outcome text,
  refusals jsonb,
  result jsonb,
  happened_at timestamptz,
  late_reason text,
  CONSTRAINT pk_act PRIMARY KEY (id),
  CONSTRAINT ck_act_told_late CHECK (late_reason IS NULL OR coalesce(happened_at < at, false)),
  CONSTRAINT ck_act_not_told_ahead CHECK (outcome IS DISTINCT FROM 'accepted' OR coalesce(happened_at <= at, true)),
  CONSTRAINT ck_act_a_late_fact_says_why CHECK (outcome IS DISTINCT FROM 'accepted' OR happened_at IS NULL OR late_reason IS NOT NULL OR happened_at >= at - interval '1 day'),
  CONSTRAINT uq_act_person_id_key UNIQUE (person_id, key),
  CONSTRAINT fk_act_site_id FOREIGN KEY(site_id) REFERENCES site (id),
  CONSTRAINT fk_act_person_id FOREIGN KEY(person_id) REFERENCES person (id),
  CONSTRAINT ck_act_outcome CHECK (outcome IN ('accepted', 'refused'))
);
CREATE INDEX ix_act_at ON act (at);
CREATE INDEX ix_act_codes_given ON act USING gin (jsonb_path_query_array(given, 'strict $.** ? (@.type() == "string" && @ like_regex "^[A-Z0-9]{6,19}$")'));
CREATE INDEX ix_act_name_at ON act (name, at);
CREATE INDEX ix_act_person_id_id ON act (person_id, id);
CREATE INDEX ix_act_record_code ON act (record_code) WHERE record_code IS NOT NULL;
CREATE INDEX ix_act_refused_at ON act (at) WHERE outcome = 'refused';

CREATE TABLE api_token (
  person_id bigint NOT NULL,
  code text NOT NULL,
  title text NOT NULL,
  digest bytea NOT NULL,
  expires_at timestamptz NOT NULL,
  read_only boolean DEFAULT false NOT NULL,
  site_code text,
  acts text[],
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_api_token PRIMARY KEY (id),
  CONSTRAINT ck_api_token_reads_or_acts CHECK (NOT (read_only AND acts IS NOT NULL)),
  CONSTRAINT ck_api_token_some_acts CHECK (cardinality(acts) > 0),
  CONSTRAINT fk_api_token_person_id FOREIGN KEY(person_id) REFERENCES person (id),
  CONSTRAINT uq_api_token_code UNIQUE (code),
  CONSTRAINT uq_api_token_digest UNIQUE (digest),
  CONSTRAINT ck_api_token_state CHECK (state IN ('LIVE', 'REVOKED'))
);
CREATE INDEX ix_api_token_person_id ON api_token (person_id);

CREATE TABLE consent (
  donor_id bigint NOT NULL,
  code text NOT NULL,
  version text NOT NULL,
  scope text NOT NULL,
  given_on date NOT NULL,
  withdrawn_on date,
  withdrawal_reason text,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_consent PRIMARY KEY (id),
  CONSTRAINT fk_consent_donor_id FOREIGN KEY(donor_id) REFERENCES donor (id),
  CONSTRAINT uq_consent_code UNIQUE (code),
  CONSTRAINT ck_consent_state CHECK (state IN ('GIVEN', 'WITHDRAWN'))
);
CREATE INDEX ix_consent_donor_id ON consent (donor_id);

CREATE TABLE deviation (
  site_id bigint NOT NULL,
  code text NOT NULL,
  title text NOT NULL,
  description text NOT NULL,
  classification text NOT NULL,
  occurred_at timestamptz NOT NULL,
  critical_since timestamptz,
  due_on date NOT NULL,
  opened_by_id bigint NOT NULL,
  investigation text,
  root_cause text,
  investigated_by_id bigint,
  decision text,
  closed_at timestamptz,
  closed_by_id bigint,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_deviation PRIMARY KEY (id),
  CONSTRAINT ck_deviation_closed_with_an_investigation CHECK (state <> 'CLOSED' OR num_nonnulls(investigation, investigated_by_id, decision, closed_at) = 4),
  CONSTRAINT ck_deviation_closed_by_another_person CHECK (closed_by_id <> opened_by_id AND closed_by_id <> investigated_by_id),
  CONSTRAINT ck_deviation_closed_by_somebody CHECK ((state = 'CLOSED') = (closed_by_id IS NOT NULL)),
  CONSTRAINT fk_deviation_site_id FOREIGN KEY(site_id) REFERENCES site (id),
  CONSTRAINT uq_deviation_code UNIQUE (code),
  CONSTRAINT fk_deviation_opened_by_id FOREIGN KEY(opened_by_id) REFERENCES person (id),
  CONSTRAINT fk_deviation_investigated_by_id FOREIGN KEY(investigated_by_id) REFERENCES person (id),
  CONSTRAINT fk_deviation_closed_by_id FOREIGN KEY(closed_by_id) REFERENCES person (id),
  CONSTRAINT ck_deviation_classification CHECK (classification IN ('minor', 'major', 'critical')),
  CONSTRAINT ck_deviation_state CHECK (state IN ('OPEN', 'INVESTIGATED', 'CLOSED'))
);
CREATE INDEX ix_deviation_critical ON deviation (id) WHERE classification = 'critical' AND state <> 'CLOSED';
CREATE INDEX ix_deviation_site_id ON deviation (site_id);

CREATE TABLE donation (
  site_id bigint NOT NULL,
  donor_id bigint NOT NULL,
  specification_id bigint NOT NULL,
  code text NOT NULL,
  tissue text NOT NULL,
  collected_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  received_by_id bigint NOT NULL,
  transport_min_c numeric(6, 2) NOT NULL,
  transport_max_c numeric(6, 2) NOT NULL,
  mass_g numeric(7, 1) NOT NULL,
  length_cm numeric(5, 1),
  integrity text NOT NULL,
  questions jsonb,
  decision_reason text,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_donation PRIMARY KEY (id),
  CONSTRAINT ck_donation_received_after_collected CHECK (received_at >= collected_at),
  CONSTRAINT fk_donation_site_id FOREIGN KEY(site_id) REFERENCES site (id),
  CONSTRAINT fk_donation_donor_id FOREIGN KEY(donor_id) REFERENCES donor (id),
  CONSTRAINT fk_donation_specification_id FOREIGN KEY(specification_id) REFERENCES definition (id),
  CONSTRAINT uq_donation_code UNIQUE (code),
  CONSTRAINT fk_donation_received_by_id FOREIGN KEY(received_by_id) REFERENCES person (id),
  CONSTRAINT ck_donation_tissue CHECK (tissue IN ('placenta', 'cord')),
  CONSTRAINT ck_donation_state CHECK (state IN ('AWAITING_DECISION', 'ACCEPTED', 'REJECTED'))
);
CREATE INDEX ix_donation_donor_id ON donation (donor_id);
CREATE INDEX ix_donation_site_id ON donation (site_id);
CREATE INDEX ix_donation_specification_id ON donation (specification_id);

CREATE TABLE handed_code (
  id bigserial NOT NULL,
  person_id bigint NOT NULL,
  purpose text NOT NULL,
  digest bytea NOT NULL,
  made_at timestamptz NOT NULL,
  expires_at timestamptz,
  tries bigint DEFAULT 0 NOT NULL,
  used_at timestamptz,
  ended_at timestamptz,
  CONSTRAINT pk_handed_code PRIMARY KEY (id),
  CONSTRAINT fk_handed_code_person_id FOREIGN KEY(person_id) REFERENCES person (id),
  CONSTRAINT ck_handed_code_purpose CHECK (purpose IN ('first password', 'second factor', 'recovery'))
);
CREATE INDEX ix_handed_code_person_id ON handed_code (person_id);

CREATE TABLE known_desk (
  person_id bigint NOT NULL,
  desk bytea NOT NULL,
  first_at timestamptz NOT NULL,
  proved_at timestamptz NOT NULL,
  CONSTRAINT pk_known_desk PRIMARY KEY (person_id, desk),
  CONSTRAINT fk_known_desk_person_id FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE INDEX ix_known_desk_desk ON known_desk (desk, proved_at);
CREATE INDEX ix_known_desk_proved_at ON known_desk (proved_at);

CREATE TABLE probe (
  site_id bigint NOT NULL,
  code text NOT NULL,
  storage_unit_id bigint NOT NULL,
  name text NOT NULL,
  model text NOT NULL,
  serial text,
  calibrated_on date NOT NULL,
  calibration_due_on date NOT NULL,
  warn_above_c numeric(6, 2) NOT NULL,
  warn_minutes bigint NOT NULL,
  critical_above_c numeric(6, 2) NOT NULL,
  critical_readings bigint NOT NULL,
  reject_above_c numeric(6, 2) NOT NULL,
  gap_minutes bigint NOT NULL,
  acknowledge_minutes bigint NOT NULL,
  last_at timestamptz,
  watch jsonb,
  retired_reason text,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_probe PRIMARY KEY (id),
  CONSTRAINT ck_probe_limits_in_order CHECK (warn_above_c <= critical_above_c AND critical_above_c <= reject_above_c),
  CONSTRAINT ck_probe_limits_positive CHECK (least(warn_minutes, critical_readings, gap_minutes) >= 1),
  CONSTRAINT ck_probe_due_after_calibration CHECK (calibration_due_on > calibrated_on),
  CONSTRAINT fk_probe_site_id FOREIGN KEY(site_id) REFERENCES site (id),
  CONSTRAINT uq_probe_code UNIQUE (code),
  CONSTRAINT fk_probe_storage_unit_id FOREIGN KEY(storage_unit_id) REFERENCES storage_unit (id),
  CONSTRAINT ck_probe_state CHECK (state IN ('IN_USE', 'RETIRED'))
);
CREATE INDEX ix_probe_site_id ON probe (site_id);
CREATE INDEX ix_probe_storage_unit_id ON probe (storage_unit_id);

CREATE TABLE reagent_lot (
  site_id bigint NOT NULL,
  code text NOT NULL,
  name text NOT NULL,
  manufacturer text NOT NULL,
  manufacturer_lot text NOT NULL,
  manufacturer_lot_key text NOT NULL,
  certificate text,
  expires_on date NOT NULL,
  received_by_id bigint NOT NULL,
  decision_reason text,
  unit text,
  quantity_received numeric(14, 3),
  quantity_left numeric(14, 3),
  opened_at timestamptz,
  days_once_open bigint,
  recall_reason text,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_reagent_lot PRIMARY KEY (id),
  CONSTRAINT ck_reagent_lot_never_more_used_than_there_is CHECK (quantity_left BETWEEN 0 AND quantity_received),
  CONSTRAINT ck_reagent_lot_counted_or_not CHECK (num_nonnulls(unit, quantity_received, quantity_left) IN (0, 3)),
  CONSTRAINT fk_reagent_lot_site_id FOREIGN KEY(site_id) REFERENCES site (id),
  CONSTRAINT uq_reagent_lot_code UNIQUE (code),
  CONSTRAINT fk_reagent_lot_received_by_id FOREIGN KEY(received_by_id) REFERENCES person (id),
  CONSTRAINT ck_reagent_lot_state CHECK (state IN ('QUARANTINED', 'ACCEPTED', 'REJECTED', 'RECALLED'))
);
CREATE INDEX ix_reagent_lot_manufacturer_lot_key ON reagent_lot (manufacturer_lot_key);
CREATE INDEX ix_reagent_lot_site_id ON reagent_lot (site_id);

CREATE TABLE stock_count (
  site_id bigint NOT NULL,
  code text NOT NULL,
  unit_id bigint NOT NULL,
  first_counted_by_id bigint NOT NULL,
  second_counted_by_id bigint,
  reasons jsonb,
  closed_at timestamptz,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_stock_count PRIMARY KEY (id),
  CONSTRAINT ck_stock_count_counted_by_another_person CHECK (second_counted_by_id <> first_counted_by_id),
  CONSTRAINT ck_stock_count_closed_has_a_time CHECK ((state = 'CLOSED') = (closed_at IS NOT NULL)),
  CONSTRAINT ck_stock_count_counted_twice CHECK (state = 'COUNTED_ONCE' OR second_counted_by_id IS NOT NULL),
  CONSTRAINT fk_stock_count_site_id FOREIGN KEY(site_id) REFERENCES site (id),
  CONSTRAINT uq_stock_count_code UNIQUE (code),
  CONSTRAINT fk_stock_count_unit_id FOREIGN KEY(unit_id) REFERENCES storage_unit (id),
  CONSTRAINT fk_stock_count_first_counted_by_id FOREIGN KEY(first_counted_by_id) REFERENCES person (id),
  CONSTRAINT fk_stock_count_second_counted_by_id FOREIGN KEY(second_counted_by_id) REFERENCES person (id),
  CONSTRAINT ck_stock_count_state CHECK (state IN ('COUNTED_ONCE', 'COUNTED_TWICE', 'CLOSED'))
);
CREATE INDEX ix_stock_count_site_id ON stock_count (site_id);
CREATE INDEX ix_stock_count_unit_id ON stock_count (unit_id);
CREATE UNIQUE INDEX one_open_count_per_box ON stock_count (unit_id) WHERE state <> 'CLOSED';

CREATE TABLE trail_review (
  code text NOT NULL,
  first_act bigint NOT NULL,
  last_act bigint NOT NULL,
  record_code text,
  findings text NOT NULL,
  reviewed_by_id bigint NOT NULL,
  reviewed_at timestamptz NOT NULL,
  site_id bigint NOT NULL,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_trail_review PRIMARY KEY (id),
  CONSTRAINT ck_trail_review_first_before_last CHECK (first_act <= last_act),
  CONSTRAINT uq_trail_review_code UNIQUE (code),
  CONSTRAINT fk_trail_review_reviewed_by_id FOREIGN KEY(reviewed_by_id) REFERENCES person (id),
  CONSTRAINT fk_trail_review_site_id FOREIGN KEY(site_id) REFERENCES site (id),
  CONSTRAINT ck_trail_review_state CHECK (state IN ('REVIEWED'))
);

CREATE TABLE training (
  code text NOT NULL,
  person_id bigint NOT NULL,
  role text NOT NULL,
  procedure text NOT NULL,
  trained_on date NOT NULL,
  valid_until date NOT NULL,
  revoke_reason text,
  recorded_by_id bigint,
  confirmed_by_id bigint,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_training PRIMARY KEY (id),
  CONSTRAINT ck_training_valid_after_trained CHECK (valid_until >= trained_on),
  CONSTRAINT ck_training_recorded_by_another_person CHECK (recorded_by_id <> person_id),
  CONSTRAINT ck_training_confirmed_by_another_person CHECK (confirmed_by_id <> recorded_by_id AND confirmed_by_id <> person_id),
  CONSTRAINT uq_training_code UNIQUE (code),
  CONSTRAINT fk_training_person_id FOREIGN KEY(person_id) REFERENCES person (id),
  CONSTRAINT fk_training_recorded_by_id FOREIGN KEY(recorded_by_id) REFERENCES person (id),
  CONSTRAINT fk_training_confirmed_by_id FOREIGN KEY(confirmed_by_id) REFERENCES person (id),
  CONSTRAINT ck_training_state CHECK (state IN ('RECORDED', 'VALID', 'REVOKED'))
);
CREATE INDEX ix_training_person_id ON training (person_id);

CREATE TABLE treatment_decision (
  code text NOT NULL,
  subject_id bigint NOT NULL,
  covers jsonb NOT NULL,
  reason text NOT NULL,
  decided_at timestamptz NOT NULL,
  decided_by_id bigint NOT NULL,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_treatment_decision PRIMARY KEY (id),
  CONSTRAINT uq_treatment_decision_code UNIQUE (code),
  CONSTRAINT fk_treatment_decision_subject_id FOREIGN KEY(subject_id) REFERENCES subject (id),
  CONSTRAINT fk_treatment_decision_decided_by_id FOREIGN KEY(decided_by_id) REFERENCES person (id),
  CONSTRAINT ck_treatment_decision_state CHECK (state IN ('DECIDED'))
);
CREATE INDEX ix_treatment_decision_subject_id ON treatment_decision (subject_id);

CREATE TABLE unit_stay (
  unit_id bigint NOT NULL,
  parent_id bigint,
  place bigint NOT NULL,
  since timestamptz,
  until timestamptz NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_unit_stay PRIMARY KEY (id),
  CONSTRAINT fk_unit_stay_unit_id FOREIGN KEY(unit_id) REFERENCES storage_unit (id),
  CONSTRAINT fk_unit_stay_parent_id FOREIGN KEY(parent_id) REFERENCES storage_unit (id)
);
CREATE INDEX ix_unit_stay_parent_id ON unit_stay (parent_id);
CREATE INDEX ix_unit_stay_unit_id_until ON unit_stay (unit_id, until);

CREATE TABLE web_session (
  id bigserial NOT NULL,
  digest bytea NOT NULL,
  person_id bigint NOT NULL,
  site_code text,
  workstation text NOT NULL,
  created_at timestamptz NOT NULL,
  proved_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL,
  idle_minutes bigint NOT NULL,
  signed boolean DEFAULT false NOT NULL,
  locked_at timestamptz,
  ended_at timestamptz,
  ended_why text,
  ended_by_id bigint,
  CONSTRAINT pk_web_session PRIMARY KEY (id),
  CONSTRAINT ck_web_session_ended_why CHECK (ended_why IN ('signed_out', 'replaced', 'too_long', 'by_hand', 'password', 'reset', 'roles', 'disabled')),
  CONSTRAINT ck_web_session_ended_for_a_reason CHECK ((ended_at IS NULL) = (ended_why IS NULL)),
  CONSTRAINT uq_web_session_digest UNIQUE (digest),
  CONSTRAINT fk_web_session_person_id FOREIGN KEY(person_id) REFERENCES person (id),
  CONSTRAINT fk_web_session_ended_by_id FOREIGN KEY(ended_by_id) REFERENCES person (id)
);
CREATE INDEX ix_web_session_person ON web_session (person_id, ended_at);
CREATE INDEX ix_web_session_proved_at ON web_session (proved_at);

CREATE TABLE weight (
  subject_id bigint NOT NULL,
  code text NOT NULL,
  weight_kg numeric NOT NULL,
  method text NOT NULL,
  measured_at timestamptz NOT NULL,
  measured_by_id bigint NOT NULL,
  confirmed_by_id bigint,
  confirmed_at timestamptz,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_weight PRIMARY KEY (id),
  CONSTRAINT ck_weight_confirmed_by_another_person CHECK (confirmed_by_id <> measured_by_id),
  CONSTRAINT ck_weight_confirmed_has_a_person CHECK ((state = 'CONFIRMED') = (confirmed_by_id IS NOT NULL)),
  CONSTRAINT ck_weight_weight_is_plausible CHECK (weight_kg BETWEEN 0.3 AND 400 AND scale(weight_kg) <= 3),
  CONSTRAINT fk_weight_subject_id FOREIGN KEY(subject_id) REFERENCES subject (id),
  CONSTRAINT uq_weight_code UNIQUE (code),
  CONSTRAINT fk_weight_measured_by_id FOREIGN KEY(measured_by_id) REFERENCES person (id),
  CONSTRAINT fk_weight_confirmed_by_id FOREIGN KEY(confirmed_by_id) REFERENCES person (id),
  CONSTRAINT ck_weight_state CHECK (state IN ('MEASURED', 'CONFIRMED'))
);
CREATE INDEX ix_weight_subject_id ON weight (subject_id);

CREATE TABLE api_token_use (
  token_id bigint NOT NULL,
  used_at timestamptz NOT NULL,
  used_from text NOT NULL,
  CONSTRAINT pk_api_token_use PRIMARY KEY (token_id),
  CONSTRAINT fk_api_token_use_token_id FOREIGN KEY(token_id) REFERENCES api_token (id)
);

CREATE TABLE change (
  id bigserial NOT NULL,
  act_id bigint NOT NULL,
  record_kind text NOT NULL,
  record_id bigint NOT NULL,
  before jsonb,
  after jsonb,
  CONSTRAINT pk_change PRIMARY KEY (id),
  CONSTRAINT fk_change_act_id FOREIGN KEY(act_id) REFERENCES act (id)
);
CREATE INDEX ix_change_act_id ON change (act_id);
CREATE INDEX ix_change_record ON change (record_kind, record_id);

CREATE TABLE corrective_action (
  code text NOT NULL,
  deviation_id bigint NOT NULL,
  type text NOT NULL,
  description text NOT NULL,
  responsible_id bigint NOT NULL,
  due_on date NOT NULL,
  done_at timestamptz,
  done_by_id bigint,
  done_note text,
  verification text,
  verified_by_id bigint,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_corrective_action PRIMARY KEY (id),
  CONSTRAINT ck_corrective_action_done_by_somebody CHECK (state = 'PLANNED' OR num_nonnulls(done_at, done_by_id, done_note) = 3),
  CONSTRAINT ck_corrective_action_verified_by_another_person CHECK (verified_by_id <> done_by_id),
  CONSTRAINT ck_corrective_action_verified_by_somebody CHECK ((state = 'VERIFIED') = (verified_by_id IS NOT NULL)),
  CONSTRAINT uq_corrective_action_code UNIQUE (code),
  CONSTRAINT fk_corrective_action_deviation_id FOREIGN KEY(deviation_id) REFERENCES deviation (id),
  CONSTRAINT fk_corrective_action_responsible_id FOREIGN KEY(responsible_id) REFERENCES person (id),
  CONSTRAINT fk_corrective_action_done_by_id FOREIGN KEY(done_by_id) REFERENCES person (id),
  CONSTRAINT fk_corrective_action_verified_by_id FOREIGN KEY(verified_by_id) REFERENCES person (id),
  CONSTRAINT ck_corrective_action_type CHECK (type IN ('corrective', 'preventive')),
  CONSTRAINT ck_corrective_action_state CHECK (state IN ('PLANNED', 'DONE', 'VERIFIED'))
);
CREATE INDEX ix_corrective_action_deviation_id ON corrective_action (deviation_id);

CREATE TABLE count_sheet (
  stock_count_id bigint NOT NULL,
  number bigint NOT NULL,
  counted_by_id bigint NOT NULL,
  counted_at timestamptz NOT NULL,
  seen jsonb NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_count_sheet PRIMARY KEY (id),
  CONSTRAINT fk_count_sheet_stock_count_id FOREIGN KEY(stock_count_id) REFERENCES stock_count (id),
  CONSTRAINT fk_count_sheet_counted_by_id FOREIGN KEY(counted_by_id) REFERENCES person (id)
);
CREATE UNIQUE INDEX one_sheet_of_each_person ON count_sheet (stock_count_id, number);

CREATE TABLE deviation_link (
  deviation_id bigint NOT NULL,
  record_kind text NOT NULL,
  record_id bigint NOT NULL,
  record_code text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_deviation_link PRIMARY KEY (id),
  CONSTRAINT uq_deviation_link_deviation_id_record_kind_record_id UNIQUE (deviation_id, record_kind, record_id),
  CONSTRAINT fk_deviation_link_deviation_id FOREIGN KEY(deviation_id) REFERENCES deviation (id)
);

CREATE TABLE excursion (
  site_id bigint NOT NULL,
  code text NOT NULL,
  probe_id bigint NOT NULL,
  storage_unit_id bigint NOT NULL,
  category text NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  end_reason text,
  peak_c numeric(6, 2) NOT NULL,
  warn_above_c numeric(6, 2) NOT NULL,
  critical_above_c numeric(6, 2) NOT NULL,
  reject_above_c numeric(6, 2) NOT NULL,
  warn_seconds bigint NOT NULL,
  critical_seconds bigint NOT NULL,
  reject_seconds bigint NOT NULL,
  warn_degree_seconds numeric(16, 2) NOT NULL,
  critical_degree_seconds numeric(16, 2) NOT NULL,
  reject_degree_seconds numeric(16, 2) NOT NULL,
  found_at timestamptz NOT NULL,
  acknowledged_at timestamptz,
  acknowledged_by_id bigint,
  acknowledgement text,
  decision_reason text,
  decided_by_id bigint,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_excursion PRIMARY KEY (id),
  CONSTRAINT ck_excursion_ends_after_start CHECK (ended_at >= started_at),
  CONSTRAINT ck_excursion_decided_with_a_reason CHECK (state = 'OPEN' OR num_nonnulls(ended_at, decision_reason, decided_by_id) = 3),
  CONSTRAINT ck_excursion_acknowledged_by_somebody CHECK (num_nonnulls(acknowledged_at, acknowledged_by_id) IN (0, 2)),
  CONSTRAINT fk_excursion_site_id FOREIGN KEY(site_id) REFERENCES site (id),
  CONSTRAINT uq_excursion_code UNIQUE (code),
  CONSTRAINT fk_excursion_probe_id FOREIGN KEY(probe_id) REFERENCES probe (id),
  CONSTRAINT fk_excursion_storage_unit_id FOREIGN KEY(storage_unit_id) REFERENCES storage_unit (id),
  CONSTRAINT fk_excursion_acknowledged_by_id FOREIGN KEY(acknowledged_by_id) REFERENCES person (id),
  CONSTRAINT fk_excursion_decided_by_id FOREIGN KEY(decided_by_id) REFERENCES person (id),
  CONSTRAINT ck_excursion_category CHECK (category IN ('silent', 'warning', 'critical', 'reject')),
  CONSTRAINT ck_excursion_state CHECK (state IN ('OPEN', 'ACCEPTED', 'REJECTED'))
);
CREATE INDEX ix_excursion_probe_id_started_at ON excursion (probe_id, started_at);
CREATE INDEX ix_excursion_site_id ON excursion (site_id);
CREATE INDEX ix_excursion_storage_unit_id_started_at ON excursion (storage_unit_id, started_at);
CREATE UNIQUE INDEX one_excursion_goes_on ON excursion (probe_id) WHERE ended_at IS NULL;

CREATE TABLE irregularity (
  act_id bigint NOT NULL,
  rule text NOT NULL,
  detail text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_irregularity PRIMARY KEY (id),
  CONSTRAINT fk_irregularity_act_id FOREIGN KEY(act_id) REFERENCES act (id)
);
CREATE INDEX ix_irregularity_act_id ON irregularity (act_id);

CREATE TABLE lot (
  site_id bigint NOT NULL,
  donation_id bigint NOT NULL,
  specification_id bigint NOT NULL,
  code text NOT NULL,
  purpose text NOT NULL,
  product_code text NOT NULL,
  passage bigint NOT NULL,
  cumulative_doublings numeric(8, 3) NOT NULL,
  cells_per_vial bigint NOT NULL,
  volume_ml numeric(9, 3) NOT NULL,
  cryoprotectant text NOT NULL,
  dmso_percent numeric(5, 2) NOT NULL,
  planned_vial_count bigint NOT NULL,
  sample_cells bigint DEFAULT 0 NOT NULL,
  lost_cells bigint DEFAULT 0 NOT NULL,
  fill_started_at timestamptz NOT NULL,
  frozen_at timestamptz,
  freezing_program text,
  expires_on date NOT NULL,
  state_before_hold text,
  decision_reason text,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_lot PRIMARY KEY (id),
  CONSTRAINT ck_lot_cells_per_vial_positive CHECK (cells_per_vial > 0),
  CONSTRAINT ck_lot_hold_remembers_the_state CHECK ((state = 'ON_HOLD') = (state_before_hold IS NOT NULL)),
  CONSTRAINT fk_lot_site_id FOREIGN KEY(site_id) REFERENCES site (id),
  CONSTRAINT fk_lot_donation_id FOREIGN KEY(donation_id) REFERENCES donation (id),
  CONSTRAINT fk_lot_specification_id FOREIGN KEY(specification_id) REFERENCES definition (id),
  CONSTRAINT uq_lot_code UNIQUE (code),
  CONSTRAINT ck_lot_purpose CHECK (purpose IN ('master_bank', 'working_bank', 'product')),
  CONSTRAINT ck_lot_state CHECK (state IN ('IN_PROCESS', 'FILLED', 'QUARANTINE', 'RELEASED', 'REJECTED', 'ON_HOLD', 'RECALLED'))
);
CREATE INDEX ix_lot_donation_id ON lot (donation_id);
CREATE INDEX ix_lot_site_id ON lot (site_id);
CREATE INDEX ix_lot_specification_id ON lot (specification_id);

CREATE TABLE reading_import (
  code text NOT NULL,
  probe_id bigint NOT NULL,
  source text NOT NULL,
  file_name text,
  sha256 text,
  mapping jsonb,
  row_count bigint NOT NULL,
  stored bigint NOT NULL,
  duplicates bigint NOT NULL,
  out_of_order bigint NOT NULL,
  left_out bigint NOT NULL,
  known_before bigint NOT NULL,
  first_at timestamptz NOT NULL,
  last_at timestamptz NOT NULL,
  hand_celsius numeric(6, 2),
  digest text,
  entered_by_id bigint NOT NULL,
  confirmed_by_id bigint,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_reading_import PRIMARY KEY (id),
  CONSTRAINT ck_reading_import_by_hand_is_one_reading CHECK ((source = 'hand') = (hand_celsius IS NOT NULL)),
  CONSTRAINT ck_reading_import_confirmed_by_another_person CHECK (confirmed_by_id <> entered_by_id),
  CONSTRAINT ck_reading_import_imported_has_a_digest CHECK (state <> 'STORED' OR digest IS NOT NULL),
  CONSTRAINT ck_reading_import_two_people CHECK (state <> 'STORED' OR source <> 'hand' OR confirmed_by_id IS NOT NULL),
  CONSTRAINT uq_reading_import_code UNIQUE (code),
  CONSTRAINT fk_reading_import_probe_id FOREIGN KEY(probe_id) REFERENCES probe (id),
  CONSTRAINT fk_reading_import_entered_by_id FOREIGN KEY(entered_by_id) REFERENCES person (id),
  CONSTRAINT fk_reading_import_confirmed_by_id FOREIGN KEY(confirmed_by_id) REFERENCES person (id),
  CONSTRAINT ck_reading_import_source CHECK (source IN ('file', 'gateway', 'hand')),
  CONSTRAINT ck_reading_import_state CHECK (state IN ('ENTERED', 'STORED', 'REJECTED'))
);
CREATE INDEX ix_reading_import_probe_id ON reading_import (probe_id);
CREATE UNIQUE INDEX one_import_of_each_file ON reading_import (sha256, probe_id, (mapping ->> 'value')) WHERE sha256 IS NOT NULL;

CREATE TABLE recall_notice (
  code text NOT NULL,
  site_id bigint NOT NULL,
  act_id bigint,
  record_kind text NOT NULL,
  record_code text NOT NULL,
  reason text NOT NULL,
  opened_at timestamptz NOT NULL,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_recall_notice PRIMARY KEY (id),
  CONSTRAINT one_notice_of_an_act_for_a_site UNIQUE (act_id, site_id),
  CONSTRAINT uq_recall_notice_code UNIQUE (code),
  CONSTRAINT fk_recall_notice_site_id FOREIGN KEY(site_id) REFERENCES site (id),
  CONSTRAINT fk_recall_notice_act_id FOREIGN KEY(act_id) REFERENCES act (id),
  CONSTRAINT ck_recall_notice_state CHECK (state IN ('OPEN', 'ACKNOWLEDGED'))
);
CREATE INDEX ix_recall_notice_record_code ON recall_notice (record_code);
CREATE INDEX ix_recall_notice_site_id ON recall_notice (site_id);

CREATE TABLE seal (
  act_id bigint NOT NULL,
  site_id bigint NOT NULL,
  number bigint NOT NULL,
  digest bytea NOT NULL,
  CONSTRAINT pk_seal PRIMARY KEY (act_id),
  CONSTRAINT uq_seal_site_id_number UNIQUE (site_id, number),
  CONSTRAINT fk_seal_act_id FOREIGN KEY(act_id) REFERENCES act (id),
  CONSTRAINT fk_seal_site_id FOREIGN KEY(site_id) REFERENCES site (id)
);

CREATE TABLE shipment (
  site_id bigint NOT NULL,
  from_site_id bigint NOT NULL,
  to_site_id bigint NOT NULL,
  code text NOT NULL,
  wanted jsonb NOT NULL,
  note text,
  ordered_by_id bigint NOT NULL,
  ordered_at timestamptz NOT NULL,
  shipper_id bigint,
  logger_id bigint,
  charged_at timestamptz,
  charge_kg numeric(6, 2),
  planned_hours numeric(6, 1),
  seals jsonb,
  sealed_at timestamptz,
  sealed_by_id bigint,
  sent_at timestamptz,
  received_at timestamptz,
  received_by_id bigint,
  seals_found jsonb,
  checked_at timestamptz,
  checked_by_id bigint,
  differences jsonb,
  decided_at timestamptz,
  decided_by_id bigint,
  decision_reason text,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_shipment PRIMARY KEY (id),
  CONSTRAINT ck_shipment_goes_to_another_site CHECK (from_site_id <> to_site_id),
  CONSTRAINT ck_shipment_is_at_one_of_its_sites CHECK (site_id IN (from_site_id, to_site_id)),
  CONSTRAINT ck_shipment_decided_by_another_person CHECK (decided_by_id NOT IN (sealed_by_id, received_by_id, checked_by_id)),
  CONSTRAINT ck_shipment_sealed_with_all_that_belongs_to_it CHECK (state NOT IN ('SEALED', 'ON_THE_WAY', 'ARRIVED', 'CHECKED', 'ACCEPTED', 'REJECTED') OR num_nonnulls(shipper_id, charged_at, planned_hours, seals, sealed_at, sealed_by_id) = 6),
  CONSTRAINT ck_shipment_decided_after_the_check CHECK (state NOT IN ('ACCEPTED', 'REJECTED') OR num_nonnulls(checked_at, decided_by_id, decided_at) = 3),
  CONSTRAINT fk_shipment_site_id FOREIGN KEY(site_id) REFERENCES site (id),
  CONSTRAINT fk_shipment_from_site_id FOREIGN KEY(from_site_id) REFERENCES site (id),
  CONSTRAINT fk_shipment_to_site_id FOREIGN KEY(to_site_id) REFERENCES site (id),
  CONSTRAINT uq_shipment_code UNIQUE (code),
  CONSTRAINT fk_shipment_ordered_by_id FOREIGN KEY(ordered_by_id) REFERENCES person (id),
  CONSTRAINT fk_shipment_shipper_id FOREIGN KEY(shipper_id) REFERENCES storage_unit (id),
  CONSTRAINT fk_shipment_logger_id FOREIGN KEY(logger_id) REFERENCES probe (id),
  CONSTRAINT fk_shipment_sealed_by_id FOREIGN KEY(sealed_by_id) REFERENCES person (id),
  CONSTRAINT fk_shipment_received_by_id FOREIGN KEY(received_by_id) REFERENCES person (id),
  CONSTRAINT fk_shipment_checked_by_id FOREIGN KEY(checked_by_id) REFERENCES person (id),
  CONSTRAINT fk_shipment_decided_by_id FOREIGN KEY(decided_by_id) REFERENCES person (id),
  CONSTRAINT ck_shipment_state CHECK (state IN ('ORDERED', 'PACKING', 'SEALED', 'ON_THE_WAY', 'ARRIVED', 'CHECKED', 'ACCEPTED', 'REJECTED', 'CANCELLED'))
);
CREATE INDEX ix_shipment_from_site_id ON shipment (from_site_id);
CREATE INDEX ix_shipment_logger_id ON shipment (logger_id);
CREATE INDEX ix_shipment_shipper_id ON shipment (shipper_id);
CREATE INDEX ix_shipment_site_id ON shipment (site_id);
CREATE INDEX ix_shipment_to_site_id ON shipment (to_site_id);
CREATE UNIQUE INDEX one_live_shipment_per_shipper ON shipment (shipper_id) WHERE state NOT IN ('ACCEPTED', 'REJECTED', 'CANCELLED');

CREATE TABLE signature (
  act_id bigint NOT NULL,
  person_id bigint NOT NULL,
  full_name text NOT NULL,
  meaning text NOT NULL,
  record_kind text NOT NULL,
  record_id bigint NOT NULL,
  digest text NOT NULL,
  signed_at timestamptz NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_signature PRIMARY KEY (id),
  CONSTRAINT fk_signature_act_id FOREIGN KEY(act_id) REFERENCES act (id),
  CONSTRAINT fk_signature_person_id FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE INDEX ix_signature_act_id ON signature (act_id);
CREATE INDEX ix_signature_person_id ON signature (person_id);
CREATE INDEX ix_signature_record ON signature (record_kind, record_id);

CREATE TABLE batch_review (
  code text NOT NULL,
  lot_id bigint NOT NULL,
  digest text NOT NULL,
  note text,
  reviewed_by_id bigint NOT NULL,
  reviewed_at timestamptz NOT NULL,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_batch_review PRIMARY KEY (id),
  CONSTRAINT uq_batch_review_code UNIQUE (code),
  CONSTRAINT fk_batch_review_lot_id FOREIGN KEY(lot_id) REFERENCES lot (id),
  CONSTRAINT fk_batch_review_reviewed_by_id FOREIGN KEY(reviewed_by_id) REFERENCES person (id),
  CONSTRAINT ck_batch_review_state CHECK (state IN ('REVIEWED'))
);
CREATE INDEX ix_batch_review_lot_id ON batch_review (lot_id);

CREATE TABLE conditional_release (
  code text NOT NULL,
  lot_id bigint NOT NULL,
  subject_id bigint NOT NULL,
  pending jsonb NOT NULL,
  justification text NOT NULL,
  requested_at timestamptz NOT NULL,
  requested_by_id bigint NOT NULL,
  approved_at timestamptz,
  approved_by_id bigint,
  in_force_at timestamptz,
  sponsor_by_id bigint,
  ended_at timestamptz,
  end_reason text,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_conditional_release PRIMARY KEY (id),
  CONSTRAINT ck_conditional_release_three_different_people CHECK (approved_by_id <> requested_by_id AND sponsor_by_id <> requested_by_id AND sponsor_by_id <> approved_by_id),
  CONSTRAINT ck_conditional_release_approved_by_somebody CHECK (state NOT IN ('APPROVED', 'IN_FORCE') OR num_nonnulls(approved_at, approved_by_id) = 2),
  CONSTRAINT ck_conditional_release_signed_for_the_sponsor CHECK (state <> 'IN_FORCE' OR num_nonnulls(in_force_at, sponsor_by_id) = 2),
  CONSTRAINT ck_conditional_release_ended_with_a_reason CHECK ((state = 'ENDED') = (num_nonnulls(ended_at, end_reason) = 2)),
  CONSTRAINT uq_conditional_release_code UNIQUE (code),
  CONSTRAINT fk_conditional_release_lot_id FOREIGN KEY(lot_id) REFERENCES lot (id),
  CONSTRAINT fk_conditional_release_subject_id FOREIGN KEY(subject_id) REFERENCES subject (id),
  CONSTRAINT fk_conditional_release_requested_by_id FOREIGN KEY(requested_by_id) REFERENCES person (id),
  CONSTRAINT fk_conditional_release_approved_by_id FOREIGN KEY(approved_by_id) REFERENCES person (id),
  CONSTRAINT fk_conditional_release_sponsor_by_id FOREIGN KEY(sponsor_by_id) REFERENCES person (id),
  CONSTRAINT ck_conditional_release_state CHECK (state IN ('REQUESTED', 'APPROVED', 'IN_FORCE', 'ENDED'))
);
CREATE INDEX ix_conditional_release_lot_id ON conditional_release (lot_id);
CREATE INDEX ix_conditional_release_subject_id ON conditional_release (subject_id);
CREATE UNIQUE INDEX one_live_conditional_release ON conditional_release (lot_id, subject_id) WHERE state <> 'ENDED';

CREATE TABLE custody (
  shipment_id bigint NOT NULL,
  person_id bigint,
  carrier text,
  waybill text,
  since timestamptz NOT NULL,
  until timestamptz,
  id bigserial NOT NULL,
  CONSTRAINT pk_custody PRIMARY KEY (id),
  CONSTRAINT ck_custody_one_holder CHECK (num_nonnulls(person_id, carrier) = 1),
  CONSTRAINT ck_custody_waybill_of_a_carrier CHECK (waybill IS NULL OR carrier IS NOT NULL),
  CONSTRAINT ck_custody_until_after_since CHECK (until >= since),
  CONSTRAINT fk_custody_shipment_id FOREIGN KEY(shipment_id) REFERENCES shipment (id),
  CONSTRAINT fk_custody_person_id FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE INDEX ix_custody_shipment_id ON custody (shipment_id);
CREATE UNIQUE INDEX one_custodian_at_a_time ON custody (shipment_id) WHERE until IS NULL;

CREATE TABLE dose (
  subject_id bigint NOT NULL,
  lot_id bigint NOT NULL,
  weight_id bigint,
  code text NOT NULL,
  infusion_number bigint NOT NULL,
  day bigint NOT NULL,
  planned_on date NOT NULL,
  study_day bigint,
  ordered_at timestamptz NOT NULL,
  ordered_by_id bigint NOT NULL,
  required_cells bigint NOT NULL,
  vials_needed bigint NOT NULL,
  vials_spare bigint NOT NULL,
  spares_called bigint DEFAULT 0 NOT NULL,
  calculation jsonb NOT NULL,
  deviation_reason text,
  planned_anew_because text,
  thaw_started_at timestamptz,
  expires_at timestamptz,
  diluent text,
  pooled_ml numeric(9, 3),
  total_cells_per_ml bigint,
  viability_percent numeric(5, 2),
  count_method text,
  counted_at timestamptz,
  draw_ml numeric(9, 3),
  delivered_cells bigint,
  delivered_percent numeric(6, 1),
  is_short boolean,
  short_dose_reason text,
  prepared_at timestamptz,
  prepared_by_id bigint,
  final_volume_ml numeric(9, 3),
  band_reason text,
  first_checked_by_id bigint,
  first_checked_at timestamptz,
  second_checked_by_id bigint,
  second_checked_at timestamptz,
  infusion_started_at timestamptz,
  infusion_stopped_at timestamptz,
  volume_given_ml numeric(9, 3),
  given_cells bigint GENERATED ALWAYS AS (div(delivered_cells * volume_given_ml, final_volume_ml)) STORED,
  given_percent numeric(6, 1) GENERATED ALWAYS AS (div(2000 * delivered_cells * volume_given_ml + final_volume_ml * required_cells, 2 * final_volume_ml * required_cells) / 10) STORED,
  residual_ml numeric(9, 3),
  reaction text,
  given_beside boolean DEFAULT false NOT NULL,
  outcome_reason text,
  site_id bigint NOT NULL,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_dose PRIMARY KEY (id),
  CONSTRAINT ck_dose_spares_called CHECK (spares_called >= 0),
  CONSTRAINT ck_dose_order_is_positive CHECK (required_cells > 0 AND vials_needed > 0 AND vials_spare >= 0),
  CONSTRAINT ck_dose_two_different_verifiers CHECK (first_checked_by_id <> second_checked_by_id),
  CONSTRAINT ck_dose_preparer_does_not_verify CHECK (first_checked_by_id <> prepared_by_id AND second_checked_by_id <> prepared_by_id),
  CONSTRAINT ck_dose_no_infusion_without_two_verifiers CHECK (state NOT IN ('CHECKED', 'INFUSING') OR num_nonnulls(prepared_by_id, first_checked_by_id, second_checked_by_id) = 3),
  CONSTRAINT ck_dose_prepared_is_complete CHECK (state NOT IN ('PREPARED', 'CHECKED_ONCE', 'CHECKED', 'INFUSING') OR num_nonnulls(thaw_started_at, expires_at, viability_percent, draw_ml, delivered_cells, delivered_percent, prepared_at, prepared_by_id, final_volume_ml) = 9),
  CONSTRAINT fk_dose_subject_id FOREIGN KEY(subject_id) REFERENCES subject (id),
  CONSTRAINT fk_dose_lot_id FOREIGN KEY(lot_id) REFERENCES lot (id),
  CONSTRAINT fk_dose_weight_id FOREIGN KEY(weight_id) REFERENCES weight (id),
  CONSTRAINT uq_dose_code UNIQUE (code),
  CONSTRAINT fk_dose_ordered_by_id FOREIGN KEY(ordered_by_id) REFERENCES person (id),
  CONSTRAINT fk_dose_prepared_by_id FOREIGN KEY(prepared_by_id) REFERENCES person (id),
  CONSTRAINT fk_dose_first_checked_by_id FOREIGN KEY(first_checked_by_id) REFERENCES person (id),
  CONSTRAINT fk_dose_second_checked_by_id FOREIGN KEY(second_checked_by_id) REFERENCES person (id),
  CONSTRAINT fk_dose_site_id FOREIGN KEY(site_id) REFERENCES site (id),
  CONSTRAINT ck_dose_state CHECK (state IN ('UNORDERED', 'ORDERED', 'PICKED', 'THAWING', 'COUNTED', 'PREPARED', 'CHECKED_ONCE', 'CHECKED', 'INFUSING', 'INFUSED', 'RECONCILED', 'CANCELLED', 'DISCARDED'))
);
CREATE INDEX ix_dose_lot_id ON dose (lot_id);
CREATE INDEX ix_dose_subject_id ON dose (subject_id);
CREATE INDEX ix_dose_weight_id ON dose (weight_id);
CREATE UNIQUE INDEX one_live_dose_per_subject_and_day ON dose (subject_id, infusion_number) WHERE state NOT IN ('CANCELLED', 'DISCARDED') AND NOT given_beside;
CREATE UNIQUE INDEX one_running_infusion_per_subject ON dose (subject_id) WHERE state = 'INFUSING';

CREATE TABLE freezer_run (
  code text NOT NULL,
  lot_id bigint NOT NULL,
  program text NOT NULL,
  freezer text NOT NULL,
  freezer_serial text,
  file_name text NOT NULL,
  sha256 text NOT NULL,
  mapping jsonb NOT NULL,
  row_count bigint NOT NULL,
  left_out bigint NOT NULL,
  first_at timestamptz NOT NULL,
  began_at timestamptz NOT NULL,
  last_at timestamptz NOT NULL,
  departures jsonb NOT NULL,
  first_departure_at timestamptz,
  outside_seconds bigint NOT NULL,
  longest_seconds bigint NOT NULL,
  worst_c numeric(6, 2) NOT NULL,
  degree_seconds numeric(16, 2) NOT NULL,
  digest text NOT NULL,
  imported_by_id bigint NOT NULL,
  deviation_id bigint,
  withdrawn_by_id bigint,
  withdrawal_reason text,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_freezer_run PRIMARY KEY (id),
  CONSTRAINT ck_freezer_run_withdrawn_with_a_reason CHECK ((state = 'WITHDRAWN') = (num_nonnulls(withdrawn_by_id, withdrawal_reason) = 2)),
  CONSTRAINT ck_freezer_run_within_is_never_outside CHECK (state <> 'WITHIN' OR outside_seconds = 0),
  CONSTRAINT ck_freezer_run_times_in_order CHECK (first_at <= began_at AND began_at <= last_at),
  CONSTRAINT uq_freezer_run_code UNIQUE (code),
  CONSTRAINT fk_freezer_run_lot_id FOREIGN KEY(lot_id) REFERENCES lot (id),
  CONSTRAINT fk_freezer_run_imported_by_id FOREIGN KEY(imported_by_id) REFERENCES person (id),
  CONSTRAINT fk_freezer_run_deviation_id FOREIGN KEY(deviation_id) REFERENCES deviation (id),
  CONSTRAINT fk_freezer_run_withdrawn_by_id FOREIGN KEY(withdrawn_by_id) REFERENCES person (id),
  CONSTRAINT ck_freezer_run_state CHECK (state IN ('WITHIN', 'OUTSIDE', 'WITHDRAWN'))
);
CREATE INDEX ix_freezer_run_lot_id ON freezer_run (lot_id);
CREATE UNIQUE INDEX one_run_of_a_lot ON freezer_run (lot_id) WHERE state <> 'WITHDRAWN';

CREATE TABLE hold (
  code text NOT NULL,
  donor_id bigint,
  lot_id bigint,
  reagent_lot_id bigint,
  storage_unit_id bigint,
  excursion_id bigint,
  reason text NOT NULL,
  placed_at timestamptz NOT NULL,
  lifted_at timestamptz,
  lift_reason text,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_hold PRIMARY KEY (id),
  CONSTRAINT ck_hold_one_subject CHECK (num_nonnulls(donor_id, lot_id, reagent_lot_id, storage_unit_id) = 1),
  CONSTRAINT ck_hold_lifted_has_a_time CHECK ((state = 'LIFTED') = (lifted_at IS NOT NULL)),
  CONSTRAINT uq_hold_code UNIQUE (code),
  CONSTRAINT fk_hold_donor_id FOREIGN KEY(donor_id) REFERENCES donor (id),
  CONSTRAINT fk_hold_lot_id FOREIGN KEY(lot_id) REFERENCES lot (id),
  CONSTRAINT fk_hold_reagent_lot_id FOREIGN KEY(reagent_lot_id) REFERENCES reagent_lot (id),
  CONSTRAINT fk_hold_storage_unit_id FOREIGN KEY(storage_unit_id) REFERENCES storage_unit (id),
  CONSTRAINT fk_hold_excursion_id FOREIGN KEY(excursion_id) REFERENCES excursion (id),
  CONSTRAINT ck_hold_state CHECK (state IN ('PLACED', 'LIFTED'))
);
CREATE INDEX ix_hold_donor_id ON hold (donor_id);
CREATE INDEX ix_hold_excursion_id ON hold (excursion_id);
CREATE INDEX ix_hold_lot_id ON hold (lot_id);
CREATE INDEX ix_hold_reagent_lot_id ON hold (reagent_lot_id);
CREATE INDEX ix_hold_storage_unit_id ON hold (storage_unit_id);

CREATE TABLE dose_paper (
  dose_id bigint NOT NULL,
  content jsonb NOT NULL,
  irregular jsonb NOT NULL,
  entered_at timestamptz NOT NULL,
  entered_by_id bigint NOT NULL,
  confirmed_at timestamptz,
  confirmed_by_id bigint,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_dose_paper PRIMARY KEY (id),
  CONSTRAINT ck_dose_paper_confirmed_by_another_person CHECK (confirmed_by_id <> entered_by_id),
  CONSTRAINT ck_dose_paper_confirmed_by_somebody CHECK ((state = 'CONFIRMED') = (confirmed_by_id IS NOT NULL)),
  CONSTRAINT fk_dose_paper_dose_id FOREIGN KEY(dose_id) REFERENCES dose (id),
  CONSTRAINT fk_dose_paper_entered_by_id FOREIGN KEY(entered_by_id) REFERENCES person (id),
  CONSTRAINT fk_dose_paper_confirmed_by_id FOREIGN KEY(confirmed_by_id) REFERENCES person (id),
  CONSTRAINT ck_dose_paper_state CHECK (state IN ('ENTERED', 'CONFIRMED', 'REPLACED', 'TAKEN_BACK'))
);
CREATE INDEX ix_dose_paper_dose_id ON dose_paper (dose_id);
CREATE UNIQUE INDEX one_open_form_per_dose ON dose_paper (dose_id) WHERE state = 'ENTERED';

CREATE TABLE freezer_reading (
  run_id bigint NOT NULL,
  channel text NOT NULL,
  at timestamptz NOT NULL,
  celsius numeric(6, 2) NOT NULL,
  CONSTRAINT pk_freezer_reading PRIMARY KEY (run_id, channel, at),
  CONSTRAINT fk_freezer_reading_run_id FOREIGN KEY(run_id) REFERENCES freezer_run (id),
  CONSTRAINT ck_freezer_reading_channel CHECK (channel IN ('product', 'chamber'))
);

CREATE TABLE notice_line (
  notice_id bigint NOT NULL,
  dose_id bigint NOT NULL,
  done text,
  note text,
  answered_at timestamptz,
  answered_by_id bigint,
  id bigserial NOT NULL,
  CONSTRAINT pk_notice_line PRIMARY KEY (id),
  CONSTRAINT uq_notice_line_notice_id_dose_id UNIQUE (notice_id, dose_id),
  CONSTRAINT ck_notice_line_answered_by_somebody CHECK (num_nonnulls(done, answered_at, answered_by_id) IN (0, 3)),
  CONSTRAINT ck_notice_line_a_note_says_why CHECK (done NOT IN ('nothing_needed', 'other') OR coalesce(length(trim(note)), 0) > 0),
  CONSTRAINT fk_notice_line_notice_id FOREIGN KEY(notice_id) REFERENCES recall_notice (id),
  CONSTRAINT fk_notice_line_dose_id FOREIGN KEY(dose_id) REFERENCES dose (id),
  CONSTRAINT fk_notice_line_answered_by_id FOREIGN KEY(answered_by_id) REFERENCES person (id),
  CONSTRAINT ck_notice_line_done CHECK (done IN ('patient_told', 'patient_seen', 'infusion_stopped', 'not_given', 'nothing_needed', 'other'))
);
CREATE INDEX ix_notice_line_dose_id ON notice_line (dose_id);

CREATE TABLE reaction (
  dose_id bigint NOT NULL,
  is_serious boolean NOT NULL,
  text text NOT NULL,
  happened_at timestamptz NOT NULL,
  noted_at timestamptz NOT NULL,
  noted_by_id bigint NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_reaction PRIMARY KEY (id),
  CONSTRAINT fk_reaction_dose_id FOREIGN KEY(dose_id) REFERENCES dose (id),
  CONSTRAINT fk_reaction_noted_by_id FOREIGN KEY(noted_by_id) REFERENCES person (id)
);
CREATE INDEX ix_reaction_dose_id ON reaction (dose_id);

CREATE TABLE vial (
  lot_id bigint NOT NULL,
  donation_id bigint NOT NULL,
  code text NOT NULL,
  number bigint GENERATED ALWAYS AS (right(code, 6)::bigint) STORED NOT NULL,
  dose_id bigint,
  picked_at timestamptz,
  thawed_at timestamptz,
  site_id bigint NOT NULL,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_vial PRIMARY KEY (id),
  CONSTRAINT uq_vial_lot_id_number UNIQUE (lot_id, number),
  CONSTRAINT ck_vial_stock_is_reserved_for_nobody CHECK (dose_id IS NULL OR state NOT IN ('PRINTED', 'FILLED', 'FROZEN', 'IN_STOCK', 'CULTURED', 'VOIDED')),
  CONSTRAINT ck_vial_reserved_for_a_dose CHECK (state NOT IN ('RESERVED', 'THAWED', 'POOLED', 'INFUSED') OR dose_id IS NOT NULL),
  CONSTRAINT ck_vial_thaw_has_a_time CHECK (state NOT IN ('THAWED', 'POOLED', 'INFUSED') OR thawed_at IS NOT NULL),
  CONSTRAINT ck_vial_never_refrozen CHECK (thawed_at IS NULL OR state NOT IN ('FROZEN', 'IN_STOCK', 'RESERVED', 'PICKED')),
  CONSTRAINT fk_vial_lot_id FOREIGN KEY(lot_id) REFERENCES lot (id),
  CONSTRAINT fk_vial_donation_id FOREIGN KEY(donation_id) REFERENCES donation (id),
  CONSTRAINT uq_vial_code UNIQUE (code),
  CONSTRAINT fk_vial_dose_id FOREIGN KEY(dose_id) REFERENCES dose (id),
  CONSTRAINT fk_vial_site_id FOREIGN KEY(site_id) REFERENCES site (id),
  CONSTRAINT ck_vial_state CHECK (state IN ('PRINTED', 'FILLED', 'FROZEN', 'IN_STOCK', 'RESERVED', 'PICKED', 'IN_TRANSIT', 'RECEIVED', 'MISSING', 'THAWED', 'POOLED', 'INFUSED', 'CULTURED', 'QC_USED', 'VOIDED', 'DISCARDED'))
);
CREATE INDEX ix_vial_donation_id ON vial (donation_id);
CREATE INDEX ix_vial_dose_id ON vial (dose_id) WHERE dose_id IS NOT NULL;
CREATE INDEX ix_vial_lot_id_state ON vial (lot_id, state) INCLUDE (site_id);

CREATE TABLE culture (
  site_id bigint NOT NULL,
  donation_id bigint NOT NULL,
  parent_id bigint,
  source_vial_id bigint,
  code text NOT NULL,
  passage bigint NOT NULL,
  method text NOT NULL,
  started_at timestamptz NOT NULL,
  area_cm2 numeric(9, 1),
  cells_seeded bigint,
  harvested_at timestamptz,
  cells_harvested bigint,
  viability_percent numeric(5, 2),
  confluence_percent numeric(5, 2),
  cells_left bigint,
  cells_lost bigint,
  population_doublings numeric(8, 3),
  doubling_time_h numeric(9, 1),
  cumulative_doublings numeric(8, 3) NOT NULL,
  vessel text NOT NULL,
  note text,
  harvest_note text,
  end_note text,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_culture PRIMARY KEY (id),
  CONSTRAINT ck_culture_cells_left_never_negative CHECK (cells_left BETWEEN 0 AND cells_harvested),
  CONSTRAINT ck_culture_viability_is_a_percentage CHECK (viability_percent BETWEEN 0 AND 100),
  CONSTRAINT ck_culture_one_source CHECK (num_nonnulls(parent_id, source_vial_id) <= 1),
  CONSTRAINT ck_culture_harvested_after_started CHECK (harvested_at >= started_at),
  CONSTRAINT fk_culture_site_id FOREIGN KEY(site_id) REFERENCES site (id),
  CONSTRAINT fk_culture_donation_id FOREIGN KEY(donation_id) REFERENCES donation (id),
  CONSTRAINT fk_culture_parent_id FOREIGN KEY(parent_id) REFERENCES culture (id),
  CONSTRAINT fk_culture_source_vial_id FOREIGN KEY(source_vial_id) REFERENCES vial (id),
  CONSTRAINT uq_culture_code UNIQUE (code),
  CONSTRAINT ck_culture_passage_not_negative CHECK (passage >= 0),
  CONSTRAINT ck_culture_state CHECK (state IN ('GROWING', 'HARVESTED', 'FINISHED', 'DISCARDED'))
);
CREATE INDEX ix_culture_donation_id ON culture (donation_id);
CREATE INDEX ix_culture_parent_id ON culture (parent_id);
CREATE INDEX ix_culture_site_id ON culture (site_id);
CREATE INDEX ix_culture_source_vial_id ON culture (source_vial_id);

CREATE TABLE packed_vial (
  shipment_id bigint NOT NULL,
  vial_id bigint NOT NULL,
  position bigint NOT NULL,
  packed_at timestamptz NOT NULL,
  packed_by_id bigint NOT NULL,
  finding text,
  found_at timestamptz,
  ended_at timestamptz,
  id bigserial NOT NULL,
  CONSTRAINT pk_packed_vial PRIMARY KEY (id),
  CONSTRAINT ck_packed_vial_found_at_a_time CHECK ((finding IS NULL) = (found_at IS NULL)),
  CONSTRAINT ck_packed_vial_ended_after_packed CHECK (ended_at >= packed_at),
  CONSTRAINT fk_packed_vial_shipment_id FOREIGN KEY(shipment_id) REFERENCES shipment (id),
  CONSTRAINT fk_packed_vial_vial_id FOREIGN KEY(vial_id) REFERENCES vial (id),
  CONSTRAINT fk_packed_vial_packed_by_id FOREIGN KEY(packed_by_id) REFERENCES person (id),
  CONSTRAINT ck_packed_vial_finding CHECK (finding IN ('RECEIVED', 'MISSING', 'DAMAGED'))
);
CREATE INDEX ix_packed_vial_shipment_id ON packed_vial (shipment_id);
CREATE INDEX ix_packed_vial_vial_id ON packed_vial (vial_id);
CREATE UNIQUE INDEX one_live_shipment_per_vial ON packed_vial (vial_id) WHERE ended_at IS NULL;

CREATE TABLE placement (
  vial_id bigint NOT NULL,
  box_id bigint NOT NULL,
  position bigint NOT NULL,
  placed_at timestamptz NOT NULL,
  taken_at timestamptz,
  dewar_id bigint,
  id bigserial NOT NULL,
  CONSTRAINT pk_placement PRIMARY KEY (id),
  CONSTRAINT ck_placement_position_from_one CHECK (position >= 1),
  CONSTRAINT ck_placement_taken_after_placed CHECK (taken_at >= placed_at),
  CONSTRAINT ck_placement_taken_into_a_dewar CHECK (dewar_id IS NULL OR taken_at IS NOT NULL),
  CONSTRAINT fk_placement_vial_id FOREIGN KEY(vial_id) REFERENCES vial (id),
  CONSTRAINT fk_placement_box_id FOREIGN KEY(box_id) REFERENCES storage_unit (id),
  CONSTRAINT fk_placement_dewar_id FOREIGN KEY(dewar_id) REFERENCES storage_unit (id)
);
CREATE INDEX ix_placement_vial_id ON placement (vial_id);
CREATE UNIQUE INDEX one_live_position_per_vial ON placement (vial_id) WHERE taken_at IS NULL;
CREATE UNIQUE INDEX one_live_vial_per_position ON placement (box_id, position) WHERE taken_at IS NULL;

CREATE TABLE warming_event (
  vial_id bigint,
  unit_id bigint,
  out_at timestamptz NOT NULL,
  in_at timestamptz NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_warming_event PRIMARY KEY (id),
  CONSTRAINT ck_warming_event_one_subject CHECK (num_nonnulls(vial_id, unit_id) = 1),
  CONSTRAINT ck_warming_event_in_after_out CHECK (in_at > out_at),
  CONSTRAINT fk_warming_event_vial_id FOREIGN KEY(vial_id) REFERENCES vial (id),
  CONSTRAINT fk_warming_event_unit_id FOREIGN KEY(unit_id) REFERENCES storage_unit (id)
);
CREATE INDEX ix_warming_event_unit_id ON warming_event (unit_id);
CREATE INDEX ix_warming_event_vial_id ON warming_event (vial_id);

CREATE TABLE correction (
  culture_id bigint,
  lot_id bigint,
  vial_id bigint,
  dose_id bigint,
  column_name text NOT NULL,
  before text NOT NULL,
  after text NOT NULL,
  follows jsonb NOT NULL,
  reason text NOT NULL,
  corrected_at timestamptz NOT NULL,
  corrected_by_id bigint NOT NULL,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_correction PRIMARY KEY (id),
  CONSTRAINT ck_correction_one_record CHECK (num_nonnulls(culture_id, lot_id, vial_id, dose_id) = 1),
  CONSTRAINT ck_correction_something_is_put_right CHECK (before <> after),
  CONSTRAINT fk_correction_culture_id FOREIGN KEY(culture_id) REFERENCES culture (id),
  CONSTRAINT fk_correction_lot_id FOREIGN KEY(lot_id) REFERENCES lot (id),
  CONSTRAINT fk_correction_vial_id FOREIGN KEY(vial_id) REFERENCES vial (id),
  CONSTRAINT fk_correction_dose_id FOREIGN KEY(dose_id) REFERENCES dose (id),
  CONSTRAINT fk_correction_corrected_by_id FOREIGN KEY(corrected_by_id) REFERENCES person (id),
  CONSTRAINT ck_correction_state CHECK (state IN ('RECORDED'))
);
CREATE INDEX ix_correction_culture_id ON correction (culture_id);
CREATE INDEX ix_correction_dose_id ON correction (dose_id);
CREATE INDEX ix_correction_lot_id ON correction (lot_id);
CREATE INDEX ix_correction_vial_id ON correction (vial_id);

CREATE TABLE lot_source (
  lot_id bigint NOT NULL,
  culture_id bigint NOT NULL,
  cells_used bigint NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_lot_source PRIMARY KEY (id),
  CONSTRAINT uq_lot_source_lot_id_culture_id UNIQUE (lot_id, culture_id),
  CONSTRAINT fk_lot_source_lot_id FOREIGN KEY(lot_id) REFERENCES lot (id),
  CONSTRAINT fk_lot_source_culture_id FOREIGN KEY(culture_id) REFERENCES culture (id)
);
CREATE INDEX ix_lot_source_culture_id ON lot_source (culture_id);

CREATE TABLE reagent_use (
  reagent_lot_id bigint NOT NULL,
  culture_id bigint,
  lot_id bigint,
  used_at timestamptz NOT NULL,
  quantity numeric(14, 3),
  id bigserial NOT NULL,
  CONSTRAINT pk_reagent_use PRIMARY KEY (id),
  CONSTRAINT ck_reagent_use_one_target CHECK (num_nonnulls(culture_id, lot_id) = 1),
  CONSTRAINT fk_reagent_use_reagent_lot_id FOREIGN KEY(reagent_lot_id) REFERENCES reagent_lot (id),
  CONSTRAINT fk_reagent_use_culture_id FOREIGN KEY(culture_id) REFERENCES culture (id),
  CONSTRAINT fk_reagent_use_lot_id FOREIGN KEY(lot_id) REFERENCES lot (id)
);
CREATE INDEX ix_reagent_use_culture_id ON reagent_use (culture_id);
CREATE INDEX ix_reagent_use_lot_id ON reagent_use (lot_id);
CREATE INDEX ix_reagent_use_reagent_lot_id ON reagent_use (reagent_lot_id);

CREATE TABLE sample (
  code text NOT NULL,
  donor_id bigint,
  donation_id bigint,
  culture_id bigint,
  lot_id bigint,
  vial_id bigint,
  material text NOT NULL,
  test text NOT NULL,
  number bigint DEFAULT 1 NOT NULL,
  taken_at timestamptz NOT NULL,
  due_on date NOT NULL,
  taken_by_id bigint NOT NULL,
  cancel_reason text,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_sample PRIMARY KEY (id),
  CONSTRAINT ck_sample_one_subject CHECK (num_nonnulls(donor_id, donation_id, culture_id, lot_id) = 1),
  CONSTRAINT ck_sample_number CHECK (number BETWEEN 1 AND 100),
  CONSTRAINT uq_sample_code UNIQUE (code),
  CONSTRAINT fk_sample_donor_id FOREIGN KEY(donor_id) REFERENCES donor (id),
  CONSTRAINT fk_sample_donation_id FOREIGN KEY(donation_id) REFERENCES donation (id),
  CONSTRAINT fk_sample_culture_id FOREIGN KEY(culture_id) REFERENCES culture (id),
  CONSTRAINT fk_sample_lot_id FOREIGN KEY(lot_id) REFERENCES lot (id),
  CONSTRAINT fk_sample_vial_id FOREIGN KEY(vial_id) REFERENCES vial (id),
  CONSTRAINT fk_sample_taken_by_id FOREIGN KEY(taken_by_id) REFERENCES person (id),
  CONSTRAINT ck_sample_state CHECK (state IN ('TAKEN', 'REPORTED', 'CANCELLED'))
);
CREATE INDEX ix_sample_culture_id ON sample (culture_id);
CREATE INDEX ix_sample_donation_id ON sample (donation_id);
CREATE INDEX ix_sample_donor_id ON sample (donor_id);
CREATE INDEX ix_sample_lot_id ON sample (lot_id);
CREATE UNIQUE INDEX one_sample_awaited ON sample (test, number, donor_id, donation_id, culture_id, lot_id) NULLS NOT DISTINCT WHERE state = 'TAKEN';

CREATE TABLE test_result (
  code text NOT NULL,
  donor_id bigint,
  donation_id bigint,
  culture_id bigint,
  lot_id bigint,
  sample_id bigint,
  sample_number bigint,
  corrects_id bigint,
  test text NOT NULL,
  number numeric(18, 4),
  choice text,
  unit text,
  method text NOT NULL,
  method_version text,
  instrument text,
  started_at timestamptz NOT NULL,
  resulted_at timestamptz NOT NULL,
  verdict text NOT NULL,
  entered_by_id bigint NOT NULL,
  reviewed_by_id bigint,
  review_note text,
  changed_by_id bigint,
  change_reason text,
  state text NOT NULL,
  id bigserial NOT NULL,
  CONSTRAINT pk_test_result PRIMARY KEY (id),
  CONSTRAINT ck_test_result_one_subject CHECK (num_nonnulls(donor_id, donation_id, culture_id, lot_id) = 1),
  CONSTRAINT ck_test_result_one_value CHECK (num_nonnulls(number, choice) = 1),
  CONSTRAINT ck_test_result_reviewed_by_another_person CHECK (reviewed_by_id <> entered_by_id),
  CONSTRAINT ck_test_result_reviewed_has_a_reviewer CHECK (state = 'CORRECTED' OR (state = 'ENTERED') = (reviewed_by_id IS NULL)),
  CONSTRAINT ck_test_result_changed_with_a_reason CHECK (state NOT IN ('CORRECTED', 'INVALIDATED') OR change_reason IS NOT NULL),
  CONSTRAINT ck_test_result_resulted_after_started CHECK (resulted_at >= started_at),
  CONSTRAINT uq_test_result_code UNIQUE (code),
  CONSTRAINT fk_test_result_donor_id FOREIGN KEY(donor_id) REFERENCES donor (id),
  CONSTRAINT fk_test_result_donation_id FOREIGN KEY(donation_id) REFERENCES donation (id),
  CONSTRAINT fk_test_result_culture_id FOREIGN KEY(culture_id) REFERENCES culture (id),
  CONSTRAINT fk_test_result_lot_id FOREIGN KEY(lot_id) REFERENCES lot (id),
  CONSTRAINT fk_test_result_sample_id FOREIGN KEY(sample_id) REFERENCES sample (id),
  CONSTRAINT uq_test_result_corrects_id UNIQUE (corrects_id),
  CONSTRAINT fk_test_result_corrects_id FOREIGN KEY(corrects_id) REFERENCES test_result (id),
  CONSTRAINT fk_test_result_entered_by_id FOREIGN KEY(entered_by_id) REFERENCES person (id),
  CONSTRAINT fk_test_result_reviewed_by_id FOREIGN KEY(reviewed_by_id) REFERENCES person (id),
  CONSTRAINT fk_test_result_changed_by_id FOREIGN KEY(changed_by_id) REFERENCES person (id),
  CONSTRAINT ck_test_result_verdict CHECK (verdict IN ('IN_SPECIFICATION', 'OUT_OF_SPECIFICATION', 'INFORMATIVE')),
  CONSTRAINT ck_test_result_state CHECK (state IN ('ENTERED', 'REVIEWED', 'DISPUTED', 'CORRECTED', 'INVALIDATED'))
);
CREATE INDEX ix_test_result_culture_id ON test_result (culture_id);
CREATE INDEX ix_test_result_donation_id ON test_result (donation_id);
CREATE INDEX ix_test_result_donor_id ON test_result (donor_id);
CREATE INDEX ix_test_result_lot_id ON test_result (lot_id);
CREATE INDEX ix_test_result_sample_id ON test_result (sample_id);

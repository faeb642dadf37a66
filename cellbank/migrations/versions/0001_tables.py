"""The tables as of the first version"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('definition',
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('identifier', sa.Text(), nullable=False),
    sa.Column('version', sa.Text(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('content', sa.Text(), nullable=False),
    sa.Column('digest', sa.Text(), nullable=False),
    sa.Column('effective_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("state IN ('IMPORTED', 'EFFECTIVE', 'SUPERSEDED')", name=op.f('ck_definition_state')),
    sa.CheckConstraint("type IN ('protocol', 'specification')", name=op.f('ck_definition_type')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_definition')),
    sa.UniqueConstraint('code', name=op.f('uq_definition_code')),
    sa.UniqueConstraint('type', 'identifier', 'version', name=op.f('uq_definition_type_identifier_version'))
    )
    op.create_index('one_version_in_force', 'definition', ['type', 'identifier'], unique=True, postgresql_where=sa.text("state = 'EFFECTIVE'"))
    op.create_table('number_series',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('last', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_number_series'))
    )
    op.create_table('printing',
    sa.Column('template', sa.Text(), nullable=False),
    sa.Column('template_digest', sa.Text(), nullable=False),
    sa.Column('record_kind', sa.Text(), nullable=False),
    sa.Column('record_code', sa.Text(), nullable=False),
    sa.Column('rows', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('label_count', sa.BigInteger(), nullable=False),
    sa.Column('reprint', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('printed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('reprint = 0 OR length(trim(reason)) > 0', name=op.f('ck_printing_a_reprint_has_a_reason')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_printing'))
    )
    op.create_index(op.f('ix_printing_record_code'), 'printing', ['record_code'], unique=False)
    op.create_table('site',
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('fin', sa.Text(), nullable=False),
    sa.Column('fin_registered', sa.Boolean(), nullable=False),
    sa.Column('timezone', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_site')),
    sa.UniqueConstraint('code', name=op.f('uq_site_code'))
    )
    op.create_table('donor',
    sa.Column('site_id', sa.BigInteger(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('pseudonym', sa.Text(), nullable=False),
    sa.Column('birth_year', sa.BigInteger(), nullable=False),
    sa.Column('delivered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('delivery', sa.Text(), nullable=True),
    sa.Column('gestation_weeks', sa.BigInteger(), nullable=True),
    sa.Column('eligibility_reason', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("state IN ('REGISTERED', 'ELIGIBLE', 'INELIGIBLE')", name=op.f('ck_donor_state')),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_donor_site_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_donor')),
    sa.UniqueConstraint('code', name=op.f('uq_donor_code')),
    sa.UniqueConstraint('pseudonym', name=op.f('uq_donor_pseudonym'))
    )
    op.create_index(op.f('ix_donor_site_id'), 'donor', ['site_id'], unique=False)
    op.create_table('person',
    sa.Column('site_id', sa.BigInteger(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('full_name', sa.Text(), nullable=False),
    sa.Column('roles', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('password_hash', sa.Text(), nullable=True),
    sa.Column('password_set_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('must_change_password', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('failure_count', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('first_failure_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('locked_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("NOT ('administrator' = ANY (roles)) OR cardinality(roles) = 1", name=op.f('ck_person_administrator_holds_no_other_role')),
    sa.CheckConstraint("state IN ('ACTIVE', 'DISABLED')", name=op.f('ck_person_state')),
    sa.CheckConstraint('cardinality(roles) > 0', name=op.f('ck_person_has_a_role')),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_person_site_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_person')),
    sa.UniqueConstraint('code', name=op.f('uq_person_code')),
    sa.UniqueConstraint('name', name=op.f('uq_person_name'))
    )
    op.create_index(op.f('ix_person_site_id'), 'person', ['site_id'], unique=False)
    op.create_table('storage_unit',
    sa.Column('site_id', sa.BigInteger(), nullable=False),
    sa.Column('parent_id', sa.BigInteger(), nullable=True),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('place', sa.BigInteger(), nullable=False),
    sa.Column('row_count', sa.BigInteger(), nullable=True),
    sa.Column('column_count', sa.BigInteger(), nullable=True),
    sa.Column('out_of_service_reason', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("(type = 'box') = (row_count IS NOT NULL AND column_count IS NOT NULL)", name=op.f('ck_storage_unit_boxes_have_positions')),
    sa.CheckConstraint("(type = 'tank') = (parent_id IS NULL)", name=op.f('ck_storage_unit_tanks_are_roots')),
    sa.CheckConstraint("state IN ('IN_SERVICE', 'OUT_OF_SERVICE')", name=op.f('ck_storage_unit_state')),
    sa.CheckConstraint("type IN ('tank', 'rack', 'box')", name=op.f('ck_storage_unit_type')),
    sa.CheckConstraint('row_count BETWEEN 1 AND 26 AND column_count BETWEEN 1 AND 48', name=op.f('ck_storage_unit_box_size')),
    sa.ForeignKeyConstraint(['parent_id'], ['storage_unit.id'], name=op.f('fk_storage_unit_parent_id')),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_storage_unit_site_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_storage_unit')),
    sa.UniqueConstraint('code', name=op.f('uq_storage_unit_code'))
    )
    op.create_index(op.f('ix_storage_unit_parent_id'), 'storage_unit', ['parent_id'], unique=False)
    op.create_index(op.f('ix_storage_unit_site_id'), 'storage_unit', ['site_id'], unique=False)
    op.create_index('uq_storage_unit_parent_id_place', 'storage_unit', ['parent_id', 'place'], unique=True)
    op.create_table('subject',
    sa.Column('site_id', sa.BigInteger(), nullable=False),
    sa.Column('protocol_id', sa.BigInteger(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('trial_number', sa.Text(), nullable=False),
    sa.Column('second_identifier', sa.Text(), nullable=False),
    sa.Column('sex', sa.Text(), nullable=False),
    sa.Column('born_on', sa.Date(), nullable=False),
    sa.Column('consented_on', sa.Date(), nullable=False),
    sa.Column('arm', sa.Text(), nullable=False),
    sa.Column('receives_product', sa.Boolean(), nullable=False),
    sa.Column('answers', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('assessment', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('withdrawal_reason', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("sex IN ('female', 'male')", name=op.f('ck_subject_sex')),
    sa.CheckConstraint("state IN ('SCREENING', 'ENROLLED', 'SCREEN_FAILED', 'WITHDRAWN', 'COMPLETED')", name=op.f('ck_subject_state')),
    sa.CheckConstraint("state NOT IN ('ENROLLED', 'COMPLETED') OR coalesce(assessment ->> 'outcome', '') = 'ELIGIBLE'", name=op.f('ck_subject_enrolled_is_eligible')),
    sa.ForeignKeyConstraint(['protocol_id'], ['definition.id'], name=op.f('fk_subject_protocol_id')),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_subject_site_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_subject')),
    sa.UniqueConstraint('code', name=op.f('uq_subject_code')),
    sa.UniqueConstraint('protocol_id', 'second_identifier', name=op.f('uq_subject_protocol_id_second_identifier')),
    sa.UniqueConstraint('protocol_id', 'trial_number', name=op.f('uq_subject_protocol_id_trial_number'))
    )
    op.create_index(op.f('ix_subject_protocol_id'), 'subject', ['protocol_id'], unique=False)
    op.create_index(op.f('ix_subject_site_id'), 'subject', ['site_id'], unique=False)
    op.create_table('act',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('site_id', sa.BigInteger(), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('given', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('record_code', sa.Text(), nullable=True),
    sa.Column('key', sa.Text(), nullable=True),
    sa.Column('given_digest', sa.Text(), nullable=False),
    sa.Column('door', sa.Text(), nullable=False),
    sa.Column('client', sa.Text(), nullable=True),
    sa.Column('version', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.Column('outcome', sa.Text(), nullable=True),
    sa.Column('refusals', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('result', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.CheckConstraint("outcome IN ('accepted', 'refused')", name=op.f('ck_act_outcome')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_act_person_id')),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_act_site_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_act')),
    sa.UniqueConstraint('person_id', 'key', name=op.f('uq_act_person_id_key'))
    )
    op.create_index('ix_act_name_at', 'act', ['name', 'at'], unique=False)
    op.create_index('ix_act_record_code', 'act', ['record_code'], unique=False, postgresql_where=sa.text('record_code IS NOT NULL'))
    op.create_table('api_token',
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("state IN ('LIVE', 'REVOKED')", name=op.f('ck_api_token_state')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_api_token_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_token')),
    sa.UniqueConstraint('code', name=op.f('uq_api_token_code')),
    sa.UniqueConstraint('digest', name=op.f('uq_api_token_digest'))
    )
    op.create_index(op.f('ix_api_token_person_id'), 'api_token', ['person_id'], unique=False)
    op.create_table('consent',
    sa.Column('donor_id', sa.BigInteger(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('version', sa.Text(), nullable=False),
    sa.Column('scope', sa.Text(), nullable=False),
    sa.Column('given_on', sa.Date(), nullable=False),
    sa.Column('withdrawn_on', sa.Date(), nullable=True),
    sa.Column('withdrawal_reason', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("state IN ('GIVEN', 'WITHDRAWN')", name=op.f('ck_consent_state')),
    sa.ForeignKeyConstraint(['donor_id'], ['donor.id'], name=op.f('fk_consent_donor_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_consent')),
    sa.UniqueConstraint('code', name=op.f('uq_consent_code'))
    )
    op.create_index(op.f('ix_consent_donor_id'), 'consent', ['donor_id'], unique=False)
    op.create_table('donation',
    sa.Column('site_id', sa.BigInteger(), nullable=False),
    sa.Column('donor_id', sa.BigInteger(), nullable=False),
    sa.Column('specification_id', sa.BigInteger(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('tissue', sa.Text(), nullable=False),
    sa.Column('collected_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('received_by_id', sa.BigInteger(), nullable=False),
    sa.Column('transport_min_c', sa.Numeric(precision=6, scale=2), nullable=False),
    sa.Column('transport_max_c', sa.Numeric(precision=6, scale=2), nullable=False),
    sa.Column('mass_g', sa.Numeric(precision=7, scale=1), nullable=False),
    sa.Column('length_cm', sa.Numeric(precision=5, scale=1), nullable=True),
    sa.Column('integrity', sa.Text(), nullable=False),
    sa.Column('questions', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('decision_reason', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("state IN ('AWAITING_DECISION', 'ACCEPTED', 'REJECTED')", name=op.f('ck_donation_state')),
    sa.CheckConstraint("tissue IN ('placenta', 'cord')", name=op.f('ck_donation_tissue')),
    sa.CheckConstraint('received_at >= collected_at', name=op.f('ck_donation_received_after_collected')),
    sa.ForeignKeyConstraint(['donor_id'], ['donor.id'], name=op.f('fk_donation_donor_id')),
    sa.ForeignKeyConstraint(['received_by_id'], ['person.id'], name=op.f('fk_donation_received_by_id')),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_donation_site_id')),
    sa.ForeignKeyConstraint(['specification_id'], ['definition.id'], name=op.f('fk_donation_specification_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_donation')),
    sa.UniqueConstraint('code', name=op.f('uq_donation_code'))
    )
    op.create_index(op.f('ix_donation_donor_id'), 'donation', ['donor_id'], unique=False)
    op.create_index(op.f('ix_donation_site_id'), 'donation', ['site_id'], unique=False)
    op.create_index(op.f('ix_donation_specification_id'), 'donation', ['specification_id'], unique=False)
    op.create_table('reagent_lot',
    sa.Column('site_id', sa.BigInteger(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('manufacturer', sa.Text(), nullable=False),
    sa.Column('manufacturer_lot', sa.Text(), nullable=False),
    sa.Column('certificate', sa.Text(), nullable=True),
    sa.Column('expires_on', sa.Date(), nullable=False),
    sa.Column('received_by_id', sa.BigInteger(), nullable=False),
    sa.Column('decision_reason', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("state IN ('QUARANTINED', 'ACCEPTED', 'REJECTED')", name=op.f('ck_reagent_lot_state')),
    sa.ForeignKeyConstraint(['received_by_id'], ['person.id'], name=op.f('fk_reagent_lot_received_by_id')),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_reagent_lot_site_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reagent_lot')),
    sa.UniqueConstraint('code', name=op.f('uq_reagent_lot_code'))
    )
    op.create_index(op.f('ix_reagent_lot_site_id'), 'reagent_lot', ['site_id'], unique=False)
    op.create_table('weight',
    sa.Column('subject_id', sa.BigInteger(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('weight_kg', sa.Numeric(precision=5, scale=1), nullable=False),
    sa.Column('method', sa.Text(), nullable=False),
    sa.Column('measured_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('measured_by_id', sa.BigInteger(), nullable=False),
    sa.Column('confirmed_by_id', sa.BigInteger(), nullable=True),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("(state = 'CONFIRMED') = (confirmed_by_id IS NOT NULL)", name=op.f('ck_weight_confirmed_has_a_person')),
    sa.CheckConstraint("state IN ('MEASURED', 'CONFIRMED')", name=op.f('ck_weight_state')),
    sa.CheckConstraint('confirmed_by_id <> measured_by_id', name=op.f('ck_weight_confirmed_by_another_person')),
    sa.CheckConstraint('weight_kg BETWEEN 30 AND 250', name=op.f('ck_weight_weight_is_plausible')),
    sa.ForeignKeyConstraint(['confirmed_by_id'], ['person.id'], name=op.f('fk_weight_confirmed_by_id')),
    sa.ForeignKeyConstraint(['measured_by_id'], ['person.id'], name=op.f('fk_weight_measured_by_id')),
    sa.ForeignKeyConstraint(['subject_id'], ['subject.id'], name=op.f('fk_weight_subject_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_weight')),
    sa.UniqueConstraint('code', name=op.f('uq_weight_code'))
    )
    op.create_index(op.f('ix_weight_subject_id'), 'weight', ['subject_id'], unique=False)
    op.create_table('change',
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.Column('act_id', sa.BigInteger(), nullable=False),
    sa.Column('record_kind', sa.Text(), nullable=False),
    sa.Column('record_id', sa.BigInteger(), nullable=False),
    sa.Column('before', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('after', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.ForeignKeyConstraint(['act_id'], ['act.id'], name=op.f('fk_change_act_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_change'))
    )
    op.create_index(op.f('ix_change_act_id'), 'change', ['act_id'], unique=False)
    op.create_index('ix_change_record', 'change', ['record_kind', 'record_id'], unique=False)
    op.create_table('lot',
    sa.Column('site_id', sa.BigInteger(), nullable=False),
    sa.Column('donation_id', sa.BigInteger(), nullable=False),
    sa.Column('specification_id', sa.BigInteger(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('purpose', sa.Text(), nullable=False),
    sa.Column('product_code', sa.Text(), nullable=False),
    sa.Column('passage', sa.BigInteger(), nullable=False),
    sa.Column('cumulative_doublings', sa.Numeric(precision=8, scale=3), nullable=False),
    sa.Column('cells_per_vial', sa.BigInteger(), nullable=False),
    sa.Column('volume_ml', sa.Numeric(precision=9, scale=3), nullable=False),
    sa.Column('cryoprotectant', sa.Text(), nullable=False),
    sa.Column('dmso_percent', sa.Numeric(precision=5, scale=2), nullable=False),
    sa.Column('planned_vial_count', sa.BigInteger(), nullable=False),
    sa.Column('sample_cells', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('lost_cells', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('fill_started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('frozen_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('freezing_program', sa.Text(), nullable=True),
    sa.Column('expires_on', sa.Date(), nullable=False),
    sa.Column('state_before_hold', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("(state = 'ON_HOLD') = (state_before_hold IS NOT NULL)", name=op.f('ck_lot_hold_remembers_the_state')),
    sa.CheckConstraint("purpose IN ('master_bank', 'working_bank', 'product')", name=op.f('ck_lot_purpose')),
    sa.CheckConstraint("state IN ('IN_PROCESS', 'FILLED', 'QUARANTINE', 'RELEASED', 'REJECTED', 'ON_HOLD', 'RECALLED')", name=op.f('ck_lot_state')),
    sa.CheckConstraint('cells_per_vial > 0', name=op.f('ck_lot_cells_per_vial_positive')),
    sa.ForeignKeyConstraint(['donation_id'], ['donation.id'], name=op.f('fk_lot_donation_id')),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_lot_site_id')),
    sa.ForeignKeyConstraint(['specification_id'], ['definition.id'], name=op.f('fk_lot_specification_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lot')),
    sa.UniqueConstraint('code', name=op.f('uq_lot_code'))
    )
    op.create_index(op.f('ix_lot_donation_id'), 'lot', ['donation_id'], unique=False)
    op.create_index(op.f('ix_lot_site_id'), 'lot', ['site_id'], unique=False)
    op.create_index(op.f('ix_lot_specification_id'), 'lot', ['specification_id'], unique=False)
    op.create_table('seal',
    sa.Column('act_id', sa.BigInteger(), nullable=False),
    sa.Column('site_id', sa.BigInteger(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['act_id'], ['act.id'], name=op.f('fk_seal_act_id')),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_seal_site_id')),
    sa.PrimaryKeyConstraint('act_id', name=op.f('pk_seal')),
    sa.UniqueConstraint('site_id', 'number', name=op.f('uq_seal_site_id_number'))
    )
    op.create_table('signature',
    sa.Column('act_id', sa.BigInteger(), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('full_name', sa.Text(), nullable=False),
    sa.Column('meaning', sa.Text(), nullable=False),
    sa.Column('record_kind', sa.Text(), nullable=False),
    sa.Column('record_id', sa.BigInteger(), nullable=False),
    sa.Column('digest', sa.Text(), nullable=False),
    sa.Column('signed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['act_id'], ['act.id'], name=op.f('fk_signature_act_id')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_signature_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_signature'))
    )
    op.create_index(op.f('ix_signature_act_id'), 'signature', ['act_id'], unique=False)
    op.create_index(op.f('ix_signature_person_id'), 'signature', ['person_id'], unique=False)
    op.create_index('ix_signature_record', 'signature', ['record_kind', 'record_id'], unique=False)
    op.create_table('dose',
    sa.Column('subject_id', sa.BigInteger(), nullable=False),
    sa.Column('lot_id', sa.BigInteger(), nullable=False),
    sa.Column('weight_id', sa.BigInteger(), nullable=True),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('infusion_number', sa.BigInteger(), nullable=False),
    sa.Column('day', sa.BigInteger(), nullable=False),
    sa.Column('planned_on', sa.Date(), nullable=False),
    sa.Column('study_day', sa.BigInteger(), nullable=True),
    sa.Column('ordered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ordered_by_id', sa.BigInteger(), nullable=False),
    sa.Column('required_cells', sa.BigInteger(), nullable=False),
    sa.Column('vials_needed', sa.BigInteger(), nullable=False),
    sa.Column('vials_spare', sa.BigInteger(), nullable=False),
    sa.Column('calculation', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('deviation_reason', sa.Text(), nullable=True),
    sa.Column('thaw_started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('diluent', sa.Text(), nullable=True),
    sa.Column('pooled_ml', sa.Numeric(precision=9, scale=3), nullable=True),
    sa.Column('total_cells_per_ml', sa.BigInteger(), nullable=True),
    sa.Column('viability_percent', sa.Numeric(precision=5, scale=2), nullable=True),
    sa.Column('count_method', sa.Text(), nullable=True),
    sa.Column('counted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('draw_ml', sa.Numeric(precision=9, scale=3), nullable=True),
    sa.Column('delivered_cells', sa.BigInteger(), nullable=True),
    sa.Column('delivered_percent', sa.Numeric(precision=6, scale=1), nullable=True),
    sa.Column('is_short', sa.Boolean(), nullable=True),
    sa.Column('short_dose_reason', sa.Text(), nullable=True),
    sa.Column('prepared_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('prepared_by_id', sa.BigInteger(), nullable=True),
    sa.Column('final_volume_ml', sa.Numeric(precision=9, scale=3), nullable=True),
    sa.Column('band_reason', sa.Text(), nullable=True),
    sa.Column('first_checked_by_id', sa.BigInteger(), nullable=True),
    sa.Column('first_checked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('second_checked_by_id', sa.BigInteger(), nullable=True),
    sa.Column('second_checked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('infusion_started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('infusion_stopped_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('volume_given_ml', sa.Numeric(precision=9, scale=3), nullable=True),
    sa.Column('residual_ml', sa.Numeric(precision=9, scale=3), nullable=True),
    sa.Column('reaction', sa.Text(), nullable=True),
    sa.Column('outcome_reason', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("state IN ('ORDERED', 'PICKED', 'THAWING', 'COUNTED', 'PREPARED', 'CHECKED_ONCE', 'CHECKED', 'INFUSING', 'INFUSED', 'RECONCILED', 'CANCELLED', 'DISCARDED')", name=op.f('ck_dose_state')),
    sa.CheckConstraint("state NOT IN ('CHECKED', 'INFUSING', 'INFUSED', 'RECONCILED') OR num_nonnulls(prepared_by_id, first_checked_by_id, second_checked_by_id) = 3", name=op.f('ck_dose_no_infusion_without_two_verifiers')),
    sa.CheckConstraint("state NOT IN ('PREPARED', 'CHECKED_ONCE', 'CHECKED', 'INFUSING', 'INFUSED', 'RECONCILED') OR num_nonnulls(thaw_started_at, expires_at, viability_percent, draw_ml, delivered_cells, delivered_percent, prepared_at, prepared_by_id, final_volume_ml) = 9", name=op.f('ck_dose_prepared_is_complete')),
    sa.CheckConstraint('first_checked_by_id <> prepared_by_id AND second_checked_by_id <> prepared_by_id', name=op.f('ck_dose_preparer_does_not_verify')),
    sa.CheckConstraint('first_checked_by_id <> second_checked_by_id', name=op.f('ck_dose_two_different_verifiers')),
    sa.CheckConstraint('infusion_started_at IS NULL OR infusion_started_at <= expires_at', name=op.f('ck_dose_not_started_after_expiry')),
    sa.CheckConstraint('infusion_stopped_at >= infusion_started_at', name=op.f('ck_dose_stopped_after_started')),
    sa.CheckConstraint('required_cells > 0 AND vials_needed > 0 AND vials_spare >= 0', name=op.f('ck_dose_order_is_positive')),
    sa.ForeignKeyConstraint(['first_checked_by_id'], ['person.id'], name=op.f('fk_dose_first_checked_by_id')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_dose_lot_id')),
    sa.ForeignKeyConstraint(['ordered_by_id'], ['person.id'], name=op.f('fk_dose_ordered_by_id')),
    sa.ForeignKeyConstraint(['prepared_by_id'], ['person.id'], name=op.f('fk_dose_prepared_by_id')),
    sa.ForeignKeyConstraint(['second_checked_by_id'], ['person.id'], name=op.f('fk_dose_second_checked_by_id')),
    sa.ForeignKeyConstraint(['subject_id'], ['subject.id'], name=op.f('fk_dose_subject_id')),
    sa.ForeignKeyConstraint(['weight_id'], ['weight.id'], name=op.f('fk_dose_weight_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_dose')),
    sa.UniqueConstraint('code', name=op.f('uq_dose_code'))
    )
    op.create_index(op.f('ix_dose_lot_id'), 'dose', ['lot_id'], unique=False)
    op.create_index('ix_dose_subject_id', 'dose', ['subject_id'], unique=False)
    op.create_index(op.f('ix_dose_weight_id'), 'dose', ['weight_id'], unique=False)
    op.create_index('one_live_dose_per_subject_and_day', 'dose', ['subject_id', 'infusion_number'], unique=True, postgresql_where=sa.text("state NOT IN ('CANCELLED', 'DISCARDED')"))
    op.create_index('one_running_infusion_per_subject', 'dose', ['subject_id'], unique=True, postgresql_where=sa.text("state = 'INFUSING'"))
    op.create_table('hold',
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('donor_id', sa.BigInteger(), nullable=True),
    sa.Column('lot_id', sa.BigInteger(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('placed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('lifted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lift_reason', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("(state = 'LIFTED') = (lifted_at IS NOT NULL)", name=op.f('ck_hold_lifted_has_a_time')),
    sa.CheckConstraint("state IN ('PLACED', 'LIFTED')", name=op.f('ck_hold_state')),
    sa.CheckConstraint('num_nonnulls(donor_id, lot_id) = 1', name=op.f('ck_hold_one_subject')),
    sa.ForeignKeyConstraint(['donor_id'], ['donor.id'], name=op.f('fk_hold_donor_id')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_hold_lot_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_hold')),
    sa.UniqueConstraint('code', name=op.f('uq_hold_code'))
    )
    op.create_index(op.f('ix_hold_donor_id'), 'hold', ['donor_id'], unique=False)
    op.create_index(op.f('ix_hold_lot_id'), 'hold', ['lot_id'], unique=False)
    op.create_table('test_result',
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('donor_id', sa.BigInteger(), nullable=True),
    sa.Column('lot_id', sa.BigInteger(), nullable=True),
    sa.Column('test', sa.Text(), nullable=False),
    sa.Column('number', sa.Numeric(precision=18, scale=4), nullable=True),
    sa.Column('choice', sa.Text(), nullable=True),
    sa.Column('unit', sa.Text(), nullable=True),
    sa.Column('method', sa.Text(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('resulted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('verdict', sa.Text(), nullable=False),
    sa.Column('entered_by_id', sa.BigInteger(), nullable=False),
    sa.Column('reviewed_by_id', sa.BigInteger(), nullable=True),
    sa.Column('review_note', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("(state = 'ENTERED') = (reviewed_by_id IS NULL)", name=op.f('ck_test_result_reviewed_has_a_reviewer')),
    sa.CheckConstraint("state IN ('ENTERED', 'REVIEWED', 'DISPUTED')", name=op.f('ck_test_result_state')),
    sa.CheckConstraint("verdict IN ('IN_SPECIFICATION', 'OUT_OF_SPECIFICATION', 'INFORMATIVE')", name=op.f('ck_test_result_verdict')),
    sa.CheckConstraint('num_nonnulls(donor_id, lot_id) = 1', name=op.f('ck_test_result_one_subject')),
    sa.CheckConstraint('num_nonnulls(number, choice) = 1', name=op.f('ck_test_result_one_value')),
    sa.CheckConstraint('resulted_at >= started_at', name=op.f('ck_test_result_resulted_after_started')),
    sa.CheckConstraint('reviewed_by_id <> entered_by_id', name=op.f('ck_test_result_reviewed_by_another_person')),
    sa.ForeignKeyConstraint(['donor_id'], ['donor.id'], name=op.f('fk_test_result_donor_id')),
    sa.ForeignKeyConstraint(['entered_by_id'], ['person.id'], name=op.f('fk_test_result_entered_by_id')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_test_result_lot_id')),
    sa.ForeignKeyConstraint(['reviewed_by_id'], ['person.id'], name=op.f('fk_test_result_reviewed_by_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_test_result')),
    sa.UniqueConstraint('code', name=op.f('uq_test_result_code'))
    )
    op.create_index(op.f('ix_test_result_donor_id'), 'test_result', ['donor_id'], unique=False)
    op.create_index(op.f('ix_test_result_lot_id'), 'test_result', ['lot_id'], unique=False)
    op.create_table('vial',
    sa.Column('lot_id', sa.BigInteger(), nullable=False),
    sa.Column('donation_id', sa.BigInteger(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('dose_id', sa.BigInteger(), nullable=True),
    sa.Column('picked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('thawed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("dose_id IS NULL OR state NOT IN ('PRINTED', 'FILLED', 'FROZEN', 'IN_STOCK', 'CULTURED', 'VOIDED')", name=op.f('ck_vial_stock_is_reserved_for_nobody')),
    sa.CheckConstraint("state IN ('PRINTED', 'FILLED', 'FROZEN', 'IN_STOCK', 'RESERVED', 'PICKED', 'THAWED', 'POOLED', 'INFUSED', 'CULTURED', 'QC_USED', 'VOIDED', 'DISCARDED')", name=op.f('ck_vial_state')),
    sa.CheckConstraint("state NOT IN ('RESERVED', 'THAWED', 'POOLED', 'INFUSED') OR dose_id IS NOT NULL", name=op.f('ck_vial_reserved_for_a_dose')),
    sa.CheckConstraint("state NOT IN ('THAWED', 'POOLED', 'INFUSED') OR thawed_at IS NOT NULL", name=op.f('ck_vial_thaw_has_a_time')),
    sa.CheckConstraint("thawed_at IS NULL OR state NOT IN ('FROZEN', 'IN_STOCK', 'RESERVED', 'PICKED')", name=op.f('ck_vial_never_refrozen')),
    sa.ForeignKeyConstraint(['donation_id'], ['donation.id'], name=op.f('fk_vial_donation_id')),
    sa.ForeignKeyConstraint(['dose_id'], ['dose.id'], name=op.f('fk_vial_dose_id')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_vial_lot_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_vial')),
    sa.UniqueConstraint('code', name=op.f('uq_vial_code')),
    sa.UniqueConstraint('lot_id', 'number', name=op.f('uq_vial_lot_id_number'))
    )
    op.create_index('ix_vial_donation_id', 'vial', ['donation_id'], unique=False)
    op.create_index('ix_vial_dose_id', 'vial', ['dose_id'], unique=False, postgresql_where=sa.text('dose_id IS NOT NULL'))
    op.create_index('ix_vial_lot_id_state', 'vial', ['lot_id', 'state'], unique=False)
    op.create_table('culture',
    sa.Column('site_id', sa.BigInteger(), nullable=False),
    sa.Column('donation_id', sa.BigInteger(), nullable=False),
    sa.Column('parent_id', sa.BigInteger(), nullable=True),
    sa.Column('source_vial_id', sa.BigInteger(), nullable=True),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('passage', sa.BigInteger(), nullable=False),
    sa.Column('method', sa.Text(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('area_cm2', sa.Numeric(precision=9, scale=1), nullable=True),
    sa.Column('cells_seeded', sa.BigInteger(), nullable=True),
    sa.Column('harvested_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('cells_harvested', sa.BigInteger(), nullable=True),
    sa.Column('viability_percent', sa.Numeric(precision=5, scale=2), nullable=True),
    sa.Column('confluence_percent', sa.Numeric(precision=5, scale=2), nullable=True),
    sa.Column('cells_left', sa.BigInteger(), nullable=True),
    sa.Column('cells_lost', sa.BigInteger(), nullable=True),
    sa.Column('population_doublings', sa.Numeric(precision=8, scale=3), nullable=True),
    sa.Column('doubling_time_h', sa.Numeric(precision=9, scale=1), nullable=True),
    sa.Column('cumulative_doublings', sa.Numeric(precision=8, scale=3), nullable=False),
    sa.Column('vessel', sa.Text(), nullable=False),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("state IN ('GROWING', 'HARVESTED', 'FINISHED', 'DISCARDED')", name=op.f('ck_culture_state')),
    sa.CheckConstraint('cells_left BETWEEN 0 AND cells_harvested', name=op.f('ck_culture_cells_left_never_negative')),
    sa.CheckConstraint('harvested_at >= started_at', name=op.f('ck_culture_harvested_after_started')),
    sa.CheckConstraint('num_nonnulls(parent_id, source_vial_id) <= 1', name=op.f('ck_culture_one_source')),
    sa.CheckConstraint('passage >= 0', name=op.f('ck_culture_passage_not_negative')),
    sa.CheckConstraint('viability_percent BETWEEN 0 AND 100', name=op.f('ck_culture_viability_is_a_percentage')),
    sa.ForeignKeyConstraint(['donation_id'], ['donation.id'], name=op.f('fk_culture_donation_id')),
    sa.ForeignKeyConstraint(['parent_id'], ['culture.id'], name=op.f('fk_culture_parent_id')),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_culture_site_id')),
    sa.ForeignKeyConstraint(['source_vial_id'], ['vial.id'], name=op.f('fk_culture_source_vial_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_culture')),
    sa.UniqueConstraint('code', name=op.f('uq_culture_code'))
    )
    op.create_index(op.f('ix_culture_donation_id'), 'culture', ['donation_id'], unique=False)
    op.create_index(op.f('ix_culture_parent_id'), 'culture', ['parent_id'], unique=False)
    op.create_index(op.f('ix_culture_site_id'), 'culture', ['site_id'], unique=False)
    op.create_index(op.f('ix_culture_source_vial_id'), 'culture', ['source_vial_id'], unique=False)
    op.create_table('placement',
    sa.Column('vial_id', sa.BigInteger(), nullable=False),
    sa.Column('box_id', sa.BigInteger(), nullable=False),
    sa.Column('position', sa.BigInteger(), nullable=False),
    sa.Column('placed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('taken_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('position >= 1', name=op.f('ck_placement_position_from_one')),
    sa.CheckConstraint('taken_at >= placed_at', name=op.f('ck_placement_taken_after_placed')),
    sa.ForeignKeyConstraint(['box_id'], ['storage_unit.id'], name=op.f('fk_placement_box_id')),
    sa.ForeignKeyConstraint(['vial_id'], ['vial.id'], name=op.f('fk_placement_vial_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_placement'))
    )
    op.create_index('ix_placement_vial_id', 'placement', ['vial_id'], unique=False)
    op.create_index('one_live_position_per_vial', 'placement', ['vial_id'], unique=True, postgresql_where=sa.text('taken_at IS NULL'))
    op.create_index('one_live_vial_per_position', 'placement', ['box_id', 'position'], unique=True, postgresql_where=sa.text('taken_at IS NULL'))
    op.create_table('lot_source',
    sa.Column('lot_id', sa.BigInteger(), nullable=False),
    sa.Column('culture_id', sa.BigInteger(), nullable=False),
    sa.Column('cells_used', sa.BigInteger(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['culture_id'], ['culture.id'], name=op.f('fk_lot_source_culture_id')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_lot_source_lot_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lot_source')),
    sa.UniqueConstraint('lot_id', 'culture_id', name=op.f('uq_lot_source_lot_id_culture_id'))
    )
    op.create_index(op.f('ix_lot_source_culture_id'), 'lot_source', ['culture_id'], unique=False)
    op.create_table('reagent_use',
    sa.Column('reagent_lot_id', sa.BigInteger(), nullable=False),
    sa.Column('culture_id', sa.BigInteger(), nullable=True),
    sa.Column('lot_id', sa.BigInteger(), nullable=True),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('num_nonnulls(culture_id, lot_id) = 1', name=op.f('ck_reagent_use_one_target')),
    sa.ForeignKeyConstraint(['culture_id'], ['culture.id'], name=op.f('fk_reagent_use_culture_id')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_reagent_use_lot_id')),
    sa.ForeignKeyConstraint(['reagent_lot_id'], ['reagent_lot.id'], name=op.f('fk_reagent_use_reagent_lot_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reagent_use'))
    )
    op.create_index(op.f('ix_reagent_use_culture_id'), 'reagent_use', ['culture_id'], unique=False)
    op.create_index(op.f('ix_reagent_use_lot_id'), 'reagent_use', ['lot_id'], unique=False)
    op.create_index(op.f('ix_reagent_use_reagent_lot_id'), 'reagent_use', ['reagent_lot_id'], unique=False)


def downgrade() -> None:
    op.drop_index(op.f('ix_reagent_use_reagent_lot_id'), table_name='reagent_use')
    op.drop_index(op.f('ix_reagent_use_lot_id'), table_name='reagent_use')
    op.drop_index(op.f('ix_reagent_use_culture_id'), table_name='reagent_use')
    op.drop_table('reagent_use')
    op.drop_index(op.f('ix_lot_source_culture_id'), table_name='lot_source')
    op.drop_table('lot_source')
    op.drop_index('one_live_vial_per_position', table_name='placement', postgresql_where=sa.text('taken_at IS NULL'))
    op.drop_index('one_live_position_per_vial', table_name='placement', postgresql_where=sa.text('taken_at IS NULL'))
    op.drop_index('ix_placement_vial_id', table_name='placement')
    op.drop_table('placement')
    op.drop_index(op.f('ix_culture_source_vial_id'), table_name='culture')
    op.drop_index(op.f('ix_culture_site_id'), table_name='culture')
    op.drop_index(op.f('ix_culture_parent_id'), table_name='culture')
    op.drop_index(op.f('ix_culture_donation_id'), table_name='culture')
    op.drop_table('culture')
    op.drop_index('ix_vial_lot_id_state', table_name='vial')
    op.drop_index('ix_vial_dose_id', table_name='vial', postgresql_where=sa.text('dose_id IS NOT NULL'))
    op.drop_index('ix_vial_donation_id', table_name='vial')
    op.drop_table('vial')
    op.drop_index(op.f('ix_test_result_lot_id'), table_name='test_result')
    op.drop_index(op.f('ix_test_result_donor_id'), table_name='test_result')
    op.drop_table('test_result')
    op.drop_index(op.f('ix_hold_lot_id'), table_name='hold')
    op.drop_index(op.f('ix_hold_donor_id'), table_name='hold')
    op.drop_table('hold')
    op.drop_index('one_running_infusion_per_subject', table_name='dose', postgresql_where=sa.text("state = 'INFUSING'"))
    op.drop_index('one_live_dose_per_subject_and_day', table_name='dose', postgresql_where=sa.text("state NOT IN ('CANCELLED', 'DISCARDED')"))
    op.drop_index(op.f('ix_dose_weight_id'), table_name='dose')
    op.drop_index('ix_dose_subject_id', table_name='dose')
    op.drop_index(op.f('ix_dose_lot_id'), table_name='dose')
    op.drop_table('dose')
    op.drop_index('ix_signature_record', table_name='signature')
    op.drop_index(op.f('ix_signature_person_id'), table_name='signature')
    op.drop_index(op.f('ix_signature_act_id'), table_name='signature')
    op.drop_table('signature')
    op.drop_table('seal')
    op.drop_index(op.f('ix_lot_specification_id'), table_name='lot')
    op.drop_index(op.f('ix_lot_site_id'), table_name='lot')
    op.drop_index(op.f('ix_lot_donation_id'), table_name='lot')
    op.drop_table('lot')
    op.drop_index('ix_change_record', table_name='change')
    op.drop_index(op.f('ix_change_act_id'), table_name='change')
    op.drop_table('change')
    op.drop_index(op.f('ix_weight_subject_id'), table_name='weight')
    op.drop_table('weight')
    op.drop_index(op.f('ix_reagent_lot_site_id'), table_name='reagent_lot')
    op.drop_table('reagent_lot')
    op.drop_index(op.f('ix_donation_specification_id'), table_name='donation')
    op.drop_index(op.f('ix_donation_site_id'), table_name='donation')
    op.drop_index(op.f('ix_donation_donor_id'), table_name='donation')
    op.drop_table('donation')
    op.drop_index(op.f('ix_consent_donor_id'), table_name='consent')
    op.drop_table('consent')
    op.drop_index(op.f('ix_api_token_person_id'), table_name='api_token')
    op.drop_table('api_token')
    op.drop_index('ix_act_record_code', table_name='act', postgresql_where=sa.text('record_code IS NOT NULL'))
    op.drop_index('ix_act_name_at', table_name='act')
    op.drop_table('act')
    op.drop_index(op.f('ix_subject_site_id'), table_name='subject')
    op.drop_index(op.f('ix_subject_protocol_id'), table_name='subject')
    op.drop_table('subject')
    op.drop_index('uq_storage_unit_parent_id_place', table_name='storage_unit')
    op.drop_index(op.f('ix_storage_unit_site_id'), table_name='storage_unit')
    op.drop_index(op.f('ix_storage_unit_parent_id'), table_name='storage_unit')
    op.drop_table('storage_unit')
    op.drop_index(op.f('ix_person_site_id'), table_name='person')
    op.drop_table('person')
    op.drop_index(op.f('ix_donor_site_id'), table_name='donor')
    op.drop_table('donor')
    op.drop_table('site')
    op.drop_index(op.f('ix_printing_record_code'), table_name='printing')
    op.drop_table('printing')
    op.drop_table('number_series')
    op.drop_index('one_version_in_force', table_name='definition', postgresql_where=sa.text("state = 'EFFECTIVE'"))
    op.drop_table('definition')

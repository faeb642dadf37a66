"""Samples, deviations, reviews, recall notices, training, documents: the tables of the quality unit."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


# Alembic does not see that a CHECK has changed: (table, name, before, now).
CHECKS = (
    ("reagent_lot", "state", "state IN ('QUARANTINED', 'ACCEPTED', 'REJECTED')",
     "state IN ('QUARANTINED', 'ACCEPTED', 'REJECTED', 'RECALLED')"),
    ("storage_unit", "state", "state IN ('IN_SERVICE', 'OUT_OF_SERVICE')",
     "state IN ('IN_SERVICE', 'OUT_OF_SERVICE', 'FAILED')"),
    ("test_result", "state", "state IN ('ENTERED', 'REVIEWED', 'DISPUTED')",
     "state IN ('ENTERED', 'REVIEWED', 'DISPUTED', 'CORRECTED', 'INVALIDATED')"),
    ("test_result", "one_subject", "num_nonnulls(donor_id, lot_id) = 1",
     "num_nonnulls(donor_id, donation_id, culture_id, lot_id) = 1"),
    ("test_result", "reviewed_has_a_reviewer", "(state = 'ENTERED') = (reviewed_by_id IS NULL)",
     "state = 'CORRECTED' OR (state = 'ENTERED') = (reviewed_by_id IS NULL)"),
    ("test_result", "changed_with_a_reason", None,
     "state NOT IN ('CORRECTED', 'INVALIDATED') OR change_reason IS NOT NULL"),
    ("hold", "one_subject", "num_nonnulls(donor_id, lot_id) = 1",
     "num_nonnulls(donor_id, lot_id, reagent_lot_id, storage_unit_id) = 1"),
    ("reagent_lot", "never_more_used_than_there_is", None, "quantity_left BETWEEN 0 AND quantity_received"),
    ("reagent_lot", "counted_or_not", None,
     "num_nonnulls(unit, quantity_received, quantity_left) IN (0, 3)"),
)  # fmt: skip


def upgrade() -> None:
    op.create_table('document_issue',
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('record_kind', sa.Text(), nullable=False),
    sa.Column('record_code', sa.Text(), nullable=False),
    sa.Column('edition', sa.BigInteger(), nullable=False),
    sa.Column('digest', sa.Text(), nullable=False),
    sa.Column('content', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('pdf_digest', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('issued_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("state IN ('ISSUED')", name=op.f('ck_document_issue_state')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_document_issue')),
    sa.UniqueConstraint('code', name=op.f('uq_document_issue_code')),
    sa.UniqueConstraint('type', 'record_code', 'edition', name=op.f('uq_document_issue_type_record_code_edition'))
    )
    op.create_index(op.f('ix_document_issue_record_code'), 'document_issue', ['record_code'], unique=False)
    op.create_table('deviation',
    sa.Column('site_id', sa.BigInteger(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('classification', sa.Text(), nullable=False),
    sa.Column('occurred_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=False),
    sa.Column('opened_by_id', sa.BigInteger(), nullable=False),
    sa.Column('investigation', sa.Text(), nullable=True),
    sa.Column('root_cause', sa.Text(), nullable=True),
    sa.Column('investigated_by_id', sa.BigInteger(), nullable=True),
    sa.Column('decision', sa.Text(), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("classification IN ('minor', 'major', 'critical')", name=op.f('ck_deviation_classification')),
    sa.CheckConstraint("state <> 'CLOSED' OR num_nonnulls(investigation, investigated_by_id, decision, closed_at) = 4", name=op.f('ck_deviation_closed_with_an_investigation')),
    sa.CheckConstraint("state IN ('OPEN', 'INVESTIGATED', 'CLOSED')", name=op.f('ck_deviation_state')),
    sa.ForeignKeyConstraint(['investigated_by_id'], ['person.id'], name=op.f('fk_deviation_investigated_by_id')),
    sa.ForeignKeyConstraint(['opened_by_id'], ['person.id'], name=op.f('fk_deviation_opened_by_id')),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_deviation_site_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deviation')),
    sa.UniqueConstraint('code', name=op.f('uq_deviation_code'))
    )
    op.create_index(op.f('ix_deviation_site_id'), 'deviation', ['site_id'], unique=False)
    op.create_table('trail_review',
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('first_act', sa.BigInteger(), nullable=False),
    sa.Column('last_act', sa.BigInteger(), nullable=False),
    sa.Column('record_code', sa.Text(), nullable=True),
    sa.Column('findings', sa.Text(), nullable=False),
    sa.Column('reviewed_by_id', sa.BigInteger(), nullable=False),
    sa.Column('reviewed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("state IN ('REVIEWED')", name=op.f('ck_trail_review_state')),
    sa.CheckConstraint('first_act <= last_act', name=op.f('ck_trail_review_first_before_last')),
    sa.ForeignKeyConstraint(['reviewed_by_id'], ['person.id'], name=op.f('fk_trail_review_reviewed_by_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_trail_review')),
    sa.UniqueConstraint('code', name=op.f('uq_trail_review_code'))
    )
    op.create_table('training',
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('procedure', sa.Text(), nullable=False),
    sa.Column('trained_on', sa.Date(), nullable=False),
    sa.Column('valid_until', sa.Date(), nullable=False),
    sa.Column('revoke_reason', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("state IN ('VALID', 'REVOKED')", name=op.f('ck_training_state')),
    sa.CheckConstraint('valid_until >= trained_on', name=op.f('ck_training_valid_after_trained')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_training_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_training')),
    sa.UniqueConstraint('code', name=op.f('uq_training_code'))
    )
    op.create_index(op.f('ix_training_person_id'), 'training', ['person_id'], unique=False)
    op.create_table('corrective_action',
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('deviation_id', sa.BigInteger(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('responsible_id', sa.BigInteger(), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=False),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('done_by_id', sa.BigInteger(), nullable=True),
    sa.Column('done_note', sa.Text(), nullable=True),
    sa.Column('verification', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("state = 'PLANNED' OR num_nonnulls(done_at, done_by_id, done_note) = 3", name=op.f('ck_corrective_action_done_by_somebody')),
    sa.CheckConstraint("state IN ('PLANNED', 'DONE', 'VERIFIED')", name=op.f('ck_corrective_action_state')),
    sa.CheckConstraint("type IN ('corrective', 'preventive')", name=op.f('ck_corrective_action_type')),
    sa.ForeignKeyConstraint(['deviation_id'], ['deviation.id'], name=op.f('fk_corrective_action_deviation_id')),
    sa.ForeignKeyConstraint(['done_by_id'], ['person.id'], name=op.f('fk_corrective_action_done_by_id')),
    sa.ForeignKeyConstraint(['responsible_id'], ['person.id'], name=op.f('fk_corrective_action_responsible_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_corrective_action')),
    sa.UniqueConstraint('code', name=op.f('uq_corrective_action_code'))
    )
    op.create_index(op.f('ix_corrective_action_deviation_id'), 'corrective_action', ['deviation_id'], unique=False)
    op.create_table('deviation_link',
    sa.Column('deviation_id', sa.BigInteger(), nullable=False),
    sa.Column('record_kind', sa.Text(), nullable=False),
    sa.Column('record_id', sa.BigInteger(), nullable=False),
    sa.Column('record_code', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['deviation_id'], ['deviation.id'], name=op.f('fk_deviation_link_deviation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deviation_link')),
    sa.UniqueConstraint('deviation_id', 'record_kind', 'record_id', name=op.f('uq_deviation_link_deviation_id_record_kind_record_id'))
    )
    op.create_table('batch_review',
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('lot_id', sa.BigInteger(), nullable=False),
    sa.Column('digest', sa.Text(), nullable=False),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('reviewed_by_id', sa.BigInteger(), nullable=False),
    sa.Column('reviewed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("state IN ('REVIEWED')", name=op.f('ck_batch_review_state')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_batch_review_lot_id')),
    sa.ForeignKeyConstraint(['reviewed_by_id'], ['person.id'], name=op.f('fk_batch_review_reviewed_by_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_batch_review')),
    sa.UniqueConstraint('code', name=op.f('uq_batch_review_code'))
    )
    op.create_index(op.f('ix_batch_review_lot_id'), 'batch_review', ['lot_id'], unique=False)
    op.create_table('recall_notice',
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('lot_id', sa.BigInteger(), nullable=False),
    sa.Column('dose_id', sa.BigInteger(), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('acknowledged_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('acknowledged_by_id', sa.BigInteger(), nullable=True),
    sa.Column('measures', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("(state = 'ACKNOWLEDGED') = (num_nonnulls(acknowledged_at, acknowledged_by_id, measures) = 3)", name=op.f('ck_recall_notice_acknowledged_by_somebody')),
    sa.CheckConstraint("state IN ('OPEN', 'ACKNOWLEDGED')", name=op.f('ck_recall_notice_state')),
    sa.ForeignKeyConstraint(['acknowledged_by_id'], ['person.id'], name=op.f('fk_recall_notice_acknowledged_by_id')),
    sa.ForeignKeyConstraint(['dose_id'], ['dose.id'], name=op.f('fk_recall_notice_dose_id')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_recall_notice_lot_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recall_notice')),
    sa.UniqueConstraint('code', name=op.f('uq_recall_notice_code')),
    sa.UniqueConstraint('lot_id', 'dose_id', name=op.f('uq_recall_notice_lot_id_dose_id'))
    )
    op.create_index(op.f('ix_recall_notice_dose_id'), 'recall_notice', ['dose_id'], unique=False)
    op.create_index(op.f('ix_recall_notice_lot_id'), 'recall_notice', ['lot_id'], unique=False)
    op.create_table('sample',
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('donor_id', sa.BigInteger(), nullable=True),
    sa.Column('donation_id', sa.BigInteger(), nullable=True),
    sa.Column('culture_id', sa.BigInteger(), nullable=True),
    sa.Column('lot_id', sa.BigInteger(), nullable=True),
    sa.Column('vial_id', sa.BigInteger(), nullable=True),
    sa.Column('material', sa.Text(), nullable=False),
    sa.Column('test', sa.Text(), nullable=False),
    sa.Column('number', sa.BigInteger(), server_default=sa.text('1'), nullable=False),
    sa.Column('taken_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=False),
    sa.Column('taken_by_id', sa.BigInteger(), nullable=False),
    sa.Column('cancel_reason', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("state IN ('TAKEN', 'REPORTED', 'CANCELLED')", name=op.f('ck_sample_state')),
    sa.CheckConstraint('num_nonnulls(donor_id, donation_id, culture_id, lot_id) = 1', name=op.f('ck_sample_one_subject')),
    sa.CheckConstraint('number BETWEEN 1 AND 100', name=op.f('ck_sample_number')),
    sa.ForeignKeyConstraint(['culture_id'], ['culture.id'], name=op.f('fk_sample_culture_id')),
    sa.ForeignKeyConstraint(['donation_id'], ['donation.id'], name=op.f('fk_sample_donation_id')),
    sa.ForeignKeyConstraint(['donor_id'], ['donor.id'], name=op.f('fk_sample_donor_id')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_sample_lot_id')),
    sa.ForeignKeyConstraint(['taken_by_id'], ['person.id'], name=op.f('fk_sample_taken_by_id')),
    sa.ForeignKeyConstraint(['vial_id'], ['vial.id'], name=op.f('fk_sample_vial_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sample')),
    sa.UniqueConstraint('code', name=op.f('uq_sample_code'))
    )
    op.create_index(op.f('ix_sample_culture_id'), 'sample', ['culture_id'], unique=False)
    op.create_index(op.f('ix_sample_donation_id'), 'sample', ['donation_id'], unique=False)
    op.create_index(op.f('ix_sample_donor_id'), 'sample', ['donor_id'], unique=False)
    op.create_index(op.f('ix_sample_lot_id'), 'sample', ['lot_id'], unique=False)
    op.add_column('hold', sa.Column('reagent_lot_id', sa.BigInteger(), nullable=True))
    op.add_column('hold', sa.Column('storage_unit_id', sa.BigInteger(), nullable=True))
    op.create_index(op.f('ix_hold_reagent_lot_id'), 'hold', ['reagent_lot_id'], unique=False)
    op.create_index(op.f('ix_hold_storage_unit_id'), 'hold', ['storage_unit_id'], unique=False)
    op.create_foreign_key(op.f('fk_hold_reagent_lot_id'), 'hold', 'reagent_lot', ['reagent_lot_id'], ['id'])
    op.create_foreign_key(op.f('fk_hold_storage_unit_id'), 'hold', 'storage_unit', ['storage_unit_id'], ['id'])
    op.add_column('lot', sa.Column('decision_reason', sa.Text(), nullable=True))
    op.add_column('person', sa.Column('agreement_version', sa.Text(), nullable=True))
    op.add_column('person', sa.Column('agreement_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('person', sa.Column('totp_secret', sa.Text(), nullable=True))
    op.add_column('person', sa.Column('totp_confirmed_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('person', sa.Column('totp_step', sa.BigInteger(), nullable=True))
    op.add_column('reagent_lot', sa.Column('unit', sa.Text(), nullable=True))
    op.add_column('reagent_lot', sa.Column('quantity_received', sa.Numeric(precision=14, scale=3), nullable=True))
    op.add_column('reagent_lot', sa.Column('quantity_left', sa.Numeric(precision=14, scale=3), nullable=True))
    op.add_column('reagent_lot', sa.Column('opened_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('reagent_lot', sa.Column('days_once_open', sa.BigInteger(), nullable=True))
    op.add_column('reagent_lot', sa.Column('recall_reason', sa.Text(), nullable=True))
    op.add_column('reagent_use', sa.Column('quantity', sa.Numeric(precision=14, scale=3), nullable=True))
    op.add_column('test_result', sa.Column('donation_id', sa.BigInteger(), nullable=True))
    op.add_column('test_result', sa.Column('culture_id', sa.BigInteger(), nullable=True))
    op.add_column('test_result', sa.Column('sample_id', sa.BigInteger(), nullable=True))
    op.add_column('test_result', sa.Column('sample_number', sa.BigInteger(), nullable=True))
    op.add_column('test_result', sa.Column('corrects_id', sa.BigInteger(), nullable=True))
    op.add_column('test_result', sa.Column('method_version', sa.Text(), nullable=True))
    op.add_column('test_result', sa.Column('instrument', sa.Text(), nullable=True))
    op.add_column('test_result', sa.Column('change_reason', sa.Text(), nullable=True))
    op.create_index(op.f('ix_test_result_culture_id'), 'test_result', ['culture_id'], unique=False)
    op.create_index(op.f('ix_test_result_donation_id'), 'test_result', ['donation_id'], unique=False)
    op.create_index(op.f('ix_test_result_sample_id'), 'test_result', ['sample_id'], unique=False)
    op.create_unique_constraint(op.f('uq_test_result_corrects_id'), 'test_result', ['corrects_id'])
    op.create_foreign_key(op.f('fk_test_result_culture_id'), 'test_result', 'culture', ['culture_id'], ['id'])
    op.create_foreign_key(op.f('fk_test_result_donation_id'), 'test_result', 'donation', ['donation_id'], ['id'])
    op.create_foreign_key(op.f('fk_test_result_corrects_id'), 'test_result', 'test_result', ['corrects_id'], ['id'])
    op.create_foreign_key(op.f('fk_test_result_sample_id'), 'test_result', 'sample', ['sample_id'], ['id'])
    for table, name, before, now in CHECKS:
        if before is not None:
            op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, now)


def downgrade() -> None:
    for table, name, before, _ in reversed(CHECKS):
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
        if before is not None:
            op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, before)
    op.drop_constraint(op.f('fk_test_result_sample_id'), 'test_result', type_='foreignkey')
    op.drop_constraint(op.f('fk_test_result_corrects_id'), 'test_result', type_='foreignkey')
    op.drop_constraint(op.f('fk_test_result_donation_id'), 'test_result', type_='foreignkey')
    op.drop_constraint(op.f('fk_test_result_culture_id'), 'test_result', type_='foreignkey')
    op.drop_constraint(op.f('uq_test_result_corrects_id'), 'test_result', type_='unique')
    op.drop_index(op.f('ix_test_result_sample_id'), table_name='test_result')
    op.drop_index(op.f('ix_test_result_donation_id'), table_name='test_result')
    op.drop_index(op.f('ix_test_result_culture_id'), table_name='test_result')
    op.drop_column('test_result', 'change_reason')
    op.drop_column('test_result', 'instrument')
    op.drop_column('test_result', 'method_version')
    op.drop_column('test_result', 'corrects_id')
    op.drop_column('test_result', 'sample_number')
    op.drop_column('test_result', 'sample_id')
    op.drop_column('test_result', 'culture_id')
    op.drop_column('test_result', 'donation_id')
    op.drop_column('reagent_use', 'quantity')
    op.drop_column('reagent_lot', 'recall_reason')
    op.drop_column('reagent_lot', 'days_once_open')
    op.drop_column('reagent_lot', 'opened_at')
    op.drop_column('reagent_lot', 'quantity_left')
    op.drop_column('reagent_lot', 'quantity_received')
    op.drop_column('reagent_lot', 'unit')
    op.drop_column('person', 'totp_step')
    op.drop_column('person', 'totp_confirmed_at')
    op.drop_column('person', 'totp_secret')
    op.drop_column('person', 'agreement_at')
    op.drop_column('person', 'agreement_version')
    op.drop_column('lot', 'decision_reason')
    op.drop_constraint(op.f('fk_hold_storage_unit_id'), 'hold', type_='foreignkey')
    op.drop_constraint(op.f('fk_hold_reagent_lot_id'), 'hold', type_='foreignkey')
    op.drop_index(op.f('ix_hold_storage_unit_id'), table_name='hold')
    op.drop_index(op.f('ix_hold_reagent_lot_id'), table_name='hold')
    op.drop_column('hold', 'storage_unit_id')
    op.drop_column('hold', 'reagent_lot_id')
    op.drop_index(op.f('ix_sample_lot_id'), table_name='sample')
    op.drop_index(op.f('ix_sample_donor_id'), table_name='sample')
    op.drop_index(op.f('ix_sample_donation_id'), table_name='sample')
    op.drop_index(op.f('ix_sample_culture_id'), table_name='sample')
    op.drop_table('sample')
    op.drop_index(op.f('ix_recall_notice_lot_id'), table_name='recall_notice')
    op.drop_index(op.f('ix_recall_notice_dose_id'), table_name='recall_notice')
    op.drop_table('recall_notice')
    op.drop_index(op.f('ix_batch_review_lot_id'), table_name='batch_review')
    op.drop_table('batch_review')
    op.drop_table('deviation_link')
    op.drop_index(op.f('ix_corrective_action_deviation_id'), table_name='corrective_action')
    op.drop_table('corrective_action')
    op.drop_index(op.f('ix_training_person_id'), table_name='training')
    op.drop_table('training')
    op.drop_table('trail_review')
    op.drop_index(op.f('ix_deviation_site_id'), table_name='deviation')
    op.drop_table('deviation')
    op.drop_index(op.f('ix_document_issue_record_code'), table_name='document_issue')
    op.drop_table('document_issue')

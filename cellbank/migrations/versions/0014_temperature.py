"""Probes, readings, excursions; which vials stood through which; and what that forbids.

Twins: `domain/rules/temperature.py`, `domain/rules/release.py`. The functions read the view `unit_parent` of the next
revision, so that they follow every move of the storage tree; they are in plpgsql, which looks for it when it is asked.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

CHANGING = ("probe", "logger_mapping", "reading_import", "excursion")
PERFORMER_DECISIONS = (
    "a.name NOT IN (",
    "a.name NOT IN ('import_readings', 'record_readings', 'confirm_reading', 'decide_excursion', ",
)

FUNCTIONS = """
-- A unit and everything that ever stood in it, at any depth, with the time during which it did. Where a unit was first
-- noted it counts as having stood from the beginning: a vial may be entered with an earlier time than its box.
CREATE FUNCTION units_within(the_unit bigint) RETURNS TABLE (unit_id bigint, since timestamptz, until timestamptz)
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY
  WITH RECURSIVE line AS (
    SELECT the_unit AS id, '-infinity'::timestamptz AS s, 'infinity'::timestamptz AS u
    UNION ALL
    SELECT p.unit_id, greatest(l.s, stay.s), least(l.u, p.until)
      FROM line l JOIN unit_parent p ON p.parent_id = l.id
      CROSS JOIN LATERAL (SELECT CASE WHEN EXISTS (
        SELECT FROM unit_stay e WHERE e.unit_id = p.unit_id AND e.until <= p.since) THEN p.since ELSE '-infinity' END AS s) stay
     WHERE stay.s < l.u AND p.until > l.s
  )
  SELECT id, s, u FROM line;
END $$;

-- The other way: what a box stood in, at any depth.
CREATE FUNCTION units_around(the_unit bigint) RETURNS TABLE (unit_id bigint, since timestamptz, until timestamptz)
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY
  WITH RECURSIVE line AS (
    SELECT the_unit AS id, '-infinity'::timestamptz AS s, 'infinity'::timestamptz AS u
    UNION ALL
    SELECT p.parent_id, greatest(l.s, stay.s), least(l.u, p.until)
      FROM line l JOIN unit_parent p ON p.unit_id = l.id AND p.parent_id IS NOT NULL
      CROSS JOIN LATERAL (SELECT CASE WHEN EXISTS (
        SELECT FROM unit_stay e WHERE e.unit_id = p.unit_id AND e.until <= p.since) THEN p.since ELSE '-infinity' END AS s) stay
     WHERE stay.s < l.u AND p.until > l.s
  )
  SELECT id, s, u FROM line;
END $$;

-- The excursions through which vials stood, each with the time that they shared; of one vial, or of all of a lot.
CREATE FUNCTION stood_through(the_lot bigint, the_vial bigint)
RETURNS TABLE (vial_id bigint, excursion_id bigint, since timestamptz, until timestamptz)
LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM excursion) THEN
    RETURN;
  END IF;
  RETURN QUERY
  WITH stays AS MATERIALIZED (
    SELECT v.id, p.box_id, p.placed_at, coalesce(p.taken_at, 'infinity') AS taken_at
      FROM vial v JOIN placement p ON p.vial_id = v.id
     WHERE v.id = the_vial OR (the_vial IS NULL AND v.lot_id = the_lot)
  ), watched AS MATERIALIZED (
    SELECT box.box_id, e.id, greatest(up.since, e.started_at) AS s,
           least(up.until, coalesce(e.ended_at, 'infinity')) AS u
      FROM (SELECT DISTINCT stays.box_id FROM stays) box CROSS JOIN LATERAL units_around(box.box_id) up
      JOIN excursion e ON e.storage_unit_id = up.unit_id AND e.started_at < up.until
       AND coalesce(e.ended_at, 'infinity') > up.since
  )
  SELECT stays.id, watched.id, greatest(stays.placed_at, watched.s), least(stays.taken_at, watched.u)
    FROM stays JOIN watched ON watched.box_id = stays.box_id AND watched.s < stays.taken_at AND watched.u > stays.placed_at;
END $$;

CREATE FUNCTION excursion_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(OLD.ended_at IS NULL OR (NEW.started_at, NEW.ended_at, NEW.category, NEW.peak_c, NEW.warn_seconds,
                 NEW.critical_seconds, NEW.reject_seconds, NEW.warn_degree_seconds, NEW.critical_degree_seconds,
                 NEW.reject_degree_seconds, NEW.probe_id, NEW.storage_unit_id)
               IS NOT DISTINCT FROM (OLD.started_at, OLD.ended_at, OLD.category, OLD.peak_c, OLD.warn_seconds,
                 OLD.critical_seconds, OLD.reject_seconds, OLD.warn_degree_seconds, OLD.critical_degree_seconds,
                 OLD.reject_degree_seconds, OLD.probe_id, OLD.storage_unit_id),
               'an_ended_excursion_never_changes', 'the figures of an ended excursion never change');
  PERFORM must(NEW.state = OLD.state OR OLD.state = 'OPEN', 'an_excursion_is_decided_once', 'it is decided');
  RETURN NEW;
END $$;

CREATE FUNCTION reading_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM trail_open_act();
  RETURN NULL;
END $$;

CREATE FUNCTION dose_trace_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (
    SELECT FROM vial v CROSS JOIN LATERAL stood_through(NULL, v.id) t JOIN excursion e ON e.id = t.excursion_id
     WHERE v.dose_id = NEW.id AND v.state = 'POOLED'
       AND (e.state = 'REJECTED' OR (e.state = 'OPEN' AND e.category IN ('critical', 'reject')))),
    'no_dose_from_an_undecided_excursion', 'a vial stood in an excursion that is not decided');
  RETURN NEW;
END $$;

CREATE FUNCTION lot_trace_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (
    SELECT FROM stood_through(NEW.id, NULL) t JOIN excursion e ON e.id = t.excursion_id WHERE e.state <> 'ACCEPTED'),
    'no_release_with_an_open_excursion', 'vials stood in an excursion that is not accepted');
  RETURN NEW;
END $$;

CREATE FUNCTION hold_trace_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must((SELECT state FROM excursion WHERE id = NEW.excursion_id) = 'ACCEPTED',
               'no_lifting_before_the_decision', 'the excursion of the hold is not accepted');
  RETURN NEW;
END $$;

CREATE TRIGGER hold_trace_safety BEFORE UPDATE ON hold FOR EACH ROW
  WHEN (NEW.state = 'LIFTED' AND OLD.state <> 'LIFTED' AND NEW.excursion_id IS NOT NULL)
  EXECUTE FUNCTION hold_trace_safety();
CREATE TRIGGER excursion_safety BEFORE UPDATE ON excursion FOR EACH ROW EXECUTE FUNCTION excursion_safety();
CREATE TRIGGER reading_safety BEFORE INSERT ON reading EXECUTE FUNCTION reading_safety();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON reading FOR EACH ROW EXECUTE FUNCTION trail_refuse();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON reading EXECUTE FUNCTION trail_refuse();
CREATE TRIGGER dose_trace_safety BEFORE UPDATE ON dose FOR EACH ROW
  WHEN (NEW.state IN ('CHECKED_ONCE', 'CHECKED', 'INFUSING') AND OLD.state <> NEW.state)
  EXECUTE FUNCTION dose_trace_safety();
CREATE TRIGGER lot_trace_safety BEFORE UPDATE ON lot FOR EACH ROW
  WHEN (NEW.state = 'RELEASED' AND OLD.state = 'QUARANTINE') EXECUTE FUNCTION lot_trace_safety();
"""


def upgrade() -> None:
    op.create_table('probe',
    sa.Column('site_id', sa.BigInteger(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('storage_unit_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('model', sa.Text(), nullable=False),
    sa.Column('serial', sa.Text(), nullable=True),
    sa.Column('calibrated_on', sa.Date(), nullable=False),
    sa.Column('calibration_due_on', sa.Date(), nullable=False),
    sa.Column('warn_above_c', sa.Numeric(precision=6, scale=2), nullable=False),
    sa.Column('warn_minutes', sa.BigInteger(), nullable=False),
    sa.Column('critical_above_c', sa.Numeric(precision=6, scale=2), nullable=False),
    sa.Column('critical_readings', sa.BigInteger(), nullable=False),
    sa.Column('reject_above_c', sa.Numeric(precision=6, scale=2), nullable=False),
    sa.Column('gap_minutes', sa.BigInteger(), nullable=False),
    sa.Column('acknowledge_minutes', sa.BigInteger(), nullable=False),
    sa.Column('last_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('watch', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('retired_reason', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("state IN ('IN_USE', 'RETIRED')", name=op.f('ck_probe_state')),
    sa.CheckConstraint('calibration_due_on > calibrated_on', name=op.f('ck_probe_due_after_calibration')),
    sa.CheckConstraint('least(warn_minutes, critical_readings, gap_minutes) >= 1', name=op.f('ck_probe_limits_positive')),
    sa.CheckConstraint('warn_above_c <= critical_above_c AND critical_above_c <= reject_above_c', name=op.f('ck_probe_limits_in_order')),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_probe_site_id')),
    sa.ForeignKeyConstraint(['storage_unit_id'], ['storage_unit.id'], name=op.f('fk_probe_storage_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_probe')),
    sa.UniqueConstraint('code', name=op.f('uq_probe_code'))
    )
    op.create_index(op.f('ix_probe_site_id'), 'probe', ['site_id'], unique=False)
    op.create_index(op.f('ix_probe_storage_unit_id'), 'probe', ['storage_unit_id'], unique=False)
    op.create_table('logger_mapping',
    sa.Column('model', sa.Text(), nullable=False),
    sa.Column('columns', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_logger_mapping')),
    sa.UniqueConstraint('model', name=op.f('uq_logger_mapping_model'))
    )
    op.create_table('reading_import',
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('probe_id', sa.BigInteger(), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('file_name', sa.Text(), nullable=True),
    sa.Column('sha256', sa.Text(), nullable=True),
    sa.Column('mapping', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('row_count', sa.BigInteger(), nullable=False),
    sa.Column('stored', sa.BigInteger(), nullable=False),
    sa.Column('duplicates', sa.BigInteger(), nullable=False),
    sa.Column('out_of_order', sa.BigInteger(), nullable=False),
    sa.Column('left_out', sa.BigInteger(), nullable=False),
    sa.Column('known_before', sa.BigInteger(), nullable=False),
    sa.Column('first_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('hand_celsius', sa.Numeric(precision=6, scale=2), nullable=True),
    sa.Column('digest', sa.Text(), nullable=True),
    sa.Column('entered_by_id', sa.BigInteger(), nullable=False),
    sa.Column('confirmed_by_id', sa.BigInteger(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("(source = 'hand') = (hand_celsius IS NOT NULL)", name=op.f('ck_reading_import_by_hand_is_one_reading')),
    sa.CheckConstraint("source IN ('file', 'gateway', 'hand')", name=op.f('ck_reading_import_source')),
    sa.CheckConstraint("state <> 'STORED' OR digest IS NOT NULL", name=op.f('ck_reading_import_imported_has_a_digest')),
    sa.CheckConstraint("state <> 'STORED' OR source <> 'hand' OR confirmed_by_id IS NOT NULL", name=op.f('ck_reading_import_two_people')),
    sa.CheckConstraint("state IN ('ENTERED', 'STORED', 'REJECTED')", name=op.f('ck_reading_import_state')),
    sa.CheckConstraint('confirmed_by_id <> entered_by_id', name=op.f('ck_reading_import_confirmed_by_another_person')),
    sa.ForeignKeyConstraint(['confirmed_by_id'], ['person.id'], name=op.f('fk_reading_import_confirmed_by_id')),
    sa.ForeignKeyConstraint(['entered_by_id'], ['person.id'], name=op.f('fk_reading_import_entered_by_id')),
    sa.ForeignKeyConstraint(['probe_id'], ['probe.id'], name=op.f('fk_reading_import_probe_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reading_import')),
    sa.UniqueConstraint('code', name=op.f('uq_reading_import_code'))
    )
    op.create_index(op.f('ix_reading_import_probe_id'), 'reading_import', ['probe_id'], unique=False)
    op.create_index('one_import_of_each_file', 'reading_import', ['sha256'], unique=True, postgresql_where=sa.text('sha256 IS NOT NULL'))
    op.create_table('reading',
    sa.Column('probe_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('import_id', sa.BigInteger(), nullable=False),
    sa.Column('celsius', sa.Numeric(precision=6, scale=2), nullable=False),
    sa.PrimaryKeyConstraint('probe_id', 'at', name=op.f('pk_reading'))
    )
    op.create_table('excursion',
    sa.Column('site_id', sa.BigInteger(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('probe_id', sa.BigInteger(), nullable=False),
    sa.Column('storage_unit_id', sa.BigInteger(), nullable=False),
    sa.Column('category', sa.Text(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('end_reason', sa.Text(), nullable=True),
    sa.Column('peak_c', sa.Numeric(precision=6, scale=2), nullable=False),
    sa.Column('warn_above_c', sa.Numeric(precision=6, scale=2), nullable=False),
    sa.Column('critical_above_c', sa.Numeric(precision=6, scale=2), nullable=False),
    sa.Column('reject_above_c', sa.Numeric(precision=6, scale=2), nullable=False),
    sa.Column('warn_seconds', sa.BigInteger(), nullable=False),
    sa.Column('critical_seconds', sa.BigInteger(), nullable=False),
    sa.Column('reject_seconds', sa.BigInteger(), nullable=False),
    sa.Column('warn_degree_seconds', sa.Numeric(precision=16, scale=2), nullable=False),
    sa.Column('critical_degree_seconds', sa.Numeric(precision=16, scale=2), nullable=False),
    sa.Column('reject_degree_seconds', sa.Numeric(precision=16, scale=2), nullable=False),
    sa.Column('found_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('acknowledged_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('acknowledged_by_id', sa.BigInteger(), nullable=True),
    sa.Column('acknowledgement', sa.Text(), nullable=True),
    sa.Column('decision_reason', sa.Text(), nullable=True),
    sa.Column('decided_by_id', sa.BigInteger(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('id', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("category IN ('silent', 'warning', 'critical', 'reject')", name=op.f('ck_excursion_category')),
    sa.CheckConstraint("state = 'OPEN' OR num_nonnulls(ended_at, decision_reason, decided_by_id) = 3", name=op.f('ck_excursion_decided_with_a_reason')),
    sa.CheckConstraint("state IN ('OPEN', 'ACCEPTED', 'REJECTED')", name=op.f('ck_excursion_state')),
    sa.CheckConstraint('ended_at >= started_at', name=op.f('ck_excursion_ends_after_start')),
    sa.CheckConstraint('num_nonnulls(acknowledged_at, acknowledged_by_id) IN (0, 2)', name=op.f('ck_excursion_acknowledged_by_somebody')),
    sa.ForeignKeyConstraint(['acknowledged_by_id'], ['person.id'], name=op.f('fk_excursion_acknowledged_by_id')),
    sa.ForeignKeyConstraint(['decided_by_id'], ['person.id'], name=op.f('fk_excursion_decided_by_id')),
    sa.ForeignKeyConstraint(['probe_id'], ['probe.id'], name=op.f('fk_excursion_probe_id')),
    sa.ForeignKeyConstraint(['site_id'], ['site.id'], name=op.f('fk_excursion_site_id')),
    sa.ForeignKeyConstraint(['storage_unit_id'], ['storage_unit.id'], name=op.f('fk_excursion_storage_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_excursion')),
    sa.UniqueConstraint('code', name=op.f('uq_excursion_code'))
    )
    op.create_index('ix_excursion_probe_id_started_at', 'excursion', ['probe_id', 'started_at'], unique=False)
    op.create_index(op.f('ix_excursion_site_id'), 'excursion', ['site_id'], unique=False)
    op.create_index('ix_excursion_storage_unit_id_started_at', 'excursion', ['storage_unit_id', 'started_at'], unique=False)
    op.create_index('one_excursion_goes_on', 'excursion', ['probe_id'], unique=True, postgresql_where=sa.text('ended_at IS NULL'))
    op.add_column('hold', sa.Column('excursion_id', sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f('fk_hold_excursion_id'), 'hold', 'excursion', ['excursion_id'], ['id'])
    op.create_index(op.f('ix_hold_excursion_id'), 'hold', ['excursion_id'], unique=False)
    op.execute(FUNCTIONS)
    for table in CHANGING:
        op.execute(
            f"CREATE TRIGGER trail_change AFTER INSERT OR UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION trail_record_change()"
        )
        op.execute(
            f"CREATE TRIGGER never_deleted BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION trail_refuse()"
        )
        op.execute(f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} EXECUTE FUNCTION trail_refuse()")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {', '.join(CHANGING)} TO cellbank_app")
    op.execute("GRANT SELECT, INSERT ON reading TO cellbank_app")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cellbank_app")
    _replace_performers(*PERFORMER_DECISIONS)


def downgrade() -> None:
    _replace_performers(*reversed(PERFORMER_DECISIONS))
    op.execute("DROP TRIGGER hold_trace_safety ON hold; DROP TRIGGER lot_trace_safety ON lot; DROP TRIGGER dose_trace_safety ON dose")
    op.drop_column("hold", "excursion_id")
    for table in ("excursion", "reading", "reading_import", "logger_mapping", "probe"):
        op.drop_table(table)
    op.execute(
        "DROP FUNCTION hold_trace_safety(), lot_trace_safety(), dose_trace_safety(), reading_safety(), excursion_safety(), "
        "stood_through(bigint, bigint), units_around(bigint), units_within(bigint)"
    )


def _replace_performers(before: str, now: str) -> None:
    """Who takes in readings, or decides what they mean, has not worked on the lots that they stop."""
    body = op.get_bind().scalar(sa.text("SELECT pg_get_functiondef('lot_performers'::regproc)"))
    op.execute(sa.text(body.replace(before, now).replace(":", r"\:")))

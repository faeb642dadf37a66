"""Runs of controlled-rate freezers, compared with the band of their program; and what a release asks of them.

Twin: `domain/rules/freezing_run.py`.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

FUNCTIONS = """
CREATE FUNCTION freezer_run_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_lot record;
BEGIN
  PERFORM must(to_jsonb(NEW) - '{state,deviation_id,withdrawn_by_id,withdrawal_reason}'::text[]
               = to_jsonb(OLD) - '{state,deviation_id,withdrawn_by_id,withdrawal_reason}'::text[]
               AND coalesce(OLD.deviation_id = NEW.deviation_id, OLD.deviation_id IS NULL) AND OLD.state <> 'WITHDRAWN',
               'a_freezing_run_never_changes', 'a freezing run keeps what was found');
  IF NEW.state = 'WITHDRAWN' THEN
    -- Locked: nobody releases the lot meanwhile.
    SELECT state, state_before_hold INTO the_lot FROM lot WHERE id = NEW.lot_id FOR SHARE;
    PERFORM must(the_lot.state NOT IN ('RELEASED', 'RECALLED') AND the_lot.state_before_hold IS DISTINCT FROM 'RELEASED'
                 AND NOT EXISTS (SELECT FROM conditional_release c WHERE c.lot_id = NEW.lot_id AND c.state <> 'ENDED'),
                 'a_run_that_is_relied_on_stays', 'the lot was released with this run');
  END IF;
  RETURN NEW;
END $$;

-- A definition names the programs that ask for the file of each run; a lot made under it is released with a run that
-- kept to its band, or of which the deviation is closed.
CREATE FUNCTION lot_freezing_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(
    NOT EXISTS (SELECT FROM definition f WHERE f.id = NEW.specification_id
                   AND f.programs_with_a_run @> to_jsonb(NEW.freezing_program))
    OR EXISTS (SELECT FROM freezer_run r LEFT JOIN deviation d ON d.id = r.deviation_id
                WHERE r.lot_id = NEW.id AND r.program = NEW.freezing_program
                  AND (r.state = 'WITHIN' OR (r.state = 'OUTSIDE' AND d.state = 'CLOSED'))),
    'no_release_without_a_freezing_run', 'no freezing run within its band, or explained');
  RETURN NEW;
END $$;

CREATE TRIGGER freezer_run_safety BEFORE UPDATE ON freezer_run FOR EACH ROW EXECUTE FUNCTION freezer_run_safety();
CREATE TRIGGER lot_freezing_safety BEFORE UPDATE ON lot FOR EACH ROW
  WHEN (NEW.state = 'RELEASED' AND OLD.state = 'QUARANTINE') EXECUTE FUNCTION lot_freezing_safety();
CREATE TRIGGER reading_safety BEFORE INSERT ON freezer_reading EXECUTE FUNCTION reading_safety();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON freezer_reading FOR EACH ROW EXECUTE FUNCTION trail_refuse();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON freezer_reading EXECUTE FUNCTION trail_refuse();
CREATE TRIGGER trail_change AFTER INSERT OR UPDATE ON freezer_run FOR EACH ROW EXECUTE FUNCTION trail_record_change();
CREATE TRIGGER never_deleted BEFORE DELETE ON freezer_run FOR EACH ROW EXECUTE FUNCTION trail_refuse();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON freezer_run EXECUTE FUNCTION trail_refuse();
GRANT SELECT, INSERT, UPDATE ON freezer_run TO cellbank_app;
GRANT SELECT, INSERT ON freezer_reading TO cellbank_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cellbank_app;
"""
# The batch record tells of the run, so its review covers it; and whoever imports it has worked on the lot.
VIALS = "UNION ALL SELECT 'vial', id FROM vial WHERE lot_id = the_lot"
SOURCES = "UNION ALL SELECT 'lot_source', s.id, to_jsonb(s) FROM lot_source s WHERE s.lot_id = the_lot"
COVERED = (
    ("lot_performers", VIALS, f"{VIALS}\n    UNION ALL SELECT 'freezer_run', id FROM freezer_run WHERE lot_id = the_lot"),
    ("batch_digest", SOURCES, f"{SOURCES}\n    UNION ALL SELECT 'freezer_run', r.id, jsonb_strip_nulls(to_jsonb(r)) "
     "FROM freezer_run r WHERE r.lot_id = the_lot"),
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "freezer_run",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("lot_id", sa.BigInteger(), nullable=False),
        sa.Column("program", sa.Text(), nullable=False),
        sa.Column("freezer", sa.Text(), nullable=False),
        sa.Column("freezer_serial", sa.Text(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("mapping", postgresql.JSONB(), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("left_out", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("departures", postgresql.JSONB(), nullable=False),
        sa.Column("first_departure_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outside_seconds", sa.BigInteger(), nullable=False),
        sa.Column("longest_seconds", sa.BigInteger(), nullable=False),
        sa.Column("worst_c", sa.Numeric(6, 2), nullable=False),
        sa.Column("degree_seconds", sa.Numeric(16, 2), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("imported_by_id", sa.BigInteger(), nullable=False),
        sa.Column("deviation_id", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_by_id", sa.BigInteger(), nullable=True),
        sa.Column("withdrawal_reason", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('WITHIN', 'OUTSIDE', 'WITHDRAWN')", name=op.f("ck_freezer_run_state")),
        sa.CheckConstraint(
            "(state = 'WITHDRAWN') = (num_nonnulls(withdrawn_by_id, withdrawal_reason) = 2)",
            name=op.f("ck_freezer_run_withdrawn_with_a_reason"),
        ),
        sa.CheckConstraint(
            "state <> 'WITHIN' OR outside_seconds = 0", name=op.f("ck_freezer_run_within_is_never_outside")
        ),
        sa.CheckConstraint(
            "first_at <= began_at AND began_at <= last_at", name=op.f("ck_freezer_run_times_in_order")
        ),
        *(
            sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_freezer_run_{column}"))
            for column, target in (
                ("lot_id", "lot"),
                ("imported_by_id", "person"),
                ("deviation_id", "deviation"),
                ("withdrawn_by_id", "person"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_freezer_run")),
        sa.UniqueConstraint("code", name=op.f("uq_freezer_run_code")),
    )
    op.create_index(op.f("ix_freezer_run_lot_id"), "freezer_run", ["lot_id"])
    op.create_index(
        "one_run_of_a_lot", "freezer_run", ["lot_id"], unique=True, postgresql_where=sa.text("state <> 'WITHDRAWN'")
    )
    op.create_table(
        "freezer_reading",
        sa.Column("run_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("celsius", sa.Numeric(6, 2), nullable=False),
        sa.CheckConstraint("channel IN ('product', 'chamber')", name=op.f("ck_freezer_reading_channel")),
        sa.ForeignKeyConstraint(["run_id"], ["freezer_run.id"], name=op.f("fk_freezer_reading_run_id")),
        sa.PrimaryKeyConstraint("run_id", "channel", "at", name=op.f("pk_freezer_reading")),
    )
    op.add_column("definition", sa.Column("programs_with_a_run", postgresql.JSONB(), nullable=True))
    op.execute(FUNCTIONS)
    for function, before, now in COVERED:
        _replace(function, before, now)


def downgrade() -> None:
    for function, before, now in COVERED:
        _replace(function, now, before)
    op.execute("DROP TRIGGER lot_freezing_safety ON lot")
    op.drop_column("definition", "programs_with_a_run")
    op.drop_table("freezer_reading")
    op.drop_table("freezer_run")
    op.execute("DROP FUNCTION lot_freezing_safety(), freezer_run_safety()")


def _replace(function: str, before: str, now: str) -> None:
    """Let a function look at one thing more; it must be as this revision knows it."""
    body = op.get_bind().scalar(sa.text(f"SELECT pg_get_functiondef('{function}'::regproc)"))
    if body.count(before) != 1:
        raise RuntimeError(f"{function} is not as this revision knows it")
    op.execute(sa.text(body.replace(before, now).replace(":", r"\:")))

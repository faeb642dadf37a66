"""What people answered about files is kept for each probe and each freezer; one file may belong to two probes, each with
its column; no reading is of a clock that was never set.

What was learned for a model of logger is not carried over: another probe of that model may hang in another tank. It
stays in the trail.

Twins: `services/temperature/sent_files.py`, `domain/rules/reading_time.py`.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

WATCH = """
CREATE TRIGGER trail_change AFTER INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION trail_record_change();
CREATE TRIGGER never_deleted BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION trail_refuse();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} EXECUTE FUNCTION trail_refuse();
GRANT SELECT, INSERT, UPDATE ON {table} TO cellbank_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cellbank_app;
"""
FILES = "one_import_of_each_file"
# A trigger and no CHECK: what was imported before stays as it is.
CLOCK = """
CREATE FUNCTION clock_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.first_at >= '2010-01-01 00:00:00+00', 'of_a_clock_that_was_set',
    'readings are older than any logger here: its clock was reset');
  RETURN NEW;
END $$;
CREATE TRIGGER clock_safety BEFORE INSERT ON reading_import FOR EACH ROW EXECUTE FUNCTION clock_safety();
"""


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "sheet_answer",
        sa.Column("sheet", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("sheet IN ('readings', 'freezing_run')", name=op.f("ck_sheet_answer_sheet")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sheet_answer")),
        sa.UniqueConstraint("sheet", "source", name=op.f("uq_sheet_answer_sheet_source")),
    )
    op.execute(WATCH.format(table="sheet_answer"))
    op.drop_table("logger_mapping")
    op.drop_index(FILES, "reading_import")
    op.create_index(
        FILES, "reading_import", ["sha256", "probe_id", sa.text("(mapping ->> 'value')")], unique=True,
        postgresql_where=sa.text("sha256 IS NOT NULL"),
    )  # fmt: skip
    op.execute(CLOCK)


def downgrade() -> None:
    """Back."""
    op.execute("DROP TRIGGER clock_safety ON reading_import; DROP FUNCTION clock_safety()")
    op.drop_index(FILES, "reading_import")
    op.create_index(FILES, "reading_import", ["sha256"], unique=True, postgresql_where=sa.text("sha256 IS NOT NULL"))
    op.create_table(
        "logger_mapping",
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("columns", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logger_mapping")),
        sa.UniqueConstraint("model", name=op.f("uq_logger_mapping_model")),
    )
    op.execute(WATCH.format(table="logger_mapping"))
    op.drop_table("sheet_answer")

"""The trail watches the tables of the quality unit, the application may write them, and a second factor stays secret."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

CHANGING = ("training", "sample", "deviation", "corrective_action", "recall_notice")
INSERT_ONLY = ("deviation_link", "batch_review", "document_issue", "trail_review")
WATCH_PERSON = (
    "CREATE OR REPLACE TRIGGER trail_change AFTER INSERT OR UPDATE ON person "
    "FOR EACH ROW EXECUTE FUNCTION trail_record_change({hidden})"
)


def upgrade() -> None:
    for table in (*CHANGING, *INSERT_ONLY):
        op.execute(
            f"CREATE TRIGGER trail_change AFTER INSERT OR UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION trail_record_change()"
        )
        op.execute(
            f"CREATE TRIGGER never_deleted BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION trail_refuse()"
        )
        op.execute(f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} EXECUTE FUNCTION trail_refuse()")
        op.execute(f"GRANT SELECT ON {table} TO cellbank_app")
    for table in INSERT_ONLY:
        op.execute(
            f"CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION trail_refuse()"
        )
    op.execute(WATCH_PERSON.format(hidden="'password_hash', 'totp_secret'"))
    op.execute(f"GRANT INSERT, UPDATE ON {', '.join(CHANGING)} TO cellbank_app")
    op.execute(f"GRANT INSERT ON {', '.join(INSERT_ONLY)} TO cellbank_app")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cellbank_app")


def downgrade() -> None:
    op.execute(WATCH_PERSON.format(hidden="'password_hash'"))
    for table in (*CHANGING, *INSERT_ONLY):
        for trigger in ("trail_change", "never_deleted", "never_emptied", "insert_only"):
            op.execute(f"DROP TRIGGER IF EXISTS {trigger} ON {table}")

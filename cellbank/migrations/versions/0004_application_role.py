"""The role that the application connects as: it owns nothing, adds to the trail and never changes it."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WRITTEN = (
    "api_token, consent, culture, definition, donation, donor, dose, hold, lot, lot_source, person, placement, reagent_lot, "
    "reagent_use, site, storage_unit, subject, test_result, vial, weight, number_series"
)


def upgrade() -> None:
    # Roles belong to the whole server, so another database may have made it already.
    op.execute(
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cellbank_app') THEN "
        "CREATE ROLE cellbank_app LOGIN; END IF; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )
    op.execute("GRANT USAGE ON SCHEMA public TO cellbank_app")
    op.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO cellbank_app")
    op.execute(f"GRANT INSERT, UPDATE ON {WRITTEN} TO cellbank_app")
    op.execute("GRANT INSERT ON act, signature, printing TO cellbank_app")
    op.execute("GRANT UPDATE (outcome, refusals, result, record_code) ON act TO cellbank_app")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cellbank_app")


def downgrade() -> None:
    op.execute("REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM cellbank_app")
    op.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM cellbank_app")
    op.execute("REVOKE ALL ON SCHEMA public FROM cellbank_app")

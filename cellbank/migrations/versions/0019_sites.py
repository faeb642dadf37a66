"""More sites than one: who works where, whose each vial and dose is, and that nothing is changed from another site.

A vial or a dose without a site is of the first one: it was recorded before there were others.
Twin: `records/work.py`, which says so in words; `domain/lifecycle.py` (CROSSING) lists what may be done from elsewhere.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# Asked once for each statement and not for each row: a tank of forty thousand vials is one look.
FUNCTIONS = """
CREATE FUNCTION acting_site() RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT site_id FROM act WHERE id = nullif(current_setting('cellbank.act', true), '')::bigint
$$;

CREATE FUNCTION changed_at_its_site() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  here bigint := acting_site();
BEGIN
  PERFORM must(NOT EXISTS (SELECT FROM changed c WHERE coalesce(c.site_id, 1) <> here),
               'a_record_is_changed_at_its_site', 'the record is of another site');
  RETURN NULL;
END $$;

-- A lot may be stopped from wherever its vials stand; all else about it happens where it was made.
CREATE FUNCTION lot_changed_at_its_site() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  here bigint := acting_site();
BEGIN
  PERFORM must(NOT EXISTS (SELECT FROM changed c JOIN now_is n USING (id)
                            WHERE (c.site_id <> here AND n.state <> 'ON_HOLD') OR n.site_id <> c.site_id),
               'a_record_is_changed_at_its_site', 'the lot is of another site');
  RETURN NULL;
END $$;
"""
MADE_HERE = ("donor", "donation", "reagent_lot", "culture", "lot", "storage_unit", "stock_count", "subject", "vial", "dose")
CHANGED_HERE = tuple(table for table in MADE_HERE if table != "lot")
OF_A_SITE = ("vial", "dose")


def upgrade() -> None:
    op.add_column("person", sa.Column("also_at", postgresql.ARRAY(sa.Text()), nullable=True))
    for table in OF_A_SITE:
        op.add_column(table, sa.Column("site_id", sa.BigInteger(), nullable=True))
        op.create_foreign_key(op.f(f"fk_{table}_site_id"), table, "site", ["site_id"], ["id"])
    op.execute(FUNCTIONS)
    for table in MADE_HERE:
        op.execute(
            f"CREATE TRIGGER made_at_its_site AFTER INSERT ON {table} REFERENCING NEW TABLE AS changed "
            "FOR EACH STATEMENT EXECUTE FUNCTION changed_at_its_site()"
        )
    for table in CHANGED_HERE:
        op.execute(
            f"CREATE TRIGGER changed_at_its_site AFTER UPDATE ON {table} REFERENCING OLD TABLE AS changed "
            "FOR EACH STATEMENT EXECUTE FUNCTION changed_at_its_site()"
        )
    op.execute(
        "CREATE TRIGGER changed_at_its_site AFTER UPDATE ON lot REFERENCING OLD TABLE AS changed NEW TABLE AS now_is "
        "FOR EACH STATEMENT EXECUTE FUNCTION lot_changed_at_its_site()"
    )


def downgrade() -> None:
    for table in MADE_HERE:
        op.execute(f"DROP TRIGGER made_at_its_site ON {table}")
        op.execute(f"DROP TRIGGER changed_at_its_site ON {table}")
    op.execute("DROP FUNCTION changed_at_its_site(), lot_changed_at_its_site(), acting_site()")
    for table in OF_A_SITE:
        op.drop_column(table, "site_id")
    op.drop_column("person", "also_at")

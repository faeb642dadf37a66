"""The tables as of the first version that anybody keeps data in; the first site and the system's own account.

Of the trail's first act, which tells of these two rows, `records/migrate.py` takes care: the trail is not there yet.
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

FIRST_ROWS = """
INSERT INTO site (code, name, fin, fin_registered, timezone)
  VALUES ('MAIN', 'Unnamed site', 'A9999', false, 'Europe/Kyiv');
INSERT INTO person (site_id, code, name, name_key, full_name, roles, state, must_change_password, failure_count)
  VALUES (1, 'SYSTEM', 'system', 'system', 'This installation', '{system}', 'ACTIVE', false, 0);
"""


def upgrade() -> None:
    """Make all tables."""
    cursor = op.get_bind().connection.cursor()  # the file as it stands: a colon in it is no parameter
    cursor.execute(Path(__file__).with_suffix(".sql").read_text())
    cursor.execute(FIRST_ROWS)

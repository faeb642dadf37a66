"""${message}"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tables, columns and constraints only: functions, triggers and grants stand in migrations/database."""
    ${upgrades if upgrades else "pass"}

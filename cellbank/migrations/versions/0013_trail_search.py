"""The trail is looked through by person, time, refusal and record; every one of them by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


# Every text in what was given that could be the code of a record. Raw scans and sentences are none.
CODES_GIVEN = (
    "jsonb_path_query_array(given, "
    """'strict $.** ? (@.type() == "string" && @ like_regex "^[A-Z0-9]{6,19}$")')"""
)


def upgrade() -> None:
    op.execute(f"CREATE INDEX ix_act_codes_given ON act USING gin ({CODES_GIVEN})")
    op.create_index("ix_act_at", "act", ["at"])
    op.create_index("ix_act_person_id_id", "act", ["person_id", "id"])
    op.create_index("ix_act_refused_at", "act", ["at"], postgresql_where=sa.text("outcome = 'refused'"))


def downgrade() -> None:
    for name in ("ix_act_codes_given", "ix_act_at", "ix_act_person_id_id", "ix_act_refused_at"):
        op.drop_index(name, "act")

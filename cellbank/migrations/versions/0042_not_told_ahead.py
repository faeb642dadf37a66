"""Nothing that was accepted is told of a time to come. What older versions took of a clock up to two minutes ahead stays
as it was sealed.

Twin: `domain/telling.py` (as_told, future_refusals).
"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE act ADD CONSTRAINT ck_act_not_told_ahead "
        "CHECK (outcome IS DISTINCT FROM 'accepted' OR coalesce(happened_at <= at, true)) NOT VALID"
    )
    told_ahead = "SELECT EXISTS (SELECT FROM act WHERE outcome = 'accepted' AND happened_at > at)"
    if not op.get_bind().scalar(sa.text(told_ahead)):
        op.execute("ALTER TABLE act VALIDATE CONSTRAINT ck_act_not_told_ahead")


def downgrade() -> None:
    op.execute("ALTER TABLE act DROP CONSTRAINT ck_act_not_told_ahead")

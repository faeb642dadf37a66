"""What was said of a culture at its start, its harvest and its end stands in three columns, each with the act that said
it. Until now the later ones were hung onto the first; such texts stay as they were written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("culture", sa.Column("harvest_note", sa.Text))
    op.add_column("culture", sa.Column("end_note", sa.Text))


def downgrade() -> None:
    op.drop_column("culture", "end_note")
    op.drop_column("culture", "harvest_note")

"""A vial has one number: the one that is printed on it.

It was numbered within its lot too, so that the vial labelled 000105 was "85" on a map where another one was "105". The
number is now what the database reads off the code, and nobody can write another one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("vial", "number")  # and with it the constraint that it is unique within the lot
    op.execute("ALTER TABLE vial ADD COLUMN number bigint NOT NULL GENERATED ALWAYS AS (right(code, 6)::bigint) STORED")
    op.create_unique_constraint("uq_vial_lot_id_number", "vial", ["lot_id", "number"])


def downgrade() -> None:
    op.drop_column("vial", "number")
    op.add_column("vial", sa.Column("number", sa.BigInteger(), nullable=True))
    op.execute(
        """ALTER TABLE vial DISABLE TRIGGER USER;
           UPDATE vial SET number = n.number
             FROM (SELECT id, row_number() OVER (PARTITION BY lot_id ORDER BY code) AS number FROM vial) n
            WHERE n.id = vial.id;
           ALTER TABLE vial ENABLE TRIGGER USER;"""
    )
    op.alter_column("vial", "number", nullable=False)
    op.create_unique_constraint("uq_vial_lot_id_number", "vial", ["lot_id", "number"])

"""How many cells went in: worked out by the database from what was drawn and what was given of it.

Nobody writes them, so they cannot disagree with the volumes. Twin: `domain/dose.py` (`given_cells`, `given_percent`).
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

# `div` cuts off and is exact, where `/` of numerics rounds; the percent is rounded to 0.1, halves up.
GIVEN_CELLS = "div(delivered_cells * volume_given_ml, final_volume_ml)"
GIVEN_PERCENT = (
    "div(2000 * delivered_cells * volume_given_ml + final_volume_ml * required_cells, "
    "2 * final_volume_ml * required_cells) / 10"
)


def upgrade() -> None:
    op.add_column("dose", sa.Column("given_cells", sa.BigInteger(), sa.Computed(GIVEN_CELLS, persisted=True)))
    op.add_column("dose", sa.Column("given_percent", sa.Numeric(6, 1), sa.Computed(GIVEN_PERCENT, persisted=True)))
    op.create_check_constraint(
        op.f("ck_dose_no_more_than_prepared"),
        "dose",
        "volume_given_ml + coalesce(residual_ml, 0) <= final_volume_ml",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_dose_no_more_than_prepared"), "dose")
    op.drop_column("dose", "given_percent")
    op.drop_column("dose", "given_cells")

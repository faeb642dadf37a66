"""What reads alike is alike: a skeleton stands beside the names of donors, people, units and reagent lots.

Twin: `domain/folding.py`.
"""

import sqlalchemy as sa
from alembic import op

from cellbank.domain.folding import skeleton

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

# Of each table the name, and whether no two are alike.
NAMES = {
    "donor": ("pseudonym", True), "person": ("name", True), "storage_unit": ("name", False),
    "reagent_lot": ("manufacturer_lot", False),
}  # fmt: skip
INDEX = "ix_reagent_lot_manufacturer_lot_key"
OPEN = sa.text(
    """INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at)
       VALUES (:site, 1, 'configure_site', '{"revision": "0055"}', '', 'migration', '0055', now())
       RETURNING set_config('cellbank.act', id::text, true)"""
)
CLOSE = "UPDATE act SET outcome = 'accepted' WHERE id = current_setting('cellbank.act')::bigint"


def upgrade() -> None:
    """Forward."""
    for table, (name, _) in NAMES.items():
        op.add_column(table, sa.Column(f"{name}_key", sa.Text(), nullable=True))
    _tell_of_earlier_records()
    for table, (name, unique) in NAMES.items():
        op.alter_column(table, f"{name}_key", nullable=False)
        if unique:
            op.create_unique_constraint(op.f(f"uq_{table}_{name}_key"), table, [f"{name}_key"])
    op.create_index(op.f(INDEX), "reagent_lot", ["manufacturer_lot_key"])


def _tell_of_earlier_records() -> None:
    """Fill the new columns in an act of each site. Of several that read alike already the first has the skeleton; the
    others stand beside it with their number, so that no further one joins them."""
    connection, keys = op.get_bind(), {}
    for table, (name, unique) in NAMES.items():
        taken: set[str] = set()
        rows = sa.text(f"SELECT id, coalesce(site_id, 1) AS site, {name} AS name FROM {table} ORDER BY id")
        for row in connection.execute(rows):
            key = skeleton(row.name)
            own = f"{key}#{row.id}" if unique and key in taken else key
            keys.setdefault(row.site, []).append((table, name, row.id, own))
            taken.add(key)
    for site, found in sorted(keys.items()):
        connection.execute(OPEN, {"site": site})
        for table, name, number, key in found:
            fill = sa.text(f"UPDATE {table} SET {name}_key = :key WHERE id = :id")
            connection.execute(fill, {"key": key, "id": number})
        op.execute(CLOSE)
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    op.execute("SET CONSTRAINTS ALL DEFERRED")


def downgrade() -> None:
    """Back."""
    op.drop_index(op.f(INDEX), "reagent_lot")
    for table, (name, unique) in NAMES.items():
        if unique:
            op.drop_constraint(op.f(f"uq_{table}_{name}_key"), table)
        op.drop_column(table, f"{name}_key")

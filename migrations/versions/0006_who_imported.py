"""A version of a protocol or specification says who imported it: somebody else brings it into force."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Who it was of those that stand, the trail knows; one made behind it is the system's, and verification says so.

    The trail of such a row does not tell the column anew: it follows from who made the row.
    """
    op.execute("ALTER TABLE definition ADD imported_by_id bigint")
    op.execute("ALTER TABLE definition DISABLE TRIGGER USER")
    op.execute(
        """UPDATE definition d SET imported_by_id = coalesce((
             SELECT a.person_id FROM change c JOIN act a ON a.id = c.act_id
              WHERE c.record_kind = 'definition' AND c.record_id = d.id AND c.before IS NULL
              ORDER BY c.id LIMIT 1), 1)"""
    )
    op.execute("ALTER TABLE definition ENABLE TRIGGER USER")
    op.execute(
        "ALTER TABLE definition ALTER imported_by_id SET NOT NULL, ADD CONSTRAINT fk_definition_imported_by_id "
        "FOREIGN KEY (imported_by_id) REFERENCES person (id)"
    )

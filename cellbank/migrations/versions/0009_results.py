"""Results of tissue, process and lot: a value is never changed, and what speaks against a lot stops its release.

Twins: `domain/rules/result.py` and `domain/rules/tested.py` give the reasons.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

FUNCTIONS = """
-- The results that speak about a lot: its own, those of the cultures that it came from, those of their tissue.
CREATE FUNCTION lot_results(the_lot bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  WITH up AS MATERIALIZED (SELECT * FROM lot_lineage(the_lot))
  SELECT id FROM test_result WHERE lot_id = the_lot
  UNION ALL SELECT r.id FROM up JOIN test_result r ON up.record_kind = 'culture' AND r.culture_id = up.record_id
  UNION ALL SELECT r.id FROM up JOIN test_result r ON up.record_kind = 'donation' AND r.donation_id = up.record_id
$$;

CREATE FUNCTION result_safety() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_sample record;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    PERFORM must((NEW.code, NEW.test, NEW.number, NEW.choice, NEW.unit, NEW.method, NEW.method_version, NEW.instrument,
                  NEW.started_at, NEW.resulted_at, NEW.verdict, NEW.entered_by_id, NEW.corrects_id, NEW.sample_id,
                  NEW.sample_number, NEW.donor_id, NEW.donation_id, NEW.culture_id, NEW.lot_id)
                 IS NOT DISTINCT FROM
                 (OLD.code, OLD.test, OLD.number, OLD.choice, OLD.unit, OLD.method, OLD.method_version, OLD.instrument,
                  OLD.started_at, OLD.resulted_at, OLD.verdict, OLD.entered_by_id, OLD.corrects_id, OLD.sample_id,
                  OLD.sample_number, OLD.donor_id, OLD.donation_id, OLD.culture_id, OLD.lot_id),
                 'a_result_is_never_changed', 'a result keeps the value with which it was entered');
    PERFORM must(NEW.state = OLD.state OR OLD.state IN ('ENTERED', 'REVIEWED'),
                 'a_result_never_counts_again', 'a result that no longer counts never comes back');
    PERFORM must(NEW.state <> 'INVALIDATED' OR OLD.state = 'INVALIDATED' OR EXISTS (
      SELECT FROM deviation_link k JOIN deviation d ON d.id = k.deviation_id
       WHERE k.record_kind = 'test_result' AND k.record_id = NEW.id AND d.state IN ('INVESTIGATED', 'CLOSED')),
      'an_invalidated_result_has_a_deviation', 'no investigated deviation is about this result');
  ELSIF NEW.sample_id IS NOT NULL THEN
    SELECT * INTO the_sample FROM sample WHERE id = NEW.sample_id;
    PERFORM must((the_sample.test, the_sample.number, the_sample.donor_id, the_sample.donation_id,
                  the_sample.culture_id, the_sample.lot_id)
                 IS NOT DISTINCT FROM
                 (NEW.test, NEW.sample_number, NEW.donor_id, NEW.donation_id, NEW.culture_id, NEW.lot_id),
                 'a_result_is_of_its_sample', 'the sample is of another test or of something else');
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION sample_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must((NEW.code, NEW.test, NEW.number, NEW.material, NEW.vial_id, NEW.taken_at, NEW.due_on, NEW.taken_by_id,
                NEW.donor_id, NEW.donation_id, NEW.culture_id, NEW.lot_id)
               IS NOT DISTINCT FROM
               (OLD.code, OLD.test, OLD.number, OLD.material, OLD.vial_id, OLD.taken_at, OLD.due_on, OLD.taken_by_id,
                OLD.donor_id, OLD.donation_id, OLD.culture_id, OLD.lot_id),
               'a_sample_is_never_changed', 'a sample stays what it was when it was taken');
  RETURN NEW;
END $$;

-- Beside lot_safety, which looks at the results of the lot itself.
CREATE FUNCTION lot_results_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (
    SELECT FROM lot_results(NEW.id) AS found(id) JOIN test_result r ON r.id = found.id
     WHERE r.verdict = 'OUT_OF_SPECIFICATION' AND r.state IN ('ENTERED', 'REVIEWED')
        OR r.verdict = 'IN_SPECIFICATION' AND r.state = 'ENTERED'),
    'no_release_against_a_result', 'a result of its tissue or its cultures is out of specification or not reviewed');
  RETURN NEW;
END $$;
"""

# Whoever sampled or tested a lot, its cultures or its tissue has worked on it, and does not release it.
TESTED = "UNION ALL SELECT 'test_result', id FROM test_result WHERE lot_id = the_lot"
TESTED_ABOVE = """UNION ALL SELECT 'test_result', found.id FROM lot_results(the_lot) AS found(id)
    UNION ALL SELECT 'sample', id FROM sample WHERE lot_id = the_lot
    UNION ALL SELECT 'sample', s.id FROM lot_lineage(the_lot) up
      JOIN sample s ON (up.record_kind = 'culture' AND s.culture_id = up.record_id)
                    OR (up.record_kind = 'donation' AND s.donation_id = up.record_id)"""

TRIGGERS = (
    ("result_safety", "test_result", "BEFORE INSERT OR UPDATE"),
    ("sample_safety", "sample", "BEFORE UPDATE"),
)


def change_performers(before: str, after: str) -> None:
    """Write the function anew with one line of it replaced."""
    body = op.get_bind().scalar(sa.text("SELECT pg_get_functiondef('lot_performers'::regproc)"))
    if before not in body:
        raise RuntimeError("lot_performers is not as this revision knows it")
    op.execute(body.replace(before, after))


def upgrade() -> None:
    op.add_column("test_result", sa.Column("changed_by_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key("fk_test_result_changed_by_id", "test_result", "person", ["changed_by_id"], ["id"])
    op.create_index(
        "one_sample_awaited", "sample", ["test", "number", "donor_id", "donation_id", "culture_id", "lot_id"],
        unique=True, postgresql_where=sa.text("state = 'TAKEN'"), postgresql_nulls_not_distinct=True,
    )  # fmt: skip
    op.execute(FUNCTIONS)
    for name, table, when in TRIGGERS:
        op.execute(f"CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
    change_performers(TESTED, TESTED_ABOVE)
    op.execute(
        "CREATE TRIGGER lot_results_safety BEFORE UPDATE ON lot FOR EACH ROW "
        "WHEN (NEW.state = 'RELEASED' AND OLD.state <> 'RELEASED') EXECUTE FUNCTION lot_results_safety()"
    )


def downgrade() -> None:
    change_performers(TESTED_ABOVE, TESTED)
    op.execute("DROP TRIGGER lot_results_safety ON lot; DROP FUNCTION lot_results_safety()")
    for name, table, _ in TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}()")
    op.execute("DROP FUNCTION lot_results(bigint)")
    op.drop_index("one_sample_awaited", table_name="sample")
    op.drop_constraint("fk_test_result_changed_by_id", "test_result", type_="foreignkey")
    op.drop_column("test_result", "changed_by_id")

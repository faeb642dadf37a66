"""Reactions as rows, each serious or not; and the next dose, which after a serious one, or with a critical deviation of a
dose open, waits for a clinician's signed decision.

Twin: `domain/rules/standing.py` (decision_refusals).
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

FUNCTIONS = """
-- Since when a deviation is open and critical: opened so, classified so, or opened again.
CREATE FUNCTION deviation_is_critical() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.classification <> 'critical' OR NEW.state = 'CLOSED' THEN
    NEW.critical_since := NULL;
  ELSIF TG_OP = 'INSERT' OR OLD.classification <> 'critical' OR OLD.state = 'CLOSED' THEN
    NEW.critical_since := (SELECT at FROM act WHERE id = nullif(current_setting('cellbank.act', true), '')::bigint);
  ELSE
    NEW.critical_since := OLD.critical_since;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deviation_is_critical BEFORE INSERT OR UPDATE ON deviation
  FOR EACH ROW EXECUTE FUNCTION deviation_is_critical();

-- What has happened to a subject that no decision covers: one covers what it names, and only as it was open then.
CREATE FUNCTION undecided_concerns(the_subject bigint)
RETURNS TABLE (kind text, id bigint, said text, since timestamptz) LANGUAGE sql STABLE AS $$
  WITH concern(kind, id, said, since) AS (
    SELECT 'deviation', v.id, 'critical deviation ' || v.code || ' (' || left(v.title, 60) || ')',
           coalesce(v.critical_since, v.occurred_at)
      FROM deviation v
     WHERE v.classification = 'critical' AND v.state <> 'CLOSED' AND EXISTS (
       SELECT FROM deviation_link k LEFT JOIN dose d ON k.record_kind = 'dose' AND d.id = k.record_id
        WHERE k.deviation_id = v.id
          AND (d.subject_id = the_subject OR (k.record_kind = 'subject' AND k.record_id = the_subject)))
    UNION ALL
    SELECT 'reaction', r.id, 'serious reaction to dose ' || d.code, r.noted_at
      FROM dose d JOIN reaction r ON r.dose_id = d.id WHERE d.subject_id = the_subject AND r.is_serious)
  SELECT c.kind, c.id, c.said, c.since FROM concern c WHERE NOT EXISTS (
    SELECT FROM treatment_decision t
     WHERE t.subject_id = the_subject AND t.decided_at >= c.since
       AND t.covers @> jsonb_build_array(jsonb_build_object('kind', c.kind, 'id', c.id)))
$$;

CREATE FUNCTION dose_is_decided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM may(NOT EXISTS (SELECT FROM undecided_concerns(NEW.subject_id)),
              'a_decision_comes_before_the_next_dose', 'a clinician has not decided that treatment goes on');
  RETURN NEW;
END $$;
CREATE TRIGGER dose_is_ordered_decided BEFORE INSERT ON dose FOR EACH ROW EXECUTE FUNCTION dose_is_decided();
CREATE TRIGGER dose_is_given_decided BEFORE UPDATE ON dose FOR EACH ROW
  WHEN ((NEW.state IN ('CHECKED_ONCE', 'CHECKED', 'INFUSING') AND OLD.state <> NEW.state)
        OR (NEW.infusion_started_at IS NOT NULL AND OLD.infusion_started_at IS NULL))
  EXECUTE FUNCTION dose_is_decided();
"""
RECORD_OF = "    WHEN 'weight' THEN SELECT 'subject', r.subject_id INTO the_kind, the_id FROM weight r WHERE r.id = the_id;\n"
DECISION_OF = (
    "    WHEN 'treatment_decision' THEN\n"
    "      SELECT 'subject', r.subject_id INTO the_kind, the_id FROM treatment_decision r WHERE r.id = the_id;\n"
)


def upgrade() -> None:
    op.add_column("deviation", sa.Column("critical_since", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_deviation_critical", "deviation", ["id"],
        postgresql_where=sa.text("classification = 'critical' AND state <> 'CLOSED'"),
    )  # fmt: skip
    op.create_table(
        "reaction",
        sa.Column("dose_id", sa.BigInteger(), nullable=False),
        sa.Column("is_serious", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noted_by_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["dose_id"], ["dose.id"], name=op.f("fk_reaction_dose_id")),
        sa.ForeignKeyConstraint(["noted_by_id"], ["person.id"], name=op.f("fk_reaction_noted_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reaction")),
    )
    op.create_index(op.f("ix_reaction_dose_id"), "reaction", ["dose_id"])
    op.create_table(
        "treatment_decision",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("covers", postgresql.JSONB(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('DECIDED')", name=op.f("ck_treatment_decision_state")),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name=op.f("fk_treatment_decision_subject_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["person.id"], name=op.f("fk_treatment_decision_decided_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_treatment_decision")),
        sa.UniqueConstraint("code", name=op.f("uq_treatment_decision_code")),
    )
    op.create_index(op.f("ix_treatment_decision_subject_id"), "treatment_decision", ["subject_id"])
    for table in ("reaction", "treatment_decision"):
        op.execute(
            f"CREATE TRIGGER trail_change AFTER INSERT OR UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION trail_record_change()"
        )
        op.execute(
            f"CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION trail_refuse()"
        )
        op.execute(f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} EXECUTE FUNCTION trail_refuse()")
        op.execute(f"GRANT SELECT, INSERT ON {table} TO cellbank_app")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cellbank_app")
    op.execute(FUNCTIONS)
    _replace("record_of", RECORD_OF, RECORD_OF + DECISION_OF)


def downgrade() -> None:
    _replace("record_of", RECORD_OF + DECISION_OF, RECORD_OF)
    op.execute("DROP TRIGGER dose_is_ordered_decided ON dose; DROP TRIGGER dose_is_given_decided ON dose")
    op.execute("DROP TRIGGER deviation_is_critical ON deviation")
    op.execute("DROP FUNCTION dose_is_decided(), undecided_concerns(bigint), deviation_is_critical()")
    op.drop_table("treatment_decision")
    op.drop_table("reaction")
    op.drop_index("ix_deviation_critical", "deviation")
    op.drop_column("deviation", "critical_since")


def _replace(function: str, before: str, now: str) -> None:
    body = op.get_bind().scalar(sa.text(f"SELECT pg_get_functiondef('{function}'::regproc)"))
    if body.count(before) != 1:
        raise RuntimeError(f"{function} is not as this revision knows it")
    op.execute(sa.text(body.replace(before, now).replace(":", r"\:")))

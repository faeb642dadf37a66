"""One notice for each act that stops product and each site of clinicians, with a line for each dose.

Twins: `domain/rules/notice.py`; that a stop reaches every clinician stands in `services/quality/notices.py`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

FUNCTIONS = """
-- The doses that a stop concerns: those that run or would still be given from a lot that it reaches, and those given. Of
-- a place that was warm, or an excursion, only those were given of which a vial stood there.
CREATE FUNCTION doses_concerned(the_kind text, the_id bigint, since timestamptz) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF the_kind = 'storage_unit' THEN
    RETURN QUERY SELECT d.id FROM dose d
      WHERE d.lot_id IN (SELECT lots_reached(the_kind, the_id, since)) AND d.state NOT IN ('CANCELLED', 'DISCARDED')
        AND (d.state NOT IN ('INFUSED', 'RECONCILED') OR EXISTS (
          SELECT FROM vial v JOIN placement p ON p.vial_id = v.id CROSS JOIN LATERAL unit_line(p.box_id) up
           WHERE v.dose_id = d.id AND up.unit_id = the_id
             AND least(p.taken_at, up.until) > greatest(doses_concerned.since, p.placed_at, up.since)));
  ELSIF the_kind = 'excursion' THEN
    RETURN QUERY SELECT d.id FROM dose d JOIN excursion e ON e.id = the_id
      WHERE d.state NOT IN ('CANCELLED', 'DISCARDED')
        AND (d.state NOT IN ('INFUSED', 'RECONCILED') OR d.infusion_started_at > e.started_at)
        AND ((d.state NOT IN ('INFUSED', 'RECONCILED')
              AND d.lot_id IN (SELECT h.lot_id FROM hold h WHERE h.excursion_id = the_id AND h.state = 'PLACED'))
             OR EXISTS (SELECT FROM vial v CROSS JOIN LATERAL stood_through(NULL, v.id) t
                         WHERE v.dose_id = d.id AND t.excursion_id = the_id));
  ELSE
    RETURN QUERY SELECT d.id FROM dose d
      WHERE d.lot_id IN (SELECT lots_below(the_kind, the_id)) AND d.state NOT IN ('CANCELLED', 'DISCARDED');
  END IF;
END $$;

-- At commit: whatever stops product has told of each dose, in the same act. A hold that only stays, for another site to
-- lift, is no news.
CREATE FUNCTION stop_is_told() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  the_act bigint := nullif(current_setting('cellbank.act', true), '')::bigint;
  row jsonb := to_jsonb(NEW);
  stopped record;
BEGIN
  IF TG_TABLE_NAME IN ('lot', 'excursion') THEN
    SELECT TG_TABLE_NAME AS kind, NEW.id AS id INTO stopped;
  ELSE
    SELECT x.kind, x.id INTO stopped FROM (VALUES
      (1, 'excursion', (row ->> 'excursion_id')::bigint), (2, 'donor', (row ->> 'donor_id')::bigint),
      (3, 'donation', (row ->> 'donation_id')::bigint), (4, 'culture', (row ->> 'culture_id')::bigint),
      (5, 'lot', (row ->> 'lot_id')::bigint), (6, 'reagent_lot', (row ->> 'reagent_lot_id')::bigint),
      (7, 'storage_unit', (row ->> 'storage_unit_id')::bigint)) x(place, kind, id)
     WHERE x.id IS NOT NULL ORDER BY x.place LIMIT 1;
  END IF;
  PERFORM must((SELECT name FROM act WHERE id = the_act) = 'lift_hold' OR NOT EXISTS (
    SELECT FROM doses_concerned(stopped.kind, stopped.id, (row ->> 'placed_at')::timestamptz) AS d(id)
     WHERE NOT EXISTS (SELECT FROM notice_line l JOIN recall_notice n ON n.id = l.notice_id
                        WHERE l.dose_id = d.id AND n.act_id = the_act)),
    'a_stop_reaches_every_clinician', 'the clinician of a dose was not told');
  RETURN NULL;
END $$;

CREATE FUNCTION notice_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NOT EXISTS (SELECT FROM notice_line WHERE notice_id = NEW.id AND answered_at IS NULL),
               'a_notice_ends_with_its_last_answer', 'a dose of the notice is not answered');
  RETURN NEW;
END $$;

CREATE FUNCTION notice_line_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(OLD.answered_at IS NULL AND (NEW.notice_id, NEW.dose_id) = (OLD.notice_id, OLD.dose_id),
               'an_answer_to_a_notice_stays', 'the dose is answered');
  RETURN NEW;
END $$;
"""
CONSTRAINTS = (
    ("hold", "INSERT", "NEW.state = 'PLACED'"),
    ("lot", "UPDATE", "NEW.state IN ('REJECTED', 'RECALLED') AND OLD.state <> NEW.state"),
    ("test_result", "INSERT", "NEW.verdict = 'OUT_OF_SPECIFICATION' AND NEW.donor_id IS NULL"),
    ("excursion", "UPDATE", "NEW.state = 'REJECTED' AND OLD.state <> NEW.state"),
)
GUARDS = (
    ("notice_safety", "recall_notice", "NEW.state = 'ACKNOWLEDGED' AND OLD.state <> NEW.state"),
    ("notice_line_safety", "notice_line", "true"),
)

# The notices that there are, each about one dose, become notices with one line. The trail tells of it as of any change.
CARRIED_OVER = """
INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at)
  SELECT 1, 1, 'configure_site', '{"reason": "Each notice keeps its doses as lines"}', '', 'migration', '0033', now();
SELECT set_config('cellbank.act', max(id)::text, true) FROM act;
INSERT INTO notice_line (notice_id, dose_id, done, note, answered_at, answered_by_id)
  SELECT id, dose_id, CASE WHEN measures IS NOT NULL THEN 'other' END, measures, acknowledged_at, acknowledged_by_id
    FROM recall_notice ORDER BY id;
UPDATE recall_notice n SET site_id = s.site_id, record_kind = 'lot', record_code = l.code,
       reason = coalesce(l.decision_reason, (SELECT h.reason FROM hold h WHERE h.lot_id = l.id ORDER BY h.id DESC LIMIT 1), '–'),
       lot_id = NULL, dose_id = NULL, acknowledged_at = NULL, acknowledged_by_id = NULL, measures = NULL
  FROM dose d JOIN subject s ON s.id = d.subject_id, lot l WHERE d.id = n.dose_id AND l.id = n.lot_id;
UPDATE act SET outcome = 'accepted' WHERE id = current_setting('cellbank.act')::bigint;
SELECT set_config('cellbank.act', '', true);
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
"""
OF_ONE_DOSE = (
    ("lot_id", sa.BigInteger()), ("dose_id", sa.BigInteger()), ("acknowledged_at", sa.DateTime(timezone=True)),
    ("acknowledged_by_id", sa.BigInteger()), ("measures", sa.Text()),
)  # fmt: skip

# A notice is of the site of its clinicians, and no longer a part of a dose.
OF_ITS_SITE = (
    (
        "record_of",
        "    WHEN 'recall_notice' THEN SELECT 'dose', r.dose_id INTO the_kind, the_id FROM recall_notice r WHERE r.id = the_id;\n"
        "    WHEN 'corrective_action' THEN",
        "    WHEN 'corrective_action' THEN",
    ),
    (
        "home_site",
        "    WHEN 'definition' THEN NULL;",
        "    WHEN 'recall_notice' THEN SELECT r.site_id INTO home FROM recall_notice r WHERE r.id = the_id;\n"
        "    WHEN 'definition' THEN NULL;",
    ),
)


def upgrade() -> None:
    _table()
    op.add_column("recall_notice", sa.Column("site_id", sa.BigInteger()))
    op.add_column("recall_notice", sa.Column("act_id", sa.BigInteger()))
    for name in ("record_kind", "record_code", "reason"):
        op.add_column("recall_notice", sa.Column(name, sa.Text()))
    op.drop_constraint(op.f("ck_recall_notice_acknowledged_by_somebody"), "recall_notice")
    for name in ("lot_id", "dose_id"):
        op.alter_column("recall_notice", name, nullable=True)
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM recall_notice)")):
        op.execute(CARRIED_OVER)
    for name, _ in OF_ONE_DOSE:
        op.drop_column("recall_notice", name)  # with its indexes
    for name in ("site_id", "record_kind", "record_code", "reason"):
        op.alter_column("recall_notice", name, nullable=False)
    op.create_foreign_key(op.f("fk_recall_notice_site_id"), "recall_notice", "site", ["site_id"], ["id"])
    op.create_foreign_key(op.f("fk_recall_notice_act_id"), "recall_notice", "act", ["act_id"], ["id"])
    op.create_unique_constraint("one_notice_of_an_act_for_a_site", "recall_notice", ["act_id", "site_id"])
    op.create_index(op.f("ix_recall_notice_site_id"), "recall_notice", ["site_id"])
    op.create_index(op.f("ix_recall_notice_record_code"), "recall_notice", ["record_code"])
    op.execute(FUNCTIONS)
    for table, event, condition in CONSTRAINTS:
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {table}_stop_is_told AFTER {event} ON {table} DEFERRABLE INITIALLY DEFERRED "
            f"FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION stop_is_told()"
        )
    for name, table, condition in GUARDS:
        op.execute(f"CREATE TRIGGER {name} BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION {name}()")
    for function, before, now in OF_ITS_SITE:
        _replace(function, before, now)


def _table() -> None:
    op.create_table(
        "notice_line",
        sa.Column("notice_id", sa.BigInteger(), nullable=False),
        sa.Column("dose_id", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by_id", sa.BigInteger(), nullable=True),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "done IN ('patient_told', 'patient_seen', 'infusion_stopped', 'not_given', 'nothing_needed', 'other')",
            name=op.f("ck_notice_line_done"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(done, answered_at, answered_by_id) IN (0, 3)", name=op.f("ck_notice_line_answered_by_somebody")
        ),
        sa.CheckConstraint(
            "done NOT IN ('nothing_needed', 'other') OR coalesce(length(trim(note)), 0) > 0",
            name=op.f("ck_notice_line_a_note_says_why"),
        ),
        sa.ForeignKeyConstraint(["notice_id"], ["recall_notice.id"], name=op.f("fk_notice_line_notice_id")),
        sa.ForeignKeyConstraint(["dose_id"], ["dose.id"], name=op.f("fk_notice_line_dose_id")),
        sa.ForeignKeyConstraint(["answered_by_id"], ["person.id"], name=op.f("fk_notice_line_answered_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_line")),
        sa.UniqueConstraint("notice_id", "dose_id", name=op.f("uq_notice_line_notice_id_dose_id")),
    )
    op.create_index(op.f("ix_notice_line_dose_id"), "notice_line", ["dose_id"])
    op.execute(
        "CREATE TRIGGER trail_change AFTER INSERT OR UPDATE ON notice_line "
        "FOR EACH ROW EXECUTE FUNCTION trail_record_change()"
    )
    op.execute("CREATE TRIGGER never_deleted BEFORE DELETE ON notice_line FOR EACH ROW EXECUTE FUNCTION trail_refuse()")
    op.execute("CREATE TRIGGER never_emptied BEFORE TRUNCATE ON notice_line EXECUTE FUNCTION trail_refuse()")
    op.execute("GRANT SELECT, INSERT, UPDATE ON notice_line TO cellbank_app")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cellbank_app")


def downgrade() -> None:
    """Back to a notice for each dose; only where there is none yet, for a notice of many doses cannot be told so."""
    for function, before, now in OF_ITS_SITE:
        _replace(function, now, before)
    for table, _, _ in CONSTRAINTS:
        op.execute(f"DROP TRIGGER {table}_stop_is_told ON {table}")
    for name, table, _ in GUARDS:
        op.execute(f"DROP TRIGGER {name} ON {table}")
    op.execute(
        "DROP FUNCTION stop_is_told(), notice_safety(), notice_line_safety(), doses_concerned(text, bigint, timestamptz)"
    )
    op.drop_table("notice_line")
    for name in ("site_id", "act_id", "record_kind", "record_code", "reason"):
        op.drop_column("recall_notice", name)
    for name, kind in OF_ONE_DOSE:
        op.add_column("recall_notice", sa.Column(name, kind, nullable=name not in ("lot_id", "dose_id")))
    for name, target in (("lot_id", "lot"), ("dose_id", "dose"), ("acknowledged_by_id", "person")):
        op.create_foreign_key(op.f(f"fk_recall_notice_{name}"), "recall_notice", target, [name], ["id"])
    for name in ("lot_id", "dose_id"):
        op.create_index(op.f(f"ix_recall_notice_{name}"), "recall_notice", [name])
    op.create_check_constraint(
        op.f("ck_recall_notice_acknowledged_by_somebody"), "recall_notice",
        "(state = 'ACKNOWLEDGED') = (num_nonnulls(acknowledged_at, acknowledged_by_id, measures) = 3)",
    )  # fmt: skip
    op.create_index(
        "one_open_notice", "recall_notice", ["lot_id", "dose_id"],
        unique=True, postgresql_where=sa.text("state = 'OPEN'"),
    )  # fmt: skip


def _replace(function: str, before: str, now: str) -> None:
    """Ask another question where a function asks one; it must be there, once."""
    body = op.get_bind().scalar(sa.text(f"SELECT pg_get_functiondef('{function}'::regproc)"))
    if body.count(before) != 1:
        raise RuntimeError(f"{function} is not as this revision knows it")
    op.execute(sa.text(body.replace(before, now).replace(":", r"\:")))

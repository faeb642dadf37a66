"""What was noted is changed by a correction and by nothing else: signed, with its reason and the first value in sight. A
dose that was checked is checked again; what was given or released has a deviation.

Twins: `domain/correction.py`, `domain/rules/correction.py`.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

TABLE = "correction"
RECORDS = ("culture", "lot", "vial", "dose")

TOLD_LATE = "AND late_reason IS NOT NULL)"
TOLD_AGAIN = "AND (late_reason IS NOT NULL OR name = 'correct_fact'))"
STARTS_ONCE = "OLD.infusion_started_at IS NULL OR NEW.infusion_started_at = OLD.infusion_started_at,"
STARTS_ONCE_OR_PUT_RIGHT = (
    "OLD.infusion_started_at IS NULL OR NEW.infusion_started_at = OLD.infusion_started_at\n"
    "                 OR (NEW.infusion_started_at IS NOT NULL AND correcting()),"
)
THAWED_ONCE = "OLD.thawed_at IS NULL OR NEW.thawed_at = OLD.thawed_at,"
THAWED_ONCE_OR_PUT_RIGHT = (
    "OLD.thawed_at IS NULL OR NEW.thawed_at = OLD.thawed_at OR (NEW.thawed_at IS NOT NULL AND correcting()),"
)

FUNCTIONS = """
CREATE FUNCTION correcting() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM act WHERE id = nullif(current_setting('cellbank.act', true), '')::bigint
                                   AND name = 'correct_fact')
$$;

CREATE FUNCTION noted_value_is_put_right() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(correcting(), 'a_noted_value_is_only_put_right', 'what was noted is changed by a correction only');
  RETURN NEW;
END $$;

CREATE FUNCTION checked_dose_is_checked_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.state IN ('PREPARED', 'INFUSED'),
               'what_was_checked_is_checked_again', 'the dose is not as it was checked');
  RETURN NEW;
END $$;

CREATE FUNCTION correction_has_its_deviation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(EXISTS (SELECT FROM change WHERE act_id = nullif(current_setting('cellbank.act', true), '')::bigint
                          AND record_kind = 'deviation' AND before IS NULL)
    OR NOT EXISTS (SELECT FROM dose d WHERE d.infusion_started_at IS NOT NULL
                      AND (d.id = NEW.dose_id OR d.id = (SELECT dose_id FROM vial WHERE id = NEW.vial_id)))
   AND NOT EXISTS (SELECT FROM lot l WHERE (l.state IN ('RELEASED', 'RECALLED') OR l.state_before_hold = 'RELEASED')
                      AND (l.id = NEW.lot_id OR l.id IN (SELECT lots_below('culture', NEW.culture_id)))),
    'what_is_out_is_put_right_with_a_deviation', 'it was given or released, and no deviation says so');
  RETURN NULL;
END $$;
"""
GROWN = ("started_at", "cells_seeded")
HARVESTED = ("harvested_at", "cells_harvested", "viability_percent", "confluence_percent", "population_doublings",
             "doubling_time_h", "cumulative_doublings")  # fmt: skip
DRAWN_UP = ("pooled_ml", "total_cells_per_ml", "viability_percent", "counted_at", "draw_ml", "delivered_cells",
            "final_volume_ml", "prepared_at", "thaw_started_at")  # fmt: skip
GIVEN = ("infusion_started_at", "infusion_stopped_at", "volume_given_ml")


def _differs(columns: tuple[str, ...]) -> str:
    names = [", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW")]
    return f"({names[0]}) IS DISTINCT FROM ({names[1]})"


# A form from paper tells a dose whole, over what the screen had of it.
NOT_FROM_PAPER = "NOT (NEW.state = 'INFUSED' AND OLD.state <> 'INFUSED')"
TRIGGERS = (
    ("culture", "noted_value_is_put_right",
     f"{_differs(GROWN)} OR (OLD.harvested_at IS NOT NULL AND {_differs(HARVESTED)})"),
    ("dose", "noted_value_is_put_right",
     f"{NOT_FROM_PAPER} AND ((OLD.prepared_at IS NOT NULL AND {_differs(DRAWN_UP)}) "
     f"OR (OLD.infusion_stopped_at IS NOT NULL AND {_differs(GIVEN)}) "
     "OR (OLD.residual_ml IS NOT NULL AND OLD.residual_ml IS DISTINCT FROM NEW.residual_ml))"),
    ("dose", "checked_dose_is_checked_again",
     f"OLD.state IN ('CHECKED_ONCE', 'CHECKED') AND {_differs((*DRAWN_UP, 'expires_at'))}"),
)  # fmt: skip


def upgrade() -> None:
    _table()
    op.execute(FUNCTIONS)
    _replace("told_late", TOLD_LATE, TOLD_AGAIN)
    _replace("dose_safety", STARTS_ONCE, STARTS_ONCE_OR_PUT_RIGHT)
    _replace("vial_safety", THAWED_ONCE, THAWED_ONCE_OR_PUT_RIGHT)
    for table, function, when in TRIGGERS:
        op.execute(
            f"CREATE TRIGGER {function} BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {function}()"
        )
    op.execute(
        f"CREATE CONSTRAINT TRIGGER correction_has_its_deviation AFTER INSERT ON {TABLE} DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION correction_has_its_deviation()"
    )


def _table() -> None:
    op.create_table(
        TABLE,
        *(sa.Column(f"{record}_id", sa.BigInteger(), nullable=True) for record in RECORDS),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("column_name", "before", "after")),
        sa.Column("follows", postgresql.JSONB(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("corrected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("corrected_by_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('RECORDED')", name=op.f(f"ck_{TABLE}_state")),
        sa.CheckConstraint(
            "num_nonnulls(culture_id, lot_id, vial_id, dose_id) = 1", name=op.f(f"ck_{TABLE}_one_record")
        ),
        sa.CheckConstraint("before <> after", name=op.f(f"ck_{TABLE}_something_is_put_right")),
        *(
            sa.ForeignKeyConstraint([f"{record}_id"], [f"{record}.id"], name=op.f(f"fk_{TABLE}_{record}_id"))
            for record in RECORDS
        ),
        sa.ForeignKeyConstraint(["corrected_by_id"], ["person.id"], name=op.f(f"fk_{TABLE}_corrected_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
    )
    for record in RECORDS:
        op.create_index(op.f(f"ix_{TABLE}_{record}_id"), TABLE, [f"{record}_id"])
    op.execute(
        f"CREATE TRIGGER trail_change AFTER INSERT OR UPDATE ON {TABLE} "
        "FOR EACH ROW EXECUTE FUNCTION trail_record_change()"
    )
    op.execute(
        f"CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION trail_refuse()"
    )
    op.execute(f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {TABLE} EXECUTE FUNCTION trail_refuse()")
    op.execute(f"GRANT SELECT, INSERT ON {TABLE} TO cellbank_app")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cellbank_app")


def downgrade() -> None:
    for table, function, _ in TRIGGERS:
        op.execute(f"DROP TRIGGER {function} ON {table}")
    _replace("vial_safety", THAWED_ONCE_OR_PUT_RIGHT, THAWED_ONCE)
    _replace("dose_safety", STARTS_ONCE_OR_PUT_RIGHT, STARTS_ONCE)
    _replace("told_late", TOLD_AGAIN, TOLD_LATE)
    op.drop_table(TABLE)
    op.execute(
        "DROP FUNCTION noted_value_is_put_right(), checked_dose_is_checked_again(), correction_has_its_deviation(), "
        "correcting()"
    )


def _replace(function: str, before: str, now: str) -> None:
    body = op.get_bind().scalar(sa.text(f"SELECT pg_get_functiondef('{function}'::regproc)"))
    if body.count(before) != 1:
        raise RuntimeError(f"{function} is not as this revision knows it")
    op.execute(sa.text(body.replace(before, now).replace(":", r"\:")))

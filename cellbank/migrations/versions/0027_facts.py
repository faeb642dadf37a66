"""A permission may be refused; a fact may not: when it happened and why it is entered late stand in the act and in its
seal, and what was not allowed about it stands beside a deviation.

Twins: `domain/telling.py`, `domain/refusals.py` (FORBIDS).
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# An act that does not say when it happened is sealed as all acts were before they could.
DIGEST = """
CREATE OR REPLACE FUNCTION trail_act_digest(a act) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT sha256(convert_to(
    netstring(a.id::text) || netstring(a.site_id::text) || netstring(a.person_id::text) || netstring(a.name)
    || netstring(a.given::text) || netstring(a.record_code) || netstring(a.key) || netstring(a.given_digest)
    || netstring(a.door) || netstring(a.client) || netstring(a.version) || netstring(utc_text(a.at))
    || netstring(utc_text(a.recorded_at)) || netstring(a.outcome) || netstring(a.refusals::text)
    || netstring(a.result::text){told}
    || coalesce((SELECT string_agg(netstring(c.id::text) || netstring(c.record_kind) || netstring(c.record_id::text)
                                   || netstring(c.before::text) || netstring(c.after::text), '' ORDER BY c.id)
                   FROM change c WHERE c.act_id = a.id), ''), 'UTF8'))
$$;
"""
TOLD = """
    || CASE WHEN a.happened_at IS NULL THEN ''
            ELSE netstring(utc_text(a.happened_at)) || netstring(a.late_reason) END"""

FUNCTIONS = """
CREATE FUNCTION told_late() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM act WHERE id = nullif(current_setting('cellbank.act', true), '')::bigint
                                   AND late_reason IS NOT NULL)
$$;

-- A rule that only forbids: what has happened all the same passes when it is told late, and stands written.
CREATE FUNCTION may(holds boolean, rule text, sentence text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF holds IS TRUE THEN
    RETURN;
  ELSIF told_late() THEN
    INSERT INTO irregularity (act_id, rule, detail) VALUES (trail_open_act(), rule, sentence);
  ELSE
    PERFORM must(false, rule, sentence);
  END IF;
END $$;

CREATE FUNCTION irregular_fact_is_told_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(told_late() AND NEW.act_id = trail_open_act(),
               'only_a_late_fact_is_irregular', 'only of what is told late is it too late to refuse it');
  RETURN NEW;
END $$;
CREATE TRIGGER irregular_fact_is_told_late BEFORE INSERT ON irregularity
  FOR EACH ROW EXECUTE FUNCTION irregular_fact_is_told_late();

CREATE FUNCTION irregular_fact_has_a_deviation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(EXISTS (SELECT FROM change WHERE act_id = NEW.act_id AND record_kind = 'deviation' AND before IS NULL),
               'an_irregular_fact_has_a_deviation', 'what was not allowed about it has no deviation');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER irregular_fact_has_a_deviation AFTER INSERT ON irregularity DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION irregular_fact_has_a_deviation();
"""

# What only forbids; every other rule says what cannot be, or who may do it.
PERMISSIONS = (
    ("vial_safety", "dose_only_from_a_released_lot"),
    ("vial_safety", "nothing_expired_is_thawed"),
    ("vial_warming_safety", "no_dose_from_a_vial_that_warmed"),
    ("dose_safety", "no_dose_for_the_control_arm"),
    ("dose_safety", "dose_only_for_an_enrolled_subject"),
    ("dose_safety", "dose_only_from_a_released_lot"),
    ("dose_is_on_its_day", "a_dose_is_given_on_its_day"),
    ("dose_trace_safety", "no_dose_from_an_undecided_excursion"),
    ("placement_safety", "the_box_is_in_service"),
    ("storage_unit_place_safety", "a_unit_goes_where_it_may_be_filled"),
    ("culture_safety", "only_vials_of_a_released_bank_are_cultured"),
    ("culture_safety", "no_cells_from_an_ineligible_donor"),
    ("reagent_use_safety", "only_accepted_reagents_are_used"),
    ("reagent_use_safety", "no_expired_reagent_is_used"),
    ("reagent_use_safety", "no_reagent_is_used_too_long_after_opening"),
    ("vial_travels_safely", "only_vials_of_a_released_lot_are_shipped"),
    ("shipper_is_qualified", "only_a_qualified_shipper_is_sealed"),
)
# A dose is given when its infusion starts, whatever state it was in: on paper it may have been checked meanwhile.
STARTS = "NEW.state = 'INFUSING' AND OLD.state <> 'INFUSING'"
IS_GIVEN = "NEW.infusion_started_at IS NOT NULL AND OLD.infusion_started_at IS NULL"
ON_THE_WAY = "(NEW.state IN ('CHECKED_ONCE', 'CHECKED', 'INFUSING') AND OLD.state <> NEW.state)"

IN_TIME = """
CREATE FUNCTION dose_started_in_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM may(NEW.infusion_started_at <= NEW.expires_at, 'not_started_after_expiry', 'the dose had expired');
  RETURN NEW;
END $$;
CREATE TRIGGER dose_started_in_time BEFORE INSERT OR UPDATE OF infusion_started_at, expires_at ON dose FOR EACH ROW
  WHEN (NEW.infusion_started_at IS NOT NULL) EXECUTE FUNCTION dose_started_in_time();
"""
TRACED = """
DROP TRIGGER dose_trace_safety ON dose;
CREATE TRIGGER dose_trace_safety BEFORE UPDATE ON dose FOR EACH ROW
  WHEN ({when}) EXECUTE FUNCTION dose_trace_safety();
"""


def upgrade() -> None:
    op.add_column("act", sa.Column("happened_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("act", sa.Column("late_reason", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_act_told_late"), "act", "late_reason IS NULL OR coalesce(happened_at < at, false)"
    )
    op.execute(DIGEST.replace("{told}", TOLD))
    op.create_table(
        "irregularity",
        sa.Column("act_id", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["act_id"], ["act.id"], name=op.f("fk_irregularity_act_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_irregularity")),
    )
    op.create_index(op.f("ix_irregularity_act_id"), "irregularity", ["act_id"])
    op.execute(
        "CREATE TRIGGER trail_change AFTER INSERT OR UPDATE ON irregularity "
        "FOR EACH ROW EXECUTE FUNCTION trail_record_change()"
    )
    op.execute(
        "CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON irregularity FOR EACH ROW EXECUTE FUNCTION trail_refuse()"
    )
    op.execute("CREATE TRIGGER never_emptied BEFORE TRUNCATE ON irregularity EXECUTE FUNCTION trail_refuse()")
    op.execute("GRANT SELECT, INSERT ON irregularity TO cellbank_app")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO cellbank_app")
    op.execute(FUNCTIONS)
    for function, rule in PERMISSIONS:
        _ask(function, rule, "must", "may")
    _replace("dose_safety", STARTS, IS_GIVEN)
    op.execute(TRACED.format(when=f"{ON_THE_WAY} OR ({IS_GIVEN})"))
    op.drop_constraint(op.f("ck_dose_not_started_after_expiry"), "dose", type_="check")
    op.execute(IN_TIME)


def downgrade() -> None:
    op.execute("DROP TRIGGER dose_started_in_time ON dose; DROP FUNCTION dose_started_in_time()")
    op.create_check_constraint(
        op.f("ck_dose_not_started_after_expiry"), "dose",
        "infusion_started_at IS NULL OR infusion_started_at <= expires_at",
    )  # fmt: skip
    op.execute(TRACED.format(when=ON_THE_WAY))
    _replace("dose_safety", IS_GIVEN, STARTS)
    for function, rule in PERMISSIONS:
        _ask(function, rule, "may", "must")
    op.drop_table("irregularity")
    op.execute(
        "DROP FUNCTION may(boolean, text, text), told_late(), irregular_fact_is_told_late(), "
        "irregular_fact_has_a_deviation()"
    )
    op.execute(DIGEST.replace("{told}", ""))
    op.drop_constraint(op.f("ck_act_told_late"), "act", type_="check")
    op.drop_column("act", "late_reason")
    op.drop_column("act", "happened_at")


def _ask(function: str, rule: str, before: str, now: str) -> None:
    """Let a function ask a rule in another way: the call that names it is there, once."""
    asked = re.compile(rf"\b{before}(\((?:(?!\b(?:must|may)\().)*?'{rule}')", re.DOTALL)
    body, count = asked.subn(rf"{now}\1", _body(function))
    if count != 1:
        raise RuntimeError(f"{function} does not ask {rule} as this revision knows it")
    op.execute(sa.text(body.replace(":", r"\:")))


def _replace(function: str, before: str, now: str) -> None:
    body = _body(function)
    if body.count(before) != 1:
        raise RuntimeError(f"{function} is not as this revision knows it")
    op.execute(sa.text(body.replace(before, now).replace(":", r"\:")))


def _body(function: str) -> str:
    return str(op.get_bind().scalar(sa.text(f"SELECT pg_get_functiondef('{function}'::regproc)")))

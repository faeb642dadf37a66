"""What was ordered, weighed, thawed, drawn, checked, filled and brought into force stays so, and is by its protocol.

Twins: `domain/dose.py` (required_cells, volume_to_draw), `domain/rules/thaw.py` (usable_until, count_refusals),
`domain/rules/freezing.py` (expires_on), `domain/correction.py`, `domain/rules/definition.py`. What the database reckons with
are the `figures` of a definition (`domain/figures.py`), kept beside its file.
"""

import tomllib
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None

RECKONING = """
CREATE FUNCTION cells_required(figures jsonb, kg numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT least(coalesce((figures ->> 'cells')::numeric, ceil((figures ->> 'cells_per_kg')::numeric * kg)),
               (figures ->> 'cap_cells')::numeric)
   WHERE figures ->> 'cells' IS NOT NULL OR kg IS NOT NULL
$$;

-- By the diluent once it is known; in one that the protocol does not have as in the worst of its own.
CREATE FUNCTION usable_until(figures jsonb, started_at timestamptz, diluent text) RETURNS timestamptz
LANGUAGE sql IMMUTABLE AS $$
  SELECT started_at + floor(3600 * least((figures ->> 'max_hours')::numeric, CASE WHEN diluent IS NOT NULL THEN
           coalesce((figures -> 'hours_in' ->> diluent)::numeric,
                    (SELECT min(hours::numeric) FROM jsonb_each_text(figures -> 'hours_in') AS one (code, hours)))
         END))::float8 * interval '1 second'
$$;

CREATE FUNCTION kept_until(figures jsonb, purpose text, filled_on date) RETURNS date LANGUAGE sql IMMUTABLE AS $$
  SELECT (filled_on + coalesce((figures -> 'months' ->> purpose)::int, 0) * interval '1 month')::date
$$;

-- Living cells in so many mL, rounded down to the cell; `div` is exact where `/` rounds.
CREATE FUNCTION living_cells(total_cells_per_ml bigint, viability_percent numeric, ml numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE AS $$
  SELECT div(total_cells_per_ml * viability_percent * ml, 100)
$$;

CREATE FUNCTION figures_for(the_subject bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT p.figures FROM subject s JOIN definition p ON p.id = s.protocol_id WHERE s.id = the_subject
$$;

CREATE FUNCTION act_in_progress() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT name FROM act WHERE id = nullif(current_setting('cellbank.act', true), '')::bigint
$$;
"""

# Nothing of it is ever written again; what may be put right has its own rule (revision 0053).
STAYS = """
CREATE FUNCTION it_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(false, TG_ARGV[0], TG_ARGV[1]);
  RETURN NEW;
END $$;
"""
STAYING = {
    "weight": (
        "a_weight_stays_as_measured", "a weight is measured again, and never changed",
        "code subject_id weight_kg method measured_at measured_by_id",
        "OLD.state = 'CONFIRMED' AND (NEW.state, NEW.confirmed_by_id, NEW.confirmed_at) IS DISTINCT FROM "
        "(OLD.state, OLD.confirmed_by_id, OLD.confirmed_at)",
    ),
    "dose": (
        "a_dose_stays_as_ordered", "a dose is ordered again, and its order never changed",
        "infusion_number day weight_id required_cells vials_needed vials_spare calculation ordered_at ordered_by_id", None,
    ),
    "lot": (
        "a_lot_stays_as_it_was_filled", "a lot never changes what was filled into it",
        "code donation_id specification_id purpose product_code cells_per_vial volume_ml cryoprotectant dmso_percent "
        "site_id", None,
    ),
    "definition": (
        "a_version_is_never_changed", "another text is another version",
        "type code identifier version title content digest handling planned_subjects programs_with_a_run figures",
        "OLD.effective_at IS NOT NULL AND NEW.effective_at IS DISTINCT FROM OLD.effective_at OR NEW.state <> OLD.state "
        "AND (OLD.state, NEW.state) NOT IN (('IMPORTED', 'EFFECTIVE'), ('EFFECTIVE', 'SUPERSEDED'))",
    ),
}  # fmt: skip

DOSES = """
CREATE FUNCTION dose_is_by_its_protocol() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  figures jsonb := figures_for(NEW.subject_id);
  weighed record;
BEGIN
  SELECT weight_kg, state INTO weighed FROM weight WHERE id = NEW.weight_id;
  PERFORM must(weighed.state IS NULL OR weighed.state = 'CONFIRMED' OR NOT (figures ->> 'second_person')::boolean,
               'a_confirmed_weight_decides', 'nobody has confirmed the weight');
  PERFORM must(NEW.required_cells = cells_required(figures, weighed.weight_kg),
               'the_cells_are_by_weight_and_protocol', 'weight and protocol give another number of cells');
  RETURN NEW;
END $$;
-- Of a dose without an order its form says how many cells were meant.
CREATE TRIGGER what_is_ordered_is_by_its_protocol BEFORE INSERT ON dose FOR EACH ROW WHEN (NEW.state <> 'UNORDERED')
  EXECUTE FUNCTION dose_is_by_its_protocol();
CREATE TRIGGER what_was_not_ordered_is_only_told BEFORE UPDATE OF state ON dose FOR EACH ROW
  WHEN (OLD.state = 'UNORDERED' AND NEW.state NOT IN ('UNORDERED', 'INFUSED', 'CANCELLED'))
  EXECUTE FUNCTION it_stays('only_what_was_given_has_no_order', 'a dose without an order is only told of, by its form');

CREATE FUNCTION dose_holds_what_was_drawn() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  filled numeric;
BEGIN
  PERFORM must(NEW.delivered_cells IS NULL OR NEW.delivered_cells =
                 living_cells(NEW.total_cells_per_ml, NEW.viability_percent, NEW.draw_ml),
               'the_cells_are_those_drawn', 'count and volume give another number of cells');
  IF TG_OP = 'UPDATE' AND (NEW.pooled_ml, NEW.total_cells_per_ml) IS NOT DISTINCT FROM (OLD.pooled_ml, OLD.total_cells_per_ml)
  THEN
    RETURN NEW;
  END IF;
  SELECT coalesce(sum(l.cells_per_vial), 0) INTO filled FROM vial v JOIN lot l ON l.id = v.lot_id
   WHERE v.dose_id = NEW.id AND v.thawed_at IS NOT NULL;
  PERFORM may(coalesce(NEW.total_cells_per_ml * NEW.pooled_ml * 100 <= filled * 120, true),
              'no_more_cells_than_its_vials_held', 'the pool would hold more cells than its vials');
  RETURN NEW;
END $$;
CREATE TRIGGER what_was_drawn_is_counted BEFORE INSERT OR UPDATE OF delivered_cells, total_cells_per_ml, viability_percent,
    draw_ml, pooled_ml ON dose FOR EACH ROW EXECUTE FUNCTION dose_holds_what_was_drawn();

-- At commit, for the vials may be written after their dose. A form tells of vials that were thawed for others.
CREATE FUNCTION dose_keeps_its_clock() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  first_thaw timestamptz;
BEGIN
  IF TG_OP = 'UPDATE' AND (NEW.expires_at, NEW.diluent) IS NOT DISTINCT FROM (OLD.expires_at, OLD.diluent) THEN
    RETURN NULL;
  END IF;
  IF act_in_progress() <> 'confirm_dose_from_paper' THEN
    SELECT min(thawed_at) INTO first_thaw FROM vial WHERE dose_id = NEW.id;
  END IF;
  PERFORM must(NEW.expires_at <= usable_until(figures_for(NEW.subject_id), least(NEW.thaw_started_at, first_thaw), NEW.diluent),
               'a_thawed_dose_keeps_its_clock', 'the cells would be used for longer than the protocol lets them keep');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER what_is_thawed_keeps_its_clock AFTER INSERT OR UPDATE OF expires_at, diluent ON dose
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.expires_at IS NOT NULL) EXECUTE FUNCTION dose_keeps_its_clock();

-- Who drew up and who checked a dose stays. A correction takes back the checks of one that is not given yet; a form tells
-- who drew it up, where the record knows otherwise.
CREATE FUNCTION dose_keeps_its_people() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must((OLD.prepared_by_id IS NULL OR NEW.prepared_by_id = OLD.prepared_by_id
                OR act_in_progress() = 'confirm_dose_from_paper')
               AND ((OLD.first_checked_by_id IS NULL OR (NEW.first_checked_by_id, NEW.first_checked_at) IS NOT DISTINCT FROM
                                                        (OLD.first_checked_by_id, OLD.first_checked_at))
                    AND (OLD.second_checked_by_id IS NULL OR (NEW.second_checked_by_id, NEW.second_checked_at)
                         IS NOT DISTINCT FROM (OLD.second_checked_by_id, OLD.second_checked_at))
                    OR (correcting() AND OLD.infusion_started_at IS NULL
                        AND num_nonnulls(NEW.first_checked_by_id, NEW.second_checked_by_id) = 0)),
               'a_check_stays_with_its_verifier', 'who drew up or checked the dose is never changed');
  RETURN NEW;
END $$;
CREATE TRIGGER what_was_checked_keeps_its_people BEFORE UPDATE OF prepared_by_id, first_checked_by_id, first_checked_at,
    second_checked_by_id, second_checked_at ON dose FOR EACH ROW EXECUTE FUNCTION dose_keeps_its_people();

-- At commit, in this act: the verifier has signed; of a form its two people have.
CREATE FUNCTION check_is_signed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  verifier bigint;
BEGIN
  FOR verifier IN SELECT unnest(ARRAY[NEW.first_checked_by_id, NEW.second_checked_by_id])
                  EXCEPT SELECT unnest(CASE TG_OP WHEN 'UPDATE' THEN ARRAY[OLD.first_checked_by_id, OLD.second_checked_by_id] END)
  LOOP
    PERFORM must(verifier IS NULL
      OR EXISTS (SELECT FROM signature WHERE record_kind = 'dose' AND record_id = NEW.id AND meaning = 'verified'
                    AND person_id = verifier AND act_id = nullif(current_setting('cellbank.act', true), '')::bigint)
      OR (act_in_progress() = 'confirm_dose_from_paper' AND EXISTS (
            SELECT FROM dose_paper WHERE dose_id = NEW.id AND state = 'CONFIRMED' AND confirmed_by_id = acting_person())),
      'a_check_is_signed', 'a verifier of the dose has not signed');
  END LOOP;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER what_was_checked_is_signed AFTER INSERT OR UPDATE OF first_checked_by_id, second_checked_by_id
  ON dose DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_is_signed();

CREATE FUNCTION weight_begins_unconfirmed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.state = 'MEASURED', 'a_weight_is_seen_by_two', 'a weight is measured by one and confirmed by another');
  RETURN NEW;
END $$;
CREATE TRIGGER what_is_weighed_is_seen_by_two BEFORE INSERT ON weight FOR EACH ROW
  EXECUTE FUNCTION weight_begins_unconfirmed();
"""

LOTS = """
CREATE FUNCTION lot_keeps_its_expiry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(TG_OP = 'INSERT' OR (NEW.expires_on, NEW.fill_started_at) = (OLD.expires_on, OLD.fill_started_at)
               OR correcting(), 'a_lot_keeps_its_expiry', 'its expiry follows its filling, which only a correction changes');
  PERFORM must(NEW.expires_on = (
                 SELECT kept_until(f.figures, NEW.purpose, (NEW.fill_started_at AT TIME ZONE s.timezone)::date)
                   FROM definition f, site s WHERE f.id = NEW.specification_id AND s.id = NEW.site_id),
               'a_lot_expires_by_its_specification', 'filling and specification give another day');
  RETURN NEW;
END $$;
CREATE TRIGGER what_is_filled_keeps_its_expiry BEFORE INSERT OR UPDATE OF expires_on, fill_started_at ON lot FOR EACH ROW
  EXECUTE FUNCTION lot_keeps_its_expiry();
"""

VERSIONS = """
CREATE FUNCTION version_is_its_file() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(NEW.state = 'IMPORTED' AND NEW.digest = encode(sha256(convert_to(NEW.content, 'UTF8')), 'hex'),
               'a_version_is_its_file', 'a version begins as its file, which is not in force');
  RETURN NEW;
END $$;
CREATE TRIGGER what_is_imported_is_its_file BEFORE INSERT ON definition FOR EACH ROW EXECUTE FUNCTION version_is_its_file();

CREATE FUNCTION version_in_force_is_signed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(EXISTS (SELECT FROM signature WHERE record_kind = 'definition' AND record_id = NEW.id AND meaning = 'approved'),
               'a_version_in_force_is_signed', 'nobody has signed that this version comes into force');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER what_comes_into_force_is_signed AFTER UPDATE OF state ON definition DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.state = 'EFFECTIVE' AND OLD.state <> 'EFFECTIVE') EXECUTE FUNCTION version_in_force_is_signed();
"""

# What one administrator may change alone, nobody else does: what takes two is `account_safety`.
ACCOUNTS = """
CREATE FUNCTION account_is_changed_by_who_may() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  doer bigint := acting_person();
BEGIN
  PERFORM must((NEW.roles, NEW.also_at) IS NOT DISTINCT FROM (OLD.roles, OLD.also_at)
               AND (doer = NEW.id OR (NEW.password_hash, NEW.totp_secret, NEW.totp_confirmed_at) IS NOT DISTINCT FROM
                                     (OLD.password_hash, OLD.totp_secret, OLD.totp_confirmed_at))
               OR EXISTS (SELECT FROM person WHERE id = doer AND roles && '{administrator,system}'::text[])
               OR EXISTS (SELECT FROM account_change WHERE person_id = NEW.id AND decided_by_id = doer
                             AND state = 'CONFIRMED' AND xmin = pg_current_xact_id()::xid),
               'accounts_are_an_administrators', 'only an administrator changes the account of another, or roles');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER who_may_changes_an_account AFTER UPDATE ON person DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((NEW.roles, NEW.also_at, NEW.password_hash, NEW.totp_secret, NEW.totp_confirmed_at) IS DISTINCT FROM
        (OLD.roles, OLD.also_at, OLD.password_hash, OLD.totp_secret, OLD.totp_confirmed_at))
  EXECUTE FUNCTION account_is_changed_by_who_may();
"""

TELL = sa.text(
    """INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at)
       VALUES (1, 1, 'configure_site', '{"revision": "0059"}', '', 'migration', '0059', now())
       RETURNING set_config('cellbank.act', id::text, true)"""
)
TOLD = "UPDATE act SET outcome = 'accepted' WHERE id = current_setting('cellbank.act')::bigint"


def upgrade() -> None:
    """Forward."""
    op.add_column("definition", sa.Column("figures", postgresql.JSONB(), nullable=True))
    _fill()
    for statements in (RECKONING, STAYS, DOSES, LOTS, VERSIONS, ACCOUNTS):
        op.execute(sa.text(statements.replace(":", r"\:")))
    for table, (rule, sentence, columns, also) in STAYING.items():
        old, new = (", ".join(f"{row}.{name}" for name in columns.split()) for row in ("OLD", "NEW"))
        differs = f"({old}) IS DISTINCT FROM ({new})" + (f" OR {also}" if also else "")
        op.execute(
            f"CREATE TRIGGER what_was_noted_stays BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({differs}) "
            f"EXECUTE FUNCTION it_stays('{rule}', '{sentence}')"
        )


def _fill() -> None:
    """Take the figures out of every file that was imported, in an act of their own, as every change has one."""
    connection = op.get_bind()
    files = connection.execute(sa.text("SELECT id, type, content FROM definition ORDER BY id")).all()
    if not files:
        return
    connection.execute(TELL)
    fill = sa.text("UPDATE definition SET figures = :figures WHERE id = :id").bindparams(
        sa.bindparam("figures", type_=postgresql.JSONB)
    )
    for one in files:
        file = tomllib.loads(one.content, parse_float=Decimal)
        connection.execute(fill, {"id": one.id, "figures": figures(one.type, file)})
    op.execute(TOLD)
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    op.execute("SET CONSTRAINTS ALL DEFERRED")


def figures(type_: str, file: dict[str, Any]) -> dict[str, Any]:
    """As `domain/figures.py` takes them out of what was read and judged."""
    if type_ == "specification":
        return {"months": {shelf["code"]: int(shelf["months"]) for shelf in file["freezing"]["shelf_life"]}}
    dosing, thaw = file["dosing"], file["thaw"]
    counts = {name: dosing.get(name) for name in ("cells_per_kg", "cells", "cap_cells")}
    return {
        **{name: None if count in (None, "none") else int(count) for name, count in counts.items()},
        "second_person": dosing["weight"]["second_person"], "max_hours": str(thaw["max_hours"]),
        "hours_in": {diluent["code"]: str(diluent["hours_to_expiry"]) for diluent in thaw["diluents"]},
    }  # fmt: skip


TRIGGERS = (
    ("dose", "what_is_ordered_is_by_its_protocol", "dose_is_by_its_protocol"),
    ("dose", "what_was_drawn_is_counted", "dose_holds_what_was_drawn"),
    ("dose", "what_is_thawed_keeps_its_clock", "dose_keeps_its_clock"),
    ("dose", "what_was_checked_keeps_its_people", "dose_keeps_its_people"),
    ("dose", "what_was_checked_is_signed", "check_is_signed"),
    ("weight", "what_is_weighed_is_seen_by_two", "weight_begins_unconfirmed"),
    ("lot", "what_is_filled_keeps_its_expiry", "lot_keeps_its_expiry"),
    ("definition", "what_is_imported_is_its_file", "version_is_its_file"),
    ("definition", "what_comes_into_force_is_signed", "version_in_force_is_signed"),
    ("person", "who_may_changes_an_account", "account_is_changed_by_who_may"),
)


def downgrade() -> None:
    """Back."""
    for table in STAYING:
        op.execute(f"DROP TRIGGER what_was_noted_stays ON {table}")
    op.execute("DROP TRIGGER what_was_not_ordered_is_only_told ON dose")
    for table, trigger, function in TRIGGERS:
        op.execute(f"DROP TRIGGER {trigger} ON {table}; DROP FUNCTION {function}()")
    op.execute(
        "DROP FUNCTION it_stays(), act_in_progress(), figures_for(bigint), living_cells(bigint, numeric, numeric), "
        "kept_until(jsonb, text, date), usable_until(jsonb, timestamptz, text), cells_required(jsonb, numeric)"
    )
    op.drop_column("definition", "figures")

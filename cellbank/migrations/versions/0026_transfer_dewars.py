"""A vial that was picked warms from then on, unless it went into a transfer dewar: then from when that is cold no more.

Spare vials are counted as they are called. Twins: `domain/rules/warming.py`, `domain/rules/thaw.py`,
`domain/storage_tree.py`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

LEVELS = "'room', 'tank', 'canister', 'rack', 'box', 'visotube', 'cassette', 'shipper'"
# Alembic does not see that a CHECK has changed: (table, name, before, now).
CHECKS = (
    ("storage_unit", "type", f"type IN ({LEVELS})",
     "type IN ('room', 'tank', 'canister', 'rack', 'box', 'visotube', 'cassette', 'dewar', 'shipper')"),
    ("storage_unit", "a_dewar_keeps_cold", None, "(type = 'dewar') = (cold_minutes IS NOT NULL)"),
    ("storage_unit", "cold_for_a_time", None, "cold_minutes BETWEEN 1 AND 1440"),
    ("placement", "taken_into_a_dewar", None, "dewar_id IS NULL OR taken_at IS NOT NULL"),
    ("dose", "spares_called", None, "spares_called >= 0"),
)  # fmt: skip
ENDED = "'a_placement_only_ends', 'a placement can only be ended');"
# In a function, what it said, and what it says now.
LOOKS_AT_MORE = (
    ("storage_unit_place_safety", "'room', 'tank', 'shipper'", "'room', 'tank', 'dewar', 'shipper'"),
    ("storage_unit_place_safety", "('room', 'room'),", "('room', 'room'), ('dewar', 'room'),"),
    ("placement_safety", ENDED, f"""{ENDED}
    PERFORM must(NEW.dewar_id IS NULL OR EXISTS (SELECT FROM storage_unit WHERE id = NEW.dewar_id AND type = 'dewar'),
                 'vials_are_carried_in_a_dewar', 'the vial would be carried in something that is no dewar');"""),
)  # fmt: skip

WARMING = """
-- Every time that a vial was out of the cold: on its way from its place (or from the end of the cold of the dewar that
-- it was taken into) to the next one, to its thaw, or until the moment while it is picked; and lifted out with what it
-- stood in.
CREATE FUNCTION vial_warming(the_vial bigint, the_moment timestamptz DEFAULT NULL)
RETURNS TABLE (out_at timestamptz, in_at timestamptz) LANGUAGE sql STABLE AS $$
  SELECT way.out_at, way.in_at
    FROM (SELECT p.taken_at + coalesce(dewar.cold_minutes, 0) * interval '1 minute' AS out_at,
                 coalesce(lead(p.placed_at) OVER (ORDER BY p.placed_at, p.id), v.thawed_at,
                          CASE WHEN v.state = 'PICKED' THEN the_moment END) AS in_at
            FROM placement p JOIN vial v ON v.id = p.vial_id LEFT JOIN storage_unit dewar ON dewar.id = p.dewar_id
           WHERE p.vial_id = the_vial) way
   WHERE way.in_at > way.out_at
  UNION ALL
  SELECT w.out_at, w.in_at FROM warming_event w WHERE w.vial_id = the_vial
  UNION ALL
  SELECT w.out_at, w.in_at
    FROM placement p CROSS JOIN LATERAL unit_line(p.box_id) up
    JOIN warming_event w ON w.unit_id = up.unit_id AND w.out_at >= greatest(p.placed_at, up.since)
     AND w.out_at < least(coalesce(p.taken_at, 'infinity'), up.until)
   WHERE p.vial_id = the_vial
$$;

-- Whether one of the limits is passed: too long at once, too long in all, too often.
CREATE FUNCTION warming_is_spent(the_vial bigint, the_lot bigint, the_moment timestamptz DEFAULT NULL) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT coalesce(max(gap) > (d.handling->>'warming_single_seconds')::numeric
               OR sum(gap) > (d.handling->>'warming_total_seconds')::numeric
               OR count(*) > (d.handling->>'warming_events_max')::numeric, false)
    FROM lot l JOIN definition d ON d.id = l.specification_id
    CROSS JOIN LATERAL (SELECT extract(epoch FROM in_at - out_at) AS gap FROM vial_warming(the_vial, the_moment)) w
   WHERE l.id = the_lot GROUP BY d.handling
$$;

CREATE OR REPLACE FUNCTION vial_warming_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(warming_is_spent(NEW.id, NEW.lot_id, NEW.thawed_at) IS NOT TRUE,
               'no_dose_from_a_vial_that_warmed', 'the vial was out of the cold for too long');
  RETURN NEW;
END $$;
"""
WITHOUT_A_CLOCK = """
CREATE FUNCTION vial_warming(the_vial bigint) RETURNS TABLE (out_at timestamptz, in_at timestamptz)
LANGUAGE sql STABLE AS $$
  SELECT way.taken_at, way.placed_next
    FROM (SELECT taken_at, lead(placed_at) OVER (ORDER BY placed_at, id) AS placed_next
            FROM placement WHERE vial_id = the_vial) way
   WHERE way.placed_next > way.taken_at
  UNION ALL
  SELECT w.out_at, w.in_at FROM warming_event w WHERE w.vial_id = the_vial
  UNION ALL
  SELECT w.out_at, w.in_at
    FROM placement p CROSS JOIN LATERAL unit_line(p.box_id) up
    JOIN warming_event w ON w.unit_id = up.unit_id AND w.out_at >= greatest(p.placed_at, up.since)
     AND w.out_at < least(coalesce(p.taken_at, 'infinity'), up.until)
   WHERE p.vial_id = the_vial
$$;

CREATE FUNCTION warming_is_spent(the_vial bigint, the_lot bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT coalesce(max(gap) > (d.handling->>'warming_single_seconds')::numeric
               OR sum(gap) > (d.handling->>'warming_total_seconds')::numeric
               OR count(*) > (d.handling->>'warming_events_max')::numeric, false)
    FROM lot l JOIN definition d ON d.id = l.specification_id
    CROSS JOIN LATERAL (SELECT extract(epoch FROM in_at - out_at) AS gap FROM vial_warming(the_vial)) w
   WHERE l.id = the_lot GROUP BY d.handling
$$;

CREATE OR REPLACE FUNCTION vial_warming_safety() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM must(warming_is_spent(NEW.id, NEW.lot_id) IS NOT TRUE,
               'no_dose_from_a_vial_that_warmed', 'the vial was out of the cold for too long');
  RETURN NEW;
END $$;
"""


def upgrade() -> None:
    op.add_column("storage_unit", sa.Column("cold_minutes", sa.BigInteger(), nullable=True))
    op.add_column("placement", sa.Column("dewar_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key("fk_placement_dewar_id", "placement", "storage_unit", ["dewar_id"], ["id"])
    op.add_column("dose", sa.Column("spares_called", sa.BigInteger(), server_default="0", nullable=False))
    _swap_checks(before=2, now=3)
    op.execute("DROP FUNCTION warming_is_spent(bigint, bigint), vial_warming(bigint)")
    op.execute(WARMING)
    for function, before, now in LOOKS_AT_MORE:
        _replace(function, before, now)


def downgrade() -> None:
    for function, before, now in LOOKS_AT_MORE:
        _replace(function, now, before)
    op.execute("DROP FUNCTION warming_is_spent(bigint, bigint, timestamptz), vial_warming(bigint, timestamptz)")
    op.execute(WITHOUT_A_CLOCK)
    _swap_checks(before=3, now=2)
    op.drop_column("dose", "spares_called")
    op.drop_constraint("fk_placement_dewar_id", "placement")
    op.drop_column("placement", "dewar_id")
    op.drop_column("storage_unit", "cold_minutes")


def _swap_checks(before: int, now: int) -> None:
    for check in CHECKS:
        table, name = check[:2]
        if check[before]:
            op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
        if check[now]:
            op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, check[now])


def _replace(function: str, before: str, now: str) -> None:
    """Let a function look at one thing more; it must be as this revision knows it."""
    body = op.get_bind().scalar(sa.text(f"SELECT pg_get_functiondef('{function}'::regproc)"))
    if body.count(before) != 1:
        raise RuntimeError(f"{function} is not as this revision knows it")
    op.execute(sa.text(body.replace(before, now).replace(":", r"\:")))

"""What the page of a paper form need not ask, for the record has it; and what it can offer of what it asks."""

from typing import Any

from sqlalchemy import Connection, RowMapping, text

from cellbank.domain.rules.paper_form import PARTS
from cellbank.services.common import read_protocol
from cellbank.services.installation import Installation, at_site
from cellbank.services.wording.values import shown

_DOSE = text(
    f"""SELECT d.*, p.content AS protocol, who.full_name AS prepared_by,
              one.full_name AS first_checked_by, two.full_name AS second_checked_by
         FROM dose d JOIN subject s ON s.id = d.subject_id JOIN definition p ON p.id = s.protocol_id
         LEFT JOIN person who ON who.id = d.prepared_by_id LEFT JOIN person one ON one.id = d.first_checked_by_id
         LEFT JOIN person two ON two.id = d.second_checked_by_id
        WHERE d.code = :code AND {at_site("s.site_id")}"""
)
_IN_HAND = text(
    "SELECT code FROM vial WHERE dose_id = :dose AND state IN ('PICKED', 'THAWED', 'POOLED') ORDER BY number"
)
# Also those who have left since: they may have done it.
_PEOPLE = text(
    f"""SELECT p.name, p.full_name FROM person p WHERE :role = ANY (p.roles)
           AND ({at_site("p.site_id")} OR EXISTS (SELECT FROM site s WHERE s.id = :site AND s.code = ANY (p.also_at)))
         ORDER BY p.full_name"""
)
TOLD = (
    ("Thaw began", "thaw_started_at"), ("Counted", "counted_at"), ("Diluent", "diluent"), ("Pooled, mL", "pooled_ml"),
    ("Viability, %", "viability_percent"), ("Drawn up", "prepared_at"), ("Drawn up by", "prepared_by"),
    ("Drawn from the pool, mL", "draw_ml"), ("Final volume, mL", "final_volume_ml"),
    ("First check", "first_checked_at"), ("First check by", "first_checked_by"),
    ("Second check", "second_checked_at"), ("Second check by", "second_checked_by"),
    ("Infusion started", "infusion_started_at"),
)  # fmt: skip


def paper_hints(installation: Installation, code: str) -> dict[str, Any]:
    """The hints of the page on which a dose is entered from paper, by the names of `Hints`; none without the dose."""
    with installation.reads.connect() as connection:
        row = connection.execute(_DOSE, {"code": code, "site": installation.site}).mappings().one_or_none()
        return {} if row is None else _of_dose(connection, row, installation.site)


def _of_dose(connection: Connection, row: RowMapping, site: int | None) -> dict[str, Any]:
    recorded = [part for part in PARTS if row[part.column] is not None]
    known = frozenset(name for part in recorded for name in (part.field, part.field.replace("_at", "_by")))
    rules = read_protocol(row["protocol"]).thaw
    diluents = tuple((one.code, one.title) for one in rules.diluents)
    drew, checked = (
        tuple((one.name, one.full_name) for one in connection.execute(_PEOPLE, {"site": site, "role": role}))
        for role in ("technician", "clinician")
    )
    vials = list(connection.scalars(_IN_HAND, {"dose": row["id"]}))
    offers = {
        "count.diluent": diluents,
        "count.method": ((rules.viability_method, ""),),
        "preparation.prepared_by": drew,
        "first_checked_by": checked,
        "second_checked_by": checked,
    }
    return {
        "known": known,
        "told": tuple((label, _shown(row[column])) for label, column in TOLD if row[column] is not None),
        "offers": offers,
        "others": frozenset(offers),  # what happened may have been none of these
        "held": {"thaw.vials": vials} if "thaw" not in known else {},
    }


def _shown(value: Any) -> Any:
    return value if hasattr(value, "astimezone") else shown(value)

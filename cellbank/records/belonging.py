"""Whose each record is: of one site, or the whole bank's."""

from functools import cache
from typing import Any

from sqlalchemy.orm import Session

from cellbank.records.base import Base, Record

# A record with a column `site_id` is of that site. These are of the site of what they are about: the first one given.
# A person is of the site where they are at home, and of those where they work besides.
OF_A_PERSON = ("account_change", "training", "api_token")
_TESTED = ("lot_id", "culture_id", "donation_id", "donor_id")
ABOUT: dict[str, tuple[str, ...]] = {
    "consent": ("donor_id",),
    "sample": _TESTED,
    "test_result": _TESTED,
    "freezer_run": ("lot_id",),
    "hold": ("lot_id", "donor_id", "reagent_lot_id", "storage_unit_id"),
    "dose_paper": ("dose_id",),
    "correction": ("culture_id", "lot_id", "vial_id", "dose_id"),
    "corrective_action": ("deviation_id",),
    "weight": ("subject_id",),
    "treatment_decision": ("subject_id",),
    "reading_import": ("probe_id",),
    **dict.fromkeys(OF_A_PERSON, ("person_id",)),
}
# Under which definitions one works here; and what people of several sites do about one lot.
WHOLE_BANK = frozenset(
    {
        "site", "definition", "batch_review", "conditional_release", "printing", "document_issue", "trail_review",
        "scan",
    }
)  # fmt: skip


def site_of(session: Session, record: Any, known: dict[tuple[str, int], int]) -> int | None:
    """The id of the site to which a record belongs; None: it is the whole bank's.

    Costs a statement only for what is about another record that the session does not hold; `known` keeps the answers.
    """
    table = getattr(record, "__tablename__", None)
    if table in WHOLE_BANK:
        return None
    if table not in ABOUT:
        return int(record.site_id)
    name, found = next((name, found) for name in ABOUT[table] if (found := getattr(record, name)) is not None)
    about = (name.removesuffix("_id"), found)
    if about not in known:
        of_it = site_of(session, session.get_one(_class_of(about[0]), found), known)
        assert of_it is not None, "what is about a record of the whole bank is in WHOLE_BANK itself"
        known[about] = of_it
    return known[about]


def also_of(session: Session, record: Any) -> tuple[str, ...]:
    """The codes of the sites to which a record belongs besides."""
    table = getattr(record, "__tablename__", None)
    if table in OF_A_PERSON:
        record = session.get_one(_class_of("person"), record.person_id)
    return tuple(record.also_at or ()) if table in ("person", *OF_A_PERSON) else ()


@cache
def _class_of(table: str) -> type[Record]:
    return next(mapper.class_ for mapper in Base.registry.mappers if mapper.class_.__tablename__ == table)

"""What a list of work is made of."""

from dataclasses import dataclass

from cellbank.domain.transition import Role

T, Q, C, A = Role.TECHNICIAN, Role.QUALITY_OFFICER, Role.CLINICIAN, Role.ADMINISTRATOR


@dataclass(frozen=True)
class Source:
    """How one list is read: a statement giving code, title, state, detail, site_id (and due, and act where it differs
    from row to row), and the act that comes next. What all sites share is of the site `:site` that is looked at. An
    empty list without words for that is not mentioned."""

    name: str
    role: Role
    title: str
    empty: str
    sql: str
    act: str | None = None
    field: str | None = None

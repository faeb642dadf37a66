"""What a list of work is made of."""

from dataclasses import dataclass

from cellbank.domain.transition import Role

T, Q, C, A = Role.TECHNICIAN, Role.QUALITY_OFFICER, Role.CLINICIAN, Role.ADMINISTRATOR


def instant(column: str) -> str:
    """An instant in a text that a statement makes: the reader of the row puts it on the clock of the site
    (`text_on_the_wall`), for SQL cannot name a zone. The session's own zone is UTC."""
    return f"""to_char({column}, 'YYYY-MM-DD"T"HH24:MI"Z"')"""


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

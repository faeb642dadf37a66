"""What a list of work is made of."""

from dataclasses import dataclass

from cellbank.domain.lifecycle.roles import Role

# The title of a dose `d` of a subject `s`.
DOSE = "'Infusion ' || d.infusion_number || ' (Day ' || d.day || ') of ' || s.trial_number"
T, Q, C, A = Role.TECHNICIAN, Role.QUALITY_OFFICER, Role.CLINICIAN, Role.ADMINISTRATOR


def instant(column: str) -> str:
    """An instant in a text that a statement makes: the reader of the row puts it on the clock of the site
    (`text_on_the_wall`), for SQL cannot name a zone. The session's own zone is UTC."""
    return f"""to_char({column}, 'YYYY-MM-DD"T"HH24:MI"Z"')"""


def today(site: str) -> str:
    """The date that the calendar of a site shows now; `site`: the column of its number."""
    return f"(SELECT (CAST(:now AS timestamptz) AT TIME ZONE timezone)::date FROM site WHERE id = {site})"


def day_at(site: str, column: str) -> str:
    """The date that it showed at an instant."""
    return f"(SELECT ({column} AT TIME ZONE timezone)::date FROM site WHERE id = {site})"


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

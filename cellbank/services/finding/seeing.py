"""Who sees what, with more sites than one.

A record is read at its site. What a lot is made of is read also where vials of it came in a shipment; the rest of the
exceptions stands in `elsewhere` of the database (`migrations/database/sites.sql`), which decides for one record of
any kind. Lists and worklists have what is of the site itself (`at_site`, `services/installation.py`).
"""

from sqlalchemy import Connection, text

from cellbank.services.finding.missing import OtherSite


def refuse_unseen(
    connection: Connection, site: int | None, kind: str, code: str, *, only_at_home: bool = False
) -> None:
    """Nothing when this record may be read at the site (`only_at_home`: when it is of that site), or there is none of
    this code. Raises OtherSite."""
    if site is not None:
        found = text((_HOME if only_at_home else _ELSEWHERE).format(kind=kind))
        refuse_elsewhere(kind, code, connection.scalar(found, {"code": code, "site": site}))


def unseen(connection: Connection, site: int | None, kind: str, record_id: int) -> bool:
    """Whether this record may not be read at the site."""
    asked = text("SELECT elsewhere(:kind, :id, :site)")
    return bool(connection.scalar(asked, {"kind": kind, "id": record_id, "site": site}))


_ELSEWHERE = "SELECT elsewhere('{kind}', id, :site) FROM {kind} WHERE code = :code"
_HOME = """SELECT x.name FROM {kind} r CROSS JOIN LATERAL record_of('{kind}', r.id) o
             JOIN site x ON x.id = home_site(o.the_kind, o.the_id) WHERE r.code = :code AND x.id <> :site"""


def refuse_elsewhere(kind: str, code: str, site: str | None) -> None:
    """Nothing when a statement has found no other site that this record is of; `site` is that one. Raises OtherSite."""
    if site:
        raise OtherSite(kind.replace("_", " "), code, site)

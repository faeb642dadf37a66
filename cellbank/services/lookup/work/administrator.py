"""What waits for the administrator, in the order in which a day is worked."""

from cellbank.services.lookup.work.line import Line
from cellbank.services.lookup.work.shared import ACCOUNTS, LOCKED, RECORDED, TRAININGS

LINES = (
    LOCKED,
    ACCOUNTS,
    RECORDED,
    TRAININGS,
    Line(
        "first",
        "First passwords not yet changed",
        "Everybody has a password of their own.",
        """SELECT code, 'DUE' AS state, site_id, full_name, name FROM person
            WHERE must_change_password AND state = 'ACTIVE' ORDER BY full_name""",
        "{full_name}",
        ("sign-in name {name}",),
    ),
    Line(
        "keys",
        "Keys of programs",
        "No program has a key.",
        """SELECT t.code, t.state, p.site_id, t.title, p.full_name AS person, t.expires_at
             FROM api_token t JOIN person p ON p.id = t.person_id WHERE t.state = 'LIVE' ORDER BY t.expires_at""",
        "{title}",
        ("of {person}, until {expires_at}",),
    ),
)

"""Lists of work that several roles see."""

from cellbank.domain.accounts import Change
from cellbank.domain.lifecycle.roles import FLOOR
from cellbank.domain.phrase import By, If
from cellbank.services.lookup.work.line import Line

ALERT_DAYS, RENEW_DAYS = 7, 30  # how long a lock stays in sight; how early a training that ends

TISSUE = By("tissue", {"cord": "Umbilical cord", "placenta": "Placenta"}, "Another tissue")
EXCURSION = By(
    "category",
    {
        "silent": "Silent excursion in {unit}",
        "warning": "Warning excursion in {unit}",
        "critical": "Critical excursion in {unit}",
        "reject": "Reject excursion in {unit}",
    },
    "Excursion in {unit}",
)


def results_due(name: str, title: str) -> Line:
    """Results that are awaited; what is due first stands first, what is over is shown as late."""
    return Line(
        name,
        title,
        "No result is awaited.",
        "SELECT * FROM result_due ORDER BY due_on, id",
        "{test} of {tested}",
        ("{material}, taken {taken_at}",),
        "enter_result",
        "sample",
    )


ACTIONS = Line(  # everybody who works here sees who does what by when
    "actions",
    "Actions to do",
    "No action is waiting.",
    "SELECT * FROM action_to_do WHERE state = 'PLANNED' ORDER BY due_on, id",
    "{description}",
    ("{person}, about {deviation}",),
    "complete_action",
    "action",
)
DEVIATIONS = Line(
    "deviations",
    "Deviations to investigate",
    "No deviation is waiting.",
    "SELECT * FROM deviation_to_do WHERE state = 'OPEN' ORDER BY due_on, id",
    "{title}",
    ("{classification}",),
    "investigate_deviation",
    "deviation",
)

# An administrator and a quality officer watch the same.
LOCKED = Line(
    "locked_accounts",
    "Security alerts: wrong passwords",
    "Nobody tried many passwords in the last days.",
    f"""SELECT code, CASE WHEN locked_until > :now THEN 'LOCKED' ELSE 'OPEN' END AS state, site_id, full_name,
               locked_at, locked_from AS client, locked_until > :now AS is_locked
          FROM person WHERE locked_at > CAST(:now AS timestamptz) - interval '{ALERT_DAYS} days'
         ORDER BY locked_at DESC""",
    "{full_name}",
    ("too many wrong passwords or codes on {locked_at}: {client}", If("is_locked", "still locked", "not locked")),
)
ACCOUNTS = Line(
    "accounts_to_confirm",
    "Changes of accounts to confirm",
    "",
    f"SELECT * FROM account_change_to_confirm WHERE change <> '{Change.UNLOCK}' ORDER BY asked_at, id",
    "{full_name}",
    (
        "{change}",
        If("roles", "as {roles}"),
        If("sites", "at {sites}"),
        If("email", "to {email}"),
        "asked for by {person} on {asked_at}",
    ),
    "confirm_account_change",
    "person",
)
RECORDED = Line(
    "recorded_trainings",
    "Trainings to confirm",
    "",
    """SELECT t.code, t.state, p.site_id, p.full_name, t.role, t.procedure, r.full_name AS person
         FROM training t JOIN person p ON p.id = t.person_id JOIN person r ON r.id = t.recorded_by_id
        WHERE t.state = 'RECORDED' AND p.state <> 'DISABLED' ORDER BY t.id""",
    "{full_name}",
    ("as {role}, {procedure}, recorded by {person}",),
    "confirm_training",
    "training",
)
TRAININGS = Line(
    "trainings_to_renew",
    "Trainings to renew",
    "Everybody who signs is trained.",
    f"""SELECT p.code, 'DUE' AS state, p.site_id, p.full_name, r.role, max(t.valid_until) AS until,
               CASE WHEN max(t.valid_until) IS NULL THEN 'never'
                    WHEN max(t.valid_until) < day.today THEN 'ended' ELSE 'ends' END AS how
          FROM person p JOIN site s ON s.id = p.site_id CROSS JOIN unnest(p.roles) AS r (role)
          CROSS JOIN LATERAL (SELECT (CAST(:now AS timestamptz) AT TIME ZONE s.timezone)::date AS today) day
          LEFT JOIN training t ON t.person_id = p.id AND t.role = r.role AND t.state = 'VALID'
         WHERE p.state = 'ACTIVE' AND r.role IN ({", ".join(f"'{role}'" for role in sorted(FLOOR))})
         GROUP BY p.id, r.role, day.today HAVING coalesce(max(t.valid_until), '-infinity') <= day.today + {RENEW_DAYS}
         ORDER BY max(t.valid_until) NULLS FIRST, p.full_name""",
    "{full_name}",
    (
        By(
            "how",
            {
                "never": "never recorded as {role}: signs nothing",
                "ended": "as {role}, ended on {until}",
                "ends": "as {role}, valid until {until}",
            },
            "as {role}",
        ),
    ),
)

# A notice: of what, and what is to be done about its doses, by what runs first.
NOTICE = By(
    "record_kind",
    {
        "lot": "Lot {record_code} stopped",
        "donor": "Donor {record_code} stopped",
        "reagent_lot": "Reagent Lot {record_code} stopped",
        "storage_unit": "Storage unit {record_code} stopped",
        "vial": "Vial {record_code} lost",
        "dose": "Dose {record_code} stopped",
        "excursion": "Excursion {record_code}: what stood there is stopped",
    },
    "{record_code} stopped",
)
NOTICE_LINES = (
    If("running", "STOP: {running} running now"),
    If("coming", "{coming} not to be given"),
    If("was_given", "{was_given} given"),
    If("let_go_of_a_vial", "{let_go} counted on it"),
    If("let_go_again", "{let_go} may be given again"),
    If("lifted_at", "hold lifted {lifted_at}"),
)

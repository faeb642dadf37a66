"""What waits for the quality officer, in the order in which a day is worked."""

from cellbank.domain.pauses import ALERT_FROM
from cellbank.domain.phrase import By, If
from cellbank.domain.rules.infusion import MISMATCHES_TO_STOP
from cellbank.services.clinic.infusion import LABEL_SCANNED, MISMATCHED
from cellbank.services.lookup.work.line import DOSE, Line
from cellbank.services.lookup.work.shared import (
    ACCOUNTS,
    ACTIONS,
    ALERT_DAYS,
    DEVIATIONS,
    EXCURSION,
    LOCKED,
    NOTICE,
    NOTICE_LINES,
    RECORDED,
    TISSUE,
    TRAININGS,
    results_due,
)
from cellbank.services.people.wrong_identities import WRONG
from cellbank.services.trail.trail_review import EVERY, UNREAD

# Mismatches of a dose since it was prepared, as the bedside counts them; from the third on the quality officer is
# called, and answers with a deviation: then the line is gone.
_MISMATCHED = f"""SELECT d.code, d.state, d.site_id, d.n, d.m, d.subject, m.number, m.last_at
      FROM (SELECT x.id AS dose_id, count(*) AS number, max(a.at) AS last_at,
              (array_agg(a.id ORDER BY a.id))[{MISMATCHES_TO_STOP}] AS called
              FROM act a JOIN dose x
                ON x.code = substring({LABEL_SCANNED} FROM 'CH[A-Z0-9]{{13}}')
             WHERE a.name IN ('check_dose', 'report_unreadable_scan') AND {MISMATCHED}
               AND a.at >= coalesce(x.prepared_at, x.ordered_at)
             GROUP BY x.id HAVING count(*) >= {MISMATCHES_TO_STOP}) m
      JOIN dose_to_do d ON d.id = m.dose_id
     WHERE NOT EXISTS (SELECT FROM deviation_link k JOIN change c ON c.record_kind = 'deviation'
        AND c.record_id = k.deviation_id AND c.before IS NULL AND c.act_id > m.called
        WHERE k.record_kind = 'dose' AND k.record_id = d.id)
     ORDER BY m.last_at"""

# Who was wrong about the identity of patients so often that it is no slip any more (domain/pauses.py).
_GUESSING = f"""SELECT p.code, 'OPEN' AS state, a.site_id, p.full_name, count(*) AS number, max(a.at) AS last_at
      FROM act a JOIN person p ON p.id = a.person_id
     WHERE a.at > CAST(:now AS timestamptz) - interval '{ALERT_DAYS} days' AND {WRONG}
     GROUP BY p.id, a.site_id, floor(extract(epoch FROM a.at) / 3600)
    HAVING count(*) >= {ALERT_FROM} ORDER BY max(a.at) DESC"""

LINES = (
    Line(
        "mismatched",
        "Bedside stopped after three mismatches: find out why",
        "No dose was stopped at the bedside for its mismatches.",
        _MISMATCHED,
        DOSE,
        ("{number} mismatches at the bedside, the last {last_at}",),
        "open_deviation",
        "records",
    ),
    Line(
        "shipment_accept",
        "Shipments to accept",
        "",
        """SELECT code, state, to_site_id AS site_id, sender, scanned, packed, differences FROM shipment_to_do
            WHERE state = 'CHECKED' ORDER BY checked_at""",
        "Shipment from {sender}",
        (
            If(
                "differences",
                "{scanned} of {packed} vials arrived, {differences} differences",
                "{scanned} of {packed} vials arrived",
            ),
        ),
        opens="shipment",
    ),
    Line(
        "decide",
        "Donations to decide",
        "No donation is waiting for a decision.",
        """SELECT code, state, site_id, tissue, received_at FROM donation WHERE state = 'AWAITING_DECISION'
            ORDER BY received_at""",
        TISSUE,
        ("received {received_at}",),
        "decide_donation",
        "donation",
    ),
    Line(
        "review",
        "Results to review",
        "Every result is reviewed.",
        "SELECT * FROM result_to_review ORDER BY resulted_at",
        "{test} of {tested}",
        (
            If(
                "is_a_correction",
                "{result}, {verdict}, entered by {person}, a correction",
                "{result}, {verdict}, entered by {person}",
            ),
        ),
        "review_results",
        "results",
    ),
    results_due("results_due", "Results due"),
    Line(
        "donors",
        "Donors without a determination",
        "Every donor is determined.",
        """SELECT d.code, d.state, d.site_id, d.pseudonym,
                  (SELECT count(*) FROM test_result r WHERE r.donor_id = d.id AND r.state = 'REVIEWED') AS reviewed
             FROM donor d WHERE d.state = 'REGISTERED' ORDER BY d.id""",
        "Donor {pseudonym}",
        ("{reviewed} results reviewed",),
        "determine_eligibility",
        "donor",
    ),
    Line(
        "reagents",
        "Reagents in quarantine",
        "No reagent is waiting.",
        """SELECT code, state, site_id, name, manufacturer, manufacturer_lot, expires_on FROM reagent_lot
            WHERE state = 'QUARANTINED' ORDER BY expires_on""",
        "{name}",
        ("{manufacturer} {manufacturer_lot}, expires {expires_on}",),
        "decide_reagent",
        "reagent",
    ),
    Line(
        "definitions",
        "Definitions to make effective",
        "No definition is waiting.",
        """SELECT code, state, CAST(:site AS bigint) AS site_id, title, type, identifier, version FROM definition
            WHERE state = 'IMPORTED' ORDER BY id""",
        "{title}",
        (
            By(
                "type",
                {
                    "protocol": "protocol {identifier} version {version}",
                    "specification": "specification {identifier} version {version}",
                },
                "{identifier} version {version}",
            ),
        ),
        "make_effective",
        "definition",
    ),
    Line(
        "excursions",
        "Excursions to decide",
        "Every excursion is decided.",
        """SELECT code, state, site_id, category, unit, peak, started_at, ended_at FROM excursion_to_decide
            ORDER BY array_position(ARRAY['reject', 'critical', 'warning', 'silent'], category), started_at""",
        EXCURSION,
        (If("ended_at", "peak {peak} °C, from {started_at}", "peak {peak} °C, from {started_at}, goes on"),),
        "decide_excursion",
        "excursion",
    ),
    Line(
        "probe_limits",
        "Limits of probes to approve",
        "",
        """SELECT p.code, 'ASKED' AS state, p.site_id, p.name, u.name AS unit, a.full_name AS person,
                  p.limits_asked_because AS why
             FROM probe p JOIN storage_unit u ON u.id = p.storage_unit_id JOIN person a ON a.id = p.limits_asked_by_id
            WHERE p.state = 'IN_USE' ORDER BY p.id""",
        "{name} in {unit}",
        ("asked for by {person}: {why}",),
        "change_probe_limits",
        "probe",
    ),
    Line(
        "holds",
        "Holds in force",
        "Nothing is on hold.",
        "SELECT code, state, site_id, held, left(reason, 90) AS reason FROM hold_in_force ORDER BY placed_at",
        "Hold on {held}",
        ("{reason}",),
    ),
    Line(
        "unanswered",
        "Notices that no clinician has answered",
        "Every notice is answered.",
        "SELECT * FROM notice_to_answer ORDER BY running > 0 DESC, opened_at, id",
        NOTICE,
        (*NOTICE_LINES, "since {opened_at}"),
    ),
    Line(
        "conditional",
        "Conditional releases to sign",
        "No conditional release is waiting.",
        """SELECT *, CASE state WHEN 'REQUESTED' THEN 'approve_conditional_release' ELSE 'sign_for_sponsor' END AS act
             FROM conditional_to_do WHERE state IN ('REQUESTED', 'APPROVED') ORDER BY id""",
        "Lot {lot} for {subject}",
        ("pending {tests}",),
        None,
        "release",
    ),
    Line(
        "pending",
        "Pending results of conditional releases",
        "No lot is used with a result pending.",
        "SELECT * FROM pending_result ORDER BY requested_at, id, test",
        "{test} of lot {lot}",
        (
            If(
                "result",
                "result {result} waits for its review, pending since {requested_at}, used for {subject}",
                "no result, pending since {requested_at}, used for {subject}",
            ),
        ),
    ),
    Line(
        "trail",
        "Trail not reviewed",
        "The trail is reviewed.",
        f"""SELECT first_act::text AS code, 'DUE' AS state, site_id, since, first_act, last_act,
                   since + interval '{EVERY.days} days' AS due FROM ({UNREAD}) AS unread""",
        "Not reviewed since {since}",
        ("acts {first_act} to {last_act}",),
        "review_trail",
        "first_act",
        opens="trail_reviews",
    ),
    LOCKED,
    Line(
        "guessed_identities",
        "Security alerts: wrong identities",
        "",
        _GUESSING,
        "{full_name}",
        ("{number} wrong identities at the bedside, the last on {last_at}",),
    ),
    ACCOUNTS,
    RECORDED,
    TRAININGS,
    ACTIONS,
    DEVIATIONS,
    Line(
        "decisions",
        "Deviations to decide",
        "No deviation waits for a decision.",
        "SELECT * FROM deviation_to_do WHERE state = 'INVESTIGATED' ORDER BY due_on, id",
        "{title}",
        ("{classification}",),
        "close_deviation",
        "deviation",
    ),
    Line(
        "verifications",
        "Actions to verify",
        "No action is to be verified.",
        "SELECT * FROM action_to_do WHERE state = 'DONE' ORDER BY due_on, id",
        "{description}",
        ("{person}, about {deviation}",),
        "verify_action",
        "action",
    ),
)

"""The cards of what the quality unit keeps: deviations, reviews, notices, documents, probes, people and their keys."""

from itertools import starmap

from cellbank.domain.identifiers import Kind
from cellbank.domain.phrase import Said
from cellbank.services.lookup.card_parts import Question, simple
from cellbank.services.temperature.run_facts import run_in_words
from cellbank.services.wording.values import shown

_ACTION = simple(
    ("Deviation", "deviation"),
    ("What is to be done", "description"),
    ("By whom", "responsible"),
    ("Until", "due_on"),
    ("What was done", "done_note"),
    ("Done by", "done_by"),
    ("How it was verified", "verification"),
)


def _training(role: str, until: str, procedure: str) -> str:
    return f"{role.replace('_', ' ')} until {until} ({procedure})"


OF_QUALITY: dict[Kind, Question] = {
    Kind.DEVIATION: Question(
        "SELECT * FROM deviation WHERE code = %(code)s",
        lambda row: row["title"],
        simple(("Classification", "classification"), ("Happened", "occurred_at"), ("To be closed by", "due_on")),
    ),
    Kind.ACTION: Question(
        """SELECT a.*, v.code AS deviation, p.full_name AS responsible, d.full_name AS done_by FROM corrective_action a
           JOIN deviation v ON v.id = a.deviation_id JOIN person p ON p.id = a.responsible_id
           LEFT JOIN person d ON d.id = a.done_by_id WHERE a.code = %(code)s""",
        lambda row: f"{row['type'].capitalize()} action about {row['deviation']}",
        _ACTION,
    ),
    Kind.BATCH_REVIEW: Question(
        """SELECT b.*, l.code AS lot, p.full_name, b.digest = batch_digest(b.lot_id) AS is_current FROM batch_review b
           JOIN lot l ON l.id = b.lot_id JOIN person p ON p.id = b.reviewed_by_id WHERE b.code = %(code)s""",
        lambda row: f"Review of the batch record of lot {row['lot']}",
        lambda row: (
            ("Lot", row["lot"]),
            ("Reviewed by", row["full_name"]),
            ("Reviewed", shown(row["reviewed_at"])),
            ("Batch record since", "unchanged" if row["is_current"] else "changed: the review no longer counts"),
            ("Note", shown(row["note"])),
        ),
    ),
    Kind.NOTICE: Question(
        """SELECT n.*, count(l.id) AS doses, count(l.answered_at) AS answered FROM recall_notice n
           JOIN notice_line l ON l.notice_id = n.id WHERE n.code = %(code)s GROUP BY n.id""",
        lambda row: (
            f"Notice to clinicians: {row['record_kind'].replace('_', ' ')} {row['record_code']} "
            f"{'lost' if row['record_kind'] == 'vial' else 'stopped'}"
        ),
        lambda row: (
            ("Lost" if row["record_kind"] == "vial" else "Stopped", row["record_code"]),
            ("Why", row["reason"]),
            ("Since", shown(row["opened_at"])),
            ("Doses", str(row["doses"])),
            ("Answered", f"{row['answered']} / {row['doses']}"),
        ),
    ),
    Kind.TREATMENT_DECISION: Question(
        """SELECT t.*, s.code AS subject, s.trial_number, p.full_name FROM treatment_decision t
           JOIN subject s ON s.id = t.subject_id JOIN person p ON p.id = t.decided_by_id WHERE t.code = %(code)s""",
        lambda row: f"Decision about the treatment of subject {row['trial_number']}",
        lambda row: (
            ("Subject", row["subject"]),
            ("In spite of", ", ".join(one["said"] for one in row["covers"])),
            ("Reason", row["reason"]),
            ("Decided by", row["full_name"]),
            ("Decided", shown(row["decided_at"])),
        ),
    ),
    Kind.CONDITIONAL_RELEASE: Question(
        """SELECT c.*, l.code AS lot, l.state AS lot_state, s.code AS subject, s.trial_number, q.full_name AS requester,
           a.full_name AS approver, p.full_name AS sponsor FROM conditional_release c JOIN lot l ON l.id = c.lot_id
           JOIN subject s ON s.id = c.subject_id JOIN person q ON q.id = c.requested_by_id
           LEFT JOIN person a ON a.id = c.approved_by_id LEFT JOIN person p ON p.id = c.sponsor_by_id
           WHERE c.code = %(code)s""",
        lambda row: f"Conditional release of lot {row['lot']} for subject {row['trial_number']}",
        lambda row: (
            ("Lot", row["lot"]),
            ("Lot state", row["lot_state"]),
            ("Subject", row["subject"]),
            ("Pending", ", ".join(row["pending"])),
            ("Justification", row["justification"]),
            ("Asked for by", row["requester"]),
            ("Approved by", shown(row["approver"])),
            ("Signed for the sponsor by", shown(row["sponsor"])),
            *((("Ended because", row["end_reason"]),) if row["end_reason"] else ()),
        ),
    ),
    Kind.DOCUMENT: Question(
        """SELECT id, code, state, type, edition, record_code, reason, issued_at, pdf_digest,
           content -> 'paper' ->> 'title' AS title, content -> 'issue' ->> 'issued_by' AS issued_by
           FROM document_issue WHERE code = %(code)s""",
        lambda row: f"{row['title']}, edition {row['edition']}",
        lambda row: (
            ("Of", row["record_code"]),
            ("Issued", shown(row["issued_at"])),
            ("By", row["issued_by"]),
            ("Reason for this edition", shown(row["reason"])),
            ("sha256 of the file", row["pdf_digest"]),
        ),
    ),
    Kind.COUNT: Question(
        """SELECT c.*, u.name AS box, u.code AS box_code, p.full_name AS first FROM stock_count c
           JOIN storage_unit u ON u.id = c.unit_id JOIN person p ON p.id = c.first_counted_by_id
           WHERE c.code = %(code)s""",
        lambda row: f"Count of {row['box']}",
        simple(("Box", "box_code"), ("First counted by", "first"), ("Closed", "closed_at")),
    ),
    Kind.PROBE: Question(
        """SELECT p.*, u.name AS unit, u.code AS unit_code FROM probe p JOIN storage_unit u ON u.id = p.storage_unit_id
           WHERE p.code = %(code)s""",
        lambda row: f"Probe {row['name']}",
        lambda row: (
            ("Watches", row["unit_code"]),
            ("Last reading", shown(row["last_at"])),
            ("Warning", Said(f"above {shown(row['warn_above_c'])} °C for more than {row['warn_minutes']} min")),
            (
                "Critical",
                Said(f"above {shown(row['critical_above_c'])} °C, {row['critical_readings']} readings in a row"),
            ),
            ("Reject", Said(f"above {shown(row['reject_above_c'])} °C")),
            ("Silent after", Said(f"{row['gap_minutes']} min")),
            ("Calibrated", shown(row["calibrated_on"])),
            ("Next calibration", shown(row["calibration_due_on"])),
            ("Logger", f"{row['model']} {row['serial'] or ''}".strip()),
        ),
    ),
    Kind.READINGS: Question(
        """SELECT i.*, p.code AS probe, e.full_name AS entered_by
           FROM reading_import i JOIN probe p ON p.id = i.probe_id JOIN person e ON e.id = i.entered_by_id
           WHERE i.code = %(code)s""",
        lambda row: f"Readings of probe {row['probe']}",
        lambda row: (
            ("Probe", row["probe"]),
            ("From", shown(row["first_at"])),
            ("Until", shown(row["last_at"])),
            ("Readings stored", shown(row["stored"])),
            ("By", row["entered_by"]),
            *((("File", row["file_name"]), ("sha256 of the file", row["sha256"])) if row["sha256"] else ()),
        ),
    ),
    Kind.EXCURSION: Question(
        """SELECT e.*, p.code AS probe, u.code AS unit, u.name AS unit_name, a.full_name AS seen_by FROM excursion e
           JOIN probe p ON p.id = e.probe_id JOIN storage_unit u ON u.id = e.storage_unit_id
           LEFT JOIN person a ON a.id = e.acknowledged_by_id WHERE e.code = %(code)s""",
        lambda row: f"{row['category'].capitalize()} excursion in {row['unit_name']}",
        lambda row: (
            ("Probe", row["probe"]),
            ("In", row["unit"]),
            ("From", shown(row["started_at"])),
            ("Until", shown(row["ended_at"]) if row["ended_at"] else "goes on"),
            ("Peak", f"{shown(row['peak_c'])} °C"),
            ("Alarm seen by", row["seen_by"] or "nobody yet"),
            *((("Found", row["acknowledgement"]),) if row["acknowledgement"] else ()),
            *((("Ended because", row["end_reason"]),) if row["end_reason"] else ()),
            *((("Decision", row["decision_reason"]),) if row["decision_reason"] else ()),
        ),
    ),
    Kind.FREEZER_RUN: Question(
        """SELECT r.*, l.code AS lot, p.full_name AS imported_by, d.code AS deviation, d.state AS deviation_state,
           w.full_name AS withdrawn_by FROM freezer_run r JOIN lot l ON l.id = r.lot_id
           JOIN person p ON p.id = r.imported_by_id LEFT JOIN deviation d ON d.id = r.deviation_id
           LEFT JOIN person w ON w.id = r.withdrawn_by_id WHERE r.code = %(code)s""",
        lambda row: f"Freezing run of lot {row['lot']}",
        lambda row: (
            ("Lot", row["lot"]),
            ("Program", row["program"]),
            ("Began", shown(row["began_at"])),
            ("Found", run_in_words(row)),
            *((("Deviation", row["deviation"]),) if row["deviation"] else ()),
            ("Freezer", f"{row['freezer']} {row['freezer_serial'] or ''}".strip()),
            ("File", row["file_name"]),
            ("sha256 of the file", row["sha256"]),
            ("Imported by", row["imported_by"]),
            *((("Withdrawn by", f"{row['withdrawn_by']}: {row['withdrawal_reason']}"),) if row["withdrawn_by"] else ()),
        ),
    ),
    Kind.PERSON: Question(
        """SELECT p.*, (SELECT jsonb_agg(ARRAY[t.role, t.valid_until::text, t.procedure] ORDER BY t.valid_until DESC)
           FROM training t WHERE t.person_id = p.id AND t.state = 'VALID') AS trainings,
           CASE WHEN p.locked_until > now() THEN p.locked_until END AS locked_now
           FROM person p WHERE p.code = %(code)s""",
        lambda row: row["full_name"],
        lambda row: (
            ("Sign-in name", row["name"]),
            ("Roles", ", ".join(role.replace("_", " ") for role in row["roles"])),
            *((("Locked", Said(f"until {shown(row['locked_now'])}")),) if row["locked_now"] else ()),
            ("Trainings", Said("; ".join(starmap(_training, row["trainings"] or ())) or "–")),
            ("Statement on signatures", Said(f"accepted {shown(row['agreement_at'])}") if row["agreement_at"] else "–"),
            ("Second factor", Said(f"since {shown(row['totp_confirmed_at'])}") if row["totp_confirmed_at"] else "–"),
        ),
    ),
    Kind.TRAINING: Question(
        """SELECT t.*, p.full_name, p.code AS person, r.full_name AS recorder FROM training t
           JOIN person p ON p.id = t.person_id LEFT JOIN person r ON r.id = t.recorded_by_id WHERE t.code = %(code)s""",
        lambda row: f"Training of {row['full_name']} as {row['role'].replace('_', ' ')}",
        simple(
            ("Person", "person"),
            ("Procedure", "procedure"),
            ("Trained on", "trained_on"),
            ("Valid until", "valid_until"),
            ("Recorded by", "recorder"),
            ("Revoked because", "revoke_reason"),
        ),
    ),
    Kind.TRAIL_REVIEW: Question(
        """SELECT r.*, p.full_name FROM trail_review r JOIN person p ON p.id = r.reviewed_by_id
           WHERE r.code = %(code)s""",
        lambda row: f"Review of the trail, acts {row['first_act']} to {row['last_act']}",
        simple(
            ("Record", "record_code"),
            ("Findings", "findings"),
            ("Reviewed by", "full_name"),
            ("Reviewed", "reviewed_at"),
        ),
    ),
    Kind.TOKEN: Question(
        """SELECT t.*, p.full_name, u.used_at FROM api_token t JOIN person p ON p.id = t.person_id
           LEFT JOIN api_token_use u ON u.token_id = t.id WHERE t.code = %(code)s""",
        lambda row: f"Key “{row['title']}”",
        simple(
            ("Of", "full_name"),
            ("Valid until", "expires_at"),
            ("Reads only", "read_only"),
            ("Only at site", "site_code"),
            ("Only these acts", "acts"),
            ("Last used", "used_at"),
        ),
    ),
}

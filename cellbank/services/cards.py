"""What a thing is, on one card: a title, its state in words, where it is, the facts that matter at the bench.

One statement for each kind, prepared once: the scanner waits for it.
"""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cellbank.domain.identifiers import Kind, printed
from cellbank.domain.positions import position_name
from cellbank.domain.quantities import millions
from cellbank.records.base import read_row
from cellbank.services.bank import Bank
from cellbank.services.tested import TESTED_CODE, join_tested

Row = Mapping[str, Any]
Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Face:
    """The part of a card that is read from the database."""

    id: int
    record: str
    title: str
    state: str
    facts: Facts
    where: str | None = None


@dataclass(frozen=True)
class Question:
    """How to read a face: the statement (one parameter, the code) and what to make of its row."""

    record: str
    statement: str
    title: Callable[[Row], str]
    facts: Callable[[Row], Facts]


PLACE = """
  LEFT JOIN placement p ON p.vial_id = v.id AND p.taken_at IS NULL
  LEFT JOIN storage_unit box ON box.id = p.box_id
"""
PLACE_COLUMNS = "unit_names(box.id) AS line, p.position, box.column_count"


def place_text(row: Row) -> str | None:
    """'Tank 1 › Rack 2 › Box B › C4' from the columns of PLACE; None when the vial stands nowhere."""
    if row["position"] is None:
        return None
    return " › ".join([*row["line"], position_name(row["position"], row["column_count"])])


def shown(value: Any) -> str:
    """A value as a person reads it."""
    if value is None:
        return "–"
    if isinstance(value, datetime.datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value)


def _vial_facts(row: Row) -> Facts:
    reserved = (
        ((("Reserved for", f"subject {row['trial_number']}, infusion {row['infusion_number']}"),))
        if row["dose"]
        else ()
    )
    return (
        ("Lot", row["lot"]),
        ("Lot state", row["lot_state"]),
        ("Content", f"{millions(row['cells_per_vial'])} cells in {shown(row['volume_ml'])} mL"),
        ("Expires", shown(row["expires_on"])),
        *reserved,
    )


def _unit_title(row: Row) -> str:
    """'Box 7', however the people of the site have named it."""
    kind, name = row["type"].capitalize(), row["name"]
    return name if name.lower().startswith(row["type"]) else f"{kind} {name}"


def _unit_facts(row: Row) -> Facts:
    """Where it stands and how full it is: of vials a box, of other units everything else whose places are counted."""
    size = row["row_count"] * row["column_count"] if row["row_count"] else row["capacity"]
    held = row["vials"] if row["row_count"] else row["units"]
    full = ", full" if size and held >= size else ""
    filled = f"{held} of {size}{full}" if size else f"{held}, places not counted"
    return ("In", " › ".join(row["above"]) or "–"), ("Place", shown(row["place"])), ("Filled", filled)


def _weight_facts(row: Row) -> Facts:
    """The second reader of the scale must not be told what the first one read."""
    seen = (("Weight, kg", shown(row["weight_kg"])),) if row["state"] == "CONFIRMED" else ()
    return (*seen, ("Measured", shown(row["measured_at"])), ("Method", row["method"]))


def _result_facts(row: Row) -> Facts:
    """The value with how it was found, by whom; and what it was before, or became, when somebody corrected it."""
    unit = f" {row['unit']}" if row["unit"] else ""
    method = " ".join(part for part in (row["method"], row["method_version"]) if part)
    changed = f"{row['changed_by']}: {row['change_reason']}" if row["change_reason"] else ""
    more = (
        ("Instrument", row["instrument"]),
        ("Sample", row["sample"]),
        ("Sample number", row["sample_number"] and str(row["sample_number"])),
        ("Reviewed by", row["reviewed_by"]),
        ("Corrects", row["first_code"] and f"{row['first_code']}: {row['first_value']}{unit}"),
        ("Corrected by" if row["state"] == "CORRECTED" else "Invalidated by", changed),
        ("The right value", row["next_code"] and f"{row['next_code']}: {row['next_value']}{unit}"),
    )
    return (
        ("Value", f"{row['value']}{unit}"),
        ("Verdict", row["verdict"].replace("_", " ").lower()),
        ("Method", method),
        ("Resulted", shown(row["resulted_at"])),
        ("Entered by", row["entered_by"]),
        *((label, value) for label, value in more if value),
    )


def _simple(*pairs: tuple[str, str]) -> Callable[[Row], Facts]:
    """Facts straight from columns: (label, column)."""
    return lambda row: tuple((label, shown(row[column])) for label, column in pairs)


_REAGENT = _simple(
    ("Use by", "use_by"), ("Left", "counted"), ("Maker", "manufacturer"), ("Maker's lot", "manufacturer_lot"),
    ("Certificate", "certificate"), ("Expires", "expires_on"), ("Opened", "opened_at"),
    ("Days that it keeps once open", "days_once_open"),
)  # fmt: skip
_ACTION = _simple(
    ("Deviation", "deviation"), ("What is to be done", "description"), ("By whom", "responsible"), ("Until", "due_on"),
    ("What was done", "done_note"), ("Done by", "done_by"), ("How it was verified", "verification"),
)  # fmt: skip

QUESTIONS: dict[Kind, Question] = {
    Kind.VIAL: Question(
        "vial",
        f"""SELECT v.id, v.code, v.state, v.number, l.code AS lot, l.state AS lot_state, l.cells_per_vial,
          l.volume_ml, l.expires_on, d.code AS dose, d.infusion_number, s.trial_number, {PLACE_COLUMNS}
          FROM vial v JOIN lot l ON l.id = v.lot_id LEFT JOIN dose d ON d.id = v.dose_id
          LEFT JOIN subject s ON s.id = d.subject_id {PLACE} WHERE v.code = %(code)s""",
        lambda row: f"Vial {row['number']} of lot {row['lot']}",
        _vial_facts,
    ),
    Kind.LOT: Question(
        "lot",
        """SELECT l.*, d.code AS donation,
           (SELECT count(*) FROM vial WHERE lot_id = l.id AND state = 'IN_STOCK') AS stock,
           (SELECT count(*) FROM vial WHERE lot_id = l.id AND state <> 'VOIDED') AS vials
           FROM lot l JOIN donation d ON d.id = l.donation_id WHERE l.code = %(code)s""",
        lambda row: f"{row['purpose'].replace('_', ' ').capitalize()} lot {row['code']}",
        lambda row: (
            ("Donation", printed(row["donation"])),
            ("Passage", f"P{row['passage']}"),
            ("Vial content", f"{millions(row['cells_per_vial'])} cells in {shown(row['volume_ml'])} mL"),
            ("Vials in stock", f"{row['stock']} of {row['vials']}"),
            ("Expires", shown(row["expires_on"])),
        ),
    ),
    Kind.DONOR: Question(
        "donor",
        "SELECT * FROM donor WHERE code = %(code)s",
        lambda row: f"Donor {row['pseudonym']}",
        _simple(("Year of birth", "birth_year"), ("Delivery", "delivered_at"), ("Eligibility", "eligibility_reason")),
    ),
    Kind.CONSENT: Question(
        "consent",
        "SELECT c.*, d.code AS donor FROM consent c JOIN donor d ON d.id = c.donor_id WHERE c.code = %(code)s",
        lambda row: f"Consent of donor {row['donor']}",
        _simple(("Version", "version"), ("Scope", "scope"), ("Given on", "given_on"), ("Withdrawn on", "withdrawn_on")),
    ),
    Kind.DONATION: Question(
        "donation",
        "SELECT n.*, d.code AS donor FROM donation n JOIN donor d ON d.id = n.donor_id WHERE n.code = %(code)s",
        lambda row: f"{'Umbilical cord' if row['tissue'] == 'cord' else 'Placenta'} {printed(row['code'])}",
        _simple(("Donor", "donor"), ("Collected", "collected_at"), ("Received", "received_at"), ("Mass, g", "mass_g")),
    ),
    Kind.CULTURE: Question(
        "culture",
        "SELECT c.*, n.code AS donation FROM culture c JOIN donation n ON n.id = c.donation_id WHERE c.code = %(code)s",
        lambda row: f"Culture {row['code']}, P{row['passage']}",
        lambda row: (
            ("Donation", printed(row["donation"])),
            ("Vessel", row["vessel"]),
            ("Started", shown(row["started_at"])),
            ("Harvested", millions(row["cells_harvested"]) if row["cells_harvested"] is not None else "–"),
            ("Cells left", millions(row["cells_left"]) if row["cells_left"] is not None else "–"),
            ("Population doublings in all", shown(row["cumulative_doublings"])),
        ),
    ),
    Kind.REAGENT: Question(
        "reagent_lot",
        """SELECT r.*,
           least(r.expires_on, (r.opened_at AT TIME ZONE s.timezone)::date + r.days_once_open::int) AS use_by,
           trim_scale(r.quantity_left) || ' of ' || trim_scale(r.quantity_received) || ' ' || r.unit AS counted
           FROM reagent_lot r JOIN site s ON s.id = r.site_id WHERE r.code = %(code)s""",
        lambda row: row["name"],
        _REAGENT,
    ),
    Kind.STORAGE: Question(
        "storage_unit",
        """SELECT u.*, unit_names(u.parent_id) AS above,
           (SELECT count(*) FROM placement p WHERE p.box_id = u.id AND p.taken_at IS NULL) AS vials,
           (SELECT count(*) FROM storage_unit inside WHERE inside.parent_id = u.id) AS units
           FROM storage_unit u WHERE u.code = %(code)s""",
        _unit_title,
        _unit_facts,
    ),
    Kind.RESULT: Question(
        "test_result",
        f"""SELECT r.*, {TESTED_CODE} AS subject, coalesce(r.choice, trim_scale(r.number)::text) AS value,
           a.code AS sample, e.full_name AS entered_by, v.full_name AS reviewed_by, h.full_name AS changed_by,
           w.code AS first_code, coalesce(w.choice, trim_scale(w.number)::text) AS first_value,
           z.code AS next_code, coalesce(z.choice, trim_scale(z.number)::text) AS next_value
           FROM test_result r {join_tested("r")} LEFT JOIN sample a ON a.id = r.sample_id
           LEFT JOIN person e ON e.id = r.entered_by_id LEFT JOIN person v ON v.id = r.reviewed_by_id
           LEFT JOIN person h ON h.id = r.changed_by_id LEFT JOIN test_result w ON w.id = r.corrects_id
           LEFT JOIN test_result z ON z.corrects_id = r.id WHERE r.code = %(code)s""",
        lambda row: f"{row['test']} of {printed(row['subject'])}",
        _result_facts,
    ),
    Kind.SAMPLE: Question(
        "sample",
        f"""SELECT r.*, {TESTED_CODE} AS subject, p.full_name AS taken_by, v.code AS vial, x.code AS result
           FROM sample r {join_tested("r")} LEFT JOIN vial v ON v.id = r.vial_id
           LEFT JOIN person p ON p.id = r.taken_by_id LEFT JOIN LATERAL
           (SELECT code FROM test_result WHERE sample_id = r.id ORDER BY id DESC LIMIT 1) x ON true
           WHERE r.code = %(code)s""",
        lambda row: f"Sample for {row['test']} of {printed(row['subject'])}",
        lambda row: (
            ("Material", row["material"]),
            *((("Vial", printed(row["vial"])),) if row["vial"] else ()),
            ("Number", shown(row["number"])),
            ("Taken", f"{shown(row['taken_at'])} by {row['taken_by']}"),
            ("Result due", shown(row["due_on"])),
            ("Result", shown(row["result"])),
            *((("Cancelled because", row["cancel_reason"]),) if row["cancel_reason"] else ()),
        ),
    ),
    Kind.SUBJECT: Question(
        "subject",
        "SELECT s.*, p.identifier FROM subject s JOIN definition p ON p.id = s.protocol_id WHERE s.code = %(code)s",
        lambda row: f"Subject {row['trial_number']}",
        _simple(("Trial", "identifier"), ("Arm", "arm"), ("Sex", "sex"), ("Consented", "consented_on")),
    ),
    Kind.WEIGHT: Question(
        "weight",
        "SELECT w.*, s.trial_number FROM weight w JOIN subject s ON s.id = w.subject_id WHERE w.code = %(code)s",
        lambda row: f"Weight of subject {row['trial_number']}",
        _weight_facts,
    ),
    Kind.DOSE: Question(
        "dose",
        """SELECT d.*, s.trial_number, l.code AS lot FROM dose d JOIN subject s ON s.id = d.subject_id
           JOIN lot l ON l.id = d.lot_id WHERE d.code = %(code)s""",
        lambda row: f"Infusion {row['infusion_number']} (Day {row['day']}) of subject {row['trial_number']}",
        lambda row: (
            ("Planned", shown(row["planned_on"])),
            ("Cells needed", millions(row["required_cells"])),
            ("Lot", row["lot"]),
            ("Vials", f"{row['vials_needed']} and {row['vials_spare']} spare"),
            ("Use before", shown(row["expires_at"])),
        ),
    ),
    Kind.HOLD: Question(
        "hold",
        """SELECT h.*, coalesce(l.code, d.code, r.code, u.code) AS subject
           FROM hold h LEFT JOIN lot l ON l.id = h.lot_id LEFT JOIN donor d ON d.id = h.donor_id
           LEFT JOIN reagent_lot r ON r.id = h.reagent_lot_id LEFT JOIN storage_unit u ON u.id = h.storage_unit_id
           WHERE h.code = %(code)s""",
        lambda row: f"Hold on {row['subject']}",
        _simple(("Reason", "reason"), ("Placed", "placed_at"), ("Lifted", "lifted_at")),
    ),
    Kind.DEVIATION: Question(
        "deviation",
        "SELECT * FROM deviation WHERE code = %(code)s",
        lambda row: row["title"],
        _simple(("Classification", "classification"), ("Happened", "occurred_at"), ("To be closed by", "due_on")),
    ),
    Kind.ACTION: Question(
        "corrective_action",
        """SELECT a.*, v.code AS deviation, p.full_name AS responsible, d.full_name AS done_by FROM corrective_action a
           JOIN deviation v ON v.id = a.deviation_id JOIN person p ON p.id = a.responsible_id
           LEFT JOIN person d ON d.id = a.done_by_id WHERE a.code = %(code)s""",
        lambda row: f"{row['type'].capitalize()} action about {row['deviation']}",
        _ACTION,
    ),
    Kind.BATCH_REVIEW: Question(
        "batch_review",
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
        "recall_notice",
        """SELECT n.*, l.code AS lot, l.state AS lot_state, l.decision_reason, d.code AS dose, d.infusion_number, d.day,
           d.infusion_started_at, s.code AS subject, s.trial_number, p.full_name FROM recall_notice n
           JOIN lot l ON l.id = n.lot_id JOIN dose d ON d.id = n.dose_id JOIN subject s ON s.id = d.subject_id
           LEFT JOIN person p ON p.id = n.acknowledged_by_id WHERE n.code = %(code)s""",
        lambda row: f"Recall notice for subject {row['trial_number']}, infusion {row['infusion_number']}",
        lambda row: (
            ("Lot", row["lot"]),
            ("Lot state", row["lot_state"]),
            ("Why", shown(row["decision_reason"])),
            ("Dose", row["dose"]),
            ("Subject", row["subject"]),
            ("Given", shown(row["infusion_started_at"])),
            *(
                (("Answered by", row["full_name"]), ("What was done", row["measures"]))
                if row["state"] == "ACKNOWLEDGED"
                else ()
            ),
        ),
    ),
    Kind.DOCUMENT: Question(
        "document_issue",
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
        "stock_count",
        """SELECT c.*, u.name AS box, u.code AS box_code, p.full_name AS first FROM stock_count c
           JOIN storage_unit u ON u.id = c.unit_id JOIN person p ON p.id = c.first_counted_by_id
           WHERE c.code = %(code)s""",
        lambda row: f"Count of {row['box']}",
        _simple(("Box", "box_code"), ("First counted by", "first"), ("Closed", "closed_at")),
    ),
    Kind.PROBE: Question(
        "probe",
        """SELECT p.*, u.name AS unit, u.code AS unit_code FROM probe p JOIN storage_unit u ON u.id = p.storage_unit_id
           WHERE p.code = %(code)s""",
        lambda row: f"Probe {row['name']}",
        lambda row: (
            ("Watches", row["unit_code"]),
            ("Last reading", shown(row["last_at"])),
            ("Warning", f"above {shown(row['warn_above_c'])} °C for more than {row['warn_minutes']} min"),
            ("Critical", f"above {shown(row['critical_above_c'])} °C, {row['critical_readings']} readings in a row"),
            ("Reject", f"above {shown(row['reject_above_c'])} °C"),
            ("Silent after", f"{row['gap_minutes']} min"),
            ("Calibrated", shown(row["calibrated_on"])),
            ("Next calibration", shown(row["calibration_due_on"])),
            ("Logger", f"{row['model']} {row['serial'] or ''}".strip()),
        ),
    ),
    Kind.READINGS: Question(
        "reading_import",
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
        "excursion",
        """SELECT e.*, p.code AS probe, u.code AS unit, a.full_name AS seen_by FROM excursion e
           JOIN probe p ON p.id = e.probe_id JOIN storage_unit u ON u.id = e.storage_unit_id
           LEFT JOIN person a ON a.id = e.acknowledged_by_id WHERE e.code = %(code)s""",
        lambda row: f"{row['category'].capitalize()} excursion {row['code']}",
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
    Kind.PERSON: Question(
        "person",
        """SELECT p.*, (SELECT string_agg(replace(t.role, '_', ' ') || ' until ' || t.valid_until || ' (' || t.procedure
           || ')', '; ' ORDER BY t.valid_until DESC) FROM training t WHERE t.person_id = p.id AND t.state = 'VALID')
           AS trainings FROM person p WHERE p.code = %(code)s""",
        lambda row: row["full_name"],
        lambda row: (
            ("Sign-in name", row["name"]),
            ("Roles", ", ".join(role.replace("_", " ") for role in row["roles"])),
            ("Trainings", shown(row["trainings"])),
            ("Statement on signatures", f"accepted {shown(row['agreement_at'])}" if row["agreement_at"] else "–"),
            ("Second factor", f"since {shown(row['totp_confirmed_at'])}" if row["totp_confirmed_at"] else "–"),
        ),
    ),
    Kind.TRAINING: Question(
        "training",
        """SELECT t.*, p.full_name, p.code AS person, r.full_name AS recorder FROM training t
           JOIN person p ON p.id = t.person_id LEFT JOIN person r ON r.id = t.recorded_by_id WHERE t.code = %(code)s""",
        lambda row: f"Training of {row['full_name']} as {row['role'].replace('_', ' ')}",
        _simple(("Person", "person"), ("Procedure", "procedure"), ("Trained on", "trained_on"),
                ("Valid until", "valid_until"), ("Recorded by", "recorder"), ("Revoked because", "revoke_reason")),
    ),
    Kind.TRAIL_REVIEW: Question(
        "trail_review",
        """SELECT r.*, p.full_name FROM trail_review r JOIN person p ON p.id = r.reviewed_by_id
           WHERE r.code = %(code)s""",
        lambda row: f"Review of the trail, acts {row['first_act']} to {row['last_act']}",
        _simple(("Record", "record_code"), ("Findings", "findings"), ("Reviewed by", "full_name"),
                ("Reviewed", "reviewed_at")),
    ),
    Kind.TOKEN: Question(
        "api_token",
        "SELECT t.*, p.full_name FROM api_token t JOIN person p ON p.id = t.person_id WHERE t.code = %(code)s",
        lambda row: f"Key “{row['title']}”",
        _simple(("Of", "full_name"), ("Valid until", "expires_at")),
    ),
}


def read_face(bank: Bank, kind: Kind, code: str) -> Face | None:
    """The face of the record with this code; None when there is none."""
    question = QUESTIONS[kind]
    row = read_row(bank.reads, question.statement, {"code": code})
    if row is None:
        return None
    where = place_text(row) if kind is Kind.VIAL else None
    return Face(row["id"], question.record, question.title(row), row["state"], question.facts(row), where)

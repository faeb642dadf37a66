"""What a thing is, on one card: a title, its state in words, where it is, the facts that matter at the bench.

One statement for each kind, prepared once: the scanner waits for it.
"""

from dataclasses import dataclass
from functools import cache

from cellbank.domain.blind import hidden_columns
from cellbank.domain.identifiers import RECORDS, Kind, printed
from cellbank.domain.lifecycle.meanings import state_means
from cellbank.domain.lifecycle.states import ResultState
from cellbank.domain.phrase import Said
from cellbank.domain.quantities import millions, of_the_dose
from cellbank.records.base import read_row
from cellbank.records.tables import metadata
from cellbank.services.installation import Installation
from cellbank.services.lookup.card_parts import Facts, Question, Row, simple
from cellbank.services.lookup.cards_of_quality import OF_QUALITY
from cellbank.services.lookup.cards_of_shipping import OF_SHIPPING
from cellbank.services.lookup.marks import marks_asked, marks_of
from cellbank.services.quality.tested import TESTED_CODE, join_tested
from cellbank.services.storage.travelling import LINE
from cellbank.services.storage.whereabouts import place_text
from cellbank.services.wording.values import on_the_clock, shown


@dataclass(frozen=True)
class Face:
    """The part of a card that is read from the database."""

    id: int
    record: str
    title: str
    state: str
    facts: Facts
    where: str | None = None
    elsewhere: str | None = None  # the site that it is of, where it may not be read at the person's
    type: str | None = None  # of a unit of the cold store
    means: str = ""  # what its state means
    is_ours: bool = True  # of the site where the person acts, or of no one site
    marks: frozenset[str] = frozenset()  # what is so with it beside its state (marks.py)


PLACE = """
  LEFT JOIN placement p ON p.vial_id = v.id AND p.taken_at IS NULL
  LEFT JOIN storage_unit box ON box.id = p.box_id
"""
PLACE_COLUMNS = f"{LINE.format(unit='box.id')}, p.position, box.column_count"


def _vial_facts(row: Row) -> Facts:
    reserved = (
        ((("Reserved for", Said(f"subject {row['trial_number']}, infusion {row['infusion_number']}")),))
        if row["dose"]
        else ()
    )
    return (
        ("Lot", row["lot"]),
        ("Lot state", row["lot_state"]),
        ("Content", Said(f"{millions(row['cells_per_vial'])} cells in {shown(row['volume_ml'])} mL")),
        ("Expires", shown(row["expires_on"])),
        *reserved,
    )


def _unit_title(row: Row) -> str:
    """'Box 7', however the people of the site have named it."""
    kind, name = row["type"].capitalize(), row["name"]
    return name if row["type"] in name.lower() else f"{kind} {name}"


def _unit_facts(row: Row) -> Facts:
    """Where it stands and how full it is: of vials a box, of other units everything else whose places are counted."""
    size = row["row_count"] * row["column_count"] if row["row_count"] else row["capacity"]
    held = row["vials"] if row["row_count"] else row["units"]
    filled = f"{held} / {size}" if size else f"{held}, places not counted"
    if size and held >= size:
        filled = f"{held} / {size}, full"
    facts = ("In", " › ".join(row["above"]) or "–"), ("Place", shown(row["place"])), ("Filled", Said(filled))
    return (*facts, *_shipper_facts(row)) if row["type"] == "shipper" else facts


def _shipper_facts(row: Row) -> Facts:
    """How long it holds and until when that is proved, and with which shipment it travels."""
    return (
        ("Holds", Said(f"{shown(row['hold_hours'])} h from a full charge")),
        ("Qualified", Said(f"{shown(row['qualified_on'])}, until {shown(row['qualified_until'])}")),
        ("Travels with", row["shipment"] or Said("no shipment: it is free")),
    )


def _weight_facts(row: Row) -> Facts:
    """The second reader of the scale must not be told what the first one read."""
    seen = () if hidden_columns("weight", row["state"]) else (("Weight, kg", shown(row["weight_kg"])),)
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
        ("Corrected by" if row["state"] == ResultState.CORRECTED else "Invalidated by", changed),
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


_REAGENT = simple(
    ("Maker", "manufacturer"),
    ("Maker's lot", "manufacturer_lot"),
    ("Certificate", "certificate"),
    ("Expires", "expires_on"),
    ("Opened", "opened_at"),
    ("Days that it keeps once open", "days_once_open"),
)


def _reagent_facts(row: Row) -> Facts:
    left = None
    if row["quantity_left"] is not None and row["quantity_received"] is not None:
        left = f"{shown(row['quantity_left'])} of {shown(row['quantity_received'])} {row['unit']}"
    return (("Use by", shown(row["use_by"])), ("Left", shown(left)), *_REAGENT(row))


def _given(row: Row) -> Facts:
    """What went in, once something has."""
    cells = row["given_cells"]
    return () if cells is None else (("Cells given", of_the_dose(cells, row["given_percent"])),)


QUESTIONS: dict[Kind, Question] = {
    Kind.VIAL: Question(
        f"""SELECT v.id, v.code, v.state, v.number, v.site_id, l.code AS lot, l.state AS lot_state, l.cells_per_vial,
          l.volume_ml, l.expires_on, d.code AS dose, d.infusion_number, s.trial_number, {PLACE_COLUMNS}
          FROM vial v JOIN lot l ON l.id = v.lot_id LEFT JOIN dose d ON d.id = v.dose_id
          LEFT JOIN subject s ON s.id = d.subject_id {PLACE} WHERE v.code = %(code)s""",
        lambda row: f"Vial {row['number']} of lot {row['lot']}",
        _vial_facts,
    ),
    Kind.LOT: Question(
        """SELECT l.*, d.code AS donation,
           (SELECT count(*) FROM vial WHERE lot_id = l.id AND state = 'IN_STOCK'
             AND site_id = coalesce(%(site)s, site_id)) AS stock,
           (SELECT count(*) FROM vial WHERE lot_id = l.id AND state <> 'VOIDED') AS vials
           FROM lot l JOIN donation d ON d.id = l.donation_id WHERE l.code = %(code)s""",
        lambda row: f"{row['purpose'].replace('_', ' ').capitalize()} lot {row['code']}",
        lambda row: (
            ("Donation", printed(row["donation"])),
            ("Passage", f"P{row['passage']}"),
            ("Vial content", Said(f"{millions(row['cells_per_vial'])} cells in {shown(row['volume_ml'])} mL")),
            ("Vials in stock", f"{row['stock']} / {row['vials']}"),
            ("Expires", shown(row["expires_on"])),
        ),
    ),
    Kind.DONOR: Question(
        "SELECT * FROM donor WHERE code = %(code)s",
        lambda row: f"Donor {row['pseudonym']}",
        simple(("Year of birth", "birth_year"), ("Delivery", "delivered_at"), ("Eligibility", "eligibility_reason")),
    ),
    Kind.CONSENT: Question(
        "SELECT c.*, d.code AS donor FROM consent c JOIN donor d ON d.id = c.donor_id WHERE c.code = %(code)s",
        lambda row: f"Consent of donor {row['donor']}",
        simple(("Version", "version"), ("Scope", "scope"), ("Given on", "given_on"), ("Withdrawn on", "withdrawn_on")),
    ),
    Kind.DONATION: Question(
        "SELECT n.*, d.code AS donor FROM donation n JOIN donor d ON d.id = n.donor_id WHERE n.code = %(code)s",
        lambda row: f"{'Umbilical cord' if row['tissue'] == 'cord' else 'Placenta'} {printed(row['code'])}",
        simple(("Donor", "donor"), ("Collected", "collected_at"), ("Received", "received_at"), ("Mass, g", "mass_g")),
    ),
    Kind.CULTURE: Question(
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
        """SELECT r.*,
           least(r.expires_on, (r.opened_at AT TIME ZONE s.timezone)::date + r.days_once_open::int) AS use_by
           FROM reagent_lot r JOIN site s ON s.id = r.site_id WHERE r.code = %(code)s""",
        lambda row: row["name"],
        _reagent_facts,
    ),
    Kind.STORAGE: Question(
        """SELECT u.*, unit_names(u.parent_id) AS above,
           (SELECT count(*) FROM placement p WHERE p.box_id = u.id AND p.taken_at IS NULL) AS vials,
           (SELECT count(*) FROM storage_unit inside WHERE inside.parent_id = u.id) AS units,
           (SELECT h.code FROM shipment h WHERE h.shipper_id = u.id
             AND h.state NOT IN ('ACCEPTED', 'REJECTED', 'CANCELLED')) AS shipment
           FROM storage_unit u WHERE u.code = %(code)s""",
        _unit_title,
        _unit_facts,
    ),
    Kind.RESULT: Question(
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
            ("Taken", f"{shown(row['taken_at'])} · {row['taken_by']}"),
            ("Result due", shown(row["due_on"])),
            ("Result", shown(row["result"])),
            *((("Cancelled because", row["cancel_reason"]),) if row["cancel_reason"] else ()),
        ),
    ),
    Kind.SUBJECT: Question(
        """SELECT s.*, p.code AS protocol FROM subject s JOIN definition p ON p.id = s.protocol_id
            WHERE s.code = %(code)s""",
        lambda row: f"Subject {row['trial_number']}",
        simple(("Trial", "protocol"), ("Arm", "arm"), ("Sex", "sex"), ("Consented", "consented_on")),
    ),
    Kind.WEIGHT: Question(
        "SELECT w.*, s.trial_number FROM weight w JOIN subject s ON s.id = w.subject_id WHERE w.code = %(code)s",
        lambda row: f"Weight of subject {row['trial_number']}",
        _weight_facts,
    ),
    Kind.DOSE: Question(
        """SELECT d.*, s.trial_number, l.code AS lot FROM dose d JOIN subject s ON s.id = d.subject_id
           JOIN lot l ON l.id = d.lot_id WHERE d.code = %(code)s""",
        lambda row: f"Infusion {row['infusion_number']} (Day {row['day']}) of subject {row['trial_number']}",
        lambda row: (
            ("Planned", shown(row["planned_on"])),
            *((("Planned anew", row["planned_anew_because"]),) if row["planned_anew_because"] else ()),
            ("Cells needed", millions(row["required_cells"])),
            ("Lot", row["lot"]),
            ("Vials", Said(f"{row['vials_needed']} and {row['vials_spare']} spare")),
            ("Use before", shown(row["expires_at"])),
            *_given(row),
        ),
    ),
    Kind.HOLD: Question(
        """SELECT h.*, coalesce(l.code, d.code, r.code, u.code) AS subject
           FROM hold h LEFT JOIN lot l ON l.id = h.lot_id LEFT JOIN donor d ON d.id = h.donor_id
           LEFT JOIN reagent_lot r ON r.id = h.reagent_lot_id LEFT JOIN storage_unit u ON u.id = h.storage_unit_id
           WHERE h.code = %(code)s""",
        lambda row: f"Hold on {row['subject']}",
        simple(("Reason", "reason"), ("Placed", "placed_at"), ("Lifted", "lifted_at")),
    ),
    **OF_QUALITY,
    **OF_SHIPPING,
}


def read_face(installation: Installation, kind: Kind, code: str) -> Face | None:
    """The face of the record with this code; None when there is none. Of a record of another site it says which."""
    question = QUESTIONS[kind]
    row = read_row(installation.reads, _seen(kind), {"code": code, "site": installation.site})
    if row is None:
        return None
    if row["elsewhere"]:
        return Face(row["id"], RECORDS[kind], "", row["state"], (), elsewhere=row["elsewhere"])
    row = on_the_clock(row, installation.zone)
    where = place_text(row) if kind is Kind.VIAL else None
    title, type_ = question.title(row), row["type"] if kind is Kind.STORAGE else None
    ours = installation.site is None or row.get("site_id", installation.site) == installation.site
    return Face(
        row["id"],
        RECORDS[kind],
        title,
        row["state"],
        question.facts(row),
        where,
        type=type_,
        means=state_means(RECORDS[kind], row["state"], row.get("purpose")),
        is_ours=ours,
        marks=marks_of(kind, row),
    )


@cache
def _seen(kind: Kind) -> str:
    """The statement of a kind, with whose record it is: the scanner waits for one answer and not for two."""
    question = QUESTIONS[kind]
    asked = f"elsewhere('{RECORDS[kind]}', face.id, CAST(%(site)s AS bigint))"
    if "site_id" in metadata.tables[RECORDS[kind]].columns:  # what is of the site itself needs no question
        asked = f"CASE WHEN face.site_id IS DISTINCT FROM CAST(%(site)s AS bigint) THEN {asked} END"
    return f"SELECT face.*, {asked} AS elsewhere, {marks_asked(kind)} FROM ({question.statement}) AS face"

"""Lists of records to look through and to search. Read only. A search does not mind look-alikes of another alphabet."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from cellbank.domain.identifiers import LOOK_ALIKES
from cellbank.domain.lifecycle import STATES
from cellbank.services.installation import Installation, at_site
from cellbank.services.quality.tested import TESTED_CODE, TESTED_SITE, join_tested

PAGE = 50
_FROM, _TO = "".join(LOOK_ALIKES), "".join(LOOK_ALIKES.values())


@dataclass(frozen=True)
class Listing:
    """One list: the record whose states filter it, its columns (key of the row -> title), and how it is read.

    The statement gives `code`, `state`, the columns, `words`: the text that a search looks through, and what `here`
    asks: whether a row belongs to the list of the site `:site`.
    """

    title: str
    icon: str
    record: str
    columns: dict[str, str]
    sql: str
    order: str
    create: str | None = None  # the act that makes a new one
    here: str = "site_id = :site"


# Lots that were made here, and those of which vials were brought here; who works here, whatever their home site.
_LOTS_HERE = "(site_id = :site OR id IN (SELECT lots_brought_to(:site)))"
_PEOPLE_HERE = "(SELECT s.id = site_id OR s.code = ANY (also_at) FROM site s WHERE s.id = :site)"

LISTS: dict[str, Listing] = {
    "donors": Listing("Donors", "person-heart", "donor",
        {"pseudonym": "Pseudonym", "birth_year": "Year of birth", "donations": "Donations"},
        """SELECT d.code, d.state, d.pseudonym, d.birth_year, d.id, d.site_id,
           (SELECT count(*) FROM donation n WHERE n.donor_id = d.id) AS donations, d.code || ' ' || d.pseudonym AS words
           FROM donor d""", "id DESC", "register_donor"),
    "donations": Listing("Donations", "heart-pulse", "donation",
        {"tissue": "Tissue", "donor": "Donor", "collected_at": "Collected", "mass_g": "Mass, g"},
        """SELECT n.code, n.state, n.tissue, d.code AS donor, n.collected_at, n.mass_g, n.id, n.site_id,
           n.code || ' ' || d.code || ' ' || d.pseudonym AS words FROM donation n JOIN donor d ON d.id = n.donor_id""",
        "collected_at DESC, id DESC", "receive_donation"),
    "cultures": Listing("Cultures", "flower1", "culture",
        {"passage": "Passage", "donation": "Donation", "vessel": "Vessel", "started_at": "Started",
         "cells_left": "Cells left", "cumulative_doublings": "Doublings"},
        """SELECT c.code, c.state, 'P' || c.passage AS passage, n.code AS donation, c.vessel, c.started_at,
           c.cells_left, c.cumulative_doublings, c.id, c.site_id, c.code || ' ' || n.code || ' ' || c.vessel AS words
           FROM culture c JOIN donation n ON n.id = c.donation_id""", "started_at DESC, id DESC"),
    "lots": Listing("Lots", "collection", "lot",
        {"purpose": "Purpose", "donation": "Donation", "stock": "In stock", "cells_per_vial": "Cells in each vial",
         "expires_on": "Expires"},
        f"""SELECT l.code, l.state, l.purpose, n.code AS donation, l.cells_per_vial, l.expires_on, l.id, l.site_id,
           (SELECT count(*) FROM vial v WHERE v.lot_id = l.id AND v.state = 'IN_STOCK'
            AND {at_site("v.site_id")}) AS stock,
           l.code || ' ' || n.code AS words FROM lot l JOIN donation n ON n.id = l.donation_id""",
        "id DESC", "open_lot", _LOTS_HERE),
    "probes": Listing("Probes", "thermometer-snow", "probe",
        {"name": "Name", "unit": "Watches", "last_at": "Last reading", "open": "Undecided",
         "calibration_due_on": "Next calibration"},
        """SELECT p.code, p.state, p.name, u.name AS unit, p.last_at, p.calibration_due_on, p.id, p.site_id,
           (SELECT count(*) FROM excursion e WHERE e.probe_id = p.id AND e.state = 'OPEN') AS open,
           p.code || ' ' || p.name || ' ' || u.name || ' ' || coalesce(p.serial, '') AS words
           FROM probe p JOIN storage_unit u ON u.id = p.storage_unit_id""", "id DESC", "add_probe"),
    "excursions": Listing("Excursions", "thermometer-high", "excursion",
        {"category": "Kind", "unit": "Where", "started_at": "From", "ended_at": "Until", "peak_c": "Peak, °C"},
        """SELECT e.code, e.state, e.category, u.name AS unit, e.started_at, e.ended_at, e.peak_c, e.id, e.site_id,
           e.code || ' ' || u.name || ' ' || e.category AS words FROM excursion e
           JOIN storage_unit u ON u.id = e.storage_unit_id""", "started_at DESC, id DESC"),
    "reagents": Listing("Reagents", "droplet", "reagent_lot",
        {"name": "Name", "manufacturer": "Maker", "manufacturer_lot": "Maker's lot", "left": "Left",
         "expires_on": "Expires"},
        """SELECT r.code, r.state, r.name, r.manufacturer, r.manufacturer_lot, r.expires_on, r.id, r.site_id,
           trim_scale(r.quantity_left) || ' ' || r.unit AS left,
           r.code || ' ' || r.name || ' ' || r.manufacturer_lot AS words FROM reagent_lot r""",
        "expires_on, id", "receive_reagent"),
    "results": Listing("Results", "clipboard2-data", "test_result",
        {"test": "Test", "of": "Of", "value": "Value", "verdict": "Verdict", "resulted_at": "Resulted"},
        f"""SELECT r.code, r.state, r.test, {TESTED_CODE} AS of,
           coalesce(r.choice, trim_scale(r.number) || ' ' || coalesce(r.unit, '')) AS value,
           lower(replace(r.verdict, '_', ' ')) AS verdict, r.resulted_at, r.id, {TESTED_SITE} AS site_id,
           r.code || ' ' || r.test || ' ' || {TESTED_CODE} AS words FROM test_result r {join_tested("r")}""",
        "resulted_at DESC, id DESC", "enter_result"),
    "samples": Listing("Samples", "droplet-half", "sample",
        {"test": "Test", "of": "Of", "material": "Material", "taken_at": "Taken", "due_on": "Due"},
        f"""SELECT r.code, r.state, r.test, {TESTED_CODE} AS of, r.material, r.taken_at, r.due_on, r.id,
           {TESTED_SITE} AS site_id,
           r.code || ' ' || r.test || ' ' || {TESTED_CODE} || ' ' || r.material AS words
           FROM sample r {join_tested("r")}""",
        "due_on, id", "take_sample"),
    "subjects": Listing("Subjects", "person-vcard", "subject",
        {"trial_number": "Trial number", "arm": "Arm", "sex": "Sex", "doses": "Doses given"},
        """SELECT s.code, s.state, s.trial_number, s.arm, s.sex, s.id, s.site_id, (SELECT count(*) FROM dose d
           WHERE d.subject_id = s.id AND d.state IN ('INFUSED', 'RECONCILED')) AS doses,
           s.code || ' ' || s.trial_number AS words FROM subject s""",
        "trial_number, id", "enrol_subject"),
    "doses": Listing("Doses", "eyedropper", "dose",
        {"subject": "Subject", "infusion": "Infusion", "planned_on": "Planned", "lot": "Lot",
         "required_cells": "Cells needed", "given_cells": "Cells given", "given_percent": "Of the dose, %"},
        """SELECT d.code, d.state, s.trial_number AS subject, d.infusion_number || ' (Day ' || d.day || ')' AS infusion,
           d.planned_on, l.code AS lot, d.required_cells, d.given_cells, d.given_percent,
           d.id, s.site_id, d.code || ' ' || s.trial_number || ' ' || l.code || ' ' || s.code AS words
           FROM dose d JOIN subject s ON s.id = d.subject_id JOIN lot l ON l.id = d.lot_id""",
        "planned_on DESC, id DESC", "order_dose"),
    "holds": Listing("Holds", "pause-circle", "hold", {"on": "On", "reason": "Reason", "placed_at": "Placed"},
        """SELECT h.code, h.state, x.code AS "on", h.reason, h.placed_at, h.id,
           coalesce(l.site_id, d.site_id, r.site_id, u.site_id) AS site_id,
           h.code || ' ' || x.code || ' ' || h.reason AS words FROM hold h
           LEFT JOIN lot l ON l.id = h.lot_id LEFT JOIN donor d ON d.id = h.donor_id
           LEFT JOIN reagent_lot r ON r.id = h.reagent_lot_id LEFT JOIN storage_unit u ON u.id = h.storage_unit_id
           CROSS JOIN LATERAL (SELECT coalesce(l.code, d.code, r.code, u.code) AS code) x""",
        "placed_at DESC, id DESC"),
    "deviations": Listing("Deviations", "exclamation-diamond", "deviation",
        {"title": "In one line", "classification": "Classification", "occurred_at": "Happened",
         "due_on": "To be closed by"},
        """SELECT v.code, v.state, v.title, v.classification, v.occurred_at, v.due_on, v.id, v.site_id,
           v.code || ' ' || v.title || ' ' || v.classification AS words FROM deviation v""",
        "state = 'CLOSED', due_on, id", "open_deviation"),
    "actions": Listing("Actions", "tools", "corrective_action",
        {"description": "What is to be done", "deviation": "Deviation", "responsible": "By whom", "due_on": "Until"},
        """SELECT a.code, a.state, a.description, v.code AS deviation, p.full_name AS responsible, a.due_on, a.id,
           v.site_id,
           a.code || ' ' || v.code || ' ' || a.description || ' ' || p.full_name AS words FROM corrective_action a
           JOIN deviation v ON v.id = a.deviation_id JOIN person p ON p.id = a.responsible_id""",
        "state <> 'PLANNED', due_on, id", "plan_action"),
    "definitions": Listing("Definitions", "file-earmark-text", "definition",
        {"title": "Title", "type": "Type", "version": "Version", "effective_at": "In force since"},
        """SELECT f.code, f.state, f.title, f.type, f.version, f.effective_at, f.id,
           f.code || ' ' || f.title AS words FROM definition f""", "type, id DESC",
        "import_definition", "true"),
    "people": Listing("People", "people", "person",
        {"full_name": "Name", "name": "Sign-in name", "email": "E-mail", "roles": "Roles", "trained": "Trained until",
         "agreement": "Statement accepted", "locked_until": "Locked until"},
        """SELECT p.code, p.state, p.full_name, p.name, p.email,
           replace(array_to_string(p.roles, ', '), '_', ' ') AS roles,
           (SELECT max(t.valid_until) FROM training t WHERE t.person_id = p.id AND t.state = 'VALID'
            AND t.role = ANY (p.roles)) AS trained, p.agreement_at AS agreement,
           CASE WHEN p.locked_until > now() THEN p.locked_until END AS locked_until, p.id, p.site_id, p.also_at,
           p.code || ' ' || p.full_name || ' ' || p.name AS words FROM person p WHERE p.id > 1""",
        "full_name, id", "add_person", _PEOPLE_HERE),
    "trainings": Listing("Trainings", "mortarboard", "training",
        {"person": "Name", "role": "Trained as", "procedure": "Procedure", "trained_on": "Trained on",
         "valid_until": "Valid until"},
        """SELECT t.code, t.state, p.full_name AS person, replace(t.role, '_', ' ') AS role, t.procedure, t.trained_on,
           t.valid_until, t.id, p.site_id, p.also_at, t.code || ' ' || p.full_name || ' ' || t.procedure AS words
           FROM training t JOIN person p ON p.id = t.person_id""",
        "valid_until, id", "record_training", _PEOPLE_HERE),
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """One page of a list; `counts` tells how many there are in each state."""

    rows: tuple[dict[str, Any], ...]
    total: int
    counts: dict[str, int]


def find(installation: Installation, name: str, search: str = "", state: str = "", page: int = 1) -> Found:
    """A page of a list, searched and filtered, of what is of the site that is looked at. Raises KeyError for a list
    that does not exist."""
    listing = LISTS[name]
    given: dict[str, Any] = {"size": PAGE, "skip": (max(1, page) - 1) * PAGE}
    # The site stands in the statement, as in the worklists: a plan that knows it is the better one.
    conditions = [] if installation.site is None else [listing.here.replace(":site", f"{installation.site:d}")]
    if ":site" in "".join((listing.sql, *conditions)):
        given["site"] = installation.site
    for number, word in enumerate(_folded(search).split()[:6]):
        conditions.append(f"translate(upper(replace(words, ' ', '')), :letters, :twins) LIKE :word{number} ESCAPE '!'")
        given[f"word{number}"] = f"%{_literal(word)}%"
        given.update(letters=_FROM.upper(), twins=_TO.upper())
    searched = f"({listing.sql}) AS listed" + (f" WHERE {' AND '.join(conditions)}" if conditions else "")
    narrowed = f"(SELECT * FROM {searched}) AS searched"
    if state in STATES[listing.record]:
        narrowed, given["state"] = narrowed + " WHERE state = :state", state
    rows = f"SELECT *, count(*) OVER () AS total FROM {narrowed} ORDER BY {listing.order} LIMIT :size OFFSET :skip"
    counts = f"SELECT state, count(*) AS number FROM {searched} GROUP BY state"
    with installation.reads.connect() as connection:
        found = [dict(row) for row in connection.execute(text(rows), given).mappings()]
        by_state = {row.state: row.number for row in connection.execute(text(counts), given)}
    ordered = {known: by_state[known] for known in STATES[listing.record] if known in by_state}
    return Found(tuple(found), found[0]["total"] if found else 0, ordered)


def _folded(search: str) -> str:
    """Capitals of one alphabet: what looks the same is the same."""
    return search[:100].upper().translate(str.maketrans(_FROM.upper(), _TO.upper()))


def _literal(word: str) -> str:
    return word.replace("!", "!!").replace("%", "!%").replace("_", "!_")

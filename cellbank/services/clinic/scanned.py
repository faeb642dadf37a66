"""What was scanned and said in an act, for whoever looks at it afterwards: the scans as they came, and of what was read
back only whether it fits. Who a subject is stays hidden here as everywhere else (identity.py)."""

from typing import Any

from cellbank.domain.folding import skeleton
from cellbank.domain.garbled import Garbled
from cellbank.domain.identifiers import Kind
from cellbank.domain.rules.infusion import read_back_fits
from cellbank.domain.scans import read_scan
from cellbank.records.base import read_row
from cellbank.services.clinic.identity import HIDDEN
from cellbank.services.installation import Installation

_SUBJECT = """SELECT s.second_identifier, s.born_on FROM dose d JOIN subject s ON s.id = d.subject_id
    WHERE d.code = %(dose)s"""
_KNOWN = "SELECT array_agg(second_identifier_key) AS keys FROM subject WHERE second_identifier_key = ANY(%(keys)s)"
SCANS = {"dose_label": "Dose label", "wristband": "Wristband", "box": "Box", "vial": "Vial", "raw": "Scan"}
FITS = {True: "fits", False: "does not fit", None: "was not compared"}


def scanned(installation: Installation, name: str, given: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """The scans of an act by their titles. Somebody may have scanned the patient's record number into a field of ours:
    that is hidden too, whosever it is."""
    person = _subject(installation, given.get("dose_label", "")) if name == "check_dose" else None
    came = {field: str(given[field]) for field in SCANS if given.get(field)}
    keys = {field: skeleton(raw) for field, raw in came.items()}
    known = read_row(installation.reads, _KNOWN, {"keys": list(keys.values())})
    anybody = set(known["keys"] or ()) if known else set()
    found = tuple(
        (SCANS[field], HIDDEN if keys[field] in anybody else _shown(raw, person)) for field, raw in came.items()
    )
    if "read_back" not in given:
        return found
    fits = read_back_fits(given["read_back"], **person) if person else None
    return (*found, ("Read back", FITS[fits]))


def _shown(raw: str, person: dict[str, Any] | None) -> str:
    return HIDDEN if person and read_back_fits(raw, **person) else raw


def _subject(installation: Installation, label: str) -> dict[str, Any] | None:
    """Who the dose under a label is for; None when the label names no dose of this bank."""
    scan = read_scan(label)
    if isinstance(scan, Garbled) or scan.kind is not Kind.DOSE:
        return None
    row = read_row(installation.reads, _SUBJECT, {"dose": scan.code})
    return None if row is None else dict(row)

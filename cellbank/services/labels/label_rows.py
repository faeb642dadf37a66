"""What stands on the labels of each kind of record, read from the database.

A label says what is recorded, no more: the rows are built by the same statements when an act prints them for the first
time and when somebody prints them again. Names and remarks are shortened to their place; what identifies is not.
"""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from cellbank.domain.identifiers import (
    Kind,
    check_character,
    command_code,
    donation_symbol,
    dose_symbol,
    is_unregistered_fin,
    printed,
    vial_cap,
    vial_compound,
)
from cellbank.domain.lifecycle.states import DonationState, DonorState
from cellbank.domain.quantities import millions
from cellbank.domain.rules.labels import LABELLED
from cellbank.domain.wall import for_any_clock, on_the_wall
from cellbank.outside.label_pdf import load_templates, shortened
from cellbank.services.common import read_protocol, read_specification
from cellbank.services.registry import RegisteredAct

Row = RowMapping
FIN_NOTICE = "TEST/LOCAL ID – NOT A REGISTERED FIN"
LONGEST_PENDING = 43  # letters that the line of the dose label holds, however wide they are
LONGEST_SEALS = 76  # letters of the two lines for them on the label of a shipper
END_OF_DAY = datetime.time(23, 59)  # a day of expiry ends so, in the time of the site
SHORTENED = frozenset(
    {
        "site",
        "product",
        "storage",
        "vessel",
        "label",
        "place",
        "contains",
        "route",
        "contact",
        "vials",
        "role",
        "hint",
        "sender",
        "recipient",
    }
)
TISSUES = {"cord": "Umbilical cord", "placenta": "Placenta"}
LOT_NAMES = {
    "master_bank": "Master bank P{passage}, {name}",
    "working_bank": "Working bank P{passage}, {name}",
    "product": "{name}, P{passage}",
}


@dataclass(frozen=True)
class Labels:
    """The labels of one printing: the template's name, what they are filed under, and the fields of each label."""

    template: str
    code: str
    rows: tuple[dict[str, str], ...]


def labels_of(session: Session, kind: Kind, codes: Sequence[str]) -> list[Labels]:
    """The labels of the records with these codes, in one statement; for a lot see vial_labels.

    The records exist and are in states in which they are labelled: the caller knows.
    """
    template, statement, row_of = _QUESTIONS[kind]
    rows = session.execute(statement, {"codes": list(codes)}).mappings()
    return [_labels(template, row["code"], [row_of(row)]) for row in rows]


def command_labels(acts: Iterable[RegisteredAct], code: str) -> Labels:
    """A label for each of these acts: scanned, it opens the act."""
    return _labels("command", code, [_command(act) for act in acts])


def _labels(template: str, code: str, rows: Iterable[dict[str, str]]) -> Labels:
    """The rows with the names shortened to the places that this template has for them."""
    known = load_templates()[template]
    fitted = ({f: shortened(known, f, v) if f in SHORTENED else v for f, v in row.items()} for row in rows)
    return Labels(template, code, tuple(fitted))


# --- vials ------------------------------------------------------------------------------------

_LOT = text(
    """SELECT l.*, n.code AS din, f.content AS specification, s.name AS site, s.fin_registered,
              ARRAY(SELECT v.code FROM vial v WHERE v.lot_id = l.id AND v.state = ANY(:labelled) ORDER BY v.number)
                AS vials
       FROM lot l JOIN donation n ON n.id = l.donation_id JOIN definition f ON f.id = l.specification_id
       JOIN site s ON s.id = l.site_id WHERE l.code = :code"""
)


def vial_labels(session: Session, lot_code: str, vials: Sequence[str] | None = None) -> list[Labels]:
    """Wraps and cap dots for these vials of a lot, or for all that are still there; nothing when there are none."""
    lot = session.execute(_LOT, {"code": lot_code, "labelled": sorted(LABELLED["vial"])}).mappings().one()
    divisions = [code.removeprefix(lot["din"]) for code in (lot["vials"] if vials is None else vials)]
    if not divisions:
        return []
    same = _labels("vial", lot_code, [_vial(lot)]).rows[0]  # measured once, and not for each of 200 vials
    expires = datetime.datetime.combine(lot["expires_on"], END_OF_DAY)
    wraps = tuple(
        {**same, "division": d, "symbol": vial_compound(lot["din"], lot["product_code"], d, expires)} for d in divisions
    )
    caps = tuple({"division": d, "symbol": vial_cap(lot["din"], d)} for d in divisions)
    return [Labels("vial", lot_code, wraps), Labels("vial_cap", lot_code, caps)]


def _vial(lot: Row) -> dict[str, str]:
    """What all vials of a lot have in common."""
    specification = read_specification(lot["specification"])
    name = LOT_NAMES[lot["purpose"]].format(passage=lot["passage"], name=specification.short_name)
    return {
        **_donation_identity(lot),
        "lot": lot["code"],
        "product": name,
        "cells_million": _cells(lot["cells_per_vial"]),
        "volume_ml": _at_least(2, lot["volume_ml"]),
        "expires": lot["expires_on"].isoformat(),
        "storage": specification.storage,
        "site": lot["site"],
    }


# --- donation and culture ---------------------------------------------------------------------

_DONATION = text(
    """SELECT n.code, n.code AS din, n.tissue, n.collected_at, n.state, d.state AS donor_state,
              f.content AS specification, s.name AS site, s.fin_registered, s.timezone
       FROM donation n JOIN donor d ON d.id = n.donor_id JOIN definition f ON f.id = n.specification_id
       JOIN site s ON s.id = n.site_id WHERE n.code = ANY(:codes) ORDER BY n.id"""
)
_CULTURE = text(
    """SELECT c.code, c.passage, c.method, c.vessel, c.started_at, n.code AS din, n.tissue,
              s.name AS site, s.fin_registered, s.timezone
       FROM culture c JOIN donation n ON n.id = c.donation_id JOIN site s ON s.id = c.site_id
       WHERE c.code = ANY(:codes) ORDER BY c.id"""
)


def _donation(row: Row) -> dict[str, str]:
    transport = read_specification(row["specification"]).donation(row["tissue"]).transport_soft_celsius
    status, detail = _donation_status(row["state"], row["donor_state"])
    fields = {
        **_donation_identity(row),
        "symbol": donation_symbol(row["din"]),
        "tissue": TISSUES[row["tissue"]],
        "collected": _with_zone(row["collected_at"], row["timezone"]),
        "storage": f"{transport.low:+f} to {transport.high:+f} °C".replace("-", "−"),
        "site": row["site"],
        "status": status,
        "status_detail": detail,
    }
    if row["donor_state"] == DonorState.REGISTERED:
        fields["warning"] = "NOT EVALUATED FOR INFECTIOUS SUBSTANCES"  # 21 CFR 1271.90
    return fields


def _donation_status(state: str, donor_state: str) -> tuple[str, str]:
    """The word that stands large on the label, and why."""
    if state == DonationState.REJECTED:
        return "REJECTED", "Do not process"
    if donor_state == DonorState.INELIGIBLE:
        return "REJECTED", "Donor not eligible"
    if state == DonationState.AWAITING_DECISION:
        return "QUARANTINE", "Transport to be decided"
    return (
        ("ACCEPTED", "Donor eligible")
        if donor_state == DonorState.ELIGIBLE
        else ("QUARANTINE", "Donor not yet determined")
    )


def _culture(row: Row) -> dict[str, str]:
    return {
        **_donation_identity(row),
        **_scanned(row["code"]),
        "passage": f"P{row['passage']}",
        "product": f"{TISSUES[row['tissue']]}, {row['method'].replace('_', ' ')}",
        "vessel": row["vessel"],
        "seeded": on_the_wall(row["started_at"], ZoneInfo(row["timezone"])),
        "site": row["site"],
    }


# --- storage and people -----------------------------------------------------------------------

_STORAGE = text(
    """SELECT u.code, u.type, u.name, u.place, u.row_count, u.column_count, unit_names(u.parent_id) AS above,
              s.name AS site
       FROM storage_unit u JOIN site s ON s.id = u.site_id
       WHERE u.code = ANY(:codes) ORDER BY u.id"""
)
_PERSON = text(
    """SELECT p.code, p.full_name, p.roles, s.name AS site
       FROM person p JOIN site s ON s.id = p.site_id WHERE p.code = ANY(:codes) ORDER BY p.id"""
)


def _storage(row: Row) -> dict[str, str]:
    fields = {
        **_scanned(row["code"]),
        "label": row["name"],
        "place": " · ".join([*row["above"], f"place {row['place']}"]),
        "type": row["type"].capitalize(),
        "site": row["site"],
    }
    if row["row_count"]:
        rows, columns = row["row_count"], row["column_count"]
        fields["capacity"] = f"{rows} × {columns} = {rows * columns} vials"
    return fields


def _person(row: Row) -> dict[str, str]:
    return {
        **_scanned(row["code"]),
        "label": row["full_name"],
        "role": ", ".join(role.replace("_", " ") for role in row["roles"]).capitalize(),
        "site": row["site"],
    }


# --- subject and dose -------------------------------------------------------------------------

_SUBJECT = text(
    """SELECT j.code, j.trial_number, j.second_identifier, p.identifier AS trial, s.name AS site
       FROM subject j JOIN definition p ON p.id = j.protocol_id JOIN site s ON s.id = j.site_id
       WHERE j.code = ANY(:codes) ORDER BY j.id"""
)
_DOSE = text(
    """SELECT d.code, d.infusion_number, d.day, d.delivered_cells, d.diluent, d.expires_at,
              coalesce(d.final_volume_ml, d.draw_ml) AS volume_ml, l.code AS lot, l.dmso_percent, n.code AS din,
              j.trial_number, j.second_identifier, p.identifier AS trial, p.content AS protocol,
              f.content AS specification, s.name AS site, s.fin_registered, s.timezone,
              ARRAY(SELECT v.code FROM vial v WHERE v.dose_id = d.id AND v.state IN ('POOLED', 'INFUSED')
                    ORDER BY v.code) AS vials,
              CASE WHEN l.state <> 'RELEASED' THEN (SELECT json_build_array(r.code, r.pending)
                FROM conditional_release r WHERE r.lot_id = d.lot_id AND r.subject_id = d.subject_id
                AND r.in_force_at IS NOT NULL ORDER BY r.id DESC LIMIT 1) END AS conditional
       FROM dose d JOIN subject j ON j.id = d.subject_id JOIN definition p ON p.id = j.protocol_id
       JOIN lot l ON l.id = d.lot_id JOIN donation n ON n.id = l.donation_id
       JOIN definition f ON f.id = l.specification_id JOIN site s ON s.id = j.site_id
       WHERE d.code = ANY(:codes) ORDER BY d.id"""
)


def _subject(row: Row) -> dict[str, str]:
    return {**_scanned(row["code"]), **_subject_identity(row), "site": row["site"]}


def _subject_identity(row: Row) -> dict[str, str]:
    """The trial number whole, the second identifier by its last four characters; never a name."""
    return {"subject": row["trial_number"], "second_id": f"…{row['second_identifier'][-4:]}", "trial": row["trial"]}


def _dose(row: Row) -> dict[str, str]:
    protocol, specification = read_protocol(row["protocol"]), read_specification(row["specification"])
    expires = _local(row["expires_at"], row["timezone"])
    diluents = {diluent.code: diluent.title for diluent in protocol.thaw.diluents}
    return {
        **_donation_identity(row),
        **_subject_identity(row),
        "symbol": dose_symbol(row["code"], expires.replace(tzinfo=None)),
        "coi_symbol": f"&/{row['code']}",
        "coi": printed(row["code"]),
        "coi_check": check_character(row["code"]),
        "infusion": f"Infusion {row['infusion_number']} of {len(protocol.dosing.infusions)}",
        "day": f"Day {row['day']}",
        "cells_million": _cells(row["delivered_cells"]),
        "volume_ml": _at_least(1, row["volume_ml"]),
        "legend": protocol.legend.upper(),
        "route": protocol.route,
        "product": f"{specification.short_name}, thawed",
        "contains": f"DMSO below {_at_least(0, row['dmso_percent'])} %; {diluents.get(row['diluent'], row['diluent'])}",
        "expires": _with_zone(row["expires_at"], row["timezone"]),
        "lot": row["lot"],
        "vials": ", ".join(code.removeprefix(row["din"]) for code in row["vials"]),
        "storage": "Thawed: never refreeze. Give before the time above.",
        "site": row["site"],
        "contact": f"Sponsor: {protocol.sponsor} · {protocol.contact}",
        **({"conditional": _pending(*row["conditional"])} if row["conditional"] else {}),
    }


def _pending(release: str, tests: list[str]) -> str:
    """What a lot that is not released was given out without; where the list has no room, where it stands."""
    told = f"CONDITIONAL: pending {', '.join(tests)}"
    return told if len(told) <= LONGEST_PENDING else f"CONDITIONAL: {len(tests)} results pending, see {release}"


# --- shipments --------------------------------------------------------------------------------

_SHIPMENT = text(
    """SELECT h.code, h.seals, h.charged_at + u.hold_hours * interval '1 hour' AS cold_until, u.name AS shipper,
              u.code AS shipper_code, s.name AS sender, s.timezone, r.name AS recipient, count(p.id) AS vials,
              array_agg(DISTINCT f.content) FILTER (WHERE f.id IS NOT NULL) AS specifications
       FROM shipment h JOIN storage_unit u ON u.id = h.shipper_id JOIN site s ON s.id = h.from_site_id
       JOIN site r ON r.id = h.to_site_id LEFT JOIN packed_vial p ON p.shipment_id = h.id AND p.ended_at IS NULL
       LEFT JOIN vial v ON v.id = p.vial_id LEFT JOIN lot l ON l.id = v.lot_id
       LEFT JOIN definition f ON f.id = l.specification_id
       WHERE h.code = ANY(:codes) GROUP BY h.id, u.id, s.id, r.id ORDER BY h.id"""
)


def _shipment(row: Row) -> dict[str, str]:
    """The outside of a shipper: where from, where to, how to treat it; whom it is for stands on no paper that travels
    in the open. Whoever finds it calls the sender."""
    return {
        **_scanned(row["code"]),
        "content": "BIOLOGICAL PRODUCT FOR CLINICAL TRIAL USE" if row["vials"] else "EMPTY SHIPPER, NO PRODUCT",
        "sender": row["sender"],
        "recipient": row["recipient"],
        "vials": f"{row['vials']} vials, frozen" if row["vials"] else "no vials",
        "cold_until": _with_zone(row["cold_until"], row["timezone"]),
        "seals": _seals(row["seals"]),
        "label": f"{row['shipper']}, {printed(row['shipper_code'])}",
        "contact": row["sender"],
        **_storage_of(row["specifications"] or ()),
    }


def _storage_of(specifications: Sequence[str]) -> dict[str, str]:
    """The temperature that all that travels together needs; different ones stand side by side."""
    found = sorted({read_specification(content).storage for content in specifications})
    return {"temperature": "; ".join(found)} if found else {}


def _seals(numbers: Sequence[str]) -> str:
    """The numbers of the seals; where the label has no room for all, how many there are."""
    told = ", ".join(numbers) or "none"
    return told if len(told) <= LONGEST_SEALS else f"{len(numbers)} seals: see the custody form"


# --- what several labels have -----------------------------------------------------------------

_QUESTIONS = {
    Kind.DONATION: ("donation", _DONATION, _donation),
    Kind.CULTURE: ("culture_vessel", _CULTURE, _culture),
    Kind.STORAGE: ("storage_unit", _STORAGE, _storage),
    Kind.SUBJECT: ("wristband", _SUBJECT, _subject),
    Kind.DOSE: ("dose", _DOSE, _dose),
    Kind.PERSON: ("person_badge", _PERSON, _person),
    Kind.SHIPMENT: ("shipper", _SHIPMENT, _shipment),
}


def _command(act: RegisteredAct) -> dict[str, str]:
    says = " ".join((act.function.__doc__ or act.title).split())
    return {**_scanned(command_code(act.name)), "label": act.title, "hint": says}


def _scanned(code: str) -> dict[str, str]:
    """A code that stands in the symbol as it stands in words."""
    return {"code": code, "symbol": code}


def _donation_identity(row: Row) -> dict[str, str]:
    """The DIN in groups, its check character, and the notice that an unregistered number must bear."""
    din = row["din"]
    fields = {"din": printed(din), "din_check": check_character(din)}
    if not row["fin_registered"] or is_unregistered_fin(din[:5]):
        fields["fin_notice"] = FIN_NOTICE
    return fields


def _cells(count: int) -> str:
    """Millions of cells; the unit stands on the label."""
    return millions(count).removesuffix(" ×10⁶")


def _at_least(decimals: int, number: Decimal) -> str:
    """The number without trailing zeros, but with so many decimals at least; never rounded."""
    plain = f"{number.normalize():f}"
    whole, _, fraction = plain.partition(".")
    fraction = fraction.ljust(decimals, "0")
    return f"{whole}.{fraction}" if fraction else whole


def _local(at: datetime.datetime, zone: str) -> datetime.datetime:
    return at.astimezone(ZoneInfo(zone))


def _with_zone(at: datetime.datetime, zone: str) -> str:
    return for_any_clock(at, ZoneInfo(zone))

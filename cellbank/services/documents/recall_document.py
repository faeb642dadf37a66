"""The recall list of a lot: every vial with its whereabouts, every dose, every subject; on paper and as CSV.

Before the lot is rejected or recalled it is the list of what would be touched, and says on each page that it is. On
paper it is that of the site which made the lot: of other sites it tells how many vials they have, and their doses.
"""

import csv
import io
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, text

from cellbank.domain.identifiers import printed
from cellbank.domain.lifecycle.states import DoseState, LotState, VialState
from cellbank.domain.quantities import of_the_dose
from cellbank.outside.document_pdf import Block, Cell, Facts, Heading, Run, Table, Text
from cellbank.services.documents.papers import Paper, site_line, site_zone, snapshot
from cellbank.services.installation import Installation
from cellbank.services.quality.impact import DoseTouched, Impact, VialTouched, read_impact, read_vials
from cellbank.services.wording.values import clock, word

TITLE = "Recall list"
STOPPED = (LotState.RECALLED, LotState.REJECTED)
COLUMNS = ("record", "code", "lot", "state", "place", "subject", "infusion", "planned_on", "given_at",
           "given_cells", "given_percent", "notice",
           "measures", "answered_by", "answered_at")  # fmt: skip
NOT_STOPPED = "NOT RECALLED: this is what a recall would touch"


def recall_paper(connection: Connection, code: str) -> Paper | None:
    """What the list says of the lot with this code; None when there is none."""
    site = connection.scalar(text("SELECT site_id FROM lot WHERE code = :code"), {"code": code})
    if site is None:
        return None
    found, zone = read_impact(connection, code, site), site_zone(connection, site)
    lot = found.lot
    return Paper(
        title=TITLE,
        subject=f"{word(lot.purpose).capitalize()} lot {lot.code}: {word(lot.state).lower()}",
        site=site_line(connection, site),
        code=lot.code,
        blocks=tuple(_blocks(found, read_vials(connection, code, site=site), clock(zone))),
        mark="" if lot.state in STOPPED else NOT_STOPPED,
    )


def _blocks(found: Impact, vials: tuple[VialTouched, ...], time: Callable[[datetime], str]) -> list[Block]:
    return [
        *_summary(found),
        *_lots(found),
        *_doses("Subjects who received cells", [dose for dose in found.doses if dose.was_received], time),
        *_doses("Doses under way, to be stopped", [dose for dose in found.doses if dose.is_under_way], time),
        *_doses("Doses that were discarded", [dose for dose in found.doses if dose.state == DoseState.DISCARDED], time),
        *_places(found),
        *_vials(vials),
    ]


def _summary(found: Impact) -> list[Block]:
    lot = found.lot
    states = ", ".join(f"{count} {word(state).lower()}" for state, count in found.by_state.items())
    pairs: tuple[tuple[str, Cell], ...] = (
        ("Lot", Run(lot.code, "code")),
        ("State", Run(word(lot.state).capitalize(), "strong")),
        ("Reason", lot.decision_reason or "–"),
        ("Lots in all", str(len(found.lots))),
        ("Vials in all", str(found.vials)),
        ("Vials by state", states or "–"),
        ("Subjects with cells", ", ".join(found.received) or "nobody"),
        ("Doses under way for", ", ".join(found.waiting) or "nobody"),
    )
    return [Facts(pairs)]


def _lots(found: Impact) -> list[Block]:
    rows = tuple((Run(lot.code, "code"), word(lot.purpose), word(lot.state), str(lot.vials)) for lot in found.lots)
    if len(rows) == 1:
        return []
    return [
        Heading("The lot, and the lots made from it"),
        Table(("Lot", "Purpose", "State", "Vials"), rows, (0.3, 0.3, 0.25, 0.15)),
    ]


def _doses(title: str, doses: list[DoseTouched], time: Callable[[datetime], str]) -> list[Block]:
    if not doses:
        return [Heading(title), Text("None.")]
    rows = tuple(
        (
            (Run(dose.trial_number, "strong"), Run(_which(dose), "muted")),
            (Run(printed(dose.code), "code"), Run(f"lot {dose.lot}", "muted")),
            word(dose.state),
            "–" if dose.at else (Run(f"planned {dose.planned_on}"), Run(_given(dose, time))),
            _answer(dose, time),
        )
        for dose in doses
    )
    head = ("Subject", "Dose", "State", "When", "Notice")
    return [Heading(title), Table(head, rows, (0.17, 0.22, 0.11, 0.22, 0.28))]


def _which(dose: DoseTouched) -> str:
    return f"at {dose.at}" if dose.at else f"infusion {dose.infusion_number}, Day {dose.day}"


def _given(dose: DoseTouched, time: Callable[[datetime], str]) -> str:
    if dose.given_at is None:
        return "not given"
    cells = "" if dose.given_cells is None else f": {of_the_dose(dose.given_cells, dose.given_percent)}"
    return f"given {time(dose.given_at)}{cells}"


def _answer(dose: DoseTouched, time: Callable[[datetime], str]) -> Cell:
    if dose.at:
        return word(dose.notice_state) if dose.notice_state else "–"
    if dose.notice is None:
        return "–"
    if dose.answered_at is None:
        return (Run(dose.notice, "code"), Run("not answered", "alarm"))
    who = f"{dose.answered_by}, {time(dose.answered_at)}"
    return (Run(dose.notice, "code"), Run(dose.measures or ""), Run(who, "muted"))


def _places(found: Impact) -> list[Block]:
    rows = tuple(
        (
            place.where,
            Run(place.box or "–", "code"),
            str(place.total),
            ", ".join(f"{count} {word(state).lower()}" for state, count in place.counts.items()),
        )
        for place in found.places
    )
    if not rows:
        return [Heading("Where the vials stand"), Text("No vial stands in the cold store.")]
    return [Heading("Where the vials stand"), Table(("Place", "Box", "Vials", "States"), rows, (0.4, 0.15, 0.1, 0.35))]


# Vials that can no longer be taken out: they are named, so that each is accounted for, but nobody ticks them off.
GONE = {VialState.INFUSED, VialState.CULTURED, VialState.QC_USED, VialState.VOIDED, VialState.DISCARDED}


def _vials(vials: tuple[VialTouched, ...]) -> list[Block]:
    """A line to tick off for each vial that is left; the others by their numbers."""
    left = [vial for vial in vials if vial.state not in GONE]
    rows = tuple(
        (f"{vial.number} · {printed(vial.code)}", f"{vial.lot}, {word(vial.state).lower()}", vial.where, "")
        for vial in left
    )
    blocks: list[Block] = [Heading("Vials to take out, in the order of the tanks")]
    head = ("Vial", "Lot, state", "Place", "Taken out: who, when")
    blocks.append(Table(head, rows, (0.24, 0.18, 0.37, 0.21)) if rows else Text("None is left."))
    for lot, state in dict.fromkeys((vial.lot, vial.state) for vial in vials if vial.state in GONE):
        numbers = ", ".join(str(vial.number) for vial in vials if (vial.lot, vial.state) == (lot, state))
        blocks.append(Text(f"Lot {lot}, {word(state).lower()}: vials {numbers}", "muted"))
    return blocks


# --- CSV --------------------------------------------------------------------------------------


def recall_csv(installation: Installation, code: str) -> str:
    """The list as CSV: a line for each lot, dose and vial. Raises Unreadable or NotHere."""
    with snapshot(installation.engine) as connection:
        found, vials = (
            read_impact(connection, code, installation.site),
            read_vials(connection, code, site=installation.site),
        )
    lines = io.StringIO()
    out = csv.DictWriter(lines, COLUMNS, restval="")
    out.writeheader()
    for lot in found.lots:
        out.writerow({"record": "lot", "code": lot.code, "lot": lot.code, "state": lot.state})
    for dose in found.doses:
        out.writerow(
            {
                "record": "dose",
                "code": dose.code,
                "lot": dose.lot,
                "state": dose.state,
                "subject": _plain(dose.trial_number),
                "infusion": dose.infusion_number,
                "planned_on": dose.planned_on,
                "given_at": dose.given_at.isoformat() if dose.given_at else "",
                "given_cells": "" if dose.given_cells is None else dose.given_cells,
                "given_percent": "" if dose.given_percent is None else dose.given_percent,
                "notice": dose.notice or "",
                "measures": _plain(dose.measures or ""),
                "answered_by": _plain(dose.answered_by or ""),
                "answered_at": dose.answered_at.isoformat() if dose.answered_at else "",
            }
        )
    for vial in vials:
        out.writerow(
            {"record": "vial", "code": vial.code, "lot": vial.lot, "state": vial.state, "place": _plain(vial.where)}
        )
    return lines.getvalue()


def _plain(typed: str) -> str:
    """What a person typed, so that a spreadsheet takes it for text and never for a formula."""
    return f"'{typed}" if typed[:1] in tuple("=+-@\t\r") else typed

"""Downtime forms: what two people need on paper when the screen is away, printed beforehand, one dose or blank.

Three sheets: pick list, thaw and count, bedside. Each bears the number of its dose, a stand-in for its subject that is
no wristband, and a symbol of its own, which leads to the page on which the filled-in sheet is entered
(`lookup/on_paper.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, text
from sqlalchemy.orm import Session

from cellbank.domain.identifiers import Form, form_code, printed
from cellbank.domain.protocol import Protocol
from cellbank.domain.quantities import millions
from cellbank.outside.document_form import Boxes, Mark, Sheet, Symbols
from cellbank.outside.document_pdf import Block, Cell, Facts, Heading, Run, Table, Text
from cellbank.services.clinic.thawing import PickLine, pick_list
from cellbank.services.common import read_protocol
from cellbank.services.documents.papers import Paper, site_line, site_zone
from cellbank.services.site_words import Say, as_written
from cellbank.services.wording.values import clock, shown

SHEETS = (Form.PICK, Form.THAW, Form.BEDSIDE)
TITLES = {Form.PICK: "Pick list", Form.THAW: "Thaw and count", Form.BEDSIDE: "At the bedside"}
BLANK_LINES = 6  # vials on a blank form
LINE_BY_HAND = "\n "  # room for a pen in a row of a table

_DOSE = text(
    """SELECT d.*, s.code AS subject, s.trial_number, s.site_id AS subject_site, l.code AS lot, w.weight_kg,
              p.content AS protocol, p.identifier AS trial
         FROM dose d JOIN subject s ON s.id = d.subject_id JOIN lot l ON l.id = d.lot_id
         JOIN definition p ON p.id = s.protocol_id LEFT JOIN weight w ON w.id = d.weight_id WHERE d.code = :code"""
)
_VIALS = text("SELECT v.code, v.number FROM vial v WHERE v.dose_id = :dose ORDER BY v.number")


@dataclass(frozen=True)
class OnPaper:
    """What is known of a dose before it goes on paper."""

    row: RowMapping
    protocol: Protocol
    vials: tuple[tuple[str, int], ...]
    picks: tuple[PickLine, ...]
    expires: str  # at the site; empty before the count


def downtime_paper(
    connection: Connection, code: str, say: Say = as_written, sheets: Sequence[Form] = SHEETS
) -> Paper | None:
    """The downtime forms of a dose; None when there is none. Who the patient is beyond the trial's number is not on
    them: that is compared with wristband, label and chart."""
    dose = _read(connection, code)
    if dose is None:
        return None
    row = dose.row
    about = say("Dose {dose}, subject {subject}, infusion {number}, Day {day}, planned for {date}").format(
        dose=printed(code),
        subject=row["trial_number"],
        number=row["infusion_number"],
        day=row["day"],
        date=row["planned_on"],
    )
    site = site_line(connection, row["subject_site"])
    return _paper(say, about, site, code, [block for form in sheets for block in _sheet(form, dose, say)])


def blank_paper(connection: Connection, site_id: int, say: Say = as_written, sheets: Sequence[Form] = SHEETS) -> Paper:
    """Downtime forms without a dose, for what nobody had ordered when the forms were printed."""
    blocks = [block for form in sheets for block in _sheet(form, None, say)]
    return _paper(say, say("Blank: write the numbers by hand"), site_line(connection, site_id), "BLANK", blocks)


def _paper(say: Say, subject: str, site: str, code: str, blocks: Sequence[Block]) -> Paper:
    return Paper(say("Downtime forms"), subject, site, code, tuple(blocks))


def _read(connection: Connection, code: str) -> OnPaper | None:
    row = connection.execute(_DOSE, {"code": code}).mappings().one_or_none()
    if row is None:
        return None
    vials = tuple((one.code, one.number) for one in connection.execute(_VIALS, {"dose": row["id"]}))
    time = clock(site_zone(connection, row["subject_site"]))
    expires = time(row["expires_at"]) if row["expires_at"] else ""
    with Session(connection) as session:
        picks = tuple(pick_list(session, code))
    return OnPaper(row, read_protocol(row["protocol"]), vials, picks, expires)


# --- the sheets -------------------------------------------------------------------------------


def _sheet(form: Form, dose: OnPaper | None, say: Say) -> list[Block]:
    body = {Form.PICK: _pick, Form.THAW: _thaw, Form.BEDSIDE: _bedside}[form]
    return [Sheet(say(TITLES[form])), _symbols(form, dose, say), *_about(dose, say), *body(dose, say), *_entered(say)]


def _symbols(form: Form, dose: OnPaper | None, say: Say) -> Symbols:
    """The form first, for that is what is scanned to enter it."""
    code = dose.row["code"] if dose else ""
    mine = form_code(form, code)
    marks = [Mark(say("Form: scan to enter it"), mine, mine)]
    if dose:
        subject = dose.row["subject"]
        marks.append(Mark(say("Dose (no label)"), printed(code), code))
        marks.append(Mark(say("Subject (no wristband)"), subject, form_code(Form.SUBJECT, subject)))
    return Symbols(tuple(marks))


def _about(dose: OnPaper | None, say: Say) -> list[Block]:
    if dose is None:
        rows = ((say("Dose"), say("Subject (trial number)"), say("Infusion, day")), (say("Lot"), say("Date"), ""))
        return [Boxes(rows, (0.4, 0.35, 0.25))]
    row, tolerance = dose.row, dose.protocol.dosing.tolerance.warn_percent
    pairs: tuple[tuple[str, Cell], ...] = (
        (say("Dose"), Run(printed(row["code"]), "code")),
        (say("Subject"), Run(row["trial_number"], "strong")),
        (say("Infusion"), f"{row['infusion_number']} · {say('Day')} {row['day']} · {row['planned_on']}"),
        (say("Lot"), Run(row["lot"], "code")),
        (say("Cells needed"), Run(f"{millions(row['required_cells'])} ({tolerance} %)", "strong")),
        (say("Body weight"), f"{shown(row['weight_kg'])} kg" if row["weight_kg"] is not None else "–"),
        (say("Vials"), f"{row['vials_needed']} + {row['vials_spare']} {say('spare')}"),
        (say("Use before"), Run(dose.expires or "–", "strong")),
    )
    return [Facts(pairs)]


def _pick(dose: OnPaper | None, say: Say) -> list[Block]:
    lines: list[tuple[Cell, ...]]
    head = ("", say("Place, in the order of the tank"), say("Vial"), say("Out of the tank at"), say("By"))
    if dose is None:
        lines = [(str(n), LINE_BY_HAND, "", "", "") for n in range(1, BLANK_LINES + 1)]
    else:
        lines = [
            (str(n), Run(one.place or "–", "strong"), _vial(one.vial, one.number), LINE_BY_HAND, "")
            for n, one in enumerate(dose.picks, start=1)
        ]
    table = Table(head, tuple(lines), (0.05, 0.4, 0.27, 0.16, 0.12))
    nothing = Text(say("No vial of this dose stands in the tank any more."))
    return [
        table if lines else nothing,
        Boxes(
            ((say("Into which dewar, its number"), say("Tank closed at"), say("Difference from the list")),),
            (0.35, 0.2, 0.45),
        ),
        *_people(say, [say("Picked by"), say("Read along by")]),
    ]


def _vial(code: str, number: int) -> tuple[Run, ...]:
    return Run(f"No. {number}", "strong"), Run(printed(code), "code")


def _thaw(dose: OnPaper | None, say: Say) -> list[Block]:
    lines: list[tuple[Cell, ...]]
    head = (say("Vial"), say("Thaw began at"), say("Whole, label read"), say("By"))
    if dose is None:
        lines = [(LINE_BY_HAND, "", "", "")] * BLANK_LINES
    else:
        lines = [(_vial(code, number), LINE_BY_HAND, "", "") for code, number in dose.vials]
    return [
        Table(head, tuple(lines), (0.4, 0.2, 0.2, 0.2)),
        *_limits(dose, say),
        Boxes(
            (
                (say("Diluent"), say("Pooled volume, mL"), say("Counted at")),
                (say("Total cells per mL (×10⁶)"), say("Viability, %"), say("Method")),
                (
                    say("To draw, mL = cells needed ÷ (total cells per mL × viability ÷ 100)"),
                    say("Drawn, mL"),
                    say("Final volume, mL"),
                ),
                (say("Drawn up at"), say("Use before (write it on the label too)"), say("Remark")),
            ),
            (0.44, 0.28, 0.28),
        ),
        *_people(say, [say("Thawed and counted by"), say("Drawn up by"), say("Read along by")]),
    ]


def _limits(dose: OnPaper | None, say: Say) -> list[Block]:
    """What the screen would refuse by."""
    if dose is None:
        return []
    thaw = dose.protocol.thaw
    diluents = "; ".join(f"{one.title}: {one.hours_to_expiry} h" for one in thaw.diluents)
    return [
        Text(
            say("Not below {percent} % viable. Time from the thaw of the first vial: {diluents}.").format(
                percent=thaw.viability_minimum_percent, diluents=diluents
            ),
            "strong",
        )
    ]


def _bedside(dose: OnPaper | None, say: Say) -> list[Block]:
    label: list[Block] = []
    if dose is not None and dose.row["final_volume_ml"] is not None:
        row = dose.row
        pairs: tuple[tuple[str, Cell], ...] = (
            (say("Living cells"), f"{millions(row['delivered_cells'])} ({shown(row['delivered_percent'])} %)"),
            (say("Volume"), f"{shown(row['final_volume_ml'])} mL"),
        )
        label = [Facts(pairs)]
    answer = f"{say('yes')}   /   {say('no')}"
    checks = [
        say("Dose number and trial number on the label, the wristband and this sheet are the same"),
        say("The patient or the chart says second identifier or birth date: as on the wristband"),
        say("The time on the label (use before) has not passed"),
        say("Bag or syringe whole; nobody has called the dose, its lot or its donor back"),
    ]
    return [
        *label,
        Text(say("Each of two people checks alone; neither drew the dose up. One “no”: do not infuse."), "alarm"),
        Table(
            (say("Check"), say("First person"), say("Second person")),
            tuple((one, Run(answer, "strong"), Run(answer, "strong")) for one in checks),
            (0.66, 0.17, 0.17),
        ),
        *_people(say, [say("First check"), say("Second check")]),
        Heading(say("Infusion")),
        Boxes(
            (
                (
                    say("Started at (date, time)"),
                    say("Stopped at (date, time)"),
                    say("Volume given, mL"),
                    say("Left over, mL"),
                ),
            ),
            (0.3, 0.3, 0.2, 0.2),
        ),
        Boxes(
            (
                (
                    say("Reason, if stopped early"),
                    say("Reaction: what was seen, when, what was done"),
                    f"{say('Serious reaction?')} {answer}",
                ),
            ),
            (0.35, 0.45, 0.2),
            18,
        ),
    ]


def _people(say: Say, what: Sequence[str]) -> list[Block]:
    """Who did it, when, and their hand."""
    row = (say("name in capitals"), say("date, time"), say("signature"))
    rows = tuple((f"{one}: {row[0]}", row[1], row[2]) for one in what)
    return [Boxes(rows, (0.46, 0.22, 0.32))]


def _entered(say: Say) -> list[Block]:
    """What happens with the sheet afterwards."""
    rows = ((say("Why on paper"), say("Entered into cellbank by, at"), say("Act")),)
    return [
        Boxes(rows, (0.42, 0.4, 0.18)),
        Text(say("Enter it as soon as cellbank is back: scan the symbol of the form. Keep the sheet."), "muted"),
    ]

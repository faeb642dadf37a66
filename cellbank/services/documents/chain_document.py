"""The chain of identity and custody of one dose on paper."""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from cellbank.domain.identifiers import Kind, printed
from cellbank.domain.lifecycle.table import rows_for
from cellbank.domain.quantities import millions, of_the_dose
from cellbank.domain.scans import Scan, read_scan
from cellbank.outside.document_pdf import Block, Cell, Facts, Heading, Run, Table, Text
from cellbank.outside.document_picture import Picture, PictureBox
from cellbank.outside.label_templates import load_templates
from cellbank.services.clinic.reactions import reactions_of
from cellbank.services.clinic.steps import StepDone
from cellbank.services.documents.act_lines import lines_of
from cellbank.services.documents.chain import Chain, Entry, chain_of
from cellbank.services.documents.papers import Paper, site_line
from cellbank.services.documents.signature_table import signature_table
from cellbank.services.lookup.family import Measures, lay_out
from cellbank.services.wording.values import clock, shown, times_of, word

TITLE = "Chain of identity and custody"
PICTURE = Measures(width=61.0, height=28.0, gap_x=12.0, gap_y=7.0, margin=1.0)
ACTS_HEAD = ("Act", "When", "What", "Who", "Signature")
ACTS_WIDTHS = (0.07, 0.14, 0.42, 0.17, 0.20)


def chain_paper(connection: Connection, code: str) -> Paper | None:
    """What the document says of the dose with this code; None when there is none."""
    chain = chain_of(connection, code)
    if chain is None:
        return None
    dose = chain.dose
    subject = f"Dose {printed(dose['code'])} for subject {dose['trial_number']}"
    site = site_line(connection, dose["site_id"])
    return Paper(TITLE, subject, site, dose["code"], tuple(_Writer(chain).blocks()))


@dataclass(frozen=True)
class _Part:
    """A section of acts: its title and the stages that stand in it."""

    title: str
    stages: tuple[str, ...]


_PARTS = (
    _Part("Donor and consent", ("donor", "consent")),
    _Part("Donation", ("donation",)),
    _Part("Cultures", ("culture",)),
    _Part("Lots: filling, freezing, release, holds", ("lot", "hold")),
    _Part("Vials: filling, storage, earlier reservations", ("vial",)),
    _Part("Shipments to another site", ("shipment",)),
    _Part("Subject and body weight", ("subject", "weight")),
    _Part("Order of the dose", ("order",)),
    _Part("Pick, thaw, count, preparation", ("preparation",)),
    _Part("Bedside", ("bedside",)),
)
# Of this dose alone: an earlier one may have had a vial of it.
_CALCULATIONS = {
    ("order", "order_dose"): "Calculation of the order",
    ("preparation", "pool_and_count"): "Calculation of the draw",
}


class _Writer:
    """Puts a chain into blocks. All times are those of the site."""

    def __init__(self, chain: Chain):
        self.chain = chain
        self.time: Callable[[datetime.datetime], str] = clock(ZoneInfo(chain.dose["timezone"]))
        self.numbers = {stay.vial: stay.number for stay in chain.stays}

    def blocks(self) -> list[Block]:
        """The whole document."""
        return [
            *self.identity(),
            *self.family(),
            *(block for part in _PARTS for block in self.part(part)),
            *self.custody(),
            *self.labels(),
            *self.refused(),
            *self.signatures(),
            *self.seal(),
        ]

    # ---- what it is about ------------------------------------------------------------------------------------

    def identity(self) -> list[Block]:
        dose = self.chain.dose
        donors = ", ".join(node.title.removeprefix("Donor ") for node in self.chain.trace.of_kind("donor"))
        weight = f"{dose['weight_kg']} kg" if dose["weight_kg"] is not None else "not needed"
        pairs: tuple[tuple[str, Any], ...] = (
            ("Dose", Run(printed(dose["code"]), "code")),
            ("State", Run(word(dose["state"]).capitalize(), "strong")),
            ("Subject", (Run(dose["trial_number"], "strong"), Run(dose["subject"], "code"))),
            ("Sex", dose["sex"]),
            ("Trial, arm", f"{dose['protocol']}, {dose['arm']}"),
            ("Infusion", f"{dose['infusion_number']}, Day {dose['day']}, planned for {dose['planned_on']}"),
            *((("Planned anew", dose["planned_anew_because"]),) if dose["planned_anew_because"] else ()),
            ("Donor", donors),
            ("Lot", (Run(dose["lot"], "code"), Run(f"{word(dose['lot_state'])}, expires {dose['lot_expires_on']}"))),
            ("Body weight", weight),
            ("Cells needed", millions(dose["required_cells"])),
            ("Viable cells drawn", of_the_dose(dose["delivered_cells"], dose["delivered_percent"])),
            ("Viable cells given", of_the_dose(dose["given_cells"], dose["given_percent"])),
            ("Given, left over", f"{shown(dose['volume_given_ml'])} mL, {shown(dose['residual_ml'])} mL"),
            ("Reactions", self._reactions(dose)),
        )
        return [Facts(pairs), *self.steps()]

    def steps(self) -> list[Block]:
        """When each step happened and who did it; when and by whom it was entered, where that was later or another."""
        rows = tuple((Run(one.label, "strong"), times_of(one, self.time), _who(one)) for one in self.chain.steps)
        return [Heading("The steps of the dose"), Table(("Step", "When", "By whom"), rows, (0.2, 0.45, 0.35))]

    def _reactions(self, dose: Mapping[str, Any]) -> tuple[Run, ...]:
        """All that was noted, also when it was entered late; the oldest doses have theirs in one text."""
        lines = [Run(dose["reaction"])] if dose["reaction"] else []
        for one in reactions_of(dose["reactions"]):
            when, *entered = times_of(one, self.time)
            how = "serious" if one.is_serious else "not serious"
            lines += [Run(f"{when.text}, {one.by}, {how}: {one.text}"), *entered]
        return tuple(lines) or (Run("none noted"),)

    def family(self) -> list[Block]:
        layout = lay_out(self.chain.trace, PICTURE)
        boxes = tuple(
            PictureBox(box.x, box.y, box.title, printed(box.code) if box.code else "", word(box.state), box.is_start)
            for box in layout.boxes
        )
        picture = Picture(layout.width, layout.height, PICTURE.width, PICTURE.height, boxes, layout.curves)
        return [Heading("From the donor to the subject"), picture]

    # ---- acts ------------------------------------------------------------------------------------------------

    def part(self, part: _Part) -> list[Block]:
        entries = self.chain.of_stage(*part.stages)
        if not entries:
            return []
        rows = tuple(self.row(entry) for entry in entries)
        return [Heading(part.title), Table(ACTS_HEAD, rows, ACTS_WIDTHS), *self.calculation(entries)]

    def row(self, entry: Entry) -> tuple[Cell, ...]:
        signed = tuple(
            run
            for one in entry.signatures
            for run in (
                Run(f"{one.meaning.capitalize()}: {one.person}", "strong"),
                Run(f"{self.time(one.at)}, {one.record}", "muted"),
                Run("valid", "muted") if one.holds else Run("VOID – the record changed after it was signed", "alarm"),
            )
        )
        return (
            Run(str(entry.act), "code"),
            times_of(entry, self.time),
            self._what(entry),
            (Run(entry.person), Run(", ".join(map(word, entry.roles)), "muted")),
            signed or "–",
        )

    def _what(self, entry: Entry) -> tuple[Run, ...]:
        runs = [Run(entry.title, "strong")]
        if entry.stage == "vial" and rows_for(entry.name, "dose"):
            of = _dose_of(entry)
            runs += [Run(f"for dose {printed(of)}", "muted")] if of else []
        for line in lines_of(entry.changes, self.numbers, self.time):
            runs.append(Run(line.text))
            if line.corrected:
                runs.append(Run("A value noted before was replaced.", "alarm"))
        runs.extend(Run(reason, "alarm") for reason in entry.refusals)
        return tuple(runs)

    def calculation(self, entries: tuple[Entry, ...]) -> list[Block]:
        """The steps of the order, and of each count, as they were shown when it was done."""
        blocks: list[Block] = []
        for entry in entries:
            steps = (entry.result.get("calculation") or entry.result.get("draw") or {}).get("steps", ())
            title = _CALCULATIONS.get((entry.stage, entry.name))
            if steps and title:
                rows = tuple((step["label"], step["formula"], Run(step["value"], "strong")) for step in steps)
                blocks.append(Text(f"{title}, act {entry.act}", "strong"))
                blocks.append(Table(("Step", "From", "Result"), rows, (0.25, 0.5, 0.25)))
        return blocks

    def refused(self) -> list[Block]:
        if not self.chain.refused:
            return [Heading("Refused"), Text("Nothing was refused for this dose.")]
        rows = tuple(self.row(entry)[:4] for entry in self.chain.refused)
        return [Heading("Refused: near misses of this dose"), Table(ACTS_HEAD[:4], rows, (0.07, 0.16, 0.57, 0.2))]

    # ---- custody, labels, signatures, seal -------------------------------------------------------------------

    def custody(self) -> list[Block]:
        rows: list[tuple[Cell, ...]] = []
        previous = None
        for stay in self.chain.stays:
            name: Cell = (Run(f"{stay.number}", "strong"), Run(stay.vial, "code")) if stay.vial != previous else ""
            previous = stay.vial
            until = self.time(stay.until) if stay.until else "–"
            rows.append(
                (
                    name,
                    word(stay.state).capitalize(),
                    stay.where,
                    self.time(stay.since),
                    until,
                    (Run(stay.person), Run(f"act {stay.act}", "muted")),
                )
            )
        head = ("Vial", "State", "Where and how", "From", "Until", "By")
        return [Heading("Custody of each vial"), Table(head, tuple(rows), (0.175, 0.09, 0.2, 0.19, 0.19, 0.155))]

    def labels(self) -> list[Block]:
        if not self.chain.printings:
            return []
        titles = {name: template.title for name, template in load_templates().items()}
        acts = {entry.act: entry for entry in self.chain.entries}
        rows = tuple(self._label(one, titles, acts[one["act"]]) for one in self.chain.printings)
        return [
            Heading("Labels printed"),
            Table(("Printing", "Label", "For", "When", "By"), rows, (0.09, 0.27, 0.24, 0.2, 0.2)),
        ]

    def _label(self, printing: Mapping[str, Any], titles: Mapping[str, str], entry: Entry) -> tuple[Cell, ...]:
        copies = f"{printing['label_count']} × {titles.get(printing['template'], printing['template'])}"
        again = (Run(f"Reprint {printing['reprint']}: {printing['reason']}", "alarm"),) if printing["reprint"] else ()
        return (
            Run(str(printing["id"]), "code"),
            (Run(copies), *again),
            Run(printed(printing["record_code"]), "code"),
            self.time(entry.at),
            (Run(entry.person), Run(f"act {entry.act}", "muted")),
        )

    def signatures(self) -> list[Block]:
        return [Heading("Signatures"), *signature_table(self.chain.signatures, self.time)]

    def seal(self) -> list[Block]:
        seal = self.chain.seal
        pairs: tuple[tuple[str, Cell], ...] = (
            ("Last act", f"{seal.act}, sealed as number {seal.number} of the site's trail"),
            ("Seal", Run(seal.digest, "code")),
        )
        note = (
            "The Data Matrix on each page holds the code of the dose and the sha256 of this record; printed again from "
            "the same record, the document is the same to the byte."
        )
        return [Heading("Seal"), Facts(pairs), Text(note, "muted")]


def _who(step: StepDone) -> Cell:
    """Who did a step, and who entered it."""
    by = Run(step.by or "–")
    if step.from_paper:
        first, second = step.entered_by
        return by, Run(f"from paper: entered by {first}, confirmed by {second}", "muted")
    return (by, *(Run(f"entered by {name}", "muted") for name in step.entered_by))


def _dose_of(entry: Entry) -> str | None:
    """The dose that an act was for, where it says so: by its code, by the label that was scanned, or by making it."""
    for said in (entry.given.get("dose"), entry.given.get("dose_label"), entry.result.get("code")):
        scan = read_scan(said) if isinstance(said, str) else None
        if isinstance(scan, Scan) and scan.kind is Kind.DOSE:
            return scan.code
    return None

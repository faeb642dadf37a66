"""A box looked through and compared with the book: after a spill, by the picture of a rack scanner, or in a count.

Each difference needs its reason; then the book is corrected, in one act: what is missing becomes so, what stands
elsewhere is moved, what was found is put in stock where it stands.
"""

import csv
import datetime
import io
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from cellbank.domain.garbled import Garbled
from cellbank.domain.identifiers import Kind, printed
from cellbank.domain.lifecycle.states import CountState, VialState
from cellbank.domain.positions import is_position_name, position_name, position_number
from cellbank.domain.refusals import Code, Refused, refuse
from cellbank.domain.rules.box_check import (
    Difference,
    Finding,
    Found,
    differences,
    reason_refusals,
    unaccepted_refusals,
)
from cellbank.domain.scans import read_scan
from cellbank.domain.sheets.rows import legible
from cellbank.domain.storage_tree import WITH_POSITIONS
from cellbank.records.production import Vial
from cellbank.records.storage import StorageUnit
from cellbank.records.work import Work
from cellbank.services.acts import TellingInput, act, find_act, parse
from cellbank.services.common import told_after
from cellbank.services.inputs import MAX_VIALS, Reason, StorageCode, VialCode, as_text, each_once
from cellbank.services.installation import Installation
from cellbank.services.stopping.vials_lost import counted_on
from cellbank.services.storage.places import Position, end_placement, place_vials
from cellbank.services.storage.storage_moves import SECONDS_OUT, note_out
from cellbank.services.storage.units import out_of_service, unit_called, unit_line
from cellbank.services.storage.whereabouts import where

UNREADABLE = {"", "NOREAD", "NO READ", "NO_READ", "ERROR", "UNREADABLE", "?"}
EMPTY = {"NOTUBE", "NO TUBE", "NO_TUBE", "EMPTY", "-"}
MOST_TEXT = 200_000
Seen = dict[int, str | None]


# --- what was seen ----------------------------------------------------------------------------


def _difference(given: Any) -> str:
    """What a reason is given for: a vial, or the position at which nothing could be read."""
    name = as_text(given).strip()
    if is_position_name(name.upper()):
        return name.upper()
    scan = read_scan(name)
    if isinstance(scan, Garbled) or scan.kind is not Kind.VIAL:
        raise ValueError("must be the vial, or the position, for which the reason is given")
    return scan.code


Reasons = dict[Annotated[str, BeforeValidator(_difference)], Reason]
REASONS: Reasons = Field(
    default={},
    title="Reasons",
    max_length=MAX_VIALS,
    description="For each difference: the vial, or the unreadable position.",
)


class SeenBox(TellingInput):
    """What somebody finds in a box, position by position."""

    box: StorageCode = Field(title="Box")
    vials: Annotated[list[VialCode], Field(max_length=MAX_VIALS), AfterValidator(each_once)] = Field(
        title="Vials found"
    )
    positions: Annotated[list[Position], AfterValidator(each_once)] = Field(
        default=[],
        title="Positions",
        max_length=MAX_VIALS,
        description="One for each vial; empty: they stand one after the other from A1 on.",
    )
    unreadable: Annotated[list[Position], AfterValidator(each_once)] = Field(
        default=[], title="Positions where nothing can be read", max_length=MAX_VIALS
    )
    seconds_out: int | None = SECONDS_OUT

    @model_validator(mode="after")
    def _a_position_for_each(self) -> "SeenBox":
        if self.positions and len(self.positions) != len(self.vials):
            raise ValueError(f"{len(self.positions)} positions for {len(self.vials)} vials: give one for each, or none")
        twice = sorted(set(self.positions) & set(self.unreadable))
        if twice:
            raise ValueError(f"position {twice[0]} has a vial and cannot be read: it is one or the other")
        return self


class RescanBox(SeenBox):
    """Rescan a box."""

    reasons: Reasons = REASONS


@act(RescanBox, likely="about the box", of_shippers=False)
def rescan_box(work: Work, given: RescanBox) -> StorageUnit:
    """Say what stands in a box, position by position, for instance after it was spilled. Refuses a difference from the
    book that has no reason."""
    unit = lock_box(work, given.box)
    return correct(work, unit, seen_in(unit, given), given.reasons, given.seconds_out)


def seen_in(unit: StorageUnit, given: SeenBox) -> Seen:
    """What was seen, by the number of the position. Refuses positions that the box does not have."""
    if given.positions:
        return numbered(unit, dict(zip(given.positions, given.vials, strict=True)), given.unreadable)
    return {**numbered(unit, {}, given.unreadable), **_in_order(unit, given.vials, given.unreadable)}


def _picture(given: Any) -> str:
    """The lines of a rack scanner's file: a position and a code in each; a position twice is no picture."""
    rows = _rows(as_text(given))
    if not rows:
        raise ValueError("holds no line with a position and a code, like A01,A999926000001000001")
    return "\n".join(f"{name},{code}" for name, code in each_position_once(rows))


def _rows(content: str) -> list[tuple[str, str]]:
    content = content.lstrip("\ufeff")
    head = content[:2000]
    delimiter = max(";\t,", key=head.count)
    with legible(ValueError):
        lines = list(csv.reader(io.StringIO(content), delimiter=delimiter))
    rows: list[tuple[str, str]] = []
    for number, row in enumerate(lines, start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        name = _position_name(cells[0])
        if name is None or len(cells) < 2:
            if not rows and number == 1:
                continue  # a line of titles
            raise ValueError(f"line {number} is not a position and a code, like A01,A999926000001000001")
        rows.append((name, _code(cells[1], number)))
        if len(rows) > MAX_VIALS:
            raise ValueError(f"has more than {MAX_VIALS} positions")
    return rows


def _position_name(cell: str) -> str | None:
    """A1 from A1, A01 or a 1; None when it is no position."""
    text_ = cell.upper().replace(" ", "")
    letter, number = text_[:1], text_[1:]
    usual = letter.isascii() and letter.isalpha() and number.isascii() and number.isdigit() and len(number) <= 3
    return f"{letter}{int(number)}" if usual and int(number) else None


def _code(cell: str, number: int) -> str:
    """The code as it is stored, '?' where nothing could be read, nothing where no vial stands."""
    if cell.upper() in UNREADABLE:
        return "?"
    if cell.upper() in EMPTY:
        return ""
    scan = read_scan(cell)
    if isinstance(scan, Garbled):
        raise ValueError(f"line {number}: {scan.sentence}")
    if scan.kind is not Kind.VIAL:
        raise ValueError(f"line {number}: {scan.code} is a {scan.kind.name.lower()} code and no vial's")
    return scan.code


def each_position_once(rows: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Refuse a picture in which a position, or a vial, comes twice."""
    for what, names in (
        ("position", [name for name, _ in rows]),
        ("vial", [code for _, code in rows if len(code) > 1]),
    ):
        twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if twice is not None:
            raise ValueError(f"{what} {twice} comes twice: one of them is wrong. Scan the rack again")
    return rows


def read_picture(content: bytes) -> str:
    """The text of a scanner's file, whatever wrote it; what is no text is left to be refused as a picture."""
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    return content.decode(encoding, errors="replace")


class ReconcileRack(TellingInput):
    """Compare the picture of a rack scanner with the book."""

    box: StorageCode = Field(title="Box")
    picture: Annotated[str, BeforeValidator(_picture)] = Field(
        title="The scanner's file",
        max_length=MOST_TEXT,
        description="A position and a code in each line: A01,A999926000001000001. NOREAD: a code that cannot be read.",
        json_schema_extra={"long": True},
    )
    reasons: Reasons = REASONS
    seconds_out: int | None = SECONDS_OUT


@act(ReconcileRack, of_shippers=False)
def reconcile_rack(work: Work, given: ReconcileRack) -> StorageUnit:
    """Correct the book by the picture that a rack scanner took of a whole box. Refuses a difference that has no
    reason."""
    unit = lock_box(work, given.box)
    return correct(work, unit, _seen_on(unit, given), given.reasons, given.seconds_out)


def _seen_on(unit: StorageUnit, given: ReconcileRack) -> Seen:
    pairs = dict(line.split(",", 1) for line in given.picture.splitlines())
    named = {name: code for name, code in pairs.items() if code not in ("", "?")}
    return numbered(unit, named, [name for name, code in pairs.items() if code == "?"])


def look_through(installation: Installation, name: str, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What differs between a box as it was found and the book, before any reason is given. `name` is the act that will
    correct it. Raises Malformed, and Refused where the box is none or has no such position."""
    registered = find_act(name)
    found = parse(registered.input, {key: value for key, value in given.items() if key != "reasons"})
    assert isinstance(found, SeenBox | ReconcileRack)
    with Session(installation.reads) as session:
        unit = session.scalar(select(StorageUnit).where(StorageUnit.code == found.box))
        if unit is None or unit.type not in WITH_POSITIONS or installation.site not in (None, unit.site_id):
            raise Refused([refuse(Code.NOT_FOUND, "There is no box {code} here. Scan it again.", code=found.box)])
        seen = seen_in(unit, found) if isinstance(found, SeenBox) else _seen_on(unit, found)
        return shown(compare(session, unit, seen)[0], unit)


# --- comparing and correcting -----------------------------------------------------------------


def lock_box(work: Work, code: str) -> StorageUnit:
    """A unit in which vials are kept, locked. Refuses WRONG_KIND for any other, and for a shipper: what is in it is
    checked in at the other end."""
    unit = work.lock(StorageUnit, code)
    if unit.type not in WITH_POSITIONS or unit.type == "shipper":
        sentence = "{unit} is a {type}; vials are kept in boxes. Scan the box."
        raise Refused([refuse(Code.WRONG_KIND, sentence, unit=unit_called(unit), type=unit.type)])
    return unit


def numbered(unit: StorageUnit, named: Mapping[str, str], unreadable: Sequence[str]) -> Seen:
    """Positions as numbers. Refuses POSITION_UNKNOWN for those that the box does not have."""
    seen: Seen = {}
    refusals = []
    for name, code in [*named.items(), *((name, None) for name in unreadable)]:
        try:
            seen[position_number(name, unit.row_count or 0, unit.column_count or 0)] = code
        except ValueError as error:
            refusals.append(refuse(Code.POSITION_UNKNOWN, "{box}: {why}", box=unit_called(unit), why=str(error)))
    if refusals:
        raise Refused(refusals)
    return seen


def _in_order(unit: StorageUnit, vials: Sequence[str], unreadable: Sequence[str]) -> Seen:
    """One after the other from the first position on. Refuses STORAGE_FULL where the box is too small."""
    size = (unit.row_count or 0) * (unit.column_count or 0)
    if len(vials) + len(unreadable) > size:
        sentence = "{box} has {size} positions, and {count} vials are said to stand in it. Scan the box again."
        raise Refused([refuse(Code.STORAGE_FULL, sentence, box=unit_called(unit), size=size, count=len(vials))])
    skipped = numbered(unit, {}, unreadable)
    free = (position for position in range(1, size + 1) if position not in skipped)
    return dict(zip(free, vials, strict=False))


_BOOK = text(
    """SELECT p.position, v.code FROM placement p JOIN vial v ON v.id = p.vial_id
        WHERE p.box_id = :box AND p.taken_at IS NULL"""
)


_CHANGED_AT = text(
    "SELECT max(greatest(placed_at, taken_at)) FROM placement WHERE box_id = :box OR vial_id = ANY(:vials)"
)


def box_changed_at(session: Session, unit: StorageUnit, vials: Sequence[Vial] = ()) -> datetime.datetime | None:
    """When something was last put into this box or taken out of it, or one of these vials moved: what is told of a time
    before that was not compared with the book as it was then. None: never."""
    at: datetime.datetime | None = session.scalar(_CHANGED_AT, {"box": unit.id, "vials": [vial.id for vial in vials]})
    return at


def compare(
    session: Session, unit: StorageUnit, seen: Seen, *, lock: bool = False
) -> tuple[tuple[Difference, ...], dict[str, Vial]]:
    """What differs from the book; and the vials concerned, which `lock` locks in the order of their ids."""
    book = {row.position: row.code for row in session.execute(_BOOK, {"box": unit.id})}
    codes = {*book.values(), *(code for code in seen.values() if code)}
    statement = select(Vial).where(Vial.code.in_(codes)).order_by(Vial.id).execution_options(populate_existing=True)
    vials = session.scalars(statement.with_for_update(key_share=True) if lock else statement)
    known = {vial.code: vial for vial in vials}
    strange = [vial for code, vial in known.items() if code not in book.values()]
    places = where(session, [vial.id for vial in strange])
    elsewhere = {vial.code: places.get(vial.id, vial.state.lower()) for vial in strange}
    found = Found(unit_called(unit), book, seen, frozenset(known), elsewhere)
    size = (unit.row_count or 0) * (unit.column_count or 0)
    names = {position: position_name(position, unit.column_count or 1) for position in range(1, size + 1)}
    return differences(found, names), known


def correct(
    work: Work, unit: StorageUnit, seen: Seen, reasons: Mapping[str, str], seconds: int | None, *more: Any
) -> StorageUnit:
    """Judge the differences and write what they come to; `more` are records that the same act moves on."""
    differing, known = compare(work.session, unit, seen, lock=not work.dry_run)
    work.show(box=unit.code, seen=len(seen), differences=shown(differing, unit))
    touched = {one.key: known[one.key] for one in differing if one.key in known}
    gone = [touched[one.key] for one in differing if one.finding is Finding.MISSING]
    found = [one for one in differing if one.finding in (Finding.MOVED, Finding.EXTRA)]
    refusals = list(reason_refusals(unit_called(unit), differing, reasons))
    stopped = out_of_service(*unit_line(work.session, unit)) if found else None
    if stopped:
        sentence = (
            "{unit} is out of service ({reason}): nothing can be booked to another position in it. Relocate the box, "
            "or return the unit to service."
        )
        refusals.append(refuse(Code.STORAGE_OUT_OF_SERVICE, sentence, unit=stopped.called, reason=stopped.reason))
    refusals += told_after(work, "The look into the box", box_changed_at(work.session, unit, list(touched.values())))
    refusals += unaccepted_refusals([vial.code for vial in gone if vial.state == VialState.RECEIVED])
    to = (VialState.MISSING, VialState.IN_STOCK, VialState.RESERVED, VialState.RECEIVED, CountState.CLOSED)
    loss = counted_on(work, gone)
    work.judge(unit, *more, *touched.values(), refusals=refusals, to=to)
    end_placement(work, list(touched.values()))
    _lose(work, gone)
    loss.report(work, "\n".join(f"{printed(vial.code)}: {reasons[vial.code]}" for vial in gone))
    vials = [touched[one.key] for one in found]
    place_vials(work, unit.id, [vial.id for vial in vials], [one.position or 0 for one in found], work.happened)
    arriving = [vial for vial in vials if vial.state in (VialState.FROZEN, VialState.MISSING)]
    work.transition_many(Vial, arriving, to=VialState.IN_STOCK)
    note_out(work, [unit.id], seconds, work.happened)
    return unit


def _lose(work: Work, vials: list[Vial]) -> None:
    """Vials that are not where the book has them stand nowhere, and are kept for nobody."""
    work.transition_many(Vial, vials, to=VialState.MISSING, dose_id=None)


def shown(differing: Sequence[Difference], unit: StorageUnit) -> list[dict[str, Any]]:
    """The differences as the answer gives them, and as pages show them."""
    columns = unit.column_count or 1
    return [
        {
            "key": one.key,
            "finding": one.finding.value,
            "position": position_name(one.position, columns) if one.position else None,
            "book": one.book,
        }
        for one in differing
    ]

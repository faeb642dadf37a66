"""The freezing run in a batch record: the freezer's file with its digest, what was found, and the picture."""

from sqlalchemy import Connection, RowMapping, text

from cellbank.domain.lifecycle.states import RunState
from cellbank.outside.document_pdf import Block, Cell, Facts, Heading, Run, Table, Text
from cellbank.outside.document_picture import Trace
from cellbank.outside.drawing import Mark
from cellbank.services.documents.batch_steps import doubt_of
from cellbank.services.documents.lot_paper import LotHead
from cellbank.services.temperature.run_board import DepartureLine, drawing_of, run_chart
from cellbank.services.temperature.run_facts import run_in_words
from cellbank.services.wording.values import word

_RUNS = text(
    """SELECT r.*, p.full_name, d.code AS deviation, d.state AS deviation_state, w.full_name AS withdrawn_by,
              a.given, a.result
         FROM freezer_run r JOIN person p ON p.id = r.imported_by_id LEFT JOIN deviation d ON d.id = r.deviation_id
         LEFT JOIN person w ON w.id = r.withdrawn_by_id
         JOIN change c ON c.record_kind = 'freezer_run' AND c.record_id = r.id AND c.before IS NULL
         JOIN act a ON a.id = c.act_id
        WHERE r.lot_id = :lot ORDER BY r.id"""
)
DEPARTURES = ("Departure", "From", "Until", "Minutes", "Furthest outside", "°C·min")


def freezing_blocks(connection: Connection, lot: LotHead) -> list[Block]:
    """The run that counts with its picture, and each file that was withdrawn; nothing before the freezing."""
    if lot.row["frozen_at"] is None:
        return []
    blocks: list[Block] = [Heading("Freezing run")]
    runs = list(connection.execute(_RUNS, {"lot": lot.id}).mappings())
    if not any(row["state"] != RunState.WITHDRAWN for row in runs):
        blocks.append(Text("No file of the freezer was imported."))
    for row in runs:
        if row["state"] == RunState.WITHDRAWN:
            said = f"{row['code']}, sha256 {row['sha256']}: withdrawn by {row['withdrawn_by']}: "
            blocks.append(Text(said + row["withdrawal_reason"], "muted"))
        else:
            blocks += _run(connection, row, lot)
    return blocks


def _run(connection: Connection, row: RowMapping, lot: LotHead) -> list[Block]:
    chart = run_chart(connection, row["code"])
    told = Run(run_in_words(dict(row)), "plain" if row["state"] == RunState.WITHIN else "alarm")
    found = (told, *_deviation(row), *doubt_of(row["given"], row["result"]))
    serial = f", {row['freezer_serial']}" if row["freezer_serial"] else ""
    pairs: tuple[tuple[str, Cell], ...] = (
        ("Run", Run(row["code"], "code")), ("Program", row["program"]), ("Began", lot.time(row["began_at"])),
        ("Found", found), ("Freezer", f"{row['freezer']}{serial}"), ("File", row["file_name"]),
        ("sha256 of the file", Run(row["sha256"], "code")), ("Imported by", row["full_name"]),
    )  # fmt: skip
    rows = tuple(_departure(one, lot) for one in chart.departures)
    drawing = drawing_of(chart)
    trace = Trace(drawing.width, drawing.height, tuple(map(_rounded, drawing.marks)))
    table = [Table(DEPARTURES, rows, (0.2, 0.2, 0.2, 0.1, 0.18, 0.12))] if rows else []
    return [Facts(pairs), *table, trace]


def _deviation(row: RowMapping) -> tuple[Run, ...]:
    if not row["deviation"]:
        return ()
    return (Run(f"deviation {row['deviation']} {word(row['deviation_state'])}", "muted"),)


def _departure(one: DepartureLine, lot: LotHead) -> tuple[Cell, ...]:
    allowed = " (allowed)" if one.kind == "nucleation" else ""
    return (
        f"{one.kind}{allowed}",
        lot.time(one.since),
        lot.time(one.until),
        one.minutes,
        f"{one.worst_c} °C",
        one.degree_minutes,
    )


def _rounded(mark: Mark) -> Mark:
    """A document is kept as what it says: a tenth of a point is enough."""
    points = tuple((round(x, 1), round(y, 1)) for x, y in mark.points)
    return Mark(mark.shape, mark.tone, points, mark.text, mark.anchor)

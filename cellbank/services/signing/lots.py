"""What stands beside the signature about a lot: the criteria of its release, or the batch record itself."""

from sqlalchemy.orm import Session

from cellbank.outside.document_pdf import Block, Cell, Heading, Run, Table, Text
from cellbank.services.documents.batch_record import batch_record_paper
from cellbank.services.quality.release_board import ReleaseBoard, release_board
from cellbank.services.signing.reading import Reading

CRITERIA = ("Criterion", "Evidence", "")
WIDTHS = (0.3, 0.52, 0.18)
# What the record says of each step until the review that is about to be signed.
THIS_REVIEW = ("not yet reviewed", "The batch record has not been reviewed.")


def release_criteria(reading: Reading) -> list[Block]:
    """Every criterion of the release with its evidence, those first that are not met."""
    board = board_of(reading)
    if board is None:
        return []
    rows: list[tuple[Cell, ...]] = []
    for line in (*board.red, *board.green):
        criterion, proofs = line.criterion, tuple(Run(one.code, "code") for one in line.proofs if one.code)[:12]
        missing = (Run(criterion.refusal.detail, "alarm"),) if criterion.refusal else ()
        evidence = tuple(Run(said) for said in (criterion.evidence,) if said not in ("", "none"))
        mark = Run("met") if criterion.met else Run("NOT MET", "alarm")
        rows.append((Run(criterion.title, "strong"), (*missing, *evidence, *proofs), mark))
    return [Heading("Criteria of the release"), Table(CRITERIA, tuple(rows), WIDTHS)]


def board_of(reading: Reading) -> ReleaseBoard | None:
    """The release board of the lot that the form is about."""
    code = reading.code_of("lot")
    if code is None:
        return None
    with Session(reading.connection, autoflush=False) as session:
        return release_board(session, code, reading.now, None, reading.site)


def batch_record(reading: Reading) -> list[Block]:
    """The batch record itself, as it stands now; first the values in it that were changed."""
    code = reading.code_of("lot")
    paper = None if code is None else batch_record_paper(reading.connection, code)
    if paper is None:
        return []
    changed = [line for block in paper.blocks for line in alarms(block) if not line.endswith(THIS_REVIEW)]
    head: list[Block] = [Heading("Changed, or not in order")]
    head += [Text(line, "alarm") for line in dict.fromkeys(changed)] or [Text("Nothing.")]
    return [*head, *paper.blocks]


def alarms(block: Block) -> list[str]:
    """What a block says in the colour of alarm: each with the step, or the first cell, of its row."""
    if isinstance(block, Text):
        return [block.text] if block.style == "alarm" else []
    if not isinstance(block, Table):
        return []
    return [
        f"{_called(block, row)}: {run.text}"
        for row in block.rows
        for one in row
        for run in runs_of(one)
        if run.style == "alarm"
    ]


def _called(table: Table, row: tuple[Cell, ...]) -> str:
    """What a row is about: an act by what was done, anything else by its first cell."""
    if "Step" in table.head:
        return f"{_first_words(row[table.head.index('Step')])} (act {_first_words(row[0])})"
    return _first_words(row[0])


def _first_words(cell: Cell) -> str:
    runs = runs_of(cell)
    return runs[0].text if runs else ""


def runs_of(cell: Cell) -> tuple[Run, ...]:
    """The lines of a cell."""
    if isinstance(cell, str):
        return (Run(cell),)
    return (cell,) if isinstance(cell, Run) else cell

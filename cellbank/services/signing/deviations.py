"""What stands beside the signature about a deviation: what it touches, which lots it reaches, what is done about it."""

from cellbank.domain.lifecycle.states import ActionState
from cellbank.outside.document_pdf import Block, Heading, Run, Table, Text
from cellbank.services.quality.deviation_board import DeviationBoard, read_board
from cellbank.services.signing.in_words import as_word
from cellbank.services.signing.reading import Reading

LOTS = ("Lot", "Purpose", "State", "Vials in stock", "Doses", "Subjects")
ACTIONS = ("Action", "What is to be done", "What was done", "By whom", "Until", "State")


def of_the_deviation(reading: Reading) -> list[Block]:
    """Links, lots reached by lineage, actions, and who opened and investigated it."""
    code = reading.code_of("deviation")
    board = None if code is None else read_board(reading.connection, code, reading.today, reading.site)
    if board is None:
        return []
    said = f"Opened by {board.row.opened_by}."
    if board.row.investigated_by:
        said += f" Investigated by {board.row.investigated_by}."
    return [Text(said), *_links(board), *_lots(board), *_actions(board)]


def _links(board: DeviationBoard) -> list[Block]:
    rows = tuple((as_word(link.kind), Run(link.code, "code")) for link in board.links)
    title = Heading("What it touches")
    return [title, Table(("Record", "Code"), rows, (0.4, 0.6)) if rows else Text("No record is linked.", "alarm")]


def _lots(board: DeviationBoard) -> list[Block]:
    rows = tuple(
        (
            Run(lot.code, "code"),
            as_word(lot.purpose),
            as_word(lot.state),
            str(lot.vials_in_stock),
            tuple(Run(dose, "code") for dose in lot.doses) or "–",
            tuple(Run(one, "code") for one in lot.subjects) or "–",
        )
        for lot in board.lots
    )
    title = Heading("Affected lots, by lineage")
    return [title, Table(LOTS, rows, (0.14, 0.14, 0.16, 0.14, 0.22, 0.2)) if rows else Text("No lot is affected.")]


def _actions(board: DeviationBoard) -> list[Block]:
    rows = tuple(
        (
            (Run(action.code, "code"), Run(as_word(action.type), "muted")),
            action.description,
            action.done_note or "–",
            action.responsible,
            action.due_on.isoformat(),
            Run(as_word(action.state), "alarm" if action.state == ActionState.PLANNED else "plain"),
        )
        for action in board.actions
    )
    title = Heading("Actions")
    widths = (0.13, 0.27, 0.22, 0.14, 0.12, 0.12)
    return [title, Table(ACTIONS, rows, widths) if rows else Text("No action is planned.")]

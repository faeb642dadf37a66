"""Signatures as a table of a document: printed name, meaning, what, when, and whether each still holds."""

from collections.abc import Sequence

from cellbank.outside.document_pdf import Block, Cell, Run, Table, Text
from cellbank.services.trail.signatures import Signed
from cellbank.services.wording.values import Clock

HEAD = ("Name", "Meaning", "Signed", "When", "Act", "Now")
WIDTHS = (0.22, 0.11, 0.26, 0.2, 0.09, 0.12)
NOTE = "A signature is valid while the content that it covers has the digest that was signed."


def signature_table(signatures: Sequence[Signed], time: Clock) -> list[Block]:
    """The table with its note; nothing when there are none."""
    if not signatures:
        return []
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            one.person,
            one.meaning.capitalize(),
            one.record[:1].upper() + one.record[1:],
            time(one.at),
            Run(str(one.act), "code"),
            Run("valid") if one.holds else Run("VOID", "alarm"),
        )
        for one in signatures
    )
    return [Table(HEAD, rows, WIDTHS), Text(NOTE, "muted")]

"""The moves of what is printed, issued and read: labels, documents, the trail; and of scans that nobody can read."""

from cellbank.domain.lifecycle.moves import REVIEWED, Transition, moves
from cellbank.domain.lifecycle.roles import (
    EVERYBODY,
    QO,
    C,
    Q,
    Role,
    T,
)

MOVES: tuple[Transition, ...] = sum(
    (
        # labels
        moves("printing", "print_labels", "> PRINTED", frozenset({T, Q, C})),
        moves("printing", "print_label_again", "> PRINTED", frozenset({T, Q, C})),
        moves("printing", "print_commands", "> PRINTED", EVERYBODY),
        # documents and the trail
        moves("document_issue", "issue_document", "> ISSUED", frozenset({T, Q, C, Role.AUDITOR})),
        moves("trail_review", "review_trail", "> REVIEWED", QO, REVIEWED),
        # the door
        moves("scan", "report_unreadable_scan", "> REPORTED", EVERYBODY),
    ),
    (),
)

"""What nobody is shown before a second person has looked for themselves.

Two people read a scale, a display or a box so that one catches the error of the other; who has seen the first value
reads it again. This table is the whole of it: history, exports, cards and pages ask it, and so it holds everywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cellbank.domain.lifecycle.states import CountState, ReadingState, WeightState
from cellbank.domain.refusals import Code


@dataclass(frozen=True)
class Blind:
    """While a record stands in this state, these columns (table, column) are hidden, and so is what their act told."""

    state: str
    columns: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Later:
    """A reason that a check does not give, and what the check says it has left out."""

    code: Code
    what: str


BLIND: Mapping[str, Blind] = {
    "weight": Blind(WeightState.MEASURED, frozenset({("weight", "weight_kg")})),
    "reading_import": Blind(ReadingState.ENTERED, frozenset({("reading_import", "hand_celsius")})),
    "stock_count": Blind(CountState.COUNTED_ONCE, frozenset({("count_sheet", "seen")})),
}
#: What an act says of something hidden: that a second person's value is not the first one's, that a patient is known.
#: It says so when it is done, and is then in the trail; a check beforehand would let anybody find it out unseen.
#: So such a check is no yes: it says what it leaves out.
SAID_WHEN_DONE: Mapping[str, Later] = {
    "confirm_weight": Later(
        Code.WEIGHT_MISMATCH, "Whether both weights agree is looked at only when this one is recorded."
    ),
    "confirm_reading": Later(
        Code.READINGS_DIFFER, "Whether both readings agree is looked at only when this one is recorded."
    ),
    "enrol_subject": Later(
        Code.PATIENT_KNOWN, "Whether this patient is a subject already is looked at only when it is recorded."
    ),
}
NOTHING: frozenset[tuple[str, str]] = frozenset()


def hidden_columns(record: str, state: str | None) -> frozenset[tuple[str, str]]:
    """The columns of a record, and of what is a part of it, that are hidden while it stands in this state."""
    blind = BLIND.get(record)
    return blind.columns if blind and blind.state == state else NOTHING

"""What can be answered about a dose of stopped product. Twins in the database: an_answer_to_a_notice_stays,
a_notice_ends_with_its_last_answer, and the CHECK a_note_says_why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cellbank.domain.lifecycle.states import DoseState
from cellbank.domain.refusals import Code, Refusal, refuse

NEED_A_NOTE = ("nothing_needed", "other")


@dataclass(frozen=True)
class AnswerFacts:
    """One answer: the dose as it stands (None: it is not in the notice), what is said to be done, and whether a note
    goes with it."""

    dose: str
    state: str | None
    is_answered: bool
    done: str
    has_note: bool


def answer_refusals(notice: str, answers: Sequence[AnswerFacts]) -> tuple[Refusal, ...]:
    """Why these answers cannot be kept; each reason names its dose."""
    return tuple(refusal for answer in answers for refusal in _one(notice, answer))


def _one(notice: str, answer: AnswerFacts) -> Iterator[Refusal]:
    named = {"dose": answer.dose, "notice": notice}
    if answer.state is None:
        yield refuse(Code.NOT_FOUND, "Dose {dose} is not in notice {notice}. Open the notice again.", **named)
        return
    if answer.is_answered:
        sentence = "Dose {dose} is answered in notice {notice} already. Open the notice again to see what was done."
        yield refuse(Code.ALREADY_EXISTS, sentence, **named)
    if answer.done == "infusion_stopped" and answer.state not in (DoseState.INFUSED, DoseState.RECONCILED):
        sentence = (
            "Dose {dose} is {state}: the infusion is not stopped. Stop it at the bedside first, with the volume given."
        )
        yield refuse(Code.WRONG_STATE, sentence, dose=answer.dose, state=answer.state)
    if answer.done in NEED_A_NOTE and not answer.has_note:
        sentence = "Dose {dose}: say in the note what was done, or why nothing is needed."
        yield refuse(Code.REASON_NEEDED, sentence, **named)

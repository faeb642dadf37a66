"""The answers of a subject as the investigator signs for them: each criterion with what it means for the patient."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from cellbank.domain.eligibility import NOT_APPLICABLE, CriterionVerdict, Tri, assess
from cellbank.domain.protocol import Protocol
from cellbank.outside.document_pdf import Block, Cell, Heading, Run, Table
from cellbank.services.clinic.enrolment import stored_answers
from cellbank.services.common import protocol_of
from cellbank.services.wording.values import Clock

IN_A_GROUP = Run("counts within its group", "muted")


def answers_blocks(connection: Connection, row: Mapping[str, Any], time: Clock) -> list[Block]:
    """The criteria of the subject's protocol judged by the answers, and every answer that was given."""
    with Session(connection, autoflush=False) as session:
        protocol = protocol_of(session, row["protocol_id"])
    answers = stored_answers(protocol, row["answers"])
    verdicts = assess(protocol, answers, row["sex"]).verdicts
    criteria = tuple(_criterion(one) for one in verdicts)
    given = tuple(_answer(protocol, code, answer) for code, answer in answers.items())
    return [
        Heading("Criteria"),
        Table(("Criterion", "What was answered", "For the patient"), criteria, (0.4, 0.35, 0.25)),
        Heading("Answers to the criteria"),
        Table(("Question", "Answer"), given or (("–", Run("nothing was answered", "alarm")),), (0.7, 0.3)),
    ]


def _criterion(one: CriterionVerdict) -> tuple[Cell, ...]:
    stands_in_the_way = one.satisfied is not Tri.YES and one.group is None
    means = Run(one.means.capitalize(), "alarm" if stands_in_the_way else "plain")
    return (Run(one.code, "strong"), Run(one.text)), one.reason, (means, *((IN_A_GROUP,) if one.group else ()))


def _answer(protocol: Protocol, code: str, answer: Any) -> tuple[Cell, ...]:
    question = next((one for one in protocol.questions if one.code == code), None)
    decision = next((one for one in protocol.ambiguities if one.decision == code), None)
    asks = question.asks if question else f"{decision.decided_by}: {decision.text}" if decision else code
    unit = f" {question.unit}" if question and question.unit else ""
    if answer is None:
        return asks, Run("unknown", "alarm")
    if isinstance(answer, bool):
        return asks, "yes" if answer else "no"
    if answer == NOT_APPLICABLE:
        return asks, question.not_applicable if question and question.not_applicable else "does not apply"
    return asks, f"{answer}{unit}"

"""When a document may be issued again. Source: domain reference §2, R2 and R5 (a change has a reason)."""

from dataclasses import dataclass

from cellbank.domain.refusals import Code, Refusal, refuse


@dataclass(frozen=True)
class EditionFacts:
    """A further edition that is asked for: of which document, after which, and why."""

    title: str
    last_code: str
    last_edition: int
    reason: str | None


def edition_refusals(facts: EditionFacts) -> tuple[Refusal, ...]:
    """Why there is no further edition: nobody has said what it is for."""
    if facts.reason:
        return ()
    return (
        refuse(
            Code.REASON_NEEDED,
            "The record changed since edition {edition} of “{title}” ({code}). Say why there is a further edition.",
            edition=facts.last_edition,
            title=facts.title,
            code=facts.last_code,
        ),
    )

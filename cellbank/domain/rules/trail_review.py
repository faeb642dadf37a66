"""Which stretch of the trail somebody may sign as reviewed. Source: domain reference §2 (R5, R23).

Nobody reviews what they did themselves: a review covers the acts of everybody else in its stretch, and another quality
officer reviews the rest. Twins in the database: a_review_of_the_trail_leaves_no_gap,
nobody_reviews_the_same_acts_twice.
"""

from dataclasses import dataclass

from cellbank.domain.refusals import Code, Refusal, refuse


@dataclass(frozen=True)
class StretchFacts:
    """A stretch of the whole trail, or of the acts on one record, that somebody wants to sign for.

    `newest` is the last act there is, `unread` the first that no review reaches (None: there is none); `twice` names
    the person's own review that it overlaps; `something_left` says whether somebody else's unreviewed act is in it.
    """

    first: int
    last: int
    newest: int
    unread: int | None
    twice: str | None
    something_left: bool


def stretch_refusals(facts: StretchFacts) -> tuple[Refusal, ...]:
    """Why this stretch cannot be signed: it ends after the last act, leaves a gap, or has nothing to review in it."""
    refusals = []
    if facts.last > facts.newest:
        sentence = "There is no act {last} yet: the last one is act {newest}. End the review there."
        refusals.append(refuse(Code.NOT_FOUND, sentence, last=facts.last, newest=facts.newest))
    if facts.unread is not None and facts.first > facts.unread:
        sentence = "Act {unread} and what follows it would stay unreviewed. Begin at act {unread}."
        refusals.append(refuse(Code.OUT_OF_ORDER, sentence, unread=facts.unread))
    if facts.twice is not None:
        sentence = "A part of acts {first} to {last} you have already reviewed, in {review}. Choose what follows it."
        refusals.append(refuse(Code.ALREADY_EXISTS, sentence, first=facts.first, last=facts.last, review=facts.twice))
    elif not facts.something_left:
        sentence = (
            "Nothing in acts {first} to {last} is left for you: the acts there are reviewed, or you did them yourself. "
            "Your own acts are reviewed by another quality officer."
        )
        refusals.append(refuse(Code.SAME_PERSON, sentence, first=facts.first, last=facts.last))
    return tuple(refusals)

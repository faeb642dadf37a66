"""Two names that read alike are the same name, or somebody has to say why they are not."""

from collections.abc import Iterable

from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.rules.plausible import WAY_OUT


def reads_alike(given: str, others: Iterable[tuple[str, str]]) -> tuple[Refusal, ...]:
    """A doubt for each of the others (name and code) that reads like this one, for they have the same skeleton
    (`domain/folding.py`), and is spelled otherwise."""
    sentence = "“{given}” reads like “{other}” ({code}), which is there already. If it is the same, use that one."
    return tuple(
        refuse(Code.IMPROBABLE, sentence + WAY_OUT, given=given, other=name, code=code)
        for name, code in others
        if name != given
    )

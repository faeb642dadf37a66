"""The services refuse by their rules, with a reason: where the database had to, one of these is missing or broken."""

from collections.abc import Generator

import pytest
from sqlalchemy.exc import IntegrityError

from cellbank.domain.refusals import Refusal
from cellbank.services import performing
from cellbank.services.constraints import refusal_for

LAST_WORD = "the_database_refuses"


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Fail a test in which an act was refused by the database, unless its marker names that rule.

    The triggers answer with the same codes as the rules: without this nobody would notice a rule that is broken.
    """
    answered: set[str] = set()

    def heard(error: IntegrityError) -> Refusal | None:
        refusal = refusal_for(error)
        if refusal is not None:
            answered.add(error.orig.diag.constraint_name)  # type: ignore[union-attr]
        return refusal

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(performing, "refusal_for", heard)
        result = yield
    meant = {rule for marker in pyfuncitem.iter_markers(LAST_WORD) for rule in marker.args}
    unmeant = ", ".join(sorted(answered - meant))
    assert not unmeant, (
        f"the database refused ({unmeant}), and no rule before it: mend it, or mark the test {LAST_WORD}"
    )
    return result

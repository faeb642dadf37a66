"""When a document may be issued again."""

import pytest

from cellbank.domain.refusals import Code
from cellbank.domain.rules.document import EditionFacts, edition_refusals


@pytest.mark.parametrize(
    ("reason", "codes"), [("The dose was cancelled", []), (None, [Code.REASON_NEEDED]), ("", [Code.REASON_NEEDED])]
)
def test_a_further_edition_has_a_reason(reason: str | None, codes: list[Code]) -> None:
    facts = EditionFacts("Batch record", "DC00018", 1, reason)
    assert [refusal.code for refusal in edition_refusals(facts)] == codes


def test_the_refusal_names_the_document_and_its_last_edition() -> None:
    (refusal,) = edition_refusals(EditionFacts("Batch record", "DC00018", 3, None))
    assert "edition 3 of “Batch record” (DC00018)" in refusal.detail

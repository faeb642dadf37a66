"""What in a definition is for people alone stands on its page."""

import re
from collections.abc import Iterator

import pytest

from cellbank.domain.definition import Definition
from cellbank.domain.protocol import load_protocol
from cellbank.domain.specification import load_specification
from cellbank.services.quality.definitions import ShippedDefinition, shipped
from tests.house.test_definition_keys import FOR_PEOPLE

NOT_SEEN = re.compile(r"[_,\s]|&#?\w+;")  # how a number is grouped and a sign is escaped says nothing


@pytest.mark.parametrize("definition", shipped(), ids=lambda one: one.type)
def test_what_is_for_people_stands_on_the_page(signed_in, world, definition: ShippedDefinition) -> None:
    page = NOT_SEEN.sub("", signed_in("otto").get(f"/definitions/{definition.code}").text)
    read = load_protocol if definition.type == "protocol" else load_specification
    said = list(for_people(read(definition.content)))
    assert said and [one for one in said if NOT_SEEN.sub("", one) not in page] == []


def for_people(part: object) -> Iterator[str]:
    """The values of the keys for people, in a definition and in all that stands in it."""
    if isinstance(part, tuple):
        for item in part:
            yield from for_people(item)
    elif isinstance(part, Definition):
        for name in type(part).model_fields:
            value = getattr(part, name)
            if name in FOR_PEOPLE.get(type(part).__name__, ()):
                yield from map(str, value if isinstance(value, tuple) else (value,))
            else:
                yield from for_people(value)

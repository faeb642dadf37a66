"""The pages of definitions: a version, and what differs between two."""

import pytest

from cellbank.services.quality.definitions import published, shipped
from tests.factories.world import World

SPECIFICATION, PROTOCOL = shipped()


@pytest.fixture(scope="module")
def waiting(world: World) -> str:
    """A published specification, imported and not in force."""
    other = next(one for one in published() if one.code.startswith("WJ-KANSAS"))
    world.do("quinn", "import_definition", type="specification", content=other.content)
    return other.code


def test_a_version_shows_its_tests_and_the_way_to_compare_it(regular, waiting: str) -> None:
    page = regular("quinn").get(f"/definitions/{waiting}").text
    assert "95 % or more" not in page and "80 % or more" in page and "below 12.5 EU/mL" in page
    assert f"/definitions/{SPECIFICATION.code}/compare/{waiting}" in page
    assert f"/act/make_effective?definition={waiting}" in page
    in_force = regular("quinn").get(f"/definitions/{SPECIFICATION.code}").text
    assert "Oksana Quality" in in_force and "In force since" in in_force


def test_a_comparison_says_what_is_added_removed_and_changed(regular, waiting: str) -> None:
    page = regular("otto").get(f"/definitions/{SPECIFICATION.code}/compare/{waiting}").text
    for text in (
        "Tests added",
        "ENDOTOXIN-ML",
        "Tests removed",
        "PT-STERILITY",
        "Tests changed",
        "CD73 positive",
        "Other settings changed",
    ):
        assert text in page, text
    assert '<td class="was">95</td><td class="becomes">80</td>' in page
    same = regular("otto").get(f"/definitions/{waiting}/compare/{waiting}").text
    assert "Nothing differs but the version." in same


def test_before_the_signature_the_comparison_is_one_click_away(regular, waiting: str) -> None:
    page = regular("quinn").get(f"/act/make_effective?definition={waiting}").text
    assert f"What changes from {SPECIFICATION.code} to {waiting}" in page


def test_a_definition_is_found_from_every_list(regular, waiting: str) -> None:
    assert f"/record/{waiting}" in regular("quinn").get("/list/definitions").text
    found = regular("quinn").get(f"/record/{waiting}")
    assert found.status_code == 302 and found.location.endswith(f"/definitions/{waiting}")


@pytest.mark.parametrize(
    "path",
    [
        "/definitions/NOTHING@1",
        f"/definitions/{SPECIFICATION.code}/compare/NOTHING@1",
        f"/definitions/{SPECIFICATION.code}/compare/{PROTOCOL.code}",
        "/definitions/%00",
        "/definitions/x/compare/",
    ],
)
def test_what_is_not_there_is_not_found(regular, path: str) -> None:
    assert regular("quinn").get(path).status_code == 404

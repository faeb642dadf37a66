"""What reads alike is no second donor, subject or account; where names may come twice, both are shown."""

from typing import Any

import pytest

from cellbank.services.acts import Malformed
from cellbank.services.people import accounts
from cellbank.services.production import donors
from tests.factories.clinic import screened_subject
from tests.factories.world import World

pytestmark = pytest.mark.requirement("R4")

# Of KH-9 with a number behind it, as it is told in each.
SPELLINGS = {
    "a non-breaking hyphen": "KH\N{NON-BREAKING HYPHEN}9{n}",
    "a minus": "KH\N{MINUS SIGN}9{n}",
    "an en dash": "KH\N{EN DASH}9{n}",
    "no dash": "KH9{n}",
    "small letters": "kh-9{n}",
    "a space inside": "KH-9 {n}",
    "a combining mark": "KH-9\N{COMBINING LOW LINE}{n}",
    "Cyrillic": "К\N{CYRILLIC CAPITAL LETTER EN}-9{n}",
    "Greek": "\N{GREEK CAPITAL LETTER KAPPA}H-9{n}",
    "Lisu": "\N{LISU LETTER KA}H-9{n}",
    "an unseen letter": "KH-9\N{ZERO WIDTH SPACE}{n}",
    "full width": "\N{FULLWIDTH LATIN CAPITAL LETTER K}H-9{n}",
}


def refused(world: World, who: str, act: str, **given: Any) -> list[str]:
    """The codes of the refusals; also whoever cannot type it at all gets nowhere."""
    try:
        return world.codes(who, act, **given)
    except Malformed:
        return ["malformed"]


@pytest.fixture
def number(world: World) -> str:
    return "".join(filter(str.isdigit, world.unique("")))


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_no_second_donor_reads_like_the_first(world: World, number: str, spelling: str) -> None:
    world.do("tina", "register_donor", pseudonym=f"KH-9{number}", birth_year=1990)
    found = refused(world, "tina", "register_donor", pseudonym=spelling.format(n=number), birth_year=1990)
    assert found in (["ALREADY_EXISTS"], ["malformed"])


def test_both_are_shown(world: World, number: str) -> None:
    code = world.do("tina", "register_donor", pseudonym=f"KH-9{number}", birth_year=1990)["code"]
    outcome = world.try_act("tina", "register_donor", pseudonym=f"kh9{number}", birth_year=1990)
    assert all(part in outcome.refusals[0].detail for part in (f"KH-9{number}", f"kh9{number}", code))


@pytest.mark.parametrize("spelling", ["kh9{n}", "K\N{CYRILLIC CAPITAL LETTER EN}-9{n}"])
def test_no_second_subject_reads_like_the_first(world: World, number: str, spelling: str) -> None:
    screened_subject(world, second_identifier=f"KH-9{number}")
    with pytest.raises(Exception, match=r"already|reads|mixes"):
        screened_subject(world, second_identifier=spelling.format(n=number))


def test_no_second_account_reads_like_the_first(world: World, number: str) -> None:
    given = {"full_name": "A. B.", "roles": ["auditor"], "new_password": "a first password"}
    world.do("ada", "add_person", name=f"kh{number}", **given)
    assert world.codes("ada", "add_person", name=f"k.h.{number}", **given) == ["ALREADY_EXISTS"]


def test_the_database_takes_none_either(world: World, number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (donors, accounts):
        monkeypatch.setattr(module, "skeleton", lambda text: "of nothing at all")
    world.do("tina", "register_donor", pseudonym=f"KH-9{number}", birth_year=1990)
    assert world.codes("tina", "register_donor", pseudonym=f"kh9{number}", birth_year=1990) == ["ALREADY_EXISTS"]
    given = {"full_name": "A. B.", "roles": ["auditor"], "new_password": "a first password"}
    world.do("ada", "add_person", name=f"kh{number}", **given)
    assert world.codes("ada", "add_person", name=f"k.h.{number}", **given) == ["ALREADY_EXISTS"]


def test_units_reagents_and_sites_that_read_alike_are_asked_about(world: World, number: str) -> None:
    site = {"fin": "A9998", "fin_registered": False, "timezone": "Europe/Kyiv"}
    reagent = {"name": "Medium", "manufacturer": "Maker", "expires_on": "2030-01-01"}
    for who, act, field, given, more in (
        ("tina", "add_storage_unit", "name", {"type": "room"}, [{}, {}]),
        ("tina", "receive_reagent", "manufacturer_lot", reagent, [{}, {}]),
        ("ada", "add_site", "name", site, [{"code": f"A{number[-6:]}"}, {"code": f"B{number[-6:]}"}]),
    ):
        first, second = {**given, **more[0]}, {**given, **more[1]}
        world.do(who, act, **first, **{field: f"Room {number}"})
        outcome = world.try_act(who, act, **second, **{field: f"ROOM-{number}"})
        assert [one.code.value for one in outcome.refusals] == ["IMPROBABLE"], (act, outcome)
        assert f"Room {number}" in outcome.refusals[0].detail
        why = {"improbable_because": "It is the other wing, and both signs stand on the door"}
        assert world.try_act(who, act, **second, **why, **{field: f"room {number}"}).accepted

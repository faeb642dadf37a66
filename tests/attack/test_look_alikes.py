"""What reads alike is no second donor, subject or account; where names may come twice, both are shown."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from cellbank.services.acts import Malformed
from cellbank.services.people import accounts
from cellbank.services.production import donors
from tests.factories.by_hand import open_act
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


ALIKE = {"one for l": "o1ena{n}", "zero for o": "petr0{n}", "i for l": "oiena{n}", "rn for m": "rorna{n}",
         "vv for w": "vvanda{n}", "a point": "ol.ena{n}"}  # fmt: skip
LIKE = {"petr0{n}": "petro{n}", "rorna{n}": "roma{n}", "vvanda{n}": "wanda{n}"}


@pytest.mark.parametrize("kind", ALIKE)
def test_no_account_looks_like_a_colleague_in_ascii(world: World, number: str, kind: str) -> None:
    """`o1ena` in a list of accounts, beside a signature or in a custody log is read as `olena`."""
    number = number.replace("0", "2").replace("1", "3")
    first, second = LIKE.get(ALIKE[kind], "olena{n}").format(n=number), ALIKE[kind].format(n=number)
    given = {"full_name": "A. B.", "roles": ["auditor"], "new_password": "a first password"}
    world.do("ada", "add_person", name=first, **given)
    outcome = world.try_act("ada", "add_person", name=second, **given)
    assert [one.code.value for one in outcome.refusals] == ["ALREADY_EXISTS"]
    assert second in outcome.refusals[0].detail and "reads like" in outcome.refusals[0].detail


def test_the_database_compares_by_what_a_name_looks_like(world: World, number: str) -> None:
    """Whoever writes the row themself gives it another skeleton."""
    row = """INSERT INTO person (site_id, code, name, name_key, full_name, roles, state)
             VALUES (1, :code, :name, :key, 'X', '{auditor}', 'ACTIVE')"""
    for name, key in ((f"tlna{number}", f"tlna{number}x"), (f"Tina{number}", f"Tlna{number}"), ("tlna", "tlna")):
        with pytest.raises(IntegrityError) as refused, world.installation.engine.begin() as connection:
            open_act(connection, "add_person", person=world.people["ada"].id)
            connection.execute(text(row), {"code": f"PS{number}", "name": name, "key": key})
        rule = "uq_person_name_key" if name == "tlna" else "a_sign_in_name_reads_like_no_other"
        assert refused.value.orig.diag.constraint_name == rule


def test_the_database_takes_none_either(world: World, number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(donors, "skeleton", lambda text: "of nothing at all")
    monkeypatch.setattr(accounts, "name_skeleton", lambda text: "of nothing at all")
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

"""Donors and their consent."""

from tests.factories.world import World


def test_a_donor_is_registered_under_a_code_of_her_own(world: World) -> None:
    donor = world.do("tina", "register_donor", pseudonym=world.unique("D"), birth_year=1993)
    assert donor["kind"] == "donor" and donor["state"] == "REGISTERED" and donor["code"].startswith("DR")


def test_a_pseudonym_is_given_once(world: World) -> None:
    name = world.unique("D")
    world.do("tina", "register_donor", pseudonym=name, birth_year=1993)
    assert world.codes("tina", "register_donor", pseudonym=name, birth_year=1990) == ["ALREADY_EXISTS"]


def test_a_clinician_does_not_register_donors(world: World) -> None:
    assert world.codes("clara", "register_donor", pseudonym=world.unique("D"), birth_year=1993) == ["ROLE_NOT_ALLOWED"]


def test_a_consent_is_recorded(world: World) -> None:
    donor = world.do("tina", "register_donor", pseudonym=world.unique("D"), birth_year=1993)
    consent = world.do(
        "tina",
        "record_consent",
        donor=donor["code"],
        version="3",
        scope="clinical_use",
        given_on="2026-03-01",
    )
    assert consent["state"] == "GIVEN"

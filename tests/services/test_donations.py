"""Donations: taken in, questioned, decided."""

import datetime
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellbank.domain.identifiers import is_fin
from cellbank.records.production import Donation
from cellbank.records.quality import Signature
from cellbank.services.acts import Malformed
from tests.factories import production as make
from tests.factories.definitions import in_force
from tests.factories.production import DAY, HOUR
from tests.factories.world import World


@pytest.fixture(scope="module")
def donor(world: World) -> str:
    in_force(world)
    return make.consented_donor(world)


def donation(world: World, code: str) -> Donation:
    with Session(world.installation.reads) as session:
        return session.scalars(select(Donation).where(Donation.code == code)).one()


def test_tissue_in_time_and_cold_is_accepted_under_a_new_din(world: World, donor: str) -> None:
    first = world.do("tina", "receive_donation", **make.arrival(world, donor, "placenta", length_cm="20"))
    second = world.do("taras", "receive_donation", **make.arrival(world, donor, "cord"))
    assert (first["state"], first["questions"], first["holds"]) == ("ACCEPTED", [], [])
    assert is_fin(first["code"][:5]) and len(first["code"]) == 13
    assert int(second["code"][7:]) == int(first["code"][7:]) + 1 and first["code"][5:7] == "25"
    assert donation(world, first["code"]).questions is None


def test_the_din_counts_by_the_year_of_the_site(world: World) -> None:
    new_year = datetime.datetime(2025, 12, 31, 22, 30, tzinfo=datetime.UTC)  # half past midnight in Kyiv
    given = {"collected_at": new_year - HOUR, "received_at": new_year}
    donor = make.consented_donor(world, delivered_at=new_year - 2 * HOUR)
    assert make.donation(world, donor, **given)[5:7] == "26"


def test_soft_limits_ask_a_quality_officer_who_did_not_receive_it(world: World, donor: str) -> None:
    warm = make.arrival(world, donor, transport_max_c="12", received_at=make.delivered(world) + 31 * HOUR)
    received = world.do("quinn", "receive_donation", **warm)
    assert received["state"] == "AWAITING_DECISION"
    assert [question["code"] for question in received["questions"]] == ["TOO_LATE", "TRANSPORT_TOO_WARM"]
    assert donation(world, received["code"]).questions == received["questions"]
    decision = {"donation": received["code"], "decision": "accept", "reason": "Stability data cover it"}
    assert world.codes("quinn", "decide_donation", **decision) == ["SAME_PERSON"]
    assert world.codes("tina", "decide_donation", **decision) == ["ROLE_NOT_ALLOWED"]
    assert world.codes("oksana", "decide_donation", **decision, password="not hers") == ["SIGNATURE_WRONG"]
    assert world.do("oksana", "decide_donation", **decision)["state"] == "ACCEPTED"
    row = donation(world, received["code"])
    with Session(world.installation.reads) as session:
        signed = select(Signature.meaning).where(Signature.record_kind == "donation", Signature.record_id == row.id)
        assert list(session.scalars(signed)) == ["approved"]
    assert world.codes("oksana", "decide_donation", **decision) == ["WRONG_STATE"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"transport_max_c": "25"}, "TRANSPORT_TOO_WARM"),
        ({"transport_min_c": "-2"}, "TRANSPORT_TOO_COLD"),
    ],
)
def test_hard_limits_of_temperature_refuse(world: World, donor: str, given: dict[str, Any], code: str) -> None:
    assert world.codes("tina", "receive_donation", **make.arrival(world, donor, **given)) == [code]


def test_hard_limits_of_time_refuse(world: World, donor: str) -> None:
    late = make.arrival(world, donor, received_at=make.delivered(world) + 50 * HOUR)
    assert world.codes("tina", "receive_donation", **late) == ["TOO_LATE"]


@pytest.mark.parametrize(
    ("collected", "received", "codes"),
    [
        (-1, 6, ["OUT_OF_ORDER"]),  # before the delivery
        (6, 5, ["OUT_OF_ORDER"]),  # received before it was collected
        (2400 + 1, 2400 + 2, ["IN_THE_FUTURE", "IN_THE_FUTURE"]),
        (25, 31, ["IMPROBABLE"]),  # a placenta follows the child within hours
    ],
)
def test_times_that_cannot_be(world: World, donor: str, collected: int, received: int, codes: list[str]) -> None:
    at = make.delivered(world)
    given = {"collected_at": at + collected * HOUR, "received_at": at + received * HOUR}
    assert world.codes("tina", "receive_donation", now=world.now, **make.arrival(world, donor, **given)) == codes


def test_nobody_gives_before_she_can_have_given_birth(world: World) -> None:
    donor = make.donor(world, delivered_at=make.delivered(world))
    world.do("tina", "record_consent", donor=donor, version="3", scope="clinical_use", given_on="2000-01-01")
    early = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
    given = make.arrival(world, donor, collected_at=early, received_at=early + HOUR)
    assert world.codes("tina", "receive_donation", **given) == ["OUT_OF_ORDER"]


def test_without_any_consent_nothing_is_taken_in(world: World) -> None:
    assert world.codes("tina", "receive_donation", **make.arrival(world, make.donor(world))) == ["CONSENT_MISSING"]


def test_tissue_of_a_donor_who_has_withdrawn_is_registered_and_held(world: World) -> None:
    donor = make.donor(world)
    consent = make.consent(world, donor)
    hold = world.do("tina", "withdraw_consent", consent=consent, reason="The donor changed her mind")["hold"]
    received = world.do("tina", "receive_donation", **make.arrival(world, donor))
    assert received["consent"] == "withdrawn" and [one["code"] for one in received["holds"]] == [hold]


def test_a_later_donation_of_an_eligible_donor_needs_specimens_of_its_own(world: World) -> None:
    donor = make.eligible_donor(world)
    assert make.donation(world, donor)
    later = make.delivered(world) + 30 * DAY
    given = make.arrival(world, donor, collected_at=later, received_at=later + HOUR)
    assert world.codes("tina", "receive_donation", **given) == ["IMPROBABLE"]
    received = world.do("tina", "receive_donation", improbable_because="Tissue of her second birth", **given)
    assert received["state"] == "AWAITING_DECISION"
    assert {question["code"] for question in received["questions"]} == {"SPECIMEN_OUTSIDE_WINDOW", "RETEST_DUE"}
    decision = {"donation": received["code"], "decision": "accept", "reason": "Same mother"}
    assert "SPECIMEN_OUTSIDE_WINDOW" in world.codes("quinn", "decide_donation", **decision)
    make.donor_results(world, donor, taken_at=later)
    assert world.do("quinn", "decide_donation", **decision)["state"] == "ACCEPTED"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("transport_max_c", "1"),
        ("transport_min_c", "NaN"),
        ("mass_g", "0"),
        ("length_cm", "-3"),
        ("tissue", "liver"),
        ("collected_at", "2026-01-01T10:00"),
        ("donor", "DRОООО"),
    ],
)
def test_what_cannot_be_read_is_malformed(world: World, donor: str, field: str, value: str) -> None:
    with pytest.raises(Malformed) as caught:
        world.try_act("tina", "receive_donation", **{**make.arrival(world, donor), field: value})
    assert field in [problem.field for problem in caught.value.problems]


def test_the_database_takes_no_donation_without_a_consent(world: World) -> None:
    donor = make.donor(world)
    statement = text(
        "INSERT INTO donation (site_id, donor_id, specification_id, code, tissue, collected_at, received_at, "
        "received_by_id, transport_min_c, transport_max_c, mass_g, integrity, state) SELECT 1, id, 1, "
        "'A999925999999', 'cord', now(), now(), 1, 2, 8, 80, 'intact', 'ACCEPTED' FROM donor WHERE code = :code"
    )
    with pytest.raises(IntegrityError, match="never consented"), world.installation.engine.begin() as connection:
        connection.execute(statement, {"code": donor})

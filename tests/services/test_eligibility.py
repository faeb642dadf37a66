"""Consent withdrawn, eligibility determined, and the holds that both place on everything below the donor."""

from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellbank.records.production import Donor, Lot
from cellbank.records.quality import Hold, Signature
from cellbank.records.trail import Act, Change
from tests.factories import production as make
from tests.factories.definitions import in_force
from tests.factories.lots import filled_lot, frozen_lot, open_lot
from tests.factories.production import DAY
from tests.factories.world import World


@pytest.fixture(scope="module", autouse=True)
def definitions(world: World) -> None:
    in_force(world)


def determination(donor: str, decision: str = "eligible") -> dict[str, str]:
    return {"donor": donor, "decision": decision, "reason": "Panel and history looked at"}


def lot(world: World, code: str) -> Lot:
    with Session(world.installation.reads) as session:
        return session.scalars(select(Lot).where(Lot.code == code)).one()


def holds(world: World, donor: str) -> list[str]:
    with Session(world.installation.reads) as session:
        found = select(Hold.state).join(Donor, Donor.id == Hold.donor_id).where(Donor.code == donor)
        return list(session.scalars(found))


def consented(world: World) -> tuple[str, str]:
    donor = make.donor(world)
    return donor, make.consent(world, donor)


# --- consent ----------------------------------------------------------------------------------


def test_a_consent_is_not_given_tomorrow(world: World) -> None:
    given = {"donor": make.donor(world), "version": "3", "scope": "clinical_use"}
    assert world.codes("tina", "record_consent", **given, given_on=(world.now + DAY).date()) == ["IN_THE_FUTURE"]
    assert world.codes("tina", "record_consent", **given, given_on=world.now.date()) == []


def test_withdrawal_stops_every_frozen_lot_and_remembers_its_state(world: World) -> None:
    donor, consent = consented(world)
    din = make.donation(world, donor)
    frozen, filling = frozen_lot(world, donation=din), open_lot(world, donation=din)
    other = frozen_lot(world)
    result = world.do("tina", "withdraw_consent", consent=consent, reason="The donor changed her mind")
    assert result["lots_stopped"] == [frozen.code] and holds(world, donor) == ["PLACED"]
    stopped = lot(world, frozen.code)
    assert (stopped.state, stopped.state_before_hold) == ("ON_HOLD", "QUARANTINE")
    assert lot(world, filling.code).state == "IN_PROCESS" and lot(world, other.code).state == "QUARANTINE"
    with Session(world.installation.reads) as session:
        changes = select(Change.record_kind).join(Act).where(Act.name == "withdraw_consent", Act.record_code == consent)
        assert set(session.scalars(changes)) == {"consent", "lot", "hold"}


def test_a_lot_frozen_after_the_withdrawal_is_born_on_hold(world: World) -> None:
    donor, consent = consented(world)
    filled = filled_lot(world, donation=make.donation(world, donor))
    world.do("tina", "withdraw_consent", consent=consent, reason="The donor changed her mind")
    at = make.delivered(world) + 15 * DAY + DAY / 24
    world.do("tina", "record_freezing", now=at, lot=filled.code, program="CRF-1")
    assert (lot(world, filled.code).state, lot(world, filled.code).state_before_hold) == ("ON_HOLD", "QUARANTINE")


def test_the_database_lets_no_lot_of_a_held_donor_into_quarantine(world: World) -> None:
    donor, consent = consented(world)
    filled = filled_lot(world, donation=make.donation(world, donor))
    world.do("tina", "withdraw_consent", consent=consent, reason="The donor changed her mind")
    with pytest.raises(IntegrityError, match="a hold is in force"), world.installation.engine.begin() as connection:
        connection.execute(text("UPDATE lot SET state = 'QUARANTINE' WHERE code = :lot"), {"lot": filled.code})


def test_a_consent_is_withdrawn_once_and_after_it_was_given(world: World) -> None:
    _, consent = consented(world)
    given = {"consent": consent, "reason": "The donor changed her mind"}
    assert world.codes("tina", "withdraw_consent", **given, withdrawn_on="2020-01-01") == ["OUT_OF_ORDER"]
    assert world.codes("tina", "withdraw_consent", **given, withdrawn_on="2026-03-09") == ["IN_THE_FUTURE"]
    assert world.codes("clara", "withdraw_consent", **given) == ["ROLE_NOT_ALLOWED"]
    world.do("tina", "withdraw_consent", **given)
    assert world.codes("tina", "withdraw_consent", **given) == ["WRONG_STATE"]


# --- eligibility ------------------------------------------------------------------------------


def test_an_eligible_donor_is_signed_for(world: World) -> None:
    code = make.eligible_donor(world)
    with Session(world.installation.reads) as session:
        donor = session.scalars(select(Donor).where(Donor.code == code)).one()
        signed = select(Signature.meaning).where(Signature.record_kind == "donor", Signature.record_id == donor.id)
        assert list(session.scalars(signed)) == ["approved"]
    assert donor.state == "ELIGIBLE" and donor.eligibility_reason == "Panel complete and negative"
    assert world.codes("quinn", "determine_eligibility", **determination(code)) == ["WRONG_STATE"]


def test_eligible_needs_consent_the_panel_and_a_quality_officer_who_signs(world: World) -> None:
    bare = make.donor(world)
    assert world.codes("quinn", "determine_eligibility", **determination(bare)) == [
        "CONSENT_MISSING",
        "PANEL_INCOMPLETE",
        "RETEST_DUE",
    ]
    ready = make.consented_donor(world)
    make.donor_results(world, ready)
    assert world.codes("tina", "determine_eligibility", **determination(ready)) == ["ROLE_NOT_ALLOWED"]
    wrong = {**determination(ready), "password": "not hers"}
    assert world.codes("quinn", "determine_eligibility", **wrong) == ["SIGNATURE_WRONG"]


def test_withdrawn_consent_is_no_consent(world: World) -> None:
    donor, consent = consented(world)
    make.donor_results(world, donor)
    world.do("tina", "withdraw_consent", consent=consent, reason="The donor changed her mind")
    assert world.codes("quinn", "determine_eligibility", **determination(donor)) == ["CONSENT_MISSING"]
    with pytest.raises(IntegrityError, match="no consent"), world.installation.engine.begin() as connection:
        connection.execute(text("UPDATE donor SET state = 'ELIGIBLE' WHERE code = :donor"), {"donor": donor})


@pytest.mark.parametrize(
    ("given", "code"),
    [({"reviewed": False}, "RESULT_NOT_REVIEWED"), ({"choice": "positive"}, "OUT_OF_SPECIFICATION")],
)
def test_results_speak_when_they_are_reviewed_and_negative(world: World, given: dict[str, Any], code: str) -> None:
    donor = make.consented_donor(world)
    make.donor_results(world, donor)
    again = make.delivered(world) + make.HOUR  # a sheet refuses what says the same as another result
    make.donor_results(world, donor, tests=("SYPHILIS",), taken_at=again, **given)
    assert world.codes("quinn", "determine_eligibility", **determination(donor)) == [code]


def test_a_disputed_result_does_not_count(world: World) -> None:
    donor = make.consented_donor(world)
    make.donor_results(world, donor)
    wrong = make.donor_results(world, donor, tests=("SYPHILIS",), choice="positive", reviewed=False)
    world.do("taras", "review_results", results=wrong, confirmed=False, note="Another donor's tube")
    assert world.codes("quinn", "determine_eligibility", **determination(donor)) == []


def test_ineligible_places_a_hold_on_everything_below(world: World) -> None:
    donor = make.consented_donor(world)
    frozen = frozen_lot(world, donation=make.donation(world, donor))
    result = world.do("quinn", "determine_eligibility", **determination(donor, "ineligible"))
    assert (result["state"], result["lots_stopped"], holds(world, donor)) == ("INELIGIBLE", [frozen.code], ["PLACED"])
    assert lot(world, frozen.code).state == "ON_HOLD"
    assert world.codes("quinn", "determine_eligibility", **determination(donor, "ineligible")) == ["WRONG_STATE"]


def test_an_eligible_donor_can_become_ineligible_and_the_hold_outlives_a_correction(world: World) -> None:
    donor = make.eligible_donor(world)
    world.do("quinn", "determine_eligibility", **determination(donor, "ineligible"))
    assert world.do("oksana", "determine_eligibility", **determination(donor))["state"] == "ELIGIBLE"
    assert holds(world, donor) == ["PLACED"]


def test_a_dry_run_changes_nothing(world: World) -> None:
    donor, consent = consented(world)
    looked = world.try_act("tina", "withdraw_consent", dry_run=True, consent=consent, reason="Only looking at it")
    assert looked.accepted and holds(world, donor) == []

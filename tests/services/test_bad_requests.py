"""What can be read but cannot be: times that do not fit, cells that came from nowhere, and the same request twice."""

import datetime
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from cellbank.records.production import Donor, ReagentLot
from cellbank.records.trail import Act, Change
from cellbank.services import performing
from tests.factories import clinic, production
from tests.factories.production import DAY, HOUR, arrival, consented_donor, delivered, donor, growing_culture
from tests.factories.world import World

YEAR = 365 * DAY


def reagent(world: World, **given: Any) -> dict[str, Any]:
    """A reagent lot as it is received."""
    usual = {"name": "DMSO", "manufacturer": "Maker", "manufacturer_lot": world.unique("K")}
    return {**usual, "expires_on": (world.now + YEAR).date(), **given}


# --- times ------------------------------------------------------------------------------------


@pytest.mark.requirement("R21")
@pytest.mark.parametrize("ahead", [HOUR, DAY, 100 * YEAR])
def test_nothing_has_happened_in_the_future(world: World, ahead: datetime.timedelta) -> None:
    later = world.now + ahead
    code, subject = consented_donor(world), clinic.screened_subject(world)
    culture = growing_culture(world)
    arrived = world.codes("tina", "receive_donation", **arrival(world, code, collected_at=later - 6 * HOUR))
    assert set(arrived) == {"IN_THE_FUTURE"}
    given = {"pseudonym": world.unique("D"), "birth_year": 1993, "delivered_at": later}
    assert world.codes("tina", "register_donor", **given) == ["IN_THE_FUTURE"]
    counted = {"culture": culture, "total_cells": 12_000_000, "viability_percent": "95", "harvested_at": later}
    assert world.codes("tina", "record_harvest", **counted) == ["IN_THE_FUTURE"]
    weight = {"subject": subject, "weight_kg": "60", "method": "bed_scale", "measured_at": later}
    assert "IN_THE_FUTURE" in world.codes("clara", "measure_weight", **weight)
    test = {"donor": code, "test": production.panel_codes()[0], "choice": "negative", "method": "PCR"}
    assert "IN_THE_FUTURE" in world.codes("tina", "enter_result", **test, started_at=later)


def test_a_day_in_the_future_has_not_been(world: World) -> None:
    tomorrow = (world.now + 2 * DAY).date()
    code = donor(world)
    given = {"donor": code, "version": "3", "scope": "clinical_use", "given_on": tomorrow}
    assert world.codes("tina", "record_consent", **given) == ["IN_THE_FUTURE"]
    consent = production.consent(world, code)
    withdrawn = {"consent": consent, "withdrawn_on": tomorrow, "reason": "Her decision"}
    assert world.codes("tina", "withdraw_consent", **withdrawn) == ["IN_THE_FUTURE"]
    person = {"trial_number": world.unique("T"), "second_identifier": world.unique("M"), "sex": "male", "arm": "EXP"}
    born = {"born_on": tomorrow, "consented_on": tomorrow}
    assert "IN_THE_FUTURE" in world.codes("clara", "enrol_subject", **person, **born)


def test_tissue_is_not_collected_before_the_delivery(world: World) -> None:
    early = arrival(world, consented_donor(world), collected_at=delivered(world) - HOUR)
    assert world.codes("tina", "receive_donation", **early) == ["OUT_OF_ORDER"]


def test_tissue_is_not_received_before_it_is_collected(world: World) -> None:
    at = delivered(world) + 2 * HOUR
    early = arrival(world, consented_donor(world), collected_at=at, received_at=at - HOUR)
    assert "OUT_OF_ORDER" in world.codes("tina", "receive_donation", **early)


def test_a_donor_is_not_delivered_before_she_was_born(world: World) -> None:
    given = {"pseudonym": world.unique("D"), "birth_year": 2031, "delivered_at": delivered(world)}
    assert "OUT_OF_ORDER" in world.codes("tina", "register_donor", **given)


def test_nobody_consents_before_birth(world: World) -> None:
    given = {"donor": donor(world), "version": "3", "scope": "clinical_use", "given_on": datetime.date(1950, 1, 1)}
    assert "OUT_OF_ORDER" in world.codes("tina", "record_consent", **given)
    person = {"trial_number": world.unique("T"), "second_identifier": world.unique("M"), "sex": "male", "arm": "EXP"}
    born = {"born_on": world.now.date(), "consented_on": (world.now - DAY).date()}
    assert "OUT_OF_ORDER" in world.codes("clara", "enrol_subject", **person, **born)


def test_a_consent_is_not_withdrawn_before_it_was_given(world: World) -> None:
    code = donor(world)
    given = {"consent": production.consent(world, code), "reason": "Her decision"}
    early = (delivered(world) - 300 * DAY).date()
    assert world.codes("tina", "withdraw_consent", **given, withdrawn_on=early) == ["OUT_OF_ORDER"]


def test_a_culture_is_not_harvested_before_it_was_started(world: World) -> None:
    counted = {"culture": growing_culture(world), "total_cells": 12_000_000, "viability_percent": "95"}
    early = world.codes("tina", "record_harvest", **counted, harvested_at=delivered(world))
    assert "OUT_OF_ORDER" in early


def test_a_result_is_not_read_before_its_specimen_was_taken(world: World) -> None:
    test = {"donor": donor(world), "test": production.panel_codes()[0], "choice": "negative", "method": "PCR"}
    times = {"started_at": world.now - DAY, "resulted_at": world.now - 2 * DAY}
    assert "OUT_OF_ORDER" in world.codes("tina", "enter_result", **test, **times)


# --- cells ------------------------------------------------------------------------------------


def test_fewer_cells_than_were_seeded_are_refused_until_somebody_vouches_for_the_count(world: World) -> None:
    parent = production.harvested_culture(world, total_cells=12_000_000)
    at = delivered(world) + 15 * DAY
    (child,) = production.passaged(world, parent, at)
    counted = {"culture": child, "total_cells": 2_999_999, "viability_percent": "100", "harvested_at": at + 4 * DAY}
    outcome = world.try_act("tina", "record_harvest", now=at + 4 * DAY, **counted)
    (refusal,) = outcome.refusals
    assert refusal.code.value == "FEWER_CELLS_THAN_SEEDED" and child in refusal.detail
    world.do("tina", "record_harvest", now=at + 4 * DAY, fewer_cells_confirmed=True, note="Counted twice", **counted)


# --- the same request twice -------------------------------------------------------------------


def rows_with(world: World, key: str) -> list[tuple[int, str]]:
    """The acts that a key belongs to, with how many rows each changed."""
    with Session(world.installation.reads) as session:
        changed = select(func.count()).select_from(Change).where(Change.act_id == Act.id).scalar_subquery()
        return [tuple(row) for row in session.execute(select(Act.id, Act.outcome, changed).where(Act.key == key))]


def test_the_same_request_twice_is_done_once_and_answered_twice(world: World) -> None:
    key, given = world.unique("key"), reagent(world)
    first = world.try_act("tina", "receive_reagent", key=key, **given)
    again = world.try_act("tina", "receive_reagent", key=key, **given)
    assert (first.repeated, again.repeated) == (False, True)
    assert (again.accepted, again.act, again.result) == (True, first.act, first.result)
    with Session(world.installation.reads) as session:
        lot = ReagentLot.manufacturer_lot == given["manufacturer_lot"]
        assert session.scalar(select(func.count()).select_from(ReagentLot).where(lot)) == 1
    assert [row[:2] for row in rows_with(world, key)] == [(first.act, "accepted")]


def test_a_refusal_is_repeated_too_even_if_it_would_now_be_accepted(world: World) -> None:
    key, code = world.unique("key"), donor(world)
    given = arrival(world, code)
    first = world.try_act("tina", "receive_donation", key=key, now=given["received_at"], **given)
    assert not first.accepted
    production.consent(world, code)
    again = world.try_act("tina", "receive_donation", key=key, now=given["received_at"], **given)
    assert again.repeated and again.act == first.act
    assert [refusal.as_json() for refusal in again.refusals] == [refusal.as_json() for refusal in first.refusals]


def test_the_same_key_with_other_content_is_refused_and_does_nothing(world: World) -> None:
    key, given = world.unique("key"), reagent(world)
    first = world.try_act("tina", "receive_reagent", key=key, **given)
    for act, other in (
        ("receive_reagent", {**given, "name": "Trypsin"}),
        ("register_donor", {"pseudonym": world.unique("D"), "birth_year": 1990}),
    ):
        outcome = world.try_act("tina", act, key=key, **other)
        assert [refusal.code.value for refusal in outcome.refusals] == ["KEY_REUSED"]
        assert str(first.act) in outcome.refusals[0].detail
    assert len(rows_with(world, key)) == 1


def test_a_key_is_its_owners_own(world: World) -> None:
    key = world.unique("key")
    first = world.try_act("tina", "receive_reagent", key=key, **reagent(world))
    other = world.try_act("taras", "receive_reagent", key=key, **reagent(world))
    assert first.accepted and other.accepted and first.act != other.act


def test_another_spelling_of_the_same_input_is_the_same_request(world: World) -> None:
    key, code = world.unique("key"), clinic.enrolled_subject(world)
    given = {"subject": code, "method": "bed_scale"}
    first = world.try_act("clara", "measure_weight", key=key, weight_kg="73,40 kg", **given)
    again = world.try_act("clara", "measure_weight", key=key, weight_kg=73.4, **{**given, "subject": code.lower()})
    assert again.repeated and again.act == first.act


def test_a_dry_run_uses_no_key_up(world: World) -> None:
    key, given = world.unique("key"), reagent(world)
    assert world.try_act("tina", "receive_reagent", key=key, dry_run=True, **given).accepted
    assert rows_with(world, key) == []
    assert not world.try_act("tina", "receive_reagent", key=key, **given).repeated


@pytest.mark.races
@pytest.mark.parametrize("same", [True, False])
def test_a_key_used_twice_at_once_does_one_thing(world: World, monkeypatch: pytest.MonkeyPatch, same: bool) -> None:
    """The second request comes while the first has opened its act and not closed it."""
    key, given = world.unique("key"), {"pseudonym": world.unique("D"), "birth_year": 1990}
    opened, close = threading.Event(), performing._close

    def close_slowly(session: Session, *more: Any) -> None:
        opened.set()
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%act%'")
        for _ in range(100):
            with world.installation.reads.connect() as connection:
                if connection.scalar(waiting):
                    break
            threading.Event().wait(0.02)
        close(session, *more)

    monkeypatch.setattr(performing, "_close", close_slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(world.try_act, "tina", "register_donor", key=key, **given)
        assert opened.wait(10)
        other = given if same else {**given, "birth_year": 1991}
        second = pool.submit(world.try_act, "tina", "register_donor", key=key, **other)
        one, two = first.result(), second.result()
    assert one.accepted and len(rows_with(world, key)) == 1
    if same:
        assert (two.repeated, two.act, two.result) == (True, one.act, one.result)
    else:
        assert [refusal.code.value for refusal in two.refusals] == ["KEY_REUSED"]
    with Session(world.installation.reads) as session:
        donors = select(func.count()).select_from(Donor).where(Donor.pseudonym == given["pseudonym"])
        assert session.scalar(donors) == 1

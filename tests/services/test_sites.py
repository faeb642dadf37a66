"""More sites than one: who works where, and that nothing of one is touched from another."""

import datetime
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellbank.domain.lifecycle.meanings import STATES
from cellbank.records.base import Base
from cellbank.records.belonging import ABOUT, WHOLE_BANK
from cellbank.records.production import Donor
from cellbank.records.work import Work
from cellbank.services.acts import Malformed, Outcome
from cellbank.services.installation import server_time
from cellbank.services.people.actors import actor_by_name, actor_by_token
from cellbank.services.people.sites import list_sites
from cellbank.services.trail.verification import verify
from tests.conftest import Furnished
from tests.factories.by_hand import open_act
from tests.factories.clinic import enrolled_subject
from tests.factories.doses import ordered_dose, product_lot, weighed_subject
from tests.factories.holds import lot_row, stands
from tests.factories.lots import frozen_lot
from tests.factories.people import confirm
from tests.factories.production import accepted_reagent, arrival, delivered, donor, harvested_culture
from tests.factories.quality import passed_lot, released_lot
from tests.factories.receiving import accepted_shipment
from tests.factories.sites import SecondSite, at, second_site
from tests.factories.temperature import as_csv, import_file, probe, steady, tank
from tests.factories.world import World

DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def there(world: World) -> SecondSite:
    return second_site(world)


# --- sites and who works where ----------------------------------------------------------------

SITE = {"name": "Clinic", "fin": "A9997", "fin_registered": False, "timezone": "Europe/Lisbon"}


def test_an_administrator_adds_a_site(world: World) -> None:
    made = world.do("ada", "add_site", code="clinic-7", **SITE)
    assert made["code"] == "CLINIC-7"
    found = next(site for site in list_sites(world.installation) if site.code == "CLINIC-7")
    assert (found.name, found.fin, found.timezone, found.people) == ("Clinic", "A9997", "Europe/Lisbon", ())
    assert world.codes("ada", "add_site", code="CLINIC-7", **SITE) == ["ALREADY_EXISTS"]
    assert world.codes("quinn", "add_site", code="CLINIC-8", **SITE) == ["ROLE_NOT_ALLOWED"]


@pytest.mark.parametrize(
    ("field", "value", "limit"),
    [
        ("code", "A", "form"),
        ("code", "KYIV 2", "form"),
        ("code", "КИЇВ", "form"),
        ("fin", "A99", "5 characters"),
        ("fin", "O9999", "5 characters"),
        ("fin_registered", True, "must be no for A9990 to A9999"),
        ("timezone", "Mars", "IANA"),
        ("name", "x" * 61, "60"),
    ],
)
def test_what_no_site_can_be_is_named(world: World, field: str, value: Any, limit: str) -> None:
    with pytest.raises(Malformed) as malformed:
        world.do("ada", "add_site", **{"code": "CLINIC-9", **SITE, field: value})
    [problem] = malformed.value.problems
    assert problem.field == field and limit in problem.message


def test_a_number_that_is_not_set_aside_must_be_registered(world: World) -> None:
    with pytest.raises(Malformed, match="must be yes"):
        world.do("ada", "add_site", **{"code": "CLINIC-9", **SITE, "fin": "W0000"})


def test_two_sites_of_one_facility_count_donations_in_one_series(world: World) -> None:
    first, second = second_site(world), second_site(world)  # both of A9998
    codes = [_received(world, site) for site in (first, second, first)]
    numbers = [int(code[7:]) for code in codes]
    assert [code[:5] for code in codes] == ["A9998"] * 3
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]


def _received(world: World, site: SecondSite) -> str:
    given = {"pseudonym": world.unique("PL"), "birth_year": 1990, "delivered_at": delivered(world)}
    code = world.do(site.technician, "register_donor", **given)["code"]
    consent = {"version": "3", "scope": "clinical_use", "given_on": "2025-01-05"}
    world.do(site.technician, "record_consent", donor=code, **consent)
    return str(world.do(site.technician, "receive_donation", **arrival(world, code))["code"])


def test_where_somebody_works_is_the_administrators_to_say_and_stands_in_the_trail(
    world: World, there: SecondSite
) -> None:
    their_home = second_site(world)
    name = their_home.technician
    assert actor_by_name(world.installation, name, there.code).site_code != there.code
    world.do("ada", "change_sites", name=name, sites=["MAIN", there.code], reason="Covers for a colleague")
    assert actor_by_name(world.installation, name, there.code).site_code != there.code
    changed = confirm(world, name, by=their_home.quality_officer)
    assert actor_by_name(world.installation, name, there.code).site_code == there.code
    assert actor_by_name(world.installation, name, "MAIN").zone == "Europe/Kyiv"
    home = actor_by_name(world.installation, name)
    assert home.sites == (home.site_code, "MAIN", there.code)
    with Session(world.installation.reads) as session:
        told = text(
            "SELECT c.after->'also_at' FROM change c JOIN act a ON a.id = c.act_id"
            " WHERE a.name = 'confirm_account_change' AND a.record_code = :code AND c.record_kind = 'person'"
            " ORDER BY c.id DESC LIMIT 1"
        )
        assert session.scalar(told, {"code": changed["code"]}) == ["MAIN", there.code]
    world.do("ada", "change_sites", name=name, sites=[], reason="Is back at home")
    assert actor_by_name(world.installation, name, there.code).site_code == home.site_code
    assert world.codes("ada", "change_sites", name=name, sites=["NOWHERE"], reason="A mistake") == ["NOT_FOUND"]
    assert world.codes("quinn", "change_sites", name=name, sites=[], reason="A mistake") == ["ROLE_NOT_ALLOWED"]


def test_a_key_of_a_program_acts_at_the_site_that_is_asked_for(world: World, there: SecondSite) -> None:
    at(world, "tina", there.code)
    token = world.do("tina", "create_token", title="x", now=server_time())["token"]
    assert actor_by_token(world.installation, token, there.code).site_code == there.code
    assert actor_by_token(world.installation, token).site_code == "MAIN"


def test_every_kind_of_record_is_of_a_site_or_of_the_whole_bank() -> None:
    tables = Base.metadata.tables
    with_site = {kind for kind in STATES if kind in tables and "site_id" in tables[kind].c}
    assert set(STATES) == with_site | set(ABOUT) | WHOLE_BANK


# --- at home, elsewhere -----------------------------------------------------------------------


def test_a_refusal_names_both_sites_and_who_can_do_it(world: World, there: SecondSite) -> None:
    code = donor(world)
    outcome = world.try_act(there.quality_officer, "hold_donor", donor=code, reason="Heard of a fever")
    told = (
        f"Donor {code} is of site MAIN, and you act at {there.code}. "
        "Ask there, or switch to that site if you work there."
    )
    assert [refusal.detail for refusal in outcome.refusals] == [told]


def test_what_is_made_there_is_of_there_and_touched_from_nowhere_else(world: World, there: SecondSite) -> None:
    given = {"pseudonym": world.unique("PL"), "birth_year": 1990}
    code = world.do(there.technician, "register_donor", **given)["code"]
    with Session(world.installation.reads) as session:
        assert session.scalar(text("SELECT site_id FROM donor WHERE code = :code"), {"code": code}) == there.id
    hold = {"donor": code, "reason": "Heard of a fever"}
    assert world.codes("quinn", "hold_donor", **hold) == ["OTHER_SITE"]
    assert world.codes(at(world, "quinn", there.code), "hold_donor", **hold) == []


def test_whoever_works_at_both_acts_at_one_of_them(world: World, there: SecondSite) -> None:
    code, taras_there = tank(world), at(world, "taras", there.code)
    stopped = {"unit": code, "reason": "The lid does not close"}
    assert world.codes(taras_there, "take_out_of_service", **stopped) == ["OTHER_SITE"]
    assert world.codes("taras", "take_out_of_service", **stopped) == []


def test_nothing_is_put_into_a_unit_of_another_site(world: World, there: SecondSite) -> None:
    unit, spare = tank(world), world.do(there.technician, "add_storage_unit", type="tank", name="There")["code"]
    into = {"type": "rack", "name": "Rack 1", "parent": spare}
    assert world.codes("tina", "add_storage_unit", **into) == ["OTHER_SITE"]
    rack = world.do("tina", "add_storage_unit", **{**into, "parent": unit})["code"]
    assert world.codes("tina", "move_storage_unit", unit=rack, into=spare, now=world.now + DAY) == ["OTHER_SITE"]
    assert world.codes("tina", "relocate_unit", unit=unit, into=spare, reason="It fails") == ["OTHER_SITE"]
    vials = list(frozen_lot(world, vials=2).vials)
    box_there = world.do(there.technician, "add_storage_unit", type="box", name="Box", parent=spare, rows=2, columns=2)
    assert world.codes("tina", "store_vials", vials=vials, box=box_there["code"]) == ["OTHER_SITE"]


def test_a_lot_is_stopped_from_anywhere_and_let_go_at_its_site(world: World, there: SecondSite) -> None:
    lot = released_lot(world, vials=2).code
    hold = world.do(there.quality_officer, "hold_lot", lot=lot, reason="A vial looks odd here")["code"]
    assert stands(world, lot) == [("ON_HOLD", "RELEASED")]
    lift = {"hold": hold, "reason": "It was the light"}
    assert world.codes(there.other_quality_officer, "lift_hold", **lift) == ["OTHER_SITE"]
    world.do("oksana", "lift_hold", **lift)
    assert stands(world, lot) == [("RELEASED", None)]


def test_the_lot_of_another_site_stays_stopped_when_the_hold_of_a_tank_is_lifted(world: World) -> None:
    parcel = accepted_shipment(world)
    vial, lot = parcel.vials[0], parcel.lot.code
    with Session(world.installation.reads) as session:
        place = text(
            "SELECT b.code FROM placement p JOIN storage_unit b ON b.id = p.box_id JOIN vial v"
            " ON v.id = p.vial_id WHERE v.code = :vial AND p.taken_at IS NULL"
        )
        unit = session.scalar(place, {"vial": vial})
    later = parcel.at + 2 * DAY
    world.do(parcel.to.technician, "report_storage_failure", now=later, unit=unit, reason="Its alarm went off")
    with Session(world.installation.reads) as session:
        holds = text(
            "SELECT code FROM hold WHERE state = 'PLACED' AND (lot_id = :lot OR storage_unit_id IS NOT NULL)"
            " ORDER BY id DESC"
        )
        [hold, *_] = session.scalars(holds, {"lot": lot_row(world, lot).id}).all()
    lift = {"reason": "The alarm was false", "now": later + DAY}
    told = world.do(parcel.to.quality_officer, "lift_hold", hold=hold, **lift)
    assert (told["lots_returned"], told["lots_of_other_sites"]) == ({}, [lot])
    assert stands(world, lot) == [("ON_HOLD", "RELEASED")]
    with Session(world.installation.reads) as session:
        [own, *_] = session.scalars(holds, {"lot": lot_row(world, lot).id}).all()
    assert world.codes(parcel.to.other_quality_officer, "lift_hold", hold=own, **lift)[0] == "OTHER_SITE"
    world.do("oksana", "lift_hold", hold=own, **lift)
    assert stands(world, lot) == [("RELEASED", None)]


def test_a_dose_takes_vials_that_stand_where_it_is_ordered_whoever_made_their_lot(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    parcel = accepted_shipment(world, lot=product_lot(world, vials=10), vials=5)
    later = parcel.at + 2 * DAY
    at_home = ordered_dose(world, lot=parcel.lot, at=later)
    assert set(at_home.vials) <= set(parcel.lot.vials) - set(parcel.vials)
    monkeypatch.setitem(world.people, "clara", world.people[parcel.to.clinician])
    monkeypatch.setitem(world.people, "cyril", world.people[parcel.to.other_clinician])
    subject = weighed_subject(world, at=later)
    monkeypatch.undo()
    given = {"subject": subject, "now": later}
    assert "OTHER_SITE" in world.codes("clara", "order_dose", **given)
    told = world.do(parcel.to.clinician, "order_dose", **given)
    assert set(told["vials"]) <= set(parcel.vials)
    with Session(world.installation.reads) as session:
        dose = text("SELECT site_id FROM dose WHERE code = :code")
        assert session.scalar(dose, {"code": told["code"]}) == parcel.to.id
    assert world.codes("clara", "cancel_dose", dose=told["code"], reason="A mistake") == ["OTHER_SITE"] * 5


def test_a_person_looks_for_the_silent_probes_of_their_site(world: World, there: SecondSite) -> None:
    code, later = probe(world), world.now + DAY
    import_file(world, code, as_csv(steady(world.now - DAY, 3)))
    here = world.try_act("tina", "look_for_silence", dry_run=True, now=later).result["silent"]
    assert code in here
    assert world.do(there.technician, "look_for_silence", now=later) == {"silent": []}


# --- the database says it again ---------------------------------------------------------------

INELIGIBLE = {"decision": "ineligible", "reason": "A fever"}


@pytest.mark.parametrize(
    ("act", "who", "given"),
    [
        ("determine_eligibility", "quality_officer", lambda w: {"donor": donor(w), **INELIGIBLE}),
        ("finish_culture", "technician", lambda w: {"culture": harvested_culture(w)}),
        ("take_out_of_service", "technician", lambda w: {"unit": tank(w), "reason": "The lid does not close"}),
        ("discard_vial", "technician", lambda w: {"vial": frozen_lot(w, vials=2).vials[0], "reason": "Broken"}),
        ("withdraw_subject", "clinician", lambda w: {"subject": enrolled_subject(w), "reason": "Moved away"}),
        ("cancel_dose", "clinician", lambda w: {"dose": ordered_dose(w).code, "reason": "Fever"}),
        ("open_reagent", "technician", lambda w: {"reagent": accepted_reagent(w)}),
        ("release_lot", "quality_officer", lambda w: {"lot": passed_lot(w, vials=2).code}),
    ],
)  # fmt: skip
@pytest.mark.the_database_refuses("a_record_is_changed_at_its_site")
def test_the_database_changes_a_record_at_its_site_only(
    world: World, there: SecondSite, monkeypatch: pytest.MonkeyPatch, act: str, who: str, given: Any
) -> None:
    inputs = given(world)
    monkeypatch.setattr(Work, "site_refusals", lambda *_: [])
    later = world.now + 300 * DAY
    outcome = world.try_act(getattr(there, who), act, now=later, **inputs)
    assert [refusal.code.value for refusal in outcome.refusals] == ["OTHER_SITE"]


@pytest.mark.the_database_refuses("a_record_is_changed_at_its_site")
def test_the_database_puts_nothing_into_a_unit_of_another_site(
    world: World, there: SecondSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    spare = world.do(there.technician, "add_storage_unit", type="tank", name="Spare")["code"]
    box_there = world.do(there.technician, "add_storage_unit", type="box", name="Box", parent=spare, rows=2, columns=2)
    vials, unit = list(frozen_lot(world, vials=2).vials), tank(world)
    rack = world.do("tina", "add_storage_unit", type="rack", name="Rack", parent=unit)["code"]
    monkeypatch.setattr(Work, "site_refusals", lambda *_: [])
    assert world.codes("tina", "add_storage_unit", type="rack", name="Rack", parent=spare) == ["OTHER_SITE"]
    assert world.codes("tina", "move_storage_unit", unit=rack, into=spare, now=world.now + DAY) == ["OTHER_SITE"]
    assert world.codes("tina", "store_vials", vials=vials, box=box_there["code"]) == ["OTHER_SITE"]


def test_the_database_lets_nothing_be_made_for_another_site(world: World, there: SecondSite) -> None:
    elsewhere = replace(world.people[there.technician], site_code="MAIN")
    with (
        Session(world.installation.engine) as session,
        pytest.raises(IntegrityError, match="a_record_is_changed_at_its_site"),
    ):
        open_act(session, "register_donor", site=elsewhere.site_id, person=elsewhere.id)
        session.add(Donor(site_id=1, code="DRX", pseudonym=world.unique("PL"), birth_year=1990, state="REGISTERED"))
        session.flush()


# --- a chain for each site --------------------------------------------------------------------


def test_two_sites_that_act_at_once_have_a_chain_each(furnished: Furnished, tmp_path: Path) -> None:
    with furnished.world("two_chains", tmp_path) as world:
        there = second_site(world)
        before = _heads(world)
        with ThreadPoolExecutor(4) as pool:
            everybody = [who for _ in range(6) for who in (there.technician, "tina", there.clinician, "clara")]
            reports = [pool.submit(_unreadable, world, who) for who in everybody]
            assert all(report.result().accepted for report in reports)
        after = _heads(world)
        assert after[there.id] - before.get(there.id, 0) == 12 and after[1] - before[1] == 12
        verdict = verify(world.installation, lambda *_: None)
        assert verdict.fault is None and len(verdict.heads) == len(after)


def _unreadable(world: World, who: str) -> Outcome:
    return world.try_act(who, "report_unreadable_scan", raw="A9999", reason="Cut short")


def _heads(world: World) -> dict[int, int]:
    with Session(world.installation.reads) as session:
        return dict(session.execute(text("SELECT site_id, max(number) FROM seal GROUP BY site_id")).all())

"""Any record with its signatures and its history, as JSON and on paper."""

import datetime
import json
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from cellbank.domain.identifiers import Kind, printed, record_code
from cellbank.records.base import as_json
from cellbank.services.documents.issuing import unissued_file
from cellbank.services.documents.papers import digest_of
from cellbank.services.documents.record_export import NOT_YET, export
from cellbank.services.finding.missing import NotHere, Unreadable
from cellbank.services.installation import Installation
from tests.factories.doses import prepared_dose, weighed_subject
from tests.factories.production import donation, eligible_donor, harvested_culture
from tests.factories.quality import released_lot
from tests.factories.world import World
from tests.services.test_documents import words

KYIV = ZoneInfo("Europe/Kyiv")


@pytest.fixture(scope="module")
def lot(world: World) -> str:
    return released_lot(world, vials=3).code


@pytest.mark.requirement("R2")
@pytest.mark.requirement("R10")
def test_a_record_comes_with_its_signatures_and_every_act_on_it(installation: Installation, lot: str) -> None:
    data = json.loads(as_json(export(installation, lot).as_data()))
    assert (data["kind"], data["code"], data["record"]["state"]) == ("lot", lot, "RELEASED")
    assert data["record"]["donation_id"].startswith("A9999")  # a key is what it points at
    assert [(one["person"], one["meaning"], one["is_void"]) for one in data["signatures"]] == [
        ("Oksana Quality", "released", False)
    ]
    names = [event["name"] for event in data["history"]]
    assert names[0] == "release_lot" and names[-1] == "open_lot" and {"record_freezing", "close_filling"} <= set(names)
    filled = next(event for event in data["history"] if event["name"] == "close_filling")
    assert {"label": "State", "before": "IN_PROCESS", "after": "FILLED"}.items() <= filled["changes"][0].items()
    assert data["digest"] == digest_of({name: value for name, value in data.items() if name != "digest"})


@pytest.mark.requirement("R2")
@pytest.mark.requirement("R10")
def test_the_same_stands_on_paper(installation: Installation, lot: str) -> None:
    said = words(unissued_file(installation, "trail", lot))
    found = export(installation, lot)
    at = found.signatures[0].at.astimezone(KYIV)
    assert f"Oksana Quality Released {at:%Y-%m-%d %H:%M %Z} valid" in said
    for event in found.history.events:
        assert f"{event.act} {event.at.astimezone(KYIV):%Y-%m-%d %H:%M %Z}" in said and event.title in said
    assert "State: filled (was in process)" in said.replace("Filled", "filled").replace("In process", "in process")


def test_who_a_subject_is_and_secrets_are_not_exported(world: World, installation: Installation) -> None:
    subject = weighed_subject(world)
    person = export(installation, _badge(world, "tina"))
    assert person.columns["password_hash"] == "(hidden)" and "argon2" not in as_json(person.as_data())
    found = export(installation, subject)
    assert found.columns["second_identifier"] == found.columns["born_on"] == "(hidden)"
    assert export(installation, subject).as_data() == found.as_data()


def _badge(world: World, name: str) -> str:
    with world.installation.reads.connect() as connection:
        return str(connection.scalar(text("SELECT code FROM person WHERE name = :name"), {"name": name}))


def test_a_weight_that_waits_for_its_second_reader_is_not_told(world: World, installation: Installation) -> None:
    subject = weighed_subject(world)
    given = {"subject": subject, "weight_kg": "71.3", "method": "standing_scale", "measured_at": world.now}
    weight = world.do("clara", "measure_weight", **given)["code"]
    exported = export(installation, weight)
    assert exported.columns["weight_kg"] == NOT_YET and "71.3" not in as_json(exported.as_data())
    assert "71.3" not in words(unissued_file(installation, "trail", weight))


@pytest.mark.parametrize("kind", ["donor", "donation", "culture", "dose"])
def test_every_kind_has_its_trail(world: World, installation: Installation, kind: str) -> None:
    make = {
        "donor": lambda: eligible_donor(world),
        "donation": lambda: donation(world),
        "culture": lambda: harvested_culture(world),
        "dose": lambda: prepared_dose(world).code,
    }
    code = make[kind]()
    found = export(installation, code)
    assert found.kind == kind and found.history.total == len(found.history.events) > 0
    assert printed(code) in words(unissued_file(installation, "trail", code))


def test_codes_of_nothing(installation: Installation) -> None:
    with pytest.raises(NotHere):
        export(installation, record_code(Kind.LOT, 31**4))
    with pytest.raises(Unreadable):
        export(installation, "ab; DROP TABLE lot")


def test_times_keep_their_zone_through_both_changes_of_the_clock(world: World, installation: Installation) -> None:
    """2026-10-25 03:30 happens twice in Kyiv: in an hour of summer, then in an hour of winter."""
    twice = [datetime.datetime(2026, 10, 25, hour, 30, tzinfo=datetime.UTC) for hour in (0, 1)]
    given = {"type": "tank", "name": world.unique("Tank")}
    code = world.do("tina", "add_storage_unit", now=twice[0], **given)["code"]
    world.do("tina", "take_out_of_service", now=twice[1], unit=code, reason="Filled with nitrogen")
    said = words(unissued_file(installation, "trail", code))
    assert "2026-10-25 03:30 EEST Add" in said and "2026-10-25 03:30 EET Take" in said

"""Who a subject is, is told to whoever asks, and the asking is in the trail; nowhere else does it appear."""

import json

import pytest
from sqlalchemy import text

from cellbank.services.installation import Installation
from cellbank.services.lookup import lists
from cellbank.services.lookup.scanning import look_up
from cellbank.services.lookup.tracing import trace
from cellbank.services.trail.history import done, history
from cellbank.services.trail.trail_search import Query, search
from tests.factories.doses import ordered_dose
from tests.factories.world import World

pytestmark = pytest.mark.requirement("R5")


def identity(installation: Installation, subject: str) -> tuple[str, str]:
    with installation.reads.connect() as connection:
        statement = text("SELECT second_identifier, born_on::text FROM subject WHERE code = :code")
        return tuple(connection.execute(statement, {"code": subject}).one())


def test_looking_is_an_act_that_tells_once(installation: Installation, world: World) -> None:
    subject = ordered_dose(world).subject
    second, born = identity(installation, subject)
    for who in ("clara", "quinn", "otto"):
        key = world.unique("look")
        outcome = world.try_act(who, "look_at_identity", subject=subject, key=key)
        assert outcome.result["identity"] == {"second_identifier": second, "born_on": born}
        again = world.try_act(who, "look_at_identity", subject=subject, key=key)
        assert again.repeated and "identity" not in again.result
        with installation.reads.connect() as connection:
            row = connection.execute(text("SELECT * FROM act WHERE id = :act"), {"act": outcome.act}).one()
        assert row.record_code == subject and second not in json.dumps([row.given, row.result])
    titles = [event.title for event in history(installation, "subject", subject).events]
    assert titles[:3] == ["Show the identity of a subject"] * 3


def test_a_technician_and_an_administrator_may_not_look(world: World) -> None:
    subject = ordered_dose(world).subject
    for who in ("tina", "ada"):
        assert world.codes(who, "look_at_identity", subject=subject) == ["ROLE_NOT_ALLOWED"]


def test_no_card_list_trace_or_history_tells_it(installation: Installation, world: World) -> None:
    dose = ordered_dose(world)
    second, born = identity(installation, dose.subject)
    actor = world.people["clara"]
    told = [
        look_up(installation, actor, dose.subject).as_json(),
        look_up(installation, actor, dose.code).as_json(),
        trace(installation, dose.subject).as_json(),
        lists.find(installation, "subjects", dose.subject).rows,
        [event.changes for event in history(installation, "subject", dose.subject).events],
    ]
    said = json.dumps(told, default=str)
    assert second not in said and born not in said
    assert lists.find(installation, "subjects", second).rows == ()
    hidden = [
        line
        for event in history(installation, "subject", dose.subject).events
        for line in event.changes
        if line.column in ("second_identifier", "born_on")
    ]
    assert [line.after for line in hidden] == ["(hidden)", "(hidden)"]


def test_a_refused_enrolment_does_not_tell_it_to_the_readers_of_the_trail(
    installation: Installation, world: World
) -> None:
    subject = ordered_dose(world).subject
    second, born = identity(installation, subject)
    given = {"trial_number": world.unique("T"), "second_identifier": second, "sex": "female", "born_on": born,
             "consented_on": "2026-02-01", "arm": "EXP"}  # fmt: skip
    outcome = world.try_act("clara", "enrol_subject", **given)
    assert second in outcome.refusals[-1].detail or second in outcome.refusals[0].detail
    (line,) = search(installation, Query(act="enrol_subject", outcome="refused"))[:1]
    assert line.id == outcome.act
    kept_act = done(installation, outcome.act, world.people["clara"].id)
    assert kept_act is not None
    kept = [*line.reasons, *(item["detail"] for item in kept_act.refusals)]
    assert kept and not any(second in sentence or born in sentence for sentence in kept)

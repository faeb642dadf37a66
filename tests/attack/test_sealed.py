"""What a screen sealed is opened behind the one entrance for texts: it is cleaned and bounded there once more. Anybody
can seal."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from cellbank.services.clinic.offline import Came
from cellbank.services.installation import server_time
from tests.attack.patient import patient_app
from tests.attack.size import sized
from tests.factories.doses import MINUTE
from tests.factories.sealing import seal, signed
from tests.factories.world import PASSWORD, World
from tests.services.test_offline import checked_once, deviations, kept_of, send
from tests.web.conftest import Browser

__all__ = ["patient_app"]

pytestmark = pytest.mark.requirement("R15")

FOREIGN = ("a\0b", "\ud800", "\x1b[31m", "\x7f", "␀", "x" * 39_000, "9" * 5000, "\u202e", "")
TIMES = (
    "0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59Z",
    "1e30", "-1", "2026-02-30T00:00Z", "2026-01-01T00:00:00+99:99",
)  # fmt: skip
ODD = (*FOREIGN, 7, None, True, [], {}, 1e300, ["x"] * 50)


class Answers:
    """What the two doors for sealed things answered."""

    def __init__(self, app: Flask, world: World):
        self.world, self.screen, self.found = world, Browser(app.test_client()), []
        self.screen.enter("clara")
        self.screen.get("/")

    def send(self, path: str, body: Any, what: Any) -> str:
        headers = {"X-CSRFToken": self.screen.token}
        answer = self.screen.client.post(path, data=json.dumps(body), content_type="application/json", headers=headers)
        if answer.status_code >= 500:
            self.found.append((path, repr(what)[:300]))
        return str(answer.json and answer.json.get("came"))

    def keep(self, header: Any, content: Any, proof: Any = None) -> str:
        act = seal(self.world.installation.keys.newest.public, header, content)
        return self.send("/bedside/kept", {"act": act, "proof": proof}, (header, content))


@pytest.fixture
def answers(patient_app: Flask, world: World) -> Answers:
    return Answers(patient_app, world)


def test_nothing_that_is_sealed_is_an_error(answers: Answers, tried: Callable[..., None]) -> None:
    world, dose, now = answers.world, checked_once(answers.world), server_time()
    public = world.installation.keys.newest.public
    kept = {"id": "x" * 20, "act": "record_reaction", "dose": dose.code, "site": "MAIN", "name": "clara",
            "at": now.isoformat()}  # fmt: skip
    given = {"dose": dose.code, "reaction": "Rash", "serious": "true"}
    content = {"name": "clara", "password": PASSWORD, "given": given, "judgement": signed(world, dose.code, now)}
    stop = {"id": "y" * 20, "dose": dose.code, "at": now.isoformat(), "why": "WRISTBAND_MISMATCH"}
    odd = [(name, one) for name in (*kept, "why", "key") for one in ODD] + [("at", at) for at in TIMES]
    for name, one in odd:
        answers.keep({**kept, name: one}, content)
        answers.send("/bedside/stopped", seal(public, {**stop, name: one}, {"raw": "x"}), (name, one))
    for one in ODD[:: sized(3, 1)]:
        for name in ("reaction", "serious", "dose", "happened_at", "password", "one\0two"):
            answers.keep(kept, {**content, "given": {**given, name: one}})
        for name in content:
            answers.keep(kept, {**content, name: one})
            answers.keep(kept, content, proof=seal(public, {"id": kept["id"]}, {**content, name: one}))
        for what in ({"raw": one}, one, [one]):
            answers.send("/bedside/stopped", seal(public, stop, what), what)
            answers.keep(kept, what)
    for at in TIMES[:: sized(2, 1)]:
        payload = {"dose": dose.code, "site": "MAIN", "at": at, "until": at}
        answers.keep(kept, {**content, "judgement": world.installation.keys.sign(json.dumps(payload))})
    tried(2 * len(odd) + sized(6, 20) * len(ODD))
    assert not answers.found


@pytest.mark.parametrize("odd", ["Rash\0 and more", "Rash \ud800", "Rash \x1b[31m"])
def test_what_was_done_to_a_patient_is_kept_whatever_was_typed(world: World, odd: str) -> None:
    dose = checked_once(world)
    told = kept_of(world, dose, "clara", "record_reaction", 45, {"reaction": odd, "serious": "true"})
    answer = send(world, told, dose.at + 60 * MINUTE)
    assert answer.came is Came.UNREADABLE and answer.deviation is not None
    assert "Rash" in deviations(world, dose)[0]


@pytest.mark.parametrize("at", TIMES)
def test_a_time_that_no_clock_shows_is_told_to_the_screen(world: World, at: str) -> None:
    dose = checked_once(world)
    told = kept_of(world, dose, "clara", "record_reaction", 45, {"reaction": "Rash", "serious": "true"})
    header = {**json.loads(told["act"]["header"]), "at": at}
    content = {"name": "clara", "password": PASSWORD, "given": {}, "judgement": None}
    answer = send(world, {"act": seal(world.installation.keys.newest.public, header, content)}, dose.at + 60 * MINUTE)
    assert answer.came is Came.UNREADABLE and answer.problems


@pytest.mark.parametrize("names", ["zzz", "", "VL0001"])
def test_what_names_no_dose_is_kept_in_its_words(world: World, names: str) -> None:
    dose = checked_once(world)
    given = {"reaction": "Rash all over", "serious": "true", "dose": names}
    answer = send(world, kept_of(world, dose, "clara", "record_reaction", 45, given), dose.at + 60 * MINUTE)
    assert answer.came is not Came.RECORDED and answer.deviation is not None
    with world.installation.reads.connect() as connection:
        kept = text("SELECT description FROM deviation WHERE code = :code")
        assert "Rash all over" in connection.execute(kept, {"code": answer.deviation}).scalar_one()

"""JSON that no act can use: answered 422 with the field, never 500, and nothing is changed."""

import json

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cellbank.records.trail import Act, Change
from tests.factories.world import World
from tests.services.bad_values import SECRET, unknown_code

SUBJECT = unknown_code("SJ")
WEIGHT = f'{{"subject": "{SUBJECT}", "method": "bed_scale", "weight_kg": %s}}'


@pytest.fixture(autouse=True)
def nothing_changes(world: World):
    def count() -> int | None:
        with Session(world.installation.reads) as session:
            return session.scalar(select(func.count()).select_from(Change))

    before = count()
    yield
    assert count() == before


@pytest.fixture(scope="module", autouse=True)
def _tokens_first(tokens: dict[str, str]) -> None:
    """They are records too, made before anything is counted."""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("7340", "between 0.3 and 400.0 kg; 7340 was given"),
        ('"160 lb"', "kilograms; 160 lb was given"),
        ("1e30", "between 0.3 and 400.0 kg"),
        ('"1e30"', "between 0.3 and 400.0 kg; 1e30 was given"),
        ('"NaN"', "NaN was given"),
        ("-1", "between 0.3 and 400.0 kg; -1 was given"),
        ("73.4512", "has 3 decimals at most; 73.4512 was given"),
        ("true", "True was given"),
        ("null", "must be a number"),
        ("[70]", "must be a number"),
        ('"\\u0000"', "cannot be stored"),
        ('"\\ud800"', "cannot be stored"),
        ('"70\\u202e"', "plain number"),
        ("1" + "0" * 4000, "more than 40 digits"),
    ],
)
def test_a_weight_that_is_none_is_named_with_its_limit(post, value: str, said: str) -> None:
    answer = post("clara", "measure_weight", data=WEIGHT % value, content_type="application/json")
    (problem,) = answer.json["problems"]
    assert (answer.status_code, problem["field"]) == (422, "weight_kg")
    assert said in problem["message"] and len(problem["message"]) < 400


@pytest.mark.parametrize(
    "body",
    [
        WEIGHT % "NaN",
        WEIGHT % "-Infinity",
        WEIGHT % "1e999999",
        WEIGHT % "1e99999999999999999999999",
        WEIGHT % ("1" + "0" * 10_000),
        WEIGHT % ("[" * 1000 + "]" * 1000),
        WEIGHT % ("[" * 100_000),
        '{"subject": "a", "subject": "b"}',
        '["a"]',
        "null",
        '"text"',
        "{",
        b"\xff\xfe\x00",
        b"\xef\xbb\xbf{}",
    ],
    ids=str,
)
def test_what_is_no_json_object_is_malformed(post, body: str | bytes) -> None:
    answer = post("clara", "measure_weight", data=body, content_type="application/json")
    assert answer.status_code == 422 and answer.mimetype == "application/problem+json"
    assert all(len(problem["message"]) < 400 for problem in answer.json["problems"])


def test_ten_thousand_codes_are_too_many(post) -> None:
    given = {"box": unknown_code("ST"), "vials": [unknown_code("VL")] * 10_000}
    answer = post("tina", "store_vials", given)
    assert answer.status_code == 422 and "at most 1000" in answer.json["problems"][0]["message"]


def test_ten_thousand_faults_are_not_all_listed(post) -> None:
    given = {"name": "nobody.here", "reason": "a reason", "roles": [5] * 10_000}
    answer = post("ada", "change_roles", given)
    assert answer.status_code == 422 and len(answer.data) < 20_000


@pytest.mark.parametrize("extra", [{"passwort": SECRET}, {"dose": "\0", "password": SECRET}, {"password": [SECRET]}])
def test_no_answer_repeats_a_password(post, extra: dict) -> None:
    answer = post("clara", "accept_short_dose", {"dose": unknown_code("DS"), "reason": "too short", **extra})
    assert answer.status_code == 422 and SECRET not in answer.text


@pytest.mark.parametrize("given", [{"born_on": 20200101}, {"born_on": "2026-02-31"}, {"born_on": "0001-01-01"}])
def test_a_birth_date_is_a_date(post, given: dict) -> None:
    person = {"trial_number": "T", "second_identifier": "M", "sex": "male", "arm": "EXP", "consented_on": "2026-01-01"}
    answer = post("clara", "enrol_subject", {**person, **given})
    assert answer.status_code == 422 and [one["field"] for one in answer.json["problems"]] == ["born_on"]


def test_what_is_not_there_is_refused_with_code_sentence_and_way_out(post) -> None:
    answer = post("clara", "measure_weight", {"subject": SUBJECT, "method": "bed_scale", "weight_kg": 70})
    (reason,) = answer.json["refusals"]
    assert (answer.status_code, reason["code"]) == (409, "NOT_FOUND")
    assert SUBJECT in reason["detail"] and "Scan the label again" in reason["detail"]


def test_the_same_key_with_other_content_is_refused(world: World, post) -> None:
    key = world.unique("key")
    given = {"subject": SUBJECT, "method": "bed_scale", "weight_kg": 70}
    first = post("clara", "measure_weight", given, key=key)
    again = post("clara", "measure_weight", given, key=key)
    other = post("clara", "measure_weight", {**given, "weight_kg": 71}, key=key)
    assert first.status_code == again.status_code == 409 and again.json == first.json
    assert [reason["code"] for reason in other.json["refusals"]] == ["KEY_REUSED"]
    with Session(world.installation.reads) as session:
        assert session.scalar(select(func.count()).select_from(Act).where(Act.key == key)) == 1


@pytest.mark.parametrize("key", ["a b", "x" * 201])
def test_a_key_that_is_none_is_malformed(post, key: str) -> None:
    answer = post("clara", "measure_weight", {}, key=key)
    assert answer.json["problems"][0]["field"] == "Idempotency-Key" and answer.status_code == 422


def test_decimals_are_not_rounded_on_the_way(post) -> None:
    """A fraction that a float would round to the limit is still beyond it."""
    body = WEIGHT % "400.00000000000000000000001"
    answer = post("clara", "measure_weight", data=body, content_type="application/json")
    assert "between 0.3 and 400.0 kg" in json.dumps(answer.json)

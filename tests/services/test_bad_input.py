"""Whatever is given for whatever act: refused in words that name the field, and nothing has changed.

The sweep is made from the registry: every act, every field, every bad value of its type (tests/services/bad_values.py).
Reading needs no database, so all of it takes seconds; what can be read is then given to the acts themselves.
"""

from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.table import roles_for
from cellbank.records.trail import Act, Change
from cellbank.records.work import Actor
from cellbank.services import catalogue
from cellbank.services.acts import Malformed, Outcome, RegisteredAct, parse, run_act
from cellbank.services.people.actors import SYSTEM
from tests.factories.world import World
from tests.services.bad_values import (
    LONG,
    SECRET,
    TURNED,
    bad_values,
    good_input,
    nested,
    numeric,
    schema_of,
    type_of,
    unknown_code,
)

LONGEST_MESSAGE = 400
ACTS = sorted(catalogue.load())
# What these make harms no other test: each makes something new of its own.
MAKES_ITS_OWN = {"register_donor", "receive_reagent", "enrol_subject", "add_storage_unit", "create_token"}


def problems_of(registered: RegisteredAct, given: dict[str, Any]) -> dict[str, str]:
    """What is said of an input, by field; empty when it can be read."""
    try:
        parse(registered.input, given)
    except Malformed as malformed:
        return {problem.field: problem.message for problem in malformed.problems}
    return {}


def check_words(said: dict[str, str]) -> None:
    for field, message in said.items():
        assert message.endswith(".") and len(message) < LONGEST_MESSAGE and len(field) < LONGEST_MESSAGE
        assert "Input should" not in message and SECRET not in message


# --- reading ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ACTS)
def test_a_good_input_of_every_act_is_read(name: str) -> None:
    """Or the sweep below would find fault with something else than the bad value."""
    registered = catalogue.load()[name]
    assert problems_of(registered, good_input(registered)) == {}


@pytest.mark.parametrize("name", ACTS)
def test_every_bad_value_of_every_field_is_named(name: str) -> None:
    registered = catalogue.load()[name]
    given = {"password": SECRET, **good_input(registered)} if catalogue.is_signed(name) else good_input(registered)
    for field, schema in schema_of(registered).items():
        for what, value in bad_values(field, schema):
            said = problems_of(registered, {**given, field: value})
            about = [message for where, message in said.items() if where.split(".")[0] == field]
            assert about, f"{field}: {what} is not refused, or not by its name: {said}"
            check_words(said)
            if numeric(schema, what):
                assert "must be between" in about[0] and str(value)[:40] in about[0], (field, what, about)


@pytest.mark.parametrize("name", ACTS)
def test_what_is_missing_or_unknown_is_named(name: str) -> None:
    registered = catalogue.load()[name]
    good = good_input(registered)
    for field, info in registered.input.model_fields.items():
        if info.is_required():
            assert problems_of(registered, {k: v for k, v in good.items() if k != field})[field] == "is needed."
            assert field in problems_of(registered, {**good, field: None})
    for unknown in ("no_such_field", "пароль", "Password", "a\nb", LONG, "", "__class__"):
        said = problems_of(registered, {**good, unknown: SECRET})
        assert list(said.values()) == ["is no input of this act."]
        check_words(said)


@pytest.mark.parametrize("name", [name for name in ACTS if catalogue.is_signed(name)])
def test_no_fault_tells_the_password(name: str) -> None:
    registered = catalogue.load()[name]
    for other, value in (("reason", "x\0"), ("note", LONG), ("dose", ""), ("decisions", {"a": True}), ("lot", SECRET)):
        given = {"password": SECRET, **({other: value} if other in registered.input.model_fields else {})}
        said = problems_of(registered, {**given, "passwort": SECRET})
        assert said and not any(SECRET in message for field, message in said.items() if field != "lot")


@pytest.mark.parametrize("deep", [nested(25), nested(5000), {"a": nested(5000)}])
def test_a_nested_value_is_never_followed_to_its_end(deep: Any) -> None:
    said = problems_of(catalogue.load()["enrol_subject"], {"sex": deep})
    assert said == {"sex": "is nested deeper than 20 levels."}


def test_what_hides_the_direction_of_a_text_is_refused_and_other_alphabets_are_not() -> None:
    receive = catalogue.load()["receive_reagent"]
    assert "U+202E" in problems_of(receive, {**good_input(receive), "name": TURNED})["name"]
    assert problems_of(receive, {**good_input(receive), "name": "Середовище «Ґ» 😀"}) == {}


# --- doing ------------------------------------------------------------------------------------


def odd_values(field: str, schema: dict[str, Any]) -> list[Any]:
    """Values that can be read, though nobody is likely to give them."""
    match type_of(field, schema):
        case "instant":
            return ["1900-01-02T00:00+14:00", "2199-12-31T23:59-12:00"]
        case "day":
            return ["1900-01-01", "2199-12-31"]
        case "whole number":
            return [schema.get("maximum", 1)]
        case "quantity":
            return [{"cells": 10**12, "kg": "250", "°C": "-273.15", "mL": "0", "%": "0"}.get(schema.get("unit"), "1")]
        case "text":
            return ["' OR 1=1 --😀 %s {0} {x}", "\\u0000"]
        case "identifier":
            return ["%s{0}{x}'\"\\;--", "ЖД-12"]
        case "list" if "scan" in schema["items"]:
            kind = schema["items"]["scan"][0]
            count = min(schema["maxItems"], 200)
            return [list(dict.fromkeys(unknown_code(kind, 40 * which) for which in range(count)))]
        case "scan as it was read":
            return ["%s{0}😀", TURNED, unknown_code("LT"), unknown_code("DS"), "=A99992600004200=,00000"]
        case _:
            return []


def actor_for(world: World, name: str) -> Actor:
    """Somebody who may do this act."""
    roles = roles_for(name)
    return SYSTEM if Role.SYSTEM in roles else next(one for one in world.people.values() if roles & one.roles)


def changes(world: World) -> int:
    with Session(world.installation.reads) as session:
        return session.scalar(select(func.count()).select_from(Change)) or 0


@pytest.mark.parametrize("name", sorted(name for name in ACTS if not catalogue.load()[name].at_the_door))
def test_what_can_be_read_is_judged_and_never_fails(world: World, name: str) -> None:
    registered, person = catalogue.load()[name], actor_for(world, name)
    good = {field: value for field, value in good_input(registered).items() if field != "new_password"}
    if "new_password" in registered.input.model_fields:
        good["new_password"] = SECRET

    def judged(given: dict[str, Any], **how: Any) -> Outcome:
        return run_act(world.installation, name, given, person, door="test", now=world.now, **how)

    schemas = schema_of(registered).items()
    tries = [good, *({**good, field: value} for field, schema in schemas for value in odd_values(field, schema))]
    for given in tries:
        try:
            before = changes(world)
            outcome = judged(given, dry_run=True)
            if not outcome.accepted or name in MAKES_ITS_OWN:
                outcome = judged(given)
        except Malformed as malformed:  # two fields that do not fit each other
            check_words({problem.field: problem.message for problem in malformed.problems})
            continue
        assert outcome.accepted or changes(world) == before
        for refusal in outcome.refusals:
            assert len(refusal.detail) < LONGEST_MESSAGE and refusal.detail.endswith(".")


def test_a_malformed_act_leaves_no_row_at_all(world: World) -> None:
    with Session(world.installation.reads) as session:
        before = session.scalar(select(func.count()).select_from(Act))
    with pytest.raises(Malformed):
        world.do("clara", "measure_weight", subject=unknown_code("SJ"), weight_kg="160 lb", method="bed_scale")
    with Session(world.installation.reads) as session:
        assert session.scalar(select(func.count()).select_from(Act)) == before

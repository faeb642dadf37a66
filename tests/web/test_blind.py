"""Who is to look for themselves finds on no page, in no JSON and in no export what the first person saw."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import ColumnClause
from sqlalchemy.sql.visitors import iterate

from cellbank.domain.blind import BLIND
from cellbank.domain.identifiers import printed
from cellbank.domain.lifecycle.meanings import STATES
from cellbank.records.tables import metadata
from cellbank.services.lookup.lists import LISTS
from tests.factories.clinic import enrolled_subject
from tests.factories.lots import stored_lot
from tests.factories.temperature import probe
from tests.factories.world import PASSWORD, World

LEFT_OUT = ("/static", "/api/openapi", "/sign-out")


def measured_weight(world: World) -> tuple[str, int, list[str], str]:
    subject = enrolled_subject(world)
    outcome = world.try_act("clara", "measure_weight", subject=subject, weight_kg="71.9", method="standing_scale")
    return "cyril", outcome.act, [outcome.result["code"], subject], "71.9"


def reading_by_hand(world: World) -> tuple[str, int, list[str], str]:
    watched = probe(world)
    outcome = world.try_act("tina", "record_reading_by_hand", probe=watched, celsius="-187.43")
    return "taras", outcome.act, [outcome.result["code"], watched], "187.43"


def counted_box(world: World) -> tuple[str, int, list[str], str]:
    lot = stored_lot(world, vials=2)
    stranger = f"{lot.vials[0][:13]}000999"  # nothing else in the bank bears it
    seen = {"vials": [lot.vials[0], stranger], "positions": ["A1", "C7"]}
    outcome = world.try_act("tina", "count_box", box=lot.box, **seen)
    assert outcome.accepted, outcome.refusals
    return "taras", outcome.act, [outcome.result["code"], lot.box, lot.vials[1]], stranger


CASES = {"weight": measured_weight, "reading_import": reading_by_hand, "stock_count": counted_box}


def routes(app: Flask, codes: list[str], act: int) -> Iterator[str]:
    """Every address that is only read, for each of these codes."""
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.rule.startswith(LEFT_OUT) or rule.rule.endswith(".pdf"):
            continue
        for code in codes:
            given = {
                name: act if "int:" in rule.rule else "confirm_weight" if rule.endpoint == "web.act_page" else code
                for name in rule.arguments
            }
            yield adapter.build(rule.endpoint, given)
            if rule.endpoint == "web.act_page":  # a review shows each act with what it changed
                yield f"/act/review_trail?first_act=1&last_act={act}&record={code}"
                yield f"/act/review_trail?first_act={act}&last_act={act}"
            if not rule.arguments:
                yield f"{adapter.build(rule.endpoint, {})}?record={code}&code={code}"


@pytest.mark.requirement("R16")
@pytest.mark.parametrize("record", sorted(BLIND))
def test_the_second_person_reads_the_first_value_nowhere(app: Flask, signed_in, world: World, record: str) -> None:
    second, act, codes, value = CASES[record](world)
    reader = signed_in(second)
    told = re.compile("|".join(rf"(?<![\d.]){re.escape(form)}(?!\d)" for form in {value, printed(value)}))
    token = app.test_client().post("/api/tokens", json={"name": second, "password": PASSWORD}).get_json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    addresses = sorted(set(routes(app, codes, act)))
    answers = {address: reader.client.get(address, headers=headers) for address in addresses}
    found = [
        address
        for address, answer in answers.items()
        if answer.mimetype in ("text/html", "application/json", "text/csv") and told.search(answer.text)
    ]
    assert not found
    assert sum(answer.status_code == 200 for answer in answers.values()) > 20
    # And whoever reviews the trail could be the second person.
    review = f"/act/review_trail?first_act={act}&last_act={act}"
    page = signed_in("quinn").get(review).text
    assert not told.search(page) and "hidden until a second person has looked" in page
    assert f"/record/{codes[0]}" in addresses and answers[f"/record/{codes[0]}/history"].status_code == 200


def test_a_count_is_not_closed_to_learn_what_the_first_person_found(world: World) -> None:
    _, _, codes, _ = counted_box(world)
    outcome = world.try_act("taras", "close_count", count=codes[0])
    assert [one.code for one in outcome.refusals] == ["WRONG_STATE"] and not outcome.result


def test_the_table_names_states_and_columns_that_exist() -> None:
    for record, blind in BLIND.items():
        assert blind.state in STATES[record]
        assert all(column in metadata.tables[table].columns for table, column in blind.columns)


SECOND: dict[str, tuple[str, dict[str, object], dict[str, object]]] = {
    "weight": ("confirm_weight", {"weight_kg": "71.9"}, {"weight_kg": "72.9"}),
    "reading_import": (
        "confirm_reading",
        {"celsius": "-187.43", "confirmed": True},
        {"celsius": "-187.44", "confirmed": True},
    ),
    "stock_count": ("count_again", {"vials": []}, {"vials": [], "unreadable": ["A1"]}),
}


@pytest.mark.requirement("R16")
@pytest.mark.parametrize("record", sorted(BLIND))
def test_nobody_guesses_the_first_value_by_checking_beforehand(world: World, record: str) -> None:
    """The check answers the same whatever was read: only what is done, and stands in the trail, is compared."""
    second, _, codes, _ = CASES[record](world)
    act, right, wrong = SECOND[record]
    named = {"weight": "weight", "reading_import": "readings", "stock_count": "box"}[record]
    of = {named: codes[1] if record == "stock_count" else codes[0]}
    checks = [world.try_act(second, act, dry_run=True, **of, **given) for given in (right, wrong)]
    assert checks[0].accepted and checks[1].accepted
    assert checks[0].result == checks[1].result
    if record != "stock_count":  # there the second count differs, and is kept
        assert world.codes(second, act, **of, **wrong)
    assert world.codes(second, act, **of, **right) == []


def test_no_list_has_a_column_that_is_hidden_at_times() -> None:
    """A list shows many records at once, in whatever state each is."""
    hidden = {column for blind in BLIND.values() for column in blind.columns}
    shown = {
        (name, title): {(getattr(part.table, "name", ""), part.name) for part in columns_in(column.of)}
        for name, listing in LISTS.items()
        for title, column in listing.columns.items()
    }
    assert any(shown.values())
    assert not [where for where, columns in shown.items() if columns & hidden]


def columns_in(shown: Any) -> Iterator[ColumnClause[Any]]:
    expression = shown.__clause_element__() if hasattr(shown, "__clause_element__") else shown
    return (part for part in iterate(expression) if isinstance(part, ColumnClause))

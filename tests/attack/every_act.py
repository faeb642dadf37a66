"""Every act of the registry with inputs that can be read, about records of the story."""

import datetime
from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from cellbank.domain.identifiers import RECORDS, Kind
from cellbank.domain.lifecycle.meanings import STATES
from cellbank.services import catalogue
from tests.factories import conditional
from tests.factories.temperature import as_csv, sent, steady
from tests.factories.world import World
from tests.services.bad_values import good_input, schema_of

DAY = datetime.timedelta(days=1)
# What an act needs beside codes, so that it comes to the judgement; and codes that may be left out, and are not.
OTHERWISE: dict[str, dict[str, Any]] = {
    "add_storage_unit": {"parent": None},
    "issue_document": {"type": "certificate"},
    "open_deviation": {"records": None},
    "order_shipment": {"to": "MAIN", "lots": None, "counts": [1]},
    "plan_action": {"responsible": "tina"},
    "take_sample": {"test": "CD73"},
}
# What the story does not leave behind.
LEFT = {
    "count_box": ("tina", {"vials": []}),
    "recall_lot": ("oksana", {"reason": "For a notice to a ward"}),
}
OF_THE_FIRST = """SELECT r.code FROM {table} r CROSS JOIN LATERAL record_of('{table}', r.id) o
                   WHERE coalesce(home_site(o.the_kind, o.the_id), 1) = 1 ORDER BY r.id DESC"""
IN_EACH_STATE = """SELECT DISTINCT ON (r.state) r.code FROM {table} r CROSS JOIN LATERAL record_of('{table}', r.id) o
                    WHERE home_site(o.the_kind, o.the_id) = 1 ORDER BY r.state, r.id DESC"""
ENROLLED = "SELECT code FROM subject WHERE state = 'ENROLLED' AND arm = 'EXP' AND site_id = 1 ORDER BY id DESC LIMIT 3"
COUNTED = "SELECT code FROM dose WHERE total_cells_per_ml IS NOT NULL ORDER BY id DESC"
A_BOX = "SELECT code FROM storage_unit WHERE type = 'box' AND site_id = 1 ORDER BY id DESC"
# Which record of the first site, where it is not just the latest.
WHICH = {
    ("accept_short_dose", "dose"): COUNTED,
    ("prepare_dose", "dose"): COUNTED,
    ("correct_fact", "record"): "SELECT code FROM culture WHERE harvested_at IS NOT NULL AND site_id = 1",
    ("correct_result", "result"): "SELECT code FROM test_result WHERE number > 5 ORDER BY id DESC",
    ("recall_lot", "lot"): "SELECT l.code FROM lot l JOIN dose d ON d.lot_id = l.id WHERE l.state = 'RELEASED'",
    ("issue_document", "code"): "SELECT code FROM lot ORDER BY id DESC",
    **dict.fromkeys([(act, "box") for act in ("count_box", "count_again", "rescan_box", "reconcile_rack")], A_BOX),
}


def scanned(name: str) -> dict[str, list[str]]:
    """The fields of an act that take codes of records, with the kinds that each may be."""
    fields = schema_of(catalogue.load()[name])
    found = {field: one.get("scan") or one.get("items", {}).get("scan") for field, one in fields.items()}
    return {field: kinds for field, kinds in found.items() if kinds}


def furnish(world: World) -> None:
    """Leave in the bank of the story what acts could be about and the story does not leave behind: conditional releases
    at every stage, a count that is open, a recall."""
    conditional.allow(world, version="33")
    lot = conditional.pending_lot(world).code
    asked = [conditional.requested(world, lot, subject) for subject in _found(world, ENROLLED)]  # the trial is full
    for code in asked[1:]:
        world.do("quinn", "approve_conditional_release", release=code)
    world.do("oksana", "sign_for_sponsor", release=asked[2])
    for act, (who, given) in LEFT.items():
        codes = {field: _code(world, act, field, kinds) for field, kinds in scanned(act).items() if field not in given}
        world.do(who, act, **codes, **given)
    _found.cache_clear()


@cache
def _found(world: World, statement: str) -> tuple[str, ...]:
    """The codes that a statement finds; once, for the sweeps change nothing."""
    with Session(world.installation.reads) as session:
        return tuple(session.scalars(text(statement)))


def inputs(world: World, name: str) -> Iterator[dict[str, Any]]:
    """Inputs of an act: with the latest record of the first site, or with one of `WHICH`; then with a record in each
    other state of what is scanned."""
    registered = catalogue.load()[name]
    given = {**good_input(registered), **OTHERWISE.get(name, {})}
    many = {field: one.get("type") == "array" for field, one in schema_of(registered).items()}
    fields = {field: kinds for field, kinds in scanned(name).items() if field in given}
    for field, kinds in fields.items():
        code = _code(world, name, field, kinds)
        given[field] = [code] if many[field] else code
    if "sha256" in given:
        given["sha256"] = sent(world, as_csv(steady(world.now - DAY, 3)))
    yield given
    for field, kinds in fields.items():
        for code in _in_other_states(world, name, field, kinds):
            yield {**given, field: [code] if many[field] else code}


def _code(world: World, name: str, field: str, kinds: list[str]) -> str:
    tables = [RECORDS[kind] for kind in map(Kind, kinds) if kind in RECORDS]
    statements = [OF_THE_FIRST.format(table=table) for table in tables]
    for statement in [WHICH.get((name, field), statements[0]), *statements]:
        if found := _found(world, f"{statement} LIMIT 1"):
            return found[0]
    raise AssertionError(f"{name}: the story has nothing for {field}")


def _in_other_states(world: World, name: str, field: str, kinds: list[str]) -> Iterator[str]:
    for kind in map(Kind, kinds):
        table = RECORDS.get(kind)
        if table in STATES and (name, field) not in WHICH:
            yield from _found(world, IN_EACH_STATE.format(table=table))

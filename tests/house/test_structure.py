"""The house keeps its own rules: one writer of states, one table, floors that do not look up."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from sqlalchemy import create_engine, text

import cellbank
from cellbank.domain import diagram
from cellbank.domain.identifiers import RECORDS
from cellbank.domain.lifecycle.meanings import STATES
from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.table import TRANSITIONS, is_signed
from cellbank.domain.refusals import Code
from cellbank.records import tables
from cellbank.records.migrate import database_files
from cellbank.services import catalogue
from cellbank.services.acts import SignedInput
from cellbank.services.constraints import SAYS
from cellbank.services.registry import Likely, Stage

PACKAGE = Path(cellbank.__file__).parent
ROOT = PACKAGE.parent


def sources(folder: Path = PACKAGE) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.rglob("*.py")):
        yield path, path.read_text()


def test_only_the_unit_of_work_writes_a_state() -> None:
    writers = set()
    for path, source in sources():
        for node in ast.walk(ast.parse(source)):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            if any(isinstance(target, ast.Attribute) and target.attr == "state" for target in targets):
                writers.add(path.relative_to(PACKAGE).as_posix())
    assert writers == {"records/work.py"}


def test_every_act_of_the_table_is_registered_and_the_other_way_round() -> None:
    assert {row.act for row in TRANSITIONS} == set(catalogue.load())


@pytest.mark.requirement("R4")
def test_every_act_that_the_table_signs_asks_for_the_password() -> None:
    for name, registered in catalogue.load().items():
        assert issubclass(registered.input, SignedInput) == is_signed(name), name


#: They move a record of one kind or of another, and of each kind other people answer for what was noted.
OF_ONE_KIND = {"correct_fact"}


def test_all_rows_of_an_act_agree_on_who_is_asked() -> None:
    """A person who may do an act may do it on every kind of record that it moves, or it could never be done."""
    for name in {row.act for row in TRANSITIONS} - OF_ONE_KIND:
        kinds = {row.record for row in TRANSITIONS if row.act == name}
        by_kind = [
            frozenset().union(*(r.roles for r in TRANSITIONS if (r.act, r.record) == (name, kind))) for kind in kinds
        ]
        assert all(roles == by_kind[0] for roles in by_kind), name


def test_every_state_can_be_reached() -> None:
    for record, states in STATES.items():
        reached = {row.target for row in TRANSITIONS if row.record == record}
        assert set(states) == reached, record


def test_the_states_of_the_table_are_those_of_the_database(databases: tuple[str, str]) -> None:
    engine = create_engine(databases[0])
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT conrelid::regclass::text AS record, pg_get_constraintdef(oid) AS rule FROM pg_constraint "
                "WHERE contype = 'c' AND conname = 'ck_' || conrelid::regclass::text || '_state'"
            )
        )
        found = {row.record: set(re.findall(r"'([A-Z_]+)'", row.rule)) for row in rows}
    engine.dispose()
    for record, states in found.items():
        assert states == set(STATES[record]), record
    with_a_state = {name for name in tables.record_tables() if hasattr(tables.record_class(name), "state")}
    assert set(found) == with_a_state


@pytest.mark.requirement("R5", "R17")
def test_the_trail_watches_every_record_table(databases: tuple[str, str]) -> None:
    engine = create_engine(databases[0])
    with engine.connect() as connection:
        watched = set(
            connection.scalars(text("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'trail_change'"))
        )
    engine.dispose()
    assert watched == set(tables.record_tables())


def test_every_named_rule_of_the_database_has_a_sentence(databases: tuple[str, str]) -> None:
    """A constraint that guards people, not the program, must never surface as an incident."""
    rules = "".join(path.read_text() for path in database_files())
    named = set(re.findall(r"'([a-z_]+)',\s*'[^']*'\);", rules))
    assert len(named) > 100
    never_by_people = {
        "a_vial_keeps_its_identity",
        "a_dose_keeps_its_subject",
        "a_subject_keeps_its_arm",
        "a_release_is_signed",
        "a_correction_puts_one_value_right",  # what follows is found first, and nothing else is written
        "a_correction_says_what_stands_there",
        "a_correction_names_all_that_it_changes",
        "a_value_is_put_right_by_who_may",  # the table of corrections is asked first
        "an_act_writes_what_is_its_own",  # the table of transitions is asked first, of what is locked
        "what_is_written_stays",
        "a_signed_act_bears_its_signatures",  # the act signs itself
        "an_act_is_judged_at_its_end",  # the act closes before it commits
        "an_act_is_judged_by_what_is_there",  # the application sees what is there
        "a_refused_act_changes_nothing",  # what it did is rolled back, and its refusal kept
        "an_act_is_of_its_time",  # the clock of the application is asked first
        "only_what_tells_happened_earlier",  # no other act has a field for it
        "a_check_is_of_now",
        "a_message_is_of_the_open_act",
        "a_message_stays_as_it_was_written",
        "a_message_that_was_sent_stays",
    }
    assert named - set(SAYS) <= never_by_people


@pytest.mark.requirement("R24")
@pytest.mark.parametrize("code", list(Code))
def test_every_refusal_is_used_and_tested(code: Code) -> None:
    used = f"Code.{code.name}"
    assert any(used in source for path, source in sources() if path.name != "refusals.py"), f"{used} is refused nowhere"
    tests = "".join(source for path, source in sources(ROOT / "tests") if "house" not in path.relative_to(ROOT).parts)
    assert code.value in tests, f"{code.value} is tested nowhere"


def test_the_page_of_states_is_the_table() -> None:
    assert (ROOT / "docs" / "lifecycle.md").read_text() == diagram.page()


def test_the_contracts_between_the_floors_hold() -> None:
    """In a process of its own: the linter configures logging for the whole process it runs in."""
    checked = subprocess.run([Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


# What only a judged and accepted verdict may look, sound and read like, and the one template that draws it.
A_YES = re.compile(
    r"is-go|is-match|is-running|verdict-(?:go|done|may|match)|bed-(?:go|match)\b|chip-good|data-sound=\"(?:yes|go)"
    r"|_\('(?:GO|Match(?! or)|Infusion is running|This can be recorded|Every criterion)"
)
SOUNDS_OF_A_YES = re.compile(r"""play\(["'](?:yes|go)["']\)|g\.sound = ["'](?:yes|go)["']""")


def test_no_page_says_yes_but_from_a_verdict() -> None:
    """Colour, word and sound of a yes come from `web/verdict.py` through the macros of one template."""
    templates = PACKAGE / "web" / "templates"
    found = {
        (path.relative_to(templates).as_posix(), drawn.group())
        for path in sorted(templates.rglob("*.html"))
        for drawn in A_YES.finditer(path.read_text())
    }
    assert found == set()
    scripts = [*(PACKAGE / "web" / "static").glob("*.js"), *(PACKAGE / "web").glob("*.py")]
    played = {path.name for path in scripts if SOUNDS_OF_A_YES.search(path.read_text())}
    assert played == set()
    assert "verdict.face.tone" in (templates / "parts" / "verdict.html").read_text()
    others = (path for path in templates.rglob("*.html") if path.name != "verdict.html")
    drawing = {path.name for path in others if ".face.tone" in path.read_text()}
    assert drawing == set()  # the body of the bedside and of the open tank takes its class from the same value


def test_a_line_of_a_script_is_read_at_a_glance() -> None:
    """The formatter folds code and leaves comments alone."""
    scripts = (PACKAGE / "web" / "static").glob("*.js")
    assert not [(path.name, line) for path in scripts for line in path.read_text().splitlines() if len(line) > 120]


def test_what_pages_know_of_an_act_is_what_they_ask_for() -> None:
    """`@act` takes it as it comes: a word that no page asks for would say nothing, and nobody would hear of it."""
    buttons = [button for one in catalogue.load().values() for button in one.begun_by.items()]
    assert len(set(buttons)) == len(buttons) and {role for role, _ in buttons} <= set(Role)
    for one in catalogue.load().values():
        assert one.likely in (None, *get_args(Likely)), one.name
        assert one.stage in (None, *get_args(Stage)), one.name
        assert one.previews is None or one.previews in RECORDS.values(), one.name

"""The demo: what the story of the trial leaves, and how the command treats the folder in which it is played.

The story is played once a run, for the browser as well; here its bank is read and the command is sent to a copy.
"""

import json
import shutil
import socket
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from cellbank import story
from cellbank.cli import serving
from cellbank.services import start
from cellbank.services.acts import run_act
from cellbank.services.installation import Installation
from cellbank.services.people.actors import SYSTEM
from tests.cli.conftest import Said
from tests.conftest import database_url

Cellbank = Callable[..., Said]
STORY_ACTS = "SELECT count(*) FROM act WHERE door = 'story'"


@pytest.fixture(scope="module")
def urls(story_database: Callable[[str], str], postgres, worker_id: str) -> tuple[str, str]:
    """Owner URL and application URL of a copy of the bank in which the story was played."""
    name = f"demo_{worker_id}"
    app_url = story_database(name)
    return database_url(postgres.owner_url, name), app_url


@pytest.fixture(scope="module")
def query(urls: tuple[str, str]) -> Iterator[Callable[[str], list[tuple]]]:
    """What the story left."""
    engine = create_engine(urls[1])

    def rows(statement: str) -> list[tuple]:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    yield rows
    engine.dispose()


# --- what the story leaves ---------------------------------------------------------------------


def test_thirty_subjects_are_in_two_arms(query) -> None:
    subjects = {number: (arm, state) for number, arm, state in query("SELECT trial_number, arm, state FROM subject")}
    assert Counter(arm for arm, _ in subjects.values()) == {"EXP": 15, "CTL": 15}
    treated = Counter(state for arm, state in subjects.values() if arm == "EXP")
    assert treated == {"COMPLETED": 5, "ENROLLED": 8, "WITHDRAWN": 1, "SCREENING": 1}
    assert {state for arm, state in subjects.values() if arm == "CTL"} == {"ENROLLED"}
    assert subjects["EXP-07"] == ("EXP", "WITHDRAWN") and subjects["EXP-15"] == ("EXP", "SCREENING")


def test_doses_wait_at_every_step_of_the_way_to_the_patient(query) -> None:
    found = query("SELECT s.trial_number, d.state FROM dose d JOIN subject s ON s.id = d.subject_id")
    waiting = {number: state for number, state in found if state not in ("ADMINISTERED", "RECONCILED")}
    assert waiting == {
        "EXP-09": "ORDERED",
        "EXP-10": "PICKED",
        "EXP-11": "PREPARED",
        "EXP-12": "THAWING",
        "EXP-13": "ORDERED",
    }


def test_the_lots_tell_of_a_hold(query) -> None:
    assert "ON_HOLD" in Counter(state for (state,) in query("SELECT state FROM lot"))


def test_the_near_miss_is_in_the_trail(query) -> None:
    refused = query(
        "SELECT a.name, p.name, a.refusals FROM act a JOIN person p ON p.id = a.person_id "
        "WHERE a.outcome = 'refused' AND a.name = 'order_dose'"
    )
    assert [(act, who, refusals[0]["code"]) for act, who, refusals in refused] == [
        ("order_dose", "nataliia", "SUBJECT_NOT_ENROLLED")
    ]


def test_the_trail_of_the_story_verifies(cellbank: Cellbank, run_folder: Path, data: Path) -> None:
    shutil.copytree(run_folder / "wheel" / "demo" / "readings", data / "readings")
    said = cellbank("trail", "verify")
    assert said.status == 0 and said.out.startswith("OK: ") and said.err == ""


def test_a_subject_is_traced_to_the_donor(cellbank: Cellbank, query) -> None:
    ((subject,),) = query("SELECT code FROM subject WHERE trial_number = 'EXP-01'")
    found = json.loads(cellbank("trace", subject, "--json").out)
    assert found["start"]["state"] == "COMPLETED" and found["down"] == []
    kinds = Counter(node["kind"] for node in found["up"])
    assert kinds["donor"] == 1 and kinds["dose"] == 3 and kinds["lot"] >= 1
    assert "Came of it: nothing" in cellbank("trace", subject).out


# --- the command -------------------------------------------------------------------------------


@pytest.fixture
def on_a_copy(environ, urls: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo's embedded database is the copy of the story."""
    monkeypatch.setattr(start, "find_database", lambda settings, stack: start.Database(urls[1], urls[0]))


@pytest.mark.usefixtures("on_a_copy")
def test_a_story_that_was_played_is_not_played_again(cellbank: Cellbank, tmp_path: Path, query) -> None:
    before = query(STORY_ACTS)
    (tmp_path / serving.PLAYED).touch()
    said = cellbank("demo", "--no-serve", "--data", tmp_path)
    assert said.status == 0 and said.err == "" and str(tmp_path) in said.out and story.PASSWORD in said.out
    assert [line.split()[0] for line in said.out.splitlines() if line.startswith("  ")] == [
        name for name, _, _ in story.PEOPLE + story.PEOPLE_THERE
    ]
    assert query(STORY_ACTS) == before


@pytest.mark.usefixtures("on_a_copy")
def test_a_story_that_was_interrupted_is_not_gone_on_with(cellbank: Cellbank, tmp_path: Path) -> None:
    said = cellbank("demo", "--no-serve", "--data", tmp_path)
    assert said.status == 1 and "was interrupted: delete that folder" in said.err and str(tmp_path) in said.err


def test_a_folder_where_somebody_works_is_left_alone(
    cellbank: Cellbank, fresh_database, environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner_url, app_url = fresh_database("demo_site")
    monkeypatch.setattr(start, "find_database", lambda settings, stack: start.Database(app_url, owner_url))
    monkeypatch.setattr(story, "play", unplayable)
    demo = ("demo", "--no-serve", "--data", tmp_path)
    said = cellbank(*demo)
    assert said.status == 1 and said.err == "cellbank: The story cannot be played: a rule is in the way\n"
    person = ("ada", "--full-name", "Ada", "--role", "administrator", "--password-stdin")
    assert cellbank("user", "add", *person, stdin="a first password").status == 0
    said = cellbank(*demo)
    assert said.status == 1 and "is the folder of a site that works" in said.err
    assert not (tmp_path / serving.PLAYED).exists()


def unplayable(installation: Installation) -> None:
    """A story that the rules do not allow."""
    raise story.StoryProblem("a rule is in the way")


@pytest.mark.usefixtures("on_a_copy")
def test_a_port_where_somebody_listens_is_refused_before_anything_is_done(
    cellbank: Cellbank, tmp_path: Path, environ: dict[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = environ["CELLBANK_PORT"] = str(taken.getsockname()[1])
        for command in (("demo", "--data", tmp_path, "--port", port), ("serve",)):
            said = cellbank(*command)
            assert said.status == 1 and f"port {port}" in said.err and "CELLBANK_PORT" in said.err


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of the test's own. Not tmp_path: pytest would shut the database's user out of that one again."""
    made = Path(tempfile.mkdtemp(prefix="cellbank-demo-"))
    yield made
    shutil.rmtree(made)


def test_the_demo_has_a_database_and_a_folder_of_its_own(
    cellbank: Cellbank, folder: Path, monkeypatch: pytest.MonkeyPatch, query
) -> None:
    """From nothing, on the embedded database, whatever the settings of the site; the story itself is a short one."""
    played: list[Path] = []

    def short(installation: Installation) -> None:
        played.append(installation.config.data)
        name, full_name, role = story.PEOPLE[0]
        given = {"name": name, "full_name": full_name, "roles": [role], "new_password": story.PASSWORD}
        assert run_act(installation, "add_person", given, SYSTEM, door="story").accepted

    monkeypatch.setattr(story, "play", short)
    before = query(STORY_ACTS)
    for _ in range(2):
        said = cellbank("demo", "--no-serve", "--data", folder / "demo")
        assert said.status == 0, said.err
    assert played == [folder / "demo"] and (folder / "demo" / serving.PLAYED).exists()
    assert query(STORY_ACTS) == before

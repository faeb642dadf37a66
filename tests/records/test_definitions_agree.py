"""What the database reads of a definition it reads like the application: each key, each figure, and what follows."""

import datetime
import json
import random
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from cellbank.domain.eligibility import NOT_APPLICABLE, assess
from cellbank.domain.folding import skeleton
from cellbank.domain.rules.donor import Collection, EvidenceFacts, PanelResult, evidence_refusals
from cellbank.records.base import as_json
from cellbank.services.clinic.enrolment import answers_to_keep
from cellbank.services.common import read_protocol, read_specification
from cellbank.services.quality.definitions import definition_type, read_definition, taken_out_of
from tests.conftest import rolled_back
from tests.factories.world import World

CHANCE = random.Random(71)
OURS = [one for folder in (".", "published") for one in files("cellbank.protocols").joinpath(folder).iterdir()]
FIXED = Path(__file__).parents[1] / "domain" / "fixed-dose.toml"
FILES = [one.read_text(encoding="utf-8") for one in (*OURS, FIXED) if one.name.endswith(".toml")]
TRIAL = files("cellbank.protocols").joinpath("nct04461925.toml").read_text(encoding="utf-8")
PANEL = read_specification(files("cellbank.protocols").joinpath("p-mmsc.toml").read_text(encoding="utf-8")).donor
READ = [
    "a.b=2\na.c=3", "[x.y]\nz=[1,\n 2, # c\n 3,\n]\n[[l]]\na=1\n[[l]]\na=2\n[l.s]\nq='x'", 'a = ""\nb = "#, ]"  # yes',
    'a = """\nfoo "bar" \\\n   baz\n"""', "a = '''\nq'r\\n'''", 'a="\\u00e9 \\"q\\" \\\\"', '"q k"=1', "a=[[1],['x']]",
    'a={b=1,c={d="x, y"}}', "a=+1_000\nb=-1.50e+3\nc=5e6\nd=[]\ne={}", "[a]\n[a.b]\nx=1\n[a.c]\ny=2", "a = 'C:\\x'",
    'a=""""q"""""', 'x="]"\ny=["[","]",",",]', "a='''x''y'''\nb=''",
]  # fmt: skip
NOT_READ = [
    "a=", "a=1 2", "[a", "a=[1", "a={b}", "a=0x1f", "a=1979-05-27", "a=1\na=2", "é=1", 'a="\\U0001F600"', "a=01", "a",
    "[a]\nb=1\n[a.b]", "a=}", "a=[1}", "a=,", "=1", "a=1_", "a=[1,,2]", "a=inf",
]  # fmt: skip


@pytest.fixture(scope="module")
def database(world: World) -> Iterator[Connection]:
    with world.installation.reads.connect() as connection:
        yield connection


def exact(value: Any) -> Any:
    """Numbers as numbers, however they are written."""
    if isinstance(value, dict):
        return {key: exact(one) for key, one in value.items()}
    if isinstance(value, list):
        return [exact(one) for one in value]
    return value if isinstance(value, bool | str | None) else Decimal(value)


def read(database: Connection, content: str) -> dict[str, Any]:
    said: str = database.scalar(text("SELECT read_toml(:content)::text"), {"content": content})
    read: dict[str, Any] = json.loads(said, parse_float=Decimal)
    return read


@pytest.mark.parametrize("content", [*FILES, *READ])
def test_the_database_reads_a_file_as_the_application_does(database: Connection, content: str) -> None:
    assert exact(read(database, content)) == exact(tomllib.loads(content, parse_float=Decimal))


@pytest.mark.parametrize("content", NOT_READ)
def test_what_it_does_not_read_it_does_not_guess(database: Connection, content: str) -> None:
    with pytest.raises(DBAPIError):
        read(database, content)


@pytest.mark.parametrize("content", FILES)
def test_what_is_kept_beside_a_file(database: Connection, content: str) -> None:
    kind = definition_type(content)
    kept = json.loads(as_json(taken_out_of(read_definition(kind, content))))
    asked = text(
        """SELECT out_of_the_file(:kind, read_toml(:content))
                  = jsonb_set(CAST(:kept AS jsonb), '{figures}', plain_figures(CAST(:kept AS jsonb) -> 'figures'))"""
    )
    assert database.scalar(asked, {"kind": kind, "content": content, "kept": json.dumps(kept)})


def test_the_letters_by_which_numbers_are_compared(database: Connection) -> None:
    names = ["".join(CHANCE.choice("aBzZ09 -_./'") for _ in range(CHANCE.randrange(12))) for _ in range(200)]
    asked = text("SELECT lower(regexp_replace(n, '[^A-Za-z0-9]', '', 'g')) FROM unnest(CAST(:names AS text[])) n")
    assert list(database.scalars(asked, {"names": names})) == [skeleton(name) for name in names]


def test_what_was_read_when_it_came_in_is_what_stands_there(world: World, databases: tuple[str, str]) -> None:
    engine = create_engine(databases[0])
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT says = read_toml(content) FROM definition")).scalars().all()
    engine.dispose()
    assert len(kept) >= 2 and all(kept)


# --- what is decided by it --------------------------------------------------------------------


@pytest.mark.requirement("R8")
def test_who_is_eligible(database: Connection) -> None:
    """Answers at each limit, beside it, implausible, missing and not applicable."""
    protocol, sexes, told = read_protocol(TRIAL), ("female", "male"), set()
    numbers = {one.code: [None] for one in protocol.questions if one.kind == "number"}  # type: ignore[var-annotated]
    for criterion in (*protocol.inclusion, *protocol.exclusion):
        near = {criterion.limit} if criterion.limit is not None else set()
        near |= {criterion.range.low, criterion.range.high} if criterion.range else set()
        numbers.get(criterion.question, []).extend(limit + step for limit in near for step in (-1, 0, 1, 5000))
    numbers["ventilation_hours"].append(NOT_APPLICABLE)
    good = {one.question: one.operator == "yes" for one in protocol.inclusion}
    says = as_json(database.scalar(text("SELECT read_toml(:content)"), {"content": TRIAL}))  # read once
    asked = text("SELECT answers_say(CAST(:says AS jsonb), CAST(:answers AS jsonb), :sex)")
    for _ in range(400):
        answers: dict[str, Any] = {code: CHANCE.choice(values) for code, values in numbers.items()}
        for one in protocol.questions:
            if one.kind == "yes_no":
                answers[one.code] = good.get(one.code, False) if CHANCE.random() < 0.95 else CHANCE.choice([None, True])
        answers["age"] = answers["age"] if CHANCE.random() < 0.3 else Decimal(40)
        answers |= {one.decision: CHANCE.choice([None, True, False]) for one in protocol.ambiguities}
        sex = CHANCE.choice(sexes)
        wanted = assess(protocol, answers, sex).outcome.value
        kept = as_json(answers_to_keep(answers))
        assert database.scalar(asked, {"says": says, "answers": kept, "sex": sex}) == wanted, answers
        told.add(wanted)
    assert len(told) == 3


@pytest.mark.requirement("R8")
def test_whether_a_donor_is_shown_healthy(world: World, databases: tuple[str, str]) -> None:
    """Results that are missing, at and beyond the ends of the window, repeated, positive, not reviewed."""
    donor = world.do("tina", "register_donor", pseudonym=world.unique("A"), birth_year=1990)["code"]
    born = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)
    day, window = datetime.timedelta(days=1), datetime.timedelta(days=PANEL.specimen_window_days)
    times = [born, born, born + window, born - window, born + window + day / 99, born + PANEL.retest_days * day]
    insert = text(
        """INSERT INTO test_result (code, donor_id, test, choice, method, started_at, resulted_at, verdict,
                                    entered_by_id, reviewed_by_id, state)
           SELECT :code, id, :test, :choice, 'x', :at, :at, 'IN_SPECIFICATION', 1,
                  CASE :state WHEN 'REVIEWED' THEN 2 END, :state FROM donor WHERE code = :donor"""
    )
    asked = text(
        """SELECT is_shown_healthy(id, read_toml(:content) -> 'donor', CAST(:at AS timestamptz[]))
             FROM donor WHERE code = :donor"""
    )
    content = files("cellbank.protocols").joinpath("p-mmsc.toml").read_text(encoding="utf-8")
    told = []
    with rolled_back(databases[0]) as owner:
        owner.execute(text("SET LOCAL session_replication_role = replica"))
        for number in range(150):
            owner.execute(text("DELETE FROM test_result WHERE code LIKE 'NEW%'"))
            collections = [born, born + CHANCE.choice([0, 1, 20]) * day][: CHANCE.choice([1, 1, 1, 2, 0])]
            results = []
            for test in PANEL.tests * CHANCE.choice([1, 2]):
                rare = CHANCE.random()
                results.append(
                    PanelResult(
                        f"NEW{len(results)}",
                        test.code,
                        "positive" if rare < 0.01 else "negative",
                        CHANCE.choice(times if number % 3 else times[:4]),
                        "ENTERED" if rare > 0.99 else "REVIEWED",
                    )
                )
            results = [one for one in results if CHANCE.random() < 0.98]
            for one in results:
                owner.execute(
                    insert,
                    {
                        "code": one.code,
                        "donor": donor,
                        "test": one.test,
                        "choice": one.choice,
                        "at": one.taken_at,
                        "state": one.state,
                    },
                )
            facts = EvidenceFacts(donor, PANEL, tuple(Collection("x", at) for at in collections), tuple(results))
            healthy = owner.scalar(asked, {"content": content, "at": collections, "donor": donor})
            assert healthy is (not evidence_refusals(facts)), (collections, results)
            told.append(healthy)
    assert 10 < sum(told) < 140

"""Protocols and specifications: imported whole or not at all, one version in force."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

import cellbank
from cellbank.domain.protocol import digest
from cellbank.records.people import Definition
from cellbank.records.quality import Signature
from cellbank.records.signed_content import content_digest
from cellbank.records.trail import Act
from cellbank.services.acts import Malformed
from cellbank.services.quality import definitions
from cellbank.services.quality.definitions import shipped
from tests.conftest import Furnished
from tests.factories.definitions import MANY
from tests.factories.world import World

SPECIFICATION, PROTOCOL = shipped()
PROTOCOLS = Path(cellbank.__file__).parent / "protocols"


@pytest.fixture(scope="module")
def other_world(furnished: Furnished, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A database of its own: other tests rest on the definitions that are in force."""
    with furnished.world("definitions", tmp_path_factory.mktemp("definitions")) as world:
        yield world


def state_of(world: World, code: str) -> str | None:
    with Session(world.installation.reads) as session:
        return session.scalar(select(Definition.state).where(Definition.code == code))


def with_version(content: str, version: str) -> str:
    return re.sub(r'(?m)^version = "\d+"', f'version = "{version}"', content, count=1)


def test_the_shipped_definitions_are_in_force_with_their_digest(world: World) -> None:
    with Session(world.installation.reads) as session:
        for definition in (SPECIFICATION, PROTOCOL):
            row = session.scalars(select(Definition).where(Definition.code == definition.code)).one()
            file = next(PROTOCOLS.glob(f"{row.identifier.lower()}.toml"))
            assert (row.type, row.state) == (definition.type, "EFFECTIVE")
            assert row.digest == digest(file.read_text(encoding="utf-8").replace(*MANY))
            signed = session.scalars(
                select(Signature).where(Signature.record_kind == "definition", Signature.record_id == row.id)
            ).one()
            assert (signed.meaning, signed.full_name) == ("approved", "Oksana Quality")
            assert signed.digest == content_digest(row)


def test_line_ends_of_a_browser_make_no_other_file(world: World) -> None:
    content = SPECIFICATION.content.replace("\n", "\r\n")
    refusals = world.try_act("quinn", "import_definition", type="specification", content=content).refusals
    assert [refusal.code.value for refusal in refusals] == ["ALREADY_EXISTS"]
    assert "the same text" in refusals[0].detail


def test_another_text_needs_another_version(world: World) -> None:
    changed = SPECIFICATION.content.replace("earliest_days = 14", "earliest_days = 7")
    refusals = world.try_act("quinn", "import_definition", type="specification", content=changed).refusals
    assert [refusal.code.value for refusal in refusals] == ["ALREADY_EXISTS"]
    assert "new version" in refusals[0].detail


def test_a_file_with_three_problems_is_answered_with_three(world: World) -> None:
    broken = (
        PROTOCOL.content.replace("planned_subjects = 30", "planned_subjects = 0")
        .replace("window_first_day = 3", "window_first_day = 1")
        .replace("max_age_hours = 72", "")
    )
    with pytest.raises(Malformed) as caught:
        world.try_act("quinn", "import_definition", type="protocol", content=broken)
    problems = caught.value.problems
    assert {problem.field for problem in problems} == {"content"}
    said = " ".join(problem.message for problem in problems)
    assert len(problems) == 3
    for path in ("planned_subjects", "dosing.infusions[2].window_first_day", "dosing.weight.max_age_hours"):
        assert path in said


@pytest.mark.the_database_refuses("a_version_is_read_by_the_database")
def test_nobody_was_faster_where_the_database_does_not_read_a_file(world: World) -> None:
    content = with_version(SPECIFICATION.content, "99").replace("warn_minutes = 10", "warn_minutes = 0xA", 1)
    [refusal] = world.try_act("quinn", "import_definition", type="specification", content=content).refusals
    assert refusal.code.value == "WRONG_KIND" and "faster" not in refusal.detail
    assert "write it with text" in refusal.detail


@pytest.mark.parametrize("name", ["title", "version"])
def test_a_character_that_no_database_stores_is_named_however_it_is_written(world: World, name: str) -> None:
    content = re.sub(rf'(?m)^{name} = "', rf'{name} = "a\\u0000', SPECIFICATION.content, count=1)
    with pytest.raises(Malformed) as caught:
        world.try_act("quinn", "import_definition", type="specification", content=content)
    assert [problem.field for problem in caught.value.problems] == ["content"]
    assert f"{name}: holds a character that is part of no text" in caught.value.problems[0].message


def test_a_file_of_the_other_type_is_malformed(world: World) -> None:
    with pytest.raises(Malformed):
        world.try_act("quinn", "import_definition", type="protocol", content=SPECIFICATION.content)


def test_a_technician_imports_nothing(world: World) -> None:
    given = {"type": "specification", "content": with_version(SPECIFICATION.content, "9")}
    assert world.codes("tina", "import_definition", **given) == ["ROLE_NOT_ALLOWED"]


def test_a_version_in_force_is_not_made_effective_again(world: World) -> None:
    assert world.codes("quinn", "make_effective", definition=SPECIFICATION.code) == ["WRONG_STATE"]
    assert state_of(world, SPECIFICATION.code) == "EFFECTIVE"


def test_an_unknown_definition_is_not_found(world: World) -> None:
    assert world.codes("quinn", "make_effective", definition="P-MMSC@77") == ["NOT_FOUND"]


def test_it_is_signed(world: World) -> None:
    content = SPECIFICATION.content.replace('id = "P-MMSC"', 'id = "NOT-SIGNED"')
    code = world.do("oksana", "import_definition", type="specification", content=content)["code"]
    assert world.codes("quinn", "make_effective", definition=code, password=None) == ["SIGNATURE_NEEDED"]


def test_a_new_version_supersedes_the_one_in_force(other_world: World) -> None:
    content = with_version(SPECIFICATION.content, "3")
    other_world.do("oksana", "import_definition", type="specification", content=content)
    assert state_of(other_world, "P-MMSC@3") == "IMPORTED"
    other_world.do("quinn", "make_effective", definition="P-MMSC@3")
    assert (state_of(other_world, "P-MMSC@2"), state_of(other_world, "P-MMSC@3")) == ("SUPERSEDED", "EFFECTIVE")
    assert other_world.codes("quinn", "make_effective", definition="P-MMSC@2") == ["WRONG_STATE"]


def test_an_older_import_may_replace_a_newer_one(other_world: World) -> None:
    for version in ("4", "5"):
        content = with_version(SPECIFICATION.content, version)
        other_world.do("oksana", "import_definition", type="specification", content=content)
    other_world.do("quinn", "make_effective", definition="P-MMSC@5")
    other_world.do("quinn", "make_effective", definition="P-MMSC@4")
    assert (state_of(other_world, "P-MMSC@5"), state_of(other_world, "P-MMSC@4")) == ("SUPERSEDED", "EFFECTIVE")


def test_a_protocol_waits_for_its_specification(other_world: World) -> None:
    content = PROTOCOL.content.replace('"NCT04461925"', '"NCT-OTHER"').replace('"P-MMSC"', '"P-OTHER"')
    other_world.do("oksana", "import_definition", type="protocol", content=content)
    refused = other_world.try_act("quinn", "make_effective", definition="NCT-OTHER@1")
    assert [refusal.code.value for refusal in refused.refusals] == ["DEFINITION_NOT_EFFECTIVE"]
    assert "P-OTHER" in refused.refusals[0].detail
    with Session(other_world.installation.reads) as session:
        names = select(Act.name, Act.outcome).where(Act.record_code == "NCT-OTHER@1").order_by(Act.id)
        assert session.execute(names).all() == [("import_definition", "accepted"), ("make_effective", "refused")]


@pytest.mark.the_database_refuses("one_version_in_force")
def test_the_database_has_one_version_in_force(other_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    content = with_version(SPECIFICATION.content, "6")
    other_world.do("oksana", "import_definition", type="specification", content=content)
    monkeypatch.setattr(definitions, "_lock_versions", lambda work, code: (work.lock(Definition, code), []))
    assert other_world.codes("quinn", "make_effective", definition="P-MMSC@6") == ["CHANGED_MEANWHILE"]
    assert state_of(other_world, "P-MMSC@6") == "IMPORTED"

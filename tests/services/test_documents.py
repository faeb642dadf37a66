"""Documents that were issued: printed again they are the same bytes, or they say what changed."""

import json
from dataclasses import replace

import pypdfium2
import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from cellbank.domain.identifiers import Kind, record_code
from cellbank.outside.document_pdf import Facts, Heading, Run, Table, Text
from cellbank.records.quality import DocumentIssue
from cellbank.services.acts import Malformed
from cellbank.services.documents import document_printing, issuing
from cellbank.services.documents.chain_document import chain_paper
from cellbank.services.documents.document_changes import Difference, Step, differences
from cellbank.services.documents.document_types import TYPES
from cellbank.services.documents.issuing import NotAsIssued, issued_file, issued_of, unissued_file
from cellbank.services.documents.papers import Paper, as_data, from_data, snapshot
from cellbank.services.finding.missing import NotHere, Unreadable
from cellbank.services.installation import Installation
from tests.factories.doses import ordered_dose
from tests.factories.world import World


def words(pdf: bytes) -> str:
    """All text of a PDF, with one space between its words."""
    pages = (page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf))
    return " ".join(" ".join(pages).split())


def rows(installation: Installation, record: str) -> list[DocumentIssue]:
    with Session(installation.reads) as session:
        found = select(DocumentIssue).where(DocumentIssue.record_code == record).order_by(DocumentIssue.edition)
        return list(session.scalars(found))


@pytest.fixture(scope="module")
def dose(world: World) -> str:
    """A dose that the tests of this module change."""
    return ordered_dose(world).code


def issue(world: World, code: str, type_: str = "chain", who: str = "quinn", **given: object) -> dict[str, object]:
    return world.do(who, "issue_document", code=code, type=type_, **given)


@pytest.mark.requirement("R2")
def test_an_unchanged_record_is_issued_once_and_printed_the_same_to_the_byte(
    world: World, installation: Installation, dose: str
) -> None:
    first, again = issue(world, dose), issue(world, dose, who="otto")
    assert first["code"] == again["code"] and (first["unchanged"], again["unchanged"]) == (False, True)
    assert (first["edition"], again["edition"]) == (1, 1) and len(rows(installation, dose)) == 1
    one, other = issued_file(installation, str(first["code"])), issued_file(installation, str(first["code"]))
    assert one.pdf == other.pdf and one.same and one.pdf.startswith(b"%PDF-1.7")
    assert document_printing.file_digest(one.pdf) == rows(installation, dose)[0].pdf_digest


@pytest.mark.requirement("R2")
def test_a_changed_record_is_a_further_edition_that_says_what_changed(world: World, installation: Installation) -> None:
    code = ordered_dose(world).code
    issue(world, code)
    world.do("clara", "cancel_dose", dose=code, reason="Fever since the morning")
    assert world.codes("quinn", "issue_document", code=code, type="chain") == ["REASON_NEEDED"]
    second = issue(world, code, reason="The dose was cancelled")
    assert (second["edition"], second["unchanged"]) == (2, False)
    first_page = (
        pypdfium2.PdfDocument(issued_file(installation, str(second["code"])).pdf)[0].get_textpage().get_text_range()
    )
    said = " ".join(first_page.split())
    assert "What changed since edition 1" in said and "Reason for this edition: The dose was cancelled" in said
    assert "Changed Document State: Cancelled (was: Ordered)" in said
    assert "Added" in said and "Cancel" in said
    assert [one.edition for one in issued_of(installation, code)] == [2, 1]
    assert "What changed" not in words(issued_file(installation, rows(installation, code)[0].code).pdf)


def test_a_dry_run_tells_the_edition_and_issues_nothing(world: World, installation: Installation) -> None:
    code = ordered_dose(world).code
    outcome = world.try_act("quinn", "issue_document", code=code, type="chain", dry_run=True)
    assert outcome.accepted and outcome.result["edition"] == 1 and rows(installation, code) == []


# --- who, and of what -------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["tina", "quinn", "clara", "otto"])
def test_everybody_on_the_floor_and_the_auditor_issues_documents(world: World, dose: str, who: str) -> None:
    assert issue(world, dose, who=who)["edition"] == 1


def test_an_administrator_does_not(world: World, dose: str) -> None:
    assert world.codes("ada", "issue_document", code=dose, type="chain") == ["ROLE_NOT_ALLOWED"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"type": "certificate"}, "type"),
        ({"type": "invoice"}, "type"),
        ({"type": ""}, "type"),
        ({"type": ["chain"]}, "type"),
        ({"code": "nonsense"}, "code"),
        ({"code": "'; DROP TABLE lot; --"}, "code"),
        ({"code": ""}, "code"),
        ({"code": 17}, "code"),
        ({"reason": "x"}, "reason"),
        ({"reason": "y" * 1001}, "reason"),
        ({"reason": "turned \u202e round"}, "reason"),
        ({"edition": 3}, "edition"),
    ],
    ids=str,
)
def test_absurd_input_is_malformed_and_names_the_field(
    world: World, dose: str, given: dict[str, object], field: str
) -> None:
    with pytest.raises(Malformed) as malformed:
        issue(world, **{"code": dose, "type_": "chain", **_named(given)})
    assert [problem.field for problem in malformed.value.problems] == [field]


def _named(given: dict[str, object]) -> dict[str, object]:
    return {"type_" if name == "type" else name: value for name, value in given.items()}


def test_a_record_that_is_not_here_is_refused(world: World) -> None:
    assert world.codes("quinn", "issue_document", code="CHA999926999999", type="chain") == ["NOT_FOUND"]


@pytest.mark.parametrize("raw", ["DC99999", "LT0001K", "nonsense", "", "DC" * 300, "DC\u0000", "ДС00018"])
def test_codes_of_no_document(installation: Installation, raw: str) -> None:
    with pytest.raises((NotHere, Unreadable)):
        issued_file(installation, raw)


# --- enemies ----------------------------------------------------------------------------------


def _as_owner(databases: tuple[str, str], statement: str, **given: object) -> None:
    owner = create_engine(databases[0])
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = 'replica'"))
        connection.execute(text(statement), given)
    owner.dispose()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE document_issue SET content = '{}' WHERE record_code = :code",
        "UPDATE document_issue SET pdf_digest = '' WHERE record_code = :code",
        "DELETE FROM document_issue WHERE record_code = :code",
    ],
)
def test_an_issue_is_never_changed_or_removed(
    installation: Installation, world: World, dose: str, statement: str
) -> None:
    issue(world, dose)
    with pytest.raises((IntegrityError, ProgrammingError)), installation.engine.begin() as connection:
        connection.execute(text(statement), {"code": dose})


@pytest.mark.requirement("R1")
def test_content_altered_behind_the_application_is_found_and_not_printed(
    world: World, installation: Installation, databases: tuple[str, str]
) -> None:
    code = ordered_dose(world).code
    issued = str(issue(world, code)["code"])
    forged = "jsonb_set(content, '{paper,subject}', '\"Dose for somebody else\"')"
    _as_owner(databases, f"UPDATE document_issue SET content = {forged} WHERE code = :code", code=issued)
    with pytest.raises(NotAsIssued, match=issued):
        issued_file(installation, issued)


@pytest.mark.requirement("R1")
def test_a_copy_that_another_version_lays_out_otherwise_says_so(
    world: World, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = str(issue(world, ordered_dose(world).code)["code"])
    original = issued_file(installation, issued)
    monkeypatch.setattr("cellbank.outside.document_pdf.SIDE", 50)
    monkeypatch.setattr(document_printing, "SOFTWARE", "cellbank 9.9")
    monkeypatch.setattr(issuing, "SOFTWARE", "cellbank 9.9")
    copy = issued_file(installation, issued)
    said = words(copy.pdf)
    assert original.same and not copy.same
    assert "A copy printed by cellbank 9.9. It says what was issued" in said and "made by cellbank 0." in said


@pytest.mark.the_database_refuses(
    "a_further_edition_says_something_else",
    "ck_document_issue_a_further_edition_has_a_reason",
    "editions_follow_each_other",
)
def test_the_database_takes_no_edition_out_of_turn_and_none_that_says_the_same(
    world: World, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = ordered_dose(world).code
    issue(world, code)
    monkeypatch.setattr(issuing, "_latest", lambda *_: None)
    assert world.codes("quinn", "issue_document", code=code, type="chain") == ["CHANGED_MEANWHILE"]
    monkeypatch.undo()
    last = rows(installation, code)[0]
    monkeypatch.setattr(issuing, "_latest", lambda *_: _Changed(last))
    given = {"code": code, "type": "chain", "reason": "Nothing has changed"}
    assert world.codes("quinn", "issue_document", **given) == ["CHANGED_MEANWHILE"]
    monkeypatch.undo()
    world.do("clara", "cancel_dose", dose=code, reason="Fever since the morning")
    monkeypatch.setattr(issuing, "edition_refusals", lambda _: ())
    assert world.codes("quinn", "issue_document", code=code, type="chain") == ["REASON_NEEDED"]
    assert len(rows(installation, code)) == 1


class _Changed:
    """The last edition, with another digest than it has: what an act reads that looks away."""

    def __init__(self, row: DocumentIssue):
        self.code, self.edition, self.content, self.digest = row.code, row.edition, row.content, "0" * 64


# --- what is compared -------------------------------------------------------------------------


def paper(*blocks: object, **given: str) -> Paper:
    made = {"title": "T", "subject": "Lot", "site": "Site", "code": "LT0001K", "mark": "", **given}
    return Paper(made["title"], made["subject"], made["site"], made["code"], tuple(blocks), made["mark"])  # type: ignore[arg-type]


def results(*rows: tuple[str, str]) -> Table:
    return Table(("Test", "Result"), rows, (0.5, 0.5))


CASES = [
    (paper(), paper(), []),
    (paper(Facts((("State", "filled"),))), paper(Facts((("State", Run("released", "strong")),))),
     [(Step.CHANGED, "Document", "State: released (was: filled)")]),
    (paper(Heading("Tests"), results(("CD73", "98"))), paper(Heading("Tests"), results(("CD73", "98"), ("CD90", "99"))),
     [(Step.ADDED, "Tests", "Test: CD90 · Result: 99")]),
    (paper(Heading("Tests"), results(("CD73", "98"))), paper(Heading("Tests"), results(("CD73", "89"))),
     [(Step.CHANGED, "Tests", "CD73: Result: 89 (was: 98)")]),
    (paper(Text("One")), paper(), [(Step.REMOVED, "Document", "One")]),
    (paper(), paper(mark="ON HOLD"), [(Step.ADDED, "Document", "ON HOLD")]),
    (paper(Heading("T"), results(("", "a"), ("", "b"))), paper(Heading("T"), results(("", "b"), ("", "c"))),
     [(Step.ADDED, "T", "Result: c"), (Step.REMOVED, "T", "Result: a")]),
]  # fmt: skip


@pytest.mark.parametrize(("before", "now", "expected"), CASES)
def test_the_difference_is_told_in_the_words_of_the_document(
    before: Paper, now: Paper, expected: list[tuple[Step, str, str]]
) -> None:
    assert list(differences(before, now)) == [Difference(*one) for one in expected]


def test_a_paper_comes_back_from_its_data_as_it_was(installation: Installation, dose: str) -> None:
    with snapshot(installation.engine) as connection:
        made = chain_paper(connection, dose)
    assert made is not None
    stored = json.loads(json.dumps(as_data(made)))
    assert from_data(stored) == made and from_data(stored).digest == made.digest
    assert replace(made, subject="another").digest != made.digest


def test_every_type_has_a_kind_and_reads_nothing_of_what_is_not_here(installation: Installation) -> None:
    absent = {kind: record_code(kind, 31**4) for kind in (Kind.LOT, Kind.SHIPMENT)} | {Kind.DOSE: "CHA999926999999"}
    for type_ in TYPES.values():
        kind = next(kind for kind in absent if kind in type_.kinds)
        with snapshot(installation.engine) as connection:
            assert type_.read(connection, absent[kind]) is None, type_.name


def test_the_list_of_a_record_names_edition_time_and_person(installation: Installation, world: World) -> None:
    code = ordered_dose(world).code
    issue(world, code)
    (one,) = issued_of(installation, code)
    assert (one.edition, one.issued_by, one.title) == (1, "Quinn Quality", "Chain of identity and custody")
    assert unissued_file(installation, "chain", code) != issued_file(installation, one.code).pdf
    assert "Not issued: a look at the record" in words(unissued_file(installation, "chain", code))

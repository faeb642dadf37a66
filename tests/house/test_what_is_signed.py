"""What people sign stands in front of them: no signed act can forget to show what its signature covers."""

import ast
import re
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

import cellbank
from cellbank import create_app
from cellbank.domain.lifecycle.table import TRANSITIONS
from cellbank.outside.document_pdf import Facts, Heading, Run, Table, Text
from cellbank.records.clinic import Dose
from cellbank.records.tables import metadata, record_class
from cellbank.services import catalogue
from cellbank.services.clinic.identity import is_identity
from cellbank.services.installation import Installation, server_time
from cellbank.services.signing.covered import ABOVE, BY_CODE, REACHED, WRITTEN, covered, scan_fields
from cellbank.services.signing.in_words import label_of, signed_columns
from cellbank.services.signing.to_sign import FORESEEN, PARTS, TABLES, ToSign, to_sign
from tests.house.test_words_of_documents import OF_THE_PROGRAM
from tests.web.conftest import Browser

catalogue.load()
SIGNED_ROWS = sorted({(row.act, row.record) for row in TRANSITIONS if row.meaning})
#: of which kinds of record the forms of an act scan codes
KIND_OF_FIELD = {
    "release": "conditional_release", "result": "test_result", "results": "test_result", "reagent": "reagent_lot",
    "action": "corrective_action", "dose_label": "dose", "definition": "definition",
}  # fmt: skip


@pytest.mark.requirement("R4")
@pytest.mark.parametrize(("act", "kind"), SIGNED_ROWS)
def test_every_signed_row_of_the_table_finds_its_record(act: str, kind: str) -> None:
    """From the codes on the form, from what these reach, or because the act itself makes the record."""
    rows = [row for row in TRANSITIONS if (row.act, row.record) == (act, kind) and row.meaning]
    fields = {KIND_OF_FIELD.get(name, name) for name in (*scan_fields(act), *(f for a, f in BY_CODE if a == act))}
    # Vials that an order reserves are signed by their numbers alone: they have no signed columns.
    assert (
        all(row.source is None for row in rows)
        or kind in fields
        or (act, kind) in REACHED
        or not record_class(kind).SIGNED
    )


def test_what_is_told_of_signatures_is_of_the_table() -> None:
    """No entry outlives its act or its column."""
    for act, kind in {*WRITTEN, *REACHED, *ABOVE}:
        assert (act, kind) in SIGNED_ROWS, (act, kind)
    for (act, kind), columns in (*WRITTEN.items(), *ABOVE.items()):
        assert columns <= set(record_class(kind).signed_by(act))
    for kind, column in PARTS:
        assert column in record_class(kind).SIGNED


def test_what_an_act_writes_of_what_it_signs_is_named(story: Installation) -> None:
    """A signed column that changes in the act itself was not on the page: the page must say that the act writes it."""
    statement = text(
        """SELECT a.name, s.record_kind, c.after FROM signature s JOIN act a ON a.id = s.act_id
             JOIN change c ON c.act_id = a.id AND c.record_kind = s.record_kind AND c.record_id = s.record_id
            WHERE c.before IS NOT NULL"""
    )
    seen = set()
    with story.engine.connect() as connection:
        for name, kind, after in connection.execute(statement):
            covers = set(record_class(kind).signed_by(name))
            assert set(after) & covers <= WRITTEN.get((name, kind), frozenset()), (name, kind)
            seen.add(name)
    assert len(seen) >= 9


# What a signed act writes and its signature does not cover: who and when, which the signature itself says; the place of
# a subject; the day of an order, which another signed act may change; what follows from other columns.
NOT_DECIDED = re.compile(
    r"^(id|code|site_id|state|spares_called|given_\w+|study_day|place|assessment|planned_on|\w+_by_id|\w+_at)$"
)


@pytest.mark.requirement("R4")
def test_whatever_a_signed_act_decides_about_a_record_its_signature_covers(story: Installation) -> None:
    """Who signs a dose at the bed signs for what was drawn up, not for what was ordered."""
    statement = text(
        """SELECT DISTINCT a.name, s.record_kind, k FROM signature s JOIN act a ON a.id = s.act_id
             JOIN change c ON c.act_id = a.id AND c.record_kind = s.record_kind AND c.record_id = s.record_id
             CROSS JOIN LATERAL jsonb_each(c.after) AS e(k, v) WHERE v <> 'null'"""
    )
    with story.engine.connect() as connection:
        written = connection.execute(statement).all()
    bare = {
        (name, kind, column)
        for name, kind, column in written
        if column not in record_class(kind).signed_by(name) and not NOT_DECIDED.match(column)
    }
    assert len(written) > 50 and bare == set()


# What somebody attests who checks a dose at the bed, or signs for its paper form.
ATTESTED = {
    "code", "subject_id", "draw_ml", "final_volume_ml", "delivered_cells", "viability_percent", "total_cells_per_ml",
    "expires_at", "prepared_by_id", "diluent",
}  # fmt: skip


@pytest.mark.requirement("R4")
@pytest.mark.parametrize("act", ["check_dose", "confirm_dose_from_paper"])
def test_who_verifies_a_dose_signs_for_the_prepared_one(act: str) -> None:
    assert set(Dose.signed_by(act)) >= ATTESTED
    assert not set(Dose.signed_by(act)) & {"calculation", "weight_id", "vials_needed", "ordered_at"}


FIELDS = {  # of each kind of record: the field of the forms that takes its code
    "test_result": ("results", "result"),
    "reagent_lot": ("reagent",),
    "corrective_action": ("action",),
    "conditional_release": ("release",),
    "dose": ("dose", "dose_label"),
}


def form_for(engine: Engine, act: str, kind: str) -> dict[str, object] | None:
    """A form of this act about the latest record of this kind; None where the story has none."""
    inputs = catalogue.REGISTRY[act].input.model_fields
    field = next((name for name in (*FIELDS.get(kind, ()), kind) if name in inputs), None)
    with engine.connect() as connection:
        code = connection.scalar(text(f"SELECT code FROM {kind} ORDER BY id DESC LIMIT 1"))
    return None if field is None or code is None else {field: [code] if field == "results" else code}


NAMED_ROWS = [(act, kind) for act, kind in SIGNED_ROWS if record_class(kind).SIGNED and (act, kind) not in REACHED]


@pytest.mark.requirement("R4")
@pytest.mark.parametrize(("act", "kind"), NAMED_ROWS)
def test_the_page_of_a_signed_act_shows_every_column_that_is_signed(story: Installation, act: str, kind: str) -> None:
    rows = [row for row in TRANSITIONS if (row.act, row.record) == (act, kind) and row.meaning]
    if all(row.source is None for row in rows):
        return  # the act makes it: nothing is there before
    form = form_for(story.engine, act, kind)
    if form is None:
        pytest.skip(f"the story has no {kind}")
    content = to_sign(story, act, form, server_time())
    assert content is not None, (act, form)
    said = words_of(content)
    with story.engine.connect() as connection:
        [one] = [one for one in covered(connection, act, {kind: [1]}) if one.kind == kind]
        row = connection.execute(text(f"SELECT * FROM {kind} ORDER BY id DESC LIMIT 1")).mappings().one()
    for column in signed_columns(one):
        if kind in TABLES:
            assert is_said(row[column], said), (act, column, row[column])
        elif (kind, column) not in PARTS and (
            row[column] is not None or (column in one.written - one.above and act not in FORESEEN)
        ):
            label = label_of(one, column)
            assert label in said, (act, kind, label)
        if not is_identity(kind, column) and type(row[column]) is int and not column.endswith("_id"):
            assert is_said(row[column], said) or row[column] > 10**5, (act, column)


def sections(content: ToSign) -> list[list[str]]:
    """The labels of each part of a page, from heading to heading."""
    found: list[list[str]] = [[]]
    for block in content.blocks:
        if isinstance(block, Heading):
            found.append([])
        elif isinstance(block, Facts):
            found[-1] += [label for label, _ in block.pairs]
    return found


@pytest.mark.requirement("R4", "R20")
@pytest.mark.parametrize(("act", "kind"), NAMED_ROWS)
def test_no_page_before_a_signature_says_a_thing_twice_or_as_a_program(
    story: Installation, act: str, kind: str
) -> None:
    form = form_for(story.engine, act, kind) if "code" in metadata.tables[kind].columns else None
    content = form and to_sign(story, act, form, server_time())
    if not content:
        pytest.skip(f"the story has no {kind}")
    for labels in sections(content):
        assert len(labels) == len(set(labels)), labels
        assert not [label for label in labels if label != label[:1].upper() + label[1:] or "_" in label]
    assert [line for line in words_of(content).splitlines() if OF_THE_PROGRAM.search(line)] == []


# A name of the code, or a code of a record that was spelled as a word.
RAW = re.compile(r"\b[a-z]+_[a-z_]+\b|\b[A-Z]{2,}_[A-Z_]+\b|\bNone\b|\bTrue\b|\bFalse\b|\b[A-Z][a-z]\d{4}[a-z0-9]\b")


@pytest.mark.requirement("R20")
def test_what_came_of_an_act_is_said_in_the_words_of_the_lab(story: Installation) -> None:
    """Of every kind of act of the story: each label once, each value with its unit, no name of the code."""
    browser = Browser(create_app(story).test_client())
    browser.enter("iryna", "cellbank-demo")
    with story.engine.connect() as connection:
        acts = connection.execute(
            text("SELECT min(id), name FROM act WHERE outcome = 'accepted' AND site_id = 1 GROUP BY name")
        ).all()
    wrong, read = {}, 0
    for number, name in acts:
        page = browser.get(f"/done/{number}").text.split('class="card-head')[0]
        labels = re.findall(r"<dt>(.*?)</dt>", page, re.S)
        values = [re.sub(r"<[^>]+>", " ", value) for value in re.findall(r"<dd>(.*?)</dd>", page, re.S)]
        read += len(labels)
        if found := [one for one in (*labels, *values) if RAW.search(one)]:
            wrong[name] = found
    assert read > 150 and not wrong


def words_of(content: ToSign) -> str:
    """All that stands above the password."""
    lines: list[str] = []
    for block in content.blocks:
        if isinstance(block, Heading | Text):
            lines.append(block.text)
        elif isinstance(block, Facts):
            lines += [f"{label} {flat(value)}" for label, value in block.pairs]
        elif isinstance(block, Table):
            lines += [flat(one) for one in (*block.head, *(one for row in block.rows for one in row))]
    return "\n".join(lines)


def flat(cell: str | Run | tuple[Run, ...]) -> str:
    if isinstance(cell, str):
        return cell
    return cell.text if isinstance(cell, Run) else " ".join(run.text for run in cell)


def is_said(value: object, said: str) -> bool:
    if value is None or hasattr(value, "astimezone"):
        return value is None or f"{value:%Y-%m-}" in said
    plain = f"{value.normalize():f}" if hasattr(value, "normalize") else str(value)
    return plain in said or plain.replace("_", " ").capitalize() in said


def test_no_page_is_given_a_name_that_every_page_has(story: Installation) -> None:
    """A page that is given `version` says the version of something else in its foot."""
    known = set(create_app(story).jinja_env.globals)
    for path in sorted((Path(cellbank.__file__).parent / "web").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "render_template":
                given = {word.arg for word in node.keywords}
                assert not given & known, (path.name, given & known)

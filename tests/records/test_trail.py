"""The trail against somebody who may do everything: every alteration is found and named. And against the application's
own role, which can do nothing of the kind."""

import datetime
import importlib.util
import io
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

import cellbank
from cellbank.records.tables import record_tables
from cellbank.services.installation import Installation
from cellbank.services.trail import verification
from tests.conftest import make_installation
from tests.factories.people import by_two
from tests.factories.world import World

SCRIPT = Path(cellbank.__file__).parent / "offline" / "verify_trail.py"


def load_script():
    """The stand-alone verifier as a module; it is no part of the package."""
    spec = importlib.util.spec_from_file_location("verify_trail", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


offline = load_script()


@pytest.fixture(scope="module")
def urls(fresh_database) -> tuple[str, str]:
    """A database of this module's own: nobody else's mistakes in the trail."""
    return fresh_database("trail")


@pytest.fixture(scope="module")
def installation(urls, tmp_path_factory) -> Iterator[Installation]:
    """An installation whose trail has a history: accepted, refused, signed, of several people."""
    installation = make_installation(urls[1], tmp_path_factory.mktemp("trail"))
    world = World(installation, random.Random(7), datetime.datetime(2026, 3, 2, 8, 0, tzinfo=datetime.UTC))
    for number in range(12):
        donor = world.do("tina", "register_donor", pseudonym=f"D-{number}", birth_year=1990 + number)
        world.codes("clara", "register_donor", pseudonym=f"E-{number}", birth_year=1990)
        world.do(
            "tina", "record_consent", donor=donor["code"], version="3", scope="clinical_use", given_on="2026-03-01"
        )
    by_two(world, "change_roles", "taras", roles=["clinician"], reason="moved to the ward")
    yield installation
    installation.engine.dispose()


def tamper(owner: Connection, table: str, *statements: str) -> verification.Verdict:
    """Do something to a table with its triggers switched off for the moment; the verdict on what is there then."""
    owner.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
    for statement in statements:
        assert owner.execute(text(statement)).rowcount > 0
    owner.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER ALL"))
    return verification.check(owner)


def one(owner: Connection, statement: str) -> int:
    return owner.scalar(text(statement))


MIDDLE_ACT = "SELECT act_id FROM seal ORDER BY number OFFSET 20 LIMIT 1"


def test_a_trail_that_nobody_touched_is_sound(installation: Installation) -> None:
    heard = []
    verdict = verification.verify(installation, lambda part, done, total: heard.append((part, done, total)))
    assert verdict.sound, str(verdict.fault)
    with installation.reads.connect() as connection:
        assert verdict.acts == connection.scalar(text("SELECT count(*) FROM act")) > 40
        assert verdict.changes == connection.scalar(text("SELECT count(*) FROM change"))
        counts = [connection.scalar(text(f"SELECT count(*) FROM {table}")) for table in record_tables()]
    assert verdict.records == sum(counts) > 30
    assert ("acts", verdict.acts, verdict.acts) in heard and any(part == "donor" for part, _, _ in heard)


@pytest.mark.requirement("R1")
def test_an_altered_change_is_named(owner: Connection) -> None:
    change = one(owner, "SELECT id FROM change WHERE record_kind = 'donor' ORDER BY id OFFSET 5 LIMIT 1")
    act = one(owner, f"SELECT act_id FROM change WHERE id = {change}")
    verdict = tamper(
        owner, "change", f"UPDATE change SET after = jsonb_set(after, '{{birth_year}}', '1950') WHERE id = {change}"
    )
    assert (verdict.fault.table, verdict.fault.row, verdict.fault.act) == ("change", change, act)


def test_a_deleted_change_is_found(owner: Connection) -> None:
    act = one(owner, "SELECT act_id FROM change WHERE record_kind = 'consent' ORDER BY id OFFSET 5 LIMIT 1")
    verdict = tamper(owner, "change", f"DELETE FROM change WHERE act_id = {act}")
    assert (verdict.fault.table, verdict.fault.row) == ("act", act) and "(0 are there)" in verdict.fault.what


def test_an_added_change_is_found(owner: Connection) -> None:
    act = one(owner, MIDDLE_ACT)
    insert = f"""INSERT INTO change (act_id, record_kind, record_id, before, after)
                 SELECT {act}, record_kind, record_id, before, after FROM change ORDER BY id LIMIT 1"""
    verdict = tamper(owner, "change", insert)
    assert verdict.fault.act == act


def test_a_deleted_act_is_named(owner: Connection) -> None:
    act = one(owner, MIDDLE_ACT)
    owner.execute(text("ALTER TABLE seal DISABLE TRIGGER ALL; ALTER TABLE change DISABLE TRIGGER ALL"))
    verdict = tamper(owner, "act", f"DELETE FROM act WHERE id = {act}")
    assert (verdict.fault.table, verdict.fault.row) == ("act", act) and "gone" in verdict.fault.what


def test_an_act_deleted_with_its_seal_leaves_a_gap(owner: Connection) -> None:
    act = one(owner, MIDDLE_ACT)
    owner.execute(text("ALTER TABLE act DISABLE TRIGGER ALL; ALTER TABLE change DISABLE TRIGGER ALL"))
    owner.execute(text(f"DELETE FROM act WHERE id = {act}"))
    verdict = tamper(owner, "seal", f"DELETE FROM seal WHERE act_id = {act}")
    assert verdict.fault.table == "seal" and "number 21 of site 1 is missing" in verdict.fault.what


def test_reordered_seals_are_named(owner: Connection) -> None:
    acts = owner.execute(text("SELECT act_id FROM seal WHERE number IN (21, 22) ORDER BY number")).scalars().all()
    verdict = tamper(
        owner,
        "seal",
        "UPDATE seal SET number = -number WHERE number IN (21, 22)",
        "UPDATE seal SET number = CASE number WHEN -21 THEN 22 ELSE 21 END WHERE number < 0",
    )
    assert (verdict.fault.table, verdict.fault.row) == ("seal", acts[1]) and "reordered" in verdict.fault.what


def test_a_seal_given_to_another_act_is_named(owner: Connection) -> None:
    acts = owner.execute(text("SELECT act_id FROM seal WHERE number IN (21, 22) ORDER BY number")).scalars().all()
    verdict = tamper(
        owner,
        "seal",
        f"UPDATE seal SET act_id = -act_id WHERE act_id IN ({acts[0]}, {acts[1]})",
        f"UPDATE seal SET act_id = CASE act_id WHEN {-acts[0]} THEN {acts[1]} ELSE {acts[0]} END WHERE act_id < 0",
    )
    assert verdict.fault.table == "seal" and f"made for act {acts[0]}" in verdict.fault.what


def test_an_altered_seal_is_named(owner: Connection) -> None:
    act = one(owner, MIDDLE_ACT)
    verdict = tamper(owner, "seal", f"UPDATE seal SET digest = sha256(digest) WHERE act_id = {act}")
    assert (verdict.fault.table, verdict.fault.row) == ("seal", act)


@pytest.mark.parametrize(
    "column",
    ["at = at + interval '1 second'", "recorded_at = recorded_at - interval '1 second'", "person_id = 1",
     "outcome = 'refused'", "given = given || '{\"birth_year\": 1960}'", "client = 'somewhere else'"],
)  # fmt: skip
def test_an_altered_act_is_named(owner: Connection, column: str) -> None:
    act = one(owner, "SELECT id FROM act WHERE name = 'register_donor' AND outcome = 'accepted' ORDER BY id OFFSET 6")
    verdict = tamper(owner, "act", f"UPDATE act SET {column} WHERE id = {act}")
    assert (verdict.fault.table, verdict.fault.row, verdict.fault.act) == ("act", act, act)


@pytest.mark.requirement("R1")
@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("donor", "birth_year", "1970"), ("person", "full_name", "'Somebody Else'"), ("definition", "content", "''")],
)
def test_a_record_changed_behind_the_trail_is_named(owner: Connection, table: str, column: str, value: str) -> None:
    row = one(owner, f"SELECT max(id) FROM {table}")
    verdict = tamper(owner, table, f"UPDATE {table} SET {column} = {value} WHERE id = {row}")
    assert (verdict.fault.table, verdict.fault.row) == (table, row)
    assert verdict.fault.what.startswith(f"column {column} is ") and verdict.fault.act > 0


def test_a_record_added_or_removed_behind_the_trail_is_named(owner: Connection) -> None:
    row = one(owner, "SELECT max(id) FROM consent")
    with owner.begin_nested() as savepoint:
        verdict = tamper(owner, "consent", f"DELETE FROM consent WHERE id = {row}")
        assert (verdict.fault.table, verdict.fault.row) == ("consent", row) and "gone" in verdict.fault.what
        savepoint.rollback()
    verdict = tamper(
        owner,
        "donor",
        "INSERT INTO donor (site_id, code, pseudonym, pseudonym_key, birth_year, state) "
        "VALUES (1, 'DR9', 'forged', 'forged', 1990, 'REGISTERED')",
    )
    assert verdict.fault.table == "donor" and "no act tells of it" in verdict.fault.what


def test_the_hidden_columns_are_the_ones_that_the_trail_hides(owner: Connection) -> None:
    hidden = {
        (kind, column)
        for kind, column in owner.execute(
            text("SELECT DISTINCT record_kind, key FROM change, jsonb_each_text(after) WHERE value LIKE '(hidden)%'")
        )
    }
    assert ("person", "password_hash") in hidden
    assert hidden <= {(kind, column) for kind, columns in trail_hidden().items() for column in columns}


def trail_hidden() -> dict[str, tuple[str, ...]]:
    from cellbank.records.trail import HIDDEN

    return HIDDEN


def test_an_act_without_a_seal_is_named(owner: Connection) -> None:
    act = one(owner, "SELECT act_id FROM seal ORDER BY number DESC LIMIT 1")
    verdict = tamper(owner, "seal", f"DELETE FROM seal WHERE act_id = {act}")
    assert (verdict.fault.table, verdict.fault.row) == ("act", act) and "no seal" in verdict.fault.what


@pytest.mark.requirement("R5", "R18")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE change SET after = '{}'", "DELETE FROM change", "TRUNCATE change",
        "INSERT INTO change (act_id, record_kind, record_id) VALUES (1, 'donor', 1)",
        "UPDATE seal SET number = 1", "DELETE FROM seal", "TRUNCATE seal",
        "INSERT INTO seal (act_id, site_id, number, digest) VALUES (1, 1, 1, '')",
        "UPDATE act SET at = now()", "DELETE FROM act", "TRUNCATE act CASCADE",
        "UPDATE signature SET meaning = 'released'", "DELETE FROM signature", "DELETE FROM donor",
        "TRUNCATE donor CASCADE",
        "ALTER TABLE change DISABLE TRIGGER ALL", "ALTER TABLE donor DISABLE TRIGGER trail_change",
        "DROP TRIGGER trail_change ON donor", "SET session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION trail_act_digest(a act) RETURNS bytea LANGUAGE sql AS 'SELECT NULL::bytea'",
        "DROP TABLE change",
    ],
)  # fmt: skip
def test_the_applications_role_cannot_touch_the_trail(installation: Installation, statement: str) -> None:
    with installation.engine.connect() as connection, pytest.raises(DBAPIError) as refused:
        connection.execute(text(statement))
    assert refused.value.orig.sqlstate == "42501"  # insufficient privilege


@pytest.mark.requirement("R5", "R18")
@pytest.mark.parametrize(
    "statement",
    ["UPDATE change SET after = '{}'", "DELETE FROM change", "TRUNCATE change CASCADE", "UPDATE seal SET number = 7",
     "DELETE FROM seal", "TRUNCATE seal CASCADE", "UPDATE act SET at = now()", "DELETE FROM act",
     "TRUNCATE act CASCADE", "DELETE FROM donor", "TRUNCATE donor CASCADE", "UPDATE signature SET meaning = 'x'"],
)  # fmt: skip
def test_the_owner_is_stopped_by_the_triggers(owner: Connection, statement: str) -> None:
    with pytest.raises(DBAPIError) as refused:
        owner.execute(text(statement))
    assert refused.value.orig.diag.constraint_name in ("trail_is_insert_only", "a_closed_act_never_changes")


OPEN = """INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at)
          SELECT 1, id, 'sign_in', '{}', '', 'test', '0', now() FROM person WHERE name = 'tina' RETURNING id"""
CHANGE = "UPDATE person SET failure_count = failure_count + 1 WHERE name = 'tina'"


def refused_as(connection: Connection, statement: str) -> str:
    with pytest.raises(DBAPIError) as refused:
        connection.execute(text(statement))
    return refused.value.orig.diag.constraint_name


@pytest.mark.requirement("R5", "R17")
def test_a_change_without_an_open_act_is_refused(installation: Installation) -> None:
    with installation.engine.connect() as connection:
        assert refused_as(connection, CHANGE) == "a_change_needs_an_open_act"


@pytest.mark.requirement("R17")
def test_a_change_under_a_closed_act_is_refused(installation: Installation) -> None:
    with installation.engine.connect() as connection:
        act = connection.scalar(text(OPEN))
        connection.execute(text(f"UPDATE act SET outcome = 'accepted' WHERE id = {act}"))
        assert refused_as(connection, CHANGE) == "a_change_needs_an_open_act"


def test_an_act_that_is_left_open_cannot_be_committed(installation: Installation) -> None:
    with installation.engine.connect() as connection:
        act = connection.scalar(text(OPEN))
        connection.execute(text(CHANGE))
        assert refused_as(connection, "COMMIT") == "an_act_is_closed_at_commit"
        assert connection.scalar(text(f"SELECT count(*) FROM act WHERE id = {act}")) == 0


def test_nothing_is_added_to_an_act_once_it_is_sealed(installation: Installation) -> None:
    with installation.engine.connect() as connection:
        act = connection.scalar(text(OPEN))
        connection.execute(text(f"UPDATE act SET outcome = 'accepted' WHERE id = {act}"))
        connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        assert refused_as(connection, CHANGE) == "a_change_needs_an_open_act"


def exported(installation: Installation) -> bytes:
    out = io.BytesIO()
    verification.export(installation, out)
    return out.getvalue()


def test_the_stand_alone_verifier_accepts_an_export(installation: Installation, tmp_path: Path) -> None:
    file = tmp_path / "trail.jsonl"
    file.write_bytes(exported(installation))
    assert verification.verifier() == SCRIPT.read_bytes()
    heads = [str(head) for head in verification.verify(installation).heads]
    done = subprocess.run(
        [sys.executable, "-I", SCRIPT, file, *heads], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.split() == ["OK", *heads]
    done = subprocess.run(
        [sys.executable, "-I", SCRIPT, file, f"1:3:{'0' * 64}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "does not pass through 1:3:" in done.stdout


def test_the_verifier_needs_nothing_but_the_standard_library() -> None:
    assert len(SCRIPT.read_text().splitlines()) < 400  # to be read before it is trusted
    listed = subprocess.run(
        [sys.executable, "-I", "-X", "importtime", SCRIPT], capture_output=True, text=True, check=False
    )
    modules = [line for line in listed.stderr.splitlines() if line.startswith("import time:")]
    assert listed.returncode == 2 and len(modules) > 10 and not any("cellbank" in line for line in modules)


def test_every_flip_of_a_byte_is_found(installation: Installation) -> None:
    data = exported(installation)
    chance = random.Random(11)
    for _ in range(400):
        place = chance.randrange(len(data))
        flipped = bytearray(data)
        flipped[place] ^= 1 << chance.randrange(8)
        with pytest.raises(offline.Bad):
            offline.verify(io.BytesIO(bytes(flipped)))


def test_lines_left_out_moved_or_doubled_are_found(installation: Installation) -> None:
    lines = exported(installation).splitlines(keepends=True)
    swapped = [*lines[:7], lines[8], lines[7], *lines[9:]]
    broken = [lines[:-1], lines[:9], [], lines[1:], [*lines[:7], *lines[8:]], swapped, [*lines, lines[-1]],
              [*lines[:7], lines[7], *lines[7:]]]  # fmt: skip
    for variant in broken:
        with pytest.raises(offline.Bad):
            offline.verify(variant)
    with pytest.raises(offline.Bad, match=r"line 8: .*missing or moved"):
        offline.verify(swapped)

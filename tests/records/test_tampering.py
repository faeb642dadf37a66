"""Enemies who reach the database: refused by the triggers, or, with the triggers off, named by the verification."""

import datetime
import io
import random
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from cellbank.offline import verify_trail as offline
from cellbank.services.installation import Installation
from cellbank.services.trail import verification
from cellbank.services.trail.history import signatures
from tests.bench.flips import closed, missed
from tests.conftest import make_installation
from tests.factories.by_hand import EARLIER
from tests.factories.doses import ordered_dose
from tests.factories.world import World

pytestmark = pytest.mark.requirement("R1", "R5", "R11", "R17", "R18")
FLIPS = 2500


@pytest.fixture(scope="module")
def urls(fresh_database) -> tuple[str, str]:
    return fresh_database("tampering")


@pytest.fixture(scope="module")
def installation(urls, tmp_path_factory) -> Iterator[Installation]:
    """An installation with a released lot: made, tested, reviewed and signed by several people."""
    installation = make_installation(urls[1], tmp_path_factory.mktemp("tampering"))
    world = World(installation, random.Random(11), datetime.datetime(2026, 3, 2, 8, 0, tzinfo=datetime.UTC))
    ordered_dose(world)
    yield installation
    installation.engine.dispose()


def behind(owner: Connection, *statements: str) -> verification.Fault:
    """Do something with every trigger switched off, switch them on again, and verify: what is found."""
    owner.execute(text("SET LOCAL session_replication_role = replica"))
    for statement in statements:
        assert owner.execute(text(statement)).rowcount > 0, statement
    owner.execute(text("SET LOCAL session_replication_role = origin"))
    fault = verification.check(owner).fault
    assert fault is not None, "nothing was found"
    return fault


def one(owner: Connection, statement: str) -> int:
    return owner.scalar(text(statement))


A_SIGNATURE = "SELECT id FROM signature WHERE record_kind = 'test_result' ORDER BY id LIMIT 1"
AN_ACT = "SELECT id FROM act WHERE name = 'add_storage_unit' ORDER BY id LIMIT 1 OFFSET 2"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE signature SET full_name = 'Somebody Else'", "UPDATE signature SET meaning = 'approved'",
        "UPDATE signature SET digest = repeat('0', 64)", "DELETE FROM signature", "TRUNCATE signature",
        "UPDATE act SET at = at + interval '1 second'", "UPDATE change SET id = id + 1000000",
        "DELETE FROM change", "UPDATE lot SET cells_per_vial = 50000000",
        "UPDATE test_result SET number = 99", "INSERT INTO seal VALUES (1, 1, 1, '')",
    ],
)  # fmt: skip
def test_the_triggers_stop_the_owner_in_psql(owner: Connection, statement: str) -> None:
    with pytest.raises(DBAPIError) as refused:
        owner.execute(text(statement))
    rule = refused.value.orig.diag.constraint_name
    known = ("trail_is_insert_only", "a_closed_act_never_changes", "pk_seal", "a_lot_stays_as_it_was_filled")
    assert rule in known or ("result" in statement and rule is not None)


@pytest.mark.parametrize(
    "change", ["full_name = 'Somebody Else'", "meaning = 'approved'", "digest = repeat('0', 64)", "person_id = 1",
               "record_id = record_id + 1", "signed_at = signed_at - interval '1 day'"],
)  # fmt: skip
def test_an_altered_signature_is_named(owner: Connection, change: str) -> None:
    row = one(owner, A_SIGNATURE)
    fault = behind(owner, f"UPDATE signature SET {change} WHERE id = {row}")
    assert (fault.table, fault.row) == ("signature", row) and change.split()[0] in fault.what


def test_a_signature_copied_to_another_record_is_named(owner: Connection) -> None:
    copy = """INSERT INTO signature (act_id, person_id, full_name, meaning, record_kind, record_id, digest, signed_at)
              SELECT act_id, person_id, full_name, 'released', 'lot', 1, digest, signed_at FROM signature LIMIT 1"""
    fault = behind(owner, copy)
    assert fault.table == "signature" and "no act tells of it" in fault.what


def test_a_deleted_signature_is_named(owner: Connection) -> None:
    row = one(owner, A_SIGNATURE)
    fault = behind(owner, f"DELETE FROM signature WHERE id = {row}")
    assert (fault.table, fault.row) == ("signature", row) and "gone" in fault.what


def test_a_deleted_row_of_the_trail_is_named(owner: Connection) -> None:
    act = one(owner, AN_ACT)
    fault = behind(owner, f"DELETE FROM change WHERE act_id = {act}")
    assert (fault.table, fault.row) == ("act", act)


def test_rows_whose_numbers_were_swapped_are_named(owner: Connection) -> None:
    """Two acts exchange their numbers, and with them their places in the trail."""
    act = one(owner, AN_ACT)
    swap = f"CASE id WHEN {act} THEN {act + 1} WHEN {act + 1} THEN {act} ELSE -id END"
    fault = behind(
        owner,
        f"UPDATE act SET id = -id WHERE id IN ({act}, {act + 1})",
        f"UPDATE act SET id = {swap.replace('CASE id', 'CASE -id')} WHERE id < 0",
    )
    assert fault.table in ("act", "seal") and fault.act in (act, act + 1)


def test_changes_whose_order_was_swapped_are_named(owner: Connection) -> None:
    act = one(owner, "SELECT act_id FROM change GROUP BY act_id HAVING count(*) > 2 ORDER BY act_id DESC LIMIT 1")
    first = one(owner, f"SELECT min(id) FROM change WHERE act_id = {act}")
    fault = behind(
        owner,
        f"UPDATE change SET id = -id WHERE id IN ({first}, {first + 1})",
        f"UPDATE change SET id = CASE -id WHEN {first} THEN {first + 1} ELSE {first} END WHERE id < 0",
    )
    assert fault.act == act


@pytest.mark.parametrize("column", ["at", "recorded_at"])
@pytest.mark.requirement("R20", "R21")
def test_a_time_moved_by_a_second_is_named(owner: Connection, column: str) -> None:
    act = one(owner, AN_ACT)
    fault = behind(owner, f"UPDATE act SET {column} = {column} + interval '1 second' WHERE id = {act}")
    assert (fault.table, fault.row) == ("act", act)


def test_a_result_edited_after_its_signature_is_void_and_named(
    owner: Connection, installation: Installation, urls
) -> None:
    row, code = owner.execute(
        text("SELECT id, code FROM test_result WHERE lot_id IS NOT NULL AND number IS NOT NULL ORDER BY id LIMIT 1")
    ).one()
    fault = behind(owner, f"UPDATE test_result SET number = number + 1 WHERE id = {row}")
    assert (fault.table, fault.row) == ("test_result", row) and fault.what.startswith("column number is ")
    owner.rollback()
    assert not any(signed.is_void for signed in signatures(installation, "test_result", code))
    engine = create_engine(urls[0])
    change = "SET LOCAL session_replication_role = replica; UPDATE test_result SET number = number {} 1 WHERE id = {}"
    try:
        with engine.begin() as connection:
            connection.execute(text(change.format("+", row)))
        assert all(signed.is_void for signed in signatures(installation, "test_result", code))
    finally:
        with engine.begin() as connection:
            connection.execute(text(change.format("-", row)))
        engine.dispose()
    assert verification.verify(installation).sound


def test_a_cell_count_changed_by_sql_is_named(owner: Connection) -> None:
    row = one(owner, "SELECT max(id) FROM lot")
    fault = behind(owner, f"UPDATE lot SET cells_per_vial = cells_per_vial * 2 WHERE id = {row}")
    assert (fault.table, fault.row) == ("lot", row) and fault.what.startswith("column cells_per_vial is ")


def test_a_row_inserted_behind_the_trail_is_named(owner: Connection) -> None:
    fault = behind(
        owner,
        "INSERT INTO donor (site_id, code, pseudonym, pseudonym_key, birth_year, state)"
        " VALUES (1, 'DR9', 'forged', 'forged', 1990, 'ELIGIBLE')",
    )
    assert fault.table == "donor" and "no act tells of it" in fault.what


def test_an_act_made_up_with_its_own_seal_is_named(owner: Connection) -> None:
    """A seal needs the digest of the one before it: one that was thought up does not follow."""
    fault = behind(
        owner,
        """INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at, outcome)
           VALUES (1, 1, 'release_lot', '{}', '', 'web', '0', now(), 'accepted')""",
        """INSERT INTO seal SELECT max(a.id), 1, (SELECT max(number) + 1 FROM seal), sha256('forged') FROM act a""",
    )
    assert fault.table in ("act", "seal") and fault.row == one(owner, "SELECT max(id) FROM act")


def test_a_seal_far_beyond_the_head_does_not_keep_the_verification_busy(owner: Connection) -> None:
    act = one(owner, "SELECT act_id FROM seal ORDER BY number DESC LIMIT 1")
    fault = behind(owner, f"UPDATE seal SET number = 4000000000000000000 WHERE act_id = {act}")
    assert fault.table == "seal" and "is missing" in fault.what


ACT = """INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at, outcome)
         SELECT {site}, id, '{name}', '{{}}', '', 'test', '0', now(), {outcome} FROM person WHERE name = '{who}'
         RETURNING id"""


def test_each_site_has_a_chain_of_its_own(owner: Connection) -> None:
    first = one(owner, ACT.format(site=1, who="ada", name="add_site", outcome="NULL"))
    site = one(
        owner,
        "INSERT INTO site (code, name, fin, fin_registered, timezone) "
        "VALUES ('TWO', 'Second', 'A9998', false, 'Europe/Kyiv') RETURNING id",
    )
    owner.execute(text(f"UPDATE act SET outcome = 'accepted' WHERE id = {first}"))
    owner.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    acts = []
    for where in (site, 1, site, 1, site):
        owner.exec_driver_sql(EARLIER)
        acts.append(one(owner, ACT.format(site=where, who="tina", name="sign_in", outcome="'refused'")))
    verdict = verification.check(owner)
    assert verdict.sound, str(verdict.fault)
    assert [(head.site, head.number) for head in verdict.heads][1:] == [(site, 3)]
    fault = behind(owner, f"UPDATE act SET at = at + interval '1 second' WHERE id = {acts[2]}")
    assert (fault.table, fault.row) == ("act", acts[2])


def exported(installation: Installation) -> bytes:
    out = io.BytesIO()
    verification.export(installation, out)
    return out.getvalue()


@pytest.fixture(scope="module")
def small_export(installation: Installation) -> bytes:
    """An export as it was when the trail had forty lines."""
    lines = exported(installation).splitlines(keepends=True)
    return closed(lines[:40])


def test_every_change_of_a_byte_in_an_export_is_found(small_export: bytes) -> None:
    offline.verify(io.BytesIO(small_export))
    assert missed(small_export, FLIPS, seed=1) == []


def test_blanks_and_another_spelling_of_the_same_json_are_found(small_export: bytes) -> None:
    """What means the same is not the same: the verifier asks for the exact bytes of every line."""
    lines = small_export.splitlines(keepends=True)
    for spelled in (
        lines[5].replace(b'":', b'": ', 1),
        lines[5].replace(b"{", b"{ ", 1),
        lines[5].replace(b"a", b"\\u0061", 1),
        lines[5].replace(b"\n", b" \n"),
        lines[5].replace(b"\n", b"\r\n"),
        lines[5][:-1],
    ):
        assert spelled != lines[5]
        with pytest.raises(offline.Bad, match="line 6"):
            offline.verify([*lines[:5], spelled, *lines[6:]])

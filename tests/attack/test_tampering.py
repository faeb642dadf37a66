"""The owner of the database, with every trigger off and the product's own functions at hand: what is found, by name.

How to add an attack: a row in the table that fits, and nothing else.

- `ON_THE_DATABASE`: statements of the owner, then `found`, a part of the sentence that names it. Rows marked
  `perfect` leave a trail that is sound in itself: only the signed heads outside tell of them.
- `ON_THE_HEADS`: what is done to the lines of the file of heads. The database is as it was.
- `ON_THE_FILES`: what is done to the file of an import.

All of it happens in a transaction that is rolled back, or to copies of files.
"""

import datetime
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from cellbank.offline import verify_trail as offline
from cellbank.outside.head_file import TrailKey, append, end_of
from cellbank.services.installation import server_time
from cellbank.services.temperature.logger_files import FOLDER
from cellbank.services.trail import judged_again, verification
from cellbank.services.trail.checks import check_whole, keep, sign, standing_of_trail
from cellbank.services.trail.verification import Against
from tests.conftest import Furnished, rolled_back
from tests.factories.people import confirm, enrol, newcomer
from tests.factories.temperature import as_csv, import_file, probe, steady
from tests.factories.world import World

pytestmark = pytest.mark.requirement("R1", "R5", "R17")
SIGNINGS = 4


@dataclass(frozen=True)
class Installation:
    """What is attacked: a database, a folder with evidence, a file of signed heads."""

    owner_url: str
    folder: Path
    against: Against


@pytest.fixture(scope="module")
def world(furnished: Furnished, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A bank without a stock: each of these tests verifies the whole trail."""
    with furnished.world("test", tmp_path_factory.mktemp("bank")) as world:
        yield world


@pytest.fixture(scope="module")
def site(world: World, databases: tuple[str, str]) -> Installation:
    """A bank with an import of readings, whose heads were signed several times while it worked."""
    import_file(world, probe(world), as_csv(steady(datetime.datetime(2026, 2, 20, 8, tzinfo=datetime.UTC), 3)))
    world.do("cyril", "create_token", title="For the ward")
    enrol(world, "clara")
    for number in range(SIGNINGS):
        world.do("tina", "register_donor", pseudonym=f"T-{number}", birth_year=1990)
        assert sign(world.installation).fault is None
    against = verification.own_heads(world.installation)
    assert against is not None and verification.verify(world.installation).sound
    return Installation(databases[0], world.installation.config.data, against)


@pytest.fixture
def owner(site: Installation) -> Iterator[Connection]:
    """The owner, in a transaction that is rolled back."""
    with rolled_back(site.owner_url) as connection:
        yield connection


def faults(
    owner: Connection, site: Installation, *, heads: Path | None = None, folder: Path | None = None
) -> list[str]:
    """What a verification says is wrong."""
    against = Against(heads or site.against.path, site.against.key)
    return [str(fault) for fault in verification.check(owner, None, folder or site.folder, against).faults]


# --- the database -----------------------------------------------------------------------------

LAST = "(SELECT max(act_id) FROM seal WHERE site_id = 1)"
A_DONOR = "(SELECT max(record_id) FROM change WHERE record_kind = 'donor')"
ITS_ACT = f"(SELECT act_id FROM change WHERE record_kind = 'donor' AND record_id = {A_DONOR} AND before IS NULL)"
REMOVE_LAST = (
    f"DELETE FROM donor WHERE id IN (SELECT record_id FROM change WHERE act_id = {LAST})",
    f"DELETE FROM change WHERE act_id = {LAST}",
    f"DELETE FROM act WHERE id = {LAST}",
    f"DELETE FROM seal WHERE act_id = {LAST}",
)
# Every seal of the site again, by the functions of the product: the chain is whole, whatever was changed in it.
RESEAL = """
DO $$
DECLARE
  digest_before bytea := decode(repeat('00', 32), 'hex');
  one record;
BEGIN
  FOR one IN SELECT a AS the_act, s.act_id FROM seal s JOIN act a ON a.id = s.act_id
              WHERE s.site_id = 1 ORDER BY s.number LOOP
    digest_before := sha256(digest_before || trail_act_digest(one.the_act));
    UPDATE seal SET digest = digest_before WHERE act_id = one.act_id;
  END LOOP;
END $$"""
REWRITE = (
    f"UPDATE donor SET birth_year = 1950 WHERE id = {A_DONOR}",
    f"""UPDATE change SET after = jsonb_set(after, '{{birth_year}}', '1950')
         WHERE record_kind = 'donor' AND record_id = {A_DONOR}""",
    f"UPDATE act SET given = jsonb_set(given, '{{birth_year}}', '1950') WHERE id = {ITS_ACT}",
)
BACK_DATED = """
INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at, recorded_at, outcome)
VALUES (1, (SELECT id FROM person WHERE name = 'tina'), 'sign_in', '{}', '', 'web', '0',
        now() - interval '30 days', now() - interval '30 days', 'accepted')"""
SEAL_IT = """
INSERT INTO seal SELECT a.id, 1, s.number + 1, sha256(s.digest || trail_act_digest(a))
  FROM (SELECT * FROM act ORDER BY id DESC LIMIT 1) a,
       (SELECT * FROM seal WHERE site_id = 1 ORDER BY number DESC LIMIT 1) s"""
OF_NOW = BACK_DATED.replace("now() - interval '30 days'", "clock_timestamp()")
MADE_ANEW = (*REMOVE_LAST, OF_NOW, SEAL_IT)


@dataclass(frozen=True)
class OnTheDatabase:
    """Statements of the owner with the triggers off, and what names the attack."""

    name: str
    statements: tuple[str, ...]
    found: str
    perfect: bool = False
    in_secret: bool = False  # only who has the key outside the database can tell


def _exchanged(table: str, column: str, value: str, whose: str = "clara") -> OnTheDatabase:
    """A hidden value that another one takes the place of, also where there was none."""
    row = f"{'id' if table == 'person' else 'person_id'} = (SELECT id FROM person WHERE name = '{whose}')"
    name, found = f"{table}: {column} := {value}", f"{column} of {whose} is not the one that the trail tells of"
    return OnTheDatabase(name, (f"UPDATE {table} SET {column} = {value} WHERE {row}",), found, in_secret=True)


HASH_OF_ANOTHER = "(SELECT password_hash FROM person WHERE name = 'tina')"
ON_THE_DATABASE = (
    _exchanged("person", "password_hash", HASH_OF_ANOTHER), _exchanged("person", "password_hash", "NULL"),
    _exchanged("person", "totp_secret", "'JBSWY3DPEHPK3PXP'"), _exchanged("person", "totp_secret", "NULL"),
    _exchanged("person", "totp_next", "'JBSWY3DPEHPK3PXP'"),
    _exchanged("api_token", "digest", "sha256('mine')", "cyril"),
    OnTheDatabase("the last act removed", REMOVE_LAST, "was shortened", perfect=True),
    OnTheDatabase("the last acts removed", REMOVE_LAST * 2, "was shortened", perfect=True),
    OnTheDatabase("the end made anew", MADE_ANEW, "was rewritten", perfect=True),
    OnTheDatabase("an act rewritten, its seal left", REWRITE, "act "),
    OnTheDatabase("an act rewritten, all sealed again", (*REWRITE, RESEAL), "was rewritten", perfect=True),
    OnTheDatabase("an act put in with a time long past, not sealed", (BACK_DATED,), "the act has no seal"),
    OnTheDatabase("an act put in with a time long past, and sealed", (BACK_DATED, SEAL_IT), "and the act before it in"),
    OnTheDatabase("the word that a story is played taken out", ("DELETE FROM played_time",), "it says that it is of"),
    OnTheDatabase(
        "a story played as of now", ("INSERT INTO played_time (id, why) VALUES (9, 'mine')",), "no act tells of it"
    ),
    OnTheDatabase(
        "readings altered", ("UPDATE reading SET celsius = -190 WHERE at = (SELECT min(at) FROM reading)",),
        "its readings are not those that were imported",
    ),
    OnTheDatabase(
        "a donor compared by other letters", ("UPDATE donor SET pseudonym_key = 'mine' WHERE pseudonym = 'T-0'",),
        "its pseudonym is compared by something else than its letters",
    ),
    OnTheDatabase(
        "other figures beside a file",
        ("""UPDATE definition SET figures = jsonb_set(figures, '{max_hours}', '"24"') WHERE type = 'protocol'""",),
        "are not those of its file",
    ),
)  # fmt: skip


@pytest.mark.parametrize("attack", ON_THE_DATABASE, ids=lambda attack: attack.name)
def test_what_the_owner_does_to_the_database_is_named(
    owner: Connection, site: Installation, attack: OnTheDatabase
) -> None:
    owner.execute(text("SET LOCAL session_replication_role = replica"))
    for statement in attack.statements:
        owner.exec_driver_sql(statement)
    owner.execute(text("SET LOCAL session_replication_role = origin"))
    hidden = attack.perfect or attack.in_secret
    assert verification.check(owner).sound == hidden, "what the attack is said to be, it is not"
    found = faults(owner, site)
    assert any(attack.found in one for one in found), found


OPENED = (
    """INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at)
VALUES (1, (SELECT id FROM person WHERE name = 'ada'), 'reset_password', '{}', '', 'cli', '0', clock_timestamp())"""
    ""
)


def test_who_has_the_database_alone_makes_no_digest(owner: Connection, site: Installation) -> None:
    """A password that is set in an act, triggers on: refused without its digest, found with one that was made up."""
    owner.exec_driver_sql(OPENED)
    change = "UPDATE person SET password_hash = 'mine' WHERE name = 'clara'"
    with pytest.raises(IntegrityError) as refused, owner.begin_nested():
        owner.exec_driver_sql(change)
    assert refused.value.orig.diag.constraint_name == "a_hidden_value_tells_its_digest"
    told = json.dumps({"person.password_hash of clara mine": "00000000:" + "0" * 64})
    owner.execute(text("SELECT set_config('cellbank.digests', :told, true)"), {"told": told})
    owner.exec_driver_sql("SET LOCAL session_replication_role = origin")
    owner.exec_driver_sql("ALTER TABLE person DISABLE TRIGGER USER; ALTER TABLE person ENABLE TRIGGER trail_change")
    owner.exec_driver_sql(change)
    owner.exec_driver_sql("UPDATE act SET outcome = 'accepted' WHERE id = acting()")
    owner.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
    assert any("password_hash of clara is not the one" in one for one in faults(owner, site))


def test_a_digest_of_one_person_is_good_for_nobody_else(owner: Connection, site: Installation) -> None:
    """Somebody's own password, with the digest that the trail has of it, given to another person in an act."""
    owner.exec_driver_sql(OPENED)
    mine = owner.scalar(text("SELECT password_hash FROM person WHERE name = 'tina'"))
    said = owner.scalar(
        text(
            "SELECT after ->> 'password_hash' FROM change WHERE record_kind = 'person' AND after ? 'password_hash' "
            "AND record_id = (SELECT id FROM person WHERE name = 'tina') ORDER BY id DESC LIMIT 1"
        )
    )
    told = json.dumps({f"person.password_hash of clara {mine}": said.removeprefix("(hidden) ")})
    owner.execute(text("SELECT set_config('cellbank.digests', :told, true)"), {"told": told})
    owner.exec_driver_sql("ALTER TABLE person DISABLE TRIGGER USER; ALTER TABLE person ENABLE TRIGGER trail_change")
    owner.execute(text("UPDATE person SET password_hash = :mine WHERE name = 'clara'"), {"mine": mine})
    assert any("password_hash of clara is not the one" in one for one in faults(owner, site))


def test_without_the_key_nothing_is_said_of_hidden_values(owner: Connection, tmp_path: Path) -> None:
    """Nor is a key made by looking; and no value, and no digest without a key, stands in the trail."""
    notes = verification.check(owner, None, tmp_path).notes
    assert any("not compared: their key is not in" in note for note in notes) and not any(tmp_path.iterdir())
    trail = owner.scalars(text("SELECT after ->> 'password_hash' FROM change WHERE record_kind = 'person'")).all()
    assert all(one is None or one.startswith("(hidden)") for one in trail) and any(trail)
    live = owner.scalars(text("SELECT password_hash FROM person WHERE password_hash IS NOT NULL")).all()
    plain = [*live, *(f"person.password_hash of tina {one}" for one in live)]
    digests = {hashlib.sha256(one.encode()).hexdigest() for one in plain}
    assert not any(digest in one for one in trail if one for digest in digests)


def test_the_server_signs_nothing_over_a_chain_that_was_rewritten(
    owner: Connection, site: Installation, world: World
) -> None:
    """For real and put back: the signing is on connections of its own."""
    before = site.against.path.read_bytes()
    change = "SET session_replication_role = replica; UPDATE seal SET digest = sha256(digest) WHERE act_id = {}"
    engine = create_engine(site.owner_url)
    with engine.connect() as connection:
        act, digest = connection.execute(text("SELECT act_id, digest FROM seal ORDER BY act_id DESC LIMIT 1")).one()
        connection.execute(text(change.format(act)))
        connection.commit()
        try:
            signing = sign(world.installation)
        finally:
            back = text("UPDATE seal SET digest = :digest WHERE act_id = :act")
            connection.execute(back, {"digest": digest, "act": act})
            connection.commit()
    engine.dispose()
    assert signing.fault is not None and "was rewritten" in signing.fault.what
    assert site.against.path.read_bytes() == before
    assert sign(world.installation).fault is None


# --- the heads --------------------------------------------------------------------------------

Lines = list[bytes]


def _changed(lines: Lines) -> Lines:
    line = json.loads(lines[1])
    line["chains"]["1"]["number"] -= 1
    return [lines[0], _as_line(line), *lines[2:]]


def _as_line(value: dict) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _last_changed(lines: Lines) -> Lines:
    line = json.loads(lines[-1])
    line["database_at"] = "2026-01-01T00:00:00.000000Z"
    return [*lines[:-1], _as_line(line)]


def _signed_by_another(lines: Lines) -> Lines:
    line = {**json.loads(lines[-1]), "key": TrailKey("another").public}
    del line["signature"]
    return [*lines[:-1], _as_line({**line, "signature": TrailKey("another").sign(_as_line(line))})]


def _signed_by_another_in_our_name(lines: Lines) -> Lines:
    line = json.loads(lines[-1])
    del line["signature"]
    return [*lines[:-1], _as_line({**line, "signature": Ed25519PrivateKey.generate().sign(_as_line(line)).hex()})]


ON_THE_HEADS: dict[str, tuple[Callable[[Lines], Lines], str]] = {
    "the end cut": (lambda lines: lines[:-2], "the file was cut"),
    "a line taken out": (lambda lines: [lines[0], *lines[2:]], "lines behind it were taken out"),
    "the first line taken out": (lambda lines: lines[1:], "taken out"),
    "a line changed": (_changed, "heads file 2: "),
    "the last line changed": (_last_changed, "its signature does not fit"),
    "lines exchanged": (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "heads file 1: "),
    "signed with another key": (_signed_by_another, "signed with another key"),
    "signed with another key in our name": (_signed_by_another_in_our_name, "its signature does not fit"),
    "a line made unreadable": (lambda lines: [lines[0], b"?", *lines[2:]], "heads file 2: "),
    "the last line made unreadable": (lambda lines: [*lines[:-1], b"?"], "no line as it was written"),
    "emptied": (lambda lines: [], "there is no line in it"),
}


@pytest.mark.parametrize("attack", ON_THE_HEADS)
def test_what_is_done_to_the_heads_is_named(owner: Connection, site: Installation, tmp_path: Path, attack: str) -> None:
    change, found = ON_THE_HEADS[attack]
    copy = tmp_path / "heads.jsonl"
    copy.write_bytes(b"".join(line + b"\n" for line in change(site.against.path.read_bytes().splitlines())))
    said = faults(owner, site, heads=copy)
    assert len(said) == 1 and said[0].startswith("heads file") and found in said[0], said


@pytest.mark.parametrize("attack", [name for name in ON_THE_HEADS if name != "the end cut"])
def test_the_verifier_of_one_file_names_it_too(site: Installation, attack: str) -> None:
    """But for a cut end, which nothing in the file tells of."""
    lines = ON_THE_HEADS[attack][0](site.against.path.read_bytes().splitlines())
    with pytest.raises(offline.Bad, match="heads, line"):
        offline.read_heads([line + b"\n" for line in lines], site.against.key)


def test_an_export_passes_through_the_heads_or_the_verifier_names_it(
    site: Installation, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trail = tmp_path / "trail.jsonl"
    with trail.open("wb") as out:
        verification.export(world.installation, out)
    arguments = [str(trail), "--against", str(site.against.path)]
    assert offline.main(arguments) == offline.main([*arguments, "--public-key", site.against.key]) == 0
    assert offline.main([*arguments, "--public-key", TrailKey("another").public]) == 1
    assert "signed with another key" in capsys.readouterr().out
    heads = offline.read_heads(site.against.path.read_bytes().splitlines(), site.against.key)
    of_site = [head for head in heads if head.until is not None and head.site == 1]
    last = [after for before, after in pairwise(of_site) if after.number > before.number][-1]  # that has new acts
    lines = trail.read_bytes().splitlines(keepends=True)
    later = last.until + datetime.timedelta(hours=1)
    for wrong, found in (
        ({"digest": "0" * 64}, "was rewritten"),
        ({"number": last.number + 10**6}, "was shortened"),
        ({"until": last.until - datetime.timedelta(hours=1)}, "have it"),
        ({"since": later}, "do not have it"),
    ):
        with pytest.raises(offline.Bad, match=found):
            offline.verify(lines, signed=[*heads[: heads.index(last)], last._replace(**wrong)])


def test_the_verifier_of_one_file_knows_a_signature() -> None:
    for number in range(8):
        key, message = Ed25519PrivateKey.generate(), bytes(range(number))
        public, signature = key.public_key().public_bytes_raw(), key.sign(message)
        assert offline.is_signed(public, message, signature)
        for wrong in (
            (public, message + b"x", signature),
            (public[::-1], message, signature),
            (public, message, signature[:-1] + bytes([signature[-1] ^ 1])),
            (public, message, b"\xff" * 64),
            (public, message, bytes([signature[0] ^ 1]) + signature[1:]),
            (b"\0" * 31, message, signature),
        ):
            assert not offline.is_signed(*wrong)


def test_heads_that_are_gone_are_missed(world: World, site: Installation) -> None:
    moved = site.against.path.rename(site.against.path.with_suffix(".moved"))
    try:
        assert "cannot be read" in str(verification.verify(world.installation).fault)
        fault = sign(world.installation).fault
        assert fault is not None and "is gone" in fault.what and not site.against.path.exists()
    finally:
        moved.rename(site.against.path)
    assert verification.verify(world.installation).sound


def test_a_line_torn_by_a_crash_is_held_by_the_next_one(owner: Connection, site: Installation, tmp_path: Path) -> None:
    copy = tmp_path / "heads.jsonl"
    copy.write_bytes(site.against.path.read_bytes() + b'{"heads":"cellb')
    key = TrailKey((site.folder / "trail_key").read_text())
    end = end_of(copy, key.public)
    assert end is not None and end.line is not None and end.torn
    append(copy, key, end, end.line.chains, at=end.line.at, database_at=end.line.database_at)
    assert faults(owner, site, heads=copy) == []


def test_an_act_was_recorded_between_the_heads_around_it(owner: Connection, site: Installation, tmp_path: Path) -> None:
    """In a quiet hour nothing comes before it in the chain; but heads were signed all the time."""
    heads = tmp_path / "heads.jsonl"
    heads.write_bytes(site.against.path.read_bytes())
    key = TrailKey((site.folder / "trail_key").read_text())
    end = end_of(heads, key.public)
    assert end is not None and end.line is not None
    now, hour = datetime.datetime.fromisoformat(end.line.database_at), datetime.timedelta(hours=1)
    append(heads, key, end, end.line.chains, at="", database_at=(now + hour).isoformat())
    owner.execute(text("SET LOCAL session_replication_role = replica"))
    for statement in (OF_NOW, SEAL_IT):
        owner.exec_driver_sql(statement)
    assert any("do not have it" in one for one in faults(owner, site, heads=heads))
    last = "SELECT number, act_id, encode(digest, 'hex') FROM seal WHERE site_id = 1 ORDER BY number DESC LIMIT 1"
    chains = {**end.line.chains, 1: tuple(owner.execute(text(last)).one())}
    heads.write_bytes(site.against.path.read_bytes())
    append(heads, key, end, chains, at="", database_at=(now - hour).isoformat())
    assert faults(owner, site, heads=heads) == [], "a clock that is set back is no attack"
    owner.exec_driver_sql(f"UPDATE act SET recorded_at = now() + interval '1 hour' WHERE id = {LAST}")
    assert any(" have it" in one for one in faults(owner, site, heads=heads))


# --- what the server notes of itself -----------------------------------------------------------

COUNTED_UP = """
INSERT INTO head_file (file, place, number, digest, signed_at, signature)
SELECT file, place, number + 100, digest, clock_timestamp() + interval '1 day', signature FROM head_file
 ORDER BY id DESC LIMIT 1"""
ONCE_MORE = "INSERT INTO {0} ({1}) SELECT {1} FROM {0} WHERE {2} ORDER BY id LIMIT 1"
HEADS, CHECKS = "file, place, number, digest, signed_at, signature", "began_at, whole, acts, found, signature"
ALL_IS_WELL = "INSERT INTO trail_check (began_at, whole, acts, found, signature) VALUES (now(), true, 9, '{}', 'mine')"


@pytest.fixture
def application(owner: Connection) -> Connection:
    """The application's role, in a transaction that is rolled back."""
    owner.execute(text("SET LOCAL ROLE cellbank_app"))
    return owner


def test_a_file_of_heads_that_is_counted_up_is_not_cut(application: Connection, site: Installation) -> None:
    """Only a line that was signed says how far the file went; what somebody wrote beside it is told as that."""
    application.exec_driver_sql(COUNTED_UP)
    verdict = verification.check(application, None, site.folder, site.against)
    assert verdict.faults == ()
    assert any("1 of the last rows of head_file are not signed" in one for one in verdict.notes)
    for statement in ("UPDATE head_file SET number = 99", "DELETE FROM head_file"):
        with pytest.raises(ProgrammingError, match="permission denied"), application.begin_nested():
            application.exec_driver_sql(statement)


def test_a_cut_is_found_whatever_is_written_beside_it(
    application: Connection, site: Installation, tmp_path: Path
) -> None:
    """Also behind a thousand rows of somebody's own, and where an older one of ours is written once more."""
    application.exec_driver_sql(COUNTED_UP)
    application.exec_driver_sql(ONCE_MORE.format("head_file", HEADS, "number = 1"))
    more = f"INSERT INTO head_file ({HEADS}) SELECT {HEADS} FROM head_file CROSS JOIN generate_series(1, 1000) "
    application.exec_driver_sql(more + "WHERE number > 50")
    copy = tmp_path / "heads.jsonl"
    copy.write_bytes(b"".join(site.against.path.read_bytes().splitlines(keepends=True)[:-1]))
    assert any("the file was cut" in one for one in faults(application, site, heads=copy))


def test_nobody_silences_the_check_of_the_trail(world: World, site: Installation) -> None:
    """A check that found nothing, invented or written once more, is none, neither for the alarm nor for the next."""
    installation = world.installation
    assert check_whole(installation, even_if_not_due=True) == []
    with installation.engine.begin() as connection:
        keep(installation, connection, server_time(), ["act 7 is not what was sealed"], whole=True, acts=9)
        connection.exec_driver_sql(ALL_IS_WELL)
        connection.exec_driver_sql(ONCE_MORE.format("trail_check", CHECKS, "found = '{}' AND signature <> 'mine'"))
    assert standing_of_trail(installation).found == ("act 7 is not what was sealed",)
    assert check_whole(installation, even_if_not_due=True) == [] and standing_of_trail(installation).found == ()


# --- the files --------------------------------------------------------------------------------

ON_THE_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "altered": (lambda path: path.write_bytes(path.read_bytes().replace(b"-187", b"-188")), "is not what was sent"),
    "deleted": (lambda path: path.unlink(), "is missing"),
}


@pytest.mark.parametrize("attack", ON_THE_FILES)
def test_what_is_done_to_a_file_is_named(owner: Connection, site: Installation, tmp_path: Path, attack: str) -> None:
    change, found = ON_THE_FILES[attack]
    shutil.copytree(site.folder / FOLDER, tmp_path / FOLDER)
    sha256 = owner.scalar(text("SELECT sha256 FROM reading_import WHERE sha256 IS NOT NULL ORDER BY id DESC LIMIT 1"))
    change(tmp_path / FOLDER / sha256)
    said = faults(owner, site, folder=tmp_path)
    assert len(said) == 1 and found in said[0] and sha256 in said[0], said


def test_a_file_that_no_record_names_is_a_note(owner: Connection, site: Installation, tmp_path: Path) -> None:
    shutil.copytree(site.folder / FOLDER, tmp_path / FOLDER)
    (tmp_path / FOLDER / ("0" * 64)).write_text("sent, and refused")
    verdict = verification.check(owner, None, tmp_path, site.against)
    assert verdict.sound and any("belong to no import" in note for note in verdict.notes)


# --- a rule switched off for one act, and on again: sealed like any other -----------------------

NO_RULES = (
    "CREATE OR REPLACE FUNCTION act_writes(doing text, kind text, was text, becomes text, the_id bigint, differs jsonb)"
    " RETURNS void LANGUAGE plpgsql STABLE AS $$ BEGIN END $$; ALTER TABLE act DISABLE TRIGGER act_is_of_its_doer; "
    "ALTER TABLE donor DISABLE TRIGGER USER; ALTER TABLE donor ENABLE TRIGGER trail_change; "
    "ALTER TABLE signature DISABLE TRIGGER USER; ALTER TABLE signature ENABLE TRIGGER trail_change; "
)
RULES_AGAIN = (
    "ALTER TABLE act ENABLE TRIGGER act_is_of_its_doer; ALTER TABLE donor ENABLE TRIGGER USER; "
    "ALTER TABLE signature ENABLE TRIGGER USER"
)
ELIGIBLE = f"UPDATE donor SET state = 'ELIGIBLE' WHERE id = {A_DONOR}"
SIGNED_BY = f"""INSERT INTO signature (act_id, person_id, full_name, meaning, record_kind, record_id, digest, signed_at)
SELECT acting(), id, full_name, '{{meaning}}', 'donor', {A_DONOR}, repeat('0', 64), now()
  FROM person WHERE name = '{{who}}'"""
MISDONE = {
    "by somebody without the role": ("tina", "determine_eligibility", (ELIGIBLE,), "had no role for it then"),
    "by nobody that there is any more": ("gone", "sign_in", (), "had no role for it then"),
    "unsigned": ("quinn", "determine_eligibility", (ELIGIBLE,), "bears no signature"),
    "nothing but a row that it does not write": ("tina", "sign_in", (ELIGIBLE,), "does not do this to a donor"),
    "an act that there is not": ("tina", "make_eligible", (ELIGIBLE,), "had no role for it then"),
    "signed by somebody else": (
        "quinn", "determine_eligibility", (ELIGIBLE, SIGNED_BY.format(who="oksana", meaning="approved")),
        "by another person",
    ),
    "signed with another meaning": (
        "quinn", "determine_eligibility", (ELIGIBLE, SIGNED_BY.format(who="quinn", meaning="performed")),
        "a meaning that is not its own",
    ),
    "signed on another record": (
        "quinn", "determine_eligibility",
        (ELIGIBLE, SIGNED_BY.format(who="quinn", meaning="approved").replace(A_DONOR, f"{A_DONOR} - 1")),
        "bears no signature",
    ),
}  # fmt: skip


@pytest.mark.parametrize("attack", MISDONE)
def test_what_was_done_while_a_rule_was_off_is_named(
    owner: Connection, site: Installation, world: World, monkeypatch: pytest.MonkeyPatch, attack: str
) -> None:
    who, act, statements, found = MISDONE[attack]
    monkeypatch.setattr(judged_again, "SLACK", datetime.timedelta(0))
    if who == "gone":
        who = newcomer(world, "technician")
        world.do("ada", "disable_person", name=who, reason="left the bank")
    rule = owner.scalar(text("SELECT pg_get_functiondef(CAST('act_writes' AS regproc))"))
    owner.exec_driver_sql(NO_RULES)
    owner.exec_driver_sql(OPENED.replace("'ada'", f"'{who}'").replace("reset_password", act))
    for statement in statements:
        owner.exec_driver_sql(statement)
    owner.exec_driver_sql("UPDATE act SET outcome = 'accepted' WHERE id = acting()")
    owner.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
    owner.exec_driver_sql(rule)
    owner.exec_driver_sql(RULES_AGAIN)
    mine = owner.scalar(text("SELECT acting()"))
    said = faults(owner, site)
    assert any(one.startswith(f"act {mine}: ") and found in one for one in said), said


def test_what_was_refused_and_done_all_the_same_is_named(owner: Connection, site: Installation) -> None:
    """Whatever let it pass then: what is asked of an act that is done was not asked of it."""
    for table in ("act", "donor"):
        owner.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    owner.exec_driver_sql("ALTER TABLE donor ENABLE TRIGGER trail_change; ALTER TABLE act ENABLE TRIGGER seal_act")
    owner.exec_driver_sql("ALTER TABLE act ENABLE TRIGGER act_is_of_its_time")
    owner.exec_driver_sql(OPENED.replace("'ada'", "'quinn'").replace("reset_password", "determine_eligibility"))
    owner.exec_driver_sql(ELIGIBLE)
    owner.exec_driver_sql("UPDATE act SET outcome = 'refused', refusals = '[]' WHERE id = acting()")
    owner.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
    mine = owner.scalar(text("SELECT acting()"))
    assert f"act {mine}: it was refused, and has changed something" in faults(owner, site)


def test_whoever_was_something_then_is_judged_by_that(world: World) -> None:
    """Roles given and taken, an account that is over: what they did before stands."""
    name = newcomer(world, "technician")
    world.do(name, "register_donor", pseudonym=world.unique("D"), birth_year=1990)
    world.do("ada", "change_roles", name=name, roles=["clinician", "technician"], reason="helps at the ward")
    confirm(world, name)
    world.do("ada", "change_roles", name=name, roles=["clinician"], reason="only the ward now")
    world.do("ada", "disable_person", name=name, reason="left the bank")
    assert verification.verify(world.installation).sound

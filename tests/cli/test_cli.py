"""Every command: what it says, where it says it, and the status with which it ends."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from cellbank.cli.doing import LOCKS
from cellbank.cli.trail import Bar
from cellbank.domain import agreement
from cellbank.domain.definition import digest
from cellbank.services.acts import VERSION
from tests.cli.conftest import Said, Terminal

Cellbank = Callable[..., Said]
FIRST, OWN = "a first password", "a password of my own"
SPECIFICATION = (files("cellbank") / "protocols" / "p-mmsc.toml").read_text(encoding="utf-8")


@pytest.fixture
def query(urls: tuple[str, str]) -> Callable[..., list[tuple]]:
    """What the database holds, as its owner."""

    def rows(statement: str, **given: object) -> list[tuple]:
        engine = create_engine(urls[0])
        with engine.begin() as connection:
            result = connection.execute(text(statement), given)
            found = [tuple(row) for row in result] if result.returns_rows else []
        engine.dispose()
        return found

    return rows


@pytest.fixture(scope="module")
def known() -> set[str]:
    """Who has been added in this module's database."""
    return set()


@pytest.fixture
def acting(cellbank: Cellbank, known: set[str]) -> Callable[..., Cellbank]:
    """A function (name, role) -> a function with which this person, who is added the first time, does an act."""

    def act_as(name: str, role: str, *options: str) -> Cellbank:
        if name not in known:
            add_user(cellbank, name, role, *options)
            known.add(name)

        def do(act: str, *options: str, password: str = OWN, **given: object) -> Said:
            inputs = ("--json", json.dumps(given, ensure_ascii=False))
            return cellbank("act", act, "--as", name, *inputs, "--password-stdin", *options, stdin=f"{password}\n")

        return do

    return act_as


def add_user(cellbank: Cellbank, name: str, role: str, *options: str) -> None:
    """Somebody who has chosen a password of their own."""
    person = (name, "--full-name", name.title(), "--role", role, *options, "--password-stdin")
    added = cellbank("user", "add", *person, stdin=FIRST)
    assert added.status == 0, added.err
    changed = cellbank("act", "change_password", "--as", name, "--password-stdin", stdin=f"{FIRST}\n{OWN}\n")
    assert changed.status == 0, changed.err


@pytest.fixture
def tina(acting) -> Cellbank:
    """A function with which Tina, technician, does an act."""
    return acting("tina", "technician")


def register(tina: Cellbank, pseudonym: str) -> str:
    """The code of a donor."""
    said = tina("register_donor", pseudonym=pseudonym, birth_year=1993)
    assert said.status == 0, said.err
    return json.loads(said.out)["result"]["code"]


# --- the command itself ------------------------------------------------------------------------


def test_the_version_is_told(cellbank: Cellbank) -> None:
    assert cellbank("--version") == Said(0, f"{VERSION}\n", "")


@pytest.mark.parametrize("arguments", [(), ("trail",), ("protocol",), ("user",), ("nothing",), ("demo", "--port", "x")])
def test_wrong_use_is_answered_with_the_usage(cellbank: Cellbank, arguments: tuple[str, ...]) -> None:
    said = cellbank(*arguments)
    assert said.status == 2 and said.out == "" and said.err.startswith("usage: cellbank")


def test_all_wrong_settings_are_told_at_once(cellbank: Cellbank, environ: dict[str, str]) -> None:
    environ |= {"CELLBANK_PORT": "0", "CELLBANK_TIMEZONE": "Europe/Nowhere", "CELLBANK_LANGAUGE": "uk"}
    said = cellbank("trail", "verify")
    assert said.status == 2 and said.out == ""
    lines = said.err.splitlines()
    assert len(lines) == 3 and all(line.startswith("cellbank: CELLBANK_") for line in lines)
    assert {line.split()[1] for line in lines} == {"CELLBANK_PORT", "CELLBANK_TIMEZONE", "CELLBANK_LANGAUGE"}


def test_a_database_that_does_not_answer_is_told_in_one_line(cellbank: Cellbank, environ: dict[str, str]) -> None:
    nowhere = "postgresql://{}:very-secret@127.0.0.1:1/cellbank"
    environ |= {
        "CELLBANK_DATABASE_URL": nowhere.format("app"),
        "CELLBANK_OWNER_DATABASE_URL": nowhere.format("owner"),
    }
    for command in (("trace", "DR0001X"), ("migrate",)):
        said = cellbank(*command)
        assert said.status == 1 and said.err.startswith("cellbank: The database cannot be used")
        assert len(said.err.splitlines()) == 1 and "very-secret" not in said.err


# --- migrate -----------------------------------------------------------------------------------


def test_to_migrate_the_owner_is_needed(cellbank: Cellbank, environ: dict[str, str], urls: tuple[str, str]) -> None:
    said = cellbank("migrate")
    assert said.status == 1 and "CELLBANK_OWNER_DATABASE_URL" in said.err
    environ["CELLBANK_OWNER_DATABASE_URL"] = urls[0]
    said = cellbank("migrate")
    assert said.status == 0 and said.out.startswith("The database is at revision 0") and said.err == ""


def test_an_empty_database_is_not_worked_with(cellbank: Cellbank, environ: dict[str, str], postgres) -> None:
    environ["CELLBANK_DATABASE_URL"] = postgres.app_url
    said = cellbank("trail", "verify")
    assert said.status == 1 and "at revision nothing" in said.err and "run cellbank migrate" in said.err


# --- user add ----------------------------------------------------------------------------------


def test_a_new_person_chooses_a_password_first(cellbank: Cellbank) -> None:
    person = ("nina", "--full-name", "Ніна Нова", "--role", "technician", "--password-stdin")
    added = cellbank("user", "add", *person, stdin=FIRST)
    assert added.status == 0 and json.loads(added.out)["result"]["state"] == "ACTIVE" and FIRST not in added.out
    act = ("act", "register_donor", "--as", "nina", "--json", '{"pseudonym": "N-1", "birth_year": 1993}')
    too_soon = cellbank(*act, "--password-stdin", stdin=FIRST)
    assert too_soon.status == 1 and "cellbank act change_password --as nina" in too_soon.err
    changed = cellbank("act", "change_password", "--as", "nina", "--password-stdin", stdin=f"{FIRST}\n{OWN}\n")
    assert changed.status == 0 and OWN not in changed.out
    assert cellbank(*act, "--password-stdin", stdin=FIRST).status == 1
    assert cellbank(*act, "--password-stdin", stdin=OWN).status == 0


def test_a_name_is_given_once(cellbank: Cellbank, tina: Cellbank) -> None:
    said = cellbank("user", "add", "tina", "--full-name", "T", "--role", "auditor", "--password-stdin", stdin=FIRST)
    assert said.status == 1 and said.out == "" and said.err.startswith("cellbank: ALREADY_EXISTS: The name tina")


def test_what_is_wrong_with_a_new_person_is_told_field_by_field(cellbank: Cellbank) -> None:
    said = cellbank("user", "add", "1", "--full-name", "T", "--role", "auditor", "--password-stdin", stdin="short")
    assert said.status == 2 and said.out == "" and "short" not in said.err
    assert {line.split()[1] for line in said.err.splitlines()} == {"name:", "new_password:"}


@pytest.mark.parametrize("role", ["system", "surgeon"])
def test_a_role_is_one_that_a_person_can_have(cellbank: Cellbank, role: str) -> None:
    said = cellbank("user", "add", "sy", "--full-name", "S", "--role", role, "--password-stdin", stdin=FIRST)
    assert said.status == 2 and "invalid choice" in said.err


def test_a_password_is_asked_for_where_there_is_a_terminal(
    cellbank: Cellbank, tina: Cellbank, monkeypatch: pytest.MonkeyPatch
) -> None:
    act = ("act", "register_donor", "--as", "tina", "--json", '{"pseudonym": "T-1", "birth_year": 1993}')
    without = cellbank(*act)
    assert without.status == 2 and "--password-stdin" in without.err
    asked = []
    monkeypatch.setattr("getpass.getpass", lambda prompt: asked.append(prompt) or OWN)
    assert cellbank(*act, stdin=Terminal()).status == 0
    assert asked == ["Password of tina: "]


# --- act ---------------------------------------------------------------------------------------


def test_an_act_is_done_in_the_name_of_its_person(tina: Cellbank, query) -> None:
    said = tina("register_donor", pseudonym="Д-1", birth_year=1993)
    assert said.status == 0 and said.err == ""
    answer = json.loads(said.out)
    assert answer["accepted"] is True and answer["result"]["state"] == "REGISTERED"
    assert query(
        "SELECT a.name, a.outcome, a.door, p.name FROM act a JOIN person p ON p.id = a.person_id WHERE a.id = :act",
        act=answer["act"],
    ) == [("register_donor", "accepted", "cli", "tina")]


def test_the_reasons_of_a_refusal_are_errors(acting, tina: Cellbank, query) -> None:
    register(tina, "R-1")
    said = tina("register_donor", pseudonym="R-1", birth_year=1990)
    assert said.status == 1 and said.out == "" and said.err.startswith("cellbank: ALREADY_EXISTS: ")
    said = acting("clara", "clinician")("register_donor", pseudonym="R-2", birth_year=1990)
    assert said.status == 1 and said.err.startswith("cellbank: ROLE_NOT_ALLOWED: ")
    refused = query("SELECT count(*) FROM act WHERE name = 'register_donor' AND outcome = 'refused' AND door = 'cli'")
    assert refused == [(2,)]


def test_malformed_inputs_are_told_by_field(tina: Cellbank) -> None:
    said = tina("register_donor", birth_year="last year", colour="blue")
    assert said.status == 2 and said.out == ""
    assert [line.split()[1] for line in said.err.splitlines()] == ["pseudonym:", "birth_year:", "colour:"]


@pytest.mark.parametrize("given", ["{", "[]", '{"a": 1, "a": 2}', '{"a": NaN}'])
def test_inputs_are_one_json_object(cellbank: Cellbank, given: str) -> None:
    said = cellbank("act", "register_donor", "--as", "tina", "--json", given, "--password-stdin", stdin=OWN)
    assert said.status == 2 and said.err.startswith("cellbank: (whole): ") and len(said.err.splitlines()) == 1


def test_an_unknown_act_is_answered_with_those_that_there_are(cellbank: Cellbank) -> None:
    said = cellbank("act", "register_doner", "--as", "tina", "--password-stdin", stdin=OWN)
    assert said.status == 2 and "'register_doner'" in said.err and " register_donor," in said.err


@pytest.mark.parametrize("name", ["tina", "nobody"])
def test_a_wrong_password_and_an_unknown_name_are_told_alike(cellbank: Cellbank, tina: Cellbank, name: str) -> None:
    said = cellbank("act", "register_donor", "--as", name, "--password-stdin", stdin="not the password")
    assert said == Said(1, "", f"cellbank: The name or the password is wrong. {LOCKS}\n")


def test_wrong_passwords_lock_the_account(acting, environ: dict[str, str]) -> None:
    lena = acting("lena", "technician")
    environ["CELLBANK_LOCKOUT_FAILURES"] = "1"
    assert LOCKS in lena("register_donor", password="not the password").err
    said = lena("register_donor", pseudonym="L-1", birth_year=1993)
    assert said.status == 1 and LOCKS in said.err


def test_a_dry_run_judges_and_leaves_nothing(tina: Cellbank, query) -> None:
    before = query("SELECT count(*) FROM act")
    said = tina("register_donor", "--dry-run", pseudonym="Y-1", birth_year=1993)
    assert said.status == 0 and json.loads(said.out) == {"accepted": True, "act": None, "result": {}}
    assert query("SELECT count(*) FROM act") == before
    register(tina, "Y-1")
    said = tina("register_donor", "--dry-run", pseudonym="Y-1", birth_year=1993)
    assert said.status == 1 and said.err.startswith("cellbank: ALREADY_EXISTS: ")


# --- trace -------------------------------------------------------------------------------------


def test_an_act_is_done_at_the_site_that_is_named(acting, cellbank: Cellbank, tina: Cellbank, query) -> None:
    admin = acting("ada", "administrator")
    site = {"code": "WARD", "name": "Ward", "fin": "A9998", "fin_registered": False, "timezone": "Europe/Kyiv"}
    assert admin("add_site", **site).status == 0
    refused = tina("register_donor", "--site", "ward", pseudonym="PL-SITE", birth_year=1990)
    assert refused.status == 2 and "--site: tina does not work at WARD. They may act at MAIN." in refused.err
    halyna = acting("halyna", "technician", "--site", "WARD")
    assert halyna("register_donor", "--site", "ward", pseudonym="PL-SITE", birth_year=1990).status == 0
    made = "SELECT s.code FROM donor d JOIN site s ON s.id = d.site_id WHERE d.pseudonym = 'PL-SITE'"
    assert query(made) == [("WARD",)]


def test_a_new_person_has_a_home(cellbank: Cellbank) -> None:
    person = ("vira", "--full-name", "Vira", "--role", "technician", "--site", "NOWHERE", "--password-stdin")
    refused = cellbank("user", "add", *person, stdin=FIRST)
    assert refused.status == 1 and "NOT_FOUND: There is no site NOWHERE here." in refused.err


def test_a_code_is_traced(cellbank: Cellbank, tina: Cellbank) -> None:
    donor = register(tina, "TR-1")
    said = cellbank("trace", donor)
    assert said.status == 0 and said.err == ""
    first, this, node, last = said.out.splitlines()
    assert (first, this, last) == ("Came from: nothing", "This is:", "Came of it: nothing")
    assert node.split() == ["donor", donor, "Donor", "TR-1:", "REGISTERED"]
    found = json.loads(cellbank("trace", donor, "--json").out)
    assert found["start"]["code"] == donor and found["up"] == found["down"] == []


def test_a_code_that_nobody_has_cannot_be_traced(cellbank: Cellbank) -> None:
    said = cellbank("trace", "A999926999999")
    assert said.status == 1 and said.out == "" and "A9999 26 999999" in said.err


def test_a_code_that_has_no_family_is_told_so(cellbank: Cellbank, tina: Cellbank, query) -> None:
    ((badge,),) = query("SELECT code FROM person WHERE name = 'tina'")
    said = cellbank("trace", badge)
    assert said.status == 1 and f"{badge} is a person" in said.err


def test_a_garbled_code_is_wrong_use(cellbank: Cellbank, tina: Cellbank) -> None:
    donor = register(tina, "TR-3")
    for garbled in ("", "hello", donor[:-1] + ("0" if donor[-1] != "0" else "1")):
        said = cellbank("trace", garbled)
        assert said.status == 2 and said.out == "" and said.err.startswith("cellbank: ")


# --- protocol ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nct04461925", "p-mmsc"])
def test_the_shipped_files_are_good(cellbank: Cellbank, name: str) -> None:
    file = Path(str(files("cellbank") / "protocols" / f"{name}.toml"))
    said = cellbank("protocol", "check", file)
    assert said.status == 0 and said.err == ""
    assert said.out.startswith("OK: ") and digest(file.read_text(encoding="utf-8")) in said.out


def test_everything_wrong_with_a_file_is_told(cellbank: Cellbank, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    wrong = SPECIFICATION.replace('version = "2"', "version = 2").replace("retest_days = 180", "retest_days = -1")
    file.write_text(wrong.replace("specimen_window_days", "specimen_windows_days"))
    said = cellbank("protocol", "check", file)
    assert said.status == 1 and said.out == ""
    problems = {line.split()[1].rstrip(":") for line in said.err.splitlines()}
    assert problems == {
        "version",
        "donor.retest_days",
        "donor.specimen_window_days",
        "donor.specimen_windows_days",
    }
    assert cellbank("protocol", "import", file, "--as", "quinn", "--password-stdin", stdin=OWN) == said


@pytest.mark.parametrize("content", [b"a = [", b"a = " + b"[" * 5000, b"a = " + b"1" * 5000, b"\xff\xfe", b""])
def test_a_file_that_is_no_definition_is_told_so(cellbank: Cellbank, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "odd.toml"
    file.write_bytes(content)
    said = cellbank("protocol", "check", file)
    assert said.status == 1 and said.out == "" and said.err.startswith("cellbank: ")


def test_a_file_that_is_not_there_is_wrong_use(cellbank: Cellbank, tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        said = cellbank("protocol", "check", path)
        assert said.status == 2 and f"{path} cannot be read" in said.err


def test_a_file_is_imported_as_it_was_checked_and_brought_into_force(
    cellbank: Cellbank, acting, tmp_path: Path, query
) -> None:
    file = tmp_path / "other.toml"
    file.write_bytes(SPECIFICATION.replace('id = "P-MMSC"', 'id = "P-CLI"').replace("\n", "\r\n").encode())
    checked = cellbank("protocol", "check", file)
    assert checked.status == 0 and checked.out.startswith("OK: specification P-CLI, version 2, sha256 ")
    quinn, oksana = acting("quinn", "quality_officer"), acting("oksana", "quality_officer")
    as_quinn = ("protocol", "import", file, "--as", "quinn", "--password-stdin")
    imported = cellbank(*as_quinn, stdin=OWN)
    assert imported.status == 0 and json.loads(imported.out)["result"]["state"] == "IMPORTED"
    assert query("SELECT digest FROM definition WHERE code = 'P-CLI@2'") == [(checked.out.split()[-1],)]
    again = cellbank(*as_quinn, stdin=OWN)
    assert again.status == 1 and again.err.startswith("cellbank: ALREADY_EXISTS: ")
    unready = oksana("make_effective", definition="P-CLI@2")
    assert unready.status == 1 and "AGREEMENT_NEEDED" in unready.err and "TRAINING_EXPIRED" in unready.err
    trained = ("--role", "quality_officer", "--procedure", "SOP-1", "--on", "2020-01-01", "--until", "2099-12-31")
    for name, officer in (("quinn", quinn), ("oksana", oksana)):
        assert officer("accept_agreement", version=agreement.VERSION).status == 0
        assert cellbank("user", "train", name, *trained).status == 0
    alone = quinn("make_effective", definition="P-CLI@2")
    assert alone.status == 1 and "SAME_PERSON" in alone.err
    said = oksana("make_effective", definition="P-CLI@2")
    assert said.status == 0 and json.loads(said.out)["result"]["state"] == "EFFECTIVE"
    act = json.loads(said.out)["act"]
    assert query("SELECT count(*) FROM signature WHERE act_id = :act", act=act) == [(1,)]


def test_nobody_imports_a_file_in_no_name(cellbank: Cellbank, tina: Cellbank, tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text(SPECIFICATION.replace('id = "P-MMSC"', 'id = "P-NOBODY"'))
    assert cellbank("protocol", "import", file).status == 2
    wrong = cellbank("protocol", "import", file, "--as", "quinn", "--password-stdin", stdin="a guess")
    assert wrong.status == 1 and "wrong" in wrong.err
    tina("register_donor", pseudonym="N-7", birth_year=1993)
    technician = cellbank("protocol", "import", file, "--as", "tina", "--password-stdin", stdin=OWN)
    assert technician.status == 1 and "ROLE_NOT_ALLOWED" in technician.err


# --- trail -------------------------------------------------------------------------------------


def offline(script: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The stand-alone verifier, as an auditor runs it: no package, no settings, no site-packages."""
    command = [sys.executable, "-I", "-S", script, *arguments]
    return subprocess.run(map(str, command), capture_output=True, text=True, check=False)


def test_the_trail_verifies(cellbank: Cellbank, tina: Cellbank) -> None:
    register(tina, "V-1")
    said = cellbank("trail", "verify")
    assert said.status == 0 and said.err == "" and said.out.startswith("OK: ")


def test_heads_are_signed_where_something_changed_and_the_trail_passes_through_them(
    cellbank: Cellbank, tina: Cellbank, data: Path, tmp_path: Path
) -> None:
    register(tina, "H-1")
    assert "no signed heads here" in cellbank("trail", "verify").out
    heads = data / "heads" / "heads.jsonl"
    assert cellbank("trail", "sign").out == f"Number 1 in {heads}\n"
    assert cellbank("trail", "sign").out == f"Nothing changed since the last in {heads}\n"
    assert (heads.stat().st_mode | (data / "trail_key").stat().st_mode) & 0o077 == 0
    key = cellbank("trail", "key").out.strip()
    copy = tmp_path / "share.jsonl"
    copy.write_bytes(heads.read_bytes())
    for options in ((), ("--against", copy), ("--against", copy, "--public-key", key)):
        assert "the last one (number 1)" in cellbank("trail", "verify", *options).out
    said = cellbank("trail", "verify", "--public-key", "0" * 64)
    assert said.status == 1 and "signed with another key" in said.err
    assert cellbank("trail", "verify", "--public-key", "mine").status == 2
    heads.unlink()
    said = cellbank("trail", "sign")
    assert said.status == 1 and "with 1 lines is gone" in said.err
    assert cellbank("trail", "check", "--now").status == 1
    assert cellbank("trail", "sign", "--new-file", "The old one lies in the safe.").out == f"Number 1 in {heads}\n"
    assert cellbank("trail", "check", "--now").out == "OK\n" and cellbank("trail", "check").out == "It is not due.\n"


def test_the_bar_tells_the_rate_and_the_time_left_on_a_terminal_only(monkeypatch, capsys) -> None:
    moments = iter([100.0, 102.0, 104.0])
    monkeypatch.setattr("cellbank.cli.trail.time.monotonic", lambda: next(moments))
    bar = Bar()
    bar.show("acts", 1000, 100_000)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    bar.show("acts", 1000, 100_000)
    assert "1,000/100,000" in (first := capsys.readouterr().err) and "left" not in first
    bar.show("acts", 51_000, 100_000)
    assert "51,000/100,000  25,000/s, 0:02 left" in capsys.readouterr().err
    bar.show("acts", 100_000, 100_000)
    assert capsys.readouterr().err == "\r\033[K"


def test_a_trail_that_was_changed_is_not_sound(cellbank: Cellbank, tina: Cellbank, query) -> None:
    donor = register(tina, "V-2")
    behind = "SET LOCAL session_replication_role = replica; UPDATE donor SET birth_year = {} WHERE code = '{}'"
    query(behind.format(1970, donor))
    try:
        said = cellbank("trail", "verify")
    finally:
        query(behind.format(1993, donor))
    assert said.status == 1 and said.out == "" and said.err.startswith("cellbank: The trail is not sound. donor ")
    assert "birth_year is 1970; according to the trail it is 1993" in said.err
    assert cellbank("trail", "verify").status == 0


def test_an_export_is_verified_by_the_script_beside_it(cellbank: Cellbank, tina: Cellbank, tmp_path: Path) -> None:
    register(tina, "E-1")
    file, script = tmp_path / "trail.jsonl", tmp_path / "verify_trail.py"
    said = cellbank("trail", "export", file)
    assert said.status == 0 and f"python3 {script} {file}" in said.out
    assert sorted(tmp_path.iterdir()) == [file, script]
    heads = re.findall(r"\d+:\d+:[0-9a-f]{64}", said.out)
    sound, head = offline(script, file, *heads), heads[-1]
    assert (sound.returncode, sound.stdout) == (0, f"OK {' '.join(heads)}\n")
    register(tina, "E-2")
    assert cellbank("trail", "export", file).status == 0
    assert offline(script, file, head).returncode == 0  # the later one goes through the head of the earlier one
    assert offline(script, file, head[:-1] + ("0" if head[-1] != "0" else "1")).returncode == 1
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    changed = offline(script, file)
    assert changed.returncode == 1 and changed.stdout.startswith("NOT SOUND: line ")


@pytest.mark.parametrize("name", ["verify_trail.py", ".", "..", "none/trail.jsonl", "file/trail.jsonl", "folder"])
def test_an_export_goes_where_a_file_can_be(
    cellbank: Cellbank, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    said = cellbank("trail", "export", name)
    assert said.status == 2 and said.out == "" and said.err.startswith(f"cellbank: {name} cannot be ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]

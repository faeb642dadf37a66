"""The sender beside the server: begun, told to end, and gone when the server is."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cellbank.cli import sending
from tests.factories.mail import mail_server
from tests.waiting import wait_until

# Stands for the sender: says that it runs, and ends with its standard input.
STANDS_IN = """
import sys
open(sys.argv[1], "a").write("begun\\n")
sys.stdin.read()
open(sys.argv[1], "a").write("ended\\n")
"""
SERVES = """
import sys, time
from cellbank.cli import sending
sending.SEND = (sys.executable, '-c', sys.argv[1], sys.argv[2])
with sending.sending(1):
    time.sleep(600)
"""


def test_it_runs_as_long_as_the_server_and_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = tmp_path / "said"
    said.touch()
    monkeypatch.setattr(sending, "SEND", (sys.executable, "-c", STANDS_IN, str(said)))
    with sending.sending(1):
        wait_until(lambda: said.read_text() == "begun\n")
    assert said.read_text() == "begun\nended\n"


def test_it_ends_when_the_server_is_killed(tmp_path: Path) -> None:
    said = tmp_path / "said"
    said.touch()
    server = subprocess.Popen([sys.executable, "-c", SERVES, STANDS_IN, str(said)])
    wait_until(lambda: said.read_text() == "begun\n")
    server.kill()
    server.wait()
    wait_until(lambda: said.read_text() == "begun\nended\n")


def test_one_that_dies_is_started_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = tmp_path / "said"
    said.touch()
    dies = "import sys; open(sys.argv[1], 'a').write('begun\\n')"
    monkeypatch.setattr(sending, "SEND", (sys.executable, "-c", dies, str(said)))
    monkeypatch.setattr(sending, "BEFORE_THE_NEXT", 0)
    with sending.sending(1):
        wait_until(lambda: said.read_text().count("begun") > 1)


def test_nobody_sends_where_messages_are_not_set_up(cellbank, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[object] = []
    monkeypatch.setattr(threading.Thread, "start", begun.append)
    with sending.sending(0):
        pass
    assert begun == []


def test_the_command_says_what_is_missing_and_how_many_it_sent(cellbank, environ: dict[str, str], urls) -> None:
    said = cellbank("outbox", "send")
    assert said.status == 1 and "CELLBANK_SMTP_URL" in said.err
    with mail_server() as box:
        environ |= {"CELLBANK_SMTP_URL": f"smtp://127.0.0.1:{box.port}"}
        assert "CELLBANK_MAIL_FROM must be set" in cellbank("outbox", "send").err
        environ |= {"CELLBANK_MAIL_FROM": "cellbank@bank.example"}
        assert cellbank("outbox", "send").out == "0 sent.\n"

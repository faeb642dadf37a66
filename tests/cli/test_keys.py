"""The keys of the bedside on the command line: no database is asked, and a running server signs with the new pair."""

import dataclasses
import json
from pathlib import Path

import pytest

from cellbank.outside.bedside_keys import FILE, kept_keys
from cellbank.web.session import now


@pytest.fixture
def folder(environ, tmp_path: Path) -> Path:
    """A data folder of this test's own, and a database that nobody must ask."""
    environ |= {"CELLBANK_DATA": str(tmp_path), "CELLBANK_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    return tmp_path


def test_a_new_pair_signs_and_the_one_before_is_believed_for_a_while(cellbank, folder: Path) -> None:
    said = cellbank("keys", "list")
    assert (said.status, said.out) == (1, "") and "There are no keys" in said.err
    first = kept_keys(folder).newest.id
    said = cellbank("keys", "new")
    assert said.status == 0 and f"{first}  replaced; what it signed is believed until" in said.out
    newest = kept_keys(folder).newest.id
    assert newest != first and f"{newest}  signs" in said.out and str(folder / FILE) in said.out
    assert cellbank("keys", "list").out in said.out


def test_keys_that_may_be_known_are_believed_no_more(cellbank, folder: Path) -> None:
    first = kept_keys(folder).newest.id
    said = cellbank("keys", "new", "--distrust")
    assert said.status == 0 and f"{first}  replaced; opens what was sealed for it" in said.out


def test_what_cannot_be_used_is_said(cellbank, folder: Path, environ) -> None:
    kept_keys(folder)
    (folder / FILE).chmod(0o644)
    for command in ("list", "new"):
        said = cellbank("keys", command)
        assert said.status == 1 and "chmod 600" in said.err and said.out == ""
    environ["CELLBANK_DATA"] = str(folder / "nowhere")
    assert "There are no keys" in cellbank("keys", "new").err and not (folder / "nowhere" / FILE).exists()


def test_a_running_server_needs_no_restart(cellbank, folder: Path, world) -> None:
    installation = dataclasses.replace(
        world.installation, config=dataclasses.replace(world.installation.config, data=folder)
    )
    first = installation.keys.sign("{}")["key"]
    cellbank("keys", "new")
    assert installation.keys.sign("{}")["key"] != first
    told = [pair.public["id"] for pair in installation.keys.believed(now())]
    assert told[0] == first and len(json.loads((folder / FILE).read_text())) == 2

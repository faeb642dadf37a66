"""A request for a host that is not ours gets nothing; files of people are the service's alone."""

import dataclasses
import stat
from pathlib import Path

import pytest
from flask import Flask

from cellbank import create_app
from cellbank.outside.printers import FolderPrinter, private_folder
from tests.attack.patient import patient_app
from tests.factories.world import World

__all__ = ["patient_app"]


@pytest.mark.parametrize("path", ["/", "/sign-in", "/api/scan/DR00019", "/api/openapi.json", "/static/cellbank.css"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "evil.example:8"])
def test_another_host_is_refused_before_anything_is_looked_at(patient_app: Flask, path: str, host: str) -> None:
    answer = patient_app.test_client().get(path, headers={"Host": host})
    assert answer.status_code == 400 and "evil" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:8080"])
def test_our_own_names_are_let_in_with_any_port(patient_app: Flask, host: str) -> None:
    assert patient_app.test_client().get("/sign-in", headers={"Host": host}).status_code == 200


def test_off_this_machine_everything_is_https_and_browsers_keep_to_it(world: World) -> None:
    config = dataclasses.replace(world.installation.config, secure_cookies=True, hosts=("bank.example",))
    installation = dataclasses.replace(world.installation, config=config)
    client = create_app(installation).test_client()
    answer = client.get("/sign-in", base_url="https://bank.example")
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
    assert "Secure" in answer.headers["Set-Cookie"] and "HttpOnly" in answer.headers["Set-Cookie"]
    described = client.get("/api/openapi.json", base_url="https://bank.example")
    assert "max-age" in described.headers["Strict-Transport-Security"]
    installation.reads.dispose()
    assert "Strict-Transport-Security" not in create_app(world.installation).test_client().get("/sign-in").headers


def test_labels_are_read_by_the_service_alone(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "printed")
    file = Path(FolderPrinter(folder).send(b"%PDF", "act-1"))
    assert (stat.S_IMODE(folder.stat().st_mode), stat.S_IMODE(file.stat().st_mode)) == (0o700, 0o600)


@pytest.mark.parametrize(("found", "left", "of_file"), [(0o755, 0o700, 0o600), (0o750, 0o750, 0o640)])
def test_a_group_may_be_let_in_and_never_everybody(tmp_path: Path, found: int, left: int, of_file: int) -> None:
    folder = tmp_path / "printed"
    folder.mkdir()
    folder.chmod(found)
    file = Path(FolderPrinter(private_folder(folder)).send(b"%PDF", "act-1"))
    assert (stat.S_IMODE(folder.stat().st_mode), stat.S_IMODE(file.stat().st_mode)) == (left, of_file)

"""A logger's file from the command line, and the watch over probes and digests."""

import argparse
import datetime
import io
import json
import random
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from cellbank.cli import readings
from cellbank.domain.actor import OneTime
from cellbank.services.temperature.logger_files import end_progress, keep, progress, progress_writer
from cellbank.services.temperature.reading_store import moment
from tests.cli.test_cli import OWN, acting, known  # noqa: F401 (fixtures)
from tests.conftest import make_installation
from tests.factories.freezing import MODEL, as_file, cooling, frozen_at
from tests.factories.lots import frozen_lot
from tests.factories.world import PASSWORD, World


def test_a_file_is_imported_checked_and_verified(cellbank, acting, tmp_path: Path) -> None:  # noqa: F811
    act = acting("zoryana", "technician")
    tank = json.loads(act("add_storage_unit", type="tank", name="Tank R").out)["result"]["code"]
    limits = {
        "warn_above_c": "-150", "warn_minutes": 10, "critical_above_c": "-135", "critical_readings": 2,
        "reject_above_c": "-80", "gap_minutes": 15, "acknowledge_minutes": 30,
    }  # fmt: skip
    given = {
        "unit": tank,
        "name": "Top",
        "model": "X",
        "calibrated_on": "2026-01-01",
        "calibration_due_on": "2027-01-01",
    }
    probe = json.loads(act("add_probe", **given, **limits).out)["result"]["code"]
    file = tmp_path / "log.csv"
    file.write_text(
        "Time;Temp (°C)\n" + "".join(f"{moment(1_770_000_000 + n * 300):%Y-%m-%d %H:%M}Z;-187.0\n" for n in range(9))
    )
    command = ("readings", "import", file, "--probe", probe, "--as", "zoryana", "--password-stdin")
    checked = json.loads(cellbank(*command, "--dry-run", stdin=f"{OWN}\n").out)
    assert checked["act"] is None and checked["result"]["new_readings"] == 9
    assert json.loads(cellbank(*command, stdin=f"{OWN}\n").out)["result"]["new_readings"] == 9
    again = cellbank(*command, stdin=f"{OWN}\n")
    assert again.status == 1 and "ALREADY_EXISTS" in again.err
    probe = json.loads(act("add_probe", **given, **limits).out)["result"]["code"]
    command = ("readings", "import", file, "--probe", probe, "--as", "zoryana", "--password-stdin")
    file.write_text(f"Time;Temp\n{moment(1_770_000_000 + 9 * 300):%Y-%m-%d %H:%M}Z;-304.6\n")
    asked = cellbank(*command, stdin=f"{OWN}\n")
    assert asked.status == 2 and "(unit=C, unit=F, unit=K)" in asked.err
    assert cellbank(*command, "--answer", "unit=F", stdin=f"{OWN}\n").status == 0
    file.write_text("nothing\n")
    broken = cellbank(*command, stdin=f"{OWN}\n")
    assert broken.status == 2 and "sha256" in broken.err
    file.unlink()
    missing = cellbank(*command, stdin=f"{OWN}\n")
    assert missing.status == 2 and "cannot be read" in missing.err
    assert cellbank("readings", "verify").out.startswith("OK")
    assert probe in json.loads(cellbank("readings", "watch").out)["result"]["silent"]


def test_the_file_of_a_freezing_run_is_imported(cellbank, urls: tuple[str, str], data: Path, tmp_path: Path) -> None:
    installation = make_installation(urls[1], data)
    world = World(installation, random.Random(3), datetime.datetime(2026, 3, 2, 8, 0, tzinfo=datetime.UTC))
    lot = frozen_lot(world).code
    file = tmp_path / "run.csv"
    file.write_bytes(as_file(cooling(frozen_at(world, lot))))
    installation.engine.dispose()
    command = ("readings", "import-run", file, "--lot", lot, "--freezer", MODEL, "--as", "tina", "--password-stdin")
    checked = json.loads(cellbank(*command, "--dry-run", stdin=f"{PASSWORD}\n").out)
    assert checked["act"] is None and checked["result"]["found"] == "within the band"
    done = json.loads(cellbank(*command, "--serial", "CF-1", stdin=f"{PASSWORD}\n").out)
    assert done["result"]["state"] == "WITHIN"
    again = cellbank(*command, stdin=f"{PASSWORD}\n")
    assert again.status == 1 and "ALREADY_EXISTS" in again.err
    assert cellbank("readings", "verify").out.startswith("OK")


def test_progress_is_told_only_while_somebody_reads(tmp_path: Path) -> None:
    sha256 = keep(tmp_path, io.BytesIO(b"x"))
    path = tmp_path / "readings" / sha256
    assert progress(tmp_path, sha256) is None
    progress_writer(path, 0.5, 0.5)(0.5)
    assert progress(tmp_path, sha256) == 0.75
    end_progress(path)
    assert progress(tmp_path, sha256) is None


@pytest.mark.parametrize("dry_run", [True, False])
def test_the_code_that_proved_whoever_imports_is_used_up(monkeypatch, tmp_path: Path, dry_run: bool) -> None:
    once, seen = OneTime(step=7), {}
    bank = SimpleNamespace(config=SimpleNamespace(second_factor_roles=(), data=tmp_path))
    monkeypatch.setattr(readings, "opened_installation", lambda: nullcontext(bank))
    monkeypatch.setattr(readings, "ask_password", lambda given, prompt: "")
    monkeypatch.setattr(readings, "prove_person", lambda *given: ("zoryana", once))
    monkeypatch.setattr(readings, "_Bar", lambda *given: nullcontext())
    monkeypatch.setattr(readings, "report", lambda outcome: None)
    monkeypatch.setattr(readings, "run_act", lambda *given, **how: seen.update(how))
    (tmp_path / "log.csv").write_text("Time;Temp\n")
    given = argparse.Namespace(
        probe="PR", file=tmp_path / "log.csv", user="zoryana", site=None, zone=None, answer=[], dry_run=dry_run
    )
    readings.run_import(given)
    assert seen["once"] == (None if dry_run else once)

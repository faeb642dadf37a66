import stat
from pathlib import Path

import pytest

from cellbank.outside.printers import FolderPrinter, LpPrinter, PrinterProblem

PDF = b"%PDF-1.4 labels"


@pytest.fixture
def lp(tmp_path, monkeypatch):
    """A stand-in for the CUPS client, first on the path; returns a function that sets what it does."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")

    def becomes(script: str) -> Path:
        program = folder / "lp"
        program.write_text(f'#!/bin/sh\ncat > "{tmp_path}/received"\necho "$@" > "{tmp_path}/asked"\n{script}\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return tmp_path

    return becomes


def test_folder_receives_the_whole_file_and_nothing_else(tmp_path):
    went = FolderPrinter(tmp_path).send(PDF, "act-17-vial")
    assert went == str(tmp_path / "act-17-vial.pdf")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"act-17-vial.pdf": PDF}


def test_missing_folder_is_named_in_the_problem(tmp_path):
    with pytest.raises(PrinterProblem, match=r"gone.*No such file.*Check that the folder exists"):
        FolderPrinter(tmp_path / "gone").send(PDF, "act-17")


def test_unfinished_file_is_removed_when_the_folder_cannot_take_it(tmp_path):
    (tmp_path / "act-17.pdf").mkdir()
    with pytest.raises(PrinterProblem, match="were not written"):
        FolderPrinter(tmp_path).send(PDF, "act-17")
    assert [file.name for file in tmp_path.iterdir()] == ["act-17.pdf"]


@pytest.mark.parametrize("job", ["", "../act", "a/b", "-o raw", "акт-17", "a" * 101])
def test_job_name_cannot_be_a_path_or_an_option(tmp_path, job):
    with pytest.raises(PrinterProblem, match="not a name for a job"):
        FolderPrinter(tmp_path).send(PDF, job)
    assert list(tmp_path.iterdir()) == []


def test_queue_name_cannot_be_an_option():
    with pytest.raises(PrinterProblem, match="not a name for a print queue"):
        LpPrinter("-oraw").send(PDF, "act-17")


def test_lp_gets_the_pdf_unscaled_and_its_answer_comes_back(lp):
    place = lp("echo 'request id is zebra-9 (1 file(s))'")
    assert LpPrinter("zebra").send(PDF, "act-17") == "request id is zebra-9 (1 file(s))"
    assert (place / "received").read_bytes() == PDF
    assert (place / "asked").read_text().split() == [
        "-d",
        "zebra",
        "-t",
        "act-17",
        "-o",
        "print-scaling=none",
    ]


def test_refusal_of_lp_is_told(lp):
    lp("echo 'lp: The printer or class does not exist.' >&2; exit 1")
    with pytest.raises(PrinterProblem, match="zebra refused the labels: lp: The printer or class does not exist"):
        LpPrinter("zebra").send(PDF, "act-17")


def test_machine_without_lp_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PrinterProblem, match="lp is not installed"):
        LpPrinter("zebra").send(PDF, "act-17")

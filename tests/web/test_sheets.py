"""A results sheet on the page: chosen or pasted, checked, corrected, imported."""

import io
import re

import pytest

from tests.factories.lots import frozen_lot
from tests.factories.quality import frozen_at
from tests.factories.world import World

PAGE = "/act/import_results"


@pytest.fixture(scope="module")
def row(world: World) -> str:
    """The beginning of a good row: the lot, and a time at which it could be sampled."""
    lot = frozen_lot(world, vials=3).code
    return f"{lot},CD73,{frozen_at(world, lot):%Y-%m-%d} 23:00"


def sheet(row: str, *values: str) -> str:
    return "lot,test,started_at,result\n" + "".join(f"{row},{value}\n" for value in values)


def send(browser, intent: str, text: str | None = None, content: bytes | None = None):
    browser.get(PAGE)
    data: dict = {"intent": intent}
    if text is not None:
        data["sheet"] = text
    if content is not None:
        data["sheet"] = (io.BytesIO(content), "results.csv")
    return browser.post(PAGE, data, content_type="multipart/form-data")


def test_the_form_takes_a_file(regular) -> None:
    page = regular("tina").get(PAGE).text
    assert 'enctype="multipart/form-data"' in page and 'type="file"' in page and 'accept=".csv,.tsv,.txt"' in page
    assert "enctype" not in regular("tina").get("/act/register_donor").text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_chosen_file_is_checked_and_stays_in_the_form(signed_in, row: str, encoding: str) -> None:
    found = send(signed_in("tina"), "check", content=sheet(row, "98.5").encode(encoding))
    assert found.status_code == 200 and "This can be recorded" in found.text
    assert f"{row},98.5" in found.text  # what was read, so that the next click imports it


def test_a_fault_is_told_by_row_and_column_beside_the_sheet(signed_in, row: str) -> None:
    found = send(signed_in("tina"), "do", text=sheet(row, "98.5", "many", "=A1"))
    assert found.status_code == 422
    assert "Row 3, column result: The result must be a plain number" in found.text
    assert "Row 4, column result: looks like a formula" in found.text


def test_a_sheet_is_imported_from_the_page(signed_in, row: str) -> None:
    tina = signed_in("tina")
    done = send(tina, "do", content=sheet(row, "97.1", "97.2").replace("\n", "\r\n").encode())
    assert done.status_code == 303
    assert len(re.findall(r"RS[0-9A-Z]{5}", tina.get(done.location).text)) >= 2
    assert "Row 2: CD73 positive" in send(tina, "check", text=sheet(row, "97.1")).text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is empty."),
        (b" \r\n ", "The file is empty."),
        ("lot;test\nІЗ".encode("cp1251"), "The file is not text in UTF-8."),
        (b"\xff\xfea", "The file is not text in UTF-8."),
        (b"lot,test,result\n", "no row"),
    ],
)
def test_what_is_no_sheet_is_told_at_the_file(signed_in, content: bytes, said: str) -> None:
    found = send(signed_in("tina"), "check", content=content)
    assert found.status_code == 422 and said in found.text


def large(browser, size: int):
    """A file sent as bytes: what the test client would write into a temporary file, it would never close."""
    browser.get(PAGE)
    edge = b"--edge\r\nContent-Disposition: form-data; name="
    parts = {"csrf_token": browser.token.encode(), "intent": b"check"}
    body = b"".join(edge + f'"{name}"'.encode() + b"\r\n\r\n" + value + b"\r\n" for name, value in parts.items())
    body += edge + b'"sheet"; filename="large.csv"\r\n\r\n' + b"x" * size + b"\r\n--edge--\r\n"
    found = browser.client.post(PAGE, data=body, content_type="multipart/form-data; boundary=edge")
    return found.status_code, found.text


def test_a_file_too_large_is_not_read(signed_in) -> None:
    tina = signed_in("tina")
    status, page = large(tina, 10_000_000)
    assert status == 413 and "too much for one form" in page
    status, page = large(tina, 1_500_000)
    assert status == 422 and "at most 1000000 characters" in page

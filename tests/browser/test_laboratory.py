"""The laboratory's desk: a result that is due, a sheet from an instrument, and what changes between two versions."""

from tests.browser.stage import Stage

LOT_WITHOUT_A_HOLD = "SELECT code FROM lot WHERE state = 'QUARANTINE' AND purpose = 'master_bank' ORDER BY id LIMIT 1"


def file(name: str, text: str) -> dict:
    """A file as a person chooses it."""
    return {"name": name, "mimeType": "text/csv", "buffer": text.encode("utf-8-sig")}


def test_a_result_that_is_due_is_entered_from_the_home_page(station, stage: Stage) -> None:
    sample = stage.one("SELECT code FROM sample WHERE test = 'POTENCY' AND state = 'TAKEN'")
    andriy = station("andriy")
    andriy.sees("Samples awaiting their results", "POTENCY of")
    assert andriy.page.locator('.worklist li:has-text("POTENCY of") strong.late').count() == 1
    andriy.choose("enter_result")
    assert andriy.field("sample").input_value() == sample
    andriy.sees("Sample for POTENCY of")
    andriy.fill(number="33,5", instrument="Plate reader 2")
    andriy.submit()
    andriy.done("enter_result")
    assert stage.state("sample", sample) == "REPORTED"
    result = stage.one(
        "SELECT r.code FROM test_result r JOIN sample s ON s.id = r.sample_id WHERE s.code = :c", c=sample
    )
    andriy.scan_to(result, f"/record/{result}")
    andriy.sees("Plate reader 2", "33.5 %")


def test_a_sheet_is_checked_corrected_and_imported(station, stage: Stage) -> None:
    lot = stage.one(LOT_WITHOUT_A_HOLD)
    row = f"{lot};POTENCY;{{}};2026-10-01 09:00\n"
    head = "lot;test;result;started_at\n"
    andriy = station("andriy")
    andriy.go("/act/import_results")
    andriy.fill(sheet=file("bad.csv", head + row.format("35,2") + row.format("many")))
    andriy.check()
    andriy.sees("Row 3, column result")
    assert "35,2" in andriy.page.locator("textarea[name=sheet]").input_value()  # what was read is on the page
    andriy.fill(sheet=file("good.csv", head + row.format("35,2") + row.format("35,4")))
    andriy.check()
    andriy.sees("This can be recorded")
    before = stage.count("import_results", outcome="accepted")
    andriy.submit()
    andriy.done("import_results")
    assert stage.count("import_results", outcome="accepted") == before + 1
    andriy.go("/act/import_results")
    andriy.fill(sheet=file("good.csv", head + row.format("35,2")))
    andriy.submit()
    assert andriy.reasons == ["ALREADY_EXISTS"]


def test_a_quality_officer_reads_what_a_new_version_changes_before_signing(station, stage: Stage) -> None:
    maksym = station("maksym")
    maksym.sees("Definitions to make effective")
    maksym.page.get_by_role("link", name="version 3").click()
    maksym.arrives("/definitions/P-MMSC@3")
    maksym.page.get_by_role("link", name="Compare with P-MMSC@2, in force").click()
    maksym.arrives("/definitions/P-MMSC@2/compare/P-MMSC@3")
    maksym.sees("Tests added", "IP-MYCOPLASMA", "Tests changed", "flow cytometry, 7-AAD", "Culture › passage max")
    maksym.page.get_by_role("link", name="Make effective").click()
    maksym.arrives("/act/make_effective")
    maksym.sees("What changes from P-MMSC@2 to P-MMSC@3")
    maksym.sign()
    maksym.submit()
    maksym.done("make_effective")
    assert stage.state("definition", "P-MMSC@2") == "SUPERSEDED"  # and never deleted
    maksym.go("/definitions/P-MMSC@2")
    maksym.sees("Superseded", "Iryna Shevchenko")

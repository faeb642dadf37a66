"""Near misses: refusals on the way to the patient, counted by reason and month of the site."""

import csv
import datetime
import io

import pytest

from cellbank.domain.lifecycle.roles import Role
from cellbank.services.acts import run_act
from cellbank.services.installation import Installation
from cellbank.services.lookup.work import worklists
from cellbank.services.trail.near_misses import UNREADABLE_SCAN, near_misses
from cellbank.services.trail.trail_search import Query, search
from tests.factories.doses import MINUTE, bedside, ordered_dose, prepared_dose
from tests.factories.world import World

pytestmark = pytest.mark.requirement("R5", "R6")


def counted(installation: Installation, month: str) -> dict[tuple[str, str], int]:
    day = datetime.date.fromisoformat(f"{month}-01")
    report = near_misses(installation, day, day, day)
    return {(line.act, line.reason): line.total for line in report.lines}


def test_refusals_are_counted_by_reason_and_month(installation: Installation, world: World) -> None:
    before = counted(installation, "2026-03")
    ordered = ordered_dose(world)
    strange = ordered_dose(world)
    assert "VIAL_OF_ANOTHER_SUBJECT" in world.codes(
        "tina", "pick_vial", dose=ordered.code, box=ordered.lot.box, vial=strange.vials[0]
    )
    dose = prepared_dose(world)
    scans = {**bedside(world, dose), "read_back": "somebody else"}
    assert world.codes("clara", "check_dose", **scans) == ["WRISTBAND_MISMATCH"]
    world.do("tina", "report_unreadable_scan", raw="?", reason="It is cut short.")
    after = counted(installation, "2026-03")
    news = {key: number - before.get(key, 0) for key, number in after.items() if number != before.get(key, 0)}
    assert news[("check_dose", "WRISTBAND_MISMATCH")] == 1 and news[("report_unreadable_scan", UNREADABLE_SCAN)] == 1
    assert news[("pick_vial", "VIAL_OF_ANOTHER_SUBJECT")] == 1


def test_a_month_is_one_of_the_site(installation: Installation, world: World) -> None:
    """The last evening of April in UTC is May in Kyiv."""
    night = datetime.datetime(2026, 4, 30, 21, 30, tzinfo=datetime.UTC)
    before = counted(installation, "2026-05"), counted(installation, "2026-04")
    world.do("tina", "report_unreadable_scan", now=night, raw="?", reason="It is cut short.")
    key = ("report_unreadable_scan", UNREADABLE_SCAN)
    assert counted(installation, "2026-05")[key] == before[0].get(key, 0) + 1
    assert counted(installation, "2026-04").get(key, 0) == before[1].get(key, 0)


def test_every_count_leads_to_its_acts(installation: Installation, world: World) -> None:
    ordered = ordered_dose(world)
    strange = ordered_dose(world)
    world.codes("tina", "pick_vial", dose=ordered.code, box=ordered.lot.box, vial=strange.vials[0])
    day = datetime.date(2026, 3, 1)
    (line,) = [
        line
        for line in near_misses(installation, day, day, day).lines
        if (line.act, line.reason) == ("pick_vial", "VIAL_OF_ANOTHER_SUBJECT")
    ]
    zone = installation.config.timezone
    found = search(
        installation,
        Query(
            act=line.act,
            reason=line.reason,
            outcome="refused",
            since=datetime.datetime(2026, 3, 1, tzinfo=zone),
            until=datetime.datetime(2026, 4, 1, tzinfo=zone),
        ),
    )
    assert len(found) == line.total and found[0].record_code in (ordered.code, strange.vials[0])


def test_the_table_for_a_spreadsheet_has_a_row_for_each_count(installation: Installation, world: World) -> None:
    world.do("tina", "report_unreadable_scan", raw="?", reason="It is cut short.")
    report = near_misses(installation, datetime.date(2026, 3, 15))
    assert report.months[0] == "2025-04" and report.months[-1] == "2026-03" and len(report.months) == 12
    rows = list(csv.DictReader(io.StringIO(report.as_csv())))
    assert sum(int(row["count"]) for row in rows) == sum(line.total for line in report.lines) > 0
    assert {"month", "stage", "act", "reason", "count"} == set(rows[0])


def test_a_missing_signature_is_no_reason_of_a_stop_and_no_near_miss(installation: Installation, world: World) -> None:
    """Nothing of the dose was judged by it, and beside a real reason it is not said at all."""
    dose = prepared_dose(world)
    before = counted(installation, "2026-03")
    for read_back, reason in (("somebody else", "WRISTBAND_MISMATCH"), (None, "SIGNATURE_NEEDED")):
        scans = bedside(world, dose, **({"read_back": read_back} if read_back else {}))
        outcome = run_act(installation, "check_dose", scans, world.people["clara"], door="test", now=world.now)
        assert [refusal.code for refusal in outcome.refusals] == [reason]
    after = counted(installation, "2026-03")
    assert ("check_dose", "SIGNATURE_NEEDED") not in after
    key = ("check_dose", "WRISTBAND_MISMATCH")
    assert after[key] == before.get(key, 0) + 1


def stopped_at_the_bedside(world: World, dose: str) -> list[str | None]:
    """The act that the list of the quality officer offers for a dose of too many mismatches."""
    found = worklists(world.installation, frozenset({Role.QUALITY_OFFICER}), world.now)
    return [item.act for one in found if one.name == "mismatched" for item in one.items if item.code == dose]


def test_three_mismatches_wait_for_the_quality_officer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until a deviation about the dose is opened after them; one that was there before answers nothing."""
    monkeypatch.setattr("cellbank.services.lookup.work.SHOWN", 500)
    dose = prepared_dose(world)
    told = {"records": [dose.code], "classification": "minor", "description": "Written by hand over the print"}
    world.do("clara", "open_deviation", title="The label is smudged", **told)
    scans = {**bedside(world, dose), "read_back": "somebody else", "now": dose.at + 40 * MINUTE}
    for _ in range(3):
        assert stopped_at_the_bedside(world, dose.code) == []
        assert world.codes("clara", "check_dose", **scans) == ["WRISTBAND_MISMATCH"]
    assert stopped_at_the_bedside(world, dose.code) == ["open_deviation"]
    world.do("quinn", "open_deviation", title="Three mismatches at the bedside", **told)
    assert stopped_at_the_bedside(world, dose.code) == []

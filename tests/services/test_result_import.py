"""A results sheet: all or nothing, every fault by its row and column, nothing twice."""

import datetime
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from cellbank.records.deviations import Deviation, DeviationLink
from cellbank.records.production import Lot
from cellbank.records.quality import Sample, TestResult
from cellbank.services.acts import Malformed
from tests.factories.lots import FrozenLot, frozen_lot
from tests.factories.production import consented_donor
from tests.factories.quality import frozen_at
from tests.factories.world import World

DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def lot(world: World) -> FrozenLot:
    return frozen_lot(world, vials=3)


def at(world: World, lot: FrozenLot, days: float = 1) -> str:
    """A moment after the freezing, as a sheet has it."""
    return f"{frozen_at(world, lot.code) + days * DAY:%Y-%m-%dT%H:%M}Z"


def count(world: World) -> int:
    with Session(world.installation.reads) as session:
        return session.scalar(select(func.count()).select_from(TestResult)) or 0


def problems(world: World, sheet: str) -> dict[str, str]:
    """What is said of a sheet, by place; the real thing says the same as the dry run, and writes nothing."""
    before = count(world)
    said = []
    for dry_run in (True, False):
        with pytest.raises(Malformed) as caught:
            world.try_act("taras", "import_results", sheet=sheet, dry_run=dry_run)
        said.append({problem.field: problem.message for problem in caught.value.problems})
    assert said[0] == said[1] and count(world) == before
    return said[0]


def test_a_sheet_is_entered_whole(world: World, lot: FrozenLot) -> None:
    donor = consented_donor(world)
    start = at(world, lot)
    sheet = (
        "lot;donor;test;result;unit;instrument;started_at;resulted_at\n"
        f"{lot.code};;CD73;98,5;%;FACS 3;{start};{at(world, lot, 3)}\n"
        f"{lot.code};;KARYOTYPE;normal;;;{start};{at(world, lot, 9)}\n"
        f";{donor};HIV-NAT;negative;;;{start};{at(world, lot, 3)}\n"
    )
    dry = world.try_act("taras", "import_results", sheet=sheet, dry_run=True)
    assert dry.accepted and dry.result["rows"] == 3 and dry.result["zone_of_the_times"] == "Europe/Kyiv"
    answer = world.do("taras", "import_results", sheet=sheet)
    with Session(world.installation.reads) as session:
        written = select(TestResult).where(TestResult.code.in_(answer["results"])).order_by(TestResult.id)
        first, second, third = session.scalars(written)
    assert (str(first.number), first.unit, first.instrument, first.state) == ("98.5000", "%", "FACS 3", "ENTERED")
    assert (second.choice, second.verdict, second.method) == ("normal", "IN_SPECIFICATION", "G-banding")
    assert third.donor_id is not None and first.entered_by_id == world.people["taras"].id
    again = world.try_act("taras", "import_results", sheet=sheet)
    assert [refusal.code.value for refusal in again.refusals] == ["ALREADY_EXISTS"] * 3
    assert [refusal.detail.split(":")[0] for refusal in again.refusals] == ["Row 2", "Row 3", "Row 4"]
    assert answer["results"][0] in again.refusals[0].detail


def test_every_fault_is_named_at_once(world: World, lot: FrozenLot) -> None:
    start = at(world, lot)
    sheet = "\n".join(
        [
            "sample,lot,donor,test,result,unit,sample_number,started_at",
            f",{lot.code},,CD73,98.5,ppm,,{start}",
            f",{lot.code},,CD73,many,%,,{start}",
            f",{lot.code},,CD73,101,%,,{start}",
            f",{lot.code},,NOPE,1,%,,{start}",
            f",LTZZZZZZ,,CD73,1,%,,{start}",
            f",LT99999K,,CD73,1,%,,{start}",
            f",{lot.code},,CD73,=A1,%,,{start}",
            f',{lot.code},,CD90,"98,123",%,,{start}',
            f",{lot.code},,CD90,98,%,,tomorrow",
            f",{lot.code},,CD90,98,%,2,{start}",
            ",,,CD90,98,%,,",
            f",{lot.code},,,98,%,,{start}",
            f",{lot.code},,PT-VIABILITY,85,%,,{at(world, lot, -1)}",  # what would be refused is told as well
        ]
    )
    said = problems(world, sheet)
    assert set(said) == {
        "sheet.row 2.unit",
        "sheet.row 3.result",
        "sheet.row 4.result",
        "sheet.row 5.test",
        "sheet.row 6.lot",
        "sheet.row 7.lot",
        "sheet.row 8.result",
        "sheet.row 9.result",
        "sheet.row 10.started_at",
        "sheet.row 11.sample_number",
        "sheet.row 12",
        "sheet.row 13.test",
        "sheet",
    }
    assert said["sheet"].startswith("Row 14: The sample for Viability after thaw")
    assert said["sheet.row 2.unit"] == "CD73 positive is given in %. Given: ppm."
    assert "read in two ways" in said["sheet.row 9.result"] and "CD73" in said["sheet.row 5.test"]


@pytest.mark.parametrize(
    ("sheet", "place"),
    [
        ("", "sheet"),
        ("\n\n", "sheet.header"),
        ("lot,test,result\n", "sheet.header"),
        ("lot,test,verdict\nLT,CD73,1\n", "sheet.header"),
        ('lot,test,result\nLT,CD73,"1\n', "sheet.row 2"),
        ("x" * 1_000_001, "sheet"),
        ("lot,test,result\nLT,CD\0,1\n", "sheet"),
    ],
)
def test_what_is_no_sheet_is_malformed(world: World, sheet: str, place: str) -> None:
    assert list(problems(world, sheet)) == [place]


def test_rows_that_repeat_each_other_are_named(world: World, lot: FrozenLot) -> None:
    row = f"{lot.code},CD105,97.2,{at(world, lot, 2)}"
    said = problems(world, f"lot,test,result,started_at\n{row}\n{row}\n")
    assert said == {"sheet.row 3": "Says the same as row 2. Leave one of them out."}


def test_a_row_is_refused_as_one_entered_by_hand(world: World, lot: FrozenLot) -> None:
    sheet = (
        "lot,test,result,started_at,resulted_at\n"
        f"{lot.code},CD90,98,{at(world, lot, 2)},{at(world, lot, 3)}\n"
        f"{lot.code},STERILITY,no growth,{at(world, lot, 2)},{at(world, lot, 3)}\n"
        f"{lot.code},PT-VIABILITY,85,{at(world, lot, -1)},{at(world, lot, 3)}\n"
    )
    before = count(world)
    refused = world.try_act("taras", "import_results", sheet=sheet)
    assert [refusal.code.value for refusal in refused.refusals] == ["RESULT_TOO_EARLY", "OUT_OF_ORDER"]
    assert [refusal.detail[:6] for refusal in refused.refusals] == ["Row 3:", "Row 4:"]
    assert count(world) == before
    assert world.codes("clara", "import_results", sheet=sheet) == ["ROLE_NOT_ALLOWED"]


def test_samples_are_reported_by_the_sheet(world: World, lot: FrozenLot) -> None:
    taken = {"lot": lot.code, "test": "MYCOPLASMA", "material": "Supernatant", "taken_at": at(world, lot)}
    code = world.do("tina", "take_sample", **taken)["code"]
    sheet = f"sample,result,resulted_at\n{code},no growth,{at(world, lot, 30)}\n"
    assert problems(world, f"sample,result\n{code},no growth\n{code},growth\n{code},no growth\n") == {
        "sheet.row 4": "Says the same as row 2. Leave one of them out."
    }
    world.do("taras", "import_results", sheet=sheet)
    with Session(world.installation.reads) as session:
        sample = session.scalars(select(Sample).where(Sample.code == code)).one()
        result = session.scalars(select(TestResult).where(TestResult.sample_id == sample.id)).one()
    assert (sample.state, result.test, result.sample_number) == ("REPORTED", "MYCOPLASMA", 1)
    refused = world.try_act("taras", "import_results", sheet=f"sample,result\n{code},growth\n")
    assert [refusal.code.value for refusal in refused.refusals] == ["WRONG_STATE"]
    assert refused.refusals[0].detail.startswith(f"Row 2: Sample {code} is reported")


def test_a_failing_row_opens_a_deviation(world: World) -> None:
    lot = frozen_lot(world, vials=3)
    rows = [("CD73", "90"), ("CD90", "91"), ("HLA-DR", "40")]  # the last one is informative
    sheet = "lot,test,result,started_at,resulted_at\n" + "".join(
        f"{lot.code},{test},{value},{at(world, lot)},{at(world, lot, 2)}\n" for test, value in rows
    )
    answer = world.do("taras", "import_results", sheet=sheet)
    assert len(answer["deviations"]) == 2 and len(answer["out_of_specification"]) == 2
    with Session(world.installation.reads) as session:
        lot_id = session.scalars(select(Lot.id).where(Lot.code == lot.code)).one()
        linked = select(Deviation).join(DeviationLink, DeviationLink.deviation_id == Deviation.id)
        of_lot = linked.where(DeviationLink.record_kind == "lot", DeviationLink.record_id == lot_id)
        found = session.scalars(of_lot.order_by(Deviation.id)).all()
    assert [(one.classification, one.state) for one in found] == [("major", "OPEN")] * 2
    assert "CD73 positive" in found[0].title and lot.code in found[0].title
    assert "90 %" in found[0].description and "95 % or more" in found[0].description


def test_the_same_sheet_from_two_people_at_once_is_entered_once(world: World, lot: FrozenLot) -> None:
    sheet = f"lot,test,result,started_at\n{lot.code},POTENCY,33,{at(world, lot, 4)}\n"
    world.do("taras", "import_results", sheet=sheet)
    assert world.codes("tina", "import_results", sheet=sheet) == ["ALREADY_EXISTS"]


def test_a_thousand_rows_take_few_statements(world: World, lot: FrozenLot) -> None:
    rows = [f"{lot.code},CD73,{95 + number / 1000:.3f},{at(world, lot, 5)}" for number in range(1000)]
    seen: list[str] = []

    def listen(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(world.installation.engine, "before_cursor_execute", listen)
    try:
        answer = world.do("taras", "import_results", sheet="lot,test,result,started_at\n" + "\n".join(rows))
    finally:
        event.remove(world.installation.engine, "before_cursor_execute", listen)
    assert len(answer["results"]) == 1000
    assert len(seen) <= 25, [statement[:80] for statement in seen]

"""Lots with their results, and released ones, through the real acts."""

import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.domain.specification import ReleaseTest
from cellbank.records.production import Lot
from cellbank.services.common import specification_of
from tests.factories.freezing import freezing_run, has_a_run
from tests.factories.lots import FrozenLot, stored_lot
from tests.factories.stock import stocked
from tests.factories.world import World

DAY = datetime.timedelta(days=1)
LONGEST_TEST = 28 * DAY  # mycoplasma, by culture

# What a good lot shows; a word for a choice or growth test, digits for a number.
GOOD = {
    "CD73": "98.5",
    "CD90": "99.1",
    "CD105": "97.2",
    "NEGATIVE": "0.6",
    "VIABILITY": "95",
    "ENDOTOXIN": "0.2",
    "PT-VIABILITY": "85",
    "PT-RECOVERY": "90",
    "TRILINEAGE": "all three",
    "IDENTITY": "match",
    "KARYOTYPE": "normal",
    "PT-IDENTITY": "match",
    "STERILITY": "no growth",
    "MYCOPLASMA": "no growth",
    "PT-STERILITY": "no growth",
}


def required_tests(world: World, lot: str) -> tuple[ReleaseTest, ...]:
    """The tests without which this lot is not released, by the specification that it was made under."""
    with Session(world.installation.reads) as session:
        specification = specification_of(session, _lot(session, lot).specification_id)
    return (*specification.required_tests("lot"), *specification.required_tests("post_thaw"))


def frozen_at(world: World, lot: str) -> datetime.datetime:
    """When the lot was frozen: results follow."""
    with Session(world.installation.reads) as session:
        moment = _lot(session, lot).frozen_at
    assert moment is not None
    return moment


def _lot(session: Session, code: str) -> Lot:
    return session.scalars(select(Lot).where(Lot.code == code)).one()


def results_read_at(world: World, lot: str) -> datetime.datetime:
    """When the last result of a lot of these factories is read: a day after freezing, and 28 more for mycoplasma."""
    return frozen_at(world, lot) + DAY + LONGEST_TEST


def enter(
    world: World,
    lot: str,
    test: str,
    value: str | None = None,
    *,
    who: str = "taras",
    started_at: datetime.datetime | None = None,
    resulted_at: datetime.datetime | None = None,
) -> str:
    """Enter a result of a lot, a good one unless a value is given; returns its code."""
    value = value or GOOD[test]
    field = "number" if value[0].isdigit() else "choice"
    read_at = resulted_at or results_read_at(world, lot)
    times = {"started_at": started_at or frozen_at(world, lot) + DAY, "resulted_at": read_at}
    given: dict[str, Any] = {"lot": lot, "test": test, field: value, **times}
    return str(world.do(who, "enter_result", now=read_at, **given)["code"])


def enter_sheet(world: World, lot: str, values: dict[str, str]) -> list[str]:
    """Enter what `enter` enters, for many tests of a lot by one sheet; returns the results in their order."""
    start, read = frozen_at(world, lot) + DAY, results_read_at(world, lot)
    rows = [f"{lot};{test};{value};{start.isoformat()};{read.isoformat()}" for test, value in values.items()]
    sheet = "\n".join(["lot;test;result;started_at;resulted_at", *rows])
    return list(world.do("taras", "import_results", now=read, sheet=sheet)["results"])


def review(world: World, lot: str, *results: str, who: str = "quinn", confirmed: bool = True, **given: Any) -> None:
    """Review results of a lot, the day after the last of them."""
    at = results_read_at(world, lot) + DAY
    world.do(who, "review_results", now=at, results=list(results), confirmed=confirmed, **given)


def pass_all_tests(
    world: World, lot: str, *, leave_out: tuple[str, ...] = (), run: bool = True, **values: str
) -> list[str]:
    """The freezing run of a lot, every required test of it entered by Taras from one sheet and, in one signed act,
    reviewed by Quinn, who reviews the batch record too; returns the results.

    `values` replace good ones, the test's code with `_` for `-`: `PT_VIABILITY="60"`.
    """
    if run and not has_a_run(world, lot):
        freezing_run(world, lot)
    tests = [test.code for test in required_tests(world, lot) if test.code not in leave_out]
    results = enter_sheet(world, lot, {test: values.get(test.replace("-", "_"), GOOD[test]) for test in tests})
    review(world, lot, *results)
    world.do("quinn", "review_batch_record", now=results_read_at(world, lot) + DAY, lot=lot)
    return results


def passed_lot(world: World, purpose: str = "product", vials: int = 6, **given: Any) -> FrozenLot:
    """A lot put away, with every test passed: nothing is missing but the signature."""
    lot = stored_lot(world, purpose, vials, **given)
    pass_all_tests(world, lot.code)
    return lot


@stocked
def released_lot(world: World, purpose: str = "product", vials: int = 6, **given: Any) -> FrozenLot:
    """A lot released by Oksana, who did nothing else to it; `given` as `stored_lot` takes it."""
    lot = passed_lot(world, purpose, vials, **given)
    world.do("oksana", "release_lot", now=results_read_at(world, lot.code) + 2 * DAY, lot=lot.code)
    return lot

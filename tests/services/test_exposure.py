"""Which vials stood there when, and what each was exposed to: the database against plain Python, on random stays."""

import datetime
import random
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from cellbank.domain.rules.temperature import Limits, excursions
from cellbank.services.temperature.exposure import exposures, lot_excursions, thermal_life
from tests.factories.doses import bedside, prepared_dose
from tests.factories.lots import fill_started_at, frozen_lot, stored_lot
from tests.factories.quality import pass_all_tests
from tests.factories.temperature import MINUTE, as_csv, import_file, probe, tank
from tests.factories.world import World

DAY = datetime.timedelta(days=1)
START = datetime.datetime(2026, 2, 20, 8, tzinfo=datetime.UTC)
LIMITS = Limits(Decimal(-150), 10, Decimal(-135), 2, Decimal(-80), 15)
LEVELS = (-15000, -13500, -8000)


def boxes(world: World, unit: str, count: int = 2) -> list[str]:
    given = {"type": "box", "parent": unit, "rows": 9, "columns": 9}
    return [world.do("tina", "add_storage_unit", name=f"Box {n}", **given)["code"] for n in range(count)]


def measured(trace: list[tuple[int, int]], stays: list[tuple[int, int]]) -> dict[str, Any]:
    """The same by brute force: every reading of every excursion, cut to every stay."""
    total: dict[str, Any] = {"excursions": 0, "silent": 0, "seconds": [0] * 3, "degrees": [0] * 3, "peaks": []}
    for one in excursions(LIMITS, trace):
        until = one.ended if one.ended is not None else 1 << 40
        for came, went in stays:
            if not (one.started < went and until > came):
                continue
            total["excursions"] += 1
            since, end = max(came, one.started), min(went, until)
            if one.kind == "silent":
                total["silent"] += end - since
                total["peaks"].append(one.peak)
                continue
            if since == end:  # one warm reading and then silence: it has a peak and no length
                total["peaks"].append(one.peak)
            for (at, value), (after, _) in zip(trace, [*trace[1:], (trace[-1][0], 0)], strict=True):
                held = min(after, end) - max(at, since)
                if one.started <= at < until and held > 0:
                    total["peaks"].append(value)
                    for level, limit in enumerate(LEVELS):
                        if value > limit:
                            total["seconds"][level] += held
                            total["degrees"][level] += held * (value - limit)
    return total


@pytest.mark.parametrize("seed", range(4))
def test_the_database_adds_up_what_plain_python_does(world: World, seed: int) -> None:
    chance = random.Random(seed)
    unit = tank(world)
    home, other = boxes(world, unit), boxes(world, tank(world))
    lot = frozen_lot(world, vials=12)
    at, trace = 0, []
    while at < 16 * 3600:
        trace.append((at, chance.choice([-18700] * 6 + [-14500, -14000, -13000, -12000, -7000])))
        at += chance.choice([60, 300, 300, 300, 900, 1500])
    stays: dict[str, list[tuple[int, int]]] = {}
    for number, vial in enumerate(lot.vials):
        moments = sorted(chance.sample(range(-7200, 18 * 3600), chance.choice([1, 2, 3])))
        place = {"position": "ABCDEFGHI"[number % 9] + str(1 + number // 9)}
        when = START + datetime.timedelta(seconds=moments[0])
        world.do(
            "tina", "store_vials", vials=[vial], box=home[0], positions=[place["position"]], stored_at=when.isoformat()
        )
        stays[vial] = [(moments[0], 1 << 40)]
        for moment, box in zip(moments[1:], [other[0], home[1]], strict=False):
            stays[vial][-1:] = [(stays[vial][-1][0], moment)] if stays[vial][-1][1] == 1 << 40 else stays[vial][-1:]
            moved = (START + datetime.timedelta(seconds=moment)).isoformat()
            world.do("tina", "move_vial", vial=vial, box=box, moved_at=moved, **place)
            if box == home[1]:
                stays[vial].append((moment, 1 << 40))
    code = probe(world, unit)
    import_file(world, code, as_csv([(START + datetime.timedelta(seconds=s), v / 100) for s, v in trace]))
    found = {one.vial: one for one in exposures(world.installation, code, world.now)}
    for vial, times in stays.items():
        expected = measured(trace, times)
        if not expected["excursions"]:
            assert vial not in found
            continue
        one = found[vial]
        assert one.excursions == expected["excursions"]
        assert one.silent_seconds == expected["silent"]
        assert list(one.seconds) == expected["seconds"]
        assert [round(minutes * 6000) for minutes in one.degree_minutes] == expected["degrees"]
        if expected["peaks"]:  # a vial that came after the last reading has the excursion's own
            assert one.peak_c * 100 == max(expected["peaks"])


def test_a_vial_and_its_lot_tell_what_they_stood_through(world: World) -> None:
    unit = tank(world)
    lot = frozen_lot(world, vials=3)
    at = START - 60 * MINUTE
    world.do("tina", "store_vials", vials=list(lot.vials[:2]), box=boxes(world, unit)[0], stored_at=at.isoformat())
    code = probe(world, unit)
    import_file(world, code, as_csv([(START, -187), (START + 5 * MINUTE, -70), (START + 10 * MINUTE, -187)]))
    life = thermal_life(world.installation, lot.vials[0])
    assert [(one.kind, one.state, one.probe, one.since, one.until) for one in life] == [
        ("reject", "OPEN", code, START + 5 * MINUTE, START + 10 * MINUTE)
    ]
    assert thermal_life(world.installation, lot.vials[2]) == ()
    with Session(world.installation.reads) as session:
        lot_id = session.scalar(text("SELECT id FROM lot WHERE code = :code"), {"code": lot.code})
        assert [one.vials for one in lot_excursions(session, lot_id)] == [2]


def test_a_rack_that_was_moved_away_stood_there_all_the_same(world: World) -> None:
    unit = tank(world)
    rack = world.do("tina", "add_storage_unit", type="rack", name="Rack", parent=unit)["code"]
    lot = frozen_lot(world, vials=2)
    at = START - 60 * MINUTE
    world.do("tina", "store_vials", vials=list(lot.vials), box=boxes(world, rack)[0], stored_at=at.isoformat())
    code, elsewhere = probe(world, unit), probe(world, spare := tank(world))
    world.do("tina", "move_storage_unit", now=world.now + MINUTE, unit=rack, into=spare)
    warm = as_csv([(START, -187), (START + 5 * MINUTE, -70), (START + 10 * MINUTE, -187)])
    import_file(world, code, warm)
    import_file(world, elsewhere, warm.replace(b"Export", b"Other export"))
    assert [one.probe for one in thermal_life(world.installation, lot.vials[0])] == [code]


# --- what it forbids --------------------------------------------------------------------------


def tank_of(world: World, box: str) -> str:
    statement = text(
        "SELECT t.code FROM storage_unit b JOIN storage_unit r ON r.id = b.parent_id "
        "JOIN storage_unit t ON t.id = r.parent_id WHERE b.code = :box"
    )
    with Session(world.installation.reads) as session:
        return str(session.scalar(statement, {"box": box}))


def warm(world: World, box: str, at: datetime.datetime, celsius: float = -70, every: int = 5) -> str:
    """The code of an excursion in the tank of a box, which has ended."""
    code = probe(world, tank_of(world, box))
    trace = [(at + number * every * MINUTE, value) for number, value in enumerate([-187, celsius, celsius, -187])]
    return str(import_file(world, code, as_csv(trace))["excursions"][0])


def test_a_lot_is_released_when_its_excursions_are_accepted(world: World) -> None:
    lot = stored_lot(world)
    pass_all_tests(world, lot.code)
    at = fill_started_at(world, lot.code) + 35 * DAY
    excursion = warm(world, lot.box, at, celsius=-145, every=12)
    given = {"now": at + DAY, "lot": lot.code}
    assert "EXCURSION_OPEN" in world.codes("oksana", "release_lot", **given)
    world.do("quinn", "decide_excursion", excursion=excursion, decision="accept", reason="Far below −135 °C")
    assert world.codes("oksana", "release_lot", **given) == []


@pytest.mark.the_database_refuses("no_release_with_an_open_excursion")
def test_the_database_refuses_the_release_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lot = stored_lot(world)
    pass_all_tests(world, lot.code)
    at = fill_started_at(world, lot.code) + 35 * DAY
    warm(world, lot.box, at, celsius=-145, every=12)
    monkeypatch.setattr("cellbank.services.quality.release_board.lot_excursions", lambda *_: ())
    outcome = world.try_act("oksana", "release_lot", now=at + DAY, lot=lot.code)
    assert [refusal.code.value for refusal in outcome.refusals] == ["EXCURSION_OPEN"]


@pytest.mark.the_database_refuses("no_dose_from_an_undecided_excursion")
def test_a_dose_from_an_undecided_excursion_is_stopped_at_the_bedside(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    dose = prepared_dose(world)
    warm(world, dose.lot.box, dose.at - 2 * DAY)
    scans = bedside(world, dose)
    now = dose.at + 40 * MINUTE
    assert "EXCURSION_OPEN" in world.codes("clara", "check_dose", now=now, **scans)
    monkeypatch.setattr("cellbank.services.clinic.infusion.infusion_refusals", lambda facts: ())
    assert world.codes("clara", "check_dose", now=now, **scans) == ["EXCURSION_OPEN"]

"""What was entered late shows both times and its reason wherever the act is read: in the history of its record, in the
trail, and in the batch record or the chain. The whole way from the donation to the empty bag is told an hour late."""

import datetime
import json
from typing import Any

import pytest

from cellbank.domain.identifiers import RECORDS
from cellbank.domain.scans import read_scan
from cellbank.domain.wall import on_the_wall
from cellbank.services import catalogue
from cellbank.services.acts import Outcome, TellingInput
from cellbank.services.documents.document_types import TYPES
from cellbank.services.documents.papers import as_data, snapshot
from cellbank.services.trail.history import done, history
from cellbank.services.trail.trail_search import Query, search
from tests.factories.doses import SITE, fetch_spare, infused_dose, ordered_dose, pick, picked_dose, prepared_dose
from tests.factories.lots import FrozenLot, fill_started_at, stored_lot
from tests.factories.production import DAY, growing_culture, harvest, passaged
from tests.factories.quality import pass_all_tests
from tests.factories.stock import Stock
from tests.factories.world import World

HOUR = datetime.timedelta(hours=1)
MINUTE = datetime.timedelta(minutes=1)
# What people do with vials and doses, each with the document in which it is read.
AT_THE_BENCH = (
    "receive_donation", "passage_culture", "record_harvest", "record_filling", "record_freezing", "store_vials",
    "use_vial_for_testing", "return_vial",
)  # fmt: skip
FOR_A_DOSE = (
    "pick_vial", "thaw_vial", "pool_and_count", "prepare_dose", "check_dose", "start_infusion", "stop_infusion",
    "reconcile_infusion", "record_reaction",
)  # fmt: skip
ON_PAPER = dict.fromkeys(AT_THE_BENCH, "batch_record") | dict.fromkeys(FOR_A_DOSE, "chain")


def why(act: str) -> str:
    return f"The network was down at {act}"


class Told:
    """Tells what happened in a world an hour later. `acts`: of each name the last act, with its time."""

    def __init__(self, world: World):
        self.really = world.try_act
        self.world = world
        self.acts: dict[str, tuple[int, datetime.datetime]] = {}
        self.lot = self.dose = ""

    def __call__(self, who: str, act: str, *, now: datetime.datetime | None = None, **given: Any) -> Outcome:
        now = now or self.world.now
        tells = issubclass(catalogue.REGISTRY[act].input, TellingInput)
        earlier = getattr(catalogue.REGISTRY[act].input, "EARLIER_NAME", None) or "happened_at"
        if tells:
            now = given.setdefault("happened_at" if earlier not in given else earlier, now)
            given["entered_late_because"] = why(act)
        outcome = self.really(who, act, now=now + HOUR if tells else now, **given)
        if tells and outcome.accepted:
            self.acts[act] = (outcome.act, now)
        return outcome


@pytest.fixture(scope="module")
def told(world: World) -> Told:
    """From the donation to the bag that is accounted for; the spare vial comes out and goes back, another one goes to
    the laboratory."""
    told = Told(world)
    with pytest.MonkeyPatch.context() as late:
        late.setattr(world, "try_act", told)
        late.setattr(world, "stock", Stock())  # nothing of which was told late
        told.lot, told.dose = walk(world)
    return told


def walk(world: World) -> tuple[str, str]:
    lot = released_lot(world)
    dose = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot)))
    later = {"now": dose.at + 70 * MINUTE}
    world.do("clara", "record_reaction", **later, dose=dose.code, serious=False, reaction="A short fever")
    used = list(dose.vials[: dose.needed])
    world.do("clara", "reconcile_infusion", **later, dose=dose.code, residual_ml="1", vials=used)
    other = picked_dose(world, ordered_dose(world, lot=lot))
    fetch_spare(world, other)
    pick(world, other, other.vials[-1])
    world.do("tina", "return_vial", now=other.at + MINUTE, vial=other.vials[-1], box=lot.box)
    rest = next(vial for vial in lot.vials if vial not in (*dose.vials, *other.vials))
    world.do("tina", "use_vial_for_testing", **later, vial=rest, tests="Sterility again")
    return lot.code, dose.code


def released_lot(world: World) -> FrozenLot:
    """Twelve vials of a culture that was passaged once."""
    first = growing_culture(world)
    at = world.now - 60 * DAY
    harvest(world, first, at)
    culture = passaged(world, first, at)[0]
    harvest(world, culture, at + 4 * DAY, total_cells=301_000_000)
    lot = stored_lot(world, vials=12, culture=culture)
    pass_all_tests(world, lot.code)
    world.do("oksana", "release_lot", now=fill_started_at(world, lot.code) + 40 * DAY, lot=lot.code)
    return lot


def paper(world: World, type_: str, code: str) -> str:
    with snapshot(world.installation.engine) as connection:
        return json.dumps(as_data(TYPES[type_].read(connection, code)), ensure_ascii=False)


def test_the_page_of_the_record_and_the_trail_show_both_times(world: World, told: Told) -> None:
    for name in ON_PAPER:
        act, at = told.acts[name]
        mine = done(world.installation, act, 0)
        both = (at, at + HOUR, why(name))
        assert (mine.happened_at, mine.at, mine.late_reason) == both
        kind = RECORDS[read_scan(mine.record_code).kind]
        event = next(one for one in history(world.installation, kind, mine.record_code).events if one.act == act)
        assert (event.happened_at, event.at, event.late_reason) == both
        line = next(one for one in search(world.installation, Query(act=name)) if one.id == act)
        assert (line.happened_at, line.at, line.late_reason) == both


def test_batch_record_and_chain_show_both_times(world: World, told: Told) -> None:
    read = {"batch_record": paper(world, "batch_record", told.lot), "chain": paper(world, "chain", told.dose)}
    for name, document in ON_PAPER.items():
        _, at = told.acts[name]
        entered = on_the_wall(at + HOUR, SITE)
        assert f"entered {entered}: {why(name)}" in read[document], name
        assert on_the_wall(at, SITE) in read[document], name

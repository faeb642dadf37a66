"""Reagent lots: into quarantine, accepted or rejected by somebody else."""

import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.production import ReagentLot, ReagentUse
from cellbank.services.acts import Malformed
from cellbank.services.production import reagent_use, reagents
from tests.factories import production as make
from tests.factories.production import DAY
from tests.factories.world import World


def decision(reagent: str, decided: str) -> dict[str, str]:
    return {"reagent": reagent, "decision": decided, "reason": "Certificate compared"}


def test_a_reagent_is_accepted_by_a_quality_officer_and_can_still_be_rejected(world: World) -> None:
    reagent = make.received_reagent(world)
    assert world.codes("tina", "decide_reagent", **decision(reagent, "accept")) == ["ROLE_NOT_ALLOWED"]
    assert world.do("quinn", "decide_reagent", **decision(reagent, "accept"))["state"] == "ACCEPTED"
    assert world.codes("quinn", "decide_reagent", **decision(reagent, "accept")) == ["WRONG_STATE"]
    assert world.do("quinn", "decide_reagent", **decision(reagent, "reject"))["state"] == "REJECTED"
    assert world.codes("quinn", "decide_reagent", **decision(reagent, "reject")) == ["WRONG_STATE"]
    assert world.do("oksana", "decide_reagent", **decision(reagent, "accept"))["state"] == "ACCEPTED"


def test_whoever_received_it_does_not_accept_it(world: World) -> None:
    given = {
        "name": "DMSO",
        "manufacturer": "Maker",
        "manufacturer_lot": "7",
        "certificate": "CoA 7",
        "expires_on": "2027-01-01",
    }
    reagent = world.do("quinn", "receive_reagent", **given)["code"]
    assert world.codes("quinn", "decide_reagent", **decision(reagent, "accept")) == ["SAME_PERSON"]


def test_an_expired_reagent_is_neither_received_nor_accepted(world: World) -> None:
    yesterday = (world.now - make.DAY).date()
    given = {"name": "DMSO", "manufacturer": "Maker", "manufacturer_lot": "7", "expires_on": yesterday}
    assert world.codes("tina", "receive_reagent", **given) == ["REAGENT_EXPIRED"]
    reagent = make.received_reagent(world, expires_on=yesterday)
    assert world.codes("quinn", "decide_reagent", **decision(reagent, "accept")) == ["REAGENT_EXPIRED"]
    assert world.do("quinn", "decide_reagent", **decision(reagent, "reject"))["state"] == "REJECTED"


def test_the_last_day_ends_at_midnight_of_the_site(world: World) -> None:
    given = {"name": "DMSO", "manufacturer": "Maker", "manufacturer_lot": "7", "expires_on": "2026-01-31"}
    before = datetime.datetime(2026, 1, 31, 21, 59, tzinfo=datetime.UTC)  # 23:59 in Kyiv
    after = before + datetime.timedelta(minutes=1)
    assert world.codes("tina", "receive_reagent", now=before, **given) == []
    assert world.codes("tina", "receive_reagent", now=after, **given) == ["REAGENT_EXPIRED"]


def test_a_lot_number_with_cyrillic_look_alikes_is_malformed(world: World) -> None:
    given = {"name": "DMSO", "manufacturer": "Maker", "manufacturer_lot": "АВ12X", "expires_on": "2027-01-01"}
    with pytest.raises(Malformed, match="manufacturer_lot"):
        world.try_act("tina", "receive_reagent", **given)


# --- certificate, opening, amounts ------------------------------------------------------------


def received(world: World, **given: Any) -> str:
    usual = {
        "name": "DMSO",
        "manufacturer": "Maker",
        "manufacturer_lot": world.unique("M"),
        "certificate": "CoA 7",
        "expires_on": (world.now + 300 * DAY).date(),
    }
    return str(world.do("tina", "receive_reagent", now=world.now - 200 * DAY, **{**usual, **given})["code"])


def accepted(world: World, **given: Any) -> str:
    code = received(world, **given)
    world.do("quinn", "decide_reagent", now=world.now - 200 * DAY, **decision(code, "accept"))
    return code


def row(world: World, code: str) -> ReagentLot:
    with Session(world.installation.reads) as session:
        return session.scalars(select(ReagentLot).where(ReagentLot.code == code)).one()


def isolation(world: World, *reagents: str, **given: Any) -> dict[str, Any]:
    usual = {"method": "explant", "vessel": "T175", "area_cm2": 175, "started_at": make.delivered(world) + DAY}
    return {"donation": make.donation(world), "reagents": list(reagents), **usual, **given}


@pytest.mark.the_database_refuses("an_accepted_reagent_has_a_certificate")
def test_nothing_is_accepted_without_a_certificate(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    code = received(world, certificate=None)
    assert world.codes("quinn", "decide_reagent", **decision(code, "accept")) == ["CRITERION_OPEN"]
    later = {**decision(code, "accept"), "certificate": "CoA 8"}
    assert world.do("quinn", "decide_reagent", **later)["state"] == "ACCEPTED"
    assert row(world, code).certificate == "CoA 8"
    monkeypatch.setattr(reagents, "acceptance_refusals", lambda *_: ())
    bare = received(world, certificate=None)
    assert world.codes("quinn", "decide_reagent", **decision(bare, "accept")) == ["CRITERION_OPEN"]


def test_what_keeps_so_many_days_once_open_is_opened_by_scan_and_then_runs_out(world: World) -> None:
    code = accepted(world, days_once_open=7)
    use = isolation(world, code)
    assert world.codes("tina", "isolate_tissue", **use) == ["OUT_OF_ORDER"]
    opened_at = use["started_at"] - 8 * DAY
    assert world.codes("tina", "open_reagent", reagent=code, opened_at=world.now + DAY) == ["IN_THE_FUTURE"]
    world.do("tina", "open_reagent", reagent=code, opened_at=opened_at)
    assert world.codes("tina", "open_reagent", reagent=code, opened_at=opened_at) == ["WRONG_STATE"]
    refused = world.try_act("tina", "isolate_tissue", **use).refusals
    assert [one.code.value for one in refused] == ["REAGENT_EXPIRED"] and "keeps 7 days" in refused[0].detail
    assert world.codes("tina", "isolate_tissue", **{**use, "started_at": use["started_at"] - DAY}) != []
    fresh = accepted(world, days_once_open=8)
    world.do("tina", "open_reagent", reagent=fresh, opened_at=opened_at)
    assert world.codes("tina", "isolate_tissue", **{**use, "reagents": [fresh]}) == []


def test_only_an_accepted_reagent_is_opened(world: World) -> None:
    assert world.codes("tina", "open_reagent", reagent=received(world)) == ["WRONG_STATE"]
    assert world.codes("clara", "open_reagent", reagent=accepted(world)) == ["ROLE_NOT_ALLOWED"]


def test_an_amount_has_a_unit_and_is_taken_from_what_is_left(world: World) -> None:
    code = accepted(world, quantity="100", unit="mL")
    use = isolation(world, code, make.medium(world), vessel_count=3, reagent_quantities={code: "40"})
    world.do("tina", "isolate_tissue", **use)
    assert (row(world, code).quantity_received, row(world, code).quantity_left) == (100, 60)
    with Session(world.installation.reads) as session:
        used = select(ReagentUse.quantity).join(ReagentLot).where(ReagentLot.code == code).order_by(ReagentUse.id)
        assert [str(amount) for amount in session.scalars(used)] == ["13.334", "13.333", "13.333"]
    more = isolation(world, code, reagent_quantities={code: "60.001"})
    refused = world.try_act("tina", "isolate_tissue", **more).refusals
    assert [one.code.value for one in refused] == ["REAGENT_USED_UP"] and "60 mL left" in refused[0].detail
    world.do("tina", "isolate_tissue", **isolation(world, code, reagent_quantities={code: "60"}))
    assert world.codes("tina", "isolate_tissue", **isolation(world, code)) == ["REAGENT_USED_UP"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"quantity": "100"}, "unit"),
        ({"unit": "mL"}, "amount"),
        ({"quantity": "0", "unit": "mL"}, "quantity"),
        ({"quantity": "-1", "unit": "mL"}, "quantity"),
        ({"quantity": "NaN", "unit": "mL"}, "quantity"),
        ({"quantity": "1.0001", "unit": "mL"}, "quantity"),
        ({"quantity": "10", "unit": "pints"}, "unit"),
        ({"days_once_open": -1}, "days_once_open"),
    ],
)
def test_a_bad_amount_is_malformed(world: World, given: dict[str, Any], field: str) -> None:
    with pytest.raises(Malformed, match=field):
        received(world, **given)


def test_an_amount_is_of_a_reagent_that_is_used_and_counted(world: World) -> None:
    counted, uncounted = accepted(world, quantity="100", unit="mL"), accepted(world)
    with pytest.raises(Malformed, match="not among the reagent lots"):
        world.try_act("tina", "isolate_tissue", **isolation(world, uncounted, reagent_quantities={counted: "1"}))
    wrong = isolation(world, uncounted, reagent_quantities={uncounted: "1"})
    assert world.codes("tina", "isolate_tissue", **wrong) == ["WRONG_STATE"]


@pytest.mark.the_database_refuses(
    "ck_reagent_lot_never_more_used_than_there_is", "no_reagent_is_used_too_long_after_opening"
)
def test_the_database_lets_nobody_use_too_much_or_too_late(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    code, stale = accepted(world, quantity="10", unit="mL"), accepted(world, days_once_open=1)
    monkeypatch.setattr(reagent_use, "reagent_refusals", lambda _: ())
    much = isolation(world, code, reagent_quantities={code: "11"})
    assert world.codes("tina", "isolate_tissue", **much) == ["REAGENT_USED_UP"]
    assert row(world, code).quantity_left == 10
    assert world.codes("tina", "isolate_tissue", **isolation(world, stale)) == ["REAGENT_EXPIRED"]

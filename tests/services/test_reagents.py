"""Reagent lots: into quarantine, accepted or rejected by somebody else."""

import datetime

import pytest

from cellbank.services.acts import Malformed
from tests.factories import production as make
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
    given = {"name": "DMSO", "manufacturer": "Maker", "manufacturer_lot": "7", "expires_on": "2027-01-01"}
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

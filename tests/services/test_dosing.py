"""Weights and orders."""

from tests.factories.doses import infused_dose, ordered_dose, row_of, vial_states
from tests.factories.world import World


def test_a_whole_dose(world: World) -> None:
    dose = infused_dose(world)
    world.do("tina", "reconcile_infusion", now=dose.at.replace(hour=20), dose=dose.code, residual_ml="1", vials=list(dose.vials[:3]))
    assert row_of(world, dose.code).state == "RECONCILED"
    assert vial_states(world, dose.lot.code) == ["INFUSED"] * 3 + ["IN_STOCK"] * 5

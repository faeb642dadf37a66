"""What only the database can refuse: past every rule, a statement that would harm a patient is stopped by name, and
the name says to people what has happened."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from cellbank.services.constraints import refusal_for
from tests.factories.doses import OrderedDose, ordered_dose, prepared_dose, product_lot, thawed_dose
from tests.factories.lots import FrozenLot
from tests.factories.world import World


@pytest.fixture(scope="module")
def lot(world: World) -> FrozenLot:
    return product_lot(world, vials=12)


@pytest.fixture(scope="module")
def thawed(world: World, lot: FrozenLot) -> OrderedDose:
    return thawed_dose(world, ordered_dose(world, lot=lot))


def refused(world: World, statement: str, **given: str) -> str:
    """The code of the refusal that a statement past the acts ends with."""
    with pytest.raises(IntegrityError) as caught, world.installation.engine.begin() as connection:
        connection.execute(text(statement), given)
    refusal = refusal_for(caught.value)
    assert refusal is not None and refusal.detail.endswith("Scan again to see how it stands now.")
    return refusal.code.value


@pytest.mark.requirement("R6")
def test_a_thawed_vial_never_goes_back(world: World, thawed: OrderedDose) -> None:
    back = "UPDATE vial SET state = 'IN_STOCK', dose_id = NULL WHERE code = :vial"
    assert refused(world, back, vial=thawed.vials[0]) == "VIAL_THAWED"
    undone = "UPDATE vial SET thawed_at = NULL WHERE code = :vial"
    assert refused(world, undone, vial=thawed.vials[0]) == "VIAL_THAWED"


def test_a_dose_comes_from_one_lot(world: World, thawed: OrderedDose) -> None:
    other = product_lot(world, vials=1)
    mixed = "UPDATE vial SET state = 'RESERVED', dose_id = (SELECT id FROM dose WHERE code = :dose) WHERE code = :vial"
    assert refused(world, mixed, dose=thawed.code, vial=other.vials[0]) == "MIXED_LOTS"


def test_nothing_is_infused_on_the_word_of_one(world: World, lot: FrozenLot) -> None:
    dose = prepared_dose(world, ordered_dose(world, lot=lot))
    alone = "UPDATE dose SET state = 'CHECKED' WHERE code = :dose"
    assert refused(world, alone, dose=dose.code) == "SECOND_PERSON_NEEDED"

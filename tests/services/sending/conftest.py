"""A released lot, a site to send its vials to, and a shipment at each stage up to the seal."""

from dataclasses import replace
from typing import Any

import pytest

from tests.factories.lots import FrozenLot
from tests.factories.quality import released_lot
from tests.factories.shipping import (
    Parcel,
    ordered_shipment,
    packed_shipment,
    sealed_shipment,
)
from tests.factories.sites import SecondSite, second_site
from tests.factories.world import World

STOCK = 80


@pytest.fixture(scope="module")
def there(world: World) -> SecondSite:
    """Where everything goes."""
    return second_site(world)


@pytest.fixture(scope="module")
def lot(world: World) -> FrozenLot:
    """A released lot that lasts for the whole module; `some` takes vials from it."""
    return released_lot(world, vials=STOCK)


@pytest.fixture(scope="module")
def _taken() -> list[str]:
    return []


@pytest.fixture
def some(lot: FrozenLot, _taken: list[str]) -> Any:
    """Vials of the lot that no other test has."""

    def take(count: int) -> FrozenLot:
        vials = lot.vials[len(_taken) : len(_taken) + count]
        assert len(vials) == count, "the stock of the module is used up"
        _taken.extend(vials)
        return replace(lot, vials=vials)

    return take


@pytest.fixture
def ordered(world: World, there: SecondSite, some: Any) -> Parcel:
    """Three vials ordered, nothing packed."""
    return ordered_shipment(world, there, lot=some(3), vials=3)


@pytest.fixture
def packed(world: World, ordered: Parcel) -> Parcel:
    """The three of them packed."""
    return packed_shipment(world, ordered)


@pytest.fixture
def sealed(world: World, packed: Parcel) -> Parcel:
    """The shipper closed."""
    return sealed_shipment(world, packed)

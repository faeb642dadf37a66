"""One lot at two sites: made at the first one, from where vials of it went to another; a patient and a dose at each."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cellbank.services.installation import Installation
from tests.factories.doses import OrderedDose, infused_dose, ordered_dose, prepared_dose, product_lot
from tests.factories.lots import FrozenLot
from tests.factories.receiving import accepted_shipment
from tests.factories.shipping import DAY, Parcel, sent_shipment
from tests.factories.sites import second_site
from tests.factories.world import World


@dataclass(frozen=True)
class TwoSites:
    """`parcel` has arrived and is stock there, `under_way` has not; `here` is a dose of the lot at the first site,
    `there` one at the other, of what arrived; `third` is a site that never had vials of it."""

    world: World
    parcel: Parcel
    under_way: Parcel
    here: OrderedDose
    there: OrderedDose
    third: str

    def bank_of(self, who: str) -> Installation:
        """The bank as this person reads it."""
        return self.world.installation.seen_by(self.world.people[who])


def two_sites(world: World) -> TwoSites:
    """Twelve vials of a lot: five arrived at another site, two are on their way there, the others stayed."""
    lot = product_lot(world, vials=12)
    here = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot)))
    stayed = [vial for vial in lot.vials if vial not in here.vials]
    to = second_site(world)
    parcel = accepted_shipment(world, to=to, lot=_only(lot, stayed[:5]), vials=5)
    under_way = sent_shipment(world, to=to, lot=_only(lot, stayed[5:7]), vials=2, at=parcel.at + DAY)
    with played_by(world, clara=to.clinician, cyril=to.other_clinician):
        there = ordered_dose(world, lot=lot, at=under_way.at)
    return TwoSites(world, parcel, under_way, here, there, second_site(world).quality_officer)


def _only(lot: FrozenLot, vials: Sequence[str]) -> FrozenLot:
    return FrozenLot(lot.code, tuple(vials), lot.box)


@contextmanager
def played_by(world: World, **others: str) -> Iterator[None]:
    """What the factories let people of the first site do is done by others: `clara` by whoever is named."""
    known = dict(world.people)
    world.people.update({name: known[other] for name, other in others.items()})
    try:
        yield
    finally:
        world.people.update({name: known[name] for name in others})

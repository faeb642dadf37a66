"""Shippers: units of the cold store that travel, how long they hold after a charge, and until when that is proved."""

from decimal import Decimal
from functools import partial
from typing import Annotated

from pydantic import Field, model_validator

from cellbank.domain.identifiers import Kind
from cellbank.domain.quantities import Quantity, parse_decimal
from cellbank.domain.rules.shipment import (
    RequalificationFacts,
    qualified_later_refusals,
    requalification_refusals,
)
from cellbank.domain.rules.storage import unit_refusals
from cellbank.domain.storage_tree import MOST_COLUMNS, MOST_PLACES, MOST_ROWS
from cellbank.records.storage import StorageUnit
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, act
from cellbank.services.common import asked_about, new_code
from cellbank.services.inputs import Date, Improbable, OneLine, StorageCode, quantity
from cellbank.services.labels.label_printing import print_first
from cellbank.services.site_time import local_day
from cellbank.services.storage.units import alike_beside, lock_place, next_place, standing_in, unit_called, unit_facts

_HOURS = Quantity("The time", "h", "in hours", low=Decimal("0.5"), high=Decimal(1000), decimals=1)
Hours = Annotated[Decimal, *quantity("h", partial(parse_decimal, quantity=_HOURS))]


class _Qualified(ActInput):
    hold_hours: Hours = Field(
        title="Holds", description="Hours from a full charge to the warning limit, as the qualification found."
    )
    qualified_on: Date = Field(title="Qualified on")
    qualified_until: Date = Field(title="Qualified until")

    @model_validator(mode="after")
    def _for_a_time(self) -> "_Qualified":
        if self.qualified_until <= self.qualified_on:
            raise ValueError("the qualification ends after the day on which it was made")
        return self


class AddShipper(_Qualified):
    """Add a shipper."""

    name: OneLine = Field(title="Name", description="As written on it: Dry shipper 1.")
    rows: int = Field(title="Rows", ge=1, le=MOST_ROWS)
    columns: int = Field(title="Columns", ge=1, le=MOST_COLUMNS)
    place: int | None = Field(
        default=None, title="Place", ge=1, le=MOST_PLACES, description="Empty: after the last one."
    )
    improbable_because: Improbable = None


@act(AddShipper)
def add_shipper(work: Work, given: AddShipper) -> StorageUnit:
    """Add a shipper to the units of the site, with its qualification. Refuses a place that is taken and a qualification
    in the future."""
    lock_place(work, None)
    siblings = standing_in(work, None)
    place = given.place or next_place(siblings)
    refusals = unit_refusals(unit_facts(work, "shipper", None, place, siblings))
    later = qualified_later_refusals(given.qualified_on, local_day(work, work.now))
    doubted = asked_about(work, alike_beside(work, None, given.name), given.improbable_because)
    work.judge(StorageUnit, refusals=[*refusals, *later] or doubted)
    shipper = work.add(
        StorageUnit(
            site_id=work.actor.site_id,
            code=new_code(work, Kind.STORAGE),
            type="shipper",
            name=given.name,
            place=place,
            row_count=given.rows,
            column_count=given.columns,
            stands_since=work.now,
            hold_hours=given.hold_hours,
            qualified_on=given.qualified_on,
            qualified_until=given.qualified_until,
        )
    )
    print_first(work, Kind.STORAGE, shipper.code)
    return shipper


class RequalifyShipper(_Qualified):
    """Record a qualification of a shipper."""

    shipper: StorageCode = Field(title="Shipper")
    certificate: OneLine = Field(title="Certificate")


@act(RequalifyShipper, of_shippers=True)
def requalify_shipper(work: Work, given: RequalifyShipper) -> StorageUnit:
    """Note a qualification with the hours that it found; the certificate's number stands in the trail. Refuses any
    other unit, a qualification in the future, and one before the last."""
    shipper = work.lock(StorageUnit, given.shipper)
    facts = RequalificationFacts(
        unit_called(shipper), shipper.type, shipper.qualified_on, given.qualified_on, local_day(work, work.now)
    )
    work.judge(shipper, refusals=requalification_refusals(facts))
    shipper.hold_hours = given.hold_hours
    shipper.qualified_on, shipper.qualified_until = given.qualified_on, given.qualified_until
    return shipper

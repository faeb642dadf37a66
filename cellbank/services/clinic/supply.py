"""From which lot and which vials a dose comes: first to expire first, the lot of the earlier doses before that.

The vials found are locked for the order until it is written, and those that another order holds at this moment are
passed over, so that no two orders ever wait for each other or take the same vial.
"""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select

from cellbank.domain.dose import (
    DoseCalculation,
    Step,
    calculate_dose,
    dmso_band,
    dmso_g_per_kg,
    dmso_ml,
    endotoxin_eu_per_kg,
)
from cellbank.domain.lifecycle.states import LotState, ResultState, VialState
from cellbank.domain.protocol import Protocol
from cellbank.domain.quantities import millions
from cellbank.domain.rules.dosing import SupplyFacts, weight_for_limits
from cellbank.domain.specification import Specification
from cellbank.records.people import Definition
from cellbank.records.production import Lot, Vial
from cellbank.records.quality import TestResult
from cellbank.records.work import Work
from cellbank.services.clinic.standing import lot_standing, specification_by_digest
from cellbank.services.site_time import local_day

LOTS_TRIED = 20
PROVIDED = ("recovery", "viability", "endotoxin")


@dataclass(frozen=True)
class Demand:
    """What is asked for: for whom, the product of the arm, the weight, the day, a lot if one was named, the earlier
    lots.

    Only a lot that is named may be one that is released conditionally: none is chosen that is not released.
    """

    subject_id: int
    protocol: Protocol
    product: str
    weight_kg: Decimal | None
    used_on: datetime.date
    lot: str | None
    dmso_ml_that_day: Fraction  # of the subject's other doses
    earlier_lots: tuple[int, ...]


@dataclass(frozen=True)
class Supply:
    """What was found: the lot with its facts (None: nothing was sought), the vials locked, and the calculation as shown
    and kept."""

    facts: SupplyFacts | None
    lot: Lot | None = None
    vials: tuple[Vial, ...] = ()
    calculation: DoseCalculation | None = None
    shown: dict[str, Any] | None = None


def find_supply(work: Work, demand: Demand) -> Supply:
    """The first lot with enough free vials, with them locked; else the best that there was, short as it is."""
    best = Supply(SupplyFacts(demand.product, None, None))
    for lot, product in _lots(work, demand):
        found = _from_lot(work, demand, lot, product)
        if found.calculation and len(found.vials) >= found.calculation.vials_to_reserve:
            return found
        if best.lot is None or len(found.vials) > len(best.vials):
            best = found
    return best


def _lots(work: Work, demand: Demand) -> Iterator[tuple[Lot, Row[int, int, str, str]]]:
    """The lots to try, in order, each kept from being held or recalled while it is looked at, with its product."""
    statement = select(Lot.id.label("lot_id"), Definition.id, Definition.identifier, Definition.digest).join(
        Definition, Definition.id == Lot.specification_id
    )
    if demand.lot is not None:
        statement = statement.where(Lot.code == demand.lot)
    else:
        in_stock = select(Vial.id).where(Vial.lot_id == Lot.id, *_in_stock(work)).exists()
        statement = (
            statement.where(Lot.state == LotState.RELEASED, Lot.purpose == "product", Lot.expires_on >= demand.used_on)
            .where(in_stock, Definition.identifier == demand.product)
            .order_by((Lot.id == func.any(list(demand.earlier_lots))).desc(), Lot.expires_on, Lot.id)
            .limit(LOTS_TRIED)
        )
    found = work.session.execute(statement).all()
    if demand.lot is not None and not found:
        work.find(Lot, demand.lot)  # there is none: it says so
    for product in found:
        yield work.share(Lot, product.lot_id), product


def _from_lot(work: Work, demand: Demand, lot: Lot, product: Row[int, int, str, str]) -> Supply:
    specification = specification_by_digest(work.session, product.id, product.digest)
    results = latest_results(work, lot, specification)
    missing = tuple(specification.provider(what).title for what in PROVIDED if what not in results)
    facts = SupplyFacts(
        product=demand.product,
        lot=lot_standing(work.session, lot.id, demand.subject_id, demand.used_on),
        lot_product=product.identifier if lot.purpose == "product" else f"a {lot.purpose.replace('_', ' ')}",
        missing_results=missing,
    )
    needs_weight = demand.protocol.dosing.needs_weight
    if missing or (needs_weight and demand.weight_kg is None):
        return Supply(facts, lot)
    try:
        calculation = _calculate(demand, lot, results)
    except ValueError as problem:
        return Supply(replace(facts, problem=str(problem)), lot)
    vials = _free_vials(work, lot, calculation.vials_to_reserve)
    weight_kg = weight_for_limits(demand.protocol, demand.weight_kg)
    own_ml = dmso_ml(lot.volume_ml * calculation.vials, lot.dmso_percent)
    dmso = dmso_g_per_kg(own_ml + demand.dmso_ml_that_day, weight_kg)
    endotoxin = endotoxin_eu_per_kg(number_of(results["endotoxin"]), calculation.required_cells, weight_kg)
    facts = replace(
        facts,
        vials_wanted=calculation.vials_to_reserve,
        vials_found=len(vials),
        dmso_g_per_kg=dmso,
        endotoxin_eu_per_kg=endotoxin,
    )
    return Supply(facts, lot, tuple(vials), calculation, _shown(work, demand, lot, results, calculation, facts))


def latest_results(work: Work, lot: Lot, specification: Specification) -> dict[str, TestResult]:
    """The latest reviewed result of each test that feeds the dose, by what it provides."""
    provides = {specification.provider(what).code: what for what in PROVIDED}
    statement = (
        select(TestResult)
        .where(TestResult.lot_id == lot.id, TestResult.state == ResultState.REVIEWED, TestResult.test.in_(provides))
        .where(TestResult.number.is_not(None))
        .order_by(TestResult.resulted_at, TestResult.id)  # the last one stays in the dictionary
    )
    return {provides[result.test]: result for result in work.session.scalars(statement)}


def number_of(result: TestResult) -> Decimal:
    """The value of a numeric result, without the zeros that the column adds."""
    assert result.number is not None
    value = result.number.normalize()
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value


def _calculate(demand: Demand, lot: Lot, results: dict[str, TestResult]) -> DoseCalculation:
    recovery, viability = number_of(results["recovery"]), number_of(results["viability"])
    return calculate_dose(demand.protocol.dosing, demand.weight_kg, lot.cells_per_vial, recovery, viability)


def _in_stock(work: Work) -> tuple[ColumnElement[bool], ...]:
    """What makes a vial one in stock at the site where the dose is ordered, whichever site made its lot."""
    return Vial.state == VialState.IN_STOCK, Vial.site_id == work.actor.site_id


def _free_vials(work: Work, lot: Lot, count: int) -> Sequence[Vial]:
    """So many vials in stock, the lowest numbers first, locked; those locked by somebody else are passed over."""
    statement = select(Vial).where(Vial.lot_id == lot.id, *_in_stock(work)).order_by(Vial.number).limit(count)
    if not work.dry_run:
        statement = statement.with_for_update(key_share=True, skip_locked=True)
    return work.session.scalars(statement).all()


def _shown(
    work: Work,
    demand: Demand,
    lot: Lot,
    results: dict[str, TestResult],
    calculation: DoseCalculation,
    facts: SupplyFacts,
) -> dict[str, Any]:
    """The calculation as it is shown and kept with the order: where the figures come from, then every step."""
    sources = [
        Step(
            f"{what.capitalize()} of lot {lot.code}",
            f"result {results[what].code}, the latest reviewed, of {local_day(work, results[what].resulted_at)}",
            f"{number_of(results[what])} {results[what].unit or '%'}",
        )
        for what in PROVIDED
    ]
    assert facts.dmso_g_per_kg is not None  # worked out together with the calculation
    limits = demand.protocol.limits
    others = f" + {float(demand.dmso_ml_that_day):.3f} mL of other doses that day" if demand.dmso_ml_that_day else ""
    loads = [
        Step(
            "DMSO",
            f"{calculation.vials} vials × {lot.volume_ml} mL × {lot.dmso_percent} %{others}, per kg and day",
            f"{facts.dmso_g_per_kg} g/kg ({dmso_band(facts.dmso_g_per_kg, limits)}, limit {limits.dmso_g_per_kg})",
        ),
        Step(
            "Endotoxin",
            f"{millions(calculation.required_cells)} cells, per kg",
            f"{facts.endotoxin_eu_per_kg} EU/kg (limit {limits.endotoxin_eu_per_kg})",
        ),
    ]
    whole = replace(calculation, steps=(*sources, *calculation.steps, *loads))
    return {
        **whole.as_json(),
        "lot": lot.code,
        "results": {what: results[what].code for what in PROVIDED},
        "dmso_g_per_kg": str(facts.dmso_g_per_kg),
        "endotoxin_eu_per_million_cells": str(number_of(results["endotoxin"])),
        "endotoxin_eu_per_kg": str(facts.endotoxin_eu_per_kg),
    }

"""A shipper closed for the way, opened again, and what its logger is asked."""

import datetime
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.temperature import Excursion, Probe
from cellbank.services.acts import Malformed
from tests.factories.lots import box
from tests.factories.shipping import (
    CARRIER,
    DAY,
    HOUR,
    MINUTE,
    Parcel,
    custodies,
    logger_of,
    packed_shipment,
    sealed_shipment,
    shipment_row,
    shipper,
)
from tests.factories.shipping import sealing as to_seal
from tests.factories.sites import SecondSite
from tests.factories.temperature import as_csv, import_file, steady, trace
from tests.factories.world import World
from tests.services.sending.asking import (
    REASON,
    shipment_code,
    to_pack,
)

# --- sealing -----------------------------------------------------------------------------------


def seal_codes(world: World, parcel: Parcel, **given: Any) -> list[str]:
    return world.codes("taras", "seal_shipment", now=parcel.at + 10 * MINUTE, **to_seal(parcel, **given))


def test_a_shipment_is_sealed_with_all_that_belongs_to_it(world: World, sealed: Parcel) -> None:
    row = shipment_row(world, sealed.code)
    assert (row.state, row.seals, row.sealed_by_id) == ("SEALED", list(sealed.seals), world.people["taras"].id)
    assert (str(row.charge_kg), str(row.planned_hours)) == ("21.40", "48.0") and row.logger_id
    assert [one.person_id for one in custodies(world, sealed.code)] == [
        world.people["tina"].id
    ]  # who sealed it did not take it


def test_a_shipment_that_lacks_something_is_not_sealed(world: World, packed: Parcel) -> None:
    assert seal_codes(world, packed, seals=[]) == ["CRITERION_OPEN"]
    assert seal_codes(world, packed, logger=None) == ["TRACE_MISSING"]
    assert seal_codes(world, packed, planned_hours="237") == ["SHIPPER_NOT_READY"]
    assert seal_codes(world, packed, charged_at=(packed.at - 300 * HOUR).isoformat()) == ["SHIPPER_NOT_READY"]
    assert seal_codes(world, packed, shipper=shipper(world)) == ["SHIPPER_NOT_READY", "PROBE_MISMATCH"]
    assert seal_codes(world, packed, shipper=box(world)) == ["WRONG_KIND"]
    elsewhere = logger_of(world, shipper(world))
    assert seal_codes(world, packed, logger=elsewhere) == ["PROBE_MISMATCH"]
    due = (packed.at + DAY).date()  # a day before it arrives
    old = logger_of(
        world, packed.shipper, calibrated_on=(due - 300 * DAY).isoformat(), calibration_due_on=due.isoformat()
    )
    assert seal_codes(world, packed, logger=old) == ["SHIPPER_NOT_READY"]
    retired = logger_of(world, packed.shipper)
    world.do("tina", "retire_probe", probe=retired, reason=REASON)
    assert seal_codes(world, packed, logger=retired) == ["WRONG_STATE"]


def test_nothing_ordered_is_sealed_before_it_is_packed(world: World, ordered: Parcel) -> None:
    assert seal_codes(world, ordered) == ["CRITERION_OPEN"]
    assert seal_codes(world, ordered, shipper=ordered.shipper) == ["CRITERION_OPEN"]


def test_sealing_follows_the_charge_and_the_packing(world: World, packed: Parcel) -> None:
    assert seal_codes(world, packed, sealed_at=(packed.at - MINUTE).isoformat()) == ["OUT_OF_ORDER"]
    assert seal_codes(world, packed, charged_at=(packed.at + HOUR).isoformat()) == ["OUT_OF_ORDER"]
    assert "IN_THE_FUTURE" in seal_codes(world, packed, sealed_at=(packed.at + DAY).isoformat())


def test_a_lot_that_was_stopped_after_packing_is_neither_sealed_nor_handed_over(
    world: World, there: SecondSite
) -> None:
    parcel = packed_shipment(world, to=there, vials=2)
    world.do("quinn", "hold_lot", now=parcel.at, lot=parcel.lot.code, reason=REASON)
    assert seal_codes(world, parcel) == ["ON_HOLD"]
    other = sealed_shipment(world, to=there, vials=2)
    world.do("quinn", "hold_lot", now=other.at, lot=other.lot.code, reason=REASON)
    given = {"shipment": other.code, "carrier": CARRIER, "now": other.at + HOUR}
    assert world.codes("tina", "hand_over_shipment", **given) == ["ON_HOLD"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seals", ["SEAL-1", "SEAL-1"]),
        ("seals", ["SЕAL-1"]),  # a Cyrillic letter among Latin ones
        ("seals", ["ВЕК-1"]),  # Cyrillic letters that all look Latin
        ("seals", [""]),
        ("seals", ["S" * 41]),
        ("seals", ["SEAL\u20281"]),
        ("seals", ["🔒"]),
        ("seals", [f"SEAL-{number}" for number in range(21)]),
        ("seals", "SEAL-1\nSEAL-2"),
        ("charge_kg", "-1"),
        ("charge_kg", "21.4 lb"),
        ("charge_kg", "1e9"),
        ("planned_hours", "0"),
        ("planned_hours", "NaN"),
        ("planned_hours", "99999"),
        ("planned_hours", "two days"),
        ("charged_at", "2026-05-04T12:00"),
        ("charged_at", "yesterday"),
        ("happened_at", "0001-01-01T00:00Z"),
        ("logger", "STZZZZG"),
    ],
)
def test_absurd_seals_hours_and_times_are_malformed(world: World, field: str, value: Any) -> None:
    given = {"shipment": shipment_code(), "seals": ["SEAL-1"], "charged_at": "2026-05-04T12:00Z", "planned_hours": "48"}
    with pytest.raises(Malformed) as malformed:
        world.try_act("tina", "seal_shipment", **{**given, field: value})
    assert [problem.field.split(".")[0] for problem in malformed.value.problems] == [field]


def test_a_broken_seal_counts_no_more_and_the_shipment_is_packed_on(world: World, sealed: Parcel) -> None:
    assert "WRONG_STATE" in world.codes("tina", "pack_vials", **to_pack(sealed))
    world.do("taras", "break_seal", now=sealed.at + MINUTE, shipment=sealed.code, reason=REASON)
    row = shipment_row(world, sealed.code)
    assert (row.state, row.seals, row.sealed_at, row.sealed_by_id) == ("PACKING", None, None, None)
    assert [one.until for one in custodies(world, sealed.code)] == [None]
    again = replace(sealed, at=sealed.at + MINUTE, seals=(world.unique("SEAL"),))
    assert shipment_row(world, sealed_shipment(world, again).code).seals == list(again.seals)


def test_an_empty_shipper_goes_home_without_logger_seal_or_qualification(world: World, there: SecondSite) -> None:
    code = world.do("tina", "order_shipment", to=there.code)["code"]
    unit = shipper(world, qualified_on="2025-01-01", qualified_until="2026-01-01")
    given = {"shipment": code, "charged_at": (world.now - 900 * HOUR).isoformat(), "planned_hours": "30"}
    assert world.codes("tina", "seal_shipment", **given) == ["NOT_FOUND"]
    world.do("tina", "seal_shipment", shipper=unit, **given)
    assert shipment_row(world, code).seals == []
    assert [one.person_id for one in custodies(world, code)] == [world.people["tina"].id]
    world.do("tina", "break_seal", shipment=code, reason=REASON)
    world.do("taras", "seal_shipment", **given)
    assert world.do("tina", "hand_over_shipment", shipment=code, carrier=CARRIER)["state"] == "ON_THE_WAY"


# --- the logger --------------------------------------------------------------------------------


def silent(world: World, at: datetime.datetime) -> list[str]:
    """The probes that somebody who looks now finds silent; nothing is written."""
    outcome = world.try_act("tina", "look_for_silence", dry_run=True, now=at)
    assert outcome.accepted
    return list(outcome.result["silent"])


def test_a_logger_that_rests_is_not_missed_and_one_that_stops_on_the_way_is(world: World, packed: Parcel) -> None:
    """Months between two shipments are no excursion, nor are the days until a logger is read at the other end."""
    logger, before = packed.logger, packed.at - 30 * DAY
    import_file(world, logger, as_csv(steady(before, 12)), now=before + DAY)
    assert logger not in silent(world, before + 10 * DAY)
    assert logger not in silent(world, packed.at)
    parcel = sealed_shipment(world, packed)
    assert logger not in silent(world, parcel.at + DAY)  # it is read at the other end
    import_file(world, logger, as_csv(steady(parcel.at + MINUTE, 12)), now=parcel.at + DAY)  # it sends on the way
    assert logger in silent(world, parcel.at + DAY)
    with Session(world.installation.reads) as session:
        found = session.scalars(select(Excursion).join(Probe).where(Probe.code == logger)).all()
    assert found == []  # the thirty days before the seal are in none


def test_what_a_resting_shipper_was_warm_ended_with_its_charge(world: World, ordered: Parcel) -> None:
    """A logger goes on after the vials are out: what it shows then must not reach those of the next shipment."""
    logger, before = ordered.logger, ordered.at - 30 * DAY
    import_file(world, logger, as_csv(trace(before, [-190, -150, -20, 20])), now=before + DAY)
    packed = packed_shipment(world, ordered)
    parcel = sealed_shipment(world, packed)
    with Session(world.installation.reads) as session:
        (found,) = session.scalars(select(Excursion).join(Probe).where(Probe.code == logger)).all()
    assert (found.ended_at, found.end_reason) == (packed.at - 4 * HOUR, "The shipper was charged again")
    import_file(world, logger, as_csv(steady(parcel.at, 12)), now=parcel.at + DAY)
    with Session(world.installation.reads) as session:
        assert len(session.scalars(select(Excursion).join(Probe).where(Probe.code == logger)).all()) == 1

"""What the logger of a shipper saw on the way: read at the receiving site, and what it means for the vials."""

import datetime
from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.production import Lot
from cellbank.records.temperature import Excursion, Probe
from cellbank.services.temperature.exposure import exposures, thermal_life
from tests.factories.receiving import Supply, accept, checked_shipment, import_trace, store, way
from tests.factories.shipping import HOUR, MINUTE, Parcel, logger_of
from tests.factories.temperature import as_csv, import_file, sent, steady
from tests.factories.world import World

Readings = list[tuple[datetime.datetime, float]]


@pytest.fixture(scope="module")
def supply(world: World) -> Supply:
    """What all these shipments are made of."""
    return Supply.of(world, vials=60)


@pytest.fixture
def parcel(world: World, supply: Supply) -> Parcel:
    """A shipment of two vials with its receipt closed and its vials put away; nobody has read its logger."""
    found = checked_shipment(world, **supply(2))
    store(world, found, *found.vials)
    return found


def cold(since: datetime.datetime, until: datetime.datetime) -> Readings:
    """Readings that cover a time."""
    return steady(since, int((until - since) / (5 * MINUTE)) + 2)


def to_accept(world: World, parcel: Parcel) -> list[str]:
    """The codes with which an acceptance would be refused."""
    now = parcel.at + HOUR
    who = parcel.to.quality_officer
    return world.codes(who, "accept_shipment", dry_run=True, now=now, shipment=parcel.code)


def excursions(world: World, logger: str) -> list[Excursion]:
    with Session(world.installation.reads) as session:
        statement = select(Excursion).join(Probe, Probe.id == Excursion.probe_id).where(Probe.code == logger)
        return list(session.scalars(statement.order_by(Excursion.started_at)))


def lot_state(world: World, lot: str) -> str | None:
    with Session(world.installation.reads) as session:
        return session.scalar(select(Lot.state).where(Lot.code == lot))


def decide(world: World, parcel: Parcel, decision: str = "accept") -> None:
    """Decide the excursions of a logger at the receiving site."""
    for one in excursions(world, parcel.logger):
        given = {"excursion": one.code, "decision": decision, "reason": "Below the glass transition all the time."}
        world.do(parcel.to.quality_officer, "decide_excursion", now=parcel.at + HOUR, **given)


def test_a_warm_road_stops_the_lot_and_waits_for_its_decision(world: World) -> None:
    own = Supply.of(world, vials=6)
    parcel = checked_shipment(world, **own(2))
    store(world, parcel, *parcel.vials)
    since, until = way(world, parcel)
    readings = [(at, -70.0 if since + 2 * HOUR <= at < since + 3 * HOUR else -187.0) for at, _ in cold(since, until)]
    told = import_trace(world, parcel, readings)
    assert told["lots_stopped"] == [parcel.lot.code] and lot_state(world, parcel.lot.code) == "ON_HOLD"
    (found,) = excursions(world, parcel.logger)
    assert (found.category, found.site_id, found.state) == ("reject", parcel.to.id, "OPEN")

    (lived,) = thermal_life(world.installation, parcel.vials[0])
    assert (lived.excursion, lived.kind, lived.since, lived.until) == (
        found.code,
        "reject",
        found.started_at,
        found.ended_at,
    )
    assert thermal_life(world.installation, parcel.lot.vials[2]) == ()  # it stayed in its tank
    shown = {one.vial: one for one in exposures(world.installation, parcel.logger, parcel.at)}
    assert set(shown) == set(parcel.vials)
    assert {one.seconds for one in shown.values()} == {(3600, 3600, 3600)}

    assert to_accept(world, parcel) == ["EXCURSION_OPEN"]
    assert "OTHER_SITE" in world.codes(
        "quinn", "decide_excursion", excursion=found.code, decision="accept", reason="Looks fine from here."
    )
    decide(world, parcel)
    assert to_accept(world, parcel) == []
    accept(world, parcel)
    assert lot_state(world, parcel.lot.code) == "ON_HOLD"  # its own site lifts the hold


def test_an_excursion_decided_against_the_vials_leaves_only_the_rejection(world: World) -> None:
    own = Supply.of(world, vials=6)
    parcel = checked_shipment(world, **own(1))
    store(world, parcel, *parcel.vials)
    since, until = way(world, parcel)
    import_trace(world, parcel, [(at, -60.0 if at == since + HOUR else -187.0) for at, _ in cold(since, until)])
    decide(world, parcel, "reject")
    assert to_accept(world, parcel) == ["EXCURSION_OPEN"]
    now = parcel.at + HOUR
    given = {"shipment": parcel.code, "reason": "Warm on the road."}
    assert world.do(parcel.to.quality_officer, "reject_shipment", now=now, **given)["state"] == "REJECTED"


@pytest.mark.parametrize(
    ("readings", "codes"),
    [
        (lambda since, until: [], ["TRACE_MISSING"]),
        (lambda since, until: cold(since, until), []),
        (lambda since, until: cold(since + 14 * MINUTE, until - 14 * MINUTE), []),
        (lambda since, until: cold(since + HOUR, until), ["TRACE_MISSING"]),
        (lambda since, until: cold(since, until - HOUR), ["TRACE_MISSING"]),
        (lambda since, until: cold(since + HOUR, until - HOUR), ["TRACE_MISSING", "TRACE_MISSING"]),
        (lambda since, until: cold(since - 10 * HOUR, since - HOUR), ["TRACE_MISSING"]),
        (
            lambda since, until: [*cold(since, since + 5 * HOUR), *cold(since + 6 * HOUR, until)],
            ["EXCURSION_OPEN", "TRACE_MISSING"],
        ),
    ],
    ids=["none", "whole", "nearly whole", "late", "stops", "both", "of another time", "with a gap"],
)
def test_the_trace_covers_the_way(
    world: World, parcel: Parcel, readings: Callable[..., Readings], codes: list[str]
) -> None:
    if found := readings(*way(world, parcel)):
        import_trace(world, parcel, found)
    assert to_accept(world, parcel) == codes


def test_the_rest_of_a_trace_fills_what_is_missing(world: World, parcel: Parcel) -> None:
    since, until = way(world, parcel)
    import_trace(world, parcel, cold(since, until - HOUR))
    assert to_accept(world, parcel) == ["TRACE_MISSING"]
    last = max(at for at, _ in cold(since, until - HOUR))
    import_trace(world, parcel, cold(last + 5 * MINUTE, until))
    assert to_accept(world, parcel) == []


def test_a_gap_is_an_excursion_until_it_is_explained(world: World, parcel: Parcel) -> None:
    since, until = way(world, parcel)
    import_trace(world, parcel, [*cold(since, since + 5 * HOUR), *cold(since + 6 * HOUR, until)])
    (found,) = excursions(world, parcel.logger)
    assert found.category == "silent"
    decide(world, parcel)
    assert to_accept(world, parcel) == []


def test_a_logger_that_died_on_the_way_is_explained_by_a_look_at_arrival(world: World, parcel: Parcel) -> None:
    """Two people read off the display what nothing has stored; the time before it is a silence to decide."""
    since, until = way(world, parcel)
    import_trace(world, parcel, cold(since, until - 3 * HOUR))
    technician, other, now = parcel.to.technician, parcel.to.other_technician, parcel.at + 30 * MINUTE
    at = (until + MINUTE).isoformat()
    reading = world.do(
        technician, "record_reading_by_hand", now=now, probe=parcel.logger, celsius="-188.0", read_at=at
    )["code"]
    world.do(other, "confirm_reading", now=now, readings=reading, celsius="-188.0", confirmed=True)
    assert to_accept(world, parcel) == ["EXCURSION_OPEN", "TRACE_MISSING"]
    decide(world, parcel)
    assert to_accept(world, parcel) == []


def test_a_logger_warms_up_when_the_vials_are_out_and_nobody_minds(world: World, parcel: Parcel) -> None:
    since, _ = way(world, parcel)
    out = parcel.at + 10 * MINUTE
    warm = [(out + number * 5 * MINUTE, 20.0) for number in range(3)]
    now = parcel.at + HOUR
    readings = as_csv([*[one for one in cold(since, out) if one[0] < out], *warm])
    told = import_file(world, parcel.logger, readings, who=parcel.to.technician, now=now)
    assert [one.category for one in excursions(world, parcel.logger)] == ["reject"]
    assert "lots_stopped" not in told and lot_state(world, parcel.lot.code) == "RELEASED"
    assert to_accept(world, parcel) == []


def test_readings_of_another_logger_are_no_trace_of_this_one(world: World, parcel: Parcel) -> None:
    since, until = way(world, parcel)
    technician, now = parcel.to.technician, parcel.at + 30 * MINUTE
    other = logger_of(world, parcel.shipper, technician, serial="SN-2")
    import_file(world, other, as_csv(cold(since, until)), who=technician, now=now)
    assert to_accept(world, parcel) == ["TRACE_MISSING"]
    title = "Date/Time (UTC);Temperature (°C);Serial"
    lines = [f"{at:%Y-%m-%d %H:%M:%S}Z;{value};SN-1" for at, value in cold(since, until)]
    sha256 = sent(world, "\n".join([title, *lines, ""]).encode())
    assert world.codes(technician, "import_readings", now=now, probe=other, sha256=sha256, file="log.csv") == [
        "PROBE_MISMATCH"
    ]


def test_the_sender_no_longer_reads_the_logger(world: World, parcel: Parcel) -> None:
    since, until = way(world, parcel)
    sha256 = sent(world, as_csv(cold(since, until)))
    now = parcel.at + 30 * MINUTE
    assert "OTHER_SITE" in world.codes(
        "tina", "import_readings", now=now, probe=parcel.logger, sha256=sha256, file="log.csv"
    )


def test_a_gateway_sends_the_trace_as_well(world: World, parcel: Parcel) -> None:
    since, until = way(world, parcel)
    readings = [{"at": at.isoformat(), "celsius": str(value)} for at, value in cold(since, until)]
    now = parcel.at + 30 * MINUTE
    world.do(parcel.to.technician, "record_readings", now=now, probe=parcel.logger, readings=readings)
    assert to_accept(world, parcel) == []

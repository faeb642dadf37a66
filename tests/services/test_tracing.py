"""From any code up to the donor and down to every recipient, through a bank vial as well, and nobody else's family."""

from dataclasses import dataclass

import pytest

from cellbank.domain.garbled import GarbledReason
from cellbank.services.finding.missing import NotHere, Unreadable
from cellbank.services.installation import Installation
from cellbank.services.lookup.tracing import NoFamily, Trace, trace
from tests.factories import production as make
from tests.factories.doses import (
    MINUTE,
    OrderedDose,
    infused_dose,
    ordered_dose,
    prepared_dose,
    product_lot,
    weighed_subject,
)
from tests.factories.lots import FrozenLot, stored_lot
from tests.factories.production import DAY, accepted_reagent, harvested_culture
from tests.factories.quality import pass_all_tests, released_lot, results_read_at
from tests.factories.world import World

KINDS = ("donor", "donation", "culture", "lot", "vial", "dose", "subject")


@dataclass(frozen=True)
class Family:
    """A line that goes on through a bank vial: donor, donation, P0, P1, bank, its first vial, P2, product lot; one dose
    given, one cancelled, whose subject has another from `elsewhere`. Nothing came of the culture `sister`."""

    donor: str
    donation: str
    cultures: tuple[str, str, str]
    sister: str
    bank: FrozenLot
    lot: FrozenLot
    given: OrderedDose
    cancelled: OrderedDose
    elsewhere: OrderedDose


@pytest.fixture(scope="module")
def family(world: World) -> Family:
    donor = make.eligible_donor(world)
    din = make.donation(world, donor)
    at = make.delivered(world) + DAY
    p0 = make.growing_culture(world, din, started_at=at)
    make.harvest(world, p0, at + 14 * DAY)
    p1, sister = make.passaged(world, p0, at + 14 * DAY, vessel_count=2)
    make.harvest(world, p1, at + 18 * DAY, total_cells=30_000_000)
    bank = released_lot(world, "master_bank", 4, culture=p1, cells_per_vial=5_000_000)
    thawed_at = results_read_at(world, bank.code) + 5 * DAY
    p2 = world.do(
        "tina",
        "thaw_bank_vial",
        now=thawed_at,
        vial=bank.vials[0],
        vessel="T1000",
        area_cm2=1000,
        viable_cells=3_000_000,
        reagents=[make.medium(world)],
    )["code"]
    make.harvest(world, p2, thawed_at + 4 * DAY, total_cells=8 * 25_000_000 + 1_000_000)
    lot = released_lot(world, "product", 8, culture=p2, cells_per_vial=25_000_000)
    ready = results_read_at(world, lot.code) + 10 * DAY
    order = ordered_dose(world, lot=lot, at=ready, subject=weighed_subject(world, at=ready))
    given = infused_dose(world, prepared_dose(world, order))
    later = ready + DAY
    cancelled = ordered_dose(world, lot=lot, at=later, subject=weighed_subject(world, at=later))
    world.do("clara", "cancel_dose", now=later + MINUTE, dose=cancelled.code, reason="Transferred to another hospital")
    elsewhere = ordered_dose(world, lot=product_lot(world), at=later, subject=cancelled.subject)
    return Family(donor, din, (p0, p1, p2), sister, bank, lot, given, cancelled, elsewhere)


@pytest.fixture(scope="module")
def strangers(world: World, family: Family) -> OrderedDose:
    """Another donor's dose, for nobody of the family."""
    return prepared_dose(world, ordered_dose(world, lot=product_lot(world)))


def codes(found: Trace, part: str) -> dict[str, set[str]]:
    """The codes of one direction by kind, but for the reagents, which have tests of their own."""
    kept = {kind: {node.code for node in getattr(found, part) if node.kind == kind} for kind in KINDS}
    return {kind: names for kind, names in kept.items() if names}


def parents(found: Trace, code: str) -> set[str]:
    (node,) = [node for node in (*found.up, found.start, *found.down) if node.code == code]
    return {parent for parent in node.parents if not parent.startswith("RG")}


def all_codes(found: Trace) -> set[str]:
    return {node.code for node in (*found.up, found.start, *found.down) if node.kind != "reagent_lot"}


def test_down_from_the_donor_through_the_bank_vial_to_every_recipient(
    installation: Installation, family: Family
) -> None:
    found = trace(installation, family.donor)
    assert codes(found, "up") == {}
    assert codes(found, "down") == {
        "donation": {family.donation},
        "culture": {*family.cultures, family.sister},
        "lot": {family.bank.code, family.lot.code},
        "vial": {*family.bank.vials, *family.lot.vials},
        "dose": {family.given.code, family.cancelled.code},
        "subject": {family.given.subject, family.cancelled.subject},
    }


def test_each_record_hangs_on_what_it_came_from(installation: Installation, family: Family) -> None:
    found = trace(installation, family.donor)
    p0, p1, p2 = family.cultures
    assert parents(found, family.donor) == set()
    assert parents(found, family.donation) == {family.donor}
    assert (parents(found, p0), parents(found, p1), parents(found, family.sister)) == ({family.donation}, {p0}, {p0})
    assert (parents(found, family.bank.code), parents(found, p2)) == ({p1}, {family.bank.vials[0]})
    assert (parents(found, family.lot.code), parents(found, family.lot.vials[0])) == ({p2}, {family.lot.code})
    assert parents(found, family.given.code) == set(family.given.vials[:3])
    assert parents(found, family.cancelled.code) == {family.lot.code}
    assert parents(found, family.given.subject) == {family.given.code}


def test_the_family_is_the_same_from_the_donation_and_from_the_first_culture(
    installation: Installation, family: Family
) -> None:
    whole = all_codes(trace(installation, family.donor))
    assert (
        all_codes(trace(installation, family.donation)) == whole == all_codes(trace(installation, family.cultures[0]))
    )


def test_a_culture_that_came_to_nothing_has_ancestors_only(installation: Installation, family: Family) -> None:
    found = trace(installation, family.sister)
    assert codes(found, "down") == {}
    assert codes(found, "up") == {
        "donor": {family.donor},
        "donation": {family.donation},
        "culture": {family.cultures[0]},
    }


def test_up_and_down_from_a_bank_vial_that_was_cultured(installation: Installation, family: Family) -> None:
    found = trace(installation, family.bank.vials[0])
    assert codes(found, "up") == {
        "donor": {family.donor},
        "donation": {family.donation},
        "culture": set(family.cultures[:2]),
        "lot": {family.bank.code},
    }
    assert codes(found, "down")["culture"] == {family.cultures[2]}
    assert codes(found, "down")["lot"] == {family.lot.code}
    assert codes(found, "down")["subject"] == {family.given.subject, family.cancelled.subject}


def test_a_bank_vial_in_stock_went_nowhere(installation: Installation, family: Family) -> None:
    found = trace(installation, family.bank.vials[1])
    assert codes(found, "down") == {} and found.start.where is not None


def test_a_bank_reaches_the_lot_made_from_it_and_the_lot_its_bank(installation: Installation, family: Family) -> None:
    assert codes(trace(installation, family.bank.code), "down")["lot"] == {family.lot.code}
    found = trace(installation, family.lot.code)
    assert codes(found, "up") == {
        "donor": {family.donor},
        "donation": {family.donation},
        "culture": set(family.cultures),
        "lot": {family.bank.code},
        "vial": {family.bank.vials[0]},
    }


def test_a_given_vial_leads_to_its_dose_and_its_patient_and_a_stocked_one_to_nobody(
    installation: Installation, family: Family
) -> None:
    found = trace(installation, family.given.vials[0])
    assert codes(found, "down") == {"dose": {family.given.code}, "subject": {family.given.subject}}
    assert parents(found, family.given.code) == {family.given.vials[0]}, "the dose's other vials are not of this trace"
    assert codes(trace(installation, family.lot.vials[-1]), "down") == {}


def test_a_dose_and_its_subject_lead_back_to_the_donor(installation: Installation, family: Family) -> None:
    dose = family.given
    line = {
        "donor": {family.donor},
        "donation": {family.donation},
        "culture": set(family.cultures),
        "lot": {family.bank.code, family.lot.code},
        "vial": {family.bank.vials[0], *dose.vials[:3]},
    }
    of_dose, of_subject = trace(installation, dose.code), trace(installation, dose.subject)
    assert (codes(of_dose, "up"), codes(of_dose, "down")) == (line, {"subject": {dose.subject}})
    assert (codes(of_subject, "up"), codes(of_subject, "down")) == ({**line, "dose": {dose.code}}, {})


def test_a_cancelled_dose_holds_no_vials_and_still_has_its_lot(installation: Installation, family: Family) -> None:
    found = codes(trace(installation, family.cancelled.code), "up")
    assert found["lot"] == {family.bank.code, family.lot.code} and found["vial"] == {family.bank.vials[0]}


def test_where_each_vial_is(installation: Installation, family: Family) -> None:
    found = {node.code: node for node in trace(installation, family.lot.code).of_kind("vial")}
    assert [found[code].where for code in family.given.vials[:3]] == [None] * 3
    kept = found[family.lot.vials[3]]
    assert kept.state == "IN_STOCK" and kept.where is not None and kept.where.endswith("› Rack 1 › Box A › A4")


def test_nobody_elses_family_is_in_it(installation: Installation, family: Family, strangers: OrderedDose) -> None:
    mine = all_codes(trace(installation, family.donor))
    theirs = all_codes(trace(installation, strangers.code)) | all_codes(trace(installation, strangers.lot.code))
    assert not mine & theirs


def test_down_from_a_donor_ends_at_a_patient_who_also_has_cells_of_another(
    installation: Installation, family: Family
) -> None:
    found = trace(installation, family.donor)
    assert family.elsewhere.code not in all_codes(found)
    assert parents(found, family.cancelled.subject) == {family.cancelled.code}
    upwards = trace(installation, family.cancelled.subject)
    assert parents(upwards, upwards.start.code) == {family.cancelled.code, family.elsewhere.code}
    assert len(codes(upwards, "up")["donor"]) == 2


def test_every_parent_stands_in_the_trace(installation: Installation, family: Family) -> None:
    for code in (family.donor, family.cultures[1], family.lot.vials[0], family.given.code, family.given.subject):
        found = trace(installation, code)
        known = {node.code for node in (*found.up, found.start, *found.down)}
        assert all(set(node.parents) <= known for node in (*found.up, found.start, *found.down)), code


def test_a_code_is_traced_as_the_scanner_sends_it(installation: Installation, family: Family) -> None:
    assert trace(installation, f"]d1{family.given.code}\r\n").start.code == family.given.code


def test_a_code_that_nothing_bears_is_not_here(installation: Installation, family: Family) -> None:
    with pytest.raises(NotHere, match="There is no dose"):
        trace(installation, "CHA999926999999")


def test_a_garbled_code_says_what_is_wrong_with_it(installation: Installation, family: Family) -> None:
    with pytest.raises(Unreadable) as raised:
        trace(installation, family.donor[:-1])
    assert raised.value.garbled.reason is GarbledReason.TRUNCATED


def test_a_code_without_a_family_says_what_has_one(installation: Installation, world: World) -> None:
    weight = world.do("clara", "measure_weight", subject=weighed_subject(world), weight_kg="70.0", method="bed_scale")
    with pytest.raises(NoFamily, match="trace a donor, donation, reagent, culture, lot, vial, dose or subject"):
        trace(installation, weight["code"])


# --- reagents ---------------------------------------------------------------------------------


def test_from_a_reagent_to_every_culture_lot_vial_dose_and_subject_and_back(
    world: World, installation: Installation
) -> None:
    reagent = accepted_reagent(world)
    culture = harvested_culture(world, total_cells=8 * 25_000_000 + 1_000_000, reagent=reagent)
    made = stored_lot(world, vials=8, culture=culture)
    pass_all_tests(world, made.code)
    world.do("oksana", "release_lot", lot=made.code)
    dose = ordered_dose(world, lot=made)
    found = trace(installation, reagent)
    assert (found.start.kind, found.start.state, found.up) == ("reagent_lot", "ACCEPTED", ())
    assert codes(found, "down") == {
        "culture": {culture},
        "lot": {made.code},
        "vial": set(made.vials),
        "dose": {dose.code},
        "subject": {dose.subject},
    }
    [first] = [node for node in found.down if node.code == culture]
    assert first.parents == (reagent,)
    for code in (culture, made.code, made.vials[0], dose.code, dose.subject):
        assert reagent in {node.code for node in trace(installation, code).up}, code


def test_a_reagent_that_nobody_used_leads_nowhere(world: World, installation: Installation) -> None:
    found = trace(installation, accepted_reagent(world))
    assert (found.up, found.down) == ((), ())

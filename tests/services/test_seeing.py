"""Who sees what at two sites: each its own, and of a lot that came what a lot tells."""

import csv
import io
import json

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from cellbank.domain.identifiers import RECORDS
from cellbank.records.base import as_json
from cellbank.services.documents.issuing import issued_file, issued_of, unissued_file
from cellbank.services.documents.recall_document import recall_csv
from cellbank.services.documents.record_export import export
from cellbank.services.finding.missing import NotHere, OtherSite
from cellbank.services.labels.label_printing import NoSuchPrinting, pdf_of
from cellbank.services.lookup.boards import calendar, dose_board, labels_of, lot_board
from cellbank.services.lookup.lists import LISTS, find
from cellbank.services.lookup.scanning import Card, look_up
from cellbank.services.lookup.tracing import trace
from cellbank.services.lookup.work import LINES, lots_in_quarantine, treated_subjects, worklists
from cellbank.services.quality.deviation_board import deviation_board
from cellbank.services.quality.impact import impact, vials_touched
from cellbank.services.storage.box_checks import look_through
from cellbank.services.storage.box_map import box_map, storage_tree
from cellbank.services.storage.stock_pictures import weekly_counts
from cellbank.services.trail.history import done, history
from cellbank.services.trail.near_misses import near_misses
from cellbank.services.trail.trail_review import standing
from cellbank.services.trail.trail_search import Query, people, search
from tests.factories.two_sites import TwoSites, two_sites
from tests.factories.world import Refusal, World

NOBODY = 0  # as whom nothing was done


@pytest.fixture(scope="module")
def two(world: World) -> TwoSites:
    return two_sites(world)


def seen(two: TwoSites, who: str, code: str) -> Card:
    """The card that this person gets."""
    found = look_up(two.world.installation, two.world.people[who], code)
    assert isinstance(found, Card)
    return found


def refused(two: TwoSites, who: str, code: str) -> str:
    """The sentence with which a scan of something of another site is answered."""
    with pytest.raises(OtherSite) as problem:
        look_up(two.world.installation, two.world.people[who], code)
    return str(problem.value)


def value(two: TwoSites, statement: str, **given: object) -> object:
    with two.world.installation.reads.connect() as connection:
        return connection.scalar(text(statement), given)


# --- a scan -----------------------------------------------------------------------------------


def test_a_scan_of_another_site_says_where_to_ask_and_nothing_else(two: TwoSites) -> None:
    there = two.parcel.to
    name = value(two, "SELECT name FROM site WHERE id = 1")
    for code in (two.here.subject, two.here.code, str(two.here.lot.box), two.here.vials[0]):
        said = refused(two, there.technician, code)
        assert code in said and f"is of the site {name}. Ask there" in said
        assert "-" not in said.replace(str(name), "")  # no trial number, no place
    assert f"is of the site Site {there.code}." in refused(two, "tina", two.there.subject)
    assert isinstance(OtherSite("vial", "A", "B"), NotHere)  # every door answers it like an unknown code


def test_vials_are_seen_where_they_stand_and_where_they_are_going(two: TwoSites) -> None:
    there = two.parcel.to
    arrived, going = two.parcel.vials[-1], two.under_way.vials[0]
    assert seen(two, there.technician, arrived).state == "IN_STOCK"
    assert f"Site {there.code}" in refused(two, "tina", arrived)
    assert seen(two, there.technician, going).state == "IN_TRANSIT" == seen(two, "tina", going).state
    stayed = next(vial for vial in two.here.lot.vials if vial not in (*two.parcel.vials, *two.under_way.vials))
    assert refused(two, there.technician, stayed)
    assert refused(two, two.third, arrived) and refused(two, two.third, going)


def test_a_shipment_is_seen_at_both_ends(two: TwoSites) -> None:
    for who in ("tina", two.parcel.to.technician):
        assert seen(two, who, two.under_way.code).kind == "shipment"
        assert seen(two, who, two.parcel.code).state == "ACCEPTED"
    assert refused(two, two.third, two.under_way.code)


def test_only_what_can_be_done_from_here_is_offered(two: TwoSites) -> None:
    def offered(who: str, code: str) -> set[str]:
        found = look_up(two.bank_of(who), two.world.people[who], code)
        assert isinstance(found, Card)
        return {act.name for act in found.acts}

    to, code, lot = two.under_way.to, two.under_way.code, two.parcel.lot.code
    assert {"hand_over_shipment", "take_over_shipment"} <= offered("tina", code)
    assert offered(to.technician, code) == {"receive_shipment", "open_deviation", "link_deviation", "issue_document"}
    assert {"recall_lot", "hold_lot"} <= offered("quinn", lot)
    assert "hold_lot" in offered(to.quality_officer, lot) and "recall_lot" not in offered(to.quality_officer, lot)
    assert "check_in_vials" in offered(to.technician, two.under_way.vials[0])
    assert not {"store_vials", "discard_vial", "unpack_vials"} & offered(to.technician, two.under_way.vials[0])


def test_what_a_lot_is_made_of_is_read_where_its_vials_are(two: TwoSites) -> None:
    lot, there = two.here.lot.code, two.parcel.to
    row = "SELECT x.code FROM lot l JOIN donation n ON n.id = l.donation_id JOIN donor d ON d.id = n.donor_id"
    made_of = [value(two, f"{row.replace('x.code', one)} WHERE l.code = :lot", lot=lot) for one in ("n.code", "d.code")]
    culture = value(
        two,
        "SELECT c.code FROM lot_source s JOIN culture c ON c.id = s.culture_id"
        " JOIN lot l ON l.id = s.lot_id WHERE l.code = :lot LIMIT 1",
        lot=lot,
    )
    result = value(
        two, "SELECT r.code FROM test_result r JOIN lot l ON l.id = r.lot_id WHERE l.code = :lot LIMIT 1", lot=lot
    )
    for code in (lot, *made_of, culture, result):
        assert seen(two, there.quality_officer, str(code)).code == code
        assert refused(two, two.third, str(code))
    counts = {"tina": 0, there.technician: 0}
    for who in counts:
        counts[who] = int(dict(seen(two, who, lot).facts)["Vials in stock"].split(" / ")[0])
    stock = "SELECT count(*) FROM vial v JOIN lot l ON l.id = v.lot_id WHERE l.code = :lot AND v.state = 'IN_STOCK'"
    assert counts["tina"] + counts[there.technician] == value(two, stock, lot=lot) and min(counts.values()) > 0


def test_administrators_and_auditors_see_all(two: TwoSites) -> None:
    for who in ("ada", "otto"):
        for code in (two.here.subject, two.there.subject, two.there.code, str(two.here.lot.box), two.parcel.vials[0]):
            assert seen(two, who, code).code == code


def test_nobody_sees_nothing(two: TwoSites) -> None:
    installation = two.world.installation.seen_by(None)
    assert find(installation, "lots").total == find(installation, "subjects").total == 0
    with pytest.raises(OtherSite):
        trace(installation, two.here.lot.code)


def test_a_scan_takes_one_statement(two: TwoSites, monkeypatch: pytest.MonkeyPatch) -> None:
    from cellbank.services.lookup import cards

    asked = []
    read = cards.read_row
    monkeypatch.setattr(cards, "read_row", lambda *given: asked.append(given) or read(*given))
    seen(two, "tina", two.here.code)
    assert refused(two, two.parcel.to.technician, two.here.code)
    assert len(asked) == 2


def test_the_database_knows_every_kind_that_has_a_card(two: TwoSites) -> None:
    with two.world.installation.reads.connect() as connection:
        for kind in RECORDS.values():
            found = connection.scalar(text(f"SELECT max(id) FROM {kind}"))
            connection.execute(text("SELECT elsewhere(:kind, :id, 1)"), {"kind": kind, "id": found or 0})
        with pytest.raises(DBAPIError, match="case not found"):
            connection.execute(text("SELECT elsewhere('teapot', 1, 1)"))


# --- lists, boards, pictures ------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(LISTS))
def test_a_list_holds_what_may_be_opened(two: TwoSites, name: str) -> None:
    for who in (two.parcel.to.quality_officer, two.third):
        for row in find(two.bank_of(who), name).rows:
            if name != "definitions":
                assert seen(two, who, row["code"]).code == row["code"]
    everything = find(two.world.installation, name)
    assert find(two.bank_of("otto"), name).total == everything.total
    mine = find(two.bank_of(two.third), name)
    assert mine.total == sum(mine.counts.values())
    if name not in ("definitions", "people", "trainings"):
        assert mine.total == 0 and everything.total >= find(two.bank_of("quinn"), name).total


def test_a_lot_stands_in_the_list_where_its_vials_are_with_what_is_there(two: TwoSites) -> None:
    lot = two.here.lot.code
    (there,) = find(two.bank_of(two.parcel.to.clinician), "lots").rows
    (here,) = find(two.bank_of("tina"), "lots", lot).rows
    (whole,) = find(two.world.installation, "lots", lot).rows
    assert there["code"] == lot and there["stock"] + here["stock"] == whole["stock"]
    assert [row["code"] for row in find(two.bank_of(two.parcel.to.clinician), "doses").rows] == [two.there.code]
    assert two.there.code not in {row["code"] for row in find(two.bank_of("clara"), "doses").rows}


def test_worklists_are_of_the_site(two: TwoSites) -> None:
    roles = frozenset(LINES)
    now = two.under_way.at
    there = {item.code for one in worklists(two.bank_of(two.parcel.to.clinician), roles, now) for item in one.items}
    assert two.there.code in there and two.here.code not in there
    for who in (two.third, two.parcel.to.clinician):
        for one in worklists(two.bank_of(who), roles, now):
            for item in one.items:
                if one.name not in ("definitions", "trail"):
                    assert seen(two, who, item.code).code == item.code, one.name
    assert two.there.subject in treated_subjects(two.bank_of(two.parcel.to.clinician))
    assert two.there.subject not in treated_subjects(two.bank_of("clara"))
    assert lots_in_quarantine(two.bank_of(two.third)) == ()


def test_boards_of_another_site_are_none(two: TwoSites) -> None:
    there, now = two.bank_of(two.parcel.to.technician), two.under_way.at
    assert dose_board(there, two.here.code) is None and dose_board(there, two.there.code) is not None
    assert calendar(there, two.here.subject, now) is None and calendar(there, two.there.subject, now) is not None
    assert box_map(there, str(two.here.lot.box), now) is None
    units = {unit.code for units in storage_tree(there).values() for unit in units}
    mine = {unit.code for units in storage_tree(two.bank_of("tina")).values() for unit in units}
    assert units and mine and not units & mine and str(two.here.lot.box) in mine
    given = {"box": two.here.lot.box, "vials": [two.parcel.vials[0]]}
    with pytest.raises(Exception, match="There is no box"):
        look_through(there, "rescan_box", given)


def test_the_board_of_a_lot_names_no_box_of_another_site(two: TwoSites) -> None:
    board = lot_board(two.bank_of(two.parcel.to.quality_officer), two.here.lot.code, two.under_way.at)
    assert board is not None and board.state == "RELEASED"
    assert str(two.here.lot.box) not in as_json([line.proofs for line in board.lines])


def test_the_picture_of_the_stock_follows_vials_from_site_to_site(two: TwoSites) -> None:
    now, there = two.under_way.at, two.bank_of(two.parcel.to.technician)
    weeks = weekly_counts(there, now)
    assert weeks[-1]["IN_STOCK"] + weeks[-1]["RESERVED"] == len(two.parcel.vials)
    assert all(not count for count in weeks[0].values())
    assert all(count >= 0 for week in weeks for count in week.values())
    mine, whole = weekly_counts(two.bank_of("tina"), now), weekly_counts(two.world.installation, now)
    assert mine[-1]["IN_STOCK"] == whole[-1]["IN_STOCK"] - weeks[-1]["IN_STOCK"] - others(two, "IN_STOCK")


def others(two: TwoSites, state: str) -> int:
    """Vials in this state that other tests have brought to sites of their own."""
    statement = "SELECT count(*) FROM vial WHERE state = :state AND site_id NOT IN (1, :there)"
    return int(str(value(two, statement, state=state, there=two.parcel.to.id)))


# --- what crosses -----------------------------------------------------------------------------


def test_a_trace_crosses_sites_with_codes_and_trial_numbers_only(two: TwoSites) -> None:
    there = two.parcel.to
    name = value(two, "SELECT name FROM site WHERE id = 1")
    number = value(two, "SELECT trial_number FROM subject WHERE code = :code", code=two.here.subject)
    found = trace(two.bank_of(there.quality_officer), two.here.lot.code)
    nodes = {node.code: node for node in found.down}
    assert nodes[two.here.code]._replace(parents=()) == ("dose", two.here.code, "Dose", "AT_ANOTHER_SITE", (), name)
    assert nodes[str(number)]._replace(parents=()) == ("subject", number, "Subject", "AT_ANOTHER_SITE", (), name)
    assert two.here.subject not in nodes and nodes[two.there.subject].title.startswith("Subject ")
    assert nodes[two.there.code].state == "ORDERED"
    assert nodes[two.here.vials[-1]].where == name and "Box" in str(nodes[two.parcel.vials[-1]].where)
    assert two.here.subject not in json.dumps(found.as_json())
    assert {node.code for node in trace(two.world.installation, two.here.lot.code).down} >= {
        two.here.subject,
        two.there.subject,
    }
    with pytest.raises(OtherSite):
        trace(two.bank_of(there.clinician), two.here.subject)


def test_a_stop_tells_of_other_sites_how_many_and_who_but_not_where_or_when(two: TwoSites) -> None:
    there, lot = two.bank_of(two.parcel.to.quality_officer), two.here.lot.code
    name = value(two, "SELECT name FROM site WHERE id = 1")
    found = impact(there, lot)
    doses = {dose.code: dose for dose in found.doses}
    theirs, ours = doses[two.here.code], doses[two.there.code]
    assert (theirs.at, theirs.state, theirs.subject, theirs.planned_on, theirs.given_at, theirs.measures) == (
        name,
        "INFUSED",
        None,
        None,
        None,
        None,
    )
    assert ours.at is None and ours.subject == two.there.subject and ours.planned_on
    away = [place for place in found.places if place.box is None]
    assert [place.where for place in away] == [name] and sum(place.total for place in found.places) > away[0].total
    whole = impact(two.world.installation, lot)
    assert found.by_state == whole.by_state and found.received == whole.received
    assert sum(place.total for place in found.places) == sum(place.total for place in whole.places)
    assert {vial.where for vial in vials_touched(there, lot) if vial.code in two.under_way.vials} == {name}
    lines = {line["code"]: line for line in csv.DictReader(io.StringIO(recall_csv(there, lot)))}
    assert lines[two.here.code]["planned_on"] == "" and lines[two.there.code]["planned_on"]
    assert json.dumps(found.as_json())


def test_documents_go_with_the_product_but_what_tells_of_everything_stays(two: TwoSites) -> None:
    there, lot = two.bank_of(two.parcel.to.quality_officer), two.here.lot.code
    for type_ in ("certificate", "batch_record"):
        assert unissued_file(there, type_, lot).startswith(b"%PDF")
        with pytest.raises(OtherSite):
            unissued_file(two.bank_of(two.third), type_, lot)
    for type_ in ("recall_list", "trail"):
        assert unissued_file(two.bank_of("quinn"), type_, lot).startswith(b"%PDF")
        with pytest.raises(OtherSite):
            unissued_file(there, type_, lot)
    with pytest.raises(OtherSite):
        unissued_file(there, "chain", two.here.code)
    issued = {
        type_: str(two.world.do("quinn", "issue_document", type=type_, code=lot)["code"])
        for type_ in ("certificate", "recall_list")
    }
    assert [one.code for one in issued_of(there, lot)] == [issued["certificate"]]
    assert issued_file(there, issued["certificate"]).pdf.startswith(b"%PDF")
    with pytest.raises(OtherSite):
        issued_file(there, issued["recall_list"])
    assert issued_of(two.bank_of(two.third), lot) == ()


def test_an_export_is_of_what_may_be_read(two: TwoSites) -> None:
    there = two.bank_of(two.parcel.to.quality_officer)
    assert export(there, two.here.lot.code).columns["code"] == two.here.lot.code
    for code in (two.here.subject, two.here.code):
        with pytest.raises(OtherSite):
            export(there, code)


def test_labels_are_printed_again_where_the_thing_is(two: TwoSites) -> None:
    there = two.bank_of(two.parcel.to.technician)
    (label,) = [one for one in labels_of(two.world.installation, two.here.code) if one.template.startswith("dose")][:1]
    with pytest.raises(NoSuchPrinting, match="is of the site"):
        pdf_of(there, label.id)
    assert pdf_of(two.bank_of("tina"), label.id).startswith(b"%PDF")


def test_a_deviation_about_a_lot_is_read_where_its_vials_are(two: TwoSites) -> None:
    given = {"description": "A label hung loose.", "classification": "minor", "occurred_at": two.here.at.isoformat()}
    about = {"lot": [two.here.lot.code], "box": [two.here.subject]}
    codes = {
        what: str(two.world.do("quinn", "open_deviation", title=f"About a {what}", records=records, **given)["code"])
        for what, records in about.items()
    }
    there = two.parcel.to.quality_officer
    assert seen(two, there, codes["lot"]).title == "About a lot"
    assert refused(two, there, codes["box"]) and refused(two, two.third, codes["lot"])
    board = deviation_board(two.bank_of(there), codes["lot"], two.under_way.at)
    assert board is not None
    (lot,) = [one for one in board.lots if one.code == two.here.lot.code]
    assert two.there.subject in lot.subjects and two.here.subject not in lot.subjects


# --- the trail --------------------------------------------------------------------------------


def test_the_trail_is_that_of_the_site(two: TwoSites) -> None:
    there = two.bank_of(two.parcel.to.quality_officer)
    lines = search(there, Query())
    sites = "SELECT count(*) FROM act WHERE id = ANY(:ids) AND site_id <> :site"
    assert lines and value(two, sites, ids=[line.id for line in lines], site=two.parcel.to.id) == 0
    assert search(there, Query(record=two.here.code)) == ()
    names = {name for name, _ in people(there)}
    assert two.parcel.to.technician in names and "tina" not in names
    given = search(two.bank_of("quinn"), Query(record=two.here.code))[0].id
    assert done(there, given, NOBODY) is None and done(two.bank_of("quinn"), given, NOBODY) is not None


def test_near_misses_are_counted_at_their_site(two: TwoSites) -> None:
    day = two.here.at.date()

    def refusals(who: str) -> int:
        return sum(line.total for line in near_misses(two.bank_of(who), day, day, day).lines)

    before = {who: refusals(who) for who in ("quinn", two.parcel.to.quality_officer)}
    with pytest.raises(Refusal):
        two.world.do("tina", "thaw_vial", now=two.here.at, dose=two.here.code, vial=two.here.vials[0])
    assert refusals("quinn") == before["quinn"] + 1
    assert refusals(two.parcel.to.quality_officer) == before[two.parcel.to.quality_officer]


def test_what_was_refused_at_another_site_is_not_in_the_history(two: TwoSites) -> None:
    lot, subject = two.here.lot.code, two.here.subject
    outcome = two.world.try_act(
        "clara", "order_dose", now=two.under_way.at, subject=subject, lot=lot, infusion_number=9
    )
    assert not outcome.accepted
    there = two.bank_of(two.parcel.to.quality_officer)
    assert outcome.act in {event.act for event in history(two.bank_of("quinn"), "lot", lot).events}
    events = history(there, "lot", lot).events
    assert events and outcome.act not in {event.act for event in events}
    assert history(there, "lot", lot).total == len(events)


def test_each_site_reviews_its_own_trail(two: TwoSites) -> None:
    world, there = two.world, two.parcel.to
    of_site = "SELECT {}(id) FROM act WHERE site_id = :site AND outcome IS NOT NULL"
    first, last = (int(str(value(two, of_site.format(what), site=there.id))) for what in ("min", "max"))
    unread = standing(two.bank_of(there.quality_officer)).unread
    assert unread is not None and (unread.first_act, unread.last_act) == (first, last)
    given = {"findings": "Read, nothing found."}
    assert world.codes(there.quality_officer, "review_trail", first_act=first + 1, last_act=last, **given) == [
        "OUT_OF_ORDER"
    ]
    before = standing(two.bank_of("quinn"))
    world.do(there.quality_officer, "review_trail", first_act=first, last_act=last, **given)
    after = standing(two.bank_of("quinn"))
    assert (after.unread and after.unread.first_act) == (before.unread and before.unread.first_act)
    assert len(after.reviews) == len(before.reviews)
    (review,) = standing(two.bank_of(there.quality_officer)).reviews
    assert (review.first_act, review.last_act) == (first, last)
    assert refused(two, "quinn", review.code)

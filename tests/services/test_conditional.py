"""A lot for one subject while a result is pending: three people sign, everybody is told, and a bad result stops it."""

import datetime
from collections.abc import Callable, Iterator

import pypdfium2
import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import Session

from cellbank.domain.identifiers import printed
from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.rules import standing
from cellbank.outside.label_pdf import load_templates, render
from cellbank.records.production import Lot
from cellbank.records.quality import Printing, Signature
from cellbank.records.work import Work
from cellbank.services.labels import label_printing
from cellbank.services.labels.label_rows import LONGEST_PENDING, _pending
from cellbank.services.lookup.scanning import Card, look_up
from cellbank.services.lookup.work import Item, worklists
from cellbank.services.quality import conditional
from cellbank.services.quality.impact import impact
from tests.conftest import Furnished
from tests.factories.conditional import PENDING, WHY, allow, in_force, negative, pending_lot, positive, release_row
from tests.factories.conditional import requested as asked_for
from tests.factories.doses import (
    DAY,
    infused_dose,
    ordered_dose,
    pick,
    picked_dose,
    prepared_dose,
    product_lot,
    row_of,
    weighed_subject,
)
from tests.factories.holds import notices_about
from tests.factories.lots import stored_lot
from tests.factories.quality import enter, pass_all_tests, required_tests, results_read_at
from tests.factories.sites import second_site
from tests.factories.world import World
from tests.outside.label_samples import ROWS

START = datetime.datetime(2026, 3, 2, 8, 0, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def allowing(furnished: Furnished, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world whose specification lets mycoplasma be pending. In a database of its own: that is so for everybody."""
    with furnished.world("conditional", tmp_path_factory.mktemp("conditional")) as world:
        allow(world)
        yield world


@pytest.fixture(scope="module")
def databases_here(allowing: World, furnished: Furnished) -> tuple[str, str]:
    """Owner URL and application URL of its database."""
    return furnished.urls("conditional")


def lot_row(world: World, code: str) -> Lot:
    with Session(world.installation.reads) as session:
        return session.scalars(select(Lot).where(Lot.code == code)).one()


def told(world: World, lot: str) -> dict[str, bool]:
    """Whether the notice about each dose of a lot is answered."""
    return {dose: answered for _, dose, answered in notices_about(world, lot)}


def label_of(world: World, dose: str) -> str:
    """The words of the label last printed for a dose."""
    with Session(world.installation.reads) as session:
        printed = select(Printing.id).where(Printing.record_code == dose).order_by(Printing.id.desc()).limit(1)
        printing_id = session.scalars(printed).one()
    page = pypdfium2.PdfDocument(label_printing.pdf_of(world.installation, printing_id))[0]
    return page.get_textpage().get_text_range()


def listed(world: World, name: str, code: str) -> list[Item]:
    (found,) = [one for one in worklists(world.installation, frozenset(Role), world.now) if one.name == name]
    return [item for item in found.items if item.code == code]


def asking(lot: str, subject: str) -> dict[str, str]:
    return {"lot": lot, "subject": subject, "justification": WHY}


@pytest.fixture(autouse=True)
def long_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellbank.services.lookup.work.SHOWN", 500)


def test_three_people_sign_and_the_subject_gets_the_dose(allowing: World) -> None:
    world = allowing
    lot, subject = pending_lot(world), weighed_subject(world)
    code = asked_for(world, lot.code, subject)
    assert release_row(world, code).pending == [PENDING]
    assert [item.act for item in listed(world, "conditional", code)] == ["approve_conditional_release"]
    assert world.codes("clara", "order_dose", subject=subject, lot=lot.code) == ["LOT_NOT_RELEASED"]
    world.do("quinn", "approve_conditional_release", release=code)
    assert [item.act for item in listed(world, "conditional", code)] == ["sign_for_sponsor"]
    assert world.codes("clara", "order_dose", subject=subject, lot=lot.code) == ["LOT_NOT_RELEASED"]
    world.do("oksana", "sign_for_sponsor", release=code)
    assert listed(world, "conditional", code) == []
    with Session(world.installation.reads) as session:
        of_it = Signature.record_kind == "conditional_release", Signature.record_id == release_row(world, code).id
        names = session.scalars(select(Signature.full_name).where(*of_it).order_by(Signature.id)).all()
    assert names == ["Clara Clinician", "Quinn Quality", "Oksana Quality"]

    dose = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot, subject=subject)))
    assert row_of(world, dose.code).state == "INFUSED"
    assert lot_row(world, lot.code).state == "QUARANTINE"
    (given,) = listed(world, "conditionally", code)
    assert PENDING in given.detail and printed(dose.code) in given.detail
    (chased,) = listed(world, "pending", code)
    assert "no result, pending since 2026-03-02" in chased.detail
    card = look_up(world.installation, world.people["quinn"], code)
    assert isinstance(card, Card) and ("Pending", PENDING) in card.facts


@pytest.mark.usefixtures("labels_drawn")
def test_the_label_of_the_dose_says_what_is_pending(allowing: World) -> None:
    world = allowing
    lot, subject = pending_lot(world), weighed_subject(world)
    in_force(world, lot.code, subject)
    dose = prepared_dose(world, ordered_dose(world, lot=lot, subject=subject))
    released = prepared_dose(world, ordered_dose(world, lot=product_lot(world)))
    says = f"CONDITIONAL: pending {PENDING}"
    assert says in label_of(world, dose.code)
    assert "CONDITIONAL" not in label_of(world, released.code)
    # A label printed again after the release does not frighten anybody any more.
    negative(world, lot.code)
    world.do("oksana", "release_lot", now=results_read_at(world, lot.code) + 3 * DAY, lot=lot.code)
    world.do("tina", "print_label_again", code=dose.code, reason="The first one is torn")
    assert "CONDITIONAL" not in label_of(world, dose.code)


def test_a_list_too_long_for_the_label_is_a_count_and_a_code() -> None:
    widest = _pending("CR0017K", ["W" * (LONGEST_PENDING - len("CONDITIONAL: pending "))])
    assert "W" in widest
    many = _pending("CR0017K", ["MYCOPLASMA", "STERILITY", "PT-STERILITY", "KARYOTYPE"])
    assert many == "CONDITIONAL: 4 results pending, see CR0017K"
    template = load_templates()["dose"]
    for line in (widest, many):
        page = pypdfium2.PdfDocument(render(template, [{**ROWS["dose"], "conditional": line}]))[0]
        assert line in page.get_textpage().get_text_range()


def test_it_is_for_that_subject_and_a_lot_is_never_chosen_by_itself(allowing: World) -> None:
    world = allowing
    lot, subject, other = pending_lot(world), weighed_subject(world), weighed_subject(world)
    in_force(world, lot.code, subject)
    assert world.codes("clara", "order_dose", subject=other, lot=lot.code) == ["LOT_NOT_RELEASED"]
    chosen = world.try_act("clara", "order_dose", subject=subject, dry_run=True)
    assert not chosen.accepted or chosen.result["calculation"]["lot"] != lot.code


def test_it_is_off_as_shipped(world: World) -> None:
    lot, subject = pending_lot(world), weighed_subject(world)
    codes = world.codes("clara", "request_conditional_release", **asking(lot.code, subject))
    assert set(codes) == {"DEFINITION_NOT_EFFECTIVE", "RESULT_MISSING"}


def test_every_other_criterion_is_asked(allowing: World) -> None:
    world = allowing
    lot, subject = stored_lot(world), weighed_subject(world)
    pass_all_tests(world, lot.code, leave_out=(PENDING, "KARYOTYPE"))
    given = asking(lot.code, subject)
    assert world.codes("clara", "request_conditional_release", **given) == ["RESULT_MISSING"]
    enter(world, lot.code, "KARYOTYPE")
    assert world.codes("clara", "request_conditional_release", **given) == ["RESULT_NOT_REVIEWED"]
    assert "KARYOTYPE" in {test.code for test in required_tests(world, lot.code)}


def test_what_became_red_since_stops_the_next_signature(allowing: World) -> None:
    world = allowing
    lot, subject = pending_lot(world), weighed_subject(world)
    code = asked_for(world, lot.code, subject)
    world.do(
        "tina", "open_deviation", title="Spill", description="In the hood", classification="major", records=[lot.code]
    )
    assert world.codes("quinn", "approve_conditional_release", release=code) == ["DEVIATION_OPEN"]


def test_one_person_never_signs_twice(allowing: World) -> None:
    world = allowing
    lot, subject = pending_lot(world), weighed_subject(world)
    code = asked_for(world, lot.code, subject)
    world.do("quinn", "approve_conditional_release", release=code)
    assert world.codes("quinn", "sign_for_sponsor", release=code) == ["SAME_PERSON"]
    assert world.codes("clara", "sign_for_sponsor", release=code) == ["ROLE_NOT_ALLOWED"]
    assert world.codes("clara", "request_conditional_release", **asking(lot.code, subject)) == ["ALREADY_EXISTS"]
    assert world.codes("oksana", "sign_for_sponsor", release=code, password="wrong") == ["SIGNATURE_WRONG"]


@pytest.mark.the_database_refuses("a_record_is_changed_at_its_site")
def test_neither_rule_nor_database_lets_a_third_site_sign(allowing: World, monkeypatch: pytest.MonkeyPatch) -> None:
    third, code = second_site(allowing), asked_for(allowing, pending_lot(allowing).code, weighed_subject(allowing))
    of_third = (third.quality_officer, "approve_conditional_release"), (third.other_quality_officer, "sign_for_sponsor")
    assert allowing.codes(third.clinician, "end_conditional_release", release=code, reason="Too old") == ["OTHER_SITE"]
    for (who, act), signed_by in zip(of_third, ("quinn", "oksana"), strict=True):
        assert allowing.codes(who, act, release=code) == ["OTHER_SITE"]
        with monkeypatch.context() as off:
            off.setattr(Work, "site_refusals", lambda *_: [])
            assert allowing.codes(who, act, release=code) == ["OTHER_SITE"]
        allowing.do(signed_by, act, release=code)


def test_who_worked_on_the_lot_signs_nothing(allowing: World) -> None:
    world = allowing
    lot, subject = stored_lot(world), weighed_subject(world)
    pass_all_tests(world, lot.code, leave_out=(PENDING,))
    enter(world, lot.code, PENDING, who="oksana")
    world.do("quinn", "review_batch_record", now=results_read_at(world, lot.code) + DAY, lot=lot.code)
    code = asked_for(world, lot.code, subject)
    assert world.codes("oksana", "approve_conditional_release", release=code) == ["SAME_PERSON"]
    world.do("quinn", "approve_conditional_release", release=code)
    assert world.codes("oksana", "sign_for_sponsor", release=code) == ["SAME_PERSON"]


def test_a_bad_result_stops_everything_and_tells_the_clinician(allowing: World) -> None:
    world = allowing
    lot, subject, other = pending_lot(world, vials=16), weighed_subject(world), weighed_subject(world)
    code, second = in_force(world, lot.code, subject), in_force(world, lot.code, other)
    given = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot, subject=subject)))
    picked = picked_dose(world, ordered_dose(world, lot=lot, subject=other))
    positive(world, lot.code)
    assert lot_row(world, lot.code).state == "ON_HOLD"
    for one in (code, second):
        row = release_row(world, one)
        assert row.state == "ENDED" and "out of specification" in (row.end_reason or "")
    assert told(world, lot.code) == {given.code: False, picked.code: False}
    refused = world.codes("tina", "thaw_vial", dose=picked.code, vial=picked.vials[0])
    assert "ON_HOLD" in refused and "LOT_NOT_RELEASED" in refused
    touched = {dose.code: dose for dose in impact(world.installation, lot.code).doses}
    notice = touched[given.code].notice
    assert notice is not None
    (item,) = listed(world, "notices", notice)
    assert "1 not to be given · 1 given" in item.detail and "out of specification" in item.detail
    done = {"done": "patient_seen", "note": "Blood culture taken; the subject is watched"}
    world.do("clara", "answer_notice", notice=notice, answers=[{"dose": given.code, **done}])
    (item,) = listed(world, "notices", notice)
    assert item.detail.startswith("1 not to be given")
    # The lot is rejected afterwards: that is another event, with another notice of both.
    world.do("quinn", "reject_lot", lot=lot.code, reason="Mycoplasma found")
    touched = {dose.code: dose for dose in impact(world.installation, lot.code).doses}
    assert touched[given.code].notice not in (None, notice) and touched[given.code].notice_state == "OPEN"
    assert len(notices_about(world, lot.code)) == 4


def test_a_bad_result_is_told_also_after_the_release_was_ended(allowing: World) -> None:
    world = allowing
    lot, subject = pending_lot(world), weighed_subject(world)
    code = in_force(world, lot.code, subject)
    given = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot, subject=subject)))
    world.do("clara", "end_conditional_release", release=code, reason="The subject has what was needed")
    sheet = (
        f"lot,test,started_at,resulted_at,result\n{lot.code},{PENDING},2026-01-10T08:00:00+00:00,"
        "2026-02-20T08:00:00+00:00,growth\n"
    )
    world.do("taras", "import_results", sheet=sheet)
    assert lot_row(world, lot.code).state == "ON_HOLD"
    assert told(world, lot.code) == {given.code: False}


def test_a_correction_out_of_specification_stops_it_too(allowing: World) -> None:
    world = allowing
    lot, subject = pending_lot(world), weighed_subject(world)
    result = enter(world, lot.code, PENDING)
    world.do("quinn", "review_batch_record", now=results_read_at(world, lot.code) + DAY, lot=lot.code)
    code = in_force(world, lot.code, subject)
    assert "waits for its review" in listed(world, "pending", code)[0].detail
    world.do("taras", "correct_result", result=result, choice="growth", reason="Read from the wrong line")
    assert (release_row(world, code).state, lot_row(world, lot.code).state) == ("ENDED", "ON_HOLD")


def test_a_lot_out_for_nobody_is_not_stopped_by_a_bad_result(allowing: World) -> None:
    lot = pending_lot(allowing)
    positive(allowing, lot.code)
    assert lot_row(allowing, lot.code).state == "QUARANTINE"


def test_a_good_result_and_the_release_end_it(allowing: World) -> None:
    world = allowing
    lot, subject = pending_lot(world), weighed_subject(world)
    code = in_force(world, lot.code, subject)
    negative(world, lot.code)
    assert listed(world, "pending", code) == []
    world.do("oksana", "release_lot", now=results_read_at(world, lot.code) + 3 * DAY, lot=lot.code)
    assert (release_row(world, code).state, release_row(world, code).end_reason) == ("ENDED", "Lot released")
    assert world.try_act("clara", "order_dose", subject=subject, lot=lot.code, dry_run=True).accepted


@pytest.mark.parametrize(
    ("who", "act"), [("quinn", "hold_lot"), ("quinn", "reject_lot")], ids=["put on hold", "rejected"]
)
def test_a_stop_ends_it_for_good(allowing: World, who: str, act: str) -> None:
    world = allowing
    lot, subject = pending_lot(world), weighed_subject(world)
    code = in_force(world, lot.code, subject)
    answer = world.do(who, act, lot=lot.code, reason="A doubt about the freezer")
    assert release_row(world, code).state == "ENDED" and answer["conditional_releases_ended"] == [code]
    assert "LOT_NOT_RELEASED" in world.codes("clara", "order_dose", subject=subject, lot=lot.code)
    if act == "hold_lot":
        world.do("oksana", "lift_hold", hold=answer["hold"], reason="The freezer was cold")
        assert lot_row(world, lot.code).state == "QUARANTINE"
        assert world.codes("clara", "order_dose", subject=subject, lot=lot.code) == ["LOT_NOT_RELEASED"]


def test_ending_it_stops_the_doses_under_way(allowing: World) -> None:
    world = allowing
    lot, subject = pending_lot(world), weighed_subject(world)
    code = in_force(world, lot.code, subject)
    dose = ordered_dose(world, lot=lot, subject=subject)
    answer = world.do("oksana", "end_conditional_release", release=code, reason="A released lot has come")
    assert answer["doses_under_way"] == [{"dose": dose.code, "state": "ORDERED"}]
    given = {"dose": dose.code, "box": lot.box, "vial": dose.vials[0]}
    assert world.codes("tina", "pick_vial", **given) == ["LOT_NOT_RELEASED"]
    assert world.codes("oksana", "end_conditional_release", release=code, reason="Once more") == ["WRONG_STATE"]


@pytest.fixture
def rule_off(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let the application hold every lot for released."""
    return lambda: monkeypatch.setattr(standing.LotFacts, "released_for_subject", True)


@pytest.mark.the_database_refuses("dose_only_from_a_released_lot")
def test_the_database_reserves_and_thaws_for_nobody_else(allowing: World, rule_off: Callable) -> None:
    world = allowing
    lot, subject, other = pending_lot(world), weighed_subject(world), weighed_subject(world)
    code = in_force(world, lot.code, subject)
    dose = ordered_dose(world, lot=lot, subject=subject)
    pick(world, dose, dose.vials[0])
    pick(world, dose, dose.vials[1])
    pick(world, dose, dose.vials[2])
    rule_off()
    refused = world.try_act("clara", "order_dose", subject=other, lot=lot.code)
    assert [one.code.value for one in refused.refusals] == ["LOT_NOT_RELEASED"]
    assert "Somebody else was faster" in refused.refusals[0].detail
    world.do("clara", "end_conditional_release", release=code, reason="The subject is better")
    refused = world.try_act("tina", "thaw_vial", dose=dose.code, vial=dose.vials[0])
    assert [one.code.value for one in refused.refusals] == ["LOT_NOT_RELEASED"]


def test_the_database_says_whom_a_lot_is_for(allowing: World, databases_here: tuple[str, str]) -> None:
    world = allowing
    lot, subject, other = pending_lot(world), weighed_subject(world), weighed_subject(world)
    code = in_force(world, lot.code, subject)
    asks = text("SELECT lot_is_for(l.id, s.id) FROM lot l, subject s WHERE l.code = :lot AND s.code = :subject")

    def is_for(whom: str) -> bool:
        with world.installation.reads.connect() as connection:
            return bool(connection.scalar(asks, {"lot": lot.code, "subject": whom}))

    assert (is_for(subject), is_for(other)) == (True, False)
    world.do("quinn", "end_conditional_release", release=code, reason="No longer needed")
    assert not is_for(subject)
    owner = create_engine(databases_here[0])
    with owner.connect() as connection:
        found = connection.scalar(text("SELECT count(*) FROM pg_proc WHERE prosrc LIKE '%lot_is_for(NEW.lot_id%'"))
    owner.dispose()
    assert found == 2


@pytest.mark.the_database_refuses("the_signer_performed_nothing")
def test_the_database_lets_nobody_sign_for_a_lot_of_their_own(allowing: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = allowing
    lot, subject = pending_lot(world), weighed_subject(world)
    enter(world, lot.code, PENDING, who="oksana")
    world.do("quinn", "review_batch_record", now=results_read_at(world, lot.code) + DAY, lot=lot.code)
    code = asked_for(world, lot.code, subject)
    monkeypatch.setattr("cellbank.records.work.Work._performers", lambda *_: set())
    assert world.codes("oksana", "approve_conditional_release", release=code) == ["SAME_PERSON"]


@pytest.mark.the_database_refuses("one_live_conditional_release")
def test_the_database_lets_one_be_live(allowing: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = allowing
    lot, subject = pending_lot(world), weighed_subject(world)
    asked_for(world, lot.code, subject)
    monkeypatch.setattr(conditional, "_live", lambda *_: None)
    assert world.codes("cyril", "request_conditional_release", **asking(lot.code, subject)) == ["ALREADY_EXISTS"]

"""Whatever stops product tells the clinicians of its doses: one notice, a line for each dose, answered in one form."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from cellbank.domain.lifecycle.quality import STOPPING
from cellbank.records.clinic import Dose
from cellbank.records.quality import Notice, NoticeLine
from cellbank.records.work import Work
from cellbank.services.lookup.scanning import Card, look_up
from cellbank.services.quality.impact import impact
from cellbank.services.quality.notice_board import NoticeBoard, notice_board
from tests.factories.doses import (
    OrderedDose,
    checked_dose,
    infused_dose,
    ordered_dose,
    prepared_dose,
    product_lot,
    row_of,
)
from tests.factories.holds import consent_of, donor_of
from tests.factories.lots import FrozenLot
from tests.factories.production import accepted_reagent, donor_results, harvested_culture
from tests.factories.quality import enter, released_lot, results_read_at
from tests.factories.temperature import as_csv, import_file, probe
from tests.factories.world import World

MINUTE, DAY = datetime.timedelta(minutes=1), datetime.timedelta(days=1)
NOBODY_TOLD = "a dose was ordered or given from what is stopped"
WHY = "A particle was found in a vial of it"
TOLD = {"done": "patient_told", "note": "Told the subject; watched for two days"}


@dataclass(frozen=True)
class Told:
    """What stands in the open notices about a dose: what was stopped, and why."""

    notice: str
    stopped: str
    reason: str


def told(world: World, dose: str) -> list[Told]:
    with Session(world.installation.reads) as session:
        rows = select(Notice.code, Notice.record_kind, Notice.reason).join(NoticeLine)
        of_dose = rows.join(Dose, Dose.id == NoticeLine.dose_id).where(Dose.code == dose)
        return [Told(*row) for row in session.execute(of_dose.order_by(Notice.id))]


def board(world: World, notice: str) -> NoticeBoard:
    found = notice_board(world.installation, notice)
    assert found is not None
    return found


# --- every stop -------------------------------------------------------------------------------


def _lot_of_its_own_reagent(world: World) -> FrozenLot:
    """A released lot whose culture got a reagent that no other has."""
    culture = harvested_culture(world, total_cells=201_000_000, reagent=accepted_reagent(world))
    return released_lot(world, vials=8, culture=culture, cells_per_vial=25_000_000)


def _reagent_of(world: World, lot: str) -> str:
    """The reagent that only this lot has."""
    statement = text(
        "SELECT r.code FROM lot l JOIN LATERAL lot_lineage(l.id) up ON up.record_kind = 'reagent_lot' "
        "JOIN reagent_lot r ON r.id = up.record_id WHERE l.code = :lot ORDER BY r.id DESC LIMIT 1"
    )
    with Session(world.installation.reads) as session:
        return str(session.scalar(statement, {"lot": lot}))


def _tank_of(world: World, box: str) -> str:
    statement = text(
        "SELECT t.code FROM storage_unit b JOIN storage_unit r ON r.id = b.parent_id "
        "JOIN storage_unit t ON t.id = r.parent_id WHERE b.code = :box"
    )
    with Session(world.installation.reads) as session:
        return str(session.scalar(statement, {"box": box}))


def _file(world: World, box: str, at: datetime.datetime, celsius: float) -> tuple[str, str]:
    """A probe in the tank of a box, and the file of an excursion that begins ten minutes after `at`."""
    steps = [-187, celsius, celsius, celsius, -187]
    return probe(world, _tank_of(world, box)), as_csv([(at + n * 10 * MINUTE, value) for n, value in enumerate(steps)])


def _out(world: World, dose: OrderedDose) -> None:
    """A failed test of a lot that was given."""
    enter(world, dose.lot.code, "STERILITY", "growth", resulted_at=results_read_at(world, dose.lot.code) + DAY)


def _sheet(world: World, dose: OrderedDose) -> None:
    row = f"{dose.lot.code},STERILITY,2026-02-10T08:00:00+00:00,2026-03-01T08:00:00+00:00,growth"
    world.do("taras", "import_results", sheet=f"lot,test,started_at,resulted_at,result\n{row}\n")


def _corrected(world: World, dose: OrderedDose) -> None:
    statement = text(
        "SELECT r.code FROM test_result r JOIN lot l ON l.id = r.lot_id WHERE l.code = :lot AND r.test = 'STERILITY'"
    )
    with Session(world.installation.reads) as session:
        result = session.scalar(statement, {"lot": dose.lot.code})
    world.do("taras", "correct_result", result=result, choice="growth", reason="Copied from the wrong line")


def _put_right(world: World, dose: OrderedDose) -> None:
    given = {"record": dose.lot.code, "what": "lost_cells", "value": "9000000", "reason": "A tube was spilled"}
    world.do("taras", "correct_fact", now=dose.at + DAY, **given)


def _reactive(world: World, dose: OrderedDose) -> None:
    donor_results(world, donor_of(world, dose.lot.code), tests=("HBSAG",), choice="positive")


def _excursion(world: World, dose: OrderedDose) -> None:
    """Known only after the dose was given: the memory of the logger is read later."""
    code, file = _file(world, dose.lot.box, dose.at - 20 * MINUTE, -100)
    import_file(world, code, file, now=dose.at + DAY)


STOPS: dict[str, tuple[str, Callable[[World, OrderedDose], object]]] = {
    "hold_lot": ("lot", lambda w, d: w.do("quinn", "hold_lot", lot=d.lot.code, reason=WHY)),
    "hold_donor": ("donor", lambda w, d: w.do("quinn", "hold_donor", donor=donor_of(w, d.lot.code), reason=WHY)),
    "withdraw_consent": (
        "donor",
        lambda w, d: w.do("tina", "withdraw_consent", consent=consent_of(w, donor_of(w, d.lot.code)), reason=WHY),
    ),
    "determine_eligibility": (
        "donor",
        lambda w, d: w.do(
            "quinn", "determine_eligibility", donor=donor_of(w, d.lot.code), decision="ineligible", reason=WHY
        ),
    ),
    "recall_lot": ("lot", lambda w, d: w.do("oksana", "recall_lot", lot=d.lot.code, reason=WHY)),
    "recall_reagent": (
        "reagent_lot",
        lambda w, d: w.do("quinn", "recall_reagent", reagent=_reagent_of(w, d.lot.code), reason=WHY),
    ),
    "decide_reagent": (
        "reagent_lot",
        lambda w, d: w.do("quinn", "decide_reagent", reagent=_reagent_of(w, d.lot.code), decision="reject", reason=WHY),
    ),
    "report_storage_failure": (
        "storage_unit",
        lambda w, d: w.do(
            "tina", "report_storage_failure", now=d.at + DAY, unit=d.lot.box, failed_at=d.at - 5 * MINUTE, reason=WHY
        ),
    ),
    "enter_result": ("lot", _out),
    "import_results": ("lot", _sheet),
    "correct_result": ("lot", _corrected),
    "correct_fact": ("lot", _put_right),
    "review_results": ("donor", _reactive),
    "import_readings": ("excursion", _excursion),
}
# The rest of the table: the same function as one above, or its own test below.
ALSO = {"record_readings": "import_readings", "confirm_reading": "import_readings", "reject_lot": "recall_lot"}


def test_every_act_that_stops_product_is_tried_here() -> None:
    assert set(STOPS) | set(ALSO) == set(STOPPING)


@pytest.mark.requirement("R2")
@pytest.mark.parametrize("act", STOPS)
def test_a_stop_after_doses_were_given_tells_their_clinician_at_once(world: World, act: str) -> None:
    kind, stop = STOPS[act]
    lot = _lot_of_its_own_reagent(world) if kind == "reagent_lot" else product_lot(world)
    dose = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot)))
    stop(world, dose)
    [line] = told(world, dose.code)
    assert line.stopped == kind and line.reason
    [shown] = [one for one in impact(world.installation, dose.lot.code).doses if one.code == dose.code]
    assert (shown.notice, shown.notice_state) == (line.notice, "OPEN")


@pytest.mark.the_database_refuses("a_stop_reaches_every_clinician")
def test_a_rejected_excursion_tells_whose_dose_stood_through_it_and_nobody_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lot = product_lot(world, vials=8)
    before = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot)))
    later = before.at + 2 * DAY
    code, file = _file(world, lot.box, later - DAY, -145)
    [excursion] = import_file(world, code, file, now=later)["excursions"]
    after = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot, at=later)))
    given = {"excursion": excursion, "decision": "reject", "reason": "Ten minutes too warm for these cells"}
    with monkeypatch.context() as patched:  # the database alone
        patched.setattr("cellbank.services.temperature.excursions.tell_clinicians", lambda *_: None)
        assert world.codes("quinn", "decide_excursion", now=later + DAY, **given) == ["CHANGED_MEANWHILE"]
    assert told(world, after.code) == []
    world.do("quinn", "decide_excursion", now=later + DAY, **given)
    [line] = told(world, after.code)
    assert line.stopped == "excursion" and told(world, before.code) == []


def test_a_failed_tank_concerns_no_dose_whose_vials_had_left_it(world: World) -> None:
    lot = product_lot(world, vials=8)
    given = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot)))
    waiting = ordered_dose(world, lot=lot, at=given.at + DAY)
    failed_at = given.at + DAY
    stop = {"unit": lot.box, "failed_at": failed_at, "reason": "It ran dry"}
    world.do("tina", "report_storage_failure", now=failed_at + DAY, **stop)
    assert told(world, given.code) == [] and len(told(world, waiting.code)) == 1


def test_a_hold_of_a_lot_that_nobody_had_tells_nobody(world: World) -> None:
    answer = world.do("quinn", "hold_lot", lot=released_lot(world).code, reason=WHY)
    assert "notices" not in answer


# --- one notice -------------------------------------------------------------------------------


def test_one_notice_has_all_doses_of_a_lot_and_what_runs_stands_first(world: World) -> None:
    lot = product_lot(world, vials=16)
    given = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot)))
    prepared = prepared_dose(world, ordered_dose(world, lot=lot))
    waiting = ordered_dose(world, lot=lot)
    runs = checked_dose(world, prepared_dose(world, ordered_dose(world, lot=lot)))
    world.do("clara", "start_infusion", now=runs.at + 45 * MINUTE, dose=runs.code)
    [notice] = world.do("quinn", "hold_lot", lot=lot.code, reason=WHY)["notices"]
    found = board(world, notice)
    assert found.reasons == (f"{WHY}",) and found.stopped == lot.code and found.stopped_by == "Quinn Quality"
    lines = [(one.code, one.runs, one.waits) for one in found.waiting]
    assert lines[0] == (runs.code, True, False) and lines[-1] == (given.code, False, False)
    assert {line[0] for line in lines[1:3]} == {prepared.code, waiting.code} and all(line[2] for line in lines[1:3])


def test_each_event_has_its_notice_and_an_answer_to_one_is_none_to_the_other(world: World) -> None:
    dose = infused_dose(world)
    [held] = world.do("quinn", "hold_lot", lot=dose.lot.code, reason="A doubt about it")["notices"]
    [rejected] = world.do("oksana", "reject_lot", lot=dose.lot.code, reason=WHY)["notices"]
    world.do("clara", "answer_notice", notice=held, answers=[{"dose": dose.code, **TOLD}])
    assert [line.notice for line in told(world, dose.code)] == [held, rejected]
    assert board(world, rejected).waiting and not board(world, held).waiting
    assert board(world, rejected).reasons == (f"Lot {dose.lot.code} rejected: {WHY}",)


def test_a_hold_that_is_lifted_tells_no_more_stop(world: World) -> None:
    dose = checked_dose(world)
    answer = world.do("quinn", "hold_lot", lot=dose.lot.code, reason="A doubt about it")
    world.do("oksana", "lift_hold", hold=answer["code"], reason="Nothing was found")
    world.do("clara", "start_infusion", now=dose.at + 45 * MINUTE, dose=dose.code)
    [line] = board(world, answer["notices"][0]).waiting
    assert line.state == "INFUSING" and not line.runs and not line.waits


# --- answers ----------------------------------------------------------------------------------


@pytest.fixture
def two(world: World) -> tuple[str, OrderedDose, OrderedDose]:
    """A notice about two doses: one given, one ordered."""
    lot = product_lot(world, vials=8)
    given = infused_dose(world, prepared_dose(world, ordered_dose(world, lot=lot)))
    waiting = ordered_dose(world, lot=lot)
    [notice] = world.do("quinn", "hold_lot", lot=lot.code, reason=WHY)["notices"]
    return notice, given, waiting


def test_doses_are_answered_one_after_the_other(world: World, two: tuple[str, OrderedDose, OrderedDose]) -> None:
    notice, given, waiting = two
    lines = [{"dose": given.code, **TOLD}, {"dose": waiting.code}]  # as a form sends what is left empty
    answer = world.do("clara", "answer_notice", notice=notice, answers=lines)
    assert (answer["state"], answer["answered"], answer["left"]) == ("OPEN", 1, 1)
    last = {"dose": waiting.code, "done": "nothing_needed", "note": "Ordered only; it waits for the hold"}
    assert world.do("cyril", "answer_notice", notice=notice, answers=[last])["state"] == "ACKNOWLEDGED"
    by = {one.code: (one.done, one.answered_by) for one in board(world, notice).answered}
    assert by == {given.code: ("patient_told", "Clara Clinician"), waiting.code: ("nothing_needed", "Cyril Clinician")}
    card = look_up(world.installation, world.people["clara"], notice)
    assert isinstance(card, Card) and dict(card.facts)["Answered"] == "2 / 2"
    assert world.codes("clara", "answer_notice", notice=notice, answers=[last]) == ["WRONG_STATE", "ALREADY_EXISTS"]


def test_what_cannot_be_answered_is_refused_and_named(world: World, two: tuple[str, OrderedDose, OrderedDose]) -> None:
    notice, given, waiting = two
    stranger = ordered_dose(world)

    def codes(who: str = "clara", **line: str) -> list[str]:
        return world.codes(who, "answer_notice", notice=notice, answers=[line])

    assert codes(dose=stranger.code, **TOLD) == ["NOT_FOUND"]
    assert codes(dose=given.code, done="nothing_needed") == ["REASON_NEEDED"]
    assert codes(dose=waiting.code, done="infusion_stopped") == ["WRONG_STATE"]
    assert codes("tina", dose=given.code, **TOLD) == ["ROLE_NOT_ALLOWED"]
    world.do("clara", "answer_notice", notice=notice, answers=[{"dose": given.code, **TOLD}])
    assert codes("cyril", dose=given.code, **TOLD) == ["ALREADY_EXISTS"]


def test_a_dose_that_came_to_nothing_answers_itself(world: World, two: tuple[str, OrderedDose, OrderedDose]) -> None:
    notice, given, waiting = two
    world.do("clara", "cancel_dose", dose=waiting.code, reason="The lot is on hold")
    [line] = board(world, notice).answered
    assert (line.code, line.done, line.note, line.waits) == (waiting.code, "not_given", "The lot is on hold", False)
    world.do("clara", "answer_notice", notice=notice, answers=[{"dose": given.code, **TOLD}])
    assert not board(world, notice).waiting


def test_the_last_dose_that_is_discarded_ends_the_notice(world: World) -> None:
    dose = prepared_dose(world)
    [notice] = world.do("quinn", "hold_lot", lot=dose.lot.code, reason=WHY)["notices"]
    world.do("tina", "discard_dose", dose=dose.code, reason="The lot is on hold")
    assert row_of(world, dose.code).state == "DISCARDED"
    card = look_up(world.installation, world.people["clara"], notice)
    assert isinstance(card, Card) and card.state == "ACKNOWLEDGED"


# --- the database alone -----------------------------------------------------------------------


@pytest.mark.the_database_refuses("a_stop_reaches_every_clinician")
def test_the_database_keeps_no_stop_of_which_nobody_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hold, a failed result of a lot that a hold stops already, and a recall: each by its own trigger."""
    dose = infused_dose(world)
    with monkeypatch.context() as patched:
        for module in ("stopping.holding", "quality.decisions"):
            patched.setattr(f"cellbank.services.{module}.tell_clinicians", lambda *_: None)
        for act in ("hold_lot", "recall_lot"):
            with pytest.raises(AssertionError, match=NOBODY_TOLD):
                STOPS[act][1](world, dose)
    world.do("quinn", "hold_lot", lot=dose.lot.code, reason=WHY)
    monkeypatch.setattr("cellbank.services.quality.out_of_specification.tell_clinicians", lambda *_: None)
    with pytest.raises(AssertionError, match=NOBODY_TOLD):
        _out(world, dose)
    assert len(told(world, dose.code)) == 1


@pytest.mark.the_database_refuses("a_notice_ends_with_its_last_answer", "an_answer_to_a_notice_stays")
def test_the_database_ends_no_notice_before_its_last_answer_and_changes_none(
    world: World, monkeypatch: pytest.MonkeyPatch, two: tuple[str, OrderedDose, OrderedDose]
) -> None:
    notice, given, waiting = two
    monkeypatch.setattr("cellbank.services.stopping.notices.answer_refusals", lambda *_: ())
    first = {"notice": notice, "answers": [{"dose": given.code, **TOLD}]}
    world.do("clara", "answer_notice", **first)
    assert world.codes("cyril", "answer_notice", **first) == ["ALREADY_EXISTS"]
    transition = Work.transition
    monkeypatch.setattr(Work, "transition", lambda work, *of, to: transition(work, *of, to="ACKNOWLEDGED"))
    monkeypatch.setattr("cellbank.services.stopping.notices._answer", lambda *_: None)
    unsaid = [{"dose": waiting.code, "done": "patient_told"}]
    assert world.codes("clara", "answer_notice", notice=notice, answers=unsaid) == ["CHANGED_MEANWHILE"]

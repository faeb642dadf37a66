"""One quality officer, alone, takes a stop away: of a lot that failed a test, and of a patient's next dose."""

import datetime

from cellbank.services.clinic.treatment import undecided
from tests.factories.deviations import deviation_row
from tests.factories.doses import ordered_dose
from tests.factories.lots import stored_lot
from tests.factories.quality import results_read_at, review
from tests.factories.world import World

MINUTE = datetime.timedelta(minutes=1)
FOUND = {"investigation": "Looked at it", "root_cause": "The bottle"}


def failed(world: World) -> tuple[str, str, str]:
    """A lot, its sterility test that grew, entered by Taras, and the deviation of that."""
    lot = stored_lot(world, vials=3).code
    given = {"test": "STERILITY", "choice": "growth", "started_at": results_read_at(world, lot)}
    answer = world.do("taras", "enter_result", now=results_read_at(world, lot), lot=lot, **given)
    review(world, lot, answer["code"])
    return lot, answer["code"], answer["deviations"][0]


def test_whoever_investigates_a_failure_does_not_explain_it_away(world: World) -> None:
    _, result, deviation = failed(world)
    world.do("oksana", "investigate_deviation", deviation=deviation, **FOUND)
    why = {"result": result, "deviation": deviation, "reason": "Laboratory error"}
    assert world.codes("oksana", "invalidate_result", **why) == ["SAME_PERSON"]
    assert world.codes("quinn", "invalidate_result", **why) == []


def test_whoever_investigates_a_deviation_does_not_lower_it(world: World) -> None:
    _, _, deviation = failed(world)
    lower = {"deviation": deviation, "classification": "minor", "reason": "Explained away"}
    assert world.codes("oksana", "classify_deviation", **lower) == ["SECOND_PERSON_NEEDED"]
    assert world.codes("oksana", "lower_deviation", **lower) == ["WRONG_STATE"]  # before anybody looked at it
    world.do("oksana", "investigate_deviation", deviation=deviation, **FOUND)
    assert world.codes("oksana", "lower_deviation", **lower) == ["SAME_PERSON"]
    assert world.codes("quinn", "lower_deviation", **lower, password=None) == ["SIGNATURE_NEEDED"]
    world.do("quinn", "lower_deviation", **lower)
    assert deviation_row(world, deviation).classification == "minor"


def test_a_clinician_decides_about_a_dose_whatever_its_deviation_is_called_later(world: World) -> None:
    dose = ordered_dose(world)
    given = {"title": "A label of another subject", "description": "In the bag", "classification": "critical"}
    code = world.do("quinn", "open_deviation", records=[dose.code], **given)["code"]
    lower = {"deviation": code, "classification": "minor", "reason": "It was a misunderstanding"}
    assert world.codes("quinn", "classify_deviation", **lower) == ["SECOND_PERSON_NEEDED"]
    world.do("tina", "investigate_deviation", deviation=code, **FOUND)
    assert world.codes("quinn", "lower_deviation", **lower) == ["SAME_PERSON"]
    world.do("oksana", "lower_deviation", **lower)
    assert len(undecided(world.installation, dose.subject)) == 1
    decided = {"subject": dose.subject, "reason": "The label was a spare of the printer"}
    world.do("cyril", "continue_treatment", **decided)
    assert undecided(world.installation, dose.subject) == ()
    again = {"deviation": code, "classification": "critical", "reason": "It was none"}
    world.do("quinn", "classify_deviation", now=world.now + MINUTE, **again)
    assert len(undecided(world.installation, dose.subject)) == 1

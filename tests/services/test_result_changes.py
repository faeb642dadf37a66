"""What a failure does by itself, and what becomes of a wrong result: corrected in sight of the first value, or
invalidated by an investigation, after which a retest decides."""

import datetime
from typing import Any

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellbank.records.deviations import Deviation, DeviationLink
from cellbank.records.production import Donation, Lot, LotSource
from cellbank.records.quality import Hold, Signature, TestResult
from cellbank.records.signed_content import content_digest
from cellbank.services.acts import Malformed
from cellbank.services.quality import decisions, result_changes
from cellbank.services.quality.definitions import shipped
from cellbank.services.quality.lot_results import lot_results
from tests.conftest import Furnished
from tests.factories.lots import frozen_lot, stored_lot
from tests.factories.production import harvested_culture
from tests.factories.quality import enter, frozen_at, pass_all_tests, released_lot, results_read_at, review
from tests.factories.world import World

DAY = datetime.timedelta(days=1)


def row(world: World, cls: Any, code: str) -> Any:
    with Session(world.installation.reads) as session:
        return session.scalars(select(cls).where(cls.code == code)).one()


def deviations_of(world: World, kind: str, record_id: int) -> list[Deviation]:
    with Session(world.installation.reads) as session:
        linked = select(Deviation).join(DeviationLink, DeviationLink.deviation_id == Deviation.id)
        of = linked.where(DeviationLink.record_kind == kind, DeviationLink.record_id == record_id)
        return list(session.scalars(of.order_by(Deviation.id)))


def evidence_of(world: World, lot: str, test: str, now: datetime.datetime | None = None) -> str:
    with Session(world.installation.reads) as session:
        found = decisions.release_board(session, lot, now or world.now)
    assert found is not None
    return next(line.evidence for line in found.criteria if line.code == f"TEST_{test}")


def performers(world: World, lot: str) -> set[str]:
    """Who has worked on a lot."""
    found = text("SELECT name FROM person WHERE id IN (SELECT lot_performers(l.id) FROM lot l WHERE l.code = :lot)")
    with Session(world.installation.reads) as session:
        return set(session.scalars(found, {"lot": lot}))


def investigated(world: World, deviation: str) -> None:
    found = {"investigation": "The control failed too", "root_cause": "Wrong reagent in the cytometer"}
    world.do("tina", "investigate_deviation", deviation=deviation, **found)


@pytest.fixture(scope="module")
def lot(world: World) -> str:
    return frozen_lot(world, vials=3).code


# --- out of specification ---------------------------------------------------------------------


@pytest.mark.requirement("R25")
def test_a_failure_opens_a_deviation_in_the_same_act(world: World, lot: str) -> None:
    at = frozen_at(world, lot) + DAY
    given = {"lot": lot, "test": "CD90", "number": "91.5", "started_at": at, "resulted_at": at + DAY}
    dry = world.try_act("taras", "enter_result", dry_run=True, **given)
    assert dry.accepted and dry.result["verdict"] == "OUT_OF_SPECIFICATION"
    assert [warning["code"] for warning in dry.result["warnings"]] == ["OUT_OF_SPECIFICATION"]
    answer = world.do("taras", "enter_result", **given)
    result = row(world, TestResult, answer["code"])
    [deviation] = deviations_of(world, "test_result", result.id)
    assert answer["deviations"] == [deviation.code]
    assert (deviation.classification, deviation.state) == ("major", "OPEN")
    assert deviation.title == f"CD90 positive of lot {lot} out of specification"
    assert "91.5 %" in deviation.description and "95 % or more" in deviation.description
    assert deviation.due_on == world.now.date() + 30 * DAY
    of_lot = deviations_of(world, "lot", row(world, Lot, lot).id)
    assert deviation.code in {one.code for one in of_lot}


def test_what_is_informative_or_of_a_donor_opens_none(world: World, lot: str) -> None:
    assert "deviations" not in world.do(
        "taras", "enter_result", lot=lot, test="HLA-DR", number="60", started_at=frozen_at(world, lot) + DAY
    )
    donor = world.do("tina", "register_donor", pseudonym=world.unique("D"), birth_year=1993)["code"]
    found = {"donor": donor, "test": "HIV-NAT", "choice": "positive", "started_at": world.now - DAY}
    assert "deviations" not in world.do("tina", "enter_result", **found)


def test_a_failure_after_the_release_stops_the_lot(world: World) -> None:
    lot = released_lot(world, vials=3).code
    late = {"lot": lot, "test": "STERILITY", "choice": "growth", "started_at": frozen_at(world, lot) + DAY}
    answer = world.do("taras", "enter_result", **late)
    held = row(world, Lot, lot)
    assert (held.state, held.state_before_hold) == ("ON_HOLD", "RELEASED")
    assert answer["lots_stopped"] == [lot] and answer["deviations"][0] in row(world, Hold, answer["hold"]).reason


# --- tissue and process -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def staged(furnished: Furnished, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A bank whose specification also tests tissue and process, with three samples of one test."""
    more = """
[[tests]]
code = "TISSUE"
title = "Look of the tissue"
stage = "tissue"
method = "inspection"
method_version = "SOP-3 v2"
required = true
kind = "choice"
choices = ["fresh", "doubtful"]
accept = ["fresh"]
result_days = 1

[[tests]]
code = "IP-MYCO"
title = "Mycoplasma in process"
stage = "in_process"
method = "NAT"
required = true
kind = "growth"
earliest_days = 1
reviewed_by = ["quality_officer"]

[[tests]]
code = "COUNT"
title = "Cells in a vial"
stage = "lot"
method = "cell count"
required = true
kind = "number"
unit = "10⁶ cells"
minimum = 20
samples = 3
"""
    content = shipped()[0].content.replace('version = "2"', 'version = "3"', 1) + more
    with furnished.world("staged", tmp_path_factory.mktemp("staged")) as world:
        world.made_before = frozen_lot(world, vials=3).code  # type: ignore[attr-defined]
        world.do("quinn", "import_definition", type="specification", content=content)
        world.do("oksana", "make_effective", definition="P-MMSC@3")
        yield world


def test_a_lot_is_judged_by_the_version_under_which_it_was_made(staged: World) -> None:
    with Session(staged.installation.reads) as session:
        states = dict(session.execute(text("SELECT code, state FROM definition WHERE type = 'specification'")).all())
        found = decisions.release_board(session, staged.made_before, staged.now)  # type: ignore[attr-defined]
    assert states == {"P-MMSC@2": "SUPERSEDED", "P-MMSC@3": "EFFECTIVE"}  # superseded, never deleted
    assert found is not None and not {"TEST_TISSUE", "TEST_COUNT"} & {line.code for line in found.criteria}
    given = {"lot": staged.made_before, "test": "COUNT", "material": "Cells"}  # type: ignore[attr-defined]
    assert staged.codes("tina", "take_sample", **given) == ["NOT_FOUND"]


@pytest.mark.the_database_refuses("no_release_against_a_result")
def test_tissue_process_and_samples_speak_about_the_lot(staged: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = staged
    culture = harvested_culture(world, total_cells=3 * 25_000_000 + 1_000_000)
    lot = stored_lot(world, vials=3, culture=culture).code
    with Session(world.installation.reads) as session:
        din = session.scalar(select(Donation.code).join(Lot).where(Lot.code == lot))
    pass_all_tests(world, lot, leave_out=("COUNT",))
    at = results_read_at(world, lot)
    refused = world.try_act("oksana", "release_lot", now=at + 2 * DAY, lot=lot)
    assert [refusal.code.value for refusal in refused.refusals] == ["RESULT_MISSING"] * 3
    assert "number 1, 2, 3" in refused.refusals[-1].detail
    tissue = {"donation": din, "test": "TISSUE", "choice": "fresh", "started_at": at - 40 * DAY}
    process = {"culture": culture, "test": "IP-MYCO", "choice": "no growth", "started_at": at - 31 * DAY}
    results = [
        world.do("taras", "enter_result", now=at, **given)["code"]
        for given in (tissue, process, *(_count(lot, at, number) for number in (1, 2, 3)))
    ]
    assert row(world, TestResult, results[0]).method_version == "SOP-3 v2"
    assert world.codes("tina", "review_results", now=at, results=results, confirmed=True) == ["ROLE_NOT_ALLOWED"]
    monkeypatch.setattr(decisions, "release_criteria", lambda _: ())
    assert world.codes("oksana", "release_lot", now=at + 2 * DAY, lot=lot) == ["OUT_OF_SPECIFICATION"]  # not reviewed
    monkeypatch.undo()
    world.do("quinn", "review_results", now=at + DAY, results=results, confirmed=True)
    shown = evidence_of(world, lot, "COUNT", at + DAY)
    assert "sample 1: 25" in shown and "sample 3: 25" in shown
    assert f"of culture {culture}" in evidence_of(world, lot, "IP-MYCO", at + DAY)
    world.do("oksana", "release_lot", now=at + 2 * DAY, lot=lot)
    failed = world.do("taras", "enter_result", now=at + 3 * DAY, **{**process, "choice": "growth"})
    assert row(world, Lot, lot).state == "ON_HOLD" and failed["lots_stopped"] == [lot]
    assert "quinn" not in performers(world, lot)
    world.do("quinn", "take_sample", now=at + 3 * DAY, culture=culture, test="IP-MYCO", material="Supernatant")
    assert "quinn" in performers(world, lot)  # whoever samples the cultures of a lot does not release it


def _count(lot: str, at: datetime.datetime, number: int) -> dict[str, Any]:
    return {
        "lot": lot,
        "test": "COUNT",
        "number": "25",
        "sample_number": number,
        "started_at": at - 20 * DAY,
        "unit": "10⁶ cells",
    }


def test_the_sample_number_and_the_test_are_those_of_the_specification(staged: World) -> None:
    world = staged
    lot = frozen_lot(world, vials=3).code
    at = frozen_at(world, lot) + 25 * DAY
    for change, field in (
        ({"sample_number": None}, "sample_number"),
        ({"sample_number": 4}, "sample_number"),
        ({"unit": "%"}, "unit"),
    ):
        with pytest.raises(Malformed) as caught:
            world.try_act("taras", "enter_result", now=at, **{**_count(lot, at, 1), **change})
        assert [problem.field for problem in caught.value.problems] == [field]
    with Session(world.installation.reads) as session:
        source = select(LotSource.culture_id).join(Lot).where(Lot.code == lot)
        culture = session.scalar(text("SELECT code FROM culture WHERE id = :id"), {"id": session.scalar(source)})
    wrong = {"culture": culture, "test": "CD73", "number": "99", "started_at": at - DAY}
    refused = world.try_act("taras", "enter_result", now=at, **wrong)
    assert "has no test CD73 for a culture. It has: IP-MYCO" in refused.refusals[0].detail
    early = {"culture": culture, "test": "IP-MYCO", "choice": "growth", "started_at": at - 300 * DAY}
    assert world.codes("taras", "enter_result", now=at, **early) == ["OUT_OF_ORDER"]


# --- corrected --------------------------------------------------------------------------------


@pytest.mark.requirement("R5")
@pytest.mark.requirement("R17")
def test_a_correction_keeps_the_first_value_in_sight(world: World) -> None:
    lot = frozen_lot(world, vials=3).code
    wrong = enter(world, lot, "VIABILITY", "9.44")  # typed wrongly: out of specification
    review(world, lot, wrong)
    signed = row(world, TestResult, wrong)
    answer = world.do("tina", "correct_result", result=wrong, number="94.4", reason="A point in the wrong place")
    first, right = row(world, TestResult, wrong), row(world, TestResult, answer["code"])
    assert (first.state, str(first.number), first.change_reason) == (
        "CORRECTED",
        "9.4400",
        "A point in the wrong place",
    )
    assert first.changed_by_id == world.people["tina"].id
    assert (right.state, str(right.number), right.corrects_id) == ("ENTERED", "94.4000", first.id)
    assert (right.method, right.started_at, right.verdict) == (first.method, first.started_at, "IN_SPECIFICATION")
    shown = evidence_of(world, lot, "VIABILITY")
    assert shown.startswith("94.4 %, in specification") and "not reviewed" in shown
    assert "corrected by Tina Technician: A point in the wrong place: 9.44 %" in shown
    assert content_digest(signed) == content_digest(first)  # what was signed is as it was
    [deviation] = deviations_of(world, "test_result", first.id)
    assert [one.code for one in deviations_of(world, "test_result", right.id)] == [deviation.code]
    assert deviation.state == "OPEN"  # a right number closes nothing
    assert world.codes("tina", "correct_result", result=wrong, number="95", reason="Once more") == ["WRONG_STATE"]


def test_a_correction_that_fails_is_a_failure(world: World) -> None:
    lot = released_lot(world, vials=3).code
    with Session(world.installation.reads) as session:
        good = next(one for one in lot_results(session, [row(world, Lot, lot).id]).popitem()[1] if one.test == "CD73")
    answer = world.do("tina", "correct_result", result=good.code, number="89.5", reason="Read from the wrong gate")
    assert len(answer["deviations"]) == 1 and answer["lots_stopped"] == [lot]
    again = world.do("taras", "correct_result", result=answer["code"], number="89.7", reason="And still not right")
    assert again["deviations"] == answer["deviations"]  # one investigation for one matter


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "(whole)"),
        ({"number": "98.5"}, "(whole)"),  # as it was
        ({"number": "1", "choice": "normal"}, "(whole)"),
        ({"choice": "normal"}, "number"),
        ({"number": "120"}, "number"),
        ({"number": "99", "reason": "no"}, "reason"),
    ],
)
def test_what_corrects_nothing_is_malformed(world: World, lot: str, change: dict[str, Any], field: str) -> None:
    code = enter(world, lot, "CD73")
    with pytest.raises(Malformed) as caught:
        world.try_act("tina", "correct_result", **{"result": code, "reason": "It was wrong", **change})
    assert [problem.field for problem in caught.value.problems] == [field]


def test_a_corrected_time_may_not_make_no_growth_early(world: World, lot: str) -> None:
    code = enter(world, lot, "STERILITY")
    late = {"result": code, "started_at": results_read_at(world, lot) - 2 * DAY, "reason": "Inoculated later"}
    assert world.codes("tina", "correct_result", **late) == ["RESULT_TOO_EARLY"]


# --- invalidated ------------------------------------------------------------------------------


@pytest.mark.requirement("R25")
def test_only_an_investigation_lets_a_retest_decide(world: World) -> None:
    lot = stored_lot(world, vials=3).code
    pass_all_tests(world, lot, CD73="90")
    with Session(world.installation.reads) as session:
        results = lot_results(session, [row(world, Lot, lot).id]).popitem()[1]
    failed = next(one.code for one in results if one.test == "CD73")
    [deviation] = deviations_of(world, "test_result", row(world, TestResult, failed).id)
    review(world, lot, enter(world, lot, "CD73", resulted_at=results_read_at(world, lot) + DAY))
    assert "OUT_OF_SPECIFICATION" in world.codes("oksana", "release_lot", lot=lot)
    why = {"result": failed, "deviation": deviation.code, "reason": "The compensation control failed"}
    assert world.codes("quinn", "invalidate_result", **why) == ["DEVIATION_OPEN"]
    investigated(world, deviation.code)
    assert world.codes("tina", "invalidate_result", **why) == ["ROLE_NOT_ALLOWED"]
    world.do("quinn", "invalidate_result", **why)
    gone = row(world, TestResult, failed)
    assert (gone.state, gone.changed_by_id) == ("INVALIDATED", world.people["quinn"].id)
    with Session(world.installation.reads) as session:
        signed = select(Signature.meaning).where(Signature.record_kind == "test_result", Signature.record_id == gone.id)
        assert "approved" in set(session.scalars(signed))
    shown = evidence_of(world, lot, "CD73")
    assert shown.startswith("98.5 %") and "invalidated by Quinn Quality: The compensation control failed: 90 %" in shown
    assert world.codes("oksana", "release_lot", lot=lot) == ["DEVIATION_OPEN"]  # the deviation still wants its decision
    world.do("oksana", "close_deviation", deviation=deviation.code, decision="Laboratory error; the retest stands")
    assert world.do("oksana", "release_lot", lot=lot)["state"] == "RELEASED"


def test_a_deviation_about_something_else_proves_nothing(world: World, lot: str) -> None:
    first = world.do(
        "taras", "enter_result", lot=lot, test="CD105", number="50", started_at=frozen_at(world, lot) + DAY
    )
    second = world.do(
        "taras", "enter_result", lot=lot, test="NEGATIVE", number="50", started_at=frozen_at(world, lot) + DAY
    )
    review(world, lot, first["code"], second["code"])
    investigated(world, first["deviations"][0])
    why = {"result": second["code"], "deviation": first["deviations"][0], "reason": "It should not count"}
    assert world.codes("quinn", "invalidate_result", **why) == ["CRITERION_OPEN"]
    mine = {**why, "result": first["code"]}
    assert world.codes("quinn", "invalidate_result", **mine, password=None) == ["SIGNATURE_NEEDED"]


def test_whoever_entered_it_does_not_invalidate_it(world: World, lot: str) -> None:
    answer = world.do(
        "quinn",
        "enter_result",
        lot=lot,
        test="TRILINEAGE",
        choice="not all three",
        started_at=frozen_at(world, lot) + DAY,
    )
    review(world, lot, answer["code"], who="taras")
    investigated(world, answer["deviations"][0])
    why = {"result": answer["code"], "deviation": answer["deviations"][0], "reason": "It should not count"}
    assert world.codes("quinn", "invalidate_result", **why) == ["SAME_PERSON"]


# --- the database -----------------------------------------------------------------------------


@pytest.mark.the_database_refuses("an_invalidated_result_has_a_deviation")
def test_the_database_invalidates_nothing_without_an_investigation(
    world: World, lot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = world.do(
        "taras", "enter_result", lot=lot, test="PT-IDENTITY", choice="no match", started_at=frozen_at(world, lot) + DAY
    )
    review(world, lot, answer["code"])
    monkeypatch.setattr(result_changes, "invalidation_refusals", lambda _: ())
    why = {"result": answer["code"], "deviation": answer["deviations"][0], "reason": "It should not count"}
    assert world.codes("quinn", "invalidate_result", **why) == ["DEVIATION_OPEN"]
    assert row(world, TestResult, answer["code"]).state == "REVIEWED"


@pytest.mark.the_database_refuses("a_result_is_invalidated_by_another")
def test_the_database_invalidates_nothing_by_whoever_investigated_it(
    world: World, lot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = world.do(
        "taras", "enter_result", lot=lot, test="PT-IDENTITY", choice="no match", started_at=frozen_at(world, lot) + DAY
    )
    review(world, lot, answer["code"])
    found = {"investigation": "The control failed too", "root_cause": "Wrong reagent"}
    world.do("quinn", "investigate_deviation", deviation=answer["deviations"][0], **found)
    monkeypatch.setattr(result_changes, "invalidation_refusals", lambda _: ())
    why = {"result": answer["code"], "deviation": answer["deviations"][0], "reason": "It should not count"}
    assert world.codes("quinn", "invalidate_result", **why) == ["SAME_PERSON"]
    assert row(world, TestResult, answer["code"]).state == "REVIEWED"


@pytest.mark.requirement("R11")
@pytest.mark.parametrize(
    "change",
    ["number = 99", "unit = 'kg'", "test = 'CD90'", "verdict = 'INFORMATIVE'", "entered_by_id = 1",
     "started_at = started_at - interval '1 d'", "instrument = 'Another'", "method_version = '7'", "sample_number = 2"],
)  # fmt: skip
def test_the_database_keeps_every_value_as_it_was_entered(
    world: World, databases: tuple[str, str], lot: str, change: str
) -> None:
    code = enter(world, lot, "CD73")
    engine = create_engine(databases[0])  # even the owner of the database
    with engine.begin() as connection, pytest.raises(IntegrityError, match="keeps the value"):
        connection.execute(text(f"UPDATE test_result SET {change} WHERE code = :code"), {"code": code})
    engine.dispose()

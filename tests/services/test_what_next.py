"""What is offered after a scan: never first what would be wrong; and where nothing is to be done, nothing is."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from cellbank.domain.identifiers import RECORDS, Kind
from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.refusals import Code
from cellbank.services.acts import Malformed, run_act
from cellbank.services.catalogue import REGISTRY, load
from cellbank.services.finding.missing import NotHere
from cellbank.services.installation import Installation
from cellbank.services.lookup.likely import WRONG_NOW, place_of
from cellbank.services.lookup.scanning import Card, InHand, awaited, look_up
from cellbank.services.people.actors import actor_by_name
from tests.conftest import StoryInstallation
from tests.services.bad_values import good_input, schema_of

load()  # also when this file is run alone

# (record, state, what is so with it, the act that comes first, an act that would be wrong)
CASES: list[tuple[str, str, set[str], str, str]] = [
    ("dose", "COUNTED", {"whole", "nothing to thaw"}, "prepare_dose", "thaw_vial"),
    ("dose", "COUNTED", {"whole", "more to thaw"}, "prepare_dose", "thaw_vial"),
    ("dose", "COUNTED", {"short", "more to thaw"}, "thaw_vial", "prepare_dose"),
    ("dose", "COUNTED", {"short accepted", "nothing to thaw", "no spare"}, "prepare_dose", "accept_short_dose"),
    ("dose", "COUNTED", {"whole", "out of time"}, "discard_dose", "prepare_dose"),
    ("dose", "THAWING", {"more to thaw"}, "thaw_vial", "pool_and_count"),
    ("dose", "THAWING", {"nothing to thaw"}, "pool_and_count", "thaw_vial"),
    ("dose", "PREPARED", {"whole", "day passed"}, "plan_dose_anew", "check_dose"),
    ("dose", "ORDERED", {"day passed", "nothing to thaw"}, "plan_dose_anew", "pick_vial"),
    ("lot", "IN_PROCESS", {"labels left", "nothing filled"}, "record_filling", "close_filling"),
    ("lot", "IN_PROCESS", {"labels left"}, "record_filling", "take_sample"),
    ("lot", "IN_PROCESS", {"all filled"}, "close_filling", "record_filling"),
    ("lot", "REJECTED", {"all filled"}, "print_labels", "take_sample"),
    ("lot", "REJECTED", {"all filled"}, "print_labels", "order_shipment"),
    ("subject", "ENROLLED", {"control", "no weight"}, "print_labels", "order_dose"),
    ("subject", "ENROLLED", {"no weight"}, "measure_weight", "order_dose"),
    ("subject", "SCREENING", {"not decided", "no weight"}, "answer_criteria", "sign_eligibility"),
    ("subject", "SCREENING", set(), "sign_eligibility", "order_dose"),
    ("donation", "ACCEPTED", {"too old"}, "print_labels", "isolate_tissue"),
    ("culture", "HARVESTED", {"used up"}, "finish_culture", "passage_culture"),
    ("subject", "ENROLLED", {"decision due"}, "continue_treatment", "order_dose"),
    ("subject", "ENROLLED", {"nothing to decide"}, "order_dose", "continue_treatment"),
    ("subject", "COMPLETED", {"decision due", "nothing to decide"}, "print_labels", "continue_treatment"),
    ("dose", "PREPARED", {"whole", "decision due"}, "discard_dose", "check_dose"),
    ("excursion", "OPEN", {"goes on", "no silence"}, "acknowledge_excursion", "decide_excursion"),
    ("excursion", "OPEN", {"goes on", "seen"}, "end_silence", "acknowledge_excursion"),
    ("excursion", "OPEN", {"no silence", "seen"}, "decide_excursion", "end_silence"),
]


@pytest.mark.parametrize(("record", "state", "marks", "first", "wrong"), CASES)
def test_the_likeliest_act_comes_out_of_the_facts(
    record: str, state: str, marks: set[str], first: str, wrong: str
) -> None:
    so = frozenset(marks)
    of_first, of_wrong = place_of(first, record, state, so), place_of(wrong, record, state, so)
    assert of_first < of_wrong
    assert of_wrong == WRONG_NOW or wrong in ("order_dose", "take_sample", "thaw_vial")


@pytest.mark.parametrize(
    ("kind", "record", "state", "role", "title"),
    [
        (Kind.DOSE, "dose", "PREPARED", Role.TECHNICIAN, "Check a dose at the bedside"),
        (Kind.DOSE, "dose", "CHECKED", Role.TECHNICIAN, "Start an infusion"),
        (Kind.DOSE, "dose", "COUNTED", Role.CLINICIAN, "Prepare a dose"),
        (Kind.DONATION, "donation", "AWAITING_DECISION", Role.TECHNICIAN, "Decide about a donation"),
        (Kind.HOLD, "hold", "PLACED", Role.CLINICIAN, "Lift a hold"),
        (Kind.DOSE, "dose", "PREPARED", Role.CLINICIAN, None),  # it is theirs
        (Kind.DOSE, "dose", "DISCARDED", Role.TECHNICIAN, None),
        (Kind.VIAL, "vial", "IN_STOCK", Role.CLINICIAN, None),  # it waits for nobody
    ],
)
def test_what_waits_for_somebody_else_is_said(
    kind: Kind, record: str, state: str, role: Role, title: str | None
) -> None:
    marks = frozenset({"whole", "nothing to thaw"}) if record == "dose" else frozenset()
    found = awaited(InHand(kind, record, state, frozenset({role}), None, marks))
    assert [one.title for one in found] == ([title] if title else [])
    assert all(role not in one.roles for one in found)


# What the record itself is refused for, whoever comes and whatever they write into the form.
OF_ITS_STATE = {
    Code.WRONG_STATE, Code.CONTROL_ARM, Code.SUBJECT_NOT_ENROLLED, Code.LOT_NOT_RELEASED, Code.ON_HOLD,
    Code.CRITERION_OPEN, Code.BATCH_NOT_REVIEWED, Code.DONOR_NOT_ELIGIBLE, Code.TOO_LATE, Code.OUT_OF_TIME,
    Code.EXPIRED, Code.NOT_THE_PLANNED_DAY, Code.TOO_MANY_DOSES, Code.REAGENT_EXPIRED, Code.REAGENT_QUARANTINED,
    Code.REAGENT_USED_UP, Code.NOT_ENOUGH_VIALS, Code.SPARE_NOT_CALLED, Code.STORAGE_OUT_OF_SERVICE,
    Code.DECISION_NEEDED,
}  # fmt: skip
PEOPLE = ("olena", "iryna", "nataliia", "admin", "halyna", "roman")
OF_EACH_STATE = 12


@pytest.fixture(scope="module")
def played(story_installation: StoryInstallation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The trial as it was played."""
    installation = story_installation("cellbank_what_next", Path(tmp_path_factory.mktemp("what_next")))
    yield installation
    installation.engine.dispose()


def codes_of(installation: Installation, record: str) -> list[str]:
    """Records of a kind, some of every state."""
    of_states = f"""SELECT state, array_agg(code ORDER BY code) AS codes FROM {record}
                     WHERE code <> 'SYSTEM' GROUP BY state ORDER BY state"""
    chosen = random.Random(20260502)
    with installation.reads.connect() as connection:
        rows = connection.execute(text(of_states)).all()
    return [code for row in rows for code in chosen.sample(row.codes, min(OF_EACH_STATE, len(row.codes)))]


@pytest.mark.parametrize("name", PEOPLE)
def test_what_is_offered_first_is_never_refused_for_the_records_own_state(played: Installation, name: str) -> None:
    actor = actor_by_name(played, name)
    assert actor is not None
    tried, wrong = 0, []
    for record in RECORDS.values():
        for code in codes_of(played, record):
            card = _card(played, actor, code)
            if card is None or not (card.acts and card.acts[0].now):
                continue
            tried += 1
            wrong += _wrong_of_first(played, actor, card)
    assert not wrong, "\n".join(wrong)
    assert tried > 0 or name == "admin"


def _card(installation: Installation, actor: Any, code: str) -> Card | None:
    try:
        card = look_up(installation, actor, code)
    except NotHere:  # of another site
        return None
    assert isinstance(card, Card)
    return card


def _wrong_of_first(installation: Installation, actor: Any, card: Card) -> list[str]:
    """What stands against the act that is offered first: its form is filled with something that reads well, and asked
    without doing."""
    first = card.acts[0]
    registered = REGISTRY[first.name]
    given = {**_filled(installation, registered), first.field: [card.code] if first.is_list else card.code}
    try:
        outcome = run_act(installation, first.name, given, actor, door="test", dry_run=True)
    except Malformed:  # of two fields that must fit each other; it says nothing about the record
        return []
    wrong = [one.detail for one in outcome.refusals if one.code in OF_ITS_STATE and card.code in one.detail]
    return [f"{first.name} is offered first for {card.kind} {card.code} in {card.state}: {one}" for one in wrong]


def _filled(installation: Installation, registered: Any) -> dict[str, Any]:
    """Other codes of the form are those of records that are there."""
    given = good_input(registered)
    for field, schema in schema_of(registered).items():
        inner = schema.get("items", schema)
        if field not in given or "scan" not in inner:
            continue
        record = RECORDS[Kind(inner["scan"][0])]
        with installation.reads.connect() as connection:
            code = connection.scalar(text(f"SELECT code FROM {record} ORDER BY id DESC LIMIT 1"))
        given[field] = [code] if "items" in schema else code
    return given

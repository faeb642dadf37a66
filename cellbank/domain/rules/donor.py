"""When a donor may be determined eligible: consent, the whole panel, in time, negative, reviewed; and the window period
closed, either by nucleic acid tests or by a repeat half a year later (domain reference, §3.1 and §3.2). Twins in the
database: an_eligible_donor_has_consented, no_eligible_donor_against_a_result,
an_eligible_donor_is_shown_healthy."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from cellbank.domain.lifecycle.states import ConsentState, ResultState
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.specification import DonorRules, DonorTest


@dataclass(frozen=True)
class PanelResult:
    """One result of one test of the mother's blood; `state` as in the transition table, never DISPUTED."""

    code: str
    test: str
    choice: str
    taken_at: datetime.datetime
    state: str


@dataclass(frozen=True)
class Collection:
    """What the specimens must belong to: a donation with the time of its collection, or the delivery."""

    name: str
    at: datetime.datetime


@dataclass(frozen=True)
class EvidenceFacts:
    """What is known of a donor's infections, and for which collections it must speak."""

    donor: str
    rules: DonorRules
    collections: tuple[Collection, ...]
    results: tuple[PanelResult, ...]


def consent_refusals(donor: str, consent_states: Iterable[str]) -> tuple[Refusal, ...]:
    """Nothing is done with the cells of somebody who has not agreed to it, or no longer does."""
    states = set(consent_states)
    if ConsentState.GIVEN in states:
        return ()
    sentence = (
        "Donor {donor} has withdrawn her consent. Only a new consent changes that."
        if states
        else "No consent of donor {donor} is recorded. Record it first."
    )
    return (refuse(Code.CONSENT_MISSING, sentence, donor=donor),)


def evidence_refusals(facts: EvidenceFacts) -> tuple[Refusal, ...]:
    """Why the results do not show a healthy donor. Any reviewed result that is not acceptable stands in the way for
    good: a repeat that turns out negative does not explain the first one away (21 CFR 1271.80)."""
    found = [*_not_reviewed(facts), *_not_acceptable(facts)]
    if not facts.collections:
        found.append(_nothing_collected(facts))
    for collection in facts.collections:
        found.extend((*_panel(facts, collection), *_window_period(facts, collection)))
    return tuple(found)


def _not_reviewed(facts: EvidenceFacts) -> list[Refusal]:
    waiting = [result for result in facts.results if result.state == ResultState.ENTERED]
    return [
        refuse(
            Code.RESULT_NOT_REVIEWED,
            "Result {result} ({test}) of donor {donor} waits for its review by a second person.",
            result=result.code,
            test=result.test,
            donor=facts.donor,
        )
        for result in waiting
    ]


def _not_acceptable(facts: EvidenceFacts) -> list[Refusal]:
    tests = {test.code: test for test in facts.rules.tests}
    return [
        refuse(
            Code.OUT_OF_SPECIFICATION,
            "Result {result} of donor {donor}: {test} is {choice}, not {acceptable}. Determine the donor ineligible.",
            result=result.code,
            donor=facts.donor,
            test=tests[result.test].title,
            choice=result.choice,
            acceptable=tests[result.test].acceptable,
        )
        for result in facts.results
        if result.state == ResultState.REVIEWED
        and result.test in tests
        and result.choice != tests[result.test].acceptable
    ]


def _nothing_collected(facts: EvidenceFacts) -> Refusal:
    return refuse(
        Code.PANEL_INCOMPLETE,
        "Neither a donation nor the delivery of donor {donor} is recorded: nobody can say whether the specimens were "
        "taken in time. Register the donation first.",
        donor=facts.donor,
    )


def _panel(facts: EvidenceFacts, collection: Collection) -> list[Refusal]:
    """Every test, on a specimen within the window around the collection. A test that lifts the repeat may be replaced
    by the repeat, so `_window_period` asks for it."""
    missing = [
        test for test in facts.rules.tests if not test.lifts_retest and not _passed_in_window(facts, collection, test)
    ]
    untested = [test for test in missing if not any(result.test == test.code for result in facts.results)]
    refusals = [_outside_window(facts, collection, test) for test in missing if test not in untested]
    if untested:
        refusals.insert(
            0,
            refuse(
                Code.PANEL_INCOMPLETE,
                "The panel of donor {donor} is incomplete for {collection}: enter {tests}.",
                donor=facts.donor,
                collection=collection.name,
                tests=_titles(untested),
            ),
        )
    return refusals


def _outside_window(facts: EvidenceFacts, collection: Collection, test: DonorTest) -> Refusal:
    taken = tuple(result.taken_at for result in facts.results if result.test == test.code)
    return refuse(
        Code.SPECIMEN_OUTSIDE_WINDOW,
        "{test}: no reviewed, acceptable result of a specimen within {days} days of the collection on {collected} "
        "({collection}); specimens are of {taken}. Enter one that lies inside.",
        test=test.title,
        days=facts.rules.specimen_window_days,
        collected=collection.at,
        collection=collection.name,
        taken=taken,
    )


def _window_period(facts: EvidenceFacts, collection: Collection) -> list[Refusal]:
    """An infection of the last weeks shows in nucleic acid at once, in antibodies only later."""
    lifting = [test for test in facts.rules.tests if test.lifts_retest]
    if lifting and all(_passed_in_window(facts, collection, test) for test in lifting):
        return []
    due = collection.at + datetime.timedelta(days=facts.rules.retest_days)
    open_tests = [test for test in _repeated(facts.rules) if not _passed_since(facts, test, due)]
    if not open_tests:
        return []
    shortcut = f" or enter {_titles(lifting)} of a specimen taken at the donation" if lifting else ""
    return [
        refuse(
            Code.RETEST_DUE,
            "{collection}: repeat {tests} with a specimen of {due} or later ({days} days after collection){shortcut}.",
            collection=collection.name[:1].upper() + collection.name[1:],
            tests=_titles(open_tests),
            due=due,
            days=facts.rules.retest_days,
            shortcut=shortcut,
        )
    ]


def _repeated(rules: DonorRules) -> tuple[DonorTest, ...]:
    """What the repeat consists of: everything that sees an infection by what the body makes of it."""
    return tuple(test for test in rules.tests if test.kind != "NAT") or rules.tests


def _passed(facts: EvidenceFacts, test: DonorTest) -> list[datetime.datetime]:
    """When the specimens of the reviewed, acceptable results of a test were taken."""
    return [
        result.taken_at
        for result in facts.results
        if result.test == test.code and result.state == ResultState.REVIEWED and result.choice == test.acceptable
    ]


def _passed_in_window(facts: EvidenceFacts, collection: Collection, test: DonorTest) -> bool:
    window = datetime.timedelta(days=facts.rules.specimen_window_days)
    return any(abs(taken_at - collection.at) <= window for taken_at in _passed(facts, test))


def _passed_since(facts: EvidenceFacts, test: DonorTest, due: datetime.datetime) -> bool:
    return any(taken_at >= due for taken_at in _passed(facts, test))


def _titles(tests: Iterable[DonorTest]) -> str:
    return ", ".join(test.title for test in tests)

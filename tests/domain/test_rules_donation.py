"""How tissue must arrive."""

import datetime
from decimal import Decimal
from importlib import resources
from typing import Any

import pytest

from cellbank.domain.rules.donation import ArrivalFacts, arrival_questions, arrival_refusals
from cellbank.domain.specification import load_specification

LIMITS = load_specification((resources.files("cellbank") / "protocols" / "p-mmsc.toml").read_text("utf-8")).donation(
    "cord"
)
AT = datetime.datetime(2026, 1, 10, 12, tzinfo=datetime.UTC)
SECOND = datetime.timedelta(seconds=1)


def facts(hours: int = 6, coldest: str = "2", warmest: str = "8", **given: Any) -> ArrivalFacts:
    received_at = given.pop("received_at", AT + datetime.timedelta(hours=hours))
    return ArrivalFacts(LIMITS, AT, received_at, Decimal(coldest), Decimal(warmest), given.pop("container", "intact"))


CASES = [
    (facts(), [], []),
    (facts(24), [], []),
    (facts(received_at=AT + datetime.timedelta(hours=24) + SECOND), [], ["TOO_LATE"]),
    (facts(48), [], ["TOO_LATE"]),
    (facts(received_at=AT + datetime.timedelta(hours=48) + SECOND), ["TOO_LATE"], ["TOO_LATE"]),
    (facts(warmest="8.01"), [], ["TRANSPORT_TOO_WARM"]),
    (facts(warmest="24"), [], ["TRANSPORT_TOO_WARM"]),
    (facts(warmest="24.01"), ["TRANSPORT_TOO_WARM"], ["TRANSPORT_TOO_WARM"]),
    (facts(coldest="1.99"), [], ["TRANSPORT_TOO_COLD"]),
    (facts(coldest="0"), [], ["TRANSPORT_TOO_COLD"]),
    (facts(coldest="-0.01"), ["TRANSPORT_TOO_COLD"], ["TRANSPORT_TOO_COLD"]),
    (facts(container="leaking"), [], ["OUTSIDE_LIMITS"]),
    (
        facts(49, "-1", "30"),
        ["TOO_LATE", "TRANSPORT_TOO_WARM", "TRANSPORT_TOO_COLD"],
        ["TOO_LATE", "TRANSPORT_TOO_WARM", "TRANSPORT_TOO_COLD"],
    ),
]


@pytest.mark.parametrize(("arrival", "refused", "questioned"), CASES)
def test_arrival(arrival: ArrivalFacts, refused: list[str], questioned: list[str]) -> None:
    assert [reason.code.value for reason in arrival_refusals(arrival)] == refused
    assert [question.code.value for question in arrival_questions(arrival)] == questioned


def test_a_refusal_names_the_tissue_the_reading_and_the_limit() -> None:
    (reason,) = arrival_refusals(facts(warmest="30.5"))
    assert reason.detail.startswith(
        "Umbilical cord was as warm as 30.5 °C on the way; it must stay between 0 and 24 °C."
    )

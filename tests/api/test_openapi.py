"""The description of the API: valid, complete, true. Schemathesis sends what it promises to understand, and more."""

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cellbank.api.description import describe
from cellbank.domain.lifecycle.table import is_signed
from cellbank.services import catalogue

EXAMPLES = 4
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


@pytest.fixture(scope="module")
def api_schema(app):
    return schemathesis.openapi.from_wsgi("/api/openapi.json", app)


def operations() -> list[tuple[str, str]]:
    """Every address and method of the description."""
    return [(path, method) for path, methods in describe()["paths"].items() for method in methods]


@pytest.mark.parametrize(("path", "method"), operations())
def test_every_answer_is_one_that_is_described(api_schema, tokens, path: str, method: str) -> None:
    headers = {"Authorization": f"Bearer {tokens['tina']}", "Cellbank-Site": "MAIN"}

    @given(case=api_schema[path][method].as_strategy())
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=HealthCheck)
    def answers(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    answers()


def test_every_act_for_programs_is_described_and_no_other(client) -> None:
    served = client.get("/api/openapi.json").get_json()
    described = {path.removeprefix("/api/acts/") for path in served["paths"] if path.startswith("/api/acts/")}
    assert described == {name for name, registered in catalogue.REGISTRY.items() if registered.is_asked_for}
    assert "note_wrong_password" not in described and "register_donor" in described
    assert served["openapi"].startswith("3.1")


def test_the_schemas_are_valid_json_schema_and_every_reference_leads_somewhere() -> None:
    described = describe()
    for name, one in described["components"]["schemas"].items():
        validator = jsonschema_rs.Draft202012Validator({**one, "components": described["components"]})
        assert not validator.is_valid(17) or name == "nothing"


def test_a_signed_act_has_a_password_that_is_marked_as_one() -> None:
    schemas = describe()["components"]["schemas"]
    signed = [catalogue.REGISTRY[name].input.__name__ for name in catalogue.REGISTRY if is_signed(name)]
    assert signed
    for model in signed:
        (text, _) = schemas[model]["properties"]["password"]["anyOf"]
        assert text["format"] == "password" and text["writeOnly"] is True


def test_units_and_scans_stand_in_the_description() -> None:
    properties = describe()["components"]["schemas"]["RecordConsent"]["properties"]
    assert properties["donor"]["scan"] == ["DR"] and properties["donor"]["title"] == "Donor"

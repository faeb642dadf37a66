"""Who may: the role, the site, another person, the signature with its proof."""

import dataclasses
import datetime

import pytest

from cellbank.domain import agreement
from cellbank.domain.actor import Actor, Proof
from cellbank.domain.keys import Scope
from cellbank.domain.lifecycle.moves import moves
from cellbank.domain.lifecycle.roles import Meaning, Role
from cellbank.domain.rules.authority import (
    NOT_PROVED,
    role_refusal,
    same_person_refusals,
    signature_refusals,
    site_refusals,
)
from cellbank.domain.rules.signing import Trained

NOW = datetime.datetime(2026, 3, 2, 22, 30, tzinfo=datetime.UTC)  # at Kyiv the third
QUALITY = frozenset({Role.QUALITY_OFFICER})
TRAINED = (Trained("quality_officer", datetime.date(2026, 1, 1), datetime.date(2026, 3, 2)),)
QUINN = Actor(7, "quinn", "Quinn", QUALITY, 1, "UTC", agreement.VERSION, TRAINED, site_code="MAIN")
SIGNED = moves("lot", "release_lot", "QUARANTINE > RELEASED", QUALITY, Meaning.RELEASED)
PROVED = moves("person", "end_session", "ACTIVE =", QUALITY, proved=True)
PLAIN = moves("lot", "record_filling", "IN_PROCESS =", QUALITY)


def test_a_role_is_named_and_the_installation_is_nobody_to_ask() -> None:
    refusal = role_refusal("Release a lot", frozenset({Role.QUALITY_OFFICER, Role.SYSTEM}))
    assert (refusal.code, refusal.detail) == (
        "ROLE_NOT_ALLOWED",
        "“Release a lot” is for: quality officer. Ask one of them.",
    )
    assert "nobody here" in role_refusal("Note", frozenset({Role.SYSTEM})).detail


@pytest.mark.parametrize(
    ("roles", "scope", "of", "codes"),
    [
        (QUALITY, None, "MAIN", []),
        (QUALITY, None, "CLINIC", ["OTHER_SITE"]),
        ({Role.ADMINISTRATOR}, None, "CLINIC", []),
        ({Role.AUDITOR}, None, "CLINIC", []),
        ({Role.AUDITOR}, Scope(site="MAIN"), "CLINIC", ["OTHER_SITE"]),
        ({Role.SYSTEM}, None, "CLINIC", []),
    ],
)
def test_a_record_is_touched_at_its_site(roles: set[Role], scope: Scope | None, of: str, codes: list[str]) -> None:
    actor = dataclasses.replace(QUINN, roles=frozenset(roles), scope=scope)
    assert [one.code for one in site_refusals(actor, of, "Lot LT1")] == codes


def test_whoever_worked_on_it_needs_another_person() -> None:
    assert [one.code for one in same_person_refusals(QUINN, {3, 7}, "lot LT1", "Release a lot")] == ["SAME_PERSON"]
    assert same_person_refusals(QUINN, {3, None}, "lot LT1", "Release a lot") == ()


def signing(
    actor: Actor = QUINN, rows=SIGNED, proof: Proof | None = Proof.RIGHT, *, dry_run: bool = False
) -> list[str]:
    return [one.code for one in signature_refusals(actor, rows, proof, "Release a lot", NOW, dry_run=dry_run)]


def test_a_signature_needs_its_proof_and_a_check_does_not() -> None:
    assert signing() == []
    assert signing(proof=None) == ["SIGNATURE_NEEDED"]
    assert signing(proof=None, dry_run=True) == []
    assert signing(rows=PROVED, proof=None) == ["SIGNATURE_NEEDED"]
    assert signing(rows=PLAIN, proof=None) == []


@pytest.mark.parametrize("proof", list(NOT_PROVED))
def test_what_does_not_prove_signs_nothing(proof: Proof) -> None:
    assert signing(proof=proof) == [NOT_PROVED[proof][0]] == signing(rows=PROVED, proof=proof)
    assert set(NOT_PROVED) == set(Proof) - {Proof.RIGHT}


def test_a_training_counts_on_the_days_of_the_site() -> None:
    assert signing() == []
    assert signing(dataclasses.replace(QUINN, zone="Europe/Kyiv")) == ["TRAINING_EXPIRED"]
    assert signing(dataclasses.replace(QUINN, zone="Europe/Kyiv"), rows=PROVED) == []


def test_who_has_no_role_for_it_hears_that_and_nothing_of_training() -> None:
    assert signing(dataclasses.replace(QUINN, roles=frozenset({Role.TECHNICIAN}), trained=())) == []

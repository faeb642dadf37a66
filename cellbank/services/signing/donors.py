"""What a donor is determined eligible by, or not: her consents, her donations, every result; and what is open of it."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from cellbank.domain.lifecycle.states import ConsentState, DonationState
from cellbank.domain.refusals import Refusal
from cellbank.domain.rules.donor import Collection, EvidenceFacts, consent_refusals, evidence_refusals
from cellbank.outside.document_pdf import Block, Cell, Heading, Run, Table, Text
from cellbank.services.common import read_specification
from cellbank.services.production.donors import donation_collection
from cellbank.services.quality.release_board import consent_states, panel_results
from cellbank.services.signing.in_words import as_word
from cellbank.services.signing.reading import Reading
from cellbank.services.signing.results import results_blocks

CONSENTS = ("Consent", "Version", "Scope", "Given on", "State")
DONATIONS = ("Donation", "Tissue", "Collected", "State", "Why a quality officer decides")
_CONSENTS = text("SELECT * FROM consent WHERE donor_id = ANY(:ids) ORDER BY given_on DESC, id DESC")
_DONATIONS = text("SELECT * FROM donation WHERE donor_id = ANY(:ids) ORDER BY collected_at, id")
_OF_DONATIONS = text("SELECT donor_id FROM donation WHERE id = ANY(:ids)")
_RESULTS = text("SELECT id FROM test_result WHERE donor_id = ANY(:ids) ORDER BY test, started_at, id")
# As `determine_eligibility` takes it: the one that is named, or the only one in force.
_SPECIFICATION = text(
    """SELECT content FROM definition WHERE type = 'specification' AND state = 'EFFECTIVE'
          AND (CAST(:identifier AS text) IS NULL OR identifier = :identifier)"""
)


def of_the_donor(reading: Reading) -> list[Block]:
    """Consents, donations and results of the donor, or of the mother of the donation, that the form names."""
    donors = reading.named.get("donor") or list(
        reading.connection.scalars(_OF_DONATIONS, {"ids": reading.named.get("donation", [])})
    )
    ids = list(reading.connection.scalars(_RESULTS, {"ids": donors}))
    results = results_blocks(reading.connection, ids, reading.time) if ids else [Text("No result is entered.", "alarm")]
    return [*_consents(reading, donors), *_donations(reading, donors), *results]


def _consents(reading: Reading, donors: Sequence[int]) -> list[Block]:
    rows = reading.connection.execute(_CONSENTS, {"ids": donors})
    lines = tuple(
        (Run(one.code, "code"), one.version, as_word(one.scope), f"{one.given_on}", _standing(one)) for one in rows
    )
    nothing = Text("No consent is recorded.", "alarm")
    return [Heading("Consent"), Table(CONSENTS, lines, (0.15, 0.15, 0.3, 0.15, 0.25)) if lines else nothing]


def _standing(consent: Any) -> Cell:
    if consent.state == ConsentState.GIVEN:
        return as_word(consent.state)
    return Run(as_word(consent.state), "alarm"), Run(f"{consent.withdrawn_on}: {consent.withdrawal_reason}")


def _donations(reading: Reading, donors: Sequence[int]) -> list[Block]:
    rows = tuple(
        (
            Run(one.code, "code"),
            as_word(one.tissue),
            reading.time(one.collected_at),
            as_word(one.state),
            tuple(Run(asked["detail"]) for asked in one.questions or ()) or "–",
        )
        for one in reading.connection.execute(_DONATIONS, {"ids": donors})
    )
    return [Heading("Donations"), Table(DONATIONS, rows, (0.22, 0.13, 0.2, 0.15, 0.3))] if rows else []


def in_the_way(reading: Reading, ids: Sequence[int]) -> Iterator[Refusal]:
    """Why these donors could not be determined eligible now; nothing where nobody can say by which specification."""
    found = list(reading.connection.scalars(_SPECIFICATION, {"identifier": reading.given.get("specification") or None}))
    if len(found) != 1:
        return
    rules = read_specification(found[0]).donor
    with Session(reading.connection, autoflush=False) as session:
        for donor in session.execute(text("SELECT * FROM donor WHERE id = ANY(:ids)"), {"ids": list(ids)}):
            results = panel_results(session, donor.id)
            yield from consent_refusals(donor.code, consent_states(session, donor.id))
            yield from evidence_refusals(EvidenceFacts(donor.code, rules, _collections(reading, donor), results))


def _collections(reading: Reading, donor: Any) -> tuple[Collection, ...]:
    rows = reading.connection.execute(_DONATIONS, {"ids": [donor.id]})
    found = tuple(
        donation_collection(one.code, one.collected_at) for one in rows if one.state != DonationState.REJECTED
    )
    if found or donor.delivered_at is None:
        return found
    return (Collection("the delivery", donor.delivered_at),)

"""What stands in front of whoever signs: all that the digest of the signature will cover, what that rests on, and what
is still open about it. The page of every signed act shows it above the password."""

import datetime
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cellbank.domain.lifecycle.table import is_signed
from cellbank.outside.document_pdf import Block
from cellbank.records.base import as_json
from cellbank.services.documents.papers import as_blocks, snapshot
from cellbank.services.finding.seeing import unseen
from cellbank.services.installation import Installation
from cellbank.services.signing.corrections import correction_blocks
from cellbank.services.signing.covered import Covered, covered, named_records, scan_fields
from cellbank.services.signing.definitions import content_blocks
from cellbank.services.signing.deviations import of_the_deviation
from cellbank.services.signing.donors import of_the_donor
from cellbank.services.signing.doses import calculation_blocks, for_whom, order_blocks, what_was_drawn
from cellbank.services.signing.eligibility import answers_blocks
from cellbank.services.signing.excursions import what_stood_there
from cellbank.services.signing.in_words import Parts, shown_records, written_here
from cellbank.services.signing.lots import batch_record, release_criteria
from cellbank.services.signing.paper_forms import entered_blocks, form_blocks, irregular_blocks, written_blocks
from cellbank.services.signing.probes import limits_asked
from cellbank.services.signing.reading import Foreseen, Reading
from cellbank.services.signing.results import results_blocks
from cellbank.services.signing.still_open import Open, still_open
from cellbank.services.signing.treatment import what_is_decided
from cellbank.services.trail.stretch import Stretch, read_stretch
from cellbank.services.wording.values import clock

__all__ = ["Open", "ToSign", "scan_fields", "to_sign"]

# Signed columns that say more than a pair of label and value can.
PARTS: Parts = {
    ("subject", "answers"): answers_blocks,
    ("dose", "calculation"): calculation_blocks,
    ("definition", "content"): content_blocks,
    ("dose_paper", "content"): form_blocks,
    ("dose_paper", "irregular"): irregular_blocks,
}
# Kinds of record of which a table of their own shows all that is signed.
TABLES: Mapping[str, Callable[..., list[Block]]] = {"test_result": results_blocks}
# What whoever signs this act reads besides the record itself, for the decision rests on it.
BESIDE: Mapping[str, Callable[[Reading], list[Block]]] = {
    "release_lot": release_criteria, "reject_lot": release_criteria, "recall_lot": release_criteria,
    "request_conditional_release": release_criteria, "review_batch_record": batch_record,
    "close_deviation": of_the_deviation, "lower_deviation": of_the_deviation, "reopen_deviation": of_the_deviation,
    "invalidate_result": of_the_deviation, "accept_short_dose": what_was_drawn,
    "continue_treatment": what_is_decided, "determine_eligibility": of_the_donor, "decide_donation": of_the_donor,
    "decide_excursion": what_stood_there, "end_silence": what_stood_there, "change_probe_limits": limits_asked,
}  # fmt: skip
# What stands first: whom it is about.
AHEAD: Mapping[str, Callable[[Reading], list[Block]]] = {
    act: for_whom
    for act in (
        "accept_short_dose",
        "plan_dose_anew",
        "check_dose",
        "enter_dose_from_paper",
        "confirm_dose_from_paper",
        "take_back_paper_form",
    )
}
# What the act itself works out and signs, by its own check of what the form says: nobody signs before it stood on the
# page.
FORESEEN: Mapping[str, Callable[[Reading, Foreseen], list[Block]]] = {
    "order_dose": order_blocks,
    "enter_dose_from_paper": entered_blocks,
    "confirm_dose_from_paper": written_blocks,
    "correct_fact": correction_blocks,
}
# Acts of which the form says more than codes about what is signed.
ABOUT_MORE = {"review_trail"}


@dataclass(frozen=True)
class ToSign:
    """The content of a signature before it is given. `seen` names all of it: whoever signs sends it back, so that
    nothing is signed that was not on the page. `waits`: the act works out what is signed, and has not yet."""

    blocks: tuple[Block, ...]
    open: tuple[Open, ...]
    seen: str
    stretch: Stretch | None = None
    waits: bool = False


def to_sign(
    installation: Installation,
    act: str,
    given: Mapping[str, Any],
    now: datetime.datetime,
    foreseen: Foreseen | None = None,
) -> ToSign | None:
    """What a signature of this act would cover, for a form that says `given`; None where nothing is signed, and while
    the form names no record that the reader may see. `foreseen` is the answer of the act's own check, if it would be
    recorded."""
    if not is_signed(act):
        return None
    with snapshot(installation.engine) as connection:
        named = {
            kind: [one for one in ids if not unseen(connection, installation.site, kind, one)]
            for kind, ids in named_records(connection, act, given).items()
        }
        person, today = (
            installation.reader.id if installation.reader else None,
            now.astimezone(installation.zone).date(),
        )
        reading = Reading(
            connection, act, given, named, clock(installation.zone), now, today, installation.site, person
        )
        stretch = read_stretch(reading.connection, given, installation.site) if act in ABOUT_MORE else None
        if not any(named.values()) and stretch is None:
            return None
        records = list(covered(connection, act, named))
        blocks = AHEAD[act](reading) if act in AHEAD else []
        blocks += [block for one in records for block in _of_kind(reading, one)]
        blocks += BESIDE[act](reading) if act in BESIDE else []
        blocks += FORESEEN[act](reading, foreseen) if foreseen is not None and act in FORESEEN else []
        blocks += [block for one in records if act not in FORESEEN for block in written_here(one)]
        about = {one.kind: one.ids for one in records if one.ids} or {k: tuple(ids) for k, ids in named.items()}
        still = tuple(item for kind, ids in about.items() for item in still_open(reading, kind, ids))
        seen = _digest(act, blocks, still, stretch)
        return ToSign(tuple(blocks), still, seen, stretch, waits=act in FORESEEN and foreseen is None)


def _of_kind(reading: Reading, one: Covered) -> list[Block]:
    if not one.ids:
        return []
    if one.kind in TABLES:
        return TABLES[one.kind](reading.connection, one.ids, reading.time)
    return shown_records(reading.connection, one, PARTS, reading.time)


def _digest(act: str, blocks: Sequence[Block], still: Sequence[Open], stretch: Stretch | None) -> str:
    said = [act, as_blocks(blocks), [[one.sentence, one.facts] for one in still], stretch and stretch.name]
    return hashlib.sha256(as_json(said).encode()).hexdigest()

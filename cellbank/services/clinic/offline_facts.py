"""What happened at the bed without the network and is not accepted as it was told: a start without its two checks, a
reaction to a dose that by the record does not run. It is a fact all the same: a critical deviation of the dose keeps it
in words. So quality knows of it, and no dose of this patient goes on before a clinician has decided
(`a_decision_comes_before_the_next_dose`); the dose itself is entered from its bedside form.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from cellbank.domain.actor import Actor
from cellbank.domain.entering import written_out
from cellbank.domain.refusals import Refusal
from cellbank.domain.scans import Scan, read_scan
from cellbank.domain.wall import on_the_wall
from cellbank.services.acts import find_act, run_act
from cellbank.services.installation import Installation
from cellbank.services.parsing import following_key

HAPPENED = frozenset({"start_infusion", "stop_infusion", "record_reaction"})
"""What is done to the patient. A check that is not accepted is none."""
LONGEST = 4000


@dataclass(frozen=True)
class Told:
    """An act as the screen kept it: `given` as it was typed there."""

    act: str
    dose: str
    at: datetime.datetime
    given: Mapping[str, str]


def keep_what_happened(
    installation: Installation, told: Told, why_not: Sequence[Refusal | str], actor: Actor, sent_by: Mapping[str, Any]
) -> str | None:
    """The code of the deviation that keeps it, made once for an act however often it is sent; None where nothing was
    done to a patient, or the dose is none of this site's. `sent_by`: when, through which door, under which key."""
    if told.act not in HAPPENED:
        return None
    happened_at = min(told.at, sent_by["now"])
    records = [told.dose] if isinstance(read_scan(told.dose), Scan) else []  # else its words are kept all the same
    given = {
        "records": records,
        "classification": "critical",
        "occurred_at": happened_at.isoformat(),
        "title": f"Kept at the bedside without the network, and not accepted: {find_act(told.act).title}"[:200],
        "description": _in_words(told, records, why_not, actor)[:LONGEST],
    }
    kept = run_act(
        installation, "open_deviation", given, actor, **{**sent_by, "key": following_key(sent_by["key"], "kept")}
    )
    return str(kept.result["code"]) if kept.accepted else None


def _in_words(told: Told, records: Sequence[str], why_not: Sequence[Refusal | str], actor: Actor) -> str:
    registered = find_act(told.act)
    fields = registered.input.model_fields
    values = [
        f"{fields[name].title if name in fields else written_out(name)}: {written_out(value)}"
        for name, value in told.given.items()
        if name != "dose" or value not in records
    ]
    zone = ZoneInfo(actor.zone)
    reasons = [written_out(one.at_site(zone).detail if isinstance(one, Refusal) else one) for one in why_not]
    what = f"{registered.title}, {on_the_wall(told.at, zone)}, by {actor.full_name}. {'; '.join(values)}".strip()
    return "\n".join([what, "Not accepted as it was told:", *reasons])

"""How a document says what an act did: columns with labels and units, times with their zone, a line for each change."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cellbank.domain.identifiers import printed
from cellbank.services.documents.chain import Change
from cellbank.services.wording.values import Clock, ranges, value_text, word

# What is told of each column that an act wrote: its label and its unit. Columns that stand here for no kind are keys of
# other rows, codes that the line already has, calculations that have a table of their own, or who a subject is.
LABELS: dict[str, tuple[str, str]] = {
    "pseudonym": ("Pseudonym", ""), "birth_year": ("Year of birth", ""), "delivered_at": ("Delivery", "time"),
    "delivery": ("Mode of delivery", ""), "gestation_weeks": ("Gestation", "weeks"),
    "eligibility_reason": ("Reason", ""), "version": ("Version", ""), "scope": ("Scope", ""),
    "given_on": ("Given on", ""), "withdrawn_on": ("Withdrawn on", ""), "withdrawal_reason": ("Reason", ""),
    "tissue": ("Tissue", ""), "collected_at": ("Collected", "time"), "received_at": ("Received", "time"),
    "transport_min_c": ("Transport from", "°C"), "transport_max_c": ("to", "°C"), "mass_g": ("Mass", "g"),
    "length_cm": ("Length", "cm"), "integrity": ("Integrity", ""), "decision_reason": ("Reason", ""),
    "passage": ("Passage", ""), "method": ("Method", ""), "started_at": ("Started", "time"), "vessel": ("Vessel", ""),
    "area_cm2": ("Area", "cm²"), "cells_seeded": ("Viable cells seeded", "cells"),
    "harvested_at": ("Harvested", "time"), "cells_harvested": ("Total cells", "cells"),
    "viability_percent": ("Viability", "%"), "confluence_percent": ("Confluence", "%"),
    "cells_left": ("Cells left", "cells"), "cells_lost": ("Cells discarded", "cells"),
    "population_doublings": ("Population doublings", ""), "cumulative_doublings": ("Doublings in all", ""),
    "note": ("Note", ""), "harvest_note": ("Note at the harvest", ""), "end_note": ("Note at the end", ""),
    "purpose": ("Purpose", ""), "cells_per_vial": ("Cells per vial", "cells"),
    "volume_ml": ("Volume", "mL"), "cryoprotectant": ("Cryoprotectant", ""), "dmso_percent": ("DMSO", "%"),
    "planned_vial_count": ("Vials", ""), "sample_cells": ("In samples", "cells"), "lost_cells": ("Lost", "cells"),
    "fill_started_at": ("Filling from", "time"), "frozen_at": ("Frozen from", "time"),
    "freezing_program": ("Freezing program", ""), "expires_on": ("Expires", ""), "reason": ("Reason", ""),
    "sealed_at": ("Sealed", "time"), "sent_at": ("Handed over", "time"),
    "lift_reason": ("Reason", ""), "trial_number": ("Trial number", ""), "sex": ("Sex", ""),
    "consented_on": ("Consented on", ""), "arm": ("Arm", ""),
    "weight_kg": ("Weight", "kg"), "measured_at": ("Measured", "time"), "infusion_number": ("Infusion", ""),
    "day": ("Day", ""), "planned_on": ("Planned for", ""), "study_day": ("Study day", ""),
    "required_cells": ("Cells needed", "cells"), "vials_needed": ("Vials", ""), "vials_spare": ("Spare vials", ""),
    "deviation_reason": ("Deviation", ""), "planned_anew_because": ("Planned anew", ""),
    "thaw_started_at": ("Thaw began", "time"),
    "expires_at": ("Use before", "time"), "diluent": ("Diluent", ""), "pooled_ml": ("Pooled", "mL"),
    "total_cells_per_ml": ("Total cells per mL", "cells"), "count_method": ("Method", ""),
    "draw_ml": ("Drawn", "mL"), "delivered_cells": ("Viable cells drawn", "cells"),
    "delivered_percent": ("Of the dose", "%"), "is_short": ("Short dose", ""),
    "short_dose_reason": ("Short dose accepted", ""), "final_volume_ml": ("Final volume", "mL"),
    "band_reason": ("Reason", ""), "infusion_started_at": ("Started", "time"),
    "infusion_stopped_at": ("Stopped", "time"), "volume_given_ml": ("Given", "mL"), "residual_ml": ("Left over", "mL"),
    "given_cells": ("Viable cells given", "cells"), "given_percent": ("Given, of the dose", "%"),
    "reaction": ("Reaction", ""), "text": ("Reaction", ""), "is_serious": ("Serious", ""),
    "outcome_reason": ("Reason", ""), "out_of_service_reason": ("Reason", ""),
}  # fmt: skip


@dataclass(frozen=True)
class ActLine:
    """One line about one record, or several treated alike; `corrected` when something noted before was replaced."""

    text: str
    corrected: bool = False


def lines_of(changes: Iterable[Change], numbers: Mapping[str, int], time: Clock) -> list[ActLine]:
    """What the changes of one act say, vials with the same news together; `numbers` are those of the vials."""
    news: dict[tuple[str, str, bool], list[Change]] = {}
    for change in changes:
        if change.kind != "printing":  # labels have a table of their own
            news.setdefault((change.kind, *_news(change, time)), []).append(change)
    return [
        ActLine(f"{_named(changed, numbers)}: {said}", corrected) if said else ActLine(_named(changed, numbers))
        for (_, said, corrected), changed in news.items()
        if said or changed[0].before is None
    ]


def _named(changes: list[Change], numbers: Mapping[str, int]) -> str:
    if changes[0].kind != "vial":
        return ", ".join(f"{word(change.kind).capitalize()} {printed(change.record)}" for change in changes)
    found = sorted(numbers[change.record] for change in changes)
    return f"{'Vial' if len(found) == 1 else 'Vials'} {ranges(found)}"


# Columns that go on counting, or that a later step of the same work fills again: a new value corrects nothing.
_GOES_ON = {
    "cells_left", "cells_lost", "sample_cells", "lost_cells", "cumulative_doublings", "reaction", "expires_at",
    "draw_ml", "delivered_cells", "delivered_percent",
}  # fmt: skip


def _news(change: Change, time: Clock) -> tuple[str, bool]:
    """What an act says of one record, state first; and whether it replaced what had been noted."""
    before, after = change.before or {}, change.after
    state = after.get("state")
    parts, corrected = [word(state)] if state else [], False
    for column, (label, unit) in LABELS.items():
        value, earlier = after.get(column), before.get(column)
        if value is None or (value == 0 and column in _GOES_ON and not earlier):
            continue
        said = f"{label} {value_text(value, unit, time)}"
        if earlier:
            said += f" (was {value_text(earlier, unit, time)})"
            corrected = corrected or column not in _GOES_ON
        parts.append(said)
    return "; ".join(parts), corrected

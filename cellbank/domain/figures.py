"""The figures of a definition that the database reckons with itself.

They are kept beside the file when it is imported, exact, as text or whole numbers. Twins: `cells_required`,
`usable_until` and `kept_until` of the database (`migrations/database/definitions.sql`).
"""

from typing import Any

from cellbank.domain.protocol import Protocol
from cellbank.domain.specification import Specification


def figures_of(definition: Protocol | Specification) -> dict[str, Any]:
    """Of a protocol: cells per kg, or of a fixed dose, and their cap; whether a second person confirms a weight; hours
    until thawed cells expire, at most and in each diluent. Of a specification: months that a lot keeps, by purpose."""
    if isinstance(definition, Specification):
        return {"months": {shelf.code: shelf.months for shelf in definition.freezing.shelf_life}}
    dosing, thaw = definition.dosing, definition.thaw
    return {
        "cells_per_kg": dosing.cells_per_kg,
        "cells": dosing.cells,
        "cap_cells": dosing.cap_cells,
        "second_person": dosing.weight.second_person,
        "max_hours": str(thaw.max_hours),
        "hours_in": {diluent.code: str(diluent.hours_to_expiry) for diluent in thaw.diluents},
    }

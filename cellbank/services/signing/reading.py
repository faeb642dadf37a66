"""What the contents of signature pages are read from: one snapshot, the records that the form names, the clock."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from cellbank.services.wording.values import Clock

Foreseen = Mapping[str, Any]  # what an act showed when it was only checked


@dataclass(frozen=True)
class Reading:
    """One page before a signature. `site` is the reader's, None for one who reads all."""

    connection: Connection
    act: str
    given: Mapping[str, Any]
    named: Mapping[str, list[int]]
    time: Clock
    now: datetime.datetime
    today: datetime.date  # where it is read
    site: int | None
    person: int | None

    def code_of(self, kind: str) -> str | None:
        """The code of the first record of this kind that the form names."""
        ids = self.named.get(kind)
        return self.connection.scalar(text(f"SELECT code FROM {kind} WHERE id = :id"), {"id": ids[0]}) if ids else None

"""How a deviation comes into being, by hand or within another act, and what it is linked to."""

import datetime
from collections.abc import Sequence

from cellbank.domain.identifiers import Kind
from cellbank.domain.rules.deviation import Classification, due_day
from cellbank.records.base import Record
from cellbank.records.deviations import Deviation, DeviationLink
from cellbank.records.work import Work
from cellbank.services.common import new_code
from cellbank.services.finding.lineage import Touched, as_touched, with_what_they_are_of
from cellbank.services.site_time import local_day


def open_with_links(
    work: Work,
    *,
    title: str,
    description: str,
    classification: Classification,
    occurred_at: datetime.datetime,
    records: Sequence[Record],
) -> Deviation:
    """Open a deviation within another act, linked to these records and to what they are of; call it after the
    judgement, with the records in the database."""
    links = with_what_they_are_of(work, as_touched(records))
    return opened(work, links, title, description, classification, occurred_at)


def opened(
    work: Work,
    links: Sequence[Touched],
    title: str,
    description: str,
    classification: Classification,
    occurred_at: datetime.datetime,
) -> Deviation:
    """Open a deviation about these."""
    deviation = work.add(
        Deviation(
            site_id=work.actor.site_id,
            code=new_code(work, Kind.DEVIATION),
            title=title,
            description=description,
            classification=classification,
            occurred_at=occurred_at,
            due_on=due_day(local_day(work, work.now), classification),
            opened_by_id=work.actor.id,
        )
    )
    link(work, deviation, links)
    return deviation


def link(work: Work, deviation: Deviation, links: Sequence[Touched]) -> None:
    """Link a deviation to these too."""
    rows = [
        {"deviation_id": deviation.id, "record_kind": kind, "record_id": record_id, "record_code": code}
        for kind, record_id, code in links
    ]
    work.note_many(DeviationLink, rows)

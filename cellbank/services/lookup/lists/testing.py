"""Lists of results, and of the samples that wait for one, each of a lot, a culture, a donation or a donor."""

from typing import Any

from sqlalchemy import FromClause, func

from cellbank.records.production import Culture, Donation, Donor, Lot
from cellbank.records.quality import Sample, TestResult
from cellbank.services.lookup.lists.listing import Column, Listing, Look, of_site

_TESTED = (Lot, Culture, Donation, Donor)
_CODE = func.coalesce(*(one.code for one in _TESTED))
_SITE = func.coalesce(*(one.site_id for one in _TESTED))


def _with_tested(record: Any) -> FromClause:
    """The record with what was tested."""
    found: FromClause = record.__table__
    for one in _TESTED:
        found = found.outerjoin(one.__table__, getattr(record, f"{one.__tablename__}_id") == one.id)
    return found


LISTS = {
    "results": Listing(
        "Results",
        "clipboard2-data",
        TestResult,
        {
            "test": Column("Test", TestResult.test),
            "of": Column("Of", _CODE),
            "value": Column(
                "Value",
                func.coalesce(
                    TestResult.choice, func.concat_ws(" ", func.trim_scale(TestResult.number), TestResult.unit)
                ),
            ),
            "verdict": Column("Verdict", TestResult.verdict, Look.WORD),
            "resulted_at": Column("Resulted", TestResult.resulted_at),
        },
        (TestResult.test, _CODE),
        (TestResult.resulted_at.desc(), TestResult.id.desc()),
        "enter_result",
        source=_with_tested(TestResult),
        here=of_site(_SITE),
    ),
    "samples": Listing(
        "Samples",
        "droplet-half",
        Sample,
        {
            "test": Column("Test", Sample.test),
            "of": Column("Of", _CODE),
            "material": Column("Material", Sample.material),
            "taken_at": Column("Taken", Sample.taken_at),
            "due_on": Column("Due", Sample.due_on),
        },
        (Sample.test, _CODE, Sample.material),
        (Sample.due_on, Sample.id),
        "take_sample",
        source=_with_tested(Sample),
        here=of_site(_SITE),
    ),
}

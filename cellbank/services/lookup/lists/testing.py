"""Lists of results, and of the samples that wait for one, each of a lot, a culture, a donation or a donor."""

from sqlalchemy import func

from cellbank.records.production import Culture, Donation, Donor, Lot
from cellbank.records.quality import Sample, TestResult
from cellbank.services.lookup.lists.listing import Column, Listing, Look, of_site, with_each

_TESTED = (Lot, Culture, Donation, Donor)
_CODE = func.coalesce(*(one.code for one in _TESTED))
_SITE = func.coalesce(*(one.site_id for one in _TESTED))


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
        source=with_each(TestResult, _TESTED),
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
        source=with_each(Sample, _TESTED),
        here=of_site(_SITE),
    ),
}

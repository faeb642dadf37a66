"""What a test was done on: a donor, a donation, a culture or a lot; with the specification that judges the result."""

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text

from cellbank.domain.identifiers import printed
from cellbank.domain.refusals import Code, Refusal, Refused, refuse
from cellbank.domain.rules.result import SamplingFacts
from cellbank.domain.specification import DonorTest, ReleaseTest, Specification, Stage
from cellbank.records.production import Culture, Donation, Donor, Lot
from cellbank.records.quality import Sample, TestResult
from cellbank.records.work import Work
from cellbank.services.common import effective, read_specification, specification_of

RECORDS: dict[str, type[Donor | Donation | Culture | Lot]] = {
    "donor": Donor,
    "donation": Donation,
    "culture": Culture,
    "lot": Lot,
}
STAGES: dict[str, tuple[Stage, ...]] = {
    "donation": ("tissue",),
    "culture": ("in_process",),
    "lot": ("lot", "post_thaw"),
}
BEGUN = {"donation": "was collected", "culture": "was started", "lot": "was collected as tissue"}


# For statements about results or samples: the code of what was tested, and the joins that it takes.
TESTED_CODE = "coalesce(l.code, c.code, n.code, d.code)"


def join_tested(alias: str) -> str:
    """The joins from a result or a sample of this alias to what was tested."""
    return f"""LEFT JOIN lot l ON l.id = {alias}.lot_id LEFT JOIN culture c ON c.id = {alias}.culture_id
           LEFT JOIN donation n ON n.id = {alias}.donation_id LEFT JOIN donor d ON d.id = {alias}.donor_id"""


@dataclass(frozen=True)
class Tested:
    """A record that was tested. `begun_at`: before this there was nothing to take a sample of."""

    kind: str
    id: int
    site_id: int
    code: str
    specification: Specification
    begun_at: datetime.datetime | None
    frozen_at: datetime.datetime | None

    @property
    def called(self) -> str:
        """How a sentence names it: 'lot LT0017W'."""
        return f"{self.kind} {printed(self.code)}"

    @property
    def tests(self) -> tuple[ReleaseTest | DonorTest, ...]:
        """The tests that its specification has for it."""
        if self.kind == "donor":
            return self.specification.donor.tests
        return tuple(test for test in self.specification.tests if test.stage in STAGES[self.kind])

    def test(self, code: str) -> ReleaseTest | DonorTest | None:
        """The test with this code; None when the specification has none such for it."""
        return next((test for test in self.tests if test.code == code), None)

    def no_test(self, code: str) -> Refusal:
        """The refusal of a test that the specification does not have for it."""
        return refuse(
            Code.NOT_FOUND,
            "Specification {specification} has no test {test} for a {subject}. It has: {known}.",
            specification=f"{self.specification.id}@{self.specification.version}",
            test=code,
            subject=self.kind,
            known=", ".join(test.code for test in self.tests) or "none",
        )

    def sampling(self, test: ReleaseTest, taken_at: datetime.datetime) -> SamplingFacts:
        """The facts of a sample of it."""
        assert self.begun_at is not None  # only a donor has no beginning, and she has no release tests
        return SamplingFacts(self.called, test, taken_at, BEGUN[self.kind], self.begun_at, self.frozen_at)


# A donor's tests are those of her latest donation; before there is one, those of the specification in force.
_FOUND = text(
    """SELECT 'donor' AS kind, d.id, d.site_id, d.code,
              (SELECT n.specification_id FROM donation n WHERE n.donor_id = d.id ORDER BY n.received_at DESC LIMIT 1)
                AS specification_id, CAST(NULL AS timestamptz) AS begun_at, CAST(NULL AS timestamptz) AS frozen_at
         FROM donor d WHERE d.code = ANY(:donor) OR d.id = ANY(:donor_ids)
       UNION ALL SELECT 'donation', n.id, n.site_id, n.code, n.specification_id, n.collected_at, NULL
         FROM donation n WHERE n.code = ANY(:donation) OR n.id = ANY(:donation_ids)
       UNION ALL SELECT 'culture', c.id, c.site_id, c.code, n.specification_id, c.started_at, NULL
         FROM culture c JOIN donation n ON n.id = c.donation_id WHERE c.code = ANY(:culture) OR c.id = ANY(:culture_ids)
       UNION ALL SELECT 'lot', l.id, l.site_id, l.code, l.specification_id, n.collected_at, l.frozen_at
         FROM lot l JOIN donation n ON n.id = l.donation_id WHERE l.code = ANY(:lot) OR l.id = ANY(:lot_ids)"""
)


def find_all_tested(work: Work, codes: Mapping[str, Collection[str]]) -> dict[tuple[str, str], Tested]:
    """The records with these codes, by kind and code; those that are not here are left out."""
    return {(one.kind, one.code): one for one in _read(work, codes, {})}


def tested_of(work: Work, records: Collection[TestResult | Sample]) -> dict[tuple[str, int], Tested]:
    """What these results or samples are of, by kind and id (`subject_of`)."""
    ids: dict[str, set[int]] = {kind: set() for kind in RECORDS}
    for record in records:
        kind, record_id = subject_of(record)
        ids[kind].add(record_id)
    return {(one.kind, one.id): one for one in _read(work, {}, ids)}


def subject_of(record: TestResult | Sample) -> tuple[str, int]:
    """The kind and the id of what a result or a sample is of."""
    return next((kind, found) for kind in RECORDS if (found := getattr(record, f"{kind}_id")) is not None)


def _read(work: Work, codes: Mapping[str, Collection[str]], ids: Mapping[str, Collection[int]]) -> list[Tested]:
    given = {kind: list(codes.get(kind, ())) for kind in RECORDS}
    given_ids = {f"{kind}_ids": list(ids.get(kind, ())) for kind in RECORDS}
    return [_tested(work, row) for row in work.session.execute(_FOUND, {**given, **given_ids}).all()]


def _tested(work: Work, row: Any) -> Tested:
    if row.specification_id is None:
        specification = read_specification(effective(work, "specification").content)
    else:
        specification = specification_of(work.session, row.specification_id)
    work.sites[row.kind, row.id] = row.site_id
    return Tested(row.kind, row.id, row.site_id, row.code, specification, row.begun_at, row.frozen_at)


def find_tested(work: Work, kind: str, code: str) -> Tested:
    """The record of this kind with this code. Refuses NOT_FOUND."""
    found = find_all_tested(work, {kind: [code]}).get((kind, code))
    if found is None:
        work.find(RECORDS[kind], code)  # says so
    assert found is not None
    work.about = code
    return found


def find_test(tested: Tested, code: str) -> ReleaseTest | DonorTest:
    """A test of it. Refuses NOT_FOUND, naming those that there are."""
    test = tested.test(code)
    if test is None:
        raise Refused([tested.no_test(code)])
    return test


def keep_still(work: Work, tested: Collection[Tested], *, stopping: bool) -> list[Lot]:
    """Keep what was tested, and every lot below, as it is until the act ends: none is released while a result comes in.

    With `stopping` they are locked, because a result may stop them. Returns the lots.
    """
    for kind in ("donor", "donation", "culture"):
        cls, ids = RECORDS[kind], sorted(one.id for one in tested if one.kind == kind)
        _locked(work, cls, ids, stopping=stopping)
    return _locked(work, Lot, sorted(lots_of_tested(work, tested)), stopping=stopping)


def lots_of_tested(work: Work, tested: Collection[Tested]) -> set[int]:
    """The ids of the lots that came of what was tested, a lot itself among them; nothing for a donor, who is stopped
    as a whole."""
    given = {"kinds": [one.kind for one in tested], "ids": [one.id for one in tested]}
    return set(work.session.scalars(_BELOW, given))


_BELOW = text(
    """SELECT DISTINCT lots_below(given.kind, given.id)
         FROM unnest(CAST(:kinds AS text[]), CAST(:ids AS bigint[])) AS given(kind, id) WHERE given.kind <> 'donor'"""
)


def _locked(work: Work, cls: Any, ids: list[int], *, stopping: bool) -> list[Any]:
    if not ids:
        return []
    statement = select(cls).where(cls.id.in_(ids)).order_by(cls.id).execution_options(populate_existing=True)
    if not work.dry_run:
        statement = statement.with_for_update(key_share=True) if stopping else statement.with_for_update(read=True)
    return list(work.session.scalars(statement))

"""Records of any kind, found by their codes, and what stands above them: what a link to one of them touches."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import text

from cellbank.domain.identifiers import RECORDS
from cellbank.domain.refusals import Code, Refused, refuse
from cellbank.domain.scans import Scan, read_scan
from cellbank.records.base import Record
from cellbank.records.work import Work

_TESTED = ("donor", "donation", "culture", "lot")
# What a record is of: whoever links a vial means the lot that it was filled from. A dose means itself alone, for most
# of what goes wrong with one dose says nothing about its lot; who means the lot too scans it too.
OF: dict[str, tuple[str, ...]] = {
    "vial": ("lot",),
    "test_result": _TESTED,
    "sample": _TESTED,
    "batch_review": ("lot",),
    "consent": ("donor",),
    "freezer_run": ("lot",),
}


class Touched(NamedTuple):
    """A record of any kind."""

    kind: str
    id: int
    code: str


_OF = text(
    "WITH given(kind, id) AS (SELECT * FROM unnest(CAST(:kinds AS text[]), CAST(:ids AS bigint[])))\n"
    + "\nUNION ".join(
        f"SELECT '{above}' AS kind, up.id, up.code FROM given JOIN {kind} r ON given.kind = '{kind}'"
        f" AND r.id = given.id JOIN {above} up ON up.id = r.{above}_id"
        for kind, all_above in OF.items()
        for above in all_above
    )
)


def find_records(work: Work, codes: Collection[str]) -> list[Touched]:
    """The records with these codes, of whatever kinds, in the order given. Refuses NOT_FOUND, naming each missing."""
    if not codes:
        return []
    by_table: dict[str, list[str]] = defaultdict(list)
    for code in codes:
        scan = read_scan(code)
        assert isinstance(scan, Scan)  # the input has read it already
        by_table[RECORDS[scan.kind]].append(code)
    statement = " UNION ALL ".join(
        f"SELECT '{table}' AS kind, id, code FROM {table} WHERE code = ANY(:{table})" for table in by_table
    )
    found = {row.code: Touched(*row) for row in work.session.execute(text(statement), by_table)}
    missing = [code for code in codes if code not in found]
    if missing:
        sentence = "There is no record {code} here. Scan the label again, or search for it."
        raise Refused([refuse(Code.NOT_FOUND, sentence, code=code) for code in missing])
    return [found[code] for code in codes]


def as_touched(records: Sequence[Record]) -> list[Touched]:
    """Records in hand as what a link touches."""
    return [Touched(record.kind, record.id, record.code) for record in records]  # type: ignore[attr-defined]  # all have one


def with_what_they_are_of(work: Work, records: Sequence[Touched]) -> list[Touched]:
    """These records and what they are of (`OF`), each once: a vial with its lot, a result with what was tested."""
    given = {"kinds": [one.kind for one in records], "ids": [one.id for one in records]}
    above = [Touched(*row) for row in work.session.execute(_OF, given)]
    return list(dict.fromkeys([*records, *above]))

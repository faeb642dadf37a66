"""The review of the trail: a stretch of it read and signed, and what nobody has reviewed yet (domain reference §2).

A review reads the acts of the site where it is signed, as its chain has them: each site reviews its own.
"""

import datetime
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from sqlalchemy import text

from cellbank.domain.identifiers import Kind
from cellbank.domain.rules.trail_review import StretchFacts, stretch_refusals
from cellbank.records.quality import TrailReview
from cellbank.records.work import Work
from cellbank.services.acts import SignedInput, act
from cellbank.services.common import new_code
from cellbank.services.inputs import AnyCode, Text
from cellbank.services.installation import Installation, at_site
from cellbank.services.trail.trail_search import OF_RECORD, record_of

EVERY = datetime.timedelta(days=30)  # how old an act may become before somebody has read it


def _can_be_one(number: int) -> int:
    if number >= 2**62:
        raise ValueError("is larger than the number of any act")
    return number


ActNumber = Annotated[int, AfterValidator(_can_be_one)]


class ReviewTrail(SignedInput):
    """Review the trail."""

    first_act: ActNumber = Field(title="From act", ge=1)
    last_act: ActNumber = Field(title="To act", ge=1)
    record: AnyCode | None = Field(
        default=None, title="Record", description="Only the acts on this record. Empty: every act."
    )
    findings: Text = Field(
        title="Findings", description="What was looked at and what was found, also when it is nothing."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first_act > self.last_act:
            raise ValueError(f"the first act ({self.first_act}) comes after the last ({self.last_act})")
        return self


# A review reaches the acts of everybody but the reviewer.
_STRETCH = """
    WITH reviewed AS (
           SELECT * FROM trail_review WHERE record_code IS NOT DISTINCT FROM :record AND site_id = :site),
         acts AS NOT MATERIALIZED (
           SELECT id, person_id FROM act a
            WHERE outcome IS NOT NULL AND site_id = :site AND id IS DISTINCT FROM :own {of_record})
    SELECT coalesce((SELECT max(id) FROM acts), 0) AS newest,
           (SELECT min(id) FROM acts WHERE id > (SELECT coalesce(max(last_act), 0) FROM reviewed)) AS unread,
           (SELECT min(code) FROM reviewed
             WHERE reviewed_by_id = :me AND first_act <= :last AND last_act >= :first) AS twice,
           EXISTS (SELECT FROM acts a WHERE id BETWEEN :first AND :last AND person_id <> :me
              AND NOT EXISTS (SELECT FROM reviewed r WHERE a.id BETWEEN r.first_act AND r.last_act
                                 AND r.reviewed_by_id <> a.person_id)) AS something_left"""


@act(ReviewTrail, likely="rarely")
def review_trail(work: Work, given: ReviewTrail) -> TrailReview:
    """Sign that a stretch of the trail was read. Refuses a gap after the last review, an overlap with an earlier one of
    the same person, and a stretch in which only the person's own acts are left."""
    known = {"record": given.record, **(record_of(work.session.connection(), given.record) if given.record else {})}
    asked = {
        **known, "own": work.act_id, "me": work.actor.id, "site": work.actor.site_id, "first": given.first_act,
        "last": given.last_act,
    }  # fmt: skip
    statement = text(_STRETCH.format(of_record=f"AND {OF_RECORD}" if given.record else ""))
    row = work.session.execute(statement, asked).one()
    facts = StretchFacts(given.first_act, given.last_act, *row)
    work.judge(TrailReview, refusals=stretch_refusals(facts))
    return work.add(
        TrailReview(
            code=new_code(work, Kind.TRAIL_REVIEW),
            site_id=work.actor.site_id,
            first_act=given.first_act,
            last_act=given.last_act,
            record_code=given.record,
            findings=given.findings,
            reviewed_by_id=work.actor.id,
            reviewed_at=work.now,
        )
    )


@dataclass(frozen=True)
class Review:
    """A review as the page lists it."""

    code: str
    first_act: int
    last_act: int
    record_code: str | None
    findings: str
    person: str
    at: datetime.datetime


@dataclass(frozen=True)
class OwnActs:
    """Acts of a reviewer that only this reviewer's own reviews reach: another one has to read them."""

    person: str
    count: int
    first_act: int
    last_act: int


@dataclass(frozen=True)
class Unread:
    """What nobody has reviewed: from which act, since when, how many; None where everything is."""

    first_act: int
    last_act: int
    since: datetime.datetime
    count: int

    @property
    def due(self) -> datetime.datetime:
        """When somebody should have read it."""
        return self.since + EVERY


@dataclass(frozen=True)
class Standing:
    """How far the review of the whole trail has come."""

    unread: Unread | None
    own: tuple[OwnActs, ...]
    reviews: tuple[Review, ...]


# A row for each site of which something is not reviewed.
UNREAD = """SELECT first.id AS first_act, (SELECT max(id) FROM act WHERE site_id = x.id) AS last_act, first.at AS since,
       (SELECT count(*) FROM act b WHERE b.site_id = x.id AND b.id >= first.id) AS count, x.id AS site_id
  FROM site x CROSS JOIN LATERAL (
    SELECT a.id, a.at FROM act a WHERE a.site_id = x.id AND a.id > (
      SELECT coalesce(max(r.last_act), 0) FROM trail_review r
       WHERE r.record_code IS NULL AND r.site_id = x.id)
     ORDER BY a.id LIMIT 1) AS first"""
_UNREAD = text(
    f"SELECT first_act, last_act, since, count FROM ({UNREAD}) AS unread WHERE {at_site('site_id')} "
    "ORDER BY first_act LIMIT 1"
)
_OWN = text(
    f"""SELECT p.full_name, count(DISTINCT a.id), min(a.id), max(a.id)
         FROM trail_review r JOIN act a ON a.person_id = r.reviewed_by_id AND a.id BETWEEN r.first_act AND r.last_act
          AND a.site_id = r.site_id
         JOIN person p ON p.id = a.person_id
        WHERE r.record_code IS NULL AND {at_site("a.site_id")} AND NOT EXISTS (
          SELECT FROM trail_review o WHERE o.record_code IS NULL AND o.reviewed_by_id <> a.person_id
             AND o.site_id = a.site_id AND a.id BETWEEN o.first_act AND o.last_act)
        GROUP BY p.id ORDER BY min(a.id)"""
)
_REVIEWS = text(
    f"""SELECT r.code, r.first_act, r.last_act, r.record_code, r.findings, p.full_name, r.reviewed_at
         FROM trail_review r JOIN person p ON p.id = r.reviewed_by_id
        WHERE {at_site("r.site_id")} ORDER BY r.id DESC LIMIT 200"""
)


def standing(installation: Installation) -> Standing:
    """What is reviewed of the site that is looked at, what is not, and the last 200 reviews."""
    site = {"site": installation.site}
    with installation.reads.connect() as connection:
        unread = connection.execute(_UNREAD, site).one_or_none()
        own = tuple(OwnActs(*row) for row in connection.execute(_OWN, site))
        reviews = tuple(Review(*row) for row in connection.execute(_REVIEWS, site))
    return Standing(None if unread is None else Unread(*unread), own, reviews)

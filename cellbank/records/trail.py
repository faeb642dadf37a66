"""The trail: acts, the changes that each made, and the seal that chains them. Written by PostgreSQL, read here.

The triggers stand in `migrations/database/trail.sql`: a change without an open act is refused, a closed act never
changes, nothing here is ever deleted, and at commit each act is sealed into the chain of its site.
"""

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from cellbank.records.base import Base, Instant, Json, Record, reference

#: every text in what was given that could be the code of a record, as the index has them; of the column `given`
CODES_GIVEN = (
    "jsonb_path_query_array(given, "
    """'strict $.** ? (@.type() == "string" && @ like_regex "^[A-Z0-9]{6,19}$")')"""
)


class Act(Base):
    """One thing that a person did or was refused: who, when, what was given, what came of it."""

    __tablename__ = "act"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    site_id: Mapped[int] = reference("site", index=False)
    person_id: Mapped[int] = reference("person", index=False)
    name: Mapped[str]
    given: Mapped[Json]
    record_code: Mapped[str | None]  # what the act was about, for the worklists
    key: Mapped[str | None]  # idempotency key
    given_digest: Mapped[str]
    door: Mapped[str]  # web, api, cli, story
    client: Mapped[str | None]
    version: Mapped[str]  # of the software
    at: Mapped[Instant]  # the clock of the work
    recorded_at: Mapped[Instant] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )  # the clock of the database when it was closed; never before that of the act sealed before it
    outcome: Mapped[str | None] = mapped_column(
        Text, CheckConstraint("outcome IN ('accepted', 'refused')", name="outcome")
    )
    refusals: Mapped[Json | None]
    result: Mapped[Json | None]
    happened_at: Mapped[Instant | None]  # as the person said; None: when it was entered
    late_reason: Mapped[str | None]  # why it was entered late; None: it was not
    opened_in: Mapped[str | None]  # the transaction, which has no other act; None: older than that
    __table_args__ = (
        CheckConstraint("late_reason IS NULL OR coalesce(happened_at < at, false)", name="told_late"),
        CheckConstraint(
            "outcome IS DISTINCT FROM 'accepted' OR coalesce(happened_at <= at, true)", name="not_told_ahead"
        ),
        CheckConstraint(
            "outcome IS DISTINCT FROM 'accepted' OR happened_at IS NULL OR late_reason IS NOT NULL "
            "OR happened_at >= at - interval '1 day'",
            name="a_late_fact_says_why",
        ),
        UniqueConstraint("person_id", "key"),
        UniqueConstraint("opened_in"),
        Index("ix_act_name_at", "name", "at"),
        Index("ix_act_record_code", "record_code", postgresql_where=text("record_code IS NOT NULL")),
        Index("ix_act_codes_given", text(CODES_GIVEN), postgresql_using="gin"),
        Index("ix_act_at", "at"),
        Index("ix_act_person_id_id", "person_id", "id"),
        Index("ix_act_refused_at", "at", postgresql_where=text("outcome = 'refused'")),
    )


class Change(Base):
    """One row changed by an act: the changed columns, before and after."""

    __tablename__ = "change"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    act_id: Mapped[int] = reference("act")
    record_kind: Mapped[str]
    record_id: Mapped[int]
    before: Mapped[Json | None]  # None: the row was new
    after: Mapped[Json | None]  # None: the row was deleted
    __table_args__ = (Index("ix_change_record", "record_kind", "record_id"),)


class Irregularity(Record):
    """What was not allowed about a fact that an act told late: one reason of a rule, or a rule of the database that let
    it pass for that. The act opened a deviation about all of them."""

    __tablename__ = "irregularity"
    act_id: Mapped[int] = reference("act")
    rule: Mapped[str]  # the code of a refusal, or the name of a rule of the database
    detail: Mapped[str]


class Seal(Base):
    """The link of one act in the chain of its site."""

    __tablename__ = "seal"
    act_id: Mapped[int] = reference("act", primary_key=True, index=False)
    site_id: Mapped[int] = reference("site", index=False)
    number: Mapped[int]  # 1, 2, 3 … without a gap within the site
    digest: Mapped[bytes]
    __table_args__ = (UniqueConstraint("site_id", "number"),)


class PlayedTime(Record):
    """A row here lets acts be of any time: where a story is played, in the demo and in tests. Only the owner of the
    database writes it, in an act, so that the trail tells from when on; it stays, and every verification says so."""

    __tablename__ = "played_time"
    why: Mapped[str]


class HeadFile(Base):
    """A line that was added to a file of signed heads: a file that ends earlier was cut. No record: it tells of a file
    outside, and nothing is decided by it but an alarm. It counts by its signature (`services/trail/notes.py`)."""

    __tablename__ = "head_file"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    file: Mapped[str]  # as each line of the file has it
    place: Mapped[str]  # host and path
    number: Mapped[int]  # of the line
    digest: Mapped[str]  # of the line
    signed_at: Mapped[Instant]  # by the clock of the database, as in the line
    ended_because: Mapped[str | None]  # another file was begun in its place
    signature: Mapped[str]
    __table_args__ = (Index(None, "file", "number"), Index(None, "place", "signed_at"))


class TrailCheck(Base):
    """What a scheduled check of the trail found: of the whole, or of what came since the last signed head. It counts
    by its signature (`services/trail/notes.py`)."""

    __tablename__ = "trail_check"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    began_at: Mapped[Instant]
    ended_at: Mapped[Instant] = mapped_column(DateTime(timezone=True), server_default=func.clock_timestamp())
    whole: Mapped[bool]
    acts: Mapped[int]
    found: Mapped[list[str]] = mapped_column(ARRAY(Text))  # a sentence for each thing that is wrong
    signature: Mapped[str | None]  # None: it is older than these
    __table_args__ = (Index(None, "began_at"),)


#: columns whose values the trail does not hold: it says that they changed, not what they are
HIDDEN = {
    "person": ("password_hash", "totp_secret", "totp_next"),
    "account_change": ("password_hash",),
    "api_token": ("digest",),
}
# Whose such a value is, by a column that never changes: its digest is good for nobody else.
HIDDEN_OF = {"person": "name", "account_change": "person_id", "api_token": "code"}

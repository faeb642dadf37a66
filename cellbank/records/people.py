"""Sites, people, and the keys with which programs act for them."""

from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cellbank.domain.accounts import Change
from cellbank.domain.folding import name_skeleton
from cellbank.domain.handed_codes import Purpose
from cellbank.domain.lifecycle.states import AccountChangeState, DefinitionState, PersonState, TokenState, TrainingState
from cellbank.domain.sessions import Ended
from cellbank.records.base import Base, Day, Instant, Json, Record, reference, skeleton_of, state_of

_CHANGES = ", ".join(f"'{change}'" for change in Change)
_PURPOSES = ", ".join(f"'{purpose}'" for purpose in Purpose)
_ENDS = ", ".join(f"'{why}'" for why in Ended)


class Site(Record):
    """A place with its own stock, people and chain in the trail."""

    __tablename__ = "site"
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    fin: Mapped[str]  # facility identification number; A9990–A9999 is unregistered
    fin_registered: Mapped[bool]
    timezone: Mapped[str]


class Person(Record):
    """A named account. The name is never given to anybody else."""

    __tablename__ = "person"
    site_id: Mapped[int] = reference("site")
    code: Mapped[str] = mapped_column(unique=True)  # badge
    name: Mapped[str] = mapped_column(unique=True)  # what is typed to sign in
    name_key: Mapped[str] = skeleton_of("name", by=name_skeleton, unique=True)
    full_name: Mapped[str]  # what stands beside a signature
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    email: Mapped[str | None]  # where messages about the account go, in ASCII
    also_at: Mapped[list[str] | None] = mapped_column(ARRAY(Text))  # codes of the other sites at which they work
    password_hash: Mapped[str | None]
    password_set_at: Mapped[Instant | None]
    must_change_password: Mapped[bool] = mapped_column(server_default=text("false"))
    failure_count: Mapped[int] = mapped_column(server_default=text("0"))
    first_failure_at: Mapped[Instant | None]
    locked_until: Mapped[Instant | None]
    locked_at: Mapped[Instant | None]  # the last time, for whoever watches: unlocking does not take it back
    locked_from: Mapped[str | None]  # by which door, and from where
    agreement_version: Mapped[str | None]  # of the statement that a signature binds like a hand-written one
    agreement_at: Mapped[Instant | None]
    totp_secret: Mapped[str | None]  # closed with the key of the installation, as the next one is
    totp_next: Mapped[str | None]  # set up and not confirmed yet
    totp_confirmed_at: Mapped[Instant | None]
    totp_step: Mapped[int | None]  # the last code used, as its number: no code works twice
    state: Mapped[PersonState] = state_of(PersonState)
    __table_args__ = (
        CheckConstraint(
            "NOT ('administrator' = ANY (roles)) OR cardinality(roles) = 1",
            name="administrator_holds_no_other_role",
        ),
        CheckConstraint("cardinality(roles) > 0", name="has_a_role"),
        CheckConstraint(r"email ~ '^[!-?A-~]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+$' AND length(email) <= 254", name="email"),
    )


class AccountChange(Record):
    """What one person asks for the account of another, and what a second one decided about it."""

    __tablename__ = "account_change"
    person_id: Mapped[int] = reference("person", index=False)
    change: Mapped[str] = mapped_column(Text, CheckConstraint(f"change IN ({_CHANGES})", name="change"))
    roles: Mapped[list[str] | None] = mapped_column(ARRAY(Text))  # those asked for
    also_at: Mapped[list[str] | None] = mapped_column(ARRAY(Text))  # the other sites that are asked for
    email: Mapped[str | None]  # the address that is asked for
    password_hash: Mapped[str | None]  # of the first password that is asked for; gone once it is decided
    reason: Mapped[str | None]
    asked_at: Mapped[Instant]
    asked_by_id: Mapped[int] = reference("person", index=False)
    decided_at: Mapped[Instant | None]
    decided_by_id: Mapped[int | None] = reference("person", index=False)
    decision_reason: Mapped[str | None]
    state: Mapped[AccountChangeState] = state_of(AccountChangeState)
    SIGNED = ("person_id", "change", "roles", "also_at", "email", "reason", "asked_at", "asked_by_id")
    __table_args__ = (
        CheckConstraint(
            "state <> 'CONFIRMED' OR (decided_by_id <> asked_by_id AND decided_by_id <> person_id)",
            name="confirmed_by_another_person",
        ),
        CheckConstraint("(state = 'ASKED') = (decided_by_id IS NULL)", name="decided_by_somebody"),
        CheckConstraint("state = 'ASKED' OR password_hash IS NULL", name="forgets_the_password"),
        CheckConstraint(f"change <> '{Change.UNLOCK}' OR asked_by_id <> person_id", name="unlocked_by_two_others"),
        Index(
            "one_open_change_per_account",
            "person_id",
            unique=True,
            postgresql_where=text(f"state = 'ASKED' AND change <> '{Change.UNLOCK}'"),
        ),
        Index(
            "one_open_unlock_per_account",
            "person_id",
            unique=True,
            postgresql_where=text(f"state = 'ASKED' AND change = '{Change.UNLOCK}'"),
        ),
    )

    @property
    def called(self) -> str:
        """How a sentence names it."""
        return f"this change of an account ({self.change})"


class HandedCode(Base):
    """A code that one person was told to hand over to another, by its digest. No record: who handed it over, and who
    used it, are acts."""

    __tablename__ = "handed_code"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    person_id: Mapped[int] = reference("person")
    purpose: Mapped[str] = mapped_column(Text, CheckConstraint(f"purpose IN ({_PURPOSES})", name="purpose"))
    digest: Mapped[bytes]
    made_at: Mapped[Instant]
    expires_at: Mapped[Instant | None]
    tries: Mapped[int] = mapped_column(server_default=text("0"))  # wrong codes that were given in its place
    used_at: Mapped[Instant | None]
    ended_at: Mapped[Instant | None]  # another one took its place


class Training(Record):
    """A person trained for a role, in one version of a procedure, until a day."""

    __tablename__ = "training"
    code: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[int] = reference("person")
    role: Mapped[str]
    procedure: Mapped[str]  # with its version
    trained_on: Mapped[Day]
    valid_until: Mapped[Day]
    revoke_reason: Mapped[str | None]
    recorded_by_id: Mapped[int | None] = reference("person", index=False)
    confirmed_by_id: Mapped[int | None] = reference("person", index=False)
    state: Mapped[TrainingState] = state_of(TrainingState)
    SIGNED = ("person_id", "role", "procedure", "trained_on", "valid_until", "recorded_by_id")
    __table_args__ = (
        CheckConstraint("valid_until >= trained_on", name="valid_after_trained"),
        CheckConstraint("recorded_by_id <> person_id", name="recorded_by_another_person"),
        CheckConstraint(
            "confirmed_by_id <> recorded_by_id AND confirmed_by_id <> person_id", name="confirmed_by_another_person"
        ),
    )


class ApiToken(Record):
    """A key with which a program acts for a person; only its digest is kept."""

    __tablename__ = "api_token"
    person_id: Mapped[int] = reference("person")
    code: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    digest: Mapped[bytes] = mapped_column(unique=True)
    expires_at: Mapped[Instant]
    read_only: Mapped[bool] = mapped_column(server_default=text("false"))
    site_code: Mapped[str | None]  # the only site at which it acts and reads; None: wherever its person works
    acts: Mapped[list[str] | None] = mapped_column(ARRAY(Text))  # the only ones that it does; it then reads nothing
    state: Mapped[TokenState] = state_of(TokenState)
    __table_args__ = (
        CheckConstraint("NOT (read_only AND acts IS NOT NULL)", name="reads_or_acts"),
        CheckConstraint("cardinality(acts) > 0", name="some_acts"),
    )


class ApiTokenUse(Base):
    """When and from where a key was used last, to the minute. No record: nothing is changed by looking."""

    __tablename__ = "api_token_use"
    token_id: Mapped[int] = reference("api_token", primary_key=True, index=False)
    used_at: Mapped[Instant]
    used_from: Mapped[str]


class WebSession(Base):
    """Somebody at the pages, from the sign-in until it ended. No record: who sits at a screen is no fact about product;
    who signed in, and who ended whose session, is an act."""

    __tablename__ = "web_session"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    digest: Mapped[bytes] = mapped_column(unique=True)  # keyed, of the token; after unlocking another one
    person_id: Mapped[int] = reference("person", index=False)
    site_code: Mapped[str | None]  # where its person acts; None: at home
    workstation: Mapped[str]
    created_at: Mapped[Instant]
    proved_at: Mapped[Instant]  # when the password was given last: from then on the hours count
    seen_at: Mapped[Instant]  # to the minute
    idle_minutes: Mapped[int]  # how long the page that was seen last may lie untouched
    signed: Mapped[bool] = mapped_column(server_default=text("false"))  # they signed in it, with name and password
    locked_at: Mapped[Instant | None]
    ended_at: Mapped[Instant | None]
    ended_why: Mapped[str | None]
    ended_by_id: Mapped[int | None] = reference("person", index=False)
    __table_args__ = (
        CheckConstraint(f"ended_why IN ({_ENDS})", name="ended_why"),
        CheckConstraint("(ended_at IS NULL) = (ended_why IS NULL)", name="ended_for_a_reason"),
        Index("ix_web_session_person", "person_id", "ended_at"),
        Index("ix_web_session_proved_at", "proved_at"),
    )


class KnownDesk(Base):
    """A person who has proved themself right at a screen, by the digest of its token. No record, like a session."""

    __tablename__ = "known_desk"
    person_id: Mapped[int] = reference("person", primary_key=True, index=False)
    desk: Mapped[bytes] = mapped_column(primary_key=True)
    address: Mapped[str]  # where it was proved: the keyed digest of person, screen and network address
    first_at: Mapped[Instant]
    proved_at: Mapped[Instant]  # last, to the day
    __table_args__ = (Index("ix_known_desk_desk", "desk", "proved_at"), Index("ix_known_desk_proved_at", "proved_at"))


class WrongEntry(Base):
    """A wrong name, password or code, by where it was given and the keyed digest of the name; kept for a day. No
    record: what was wrong of an account is an act."""

    __tablename__ = "wrong_entry"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    place: Mapped[str]  # a network address, a screen that knows the person, or beside whom who was signed in
    name: Mapped[bytes]
    at: Mapped[Instant]
    __table_args__ = (Index("ix_wrong_entry_place", "place", "at"), Index("ix_wrong_entry_at", "at"))


class NumberSeries(Base):
    """The last number given in each series; counts up inside the act's transaction and never back."""

    __tablename__ = "number_series"
    name: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]


class Definition(Record):
    """One version of a trial protocol or product specification: the file as imported, and its digest."""

    __tablename__ = "definition"
    type: Mapped[str] = mapped_column(Text, CheckConstraint("type IN ('protocol', 'specification')", name="type"))
    code: Mapped[str] = mapped_column(unique=True)  # identifier@version
    identifier: Mapped[str]
    version: Mapped[str]
    title: Mapped[str]
    content: Mapped[str]
    digest: Mapped[str]
    imported_by_id: Mapped[int] = reference("person", index=False)
    # Of a specification, out of its content: for the rules in the database.
    handling: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    planned_subjects: Mapped[int | None]  # of a protocol, out of its content, for the same reason
    says: Mapped[Json | None]  # its content as the database read it when it came in, and it alone writes it
    figures: Mapped[Json | None]  # of dose, thaw and shelf life (`domain/figures.py`), for the same reason
    effective_at: Mapped[Instant | None]
    programs_with_a_run: Mapped[Json | None]  # codes of the freezing programs that ask for the file of each run
    state: Mapped[DefinitionState] = state_of(DefinitionState)
    SIGNED = ("type", "identifier", "version", "content", "digest")
    __table_args__ = (
        UniqueConstraint("type", "identifier", "version"),
        Index(
            "one_version_in_force",
            "type",
            "identifier",
            unique=True,
            postgresql_where=text("state = 'EFFECTIVE'"),
        ),
    )

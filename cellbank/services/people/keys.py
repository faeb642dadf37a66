"""Keys with which programs act for a person: created with the password, limited, seen in use, ended."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from sqlalchemy import select, text

from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.states import TokenState
from cellbank.domain.lifecycle.table import roles_for
from cellbank.domain.question import Choice, Question
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.domain.sessions import is_noted
from cellbank.records.people import ApiToken, Person
from cellbank.records.work import Work
from cellbank.services.common import new_code
from cellbank.services.incidents import beside_an_answer
from cellbank.services.inputs import Identifier, OneLine, SiteCode
from cellbank.services.installation import Installation
from cellbank.services.parsing import ActInput, Malformed, Problem, ProvedInput
from cellbank.services.people.tokens import KEY, kept, new_token
from cellbank.services.registry import act

MOST_ACTS, LONGEST_DAYS = 50, 400


def _known(name: str) -> str:
    if not roles_for(name) - {Role.SYSTEM}:
        raise ValueError("is no act; GET /api/openapi.json lists them")
    return name


def _days(given: int) -> int:
    """What the setting may allow at most; how long it allows here is asked later."""
    if not 1 <= given <= LONGEST_DAYS:
        raise ValueError(f"must be between 1 and {LONGEST_DAYS}")
    return given


class CreateToken(ProvedInput):
    """Create a key for a program."""

    title: OneLine = Field(title="What the key is for")
    days: Annotated[int, AfterValidator(_days)] | None = Field(
        default=None,
        title="Valid for",
        description="Empty: as long as this site allows.",
        json_schema_extra={"unit": "days"},
    )
    read_only: bool = Field(default=False, title="It only reads")
    site: SiteCode | None = Field(default=None, title="Only at this site", description="Empty: wherever you work.")
    acts: list[Annotated[OneLine, AfterValidator(_known)]] = Field(
        default=[],
        max_length=MOST_ACTS,
        title="Only these acts",
        description="Their names, such as record_readings; the key then reads nothing. Empty: all that you may do.",
    )

    @model_validator(mode="after")
    def _reads_or_acts(self) -> Self:
        if self.read_only and self.acts:
            raise ValueError("a key that only reads does no acts: leave one of the two out")
        return self


@act(CreateToken)
def create_token(work: Work, given: CreateToken) -> ApiToken:
    """Make a key that acts for its owner, within its limits. Its digest is kept, the key itself is returned outside of
    the trail. Refuses a site at which the owner does not work."""
    longest = work.key_days
    if given.days is not None and given.days > longest:
        raise Malformed([Problem("days", f"has at most {longest} days at this site. Given: {given.days}.")])
    owner = work.share(Person, work.actor.id)  # a reset that comes now waits, and then finds the key
    work.judge(ApiToken, refusals=[*_changed(work, owner), *_not_there(work, given.site)])
    secret = new_token(work.actor.id, KEY)
    opens = kept(work.folder, secret, KEY) if work.folder else None
    assert opens is not None
    token = ApiToken(
        person_id=work.actor.id,
        code=new_code(work, Kind.TOKEN),
        title=given.title,
        digest=opens.digest,
        expires_at=work.now + datetime.timedelta(days=given.days or longest),
        read_only=given.read_only,
        site_code=given.site,
        acts=sorted(set(given.acts)) or None,
    )
    work.tell_once(token=secret)
    return work.add(token)


def _changed(work: Work, owner: Person) -> list[Refusal]:
    """The password was changed after it was proved for this key."""
    if owner.password_set_at is None or owner.password_set_at <= work.now:
        return []
    return [refuse(Code.CHANGED_MEANWHILE, "Your password was changed in this moment. Create the key once more.")]


def _not_there(work: Work, site: str | None) -> list[Refusal]:
    if site is None or site in work.actor.sites:
        return []
    sentence = "You do not work at {site}: choose one of {sites}."
    return [refuse(Code.NOT_FOUND, sentence, site=site, sites=", ".join(work.actor.sites))]


class RevokeToken(ActInput):
    """Revoke a key."""

    token: Identifier = Field(title="Code of the key")


@act(RevokeToken, likely="rarely")
def revoke_token(work: Work, given: RevokeToken) -> ApiToken:
    """End a key at once. One's own; an administrator anybody's."""
    token = work.lock(ApiToken, given.token)
    foreign = token.person_id != work.actor.id and Role.ADMINISTRATOR not in work.actor.roles
    mine = refuse(
        Code.ROLE_NOT_ALLOWED, "Key {code} is somebody else's: ask them or an administrator.", code=token.code
    )
    work.judge(token, refusals=[mine] if foreign else [])
    work.transition(token)
    return token


# --- what becomes of them when their owner's password or second factor changes ------------------


EndKeys = Literal["yes", "no"]


def live_keys(work: Work, person: Person) -> list[ApiToken]:
    """The keys of somebody that still open something, locked in the order of their ids."""
    mine = (
        select(ApiToken).where(ApiToken.person_id == person.id, ApiToken.state == TokenState.LIVE).order_by(ApiToken.id)
    )
    return list(work.session.scalars(mine if work.dry_run else mine.with_for_update(key_share=True)))


def unanswered(keys: Sequence[ApiToken], end_keys: EndKeys | None) -> list[Refusal]:
    """Whether the keys shall end as well is for their owner to say: a program would stop, or a thief would go on."""
    if not keys or end_keys is not None:
        return []
    sentence = "Programs have keys of yours: {keys}. Say whether these end too; they should if others may know them."
    asked = refuse(Code.ANSWER_NEEDED, sentence, keys=", ".join(f"“{key.title}”" for key in keys))
    choices = (Choice("yes", "End the keys too"), Choice("no", "Keep the keys"))
    return [replace(asked, asks=Question("end_keys", choices))]


def end_keys(work: Work, keys: Sequence[ApiToken]) -> None:
    """Revoke them, in the act that ends them."""
    work.transition(*keys)
    if keys:
        work.show(keys_ended=[key.code for key in keys])


# --- looking at them ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Key:
    """A key as its owner sees it."""

    code: str
    title: str
    state: str
    expires_at: datetime.datetime
    read_only: bool
    site: str | None
    acts: tuple[str, ...]
    used_at: datetime.datetime | None
    used_from: str | None


_KEYS = text(
    """SELECT t.code, t.title, t.state, t.expires_at, t.read_only, t.site_code AS site, t.acts, u.used_at, u.used_from
         FROM api_token t LEFT JOIN api_token_use u ON u.token_id = t.id
        WHERE t.person_id = :person AND t.state = 'LIVE' AND t.expires_at > :now ORDER BY t.expires_at, t.id"""
)


def keys_of(installation: Installation, person_id: int, now: datetime.datetime) -> tuple[Key, ...]:
    """The keys of somebody that open something now, the first one to run out first."""
    with installation.reads.connect() as connection:
        rows = connection.execute(_KEYS, {"person": person_id, "now": now}).mappings()
        return tuple(Key(**{**row, "acts": tuple(row["acts"] or ())}) for row in rows)


_USED = text(
    """INSERT INTO api_token_use (token_id, used_at, used_from) VALUES (:token, :now, :from)
       ON CONFLICT (token_id) DO UPDATE SET used_at = excluded.used_at, used_from = excluded.used_from"""
)


def note_use(
    installation: Installation, token_id: int, last: datetime.datetime | None, now: datetime.datetime, used_from: str
) -> None:
    """Keep when and from where a key was used last: no record and no act, and written once a minute at most."""
    if last is None or not is_noted(last, now):
        with beside_an_answer(), installation.engine.begin() as connection:
            connection.execute(_USED, {"token": token_id, "now": now, "from": used_from})

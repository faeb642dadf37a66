"""The bedside without a network: what goes along with the screen, and what comes back from it.

Along goes the judgement of a dose, signed, if it was judged and accepted. Back come acts that two people did meanwhile,
sealed for this server, each with its time and its key; they are judged like everything that is entered late.
"""

import datetime
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import text
from sqlalchemy.orm import Session

from cellbank.domain.actor import Actor, OneTime
from cellbank.domain.identifiers import Kind, dose_symbol
from cellbank.domain.lifecycle.table import roles_for
from cellbank.domain.offline import NEXT_OF, ROUNDS, Judged, Next, person_digest, valid_until, wristband_digest
from cellbank.domain.quantities import millions
from cellbank.domain.refusals import Refusal
from cellbank.domain.rules.kept import UNREADABLE, HeldJudgement, KeptFacts, Unread, kept_refusals
from cellbank.domain.scans import Scan, read_scan
from cellbank.domain.wall import on_the_wall
from cellbank.services.acts import Malformed, Outcome, find_act, keep_refusal, run_act
from cellbank.services.clinic.at_bedside import judge_standing
from cellbank.services.clinic.infusion import label_time
from cellbank.services.clinic.offline_facts import Told, keep_what_happened
from cellbank.services.clinic.standing import DoseStanding, dose_standing
from cellbank.services.given import read_object
from cellbank.services.incidents import Unavailable
from cellbank.services.inputs import Moment
from cellbank.services.installation import Installation
from cellbank.services.people.passwords import Credentials
from cellbank.services.people.places import Place
from cellbank.services.people.sessions import prove, standing_of_name

WHY_LATE = (
    "The network was cut: done by the judgement of {judged}, kept by the screen at the bedside and sent when it was "
    "back."
)
LONGEST_PART = 40_000  # characters of one part of an envelope

# Who may check here, and who has worked on the dose.
_PEOPLE = text(
    """SELECT p.name, p.code, coalesce(p.id IN (d.prepared_by_id, d.first_checked_by_id), false) AS is_barred
         FROM dose d JOIN site s ON s.id = d.site_id
         JOIN person p ON p.id IN (d.prepared_by_id, d.first_checked_by_id)
              OR (p.state = 'ACTIVE' AND p.roles && :roles AND (p.site_id = s.id OR s.code = ANY(p.also_at)))
        WHERE d.code = :code ORDER BY p.id"""
)
_THERE = text("SELECT clock_timestamp()")
_SITE = text("SELECT s.code FROM site s WHERE s.id = :site")


def judgement(installation: Installation, code: str, now: datetime.datetime) -> Mapping[str, str] | None:
    """The signed judgement of a dose, to be kept by the screen that shows it; None when the screen may keep nothing of
    it: not judged, not accepted, not at this site, not at the bedside any more."""
    found = judge_standing(installation, code, now)
    then = NEXT_OF.get(found.state) if found else None
    if found is None or then is None or (found.refusals and then is not Next.STOP):
        return None
    with Session(installation.reads) as session:
        standing = dose_standing(session, code, now)
        assert standing is not None  # it was judged
        people = session.execute(_PEOPLE, {"code": code, "roles": sorted(roles_for("check_dose"))}).all()
        site = str(session.scalar(_SITE, {"site": standing.row.site_id}))
    judged = _judged(standing, then, people, site, now, installation.config.offline_minutes)
    return installation.keys.sign(judged.text) if judged.until > now else None


@lru_cache(maxsize=512)
def _told_apart(dose: str, subject: str) -> tuple[str, str]:
    """A salt for this dose and the slow digest of its wristband under it: worked out once, for a screen asks often."""
    salt = secrets.token_hex(16)
    return salt, wristband_digest(salt, subject)


def _judged(
    standing: DoseStanding, then: Next, people: Sequence[Any], site: str, now: datetime.datetime, minutes: int
) -> Judged:
    row = standing.row
    salt, subject = _told_apart(row.code, row.subject)
    expires = label_time(standing)
    assert expires is not None  # it is prepared
    shown = (
        ("subject", row.trial_number),
        ("infusion", str(row.infusion_number)),
        ("day", str(row.day)),
        ("cells", millions(row.delivered_cells)),
        ("volume_ml", f"{row.final_volume_ml.normalize():f}"),
        ("lot", row.lot),
        ("expires", on_the_wall(row.expires_at, standing.ward.zone)),
    )
    return Judged(
        dose=row.code,
        next=then,
        salt=salt,
        rounds=ROUNDS,
        subject=subject,
        label=dose_symbol(row.code, expires),
        lot=row.lot,
        shown=shown,
        site=site,
        people=tuple((person_digest(salt, one.name), person_digest(salt, one.code)) for one in people),
        barred=tuple(person_digest(salt, one.name) for one in people if one.is_barred),
        expires_at=row.expires_at,
        at=now,
        until=valid_until(then, now, row.expires_at, minutes),
    )


def is_there(installation: Installation) -> None:
    """Return when the server can judge and record again, which needs its database, and clocks that agree. Raises what a
    database that is away raises, and Unavailable."""
    with installation.reads.connect() as connection:
        installation.clocks.hear(connection.scalar(_THERE))
    installation.clocks.must_agree()


# --- what comes back --------------------------------------------------------------------------


class Came(StrEnum):
    """What came of a kept act."""

    RECORDED = "recorded"
    REFUSED = "refused"  # it is in the trail, with its reasons
    NOT_PROVED = "not_proved"  # name, password or code do not fit: nothing was done
    UNREADABLE = "unreadable"  # not sealed for this server, altered, or not what it says
    LATER = "later"  # not from whoever is signed in, or not now: nothing was done


@dataclass(frozen=True)
class Sent:
    """The answer to a kept act. Only what was recorded may be forgotten by the screen without a person's look."""

    came: Came
    act: int | None = None
    deviation: str | None = None  # that keeps what was told and not accepted
    refusals: tuple[Refusal, ...] = ()
    problems: tuple[str, ...] = ()


#: the idempotency key of an act that a screen kept
KeptKey = Annotated[str, Field(pattern=r"^[\x21-\x7e]{16,100}$")]
M = TypeVar("M", bound=BaseModel)


def unsealed(model: type[M], text: str | bytes) -> M:
    """What stood under a seal or a signature, or is told beside it: cleaned and bounded as what enters is. Raises
    ValidationError, Malformed."""
    return model.model_validate(read_object(text))


class Part(BaseModel):
    """Something that a browser sealed: the header can be read by whoever has the screen, the rest by this server."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    header: str = Field(max_length=LONGEST_PART)
    once: str = Field(max_length=LONGEST_PART)
    nonce: str = Field(max_length=LONGEST_PART)
    sealed: str = Field(max_length=LONGEST_PART)


class Envelope(BaseModel):
    """A kept act as it is sent; `proof`: name and password given again, because those inside were not right."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    act: Part
    proof: Part | None = None


class Header(BaseModel):
    """What the screen itself must know of a kept act: which, of which dose, when, by whom, under which key."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    key: str = Field(max_length=100)  # of the server, for which it is sealed
    id: KeptKey
    act: Literal["check_dose", "start_infusion", "stop_infusion", "record_reaction"]
    dose: str = Field(max_length=40)
    site: str = Field(max_length=40)
    name: str = Field(min_length=1, max_length=200)
    at: Moment


class ProofHeader(BaseModel):
    """Of a proof: for which act it is given, and whose."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    key: str = Field(max_length=100)
    id: KeptKey


class Who(BaseModel):
    """Who did it."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    name: str = Field(min_length=1, max_length=200)
    password: str = Field(max_length=1000)
    one_time_code: str | None = Field(default=None, max_length=1000)


class Signed(BaseModel):
    """A judgement as the server gave it."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    key: str = Field(max_length=100)
    payload: str = Field(max_length=LONGEST_PART)
    signature: str = Field(max_length=200)


class Payload(BaseModel):
    """What is read again of a judgement that comes back."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    dose: str
    site: str
    at: Moment
    until: Moment


class Content(Who):
    """What is sealed: who, what they typed and scanned, and the judgement by which the screen went on."""

    given: dict[str, str]
    judgement: Signed | None = None


def send_kept(installation: Installation, raw: Mapping[str, Any], now: datetime.datetime, *, place: Place) -> Sent:
    """Do an act that a screen has kept, as the person who proved it there, at the time at which it happened.

    It needs the judgement of that dose by which the screen went on, signed by this server. Sent again it gives the
    answer that it had. Nothing is lost by an answer other than RECORDED: the screen keeps the envelope, and what was
    refused is in the trail too. Raises Unavailable while the clocks differ, and where so many passwords were wrong that
    the next one waits: it waits at the screen.
    """
    from cellbank.outside.bedside_keys import NotOpened

    is_there(installation)
    try:
        envelope = Envelope.model_validate(raw)
        header = unsealed(Header, envelope.act.header)
        content = unsealed(Content, open_part(installation, header.key, envelope.act))
        who = _who(installation, envelope, header, content)
    except (ValidationError, Malformed, NotOpened) as error:
        return Sent(Came.UNREADABLE, problems=(_why(error),))
    given = Credentials(who.password, who.one_time_code)
    proof = prove(installation, who.name, given, now, place=place, site=header.site)
    if proof.wait is not None:
        raise Unavailable("Several names or passwords were wrong here, or many try at once: try again in a minute.")
    if proof.standing is None or proof.standing.must_change_password:
        return Sent(Came.NOT_PROVED)
    if not _is_theirs(installation, header, content, proof.standing.actor):
        return Sent(Came.NOT_PROVED, problems=("Somebody else did this: they give name and password again.",))
    return _do(installation, header, content, who, proof.standing.actor, proof.once, now, place)


def open_part(installation: Installation, key: str, part: Part) -> bytes:
    """What was sealed for this server, as it was typed. Raises NotOpened."""
    return installation.keys.open(key, part.header, part.once, part.nonce, part.sealed)


def _who(installation: Installation, envelope: Envelope, header: Header, content: Content) -> Who:
    """Whoever did it, or gave their password again for this very act."""
    from cellbank.outside.bedside_keys import NotOpened

    if envelope.proof is None:
        return content
    proof = unsealed(ProofHeader, envelope.proof.header)
    if proof.id != header.id:
        raise NotOpened("The password was given for another act.")
    return unsealed(Who, open_part(installation, proof.key, envelope.proof))


def _is_theirs(installation: Installation, header: Header, content: Content, prover: Actor) -> bool:
    """Whether whoever proves a kept act is whoever did it: one act, one person. Of a name that nobody has it is the
    one who proves it."""
    claimed = [standing_of_name(installation, name, header.site) for name in {header.name, content.name}]
    return all(one is None or one.actor.id == prover.id for one in claimed)


def _why(error: Exception) -> str:
    from cellbank.outside.bedside_keys import NotOpened

    return str(error) if isinstance(error, NotOpened) else "It is not what a screen of this bank seals."


def _do(
    installation: Installation,
    header: Header,
    content: Content,
    who: Who,
    actor: Actor,
    once: OneTime | None,
    now: datetime.datetime,
    place: Place,
) -> Sent:
    held = _held(installation, content.judgement)
    title = find_act(header.act).title
    refusals = kept_refusals(KeptFacts(header.act, title, _dose_of(header, content), header.site, header.at, held))
    sent_by: dict[str, Any] = {"door": place.door, "key": header.id, "client": place.client, "now": now}
    given: dict[str, Any] = {**content.given, "happened_at": header.at.isoformat()}
    try:
        if not isinstance(held, HeldJudgement) or refusals:
            shown = Outcome(False, None, {}, refusals, about=header.dose)
            outcome = keep_refusal(installation, header.act, given, shown, actor, **sent_by)
        else:
            given |= {"entered_late_because": WHY_LATE.format(judged=on_the_wall(held.at, ZoneInfo(actor.zone)))}
            given |= _signature(who, actor) if header.act == "check_dose" else {}
            outcome = run_act(
                installation, header.act, given, actor, once=once, cut_off_since=held.at, place=place, **sent_by
            )
    except Malformed as malformed:
        problems = tuple(f"{one.field}: {one.message}" for one in malformed.problems)
        kept = keep_what_happened(installation, _told(header, content), problems, actor, sent_by)
        return Sent(Came.UNREADABLE, None, kept, problems=problems)
    came = Came.RECORDED if outcome.accepted else Came.REFUSED
    told = _told(header, content)
    kept = None if outcome.accepted else keep_what_happened(installation, told, outcome.refusals, actor, sent_by)
    return Sent(came, outcome.act, kept, outcome.refusals)


def _told(header: Header, content: Content) -> Told:
    return Told(header.act, _dose_of(header, content), header.at, content.given)


def _signature(who: Who, actor: Actor) -> dict[str, str]:
    """What signs a check, for whoever was just proved, by name or by badge."""
    code = {"one_time_code": who.one_time_code} if who.one_time_code else {}
    return {"password": who.password, "signer": actor.name, **code}


def _held(installation: Installation, signed: Signed | None) -> HeldJudgement | Unread | None:
    """The judgement that goes with an act, if this server has signed it."""
    if signed is None or not installation.keys.is_ours(signed.key, signed.payload, signed.signature):
        return None
    try:
        read = unsealed(Payload, signed.payload)
    except (ValidationError, Malformed):  # another version of this server made it
        return UNREADABLE
    return HeldJudgement(read.dose, read.site, read.at, read.until)


def _dose_of(header: Header, content: Content) -> str:
    """The dose that the act is really about: under the label of a check, in the field of every other act. What the
    header says of it is for the screen."""
    if header.act != "check_dose":
        return content.given.get("dose", "")
    scan = read_scan(content.given.get("dose_label", ""))
    return scan.code if isinstance(scan, Scan) and scan.kind is Kind.DOSE else header.dose

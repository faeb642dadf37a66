"""Accounts: people, roles, passwords, lockout. Nothing here has any power over product."""

from pydantic import Field
from sqlalchemy import select

from cellbank.domain.accounts import Change, gains_power, is_locked
from cellbank.domain.folding import name_skeleton
from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.states import PersonState
from cellbank.domain.messages import Template
from cellbank.domain.refusals import Code, Refusal, refuse
from cellbank.records.people import AccountChange, Person, Site
from cellbank.records.work import Work
from cellbank.services.common import new_code
from cellbank.services.inputs import Address, Name, OneLine, Reason, SiteCode
from cellbank.services.labels.label_printing import print_first
from cellbank.services.outbox.messages import tell
from cellbank.services.parsing import ActInput, ProvedInput, Secret
from cellbank.services.people.account_changes import (
    Wanted,
    ask,
    asks_two,
    by_the_installation,
    change_account,
    decline,
    forget_failures,
    last_administrator,
    open_changes,
    say_that_it_waits,
    set_password,
)
from cellbank.services.people.actors import lock_account
from cellbank.services.people.handed_codes import use_half
from cellbank.services.people.keys import EndKeys, end_keys, live_keys, unanswered
from cellbank.services.people.passwords import LONGEST, SHORTEST
from cellbank.services.registry import act


class AddPerson(ActInput):
    """Add a person."""

    name: Name = Field(title="Sign-in name")
    full_name: OneLine = Field(title="Full name, as it stands beside a signature")
    roles: list[Role] = Field(title="Roles", min_length=1, max_length=len(Role))
    new_password: Secret = Field(title="First password", min_length=SHORTEST, max_length=LONGEST)
    must_change: bool = Field(default=True, title="Must be changed at first sign-in")
    email: Address | None = Field(
        default=None, title="Address of e-mail", description="Where they are told of what is done with their account."
    )
    site: SiteCode | None = Field(default=None, title="Home site", description="Empty: the site where you act now.")


@act(AddPerson, begun_by={"administrator": 1})
def add_person(work: Work, given: AddPerson) -> Person:
    """Create the account; of one that has a power a second person confirms it. Refuses an
    administrator with another role, a name that was ever used, a password that an administrator goes on knowing, and
    the installation itself by the application's way into the database."""
    site_id = work.actor.site_id if given.site is None else work.find(Site, given.site).id
    taken = work.session.scalar(select(Person.name).where(Person.name_key == name_skeleton(given.name)))
    two = asks_two(work, given.roles)
    refusals = [
        *by_the_installation(work),
        *_role_mix(given.roles),
        *(_name_taken(given.name, taken) if taken else ()),
        *_known(work, given),
    ]
    work.judge(
        Person,
        *([AccountChange] if two else ()),
        refusals=refusals,
        to=PersonState.PROPOSED if two else PersonState.ACTIVE,
    )
    person = work.add(
        Person(
            site_id=site_id,
            code=new_code(work, Kind.PERSON),
            name=given.name,
            full_name=given.full_name,
            email=given.email,
            roles=sorted({role.value for role in given.roles}),
            password_hash=work.new_password_hash,
            password_set_at=work.now,
            must_change_password=given.must_change,
        ),
        to=PersonState.PROPOSED if two else PersonState.ACTIVE,
    )
    if two:
        say_that_it_waits(work)
        ask(work, person, Change.NEW, Wanted(roles=person.roles, email=person.email))
    else:
        tell(work, person, Template.OPENED)
    print_first(work, Kind.PERSON, person.code)
    return person


def _known(work: Work, given: AddPerson) -> list[Refusal]:
    """A password that another person has chosen is changed before anything else, always."""
    if given.must_change or Role.SYSTEM in work.actor.roles:
        return []
    sentence = "A first password is known to you, so it is changed at the first sign-in. Leave that ticked."
    return [refuse(Code.ROLE_NOT_ALLOWED, sentence)]


def _name_taken(given: str, taken: str) -> list[Refusal]:
    if given == taken:
        sentence = "The name {name} was given before, and names are never reused. Choose another."
        return [refuse(Code.ALREADY_EXISTS, sentence, name=taken)]
    sentence = "{given} reads like {name}, which was given before: 0 like o, 1 like l, rn like m. Choose another."
    return [refuse(Code.ALREADY_EXISTS, sentence, given=given, name=taken)]


def _role_mix(roles: list[Role]) -> list[Refusal]:
    """An administrator has no power over product, so the role stands alone; `system` is nobody's."""
    alone = {Role.ADMINISTRATOR, Role.AUDITOR, Role.SYSTEM}
    if Role.SYSTEM in roles or (len(set(roles)) > 1 and alone & set(roles)):
        return [
            refuse(
                Code.ROLE_NOT_ALLOWED,
                "An administrator or auditor holds no other role. Give the person a second account or choose one role.",
            )
        ]
    return []


class ChangeRoles(ActInput):
    """Change the roles of a person."""

    name: Name = Field(title="Sign-in name")
    roles: list[Role] = Field(title="Roles", min_length=1, max_length=len(Role))
    reason: Reason


@act(ChangeRoles)
def change_roles(work: Work, given: ChangeRoles) -> Person:
    """Replace the roles; a second person confirms one that has a power. Refuses to take the last
    administrator away."""
    person = lock_account(work, given.name)
    roles = sorted({role.value for role in given.roles})
    two = gains_power(person.roles, roles)
    refusals = [*_role_mix(given.roles), *last_administrator(work, person, given.roles)]
    wanted = Wanted(roles=roles)
    change_account(work, person, Change.ROLES, two=two, reason=given.reason, wanted=wanted, refusals=refusals)
    return person


class DisablePerson(ActInput):
    """Disable an account for good."""

    name: Name = Field(title="Sign-in name")
    reason: Reason


@act(DisablePerson, likely="rarely")
def disable_person(work: Work, given: DisablePerson) -> Person:
    """The person may no longer sign in; the name is never given again. What was asked for the account is declined."""
    person = lock_account(work, given.name)
    waiting = open_changes(work, person)
    work.judge(person, *waiting, refusals=last_administrator(work, person, []))
    for one in waiting:
        decline(work, one, given.reason)
    if person.state == PersonState.ACTIVE:
        tell(work, person, Template.DISABLED)
    work.transition(person)
    return person


class ResetPassword(ActInput):
    """Reset a password."""

    name: Name = Field(title="Sign-in name")
    new_password: Secret = Field(title="New first password", min_length=SHORTEST, max_length=LONGEST)
    reason: Reason


@act(ResetPassword, begun_by={"administrator": 3})
def reset_password(work: Work, given: ResetPassword) -> Person:
    """Give a new first password, which its owner must change before anything else: a reset never signs. Their sessions
    and the keys of their programs end with it. A second person confirms that of an account that has a power."""
    person = lock_account(work, given.name)
    two, new = asks_two(work, person.roles), work.new_password_hash
    change_account(work, person, Change.PASSWORD, two=two, reason=given.reason, wanted=Wanted(password_hash=new))
    return person


class ChangePassword(ActInput):
    """Change my password."""

    new_password: Secret = Field(title="New password", min_length=SHORTEST, max_length=LONGEST)
    end_keys: EndKeys | None = Field(default=None, title="The keys of my programs end too")


@act(ChangePassword, at_the_door=True)
def change_password(work: Work, given: ChangePassword) -> Person:
    """Change one's own password. The door has proved the old one. Sessions end with it; asks about keys."""
    person = lock_account(work, work.actor.name)
    keys = live_keys(work, person)
    work.judge(person, refusals=unanswered(keys, given.end_keys))
    if person.must_change_password:
        use_half(work, person)
    set_password(work, person, work.new_password_hash, must_change=False)
    tell(work, person, Template.PASSWORD_CHANGED)
    work.transition(person)
    end_keys(work, keys if given.end_keys == "yes" else ())
    return person


class ChangeAddress(ActInput):
    """Change the address of a person."""

    name: Name = Field(title="Sign-in name")
    email: Address = Field(title="New address of e-mail")
    reason: Reason


@act(ChangeAddress)
def change_address(work: Work, given: ChangeAddress) -> Person:
    """From now on messages about the account go there; the old address is told of it too. A second person confirms that
    of an account that has a power."""
    person = lock_account(work, given.name)
    two = asks_two(work, person.roles)
    change_account(work, person, Change.ADDRESS, two=two, reason=given.reason, wanted=Wanted(email=given.email))
    return person


class ChangeMyAddress(ProvedInput):
    """Change my address."""

    email: Address = Field(title="New address of e-mail")


@act(ChangeMyAddress)
def change_my_address(work: Work, given: ChangeMyAddress) -> Person:
    """Change where messages about one's own account go, with the password; the old address is told of it too."""
    person = lock_account(work, work.actor.name)
    work.judge(person)
    before, person.email = person.email, given.email
    tell(work, person, Template.ADDRESS, also_to=[before])
    work.transition(person)
    return person


class SignIn(ActInput):
    """Sign in."""


@act(SignIn, at_the_door=True)
def sign_in(work: Work, given: SignIn) -> Person:
    """Note that the person signed in; the door has proved the password. At a screen that knows them they sign in while
    others try their name elsewhere: there the lock stands."""
    person = lock_account(work, work.actor.name)
    work.judge(person)
    if not is_locked(person.locked_until, work.now):
        forget_failures(person)
    work.transition(person)
    return person


class SignOut(ActInput):
    """Sign out."""


@act(SignOut, at_the_door=True)
def sign_out(work: Work, given: SignOut) -> Person:
    """Note that the person signed out."""
    person = lock_account(work, work.actor.name)
    work.judge(person)
    work.transition(person)
    return person

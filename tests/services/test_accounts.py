"""Accounts: roles, passwords and their lockout, tokens."""

import dataclasses
import datetime
import threading

import pytest
from sqlalchemy import text

from cellbank.domain.actor import Actor, Proof
from cellbank.domain.lifecycle.roles import Role
from cellbank.services.acts import Malformed, run_act
from cellbank.services.installation import Installation
from cellbank.services.lookup import work
from cellbank.services.people import passwords
from cellbank.services.people.account_list import list_people
from cellbank.services.people.actors import SYSTEM, actor_by_name, actor_by_token
from cellbank.services.people.passwords import Credentials
from cellbank.services.people.places import Place
from cellbank.services.people.tokens import KEY, kept
from cellbank.services.quality.definitions import shipped
from tests.factories.people import confirm
from tests.factories.world import PASSWORD, World

pytestmark = pytest.mark.usefixtures("real_passwords")

MINUTE, DAY = datetime.timedelta(minutes=1), datetime.timedelta(days=1)


def new_person(world: World, *roles: str, password: str = PASSWORD, must_change: bool = False) -> str:
    """The sign-in name of somebody new."""
    name = world.unique("p").replace("-", ".")
    given = {"name": name, "full_name": f"Person {name}", "roles": list(roles), "new_password": password}
    given["must_change"] = must_change
    World.accepted(run_act(world.installation, "add_person", given, SYSTEM, door="test", now=world.now))
    world.meet(name)
    world.may_sign(name)
    return name


def prove(installation: Installation, actor: Actor, password: str, now: datetime.datetime) -> Proof | None:
    return passwords.prove(installation, actor, Credentials(password), now, place=Place("test")).proof


def check_password(installation: Installation, actor: Actor, password: str, now: datetime.datetime) -> bool:
    return prove(installation, actor, password, now) is Proof.RIGHT


def column(world: World, name: str, what: str):
    with world.installation.reads.connect() as connection:
        return connection.scalar(text(f"SELECT {what} FROM person WHERE name = :name"), {"name": name})


# ---- who may be what


@pytest.mark.requirement("R4")
def test_an_administrator_adds_people_whose_password_is_known_to_nobody(world: World) -> None:
    name = new_person(world, "technician", "quality_officer")
    assert column(world, name, "password_hash").startswith("$argon2id$")
    assert actor_by_name(world.installation, name.upper()).roles == {Role.TECHNICIAN, Role.QUALITY_OFFICER}
    with world.installation.reads.connect() as connection:
        told = connection.scalar(
            text(
                "SELECT given::text || after::text FROM act a JOIN change c ON c.act_id = a.id "
                "WHERE record_kind = 'person' AND after->>'name' = :name"
            ),
            {"name": name},
        )
    assert PASSWORD not in told and "$argon2" not in told and '"(hidden) ' in told


@pytest.mark.parametrize("who", ["tina", "quinn", "clara", "otto"])
def test_nobody_but_an_administrator_adds_people(world: World, who: str) -> None:
    given = {"name": "new.person", "full_name": "New", "roles": ["technician"], "new_password": PASSWORD}
    assert world.codes(who, "add_person", **given) == ["ROLE_NOT_ALLOWED"]


@pytest.mark.requirement("R4")
@pytest.mark.parametrize(
    "roles", [["administrator", "technician"], ["auditor", "clinician"], ["system"], ["administrator", "auditor"]]
)
def test_administrators_and_auditors_hold_no_other_role(world: World, roles: list[str]) -> None:
    given = {"full_name": "New", "roles": roles, "new_password": PASSWORD}
    assert world.codes("ada", "add_person", name=world.unique("x").replace("-", "."), **given) == ["ROLE_NOT_ALLOWED"]
    name = new_person(world, "technician")
    assert world.codes("ada", "change_roles", name=name, roles=roles, reason="to see it refused")


@pytest.mark.requirement("R4")
def test_the_database_knows_that_an_administrator_stands_alone(world: World, databases) -> None:
    with world.installation.reads.connect() as connection:
        kept = connection.scalar(
            text("SELECT count(*) FROM pg_constraint WHERE conname = 'ck_person_administrator_holds_no_other_role'")
        )
    assert kept == 1


@pytest.mark.requirement("R12")
def test_a_name_is_never_given_twice(world: World) -> None:
    name = new_person(world, "technician")
    world.do("ada", "disable_person", name=name, reason="left the site")
    assert actor_by_name(world.installation, name) is None
    given = {"name": name, "full_name": "Another", "roles": ["technician"], "new_password": PASSWORD}
    assert world.codes("ada", "add_person", **given) == ["ALREADY_EXISTS"]


@pytest.mark.parametrize("act", ["disable_person", "change_roles"])
def test_the_last_administrator_stays(world: World, act: str) -> None:
    others = [
        one.name for one in list_people(world.installation) if "administrator" in one.roles and one.state == "ACTIVE"
    ]
    for other in set(others) - {"ada"}:
        world.do("ada", "disable_person", name=other, reason="only one is wanted")
    more = {"roles": ["auditor"]} if act == "change_roles" else {}
    assert world.codes("ada", act, name="ada", reason="to see it refused", **more) == ["LAST_ADMINISTRATOR"]


@pytest.mark.parametrize("name", ["", "Ж.ivan", "a", "two words", "x" * 41, "1abc"])
def test_names_are_of_small_latin_letters_digits_and_dots(world: World, name: str) -> None:
    with pytest.raises(Malformed):
        world.try_act("ada", "add_person", name=name, full_name="N", roles=["technician"], new_password=PASSWORD)


def test_a_password_has_a_length(world: World) -> None:
    for password in ("short", "x" * 201):
        with pytest.raises(Malformed) as malformed:
            new_person(world, "technician", password=password)
        assert password not in str(malformed.value)


def test_spaces_at_the_ends_of_a_password_count(world: World) -> None:
    name = new_person(world, "technician", password="  with spaces around  ")
    actor = world.people[name]
    assert check_password(world.installation, actor, "  with spaces around  ", world.now)
    assert not check_password(world.installation, actor, "with spaces around", world.now)


# ---- wrong passwords


@pytest.mark.requirement("R15")
def test_five_wrong_passwords_lock_the_account_for_a_while(world: World) -> None:
    name = new_person(world, "quality_officer")
    actor, installation = world.people[name], world.installation
    for _ in range(5):
        assert prove(installation, actor, "wrong", world.now) is Proof.WRONG
    assert prove(installation, actor, PASSWORD, world.now) is Proof.LOCKED
    assert not check_password(installation, actor, PASSWORD, world.now + 14 * MINUTE)
    assert check_password(installation, actor, PASSWORD, world.now + 15 * MINUTE)


def test_wrong_passwords_far_apart_do_not_lock(world: World) -> None:
    actor = world.people[new_person(world, "technician")]
    for number in range(7):
        check_password(world.installation, actor, "wrong", world.now + number * 4 * MINUTE)
    assert check_password(world.installation, actor, PASSWORD, world.now + 30 * MINUTE)


def test_signing_in_forgets_the_wrong_ones(world: World) -> None:
    name = new_person(world, "technician")
    for _ in range(4):
        check_password(world.installation, world.people[name], "wrong", world.now)
    world.do(name, "sign_in")
    assert column(world, name, "failure_count") == 0


def test_an_administrator_unlocks(world: World) -> None:
    name = new_person(world, "technician")
    actor = world.people[name]
    for _ in range(5):
        check_password(world.installation, actor, "wrong", world.now)
    (listed,) = [one for one in list_people(world.installation) if one.name == name]
    assert listed.failure_count == 5 and listed.locked_until == world.now + 15 * MINUTE
    assert world.codes("quinn", "unlock_person", name=name, reason="she asked for it") == ["ROLE_NOT_ALLOWED"]
    world.do("ada", "unlock_person", name=name, reason="she asked for it")
    assert check_password(world.installation, actor, PASSWORD, world.now)


def test_the_settings_say_how_many_and_for_how_long(world: World) -> None:
    config = dataclasses.replace(world.installation.config, lockout_failures=2, lockout_minutes=60)
    installation = dataclasses.replace(world.installation, config=config)
    actor = world.people[new_person(world, "technician")]
    for _ in range(2):
        check_password(installation, actor, "wrong", world.now)
    assert not check_password(installation, actor, PASSWORD, world.now + 59 * MINUTE)
    assert check_password(installation, actor, PASSWORD, world.now + 60 * MINUTE)


def test_a_signature_with_a_wrong_password_counts_and_a_locked_account_signs_nothing(world: World) -> None:
    name = new_person(world, "quality_officer")
    code = waiting_definition(world)
    for _ in range(5):
        assert world.codes(name, "make_effective", definition=code, password="wrong") == ["SIGNATURE_WRONG"]
    assert column(world, name, "locked_until") == world.now + 15 * MINUTE
    assert world.codes(name, "make_effective", definition=code) == ["ACCOUNT_LOCKED"]


def waiting_definition(world: World) -> str:
    """The code of a new product's specification: imported, and one signature away from being in force."""
    content = shipped()[0].content.replace('id = "P-MMSC"', f'id = "{world.unique("P")}"')
    return world.do("quinn", "import_definition", type="specification", content=content)["code"]


def test_guesses_sent_all_at_once_are_not_compared_beyond_the_limit(world: World) -> None:
    actor = world.people[new_person(world, "technician")]
    answers: list[Proof] = []

    def guess() -> None:
        answers.append(prove(world.installation, actor, "wrong", world.now))

    guessing = [threading.Thread(target=guess) for _ in range(16)]
    for thread in guessing:
        thread.start()
    for thread in guessing:
        thread.join()
    assert answers.count(Proof.WRONG) <= 6 and answers.count(Proof.LOCKED) >= 10
    assert column(world, actor.name, "failure_count") <= 12  # as many again are compared while it is locked


@pytest.mark.requirement("R15")
def test_who_gives_the_password_of_a_locked_account_is_told_until_when(world: World) -> None:
    actor = world.people[new_person(world, "technician")]

    def opens_at(password: str, later: datetime.timedelta = 0 * MINUTE) -> datetime.datetime | None:
        given = Credentials(password)
        return passwords.prove(world.installation, actor, given, world.now + later, place=Place("test")).opens_at

    for _ in range(5):
        prove(world.installation, actor, "wrong", world.now)
    until = world.now + 15 * MINUTE
    assert opens_at(PASSWORD) == until and opens_at("wrong") is None
    for minute in range(4):
        assert opens_at("wrong", minute * MINUTE) is None
    assert column(world, actor.name, "locked_until") == until  # what is tried meanwhile makes it no longer
    assert column(world, actor.name, "failure_count") == 10
    assert opens_at(PASSWORD, 5 * MINUTE) is None  # nothing is compared any more
    assert column(world, actor.name, "failure_count") == 10
    assert check_password(world.installation, actor, PASSWORD, until)


# ---- first passwords


@pytest.mark.requirement("R14")
def test_a_password_given_by_an_administrator_signs_nothing(world: World) -> None:
    name = new_person(world, "quality_officer", must_change=True)
    code = waiting_definition(world)
    outcome = world.try_act(name, "make_effective", definition=code)
    assert [refusal.code.value for refusal in outcome.refusals] == ["SIGNATURE_WRONG"]
    assert "set by an administrator" in outcome.refusals[0].detail
    assert prove(world.installation, world.people[name], PASSWORD, world.now) is Proof.FIRST
    world.do(name, "change_password", new_password="my very own words")
    assert world.try_act(name, "make_effective", definition=code, password="my very own words", dry_run=True).accepted


@pytest.mark.requirement("R14")
def test_a_reset_shuts_out_the_old_password_and_the_keys(world: World) -> None:
    name = new_person(world, "technician")
    token = world.do(name, "create_token", title="logger", now=datetime.datetime.now(datetime.UTC))["token"]
    assert actor_by_token(world.installation, token).name == name
    world.do("ada", "reset_password", name=name, new_password="a first password", reason="forgotten")
    assert check_password(world.installation, world.people[name], PASSWORD, world.now)  # nothing has changed yet
    assert actor_by_token(world.installation, token).name == name
    half = confirm(world, name)["handed"]
    assert not check_password(world.installation, world.people[name], PASSWORD, world.now)
    assert prove(world.installation, world.people[name], f"a first password {half}", world.now) is Proof.FIRST
    assert actor_by_token(world.installation, token) is None


# ---- tokens


@pytest.mark.requirement("R15")
def test_a_token_acts_for_its_owner_until_it_is_revoked(world: World) -> None:
    made = world.do("tina", "create_token", title="logger", now=datetime.datetime.now(datetime.UTC))
    assert actor_by_token(world.installation, made["token"]) == world.people["tina"]
    assert world.codes("taras", "revoke_token", token=made["code"]) == ["ROLE_NOT_ALLOWED"]
    world.do("tina", "revoke_token", token=made["code"])
    assert actor_by_token(world.installation, made["token"]) is None
    assert world.codes("tina", "revoke_token", token=made["code"]) == ["WRONG_STATE"]


def test_an_administrator_revokes_anybodys_token(world: World) -> None:
    made = world.do("clara", "create_token", title="ward", now=datetime.datetime.now(datetime.UTC))
    world.do("ada", "revoke_token", token=made["code"])
    assert actor_by_token(world.installation, made["token"]) is None


def test_a_token_runs_out(world: World) -> None:
    long_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=3)
    assert (
        actor_by_token(world.installation, world.do("tina", "create_token", title="x", days=2, now=long_ago)["token"])
        is None
    )
    token = world.do("tina", "create_token", title="x", days=4, now=long_ago)["token"]
    assert actor_by_token(world.installation, token) is not None


def test_the_token_is_told_once_and_kept_nowhere(world: World) -> None:
    given = {"title": "kept nowhere", "password": PASSWORD}
    now = datetime.datetime.now(datetime.UTC)
    first = run_act(
        world.installation, "create_token", given, world.people["tina"], door="test", key=world.unique("k"), now=now
    )
    secret = first.result["token"]
    with world.installation.reads.connect() as connection:
        stored = connection.execute(text("SELECT * FROM act WHERE id = :id"), {"id": first.act}).one()
        digest = connection.scalar(text("SELECT digest FROM api_token WHERE code = :c"), {"c": first.result["code"]})
        changes = connection.execute(text("SELECT after::text FROM change WHERE act_id = :id"), {"id": first.act}).all()
    assert (
        secret not in str(stored) + str(changes) and digest == kept(world.installation.config.data, secret, KEY).digest
    )


@pytest.mark.requirement("R12")
def test_a_disabled_persons_token_opens_nothing(world: World) -> None:
    name = new_person(world, "technician")
    token = world.do(name, "create_token", title="x", now=datetime.datetime.now(datetime.UTC))["token"]
    world.do("ada", "disable_person", name=name, reason="left the site")
    assert actor_by_token(world.installation, token) is None


def test_the_installation_itself_is_not_in_the_list_and_has_no_password(world: World) -> None:
    assert "system" not in [one.name for one in list_people(world.installation)]
    assert not check_password(world.installation, SYSTEM, "nobody has this password", world.now)


# ---- what a password must be


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("short", "needs at least"), ("password123", "anybody would try"), ("Qwerty 123 456", "anybody would try"),
        ("aaaaaaaaaaaa", "anybody would try"), ("abababababab", "anybody would try"),
        ("i am marichka", "must not contain your name"), ("Marichka Kovalenko!", "must not contain your name"),
        ("xxKOVALENKOxx marichka kovalenko", "must not contain your name"),
    ],
)  # fmt: skip
def test_passwords_that_are_not_accepted(world: World, password: str, sentence: str) -> None:
    given = {"name": "marichka", "full_name": "Marichka Kovalenko", "roles": ["technician"], "new_password": password}
    with pytest.raises(Malformed) as malformed:
        world.try_act("ada", "add_person", **given)
    assert [problem.field for problem in malformed.value.problems] == ["new_password"] * len(malformed.value.problems)
    assert sentence in str(malformed.value) and password not in str(malformed.value)


@pytest.mark.requirement("R15")
def test_the_present_password_is_no_new_one_and_only_its_owner_is_told(world: World) -> None:
    name = new_person(world, "technician")
    with pytest.raises(Malformed, match="present password"):
        world.try_act(name, "change_password", new_password=PASSWORD)
    world.do("ada", "reset_password", name=name, new_password=PASSWORD, reason="forgotten")


@pytest.mark.requirement("R15", "R24")
def test_the_settings_say_how_long_a_password_is_and_how_old_it_gets(world: World) -> None:
    config = dataclasses.replace(world.installation.config, password_length=24, password_days=30)
    installation = dataclasses.replace(world.installation, config=config)
    name = new_person(world, "quality_officer")
    with pytest.raises(Malformed, match="at least 24 characters, not 23"):
        run_act(
            installation,
            "change_password",
            {"new_password": "one two three four five"},
            world.people[name],
            door="test",
        )
    in_time, late = world.now + 30 * DAY, world.now + 31 * DAY
    assert prove(installation, world.people[name], PASSWORD, in_time) is Proof.RIGHT
    assert prove(installation, world.people[name], PASSWORD, late) is Proof.OLD
    given = {"definition": waiting_definition(world), "password": PASSWORD}
    outcome = run_act(installation, "make_effective", given, world.people[name], door="test", now=late)
    assert [refusal.code.value for refusal in outcome.refusals] == ["SIGNATURE_WRONG"]
    assert "older than this site allows" in outcome.refusals[0].detail


# ---- who is told of a lock


@pytest.mark.requirement("R15")
def test_a_lock_is_an_alert_for_administrators_and_quality_officers(world: World, caplog) -> None:
    name = new_person(world, "technician")
    with caplog.at_level("WARNING", "cellbank.security"):
        for _ in range(5):
            passwords.prove(
                world.installation, world.people[name], Credentials("wrong"), world.now, place=Place("web", "10.0.0.7")
            )
    assert f"account {name} is locked until" in caplog.text and "10.0.0.7" in caplog.text
    for role, later, word in (
        (Role.ADMINISTRATOR, MINUTE, "still locked"),
        (Role.QUALITY_OFFICER, MINUTE, "still locked"),
        (Role.QUALITY_OFFICER, DAY, "not locked"),
    ):
        (alert,) = [item for item in alerts(world, role, world.now + later) if name in item.title]
        assert "2026-03-02 10:00" in alert.detail and "web, 10.0.0.7" in alert.detail and word in alert.detail
    world.do("ada", "unlock_person", name=name, reason="she asked for it")
    assert [item for item in alerts(world, Role.ADMINISTRATOR, world.now) if name in item.title]  # seen all the same
    assert not [item for item in alerts(world, Role.ADMINISTRATOR, world.now + 8 * DAY) if name in item.title]


def alerts(world: World, role: Role, now: datetime.datetime, name: str = "locked_accounts"):
    """The items of a worklist whose name begins so, all of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "SHOWN", 1000)
        found = work.worklists(world.installation, frozenset({role}), now)
    return next(one for one in found if one.name.startswith(name)).items


@pytest.mark.requirement("R8")
def test_trainings_that_end_are_work_for_administrators_and_quality_officers(world: World) -> None:
    name = new_person(world, "clinician")
    ends = datetime.datetime(2099, 12, 31, 12, tzinfo=datetime.UTC)
    for role in (Role.ADMINISTRATOR, Role.QUALITY_OFFICER):
        said = {
            days: [
                item.detail
                for item in alerts(world, role, ends - days * DAY, "trainings_to_renew")
                if name in item.title
            ]
            for days in (31, 30, -1)
        }
        assert said == {
            31: [],
            30: ["as clinician, valid until 2099-12-31"],
            -1: ["as clinician, ended on 2099-12-31"],
        }

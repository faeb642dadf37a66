"""People and their acts, and the trace of a code."""

import argparse
import json
from typing import Any

from cellbank.cli.shared import Stop, WrongUse, add_command, add_password_option, ask_password, opened_installation
from cellbank.domain.actor import Actor, OneTime
from cellbank.domain.lifecycle.roles import FLOOR, Role
from cellbank.domain.wall import on_the_wall
from cellbank.services import catalogue
from cellbank.services.acts import Outcome, RegisteredAct, UnknownAct, find_act, run_act
from cellbank.services.finding.missing import NotHere, Unreadable
from cellbank.services.given import read_object
from cellbank.services.installation import Installation, server_time
from cellbank.services.lookup import tracing
from cellbank.services.people import sessions
from cellbank.services.people.actors import SYSTEM
from cellbank.services.people.passwords import Credentials
from cellbank.services.people.places import Place

DOOR = "cli"
LOCKS = "After several wrong ones an account is locked for a while; an administrator can unlock it."


def add_commands(commands: Any) -> None:
    """user add, user train, user code, act, trace."""
    user = commands.add_parser("user", help="Accounts.").add_subparsers(required=True, metavar="COMMAND")
    add = add_command(user, "add", run_user_add, "Add a person; the first password must be changed at first sign-in.")
    add.add_argument("name", metavar="NAME", help="sign-in name")
    add.add_argument("--full-name", required=True, help="as it stands beside a signature")
    roles = [role.value for role in Role if role is not Role.SYSTEM]
    add.add_argument("--role", required=True, action="append", choices=roles, help="may be given several times")
    add.add_argument("--site", metavar="CODE", help="their home site; without it the first one")
    add.add_argument("--email", metavar="ADDRESS", help="where they are told of what is done with their account")
    add_password_option(add)
    train = add_command(user, "train", run_user_train, "Record a training of one of the first people, valid at once.")
    train.add_argument("name", metavar="NAME", help="sign-in name of the person trained")
    train.add_argument("--role", required=True, choices=[role.value for role in sorted(FLOOR)], help="trained as")
    train.add_argument("--procedure", required=True, help="with its version")
    train.add_argument("--on", required=True, metavar="DATE", help="trained on, as 2026-03-31")
    train.add_argument("--until", required=True, metavar="DATE", help="valid until, this day included")
    code = add_command(user, "code", run_user_code, "Tell a code with which a person sets up a second factor.")
    code.add_argument("name", metavar="NAME", help="sign-in name of the person")
    act = add_command(commands, "act", run_an_act, "Do an act as somebody, whose password is asked for.")
    act.add_argument("name", metavar="NAME", help="name of the act, such as register_donor")
    add_person_options(act)
    act.add_argument("--json", default="{}", metavar="'{…}'", help="the act's inputs")
    act.add_argument("--dry-run", action="store_true", help="judge only")
    trace = add_command(commands, "trace", run_trace, "All that a code came from and all that came of it.")
    trace.add_argument("code", metavar="CODE")
    trace.add_argument("--json", action="store_true", help="as JSON")


def run_user_add(given: argparse.Namespace) -> None:
    """Add a person in the name of the installation: so the first administrator comes to be."""
    inputs = {"name": given.name, "full_name": given.full_name, "roles": given.role}
    inputs |= {name: value for name in ("site", "email") if (value := getattr(given, name))}
    with opened_installation(by_owner=True) as installation:
        inputs["new_password"] = ask_password(given, f"First password of {given.name}")
        report(run_act(installation, "add_person", inputs, SYSTEM, door=DOOR))


def run_user_train(given: argparse.Namespace) -> None:
    """Record a training in the name of the installation, when there are no two people yet who could."""
    inputs = {
        "name": given.name,
        "role": given.role,
        "procedure": given.procedure,
        "trained_on": given.on,
        "valid_until": given.until,
    }
    with opened_installation(by_owner=True) as installation:
        report(run_act(installation, "record_training", inputs, SYSTEM, door=DOOR))


def run_user_code(given: argparse.Namespace) -> None:
    """Hand over a code in the name of the installation, when there is no other administrator who could."""
    with opened_installation(by_owner=True) as installation:
        report(run_act(installation, "hand_over_code", {"name": given.name}, SYSTEM, door=DOOR))


def run_an_act(given: argparse.Namespace) -> None:
    """Do one act. The password that proves who it is also signs, where the act is signed."""
    inputs = read_object(given.json)
    catalogue.load()
    try:
        registered = find_act(given.name)
    except UnknownAct:
        raise WrongUse(f"There is no act {given.name!r}. There are: {', '.join(sorted(catalogue.REGISTRY))}.") from None
    with opened_installation() as installation:
        do_as(installation, given, registered, inputs, dry_run=given.dry_run)


def do_as(
    installation: Installation,
    given: argparse.Namespace,
    act: RegisteredAct,
    inputs: dict[str, Any],
    *,
    dry_run: bool = False,
) -> None:
    """Do an act as the person of `add_person_options`, once their password, and their code, has proved them."""
    password = ask_password(given, f"Password of {given.user}")
    code = (
        ask_password(given, "One-time code, if the account has one")
        if installation.config.second_factor_roles
        else None
    )
    actor, once = prove_person(installation, given.user, Credentials(password, code), act, given.site)
    fields = act.input.model_fields
    if "new_password" in fields and "new_password" not in inputs:
        inputs["new_password"] = ask_password(given, "New password")
    if "password" in fields:
        inputs |= {"password": inputs.get("password", password), **({"one_time_code": code} if code else {})}
    spent = None if dry_run else once
    report(run_act(installation, act.name, inputs, actor, door=DOOR, dry_run=dry_run, once=spent))


def prove_person(
    installation: Installation, name: str, credentials: Credentials, act: RegisteredAct, site: str | None = None
) -> tuple[Actor, OneTime | None]:
    """Who this is, proved by password and one-time code, and the code, which the act uses up; acting at `site`, or at
    home. Raises Stop when it is not, or a first password is used, and WrongUse for a site at which they do not work."""
    wanted = site.strip().upper() if site else None
    proof = sessions.prove(installation, name, credentials, server_time(), place=Place(DOOR), site=wanted)
    if proof.standing is None:
        if proof.opens_at is not None:
            raise Stop(f"The account is locked until {on_the_wall(proof.opens_at, installation.zone)}. {LOCKS}")
        codes = " or the one-time code" if installation.config.second_factor_roles else ""
        raise Stop(f"The name or the password{codes} is wrong. {LOCKS}")
    if proof.standing.must_change_password and act.name != "change_password":
        why = "is older than this site allows" if proof.standing.is_old_password else "was set by an administrator"
        raise Stop(f"This password {why}: first run cellbank act change_password --as {name}.")
    actor = proof.standing.actor
    if wanted not in (None, actor.site_code):
        raise WrongUse(f"--site: {name} does not work at {wanted}. They may act at {', '.join(actor.sites)}.")
    return actor, proof.once


def add_person_options(command: argparse.ArgumentParser) -> None:
    """Who does it: proved by the password, which is asked for."""
    command.add_argument("--as", required=True, dest="user", metavar="USER", help="sign-in name of who does it")
    add_site_option(command)
    add_password_option(command)


def add_site_option(command: argparse.ArgumentParser) -> None:
    """For people who work at several sites."""
    command.add_argument("--site", metavar="CODE", help="the site at which they act; without it their home site")


def report(outcome: Outcome) -> None:
    """Print what came of an act. Raises Stop with the reasons when it was refused."""
    if not outcome.accepted:
        raise Stop(*(f"{refusal.code.value}: {refusal.detail}" for refusal in outcome.refusals))
    answer = {"accepted": True, "act": outcome.act, "result": outcome.result}
    print(json.dumps(answer, ensure_ascii=False, default=str))


def run_trace(given: argparse.Namespace) -> None:
    """Print the lineage of a code."""
    with opened_installation() as installation:
        try:
            found = tracing.trace(installation, given.code)
        except Unreadable as problem:
            raise WrongUse(str(problem)) from problem
        except NotHere as problem:
            raise Stop(str(problem)) from problem
    if given.json:
        print(json.dumps(found.as_json(), ensure_ascii=False, default=str))
        return
    for heading, nodes in (("Came from", found.up), ("This is", (found.start,)), ("Came of it", found.down)):
        print(heading + (":" if nodes else ": nothing"))
        for node in nodes:
            where = f", {node.where}" if node.where else ""
            print(f"  {node.kind:<9} {node.code:<20} {node.title}: {node.state}{where}")

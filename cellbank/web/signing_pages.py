"""Pages before the first signature: the statement that everybody accepts, and the second factor."""

from typing import Any

from flask import abort, redirect, render_template, request
from flask_babel import gettext
from flask_login import current_user

from cellbank.domain import agreement
from cellbank.domain.lifecycle.table import roles_for
from cellbank.services.acts import Malformed, run_act
from cellbank.services.labels.symbols import qr_drawing
from cellbank.services.people.handed_codes import recovery_of
from cellbank.services.people.keys import keys_of
from cellbank.services.people.one_time_codes import address_of
from cellbank.services.people.passwords import has_second_factor
from cellbank.web.blueprint import blueprint
from cellbank.web.session import local_path, now
from cellbank.web.session_pages import about_keys, proved, reason, why_not
from cellbank.web.shell import DOOR, client, the_actor, the_installation
from cellbank.web.told import said_again


def _next() -> str:
    return local_path(request.values.get("next", ""))


@blueprint.route("/agreement", methods=["GET", "POST"], endpoint="agreement")
def statement() -> Any:
    """The statement, to be read and accepted by whoever signs."""
    actor = the_actor()
    if not roles_for("accept_agreement") & actor.roles:
        abort(404)
    problem = None
    if request.method == "POST":
        given = {"version": request.form.get("version", "")}
        try:
            outcome = run_act(the_installation(), "accept_agreement", given, actor, door=DOOR, client=client())
        except Malformed:
            abort(400)
        if outcome.accepted:
            return redirect(_next(), 303)
        problem = reason(outcome.refusals[0])
    page = render_template(
        "agreement.html",
        title=agreement.TITLE,
        paragraphs=agreement.PARAGRAPHS,
        statement_version=agreement.VERSION,
        accepted=actor.agreement if not current_user.standing.must_accept_agreement else None,
        older=actor.agreement,
        problem=problem,
        next=_next(),
    )
    return page, 409 if problem else 200


@blueprint.route("/second-factor", methods=["GET", "POST"])
def second_factor() -> Any:
    """Set up the second factor of whoever is signed in, and confirm it."""
    if request.method == "GET":
        return _show()
    return _confirm() if request.form.get("intent") == "confirm" else _set_up()


def _set_up() -> Any:
    code = request.form.get("one_time_code", "")
    proof = proved(the_actor().name, request.form.get("password", ""), code, enrols=True)
    if proof.wait is not None:
        return _show(problem=why_not(proof))
    if proof.standing is None:
        return _show(problem=gettext("The password or the code is wrong, or the code has been used or is too old."))
    outcome = run_act(
        the_installation(), "set_up_second_factor", {}, the_actor(), door=DOOR, client=client(), once=proof.once
    )
    if not outcome.accepted:
        return _show(problem=reason(outcome.refusals[0]))
    return _show(secret=outcome.result["secret"])


def _confirm() -> Any:
    given = {"one_time_code": request.form.get("one_time_code", ""), **about_keys()}
    try:
        outcome = run_act(the_installation(), "confirm_second_factor", given, the_actor(), door=DOOR, client=client())
    except Malformed as malformed:
        return _show(problem=said_again(malformed.problems[0].message), waiting=True)
    if not outcome.accepted:
        return _show(problem=reason(outcome.refusals[0]), waiting=True)
    return render_template("recovery_codes.html", codes=outcome.result["recovery"], next=_next())


def _show(*, problem: str | None = None, secret: str | None = None, waiting: bool = False) -> Any:
    actor, config = the_actor(), the_installation().config
    page = render_template(
        "second_factor.html",
        confirmed=actor.has_second_factor,
        needed=has_second_factor(config, actor),
        secret=secret,
        drawing=qr_drawing(address_of(secret, actor.name, f"cellbank {config.site_name}")) if secret else None,
        waiting=waiting,
        recovery=recovery_of(the_installation(), actor.id),
        keys=keys_of(the_installation(), actor.id, now()),
        problem=problem,
        next=_next(),
    )
    return page, 403 if problem else 200

"""Pages of the session: signing in and out, locking, unlocking, the first password, the language."""

from typing import Any

from flask import jsonify, make_response, redirect, render_template, request, session, url_for
from flask_babel import gettext
from flask_login import current_user
from flask_wtf.csrf import generate_csrf
from werkzeug.datastructures import MultiDict

from cellbank.domain.refusals import Refusal
from cellbank.services.acts import Malformed, run_act
from cellbank.services.people import web_sessions
from cellbank.services.people.keys import keys_of
from cellbank.services.people.passwords import Credentials
from cellbank.services.people.sessions import SignInAnswer, prove
from cellbank.web import reasons
from cellbank.web.blueprint import blueprint
from cellbank.web.session import (
    CARRY,
    carried,
    enter,
    enter_again,
    entrance,
    is_locked,
    leave,
    local_path,
    lock,
    now,
    place,
    resume,
    site_of_the_screen,
    wants_json,
)
from cellbank.web.shell import DOOR, LANGUAGES, client, clock, the_actor, the_installation, whole_installation
from cellbank.web.told import said_again


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Any:
    """Name and password."""
    if request.method == "GET":
        if current_user.is_authenticated:
            return redirect(local_path(request.args.get("next", "")))
        return entrance("web.sign_in", next=request.args.get("next", ""))
    return _come_in("web.sign_in")


@blueprint.route("/unlock", methods=["GET", "POST"])
def unlock() -> Any:
    """The password of whoever locked it, or another person's name and password."""
    if request.method == "GET":
        if not current_user.is_authenticated or not is_locked():
            return redirect(local_path(request.args.get("next", "")))
        return entrance("web.unlock", next=request.args.get("next", ""))
    return _come_in("web.unlock")


def _come_in(endpoint: str) -> Any:
    name = request.form.get("name", "")
    proof = proved(name, request.form.get("password", ""), request.form.get("one_time_code"))
    if proof.wait is not None:
        answer = make_response(_stay_out(endpoint, name, why_not(proof), 429))
        answer.headers["Retry-After"] = str(proof.wait)
        return answer
    if proof.standing is None:
        return _stay_out(endpoint, name, why_not(proof))
    refusals = enter(proof)
    if refusals:
        return _stay_out(endpoint, name, reason(refusals[0]))
    if wants_json():
        return jsonify(person=proof.standing.actor.full_name, name=proof.standing.actor.name, token=generate_csrf())
    return resume()


def proved(name: str, password: str, code: str | None, *, enrols: bool = False) -> SignInAnswer:
    """What a name and a password that were given on a page prove, with the one-time code beside them. The screen stands
    at a site: whoever comes to it acts there, if they work there. `enrols`: to set up a second factor."""
    given = Credentials(password, code)
    return prove(the_installation(), name, given, now(), place=place(), site=site_of_the_screen(), enrols=enrols)


def _stay_out(endpoint: str, name: str, problem: str, status: int = 403) -> Any:
    if wants_json():
        return jsonify(problem=problem), status
    waiting = [field for field in request.form.items(multi=True) if field[0].startswith(CARRY)]
    kept = {field: request.form.get(field, "") for field in ("resume", "next")}
    return entrance(endpoint, name=name, problem=problem, carried=carried(MultiDict(waiting)), status=status, **kept)


def why_not(proof: SignInAnswer) -> str:
    """What to tell somebody whose name and password were not accepted: the same whatever was wrong, or a stranger would
    learn which names there are, and which are locked; that one has to wait, of every name alike. Who gives the password
    of a locked account is no stranger, and is told how to come in."""
    if proof.wait is not None:
        return gettext(
            "Several names or passwords were wrong here, or many try at once: this one was not looked at. Try again in "
            "%(seconds)s s.",
            seconds=proof.wait,
        )
    if proof.opens_at is not None:
        return gettext(
            "That is right, but after several wrong ones the account is locked until %(time)s. At a screen where you "
            "have signed in before you come in now; or ask an administrator, or two colleagues who can sign.",
            time=clock(proof.opens_at),
        )
    codes = bool(the_installation().config.second_factor_roles)
    wrong = gettext("Wrong name, password or one-time code.") if codes else gettext("Wrong name or password.")
    locks = gettext(
        "After several wrong ones an account is locked for a while, except where its owner has signed in before: go "
        "there, wait, or let two colleagues scan the badge and unlock it."
    )
    return f"{wrong} {locks}"


@blueprint.post("/sign-out")
def sign_out() -> Any:
    """End the session."""
    leave()
    return redirect(url_for("web.sign_in"))


@blueprint.post("/lock", endpoint="lock")
def lock_now() -> Any:
    """Lock the screen now."""
    lock()
    if wants_json():
        return jsonify(locked=True)
    return redirect(url_for("web.unlock", next=request.form.get("next", "")))


@blueprint.post("/seen")
def seen() -> Any:
    """Somebody is typing on a page that has not asked the server for a while; the guard has noted it."""
    return "", 204


@blueprint.post("/language")
def choose_language() -> Any:
    """Change the language of this session."""
    chosen = request.form.get("language")
    if chosen in LANGUAGES:
        session["language"] = chosen
    return redirect(local_path(request.form.get("next", "")))


@blueprint.post("/site")
def choose_site() -> Any:
    """Go on at another of one's sites; what is open here is of the site that one leaves, so home it goes."""
    chosen = request.form.get("site", "")
    if chosen in the_actor().sites:
        web_sessions.move_to_site(whole_installation(), current_user.session.id, chosen)
    return redirect(url_for("web.home"))


@blueprint.route("/password", methods=["GET", "POST"])
def change_password() -> Any:
    """Change one's own password, which a first password asks for."""
    problem = _new_password() if request.method == "POST" else None
    if request.method == "POST" and problem is None:
        return redirect(url_for("web.home"))
    page = render_template(
        "password.html",
        problem=problem,
        shortest=the_installation().config.password_length,
        standing=current_user.standing,
        keys=keys_of(the_installation(), the_actor().id, now()),
    )
    return page, 422 if problem else 200


def _new_password() -> str | None:
    """Prove the old password and set the new one; what was wrong, or None."""
    old, new, again = (request.form.get(name, "") for name in ("password", "new_password", "again"))
    if new != again:
        return gettext("The two new passwords differ. Type both again.")
    proof = proved(the_actor().name, old, request.form.get("one_time_code"))
    if proof.standing is None:
        return why_not(proof)
    try:
        outcome = run_act(
            the_installation(),
            "change_password",
            {"new_password": new, **about_keys()},
            the_actor(),
            door=DOOR,
            client=client(),
            once=proof.once,
        )
    except Malformed as malformed:
        wrong = (said_again(problem.message) for problem in malformed.problems)
        return " ".join(gettext("The new password %(what)s", what=what) for what in wrong)
    if not outcome.accepted:
        return reason(outcome.refusals[0])
    enter_again(the_actor().name)
    return None


def reason(refusal: Refusal) -> str:
    """A refusal in the reader's language."""
    return str(reasons.reason(refusal)["detail"])


def about_keys() -> dict[str, str]:
    """What the form says about the keys of programs; nothing where it was not asked, or not answered."""
    answer = request.form.get("end_keys")
    return {"end_keys": answer} if answer else {}

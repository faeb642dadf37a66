"""The page of one's own sessions, and of the keys of one's programs; for an administrator, of everybody's sessions."""

from typing import Any

from flask import redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user

from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.sessions import Ended
from cellbank.services.acts import REGISTRY, Malformed, Outcome, run_act
from cellbank.services.people.keys import keys_of
from cellbank.services.people.web_sessions import sessions_of, sessions_of_all
from cellbank.web.blueprint import blueprint
from cellbank.web.reasons import reason
from cellbank.web.session import now
from cellbank.web.shell import DOOR, client, say, the_actor, the_installation


@blueprint.get("/sessions")
def sessions_page() -> Any:
    """Where one is signed in, each with a button that ends it."""
    return _show()


@blueprint.post("/sessions")
def end_own_session() -> Any:
    """End one of one's own sessions; this one too."""
    given = {"name": the_actor().name, "session": request.form.get("session", "")}
    try:
        outcome = run_act(the_installation(), "end_session", given, the_actor(), door=DOOR, client=client())
    except Malformed:
        return _show(), 422
    return redirect(url_for("web.sessions_page"), 303) if outcome.accepted else (_show(outcome), 409)


def _show(outcome: Outcome | None = None) -> str:
    actor, installation = the_actor(), the_installation()
    administers = Role.ADMINISTRATOR in actor.roles
    wanted = request.args.get("name", "").strip().lower()
    return render_template(
        "sessions.html",
        mine=sessions_of(installation, actor.id, now()),
        this_one=current_user.session.id,
        hours=installation.config.session_hours,
        keys=keys_of(installation, actor.id, now()),
        act_names=lambda acts: ", ".join(say(REGISTRY[name].title) for name in acts if name in REGISTRY),
        administers=administers,
        everybody=sessions_of_all(installation, now(), wanted or None) if administers else (),
        wanted=wanted,
        why=_why(),
        problems=[reason(refusal)["detail"] for refusal in outcome.refusals] if outcome else [],
    )


def _why() -> dict[str, str]:
    """Why a session ended, as people read it."""
    return {
        Ended.SIGNED_OUT: gettext("signed out"),
        Ended.REPLACED: gettext("another person came to the screen"),
        Ended.TOO_LONG: gettext("its hours were over"),
        Ended.BY_HAND: gettext("ended from a list of sessions"),
        Ended.PASSWORD: gettext("the password was changed"),
        Ended.RESET: gettext("password or second factor were reset"),
        Ended.ROLES: gettext("the roles were changed"),
        Ended.DISABLED: gettext("the account was disabled"),
    }

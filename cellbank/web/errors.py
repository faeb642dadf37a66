"""Error pages. A bug gets a number that stands on the page and in the log; nothing was half-written."""

from typing import Any

from flask import Flask, g, jsonify, render_template, request
from flask_babel import gettext
from flask_login import AnonymousUserMixin, current_user
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, NotFound

from cellbank.services.acts import Malformed
from cellbank.services.finding.missing import NotHere, OtherSite, Unreadable
from cellbank.services.incidents import (
    RETRY_AFTER,
    Unavailable,
    log_away,
    log_incident,
    recorded,
    truth_of,
    unavailable,
)
from cellbank.web import words
from cellbank.web.session import carried, entrance, wants_json
from cellbank.web.shell import say
from cellbank.web.told import said_again


def register(app: Flask) -> None:
    """Handlers for the pages. The API answers for its own addresses before these are asked."""
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(HTTPException, _http)
    for nowhere in (Unreadable, NotHere):  # a code in an address that leads to nothing
        app.register_error_handler(nowhere, lambda _: _http(NotFound()))
    app.register_error_handler(OtherSite, lambda error: _sentence(404, words.of_another_site(error.site)))
    app.register_error_handler(Malformed, _malformed)  # what stands in no field of a form: its key
    app.register_error_handler(Exception, _bug)


def _stale_form(error: CSRFError) -> Any:
    """A form of a session that is over: prove the password, and it comes back filled."""
    same_site = request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
    waiting = carried(request.form) if same_site else []
    message = gettext("This page was opened in a session that is over. Sign in: what was typed is kept.")
    return entrance("web.sign_in", problem=message, carried=waiting, resume=request.path, status=400)


def _http(error: HTTPException) -> Any:
    code = error.code or 500
    if code < 400:
        return error
    said = {
        404: gettext("There is no such page. Scan a label, or go to the home page."),
        403: gettext("This page is not for your role. Ask somebody whose work it is."),
        405: gettext("This address takes forms only. Go to the home page."),
        413: gettext("That was too much for one form."),
        414: gettext("This address is too long to be one of ours. Go to the home page."),
    }
    return _sentence(code, said.get(code, error.description))


def _malformed(error: Malformed) -> Any:
    said = " ".join(f"{item.field}: {said_again(item.message)}" for item in error.problems)
    return _sentence(422, gettext("Nothing was recorded, for this cannot be read: %(problems)s", problems=said))


def _sentence(code: int, sentence: str | None) -> Any:
    return render_template("error.html", code=code, sentence=sentence, number=None), code


def _bug(error: Exception) -> Any:
    if (away := unavailable(error)) is not None:
        return _not_now(away)
    number, act = log_incident(error), recorded()
    sentence = gettext("Nothing was recorded. Tell the administrator this number:")
    if act is not None:
        sentence = gettext("What you did is recorded; its page failed. Tell the administrator this number:")
    return render_template("error.html", code=500, sentence=sentence, number=number, done=act), 500


def _not_now(away: Unavailable) -> Any:
    """503: the database could not do it. What is recorded stands, what is not is said so, and of what is not known the
    page looks after the truth until it is told."""
    log_away(away)
    _know_nobody_in_doubt()
    truth, act = truth_of(away), recorded()
    said = {
        "recorded": gettext("What you did is recorded."),
        "unknown": gettext("Whether it is recorded is not known yet: this page finds out."),
        "not recorded": gettext("Nothing was recorded."),
    }
    sentence, certain = say(away.sentence), said[truth.outcome]
    if wants_json():
        answer = jsonify(problem=f"{sentence} {certain}", outcome=truth.outcome, key=truth.key)
        return answer, 503, {"Retry-After": RETRY_AFTER}
    again = request.path if request.method == "POST" else ""
    page = render_template(
        "not_now.html",
        sentence=sentence,
        truth=certain,
        key=truth.key,
        done=act,
        again=again,
        bare=True,
        fields=carried(request.form) if again and not act else [],
        seconds=RETRY_AFTER,
    )
    return page, 503, {"Retry-After": RETRY_AFTER}


def _know_nobody_in_doubt() -> None:
    """Who is at the screen is asked of the database: without it, nobody is, for this one page."""
    try:
        assert current_user.is_authenticated is not None
    except Exception:
        g._login_user = AnonymousUserMixin()

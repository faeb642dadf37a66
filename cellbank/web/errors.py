"""Error pages. A bug gets a number that stands on the page and in the log; nothing was half-written."""

from typing import Any

from flask import Flask, render_template, request
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, NotFound

from cellbank.services.incidents import log_incident
from cellbank.services.lookup.scanning import NotHere, OtherSite, Unreadable
from cellbank.web import words
from cellbank.web.session import carried, entrance


def register(app: Flask) -> None:
    """Handlers for the pages. The API answers for its own addresses before these are asked."""
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(HTTPException, _http)
    for nowhere in (Unreadable, NotHere):  # a code in an address that leads to nothing
        app.register_error_handler(nowhere, lambda _: _http(NotFound()))
    app.register_error_handler(OtherSite, lambda error: _sentence(404, words.of_another_site(error.site)))
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
    }
    return _sentence(code, said.get(code, error.description))


def _sentence(code: int, sentence: str | None) -> Any:
    return render_template("error.html", code=code, sentence=sentence, number=None), code


def _bug(error: Exception) -> Any:
    number = log_incident(error)
    sentence = gettext("Nothing was recorded. Tell the administrator this number:")
    return render_template("error.html", code=500, sentence=sentence, number=number), 500

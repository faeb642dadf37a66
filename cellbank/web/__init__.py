"""The pages: a shell, one generic page for every act, and hand-made pages where the work needs them."""

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from flask_babel import Babel
from flask_bootstrap import Bootstrap5
from flask_login import LoginManager
from flask_wtf import CSRFProtect

from cellbank.services.installation import Installation
from cellbank.services.registry import REGISTRY
from cellbank.web import (
    acts,
    bedside,
    boards,
    definitions,
    documents,
    downtime,
    drawing,
    errors,
    home,
    impact,
    my_sessions,
    offline,
    ready,
    reasons,
    records,
    release,
    session,
    session_pages,
    shell,
    shipments,
    signing_pages,
    sites,
    storage,
    temperature,
    to_sign,
    trail,
    unlocking,
    verdict,
    watch,
)
from cellbank.web.blueprint import blueprint
from cellbank.web.session import signed_in_actor

__all__ = ["register", "signed_in_actor"]

# Their routes are on the blueprint.
PAGES = (
    session_pages, my_sessions, signing_pages, home, records, acts, boards, definitions, documents, downtime, impact,
    bedside, offline, ready, sites, storage, shipments, temperature, trail, unlocking, watch,
)  # fmt: skip


def register(app: Flask, installation: Installation) -> None:
    """Mount the pages on the application: sessions, forms against forgery, both languages, headers, error pages."""
    app.static_url_path = "/static"  # where Bootstrap-Flask puts its files; the pages have their own folder
    app.config.update(
        BOOTSTRAP_SERVE_LOCAL=True,
        SESSION_COOKIE_NAME="cellbank",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_SECURE=installation.config.secure_cookies,
        SEND_FILE_MAX_AGE_DEFAULT=24 * 3600,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a form may lie half-filled over lunch
        WTF_CSRF_SSL_STRICT=True,
        BABEL_DEFAULT_LOCALE=installation.config.language,
        BABEL_DEFAULT_TIMEZONE=str(installation.config.timezone),
        BABEL_TRANSLATION_DIRECTORIES=str(shell.TRANSLATIONS),
    )
    assert isinstance(app.json, DefaultJSONProvider)
    app.json.ensure_ascii = False
    Bootstrap5(app)
    Babel(app, locale_selector=shell.language)
    logins = LoginManager(app)
    logins.user_loader(session.load)
    app.before_request(temperature.allow_a_large_file)
    # The idle lock asks before the forgery check does: a form posted by a locked session is carried over, not lost.
    app.before_request(session.guard)
    csrf = CSRFProtect(app)
    app.register_blueprint(blueprint)
    csrf.exempt(offline.keep_sent)  # sealed, with its own proof: no other page can make one
    shell.fit_out(app)
    app.after_request(session.keep_desk)
    app.jinja_env.globals.update(
        act_link=boards.act_link,
        button_of=release.button_of,
        act_title=lambda name: REGISTRY[name].title,
        documents_of=documents.documents_of,
        idle_minutes=session.idle_minutes,
        is_clinician=boards.is_clinician,
        is_quality=release.is_quality,
        next_step=release.next_step,
        open_words=to_sign.open_words,
        proof_link=release.proof_link,
        refused=lambda refusal: reasons.reason(refusal)["detail"],
        ways_of=release.ways_of,
        in_list=home.in_list,
        listings=home.listings,
        opened=home.opened,
        a_stop=verdict.A_STOP,
        a_stale=verdict.A_STALE,
        kept_verdict=verdict.kept_verdict,
        standing_verdict=watch.standing_verdict,
        on_its_way=watch.ON_ITS_WAY.__contains__,
        reasons_of=lambda verdict: [reasons.reason(refusal) for refusal in verdict.refusals],
        ready_verdict=release.ready_verdict,
        budget_verdict=boards.budget_verdict,
        may_look_at_identity=trail.may_look_at_identity,
        may_read_trail=trail.may_read_trail,
        svg=drawing.svg,
        block_svg=drawing.block_svg,
        trace_svg=temperature.trace_svg,
        run_svg=temperature.run_svg,
        traceable=boards.TRACEABLE.__contains__,
    )
    errors.register(app)

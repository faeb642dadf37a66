"""What every page shares: the bank, the person, the words and numbers as people read them, the headers."""

import datetime
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, g, request, session, url_for
from flask_babel import gettext
from flask_login import current_user

from cellbank.domain.actor import Actor
from cellbank.domain.entering import whole_number
from cellbank.domain.garbled import Garbled
from cellbank.domain.identifiers import ON_PAPER, printed
from cellbank.domain.phrase import SIGN, Phrase, Said
from cellbank.domain.quantities import millions
from cellbank.domain.saying import NAMES_OF_THE_CODE
from cellbank.domain.scans import read_scan
from cellbank.domain.wall import hour_on_the_wall, on_the_wall, text_on_the_wall
from cellbank.services.acts import VERSION
from cellbank.services.clinic.enrolment import assessment_to_show
from cellbank.services.installation import Installation, server_time
from cellbank.services.labels.symbols import command_drawing, linear_drawing, matrix_drawing
from cellbank.services.wording.column_words import CELLS, DAY, TIME, WORDS_OF_THE_CODE, told
from cellbank.web import icons, words
from cellbank.web.told import said_again
from cellbank.web.told import title_of as title_said

HERE = Path(__file__).parent
TRANSLATIONS = HERE / "translations"
LANGUAGES = {"en": "English", "uk": "Українська"}
CODED, NUMBER = re.compile(r"[A-Z]+(_[A-Z]+)+"), re.compile(r"-?\d+(\.\d+)?")  # a word of the code; a figure
DOOR = "web"

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def whole_installation() -> Installation:
    """The bank of this application, as it is known before anybody is: to find out who it is."""
    installation: Installation = current_app.extensions["cellbank"]
    return installation


def the_installation() -> Installation:
    """The bank of this application as the person at the screen reads it: only what is of their site."""
    actor = current_user.standing.actor if current_user.is_authenticated else None
    return whole_installation().seen_by(actor)


def the_actor() -> Actor:
    """The person who is signed in; the guard lets nobody else come this far."""
    actor: Actor = current_user.standing.actor
    return actor


def act_url(name: str, filled: Mapping[str, Any]) -> str:
    """The page of an act with these inputs filled in."""
    return url_for("web.act_page", **{**filled, "name": name})


def client() -> str:
    """Where a request came from, for the trail."""
    return request.remote_addr or "unknown"


def sent_object() -> dict[str, Any]:
    """The names and values of a JSON body; none when it is no object."""
    given = request.get_json(silent=True)
    return given if isinstance(given, dict) else {}


def page_number() -> int:
    """The page of a long list that is asked for; anything that is not a number is the first."""
    return whole_number(request.args.get("page", "1"), 6) or 1


def language() -> str:
    """The language of this session, or the site's."""
    chosen = session.get("language")
    return chosen if chosen in LANGUAGES else the_installation().config.language


def say(text: str | None) -> str:
    """A text of the code in the reader's language. Nothing stays nothing (gettext would answer with its header)."""
    return gettext(text) if text else ""


def say_reason(sentence: str) -> str:
    """A reason in the reader's language: as a whole, or, where a rule hung a second sentence on it, each part."""
    said = say(sentence)
    ends = [end.start() for end in re.finditer(r"(?<=[.?!]) ", sentence)] if said == sentence else []
    for end in reversed(ends):
        head = say(sentence[:end])
        if head != sentence[:end]:
            return f"{head} {say_reason(sentence[end + 1 :])}"
    return said


def a_fact(value: Any) -> Any:
    """What fills a sentence, in the reader's language: titles and words of the code are said, the rest stays."""
    if not isinstance(value, str):
        return value
    said = say(value)
    if said != value:
        return said
    return words.word(value).lower() if value.islower() and value.replace(" ", "").isalpha() else words.within(value)


def moment(value: datetime.datetime | None) -> str:
    """An instant on the wall of the site, with its zone: 2026-11-22 14:05 EET."""
    if value is None:
        return "–"
    return on_the_wall(value, the_installation().zone)


def clock(value: datetime.datetime) -> str:
    """The time of an instant on the wall of the site, without its date."""
    return hour_on_the_wall(value, the_installation().zone)


def cells(value: int | None) -> str:
    """A cell count as ×10⁶ with three figures."""
    return "–" if value is None else millions(value)


def plain(value: Any) -> str:
    """Any value of an answer as a person reads it."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, datetime.datetime):
        return moment(value)
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value)
    return _plain_text(str(value))


def called(name: str) -> str:
    """The name of something that an act answers: in the lab's words; a code is itself, in its groups."""
    return printed(name) if is_code(name) else words.called(name)


def measured(value: Any, name: str) -> str:
    """A value that an act answers under this name, with its unit; words of the code as words."""
    unit = told("", name).unit
    if unit == CELLS and isinstance(value, int) and not isinstance(value, bool):
        return cells(value)
    of_the_code = name in WORDS_OF_THE_CODE
    if isinstance(value, str) and (of_the_code or value in NAMES_OF_THE_CODE or CODED.fullmatch(value)):
        return words.word(value)
    said = plain(value)
    is_number = isinstance(value, int | float | Decimal) or (isinstance(value, str) and NUMBER.fullmatch(value))
    return f"{said} {gettext(unit)}" if unit and unit not in (TIME, CELLS, DAY) and is_number else said


def _plain_text(value: str) -> str:
    """A text of an answer: its ISO instants as the site's wall clock shows them, a code in its groups."""
    return printed(text_on_the_wall(value, the_installation().zone))


def phrased(line: Iterable[Phrase]) -> str:
    """The phrases of a line in the reader's language."""
    return SIGN.join(one.said(gettext, lambda name: gettext(name.capitalize()).lower(), said_again) for one in line)


def is_code(text: Any) -> bool:
    """Whether a text is a code of a record, so that it can be a link."""
    return isinstance(text, str) and 6 < len(text) <= 40 and _is_code(text)


@lru_cache(maxsize=8192)
def _is_code(text: str) -> bool:
    scan = read_scan(text)
    return not isinstance(scan, Garbled) and scan.kind not in ON_PAPER


@lru_cache(maxsize=32)
def _digest(name: str) -> str:
    return hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:10]


def asset(name: str) -> str:
    """The address of a static file of ours; it changes with the content, so that browsers may keep it."""
    return url_for("web.static", filename=name, v=_digest(name))


def add_headers(response: Response) -> Response:
    """Headers for pages. Nothing that a person saw stays in the browser of a shared station."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if whole_installation().config.secure_cookies:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint not in ("web.static", "bootstrap.static"):
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def tick() -> None:
    """The page ticks when it opens: a scan was read. What it means is a verdict, with a sound of its own."""
    g.sound = "heard"


def script_words() -> str:
    """The sentences that the scripts need, in the reader's language."""
    return json.dumps(words.for_scripts(), ensure_ascii=False)


def fit_out(app: Flask) -> None:
    """Give the templates their helpers, and every answer its headers."""
    app.after_request(add_headers)
    app.jinja_env.tests["said_by_us"] = lambda value: isinstance(value, Said)
    app.jinja_env.filters.update(
        say=say,
        told=said_again,
        titled=title_said,
        phrased=phrased,
        moment=moment,
        clock=clock,
        cells=cells,
        todays_words=assessment_to_show,
        plain=plain,
        printed=printed,
        word=words.word,
        choice=words.choice,
        called=called,
        measured=measured,
        is_code=is_code,
    )
    app.jinja_env.globals.update(
        asset=asset,
        icon=icons.icon,
        face=words.face,
        languages=LANGUAGES,
        language=language,
        script_words=script_words,
        command_drawing=command_drawing,
        linear_drawing=linear_drawing,
        matrix_drawing=matrix_drawing,
        version=VERSION,
        the_installation=the_installation,
        kind_icons=words.KIND_ICONS,
        state_words=frozenset(words.TONE_OF),
        now_iso=lambda: server_time().isoformat(),
    )

"""The scan box and the page of a record: what it is, how it stands, where it is, and what may be done next."""

from typing import Any

from flask import abort, make_response, redirect, render_template, request, session, url_for
from flask_babel import gettext

from cellbank.domain.garbled import Garbled
from cellbank.domain.scans import read_scan
from cellbank.services.finding.missing import NotHere, OtherSite, Unreadable
from cellbank.services.incidents import beside_an_answer
from cellbank.services.lookup.corrections import corrections_of
from cellbank.services.lookup.scanning import Card, Command, field_for, look_up
from cellbank.services.trail.history import PAGE, history, signatures
from cellbank.services.unreadable_scans import keep_unreadable
from cellbank.web import words
from cellbank.web.blueprint import blueprint
from cellbank.web.boards import board_of, shown_first, without_board_acts
from cellbank.web.release import board_first, without_release
from cellbank.web.session import now
from cellbank.web.shell import DOOR, act_url, client, page_number, the_actor, the_installation, tick
from cellbank.web.verdict import About, Verdict, aloud, judged

RECENT = 20  # acts on the page of a record; its history has a page of its own


@blueprint.get("/scan")
def scan() -> Any:
    """Whatever a scanner or a person typed into the scan box."""
    raw = request.args.get("code", "")
    if not raw.strip():
        return redirect(url_for("web.home"))
    try:
        found = look_up(the_installation(), the_actor(), raw)
    except Unreadable as unreadable:
        return _unknown(raw, unreadable.garbled.sentence, gettext("This scan cannot be read"))
    except NotHere as missing:
        return _not_here(raw, missing)
    if isinstance(found, Command):
        return redirect(_command_page(found))
    # what else a label says than its number is compared on the page to which it leads
    return redirect(url_for("web.record", code=found.code, scanned=raw if found.stops else 1))


def _command_page(command: Command) -> str:
    """The page of the act, with what the paper fills in or, of a command, what was scanned just before."""
    if command.filled is not None:
        return act_url(command.act.name, command.filled)
    last = session.get("last_code")
    scanned = read_scan(last) if last else None
    place = None if scanned is None or isinstance(scanned, Garbled) else field_for(command.act, scanned.kind)
    filled = {place[0]: last} if place else {}
    return act_url(command.act.name, filled)


def _not_here(raw: str, missing: NotHere) -> Any:
    if isinstance(missing, OtherSite):
        return _unknown(raw, str(missing), gettext("Of another site"), words.of_another_site(missing.site))
    return _unknown(raw, str(missing), gettext("Not known here"))


def _unknown(raw: str, sentence: str, title: str, shown: str = "") -> Any:
    """A scan that leads nowhere is kept: a series of them shows a broken scanner or a wrong keyboard layout. `shown`:
    the sentence in the reader's language, where it is not one of the code."""
    with beside_an_answer():
        keep_unreadable(the_installation(), the_actor(), raw, sentence, door=DOOR, client=client())
    aloud(Verdict(About.DONE))
    return make_response(render_template("unknown.html", raw=raw[:500], sentence=shown or sentence, title=title), 404)


@blueprint.get("/record/<code>")
def record(code: str) -> Any:
    """The page of a record. A definition bears a name and a version instead of a code, and has a page of its own."""
    if "@" in code:
        return redirect(url_for("web.definition", code=code))
    try:
        card = look_up(the_installation(), the_actor(), _scanned_of(code) or code)
    except Unreadable as unreadable:
        return _unknown(code, unreadable.garbled.sentence, gettext("This code cannot be read"))
    except NotHere as missing:
        return _not_here(code, missing)
    if isinstance(card, Command):
        return redirect(_command_page(card))
    session["last_code"] = card.code
    return _page(card, _of_scan(card) if request.args.get("scanned") else None)


def _scanned_of(code: str) -> str | None:
    """What was scanned, if it is a label of this very record."""
    raw = request.args.get("scanned", "")
    scan = read_scan(raw)
    return raw if not isinstance(scan, Garbled) and scan.code == code else None


def _of_scan(card: Card) -> Verdict | None:
    """What a scan must shout: STOP, where nothing under the label may be used any more."""
    if not card.stops:
        tick()
        return None
    return aloud(judged(About.STANDING, card.stops))


def _page(card: Card, stop: Verdict | None) -> str:
    past = history(the_installation(), card.kind, card.code, size=RECENT)
    template, board = board_of(card)
    decided_there = board_first(card)
    return render_template(
        "record.html",
        stop=stop,
        card=without_release(card) if decided_there else without_board_acts(card, template),
        board_template=template,
        board_first=decided_there or shown_first(card, template),
        board=board,
        seen_at=now(),
        history=past,
        corrections=corrections_of(the_installation(), card.kind, card.code),
        signatures=signatures(the_installation(), card.kind, card.code),
    )


@blueprint.get("/record/<code>/history")
def history_page(code: str) -> Any:
    """Everything that was done to a record, a page at a time."""
    card = look_up(the_installation(), the_actor(), code)
    if isinstance(card, Command):
        abort(404)
    number = page_number()
    past = history(the_installation(), card.kind, card.code, size=PAGE, page=number)
    return render_template(
        "history.html",
        card=card,
        history=past,
        signatures=signatures(the_installation(), card.kind, card.code),
        page=number,
        pages=max(1, -(-past.total // PAGE)),
    )

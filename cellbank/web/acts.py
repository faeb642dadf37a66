"""The one page for every act: its form, the check before it, doing it, and what came of it."""

import secrets
from typing import Any

from flask import Response, abort, make_response, redirect, render_template, request, session, url_for
from werkzeug.datastructures import MultiDict

from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.table import asks_password, is_signed, roles_for, rows_for
from cellbank.services.acts import REGISTRY, Outcome, RegisteredAct
from cellbank.services.clinic.scanned import scanned
from cellbank.services.finding.missing import NotHere, Unreadable
from cellbank.services.lookup.hints import hints_for
from cellbank.services.lookup.scanning import Card, Command, look_up
from cellbank.services.parsing import check_key
from cellbank.services.performing import outcome_of
from cellbank.services.signing.to_sign import FORESEEN
from cellbank.services.trail.history import done
from cellbank.web.attempting import SECOND_NAME, Answer, attempt
from cellbank.web.blueprint import RESUME, blueprint
from cellbank.web.forms import Filled, fields_of, rows_in
from cellbank.web.impact import preview
from cellbank.web.reading import read
from cellbank.web.reasons import is_doubted, lacks_reason, reason
from cellbank.web.release import releasable
from cellbank.web.session import asks_both
from cellbank.web.shell import say, the_actor, the_installation
from cellbank.web.to_sign import content_of, foreseen, in_order
from cellbank.web.told import said_again
from cellbank.web.uploads import NoText, uploaded
from cellbank.web.verdict import About, aloud, kept_verdict, verdict_of

IMPROBABLE = "improbable_because"


def the_act(name: str) -> RegisteredAct:
    """The act of a page, or 404."""
    registered = REGISTRY.get(name)
    if registered is None or not registered.has_page:
        abort(404)
    return registered


@blueprint.get("/act/<name>")
def act_page(name: str) -> Any:
    """The empty form, with what the address already says (`?vial=CODE`)."""
    registered = the_act(name)
    return show(registered, {key: request.args.getlist(key) for key in request.args}, Answer())


@blueprint.post("/act/<name>")
def post_act(name: str) -> Any:
    """Check, or do."""
    registered = the_act(name)
    values = {key: request.form.getlist(key) for key in request.form}
    try:
        values.update(uploaded(fields_of(registered.input)))
    except NoText as problem:
        return show(registered, values, Answer(problems=((problem.field, str(problem)),)))
    intent = request.form.get("intent", "do")
    if answered := request.form.get("answer"):
        where, _, value = answered.partition("=")
        values[where], intent = [value], "check"  # what comes of it is seen before it is done
    if intent.startswith("add:"):
        return show(registered, add_row(values, intent.removeprefix("add:")), Answer())
    answer = attempt(registered, values, dry_run=intent == "check")
    outcome = answer.outcome
    if outcome and outcome.accepted and not answer.checked:
        return finished(registered, outcome)
    # A refusal is the stored answer of its key: the next try is another request.
    spent = answer.unsigned or (outcome is not None and not answer.checked)
    return show(registered, values, answer, key=None if spent else request.form.get("key"))


def refill(posted: MultiDict[str, str], name: str) -> Any:
    """The form as it was posted, after somebody unlocked the screen."""
    return show(the_act(name), {key: posted.getlist(key) for key in posted}, Answer())


RESUME["web.post_act"] = refill


def add_row(values: dict[str, list[str]], path: str) -> dict[str, list[str]]:
    """One more empty row, for browsers without scripts."""
    numbers = rows_in(values, path) or [0]
    return {**values, f"{path}.{max(numbers) + 1}.": [""]}


def finished(registered: RegisteredAct, outcome: Outcome) -> Any:
    """Go to what came of it. A secret that is told once must be shown now, for nobody keeps it."""
    for told_once, page in (("token", "token.html"), ("handed", "handed.html")):
        if told_once in outcome.result:
            verdict = aloud(verdict_of(About.DONE, outcome))
            return render_template(page, act=registered, outcome=outcome, verdict=verdict)
    if "identity" in outcome.result:
        card = card_of(outcome.result["code"])
        return render_template("identity.html", act=registered, outcome=outcome, card=card)
    return redirect(url_for("web.done_page", number=outcome.act), 303)


@blueprint.get("/done/<int:number>")
def done_page(number: int) -> Any:
    """What came of an act: what it made, and what may be done next."""
    event = done(the_installation(), number, the_actor().id)
    if event is None:
        abort(404)
    verdict = aloud(kept_verdict(event.outcome, event.result.get("warnings", ()), say(event.title)))
    code = event.result.get("code") or event.record_code
    card = card_of(code) if code else None
    card = card and releasable(card)
    again = _again(event.name)
    scans = scanned(the_installation(), event.name, event.given)
    reasons = [{**one, "detail": said_again(one["detail"])} for one in event.refusals]
    return render_template(
        "done.html", event=event, verdict=verdict, reasons=reasons, card=card, again=again, scans=scans
    )


@blueprint.get("/outcome/<path:key>")
def outcome_page(key: str) -> Any:
    """What is true of what was sent with this key when the connection was lost: what came of it, or that it is not
    recorded."""
    check_key(key)
    outcome = outcome_of(the_installation(), the_actor(), key)
    if outcome is not None and outcome.act is not None:
        return redirect(url_for("web.done_page", number=outcome.act), 303)
    return render_template("outcome.html"), 404


def _again(name: str) -> bool:
    """Whether the same act may be offered again."""
    return name in REGISTRY and REGISTRY[name].has_page


def card_of(code: str) -> Card | None:
    """The card of a code, if it is one of a record here."""
    try:
        found = look_up(the_installation(), the_actor(), code)
    except (Unreadable, NotHere):
        return None
    return None if isinstance(found, Command) else found


def show(registered: RegisteredAct, values: dict[str, list[str]], answer: Answer, key: str | None = None) -> Response:
    """The page of an act with this in its fields."""
    fields = fields_of(registered.input)
    hints = hints_for(the_installation(), registered.name, values)
    filled = Filled(fields, {**hints.held, **values}, answer.problems)
    if answer.problems or answer.outcome:
        aloud(answer.verdict)
    allowed, card = roles_for(registered.name), _first_card(fields, values)
    what, about_it = in_order(registered.name, fields)
    checked = foreseen(registered.name, read(fields, values, the_installation().zone), the_actor())
    content = answer.content or content_of(registered.name, fields, values, the_actor(), checked)
    page = render_template(
        "act.html",
        act=registered,
        fields=fields,
        what=what,
        about_it=about_it,
        content=content,
        form=filled,
        blank_form=Filled(fields, {}),
        hints=hints,
        answer=answer,
        reasons=[reason(refusal) for refusal in answer.outcome.refusals] if answer.outcome else [],
        late_reason_needed=answer.outcome is not None and lacks_reason(answer.outcome),
        improbable=filled.value(IMPROBABLE) or (answer.outcome is not None and is_doubted(answer.outcome)),
        key=key or secrets.token_urlsafe(16),
        signed=is_signed(registered.name),
        works_it_out=registered.name in FORESEEN,
        proved=asks_password(registered.name) and not is_signed(registered.name),
        asks_both=asks_both(),
        meanings=tuple(dict.fromkeys(row.meaning.value for row in rows_for(registered.name) if row.meaning)),
        roles=sorted(role.value for role in allowed if role is not Role.SYSTEM),
        mine=bool(allowed & the_actor().roles),
        second_open=registered.second_open or not allowed & the_actor().roles or filled.value(SECOND_NAME),
        card=card,
        impact=preview(registered.name, card),
    )
    return make_response(page, answer.status)


def _first_card(fields: tuple[Any, ...], values: dict[str, list[str]]) -> Card | None:
    """The record that the form is about: that of the first scan which stands in it."""
    for item in fields:
        held = values.get(item.name) if item.kind in ("scan", "scans") else None
        first = held[0].strip().splitlines()[0] if held and held[0].strip() else ""
        if first:
            card = card_of(first)
            if card:
                session["last_code"] = card.code
            return card
    return None

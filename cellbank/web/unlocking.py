"""Two people unlock an account on one page: whoever is signed in asks for it, and the one beside them signs. Two acts,
each with its own password, as at the bed; what it takes stands in `services/people/unlocking.py`.
"""

import secrets
from typing import Any

from flask import make_response, render_template, request
from flask_babel import gettext

from cellbank.domain.lifecycle.table import roles_for
from cellbank.services.acts import Malformed, Outcome, run_act
from cellbank.services.lookup.hints import hints_for
from cellbank.services.parsing import following_key
from cellbank.services.people.unlocking import UnlockTogether
from cellbank.web.acts import card_of, finished, the_act
from cellbank.web.attempting import NOT_SIGNED, SECOND_NAME, Performer, client_of, key_of, performer
from cellbank.web.blueprint import RESUME, blueprint
from cellbank.web.forms import Filled, fields_of
from cellbank.web.reading import read
from cellbank.web.reasons import reason
from cellbank.web.session import place
from cellbank.web.shell import DOOR, client, the_actor, the_installation
from cellbank.web.told import said_again
from cellbank.web.verdict import About, aloud, verdict_of

ASKS, SIGNS = "unlock_together", "confirm_unlock"
Problems = tuple[tuple[str, str], ...]
Values = dict[str, list[str]]


@blueprint.get(f"/act/{ASKS}")
def unlock_page() -> Any:
    """The empty form, with whose account it is where the address says so."""
    return _show({key: request.args.getlist(key) for key in request.args})


@blueprint.post(f"/act/{ASKS}")
def post_unlock() -> Any:
    """Ask for it as whoever is signed in, and sign it as the other one."""
    values = {key: request.form.getlist(key) for key in request.form}
    if not (values.get(SECOND_NAME) or [""])[0].strip():
        missing = gettext("Give the sign-in name of the second person, who is here with you.")
        return _show(values, ((SECOND_NAME, missing),))
    second = performer(values, dry_run=False)
    if not second.problems and second.actor.id == the_actor().id:
        return _show(values, ((SECOND_NAME, gettext("Two people do it: this is you.")),))
    if second.problems:
        return _show(values, second.problems)
    given = read(fields_of(UnlockTogether), values, the_installation().zone)
    own = {name: (values.get(name) or [""])[0] for name in ("password", "one_time_code")}
    mine = {name: value for name, value in own.items() if value}
    if not mine.get("password"):
        return _show(values, (("password", gettext("Give your password.")),))
    try:
        asked = run_act(
            the_installation(),
            ASKS,
            {**given, **mine},
            the_actor(),
            door=DOOR,
            client=client(),
            key=key_of(values),
            place=place(),
        )
    except Malformed as malformed:
        return _show(values, tuple((one.field, said_again(one.message)) for one in malformed.problems))
    if asked.accepted:
        return _sign(values, second, given, asked)
    if all(refusal.code in NOT_SIGNED for refusal in asked.refusals):  # a mistyped password stands beside its field
        return _show(values, tuple(("password", reason(one)["detail"]) for one in asked.refusals))
    return _show(values, outcome=asked)


def _sign(values: Values, second: Performer, given: dict[str, Any], asked: Outcome) -> Any:
    """The second person's own act, on the screen of the first one, whose act stands whatever comes of this one."""
    where = client_of(second)
    key = key_of(values)
    signed = run_act(
        the_installation(),
        SIGNS,
        {"person": given["person"], **second.credentials},
        second.actor,
        door=DOOR,
        client=where,
        key=following_key(key, "second") if key else None,
        place=place(where),
        once=second.once,
    )
    return finished(the_act(SIGNS), signed) if signed.accepted else _show(values, outcome=signed, asked=asked.act)


def _show(values: Values, problems: Problems = (), outcome: Outcome | None = None, asked: int | None = None) -> Any:
    """The form, with what came of it above; `asked` is the act of the first person that stands although the second one
    was refused."""
    verdict = verdict_of(About.DONE, None if problems else outcome)
    if problems or outcome:
        aloud(verdict)
    scanned = (values.get("person") or [""])[0]
    fields = fields_of(UnlockTogether)
    named = tuple(field for field in fields if field.name in ("person", "reason"))
    page = render_template(
        "unlock_together.html",
        fields=named,
        form=Filled(fields, values, problems),
        blank_form=Filled(fields, {}),
        hints=hints_for(the_installation(), ASKS, values),
        verdict=verdict,
        problems=problems,
        outcome=outcome,
        reasons=[reason(one) for one in outcome.refusals] if outcome else [],
        card=card_of(scanned) if scanned else None,
        mine=bool(roles_for(ASKS) & the_actor().roles),
        key=secrets.token_urlsafe(16),
        asked=asked,
    )
    return make_response(page, 422 if problems else 409 if outcome else 200)


def _refill(posted: Any) -> Any:
    """The form as it was posted, after somebody unlocked the screen."""
    return _show({key: posted.getlist(key) for key in posted})


RESUME["web.post_unlock"] = _refill

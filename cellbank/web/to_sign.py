"""What is signed, on the page of every signed act; and that nothing is signed which was not on the page."""

from typing import Any

from flask_babel import gettext

from cellbank.domain.actor import Actor
from cellbank.domain.identifiers import printed
from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.table import roles_for
from cellbank.services.acts import Malformed, Outcome, run_act
from cellbank.services.signing.to_sign import ABOUT_MORE, FORESEEN, Open, ToSign, scan_fields, to_sign
from cellbank.web.forms import Field
from cellbank.web.reading import read
from cellbank.web.session import now
from cellbank.web.shell import DOOR, say, say_reason, the_installation

SEEN = "seen"  # the field in which a form says which content stood above its password
# Fields besides those for scans that say what is signed.
SAY_WHAT = {
    "make_effective": ("definition",),
    "review_trail": ("first_act", "last_act", "record"),
    "order_dose": ("infusion_number", "planned_on", "deviation_reason"),
    "correct_fact": ("what", "value", "at", "reason"),
}


def content_of(
    act: str, fields: tuple[Field, ...], values: dict[str, list[str]], reader: Actor, checked: Outcome | None = None
) -> ToSign | None:
    """What a signature would cover, by what stands in the form and by what the act would do, if it was `checked`. The
    trail is shown to those who may review it, and to those who read it."""
    if act in ABOUT_MORE and not reader.roles & (roles_for(act) | {Role.AUDITOR}):
        return None
    given = read(fields, values, the_installation().zone)
    return to_sign(the_installation(), act, given, now(), checked.result if checked and checked.accepted else None)


def foreseen(act: str, given: dict[str, Any], actor: Actor) -> Outcome | None:
    """The check of an act that works out what is signed; None for all others, and for a form that cannot be read."""
    if act not in FORESEEN:
        return None
    try:
        return run_act(the_installation(), act, given, actor, door=DOOR, dry_run=True)
    except Malformed:
        return None


def unseen_problem(content: ToSign | None, values: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Why a form cannot be signed as it was sent: its page did not show what would be signed now. The next one does."""
    seen = (values.get(SEEN) or [""])[0]
    if content is None or seen == content.seen:
        return []
    if seen:
        return [("", gettext("What you would sign has changed since this page was shown. Read it again, then sign."))]
    return [("", gettext("Read what you sign: it stands below, above the signature. Then give your password."))]


def in_order(act: str, fields: tuple[Field, ...]) -> tuple[list[Field], list[Field]]:
    """The fields of a form that say what is signed, and those that say what is decided about it."""
    first = {*scan_fields(act), *SAY_WHAT.get(act, ())}
    plain = [field for field in fields if not field.folded]
    return [one for one in plain if one.name in first], [one for one in plain if one.name not in first]


def open_words(item: Open) -> str:
    """What is open, in the reader's language."""
    facts: dict[str, Any] = {
        name: printed(value) if isinstance(value, str) and value == item.code else say(value) if value else value
        for name, value in item.facts.items()
    }
    return say_reason(item.sentence).format(**facts)

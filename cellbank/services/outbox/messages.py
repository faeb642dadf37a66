"""A message is a row, written in the act that it tells of: refused acts and dry runs write none, and none is lost."""

import uuid
from collections.abc import Iterable
from typing import Any

from cellbank.domain.handed_codes import Purpose
from cellbank.domain.messages import Template
from cellbank.records.outbox import Outbox
from cellbank.records.people import HandedCode, Person
from cellbank.records.work import Work


def tell(work: Work, person: Person, template: Template, *, also_to: Iterable[str | None] = (), **values: Any) -> None:
    """Put a message to this person into the outbox: at their address, and at others that are told the same. The act has
    judged. Nothing where messages are not set up, or nobody has an address. No secret and no patient in `values`."""
    if work.mail_from is None:
        return
    said = {"account": person.name, "person": person.full_name, "at": work.now, **_by(work, person), **values}
    domain = work.mail_from.rpartition("@")[2]
    for address in dict.fromkeys(filter(None, (person.email, *also_to))):
        work.session.add(
            Outbox(
                act_id=work.act_id,
                person_id=person.id,
                channel="email",
                address=address,
                template=template.value,
                values=_as_kept(said),
                message_id=f"{uuid.uuid4().hex}@{domain}",
            )
        )


def tell_of_recovery_code(work: Work) -> None:
    """The act was proved by a recovery code, which it has used up: its owner hears of it. Anything else that proved it
    is as usual."""
    if work.once is None or work.once.handed is None:
        return
    code = work.session.get(HandedCode, work.once.handed)
    if code is not None and code.purpose == Purpose.RECOVERY:
        tell(work, work.session.get_one(Person, work.actor.id), Template.RECOVERY_USED)
        work.session.flush()


def _by(work: Work, person: Person) -> dict[str, Any]:
    return {} if work.actor.id == person.id else {"by": work.actor.full_name}


def _as_kept(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in values.items()}

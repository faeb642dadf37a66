"""Refusals in the reader's language, with the way out."""

from typing import Any

from flask import url_for
from flask_babel import gettext

from cellbank.domain.lifecycle.table import roles_for
from cellbank.domain.refusals import Code, Refusal
from cellbank.services.acts import Outcome
from cellbank.web.shell import a_fact, say_reason, the_actor, the_installation


def lacks_reason(outcome: Outcome) -> bool:
    """Whether it is told late and does not say why."""
    return any(refusal.code is Code.LATE_REASON_NEEDED for refusal in outcome.refusals)


def is_doubted(outcome: Outcome) -> bool:
    """Whether it can hardly be, so that it is asked why it is right."""
    return any(refusal.code is Code.IMPROBABLE for refusal in outcome.refusals)


def way_out(refusal: Refusal) -> tuple[str, str] | None:
    """The address of the page on which the person themself puts right what is refused, and what to call it."""
    if refusal.code is Code.AGREEMENT_NEEDED:
        return url_for("web.agreement"), gettext("Read and accept it (in a new tab)")
    if refusal.code is Code.SECOND_FACTOR_NEEDED:
        return url_for("web.second_factor"), gettext("Set it up (in a new tab)")
    subject = refusal.facts.get("subject")
    if refusal.code is Code.DECISION_NEEDED and subject and roles_for("continue_treatment") & the_actor().roles:
        page = url_for("web.act_page", name="continue_treatment", subject=subject)
        return page, gettext("Decide (in a new tab)")
    return None


def reason(refusal: Refusal) -> dict[str, Any]:
    """A refusal in the reader's language, with its times on the wall of the site, as the label beside it has them."""
    detail = refusal.at_site(the_installation().zone).worded(say_reason(refusal.sentence), a_fact)
    return {"code": refusal.code.value, "detail": detail, "way": way_out(refusal)}

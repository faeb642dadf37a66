"""Scans that led nowhere: kept by an act, whoever scanned them."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from cellbank.domain.actor import Actor
from cellbank.domain.entering import spelled
from cellbank.domain.refusals import Code
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, act, run_act
from cellbank.services.installation import Installation


def _known_code(given: Any) -> Code:
    """A code of a refusal. The codes are not listed: a program gives it, and there are more than a hundred."""
    try:
        return Code(given)
    except ValueError:
        raise ValueError("must be the code of a refusal, such as WRONG_KIND") from None


KnownCode = Annotated[Code, BeforeValidator(_known_code)]


class ReportUnreadableScan(ActInput):
    """Keep a scan that led nowhere."""

    raw: str = Field(title="What the scanner sent", max_length=500)
    reason: str = Field(title="Why it could not be read or used", max_length=500)
    reason_code: KnownCode | None = Field(
        default=None, title="What stopped it", description="Empty: it could not be read."
    )


@act(ReportUnreadableScan, area="lookup", stage="Scanner", is_page=False)
def report_unreadable_scan(work: Work, given: ReportUnreadableScan) -> None:
    """Keep the raw string: a series of them shows a broken scanner, a bad ribbon or a wrong keyboard layout."""
    work.judge()


def keep_unreadable(
    installation: Installation,
    actor: Actor,
    raw: str,
    reason: str,
    *,
    door: str,
    code: Code | None = None,
    key: str | None = None,
    client: str | None = None,
) -> None:
    """Keep a scan that led nowhere, whoever scanned it. Characters that no database can hold are written as escapes. It
    raises where the database cannot write now: whoever answers a scan keeps it `beside_an_answer`."""
    given = {"raw": spelled(raw)[:500], "reason": reason[:500], "reason_code": code}
    run_act(installation, "report_unreadable_scan", given, actor, door=door, key=key, client=client)

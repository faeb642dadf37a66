"""Printing downtime forms: all doses of a day with one click, blank ones, the bedside sheet with every dose label."""

import datetime
import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, text

from cellbank.domain.identifiers import Form
from cellbank.outside.printers import PrinterProblem
from cellbank.services.documents.document_printing import render_unissued_together
from cellbank.services.documents.downtime_forms import SHEETS, blank_paper, downtime_paper
from cellbank.services.documents.papers import snapshot
from cellbank.services.installation import Installation, at_site, server_time
from cellbank.services.labels.label_printing import WITH_LABELS
from cellbank.services.site_words import site_words
from cellbank.services.wording.values import clock

log = logging.getLogger("cellbank.forms")

_DAY = text(
    f"""SELECT d.code, d.state, d.infusion_number, d.day, d.planned_on, s.trial_number, l.code AS lot
         FROM dose d JOIN subject s ON s.id = d.subject_id JOIN lot l ON l.id = d.lot_id
        WHERE d.planned_on = :day AND d.state NOT IN ('CANCELLED', 'DISCARDED', 'INFUSED', 'RECONCILED')
          AND {at_site("s.site_id")} ORDER BY s.trial_number, d.id"""
)


def doses_of(installation: Installation, day: datetime.date) -> tuple[RowMapping, ...]:
    """The doses that are planned for a day and not given yet, at the site that is looked at."""
    with installation.reads.connect() as connection:
        return tuple(connection.execute(_DAY, {"day": day, "site": installation.site}).mappings())


def forms_of_day(installation: Installation, day: datetime.date, by: str) -> bytes | None:
    """One PDF with the forms of every dose of the day; None when there is none."""
    codes = [dose["code"] for dose in doses_of(installation, day)]
    return forms_of(installation, codes, by=by) if codes else None


def blank_forms(installation: Installation, by: str) -> bytes:
    """The three forms without a dose."""
    with snapshot(installation.engine) as connection:
        site_id = (
            installation.reader.site_id if installation.reader else 1
        )  # the installation itself is of the first site
        paper = blank_paper(connection, site_id, site_words(installation.config.language))
    return render_unissued_together([paper], _edition(installation, by))


def forms_of(
    installation: Installation, codes: Sequence[str], sheets: Sequence[Form] = SHEETS, *, by: str = ""
) -> bytes:
    """One PDF with these sheets of these doses, which exist."""
    say = site_words(installation.config.language)
    with snapshot(installation.engine) as connection:
        papers = [paper for code in codes if (paper := downtime_paper(connection, code, say, sheets))]
    return render_unissued_together(papers, _edition(installation, by))


def _edition(installation: Installation, by: str = "") -> str:
    """When the sheet was printed: what changed since is not on it."""
    say = site_words(installation.config.language)
    at = clock(installation.zone)(server_time())
    return say("Printed {time} by {person}").format(time=at, person=by) if by else say("Printed {time}").format(time=at)


def _with_label(installation: Installation, codes: Sequence[str], job: str) -> dict[str, Any]:
    """Send the bedside sheet with the dose label. The act stands already: what goes wrong is told, never raised."""
    if installation.form_printer is None:
        return {}
    try:
        installation.form_printer.send(forms_of(installation, codes, (Form.BEDSIDE,)), job)
    except PrinterProblem as problem:
        log.warning("the form of %s was not printed: %s", job, problem)
        failed = str(problem)
    except Exception:
        log.exception("the form of %s was not printed", job)
        failed = "The form was not printed by an error of the program; the log has it."
    else:
        return {}
    return {"form_not_printed": f"{failed} Print the downtime form from the page of the dose."}


WITH_LABELS["dose"] = _with_label

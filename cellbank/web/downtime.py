"""Downtime forms: the sheets of the doses of a day, printed before they are needed."""

import datetime
from typing import Any

from flask import Response, abort, render_template
from flask_babel import gettext

from cellbank.services.documents.downtime_printing import blank_forms, doses_of, forms_of, forms_of_day
from cellbank.services.lookup.boards import dose_board
from cellbank.web.blueprint import blueprint
from cellbank.web.session import now
from cellbank.web.shell import the_actor, the_installation

DAYS = 7  # that the page looks ahead: a long weekend, printed on Thursday


@blueprint.get("/downtime")
def downtime() -> str:
    """The doses of the coming days, each day with its forms in one click; and blank ones."""
    today = now().astimezone(the_installation().zone).date()
    days = [today + datetime.timedelta(days=ahead) for ahead in range(DAYS)]
    names = {today: gettext("Today"), days[1]: gettext("Tomorrow")}
    planned = [(day, names.get(day, ""), doses_of(the_installation(), day)) for day in days]
    return render_template("downtime.html", planned=[one for one in planned if one[2] or one[1]], now=now())


@blueprint.get("/downtime/<day>.pdf")
def downtime_pdf(day: str) -> Any:
    """All forms of a day, or `blank`."""
    name = the_actor().full_name
    if day == "blank":
        return _file(blank_forms(the_installation(), name), "downtime-forms-blank.pdf")
    try:
        on = datetime.date.fromisoformat(day)
    except ValueError:
        abort(404)
    pdf = forms_of_day(the_installation(), on, name)
    return _file(pdf, f"downtime-forms-{on}.pdf") if pdf else abort(404)


@blueprint.get("/doses/<code>/downtime.pdf")
def dose_forms_pdf(code: str) -> Any:
    """The forms of one dose."""
    if dose_board(the_installation(), code) is None:
        abort(404)
    return _file(forms_of(the_installation(), [code], by=the_actor().full_name), f"downtime-forms-{code}.pdf")


def _file(pdf: bytes, name: str) -> Response:
    return Response(pdf, mimetype="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}"'})

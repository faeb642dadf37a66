"""What a stop would touch, as a page; and the recall list to print and to take along."""

from typing import Any

from flask import Response, render_template

from cellbank.services.acts import REGISTRY
from cellbank.services.documents.recall_document import recall_csv
from cellbank.services.lookup.scanning import Card
from cellbank.services.quality.impact import Impact, impact, vials_touched
from cellbank.web.blueprint import blueprint
from cellbank.web.shell import page_number, the_installation


def preview(act: str, card: Card | None) -> Impact | None:
    """What the act of a form would touch, once the form says what it is about."""
    if card is None or REGISTRY[act].previews != card.kind:
        return None
    return impact(the_installation(), card.code)


@blueprint.get("/impact/<code>")
def impact_page(code: str) -> Any:
    """Every vial, dose and subject that a stop of this record touches."""
    number = page_number()
    found = impact(the_installation(), code)
    vials = vials_touched(the_installation(), code, number)
    return render_template("impact.html", impact=found, vials=vials, page=number)


@blueprint.get("/lots/<code>/recall.csv")
def recall_table(code: str) -> Any:
    """The recall list of a lot for a spreadsheet."""
    content = recall_csv(the_installation(), code)
    headers = {"Content-Disposition": f'attachment; filename="recall-{code}.csv"'}
    return Response(content, mimetype="text/csv", headers=headers)

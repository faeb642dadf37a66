"""Reads about stopping a lot: what it would touch, and the recall list."""

from flask import Response, jsonify

from cellbank.api.door import blueprint, the_installation
from cellbank.services.documents.issuing import unissued_file
from cellbank.services.documents.recall_document import recall_csv
from cellbank.services.quality.impact import impact


@blueprint.get("/impact/<path:raw>")
def touched(raw: str) -> Response:
    """What a stop would touch: lots, vials by state and place, doses, subjects."""
    return jsonify(impact(the_installation(), raw).as_json())


@blueprint.get("/lots/<path:raw>/recall.csv")
def recall_table(raw: str) -> Response:
    """The recall list of a lot: a line for each lot, dose and vial."""
    return Response(recall_csv(the_installation(), raw), mimetype="text/csv")


@blueprint.get("/lots/<path:raw>/recall.pdf")
def recall_pdf(raw: str) -> Response:
    """The recall list of a lot on paper."""
    return Response(unissued_file(the_installation(), "recall_list", raw), mimetype="application/pdf")

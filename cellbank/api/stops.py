"""Reads about stopping a lot: what it would touch, and the recall list."""

from flask import Response, jsonify

from cellbank.api.described import CSV, Described, described, file_of
from cellbank.api.door import the_installation
from cellbank.services.documents.issuing import unissued_file
from cellbank.services.documents.recall_document import recall_csv as table_of
from cellbank.services.quality.impact import impact as impact_of


@described("/impact/<path:code>", Described("lots, vials by state and place, doses"))
def impact(code: str) -> Response:
    """What a stop of a lot, donor, reagent or storage unit would touch: vials, doses, subjects."""
    return jsonify(impact_of(the_installation(), code).as_json())


@described("/lots/<path:code>/recall.csv", file_of("the list as a table", CSV))
def recall_csv(code: str) -> Response:
    """The recall list of a lot: a line for each lot, dose and vial."""
    return Response(table_of(the_installation(), code), mimetype="text/csv")


@described("/lots/<path:code>/recall.pdf", file_of("the list to print"))
def recall_pdf(code: str) -> Response:
    """The recall list of a lot on paper."""
    return Response(unissued_file(the_installation(), "recall_list", code), mimetype="application/pdf")

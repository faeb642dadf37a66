"""Reads: a scan, a trace, labels and documents, and the description of the API itself."""

from flask import Response, jsonify

from cellbank.api.described import Described, described, file_of
from cellbank.api.description import describe
from cellbank.api.door import blueprint, the_actor, the_installation
from cellbank.api.problems import problem
from cellbank.records.base import as_json
from cellbank.services.documents.issuing import NotAsIssued, issued_file, unissued_file
from cellbank.services.documents.record_export import export
from cellbank.services.finding.missing import NotHere, Unreadable
from cellbank.services.incidents import beside_an_answer
from cellbank.services.installation import server_time
from cellbank.services.labels import label_printing
from cellbank.services.lookup import tracing
from cellbank.services.lookup.scanning import Card, Command, look_up
from cellbank.services.shipping.shipment_board import shipment_board
from cellbank.services.unreadable_scans import keep_unreadable


@blueprint.errorhandler(Unreadable)
def on_unreadable(error: Unreadable) -> Response:
    """A code in an address that cannot be read, on whichever read."""
    sentence = error.garbled.sentence
    return problem(422, sentence, problems=[{"field": "code", "message": sentence}])


@blueprint.errorhandler(NotHere)
def on_not_here(error: NotHere) -> Response:
    """A code in an address of which there is nothing here."""
    return problem(404, str(error))


@described("/scan/<path:code>", Described("what it is", {"$ref": "#/components/schemas/Card"}))
def scan(code: str) -> Response:
    """What a code is, its state, where it is, and the acts allowed next to this person."""
    try:
        found = look_up(the_installation(), the_actor(), code)
    except Unreadable as error:
        with beside_an_answer():
            keep_unreadable(the_installation(), the_actor(), code, error.garbled.sentence, door="api")
        listed = [{"field": "code", "message": error.garbled.sentence}]
        return problem(422, error.garbled.sentence, problems=listed, reason=error.garbled.reason.value)
    except NotHere as error:
        with beside_an_answer():
            keep_unreadable(the_installation(), the_actor(), code, str(error), door="api")
        return problem(404, str(error))
    if isinstance(found, Command):
        told = {"kind": "command", "act": found.act.name, "title": found.act.title}
        return jsonify({**told, **({"filled": dict(found.filled)} if found.filled else {})})
    return jsonify(found.as_json())


@described("/trace/<path:code>", Described("the lineage"))
def trace(code: str) -> Response:
    """All that a code came from and all that came of it."""
    return jsonify(tracing.trace(the_installation(), code).as_json())


@described(
    "/printings/<int:id>.pdf",
    file_of("the labels, one a page at its own size", conflict="the labels cannot be made any more"),
)
def printing(id: int) -> Response:
    """The labels of a printing, byte for byte as they went to the printer."""
    try:
        pdf = label_printing.pdf_of(the_installation(), id)
    except label_printing.NoSuchPrinting as error:
        return problem(404, str(error))
    except label_printing.NotPrintable as error:
        return problem(409, str(error))
    return Response(pdf, mimetype="application/pdf")


@described("/doses/<path:code>/chain.pdf", file_of("the same bytes as long as the record stays the same"))
def chain_of_a_dose(code: str) -> Response:
    """The chain of identity and custody of a dose as PDF: every act, person, time and signature."""
    return Response(unissued_file(the_installation(), "chain", code), mimetype="application/pdf")


@described(
    "/documents/<path:code>.pdf",
    file_of(
        "the document; a copy laid out by another version says so", conflict="what is stored is not what was issued"
    ),
)
def document(code: str) -> Response:
    """An issued document, by its own code: the same bytes whenever it is asked for."""
    try:
        found = issued_file(the_installation(), code)
    except NotAsIssued as error:
        return problem(409, str(error))
    return Response(found.pdf, mimetype="application/pdf")


@described("/records/<path:code>", Described("the record"))
def record(code: str) -> Response:
    """Any record with its signatures, valid or void, and every act on it."""
    return Response(as_json(export(the_installation(), code).as_data()), mimetype="application/json")


@described("/shipments/<path:code>", Described("the shipment with its vials by position"))
def shipment(code: str) -> Response:
    """A shipment: what travels at which position, who had it in hand, what was found, and what still stops it."""
    found = look_up(the_installation(), the_actor(), code)
    board = shipment_board(the_installation(), found.code, server_time()) if isinstance(found, Card) else None
    if board is None:
        raise NotHere("shipment", code)
    return Response(as_json(board.as_data()), mimetype="application/json")


@described("/openapi.json", Described("OpenAPI 3.1", is_open=True))
def openapi() -> Response:
    """The description of this API, made from the same models that read its input."""
    return jsonify(describe())

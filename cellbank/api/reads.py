"""Reads: a scan, a trace, labels and documents, and the description of the API itself."""

from flask import Response, jsonify

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


@blueprint.get("/scan/<path:raw>")
def scan(raw: str) -> Response:
    """What a code is, its state, where it is, and the acts allowed next to this person."""
    try:
        found = look_up(the_installation(), the_actor(), raw)
    except Unreadable as error:
        with beside_an_answer():
            keep_unreadable(the_installation(), the_actor(), raw, error.garbled.sentence, door="api")
        listed = [{"field": "code", "message": error.garbled.sentence}]
        return problem(422, error.garbled.sentence, problems=listed, reason=error.garbled.reason.value)
    except NotHere as error:
        with beside_an_answer():
            keep_unreadable(the_installation(), the_actor(), raw, str(error), door="api")
        return problem(404, str(error))
    if isinstance(found, Command):
        told = {"kind": "command", "act": found.act.name, "title": found.act.title}
        return jsonify({**told, **({"filled": dict(found.filled)} if found.filled else {})})
    return jsonify(found.as_json())


@blueprint.get("/trace/<path:raw>")
def trace(raw: str) -> Response:
    """All that a code came from and all that came of it."""
    return jsonify(tracing.trace(the_installation(), raw).as_json())


@blueprint.get("/printings/<int:printing_id>.pdf")
def printing(printing_id: int) -> Response:
    """The labels of a printing, byte for byte as they went to the printer."""
    try:
        pdf = label_printing.pdf_of(the_installation(), printing_id)
    except label_printing.NoSuchPrinting as error:
        return problem(404, str(error))
    except label_printing.NotPrintable as error:
        return problem(409, str(error))
    return Response(pdf, mimetype="application/pdf")


@blueprint.get("/doses/<path:raw>/chain.pdf")
def chain(raw: str) -> Response:
    """The chain of identity and custody of a dose."""
    return Response(unissued_file(the_installation(), "chain", raw), mimetype="application/pdf")


@blueprint.get("/documents/<path:raw>.pdf")
def document(raw: str) -> Response:
    """An issued document, printed again from what it says."""
    try:
        found = issued_file(the_installation(), raw)
    except NotAsIssued as error:
        return problem(409, str(error))
    return Response(found.pdf, mimetype="application/pdf")


@blueprint.get("/records/<path:raw>")
def record(raw: str) -> Response:
    """Any record with its signatures and its history."""
    return Response(as_json(export(the_installation(), raw).as_data()), mimetype="application/json")


@blueprint.get("/shipments/<path:raw>")
def shipment(raw: str) -> Response:
    """A shipment: what travels at which position, who had it in hand, what was found, and what still stops it."""
    found = look_up(the_installation(), the_actor(), raw)
    board = shipment_board(the_installation(), found.code, server_time()) if isinstance(found, Card) else None
    if board is None:
        raise NotHere("shipment", raw)
    return Response(as_json(board.as_data()), mimetype="application/json")


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """The description of this API, made from the same models that read its input."""
    return jsonify(describe())

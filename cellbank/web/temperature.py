"""Temperature on the pages: the boards of probes and excursions, the trace as PDF, the upload of a logger's file."""

from typing import Any

from flask import Response, abort, jsonify, request
from flask_babel import gettext
from markupsafe import Markup

from cellbank.domain.lifecycle.table import roles_for
from cellbank.domain.wall import span_on_the_wall
from cellbank.outside.drawing_pdf import drawings_pdf
from cellbank.services.lookup.scanning import Card
from cellbank.services.temperature import run_board as runs
from cellbank.services.temperature import temperature_chart as charts
from cellbank.services.temperature.logger_files import LARGEST, TooLarge, keep, progress
from cellbank.services.temperature.temperature_board import excursion_board, probe_board
from cellbank.web.acts import card_of
from cellbank.web.blueprint import blueprint
from cellbank.web.drawing import svg
from cellbank.web.session import now
from cellbank.web.shell import the_actor, the_installation


def board_of_probe(card: Card) -> Any:
    """What the page of a probe shows."""
    return probe_board(the_installation(), card.code, request.args.get("period", "week"), now())


def board_of_excursion(card: Card) -> Any:
    """What the page of an excursion shows."""
    return excursion_board(the_installation(), card.code, now())


def trace_svg(chart: charts.Chart, title: str) -> Markup:
    """The picture of a trace, in the reader's language."""
    return svg(charts.drawing_of(chart, gettext("Temperature of %(what)s", what=title)), kind="trace")


def run_svg(chart: runs.RunChart, title: str) -> Markup:
    """The picture of a freezing run, in the reader's language."""
    return svg(runs.drawing_of(chart, gettext("Freezing run and band: %(what)s", what=title)), kind="trace")


@blueprint.get("/probes/<code>/trace.pdf")
def trace_pdf(code: str) -> Response:
    """The picture of a trace as a document."""
    card = card_of(code)
    board = board_of_probe(card) if card and card.kind == "probe" else None
    if card is None or board is None or board.chart is None:
        abort(404)
    chart, zone = board.chart, the_installation().zone
    span = span_on_the_wall(chart.since, chart.until, zone)
    limits = ", ".join(f"{name} > {celsius:g} °C" for name, celsius in chart.limits)
    content = drawings_pdf([charts.drawing_of(chart, f"{card.title} · {card.code}")], [span, limits])
    headers = {"Content-Disposition": f'inline; filename="trace-{code}.pdf"'}
    return Response(content, mimetype="application/pdf", headers=headers)


@blueprint.get("/freezing-runs/<code>/run.pdf")
def run_pdf(code: str) -> Response:
    """The picture of a freezing run as a document."""
    card = card_of(code)
    board = runs.run_board(the_installation(), card.code) if card and card.kind == "freezer_run" else None
    if card is None or board is None:
        abort(404)
    facts = dict(card.facts)
    told = [f"{name}: {facts[name]}" for name in ("Program", "Began", "Found", "sha256 of the file")]
    content = drawings_pdf([runs.drawing_of(board.chart, f"{card.title} · {card.code}")], told)
    headers = {"Content-Disposition": f'inline; filename="run-{code}.pdf"'}
    return Response(content, mimetype="application/pdf", headers=headers)


def allow_a_large_file() -> None:
    """A logger's file may be larger than a form; asked before anything looks at the body."""
    if request.endpoint == "web.upload_readings":
        request.max_content_length = LARGEST


@blueprint.post("/readings/upload")
def upload_readings() -> Any:
    """A logger's file as the body of the request, kept until an act imports it; answers its sha256."""
    if not roles_for("import_readings") & the_actor().roles:
        abort(403)
    try:
        return jsonify({"sha256": keep(the_installation().config.data, request.stream)})
    except TooLarge as problem:
        return jsonify({"problem": str(problem)}), 413


@blueprint.get("/readings/progress/<sha256>")
def readings_progress(sha256: str) -> Any:
    """How far the import of a file is, from 0 to 1; null when nobody reads it."""
    if len(sha256) != 64 or not sha256.isalnum():
        abort(404)
    return jsonify({"part": progress(the_installation().config.data, sha256)})

"""The hand-made part of a record's page: box map, release board, calendar, dose; and the trees around them."""

import secrets
from typing import Any

from flask import Response, abort, render_template, url_for

from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.rules.warming import Budget, warming_refusals
from cellbank.services.clinic.treatment import undecided
from cellbank.services.documents.issuing import unissued_file
from cellbank.services.labels.label_printing import NoSuchPrinting, NotPrintable, pdf_of
from cellbank.services.lookup.boards import calendar, dose_board, labels_of
from cellbank.services.lookup.scanning import Card, NextAct
from cellbank.services.lookup.tracing import trace
from cellbank.services.quality.deviation_board import deviation_board
from cellbank.services.quality.notice_board import notice_board
from cellbank.services.storage.box_map import box_map, storage_tree
from cellbank.services.storage.stock_counts import count_board
from cellbank.services.storage.warming import warming_of
from cellbank.services.temperature.exposure import thermal_life
from cellbank.services.temperature.run_board import run_board
from cellbank.web.blueprint import blueprint
from cellbank.web.documents import issue_of
from cellbank.web.family import drawing_of, layout_of
from cellbank.web.release import board_of_lot
from cellbank.web.session import now
from cellbank.web.shell import act_url, the_actor, the_installation
from cellbank.web.temperature import board_of_excursion, board_of_probe
from cellbank.web.verdict import About, Verdict, judged

TRACEABLE = {"donor", "donation", "reagent_lot", "culture", "lot", "vial", "dose", "subject"}
LABELLED = {"donation", "culture", "lot", "vial", "storage_unit", "subject"}


def board_of(card: Card) -> tuple[str | None, Any]:
    """The template that a kind of record has for itself, and what it shows."""
    installation = the_installation()
    if card.kind == "storage_unit":
        found = box_map(installation, card.code, now())
        return ("boards/box.html", found) if found else ("boards/units.html", storage_tree(installation))
    if card.kind == "lot":
        return "boards/lot.html", {"board": board_of_lot(card.code), "printed": labels_of(installation, card.code)}
    if card.kind == "subject":
        return "boards/subject.html", {
            "calendar": calendar(installation, card.code, now()),
            "printed": labels_of(installation, card.code),
            "undecided": undecided(installation, card.code),
        }
    if card.kind == "dose":
        return "boards/dose.html", dose_board(installation, card.code)
    if card.kind == "deviation":
        return "boards/deviation.html", deviation_board(installation, card.code, now())
    if card.kind == "document_issue":
        return "boards/document.html", issue_of(card)
    if card.kind == "vial":
        return "boards/vial.html", {
            "warming": warming_of(installation, card.code),
            "life": thermal_life(installation, card.code),
            "printed": labels_of(installation, card.code),
        }
    if card.kind == "probe":
        return "boards/probe.html", board_of_probe(card)
    if card.kind == "excursion":
        return "boards/excursion.html", board_of_excursion(card)
    if card.kind == "shipment":
        return "boards/shipment.html", {"printed": labels_of(installation, card.code)}
    if card.kind == "freezer_run":
        return "boards/freezer_run.html", run_board(installation, card.code)
    if card.kind == "stock_count":
        return "boards/count.html", count_board(installation, card.code)
    if card.kind == "recall_notice":
        return "boards/notice.html", {"notice": notice_board(installation, card.code), "key": secrets.token_urlsafe(16)}
    if card.kind in LABELLED:
        return "boards/labels.html", {"printed": labels_of(installation, card.code)}
    return None, None


def budget_verdict(vial: str, spent: Budget) -> Verdict:
    """Whether a vial is within its limits out of the cold."""
    return judged(About.READY, warming_refusals(vial, spent))


# A box has buttons of its own for them, beside its map.
AT_THE_MAP = {"store_vials", "rescan_box", "count_box", "reconcile_rack"}
NEEDS_POSITIONS = AT_THE_MAP | {"move_vial", "return_vial"}


def shown_first(card: Card, template: str | None) -> bool:
    """Whether the hand-made part stands above the next acts: who opens a box wants to see what is in it."""
    return template == "boards/box.html" or card.kind in ("document_issue", "recall_notice")


def without_board_acts(card: Card, template: str | None) -> Card:
    """The card without what is done on the hand-made part of its page: at the map of a box, or that needs one; and the
    answers to a notice."""
    if card.kind not in ("storage_unit", "recall_notice"):
        return card
    at_map = AT_THE_MAP if template == "boards/box.html" else NEEDS_POSITIONS
    elsewhere = at_map if card.kind == "storage_unit" else {"answer_notice"}
    return card.without(elsewhere)


def act_link(card: Card, item: NextAct) -> str:
    """Where the button of a next act leads: its page with the record filled in; checks of a dose go to the bedside, a
    notice is answered on its own page."""
    if item.name == "check_dose":
        return url_for("web.bedside", dose=card.code)
    if item.name == "answer_notice":
        return url_for("web.record", code=card.code)
    return act_url(item.name, {item.field: card.code})


def is_clinician() -> bool:
    """Whether the bedside is this person's work."""
    return Role.CLINICIAN in the_actor().roles


@blueprint.get("/trace/<code>")
def trace_page(code: str) -> Any:
    """The family of a record: a picture and lists, from the donor to every recipient."""
    found = trace(the_installation(), code)
    layout = layout_of(found)
    return render_template("trace.html", trace=found, drawing=drawing_of(layout), hidden=layout.hidden)


@blueprint.get("/labels/<int:number>.pdf")
def labels_pdf(number: int) -> Any:
    """The PDF of a printing, to look at."""
    try:
        content = pdf_of(the_installation(), number)
    except NoSuchPrinting:
        abort(404)
    except NotPrintable as problem:
        return render_template("error.html", code=409, sentence=str(problem), number=None), 409
    headers = {"Content-Disposition": f'inline; filename="labels-{number}.pdf"'}
    return Response(content, mimetype="application/pdf", headers=headers)


@blueprint.get("/doses/<code>/chain.pdf")
def chain_pdf(code: str) -> Any:
    """Chain of identity and custody of one dose, as a document."""
    content = unissued_file(the_installation(), "chain", code)
    headers = {"Content-Disposition": f'inline; filename="chain-{code}.pdf"'}
    return Response(content, mimetype="application/pdf", headers=headers)

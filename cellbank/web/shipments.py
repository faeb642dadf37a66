"""Shipments: their list, and the page of one, on which vials are packed and checked in by scan."""

from typing import Any

from flask import abort, jsonify, render_template, request
from flask_babel import gettext

from cellbank.domain.lifecycle.table import roles_for, rows_for
from cellbank.services.lookup.scanning import NextAct
from cellbank.services.shipping.shipment_board import ShipmentBoard, ready_shippers, shipment_board, shipments_of
from cellbank.web.acts import card_of
from cellbank.web.blueprint import blueprint
from cellbank.web.release import WayOut, button_of
from cellbank.web.session import now
from cellbank.web.shell import sent_object, the_actor, the_installation
from cellbank.web.storage import act_on_scans

PACK, CHECK_IN = "pack_vials", "check_in_vials"  # what a scan on the page of a shipment does


@blueprint.get("/shipments")
def shipments_page() -> str:
    """The shipments of the site: coming, going, and the last that are ended."""
    installation, may_order = the_installation(), bool(roles_for("order_shipment") & the_actor().roles)
    groups = shipments_of(installation)
    return render_template("shipments.html", groups=groups, may_order=may_order, all_sites=installation.site is None)


@blueprint.get("/shipments/<code>")
def shipment_page(code: str) -> Any:
    """One shipment with its next step."""
    card = card_of(code)
    chosen = request.args.get("shipper")
    board = shipment_board(the_installation(), card.code, now(), chosen) if card and card.kind == "shipment" else None
    if card is None or board is None:
        abort(404)
    first = _first(board)
    scans = board.scans if board.scans and roles_for(board.scans) & the_actor().roles else None
    return render_template(
        "shipment.html",
        card=card,
        board=board,
        first=first,
        others=[item for item in card.acts if _is_offered(item, board) and (not first or item.title != first.title)],
        scans=scans,
        expecting={line.name for line in board.to_scan} if scans == CHECK_IN else None,
        shippers=ready_shippers(the_installation(), the_actor().site_id) if scans == PACK else (),
    )


def _first(board: ShipmentBoard) -> WayOut | None:
    """The next step as a button: what still stops the acceptance before the acceptance itself."""
    if board.stops:
        ways = [button_of(stop.way) for stop in board.stops if stop.way]
        return next((way for way in ways if way.mine), ways[0] if ways else None)
    return button_of(board.next) if board.next else None


def _is_offered(item: NextAct, board: ShipmentBoard) -> bool:
    """Whether a button for this act helps here: it moves the shipment, at this site, and is not done by a scan."""
    if item.name in (PACK, CHECK_IN) or not rows_for(item.name, "shipment"):
        return False
    return board.may_try(item.name) and not (item.name == "accept_shipment" and board.stops)


@blueprint.post("/shipments/<code>/<act>")
def shipment_scan(code: str, act: str) -> Any:
    """Pack or check in the vials that the page has gathered: `{"key": …, "given": {"vials": …, "positions": …}}`."""
    sent = sent_object()
    if act not in (PACK, CHECK_IN) or not isinstance(sent.get("given"), dict):
        return jsonify(problem=gettext("This cannot be read.")), 400
    given = {"shipment": code, "vials": sent["given"].get("vials")}
    if act == PACK:
        given |= {"shipper": request.args.get("shipper"), "positions": sent["given"].get("positions")}
    return act_on_scans(act, given, sent)

"""Documents on pages: what was issued of a record, what can be issued, and the files themselves."""

from typing import Any

from flask import Response, abort, redirect, render_template, url_for

from cellbank.domain.garbled import Garbled
from cellbank.domain.lifecycle.table import roles_for
from cellbank.domain.scans import read_scan
from cellbank.records.base import as_json
from cellbank.services.documents.issuing import (
    Issued,
    NotAsIssued,
    changes_of,
    issued_file,
    issued_of,
    types_of,
    unissued_file,
)
from cellbank.services.documents.record_export import export
from cellbank.services.lookup.scanning import Card
from cellbank.web.blueprint import blueprint
from cellbank.web.shell import the_actor, the_installation

TRAIL = "trail"


def documents_of(card: Card) -> dict[str, Any]:
    """What the panel of a record's page shows: the types that it has, and every issue, by type."""
    issued: dict[str, list[Issued]] = {}
    for one in issued_of(the_installation(), card.code):
        issued.setdefault(one.type, []).append(one)
    scan = read_scan(card.code)
    types = () if isinstance(scan, Garbled) else types_of(scan.kind)
    return {"types": types, "issued": issued, "may_issue": bool(roles_for("issue_document") & the_actor().roles)}


def issue_of(card: Card) -> dict[str, Any]:
    """What the page of an issued document shows: what it says otherwise than the edition before."""
    return {"changes": changes_of(the_installation(), card.code)}


@blueprint.get("/documents/<code>.pdf")
def document_pdf(code: str) -> Any:
    """An issued document, printed again from what it says."""
    try:
        found = issued_file(the_installation(), code)
    except NotAsIssued as problem:
        return render_template("error.html", code=409, sentence=str(problem), number=None), 409
    return _file(found.pdf, found.name)


@blueprint.get("/record/<code>/<name>.pdf")
def look_pdf(code: str, name: str) -> Any:
    """A look at a document before it is issued; it says on every page that it was not."""
    scan = read_scan(code)
    if isinstance(scan, Garbled) or name not in {type_.name for type_ in types_of(scan.kind)}:
        abort(404)
    return _file(unissued_file(the_installation(), name, code), f"{name}-{code}-not-issued.pdf")


@blueprint.get("/record/<code>.pdf")
def record_pdf(code: str) -> Any:
    """The record on paper is a document, and issuing one is an act: to its page."""
    found = export(the_installation(), code)
    return redirect(url_for("web.act_page", name="issue_document", code=found.code, type=TRAIL))


@blueprint.get("/record/<code>.json")
def record_json(code: str) -> Response:
    """The record with its signatures and its history, for other programs."""
    found = export(the_installation(), code)
    headers = {"Content-Disposition": f'attachment; filename="{found.kind}-{found.code}.json"'}
    return Response(as_json(found.as_data()), mimetype="application/json", headers=headers)


def _file(pdf: bytes, name: str) -> Response:
    return Response(pdf, mimetype="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}"'})

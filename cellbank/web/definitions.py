"""The pages of definitions: one version, and what differs between two."""

from flask import abort, render_template

from cellbank.services.quality.comparison import compare_versions, definition_page
from cellbank.services.signing.definitions import readable
from cellbank.services.trail.history import history, signatures
from cellbank.web.blueprint import blueprint
from cellbank.web.shell import the_installation


@blueprint.get("/definitions/<path:code>/compare/<path:other>")
def comparison(code: str, other: str) -> str:
    """What differs from one version to another."""
    found = compare_versions(the_installation(), code, other)
    if found is None:
        abort(404)
    return render_template("comparison.html", page=found, c=found.comparison)


@blueprint.get("/definitions/<path:code>")
def definition(code: str) -> str:
    """One version: what it asks for, whether it is in force, and what it can be compared with."""
    found = definition_page(the_installation(), code)
    if found is None:
        abort(404)
    return render_template(
        "definition.html",
        page=found,
        blocks=readable(found.version.type, found.content),
        signatures=signatures(the_installation(), "definition", code),
        history=history(the_installation(), "definition", code),
    )

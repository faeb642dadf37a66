"""The page of the sites, for the administrator."""

from flask import abort, render_template

from cellbank.domain.lifecycle.table import roles_for
from cellbank.services.people.sites import list_sites
from cellbank.web.blueprint import blueprint
from cellbank.web.shell import the_actor, the_installation


@blueprint.get("/sites")
def sites_page() -> str:
    """All sites, and who works at each; for those who see all of them."""
    if not the_actor().sees_all_sites:
        abort(404)
    may_change = bool(roles_for("add_site") & the_actor().roles)
    return render_template("sites.html", sites=list_sites(the_installation()), may_change=may_change)

"""The blueprint of the pages. `RESUME` tells how a posted form is shown again after somebody unlocked the screen."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint

blueprint = Blueprint("web", __name__, template_folder="templates", static_folder="static", static_url_path="/static")

#: endpoint -> function(posted, **view_args): shows the form filled, does nothing
RESUME: dict[str, Callable[..., Any]] = {}

"""Readiness, for programs that look from outside: nobody signs in, and it tells nothing of what is kept."""

from dataclasses import asdict
from typing import Any

from flask import jsonify

from cellbank.services.readiness import not_ready
from cellbank.web.blueprint import blueprint
from cellbank.web.shell import whole_installation


@blueprint.get("/ready")
def ready() -> Any:
    """200, or 503 with each reason why not."""
    reasons = not_ready(whole_installation())
    return jsonify(ready=not reasons, reasons=[asdict(one) for one in reasons]), 503 if reasons else 200

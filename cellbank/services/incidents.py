"""A bug, for whoever meets it: a number on the page or in the answer, under which the log tells what happened."""

import logging
import secrets

log = logging.getLogger("cellbank.incident")


def log_incident(error: BaseException) -> str:
    """Write the error to the log under a new incident number; returns the number."""
    number = secrets.token_hex(4).upper()
    log.error("incident %s", number, exc_info=error)
    return number

"""The one place through which everything enters that a browser or a program sends: cleaned, and bounded.

Whatever reads a request (`request.args`, `.form`, `.get_json()`, a part of the address) gets it from here: text without
characters that cannot be stored (`domain.entering`), fields in a number that a form can have, JSON in a depth that an
input has. The bytes of a request are bounded by `MAX_CONTENT_LENGTH`; how long one field may be, its input model says.
"""

import re
from collections.abc import Callable, Collection
from typing import Any

from flask import Flask, Request, Response, request
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge, RequestURITooLarge, SecurityError
from werkzeug.http import parse_date, parse_if_range_header, parse_range_header
from werkzeug.utils import cached_property

from cellbank.domain.entering import cleaned, cleaned_all
from cellbank.services.incidents import begin_request

LONGEST_ADDRESS = 16_000  # a form that is prefilled with the vials of a full box
MOST_FIELDS = 20_000  # a thousand rows of twenty columns: nothing has more
_PORT = re.compile(r":[0-9]{1,5}$")
_WRITTEN_AS_URL = "application/x-www-form-urlencoded"


def register(app: Flask, hosts: Collection[str]) -> None:
    """Let everything that comes to this application enter here, if it was sent to one of these hosts (an IPv6 address
    in brackets, as it stands in a request)."""

    def host_is_ours() -> Response | None:
        """To another one goes one plain line, before anything is looked at. (Werkzeug's list knows no IPv6.)"""
        if _named(request) in hosts:
            return None
        return Response("This is not the name of this site: see CELLBANK_HOSTS.\n", 400, mimetype="text/plain")

    app.request_class = Entering
    app.before_request(begin_request)
    app.before_request(host_is_ours)
    app.before_request(_address_is_short)


class Entering(Request):
    """A request, as the pages and the API read it."""

    def __init__(self, environ: dict[str, Any], *more: Any, **options: Any):
        path = environ.get("PATH_INFO", "")
        environ["PATH_INFO"] = cleaned(path.encode("latin-1").decode(errors="replace")).encode().decode("latin-1")
        for name, read in _READ_BY_THE_FRAMEWORK.items():
            if name in environ and not _is_readable(environ[name], read):
                del environ[name]
        super().__init__(environ, *more, **options)

    @cached_property
    def args(self) -> MultiDict[str, str]:
        """What stands behind the question mark."""
        return _cleaned(super().args)

    def _load_form_data(self) -> None:
        if "form" in self.__dict__:
            return
        if self.mimetype == _WRITTEN_AS_URL and self.get_data().count(b"&") > MOST_FIELDS:
            raise RequestEntityTooLarge()
        super()._load_form_data()
        self.__dict__["form"] = _cleaned(self.form)

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """The JSON of the body; None, or a BadRequest, for what is none."""
        try:
            return cleaned_all(super().get_json(force, silent, cache))
        except (RecursionError, ValueError) as error:
            return None if silent else self.on_json_loading_failed(ValueError(str(error)))


# What werkzeug reads by itself, also where a file is sent, and by which function: a zone or a day that no clock shows
# is an error there. What cannot be read is as good as not sent.
_READ_BY_THE_FRAMEWORK: dict[str, Callable[[str], Any]] = {
    "HTTP_DATE": parse_date,
    "HTTP_IF_MODIFIED_SINCE": parse_date,
    "HTTP_IF_UNMODIFIED_SINCE": parse_date,
    "HTTP_IF_RANGE": parse_if_range_header,
    "HTTP_RANGE": parse_range_header,
}


def _is_readable(value: str, read: Callable[[str], Any]) -> bool:
    try:
        read(value)
    except (ValueError, ArithmeticError):
        return False
    return True


def _cleaned(given: MultiDict[str, str]) -> MultiDict[str, str]:
    return ImmutableMultiDict([(cleaned(name), cleaned(value)) for name, value in given.items(multi=True)])


def _named(request: Request) -> str:
    """The host for which a request was sent, without its port; "" for what is no host."""
    try:
        return _PORT.sub("", request.host.lower())
    except SecurityError:
        return ""


def _address_is_short() -> None:
    if len(request.path) + len(request.query_string) > LONGEST_ADDRESS:
        raise RequestURITooLarge()

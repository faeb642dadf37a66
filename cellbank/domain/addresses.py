"""Addresses of e-mail and of the server that takes it, read strictly.

What is kept of an address is ASCII: a domain in other letters stands in its IDNA form, so that a look-alike is seen as
one (`xn--…`), and nothing of it can end a line of a message.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

LONGEST = 254
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

Encryption = Literal["whole", "starttls", "none"]


def read_address(given: str) -> str:
    """One address of e-mail as it is kept: the part before the @ as typed, the domain small and in ASCII. Raises
    ValueError, with what is wrong, for anything else: a name beside it, several, letters that ASCII does not have."""
    local, at, domain = given.strip().rpartition("@")
    if not at or len(local) > 64 or not _LOCAL.fullmatch(local):
        raise ValueError("must be one address such as olena@bank.example, with ASCII letters before the @")
    try:
        domain = domain.encode("idna").decode().lower()
    except UnicodeError:
        domain = ""
    address = f"{local}@{domain}"
    if len(address) > LONGEST or not _DOMAIN.fullmatch(domain):
        raise ValueError("must have the name of a mail domain after the @, such as bank.example")
    return address


@dataclass(frozen=True)
class MailServer:
    """The server that takes our messages, and how the way there is closed: `whole` from the first byte, or by STARTTLS
    before anything is said; `none` only on this machine."""

    host: str
    port: int
    encryption: Encryption
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def read_mail_server(url: str) -> MailServer:
    """smtps://USER:PASSWORD@HOST:PORT (465), or smtp:// (587), which then asks for STARTTLS unless the host is this
    machine. Raises ValueError."""
    parts = urlsplit(url)
    known = {"smtps": 465, "smtp": 587}
    if parts.scheme not in known or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(url)
    if parts.port == 0 or (parts.password and not parts.username) or not url.isprintable():
        raise ValueError(url)
    encryption: Encryption = "whole" if parts.scheme == "smtps" else "none" if _is_here(parts.hostname) else "starttls"
    user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
    return MailServer(parts.hostname, parts.port or known[parts.scheme], encryption, user, password)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

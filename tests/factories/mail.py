"""A real mail server on this machine, which takes messages, refuses, drops and dawdles as a test asks."""

import asyncio
import dataclasses
import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cellbank.domain.addresses import MailServer
from cellbank.services.installation import Installation
from tests.ports import free_port


class Mailbox:
    """What arrived, by recipient; and how the server behaves to each of them."""

    def __init__(self) -> None:
        self.arrived: list[tuple[str, EmailMessage]] = []
        self.answers: dict[str, str] = {}  # to RCPT
        self.drops: set[str] = set()  # the connection breaks once the message is there
        self.held: dict[str, threading.Event] = {}  # the answer waits for it
        self.began = threading.Event()
        self.port = 0

    def of(self, address: str) -> list[EmailMessage]:
        """The messages to this address, the first one first."""
        return [message for recipient, message in self.arrived if recipient == address]

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        (recipient,) = envelope.rcpt_tos
        self.arrived.append((recipient, message_from_bytes(envelope.content, policy=policy.default)))
        self.began.set()
        if recipient in self.held:
            answer = self.held[recipient]
            while not answer.is_set():
                await asyncio.sleep(0.01)
        if recipient in self.drops:
            self.drops.discard(recipient)
            server.transport.abort()
        return "250 taken"


@contextmanager
def mail_server(*, closed_with: ssl.SSLContext | None = None) -> Iterator[Mailbox]:
    """The server, on a port of its own; with `closed_with` every connection is TLS from its first byte."""
    box = Mailbox()
    box.port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=box.port, ssl_context=closed_with)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


def mailing(installation: Installation, port: int, encryption: Any = "none", **settings: Any) -> Installation:
    """The bank with a mail server at this port."""
    given = {"smtp_url": MailServer("127.0.0.1", port, encryption), "mail_from": "cellbank@bank.example", **settings}
    return dataclasses.replace(installation, config=dataclasses.replace(installation.config, **given))


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS with a certificate of nobody, for 127.0.0.1 and a day; and the file by which one may trust it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
    made = made.add_extension(here, False).add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    crt, pem = folder / "mail.crt", folder / "mail.key"
    crt.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    unlocked = serialization.NoEncryption()
    pem.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unlocked))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, pem)
    return context, crt

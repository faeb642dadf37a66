"""E-mail by SMTP: one connection, one message after the other, and what became of each."""

import contextlib
import datetime
import smtplib
import ssl
from email import policy
from email.message import EmailMessage
from typing import Literal

from cellbank.domain.addresses import MailServer

SECONDS = 20  # for each answer of the server
LONGEST_DETAIL = 300


class NotDelivered(Exception):
    """A message was not taken. `outcome`: it failed and may be tried again; the address was refused for good; or it is
    unclear whether it was taken. `server`: not about this message, so the others wait as well."""

    def __init__(self, outcome: Literal["failed", "refused", "unclear"], detail: str, *, server: bool = False):
        self.outcome, self.server = outcome, server
        self.detail = "".join(sign if sign.isprintable() else " " for sign in detail)[:LONGEST_DETAIL]
        super().__init__(self.detail)


def compose(
    sender: str, recipient: str, message_id: str, subject: str, body: str, *, at: datetime.datetime
) -> EmailMessage:
    """A message of plain text, written at `at`. Raises ValueError where a header would have a second line."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"], message["To"], message["Subject"] = sender, recipient, subject
    message["Message-ID"], message["Date"] = f"<{message_id}>", at
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body, cte="quoted-printable")
    return message


class Post:
    """A connection to the mail server, opened with the first message and again after one that broke."""

    def __init__(self, server: MailServer):
        self.server = server
        self._smtp: smtplib.SMTP | None = None

    def deliver(self, sender: str, recipient: str, message: EmailMessage) -> str:
        """Hand the message over; returns what the server answered. Raises NotDelivered."""
        smtp = self._open()
        try:
            _asked(smtp.mail(sender), server=True)
            _asked(smtp.rcpt(recipient))
        except NotDelivered as refused:
            self._begin_anew(broken=refused.server)
            raise
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise NotDelivered("failed", _said(error), server=True) from error
        return self._send(smtp, message)

    def _send(self, smtp: smtplib.SMTP, message: EmailMessage) -> str:
        try:
            code, answer = smtp.data(message.as_bytes())
        except smtplib.SMTPDataError as error:  # before a byte of it was sent
            self._begin_anew()
            raise NotDelivered("failed", _said(error)) from error
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise NotDelivered("unclear", _said(error), server=True) from error
        if code != 250:
            self._begin_anew()
            raise NotDelivered("failed", f"{code} {_text(answer)}")
        return f"{code} {_text(answer)}"[:LONGEST_DETAIL]

    def _open(self) -> smtplib.SMTP:
        if self._smtp is None:
            try:
                self._smtp = self._connected()
            except (OSError, smtplib.SMTPException) as error:
                raise NotDelivered("failed", _said(error), server=True) from error
        return self._smtp

    def _connected(self) -> smtplib.SMTP:
        """Certificates are checked against those that this machine trusts (SSL_CERT_FILE adds a site's own)."""
        there, closed = self.server, ssl.create_default_context()
        if there.encryption == "whole":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(there.host, there.port, timeout=SECONDS, context=closed)
        else:
            smtp = smtplib.SMTP(there.host, there.port, timeout=SECONDS)
        try:
            if there.encryption == "starttls":
                smtp.starttls(context=closed)
            if there.user:
                smtp.login(there.user, there.password or "")
            smtp.ehlo_or_helo_if_needed()
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _begin_anew(self, *, broken: bool = False) -> None:
        """The next message begins on a clean connection."""
        if self._smtp is None or broken:
            self.close()
            return
        try:
            self._smtp.rset()
        except (OSError, smtplib.SMTPException):
            self.close()

    def close(self) -> None:
        """Say good-bye."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                smtp.quit()
            smtp.close()


def _asked(answer: tuple[int, bytes], *, server: bool = False) -> None:
    """Go on if the server agrees. What it refuses for good about a recipient is not tried again."""
    code, said = answer
    if code in (250, 251):
        return
    if code == 421:  # it closes, whoever the message is for
        raise NotDelivered("failed", f"{code} {_text(said)}", server=True)
    outcome: Literal["failed", "refused"] = "refused" if code >= 500 and not server else "failed"
    raise NotDelivered(outcome, f"{code} {_text(said)}", server=server)


def _said(error: Exception) -> str:
    """What went wrong, without what was sent: an error of a sign-in never shows the password."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return f"{type(error).__name__}: {error}"


def _text(answer: bytes | str) -> str:
    return " ".join((answer.decode(errors="replace") if isinstance(answer, bytes) else answer).split())
